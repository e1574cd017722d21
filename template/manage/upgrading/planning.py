"""What an upgrade would bring, before anything is changed."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import typer

from manage.errors import CommandError
from manage.upgrading.answers import Answers
from manage.upgrading.running import render
from manage.upgrading.template import Release, Template


@dataclass(frozen=True)
class Plan:
    """An upgrade that can be carried out while its folder exists."""

    recorded: Answers
    release: Release
    answers: Mapping[str, str]
    changes: str
    """The changelog between the two versions."""
    folder: Path
    render_old: Callable[[], Path]
    """Renders the project as its release wrote it."""


@contextmanager
def planned(root: Path, wanted: str | None, settings: Sequence[str]) -> Iterator[Plan]:
    """What there is to do in a project; the command ends here if nothing is."""
    answers = parse(settings)
    recorded = Answers.read(root)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "template.git")  # By the suffix Copier knows it as a repository.
        template = Template.clone(recorded.source, clone)
        release = choose(template, recorded, wanted)
        if release.tag == recorded.version and recorded.has(answers):
            newest = "" if wanted else ", the newest release"
            typer.echo(f"This project is at {release.tag}{newest}: nothing to do.")
            raise typer.Exit
        is_same = release.tag == recorded.version
        way = f"At {release.tag}" if is_same else f"From {recorded.version} to {release.tag}"
        given = f", with {', '.join(settings)}" if settings else ""
        typer.echo(f"{way}{given}\n")
        changes = template.changes(recorded.last_release, release)
        render_old = partial(render, root, clone, recorded, Path(folder))
        yield Plan(recorded, release, answers, changes, Path(folder), render_old)


def parse(settings: Sequence[str]) -> dict[str, str]:
    """The answers by name."""
    answers = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not sign or not name.isidentifier() or name[0] == "_":
            raise CommandError(f"--set {setting} is no ANSWER=VALUE, as in --set auth=session")
        answers[name] = value
    return answers


def choose(template: Template, recorded: Answers, wanted: str | None) -> Release:
    """The release to go to, which is no older one."""
    release = template.release(wanted)
    if release.version < recorded.last_release:
        raise CommandError(
            f"{release.tag} is older than {recorded.version}, which this project has: to go back,"
            " revert the upgrade in git"
        )
    return release
