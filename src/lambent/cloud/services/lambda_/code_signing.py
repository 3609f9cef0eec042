"""Code signing configurations as they are kept, and which function is bound to which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.documents import CODE_SIGNING_CONFIGS, CODE_SIGNING_OF_FUNCTIONS, Document, Part
from lambent.cloud.services.lambda_.model.code_signing import CodeSigningConfig, config_id
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction


def config(reader: Reader, scope: Scope, arn: str) -> CodeSigningConfig | None:
    """Return the configuration of an ARN, or None."""
    found = config_id(arn, scope)
    document = None if found is None else CODE_SIGNING_CONFIGS.one(reader, scope, found)
    return None if found is None or document is None else _config(scope, found, document)


def find_config(reader: Reader, scope: Scope, arn: str) -> CodeSigningConfig:
    """Return the configuration of an ARN; raises ResourceNotFoundException."""
    found = config(reader, scope, arn)
    if found is None:
        raise errors.code_signing_config_not_found(arn)
    return found


def config_to_bind(reader: Reader, scope: Scope, arn: str) -> CodeSigningConfig:
    """Return the configuration that a function is to have; raises CodeSigningConfigNotFoundException."""
    found = config(reader, scope, arn)
    if found is None:
        raise errors.no_code_signing_config(arn)
    return found


def configs(reader: Reader, scope: Scope, part: Part) -> list[CodeSigningConfig]:
    """Return part of the scope's configurations by id."""
    found = CODE_SIGNING_CONFIGS.behind(reader, scope, part=part)
    return [_config(scope, key, document) for key, document in found.items()]


def put_config(transaction: Transaction, value: CodeSigningConfig) -> None:
    """Add the configuration or replace it."""
    document = {
        "publishers": value.publishers,
        "last_modified": value.last_modified,
        "policy": value.policy,
        "description": value.description,
        "tags": dict(value.tags),
    }
    CODE_SIGNING_CONFIGS.put(transaction, value.scope, (value.id,), document)


def delete_config(transaction: Transaction, value: CodeSigningConfig) -> None:
    """Remove the configuration; raises ResourceConflictException while a function is bound to it."""
    if functions_of(transaction, value, "", 1):
        raise errors.conflict(f"The code signing configuration {value.arn} is in use by a function.")
    CODE_SIGNING_CONFIGS.delete(transaction, value.scope, value.id)


def bind(transaction: Transaction, function: str, value: CodeSigningConfig) -> None:
    """Let the configuration rule what is deployed to a function from now on."""
    CODE_SIGNING_OF_FUNCTIONS.put(transaction, value.scope, (function,), {"id": value.id})


def unbind(transaction: Transaction, scope: Scope, function: str) -> None:
    """Let no configuration rule what is deployed to a function."""
    CODE_SIGNING_OF_FUNCTIONS.delete(transaction, scope, function)


def bound_to(reader: Reader, scope: Scope, function: str) -> CodeSigningConfig | None:
    """Return the configuration that a function has, or None."""
    binding = CODE_SIGNING_OF_FUNCTIONS.one(reader, scope, function)
    if binding is None:
        return None
    document = CODE_SIGNING_CONFIGS.one(reader, scope, binding["id"])
    return None if document is None else _config(scope, binding["id"], document)


def functions_of(reader: Reader, value: CodeSigningConfig, after: str, limit: int) -> list[str]:
    """Return the names of the first functions behind one that have the configuration, sorted."""
    return list(CODE_SIGNING_OF_FUNCTIONS.behind(reader, value.scope, part=Part(after, limit, {"id": value.id})))


def check_unsigned(reader: Reader, scope: Scope, function: str, *artifacts: str) -> None:
    """Raise CodeVerificationFailedException where a function's configuration refuses what is deployed to it.

    Nothing can be signed here, so every package and layer is unsigned.
    """
    bound = bound_to(reader, scope, function)
    if bound is not None:
        for artifact in artifacts:
            bound.check_unsigned(artifact)


def tags(reader: Reader, scope: Scope, arn: str) -> Mapping[str, str]:
    """Return the tags of the configuration of an ARN; raises ResourceNotFoundException."""
    return find_config(reader, scope, arn).tags


def put_tags(transaction: Transaction, scope: Scope, arn: str, changed: Mapping[str, str]) -> None:
    """Replace the tags of the configuration of an ARN; raises ResourceNotFoundException."""
    put_config(transaction, replace(find_config(transaction, scope, arn), tags=changed))


def _config(scope: Scope, key: str, document: Document) -> CodeSigningConfig:
    return CodeSigningConfig(
        scope=scope,
        id=key,
        publishers=tuple(document["publishers"]),
        last_modified=document["last_modified"],
        policy=document["policy"],
        description=document["description"],
        tags=document["tags"],
    )
