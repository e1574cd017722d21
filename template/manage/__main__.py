"""Run `python -m manage` like `manage`."""

from manage.cli import main

main()
