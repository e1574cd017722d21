"""Makes resources as `manage make` does: a request in JSON on each line, and an answer to each.

`tests/test_scaffold_property.py` runs it in projects, each request in a process of its own.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from chassis_tools.scaffolding.making import MakeRequest, plan_resource
from chassis_tools.scaffolding.project import Project
from manage.errors import CommandError


def answer(root: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """The files that are made, or why none are."""
    try:
        changes = plan_resource(Project(root), MakeRequest(**wanted))
        changes.apply(root)
    except CommandError as error:
        return {"refused": str(error)}
    return {"made": [change.path.as_posix() for change in changes.changes]}


for line in sys.stdin:
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        print(json.dumps(answer(Path.cwd(), json.loads(line))), flush=True)
        os._exit(0)
