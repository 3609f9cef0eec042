"""Generated requests go to the platform that the run shares, from an account of their own."""

from __future__ import annotations

from lambent.testing.pytest_plugin import account, platform

__all__ = ["account", "platform"]
