"""How a new capacity provider becomes active, and how one that is being deleted goes."""

from __future__ import annotations

from dataclasses import replace

from lambent.base.tasks import TaskOwner
from lambent.cloud.services.lambda_.capacity_providers import (
    capacity_provider,
    delete_provider,
    put_provider,
    unsettled_providers,
)
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.managed.deployments import ManagedDeployments
from lambent.cloud.services.lambda_.model.capacity_provider import CapacityProvider, ProviderEvent, ProviderState, move
from lambent.cloud.store.unit_of_work import Transaction
from lambent.dataplane import PlatformStoppingError


class ProviderLifecycle:
    """Sees capacity providers through in the background and commits what became of them."""

    def __init__(self, dependencies: Dependencies, deployments: ManagedDeployments) -> None:
        self._dependencies = dependencies
        self._deployments = deployments
        self._tasks = TaskOwner("lambda capacity providers", clock=dependencies.clock)

    def resume(self) -> None:
        """Take up what was under way when the platform stopped."""
        for provider in unsettled_providers(self._dependencies.store.read):
            self.begin(provider)

    def begin(self, provider: CapacityProvider) -> None:
        """See a capacity provider through that has just been committed as pending or deleting."""
        self._tasks.start(self._see_through(provider), name=provider.arn)

    def changed(self, provider: CapacityProvider) -> None:
        """Have a change that has just been committed take effect."""
        self._tasks.start(self._deployments.open(provider), name=provider.arn)

    async def stop(self) -> None:
        """Give up what is under way; `resume` takes it up again."""
        await self._tasks.aclose()

    async def _see_through(self, provider: CapacityProvider) -> None:
        # Nothing is launched ahead of a version: publishing is what asks for capacity.
        # https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-getting-started.html
        try:
            if provider.state is ProviderState.DELETING:
                await self._deployments.close(provider)
            else:
                await self._deployments.open(provider)
        except PlatformStoppingError:
            return  # taken up again after the next start
        await self._dependencies.store.write(lambda transaction: _settle(transaction, provider))


def _settle(transaction: Transaction, provider: CapacityProvider) -> None:
    current = capacity_provider(transaction, provider.scope, provider.name)
    if current is None:
        return  # two deletions went side by side
    if current.state is ProviderState.PENDING:
        put_provider(transaction, replace(current, state=move(current.state, ProviderEvent.PREPARED)))
    elif current.state is ProviderState.DELETING:
        delete_provider(transaction, current)
