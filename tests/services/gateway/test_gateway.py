"""The gateway before any service: what is unknown, foreign or failing, and what the platform says of itself."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, Service, operation
from lambent.testing.platform import LocalPlatform, local_platform
from lambent.testing.pytest_plugin import ClientFactory


def ask(platform: LocalPlatform, method: str, path: str, **headers: str) -> tuple[int, Any]:  # Any: JSON
    """Return the status and JSON body of a plain HTTP request."""
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        assert answer.getheader("Access-Control-Allow-Origin") is None
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("call", "parameters", "code", "status"),
    [
        ("lambda.list_durable_executions_by_function", {"FunctionName": "f"}, "UnknownOperationException", 404),
        ("logs.describe_deliveries", {}, "UnknownOperationException", 400),
        ("iam.list_open_id_connect_providers", {}, "InvalidAction", 400),
    ],
)
def test_an_operation_that_is_not_here_gets_the_services_error(
    aws: ClientFactory, call: str, parameters: dict[str, str], code: str, status: int
) -> None:
    service, _, method = call.partition(".")
    with pytest.raises(ClientError) as refused:
        getattr(aws(service), method)(**parameters)
    response = refused.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_foreign_hosts_and_other_sites_are_refused_everywhere(platform: LocalPlatform) -> None:
    assert ask(platform, "GET", "/_lambent/health", Host="rebound.example.com")[0] == 403
    assert ask(platform, "POST", "/_lambent/stop", Origin="https://example.com")[0] == 403
    assert ask(platform, "POST", "/2015-03-31/functions/f/invocations", Sec_Fetch_Site="cross-site")[0] == 403
    preflight = {"Origin": "https://example.com", "Access_Control_Request_Method": "POST"}
    assert ask(platform, "OPTIONS", "/2015-03-31/functions/f/invocations", **preflight)[0] == 403


def test_health_says_what_runs(platform: LocalPlatform) -> None:
    status, health = ask(platform, "GET", "/_lambent/health")
    assert (status, health["name"], health["status"], health["data_dir"]) == (200, "lambent", "ready", None)
    assert {"lambda", "iam", "sts", "logs"} <= set(health["services"])
    assert health["memory_mb"] > 0


def test_introspection_answers_only_what_is_there(platform: LocalPlatform) -> None:
    assert ask(platform, "GET", "/_lambent/nothing")[0] == 404
    assert ask(platform, "DELETE", "/_lambent/health")[0] == 405
    assert ask(platform, "GET", "/_lambent/settings")[1]["port"] == platform.port
    assert isinstance(ask(platform, "GET", "/_lambent/environments")[1]["environments"], list)


class Failing(Service):
    """A service whose operation has a bug."""

    name = "kms"

    @operation("ListKeys")
    async def list_keys(self, context: RequestContext, parameters: Parameters) -> Result:
        """Fail as nobody foresaw."""
        raise ZeroDivisionError(context.request_id)


def test_a_bug_in_an_operation_is_an_internal_failure_and_the_log_has_it(caplog: pytest.LogCaptureFixture) -> None:
    with local_platform() as platform:

        async def add(running: Any) -> None:  # Any: the platform, whose parts a user does not reach
            running.registry.add(Failing())

        platform.on_loop(add)
        with pytest.raises(ClientError) as refused:
            platform.client("kms").list_keys()
    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert response["ResponseMetadata"]["RequestId"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_platform_that_is_asked_to_stop_ends_and_leaves_its_state(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        platform.client("iam").create_user(UserName="kept")
        assert ask(platform, "POST", "/_lambent/stop") == (200, {"status": "stopping"})
    with local_platform(data_dir=tmp_path / "data") as again:
        assert [user["UserName"] for user in again.client("iam").list_users()["Users"]] == ["kept"]


def test_virtual_time_moves_when_a_test_moves_it() -> None:
    with local_platform(virtual_time=True, seed=1) as platform:
        platform.clock.freeze()
        before = platform.clock.now()
        platform.client("sts").get_caller_identity()
        platform.clock.advance(3600)
        assert platform.clock.now() == before + 3600
