"""Code that was put into functions beside their stack: remembered, so that the next deployment makes them straight.

CloudFormation compares a template with the one before and would not see it. What is remembered says which functions of
a stack it is about; what belongs into them is asked of the stack.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from lambent.aws.clients import AwsCallError, Target, aws_errors
from lambent.deploy.dev.settling import settled


@dataclass(frozen=True, slots=True)
class AliasBefore:
    """Where an alias of a stack pointed before the first push."""

    name: str
    version: str
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pushed:
    """A function that was given code beside its stack, and the versions that were published of it.

    `others` are the versions that there were before, which are not ours to remove.
    """

    function_name: str
    aliases: tuple[AliasBefore, ...] = ()
    versions: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


class PushedCode:
    """What was pushed into one stack at one target; kept in `cache`."""

    def __init__(self, cache: Path, target: Target, stack_name: str) -> None:
        self._target = target
        self._stack = stack_name
        key = "\0".join([target.endpoint_url or "", target.region or "", target.access_key or "", stack_name])
        self._file = cache / "pushed" / f"{sha256(key.encode()).hexdigest()}.json"

    def read(self) -> dict[str, Pushed]:
        """Return what was pushed, by logical id; nothing where all is as the stack says."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return {name: _pushed(one) for name, one in kept.items()}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def note(self, logical_id: str, pushed: Pushed) -> None:
        """Remember a function; done before it is given anything, so that no end of this process leaves it unsaid."""
        self._write({**self.read(), logical_id: pushed})

    def forget(self) -> None:
        """Forget all of it: the stack is gone, or straight."""
        self._file.unlink(missing_ok=True)

    def straighten(self) -> list[str]:
        """Give the stack's functions the code that its template names, and return which; raises AwsCallError."""
        pushed = self.read()
        if not pushed:
            return []
        try:
            with aws_errors():
                told = self._target.client("cloudformation").get_template(
                    StackName=self._stack, TemplateStage="Processed"
                )["TemplateBody"]
        except AwsCallError as error:
            if "does not exist" not in error.message:
                raise
            told = {}  # the stack is gone, and with it what was pushed
        resources = (json.loads(told) if isinstance(told, str) else told).get("Resources", {})
        client = self._target.client("lambda")
        done = [one.function_name for name, one in pushed.items() if _restore(client, one, resources.get(name, {}))]
        self.forget()
        return done

    def _write(self, pushed: Mapping[str, Pushed]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", encoding="utf-8", dir=self._file.parent, suffix=".building", delete=False) as file:
            json.dump({name: asdict(one) for name, one in pushed.items()}, file)
        Path(file.name).replace(self._file)


def _pushed(kept: dict[str, Any]) -> Pushed:  # Any: what JSON makes of its fields
    aliases = tuple(AliasBefore(**one) for one in kept["aliases"])
    return Pushed(kept["function_name"], aliases, tuple(kept["versions"]), tuple(kept["others"]))


def _restore(client: Any, pushed: Pushed, resource: Mapping[str, Any]) -> bool:  # Any: a boto3 client; a resource
    """Give one function what its stack says; False where the function is gone, or its code is not from S3."""
    code = resource.get("Properties", {}).get("Code", {})
    place = {key: code[key] for key in ("S3Bucket", "S3Key", "S3ObjectVersion") if isinstance(code.get(key), str)}
    if "S3Key" not in place:
        return False
    try:
        with aws_errors():
            client.update_function_code(FunctionName=pushed.function_name, **place)
        settled(client, pushed.function_name)
        for before in _moved(client, pushed):
            with aws_errors():
                client.update_alias(
                    FunctionName=pushed.function_name,
                    Name=before.name,
                    FunctionVersion=before.version,
                    RoutingConfig={"AdditionalVersionWeights": dict(before.weights)},
                )
        remove_versions(client, pushed.function_name, pushed.versions)
    except AwsCallError as error:
        if error.status == 404:
            return False
        raise
    return True


def _moved(client: Any, pushed: Pushed) -> Iterator[AliasBefore]:  # Any: a boto3 client
    """Yield the aliases that still point to what was pushed; one that somebody has moved since is theirs."""
    for before in pushed.aliases:
        with aws_errors():
            now = client.get_alias(FunctionName=pushed.function_name, Name=before.name)["FunctionVersion"]
        if now in {*pushed.versions, before.version}:
            yield before


def remove_versions(client: Any, function_name: str, versions: tuple[str, ...]) -> None:  # Any: a boto3 client
    """Remove versions that were published of a function; one that is gone, or that an alias needs, is passed over."""
    for version in versions:
        try:
            with aws_errors():
                client.delete_function(FunctionName=function_name, Qualifier=version)
        except AwsCallError as error:
            if error.status not in {404, 409}:
                raise
