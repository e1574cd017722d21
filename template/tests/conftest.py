"""Test fixtures of this service; the kernel's are in `tests.support.plugin`."""

pytest_plugins = ["tests.support.plugin"]
