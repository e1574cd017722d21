"""The development tools of `manage`: scaffolding, inspection, diagnosis and upgrades."""
