"""The Lambda service: its parts put together, and its operations by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.managed_instances import ManagedInstance
from lambent.cloud.framework.routes import FrontDoor, Route, View
from lambent.cloud.framework.service import Parameters, Service
from lambent.cloud.services.lambda_.activation import Activation
from lambent.cloud.services.lambda_.async_queue import AsyncQueue
from lambent.cloud.services.lambda_.authorisation import check_access
from lambent.cloud.services.lambda_.capacity_providers import capacity_provider
from lambent.cloud.services.lambda_.control import Control
from lambent.cloud.services.lambda_.deliveries import TOPIC, Deliveries
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.downloads import Downloads
from lambent.cloud.services.lambda_.front_door import UrlFrontDoor
from lambent.cloud.services.lambda_.invocation import Invoker
from lambent.cloud.services.lambda_.layer_access import LayerAccess
from lambent.cloud.services.lambda_.lookups import Lookups
from lambent.cloud.services.lambda_.managed.deployments import ManagedDeployments
from lambent.cloud.services.lambda_.managed.metrics import PERIOD_S, ManagedMetrics
from lambent.cloud.services.lambda_.managed.showing import Showing, capacity_view
from lambent.cloud.services.lambda_.managed.system_log import SystemLog
from lambent.cloud.services.lambda_.mapping_sources import MappingSources
from lambent.cloud.services.lambda_.mappings import Mappings
from lambent.cloud.services.lambda_.model_checks import check_model
from lambent.cloud.services.lambda_.operations.account import AccountOperations
from lambent.cloud.services.lambda_.operations.aliases import AliasOperations
from lambent.cloud.services.lambda_.operations.capacity_providers import CapacityProviderOperations
from lambent.cloud.services.lambda_.operations.code_signing import CodeSigningOperations
from lambent.cloud.services.lambda_.operations.concurrency import ConcurrencyOperations
from lambent.cloud.services.lambda_.operations.event_source_mappings import EventSourceMappingOperations
from lambent.cloud.services.lambda_.operations.functions import FunctionOperations
from lambent.cloud.services.lambda_.operations.invoke import InvokeOperations
from lambent.cloud.services.lambda_.operations.invoke_configs import InvokeConfigOperations
from lambent.cloud.services.lambda_.operations.layer_permissions import LayerPermissionOperations
from lambent.cloud.services.lambda_.operations.layers import LayerOperations
from lambent.cloud.services.lambda_.operations.permissions import PermissionOperations
from lambent.cloud.services.lambda_.operations.provisioned import ProvisionedOperations
from lambent.cloud.services.lambda_.operations.resource_policies import ResourcePolicyOperations
from lambent.cloud.services.lambda_.operations.runtime_management import RuntimeManagementOperations
from lambent.cloud.services.lambda_.operations.scaling_configs import ScalingConfigOperations
from lambent.cloud.services.lambda_.operations.tags import TagOperations
from lambent.cloud.services.lambda_.operations.updates import UpdateOperations
from lambent.cloud.services.lambda_.operations.urls import UrlOperations
from lambent.cloud.services.lambda_.operations.versions import VersionOperations
from lambent.cloud.services.lambda_.packages import Packages
from lambent.cloud.services.lambda_.polling import Polling
from lambent.cloud.services.lambda_.provider_lifecycle import ProviderLifecycle
from lambent.cloud.services.lambda_.provisioning import Provisioning
from lambent.cloud.services.lambda_.reporting import Reporting
from lambent.cloud.services.lambda_.routing import FunctionRoute, Routes
from lambent.cloud.services.lambda_.schema import scripts
from lambent.cloud.services.lambda_.sources import Sources
from lambent.cloud.services.lambda_.streams import Streams
from lambent.cloud.services.lambda_.tracing import Loops
from lambent.cloud.store.scope import Scope


class LambdaService(Service):
    """AWS Lambda.

    `packages` is a directory of its own for unpacked code; `reporting` and `system_log` are the data plane's observers.
    """

    name = "lambda"

    def __init__(
        self, dependencies: Dependencies, *, packages: Path, reporting: Reporting, system_log: SystemLog
    ) -> None:
        self._dependencies = dependencies
        self._system_log = system_log
        self._reporting = reporting
        self._packages = Packages(packages, dependencies.blobs)
        self._provisioning = Provisioning(dependencies, self._packages)
        self._routes = Routes(dependencies.store.read, self._packages, self._route_changed)
        lookups = Lookups(dependencies.client)
        self._deployments = ManagedDeployments(dependencies, self._packages, lookups)
        self._showing = Showing(dependencies)
        self._activation = Activation(dependencies, self._packages, self._routes, self._deployments)
        self._downloads = Downloads(dependencies.blobs, dependencies.store.read)
        self._invoker = invoker = Invoker(dependencies.plane, self._packages)
        self._metrics = ManagedMetrics(dependencies, reporting.activity)
        invoker.on_throttle = self._metrics.throttled
        invoker.before_managed = self._deployments.try_again
        self._streams = Streams(invoker, dependencies.clock)
        self._loops = Loops()
        self._url_door = UrlFrontDoor(dependencies, self._routes, self._streams, self._loops)
        self._queue = AsyncQueue(dependencies, self._routes, invoker, self._loops)
        dependencies.store.deliver(TOPIC, Deliveries(dependencies.client).deliver)
        self._polling = Polling(dependencies, self._routes, invoker, self._loops)
        self._mappings = Mappings(dependencies.store, dependencies.clock, self._polling)
        self._providers = ProviderLifecycle(dependencies, self._deployments)
        access = LayerAccess(dependencies.store.read, lookups)
        sources = Sources(dependencies.store.read, self._packages, lookups, access)
        control = Control(dependencies, self._packages, self._routes, self._activation)
        super().__init__(
            FunctionOperations(control, sources, lookups),
            CapacityProviderOperations(control, lookups, self._providers),
            ScalingConfigOperations(control),
            UpdateOperations(control, sources, lookups),
            VersionOperations(control),
            AliasOperations(control),
            PermissionOperations(control),
            ResourcePolicyOperations(control),
            UrlOperations(control),
            ConcurrencyOperations(control),
            ProvisionedOperations(control, self._provisioning),
            InvokeConfigOperations(control),
            TagOperations(control),
            LayerOperations(control, sources, access),
            LayerPermissionOperations(control),
            CodeSigningOperations(control),
            RuntimeManagementOperations(control),
            EventSourceMappingOperations(control, MappingSources(dependencies.client), self._mappings),
            AccountOperations(control),
            InvokeOperations(control, self._streams, self._queue, reporting),
        )

    async def start(self) -> None:
        """Load the routing snapshot and take up what was under way when the platform stopped."""
        await self._dependencies.store.migrate("lambda", scripts())
        await self._packages.start()
        self._reporting.start()
        self._system_log.attach(partial(capacity_provider, self._dependencies.store.read), self._showing.launched)
        self._routes.load()
        await self._deployments.resume()
        self._activation.resume()
        self._queue.resume()
        self._mappings.resume()
        self._providers.resume()

    async def stop(self) -> None:
        """End what runs in the background; what it has not finished is taken up at the next start."""
        await self._providers.stop()
        await self._deployments.stop()
        await self._mappings.stop()
        await self._queue.stop()
        await self._streams.stop()
        await self._activation.stop()
        await self._provisioning.stop()
        await self._reporting.stop()
        await self._system_log.stop()
        await self._packages.stop()

    def expose_to(self, strikes: Strikes) -> None:
        """Let faults on purpose strike invocations, accepted events, and batches of streams."""
        self._invoker.strikes = self._queue.strikes = strikes

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Raise ValidationException for what the model forbids, AccessDeniedException for those no policy lets in.

        Identity policies are not this service's business: a resource policy speaks of services and other accounts.
        """
        check_model(operation, parameters)
        check_access(self._routes, context, operation, parameters)

    def managed_instances(self, scope: Scope) -> Sequence[ManagedInstance]:
        """Return the EC2 instances that Lambda runs for an account in a region."""
        return self._showing.instances(scope)

    async def deliver_metrics(self, scope: Scope) -> None:
        """Put what was measured of Managed Instances in an account and region into CloudWatch."""
        await self._metrics.deliver(scope)

    def routes(self) -> Sequence[Route]:
        """Return the route under which deployment packages are downloaded."""
        return (self._downloads.route(),)

    def front_doors(self) -> Sequence[FrontDoor]:
        """Return the door of function URLs."""
        return (self._url_door.door(),)

    def loops(self) -> Sequence[Loop]:
        """Return what looks at Managed Instances every minute."""
        return (Loop("metrics of managed instances", PERIOD_S, self._metrics.look),)

    def views(self) -> Mapping[str, View]:
        """Return the functions as they are routed, dropped invocations of loops, what mappings did, and capacity."""
        return {
            "functions": self._routes.view,
            "recursive-invocations-dropped": self._loops.view,
            "event-source-mappings": self._polling.view,
            "capacity-providers": partial(capacity_view, self._dependencies.plane),
        }

    def _route_changed(self, before: FunctionRoute | None, after: FunctionRoute | None) -> None:
        """Tell the data plane and the log what a change of a function means to them."""
        plane = self._dependencies.plane
        was = {} if before is None else before.versions
        now = {} if after is None else after.versions
        for name, version in was.items():
            current = now.get(name)
            if current is version:
                continue
            # On Managed Instances what is deployed takes the place of what was, once it is ready.
            is_replaced = current is not None and version.is_managed
            if version.spec is not None and not is_replaced and (current is None or current.spec != version.spec):
                plane.retire(version.spec.version_arn)
        for name, version in now.items():
            if was.get(name) is version:
                continue
            self._reporting.set_system_level(version.arn, version.system_log_level)
        for name in was.keys() - now.keys():
            self._reporting.set_system_level(was[name].arn, None)
        known = after or before
        reserved = None if after is None else after.reserved_concurrency
        if known is not None and (before is None or before.reserved_concurrency != reserved or after is None):
            plane.reserve(known.latest.function_arn, reserved)
        self._provisioning.changed(before, after)
