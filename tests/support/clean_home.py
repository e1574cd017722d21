"""Environments with an empty home folder; the published address is a local repository."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.interpreters import lowest, uv

ADDRESS = "https://github.com/chassis-template/chassis.git"
OURS = ("PYTEST_", "VIRTUAL_ENV", "PYTHON", "XDG_", "DATABASE_URL", "UV_PROJECT")
# The cache, and what a machine may need to reach its package index.
NETWORK = ("UV_CACHE_DIR", "UV_INDEX", "UV_DEFAULT_INDEX", "PIP_", "SSL_CERT_")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def environment(published: Path, home: Path) -> dict[str, str]:
    """Create the home folder and return the environment variables of its user."""
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[url "{published}"]\n    insteadOf = {ADDRESS}\n'
        "[user]\n    name = Newcomer\n    email = newcomer@example.org\n"
    )
    downloads = subprocess.run([uv(), "cache", "dir"], capture_output=True, text=True, check=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | {
        "HOME": str(home),
        "PATH": f"{Path(shutil.which(uv()) or uv()).parent}:{os.environ['PATH']}",
        "UV_CACHE_DIR": downloads.stdout.strip(),
        "NO_COLOR": "1",
    }


def empty_environment(published: Path, home: Path) -> dict[str, str]:
    """Create the home folder and return an environment with pip, but without uv."""
    kept = {
        name: value
        for name, value in environment(published, home).items()
        if name.startswith(NETWORK) or name.upper() in PROXIES
    }
    python = home.with_name("python")
    subprocess.run([lowest().path, "-m", "venv", python], check=True)
    git = Path(shutil.which("git") or "git").parent
    return kept | {"HOME": str(home), "PATH": f"{python / 'bin'}:{git}:{os.defpath}"}
