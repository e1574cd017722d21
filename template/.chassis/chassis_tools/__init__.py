"""The development tools of `manage`: scaffolding, inspection, adoption, diagnosis, upgrading."""
