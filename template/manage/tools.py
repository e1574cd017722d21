"""The commands of the development tools in `.chassis/`, which deployments do not have."""

import sys
from importlib import import_module
from types import ModuleType

import typer

from app.core.paths import PROJECT_ROOT

from manage.errors import CommandError

PACKAGE = "chassis_tools"
FOLDER = PROJECT_ROOT / ".chassis" / PACKAGE
COMMANDS = ("make", "remove", "inspect", "upgrade", "doctor", "migrate create")
ANY_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def add_tool_commands(app: typer.Typer, migrate_app: typer.Typer) -> None:
    """Add the tools' commands or, if they cannot be loaded, commands that report the reason."""
    try:
        load_tools("commands").add_commands(app, migrate_app)
    except Exception as error:  # An edited or half-merged file must not stop `manage run`.
        for command in COMMANDS:
            group = migrate_app if command.startswith("migrate ") else app
            add_unavailable_command(group, command, reason=str(error) or type(error).__name__)


def load_tools(module: str) -> ModuleType:
    """Import a module of the tools.

    Raises CommandError if `.chassis/` or the project's pyproject.toml is missing.
    """
    if PACKAGE not in sys.modules:
        if not ((FOLDER / "__init__.py").is_file() and (PROJECT_ROOT / "pyproject.toml").is_file()):
            raise CommandError("it needs .chassis/, which only a checkout of the project has")
        sys.path.append(str(FOLDER.parent))
    return import_module(f"{PACKAGE}.{module}")


def add_unavailable_command(app: typer.Typer, command: str, *, reason: str) -> None:
    """Add a command that fails with the reason why it is unavailable."""

    def fail() -> None:
        raise CommandError(f"`manage {command}` is unavailable: {reason}")

    name = command.split()[-1]
    app.command(name, help=f"Unavailable: {reason}.", context_settings=ANY_ARGUMENTS)(fail)
