"""Metrics that our own services measure, and how CloudWatch comes by them without knowing whose they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from lambent.cloud.store.scope import Scope

DeliverMetrics = Callable[[Scope], Awaitable[None]]
"""Puts what a service measured in an account and region into CloudWatch; called when somebody asks for metrics."""
