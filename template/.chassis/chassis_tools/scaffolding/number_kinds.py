"""The kinds of number fields, and `bool`."""

from functools import partial

from chassis_tools.scaffolding import literals
from chassis_tools.scaffolding.kinds import (
    CONSTRAINED_IMPORTS,
    Declaration,
    Filter,
    Kind,
    Samples,
    build_comparisons,
    group_imports,
    parse_whole_number,
)
from chassis_tools.scaffolding.literals import literal
from manage.errors import CommandError

MAX_PRECISION = 1000


def build_integer(_declaration: Declaration) -> Kind:
    """Build the kind of `int` (32 bits)."""
    return Kind(
        annotation="int",
        sql="integer",
        migration="sa.Integer()",
        input="Int32",
        filters=build_comparisons("0", "1", "2"),
        default=partial(literals.parse_integer, bits=32),
        samples=Samples("1", "1", "2", "number", ('"x"', "True", "2**31"), ("1", "2")),
        imports=group_imports(schemas=[("app.core.schemas", "Int32")]),
    )


def build_big_integer(_declaration: Declaration) -> Kind:
    """Build the kind of `bigint` (64 bits)."""
    return Kind(
        annotation="int",
        sql="bigint",
        column="BigInteger",
        migration="sa.BigInteger()",
        input="Int64",
        filters=build_comparisons("0", "1", "2"),
        default=partial(literals.parse_integer, bits=64),
        samples=Samples("1", "1", "2", "number", ('"x"', "True", "2**63"), ("1", "2")),
        imports=group_imports(
            models=[("sqlalchemy", "BigInteger")], schemas=[("app.core.schemas", "Int64")]
        ),
    )


def build_float(_declaration: Declaration) -> Kind:
    """Build the kind of `float` (64 bits)."""
    return Kind(
        annotation="float",
        sql="double precision",
        column="Double",
        migration="sa.Double()",
        input="FiniteFloat",
        filters=build_comparisons("0.5", "1.5", "2.5")[1:],
        default=literals.parse_float,
        samples=Samples("1.5", "1.5", "2.5", invalid=('"x"', '"inf"'), ordered=("1.5", "2.5")),
        imports=group_imports(
            models=[("sqlalchemy", "Double")], schemas=[("pydantic", "FiniteFloat")]
        ),
    )


def build_decimal(declaration: Declaration) -> Kind:
    """Build the kind of `decimal:10:2` (precision 10, scale 2)."""
    precision, scale = parse_precision(declaration)
    samples = build_decimal_samples(precision, scale)
    # Pydantic counts the 0 before the decimal point as a digit.
    bounds = f"max_digits={precision}" if precision > scale else "gt=-1, lt=1"
    return Kind(
        annotation="Decimal",
        sql=f"numeric({precision}, {scale})",
        column=f"Numeric({precision}, {scale})",
        migration=f"sa.Numeric({precision}, {scale})",
        constraint=f"Annotated[Decimal, Field({bounds}, decimal_places={scale})]",
        filter_type="Decimal",
        filters=build_comparisons('"0"', samples.payload, samples.change),
        default=partial(literals.parse_decimal, precision=precision, scale=scale),
        samples=samples,
        imports=group_imports(
            models=[("decimal", "Decimal"), ("sqlalchemy", "Numeric")],
            schemas=[("decimal", "Decimal"), *CONSTRAINED_IMPORTS],
            factory=[("decimal", "Decimal")],
        ),
    )


def parse_precision(declaration: Declaration) -> tuple[int, int]:
    """Return the precision and the scale."""
    if len(declaration.arguments) < 2:
        raise CommandError(
            f"{declaration.name}: a decimal needs a precision and a scale, as in decimal:10:2"
        )
    precision = parse_whole_number(declaration.arguments[0], declaration, largest=MAX_PRECISION)
    return precision, parse_whole_number(
        declaration.arguments[1], declaration, smallest=0, largest=precision
    )


def build_decimal_samples(precision: int, scale: int) -> Samples:
    """Return samples that fit the precision and the scale."""
    first, second = (format_decimal_sample(value, precision, scale) for value in (1, 2))
    too_long = "9" * (precision - scale + 1)
    return Samples(
        factory=f'Decimal("{first}")',
        payload=literal(first),
        change=literal(second),
        unique=f"Decimal(number % {10 ** min(precision, 9)}).scaleb({-scale})",
        invalid=('"x"', literal(too_long if len(too_long) < 20 else "NaN")),
        ordered=(f'Decimal("{first}")', f'Decimal("{second}")'),
    )


def format_decimal_sample(value: int, precision: int, scale: int) -> str:
    """Return a number with all digits of the scale, such as 1.55 or 0.15."""
    if not scale:
        return str(value)
    if precision == scale:
        return f"0.{value}".ljust(scale + 2, "5")
    return f"{value}.".ljust(scale + 2, "5")


def build_boolean(_declaration: Declaration) -> Kind:
    """Build the kind of `bool`."""
    return Kind(
        annotation="bool",
        sql="boolean",
        migration="sa.Boolean()",
        input="StrictBool",
        filter_type="bool",
        filters=(Filter("", "False", "True"),),
        default=literals.parse_boolean,
        samples=Samples("False", "True", "True", invalid=('"x"', "0")),
        imports=group_imports(schemas=[("pydantic", "StrictBool")]),
    )
