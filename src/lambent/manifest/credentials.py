"""Credentials that a manifest brings along."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key, and the region it is for; parts that are None are those of the surroundings."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    region: str | None = None
