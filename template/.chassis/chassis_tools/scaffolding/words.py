"""English plurals and reserved words, for the names of resources and fields."""

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pluralizer import Pluralizer


def split_words(text: str) -> frozenset[str]:
    """Split a text into a set of words."""
    return frozenset(text.split())


# PostgreSQL's reserved keywords, including those allowed as names of functions or types. Tables and
# columns with these names must be quoted in every statement.
RESERVED_KEYWORDS = split_words(
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
# Keywords that tables and columns may have as names, but not types and functions.
COLUMN_NAME_KEYWORDS = split_words(
    """
    between bigint bit boolean char character coalesce dec decimal exists extract float greatest
    grouping inout int integer interval json json_array json_arrayagg json_exists json_object
    json_objectagg json_query json_scalar json_serialize json_table json_value least merge_action
    national nchar none normalize nullif numeric out overlay position precision real row setof
    smallint substring time timestamp treat trim values varchar xmlattributes xmlconcat xmlelement
    xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
    """
)
# Columns that PostgreSQL adds to every table.
SYSTEM_COLUMNS = split_words("cmax cmin ctid tableoid xmax xmin")

# Easily confused with 1 and 0 in lower or upper case; linters reject `l`, `I` and `O`.
AMBIGUOUS_LETTERS = split_words("i l o")

# Resources of the kernel, and other names in its operation ids.
KERNEL_RESOURCES = split_words(
    """
    api_key auth authentication invitation login_session me session tenant user user_account
    user_token
    """
)
# Modules and tables of the kernel, and names in the registries.
KERNEL_PLURALS = split_words(
    """
    api_keys auth builtin core dependencies invitations mails main models routers routes schema_migrations
    seed sessions settings support tenants users user_tokens
    """
)
# Variables and fixtures in scopes that also have a variable named after the resource.
VARIABLES = split_words(
    """
    admin_client changes data date datetime decimal other_client other_store other_tenant other_user
    params pytest request response self session statements store time user_client uuid4 values
    """
)
# Classes that are imported in the resource's modules.
CLASSES = split_words(
    """
    Annotated Any BigInteger CheckConstraint Decimal Enum HttpClient Literal Mapped Numeric OwnedMixin Page
    Principal Record Repository Service SoftDeleteMixin StatementRecorder Store String TestCreate TestDelete
    TestGet TestList TestUpdate Text User
    """
)
# Constants of a resource's tests.
CONSTANTS = split_words("AUTHENTICATION PAYLOAD")

# Columns of the kernel's base classes.
KERNEL_COLUMNS = split_words("created_at deleted_at id owner_id tenant_id updated_at")
# Attributes of SQLAlchemy's, Pydantic's and the kernel's base classes.
MODEL_ATTRIBUTES = split_words("metadata registry type_annotation_map")
SCHEMA_ATTRIBUTES = split_words(
    """
    construct copy dict from_orm json model_computed_fields model_config model_construct model_copy
    model_dump model_dump_json model_extra model_fields model_fields_set model_json_schema
    model_parametrized_name model_post_init model_rebuild model_validate model_validate_json
    model_validate_strings parse_file parse_obj parse_raw schema schema_json update_forward_refs
    validate
    check_values cursor get_filters include_total limit limit_errors offset paging reject_long_pattern
    reject_offset_with_cursor search_fields sort
    """
)
# Prefixes that Pydantic protects with a warning.
SCHEMA_PREFIXES = ("model_dump", "model_validate")
# Names that class bodies use, and that a field of the same name would hide.
BODY_NAMES = split_words(
    """
    bool bytes date datetime float foreign_key func int list mapped_column relationship str time
    timedelta
    """
)
# Parameters of functions that take fields by name, and of the kernel's statements.
PARAMETERS = split_words("cursor_id cursor_value entity owner self session_tenant_id store")
# Variables of factories, which have a parameter for each reference.
FACTORY_NAMES = split_words("defaults number numbers uuid4 values")
# Names that schemas import; constrained types, which are named after fields, must not hide them.
SCHEMA_IMPORTS = split_words(
    """
    Annotated Any Decimal Field InputSchema Literal MISSING PageQuery ReadSchema Timestamp
    """
)
# Field types that schemas import; constrained types must not hide them either.
KERNEL_TYPES = split_words(
    "BeforeValidator Email FiniteFloat Int32 Int64 JsonObject NaiveTime StrictBool UUID WebUrl"
)

RESOURCE_ALTERNATIVES = {
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
FIELD_ALTERNATIVES = {
    "case": "case_number",
    "class": "category",
    "date": "day",
    "datetime": "happens_at",
    "default": "is_default",
    "desc": "description",
    "end": "ends_at",
    "from": "sender",
    "json": "payload",
    "include_total": "with_total",
    "limit": "maximum",
    "metadata": "details",
    "offset": "shift",
    "order": "position",
    "primary": "is_primary",
    "sort": "sort_key",
    "time": "time_of_day",
    "to": "recipient",
    "unique": "is_unique",
    "when": "happens_at",
}


# Plurals that `pluralizer` gets wrong; the singulars are never treated as plurals.
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
# Words with the same singular and plural that `pluralizer` would change.
UNCHANGED = split_words(
    """
    analytics asbestos baggage barracks billiards chaos clothes cosmos crossroads earnings economics
    electronics ethics ethos furniture genetics goods gymnastics innings jeans jewelry kudos logistics
    luggage mathematics means media metadata molasses money pancreas pants pathos physics politics
    premises rabies rendezvous robotics savings shorts spacecraft species thanks tights trousers works
    """
)
# Singulars that end in "s", such as "sms" (no vowel) and "pelvis".
SINGULAR_IN_S = re.compile(r"^[^aeiouy]+$|is$")
# Words that start with a vowel letter but a consonant sound, and the reverse.
CONSONANT = re.compile(
    r"eu|ewe|one(?![a-z])|once|ouija"
    r"|u(?:biq|fo|kul|nanim|ni(?![dmn])|ran|re|ri|rl|s[aeu]|sb|t[eio]|uid|x|i(?![a-z]))"
)
VOWEL = re.compile(r"[aeiou]|heir|hono|honest|hour|[fhlmnrsx](?![a-z]*[aeiouy])")


def pluralize(name: str) -> str:
    """Return the name with its last word in the plural."""
    prefix, word = _split_last(name)
    if word in UNCHANGED:
        return name
    return prefix + (PLURALS.get(word) or _load_rules().plural(word))


def singularize(name: str) -> str | None:
    """Return the name with its last word in the singular; None if it may already be singular."""
    prefix, word = _split_last(name)
    if word in UNCHANGED or word in PLURALS or SINGULAR_IN_S.search(word):
        return None
    if word in SINGULARS:
        return prefix + SINGULARS[word]
    if not _load_rules().is_plural(word) or _load_rules().is_singular(word):
        return None
    return prefix + _load_rules().singular(word)


def add_indefinite_article(noun: str) -> str:
    """Return the noun with "a" or "an" before it."""
    starts_with_vowel = VOWEL.match(noun) and not CONSONANT.match(noun)
    return f"an {noun}" if starts_with_vowel else f"a {noun}"


def _split_last(name: str) -> tuple[str, str]:
    prefix, underscore, word = name.rpartition("_")
    return prefix + underscore, word


@cache
def _load_rules() -> "Pluralizer":
    # inflect takes two seconds to import (https://github.com/jaraco/inflect/issues/212).
    from pluralizer import Pluralizer

    return Pluralizer()  # type: ignore[no-untyped-call]  # pluralizer is not annotated
