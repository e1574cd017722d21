"""The types of `tests/leaks.py`, in which a project describes its routes to the leak tests."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, get_args

# The columns of a user, such as {"role": "admin"}.
Columns = Mapping[str, Any]
# Values by name, or a function that returns them for a number, which is different in each request.
BodyValues = Mapping[str, Any] | Callable[[int], Mapping[str, Any]]
# The tests of `test_leaks`.
Check = Literal["rows", "paths", "queries", "headers", "credentials", "totals", "bodies"]
CHECKS: tuple[Check, ...] = get_args(Check)

FILE = "tests/leaks.py"


@dataclass(frozen=True)
class RequestValues:
    """Values that the leak tests cannot derive from the OpenAPI document.

    Unique values need a function: `body=lambda number: {"code": f"EU-{number}"}`.
    """

    body: BodyValues = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def build_body(self, number: int) -> Mapping[str, Any]:
        """Return the body's values for a request."""
        return self.body(number) if callable(self.body) else self.body


@dataclass(frozen=True)
class Exemption:
    """An operation that the leak tests leave out, entirely or in some checks."""

    reason: str
    checks: Collection[Check] = CHECKS

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("An exemption requires a reason.")
        if unknown := set(self.checks) - set(CHECKS):
            raise ValueError(f"Unknown checks {sorted(unknown)}: use some of {CHECKS}.")


@dataclass(frozen=True)
class LeakTestOptions:
    """The declarations of a project. Operations are named like "POST /api/v1/orders"."""

    # Users that call each operation, by role.
    roles: Mapping[str, Columns]
    values: Mapping[str, RequestValues] = field(default_factory=dict)
    exemptions: Mapping[str, Exemption] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.roles:
            raise ValueError("The leak tests require at least one role.")

    def get_values(self, operation: object, defaults: Mapping[str, RequestValues]) -> RequestValues:
        """Return the declared values of an operation."""
        name = str(operation)
        return self.values.get(name) or defaults.get(name, RequestValues())

    def get_exemption(self, operation: object, check: Check) -> str | None:
        """Return the reason for which a check leaves an operation out."""
        exemption = self.exemptions.get(str(operation))
        return exemption.reason if exemption and check in exemption.checks else None

    def is_exempt(self, operation: object) -> bool:
        """Return True if all checks leave the operation out, so that it is never called."""
        return all(self.get_exemption(operation, check) for check in CHECKS)

    def find_unknown_operations(self, operations: Collection[str]) -> list[str]:
        """Return a message for each declared operation that does not exist."""
        messages = []
        for name in sorted({*self.values, *self.exemptions} - set(operations)):
            similar = " or ".join(get_close_matches(name, operations, n=2))
            hint = f"; did you mean {similar}?" if similar else ""
            messages.append(f"{FILE} names {name}, which is not an operation of the API{hint}")
        return messages


def explain_rejection(
    operation: object, status: int, text: str, roles: Collection[str], part: str
) -> str:
    """Return a message for a valid request that was rejected: what to declare, and where."""
    name = str(operation)
    answer = f"{status} {text}".strip()
    exempt = f'or leave it out: exemptions={{"{name}": Exemption("the reason")}}'
    if status == 403:
        return (
            f"{name} rejects each role ({', '.join(roles)}): {answer}\n"
            f"Add the role that it requires to `roles` in {FILE}, {exempt}"
        )
    if status >= 500:
        return f"{name} fails: {answer}\nFix the route, {exempt}"
    return (
        f"{name} rejects the generated request: {answer}\nDeclare valid values in {FILE}: "
        f'values={{"{name}": RequestValues({part}={{…}})}}, {exempt}'
    )
