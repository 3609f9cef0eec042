"""Answers uploads by HTML forms, which browsers send without any SDK."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from lambent.base.clock import Clock
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.faults.strikes import NEVER
from lambent.cloud.framework.identity import Signers
from lambent.cloud.framework.service import Parameters
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.protocol.xml_values import XML_DECLARATION, element, escape
from lambent.cloud.services.s3 import errors, repository
from lambent.cloud.services.s3.model.form import Form, check_policy, parse_form
from lambent.cloud.services.s3.operations.adding import Added
from lambent.cloud.services.s3.operations.objects import ObjectOperations
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader

FORM_DATA = "multipart/form-data"
_MEMBERS = {
    "acl": "ACL",
    "cache-control": "CacheControl",
    "content-type": "ContentType",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "x-amz-storage-class": "StorageClass",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "tagging": "Tagging",
}
_METADATA = "x-amz-meta-"


class Forms:
    """Keeps what a form brings, where its policy allows it."""

    def __init__(
        self,
        reader: Reader,
        signers: Signers,
        objects: ObjectOperations,
        authorise: Callable[[RequestContext, str, Parameters], None],
        real_time: Clock,
    ) -> None:
        self._reader = reader
        self._signers = signers
        self._objects = objects
        self._authorise = authorise
        self._real_time = real_time
        self.strikes = NEVER
        """The faults on purpose of buckets, which strike forms as they do other requests."""

    async def answer(self, context: RequestContext, request: Request) -> Response:
        """Answer a form; raises ServiceError as S3 does."""
        name = request.path.strip("/")
        if repository.bucket(self._reader, name) is None:
            raise errors.no_such_bucket(name)
        form = parse_form(request.headers["content-type"], request.body)
        context = replace(self._signed(context, request, form), headers={"host": context.host})
        if "policy" in form.fields:
            check_policy(form, name, self._real_time.now())
        parameters = _parameters(name, form)
        self._authorise(context, "PutObject", parameters)
        if self.strikes.active:
            await self.strikes.befall("s3", f"arn:{context.scope.partition}:s3:::{name}")
        added = await self._objects.keep(context, parameters, "Post")
        return _answer(form, added, f"http://{context.host}/{name}/{quote(added.entry.key)}", context.request_id)

    def _signed(self, context: RequestContext, request: Request, form: Form) -> RequestContext:
        """Return the context of whoever signed the form's policy."""
        fields = form.fields
        if "x-amz-credential" in fields:
            stated = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": fields["x-amz-credential"]}
            if "x-amz-security-token" in fields:
                stated["X-Amz-Security-Token"] = fields["x-amz-security-token"]
        elif "awsaccesskeyid" in fields:
            stated = {"AWSAccessKeyId": fields["awsaccesskeyid"]}
        else:
            return context
        if "policy" not in fields:
            raise errors.invalid_argument("Bucket POST must contain a field named 'policy'.", "policy", "")
        signer = self._signers.signer_of(replace(request, query=urlencode(stated), headers={}))
        if signer is None:
            return context
        scope = Scope(signer.caller.account, signer.region)
        return replace(context, scope=scope, caller=signer.caller, access_key=signer.access_key)


def _parameters(bucket: str, form: Form) -> dict[str, Any]:  # Any: members of the model
    key = form.fields.get("key")
    if not key:
        raise errors.invalid_argument(
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
            "key",
            "",
        )
    found: dict[str, Any] = {  # Any: as above
        "Bucket": bucket,
        "Key": key.replace("${filename}", form.file_name),
        "Body": form.content,
        "Metadata": {
            name.removeprefix(_METADATA): value for name, value in form.fields.items() if name.startswith(_METADATA)
        },
    }
    return found | {member: form.fields[name] for name, member in _MEMBERS.items() if name in form.fields}


def _answer(form: Form, added: Added, location: str, request_id: str) -> Response:
    entry, bucket = added.entry, added.bucket.name
    etag = f'"{entry.etag}"'
    headers = [("ETag", etag), ("Location", location), ("x-amz-request-id", request_id)]
    redirect = form.fields.get("success_action_redirect") or form.fields.get("redirect")
    if redirect:
        told = urlencode({"bucket": bucket, "key": entry.key, "etag": etag})
        separator = "&" if "?" in redirect else "?"
        return Response(303, [*headers[:1], ("Location", f"{redirect}{separator}{told}"), *headers[2:]])
    status = form.fields.get("success_action_status")
    if status == "201":
        shown = {"Location": location, "Bucket": bucket, "Key": entry.key, "ETag": etag}
        content = "".join(element(name, escape(value)) for name, value in shown.items())
        body = XML_DECLARATION + element("PostResponse", content)
        return Response(201, [*headers, ("Content-Type", "application/xml")], body.encode())
    return Response(200 if status == "200" else 204, headers)
