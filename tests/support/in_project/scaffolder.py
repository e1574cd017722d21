"""Makes resources as `manage make` does; reads and answers one JSON request per line.

`tests/scaffold/test_property.py` runs this in projects, each request in its own process.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from chassis_tools.scaffolding.creation import plan_resource
from chassis_tools.scaffolding.project import Project
from chassis_tools.scaffolding.request import MakeRequest
from manage.errors import CommandError


def make_resource(root: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """Make a resource and return its files, or the error message."""
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
        print(json.dumps(make_resource(Path.cwd(), json.loads(line))), flush=True)
        os._exit(0)
