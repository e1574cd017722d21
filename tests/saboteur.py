"""Changes of a project's files that are killed, or fail, at a step that a test chooses.

Run as a script, it is a command that applies such a change. As the Python of that command, it is
the process that the command starts. Both stop at their own step: right before the n-th time that
they write, rename, delete or synchronize something in the project.
"""

import errno
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from chassis_tools.scaffolding import journal
from chassis_tools.scaffolding.changes import Change, ChangeSet, finish_interrupted
from manage.errors import CommandError

REPOSITORY = Path(__file__).parents[1]
IMPORTS = (REPOSITORY, REPOSITORY / "template", REPOSITORY / "template/.chassis")
BEFORE = {
    "app/routes.py": b"routers = []\r\n",
    "app/models.py": b"__all__ = []",
    "app/old/__init__.py": b"",
    "app/old/models.py": b"class Old: ...\n",
    "migrations/0001.sql": b"drop table old",
    "notes.txt": "Größe\n".encode("latin-1"),
}
AFTER = {
    "app/routes.py": b"routers = [orders]\r\n",
    "app/models.py": b'__all__ = ["Order"]',
    "app/orders/__init__.py": b"",
    "app/orders/deep/__init__.py": b"",
    "app/orders/deep/models.py": bytes(range(256)),
    "notes.txt": "Größe\n".encode("latin-1"),
}
CHANGES = [Change(Path(p), BEFORE.get(p), AFTER.get(p)) for p in sorted({*BEFORE, *AFTER})]
STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "shutil.rmtree"}


def project(root: Path) -> Path:
    """A project as it is before the change."""
    for name, content in BEFORE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (root / "app/old/__pycache__").mkdir()
    (root / "app/old/__pycache__/models.cpython-311.pyc").write_bytes(b"")
    return root


def tree(root: Path) -> dict[str, bytes]:
    """All files but bytecode, and all folders, which hold nothing."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in root.rglob("*")
        if "__pycache__" not in path.parts
    }


def fail(root: str) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


ACTS: dict[str, Callable[[str], None]] = {
    "kill": lambda root: os.kill(os.getpid(), signal.SIGKILL),
    "kill the group": lambda root: os.killpg(0, signal.SIGKILL),
    "fail": fail,
    "lose the journal": lambda root: Path(root, ".manage/journal").unlink(),
}


def stop_at(step: int, act: Callable[[str], None], root: str) -> None:
    """Act before the step with this number, which counts from 1."""
    count = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if (event, *map(str, arguments[:2])) == ("open", f"{root}.manage/journal", "w"):
            os._exit(99)  # It has to appear by a rename, and whole.
        is_read = event == "open" and str(arguments[1]).startswith("r")
        if event in STEPS and not is_read and str(arguments[0]).startswith(root):
            count += 1
            if count == step:
                act(root)

    sys.addaudithook(hook)


def start(root: Path, task: str = "apply", **stops: tuple[int, str]) -> "subprocess.Popen[str]":
    """A command that applies or resumes; it and its `recovery` process stop at the given steps."""
    orders = [f"{who}:{step}:{act}" for who, (step, act) in stops.items()]
    return subprocess.Popen(
        [sys.executable, __file__, task, str(root), *orders],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, IMPORTS))},
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    root: Path, task: str = "apply", **stops: tuple[int, str]
) -> "subprocess.CompletedProcess[str]":
    """Wait for such a command."""
    with start(root, task, **stops) as process:
        _, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, "", errors)


def main(role: str, root: str, *orders: str) -> None:
    """Play a command or, with further arguments that do not matter, its recovery process."""
    for order in (order for order in orders if order.count(":") == 2):
        who, step, act = order.split(":")
        if (who == "recovery") == (role == "recovery"):
            stop_at(int(step), ACTS[act], f"{root}/")
    if role == "recovery":
        return journal.main(Path(root))
    python = Path(f"{root}.python")
    words = [sys.executable, __file__, "recovery", root, *orders]
    python.write_text(f"#!/bin/sh\nexec {shlex.join(words)}\n")
    python.chmod(0o755)
    sys.executable = str(python)
    try:
        if role == "apply":
            ChangeSet(CHANGES).apply(Path(root))
        else:
            finish_interrupted(Path(root))
    except CommandError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main(*sys.argv[1:])
