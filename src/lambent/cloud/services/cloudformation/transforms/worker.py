"""The process that runs AWS's SAM translator: the only door to it. One JSON line in, one JSON line out.

A process of its own, because the translator takes a second to import and holds the interpreter while it works.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

Values = dict[str, Any]  # Any: JSON-shaped values of a template


def translate(request: Values) -> Values:
    """Return `{"template": …}`, or `{"error": …}` with the translator's own words."""
    from samtranslator.internal.managed_policies import get_bundled_managed_policy_map
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.sdk.parameter import SamParameterValues
    from samtranslator.translator.arn_generator import ArnGenerator
    from samtranslator.translator.transform import transform

    class Policies:
        """The managed policies that the translator carries with it: it is not to ask IAM."""

        def load(self) -> Any:  # Any: as the translator has it
            return get_bundled_managed_policy_map(request["partition"])

    # The translator asks for its region in both ways, and would go on with that of an earlier request.
    ArnGenerator.BOTO_SESSION_REGION_NAME = request["region"]
    os.environ["AWS_DEFAULT_REGION"] = request["region"]  # noqa: TID251 - a process of its own, for boto3 in it
    template = request["template"]
    parameters = request["parameters"]
    if told := _not_here(template):
        return {"error": _invalid(told)}
    SamParameterValues(parameters)
    try:
        return {"template": transform(template, parameters, Policies())}
    except InvalidDocumentException as error:
        return {"error": _invalid([str(cause.message) for cause in error.causes])}


def _not_here(template: Values) -> list[str]:
    """Return what is wrong with applications of the Serverless Application Repository: the translator would ask AWS."""
    found = []
    resources = template.get("Resources") or {}
    for name, resource in resources.items() if isinstance(resources, dict) else ():
        if not isinstance(resource, dict) or resource.get("Type") != "AWS::Serverless::Application":
            continue
        location = (resource.get("Properties") or {}).get("Location")
        if isinstance(location, dict) and "ApplicationId" in location:
            found.append(
                f"Resource with id [{name}] is invalid. The Serverless Application Repository is not offered here; "
                "name a template with Location."
            )
    return found


def _invalid(causes: list[str]) -> str:
    told = f"Invalid Serverless Application Specification document. Number of errors found: {len(causes)}."
    return f"{told} {', '.join(causes)}"


def main() -> None:
    """Answer until standard input ends."""
    for line in sys.stdin:
        try:
            answer = translate(json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever the translator raises is the template's fault to its user
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
