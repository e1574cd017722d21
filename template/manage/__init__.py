"""The project's own command: `manage`."""
