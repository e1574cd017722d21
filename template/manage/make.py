"""`manage make`: a resource in all its layers. Imports as said in `manage.cli`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from manage.scaffolding.making import Request

HELP = """
A FIELD is name:type[:arguments][,flag…], as in title:str:200 or price:decimal:10:2,index.

Types: str[:length], text, int, bigint, float, decimal:digits:places, bool, date, datetime, time,
uuid, json, email, url, enum:one/two/three, ref:resource.

Flags: optional, unique, index, default=…; of a ref: optional, unique,
on_delete=restrict|cascade|null, load=raise|joined|selectin.
"""

Name = Annotated[str, typer.Argument(help="The resource in the singular, as in order_line.")]
Fields = Annotated[list[str] | None, typer.Argument(metavar="[FIELD]...")]
Plural = Annotated[str | None, typer.Option(help="If the usual plural is wrong.")]
Owned = Annotated[bool, typer.Option("--owned", help="Each belongs to its maker.")]
SoftDelete = Annotated[bool, typer.Option("--soft-delete", help="What is deleted is hidden.")]
ReadPublic = Annotated[bool, typer.Option("--read-public", help="Reading needs no login.")]
Migration = Annotated[
    bool, typer.Option("--migration/--no-migration", help="Write the migration too.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def make(
    name: Name,
    fields: Fields = None,
    plural: Plural = None,
    owned: Owned = False,
    soft_delete: SoftDelete = False,
    read_public: ReadPublic = False,
    migration: Migration = True,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Write a resource: model, schemas, repository, service, routes, tests and migration."""
    from manage.scaffolding.making import Request

    request = Request(name, fields or [], plural, owned, soft_delete, read_public, migration)
    write(request, dry_run=dry_run, yes=yes)


def write(request: "Request", *, dry_run: bool, yes: bool) -> None:
    """Write what was asked for, and say what comes next."""
    from app.core.paths import PROJECT_ROOT
    from manage.scaffolding.applying import apply_where_served
    from manage.scaffolding.changes import finish_interrupted
    from manage.scaffolding.dialogue import carry_out
    from manage.scaffolding.making import plan
    from manage.scaffolding.project import Project

    finish_interrupted(PROJECT_ROOT)
    changes = plan(Project(PROJECT_ROOT), request)
    if not changes.changes:
        typer.echo(f"{request.name} is there already, as asked for: nothing to do.")
    elif carry_out(changes, "Write these files?", dry_run=dry_run, yes=yes):
        is_applied = apply_where_served(changes)
        typer.echo(f"Made {request.name}. {request.next_step(is_applied=is_applied)}")
