"""The operations on configurations that are kept as they are given: put, get, delete and list of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

from lambent.aws.service_models import Operation as OperationModel
from lambent.aws.service_models import service_model
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import InvalidMarkerError, decode_marker, encode_marker
from lambent.cloud.framework.service import Operation, Parameters, Result
from lambent.cloud.protocol.validate import violations
from lambent.cloud.services.s3 import configuration_repository as repository
from lambent.cloud.services.s3.configurations.checks import Asked
from lambent.cloud.services.s3.configurations.errors import not_configured
from lambent.cloud.services.s3.configurations.kinds import KINDS, Document, Kind
from lambent.cloud.services.s3.errors import invalid_argument, malformed_xml
from lambent.cloud.services.s3.operations.common import the_bucket
from lambent.cloud.services.s3.repository import change_bucket
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBucketMetricsConfigurations.html
_PAGE = 100


def configuration_operations(store: Store) -> Mapping[str, Operation]:
    """Return the operations of every kind, by AWS's name."""
    found: dict[str, Operation] = {}
    for kind in KINDS:
        one = _Configurations(store, kind)
        found |= {kind.put: one.put, kind.get: one.get}
        if kind.delete is not None:
            found[kind.delete] = one.delete
        if kind.listed is not None:
            found[kind.listed[0]] = one.list
    return found


class _Configurations:
    """The operations on one kind of configuration."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self._store = store
        self._kind = kind

    async def put(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep a configuration; raises MalformedXML and what the kind's own check raises."""
        kind = self._kind
        document: Document = parameters.get(kind.given) or {}
        if kind.is_of_model:
            _check_model(kind, document)
        work = partial(self._put, context, parameters, document)
        await self._store.write(work)
        return {name: parameters.get(name) or default for name, default in kind.beside.items()}

    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a configuration; raises the kind's own error where there is none."""
        kind, read = self._kind, self._store.read
        bucket = the_bucket(read, parameters)
        text = repository.text_of(read, kind.name, bucket.id, parameters.get("Id", ""))
        document = kind.default if text is None else repository.loaded(text)
        if document is None:
            raise not_configured(*(kind.missing or ("", "")), bucket.name)
        return document if kind.shown is None else {kind.shown: document}

    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove a configuration; one of several must be there, any other need not."""
        kind = self._kind

        def work(transaction: Transaction) -> None:
            bucket = the_bucket(transaction, parameters)
            if kind.forgets:
                repository.forget(transaction, kind.name, bucket.id)
                return
            removed = repository.remove(transaction, kind.name, bucket.id, parameters.get("Id", ""))
            if not removed and kind.listed is not None and kind.missing is not None:
                raise not_configured(*kind.missing, bucket.name)

        await self._store.write(work)
        return {}

    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the configurations of a kind of which there may be several."""
        bucket = the_bucket(self._store.read, parameters)
        token = parameters.get("ContinuationToken")
        found = repository.page(self._store.read, self._kind.name, bucket.id, after=_position(token), limit=_PAGE + 1)
        shown = found[:_PAGE]
        answer: dict[str, Any] = {"IsTruncated": len(found) > _PAGE}  # Any: members of the model
        if shown and self._kind.listed is not None:
            answer[self._kind.listed[1]] = [document for _, document in shown]
        if token is not None:
            answer["ContinuationToken"] = token
        if len(found) > _PAGE:
            answer["NextContinuationToken"] = encode_marker(shown[-1][0])
        return answer

    def _put(
        self, context: RequestContext, parameters: Parameters, document: Document, transaction: Transaction
    ) -> None:
        kind = self._kind
        bucket = the_bucket(transaction, parameters)
        asked = Asked(
            document,
            bucket.name,
            id=parameters.get("Id", ""),
            is_versioned=bucket.versioning == "Enabled",
            is_aws=context.caller.is_aws,
            present=_present(transaction, kind, bucket.id),
        )
        kept = {**kind.check(asked), **{name: parameters.get(name) or value for name, value in kind.beside.items()}}
        if kept == kind.empty:
            repository.remove(transaction, kind.name, bucket.id, asked.id)
        else:
            repository.put(transaction, kind.name, bucket.id, kept, asked.id)
        if kind.locks and not bucket.is_locked:
            change_bucket(transaction, replace(bucket, is_locked=True))


def _present(reader: Reader, kind: Kind, bucket_id: int) -> Document | None:
    return None if kind.listed is not None else repository.get(reader, kind.name, bucket_id)


def _check_model(kind: Kind, document: Document) -> None:
    given = {"Bucket": "-", kind.given: document}
    if kind.listed is not None:
        given["Id"] = "-"
    if violations(_model(kind.put), given):
        raise malformed_xml()


@cache
def _model(name: str) -> OperationModel:
    found = service_model("s3").operation(name)
    if found is None:
        raise LookupError(name)
    return found


def _position(token: str | None) -> str:
    try:
        return "" if token is None else decode_marker(token)
    except InvalidMarkerError as error:
        raise invalid_argument("The continuation token provided is incorrect", "continuation-token") from error
