"""EC2's errors, as AWS words them."""

from __future__ import annotations

from lambent.cloud.errors import ServiceError


def managed_by_another(caller: str, action: str, arn: str) -> ServiceError:
    """A change of an instance that a service provider manages: its policy denies it to everybody else.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/amazon-ec2-managed-instances.html
    """
    return ServiceError(
        "UnauthorizedOperation",
        f"You are not authorized to perform this operation. User: {caller} is not authorized to perform: {action} on "
        f"resource: {arn} with an explicit deny in a resource-based policy",
        status=403,
    )


def dry_run() -> ServiceError:
    """A request with DryRun that would have been carried out."""
    return ServiceError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", status=412)


def invalid_token() -> ServiceError:
    """A NextToken that no listing gave out."""
    return ServiceError("InvalidParameterValue", "Unable to parse pagination token", status=400)
