"""The field types for numbers, and `bool`."""

from functools import partial

from chassis_tools.scaffolding import literals
from chassis_tools.scaffolding.kinds import (
    CONSTRAINED,
    Filter,
    Kind,
    Samples,
    Words,
    comparisons,
    imports,
    whole_number,
)
from chassis_tools.scaffolding.literals import literal
from manage.errors import CommandError

MAX_DIGITS = 1000


def integer(_words: Words) -> Kind:
    """Build the kind of `int`, with 32 bits."""
    return Kind(
        annotation="int",
        sql="integer",
        migration="sa.Integer()",
        input="Int32",
        filters=comparisons("0", "1", "2"),
        default=partial(literals.integer, bits=32),
        samples=Samples("1", "1", "2", "number", ('"x"', "2**31"), ("1", "2")),
        imports=imports(schemas=[("app.core.schemas", "Int32")]),
    )


def big_integer(_words: Words) -> Kind:
    """Build the kind of `bigint`, with 64 bits."""
    return Kind(
        annotation="int",
        sql="bigint",
        column="BigInteger",
        migration="sa.BigInteger()",
        input="Int64",
        filters=comparisons("0", "1", "2"),
        default=partial(literals.integer, bits=64),
        samples=Samples("1", "1", "2", "number", ('"x"', "2**63"), ("1", "2")),
        imports=imports(
            models=[("sqlalchemy", "BigInteger")], schemas=[("app.core.schemas", "Int64")]
        ),
    )


def floating(_words: Words) -> Kind:
    """Build the kind of `float`, with 64 bits."""
    return Kind(
        annotation="float",
        sql="double precision",
        column="Double",
        migration="sa.Double()",
        input="FiniteFloat",
        filters=comparisons("0.5", "1.5", "2.5")[1:],
        default=literals.floating,
        samples=Samples("1.5", "1.5", "2.5", invalid=('"x"', '"inf"'), ordered=("1.5", "2.5")),
        imports=imports(models=[("sqlalchemy", "Double")], schemas=[("pydantic", "FiniteFloat")]),
    )


def decimal(words: Words) -> Kind:
    """Build the kind of `decimal:10:2`, with precision and scale."""
    digits, places = parse_digits(words)
    samples = decimal_samples(digits, places)
    # Pydantic counts the 0 before the point as a digit.
    bounds = f"max_digits={digits}" if digits > places else "gt=-1, lt=1"
    return Kind(
        annotation="Decimal",
        sql=f"numeric({digits}, {places})",
        column=f"Numeric({digits}, {places})",
        migration=f"sa.Numeric({digits}, {places})",
        constraint=f"Annotated[Decimal, Field({bounds}, decimal_places={places})]",
        filter_type="Decimal",
        filters=comparisons('"0"', samples.payload, samples.change),
        default=partial(literals.decimal, digits=digits, places=places),
        samples=samples,
        imports=imports(
            models=[("decimal", "Decimal"), ("sqlalchemy", "Numeric")],
            schemas=[("decimal", "Decimal"), *CONSTRAINED],
            factory=[("decimal", "Decimal")],
        ),
    )


def parse_digits(words: Words) -> tuple[int, int]:
    """Return the precision and the scale."""
    if len(words.arguments) < 2:
        raise CommandError(
            f"{words.name}: a decimal needs a precision and a scale, as in decimal:10:2"
        )
    digits = whole_number(words.arguments[0], words, largest=MAX_DIGITS)
    return digits, whole_number(words.arguments[1], words, smallest=0, largest=digits)


def decimal_samples(digits: int, places: int) -> Samples:
    """Return samples that fit the precision and the scale."""
    one, two = (decimal_sample(value, digits, places) for value in (1, 2))
    too_long = "9" * (digits - places + 1)
    return Samples(
        factory=f'Decimal("{one}")',
        payload=literal(one),
        change=literal(two),
        unique=f"Decimal(number % {10 ** min(digits, 9)}).scaleb({-places})",
        invalid=('"x"', literal(too_long if len(too_long) < 20 else "NaN")),
        ordered=(f'Decimal("{one}")', f'Decimal("{two}")'),
    )


def decimal_sample(value: int, digits: int, places: int) -> str:
    """Return a number that the column returns unchanged: 1.50, or 0.15."""
    if not places:
        return str(value)
    if digits == places:
        return f"0.{value}".ljust(places + 2, "5")
    return f"{value}.".ljust(places + 2, "5")


def boolean(_words: Words) -> Kind:
    """Build the kind of `bool`."""
    return Kind(
        annotation="bool",
        sql="boolean",
        migration="sa.Boolean()",
        filters=(Filter("", "False", "True"),),
        default=literals.boolean,
        samples=Samples("False", "True", "True", invalid=('"x"',)),
    )
