"""Which requests are meant for S3, by their heads alone: known before the service is loaded, and light to import."""

from __future__ import annotations

from lambent.cloud.framework.routes import Claim
from lambent.cloud.protocol.message import Request
from lambent.cloud.services.s3.model.addressing import bucket_in_host, path_of

_SIGNED = "/s3/aws4_request"
_SIGNED_IN_QUERY = "%2fs3%2faws4_request"


def is_signed_or_hosted(request: Request) -> bool:
    """Whether a request is S3's by its signature or, unless it is signed for another service, by its host."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _SIGNED in authorization or authorization.startswith("AWS ")
    if request.query and _is_presigned(request.query):
        return True
    return bucket_in_host(request.headers.get("host", ""), is_s3=False) is not None


def brings_object(head: Request) -> bool:
    """Whether a request brings an object or a part of one: its path has a key."""
    path = path_of(bucket_in_host(head.headers.get("host", ""), is_s3=True), head.path)
    return bool(path[1:].partition("/")[2])


CLAIM = Claim("s3", is_signed_or_hosted, open_to_browsers=True, streams=brings_object)
"""The door of a platform on which there has never been a bucket, which a path could name."""


def _is_presigned(query: str) -> bool:
    if "X-Amz-Credential=" in query:
        return _SIGNED in query or _SIGNED_IN_QUERY in query.lower()
    return "AWSAccessKeyId=" in query and "Action=" not in query
