"""An upgrade, which can be taken back until something is committed."""

import filecmp
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chassis_tools.upgrading.files import fits, owner_of, read_owners
from chassis_tools.upgrading.repository import Repository
from chassis_tools.upgrading.running import update
from manage.errors import CommandError

STATE = Path(".local", "upgrade.json")
COPIES = Path(".local", "before-upgrade")
# Other files that git ignores, such as those of editors, are in nobody's way.
RENDERED = (".ini", ".jinja", ".json", ".mako", ".py", ".sql", ".toml", ".yml")
LOCK = "uv.lock"  # Changed by the `uv sync` that follows.


@dataclass(frozen=True)
class Upgrade:
    """The upgrade of a project."""

    repository: Repository
    is_rehearsal: bool = False
    """Whether it happens in a copy, which nobody looks at again."""

    @property
    def _state(self) -> Path:
        return self.repository.root / STATE

    def reject_unclean(self) -> None:
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
        if unwatched := self.repository.unwatched():
            raise CommandError(
                f"git does not look for changes of {unwatched[0]}: first"
                f" `git update-index --no-skip-worktree --no-assume-unchanged {unwatched[0]}`"
            )
        self.reject_hidden()

    def reject_hidden(self) -> None:
        """Stop where a file that git ignores is in the way: nothing could bring it back."""
        owners = read_owners(self.repository.root)
        for path in self.repository.ignored():
            if path.endswith(RENDERED) and owner_of(path, owners) != "owned":
                raise CommandError(
                    f"{path} is ignored by git, in a place of the template's: rename it, or change"
                    " .gitignore"
                )

    def run(self, tag: str, answers: Mapping[str, str]) -> list[str]:
        """Update the project and say which files differ."""
        hidden = self.repository.ignored()
        self._state.parent.mkdir(exist_ok=True)
        self._write(None)
        self._copy(hidden)
        try:
            update(self.repository.root, tag, answers)
        except CommandError as error:
            raise CommandError(f"{error}{self._put_away()}") from None
        except BaseException:
            sys.stderr.write(f"Nothing is changed{self._put_away()}.\n")
            raise
        # What a new .gitignore no longer hides was there before.
        changed = [
            path
            for path in self.repository.changed()
            if not any(fits(path, entry) for entry in hidden)
        ]
        self._write(changed)
        return changed

    @property
    def _copies(self) -> Path:
        return self.repository.root / COPIES

    def _copy(self, hidden: Sequence[str]) -> None:
        """Copy the files that git ignores: it could not bring them back."""
        shutil.rmtree(self._copies, ignore_errors=True)
        for path in hidden:
            file, copy = self.repository.root / path, self._copies / path
            if file.is_file():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, copy)

    def replaced(self) -> list[str]:
        """What git ignores and is another file now; the copies of others are deleted."""
        changed = []
        for copy in filter(Path.is_file, [*self._copies.rglob("*")]):
            path = copy.relative_to(self._copies)
            if is_same(copy, self.repository.root / path):
                copy.unlink()
            else:
                changed.append(path.as_posix())
        return sorted(changed)

    def _tell_replaced(self) -> str:
        told = ", ".join(self.replaced())
        return f"; what was in {told}, which git ignores, is kept in {COPIES}" if told else ""

    def abort(self) -> str:
        """Bring back every file that the upgrade changed; says what else happened."""
        if not self._state.exists():
            raise CommandError("No upgrade is under way")
        head, _ = self._read()
        if head != self.repository.head():
            raise CommandError(
                "Something was committed since: undo it by `git revert` or `git reset`"
            )
        if not self.is_under_way:
            self._forget()
            raise CommandError("No upgrade is under way")
        if self._read()[1] is None:
            return self._put_away()
        self.repository.bring_back(self._changed())
        self._forget()
        return self._tell_replaced()

    @property
    def is_under_way(self) -> bool:
        """Whether its result is not committed yet."""
        if not self._state.exists():
            return False
        head, _ = self._read()
        return head == self.repository.head() and bool(self._changed() - {LOCK})

    def _put_away(self) -> str:
        """Go back where it did not get as far as to note what it changed: no other edit is lost."""
        if self.is_rehearsal:
            return ""
        differs = bool(self.repository.changed())
        if differs:
            self.repository.put_away("manage upgrade, which was not finished")
        self._forget()
        kept = "; what differed from the last commit is kept in `git stash`" if differs else ""
        return f"{kept}{self._tell_replaced()}"

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


def is_same(one: Path, other: Path) -> bool:
    """Whether a file is like another, which may be gone."""
    return other.is_file() and filecmp.cmp(one, other, shallow=False)
