"""The flags `min` and `max` of fields."""

from decimal import Decimal
from typing import Annotated, Any

import pytest
from app.core import schemas
from chassis_tools.scaffolding.conflicts import reject_name_conflicts
from chassis_tools.scaffolding.fields import Field
from chassis_tools.scaffolding.names import derive_names
from chassis_tools.scaffolding.resource import Resource
from chassis_tools.scaffolding.specifications import make_field, parse
from pydantic import BeforeValidator, FiniteFloat, TypeAdapter, ValidationError, create_model
from pydantic import Field as PydanticField

from tests.scaffold.test_names import refusal_of

NAMES = {
    **vars(schemas),
    "Annotated": Annotated,
    "BeforeValidator": BeforeValidator,
    "Decimal": Decimal,
    "Field": PydanticField,
    "FiniteFloat": FiniteFloat,
}
# Fields, the condition in the database, and their bounds in the API's document.
BOUNDED = {
    "price:decimal:10:2,min=0": ("price >= 0", {"minimum": 0}),
    "price:decimal:10:2,min=0.10,max=9.5": (
        "price >= 0.1 AND price <= 9.5",
        {"minimum": 0.1, "maximum": 9.5},
    ),
    "share:decimal:2:2,max=0.5": ("share <= 0.5", {"exclusiveMinimum": -1, "maximum": 0.5}),
    "share:decimal:1:1,min=0.8": ("share >= 0.8", {"minimum": 0.8, "exclusiveMaximum": 1}),
    "big:decimal:50:30,min=1": ("big >= 1", {"minimum": 1}),
    "quantity:int,min=1,max=99": (
        "quantity >= 1 AND quantity <= 99",
        {"minimum": 1, "maximum": 99},
    ),
    "stock:int,min=0": ("stock >= 0", {"minimum": 0, "exclusiveMaximum": 2**31}),
    "stock:int,max=-5": ("stock <= -5", {"minimum": -(2**31), "maximum": -5}),
    "top:int,min=2147483646": (
        "top >= 2147483646",
        {"minimum": 2**31 - 2, "exclusiveMaximum": 2**31},
    ),
    "top:bigint,max=-9223372036854775807,min=-9223372036854775808": (
        "top >= -9223372036854775808 AND top <= -9223372036854775807",
        {"minimum": -(2**63), "maximum": -(2**63) + 1},
    ),
    "weight:float,min=0.5": ("weight >= 0.5", {"minimum": 0.5}),
    "weight:float,min=1e-10,max=1e-9": (
        "weight >= 1e-10 AND weight <= 1e-09",
        {"minimum": 1e-10, "maximum": 1e-9},
    ),
    "name:str:200,min=3": ("char_length(name) >= 3", {"minLength": 3, "maxLength": 200}),
    "name:str,min=100": ("char_length(name) >= 100", {"minLength": 100, "maxLength": 255}),
    "name:text,min=2": ("char_length(name) >= 2", {"minLength": 2, "maxLength": 20_000}),
}
REFUSED = {
    "a:int,min=2,max=1": "min must be less than max",
    "a:int,min=2,max=2": "min must be less than max",
    "a:int,min=1,default=0": "the default 0 is outside min and max",
    "a:decimal:5:2,max=1,default=1.01": "the default 1.01 is outside min and max",
    "a:str,min=3,default=ab": "the default 'ab' is shorter than min",
    "a:int,min=1.5": "min must be a whole number of 32 bits",
    "a:int,max=2147483648": "max must be a whole number of 32 bits",
    "a:float,min=nan": "min must be a finite number",
    "a:float,max=1e16": "max must be a number from -1e15 to 1e15",
    "a:decimal:5:2,max=1000": "max must be a number of at most 5 digits, 2 of them",
    "a:decimal:5:2,min=0.001": "min must be a number of at most 5 digits, 2 of them",
    "a:decimal:5:2,min=": "min must be a number of at most 5 digits, 2 of them",
    "a:str:10,min=11": "min must be a whole number from 1 to 10",
    "a:str:10,min=0": "min must be a whole number from 1 to 10",
    "a:text,min=x": "min must be a whole number from 1 to 20000",
    "a:str,max=100": "write the maximum length after the type, as in str:100",
    "a:bool,min=0": "the type bool does not support min",
    "a:date,max=2026-01-01": "the type date does not support max",
    "a:enum:x/y,min=1": "the type enum does not support min",
    "a:int,unique,min=1,max=9": "cannot be unique: only 9 values are allowed",
    "a:int,min=1,min=2": "the flag min is given twice",
    "a:int,min": "unknown flag 'min': use min=…",
    "a:ref:user,min=1": "unknown flag 'min=1'",
}


def make(field: str) -> Field:
    return make_field(parse(field), resource="Order")


def evaluate(source: str, **names: Any) -> Any:
    return eval(source, NAMES | names)


def validate(field: Field, source: str, **names: Any) -> Any:
    """Return a value as a request schema accepts it."""
    fields: Any = {"value": (evaluate(field.constraint), ...)}
    schema = create_model("Schema", __base__=schemas.InputSchema, **fields)
    return schema.model_validate({"value": evaluate(source, **names)}).model_dump()["value"]


@pytest.mark.quick
@pytest.mark.parametrize("text", BOUNDED)
class TestBounds:
    def test_database_and_document(self, text: str) -> None:
        field = make(text)
        condition, bounds = BOUNDED[text]
        assert field.kind.condition == condition
        schema = TypeAdapter(evaluate(field.constraint)).json_schema()
        schema = schema.get("anyOf", [schema])[0]
        assert {name: value for name, value in schema.items() if "im" in name or "Le" in name} == (
            bounds
        )

    def test_samples(self, text: str) -> None:
        """The made tests send two different valid values, and at least one outside the bounds."""
        field = make(text)
        samples = field.kind.samples
        assert validate(field, samples.payload) != validate(field, samples.change)
        for source in (samples.factory, *samples.ordered):
            validate(field, source)
        for source in samples.invalid:
            with pytest.raises(ValidationError):
                validate(field, source)

    def test_filters(self, text: str) -> None:
        """The sample of a row is between the values that do not match."""
        field = make(text)
        for filter_ in field.kind.filters:
            sample, miss = (evaluate(source) for source in (filter_.match, filter_.miss))
            lower, higher = (miss, sample) if filter_.operator == "lte" else (sample, miss)
            if filter_.operator in ("gte", "lte"):
                assert Decimal(lower) < Decimal(higher)
            TypeAdapter(evaluate(field.kind.filter_type)).validate_python(miss)


@pytest.mark.quick
@pytest.mark.parametrize(
    "text",
    [
        *("a:int,min=1,max=99", "a:int,max=-5", "a:int,max=20", "a:bigint,min=5000", "a:int,min=0"),
        *("a:decimal:4:2,min=0.1,max=0.2", "a:decimal:10:2,min=-1", "a:str:40,min=30"),
        *("a:str:3,min=3", "a:str,min=10"),
    ],
)
def test_unique_samples(text: str) -> None:
    field = make(f"{text},unique")
    values = {validate(field, field.sample, number=number) for number in range(1001, 1011)}
    assert len(values) == 10


@pytest.mark.quick
@pytest.mark.parametrize(("text", "sentence"), REFUSED.items())
def test_refused(text: str, sentence: str) -> None:
    assert sentence in refusal_of(lambda: make(text))


@pytest.mark.quick
def test_constraints_of_one_name() -> None:
    fields = [make("price_range:enum:low/high"), make("order_price:int,min=0")]
    resource = Resource(derive_names("order"), fields)
    sentence = refusal_of(lambda: reject_name_conflicts(resource))
    assert "would both have the constraint ck_orders_order_price_range" in sentence
