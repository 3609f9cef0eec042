"""Making the artifact bucket of an account and region."""

from __future__ import annotations

from lambent.aws.clients import Target
from lambent.compiler.result import CompiledSystem
from lambent.deploy.artifacts import STACK, Artifacts, bucket_template
from lambent.deploy.errors import DeployError
from lambent.deploy.executor import Executor
from lambent.deploy.planner import Planner, Prepared
from lambent.deploy.progress import StackDone
from lambent.template.json_text import to_json


def bootstrap(target: Target) -> str:
    """Make the bucket with a stack of its own, or bring that up to date, and return its name. Raises DeployError."""
    bucket = Artifacts(target).bucket
    compiled = CompiledSystem(STACK, bucket_template(bucket))
    plan = Planner(target).plan(Prepared(compiled, to_json(compiled.template), {}))
    for event in Executor(target).execute(plan):
        if isinstance(event, StackDone) and not event.is_success:
            cause = event.reason if event.cause is None else f"{event.cause.logical_id}: {event.cause.reason}"
            raise DeployError(f"The artifact bucket could not be made: {cause}", "Mend that and run it again.")
    return bucket
