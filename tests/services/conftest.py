"""Behaviour tests of services: real clients against one platform that the run shares, or against AWS."""

from __future__ import annotations

from lambent.testing.pytest_plugin import platform
from tests.recorder.fixtures import account, aws, cloud, elsewhere, region, role, shared_role

__all__ = ["account", "aws", "cloud", "elsewhere", "platform", "region", "role", "shared_role"]
