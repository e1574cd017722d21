"""Write the context of the example resource for Copier, which runs no code of ours.

To update `extensions/article.jinja`, run
`PYTHONPATH=.:template uv run python -m tests.support.article`.
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
HEAD = "{# The context of the example resource, written by `python -m tests.support.article`. #}\n"


def article() -> dict[str, Any]:
    """Return the context of `manage make article …`."""
    fields = [make_field(parse(text), resource="Article") for text in FIELDS]
    return Resource(resource_names("article"), fields, owned=True).context()


def as_jinja(context: dict[str, Any]) -> str:
    """Return the context as Jinja: strings as variables, the rest in `resource`."""
    texts = {name: value for name, value in context.items() if isinstance(value, str)}
    others = {name: plain(value) for name, value in context.items() if name not in texts}
    lines = [f"{{% set {name} = {json.dumps(value)} %}}\n" for name, value in texts.items()]
    entries = [f"  {json.dumps(name)}: {json.dumps(value)},\n" for name, value in others.items()]
    return HEAD + "".join(lines) + f"{{% set resource = {{\n{''.join(entries)}}} %}}\n"


def plain(value: Any) -> Any:
    """Convert an item to a dictionary of the attributes that templates read."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str | bool):
        return value
    return {name: getattr(value, name) for name in ATTRIBUTES if hasattr(value, name)}


def attributes() -> list[str]:
    """Return the attribute names listed in `blocks.jinja`."""
    text = (EXTENSIONS / "blocks.jinja").read_text()
    return sorted(set(re.findall(r"'(\w+)'", text[: text.index("%}")])))


ATTRIBUTES = attributes()

if __name__ == "__main__":
    (EXTENSIONS / "article.jinja").write_text(as_jinja(article()))
