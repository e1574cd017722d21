"""An invented change of the kernel: users get a column, with a kernel migration."""

from tests.support.releases import Template

# The kernel's last migrations, which this one follows.
ALEMBIC, DBMATE = "core_0001", "0003"
COLUMN = '    locale: Mapped[str] = mapped_column(String(10), server_default="en")\n'
ANCHOR = "    # Your columns follow.\n"

REVISION = f'''\
"""Add the language that users read."""

import sqlalchemy as sa
from alembic import op

revision = "core_0002"
down_revision = "{ALEMBIC}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("locale", sa.String(10), server_default="en", nullable=False)
    op.add_column("users", column)


def downgrade() -> None:
    op.drop_column("users", "locale")
'''
SQL = """\
-- migrate:up
ALTER TABLE users ADD COLUMN locale varchar(10) DEFAULT 'en' NOT NULL;

-- migrate:down
ALTER TABLE users DROP COLUMN locale;
"""


def add_locale(template: Template) -> None:
    """Add the column to the model, and a migration for each tool."""
    template.edit("{{ at.user.models }}.py", ANCHOR, COLUMN + ANCHOR)
    core = template.path / "template" / "migrations" / "core"
    (core / "{% if has_alembic %}0002_add_locale.py{% endif %}").write_text(REVISION)
    (core / f"{{% if has_dbmate %}}{DBMATE}_add_locale.sql{{% endif %}}").write_text(SQL)
