"""Cut a release of the template: changelog, commit, tag and an entry in the list of releases.

Usage: uv run python -m releasing VERSION
"""

import argparse
import signal

from releasing.checks import BRANCH
from releasing.cutting import cut
from releasing.releases import REPOSITORY
from releasing.repository import RefusalError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m releasing", description=__doc__.split("\n")[0])
    parser.add_argument("version", help="by PEP 440, as in 0.2.0 or 0.2.0rc1")
    version = parser.parse_args().version
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # take all back then, too
    try:
        release = cut(REPOSITORY, version)
    except RefusalError as refusal:
        raise SystemExit(f"Not released: {refusal}.") from None
    except KeyboardInterrupt:
        raise SystemExit("Stopped, nothing is released.") from None
    print(f"Released {release.version} as {release.commit}. Nothing is pushed yet:")
    print(f"  git push --atomic origin {BRANCH} {release.tag}")


if __name__ == "__main__":
    main()
