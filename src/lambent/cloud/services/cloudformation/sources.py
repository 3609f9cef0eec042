"""Where the text of a template or of a stack policy comes from: the request itself, or an object in S3."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.cloudformation import errors

_BODY_BYTES = 51_200
_OBJECT_BYTES = 1_000_000
_POLICY_BYTES = 16_384
# Path style on AWS, and virtual hosts; the platform itself answers at addresses, and at names without a domain.
_PATH_STYLE = re.compile(r"s3[.-]([a-z0-9-]+\.)?amazonaws\.com(\.cn)?|s3\.dualstack\.[a-z0-9-]+\.amazonaws\.com")
_VIRTUAL_HOST = re.compile(r"(?P<bucket>.+)\.s3([.-](dualstack\.)?[a-z0-9-]+)?\.(amazonaws\.com(\.cn)?|localhost\S*)")
_HERE = re.compile(r"[a-z0-9-]+|s3\.localhost\S*|host\.docker\.internal|[0-9.]+|[0-9a-f]*:[0-9a-f:]+")


class Sources:
    """Reads texts that requests give or point to."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def template(self, context: RequestContext, asked: Parameters) -> str | None:
        """Return the template text that a request gives, or None. Raises ServiceError where it cannot be had."""
        body, url = asked.get("TemplateBody"), asked.get("TemplateURL")
        if body is not None and url is not None:
            raise errors.invalid("Cannot specify both TemplateBody and TemplateURL")
        if body is None:
            return None if url is None else await self._at(context, str(url), "TemplateURL", _OBJECT_BYTES)
        if len(body.encode()) > _BODY_BYTES:
            raise errors.unsatisfied(
                body, "templateBody", f"Member must have length less than or equal to {_BODY_BYTES}"
            )
        return str(body)

    async def policy(self, context: RequestContext, asked: Parameters, stem: str) -> str | None:
        """Return the stack policy that a request gives as `stem`Body or `stem`URL, or None. Raises ServiceError."""
        body, url = asked.get(f"{stem}Body"), asked.get(f"{stem}URL")
        if body is not None and url is not None:
            raise errors.invalid(f"You cannot specify both {stem}URL and {stem}Body")
        if url is not None:
            return await self._at(context, str(url), f"{stem}URL", _POLICY_BYTES)
        return None if body is None else str(body)

    async def object(
        self, context: RequestContext, bucket: str, key: str, *, version: str | None = None, most: int = _OBJECT_BYTES
    ) -> str:
        """Return the text of an object. Raises ServiceError in the words that CloudFormation has for S3's."""
        where = {"Bucket": bucket, "Key": key, **({} if version is None else {"VersionId": version})}
        try:
            answer = await self._client.call("s3", "GetObject", where, scope=context.scope, principal=context.caller)
        except ServiceError as error:
            raise errors.invalid(f"S3 error: {error.message}\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html") from error  # fmt: skip  # noqa: E501 - a message in one piece
        body = answer["Body"]
        content = body if isinstance(body, bytes) else b"".join([chunk async for chunk in body])
        if len(content) > most:
            raise errors.invalid(f"Template may not exceed {most} bytes in size.")
        return content.decode("utf-8", "replace")

    async def _at(self, context: RequestContext, url: str, member: str, most: int) -> str:
        parts = urlsplit(url)
        host = parts.hostname or ""
        path = unquote(parts.path.lstrip("/"))
        own = urlsplit(f"//{context.host}").hostname
        if parts.scheme not in {"http", "https"}:
            raise errors.invalid(f"{member} must be a supported URL.")
        if _PATH_STYLE.fullmatch(host) or _HERE.fullmatch(host) or host == own:
            bucket, _, key = path.partition("/")
        elif (virtual := _VIRTUAL_HOST.fullmatch(host)) is not None:
            bucket, key = virtual["bucket"], path
        else:
            raise errors.invalid(f"{member} must be a supported URL.")
        if not bucket or not key:
            raise errors.invalid(f"{member} must reference a valid S3 object to which you have access.")
        version = parse_qs(parts.query).get("versionId", [None])[0]
        return await self.object(context, bucket, key, version=version, most=most)
