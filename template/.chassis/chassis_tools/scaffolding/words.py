"""English plurals and reserved words, for the names of resources."""

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pluralizer import Pluralizer


def words(text: str) -> frozenset[str]:
    """A set that is written as a text."""
    return frozenset(text.split())


# PostgreSQL's reserved key words, those that may name a function or type included: as a table or
# a column they need quotes in every statement.
SQL_WORDS = words(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check
    collate collation column concurrently constraint create cross current_catalog current_date
    current_role current_schema current_time current_timestamp current_user default deferrable desc
    distinct do else end except false fetch for foreign freeze from full grant group having ilike in
    initially inner intersect into is isnull join lateral leading left like limit localtime
    localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
    references returning right select session_user similar some symmetric system_user table
    tablesample then to trailing true union unique user using variadic verbose when where window with
    """
)
# Its words that may name a table or a column, and need quotes as the name of a type or a function.
COLUMN_WORDS = words(
    """
    between bigint bit boolean char character coalesce dec decimal exists extract float greatest
    grouping inout int integer interval json json_array json_arrayagg json_exists json_object
    json_objectagg json_query json_scalar json_serialize json_table json_value least merge_action
    national nchar none normalize nullif numeric out overlay position precision real row setof
    smallint substring time timestamp treat trim values varchar xmlattributes xmlconcat xmlelement
    xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
    """
)
# Columns that every table of PostgreSQL has.
SYSTEM_COLUMNS = words("cmax cmin ctid tableoid xmax xmin")

# Ambiguous beside 1 and 0, which linters mind.
LETTERS = words("i l o")

# Resources of the kernel, and what its operations are called after.
KERNEL_RESOURCES = words(
    """
    api_key auth authentication invitation login_session me session tenant user user_account
    user_token
    """
)
# Modules of the kernel, its tables, and names in the registries.
KERNEL_PLURALS = words(
    """
    api_keys auth builtin core dependencies invitations mails main models routers routes schema_migrations
    seed sessions settings support tenants users user_tokens
    """
)
# Variables and fixtures beside a variable that is called like the resource.
VARIABLES = words(
    """
    admin_client changes data date datetime decimal other_client other_store other_tenant other_user
    params pytest request response self session statements store time user_client uuid4 values
    """
)
# Classes that are imported beside the resource's own.
CLASSES = words(
    """
    Annotated Any BigInteger CheckConstraint Decimal Enum HttpClient Literal Mapped Numeric OwnedMixin Page
    Principal Record Repository Service SoftDeleteMixin Statements Store String TestCreate TestDelete
    TestGet TestList TestUpdate Text User
    """
)
# Constants of a resource's tests.
CONSTANTS = words("AUTHENTICATION PAYLOAD")

# Columns that the kernel's models bring along.
KERNEL_COLUMNS = words("created_at deleted_at id owner_id tenant_id updated_at")
# What SQLAlchemy and Pydantic, or the kernel's classes, call something else.
MODEL_ATTRIBUTES = words("metadata registry type_annotation_map")
SCHEMA_ATTRIBUTES = words(
    """
    construct copy dict from_orm json model_computed_fields model_config model_construct model_copy
    model_dump model_dump_json model_extra model_fields model_fields_set model_json_schema
    model_parametrized_name model_post_init model_rebuild model_validate model_validate_json
    model_validate_strings parse_file parse_obj parse_raw schema schema_json update_forward_refs
    validate
    cursor filters limit offset paging reject_nul sort
    """
)
# Prefixes for which Pydantic warns, whatever follows.
SCHEMA_PREFIXES = ("model_dump", "model_validate")
# What the annotations and calls in a class body mean; a field of that name would hide it.
BODY_NAMES = words(
    """
    bool bytes date datetime float func int list mapped_column reference relationship str time
    timedelta
    """
)
# Parameters beside which a field is passed by name, and those of the kernel's statements.
PARAMETERS = words("cursor_id cursor_value entity owner self session_tenant_id store")
# Variables of a factory, beside a parameter for each reference.
FACTORY_NAMES = words("defaults number numbers uuid4 values")
# What schemas import, where a field's type is called like the field.
SCHEMA_IMPORTS = words(
    """
    Annotated Any Decimal Field HttpUrl InputSchema JsonValue Literal PageQuery ReadSchema Timestamp
    """
)
# What they import where a field's type is, for fields of other types than that.
KERNEL_TYPES = words("Email FiniteFloat Int32 Int64 UUID WallTime WebUrl")

BETTER_RESOURCES = {
    "api_key": "access_key",
    "class": "school_class",
    "credit": "credit_note",
    "data": "datum",
    "date": "calendar_date",
    "exception": "incident",
    "filter": "saved_filter",
    "import": "data_import",
    "input": "user_input",
    "invitation": "event_invitation",
    "license": "software_license",
    "list": "wish_list",
    "model": "car_model",
    "object": "item",
    "page": "web_page",
    "property": "estate",
    "range": "price_range",
    "record": "medical_record",
    "reference": "literature_reference",
    "repository": "code_repository",
    "request": "service_request",
    "response": "survey_response",
    "return": "product_return",
    "round": "game_round",
    "route": "delivery_route",
    "router": "network_router",
    "service": "service_offer",
    "session": "work_session",
    "setting": "user_setting",
    "store": "shop",
    "tenant": "organization",
    "text": "text_block",
    "type": "kind",
    "user": "customer",
    "user_account": "customer_account",
    "warning": "alert",
}
BETTER_FIELDS = {
    "case": "case_number",
    "class": "category",
    "date": "day",
    "datetime": "happens_at",
    "default": "is_default",
    "desc": "description",
    "end": "ends_at",
    "from": "sender",
    "json": "payload",
    "limit": "maximum",
    "metadata": "details",
    "offset": "shift",
    "order": "position",
    "primary": "is_primary",
    "reference": "reference_number",
    "sort": "sort_key",
    "time": "time_of_day",
    "to": "recipient",
    "unique": "is_unique",
    "when": "happens_at",
}


# What the library's rules get wrong; the first of each pair is never taken for a plural.
PLURALS = {
    "agenda": "agendas",
    "bias": "biases",
    "epoch": "epochs",
    "german": "germans",
    "lens": "lenses",
    "medium": "media",
    "monarch": "monarchs",
    "rhinoceros": "rhinoceroses",
    "roman": "romans",
    "schema": "schemas",
    "shaman": "shamans",
    "stomach": "stomachs",
    "talisman": "talismans",
    "topaz": "topazes",
    "trellis": "trellises",
    "virus": "viruses",
    "waltz": "waltzes",
}
SINGULARS = {plural: singular for singular, plural in PLURALS.items()}
# Singular and plural at once, though the rules see an "s" to take away or find one missing.
UNCHANGED = words(
    """
    analytics asbestos baggage barracks billiards chaos clothes cosmos crossroads earnings economics
    electronics ethics ethos furniture genetics goods gymnastics innings jeans jewelry kudos logistics
    luggage mathematics means media metadata molasses money pancreas pants pathos physics politics
    premises rabies rendezvous robotics savings shorts spacecraft species thanks tights trousers works
    """
)
# What ends in an "s" of its own: "sms", which has no vowel, and "pelvis".
OWN_S = re.compile(r"^[^aeiouy]+$|is$")
# Words that begin with a vowel which is not heard, and with one that is heard but not written.
CONSONANT = re.compile(
    r"eu|ewe|one(?![a-z])|once|ouija"
    r"|u(?:biq|fo|kul|nanim|ni(?![dmn])|ran|re|ri|rl|s[aeu]|sb|t[eio]|uid|x|i(?![a-z]))"
)
VOWEL = re.compile(r"[aeiou]|heir|hono|honest|hour|[fhlmnrsx](?![a-z]*[aeiouy])")


def plural_of(name: str) -> str:
    """The name with its last word in the plural."""
    start, word = _split(name)
    if word in UNCHANGED:
        return name
    return start + (PLURALS.get(word) or _rules().plural(word))


def singular_of(name: str) -> str | None:
    """The name with its last word in the singular; None if it may be a singular already."""
    start, word = _split(name)
    if word in UNCHANGED or word in PLURALS or OWN_S.search(word):
        return None
    if word in SINGULARS:
        return start + SINGULARS[word]
    if not _rules().is_plural(word) or _rules().is_singular(word):
        return None
    return start + _rules().singular(word)


def with_a_or_an(noun: str) -> str:
    """The noun behind "a" or "an", whichever is said."""
    before = "an" if VOWEL.match(noun) and not CONSONANT.match(noun) else "a"
    return f"{before} {noun}"


def _split(name: str) -> tuple[str, str]:
    start, underscore, word = name.rpartition("_")
    return start + underscore, word


@cache
def _rules() -> "Pluralizer":
    # Not inflect: to import it takes two seconds (https://github.com/jaraco/inflect/issues/212).
    from pluralizer import Pluralizer

    return Pluralizer()  # type: ignore[no-untyped-call]  # its own annotations leave __init__ out
