"""How fast queues are: messages sent durably, and received and deleted, against peers in the same run.

    python bench/messages.py                      all of it, about a minute
    python bench/messages.py --alone --no-record  ours alone

Sends come from wrk over eight connections, one message of 256 bytes each, in either of the two wire formats; receives
and deletions by wrk, too, over four connections, as pollers make them: ten messages are received, then deleted in one
batch. The peers are MiniStack and moto's server, which keep messages in memory alone; ours are on the disk before they
are acknowledged, received or gone. All take turns, so that a noisy minute meets all of them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import load
import peers
import servers
from figures import Promise
from recording import conclude

ACCOUNT = "000000000000"
BODY = "x" * 256
SENDERS, POLLERS = 8, 4
SCOPE = f"{ACCOUNT}/20260101/us-east-1/sqs/aws4_request"
# A signature in form: the scope alone is read.
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature={'0' * 64}"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": AUTHORIZATION}
# What is received is deleted by the next request of whichever connection is free.
POLL = """
local received = {{}}
function response(status, headers, body)
  local entries, count = {{}}, 0
  for handle in body:gmatch([==["ReceiptHandle" *: *"([^"]+)"]==]) do
    count = count + 1
    entries[count] = [==[{{"Id":"]==] .. count .. [==[","ReceiptHandle":"]==] .. handle .. [==["}}]==]
  end
  if count > 0 then received[#received + 1] = table.concat(entries, ",") end
end
function request()
  if #received > 0 then
    local entries = table.remove(received)
    return wrk.format("POST", "/", {delete}, [==[{{"QueueUrl":"{url}","Entries":[]==] .. entries .. "]}}")
  end
  return wrk.format("POST", "/", {receive}, [==[{{"QueueUrl":"{url}","MaxNumberOfMessages":10}}]==])
end
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one server did in one round; `sending_cpu_s` is the processor time of 10,000 sends in JSON."""

    json: load.Load
    form: load.Load
    drained_per_second: float
    sending_cpu_s: float
    draining_cpu_s: float


def headers(operation: str) -> dict[str, str]:
    """Return the headers of a request in JSON."""
    return {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "Authorization": AUTHORIZATION,
    }


def call(server: servers.Server, operation: str, **parameters: object) -> Mapping[str, Any]:  # Any: JSON
    """Carry out one operation."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("POST", "/", json.dumps(parameters), headers(operation))
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise SystemExit(f"{server.name}: {operation} was answered {answer.status}: {body.decode(errors='replace')}")
    told: Mapping[str, Any] = json.loads(body or b"{}")  # Any: as above
    return told


def script(body: str, all_headers: Mapping[str, str]) -> str:
    """Return wrk's Lua of one request again and again."""
    set_headers = [f'wrk.headers["{name}"] = "{value}"' for name, value in all_headers.items()]
    return "\n".join(['wrk.method = "POST"', f"wrk.body = [==[{body}]==]", *set_headers])


def lua(table: Mapping[str, str]) -> str:
    """Return a mapping as Lua writes it."""
    return "{" + ", ".join(f'["{key}"] = "{value}"' for key, value in table.items()) + "}"


def sent(server: servers.Server, lua_script: str, seconds: float) -> load.Load:
    """Return what a load of sends saw; ends the run where one failed."""
    seen = load.run(f"{server.url}/", lua_script, connections=SENDERS, seconds=int(seconds))
    if seen.failures:
        raise SystemExit(f"{server.name}: {seen.failures} sends failed")
    return seen


def waiting(server: servers.Server, url: str) -> int:
    """Return how many messages a queue still has, in view or in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = call(server, "GetQueueAttributes", QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def measure(server: servers.Server, seconds: int, name: str) -> Seen:
    """Fill a queue for a while in either format, then take from it for half as long, or until it is empty."""
    url = str(call(server, "CreateQueue", QueueName=name)["QueueUrl"])
    message = {"QueueUrl": url, "MessageBody": BODY}
    began_s = servers.cpu_s(server.pid)
    in_json = sent(server, script(json.dumps(message), headers("SendMessage")), seconds)
    sending_s = servers.cpu_s(server.pid) - began_s
    form = {"Action": "SendMessage", "Version": "2012-11-05", **message}
    in_form = sent(server, script(urlencode(form), FORM), seconds)
    before = waiting(server, url)
    poll = POLL.format(url=url, receive=lua(headers("ReceiveMessage")), delete=lua(headers("DeleteMessageBatch")))
    began_s = servers.cpu_s(server.pid)
    load.run(f"{server.url}/", poll, connections=POLLERS, seconds=max(1, seconds // 2))
    draining_s = servers.cpu_s(server.pid) - began_s
    # What wrk sent when its time was up may still arrive at a slow server.
    drained = max(0, before - waiting(server, url))
    return Seen(
        json=in_json,
        form=in_form,
        drained_per_second=drained / max(1, seconds // 2),
        sending_cpu_s=sending_s / max(1, in_json.requests) * 10_000,
        draining_cpu_s=draining_s / drained * 10_000 if drained else float("nan"),
    )


def promises(ours: Sequence[Seen]) -> list[Promise]:
    """Return every figure that has a bound."""
    return [
        Promise("SendMessage, durable, 8 connections (/s)", _median(ours, _json_rate), 2000, at_least=True),
        Promise("the same in the query format (/s)", _median(ours, _form_rate), 1500, at_least=True),
        Promise("received and deleted, batches of 10 (/s)", _median(ours, _drained), 3000, at_least=True),
    ]


def table(seen: Mapping[str, Sequence[Seen]]) -> list[str]:
    """Return what every server did, side by side."""
    rows: tuple[tuple[str, Callable[[Seen], float]], ...] = (
        ("sent (/s)", _json_rate),
        ("median of a send (ms)", lambda one: one.json.median_ms),
        ("p99 of a send (ms)", lambda one: one.json.p99_ms),
        ("sent in the query format (/s)", _form_rate),
        ("received and deleted (/s)", _drained),
        ("processor time of 10,000 sends (s)", lambda one: one.sending_cpu_s),
        ("of 10,000 received and deleted (s)", lambda one: one.draining_cpu_s),
    )
    lines = [" " * 36 + "".join(f"{name:>12}" for name in seen)]
    for label, figure in rows:
        lines.append(f"{label:<36}" + "".join(f"{_median(rounds, figure):>12.2f}" for rounds in seen.values()))
    return lines


def main() -> None:
    """Measure, print, record; exit with 1 where a promise is not kept."""
    parser = peers.arguments(__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="how long each load of sends lasts")
    parser.add_argument("--rounds", type=int, default=2, help="how often all take turns")
    options = parser.parse_args()
    seen: dict[str, list[Seen]] = {}
    with peers.competitors(peers.meant(options)) as found:
        for number in range(options.rounds):
            for server in found:
                seen.setdefault(server.name, []).append(measure(server, options.seconds, f"bench-{number}"))
    lines = [*table(seen), ""]
    lines.append(f"load average afterwards {os.getloadavg()[0]:.1f}; {options.rounds} rounds by turns, medians")
    conclude("messages", promises(seen["lambent"]), lines, keep=not options.no_record)


def _json_rate(one: Seen) -> float:
    return one.json.per_second


def _form_rate(one: Seen) -> float:
    return one.form.per_second


def _drained(one: Seen) -> float:
    return one.drained_per_second


def _median(rounds: Sequence[Seen], figure: Callable[[Seen], float]) -> float:
    return statistics.median(map(figure, rounds))


if __name__ == "__main__":
    main()
