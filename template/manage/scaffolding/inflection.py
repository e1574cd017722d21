"""English as far as names need it: plurals of their last words, and `a` or `an`."""

import re
from functools import cache
from typing import TYPE_CHECKING

from manage.scaffolding.reserved import words

if TYPE_CHECKING:
    from pluralizer import Pluralizer

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
