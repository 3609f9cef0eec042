"""The environment variables of an execution environment, as AWS sets them.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
What depends on where things stand on the host (LAMBDA_TASK_ROOT, PWD, TMPDIR …) is the sandbox's to add;
`_X_AMZN_TRACE_ID` is set by the runtime for each invocation.
"""

from __future__ import annotations

from lambent.dataplane.types import Credentials, FunctionSpec, InitializationType

# What a function may set otherwise.
_DEFAULTS = {
    "LANG": "en_US.UTF-8",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "TZ": ":UTC",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
    "_AWS_XRAY_DAEMON_PORT": "2000",
}
# A custom runtime brings its own language: nothing of it lies in /var/lang.
_CUSTOM = {
    "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
}
# AWS's own runtimes are started by a shell.
_MANAGED = {"SHLVL": "0"}
# From Python 3.12 on they stand on Amazon Linux 2023, which has no en_US: Python makes do with C.UTF-8 (PEP 538).
_WITHOUT_LOCALE = {"LC_CTYPE": "C.UTF-8"}
_ON_AMAZON_LINUX_2 = frozenset({"python3.8", "python3.9", "python3.10", "python3.11"})


def environment_variables(
    spec: FunctionSpec,
    credentials: Credentials,
    log_stream: str,
    endpoint_url: str,
    initialization_type: InitializationType = InitializationType.ON_DEMAND,
) -> dict[str, str]:
    """Return every variable of the environment: AWS's defaults, the function's own over them, the reserved over all."""
    return {
        **_DEFAULTS,
        **_of_runtime(spec.runtime),
        # Every AWS SDK since 2023 reads it, so that a function reaches the platform without knowing of it.
        "AWS_ENDPOINT_URL": endpoint_url,
        **_logging(spec),
        **spec.environment,
        **_reserved(spec, log_stream, initialization_type),
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
    }


def _of_runtime(runtime: str) -> dict[str, str]:
    if runtime.startswith("provided"):
        return _CUSTOM
    if runtime.startswith("python") and runtime not in _ON_AMAZON_LINUX_2:
        return {**_MANAGED, **_WITHOUT_LOCALE}
    return _MANAGED


def _logging(spec: FunctionSpec) -> dict[str, str]:
    # In text mode neither is there, and the runtime's own default level holds.
    if spec.log_format != "JSON":
        return {}
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": spec.application_log_level or "INFO"}


def _reserved(spec: FunctionSpec, log_stream: str, initialization_type: InitializationType) -> dict[str, str]:
    reserved = {
        "_HANDLER": spec.handler,
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_LAMBDA_FUNCTION_NAME": spec.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type.value,
    }
    if initialization_type is not InitializationType.SNAP_START:
        # One snapshot serves many environments, each with its own stream.
        reserved["AWS_LAMBDA_LOG_GROUP_NAME"] = spec.log_group
        reserved["AWS_LAMBDA_LOG_STREAM_NAME"] = log_stream
    if not spec.runtime.startswith("provided"):
        reserved["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{spec.runtime}"
    if initialization_type is InitializationType.MANAGED_INSTANCES:
        reserved["AWS_LAMBDA_MAX_CONCURRENCY"] = str(spec.slots)
    return reserved
