"""Fixtures of this service's tests; the kernel's come from `tests.plugin`."""

pytest_plugins = ["tests.plugin"]
