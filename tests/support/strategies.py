"""Strategies for requests to `manage make`, valid and invalid."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis_tools.scaffolding.names import NAME
from hypothesis import strategies as st

from tests.support.words import in_order

EARLIER = "earlier"
"""Stands for a resource that was made before, SELF for the one that is made."""
SELF = "itself"

NOUNS = in_order(
    """
    account address beer branch category client company country courier datum day event gauge
    invoice key letter location message money news node owner_group page_view part payment person
    photo price product quote series shelf species status task test_run testimonial ticket value
    vote web week x1
    """
)
INVALID_NAMES = in_order(
    """
    class user session page type order_lines Order order-line ../evil a.b 1st _x x_ a__b l int
    request http_client test_list route select größe
    """
)
INVALID_NAMES += ["", " ", "a" * 36, "a" * 64, "a" * 300, "order\n", 'a"b', "a'b", "a\\b", "-x"]
FIELDS = in_order(
    """
    amount body code count country customer description due email format height home index int32
    is_active item kind label length level limits line_1 line_11 max message min name next note
    number position price rank read score size slug starts_at state status
    summary title total update url value version naive_time web_url weight x y
    """
)
INVALID_FIELDS = in_order(
    """
    id created_at metadata class tenant_id owner_id group xmin date decimal sort copy model_dump_x
    unitPrice price__gte i self store cursor_value values number_id ü
    """
)
INVALID_FIELDS += ["", " ", "a" * 60]
TYPES = in_order(
    f"""
    str str:1 str:2 str:5 str:40 str:10000 text int bigint float decimal:1:0 decimal:1:1
    decimal:2:2 decimal:10:2 decimal:30:29 decimal:50:30 bool date datetime time uuid json email
    url enum:one enum:a/b enum:draft/paid/sent enum:i/l/o enum:true/none/class
    enum:DRAFT/PAID enum:inUse/Sold_out/I ref:user
    ref:{SELF}
    """
)
TYPES += [f"ref:{EARLIER}"] * 4
INVALID_TYPES = in_order(
    """
    string str:0 str:x str:99999999999 str:1:2 decimal decimal:0:0 decimal:2:3 decimal:1001:0 enum
    enum: enum:A/a enum:a/a enum:2fa enum:ä enum:a//b enum:mro ref ref: ref:nobody ref:../x int:1 : ::
    """
)
INVALID_TYPES += [""]
DEFAULTS = {
    "str": ["abc", "a,b", "it's", 'say "x"', "both ' and \"", "a\\b", "a%b%%", ":x;--", "{{ x }}"],
    "text": ["x" * 200, "ünïcode 😀", "a, b", "$$", "%(x)s", "'", '"', "\\", "-- migrate:down"],
    "int": ["0", "-1", "2147483647", "-2147483648"],
    "bigint": ["9223372036854775807", "-9223372036854775808"],
    "float": ["0.1", "-1e300", "1e22", "-0.0"],
    "decimal": ["0", "0.1", "1"],
    "bool": ["true", "FALSE"],
    "date": ["today", "2026-01-31", "0001-01-01"],
    "datetime": ["now"],
    "time": ["09:30", "23:59:59"],
    "json": ["{}"],
}
BOUNDS = {
    "str": ["min=1"],
    "text": ["min=3", "min=200"],
    "int": ["min=0", "max=5,min=-3", "max=-2147483647", "min=2147483640"],
    "bigint": ["max=9223372036854775807,min=0"],
    "float": ["min=0.1,max=0.2", "min=-1e15", "max=1e-300"],
    "decimal": ["min=0", "max=1"],
}
ODD_DEFAULTS = [
    "",
    " ",
    "--5",
    "1_0",
    "nan",
    "sNaN",
    "9" * 5000,
    "\0",
    "\n",
    "x,unique",
    "None",
    "²",
]
FLAGS = ["optional", "unique", "index"]
REFERENCE_FLAGS = ["optional", "unique", "load=raise", "load=joined", "load=selectin"]
REFERENCE_FLAGS += ["on_delete=restrict", "on_delete=cascade", "on_delete=null"]
NEVER_UNIQUE = ("text", "json", "float", "bool", "enum")
NEVER_INDEXED = {"text": {"index"}, "json": {"index"}}
INVALID_FLAGS = ["uniqe", "optional", "on_delete=x", "load=", "default", "unique=1", ""]
INVALID_FLAGS += ["min=", "min=x", "max=1e99", "min=2,max=1"]


@dataclass(frozen=True)
class MakeRequest:
    """The arguments of `manage make`."""

    name: str
    fields: Sequence[str]
    plural: str | None
    owned: bool
    soft_delete: bool
    read_public: bool
    routes: bool = True
    write: str | None = None

    def with_references(self, earlier: Sequence[str]) -> "MakeRequest":
        """Replace placeholders with the names of existing resources."""
        names = {EARLIER: earlier[len(self.fields) % len(earlier)], SELF: self.name}
        fields = list(self.fields)
        for word, name in names.items():
            fields = [field.replace(f":ref:{word}", f":ref:{name}") for field in fields]
        return replace(self, fields=fields)


EVERY_TYPE = MakeRequest(
    "thing",
    [
        f"{name}:{kind},optional" if kind.endswith(SELF) else f"{name}:{kind}"
        for name, kind in zip(FIELDS, TYPES, strict=False)
    ],
    plural=None,
    owned=True,
    soft_delete=False,
    read_public=False,
)


@st.composite
def fields(draw: st.DrawFn, *, valid: bool) -> str:
    """Draw a field; an invalid one has one unusual part."""
    odd = "" if valid else draw(st.sampled_from(["name", "type", "flags", "default", "mix"]))
    name = draw(st.sampled_from(INVALID_FIELDS if odd == "name" else FIELDS))
    kind = draw(st.sampled_from(INVALID_TYPES if odd == "type" else TYPES))
    type_ = kind.partition(":")[0]
    known = REFERENCE_FLAGS if type_ == "ref" else FLAGS
    flags = draw(st.lists(st.sampled_from(known), max_size=2, unique_by=lambda f: f.split("=")[0]))
    defaults = ODD_DEFAULTS if odd == "default" else defaults_of(kind)
    if defaults and (odd or draw(st.booleans())):
        flags.append(f"default={draw(st.sampled_from(defaults))}")
    if type_ in BOUNDS and (odd or draw(st.booleans())):
        flags.append(draw(st.sampled_from(BOUNDS[type_])))
    if odd == "flags":
        flags.append(draw(st.sampled_from(INVALID_FLAGS)))
    return ",".join([f"{name}:{kind}", *(flags if odd else compatible(kind, flags))])


def defaults_of(kind: str) -> list[str]:
    """Return valid defaults for a type."""
    type_, _, argument = kind.partition(":")
    if type_ == "enum":
        return argument.split("/")
    return ["x"] if kind in ("str:1", "str:2") else DEFAULTS.get(type_, [])


def compatible(kind: str, flags: list[str]) -> list[str]:
    """Return the flags that can be combined."""
    type_ = kind.partition(":")[0]
    if type_ == "ref":
        is_optional = "optional" in flags or "on_delete=null" in flags or SELF in kind
        return ["optional"] * is_optional + [flag for flag in flags if flag != "optional"]
    unfit = {"unique"} if type_ in NEVER_UNIQUE or "default" in "".join(flags) else {"index"}
    return [flag for flag in flags if flag not in unfit | NEVER_INDEXED.get(type_, set())]


def names(*, valid: bool) -> st.SearchStrategy[str]:
    """Return a strategy for resource names."""
    if not valid:
        return st.one_of(st.sampled_from(INVALID_NAMES), st.text(max_size=20))
    nouns = st.sampled_from(NOUNS)
    compounds = st.tuples(nouns, nouns).map("_".join)
    invented = st.from_regex(NAME, fullmatch=True).map(lambda name: name[:20].rstrip("_"))
    return st.one_of(nouns, compounds, compounds, invented)


@st.composite
def make_requests(draw: st.DrawFn) -> MakeRequest:
    """Draw a request with at most one invalid part."""
    odd = draw(st.sampled_from(["", "", "", "", "name", "field", "plural"]))
    listed = draw(st.lists(fields(valid=True), max_size=8, unique_by=lambda f: f.split(":")[0]))
    if odd == "field":
        listed.append(draw(fields(valid=False)))
    plural = (
        draw(st.sampled_from(["people", "users", "Xs", "", "a b"])) if odd == "plural" else None
    )
    routes = draw(st.sampled_from([True, True, False]))
    owned = draw(st.booleans())
    roles = st.sampled_from([None, "admin", "user", "nobody" if odd else "admin"])
    return MakeRequest(
        draw(names(valid=odd != "name")),
        listed,
        plural,
        owned=owned,
        soft_delete=draw(st.booleans()),
        read_public=draw(st.booleans()) and routes,
        routes=routes,
        write=draw(roles) if routes and not owned else None,
    )
