"""Stack policies as requests give them: as text or at a URL, checked before anything begins."""

from __future__ import annotations

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.cloudformation import errors
from lambent.cloud.services.cloudformation.model.stack_policy import StackPolicyError, read_stack_policy
from lambent.cloud.services.cloudformation.sources import Sources


async def given_policy(
    sources: Sources, context: RequestContext, asked: Parameters, stem: str = "StackPolicy"
) -> str | None:
    """Return the policy that a request gives as `stem`Body or `stem`URL, or None. Raises ServiceError."""
    text = await sources.policy(context, asked, stem)
    if text is None:
        return None
    try:
        read_stack_policy(text)
    except StackPolicyError as error:
        raise errors.invalid(str(error)) from error
    return text
