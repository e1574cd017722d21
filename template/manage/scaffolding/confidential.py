"""Names that say that nobody is to read what they stand for."""

import re

from manage.scaffolding.names import snake_case

# What linters take for a secret by its name, and what else lets somebody in or tells who it is.
WORDS = (
    r"pas+wo?r?ds?|pass(phrase|code)?s?|pwd?s?|pw_?hash|tokens?|secrete?s?|credentials?|totp|hotp|otp"
    r"|salts?|pins?|ssn|cvv|cvc|auth_?hash"
    r"|(api|private|access|secret|signing|encryption|session|auth|master|ssh|pgp)_?keys?"
)
# Databases fold `resetToken` to one word.
FOLDED = (
    r"pas+word|passwd|passphrase|credential|(api|private|access|secret)key"
    r"|(access|refresh|reset|auth|session|login|csrf|api)token"
)
SECRET = re.compile(rf"(^|_)({WORDS})($|_)|{FOLDED}")


def is_secret(name: str) -> bool:
    """Whether a name, in whatever spelling, is that of a secret."""
    return SECRET.search(snake_case(name)) is not None
