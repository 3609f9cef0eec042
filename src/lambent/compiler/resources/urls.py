"""Function URLs, and who may call them."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.intrinsics import Value, resource_att, resource_ref
from lambent.compiler.names import logical_id
from lambent.compiler.resources.scope import Emitted, Scope, resource, said
from lambent.manifest.system import Cors, Function

_AUTH_TYPES = {"none": "NONE", "iam": "AWS_IAM"}
_MODES = {"buffered": "BUFFERED", "response_stream": "RESPONSE_STREAM"}


def function_url(_scope: Scope, key: str, function: Function) -> Iterator[Emitted]:
    """Yield the URL of function `key`, and the permissions of one that anybody may call."""
    url, alias = function.url, function.alias
    if url is None:
        return
    properties = {
        "TargetFunctionArn": resource_att(key, "Function", "Arn"),
        "Qualifier": None if alias is None else alias.name,
        "AuthType": _AUTH_TYPES[url.auth],
        "InvokeMode": _MODES[url.mode],
        "Cors": None if url.cors is None else _cors(url.cors),
    }
    # The alias is told by its name alone, which makes no dependency.
    after = None if alias is None else logical_id(key, "FunctionAlias")
    yield logical_id(key, "FunctionUrl"), resource("AWS::Lambda::Url", properties, DependsOn=after)
    if url.auth == "none":
        yield from _open_to_anybody(key, function)


def _open_to_anybody(key: str, function: Function) -> Iterator[Emitted]:
    """Yield the two permissions that a public URL needs since October 2025.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    target = resource_ref(key, "Function" if function.alias is None else "FunctionAlias")
    grants: tuple[tuple[str, dict[str, Value]], ...] = (
        ("FunctionUrlPermission", {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}),
        ("FunctionUrlInvokePermission", {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True}),
    )
    for kind, grant in grants:
        properties = {"FunctionName": target, "Principal": "*", **grant}
        yield logical_id(key, kind), resource("AWS::Lambda::Permission", properties)


def _cors(cors: Cors) -> Value:
    return said(
        {
            "AllowCredentials": cors.credentials or None,
            "AllowHeaders": list(cors.headers) or None,
            "AllowMethods": list(cors.methods) or None,
            "AllowOrigins": list(cors.origins) or None,
            "ExposeHeaders": list(cors.expose) or None,
            "MaxAge": cors.max_age,
        }
    )
