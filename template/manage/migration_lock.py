"""The lock that lets one process migrate at a time, and the limit of waiting for other locks."""

import time

from sqlalchemy import Connection, text

# In a transaction of its own, which outlives the transactions of the migrations.
TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('migrations'))")
STAY_IDLE = text("SET LOCAL idle_in_transaction_session_timeout = 0")
RETRY_SECONDS = 0.2
# A migration that waits for a table blocks every later statement on it.
LOCK_TIMEOUT = "5s"
LIMIT_LOCK_WAITS = text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
LOCK_NOT_AVAILABLE = "55P03"
LOCK_ADVICE = f"it waited {LOCK_TIMEOUT} for a table that another transaction uses. Try again"


def take_migration_lock(connection: Connection) -> None:
    """Wait until no other process migrates; the lock is held until the transaction ends.

    Each try is a transaction, because CREATE INDEX CONCURRENTLY waits for waiting statements.
    """
    while not connection.scalar(TRY_LOCK):
        connection.rollback()
        time.sleep(RETRY_SECONDS)
    connection.execute(STAY_IDLE)
