"""What a template may name on this machine besides code and templates: `lambent up` does not upload it, and says so.

The list is that of `aws cloudformation package`, and SAM's own types:
https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lambent.deploy.document import resources_of
from lambent.deploy.errors import DeployError
from lambent.template.document import Value

_PLACES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "AWS::ApiGateway::RestApi": (("BodyS3Location",),),
    "AWS::AppSync::FunctionConfiguration": (
        ("RequestMappingTemplateS3Location",),
        ("ResponseMappingTemplateS3Location",),
        ("CodeS3Location",),
    ),
    "AWS::AppSync::GraphQLSchema": (("DefinitionS3Location",),),
    "AWS::AppSync::Resolver": (
        ("RequestMappingTemplateS3Location",),
        ("ResponseMappingTemplateS3Location",),
        ("CodeS3Location",),
    ),
    "AWS::ElasticBeanstalk::ApplicationVersion": (("SourceBundle",),),
    "AWS::Glue::Job": (("Command", "ScriptLocation"),),
    "AWS::Serverless::Api": (("DefinitionUri",),),
    "AWS::Serverless::HttpApi": (("DefinitionUri",),),
    "AWS::Serverless::StateMachine": (("DefinitionUri",),),
    "AWS::StepFunctions::StateMachine": (("DefinitionS3Location",),),
}
ELSEWHERE: Final = ("s3://", "http://", "https://")


def refuse_unpackaged(document: Mapping[str, Value]) -> None:
    """Raise DeployError for a file that a template names on this machine and that would not be there for AWS."""
    for name, resource in resources_of(document):
        for path in _PLACES.get(str(resource.get("Type", "")), ()):
            said = _at(resource.get("Properties"), path)
            if isinstance(said, str) and not said.startswith(ELSEWHERE):
                raise DeployError(
                    f"{name}: {'.'.join(path)} names {said} on this machine: "
                    "only code and templates are uploaded from here.",
                    "Upload it with `aws cloudformation package`, and deploy the template that it writes.",
                )


def _at(value: Value, path: tuple[str, ...]) -> Value:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
