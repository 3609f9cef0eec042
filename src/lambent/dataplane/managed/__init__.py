"""Runs Managed Instances: carries out, with real execution environments, what a capacity provider's fleet decides."""

from lambent.dataplane.managed.failures import DeployFailure
from lambent.dataplane.managed.versions import ManagedVersions

__all__ = ["DeployFailure", "ManagedVersions"]
