"""One service calling another by AWS operation name, as a named principal.

The call takes the same road behind the gateway as a caller's request would (authorisation, dispatch, the bridge for
what is not ours), without the wire formats. It raises `ServiceError` as the operation does.
"""

from __future__ import annotations

from typing import Protocol

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, RequestContext
from lambent.cloud.framework.fallback import Fallback
from lambent.cloud.framework.registry import Registry
from lambent.cloud.framework.service import LeftToFallback, Parameters, Result
from lambent.cloud.store.errors import StoreError
from lambent.cloud.store.scope import Scope


class InternalClient(Protocol):
    """Calls to any service of the platform, ours or bridged."""

    async def call(
        self, service: str, operation: str, parameters: Parameters, *, scope: Scope, principal: Principal
    ) -> Result:
        """Carry out `operation` in `scope` on behalf of `principal` and return its result.

        Raises ServiceError as the operation does.
        """


class RegistryClient:
    """The internal client of a platform: its registry, then the fallback.

    It may be made before the registry is filled, so that services can be given it. `host` is where clients reach the
    platform, for operations that answer with a URL.
    """

    def __init__(
        self, registry: Registry, fallback: Fallback, *, clock: Clock, ids: IdSource, host: str = "127.0.0.1:4566"
    ) -> None:
        self._registry = registry
        self._fallback = fallback
        self._clock = clock
        self._ids = ids
        self._host = host

    async def call(
        self, service: str, operation: str, parameters: Parameters, *, scope: Scope, principal: Principal
    ) -> Result:
        """Carry out `operation` in `scope` on behalf of `principal`, with a request id of its own.

        Raises ServiceError as the operation does, UnknownOperationException where nobody answers, and InternalFailure
        where the store takes no writes.
        """
        context = RequestContext(
            scope=scope,
            caller=principal,
            request_id=self._ids.uuid(),
            now=self._clock.now(),
            headers={} if principal.trace is None else {"x-amzn-trace-id": principal.trace},
            host=self._host,
        )
        owner = self._registry.service(service) or await self._registry.wake(service)
        ours = None if owner is None else owner.operations().get(operation)
        if owner is not None and ours is not None:
            owner.authorise(context, operation, parameters)
            try:
                return await ours(context, parameters)
            except LeftToFallback:
                pass  # as if it were none of ours
            except StoreError as error:  # the platform's own failure, as the gateway would answer it: to be tried again
                raise ServiceError("InternalFailure", str(error), status=500) from error
        bridged = await self._fallback.call(context, service, operation, parameters)
        if bridged is None:
            raise ServiceError("UnknownOperationException", f"{service} has no operation {operation} here.")
        return bridged
