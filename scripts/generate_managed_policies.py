"""Writes AWS's managed policies into the IAM service's data files: those of Lambda systems, and the others, packed.

The names of all of them go into the file by which manifests are checked.

Run after an upgrade of moto, whose Apache-2.0 licensed copy of AWS's published policies is the source:
    python scripts/generate_managed_policies.py
"""

from __future__ import annotations

import gzip
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

PACKAGE = Path(__file__).resolve().parent.parent / "src/lambent"
TARGET = PACKAGE / "cloud/services/iam/managed_policies.json"
OTHERS = TARGET.with_name("other_managed_policies.json.gz")
NAMES = PACKAGE / "aws/managed_policies.txt"
CHOSEN = re.compile(
    r"""
    AWSLambda.* | AWS(Application|CodeDeploy).*Lambda.* | AWSCodeDeployRole(For\w+)? | .*CloudWatchLambda.*
    | AWSXRay\w+ | AWSXray\w+ | CloudWatch\w*(FullAccess|ReadOnlyAccess)(V2)? | CloudWatchLogs\w+
    | CloudWatchAgentServerPolicy
    | AdministratorAccess | PowerUserAccess | ReadOnlyAccess | ViewOnlyAccess | SecurityAudit
    | IAM(Full|ReadOnly)\w*
    | Amazon(S3|DynamoDB|SQS|SNS|Kinesis|KinesisFirehose|SSM|SES|EventBridge|EventBridgeScheduler|Cognito\w*|RDS|RDSData
      |API\w*|VPC|EC2|EC2ContainerRegistry|ElasticFileSystem|ElasticFileSystemClient|MSK|MQ|OpenSearchService|Athena
      |Bedrock|ElastiCache|DocDB|Textract|Rekognition|Polly|Transcribe|EC2ContainerRegistryPull|ECS_|ECSTaskExecution)
      (FullAccess|ReadOnlyAccess|FullAccess_v2|ReadOnly|Power[uU]ser|Full|Role|RolePolicy|ApiFullAccess\w*|InvokeFullAccess
      |ReadWriteAccess|Administrator|PushToCloudWatchLogs|Only|LimitedAccess|ManagedInstanceCore|InvokeAccess)?
    | AmazonAPIGateway\w+ | AmazonDynamoDBFullAccesswithDataPipeline | AmazonSSMManagedInstanceCore
    | SecretsManagerReadWrite | AWSSecretsManagerClientReadOnlyAccess | AWSKeyManagementServicePowerUser
    | AWSStepFunctions\w+ | AWSCloudFormation\w+ | AWSAppSync\w+ | AWSIoT(FullAccess|DataAccess|Logging|RuleActions)
    | AmazonECSTaskExecutionRolePolicy | AutoScaling\w+Access | AWSApplicationAutoscaling\w+Policy
    | ApplicationAutoScalingForAmazonAppStreamAccess | AWSBatchFullAccess | AWSGlueServiceRole
    | AWSMarketplaceMeteringFullAccess | ComprehendFullAccess | TranslateFullAccess | AmazonBedrock(Full|Limited)Access
    | AWSEventBridge\w+ | AmazonEventBridge\w+
    """,
    re.VERBOSE,
)


def main() -> None:
    """Write the data files: a note on their source, then one policy a line."""
    policies = json.loads(aws_managed_policies_data)
    named = sorted(f"{policy['Path'].removeprefix('/')}{name}" for name, policy in policies.items())
    NAMES.write_text("\n".join(named) + "\n", encoding="utf-8")
    chosen = {name: policy for name, policy in policies.items() if CHOSEN.fullmatch(name)}
    TARGET.write_text(_file(chosen), encoding="utf-8")
    others = _file({name: policy for name, policy in policies.items() if name not in chosen})
    OTHERS.write_bytes(gzip.compress(others.encode(), mtime=0))  # the same policies always give the same bytes
    print(f"{len(chosen)} of {len(policies)} policies, {TARGET.stat().st_size} + {OTHERS.stat().st_size} bytes")


def _file(policies: dict[str, dict[str, Any]]) -> str:  # Any: JSON
    lines = []
    for name, policy in sorted(policies.items()):
        kept = {
            "path": policy["Path"],
            "default_version": int(policy["DefaultVersionId"].removeprefix("v")),
            "created": policy["CreateDate"],
            "updated": policy["UpdateDate"],
            "document": policy["Document"],
        }
        lines.append(f"  {json.dumps(name)}: {json.dumps(kept, separators=(',', ':'))}")
    source = f"AWS managed policies as published by AWS, from moto {version('moto')} (Apache License 2.0)."
    body = ",\n".join(lines)
    return f'{{\n"source": {json.dumps(source)},\n"policies": {{\n{body}\n}}\n}}\n'


if __name__ == "__main__":
    main()
