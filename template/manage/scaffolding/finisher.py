"""The process that carries out a change, so that killing the command cannot halve it.

It waits until the command closes the pipe between them, as the system does when the command is
killed. If a journal is there by then, the change happens. No terminal and no signal but SIGKILL
reaches this process; it imports no more than it needs because the command waits for it.
"""

import signal
import sys
from contextlib import suppress
from pathlib import Path

from manage.errors import CommandError
from manage.scaffolding.disk import reason
from manage.scaffolding.journal import Journal
from manage.scaffolding.locks import held

PATIENCE_SECONDS = 60


def main(root: Path) -> None:
    """Wait, finish, and say in a sentence what went wrong."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.stdin.buffer.read()
    try:
        finish(root)
    except CommandError as error:
        with suppress(OSError):  # The command may be gone.
            sys.stdout.buffer.write(str(error).encode())
            sys.stdout.buffer.flush()
        raise SystemExit(1) from None


def finish(root: Path) -> None:
    """Finish the journal, if there is one, after whoever is at it."""
    journal = Journal(root)
    if not journal.folder.exists():
        return
    with held(root, patience_seconds=PATIENCE_SECONDS):
        try:
            journal.finish()
        except OSError as error:
            raise CommandError(f"{reason(error, root)}; the next command tries again") from None
