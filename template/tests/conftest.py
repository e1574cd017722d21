"""Fixtures of this service's tests; the kernel's come from `tests.support.plugin`."""

pytest_plugins = ["tests.support.plugin"]
