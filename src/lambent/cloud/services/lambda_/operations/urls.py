"""Function URLs: an HTTP address of a function or an alias."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository, url_repository
from lambent.cloud.services.lambda_.control import Control, Target, target_of
from lambent.cloud.services.lambda_.documents import URLS
from lambent.cloud.services.lambda_.listing import bounds_of
from lambent.cloud.services.lambda_.model.cors import Cors
from lambent.cloud.services.lambda_.model.function import LATEST
from lambent.cloud.services.lambda_.model.url import ID_LENGTH, FunctionUrl, domain_of, kept_url, moment
from lambent.cloud.services.lambda_.rendering import Shape
from lambent.cloud.store.unit_of_work import Reader, Transaction

_LISTED_AT_ONCE = 50


class UrlOperations:
    """CreateFunctionUrlConfig, GetFunctionUrlConfig, UpdateFunctionUrlConfig, DeleteFunctionUrlConfig and the list."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("CreateFunctionUrlConfig")
    async def create_url(self, context: RequestContext, parameters: Parameters) -> Result:
        """Give a function or an alias its URL."""
        target = _target(context, parameters)
        url = FunctionUrl(
            url_id=self._control.dependencies.ids.base32(ID_LENGTH).lower(),
            auth_type=parameters["AuthType"],
            created_at=context.now,
            modified_at=context.now,
            invoke_mode=parameters.get("InvokeMode"),
            cors=Cors.asked(parameters.get("Cors") or {}),
        )

        def work(transaction: Transaction) -> None:
            _check_present(transaction, target)
            if _kept(transaction, target) is not None:
                raise errors.conflict(
                    f"Failed to create function url config for [functionArn = {target.arn}]. "
                    "Error message:  FunctionUrlConfig exists for this Lambda function"
                )
            url_repository.put_url(transaction, target.scope, target.name, target.qualifier or "", url)

        await self._control.change(target.scope, target.name, work)
        return self._shown(target, url)

    @operation("GetFunctionUrlConfig")
    async def get_url(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a URL's configuration."""
        target = _target(context, parameters)
        return self._shown_whole(target, _found(self._control.read, target))

    @operation("UpdateFunctionUrlConfig")
    async def update_url(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change what the request names of a URL; empty cross-origin rules take them away."""
        target = _target(context, parameters)

        def work(transaction: Transaction) -> FunctionUrl:
            _check_present(transaction, target)
            current = _found(transaction, target)
            cors = parameters.get("Cors")
            changed = replace(
                current,
                auth_type=parameters.get("AuthType") or current.auth_type,
                invoke_mode=parameters.get("InvokeMode") or current.invoke_mode,
                cors=current.cors if cors is None else Cors.asked(cors),
                modified_at=context.now,
            )
            url_repository.put_url(transaction, target.scope, target.name, target.qualifier or "", changed)
            return changed

        changed = await self._control.change(target.scope, target.name, work)
        return {**self._shown(target, changed), "LastModifiedTime": moment(changed.modified_at)}

    @operation("DeleteFunctionUrlConfig")
    async def delete_url(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take a URL away; it is never given again."""
        target = _target(context, parameters)

        def work(transaction: Transaction) -> None:
            if not url_repository.delete_url(transaction, target.scope, target.name, target.qualifier or ""):
                raise errors.no_such_resource()

        await self._control.change(target.scope, target.name, work)
        return {}

    @operation("ListFunctionUrlConfigs")
    async def list_urls(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of the URLs of a function and its aliases."""
        target = target_of(context, parameters["FunctionName"])
        if repository.function(self._control.read, target.scope, target.name) is None:
            raise _no_function()
        bounds = bounds_of(parameters, at_most=_LISTED_AT_ONCE)
        # $LATEST, as which the function's own is kept, comes before every name that an alias can have.
        found = URLS.behind(self._control.read, target.scope, target.name, part=bounds.part())
        listed = bounds.page(list(found), str)
        shown = [
            self._shown_whole(replace(target, qualifier=None if each == LATEST else each), kept_url(found[each]))
            for each in listed.items
        ]
        return listed.shape("FunctionUrlConfigs", shown)

    def _shown(self, target: Target, url: FunctionUrl) -> Shape:
        """Return a configuration as it answers its creation: a mode that nobody said is not there."""
        domain = domain_of(url.url_id, target.scope.region, self._control.dependencies.port)
        shape: Shape = {
            "FunctionUrl": f"http://{domain}/",
            "FunctionArn": target.arn,
            "AuthType": url.auth_type,
            "CreationTime": moment(url.created_at),
        }
        if url.cors is not None:
            shape["Cors"] = url.cors.shape()
        if url.invoke_mode is not None:
            shape["InvokeMode"] = url.invoke_mode
        return shape

    def _shown_whole(self, target: Target, url: FunctionUrl) -> Shape:
        modified = moment(url.modified_at)
        return {"InvokeMode": "BUFFERED", **self._shown(target, url), "LastModifiedTime": modified}


def _target(context: RequestContext, parameters: Parameters) -> Target:
    """Return whose URL is meant: never a version's, which the service model refuses in either parameter."""
    return target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))


def _check_present(reader: Reader, target: Target) -> None:
    """Raise ResourceNotFoundException unless the function, and the alias if one is named, are there."""
    if repository.function(reader, target.scope, target.name) is None:
        raise _no_function()
    if target.qualifier is not None and (repository.alias(reader, target.scope, target.name, target.qualifier) is None):
        raise _no_function()


def _kept(reader: Reader, target: Target) -> FunctionUrl | None:
    return url_repository.url(reader, target.scope, target.name, target.qualifier or "")


def _found(reader: Reader, target: Target) -> FunctionUrl:
    found = _kept(reader, target)
    if found is None:
        raise errors.no_such_resource()
    return found


def _no_function() -> Exception:
    # An alias that is missing is called so, too.
    return errors.not_found("Function does not exist")
