"""`manage make`: a resource in all its layers. Imports as said in `manage.cli`."""

from typing import Annotated

import typer

HELP = """
A FIELD is name:type[:arguments][,flag…], as in title:str:200 or price:decimal:10:2,index.

Types: str[:length], text, int, bigint, float, decimal:digits:places, bool, date, datetime, time,
uuid, json, email, url, enum:one/two/three, ref:resource.

Flags: optional, unique, index, default=…; of a ref: optional, unique,
on_delete=restrict|cascade|null, load=raise|joined|selectin.
"""


def make(
    name: Annotated[str, typer.Argument(help="The resource in the singular, as in order_line.")],
    fields: Annotated[list[str] | None, typer.Argument(metavar="[FIELD]...")] = None,
    plural: Annotated[str | None, typer.Option(help="If the usual plural is wrong.")] = None,
    owned: Annotated[bool, typer.Option("--owned", help="Each belongs to its maker.")] = False,
    soft_delete: Annotated[
        bool, typer.Option("--soft-delete", help="What is deleted is hidden.")
    ] = False,
    read_public: Annotated[
        bool, typer.Option("--read-public", help="Reading needs no login.")
    ] = False,
    migration: Annotated[
        bool, typer.Option("--migration/--no-migration", help="Write the migration too.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Write a resource: model, schemas, repository, service, routes, tests and migration."""
    from app.core.paths import PROJECT_ROOT
    from manage.scaffolding.changes import finish_interrupted
    from manage.scaffolding.dialogue import carry_out
    from manage.scaffolding.making import Request, plan
    from manage.scaffolding.project import Project

    request = Request(name, fields or [], plural, owned, soft_delete, read_public, migration)
    finish_interrupted(PROJECT_ROOT)
    changes = plan(Project(PROJECT_ROOT), request)
    if not changes.changes:
        typer.echo(f"{name} is there already, as asked for: nothing to do.")
    elif carry_out(changes, "Write these files?", dry_run=dry_run, yes=yes):
        next_step = "`uv run manage migrate apply` adds its table." if migration else ""
        typer.echo(f"Made {name}. {next_step}".strip())
