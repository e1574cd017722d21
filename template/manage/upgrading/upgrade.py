"""An upgrade, which can be taken back until something is committed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from manage.errors import CommandError
from manage.upgrading.repository import Repository
from manage.upgrading.running import update

STATE = Path(".local", "upgrade.json")


@dataclass(frozen=True)
class Upgrade:
    """The upgrade of a project."""

    repository: Repository

    @property
    def _state(self) -> Path:
        return self.repository.root / STATE

    def refuse_unclean(self) -> None:
        """Stop where the upgrade could not be told from other changes, or not be taken back."""
        if self.is_under_way:
            raise CommandError(
                "An upgrade is under way: commit its result, or `manage upgrade --abort`"
            )
        if changed := self.repository.changed():
            raise CommandError(
                f"{changed[0]} {'and others are' if len(changed) > 1 else 'is'} not committed:"
                " commit or stash first, so that the upgrade can be reviewed and taken back"
            )

    def run(self, tag: str, answers: Mapping[str, str]) -> list[str]:
        """Update the project and say which files differ."""
        self._state.parent.mkdir(exist_ok=True)
        self._write(None)
        try:
            update(self.repository.root, tag, answers)
        except BaseException:
            self.abort()
            raise
        changed = self.repository.changed()
        self._write(changed)
        return changed

    def abort(self) -> None:
        """Bring back every file as it was."""
        if not self._state.exists():
            raise CommandError("No upgrade is under way")
        head, changed = json.loads(self._state.read_text())
        if head != self.repository.head():
            raise CommandError(
                "Something was committed since: undo it by `git revert` or `git reset`"
            )
        self.repository.restore()
        for path in self.repository.changed() if changed is None else changed:
            self.repository.remove_unknown(path)
        self._forget()

    @property
    def is_under_way(self) -> bool:
        """Whether its result is not committed yet."""
        if not self._state.exists():
            return False
        head, _ = json.loads(self._state.read_text())
        return head == self.repository.head() and bool(self.repository.changed())

    def _write(self, changed: list[str] | None) -> None:
        self._state.write_text(json.dumps([self.repository.head(), changed]))

    def _forget(self) -> None:
        self._state.unlink(missing_ok=True)
