"""The commands `make`, `remove`, `inspect`, `upgrade`, `doctor` and `migrate create`.

Each command imports its modules when it runs, so that `manage --help` starts quickly.
"""

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Annotated

import typer

from app.core.paths import PROJECT_ROOT

from manage.errors import CommandError

if TYPE_CHECKING:
    from chassis_tools.scaffolding.request import MakeRequest

HELP = """
`manage make field RESOURCE FIELD...` adds fields to an existing resource.

A FIELD is name:type[:arguments][,flag…], as in title:str:200 or price:decimal:10:2,index.

Types: str[:length], text, int, bigint, float, decimal:precision:scale, bool, date, datetime, time,
uuid, json, email, url, enum:one/two/three, ref:resource.

Flags: optional, unique, index, default=…, min=…, max=….

Flags of a ref: optional, unique, on_delete=restrict|cascade|null, load=raise|joined|selectin.
"""

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, without changing anything.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

ResourceName = Annotated[
    str, typer.Argument(help="Singular name of the resource, as in order_line.")
]
Fields = Annotated[list[str] | None, typer.Argument(metavar="[FIELD]...")]
Plural = Annotated[str | None, typer.Option(help="Plural form, if it cannot be derived.")]
Sorts = Annotated[
    list[str] | None,
    typer.Option("--sort", metavar="FIELD", help="Sort lists by this field; can be repeated."),
]
Owned = Annotated[bool, typer.Option("--owned", help="Rows belong to the user who created them.")]
SoftDelete = Annotated[
    bool, typer.Option("--soft-delete", help="Deleting a row hides it (soft delete).")
]
ReadPublic = Annotated[
    bool, typer.Option("--read-public", help="Allow reads without authentication.")
]
Migration = Annotated[
    bool, typer.Option("--migration/--no-migration", help="Also write the migration.")
]
Routes = Annotated[
    bool, typer.Option("--routes/--no-routes", help="Also write the service and the routes.")
]
WriteRole = Annotated[
    str | None,
    typer.Option("--write", metavar="ROLE", help="Only users with this role can change rows."),
]
ChildOf = Annotated[
    str | None,
    typer.Option(
        "--child-of",
        metavar="RESOURCE",
        help="Write and return the rows with those of this resource, which a field refers to.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Delete without asking, edited files too.")]

Url = Annotated[
    str,
    typer.Option(
        help="URL of the PostgreSQL database, such as postgresql://user@host/database. Keep the"
        " password in PGPASSWORD or ~/.pgpass, not on the command line.",
        show_default=False,
    ),
]
Schema = Annotated[str, typer.Option(help="Name of the schema.")]
Tables = Annotated[
    list[str] | None, typer.Option("--table", help="Inspect only this table; can be repeated.")
]
Write = Annotated[
    bool, typer.Option("--write", help="Create the resources for the existing tables.")
]
# Accepted only to be rejected below: Typer's own error would print the URL, with its password.
Unexpected = Annotated[list[str] | None, typer.Argument(hidden=True)]

Release = Annotated[
    str | None, typer.Option("--to", help="Release to upgrade to; the newest by default.")
]
Answers = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="ANSWER=VALUE", help="Change an answer; can be repeated."),
]
PullRequest = Annotated[
    bool, typer.Option("--pull-request", help="Open a pull request with the GitHub CLI (gh).")
]
Abort = Annotated[bool, typer.Option("--abort", help="Undo an upgrade that is not committed yet.")]

Message = Annotated[str, typer.Option("--message", "-m", help="Short description.")]
Empty = Annotated[bool, typer.Option("--empty", help="Create an empty migration.")]
AllowDrop = Annotated[
    bool, typer.Option("--allow-drop", help="Allow dropped tables and columns, and conversions.")
]
Renames = Annotated[
    list[str] | None,
    typer.Option(metavar="OLD:NEW", help="Rename table.column or a table; can be repeated."),
]


def make(
    name: ResourceName,
    fields: Fields = None,
    plural: Plural = None,
    sort: Sorts = None,
    owned: Owned = False,
    soft_delete: SoftDelete = False,
    read_public: ReadPublic = False,
    migration: Migration = True,
    routes: Routes = True,
    write: WriteRole = None,
    child_of: ChildOf = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Scaffold a resource: model, schemas, repository, service, routes, tests and migration."""
    from chassis_tools.scaffolding.request import MakeRequest

    if name == "field" and fields and ":" not in fields[0]:
        if plural or owned or soft_delete or read_public or write or child_of or not routes:
            raise CommandError("`make field` accepts only --sort, --no-migration, --dry-run, --yes")
        from chassis_tools.extending.command import add_fields
        from chassis_tools.extending.request import FieldRequest

        request = FieldRequest(fields[0], fields[1:], sort or [], migration)
        add_fields(request, dry_run=dry_run, yes=yes)
        return
    resource_request = MakeRequest(
        name,
        fields or [],
        plural,
        sort or [],
        owned,
        soft_delete,
        read_public,
        migration,
        routes,
        write,
        child_of,
    )
    write_resource(resource_request, dry_run=dry_run, yes=yes)


def write_resource(request: "MakeRequest", *, dry_run: bool, yes: bool) -> None:
    """Write the resource and print the next step."""
    from chassis_tools.extending.parents import plan_child
    from chassis_tools.scaffolding.changes import (
        apply_changes,
        apply_new_migrations,
        finish_interrupted,
    )
    from chassis_tools.scaffolding.project import Project

    finish_interrupted(PROJECT_ROOT)
    project = Project(PROJECT_ROOT)
    plan = plan_child(project, request)
    changes = plan.changes
    is_confirmed = False
    if not changes.changes:
        typer.echo(f"{request.name} already exists with these fields; nothing to do.")
    elif is_confirmed := apply_changes(changes, "Write these files?", dry_run=dry_run, yes=yes):
        is_applied = apply_new_migrations(changes)
        routes = project.get_registry_path("routes")
        is_served = routes in {change.path.as_posix() for change in changes.changes}
        next_step = request.next_step(is_applied=is_applied, is_served=is_served)
        typer.echo(f"Created {request.name}. {next_step}".rstrip())
    if is_confirmed or dry_run:
        plan.print_instructions()


def remove(
    name: ResourceName, force: Force = False, dry_run: DryRun = False, yes: Yes = False
) -> None:
    """Remove a resource: files, registrations and table."""
    from chassis_tools.extending.parents import plan_parent_removal
    from chassis_tools.scaffolding.changes import apply_changes, finish_interrupted
    from chassis_tools.scaffolding.project import Project
    from chassis_tools.scaffolding.removal import ScaffoldedResource, plan_table_removal

    finish_interrupted(PROJECT_ROOT)
    project = Project(PROJECT_ROOT)
    resource = ScaffoldedResource.find(project, name)
    parent = plan_parent_removal(project, name, resource.record)
    resource.reject_used(parent.changes.changes)
    if not force:
        resource.reject_edited()
    yes = yes or force
    if not (yes or dry_run or sys.stdin.isatty()):
        raise CommandError("This deletes files: add --yes to confirm, or --dry-run to list them")
    table = plan_table_removal(resource)
    changes = resource.plan_removal(
        drop_migration=table.drop_migration, parent_changes=parent.changes.changes
    )
    question = f"Delete these files{table.warning}?"
    if apply_changes(
        changes, question, dry_run=dry_run, yes=yes, assume_yes=False, before_commit=table.roll_back
    ):
        typer.echo(f"Removed {name}. {table.next_step}".strip())
        parent.print_instructions()


def inspect(
    url: Url,
    schema: Schema = "public",
    table: Tables = None,
    as_json: Json = False,
    write: Write = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    unexpected: Unexpected = None,
) -> None:
    """Propose resources for the tables of an existing database, and list unsupported features.

    With --write, create the resources.
    """
    from chassis_tools.inspection import proposals
    from chassis_tools.inspection.address import parse_database_url
    from chassis_tools.inspection.reader import read_schema

    if unexpected:
        raise CommandError("Pass the database as --url, and no other arguments")
    if write and as_json:
        raise CommandError("--json cannot be combined with --write")
    if not write and (dry_run or yes):
        raise CommandError("--dry-run and --yes can only be combined with --write")
    database_url, tables = parse_database_url(url), table or []
    if not write:
        contents = read_schema(database_url, schema, tables)
        format_proposals = proposals.format_json if as_json else proposals.format_text
        typer.echo(format_proposals(contents, proposals.propose(contents)))
        return
    from chassis_tools.adoption.adopting import adopt

    adopt(database_url, schema, tables, dry_run=dry_run, yes=yes)


def upgrade(
    to: Release = None,
    answers: Answers = None,
    dry_run: DryRun = False,
    pull_request: PullRequest = False,
    abort: Abort = False,
) -> None:
    """Upgrade this project to a newer release of the template; your edits are merged."""
    try:
        from chassis_tools.upgrading.command import upgrade_project
        from chassis_tools.upgrading.pull_request import propose_upgrade
        from chassis_tools.upgrading.repository import Repository
        from chassis_tools.upgrading.upgrade import Upgrade
    except (ImportError, SyntaxError) as error:
        raise CommandError(
            f"The tools cannot be imported ({error}): if an upgrade was killed, run"
            " `git restore .chassis`, then `manage upgrade --abort`"
        ) from error

    project_upgrade = Upgrade(Repository(PROJECT_ROOT))
    if abort:
        if to or answers or dry_run or pull_request:
            raise CommandError("--abort cannot be combined with other options")
        project_upgrade.abort()
        typer.echo("The upgrade was undone. Run `uv sync` to restore the packages.")
    elif pull_request:
        if answers or dry_run:
            raise CommandError("--pull-request can only be combined with --to")
        propose_upgrade(project_upgrade, to)
    else:
        upgrade_project(project_upgrade, to, answers or [], dry_run=dry_run)


def doctor(as_json: Json = False) -> None:
    """Check this project and suggest a fix for each problem; exit with code 1 on errors."""
    from chassis_tools.diagnosis.examination import examine, format_json, format_text

    with redirect_stdout(sys.stderr):  # The project's modules may print: keep the report clean.
        results = examine(PROJECT_ROOT)
    typer.echo(format_json(results) if as_json else format_text(results))
    if any(finding.severity == "error" for findings in results.values() for finding in findings):
        raise typer.Exit(1)


def create(
    message: Message,
    empty: Empty = False,
    allow_drop: AllowDrop = False,
    rename: Renames = None,
) -> None:
    """Create a migration from the difference between the models and the database."""
    from chassis_tools.scaffolding.modules import describe_missing_module
    from manage.database import get_migration_url, require_migrated

    try:
        from chassis_tools.migrating.create import create_migration
    except ModuleNotFoundError as error:
        raise CommandError(describe_missing_module(error)) from error

    url = get_migration_url()
    require_migrated(url)
    if not empty:
        typer.echo("Comparing the models with the database ...", err=True)
    paths = create_migration(url, message, empty=empty, allow_drop=allow_drop, renames=rename or [])
    if not paths:
        typer.echo("The database agrees with the models: no migration is needed.")
    for path in paths:
        typer.echo(f"Wrote {path}")


def add_commands(app: typer.Typer, migrate_app: typer.Typer) -> None:
    """Add the commands of this module to `manage` and `manage migrate`."""
    app.command("make", epilog=HELP)(make)
    app.command("remove")(remove)
    app.command("inspect")(inspect)
    app.command("upgrade")(upgrade)
    app.command("doctor")(doctor)
    migrate_app.command("create")(create)
