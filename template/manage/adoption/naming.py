"""What the columns of tables that are there are called in models and in the API."""

from manage.inspection.fields import TIMESTAMPS
from manage.inspection.naming import field_name
from manage.inspection.tables import Table

# Types and functions in the bodies of models and schemas.
SHADOWING = {"conv", "date", "datetime", "text", "time", "timedelta", "uuid7"}


def attributes_of(table: Table) -> dict[str, str]:
    """The attribute of each column: `id` for the key, whatever the table calls it."""
    found: dict[str, str] = {}
    for place, column in enumerate(table.columns):
        if table.key and table.key.columns == (column.name,):
            found[column.name] = "id"
            continue
        name = field_name(column.name, is_kept=column.name in TIMESTAMPS) or f"column_{place + 1}"
        name = f"{name}_value" if name in SHADOWING else name
        taken = sum(name == other for other in found.values())
        found[column.name] = f"{name}_{place + 1}" if taken else name
    return found
