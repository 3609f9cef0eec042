"""Manifests read as text: what they say, and what is wrong with them, all at once and each with its place."""

from __future__ import annotations

from typing import Any

import pytest

from lambent.manifest.load import Loaded, load
from lambent.manifest.system import System

SOUND = """\
stack: shop
functions:
  order:
    code: src
    handler: app.handler
    runtime: python3.13
"""


def told(loaded: Loaded) -> list[str]:
    """Return each finding as `line:column rule`."""
    return [
        f"{one.span.line}:{one.span.column} {one.rule}" if one.span else f"- {one.rule}" for one in loaded.diagnostics
    ]


def system_of(text: str, **options: Any) -> System:  # Any: what `load` takes
    """Return the system of a sound manifest."""
    loaded = load(text, "lambent.yaml", **options)
    assert loaded.is_sound, loaded.diagnostics
    assert loaded.system is not None
    return loaded.system


def test_a_sound_manifest_is_a_system() -> None:
    function = system_of(SOUND).functions["order"]
    assert (function.handler, function.code.path) == ("app.handler", "src")


def test_every_mistake_is_told_at_once_with_its_place() -> None:
    text = SOUND + (
        "    memry: 128\n    timeout: soon\n    architecture: ARM64\n    layers: ${layers.\n"
        "    environment:\n      A: {}\n"
    )
    assert told(load(text, "lambent.yaml")) == [
        "7:5 unknown-key",
        "8:14 type",
        "9:19 word",
        "10:13 bad-reference",
        "12:10 type",
    ]


def test_an_unknown_key_is_told_with_what_was_probably_meant() -> None:
    found = load(SOUND.replace("handler:", "handlr:"), "lambent.yaml").diagnostics
    assert "Did you mean `handler`?" in {one.advice for one in found}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", "1:1", "the manifest is empty"),
        ("- a\n", "1:1", "a manifest is a mapping"),
        ("stack: [\n", "2:1", "not YAML"),
        ("stack: a\n\tx: 1\n", "2:1", "not YAML"),
        ("stack: a\nstack: b\nroles: {r: {}}\n", "2:1", "stands here twice"),
        ("functions: {}\n", "1:1", "the manifest needs `stack`"),
    ],
)
def test_text_that_is_no_manifest_is_refused_with_its_place(text: str, place: str, words: str) -> None:
    loaded = load(text, "lambent.yaml")
    assert loaded.diagnostics
    first = loaded.diagnostics[0]
    assert words in first.message
    assert first.span is not None
    assert f"{first.span.line}:{first.span.column}" == place


def test_words_that_older_yaml_takes_for_others_stay_text() -> None:
    text = SOUND + "    environment: {SWITCH: on, ANSWER: yes, DAY: 2024-01-01, NUMBER: 010}\n"
    variables = system_of(text).functions["order"].environment
    assert {name: value.literal for name, value in variables.items()} == {
        "SWITCH": "on",
        "ANSWER": "yes",
        "DAY": "2024-01-01",
        "NUMBER": "10",
    }


def test_anchors_and_merge_keys_work() -> None:
    text = SOUND.replace("  order:\n", "  order: &order\n") + "  bill:\n    <<: *order\n    timeout: 5m\n"
    functions = system_of(text).functions
    assert (functions["bill"].handler, functions["bill"].timeout) == ("app.handler", 300)


def test_parameters_take_the_type_of_their_value() -> None:
    text = (
        "parameters:\n  size: {type: number, default: 128}\n  level: {allowed: [INFO, DEBUG], default: INFO}\n" + SOUND
    )
    text += "    memory: ${parameters.size}\n    environment: {LEVEL: 'x-${parameters.level}'}\n"
    usual, given = system_of(text), system_of(text, settings={"size": "512", "level": "DEBUG"})
    assert (usual.functions["order"].memory, given.functions["order"].memory) == (128, 512)
    assert given.functions["order"].environment["LEVEL"].literal == "x-DEBUG"


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"level": "LOUD"}, "bad-parameter"),
        ({"levl": "INFO"}, "unknown-parameter"),
        ({}, "missing-parameter"),
        ({"level": "INFO", "size": "many"}, "bad-parameter"),
    ],
)
def test_a_parameter_that_does_not_fit_is_told(settings: dict[str, str], rule: str) -> None:
    text = "parameters:\n  size: {type: number, default: 1}\n  level: {allowed: [INFO, DEBUG]}\n" + SOUND
    assert rule in {one.rule for one in load(text, "lambent.yaml", settings=settings).diagnostics}


def test_a_secret_parameter_stays_a_reference() -> None:
    text = "parameters:\n  token: {secret: true}\n" + SOUND + "    environment: {TOKEN: '${parameters.token}'}\n"
    variable = system_of(text, settings={"token": "hush"}).functions["order"].environment["TOKEN"]
    assert str(variable.sole_reference) == "parameters.token"


def test_an_overlay_is_laid_over_the_manifest_key_by_key() -> None:
    text = SOUND + "environments:\n  prod:\n    functions:\n      order: {memory: 1024}\n"
    assert system_of(text).functions["order"].memory is None
    prod = system_of(text, environment="prod").functions["order"]
    assert (prod.memory, prod.handler) == (1024, "app.handler")


def test_a_mistake_in_an_overlay_is_shown_in_the_overlay() -> None:
    text = SOUND + "environments:\n  prod:\n    functions:\n      order: {memory: 64}\n"
    assert load(text, "lambent.yaml").is_sound
    assert told(load(text, "lambent.yaml", environment="prod")) == ["10:23 memory"]


def test_an_environment_that_is_not_there_is_told_with_those_that_are() -> None:
    text = SOUND + "environments:\n  prod: {}\n"
    found = load(text, "lambent.yaml", environment="prd").diagnostics
    assert [(one.rule, one.advice) for one in found] == [("unknown-environment", "Did you mean `prod`?")]


@pytest.mark.parametrize(
    ("reference", "advice"),
    [
        ("functions.ordr.arn", "Did you mean `order`?"),
        ("functions.order.arm", "Did you mean `arn`?"),
        ("roles.x", "Known roles: none."),
        ("function.order.arn", "Did you mean `functions`?"),
        ("parameters.x", ""),
        ("aws.zone", "There are ${aws.account}, ${aws.partition}, ${aws.region}, ${aws.stack}."),
        ("stacks.network", "Write ${stacks.STACK.OUTPUT}."),
    ],
)
def test_a_reference_that_leads_nowhere_is_told(reference: str, advice: str) -> None:
    text = SOUND + f"    environment: {{WHERE: '${{{reference}}}'}}\n"
    found = load(text, "lambent.yaml").diagnostics
    assert [(one.rule, one.advice) for one in found] == [("unknown-reference", advice)]


@pytest.mark.parametrize(
    "reference",
    ["functions.order.log_group", "aws.region", "stacks.network.subnet", "imports.Name", "ssm:/a/b", "secret:name:key"],
)
def test_references_to_what_is_there_are_fine(reference: str) -> None:
    system_of(SOUND + f"    environment: {{WHERE: '${{{reference}}}'}}\n")
