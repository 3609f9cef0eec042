# ruff: noqa: E501 - AWS's messages stand in one piece
"""Rules about triggers, permissions and what functions work with."""

from __future__ import annotations

import pytest

from lambent.base.diagnostics import Severity
from lambent.manifest.load import load

BODY = "code: src, handler: app.handler, runtime: python3.13"


def told(text: str) -> list[str]:
    """Return each finding but notes as `line:column rule`."""
    found = load(text, "lambent.yaml").diagnostics
    assert all(one.span is not None for one in found)
    return [
        f"{one.span.line}:{one.span.column} {one.rule}"
        for one in found
        if one.span is not None and one.severity is not Severity.NOTE
    ]


def with_trigger(trigger: str, more: str = "", function: str = "") -> str:
    return f"stack: shop\nfunctions:\n  f:\n    {{{BODY}{function},\n     triggers: [{trigger}]}}\n{more}"


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        pytest.param(with_trigger("{schedule: rate(1 minute)}"), [], id="a schedule"),
        pytest.param(with_trigger("{schedule: every minute}"), ["5:28 schedule-expression"], id="no expression"),
        pytest.param(with_trigger("{schedule: {expression: rate(1 hour), timezone: Europe/Berlim}}"), ["5:65 schedule"], id="no time zone"),
        pytest.param(with_trigger("{schedule: {expression: rate(1 hour), window: 90s}}"), ["5:63 schedule"], id="half a minute"),
        pytest.param(with_trigger("{schedule: {expression: rate(1 hour), retry: {attempts: 200}}}"), ["5:73 delivery-retry"], id="tried too often"),
        pytest.param(with_trigger("{schedule: rate(1 hour), sqs: jobs}", "queues: {jobs: {}}\n"), ["5:17 trigger"], id="two in one"),
        pytest.param(with_trigger("{}"), ["5:17 trigger"], id="none"),
        pytest.param(with_trigger("{sqs: job}", "queues: {jobs: {}}\n"), ["5:23 unknown-resource"], id="no such queue"),
        pytest.param(with_trigger("{sqs: 'arn:aws:sqs:eu-west-1:123456789012:jobs'}"), [], id="a queue elsewhere"),
        pytest.param(with_trigger("{sqs: '${queues.jobs}'}", "queues: {jobs: {}}\n"), [], id="a reference"),
        pytest.param(with_trigger("{sqs: {queue: jobs, batch_size: 11}}", "queues: {jobs: {}}\n"), ["5:49 mapping-window"], id="no window"),
        pytest.param(with_trigger("{sqs: {queue: jobs, batch_size: 20000, window: 1s}}", "queues: {jobs: {}}\n"), ["5:49 mapping-limits"], id="too many"),
        pytest.param(with_trigger("{sqs: {queue: jobs, window: 1s}}", "queues: {jobs: {fifo: true}}\n"), ["5:18 mapping-window"], id="a window of a FIFO queue"),
        pytest.param(with_trigger("{sqs: jobs}", "queues: {jobs: {visibility: 5}}\n", ", timeout: 9"), ["5:18 queue-visibility"], id="hidden too shortly"),
        pytest.param(with_trigger("{stream: {source: t, parallelization: 11}}", "tables: {t: {key: id}}\n"), ["5:55 mapping-limits"], id="too parallel"),
        pytest.param(with_trigger("{stream: {source: t, retry: {max_age: 5}}}", "tables: {t: {key: id}}\n"), ["5:55 mapping-limits"], id="given up too soon"),
        pytest.param(with_trigger("{s3: {bucket: b, events: [made]}}", "buckets: {b: {}}\n"), ["5:43 object-events"], id="no event"),
        pytest.param(with_trigger("{s3: b}, {s3: {bucket: b, events: 's3:ObjectCreated:Put'}}", "buckets: {b: {}}\n"), ["5:26 ambiguous-notifications"], id="told twice"),
        pytest.param(with_trigger("{s3: {bucket: b, suffix: .a}}, {s3: {bucket: b, suffix: .b}}", "buckets: {b: {}}\n"), [], id="told apart"),
        pytest.param(with_trigger("{event: {pattern: {source: [a]}, dead_letter: dlq}}"), ["5:63 unknown-resource"], id="no dead-letter queue"),
        pytest.param(with_trigger("{event: {pattern: {source: shop}}}"), ["5:44 event-pattern"], id="no list in a pattern"),
        pytest.param(with_trigger("{event: {pattern: {source: [{perfix: a}]}}}"), ["5:54 event-pattern"], id="no operator"),
        pytest.param(with_trigger("{event: {pattern: {source: [{wildcard: a*}], '$or': [{a: [1]}, {b: [2]}]}}}"), [], id="a pattern"),
        pytest.param(with_trigger("{event: {pattern: {source: [{cidr: '${stacks.net.cidr}'}]}}}"), [], id="a value known later"),
        pytest.param(with_trigger("{event: {pattern: {detail: {a: [null]}}}}"), ["5:49 event-pattern"], id="null in a template"),
        pytest.param(with_trigger("{event: {pattern: {source: [a]}, input: 1, input_path: $.a}}"), ["5:72 rule"], id="two inputs"),
        pytest.param(with_trigger("{sqs: {queue: jobs, filter: [{body: {a: [{wildcard: a*}]}}]}}", "queues: {jobs: {}}\n"), ["5:69 event-pattern"], id="no operator of filters"),
        pytest.param(with_trigger("{sqs: {queue: jobs, filter: [{body: {a: [null, {prefix: a}]}}]}}", "queues: {jobs: {}}\n"), [], id="a filter"),
        pytest.param(with_trigger("{stream: {source: t, filter: [{eventName: INSERT}]}}", "tables: {t: {key: id}}\n"), ["5:59 event-pattern"], id="no list in a filter"),
        pytest.param(with_trigger("{sns: {topic: t, filter: {a: {b: [c]}}}}", "topics: {t: {}}\n"), ["5:42 event-pattern"], id="a nested policy for attributes"),
        pytest.param(with_trigger("{sns: {topic: t, filter: {a: {b: [c]}}, filter_by: body}}", "topics: {t: {}}\n"), [], id="a nested policy for bodies"),
        pytest.param(with_trigger("{sns: t}", "topics: {t: {fifo: true}}\n"), ["5:18 subscription"], id="a FIFO topic"),
        pytest.param(with_trigger("{stream: {source: t, start: lates}}", "tables: {t: {key: id}}\n"), ["5:45 mapping-start"], id="no start"),
        pytest.param(with_trigger("{stream: {source: t, start: '2027-01-01T00:00:00Z'}}", "tables: {t: {key: id}}\n"), ["5:45 mapping-start"], id="a moment of a table"),
        pytest.param(with_trigger("{stream: {source: 'arn:aws:kinesis:eu-west-1:123456789012:stream/s', start: '2027-01-01T00:00:00Z'}}"), [], id="a moment of Kinesis"),
        pytest.param(with_trigger("{schedule: {expression: rate(1 hour), start: tomorrow}}"), ["5:62 schedule"], id="no moment"),
        pytest.param(with_trigger("{sqs: jobs}, {sqs: '${queues.jobs}'}", "queues: {jobs: {}}\n"), ["5:30 trigger"], id="a queue twice"),
        pytest.param(with_trigger("{s3: 'arn:aws:s3:::elsewhere'}"), ["5:22 unknown-resource"], id="a bucket elsewhere"),
        pytest.param(with_trigger("{event: {pattern: {source: ['${buckets.c}']}}}", "buckets: {b: {}}\n"), ["5:45 unknown-reference"], id="no such reference in a pattern"),
        pytest.param(with_trigger("{sqs: jobs}", "queues: {jobs: {}}\n", ", role: 'arn:aws:iam::123456789012:role/r'"), ["4:66 permissions-of-a-role"], id="a role of its own"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_trigger_is_found_at_its_place(text: str, findings: list[str]) -> None:
    assert told(text) == findings


SOUND = f"stack: shop\nfunctions: {{f: {{{BODY}}}}}\n"


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        pytest.param("buckets:\n  a_very_long_name_that_leaves_no_room_at_all: {}\n", ["4:3 bucket-name"], id="a long name"),
        pytest.param("buckets:\n  b: {name: UPPER}\n", ["4:13 bucket-name"], id="capitals"),
        pytest.param("queues:\n  q: {deduplicate: true}\n", ["4:20 fifo"], id="deduplication without FIFO"),
        pytest.param("queues:\n  q: {name: q.fifo}\n", ["4:13 fifo"], id="a name of another kind"),
        pytest.param("queues:\n  q: {name: q q}\n", ["4:13 queue-name"], id="a blank"),
        pytest.param("queues:\n  q: {retention: 15d, max_receives: 0}\n", ["4:18 queue-limits", "4:37 queue-limits"], id="kept too long"),
        pytest.param("queues:\n  q: {fifo: true, dead_letter: r}\n  r: {}\n", ["4:32 queue-dead-letters"], id="another kind of letters"),
        pytest.param("topics:\n  t: {subscriptions: [{email: a@b.c, url: 'https://b.c'}]}\n", ["4:23 subscription"], id="two endpoints"),
        pytest.param("tables:\n  t: {key: {a: string, b: string}}\n", ["4:12 table-key"], id="two attributes"),
        pytest.param("tables:\n  t: {key: a, indexes: {i: {key: {a: number}}}}\n", ["4:28 table-key"], id="two types"),
        pytest.param("rules:\n  r: {targets: [f]}\n", ["4:3 rule"], id="neither pattern nor schedule"),
        pytest.param("rules:\n  r: {schedule: rate(1 hours), targets: [f]}\n", ["4:17 schedule-expression"], id="a plural of one"),
        pytest.param("rules:\n  r: {schedule: rate(1 hour), bus: b, targets: [f]}\n", ["4:36 rule"], id="a schedule on a bus"),
        pytest.param("rules:\n  r: {pattern: {source: a}, targets: [f]}\n", ["4:25 event-pattern"], id="no list in a rule's pattern"),
        pytest.param("queues: {q: {fifo: true}}\nrules:\n  r: {pattern: {source: [a]}, targets: [q]}\n", ["5:41 rule"], id="a FIFO queue without a group"),
        pytest.param(f"queues:\n  {'q' * 70}: {{dead_letter: true}}\n", ["4:3 name-length"], id="a long name of dead letters"),
        pytest.param(f"rules:\n  {'r' * 60}: {{pattern: {{source: [a]}}, targets: [f]}}\n", ["4:3 name-length"], id="a rule's long name"),
        pytest.param(f"rules:\n  {'r' * 60}: {{name: r, pattern: {{source: [a]}}, targets: [f]}}\n", [], id="a rule's own name"),
        pytest.param("queues: {q: {fifo: true}}\nbuckets:\n  b: {notify: [{to: q}]}\n", ["5:21 fifo"], id="a FIFO queue told by a bucket"),
        pytest.param("queues: {q: {fifo: true}}\ntopics:\n  t: {subscriptions: [{queue: q}]}\n", ["5:31 fifo"], id="a FIFO queue of a standard topic"),
        pytest.param("queues: {q: {fifo: true}}\ntopics:\n  t: {fifo: true, subscriptions: [{queue: q}]}\n", [], id="a FIFO queue of a FIFO topic"),
        pytest.param("topics:\n  t: {fifo: true, subscriptions: [{email: a@b.c}]}\n", ["4:35 subscription"], id="mail of a FIFO topic"),
        pytest.param("topics:\n  t: {subscriptions: [{email: a@b.c, filter: {a: b}}]}\n", ["4:50 event-pattern"], id="no list in a filter policy"),
        pytest.param("rules:\n  r: {pattern: {source: [a]}, targets: [f, f, f, f, f, f]}\n", ["4:40 rule"], id="six targets"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_resource_is_found_at_its_place(text: str, findings: list[str]) -> None:
    assert told(SOUND + text) == findings


def test_a_name_that_two_sections_have_asks_which() -> None:
    text = (
        f"stack: shop\nfunctions:\n  f: {{{BODY}, permissions: [{{read: runs}}]}}\n"
        "buckets: {runs: {}}\ntables: {runs: {key: id}}\n"
    )
    (found,) = load(text, "lambent.yaml").diagnostics
    assert (found.rule, found.advice) == ("unknown-resource", "Write `buckets.runs` or `tables.runs`.")
    assert told(text.replace("read: runs", "read: tables.runs")) == []


QUEUE_TOLD = ", environment: {QQ: '${queues.jobs.url}'}"


@pytest.mark.parametrize(
    ("function", "findings"),
    [
        pytest.param(QUEUE_TOLD, ["4:78 not-permitted"], id="nothing allows it"),
        pytest.param(QUEUE_TOLD + ", permissions: [{send: jobs}]", [], id="a permission"),
        pytest.param(QUEUE_TOLD + ", permissions: [{receive: '${queues.jobs}'}]", [], id="a permission by reference"),
        pytest.param(QUEUE_TOLD + ", triggers: [{sqs: jobs}]", [], id="a trigger"),
        pytest.param(QUEUE_TOLD + ", role: 'arn:aws:iam::123456789012:role/r'", [], id="a role of somebody else's"),
        pytest.param(QUEUE_TOLD + ", policies: [AmazonSQSFullAccess]", [], id="a policy"),
        pytest.param(
            ", permissions: [{send: jobs}], environment: {QQ: '${queues.jobs}'}", ["4:107 queue-arn"], id="an ARN"
        ),
        pytest.param(
            ", permissions: [{send: jobs}], environment: {QQ: '${queues.jobs.arn}'}", [], id="an ARN on purpose"
        ),
        pytest.param(", environment: {QQ: 'x-${queues.jobs.url}', RR: '${aws.region}'}", [], id="a part of a text"),
    ],
)
def test_a_function_may_use_what_its_environment_tells_it_of(function: str, findings: list[str]) -> None:
    assert told(f"stack: shop\nfunctions:\n  f:\n    {{{BODY}{function}}}\nqueues: {{jobs: {{}}}}\n") == findings
