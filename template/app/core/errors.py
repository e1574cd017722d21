"""The service's errors, which can be raised anywhere and become problem+json responses.

Subclass the closest error to give a failure its own `code`. Clients branch on `code`, so it is part
of the API: never change it.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """An error in one input value; it never contains the value, which may be a secret.

    `loc` begins with `body`, `query`, `path` or `header`, as in FastAPI's validation errors.
    """

    loc: tuple[str | int, ...]
    msg: str
    type: str


class AppError(Exception):
    """The base of all errors that reach the client; `detail` is a human-readable sentence."""

    code = "internal_server_error"
    title = "Internal Server Error"
    status = 500
    detail = "An unexpected error occurred."
    errors: Sequence[FieldError] = ()
    retry_after: int | None = None

    def __init__(self, detail: str | None = None) -> None:
        if detail is not None:
            self.detail = detail
        super().__init__(self.detail)


class UnauthorizedError(AppError):
    """Raised when credentials are missing, invalid or expired (401)."""

    code = "unauthorized"
    title = "Unauthorized"
    status = 401
    detail = "Authentication credentials are missing, invalid or expired."


class ForbiddenError(AppError):
    """Raised when the user lacks permission (403)."""

    code = "forbidden"
    title = "Forbidden"
    status = 403
    detail = "You do not have permission to perform this action."


class RegistrationDisabledError(ForbiddenError):
    """Raised when users cannot register themselves (403)."""

    code = "registration_disabled"
    detail = "Registration is disabled."


class NotFoundError(AppError):
    """Raised when a resource does not exist or is hidden from the client (404)."""

    code = "not_found"
    title = "Not Found"
    status = 404
    detail = "Not found."


class ConflictError(AppError):
    """Raised when the request conflicts with the current state (409)."""

    code = "conflict"
    title = "Conflict"
    status = 409
    detail = "The request conflicts with the current state."

    def __init__(self, detail: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = errors


class PreconditionFailedError(AppError):
    """Raised when a condition of the request, such as If-Match, is false or unsupported (412)."""

    code = "precondition_failed"
    title = "Precondition Failed"
    status = 412
    detail = "The resource has changed since it was read. Read it again, then repeat the change."


class ValidationFailedError(AppError):
    """Raised when the input is invalid (422); `errors` names each invalid value and the reason."""

    code = "validation_failed"
    title = "Unprocessable Content"
    status = 422
    detail = "The input is invalid."

    def __init__(self, detail: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = errors


class TooManyRequestsError(AppError):
    """Raised when a rate limit is exceeded (429); `retry_after` is in seconds."""

    code = "too_many_requests"
    title = "Too Many Requests"
    status = 429
    detail = "Too many requests. Try again later."

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class UnavailableError(AppError):
    """Raised when a required service is unavailable (503); `retry_after` is in seconds."""

    code = "service_unavailable"
    title = "Service Unavailable"
    status = 503
    detail = "A required service is unavailable. Try again later."

    def __init__(self, detail: str | None = None, *, retry_after: int = 5) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
