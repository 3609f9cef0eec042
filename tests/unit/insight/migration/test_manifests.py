"""The manifests of a migration are sound, and differ in what they are for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lambent.insight.migration.candidate import Candidate, Compute, PermissionUse, Source, SourceKind, TriggerUse
from lambent.insight.migration.hcl import hcl
from lambent.insight.migration.manifests import changed, made_of, moved
from lambent.insight.migration.sources.manifest import of_system
from lambent.insight.migration.steps import Files, plan
from lambent.insight.migration.wanted import Asked, Provider, goal_of
from lambent.manifest.load import Loaded, load

TEXT = """\
# Resizes images.
stack: shop
defaults:
  runtime: python3.11
  vpc: {subnets: [subnet-0a, subnet-0b], security_groups: [sg-0a]}
functions:
  resize:
    code: src
    handler: app.handler
    memory: 512  # as measured
    timeout: 10s
    provisioned_concurrency: 4
    alias: live
    logs: {format: text}
    url: {auth: iam}
    triggers:
      - sqs: jobs
    environment: {QUEUE: "${queues.jobs.url}"}
  other: {code: src, handler: app.handler}
queues:
  jobs: {}
outputs:
  arn: ${functions.resize.arn}
environments:
  prod:
    functions:
      resize: {memory: 1024, tags: {stage: prod}}
"""
ASKED = Asked(provider=Provider(subnets=("subnet-0a", "subnet-0b")))


def loaded(text: str, environment: str | None = None) -> Loaded:
    found = load(text, "lambent.yaml", environment=environment)
    assert found.is_sound, found.diagnostics
    return found


def resize(text: str = TEXT) -> Candidate:
    found = loaded(text)
    assert found.system is not None
    return of_system(found.system, "resize", found.sources, Path())


def test_the_changed_manifest_is_sound_and_says_what_it_did_of_the_rest() -> None:
    final = changed(TEXT, "lambent.yaml", resize(), goal_of(resize(), ASKED)).final
    system = loaded(final).system
    assert system is not None
    function = system.functions["resize"]
    assert str(function.name) == "shop-resize-managed"
    assert (function.runtime, function.memory, function.vpc) == ("python3.13", 2048, None)
    assert "vpc" in function.model_fields_set  # the defaults' is taken away
    assert function.provisioned_concurrency is None
    assert function.capacity_provider is not None
    assert (function.capacity_provider.min_environments, function.capacity_provider.max_environments) == (3, 12)
    assert len(function.triggers) == 1
    assert system.functions["other"] == loaded(TEXT).system.functions["other"]  # type: ignore[union-attr]
    assert "# Resizes images." in final
    prod = loaded(final, "prod").system
    assert prod is not None
    assert prod.functions["resize"].memory == 2048
    assert list(prod.functions["resize"].tags) == ["stage"]


def test_on_the_way_both_functions_are_there_and_one_of_them_has_the_triggers() -> None:
    made = changed(TEXT, "lambent.yaml", resize(), goal_of(resize(), ASKED))
    for text, name in ((made.beside, None), (made.switched, "shop-resize-managed")):
        assert text is not None
        system = loaded(text).system
        assert system is not None
        beside, own = system.functions["resize-beside"], system.functions["resize"]
        assert str(beside.name) == "shop-resize-managed-beside"
        assert (beside.triggers, beside.url, beside.alias) == ([], None, None)
        assert beside.capacity_provider is not None
        assert len(own.triggers) == 1
        assert (None if own.name is None else str(own.name)) == name
        assert list(beside.environment) == ["QUEUE"]


def test_back_and_forth_leaves_a_function_on_demand() -> None:
    there = changed(TEXT, "lambent.yaml", resize(), goal_of(resize(), ASKED)).final
    managed = resize(there)
    assert managed.compute is Compute.MANAGED_INSTANCES
    back = changed(there, "lambent.yaml", managed, goal_of(managed, Asked(Compute.ON_DEMAND))).final
    again = resize(back)
    assert again.compute is Compute.ON_DEMAND
    assert again.name == "shop-resize"


def test_paths_are_named_from_another_folder(tmp_path: Path) -> None:
    text = moved(TEXT, "lambent.yaml", tmp_path, tmp_path / "deep" / "er")
    system = loaded(text).system
    assert system is not None
    assert {one.code.path for one in system.functions.values()} == {"../../src"}


def foreign(**more: object) -> Candidate:
    mapping = "arn:aws:sqs:eu-west-1:111122223333:jobs"
    made = Candidate(
        "worker",
        Source(
            SourceKind.TERRAFORM, "terraform.tfstate", 'module.a.aws_lambda_function.worker["eu"]', region="eu-west-1"
        ),
        "python3.12",
        "app.handler",
        role="arn:aws:iam::111122223333:role/r",
        environment={"NAME": "${b}"},
        triggers=(
            TriggerUse("sqs", mapping, "u-1"),
            TriggerUse("sns", "arn:aws:sns:eu-west-1:111122223333:news"),
            TriggerUse("url", "auth none"),
        ),
        permissions=(PermissionUse("sns", "sns.amazonaws.com", "arn:aws:sns:eu-west-1:111122223333:news"),),
    )
    return replace(made, **more)  # type: ignore[arg-type]  # fields by name


def test_a_function_without_a_manifest_gets_one_and_a_stack_of_its_own() -> None:
    goal = goal_of(foreign(), ASKED)
    text = made_of(foreign(), goal, Path()).final.replace(
        "functions:\n  worker:\n", "functions:\n  worker:\n    code: src\n"
    )
    system = loaded(text).system
    assert system is not None
    assert system.stack == "migrated-worker-managed"
    assert str(system.functions["worker"].role) == "arn:aws:iam::111122223333:role/r"
    assert system.functions["worker"].environment["NAME"].literal == "${b}"
    assert system.functions["worker"].logs is not None
    assert system.functions["worker"].logs.format == "json"


def test_traffic_moves_when_the_new_function_is_verified_and_the_old_one_goes_last() -> None:
    made = plan(foreign(), goal_of(foreign(), ASKED), Files())
    titles = [step.title for step in made.steps]
    assert titles == [
        "Keep what there is",
        "Deploy the new function beside the old one",
        "Verify it",
        "Let the same callers in",
        "Point the event source mappings to it, one by one",
        "Point what pushes to it",
        "Give it a function URL, and move DNS names and clients",
        "Move who calls the function by its name",
        "Let the old function drain",
        "Delete the old function",
    ]
    back = [command.line for step in made.back for command in step.commands]
    assert back[0] == "aws lambda update-event-source-mapping --uuid u-1 --function-name worker"
    assert back[-1] == "lambent down --stack migrated-worker-managed --yes"
    assert any("resource policy of 1 statements" in one for one in made.lost)


def test_hcl_names_what_terraform_s_provider_and_aws_take() -> None:
    text = hcl(foreign(), goal_of(foreign(), replace(ASKED, provider=Provider(vpc="vpc-1"))))
    assert 'filename         = aws_lambda_function.worker["eu"].filename' in text
    assert 'resource "aws_lambda_capacity_provider" "worker"' in text
    assert "service-role" not in text
    assert "X86_64" not in text
    assert "AUTO" not in text
    assert text.count("{") == text.count("}")
    assert "It belongs into the module" in text
