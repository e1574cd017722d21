"""Resources that refer to each other and together have every field type and option."""

import re
from pathlib import Path

from tests.support.article import COMMAND as ARTICLE
from tests.support.projects import Project

CUSTOMER = (
    *("customer", "name:str:200", "email:email,unique", "site:url,optional", "vip:bool"),
    "account:ref:user,unique",
)
ORDER = (
    *("order", "number:int,unique", "customer:ref:customer", "note:text,optional"),
    *("status:enum:draft/paid/sent,default=draft", "ordered_at:datetime,default=now"),
    *("due:date,optional,index", "--sort=ordered_at", "--owned", "--soft-delete"),
)
TARIFF = ("tariff", "code:str:12,unique", "price:decimal:10:2", "--write=admin", "--read-public")
DEPOT = (
    *(
        "depot",
        "code:str:12,unique,min=3",
        "capacity:int,min=1",
        "status:enum:OPEN/CLOSED,optional",
    ),
    *("opened_on:date,default=today", "--sort=capacity", "--owned", "--no-routes"),
)
ORDER_LINE = (
    *(
        "order_line",
        "depot:ref:depot",
        "order:ref:order,on_delete=cascade",
        "price:decimal:10:2,index,min=0",
    ),
    *("replaces:ref:order_line,optional,on_delete=null", "quantity:int,default=1,min=1,max=99"),
    *(
        "seller:ref:user,optional,load=joined",
        "sku:str:20,index,min=5",
        "weight:float,optional,max=0.5",
    ),
    *("packed_at:time,default=09:30", "key:uuid,unique", "bulk:bigint", "details:json,default={}"),
    *("packing:enum:BOX/PALLET,default=BOX", "state:enum:inStock/OnOrder/sold,optional"),
    *("--sort=price", "--sort=packed_at", "--read-public"),
)
RESOURCES = (CUSTOMER, ORDER, DEPOT, TARIFF, ORDER_LINE)

# Files that mention the example without being part of it.
TELLS_OF_THE_EXAMPLE = {".copier-answers.yml", "README.md", ".chassis/answers.json"}
# In a migration and in the record of a resource, which has a hash of the migration.
VERSIONS = rb'(?m)^revision = ".*"$|"migrations/app/\d+_.*'
UNTRACKED = {".venv", ".postgres", ".local", "__pycache__", ".mypy_cache", ".pytest_cache"}


def make(project: Project, *resources: tuple[str, ...]) -> None:
    for arguments in resources:
        project.uv_run("manage", "make", *arguments)


def remove(project: Project, *resources: tuple[str, ...]) -> None:
    for name, *_ in resources:
        project.uv_run("manage", "remove", name, "--yes")


def tree(folder: Path) -> dict[str, bytes]:
    """Return all files except ignored ones and the lock file."""
    ignored = UNTRACKED | {".ruff_cache", "uv.lock"}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ignored.isdisjoint(path.relative_to(folder).parts)
    }


def without_the_example(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: text for name, text in files.items() if name not in TELLS_OF_THE_EXAMPLE}


def without_versions(files: dict[str, bytes]) -> dict[str, bytes]:
    """Blank the versions and revisions of migrations, which differ each time."""
    return {
        re.sub(r"(migrations/app/)\d+", r"\1", name): re.sub(VERSIONS, b"", text)
        for name, text in files.items()
    }


__all__ = [
    "ARTICLE",
    "RESOURCES",
    "make",
    "remove",
    "tree",
    "without_the_example",
    "without_versions",
]
