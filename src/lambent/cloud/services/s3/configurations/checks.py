"""What AWS demands of configurations beyond their schema, in its words; the recorded answers are those of 2023 to 2025.

Each check returns the document as it is kept, which is how Get shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.tags import TagProblem, find_problem
from lambent.cloud.services.s3.configurations.errors import invalid_bucket_state, invalid_tag
from lambent.cloud.services.s3.errors import invalid_argument, invalid_request, malformed_xml

Document = Mapping[str, Any]  # Any: a structure of the service model, which the schema describes

PUBLIC_ACCESS_SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
MOST_CORS_RULES = 100
MOST_ROUTING_RULES = 50
_CORS_METHODS = frozenset({"GET", "PUT", "HEAD", "POST", "DELETE"})
_KMS = frozenset({"aws:kms", "aws:kms:dsse"})
_PROTOCOLS = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A configuration that is to be put: under which id, on which bucket, by whom, and what is there now.

    `is_versioned` says whether the bucket's versioning is enabled, `is_aws` whether an AWS service asks.
    """

    document: Document
    bucket: str
    id: str = ""
    is_versioned: bool = False
    is_aws: bool = False
    present: Document | None = None


def tagging(asked: Asked) -> Document:
    """Check a bucket's tags; those that AWS set itself cannot be added or removed by others."""
    tags: Sequence[Mapping[str, str]] = asked.document.get("TagSet", ())
    present = {tag["Key"]: tag["Value"] for tag in (asked.present or {}).get("TagSet", ())}
    found: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if key in found:
            raise invalid_tag("Cannot provide multiple Tags with the same key", key)
        found[key] = value
    system = {key: value for key, value in present.items() if key.startswith("aws:")}
    if not asked.is_aws and system.keys() - found.keys():
        raise invalid_tag("System tags cannot be removed by requester", min(system.keys() - found.keys()))
    for key, value in found.items():
        if asked.is_aws or system.get(key) == value:
            continue
        problem = find_problem({key: value})
        if problem is not None:
            raise tag_error(problem, key, value)
    if len([key for key in found if not key.startswith("aws:")]) > 50:
        raise ServiceError("BadRequest", "Bucket tag count cannot be greater than 50")
    return {"TagSet": [{"Key": key, "Value": value} for key, value in found.items()]}


def tag_error(problem: TagProblem, key: str, value: str) -> ServiceError:
    """Return S3's error for a tag of a bucket."""
    if problem is TagProblem.RESERVED_PREFIX:
        return invalid_tag("System tags cannot be added/updated by requester", key)
    if problem in {TagProblem.VALUE_LENGTH, TagProblem.VALUE_CHARACTERS}:
        return invalid_tag("The TagValue you have provided is invalid", key, value)
    return invalid_tag("The TagKey you have provided is invalid", key)


def cors(asked: Asked) -> Document:
    """Check the rules for requests of other sites."""
    rules: Sequence[Document] = asked.document.get("CORSRules", ())
    if not 1 <= len(rules) <= MOST_CORS_RULES:
        raise malformed_xml()
    for rule in rules:
        _check_cors_rule(rule)
    return asked.document


def _check_cors_rule(rule: Document) -> None:
    for method in rule["AllowedMethods"]:
        if method not in _CORS_METHODS:
            raise invalid_request(f"Found unsupported HTTP method in CORS config. Unsupported method is {method}")
    for called, member in (("AllowedOrigin", "AllowedOrigins"), ("AllowedHeader", "AllowedHeaders")):
        for text in rule.get(member, ()):
            if text.count("*") > 1:
                raise invalid_request(f'{called} "{text}" can not have more than one wildcard.')
    for header in rule.get("ExposeHeaders", ()):
        if "*" in header:
            raise invalid_request(
                f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            )


def encryption(asked: Asked) -> Document:
    """Check the default encryption."""
    rules: Sequence[Document] = asked.document["Rules"]
    if len(rules) != 1:
        raise malformed_xml()
    rule = rules[0]
    default = rule.get("ApplyServerSideEncryptionByDefault")
    if default is None and "BlockedEncryptionTypes" not in rule:
        raise malformed_xml()
    default = default or {"SSEAlgorithm": "AES256"}
    if default.get("KMSMasterKeyID") and default["SSEAlgorithm"] not in _KMS:
        raise invalid_argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            "ApplyServerSideEncryptionByDefault",
        )
    kept = {**rule, "ApplyServerSideEncryptionByDefault": default}
    return {"Rules": [{**kept, "BucketKeyEnabled": bool(rule.get("BucketKeyEnabled"))}]}


def public_access(asked: Asked) -> Document:
    """Fill in the settings that were not given: they are off."""
    return {name: bool(asked.document.get(name)) for name in PUBLIC_ACCESS_SETTINGS}


def ownership(asked: Asked) -> Document:
    """Check who owns the objects that others put."""
    if len(asked.document["Rules"]) != 1:
        raise malformed_xml()
    return asked.document


def object_lock(asked: Asked) -> Document:
    """Check the bucket's default retention."""
    document = asked.document
    if document.get("ObjectLockEnabled") != "Enabled":
        raise malformed_xml()
    if "Rule" in document:
        retention = document["Rule"].get("DefaultRetention") or {}
        if not retention.get("Mode") or ("Days" in retention) == ("Years" in retention):
            raise malformed_xml()
        for unit, most in (("Days", 36500), ("Years", 100)):
            if unit in retention and retention[unit] <= 0:
                raise invalid_argument("Default retention period must be a positive integer value")
            if unit in retention and retention[unit] > most:
                raise invalid_argument("Default retention period too large")
    if not asked.is_versioned:
        raise invalid_bucket_state("Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
    return document


def replication(asked: Asked) -> Document:
    """Check the rules of replication, which is not carried out here."""
    if not asked.is_versioned:
        raise invalid_request("Versioning must be 'Enabled' on the bucket to apply a replication configuration")
    rules: list[Document] = []
    for number, rule in enumerate(asked.document["Rules"]):
        if not str(rule["Destination"]["Bucket"]).startswith("arn:"):
            raise invalid_argument("Invalid bucket ARN", "Bucket", str(rule["Destination"]["Bucket"]))
        rules.append({"ID": f"rule-{number + 1}", **rule})
    return {**asked.document, "Rules": rules}


def accelerate(asked: Asked) -> Document:
    """Check that the bucket's name allows acceleration, which there is none of here."""
    if "." in asked.bucket:
        raise invalid_request("S3 Transfer Acceleration is not supported for buckets with periods (.) in their names")
    return asked.document


def has_its_id(asked: Asked) -> Document:
    """Check that the document bears the id that it is put under."""
    if asked.document["Id"] != asked.id:
        raise malformed_xml()
    return asked.document


def inventory(asked: Asked) -> Document:
    """Check an inventory's id and destination."""
    if asked.document["Id"] != asked.id:
        raise ServiceError("IdMismatch", "Document ID does not match the specified configuration ID.")
    if not str(asked.document["Destination"]["S3BucketDestination"]["Bucket"]).startswith("arn:"):
        raise ServiceError("InvalidS3DestinationBucket", "Invalid bucket ARN.")
    return asked.document


def website(asked: Asked) -> Document:
    """Check a website's documents and redirections."""
    document = asked.document
    everything = document.get("RedirectAllRequestsTo")
    if everything:
        _check_redirecting_everything(document, everything)
        return document
    index = document.get("IndexDocument")
    if not index:
        raise invalid_argument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            "IndexDocument",
            "null",
        )
    suffix = index.get("Suffix")
    if not suffix or "/" in suffix:
        raise invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix or None)
    if "ErrorDocument" in document and not document["ErrorDocument"].get("Key"):
        raise malformed_xml()
    if "RoutingRules" in document:
        _check_routing(document["RoutingRules"])
    return document


def _check_redirecting_everything(document: Document, everything: Document) -> None:
    if len(document) > 1:
        raise invalid_argument(
            "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
            "RedirectAllRequestsTo",
            "not null",
        )
    if "HostName" not in everything:
        raise malformed_xml()
    _check_protocol(everything)


def _check_routing(rules: Sequence[Document]) -> None:
    if not rules:
        raise malformed_xml()
    if len(rules) > MOST_ROUTING_RULES:
        raise invalid_request(
            f"{len(rules)} routing rules provided, the number of routing rules in a website configuration is limited"
            f" to {MOST_ROUTING_RULES}."
        )
    for rule in rules:
        redirect = rule.get("Redirect", {})
        if "ReplaceKeyPrefixWith" in redirect and "ReplaceKeyWith" in redirect:
            raise invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
        if "Condition" in rule and not rule["Condition"]:
            raise invalid_request(
                "Condition cannot be empty. To redirect all requests without a condition, the condition element"
                " shouldn't be present."
            )
        _check_protocol(redirect)


def _check_protocol(redirect: Document) -> None:
    if redirect.get("Protocol", "http") not in _PROTOCOLS:
        raise invalid_request(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected"
            " automatically."
        )
