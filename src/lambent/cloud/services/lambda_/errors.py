"""Lambda's errors, as AWS words them."""

from __future__ import annotations

from lambent.aws import arn as arns
from lambent.cloud.errors import ServiceError
from lambent.cloud.store.scope import Scope

_USER = {"Type": "User"}


def invalid_parameter(message: str) -> ServiceError:
    """A parameter that Lambda itself finds wrong."""
    return ServiceError("InvalidParameterValueException", message, status=400, members=_USER)


def unattributed_invalid_parameter(message: str) -> ServiceError:
    """The same where AWS does not say whose fault it is: limits of the account, weights of `$LATEST`."""
    return ServiceError("InvalidParameterValueException", message, status=400, members={"Type": None})


def validation(*violations: str) -> ServiceError:
    """Parameters that break the constraints of the service model; each text is one violation."""
    noun = "validation error" if len(violations) == 1 else "validation errors"
    return ServiceError("ValidationException", f"{len(violations)} {noun} detected: {'; '.join(violations)}")


def not_found(message: str) -> ServiceError:
    """A resource that is not there."""
    return ServiceError("ResourceNotFoundException", message, status=404, members=_USER)


def function_not_found(scope: Scope, name: str, qualifier: str | None = None) -> ServiceError:
    """A function, version or alias that is not there, named as the caller named it."""
    arn = arns.function_arn(scope.region, scope.account, name)
    return not_found(f"Function not found: {arn}:{qualifier}" if qualifier else f"Function not found: {arn}")


def alias_not_found(scope: Scope, name: str, alias: str) -> ServiceError:
    """An alias that is not there, in the words of the operations that ask for an alias."""
    return not_found(f"Cannot find alias arn: {arns.function_arn(scope.region, scope.account, name)}:{alias}")


def no_such_resource() -> ServiceError:
    """Something that is not there, in AWS's most general words."""
    return not_found("The resource you requested does not exist.")


def layer_version_not_found(arn: str) -> ServiceError:
    """A layer version that is not there, in the words of the operations on its policy."""
    return not_found(f"Layer version {arn} does not exist.")


def conflict(message: str) -> ServiceError:
    """A resource that is there already, or is busy."""
    return ServiceError("ResourceConflictException", message, status=409, members=_USER)


def update_in_progress(arn: str) -> ServiceError:
    """A change while another is under way."""
    return conflict(f"The operation cannot be performed at this time. An update is in progress for resource: {arn}")


def in_use(verb: str) -> ServiceError:
    """A change of an event source mapping while another is under way; `verb` is what was asked for."""
    return ServiceError(
        "ResourceInUseException",
        f"Cannot {verb} the event source mapping because it is in use.",
        members=_USER,
    )


def not_active(state: str) -> ServiceError:
    """An invocation or publication of a function that is not active (yet, or any more)."""
    return conflict(
        f"The operation cannot be performed at this time. The function is currently in the following state: {state}"
    )


def snap_start_not_ready() -> ServiceError:
    """An invocation of a version whose snapshot is still being taken.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-troubleshooting.html
    """
    return ServiceError(
        "SnapStartNotReadyException",
        "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE.",
        status=409,
        members=_USER,
    )


def snap_start_failed(*, is_timeout: bool) -> ServiceError:
    """An invocation that no environment could be restored for, because of the function's own hooks."""
    if is_timeout:
        message = "Lambda couldn't restore the snapshot within the timeout limit."
        return ServiceError("SnapStartTimeoutException", message, status=408, members=_USER)
    # The service model's own words.
    message = (
        "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs."
    )
    return ServiceError("SnapStartException", message, status=400, members=_USER)


def precondition_failed(remedy: str) -> ServiceError:
    """A RevisionId that is not the latest; `remedy` is the operation that tells the latest."""
    return ServiceError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        f"Call the {remedy} API to retrieve the latest Revision Id",
        status=412,
        members=_USER,
    )


def access_denied(message: str = "") -> ServiceError:
    """A caller without the permission."""
    return ServiceError("AccessDeniedException", message, status=403)


def not_let_in(caller: str, action: str, resource: str) -> ServiceError:
    """A caller of another account whom the resource's policy does not let in."""
    return access_denied(
        f"User: {caller} is not authorized to perform: {action} on resource: {resource} because no resource-based "
        f"policy allows the {action} action"
    )


def kept_out(caller: str, action: str, resource: str) -> ServiceError:
    """A caller whom the resource's policy forbids what is asked.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    return access_denied(
        f"User: {caller} is not authorized to perform: {action} on resource: {resource} with an explicit deny in a "
        "resource-based policy"
    )


def public_policy() -> ServiceError:
    """A whole policy that would let in everybody, in the service model's words."""
    message = (
        "The resource-based policy you tried to add to the Lambda resource would grant public access to it, which "
        "isn't allowed."
    )
    return ServiceError("PublicPolicyException", message, members=_USER)


def invalid_content(message: str) -> ServiceError:
    """A request whose body cannot be read."""
    return ServiceError("InvalidRequestContentException", message, members=_USER)


def too_large(message: str) -> ServiceError:
    """A deployment package or request that is too large to be taken at all."""
    return ServiceError("RequestEntityTooLargeException", message, status=413)


def no_code_signing_config(arn: str) -> ServiceError:
    """A code signing configuration that is not there."""
    return ServiceError(
        "CodeSigningConfigNotFoundException",
        f"The code signing configuration cannot be found. Check that the provided configuration is not deleted: {arn}.",
        status=404,
        members=_USER,
    )


def code_signing_config_not_found(arn: str) -> ServiceError:
    """The same, in the words of the operations on the configuration itself, which say nothing of whose fault it is."""
    message = f"The Lambda code signing configuration {arn} can not be found."
    return ServiceError("ResourceNotFoundException", message, status=404, members={"Type": None})


def code_verification_failed(artifact: str) -> ServiceError:
    """A function (by name, when it is created; by ARN later) or layer whose signature is not accepted."""
    return ServiceError(
        "CodeVerificationFailedException",
        "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is "
        f"not configured to accept. Check the provided signature for {artifact}.",
        members=_USER,
    )


def invalid_runtime(message: str) -> ServiceError:
    """A function that nothing here can run."""
    return ServiceError("InvalidRuntimeException", message, status=502, members=_USER)


def internal(message: str) -> ServiceError:
    """A failure of the platform's own."""
    return ServiceError("ServiceException", message, status=500, members={"Type": "Service"})


def invalid_function_name(name: str) -> ServiceError:
    """A FunctionName of none of AWS's forms."""
    pattern = (
        r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?"
        r"(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
    )
    return validation(
        f"Value '{name}' at 'functionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {pattern}"
    )


def statement_exists(statement_id: str) -> ServiceError:
    """A second statement under one id."""
    return conflict(
        f"The statement id ({statement_id}) provided already exists. "
        "Please provide a new statement id, or remove the existing statement."
    )


def statement_not_found(statement_id: str) -> ServiceError:
    """A statement that the policy lacks."""
    return not_found(f"Statement {statement_id} is not found in resource policy.")


def no_policy() -> ServiceError:
    """A resource without a policy."""
    return not_found("No policy is associated with the given resource.")


def policy_too_long(limit: int) -> ServiceError:
    """A resource policy that would grow beyond its limit."""
    return ServiceError(
        "PolicyLengthExceededException",
        f"The final policy size is bigger than the limit ({limit}).",
        members=_USER,
    )


def no_provisioned_concurrency() -> ServiceError:
    """A version or alias without provisioned concurrency."""
    return ServiceError(
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
        status=404,
        members=_USER,
    )


def provisioned_unpublished() -> ServiceError:
    """Provisioned concurrency of `$LATEST`, be it by an alias."""
    return invalid_parameter("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")


def capacity_provider_not_found(arn: str) -> ServiceError:
    """A capacity provider that is not there."""
    return not_found(f"Capacity provider not found: {arn}")


def not_with_managed_instances(what: str) -> ServiceError:
    """A setting that functions on Managed Instances cannot have."""
    return invalid_parameter(f"You can't use Lambda Managed Instance functions with {what}.")


def provider_busy(state: str) -> ServiceError:
    """A change of a capacity provider, or a function put on one, in a state that does not allow it."""
    return conflict(
        "The operation cannot be performed at this time. The capacity provider is currently in the following state: "
        f"{state}"
    )


def provider_in_use(arn: str, functions: int) -> ServiceError:
    """The deletion of a capacity provider that versions of functions run on."""
    return conflict(
        f"The capacity provider is currently in use by {functions} functions. To delete this capacity provider, first "
        f"remove its association with {arn}."
    )


def too_many_providers() -> ServiceError:
    """One capacity provider more than an account may have."""
    return ServiceError(
        "CapacityProviderLimitExceededException",
        "The maximum number of capacity providers for your account has been exceeded.",
        members=_USER,
    )


def too_many_versions_on_provider() -> ServiceError:
    """One function version more than a capacity provider may have."""
    return ServiceError(
        "FunctionVersionsPerCapacityProviderLimitExceededException",
        "The maximum number of function versions that can be associated with a single capacity provider has been "
        "exceeded.",
        members=_USER,
    )


def no_published_version() -> ServiceError:
    """An invocation of a function on Managed Instances that has published nothing for it."""
    return ServiceError(
        "NoPublishedVersionException",
        "The function can't be invoked because no published version exists. For functions with capacity provider "
        "configuration, either publish a version to $LATEST.PUBLISHED, or specify a published version qualifier.",
        members=_USER,
    )


def latest_not_invocable() -> ServiceError:
    """An invocation of `$LATEST` on Managed Instances, where something else is published."""
    return invalid_parameter(
        "Functions configured with capacity provider configuration can't be invoked with $LATEST qualifier. To invoke "
        "this function, specify a published version qualifier or $LATEST.PUBLISHED."
    )


def recursive_invocation() -> ServiceError:
    """An invocation of a function that a chain of requests came back to too often."""
    return ServiceError(
        "RecursiveInvocationException",
        "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your "
        "function's invocation.",
        members=_USER,
    )


def mode_not_supported() -> ServiceError:
    """A synchronous invocation of a function that may take longer than a caller can wait."""
    return ServiceError(
        "ModeNotSupportedException",
        "The Lambda function doesn't support the invocation mode requested.",
        members=_USER,
    )
