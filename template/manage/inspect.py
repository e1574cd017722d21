"""`manage inspect`: what a database that is there would become. Imports as said in `manage.cli`."""

from typing import Annotated

import typer

Url = Annotated[
    str,
    typer.Option(
        help="The PostgreSQL to read, such as postgresql://user@host/database; PGPASSWORD and"
        " ~/.pgpass hold a password better than a command line does.",
        show_default=False,
    ),
]
Tables = Annotated[
    list[str] | None, typer.Option("--table", help="Only this one; give it again for others.")
]
# Taken only to be refused: the parser would repeat it, with the password in it.
Nothing = Annotated[list[str] | None, typer.Argument(hidden=True)]


def inspect(
    url: Url,
    schema: Annotated[str, typer.Option(help="The schema to read.")] = "public",
    table: Tables = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Make the resources, against these very tables.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what --write would do, and write nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    unexpected: Nothing = None,
) -> None:
    """List what each table of a database would become, and what a resource cannot express.

    With --write, make it so.
    """
    from manage.errors import CommandError
    from manage.inspection import output
    from manage.inspection.address import database_url
    from manage.inspection.proposals import propose
    from manage.inspection.reader import read_schema

    if unexpected:
        raise CommandError("Give the database as --url, and nothing without an option's name")
    place, tables = database_url(url), table or []
    if not write:
        found = read_schema(place, schema, tables)
        show = output.as_json if as_json else output.as_text
        typer.echo(show(found, propose(found)))
        return
    from manage.adoption.adopting import adopt

    adopt(place, schema, tables, dry_run=dry_run, yes=yes)
