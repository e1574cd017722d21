"""The arguments of `manage make field`."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis_tools.scaffolding.specifications import Specification, parse
from manage.errors import CommandError


@dataclass(frozen=True)
class FieldRequest:
    """The fields to add to a resource."""

    resource: str
    fields: Sequence[str]
    sorts: Sequence[str] = ()
    migration: bool = True

    @property
    def specifications(self) -> list[Specification]:
        """The parsed fields."""
        return [parse(text) for text in self.fields]

    @property
    def columns(self) -> list[str]:
        """Names of the new columns."""
        return [specification.column for specification in self.specifications]

    @property
    def words(self) -> str:
        """The columns in prose: "rating and slug"."""
        *others, last = self.columns
        return " and ".join([*[", ".join(others)] * bool(others), last])

    def reject_incomplete(self) -> None:
        """Reject a request without fields, and sorts by fields that the resource has already."""
        if not self.fields:
            raise CommandError(
                f"Name the fields to add, as in `manage make field {self.resource} rating:int`; to"
                " make a resource with the name field, write its first field after `make field`"
            )
        for name in self.sorts:
            if name not in self.columns:
                raise CommandError(
                    f"--sort {name}: lists can be sorted by the new fields ({self.words}); to sort"
                    f" by an existing field, add it to `sort` in the schema and an index"
                )

    def next_step(self, *, is_applied: bool) -> str:
        """Return the next step for the user."""
        if not self.migration:
            return "Write the migration with `uv run manage migrate create`."
        noun = "column" if len(self.columns) == 1 else "columns"
        if is_applied:
            return f"The local database has the {noun}."
        return f"Run `uv run manage migrate apply` to add the {noun} to the table."
