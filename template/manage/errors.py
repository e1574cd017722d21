"""Failures that a command expects."""


class CommandError(Exception):
    """Ends the command with one sentence and exit code 1."""


def reason(error: BaseException) -> str:
    """The first line of what went wrong, without the library's own classes around it."""
    text = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    return text.splitlines()[0].partition(">: ")[2] or text.splitlines()[0]
