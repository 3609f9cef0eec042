"""How many items a second a table takes and gives, durably: PutItem and GetItem from eight connections.

    python bench/tables.py                                          ours alone
    python bench/tables.py --peer .venv-peer/bin/python             and MiniStack, which keeps items in memory alone

Each load is of new items, then of those; rounds go by turns, so that a noisy minute meets all. Beside them stand a
conditional update with a stream and an index, which writes three rows, and bare fsyncs of the same disk.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import load
import servers
from figures import Promise
from invocations import ACCOUNT, client

CONNECTIONS = 8
LEAST_PER_SECOND = 1500
ROUNDS = 3
ITEMS = 2000  # at first: what gets ask for is among them
PADDING = "x" * 200


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests per second of one round."""

    put: load.Load
    get: load.Load
    update: load.Load


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


def _load(server: servers.Server, lua: str, seconds: int) -> load.Load:
    seen = load.run(f"{server.url}/", lua, connections=CONNECTIONS, seconds=seconds)
    if seen.failures:
        raise SystemExit(f"{server.name}: {seen.failures} requests failed")
    return seen


@contextlib.contextmanager
def all_servers(peer: Path | None) -> Iterator[list[servers.Server]]:
    """Run ours and, where it is installed, the peer, each with its tables."""
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(servers.lambent())]
        if peer is not None:
            running.append(stack.enter_context(servers.ministack(peer)))
        for server in running:
            make_tables(server)
        yield running


def main() -> None:
    """Measure, show it, and fail where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    parser.add_argument("--peer", type=Path, help="the Python of an environment with MiniStack")
    options = parser.parse_args()
    seen: dict[str, list[Rates]] = {}
    with all_servers(options.peer) as running:
        for number in range(ROUNDS):
            for server in running:
                seen.setdefault(server.name, []).append(one_round(server, number, options.seconds))
    for name, rounds in seen.items():
        for kind in ("put", "get", "update"):
            loads = [getattr(each, kind) for each in rounds]
            rate = statistics.median(each.per_second for each in loads)
            print(
                f"{name:10} {kind:7} {rate:8.0f}/s  median {statistics.median(each.median_ms for each in loads):.2f} ms"
            )
    ours = seen["lambent"]
    promises = [
        Promise(
            f"{kind}s of items a second",
            statistics.median(getattr(each, kind).per_second for each in ours),
            LEAST_PER_SECOND,
            at_least=True,
        )
        for kind in ("put", "get")
    ]
    broken = [str(promise) for promise in promises if not promise.is_kept]
    if broken:
        raise SystemExit("\n".join(broken))


if __name__ == "__main__":
    main()
