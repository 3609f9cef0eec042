"""Write which operations moto offers (`coverage.json`) and the page that says who answers what (`docs/coverage.md`).

python scripts/generate_coverage.py            write both
python scripts/generate_coverage.py --check    exit 1 if one of them is not what would be written
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import boto3
import botocore.session
from botocore import xform_name
from moto.backend_index import backend_url_patterns
from moto.core.responses import BaseResponse

from lambent.assembly import Platform, Settings
from lambent.cloud.bridge import coverage
from lambent.cloud.services.lambda_.members import WITHOUT_EFFECT, Declared
from lambent.cloud.services.s3.configurations.kinds import NOT_SIMULATED

ROOT = Path(__file__).parent.parent
DATA = Path(coverage.__file__).with_name("coverage.json")
PAGE = ROOT / "docs" / "coverage.md"
# Moto routes S3 by path and query itself, with methods that are not named after these operations.
S3_UNDER_OTHER_NAMES = [
    "CompleteMultipartUpload", "CreateBucket", "CreateMultipartUpload", "DeleteObjects",
    "GetBucketLifecycleConfiguration", "GetBucketNotificationConfiguration", "GetBucketRequestPayment",
    "GetBucketTagging", "GetObjectRetention", "ListBuckets", "PutBucketAccelerateConfiguration", "PutBucketAcl",
    "PutBucketCors", "PutBucketEncryption", "PutBucketInventoryConfiguration", "PutBucketLifecycle",
    "PutBucketLifecycleConfiguration", "PutBucketLogging", "PutBucketNotification",
    "PutBucketNotificationConfiguration", "PutBucketOwnershipControls", "PutBucketPolicy", "PutBucketReplication",
    "PutBucketRequestPayment", "PutBucketTagging", "PutBucketVersioning", "PutBucketWebsite",
    "PutObjectLockConfiguration", "PutPublicAccessBlock", "RestoreObject", "SelectObjectContent",
]  # fmt: skip
# Moto's index has it as a part of `apigateway`, with which it shares a host.
WITHOUT_INDEX = ("apigatewayv2",)
_MODELS = botocore.session.Session()
BY_MOTO_NAME = {"awslambda": "lambda", "moto_api": "", "instance_metadata": ""}

PREFACE = """# Who answers what

Made by `scripts/generate_coverage.py` from the code; do not edit.

**Ours**: the operation is Lambent's own. **Bridged**: the operation is answered by moto, in a process of its own that
starts on first use. Everything else is refused with AWS's error for an unknown operation, and a line in the log.

What is bridged is journalled before its answer leaves, and replayed into a fresh moto after a restart. A replay makes
the same identifiers, since each request brings its own seed. It does not bring back:

- *times*: what moto stamps with the hour (creation dates, an object's LastModified) shows the hour of the replay;
- *what time did*: visibility timeouts, schedules and expiries of messages start anew at the replay;
- *key pairs*: RSA and elliptic-curve keys are made anew (EC2 key pairs, KMS's asymmetric keys, certificates), so what
  they signed or encrypted before a restart cannot be verified or decrypted after it. KMS's symmetric keys are kept.

"""
IN_PART = {
    "cloudwatch": "As far as they have our own services hand over what they measured. All operations are bridged.",
    "ec2": "As far as they are about instances that Lambda manages. The rest, and all other operations, are bridged.",
}
CONFIGURATIONS = """\
#### s3: configurations without effect

These are checked as AWS checks them, kept, and shown back.

| operation | why it has no effect |
|---|---|"""
PROPERTIES = """#### lambda: properties without effect

Every property of a request to Lambda, and of the structures right in it, is read and in effect but for these, with what
is inside of them; [differences](differences.md) says where an effect is not AWS's. `lambda_/members.py` declares it.

| operations or structures | properties | here | why |
|---|---|---|---|"""


def moto_operations() -> dict[str, list[str]]:
    """Return the operations that the installed moto has, by botocore's service and operation names."""
    known = set(boto3.session.Session().get_available_services())
    found: dict[str, list[str]] = {}
    for moto_name in sorted({*(name for name, _ in backend_url_patterns), *WITHOUT_INDEX}):
        module = _responses(moto_name)
        for response in _response_classes(module):
            service = _service_name(moto_name, response)
            if service not in known:
                continue
            methods = {name for name in dir(response) if not name.startswith("_")}
            offered = [name for name in operations_of(service) if xform_name(name) in methods]
            if offered:
                found[service] = sorted({*found.get(service, []), *offered})
    found["s3"] = sorted({*found["s3"], *S3_UNDER_OTHER_NAMES})
    return dict(sorted(found.items()))


@cache
def operations_of(service: str) -> list[str]:
    """Return the names of all operations that a service has on AWS."""
    # A client would be a hundred times the work.
    return list(_MODELS.get_service_model(service).operation_names)


async def own_operations() -> dict[str, frozenset[str]]:
    """Return the operations of our own services, asked of a platform that runs for a moment."""
    platform = Platform(Settings(port=0))
    await platform.start()
    try:
        woken = [await platform.registry.wake(name) for name in platform.registry.names()]
        return {service.name: frozenset(service.operations()) for service in woken if service is not None}
    finally:
        await platform.stop()


def _responses(moto_name: str) -> ModuleType | None:
    try:
        return importlib.import_module(f"moto.{moto_name}.responses")
    except ImportError:
        # A service whose extra dependencies are not part of the lock is not offered.
        return None


def _response_classes(module: ModuleType | None) -> list[type[BaseResponse]]:
    return (
        [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, BaseResponse) and value.__module__ == module.__name__
        ]
        if module is not None
        else []
    )


def _service_name(moto_name: str, response: type[BaseResponse]) -> str:
    try:
        name = response().service_name
    except (TypeError, AttributeError, KeyError):
        name = moto_name
    return BY_MOTO_NAME.get(moto_name, str(name or moto_name))


def page(own: dict[str, frozenset[str]], bridged: dict[str, list[str]]) -> str:
    """Return the page's text."""
    lines = [PREFACE, "## Ours\n"]
    for service in sorted(own):
        every = operations_of(service)
        offered = [name for name in every if name in own[service]]
        missing = [name for name in every if name not in own[service]]
        lines.append(f"### {service}: {len(offered)} of {len(every)} operations\n")
        lines.append(f"{', '.join(offered)}.\n")
        if service in IN_PART:
            lines.append(f"{IN_PART[service]}\n")
        elif missing:
            lines.append(f"Refused: {', '.join(missing)}.\n")
        if service == "lambda":
            lines += _without_effect(WITHOUT_EFFECT)
        if service == "s3":
            lines += [CONFIGURATIONS, *(f"| {name} | {why} |" for name, why in NOT_SIMULATED.items()), ""]
    lines.append("## Bridged\n")
    rows = [(service, names) for service, names in bridged.items() if service not in coverage.OWN_SERVICES]
    lines.append("| service | operations | of |\n|---|---|---|")
    for service, names in rows:
        lines.append(f"| {service} | {len(names)} | {len(operations_of(service))} |")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip("\n") + "\n"


def _without_effect(declared: Sequence[Declared]) -> list[str]:
    """Return the lines that tell which properties do nothing here."""
    rows = [
        f"| {', '.join(each.places.split())} | {', '.join(each.members.split())} | {each.treatment} | {each.reason} |"
        for each in declared
    ]
    return [PROPERTIES, *rows, ""]


def main() -> int:
    """Write or check both files; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    bridged = moto_operations()
    own = asyncio.run(own_operations())
    wanted = {DATA: json.dumps(bridged, indent=1) + "\n", PAGE: page(own, bridged)}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if options.check:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run python scripts/generate_coverage.py\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
