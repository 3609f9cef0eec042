"""How many items a second a table takes and gives, durably: PutItem and GetItem from eight connections.

    python bench/tables.py --alone       without MiniStack and moto, which keep items in memory alone

Each load is of new items, then of those; rounds go by turns, so that a noisy minute meets all. Beside them stand a
conditional update with a stream and an index, which writes three rows, and what a request costs of processor time.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import load
import peers
import servers
from figures import Promise
from invocations import ACCOUNT, client
from recording import conclude

CONNECTIONS = 8
LEAST_PER_SECOND = 1500
ROUNDS = 3
ITEMS = 2000  # at first: what gets ask for is among them
PADDING = "x" * 200


@dataclass(frozen=True, slots=True)
class Cost:
    """What one load saw, and the processor time that a request of it cost the server, in milliseconds."""

    load: load.Load
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Rates:
    """What loads of one round saw."""

    put: Cost
    get: Cost
    update: Cost


def make_tables(server: servers.Server) -> None:
    """Make a plain table and one with an index and a stream."""
    tables = client(server, "dynamodb")
    keys = {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    plain = [{"AttributeName": "pk", "AttributeType": "S"}]
    tables.create_table(TableName="plain", AttributeDefinitions=plain, **keys)
    tables.create_table(
        TableName="watched",
        AttributeDefinitions=[*plain, {"AttributeName": "state", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-state",
                "KeySchema": [{"AttributeName": "state", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        **keys,
    )
    for start in range(0, ITEMS, 25):
        items = [{"pk": {"S": f"item-{number}"}, "x": {"S": PADDING}} for number in range(start, start + 25)]
        tables.batch_write_item(RequestItems={"plain": [{"PutRequest": {"Item": item}} for item in items]})


def script(operation: str, body: Mapping[str, Any], numbers: str) -> str:  # Any: JSON
    """Return the Lua of one operation after another; `NUMBER` in its body becomes what the Lua `numbers` is."""
    first, rest = json.dumps(body).split("NUMBER")
    scope = f"{ACCOUNT}/20260101/us-east-1/dynamodb/aws4_request"
    return "\n".join(
        [
            "local made = 0",
            "math.randomseed(1)",
            "local headers = {",
            '  ["Content-Type"] = "application/x-amz-json-1.0",',
            f'  ["X-Amz-Target"] = "DynamoDB_20120810.{operation}",',
            f'  ["Authorization"] = "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={"0" * 64}",',
            "}",
            "function request()",
            "  made = made + 1",
            f"  return wrk.format('POST', '/', headers, [==[{first}]==] .. {numbers} .. [==[{rest}]==])",
            "end",
        ]
    )


def one_round(server: servers.Server, number: int, seconds: int) -> Rates:
    """Return what one load of each kind saw; ends the run where a request failed."""
    put = {"TableName": "plain", "Item": {"pk": {"S": f"{number}-NUMBER"}, "x": {"S": PADDING}}}
    get = {"TableName": "plain", "Key": {"pk": {"S": "item-NUMBER"}}}
    update = {
        "TableName": "watched",
        "Key": {"pk": {"S": "item-NUMBER"}},
        "UpdateExpression": "SET #s = :s ADD n :one",
        "ConditionExpression": "attribute_not_exists(gone)",
        "ExpressionAttributeNames": {"#s": "state"},
        "ExpressionAttributeValues": {":s": {"S": f"state-{number}"}, ":one": {"N": "1"}},
    }
    random = f"math.random(0, {ITEMS - 1})"
    return Rates(
        put=_load(server, script("PutItem", put, "made"), seconds),
        get=_load(server, script("GetItem", get, random), seconds),
        update=_load(server, script("UpdateItem", update, random), seconds),
    )


def _load(server: servers.Server, lua: str, seconds: int) -> Cost:
    before_s = servers.cpu_s(server.pid)
    seen = load.run(f"{server.url}/", lua, connections=CONNECTIONS, seconds=seconds)
    if seen.failures:
        raise SystemExit(f"{server.name}: {seen.failures} requests failed")
    return Cost(seen, (servers.cpu_s(server.pid) - before_s) * 1000 / seen.requests)


@contextlib.contextmanager
def all_servers(peer: Path | None) -> Iterator[list[servers.Server]]:
    """Run ours and, where they are installed, the peers, each with its tables."""
    with peers.competitors(peer) as running:
        for server in running:
            make_tables(server)
        yield running


def promises(ours: list[Rates]) -> list[Promise]:
    """Return every figure that has a bound."""
    return [
        Promise(f"{kind} of items, 8 connections (/s)", _median(ours, kind).per_second, LEAST_PER_SECOND, at_least=True)
        for kind in ("put", "get")
    ]


def table(seen: Mapping[str, list[Rates]]) -> list[str]:
    """Return all that was seen, a line for each server and kind of load."""
    lines = [f"{'medians':<10}{'':<8}{'a second':>10}{'median (ms)':>13}{'p99 (ms)':>10}{'CPU each (ms)':>15}"]
    for name, rounds in seen.items():
        for kind in ("put", "get", "update"):
            one = _median(rounds, kind)
            figures = f"{one.per_second:>10.0f}{one.median_ms:>13.2f}{one.p99_ms:>10.2f}{one.cpu_ms:>15.2f}"
            lines.append(f"{name:<10}{kind:<8}{figures}")
    return lines


@dataclass(frozen=True, slots=True)
class _Medians:
    per_second: float
    median_ms: float
    p99_ms: float
    cpu_ms: float


def _median(rounds: list[Rates], kind: str) -> _Medians:
    costs: list[Cost] = [getattr(each, kind) for each in rounds]
    return _Medians(
        statistics.median(each.load.per_second for each in costs),
        statistics.median(each.load.median_ms for each in costs),
        statistics.median(each.load.p99_ms for each in costs),
        statistics.median(each.cpu_ms for each in costs),
    )


def main() -> None:
    """Measure, print and record; exit with 1 where a promise is not kept."""
    parser = peers.arguments(__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of each load")
    options = parser.parse_args()
    seen: dict[str, list[Rates]] = {}
    with all_servers(peers.meant(options)) as running:
        for number in range(ROUNDS):
            for server in running:
                seen.setdefault(server.name, []).append(one_round(server, number, options.seconds))
    last = f"load average afterwards {os.getloadavg()[0]:.1f}; {ROUNDS} rounds by turns"
    conclude("tables", promises(seen["lambent"]), [*table(seen), "", last], keep=not options.no_record)


if __name__ == "__main__":
    main()
