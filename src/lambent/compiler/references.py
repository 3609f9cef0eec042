"""Expressions as CloudFormation's values: Ref, Fn::GetAtt, Fn::Sub, Fn::ImportValue and dynamic references.

A role's policies name functions in place of referring to them: the ARN is known from the name, a policy needs no
function to be there, and a reference would go in a circle, since every function needs its role first. So does a
function's environment where it speaks of the function itself. A bucket is always named: it tells the functions that it
invokes, so it has to come after them, while they may read from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value, arn, concatenate, get_att, ref, resource_att, resource_ref
from lambent.compiler.names import export_name, logical_id, physical_name
from lambent.manifest.expression import Expression, Reference, parse_expression
from lambent.manifest.system import Function, System

_PSEUDO_PARAMETERS = {
    "region": "AWS::Region",
    "account": "AWS::AccountId",
    "partition": "AWS::Partition",
    "stack": "AWS::StackName",
}
# Of each section: what an attribute is (None: what `Ref` gives), and "" for a reference without one.
_ATTRIBUTES: Mapping[str, tuple[str, Mapping[str, str | None]]] = {
    "layers": ("Layer", {"": None, "arn": None}),
    "roles": ("Role", {"": "Arn", "arn": "Arn", "name": None}),
    "log_groups": ("LogGroup", {"": None, "name": None, "arn": "Arn"}),
    "keys": ("Key", {"": "Arn", "arn": "Arn", "id": None}),
    "capacity_providers": ("CapacityProvider", {"": "Arn", "arn": "Arn", "name": None}),
    "queues": ("Queue", {"": "Arn", "arn": "Arn", "url": None, "name": "QueueName"}),
    "topics": ("Topic", {"": None, "arn": None, "name": "TopicName"}),
    "tables": ("Table", {"": None, "name": None, "arn": "Arn", "stream": "StreamArn"}),
    "buses": ("Bus", {"": "Arn", "arn": "Arn", "name": None}),
    "rules": ("Rule", {"": "Arn", "arn": "Arn"}),
}
# Attributes that are resources of their own.
_BESIDE = frozenset({("keys", "alias"), ("capacity_providers", "role_arn"), ("capacity_providers", "security_group")})
SECTION_KINDS = {
    "functions": "Function",
    "buckets": "Bucket",
    **{section: kind for section, (kind, _) in _ATTRIBUTES.items()},
}


class References:
    """What the expressions of one system mean; `functions` are its functions with the defaults in them."""

    def __init__(self, system: System, functions: Mapping[str, Function]) -> None:
        self._system = system
        self._functions = functions
        self.parameters_used: dict[str, None] = {}

    def value(self, expression: Expression) -> Value:
        """Return what `expression` is in the template. Raises CompileError for a reference that means nothing."""
        parts = expression.parts
        if len(parts) == 1 and isinstance(parts[0], str):
            return parts[0]
        return concatenate(*(part if isinstance(part, str) else self._resolve(part) for part in parts))

    def values(self, expressions: tuple[Expression, ...]) -> list[Value]:
        """Return what each expression is in the template."""
        return [self.value(expression) for expression in expressions]

    def named(self, expression: Expression) -> Value:
        """Return what `expression` is in a role's policy, where functions are named."""
        return concatenate(*(part if isinstance(part, str) else self._by_name(part) for part in expression.parts))

    def value_within(self, key: str, expression: Expression) -> Value:
        """Return what `expression` is in function `key`, which cannot refer to itself and so is named."""
        own = ("functions", key)
        return concatenate(
            *(
                part if isinstance(part, str) else (self._by_name if part.path[:2] == own else self._resolve)(part)
                for part in expression.parts
            )
        )

    def document(self, document: Any) -> Value:  # Any: a JSON document with references in its texts
        """Return a policy, a pattern or an input with the references in it resolved.

        Raises CompileError for a bad one.
        """
        if isinstance(document, str):
            if "${" not in document:
                return document
            try:
                return self.named(parse_expression(document))
            except ValueError as error:
                advice = "Write `$${` where AWS is to see `${`."
                raise CompileError(f"{document!r}: {error}", advice=advice) from error
        if isinstance(document, dict):
            return {key: self.document(value) for key, value in document.items()}
        if isinstance(document, list | tuple):
            return [self.document(item) for item in document]
        return document

    def function_name(self, key: str) -> Value:
        """Return the name of function `key` as text, without a reference to the function itself."""
        name = self._functions[key].name
        return physical_name(self._system.stack, key) if name is None else self.value(name)

    def bucket_name(self, key: str) -> Value:
        """Return the name of bucket `key` as text, without a reference to the bucket itself."""
        name = self._system.buckets[key].name
        if name is not None:
            return self.value(name)
        # Bucket names are shared by all accounts, and have no capitals or underscores.
        prefix = physical_name(self._system.stack, key).lower().replace("_", "-")
        return {"Fn::Sub": f"{prefix}-${{AWS::AccountId}}-${{AWS::Region}}"}

    def bucket_arn(self, key: str) -> Value:
        """Return the ARN of bucket `key`, which has neither account nor region."""
        return concatenate({"Fn::Sub": "arn:${AWS::Partition}:s3:::"}, self.bucket_name(key))

    def target_arn(self, key: str) -> Value:
        """Return what triggers invoke of function `key`: its alias, where it has one."""
        return self._function(key, "arn" if self._functions[key].alias is None else "alias_arn")

    def role_arn(self, key: str) -> Value:
        """Return the ARN of the execution role of function `key`."""
        role = self._functions[key].role
        return resource_att(key, "FunctionRole", "Arn") if role is None else self.value(role)

    def log_group(self, key: str) -> Value:
        """Return the name of the log group of function `key`, with a reference to it where it is in this stack."""
        group = self.shared_log_group(key)
        return resource_ref(key, "FunctionLogGroup") if group is None else self.value(group)

    def log_group_name(self, key: str) -> Value:
        """Return the name of the log group of function `key` as text."""
        group = self.shared_log_group(key)
        if group is None:
            return concatenate("/aws/lambda/", self.function_name(key))
        return self.value(group)

    def shared_log_group(self, key: str) -> Expression | None:
        """Return the log group that function `key` shares, None where it has its own."""
        logs = self._functions[key].logs
        return logs.group if logs is not None else None

    def _by_name(self, reference: Reference) -> Value:
        path = reference.path
        if len(path) in {2, 3} and path[0] == "functions" and path[1] in self._functions:
            name = self.function_name(path[1])
            if path[2:] == ("name",):
                return name
            if path[2:] in {(), ("arn",)}:
                return arn("lambda", concatenate("function:", name))
            alias = self._functions[path[1]].alias
            if path[2:] == ("alias_arn",) and alias is not None:
                return arn("lambda", concatenate("function:", name, f":{alias.name}"))
            if path[2:] == ("log_group",):
                return self.log_group_name(path[1])
        return self._resolve(reference)

    def _resolve(self, reference: Reference) -> Value:
        if reference.lookup:
            return _lookup(reference)
        section, *rest = reference.path
        match section, rest:
            case "functions", [key, *attribute] if key in self._functions and len(attribute) < 2:
                return self._function(key, *attribute)
            case "parameters", [key] if key in self._system.parameters:
                self.parameters_used[key] = None
                return resource_ref(key, "Parameter")
            case "aws", [name] if name in _PSEUDO_PARAMETERS:
                return ref(_PSEUDO_PARAMETERS[name])
            case "stacks", [stack, output]:
                return {"Fn::ImportValue": export_name(stack, output)}
            case "imports", [name]:
                return {"Fn::ImportValue": name}
            case "buckets", [key, *attribute] if key in self._system.buckets and attribute in ([], ["name"], ["arn"]):
                return self.bucket_arn(key) if attribute == ["arn"] else self.bucket_name(key)
            case _, [key, attribute] if (section, attribute) in _BESIDE and key in getattr(self._system, section):
                return self._beside(key, attribute)
            case _, [key, *attribute] if section in _ATTRIBUTES and key in getattr(self._system, section):
                return _resource(reference, section, key, *attribute)
            case _:
                raise _meaningless(reference)

    def _beside(self, key: str, attribute: str) -> Value:
        """Return a key's alias, or a capacity provider's operator role or security group, made or given."""
        if attribute == "alias":
            return resource_ref(key, "KeyAlias")
        provider = self._system.capacity_providers[key]
        if attribute == "role_arn":
            role = provider.operator_role
            return resource_att(key, "CapacityProviderRole", "Arn") if role is None else self.value(role)
        groups = provider.security_groups
        if groups is None:
            return resource_att(key, "CapacityProviderSecurityGroup", "GroupId")
        if len(groups) != 1:
            message = f"${{capacity_providers.{key}.security_group}}: it has {len(groups)} that are given"
            raise CompileError(message, advice="Leave `security_groups` out to have one made, or name one.")
        return self.value(groups[0])

    def _dead_letter(self, key: str) -> Value:
        target = self._functions[key].dead_letter
        if isinstance(target, Expression):
            return self.value(target)
        return resource_att(key, "FunctionDeadLetters", "Arn")

    def _function(self, key: str, attribute: str = "arn") -> Value:
        match attribute:
            case "arn":
                return resource_att(key, "Function", "Arn")
            case "name":
                return resource_ref(key, "Function")
            case "role_arn":
                return self.role_arn(key)
            case "log_group":
                return self.log_group(key)
            case "alias_arn" if self._functions[key].alias is not None:
                return resource_ref(key, "FunctionAlias")
            case "url" if self._functions[key].url is not None:
                return resource_att(key, "FunctionUrl", "FunctionUrl")
            case "version" if publishes(self._functions[key]):
                return get_att(logical_id(key, "FunctionVersion"), "Version")
            case "dead_letter" if self._functions[key].dead_letter:
                return self._dead_letter(key)
            case "alias_arn" | "url" | "version" | "dead_letter":
                lacks = {"version": "alias", "alias_arn": "alias"}.get(attribute, attribute)
                advice = f"Give `functions.{key}` the key `{lacks}`."
                raise CompileError(f"${{functions.{key}.{attribute}}}: functions.{key} has none", advice=advice)
            case _:
                raise _meaningless(Reference(("functions", key, attribute)))


def publishes(function: Function) -> bool:
    """Tell whether versions of `function` are published: for an alias, or for what only versions have."""
    return function.alias is not None or function.provisioned_concurrency is not None or function.snap_start


def sole_key(expression: Expression | None, section: str) -> str | None:
    """Return K where the expression is `${section.K}` or one of its attributes and nothing else, else None."""
    reference = expression.sole_reference if expression is not None else None
    if reference is None or len(reference.path) < 2 or reference.path[0] != section:
        return None
    return reference.path[1]


def _resource(reference: Reference, section: str, key: str, attribute: str = "", *rest: str) -> Value:
    kind, attributes = _ATTRIBUTES[section]
    if rest or attribute not in attributes:
        raise _meaningless(reference)
    name = attributes[attribute]
    return resource_ref(key, kind) if name is None else resource_att(key, kind, name)


def _lookup(reference: Reference) -> Value:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
    if reference.lookup == "ssm":
        return f"{{{{resolve:ssm:{reference.key}}}}}"
    parts = reference.key.split(":")
    # arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME has seven parts; a name has one.
    own = 7 if parts[0] == "arn" else 1
    secret, key = ":".join(parts[:own]), ":".join(parts[own:])
    return f"{{{{resolve:secretsmanager:{secret}{f':SecretString:{key}' if key else ''}}}}}"


def _meaningless(reference: Reference) -> CompileError:
    return CompileError(f"${{{reference}}} refers to nothing in this manifest")
