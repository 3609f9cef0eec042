"""What CloudFormation answers beside its API: known before the service is loaded, and light to import."""

from __future__ import annotations

from typing import Final

RESPONSES: Final = ("PUT", "/_lambent/cloudformation/responses/")
"""Method and path by which custom resources answer, and wait conditions are signalled."""
