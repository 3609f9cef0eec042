"""Keys, secrets, parameters and image repositories, which the bridge keeps.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
"""

from __future__ import annotations

import json
import secrets  # noqa: TID251 - what protects something is no matter for a source that can be seeded
import string
from collections.abc import Mapping
from typing import Any

from lambent.cloud.services.cloudformation.resources.calls import made, picked, stack_tags, tags_of
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties, ResourceContext, ResourceHandler
from lambent.cloud.services.cloudformation.resources.described import Described, Given


def _text(document: Any) -> str:  # Any: a policy document
    return document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))


# ── KMS ──


def _key(context: ResourceContext, properties: Properties, name: str) -> Given:
    found = picked(properties, "Description", "KeySpec", "KeyUsage", "MultiRegion", "Origin")
    if "KeyPolicy" in properties:
        found["Policy"] = _text(properties["KeyPolicy"])
    tags = {**stack_tags(context), **tags_of(properties)}
    return {**found, "Tags": [{"TagKey": key, "TagValue": value} for key, value in tags.items()]}


async def _configure_key(context: ResourceContext, key_id: str, properties: Properties) -> None:
    rotates = str(properties.get("EnableKeyRotation", False)).lower() == "true"
    if rotates:
        await context.call("kms", "EnableKeyRotation", KeyId=key_id)
    if str(properties.get("Enabled", True)).lower() == "false":
        await context.call("kms", "DisableKey", KeyId=key_id)


async def _change_key(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    key_id = live.physical_id
    if before.get("Description") != after.get("Description"):
        await context.call("kms", "UpdateKeyDescription", KeyId=key_id, Description=after.get("Description", ""))
    if before.get("KeyPolicy") != after.get("KeyPolicy") and "KeyPolicy" in after:
        await context.call("kms", "PutKeyPolicy", KeyId=key_id, PolicyName="default", Policy=_text(after["KeyPolicy"]))
    if before.get("EnableKeyRotation") != after.get("EnableKeyRotation"):
        rotates = str(after.get("EnableKeyRotation", False)).lower() == "true"
        await context.call("kms", "EnableKeyRotation" if rotates else "DisableKeyRotation", KeyId=key_id)
    if before.get("Enabled") != after.get("Enabled"):
        enabled = str(after.get("Enabled", True)).lower() == "true"
        await context.call("kms", "EnableKey" if enabled else "DisableKey", KeyId=key_id)


KEY = Described(
    "kms",
    "CreateKey",
    "ScheduleKeyDeletion",
    "KeyId",
    identity=lambda answer: str(answer["KeyMetadata"]["KeyId"]),
    shape=_key,
    after_create=_configure_key,
    change=_change_key,
    deleting=lambda context, properties, name: {
        "KeyId": name,
        "PendingWindowInDays": int(properties.get("PendingWindowInDays", 30)),
    },
    attributes=lambda context, answer, key_id: {"Arn": answer["KeyMetadata"]["Arn"], "KeyId": key_id},
    gone=("NotFoundException", "KMSInvalidStateException"),
)


async def _change_alias(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    await context.call("kms", "UpdateAlias", AliasName=live.physical_id, TargetKeyId=after["TargetKeyId"])


ALIAS = Described(
    "kms",
    "CreateAlias",
    "DeleteAlias",
    "AliasName",
    name_property="AliasName",
    change=_change_alias,
    gone=("NotFoundException",),
)

# ── Secrets Manager, Systems Manager ──


def _generated(rule: Mapping[str, Any]) -> str:  # Any: GenerateSecretString
    letters = string.ascii_letters + string.digits
    if not rule.get("ExcludePunctuation"):
        letters += "!#$%&()*+,-.:;<=>?@[]^_{|}~"
    letters = "".join(one for one in letters if one not in rule.get("ExcludeCharacters", ""))
    password = "".join(secrets.choice(letters) for _ in range(int(rule.get("PasswordLength", 32))))
    if "GenerateStringKey" not in rule:
        return password
    return json.dumps({**json.loads(rule.get("SecretStringTemplate", "{}")), rule["GenerateStringKey"]: password})


def _secret(context: ResourceContext, properties: Properties, name: str) -> Given:
    found = picked(properties, "Description", "KmsKeyId", "SecretString")
    if "GenerateSecretString" in properties:
        found["SecretString"] = _generated(properties["GenerateSecretString"])
    return found


async def _change_secret(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    # A generated secret is generated anew only when its rule changes.
    kept = before.get("GenerateSecretString") == after.get("GenerateSecretString")
    found = picked(after, "Description", "KmsKeyId", "SecretString") if kept else _secret(context, after, "")
    await context.call("secretsmanager", "UpdateSecret", SecretId=live.physical_id, **found)


SECRET = Described(
    "secretsmanager",
    "CreateSecret",
    "DeleteSecret",
    "SecretId",
    name_property="Name",
    longest=512,
    identity=lambda answer: str(answer["ARN"]),
    shape=_secret,
    change=_change_secret,
    deleting=lambda context, properties, name: {"SecretId": name, "ForceDeleteWithoutRecovery": True},
    attributes=lambda context, answer, arn: {"Id": arn},
    tags="list",
    gone=("ResourceNotFoundException",),
)


def _parameter(context: ResourceContext, properties: Properties, name: str) -> Given:
    return picked(properties, "Type", "Value", "Description", "AllowedPattern", "Tier", "Policies", "DataType")


async def _change_parameter(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    found = _parameter(context, after, live.physical_id)
    await context.call("ssm", "PutParameter", **found, Name=live.physical_id, Overwrite=True)


class ParameterHandler(Described):
    """A parameter, whose value can be asked for."""

    __slots__ = ()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Put the parameter."""
        live = await Described.create(self, context, properties)
        return Live(live.physical_id, picked(properties, "Type", "Value"))

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Put it over what it was."""
        await _change_parameter(context, live, before, after)
        return Live(live.physical_id, picked(after, "Type", "Value"))


PARAMETER = ParameterHandler(
    "ssm",
    "PutParameter",
    "DeleteParameter",
    "Name",
    name_property="Name",
    shape=_parameter,
    gone=("ParameterNotFound",),
)

# ── ECR: a bootstrapped CDK wants a repository, even for functions that are no images ──


def _repository(context: ResourceContext, properties: Properties, name: str) -> Given:
    found: dict[str, Any] = {}  # Any: parameters of the API
    if "ImageTagMutability" in properties:
        found["imageTagMutability"] = properties["ImageTagMutability"]
    if "ImageScanningConfiguration" in properties:
        scans = str(properties["ImageScanningConfiguration"].get("ScanOnPush", False)).lower() == "true"
        found["imageScanningConfiguration"] = {"scanOnPush": scans}
    return found


async def _configure_repository(context: ResourceContext, name: str, properties: Properties) -> None:
    if "RepositoryPolicyText" in properties:
        text = _text(properties["RepositoryPolicyText"])
        await context.call("ecr", "SetRepositoryPolicy", repositoryName=name, policyText=text)
    if (policy := properties.get("LifecyclePolicy", {}).get("LifecyclePolicyText")) is not None:
        await context.call("ecr", "PutLifecyclePolicy", repositoryName=name, lifecyclePolicyText=_text(policy))


async def _change_repository(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    await _configure_repository(context, live.physical_id, after)


class RepositoryHandler(Described):
    """A repository of images."""

    __slots__ = ()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the repository with its policies."""
        name = str(properties.get("RepositoryName") or context.generated_name(256, lower=True))
        answer = await context.call(
            "ecr", "CreateRepository", repositoryName=name, **_repository(context, properties, name)
        )
        async with made(name):
            await _configure_repository(context, name, properties)
        found = answer["repository"]
        return Live(name, {"Arn": found["repositoryArn"], "RepositoryUri": found["repositoryUri"]})


REPOSITORY = RepositoryHandler(
    "ecr",
    "CreateRepository",
    "DeleteRepository",
    "repositoryName",
    change=_change_repository,
    deleting=lambda context, properties, name: {"repositoryName": name, "force": True},
    gone=("RepositoryNotFoundException",),
)

HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::ECR::Repository": REPOSITORY,
    "AWS::KMS::Alias": ALIAS,
    "AWS::KMS::Key": KEY,
    "AWS::SSM::Parameter": PARAMETER,
    "AWS::SecretsManager::Secret": SECRET,
}
