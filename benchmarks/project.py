"""Projects rendered from this checkout, and one environment for all applications.

In one environment they run on the same versions of the same libraries.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from copier import run_copy

from tests.support.renderings import copy_checkout

REPOSITORY = Path(__file__).resolve().parents[1]
LIBRARIES = ("fastapi", "pydantic", "sqlalchemy", "asyncpg", "psycopg", "uvicorn")
UV = os.environ.get("UV", "uv")

# The answers that differ from the defaults.
ANSWERS: dict[str, dict[str, str | bool]] = {
    "async": {},
    "sync": {"concurrency": "sync"},
    "async-tenants": {"multi_tenancy": True},
    "sync-tenants": {"concurrency": "sync", "multi_tenancy": True},
}
WITH_TENANTS = {"async-tenants": "async", "sync-tenants": "sync"}


def render(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    checkout = folder / "checkout"
    copy_checkout(REPOSITORY, checkout)
    projects = {name: folder / f"project-{name}" for name in names}
    for name, project in projects.items():
        answers = {"project_name": "Benchmark", **ANSWERS[name]}
        run_copy(str(checkout), project, answers, defaults=True, quiet=True, vcs_ref="HEAD")
    return projects


def install(folder: Path, projects: Sequence[Path], *, dev: bool = False) -> Path:
    """Create an environment for the projects and the baselines, and return its Python."""
    environment = folder / "environment"
    run(UV, "venv", "--quiet", "--python", sys.executable, str(environment))
    python = environment / "bin" / "python"
    requirements = [f"--group={REPOSITORY / 'pyproject.toml'}:benchmarks"]
    for project in projects:
        requirements.append(f"--requirements={project / 'pyproject.toml'}")
        requirements += [f"--group={project / 'pyproject.toml'}:dev"] * dev
    run(UV, "pip", "install", "--quiet", "--compile-bytecode", f"--python={python}", *requirements)
    return python


def migrate(python: Path, project: Path, environment: Mapping[str, str]) -> None:
    run(str(python), "-m", "alembic", "upgrade", "heads", cwd=project, environment=environment)


def get_versions(python: Path) -> str:
    listed = run(UV, "pip", "list", f"--python={python}", "--format=freeze").splitlines()
    versions = dict(line.split("==") for line in listed)
    return ", ".join(f"{name} {versions[name]}" for name in LIBRARIES if name in versions)


def run(*command: str, cwd: Path = REPOSITORY, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
