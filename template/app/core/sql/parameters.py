"""The parameters of connections: timeouts, keep-alives and read-only transactions."""

from app.core.config import CoreSettings

# So that the server closes connections whose client is gone, and firewalls keep idle ones open.
KEEPALIVE_SECONDS = 60
# The client waits this much longer than the server's own limit for a statement.
RESPONSE_MARGIN_SECONDS = 2
READ_ONLY = {"default_transaction_read_only": "on"}


def build_server_parameters(settings: CoreSettings) -> dict[str, str]:
    """Build the PostgreSQL parameters of each connection."""
    return {
        "statement_timeout": str(settings.statement_timeout_ms),
        "lock_timeout": str(settings.lock_timeout_ms),
        "idle_in_transaction_session_timeout": str(settings.idle_in_transaction_timeout_ms),
        "tcp_keepalives_idle": str(KEEPALIVE_SECONDS),
    }


def get_response_timeout(settings: CoreSettings) -> float | None:
    """Return the seconds to wait for the server's response; None means no limit.

    The server ends a statement after STATEMENT_TIMEOUT_MS. If no response follows, the server or
    the network hangs.
    """
    if not settings.statement_timeout_ms:
        return None
    return settings.statement_timeout_ms / 1000 + RESPONSE_MARGIN_SECONDS
