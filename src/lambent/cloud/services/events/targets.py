"""Which targets a rule may have.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
"""

from __future__ import annotations

import orjson

from lambent.aws.arn import Arn, MalformedArnError
from lambent.cloud.services.events.errors import cross_account_target, invalid, invalid_parameter
from lambent.cloud.services.events.inputs import PLACEHOLDER, PREDEFINED, is_path
from lambent.cloud.services.events.model import Target, named_by
from lambent.cloud.store.scope import Scope

MOST_TARGETS = 5
_MOST_PATHS = 100
# Those that are sent events here; the others that AWS has are refused, rather than accepted and never sent any.
_DELIVERED = frozenset({"events", "firehose", "kinesis", "lambda", "logs", "sns", "sqs", "states"})
_NEEDING_ROLE = frozenset({"firehose", "kinesis", "states"})
_MAY_BE_ELSEWHERE = frozenset({"events", "firehose", "kinesis", "lambda", "sns", "sqs"})


def check_target(scope: Scope, target: Target) -> None:
    """Raise what AWS answers to a target that a rule of the scope may not have."""
    text: str = target["Arn"]
    try:
        arn = Arn.parse(text)
    except MalformedArnError as error:
        raise invalid_parameter(text, "Provided Arn is not in correct format.") from error
    named = named_by(text)
    if arn.service not in _DELIVERED or (arn.service == "events" and (named is None or named.kind != "event-bus")):
        kind = arn.service if named is None else f"{arn.service} {named.kind}"
        raise invalid_parameter(text, f"Targets of {kind} are not simulated.")
    if "RoleArn" not in target and _needs_role(scope, arn):
        raise invalid(f"RoleArn is required for target {text}.")
    if arn.account and arn.account != scope.account and arn.service not in _MAY_BE_ELSEWHERE:
        raise cross_account_target(text)
    _check_queue(target, arn)
    _check_dead_letters(target)
    _check_input(target)


def _needs_role(scope: Scope, arn: Arn) -> bool:
    if arn.service == "events":
        return Scope(arn.account, arn.region) != scope
    return arn.service in _NEEDING_ROLE


def _check_queue(target: Target, arn: Arn) -> None:
    if arn.service == "sqs" and arn.resource.endswith(".fifo") and "SqsParameters" not in target:
        raise invalid(f"Parameter(s) SqsParameters must be specified for target: {target['Id']}.")


def _check_dead_letters(target: Target) -> None:
    queue = target.get("DeadLetterConfig", {}).get("Arn")
    if queue is not None and not queue.startswith("arn:"):
        raise invalid_parameter("DeadLetterConfig.Arn", "Provided Arn is not in correct format.")


def _check_input(target: Target) -> None:
    given = [name for name in ("Input", "InputPath", "InputTransformer") if name in target]
    if len(given) > 1:
        raise invalid(f"Only one of Input, InputPath, or InputTransformer must be provided for target {target['Id']}.")
    if "InputPath" in target and not is_path(target["InputPath"]):
        raise invalid(f"Invalid InputPath for target {target['Id']}.")
    if "Input" in target:
        try:
            orjson.loads(target["Input"])
        except orjson.JSONDecodeError as error:
            raise invalid(f"JSON syntax error in input for target {target['Id']}") from error
    if "InputTransformer" in target:
        _check_transformer(target)


def _check_transformer(target: Target) -> None:
    paths = target["InputTransformer"].get("InputPathsMap", {})
    template: str = target["InputTransformer"]["InputTemplate"]
    for name, path in paths.items():
        if name.startswith("aws.") or not is_path(path):
            raise invalid(f"Invalid InputPathsMap for target {target['Id']}: {name} is not valid.")
    if len(paths) > _MOST_PATHS:
        raise invalid(f"Invalid InputPathsMap for target {target['Id']}: at most {_MOST_PATHS} are allowed.")
    unknown = [name for name in PLACEHOLDER.findall(template) if name not in paths and name not in PREDEFINED]
    if unknown:
        raise invalid(
            f"InputTemplate for target {target['Id']} contains placeholder which is not in InputPathsMap: {unknown[0]}."
        )
    if template.lstrip()[:1] in {"{", "["}:
        _check_json_template(target, template)


def _check_json_template(target: Target, template: str) -> None:
    try:
        # A placeholder by itself stands for a value; within quotes a number is as good as any text.
        orjson.loads(PLACEHOLDER.sub("0", template))
    except orjson.JSONDecodeError as error:
        raise invalid(f"Invalid InputTemplate for target {target['Id']} : [{error.msg}].") from error
