"""Makes Copier faster in the processes that tests start: Python runs this file in each of them."""

import atexit
import os
import runpy
import sys
from contextlib import ExitStack
from pathlib import Path

if [Path(argument).name for argument in sys.orig_argv[1:2]] == ["copier"]:
    speed = runpy.run_path(str(Path(__file__).parents[1] / "copier_speed.py"))
    changes = ExitStack()
    changes.enter_context(speed["fast_copier"]())
    if folder := os.environ.get("COPIER_CODE"):
        version = "{}.{}".format(*sys.version_info)
        changes.enter_context(speed["shared_code"](Path(folder, f"python{version}.code")))
    atexit.register(changes.close)
