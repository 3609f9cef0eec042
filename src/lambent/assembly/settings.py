"""How a platform runs, and why it may not start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """How a platform runs.

    `port` 0 means any free one; `data_dir` None keeps state in memory; `isolation` None is the strongest that holds.
    `limits_cpu` holds functions to the CPU that their memory brings; `closed_network` leaves them nothing but the
    platform. `cache_dir` is where npm installs the AWS SDK for Node.js, where a function needs it; None installs none.
    `instance_launch_s` is how long the virtual instances take that a capacity provider launches as it grows, and
    `first_instance_launch_s` those that a version waits for which is being published.
    `virtual_time` gives it a clock that tests and users move; `seed` makes its identifiers the same in every run.
    """

    port: int = 4566
    data_dir: Path | None = None
    isolation: str | None = None
    strict_runtimes: bool = False
    limits_cpu: bool = True
    closed_network: bool = False
    virtual_time: bool = False
    seed: int | None = None
    account_concurrency: int = 1000
    idle_expiry_s: float = 600.0
    environment_lifetime_s: float = 7200.0
    instance_launch_s: float = 33.0
    first_instance_launch_s: float = 0.0
    stop_grace_s: float = 5.0
    cache_dir: Path | None = None


class StartError(Exception):
    """The platform cannot start; the message says why, `remedy` what to do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy
