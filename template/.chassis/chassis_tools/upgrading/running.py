"""Copier, run with uv and without `--trust`, so that it runs no code of the template."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from chassis_tools.upgrading.repository import GIT_ENVIRONMENT, build_merge_environment
from chassis_tools.upgrading.template import Answers
from manage.errors import CommandError

COPIER = ("tool", "run", "--quiet", "--from", "copier>=9.18,!=9.19.0,<10", "copier")
# A release must not write here: .git/config can run programs, and git ignores the other folders.
EXCLUDED = (".git", ".local", ".manage", ".postgres", ".venv")
NOISE = re.compile(r"^(Keeping|Updating) |nothing_was_rendered|^\s*$")
# Some commands run code of the release, which must not read tokens.
SECRET = re.compile(r"(GH|GITHUB)_(ENTERPRISE_)?TOKEN$|ACTIONS_")
# SIGINT needs no handler: it raises KeyboardInterrupt.
TERMINATION_SIGNALS = [
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
]
MISSING_ATTRIBUTE = re.compile(r"has no attribute '(.+)'$")


def update(root: Path, tag: str, answers: Mapping[str, str]) -> None:
    """Update a clean project in place; conflicts are marked in the files."""
    options = [part for name in EXCLUDED for part in ("--exclude", name)]
    options += [part for name, value in answers.items() for part in ("--data", f"{name}={value}")]
    process = run_uv(
        root,
        *(*COPIER, "update", "--defaults", "--skip-answered", "--vcs-ref", tag, *options),
        git=build_merge_environment(),
    )
    if process.returncode:
        raise CommandError(f"Nothing was changed: {extract_error(process.stderr)}")


def render(
    root: Path, template: Path, recorded: Answers, scratch: Path, only: Collection[str] = ()
) -> Path:
    """Render the recorded release, or only some of its paths, into a folder in `scratch`."""
    data, rendered = scratch / "answers.json", scratch / "rendered"
    scratch.mkdir(parents=True, exist_ok=True)
    data.write_text(json.dumps(recorded.values), encoding="utf-8")  # JSON is valid YAML.
    options = ["--defaults", "--quiet", "--vcs-ref", recorded.version, "--data-file", str(data)]
    patterns = ["*", *(f"!/{path.rstrip('/')}" for path in sorted(only))] if only else []
    options += [part for pattern in patterns for part in ("--exclude", pattern)]
    copy = (*COPIER, "copy", *options, str(template), str(rendered))
    process = run_uv(root, *copy, git=build_merge_environment())
    if process.returncode:
        raise CommandError(
            f"{recorded.version} cannot be rendered: {extract_error(process.stderr)}"
        )
    return rendered


def run_uv(
    root: Path, *arguments: str, git: Mapping[str, str] = GIT_ENVIRONMENT
) -> "subprocess.CompletedProcess[str]":
    """Run uv in a project, with the project's virtual environment instead of the active one.

    `git` has the variables with git's settings.
    """
    program = os.environ.get("UV", "uv")
    environment = {name: value for name, value in os.environ.items() if not SECRET.match(name)}
    environment.update(git)
    environment.pop("VIRTUAL_ENV", None)
    try:
        process = subprocess.Popen(  # noqa: S603 (no shell)
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
    with process, kill_on_interrupt(process):
        output, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


@contextmanager
def kill_on_interrupt(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Kill a process and its children if this process is interrupted, so that they stop writing."""
    before = {number: signal.getsignal(number) for number in TERMINATION_SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup ignores SIGHUP.
            signal.signal(number, exit_on_signal)
    try:
        yield
    except BaseException:
        if sys.platform == "win32":
            process.kill()
        else:
            with suppress(ProcessLookupError):  # It may have ended.
                os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_on_signal(signum: int, _frame: object) -> None:
    """Raise SystemExit for a signal, so that cleanup code runs."""
    sys.exit(128 + signum)


def extract_error(output: str) -> str:
    """Return the last error in the output of Copier or uv.

    copier.yml raises some errors as a missing attribute whose name is the message.
    """
    lines = [line for line in output.splitlines() if not NOISE.search(line)]
    last = lines[-1] if lines else "the command failed without a message"
    match = MISSING_ATTRIBUTE.search(last)
    return (match[1] if match else last).rstrip(".")
