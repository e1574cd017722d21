"""Changes of a project's files that are killed, or fail, at a chosen step.

Run as a script, this is a command that applies such a change. As the Python of that command, it is
the process that the command starts. Each stops at its own step: before the n-th time that it
writes, renames, deletes or synchronizes something in the project.
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

REPOSITORY = Path(__file__).parents[2]
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
    """Create a project as it is before the change."""
    for name, content in BEFORE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (root / "app/old/__pycache__").mkdir()
    (root / "app/old/__pycache__/models.cpython-311.pyc").write_bytes(b"")
    return root


def tree(root: Path) -> dict[str, bytes]:
    """Return all files except bytecode; folders have no content."""
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
    """Run `act` before the given step, counted from 1."""
    count = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if (event, *map(str, arguments[:2])) == ("open", f"{root}.manage/journal", "w"):
            os._exit(99)  # It must appear complete, by a rename.
        is_read = event == "open" and str(arguments[1]).startswith("r")
        if event in STEPS and not is_read and str(arguments[0]).startswith(root):
            count += 1
            if count == step:
                act(root)

    sys.addaudithook(hook)


def start(root: Path, task: str = "apply", **stops: tuple[int, str]) -> "subprocess.Popen[str]":
    """Start a command that applies or resumes a change; its processes stop at the given steps."""
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
    """Run such a command to its end."""
    with start(root, task, **stops) as process:
        _, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, "", errors)


def main(role: str, root: str, *orders: str) -> None:
    """Act as the command or as its recovery process."""
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
