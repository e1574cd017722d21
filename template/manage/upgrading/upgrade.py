"""An upgrade, which can be taken back until something is committed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from manage.errors import CommandError
from manage.upgrading.repository import Repository
from manage.upgrading.running import update

STATE = Path(".local", "upgrade.json")
LOCK = "uv.lock"  # Changed by the `uv sync` that follows.


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
            self.repository.bring_back(self._changed())
            self._forget()
            raise
        changed = self.repository.changed()
        self._write(changed)
        return changed

    def abort(self) -> None:
        """Bring back every file that the upgrade changed; other edits made since stay."""
        if not self._state.exists():
            raise CommandError("No upgrade is under way")
        head, _ = self._read()
        if head != self.repository.head():
            raise CommandError(
                "Something was committed since: undo it by `git revert` or `git reset`"
            )
        is_under_way = self.is_under_way
        if is_under_way:
            self.repository.bring_back(self._changed())
        self._forget()
        if not is_under_way:
            raise CommandError("No upgrade is under way")

    @property
    def is_under_way(self) -> bool:
        """Whether its result is not committed yet."""
        if not self._state.exists():
            return False
        head, _ = self._read()
        return head == self.repository.head() and bool(self._changed() - {LOCK})

    def _changed(self) -> set[str]:
        """What the upgrade changed and is not as before; all, if it was killed on the way."""
        _, noted = self._read()
        now = set(self.repository.changed())
        return now if noted is None else now & {*noted, LOCK}

    def _read(self) -> tuple[str, list[str] | None]:
        head, noted = json.loads(self._state.read_text())
        return head, noted

    def _write(self, changed: list[str] | None) -> None:
        self._state.write_text(json.dumps([self.repository.head(), changed]))

    def _forget(self) -> None:
        self._state.unlink(missing_ok=True)
