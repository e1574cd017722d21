"""Copier, as the tool that uv runs; never trusted with code of the template."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from chassis_tools.upgrading.repository import QUIET
from chassis_tools.upgrading.template import Answers
from manage.errors import CommandError

COPIER = ("tool", "run", "--quiet", "--from", "copier>=9.18,!=9.19.0,<10", "copier")
# Where no release has any business: git's own settings name programs, and git ignores the others.
PRIVATE = (".git", ".local", ".manage", ".postgres", ".venv")
NOISE = re.compile(r"^(Keeping|Updating) |nothing_was_rendered|^\s*$")
# What a release, which runs in some of these commands, has no business with.
SECRET = re.compile(r"(GH|GITHUB)_(ENTERPRISE_)?TOKEN$|ACTIONS_")
# An interrupt raises by itself.
ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
SENTENCE = re.compile(r"has no attribute '(.+)'$")


def update(root: Path, tag: str, answers: Mapping[str, str]) -> None:
    """Update a clean project in place; conflicts are left in its files."""
    options = [part for name in PRIVATE for part in ("--exclude", name)]
    options += [part for name, value in answers.items() for part in ("--data", f"{name}={value}")]
    done = uv(root, *COPIER, "update", "--defaults", "--skip-answered", "--vcs-ref", tag, *options)
    if done.returncode:
        raise CommandError(f"Nothing is changed: {complaint(done.stderr)}")


def render(root: Path, template: Path, recorded: Answers, scratch: Path) -> Path:
    """The project as its release writes it, in a folder of its own."""
    data, written = scratch / "answers.json", scratch / "rendered"
    data.write_text(json.dumps(recorded.given), encoding="utf-8")  # YAML, too.
    options = ("--defaults", "--quiet", "--vcs-ref", recorded.version, "--data-file", str(data))
    done = uv(root, *COPIER, "copy", *options, str(template), str(written))
    if done.returncode:
        raise CommandError(f"{recorded.version} cannot be rendered: {complaint(done.stderr)}")
    return written


def uv(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run uv in a project, in that project's environment and not in this one's."""
    program = os.environ.get("UV", "uv")
    kept = {name: text for name, text in os.environ.items() if not SECRET.match(name)}
    environment = {name: text for name, text in {**kept, **QUIET}.items() if name != "VIRTUAL_ENV"}
    try:
        process = subprocess.Popen(  # noqa: S603 (a list of ours, no shell)
            [program, *arguments],
            cwd=root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise CommandError("uv is not installed: upgrades need it to run Copier") from None
    with process, ending(process):
        output, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


@contextmanager
def ending(process: "subprocess.Popen[str]") -> Iterator[None]:
    """End a process that is interrupted, with all that it has started: it would go on writing."""
    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # As it is under nohup.
            signal.signal(number, leave)
    try:
        yield
    except BaseException:
        if sys.platform == "win32":
            process.kill()
        else:
            with suppress(ProcessLookupError):  # It has ended meanwhile.
                os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave(number: int, _frame: object) -> None:
    """End as a signal asks for, but not before what is under way is put away."""
    sys.exit(128 + number)


def complaint(output: str) -> str:
    """The sentence in what Copier said, which may name it as an attribute (copier.yml says why)."""
    lines = [line for line in output.splitlines() if not NOISE.search(line)]
    last = lines[-1] if lines else "Copier failed"
    found = SENTENCE.search(last)
    return (found[1] if found else last).rstrip(".")
