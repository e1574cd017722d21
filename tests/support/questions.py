"""copier.yml as Copier reads it: several documents, with the files that they include."""

from pathlib import Path
from typing import Any

import yaml


def load_config(template: Path) -> dict[str, Any]:
    """The settings and the questions, in their order; lists of several documents are one."""

    class Loader(yaml.SafeLoader):
        """Knows the tag of Copier."""

    def include(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
        return yaml.safe_load((template / node.value).read_text())

    Loader.add_constructor("!include", include)
    config: dict[str, Any] = {}
    for document in yaml.load_all((template / "copier.yml").read_text(), Loader):
        for name, value in document.items():
            config[name] = config[name] + value if name in config else value
    return config
