"""A plugin for mypy that checks the values of `Repository.create` and `Repository.update`.

Both take the attributes of any model as keyword arguments, which Python's type annotations cannot
express. The plugin gives each call the signature of the repository's model.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from mypy.errorcodes import CALL_ARG
from mypy.expandtype import expand_type_by_instance
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import (
    ARG_NAMED_OPT,
    ARG_STAR2,
    CallExpr,
    Decorator,
    OverloadedFuncDef,
    TypeInfo,
    Var,
)
from mypy.plugin import MethodSigContext, Plugin
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    Type,
    TypeOfAny,
    get_proper_type,
)

REPOSITORY = "app.core.repository.Repository"
MAPPED = "sqlalchemy.orm.base.Mapped"

SignatureHook = Callable[[MethodSigContext], CallableType]


class RepositoryPlugin(Plugin):
    """Checks names and types of the values that repositories write."""

    def get_method_signature_hook(self, fullname: str) -> SignatureHook | None:
        """Return the function that builds the signature of a repository's method."""
        if fullname.endswith(".create"):
            return build_signature
        if fullname.endswith(".update"):
            return partial(build_signature, allow_sql=True)
        return None


def build_signature(context: MethodSigContext, *, allow_sql: bool = False) -> CallableType:
    """Return the signature with an optional parameter for each attribute of the model.

    With `allow_sql`, a value can be an SQL expression. If the call unpacks a dictionary, only the
    values beside it are checked.
    """
    signature, call = context.default_signature, context.context
    model = find_model(context.type)
    if model is None or signature.arg_kinds[-1:] != [ARG_STAR2] or not isinstance(call, CallExpr):
        return signature
    taken = {name for name in signature.arg_names if name}
    attributes = dict(find_attributes(model.type, allow_sql=allow_sql))
    attributes = {name: type_ for name, type_ in attributes.items() if name not in taken}
    if ARG_STAR2 not in call.arg_kinds:
        return replace_values(signature, attributes)
    passed = {name for name in call.arg_names if name} - taken
    for name in sorted(passed - attributes.keys()):
        context.api.fail(f'Unexpected keyword argument "{name}"', call, code=CALL_ARG)
    checked = {name: attributes[name] for name in passed & attributes.keys()}
    return replace_values(signature, checked, keep=True)


def replace_values(
    signature: CallableType, attributes: Mapping[str, Type], *, keep: bool = False
) -> CallableType:
    """Return a signature with these parameters in place of `**values`, or before it."""
    kept = slice(-1, None) if keep else slice(0)
    return signature.copy_modified(
        arg_types=[*signature.arg_types[:-1], *attributes.values(), *signature.arg_types[kept]],
        arg_kinds=[
            *signature.arg_kinds[:-1],
            *[ARG_NAMED_OPT] * len(attributes),
            *signature.arg_kinds[kept],
        ],
        arg_names=[*signature.arg_names[:-1], *attributes, *signature.arg_names[kept]],
    )


def find_model(type_: Type) -> Instance | None:
    """Return the model of a repository; None if it is unknown, as in a generic function."""
    instance = get_proper_type(type_)
    if not isinstance(instance, Instance):
        return None
    for info in instance.type.mro:
        if info.fullname == REPOSITORY:
            model = get_proper_type(map_instance_to_supertype(instance, info).args[0])
            return model if isinstance(model, Instance) else None
    return None


def find_attributes(model: TypeInfo, *, allow_sql: bool) -> Iterator[tuple[str, Type]]:
    """Yield the names and types of a model's mapped attributes, and Any for its other ones."""
    seen: set[str] = set()
    for info in model.mro:
        for name, symbol in info.names.items():
            is_property = isinstance(symbol.node, Decorator | OverloadedFuncDef)
            if (
                name in seen
                or name.startswith("_")
                or not (is_property or isinstance(symbol.node, Var))
            ):
                continue
            seen.add(name)
            yield name, get_value_type(symbol.type, allow_sql=allow_sql)


def get_value_type(type_: Type | None, *, allow_sql: bool) -> Type:
    """Return the type of a mapped attribute's values, or Any."""
    attribute = get_proper_type(type_)
    if isinstance(attribute, Instance):
        for info in attribute.type.mro:
            if info.fullname == MAPPED:
                mapped = map_instance_to_supertype(attribute, info)
                return get_assigned_type(mapped) if allow_sql else mapped.args[0]
    return AnyType(TypeOfAny.special_form)


def get_assigned_type(mapped: Instance) -> Type:
    """Return the type of what can be assigned to a mapped attribute: values and expressions."""
    setter = mapped.type.get_method("__set__")
    type_ = get_proper_type(setter.type) if setter else None
    if isinstance(type_, CallableType):
        return expand_type_by_instance(type_.arg_types[-1], mapped)
    return AnyType(TypeOfAny.special_form)


def plugin(_version: str) -> type[Plugin]:
    """Return the plugin, as mypy expects it."""
    return RepositoryPlugin
