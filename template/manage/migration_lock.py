"""The lock that lets one process migrate at a time, and a limit on the wait for other locks."""

import time

from sqlalchemy import Connection, text

# Held in a separate transaction, because a migration may commit its own.
TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('migrations'))")
STAY_IDLE = text("SET LOCAL idle_in_transaction_session_timeout = 0")
RETRY_SECONDS = 0.2
# A migration that waits for a table blocks every later statement on it. LOCAL, so that the limit
# does not apply to CREATE INDEX CONCURRENTLY, which waits for every transaction.
LOCK_TIMEOUT = "5s"
LIMIT_LOCK_WAITS = text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
LOCK_NOT_AVAILABLE = "55P03"
LOCK_ADVICE = f"it waited {LOCK_TIMEOUT} for a table that another transaction uses; try again later"


def take_migration_lock(connection: Connection) -> None:
    """Wait until no other process migrates; the lock is held until the transaction ends.

    Each attempt is a transaction of its own: CREATE INDEX CONCURRENTLY in the other process would
    wait for a statement that is waiting for the lock.
    """
    while not connection.scalar(TRY_LOCK):
        connection.rollback()
        time.sleep(RETRY_SECONDS)
    connection.execute(STAY_IDLE)
