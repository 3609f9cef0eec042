"""What Lambda's operations have in common: finding what a caller names, and committing a change to a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from lambent.aws.arn import FunctionIdentifier, MalformedFunctionIdentifierError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.activation import Activation
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.model.function import LATEST, Function, FunctionVersion, function_arn, is_version
from lambent.cloud.services.lambda_.packages import Packages
from lambent.cloud.services.lambda_.routing import Routes
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """The function a request names, and the qualifier it gave (in the name or beside it), if any."""

    scope: Scope
    name: str
    qualifier: str | None = None

    @property
    def arn(self) -> str:
        """The ARN of what is named, with its qualifier if it has one."""
        arn = function_arn(self.scope, self.name)
        return arn if self.qualifier is None else f"{arn}:{self.qualifier}"

    def not_found(self) -> Exception:
        """Return AWS's error for this target."""
        return errors.function_not_found(self.scope, self.name, self.qualifier)


@dataclass(frozen=True, slots=True)
class Control:
    """The parts every group of operations works with."""

    dependencies: Dependencies
    packages: Packages
    routes: Routes
    activation: Activation

    @property
    def read(self) -> Reader:
        """Committed state."""
        return self.dependencies.store.read

    def new_revision(self) -> str:
        """Return a revision id."""
        return self.dependencies.ids.uuid()

    async def change(self, scope: Scope, name: str, work: Callable[[Transaction], T]) -> T:
        """Commit one unit of work on a function; its route is read anew before this returns."""
        # What runs until an update has come to its end is the route from before it, which only memory knows.
        self.routes.find(scope.account, scope.region, name)

        def unit(transaction: Transaction) -> T:
            result = work(transaction)
            transaction.after_commit(lambda: self.routes.refresh(scope, name))
            return result

        return await self.dependencies.store.write(unit)


_parsed = lru_cache(maxsize=4096)(FunctionIdentifier.parse)


def target_of(context: RequestContext, function_name: str, qualifier: str | None = None) -> Target:
    """Return what the caller means by a FunctionName and a Qualifier.

    Raises ResourceNotFoundException for another region's function, and InvalidParameterValueException where the
    qualifier contradicts the one in the name.
    """
    try:
        reference = _parsed(function_name)
    except MalformedFunctionIdentifierError as error:
        raise errors.invalid_function_name(function_name) from error
    region = context.scope.region
    if reference.region is not None and reference.region != region:
        raise errors.not_found(f"Functions from '{reference.region}' are not reachable in this region ('{region}')")
    if qualifier is not None and reference.qualifier is not None and qualifier != reference.qualifier:
        raise errors.invalid_parameter(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    scope = context.scope if reference.account is None else Scope(reference.account, region)
    return Target(scope, reference.name, qualifier or reference.qualifier)


def find_function(reader: Reader, target: Target) -> Function:
    """Return the target's function; raises ResourceNotFoundException, named without a qualifier."""
    found = repository.function(reader, target.scope, target.name)
    if found is None:
        raise errors.function_not_found(target.scope, target.name)
    return found


def find_version(reader: Reader, target: Target) -> FunctionVersion:
    """Return the version the target's qualifier leads to, `$LATEST` without one; raises ResourceNotFoundException."""
    qualifier = target.qualifier or LATEST
    if not is_version(qualifier):
        alias = repository.alias(reader, target.scope, target.name, qualifier)
        if alias is None:
            raise target.not_found()
        qualifier = alias.version
    found = repository.version(reader, target.scope, target.name, qualifier)
    if found is None:
        raise target.not_found()
    return found


def find_latest(reader: Reader, target: Target) -> FunctionVersion:
    """Return the function's `$LATEST`; raises ResourceNotFoundException."""
    found = repository.version(reader, target.scope, target.name)
    if found is None:
        raise errors.function_not_found(target.scope, target.name)
    return found


def check_revision(expected: str | None, actual: str | None, *, read_by: str = "GetFunction/GetAlias") -> None:
    """Raise PreconditionFailedException if the caller expects another revision than that `read_by` tells."""
    if expected and expected != actual:
        raise errors.precondition_failed(read_by)


def refuse_qualifier(target: Target) -> None:
    """Raise InvalidParameterValueException if the target is a version or an alias."""
    if target.qualifier is not None:
        raise errors.invalid_parameter(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN."
        )
