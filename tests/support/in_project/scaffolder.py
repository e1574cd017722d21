"""Makes resources as `manage make` does: a request in JSON on each line, and an answer to each.

`tests/scaffold/test_property.py` runs it in projects, each request in a process of its own.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from manage.errors import CommandError
from manage.scaffolding.making import Request, plan
from manage.scaffolding.project import Project


def make_resource(root: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """The files that are made, or why none are."""
    try:
        changes = plan(Project(root), Request(**wanted))
        changes.apply(root)
    except CommandError as error:
        return {"refused": str(error)}
    return {"made": [change.path.as_posix() for change in changes.changes]}


for line in sys.stdin:
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        print(json.dumps(make_resource(Path.cwd(), json.loads(line))), flush=True)
        os._exit(0)
