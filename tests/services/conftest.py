"""Behaviour tests of services: real clients against one platform that the run shares."""

from __future__ import annotations

from lambent.testing.pytest_plugin import account, aws, platform

__all__ = ["account", "aws", "platform"]
