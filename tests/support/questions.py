"""copier.yml as Copier reads it: several documents and their included files."""

from pathlib import Path
from typing import Any

import yaml


def load_config(template: Path) -> dict[str, Any]:
    """Return settings and questions in order; concatenate lists from several documents."""

    class Loader(yaml.SafeLoader):
        """A loader that knows Copier's `!include`."""

    def include(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
        return yaml.safe_load((template / node.value).read_text())

    Loader.add_constructor("!include", include)
    config: dict[str, Any] = {}
    for document in yaml.load_all((template / "copier.yml").read_text(), Loader):
        for name, value in document.items():
            config[name] = config[name] + value if name in config else value
    return config
