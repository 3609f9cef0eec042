from __future__ import annotations

from dataclasses import replace

import pytest

from lambent.dataplane.sandbox.variables import environment_variables
from lambent.dataplane.types import Credentials, InitializationType
from tests.dataplane.plane_harness import SPEC

STREAM = "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef"
CREDENTIALS = Credentials("ASIAX", "secret", "token")


def test_every_variable_is_as_aws_sets_it() -> None:
    assert environment_variables(SPEC, CREDENTIALS, STREAM, "http://127.0.0.1:4566") == {
        "_HANDLER": "app.handler",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": "orders",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders",
        "AWS_LAMBDA_LOG_STREAM_NAME": STREAM,
        "AWS_ACCESS_KEY_ID": "ASIAX",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "LANG": "en_US.UTF-8",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": (
            "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
        ),
        "TZ": ":UTC",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "SHLVL": "0",
        "LC_CTYPE": "C.UTF-8",
    }


@pytest.mark.parametrize("runtime", ["python3.11", "nodejs22.x"])
def test_only_python_on_the_newer_amazon_linux_makes_do_with_another_locale(runtime: str) -> None:
    made = environment_variables(replace(SPEC, runtime=runtime), CREDENTIALS, STREAM, "http://x")
    assert (made["LANG"], made["SHLVL"]) == ("en_US.UTF-8", "0")
    assert "LC_CTYPE" not in made


def test_custom_runtimes_have_nothing_of_awss_languages() -> None:
    made = environment_variables(replace(SPEC, runtime="provided.al2023"), CREDENTIALS, STREAM, "http://x")
    assert made["PATH"] == "/usr/local/bin:/usr/bin/:/bin:/opt/bin"
    assert made["LD_LIBRARY_PATH"].startswith("/lib64:/usr/lib64:/var/runtime:")
    assert {"SHLVL", "LC_CTYPE"}.isdisjoint(made)


def test_a_functions_own_variables_win_over_defaults_but_not_over_reserved_ones() -> None:
    own = {"TZ": "Europe/Madrid", "TABLE": "orders", "AWS_REGION": "mars-1", "AWS_ENDPOINT_URL": "http://other"}
    made = environment_variables(replace(SPEC, environment=own), CREDENTIALS, STREAM, "http://127.0.0.1:4566")
    assert (made["TZ"], made["TABLE"], made["AWS_REGION"]) == ("Europe/Madrid", "orders", "eu-west-1")
    assert made["AWS_ENDPOINT_URL"] == "http://other"


@pytest.mark.parametrize(("level", "told"), [(None, "INFO"), ("DEBUG", "DEBUG")])
def test_in_json_mode_the_runtime_is_told_format_and_level(level: str | None, told: str) -> None:
    made = environment_variables(
        replace(SPEC, log_format="JSON", application_log_level=level), CREDENTIALS, STREAM, "http://x"
    )
    assert (made["AWS_LAMBDA_LOG_FORMAT"], made["AWS_LAMBDA_LOG_LEVEL"]) == ("JSON", told)


def test_custom_runtimes_have_no_execution_environment_name() -> None:
    made = environment_variables(replace(SPEC, runtime="provided.al2023"), CREDENTIALS, STREAM, "http://x")
    assert "AWS_EXECUTION_ENV" not in made


def test_under_snapstart_no_log_stream_is_named() -> None:
    made = environment_variables(SPEC, CREDENTIALS, STREAM, "http://x", InitializationType.SNAP_START)
    assert made["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"
    assert "AWS_LAMBDA_LOG_STREAM_NAME" not in made
    assert "AWS_LAMBDA_LOG_GROUP_NAME" not in made


def test_managed_instances_are_told_how_many_requests_they_serve_at_once() -> None:
    made = environment_variables(
        replace(SPEC, slots=16), CREDENTIALS, STREAM, "http://x", InitializationType.MANAGED_INSTANCES
    )
    assert made["AWS_LAMBDA_MAX_CONCURRENCY"] == "16"
