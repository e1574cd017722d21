"""What Copier, which runs no code of ours, is told about the article.

`PYTHONPATH=.:template uv run python -m tests.support.article` writes it.
"""

import json
import re
from pathlib import Path
from typing import Any

from manage.scaffolding.names import resource_names
from manage.scaffolding.resource import Resource
from manage.scaffolding.specifications import make_field, parse

EXTENSIONS = Path(__file__).parents[2] / "extensions"
FIELDS = ("title:str:200", "content:text", "published:bool,default=false")
COMMAND = ("article", *FIELDS, "--owned")
HEAD = "{# What the parts of a resource read of the article: written by `python -m tests.support.article`. #}\n"


def article() -> dict[str, Any]:
    """The context of `manage make article …`."""
    fields = [make_field(parse(text), resource="Article") for text in FIELDS]
    return Resource(resource_names("article"), fields, owned=True).context()


def as_jinja(context: dict[str, Any]) -> str:
    """The context as assignments: texts by name, all else in `resource`."""
    texts = {name: value for name, value in context.items() if isinstance(value, str)}
    others = {name: plain(value) for name, value in context.items() if name not in texts}
    lines = [f"{{% set {name} = {json.dumps(value)} %}}\n" for name, value in texts.items()]
    entries = [f"  {json.dumps(name)}: {json.dumps(value)},\n" for name, value in others.items()]
    return HEAD + "".join(lines) + f"{{% set resource = {{\n{''.join(entries)}}} %}}\n"


def plain(value: Any) -> Any:
    """An item as a dictionary of what parts read of such items."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str | bool):
        return value
    return {name: getattr(value, name) for name in ATTRIBUTES if hasattr(value, name)}


def attributes() -> list[str]:
    """The names in the table that the parts are rendered by."""
    text = (EXTENSIONS / "blocks.jinja").read_text()
    return sorted(set(re.findall(r"'(\w+)'", text[: text.index("%}")])))


ATTRIBUTES = attributes()

if __name__ == "__main__":
    (EXTENSIONS / "article.jinja").write_text(as_jinja(article()))
