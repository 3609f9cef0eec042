"""Code signing configurations: kept, changed and bound to functions."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import code_signing
from lambent.cloud.services.lambda_.control import Control, Target, find_latest, refuse_qualifier, target_of
from lambent.cloud.services.lambda_.listing import bounds_of
from lambent.cloud.services.lambda_.model.code_signing import CodeSigningConfig, check_signable
from lambent.cloud.services.lambda_.model.function import function_arn
from lambent.cloud.services.lambda_.operations.tags import check_tags
from lambent.cloud.services.lambda_.rendering import Shape, timestamp
from lambent.cloud.store.unit_of_work import Reader, Transaction

_LISTED_AT_ONCE = 50
_ID_DIGITS = 17


class CodeSigningOperations:
    """Create-, Get-, Update-, Delete- and ListCodeSigningConfigs, and what binds functions to them."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("CreateCodeSigningConfig")
    async def create_code_signing_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep a new configuration."""
        tags = parameters.get("Tags") or {}
        check_tags(context, tags, {})
        created = _changed(
            CodeSigningConfig(
                scope=context.scope,
                id=f"csc-{self._control.dependencies.ids.hex(_ID_DIGITS)}",
                publishers=(),
                last_modified=context.now,
                tags=dict(tags),
            ),
            parameters,
            context.now,
        )
        await self._control.dependencies.store.write(lambda transaction: code_signing.put_config(transaction, created))
        return {"CodeSigningConfig": _shape(created)}

    @operation("GetCodeSigningConfig")
    async def get_code_signing_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a configuration."""
        arn = parameters["CodeSigningConfigArn"]
        return {"CodeSigningConfig": _shape(code_signing.find_config(self._control.read, context.scope, arn))}

    @operation("UpdateCodeSigningConfig")
    async def update_code_signing_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change a configuration; what the request leaves out stays, and what is deployed already is not looked at."""

        def work(transaction: Transaction) -> CodeSigningConfig:
            found = code_signing.find_config(transaction, context.scope, parameters["CodeSigningConfigArn"])
            changed = _changed(found, parameters, context.now)
            code_signing.put_config(transaction, changed)
            return changed

        return {"CodeSigningConfig": _shape(await self._control.dependencies.store.write(work))}

    @operation("DeleteCodeSigningConfig")
    async def delete_code_signing_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a configuration that no function has."""

        def work(transaction: Transaction) -> None:
            found = code_signing.find_config(transaction, context.scope, parameters["CodeSigningConfigArn"])
            code_signing.delete_config(transaction, found)

        await self._control.dependencies.store.write(work)
        return {}

    @operation("ListCodeSigningConfigs")
    async def list_code_signing_configs(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of the configurations."""
        bounds = bounds_of(parameters, at_most=_LISTED_AT_ONCE)
        found = code_signing.configs(self._control.read, context.scope, bounds.part())
        listed = bounds.page(found, lambda each: each.id)
        return listed.shape("CodeSigningConfigs", [_shape(each) for each in listed.items])

    @operation("ListFunctionsByCodeSigningConfig")
    async def list_functions_by_code_signing_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of the ARNs of the functions that have a configuration."""
        found = code_signing.find_config(self._control.read, context.scope, parameters["CodeSigningConfigArn"])
        bounds = bounds_of(parameters, at_most=_LISTED_AT_ONCE)
        names = code_signing.functions_of(self._control.read, found, bounds.behind, bounds.to_read)
        listed = bounds.page(names, str)
        shape: Shape = {"FunctionArns": [function_arn(found.scope, name) for name in listed.items]}
        if listed.next_marker is not None:
            shape["NextMarker"] = listed.next_marker
        return shape

    @operation("PutFunctionCodeSigningConfig")
    async def put_function_code_signing_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Bind a function to a configuration, from its next deployment on."""
        target = target_of(context, parameters["FunctionName"])

        def work(transaction: Transaction) -> CodeSigningConfig:
            # AWS looks at the configuration first: a request that is wrong in both speaks of that.
            found = code_signing.config_to_bind(transaction, target.scope, parameters["CodeSigningConfigArn"])
            _check_signable(transaction, target)
            code_signing.bind(transaction, target.name, found)
            return found

        found = await self._control.dependencies.store.write(work)
        return {"CodeSigningConfigArn": found.arn, "FunctionName": target.name}

    @operation("GetFunctionCodeSigningConfig")
    async def get_function_code_signing_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the configuration a function has; nothing where it has none."""
        target = target_of(context, parameters["FunctionName"])
        _check_signable(self._control.read, target)
        bound = code_signing.bound_to(self._control.read, target.scope, target.name)
        return {} if bound is None else {"CodeSigningConfigArn": bound.arn, "FunctionName": target.name}

    @operation("DeleteFunctionCodeSigningConfig")
    async def delete_function_code_signing_config(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take a function's configuration away; one that has none is no error."""
        target = target_of(context, parameters["FunctionName"])

        def work(transaction: Transaction) -> None:
            _check_signable(transaction, target)
            code_signing.unbind(transaction, target.scope, target.name)

        await self._control.dependencies.store.write(work)
        return {}


def _check_signable(reader: Reader, target: Target) -> None:
    refuse_qualifier(target)
    check_signable(find_latest(reader, target).settings.package_type)


def _changed(current: CodeSigningConfig, asked: Parameters, now: float) -> CodeSigningConfig:
    publishers, description = asked.get("AllowedPublishers"), asked.get("Description")
    policy = (asked.get("CodeSigningPolicies") or {}).get("UntrustedArtifactOnDeployment")
    return replace(
        current,
        publishers=current.publishers if publishers is None else tuple(publishers["SigningProfileVersionArns"]),
        policy=policy or current.policy,
        description=current.description if description is None else description,
        last_modified=now,
    )


def _shape(value: CodeSigningConfig) -> Shape:
    shape: Shape = {
        "CodeSigningConfigId": value.id,
        "CodeSigningConfigArn": value.arn,
        "AllowedPublishers": {"SigningProfileVersionArns": list(value.publishers)},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": value.policy},
        "LastModified": timestamp(value.last_modified),
    }
    if value.description is not None:
        shape["Description"] = value.description
    return shape
