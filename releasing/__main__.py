"""Release the template: date the changelog, commit, tag, and append to the list of releases.

Usage: uv run python -m releasing VERSION
"""

import argparse
import signal

from releasing.checks import BRANCH
from releasing.cutting import cut_release
from releasing.releases import REPOSITORY
from releasing.repository import ReleaseError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m releasing", description=__doc__.split("\n")[0])
    parser.add_argument("version", help="version to release (PEP 440), such as 0.2.0 or 0.2.0rc1")
    version = parser.parse_args().version
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it is undone
    try:
        release = cut_release(REPOSITORY, version)
    except ReleaseError as error:
        raise SystemExit(f"Not released: {error}.") from None
    except KeyboardInterrupt:
        raise SystemExit("Stopped. Nothing is released.") from None
    print(f"Released {release.version} as {release.commit}. Nothing is pushed yet:")
    print(f"  git push --atomic origin {BRANCH} {release.tag}")


if __name__ == "__main__":
    main()
