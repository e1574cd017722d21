"""The error that ends a command, and summaries of other errors for its message."""


class CommandError(Exception):
    """An expected failure: the command prints the message and exits with code 1."""


def summarize_error(error: BaseException) -> str:
    """Return the first line of an error's message, without SQLAlchemy's and the driver's prefix."""
    text = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    first_line = text.splitlines()[0]
    return first_line.partition(">: ")[2] or first_line
