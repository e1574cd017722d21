"""Types of field that hold dates, times, UUIDs and JSON."""

from manage.scaffolding import defaults
from manage.scaffolding.kinds import Filter, Kind, Samples, Words, comparisons, imports

DAYS = Samples(
    factory="date(2026, 1, 1)",
    payload='"2026-01-01"',
    change='"2026-01-02"',
    unique="date(2026, 1, 1) + timedelta(days=number)",
    invalid=('"x"',),
    ordered=("date(2026, 1, 1)", "date(2026, 1, 2)"),
)
NOON = "datetime(2026, 1, 1, 12, tzinfo=UTC)"
MOMENTS = Samples(
    factory=NOON,
    payload='"2026-01-01T12:00:00Z"',
    change='"2026-01-02T12:00:00Z"',
    unique=f"{NOON} + timedelta(days=number)",
    invalid=('"x"', '"2026-01-01T12:00:00"', '"0001-01-01T00:00:00+14:00"'),
    ordered=(NOON, "datetime(2026, 1, 2, 12, tzinfo=UTC)"),
)
TIMES = Samples(
    factory="time(9, 30)",
    payload='"09:30:00"',
    change='"10:30:00"',
    unique="time(number // 60 % 24, number % 60)",
    invalid=('"x"', '"09:30:00Z"'),
    ordered=("time(9, 30)", "time(10, 30)"),
)


def day(_words: Words) -> Kind:
    """`date`."""
    return Kind(
        annotation="date",
        sql="date",
        migration="sa.Date()",
        filters=comparisons('"2025-12-31"', '"2026-01-01"', '"2026-01-02"'),
        default=defaults.day,
        samples=DAYS,
        imports=imports(
            models=[("datetime", "date")],
            schemas=[("datetime", "date")],
            factory=[("datetime", "date")],
            unique=[("datetime", "timedelta")],
        ),
    )


def moment(_words: Words) -> Kind:
    """`datetime`: with its time zone."""
    return Kind(
        annotation="datetime",
        sql="timestamptz",
        migration="moment",
        input="Timestamp",
        filters=(
            Filter("gte", MOMENTS.payload, MOMENTS.change),
            Filter("lt", MOMENTS.change, MOMENTS.payload),
        ),
        default=defaults.moment,
        samples=MOMENTS,
        imports=imports(
            models=[("datetime", "datetime")],
            factory=[("datetime", "UTC"), ("datetime", "datetime")],
            unique=[("datetime", "timedelta")],
        ),
    )


def clock_time(_words: Words) -> Kind:
    """`time`: of a clock on the wall, without a time zone."""
    return Kind(
        annotation="time",
        sql="time",
        migration="sa.Time()",
        input="WallTime",
        filters=comparisons('"08:30:00"', '"09:30:00"', '"10:30:00"')[1:],
        default=defaults.clock_time,
        samples=TIMES,
        imports=imports(
            models=[("datetime", "time")],
            schemas=[("datetime", "time"), ("app.core.schemas", "WallTime")],
            factory=[("datetime", "time")],
        ),
    )


def uuid(_words: Words) -> Kind:
    """`uuid`."""
    one, two = (f'"00000000-0000-0000-0000-00000000000{number}"' for number in (1, 2))
    return Kind(
        annotation="UUID",
        sql="uuid",
        migration="sa.Uuid()",
        filters=(Filter("", one, two),),
        samples=Samples("UUID(int=1)", one, two, "uuid4()", ('"x"',)),
        imports=imports(
            models=[("uuid", "UUID")], factory=[("uuid", "UUID")], unique=[("uuid", "uuid4")]
        ),
    )


def json_object(_words: Words) -> Kind:
    """`json`: an object."""
    return Kind(
        annotation="dict[str, Any]",
        sql="jsonb",
        column="JSONB",
        migration="postgresql.JSONB()",
        default=defaults.json_object,
        samples=Samples(
            '{"key": "value"}', '{"key": "value"}', '{"key": ["new"]}', invalid=('"x"', "[]")
        ),
        imports=imports(
            models=[("typing", "Any"), ("sqlalchemy.dialects.postgresql", "JSONB")],
            schemas=[("typing", "Any")],
            migration=[("sqlalchemy.dialects", "postgresql")],
        ),
    )
