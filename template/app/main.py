"""The ASGI application: `app.main:app`."""

from app.core.application import create_app
from app.settings import get_settings

app = create_app(get_settings())
