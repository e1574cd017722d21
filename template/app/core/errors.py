"""What can go wrong, in the service's own terms: raised anywhere, answered as problem+json.

Nothing here knows HTTP beyond a status. Subclass the nearest error to give a failure a code of its
own; clients branch on `code`, so it is part of the API and never changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one value of the input; never the value itself."""

    loc: tuple[str | int, ...]
    message: str
    type: str


class AppError(Exception):
    """A failure that the client is told about; `detail` is a sentence for people."""

    code = "internal_server_error"
    title = "Internal Server Error"
    status = 500
    detail = "Something went wrong on our side."
    errors: Sequence[FieldError] = ()
    retry_after: int | None = None

    def __init__(self, detail: str | None = None) -> None:
        if detail is not None:
            self.detail = detail
        super().__init__(self.detail)


class UnauthorizedError(AppError):
    """Nobody is logged in, or the credentials are not valid (any more)."""

    code = "unauthorized"
    title = "Unauthorized"
    status = 401
    detail = "Log in to do this."


class ForbiddenError(AppError):
    """Logged in, but not allowed to."""

    code = "forbidden"
    title = "Forbidden"
    status = 403
    detail = "You are not allowed to do this."


class NotFoundError(AppError):
    """No such thing, or none that this client may know of."""

    code = "not_found"
    title = "Not Found"
    status = 404
    detail = "There is nothing here."


class ConflictError(AppError):
    """The request contradicts what is stored."""

    code = "conflict"
    title = "Conflict"
    status = 409
    detail = "The request contradicts what is stored."

    def __init__(self, detail: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = errors


class ValidationFailedError(AppError):
    """The input breaks a rule; `errors` says which value and why."""

    code = "validation_failed"
    title = "Unprocessable Content"
    status = 422
    detail = "The input is not valid."

    def __init__(self, detail: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = errors


class TooManyRequestsError(AppError):
    """The client has to slow down."""

    code = "too_many_requests"
    title = "Too Many Requests"
    status = 429
    detail = "There were too many requests. Try again later."

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class UnavailableError(AppError):
    """Something that the service needs does not answer; the same request may succeed later."""

    code = "service_unavailable"
    title = "Service Unavailable"
    status = 503
    detail = "The service cannot answer right now. Try again later."

    def __init__(self, detail: str | None = None, *, retry_after: int = 5) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
