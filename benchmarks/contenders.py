"""The compared applications: the floor, the two baselines and the rendered project."""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import jwt

from benchmarks import project
from benchmarks.client import Client
from benchmarks.data import (
    BASELINE_SCHEMA,
    FILL,
    TENANT,
    TIDY,
    USER_ID,
    Scenario,
    scenarios,
    set_tenant_sql,
)
from benchmarks.postgres import PostgresServer
from benchmarks.servers import Application

BASELINES = ("floor", "plain", "dressed")
RENDERED = tuple(project.ANSWERS)
NAMES = (*BASELINES, *RENDERED)
USUAL = tuple(name for name in NAMES if name not in project.WITH_TENANTS)
BASELINE_DATABASE = "baseline"
TOKEN_MINUTES = 24 * 60
SESSIONS = 8  # The requests use the tokens of this many logins in turn.


@dataclass(frozen=True)
class Contender:
    application: Application
    scenarios: Sequence[Scenario]

    @property
    def name(self) -> str:
        return self.application.name


@dataclass
class Stage:
    """A database server, an environment and the projects; opens contenders on them."""

    folder: Path
    postgres: PostgresServer
    python: Path
    projects: Mapping[str, Path]
    databases: set[str]

    def tidy(self) -> None:
        """Delete the rows that the last round created."""
        for database in sorted(self.databases):
            self.postgres.execute(database, TIDY)

    @contextmanager
    def open(self, name: str) -> Iterator[Contender]:
        application, secret = self._prepare(name)
        with application:
            client = Client(name, application.port)
            if name in self.projects:
                tenant = TENANT if name in project.WITH_TENANTS else ""
                tokens = client.register_and_log_in(SESSIONS, tenant)
                self.postgres.execute(name, set_tenant_sql(tenant) + FILL)
            else:
                end = time.time() + TOKEN_MINUTES * 60
                tokens = [
                    jwt.encode({"sub": USER_ID, "exp": end, "jti": str(number)}, secret, "HS256")
                    for number in range(SESSIONS)
                ]
            self.tidy()
            client.check(tokens[0])
            yield Contender(application, scenarios(tokens))

    def _prepare(self, name: str) -> tuple[Application, str]:
        secret = secrets.token_urlsafe(48)
        if name in self.projects:
            target, folder, environment = self._rendered(name)
        else:
            target, folder, environment = self._baseline(name)
        log = self.folder / f"{name}.log"
        settings = {**environment, "SECRET_KEY": secret}
        return Application(name, target, self.python, folder, settings, log), secret

    def _baseline(self, name: str) -> tuple[str, Path, dict[str, str]]:
        if BASELINE_DATABASE not in self.databases:
            self._create_database(BASELINE_DATABASE)
            self.postgres.execute(BASELINE_DATABASE, BASELINE_SCHEMA + FILL)
        url = self.postgres.url(BASELINE_DATABASE, "postgresql+asyncpg")
        environment = {"DATABASE_URL": url, "USER_ID": USER_ID}
        return f"benchmarks.apps.{name}:app", project.REPOSITORY, environment

    def _rendered(self, name: str) -> tuple[str, Path, dict[str, str]]:
        self._create_database(name)
        user, owner = "postgres", "postgres"
        if name in project.WITH_TENANTS:
            # A service with tenants refuses to start as a superuser, who sees all rows.
            user, owner = "app_user", "app_owner"
            roles = self.projects[name] / "migrations" / "roles.sql"
            self.postgres.execute(name, roles.read_text())
        environment = {
            "ENVIRONMENT": "production",
            "DATABASE_URL": self.postgres.url(name, user=user),
            "MIGRATION_DATABASE_URL": self.postgres.url(name, user=owner),
            "PUBLIC_URL": "http://127.0.0.1",
            "MAIL_FROM": "no-reply@example.org",
            "REQUIRE_VERIFIED_EMAIL": "false",
            "SMTP_HOST": "127.0.0.1",  # required in production; not used here
            "ACCESS_TOKEN_MINUTES": str(TOKEN_MINUTES),
        }
        migrating = {**environment, "SECRET_KEY": secrets.token_urlsafe(48)}
        project.migrate(self.python, self.projects[name], migrating)
        return "app.main:app", self.projects[name], environment

    def _create_database(self, name: str) -> None:
        self.postgres.create_database(name)
        self.databases.add(name)


@contextmanager
def open_all(folder: Path, names: Sequence[str]) -> Iterator[tuple[Stage, list[Contender]]]:
    projects = project.render(folder, [name for name in RENDERED if name in names])
    python = project.install(folder, list(projects.values()))
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer(folder / "postgres"))
        stage = Stage(folder, postgres, python, projects, set())
        yield stage, [stack.enter_context(stage.open(name)) for name in names]
