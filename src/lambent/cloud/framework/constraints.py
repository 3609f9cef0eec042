"""Parameters against the constraints of a service's model, for services that leave all of it to the model."""

from __future__ import annotations

from functools import cache

from lambent.aws.service_models import Operation, service_model
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.protocol.validate import validation_error


def check_constraints(
    service: str, operation: str, context: RequestContext, parameters: Parameters, *, code: str | None = None
) -> None:
    """Raise what AWS answers to parameters that the model forbids; `code` where the service has one of its own.

    Services calling each other are not checked: they pass on what was, and some do so thousands of times a second.
    """
    known = None if context.caller.kind == "service" else _operation(service, operation)
    error = None if known is None else validation_error(known, parameters)
    if error is not None:
        raise error if code is None else ServiceError(code, error.message)


@cache
def _operation(service: str, name: str) -> Operation | None:
    return service_model(service).operation(name)
