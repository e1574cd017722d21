"""The interface of the project's migration tool."""

from typing import Protocol

from sqlalchemy import URL


class MigrationTool(Protocol):
    """A migration tool; the module `manage.migrations.tool` implements it.

    `report` prints each migration. A failed migration raises CommandError.
    """

    def apply_migrations(self, url: URL, *, report: bool = False) -> None:
        """Apply all pending migrations."""

    def roll_back_migrations(
        self, url: URL, *, history: str = "app", steps: int = 1, report: bool = False
    ) -> None:
        """Roll back the latest migrations of a history."""


def get_migration_tool() -> MigrationTool:
    """Return the migration tool, imported on first use because the import is slow."""
    from manage.migrations import tool

    return tool
