"""Opaque tokens: random secrets that are shown once and stored as hashes."""

import hashlib
import secrets


def generate_token() -> str:
    """Return a random URL-safe token of 256 bits."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """Return the SHA-256 digest to store; a fast hash is enough for a random token."""
    return hashlib.sha256(token.encode()).digest()
