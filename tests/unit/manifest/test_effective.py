"""What a function says, together with the manifest's defaults."""

from __future__ import annotations

from lambent.manifest.effective import effective_functions
from lambent.manifest.load import load

HEAD = """
stack: s
defaults:
  runtime: python3.13
  handler: app.handler
  logs: {retention: 7, format: json, key: "arn:aws:kms:eu-west-1:123456789012:key/k"}
log_groups:
  common: {retention: 14}
functions:
  f:
    code: {inline: "x = 1"}
"""


def logs_of(said: str) -> tuple[object, ...]:
    system = load(HEAD + said, "lambent.yaml").system
    assert system is not None
    logs = effective_functions(system)["f"].logs
    assert logs is not None
    return (logs.group is not None, logs.retention, logs.key is not None, logs.format)


def test_what_defaults_say_of_own_groups_is_not_said_of_a_shared_one() -> None:
    assert logs_of("    logs: {group: '${log_groups.common}'}") == (True, None, False, "json")


def test_a_function_with_a_group_of_its_own_takes_the_defaults_field_by_field() -> None:
    assert logs_of("    logs: {format: text}") == (False, 7, True, "text")
