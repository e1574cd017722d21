"""A service built on a project: resources, columns, routes, settings, packages."""

import re

from tests.support.guides import GUIDES, files_of, without_async
from tests.support.projects import Project
from tests.support.sample_resources import make, remove
from tests.support.stacks import Stack
from tests.support.team_edits import Edits

RESOURCES = (
    ("shelf", "label:str:80,unique"),
    ("book", "title:str:200", "shelf:ref:shelf,on_delete=cascade", "--owned"),
    ("stamp", "code:str:20"),
)
LAMPS = '''\
"""A route that was written by hand."""

from fastapi import APIRouter

from app.dependencies import SettingsDep

router = APIRouter(prefix="/lamps", tags=["lamps"])


@router.get("")
async def list_lamps(settings: SettingsDep) -> list[str]:
    """List the lamps."""
    return [settings.environment]
'''
REGISTERED = """
from app.lamps import router as lamps  # noqa: E402

routers.append(lamps)
"""
# Lines to add after those that mark the place.
LINES = {
    ".env.example": ("# Your own variables follow\n", "#REGION=mars"),
    ".gitignore": ("# Add your own below.\n", "notes/"),
    "app/dependencies.py": ("# Your dependencies follow.\n", 'Region = Annotated[str, "eu"]'),
    "{models}": ("    # Your columns follow.\n", "    nickname: Mapped[str | None]"),
}
FIELDS = {
    "class ProfileUpdate(InputSchema):\n    name: Name | MISSING = MISSING\n    # Your fields follow.\n": (
        "    nickname: str | None = None"
    ),
    "    updated_at: datetime\n    # Your fields follow.\n": "    nickname: str | None",
}


def grow(project: Project, edits: Edits, stack: Stack, *, keep_example: bool) -> None:
    """Add code at the extension points and with the project's own tools."""
    make(project, *RESOURCES)
    remove(project, RESOURCES[-1], *([] if keep_example else [("article",)]))
    project.run("uv", "add", "--quiet", "--no-sync", "attrs")
    for name, (after, line) in LINES.items():
        edits.edit(name.format(**places(stack)), line=line, after=after)
    for after, line in FIELDS.items():
        edits.edit(places(stack)["schemas"], line=line, after=after)
    extend_kernel(edits, stack)
    project.uv_run("manage", "migrate", "apply")
    project.uv_run("manage", "migrate", "create", "-m", "nicknames")


def places(stack: Stack) -> dict[str, str]:
    """Return the paths that the team extends."""
    if stack.layout == "per-entity":
        users = {role: f"app/users/{role}.py" for role in ("models", "schemas")}
        return users | {"routes": "app/routes.py"}
    users = {role: f"app/{role}/user.py" for role in ("models", "schemas")}
    return users | {"routes": "app/routes/__init__.py"}


def extend_kernel(edits: Edits, stack: Stack) -> None:
    """Add settings, middleware, handlers and checks from the guide, and a handwritten route."""
    for name, code in files_of(GUIDES / "extend-the-kernel.md").items():
        edits.write(name, without_async(code) if stack.concurrency == "sync" else code)
    sync = re.sub(r"\basync ", "", LAMPS)
    edits.write("app/lamps.py", sync if stack.concurrency == "sync" else LAMPS)
    edits.edit(places(stack)["routes"], line=REGISTERED.rstrip())
