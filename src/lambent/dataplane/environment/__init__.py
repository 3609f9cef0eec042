"""One execution environment: what it leans on, how its init ends, and its life from init to shutdown."""

from lambent.dataplane.environment.assignment import Assignment
from lambent.dataplane.environment.execution import Environment
from lambent.dataplane.environment.host import EnvironmentStatus, Host, SandboxLauncher, Timer, Timers

__all__ = ["Assignment", "Environment", "EnvironmentStatus", "Host", "SandboxLauncher", "Timer", "Timers"]
