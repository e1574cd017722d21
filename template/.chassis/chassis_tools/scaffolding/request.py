"""The arguments of `manage make`."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from chassis_tools.scaffolding.names import derive_names


@dataclass(frozen=True)
class MakeRequest:
    """The arguments of `manage make`."""

    name: str
    fields: Sequence[str] = ()
    plural: str | None = None
    sorts: Sequence[str] = ()
    owned: bool = False
    soft_delete: bool = False
    read_public: bool = False
    migration: bool = True
    routes: bool = True
    write: str | None = None
    child_of: str | None = None

    @classmethod
    def parse(cls, command: str) -> "MakeRequest":
        """Return the request with this command line; the inverse of `command`."""
        _, _, name, *words = shlex.split(command)
        values = {
            option: words.pop(words.index(option) + 1)
            for option in ("--plural", "--write", "--child-of")
            if option in words
        }
        options = {word for word in words if word.startswith("--")}
        return cls(
            name,
            [word for word in words if word not in options],
            values.get("--plural"),
            [word.removeprefix("--sort=") for word in words if word.startswith("--sort=")],
            owned="--owned" in options,
            soft_delete="--soft-delete" in options,
            read_public="--read-public" in options,
            migration="--no-migration" not in options,
            routes="--no-routes" not in options,
            write=values.get("--write"),
            child_of=values.get("--child-of"),
        )

    @property
    def has_routes(self) -> bool:
        """True if the resource has a service and routes; a child is written with its parent."""
        return self.routes and self.child_of is None

    @property
    def command(self) -> str:
        """Command line with the same arguments."""
        is_set_by_option = {
            "--owned": self.owned,
            "--soft-delete": self.soft_delete,
            "--read-public": self.read_public,
            "--no-migration": not self.migration,
            "--no-routes": not self.routes,
        }
        plural = ["--plural", self.plural] if self.plural else []
        sorts = [f"--sort={name}" for name in self.sorts]
        write = ["--write", self.write] if self.write is not None else []
        parent = ["--child-of", self.child_of] if self.child_of is not None else []
        flags = [option for option, is_set in is_set_by_option.items() if is_set]
        options = [*plural, *sorts, *write, *parent, *flags]
        return shlex.join(["manage", "make", self.name, *self.fields, *options])

    def next_step(self, *, is_applied: bool, is_served: bool) -> str:
        """Return the next step for the user, and the URL of the resource if it has routes."""
        url = f"GET /api/v1/{derive_names(self.name, self.plural).path}"
        if not is_served:
            is_complete = is_applied or not self.migration
            return "" if is_complete else "Run `uv run manage migrate apply` to create its table."
        if not self.migration:
            return f"{url} works once its table exists."
        if is_applied:
            return f"Its table is in the local database: {url} works now."
        return f"Run `uv run manage migrate apply` to create its table; then {url} works."
