"""The ASGI application: `app.main:app`."""

from app.settings import get_settings

from app.application import create_app

app = create_app(get_settings())
