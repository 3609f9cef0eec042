"""How asynchronous invocations are treated: put, changed, shown, listed and taken away."""

from __future__ import annotations

from dataclasses import asdict

from lambent.aws.arn import FunctionIdentifier
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.control import Control, Target, target_of
from lambent.cloud.services.lambda_.documents import INVOKE_CONFIGS
from lambent.cloud.services.lambda_.listing import bounds_of
from lambent.cloud.services.lambda_.model.function import LATEST, function_arn, is_version
from lambent.cloud.services.lambda_.model.invoke_config import InvokeConfig, asked_config, problem_of
from lambent.cloud.services.lambda_.rendering import Shape
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

_LISTED_AT_ONCE = 50
_SETTINGS = ("DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts")


class InvokeConfigOperations:
    """Put-, Update-, Get-, DeleteFunctionEventInvokeConfig, ListFunctionEventInvokeConfigs."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("PutFunctionEventInvokeConfig")
    async def put_function_event_invoke_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set how events are treated, whatever was set before."""
        target = _target(context, parameters)
        _check_says_something(parameters)
        config = asked_config(parameters, context.now)

        def work(transaction: Transaction) -> None:
            _check_exists(transaction, target)
            self._keep(transaction, target, config)

        await self._control.change(target.scope, target.name, work)
        return _shape(target, config)

    @operation("UpdateFunctionEventInvokeConfig")
    async def update_function_event_invoke_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change what is said and keep the rest."""
        target = _target(context, parameters)
        _check_says_something(parameters)

        def work(transaction: Transaction) -> InvokeConfig:
            _check_exists(transaction, target)
            config = _find(transaction, target).changed(parameters, context.now)
            self._keep(transaction, target, config)
            return config

        return _shape(target, await self._control.change(target.scope, target.name, work))

    @operation("GetFunctionEventInvokeConfig")
    async def get_function_event_invoke_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return how events are treated."""
        target = _target(context, parameters)
        return _shape(target, _find(self._control.read, target))

    @operation("DeleteFunctionEventInvokeConfig")
    async def delete_function_event_invoke_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Have events treated by the defaults again."""
        target = _target(context, parameters)

        def work(transaction: Transaction) -> None:
            _find(transaction, target)
            INVOKE_CONFIGS.delete(transaction, target.scope, target.name, target.qualifier)

        await self._control.change(target.scope, target.name, work)
        return {}

    @operation("ListFunctionEventInvokeConfigs")
    async def list_function_event_invoke_configs(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of a function's configurations, by qualifier."""
        target = target_of(context, parameters["FunctionName"])
        if repository.function(self._control.read, target.scope, target.name) is None:
            raise _no_function()
        bounds = bounds_of(parameters, at_most=_LISTED_AT_ONCE)
        found = INVOKE_CONFIGS.behind(self._control.read, target.scope, target.name, part=bounds.part())
        listed = bounds.page(list(found), str)
        shown = [_shape(Target(target.scope, target.name, each), InvokeConfig(**found[each])) for each in listed.items]
        return listed.shape("FunctionEventInvokeConfigs", shown)

    def _keep(self, transaction: Transaction, target: Target, config: InvokeConfig) -> None:
        problem = problem_of(config)
        if problem is not None:
            raise errors.invalid_parameter(problem)
        for destination in (config.on_success, config.on_failure):
            if destination is not None and destination.split(":")[2] == "lambda":
                _check_function(transaction, target, destination)
        INVOKE_CONFIGS.put(transaction, target.scope, (target.name, target.qualifier), asdict(config))


def _target(context: RequestContext, parameters: Parameters) -> Target:
    target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
    return Target(target.scope, target.name, target.qualifier or LATEST)


def _check_says_something(parameters: Parameters) -> None:
    if not any(setting in parameters for setting in _SETTINGS):
        raise errors.invalid_parameter("You must specify at least one of error handling or destination setting.")


def _check_exists(reader: Reader, target: Target) -> None:
    qualifier = target.qualifier or LATEST
    lookup = repository.version if is_version(qualifier) else repository.alias
    if lookup(reader, target.scope, target.name, qualifier) is None:
        raise _no_function()


def _check_function(reader: Reader, target: Target, destination: str) -> None:
    named = FunctionIdentifier.parse(destination)
    scope = Scope(named.account or target.scope.account, named.region or target.scope.region)
    if (scope, named.name) == (target.scope, target.name):
        raise errors.invalid_parameter("You can't specify the function as a destination for itself.")
    if repository.function(reader, scope, named.name) is None:
        raise errors.invalid_parameter(f"The destination ARN {destination} is invalid.")


def _find(reader: Reader, target: Target) -> InvokeConfig:
    document = INVOKE_CONFIGS.one(reader, target.scope, target.name, target.qualifier)
    if document is None:
        raise errors.not_found(f"The function {target.arn} doesn't have an EventInvokeConfig")
    return InvokeConfig(**document)


def _no_function() -> Exception:
    return errors.not_found("The function doesn't exist.")


def _shape(target: Target, config: InvokeConfig) -> Shape:
    shape: Shape = {
        "FunctionArn": f"{function_arn(target.scope, target.name)}:{target.qualifier}",
        "LastModified": config.last_modified,
        "DestinationConfig": {
            "OnSuccess": {"Destination": config.on_success} if config.on_success else {},
            "OnFailure": {"Destination": config.on_failure} if config.on_failure else {},
        },
    }
    if config.maximum_retries is not None:
        shape["MaximumRetryAttempts"] = config.maximum_retries
    if config.maximum_age_s is not None:
        shape["MaximumEventAgeInSeconds"] = config.maximum_age_s
    return shape
