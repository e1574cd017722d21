"""The project's `manage` command."""
