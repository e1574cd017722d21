"""Conditional writes: the row that a request changes must still be as its client read it."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Select

from app.core.errors import PreconditionFailedError


class RowCondition:
    """The condition of a request that its row has not changed since the client read it.

    Its row is the first one that is comparable: `compare` returns None for a row of another model,
    such as the parent.
    """

    def __init__(self, compare: Callable[[object], bool | None]) -> None:
        self._compare = compare
        self._outcome: bool | None = None

    def check(self, entity: object | None) -> None:
        """Compare a loaded row, unless one has been compared; a missing row fails."""
        if self._outcome is None:
            self._outcome = False if entity is None else self._compare(entity)

    def raise_if_failed(self) -> None:
        """Raise PreconditionFailedError if the row has changed, before any row is written."""
        if self._outcome is False:
            raise PreconditionFailedError

    def require(self) -> None:
        """Raise an error unless the condition is met, before the transaction is committed."""
        self.raise_if_failed()
        if self._outcome is None:
            raise RuntimeError(
                "If-Match was not checked: load the row with Repository.get before you write it, "
                "or decorate the endpoint with app.core.routing.ignore_if_match"
            )


row_condition: ContextVar[RowCondition | None] = ContextVar("row_condition", default=None)


def is_conditional() -> bool:
    """Return True if the request has a condition."""
    return row_condition.get() is not None


def lock_rows(statement: Select[Any], model: type[Any]) -> Select[Any]:
    """Return a SELECT of entities that locks their rows and reads them again.

    The lock is that of an UPDATE: rows that reference the row can still be inserted.
    """
    statement = statement.with_for_update(of=model, key_share=True)
    return statement.execution_options(populate_existing=True)


def check_condition(entity: object | None) -> None:
    """Check the request's condition, if it has one, against a locked row."""
    if condition := row_condition.get():
        condition.check(entity)


def raise_if_condition_failed() -> None:
    """Raise PreconditionFailedError if the request has a condition that its row did not meet."""
    if condition := row_condition.get():
        condition.raise_if_failed()
