"""The plan of a migration: what is lost with the old function, the steps with their commands, and the way back.

A function keeps the compute type it was created with, so a new one is created beside the old one, verified, given the
traffic, and the old one deleted when it has none left.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from lambent.insight.migration.candidate import Candidate, Compute, PermissionUse, SourceKind, TriggerUse
from lambent.insight.migration.manifests import beside_name, new_stack
from lambent.insight.migration.wanted import Goal


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the shell; `expect` says what shows that it did what it was for, "" for one that only does."""

    line: str
    expect: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A step: what it does, why, and its commands in their order."""

    title: str
    why: str
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """What is lost, the way there, and the way back."""

    lost: tuple[str, ...]
    steps: tuple[Step, ...]
    back: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Files:
    """The files that the commands name: the manifests, and where a sample event lies."""

    final: str = "lambent.yaml"
    beside: str = "lambent.beside.yaml"
    switched: str = "lambent.switched.yaml"
    before: str = "lambent.before.yaml"
    event: str = "event.json"
    target: str = "local"


def plan(candidate: Candidate, goal: Goal, files: Files) -> MigrationPlan:
    """Return the plan for a function of a manifest, or for one that gets a manifest of its own."""
    lost = tuple(_lost(candidate, goal))
    is_ours = candidate.source.kind is SourceKind.MANIFEST
    there, back = (_in_place, _back_in_place) if is_ours else (_aside, _back_aside)
    return MigrationPlan(lost, tuple(there(candidate, goal, files)), tuple(back(candidate, goal, files)))


def _lost(candidate: Candidate, goal: Goal) -> Iterator[str]:
    """Yield what does not come along: all that hangs on the old function's name or ARN."""
    yield f"the name {candidate.name} and its ARN: who calls it by either has to call {goal.name}"
    yield "its versions and their numbers: the new function begins with version 1"
    for alias in candidate.aliases:
        weights = f", with its weights {dict(alias.weights)}" if alias.weights else ""
        version = f" of version {alias.version}" if alias.version else ""
        yield f"the alias {alias.name}{version}{weights}: it is made anew"
    for one in candidate.triggers:
        yield _lost_trigger(one)
    if candidate.permissions:
        yield f"its resource policy of {len(candidate.permissions)} statements: they are added to the new function"
    if candidate.provisioned_concurrency is not None:
        yield "its provisioned concurrency"
    if candidate.reserved_concurrency is not None:
        yield f"its reserved concurrency of {candidate.reserved_concurrency}"
    yield "events that were accepted for asynchronous invocation and wait for a retry: wait until they are done"
    yield (
        "the history of its metrics, and alarms and dashboards on it: the dimension FunctionName is another one, and "
        "so is the log group"
    )
    if candidate.source.kind is SourceKind.MANIFEST and not candidate.log_group:
        yield f"the log group /aws/lambda/{candidate.name} with its events, in the switch: export them first"
    if goal.to is Compute.MANAGED_INSTANCES:
        yield "log tails of Invoke (LogType=Tail), which Managed Instances refuse"
    else:
        yield "the capacity provider's metrics, and environments that are kept: the first requests are cold starts"


def _lost_trigger(one: TriggerUse) -> str:
    if one.kind == "url":
        return f"the function URL {one.identifier}: a new function has another one".replace(" :", ":")
    if one.kind == "stream":
        return f"nothing of the stream {one.source}, if its mapping is pointed to the new function and not made anew"
    return f"the trigger {one.kind} of {one.source}: it is pointed to the new function"


# ── A function of a manifest: the stack goes through two more manifests ──────────────────────────────────────────────


def _in_place(candidate: Candidate, goal: Goal, files: Files) -> Iterator[Step]:
    at = "" if files.target == "local" else f" --target {files.target}"
    key, beside = candidate.source.address, beside_name(goal)
    yield Step(
        "Keep what there is",
        "The way back is the manifest as it is now.",
        (Command(f"lambent check {files.final}", "no errors"), *_saved(files)),
    )
    yield Step(
        "Deploy the new function beside the old one",
        f"{beside} is added{_with_provider(goal)}; {candidate.name} and its triggers stay as they are.",
        (
            Command(f"lambent plan {files.beside}{at}", "nothing is changed, replaced or removed"),
            Command(f"lambent up {files.beside} --yes{at}", "the stack is deployed"),
        ),
    )
    yield Step("Verify it", "No traffic has moved yet.", tuple(_verify(candidate, goal, beside, files)))
    yield Step(
        "Move who calls the function by its name",
        f"{candidate.name} goes with the next step: let them call {beside} until that is done.",
    )
    yield Step(
        "Switch the triggers",
        f"CloudFormation creates {goal.name}, waits until it is active, points mappings, alias and permissions to it, "
        f"and deletes {candidate.name} last; {beside} goes on serving.",
        (
            Command(
                f"lambent plan {files.switched}{at}",
                f"the function {key} is replaced, with its log group, versions and aliases; all else stays",
            ),
            Command(f"lambent up {files.switched} --yes{at}", "the stack is deployed"),
        ),
    )
    yield Step("Verify it", "Traffic of the triggers is on it now.", tuple(_verify(candidate, goal, goal.name, files)))
    yield Step(
        "Take the function beside it away",
        f"Let those who call by name call {goal.name}; when {beside} is not invoked any more, it goes.",
        (
            Command(f"{_aws(files)} logs filter-log-events --log-group-name /aws/lambda/{beside}", "no new events"),
            Command(f"lambent up {files.final} --yes{at}", "the stack is deployed"),
        ),
    )


def _saved(files: Files) -> Iterator[Command]:
    if files.before:
        yield Command(f"ls {files.before}", "the manifest as it was")


def _with_provider(goal: Goal) -> str:
    if goal.to is Compute.ON_DEMAND or goal.provider.existing:
        return ""
    return f", with the capacity provider {goal.provider.key} (three instances, in about a minute and a half)"


def _verify(candidate: Candidate, goal: Goal, name: str, files: Files) -> Iterator[Command]:
    aws = _aws(files)
    yield Command(
        f"{aws} lambda get-function-configuration --function-name {name}"
        f"{_qualified(candidate, goal, name)} --query '[State,MemorySize,Runtime]'",
        f"Active, {goal.memory_mb}, {goal.runtime}",
    )
    qualified = _qualified(candidate, goal, name)
    if files.target == "local":
        yield Command(f"lambent invoke {name}{qualified} --event @{files.event}", "the answer that the old one gives")
    else:
        yield Command(
            f"{aws} lambda invoke --function-name {name}{qualified} --payload file://{files.event} "
            "--cli-binary-format raw-in-base64-out answer.json",
            "StatusCode 200 and no FunctionError",
        )
    if goal.to is Compute.MANAGED_INSTANCES:
        yield Command(
            f"{aws} lambda list-capacity-providers --query 'CapacityProviders[].State'",
            "Active",
        )
        yield Command(
            f"{aws} ec2 describe-instances --include-managed-resources --query "
            "'Reservations[].Instances[].[InstanceType,Placement.AvailabilityZone]'",
            "three instances at least, in different Availability Zones",
        )


def _qualified(candidate: Candidate, goal: Goal, name: str) -> str:
    """Return how the published version is named: by the alias; without one, by `$LATEST.PUBLISHED`."""
    if candidate.aliases and name != beside_name(goal):
        return f" --qualifier {candidate.aliases[0].name}"
    return " --qualifier '$LATEST.PUBLISHED'" if goal.to is Compute.MANAGED_INSTANCES else ""


def _back_in_place(candidate: Candidate, goal: Goal, files: Files) -> Iterator[Step]:
    at = "" if files.target == "local" else f" --target {files.target}"
    yield Step(
        "Before the switch",
        f"{candidate.name} has served all along; the function beside it is taken away.",
        (Command(f"lambent up {files.before} --yes{at}", "the stack is deployed"),),
    )
    yield Step(
        "After the switch",
        f"The same command: {candidate.name} is created again, gets the triggers, and {goal.name} is deleted. "
        "Its versions begin anew. While callers name the function beside it, deploy the manifest that has both first.",
        (Command(f"lambent up {files.before} --yes{at}", "the stack is deployed"),),
    )
    if goal.to is Compute.MANAGED_INSTANCES and not goal.provider.existing:
        yield Step(
            "What remains",
            "Nothing: the capacity provider and its operator role go with the update, and the instances with them.",
            (Command(f"{_aws(files)} lambda list-capacity-providers", "without the provider"),),
        )


# ── A function of somebody else's: it gets a stack of its own, and traffic is moved by AWS's own calls ───────────────


def _aside(candidate: Candidate, goal: Goal, files: Files) -> Iterator[Step]:
    at = "" if files.target == "local" else f" --target {files.target}"
    aws, old = _aws(files), candidate.name
    yield Step(
        "Keep what there is",
        "What the old function is configured with, in case it has to be made again.",
        (
            Command(f"{aws} lambda get-function --function-name {old} > {old}.before.json"),
            Command(f"lambent check {files.final}", "no errors"),
        ),
    )
    yield Step(
        "Deploy the new function beside the old one",
        f"{goal.name} is a stack of its own{_with_provider(goal)}; {old} stays as it is.",
        (Command(f"lambent up {files.final} --yes{at}", "the stack is deployed"),),
    )
    yield Step("Verify it", "No traffic has moved yet.", tuple(_verify(candidate, goal, goal.name, files)))
    yield from _moved(candidate, goal, files)
    yield Step(
        "Let the old function drain",
        "Asynchronous events may be retried for six hours; who still calls it shows in its metrics.",
        (
            Command(
                f"{aws} cloudwatch get-metric-statistics --namespace AWS/Lambda --metric-name Invocations "
                f"--dimensions Name=FunctionName,Value={old} --statistics Sum --period 300 "
                "--start-time $(date -u -d '-1 hour' +%FT%TZ) --end-time $(date -u +%FT%TZ)",
                "no invocations any more",
            ),
        ),
    )
    yield _deleted(candidate, aws)


def _moved(candidate: Candidate, goal: Goal, files: Files) -> Iterator[Step]:
    """Yield how traffic moves: permissions first, then what is pulled, then what is pushed, then who calls by name."""
    aws = _aws(files)
    target = _target(candidate, goal)
    if candidate.permissions:
        yield Step(
            "Let the same callers in",
            "A caller that is pointed to the new function before it is let in fails.",
            tuple(
                Command(f"{aws} {_permission(one, index, candidate, goal)}")
                for index, one in enumerate(candidate.permissions, 1)
            ),
        )
    pulled = [one for one in candidate.triggers if one.kind in {"sqs", "stream", "kafka", "mq"}]
    if pulled:
        yield Step(
            "Point the event source mappings to it, one by one",
            "The mapping stays, and with it the place in a stream; nothing is read twice, and nothing is left out.",
            tuple(command for one in pulled for command in _mapping(one, _used(one, candidate.name), target, aws)),
        )
    pushed = [one for one in candidate.triggers if one.kind in {"s3", "sns", "event", "schedule", "api", "other"}]
    if pushed:
        told = "; ".join(sorted({f"{one.kind}: {one.source}" for one in pushed}))
        commands = [command for one in pushed for command in _pushed(one, goal, candidate, aws)]
        yield Step("Point what pushes to it", f"Each names the function's ARN: {told}.", tuple(commands))
    urls = [one for one in candidate.triggers if one.kind == "url"]
    if urls:
        kind = "NONE" if urls[0].source.endswith("none") else "AWS_IAM"
        yield Step(
            "Give it a function URL, and move DNS names and clients",
            "Its address is another one; both answer until the old function is deleted.",
            (
                Command(
                    f"{aws} lambda create-function-url-config --function-name {goal.name}"
                    f"{f' --qualifier {candidate.aliases[0].name}' if candidate.aliases else ''} --auth-type {kind}"
                ),
            ),
        )
    yield Step("Move who calls the function by its name", f"They call {target} in place of {candidate.name}.")


def _permission(one: PermissionUse, index: int, candidate: Candidate, goal: Goal) -> str:
    qualifier = one.qualifier or (candidate.aliases[0].name if candidate.aliases else "")
    parts = [
        f"lambda add-permission --function-name {goal.name}",
        f"--statement-id {shlex.quote(one.statement_id or f'migrated-{index}')}",
        f"--action {one.action or 'lambda:InvokeFunction'} --principal {shlex.quote(one.principal)}",
    ]
    if one.source_arn:
        parts.append(f"--source-arn {shlex.quote(one.source_arn)}")
    if qualifier:
        parts.append(f"--qualifier {qualifier}")
    return " ".join(parts)


def _mapping(one: TriggerUse, old: str, target: str, aws: str) -> Iterator[Command]:
    shown = f"Enabled, and an ARN that ends in {target}"
    yield Command(f"{aws} lambda update-event-source-mapping --uuid {_uuid(one, old, aws)} --function-name {target}")
    if one.identifier:
        yield Command(
            f"{aws} lambda get-event-source-mapping --uuid {one.identifier} --query '[State,FunctionArn]'", shown
        )
    else:
        listed = f"{aws} lambda list-event-source-mappings --function-name {target}"
        yield Command(f"{listed} --query 'EventSourceMappings[].[State,FunctionArn]'", shown)


def _uuid(one: TriggerUse, function: str, aws: str) -> str:
    """Return the mapping's UUID, or what asks for it: the function's mapping of that source, or of its service."""
    if one.identifier:
        return one.identifier
    listed = f"{aws} lambda list-event-source-mappings --function-name {function}"
    if one.source.startswith("arn:"):
        return f"$({listed} --event-source-arn {one.source} --query 'EventSourceMappings[0].UUID' --output text)"
    services = {"sqs": ("sqs",), "stream": ("kinesis", "dynamodb"), "kafka": ("kafka",), "mq": ("mq",)}[one.kind]
    condition = " || ".join(f"contains(EventSourceArn, `:{service}:`)" for service in services)
    return f"$({listed} --query 'EventSourceMappings[?{condition}].UUID | [0]' --output text)"


def _target(candidate: Candidate, goal: Goal) -> str:
    """Return what is invoked of the new function: its alias, where the old one has one."""
    return f"{goal.name}:{candidate.aliases[0].name}" if candidate.aliases else goal.name


def _used(one: TriggerUse, name: str) -> str:
    """Return what a trigger names: the function, or its alias."""
    return f"{name}:{one.qualifier}" if one.qualifier else name


def _pushed(one: TriggerUse, goal: Goal, candidate: Candidate, aws: str) -> Iterator[Command]:
    arn = _arn(goal, candidate)
    if one.kind == "sns" and one.source.startswith("arn:"):
        yield Command(f"{aws} sns subscribe --topic-arn {one.source} --protocol lambda --notification-endpoint {arn}")
        yield Command(
            f"{aws} sns list-subscriptions-by-topic --topic-arn {one.source}",
            f"both; then `sns unsubscribe` the one of {candidate.name}: in between each notification comes twice",
        )
    elif one.kind == "event" and ":rule/" in one.source:
        rule = one.source.rpartition("/")[2]
        yield Command(f"{aws} events list-targets-by-rule --rule {rule}", "the target's Id")
        yield Command(f"{aws} events put-targets --rule {rule} --targets Id={one.identifier or 'ID'},Arn={arn}")
    elif one.kind == "s3":
        bucket = one.source.rpartition(":")[2]
        yield Command(f"{aws} s3api get-bucket-notification-configuration --bucket {bucket} > notification.json")
        yield Command(f"sed -i 's/:function:{candidate.name}\"/:function:{goal.name}\"/' notification.json")
        yield Command(
            f"{aws} s3api put-bucket-notification-configuration --bucket {bucket} "
            "--notification-configuration file://notification.json"
        )
    elif one.kind == "schedule" and one.identifier:
        yield Command(f"{aws} scheduler get-schedule --name {one.identifier}", f"its target: put {arn} there")


def _arn(goal: Goal, candidate: Candidate) -> str:
    region = candidate.source.region or "$AWS_REGION"
    return f"arn:aws:lambda:{region}:$(aws sts get-caller-identity --query Account --output text):function:{goal.name}"


def _deleted(candidate: Candidate, aws: str) -> Step:
    if candidate.source.kind is SourceKind.TERRAFORM:
        return Step(
            "Delete the old function",
            "Take its resource, and what refers to it, out of the configuration; its role stays, the new one has it.",
            (Command("terraform plan", f"{candidate.source.address} is destroyed"), Command("terraform apply")),
        )
    if candidate.source.kind in {SourceKind.STACK, SourceKind.TEMPLATE}:
        return Step(
            "Delete the old function",
            f"Take {candidate.source.address} out of its template, and update its stack; its role is the new one's.",
        )
    return Step(
        "Delete the old function", "", (Command(f"{aws} lambda delete-function --function-name {candidate.name}"),)
    )


def _back_aside(candidate: Candidate, goal: Goal, files: Files) -> Iterator[Step]:
    at = "" if files.target == "local" else f" --target {files.target}"
    aws = _aws(files)
    commands = [
        Command(
            f"{aws} lambda update-event-source-mapping --uuid {_uuid(one, _target(candidate, goal), aws)} "
            f"--function-name {_used(one, candidate.name)}"
        )
        for one in candidate.triggers
        if one.kind in {"sqs", "stream", "kafka", "mq"}
    ]
    yield Step(
        "While the old function is there",
        "Point everything back to it, in the same order; it has not changed.",
        tuple(commands),
    )
    stack = f" --stack {new_stack(goal)}"
    yield Step(
        "Take the new function away",
        "Its stack goes, with the capacity provider, its instances and the operator role.",
        (Command(f"lambent down{stack} --yes{at}", "the stack is gone"),),
    )
    yield Step(
        "After the old function was deleted",
        f"`lambent migrate {goal.name} --to {candidate.compute}` makes the plan in the other direction; a function of "
        "the old name is created from the configuration that was kept.",
    )


def _aws(files: Files) -> str:
    """Return how the AWS CLI is called; on the platform here, `eval "$(lambent env)"` has pointed it there."""
    del files  # both targets take the same commands
    return "aws"
