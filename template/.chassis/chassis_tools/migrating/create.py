"""The command `manage migrate create`."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import URL

from chassis_tools.migrating.difference import compare_models
from chassis_tools.migrating.native_enums import separate_labels
from chassis_tools.migrating.writing import write_migration
from manage.connection import run_on_connection
from manage.errors import CommandError


def create_migration(
    url: URL,
    message: str,
    *,
    empty: bool = False,
    allow_drop: bool = False,
    renames: Sequence[str] = (),
) -> list[Path]:
    """Write the migrations with the models' changes; return their paths.

    New labels of an enumeration are a separate migration, because no statement can use them before
    its transaction ends. Without `allow_drop`, raise CommandError if data would be lost.
    """
    if empty:
        return [write_migration(url, message, [], [])]
    difference = run_on_connection(url, partial(compare_models, renames=renames))
    if difference.losses and not allow_drop:
        raise CommandError(format_losses(difference.losses))
    for violation in difference.violations:
        print(f"Change these rows first, or the models: {violation}", file=sys.stderr)
    labels, others = separate_labels(difference.upgrade)
    paths = []
    if labels:
        paths.append(write_migration(url, f"{message} labels", labels, []))
    if others:
        paths.append(write_migration(url, message, others, difference.downgrade))
    return paths


def format_losses(losses: Sequence[str]) -> str:
    """Return the error that names the data that a migration would lose."""
    lines = [f"  - {loss}" for loss in losses]
    return "\n".join(
        [
            "No migration was written, because it",
            *lines,
            "If you renamed a column, add --rename TABLE.OLD:NEW (a table: --rename OLD:NEW). To"
            " lose this data, add --allow-drop",
        ]
    )
