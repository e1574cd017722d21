"""Words that tests are parametrized by."""


def in_order(text: str) -> list[str]:
    """Return the words of a text in the same order in every test process."""
    return sorted(set(text.split()))
