"""`{{resolve:…}}` as templates write it: which stored values are asked for, and where that is allowed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lambent.template.document import TemplateError, Value

_REFERENCE = re.compile(r"\{\{resolve:(?P<kind>ssm|ssm-secure):(?P<key>[^{}]*)\}\}")
_KEY = re.compile(r"[^:]+(:\d+)?")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm-secure-strings.html
_SECURE_PLACES = frozenset({
    "AWS::DirectoryService::MicrosoftAD/Properties/Password",
    "AWS::DirectoryService::SimpleAD/Properties/Password",
    "AWS::ElastiCache::ReplicationGroup/Properties/AuthToken",
    "AWS::IAM::User/Properties/LoginProfile/Password",
    "AWS::KinesisFirehose::DeliveryStream/Properties/RedshiftDestinationConfiguration/Password",
    "AWS::OpsWorks::App/Properties/AppSource/Password",
    "AWS::OpsWorks::Stack/Properties/CustomCookbooksSource/Password",
    "AWS::OpsWorks::Stack/Properties/RdsDbInstances/DbPassword",
    "AWS::RDS::DBCluster/Properties/MasterUserPassword",
    "AWS::RDS::DBInstance/Properties/MasterUserPassword",
    "AWS::Redshift::Cluster/Properties/MasterUserPassword",
})  # fmt: skip


def plain_keys(kind: str, properties: Value) -> list[str]:
    """Return the SSM parameters that a resource's properties ask for as text, with a version or without.

    Raises TemplateError for a reference of the wrong form, and for a secret where none may stand.
    """
    keys: list[str] = []
    for place, text in _texts(properties, f"{kind}/Properties"):
        for found in _REFERENCE.finditer(text):
            if not _KEY.fullmatch(found["key"]):
                raise TemplateError(f"Incorrect format is used in the following SSM reference: [{found[0]}]")
            if found["kind"] == "ssm":
                keys.append(found["key"])
            elif place not in _SECURE_PLACES:
                raise TemplateError(f"SSM Secure reference is not supported in: [{place}]")
    return list(dict.fromkeys(keys))


def _texts(value: Value, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, f"{place}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, place)
