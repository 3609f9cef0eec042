"""Resource policies, which let services write to log groups, and saved queries."""

from __future__ import annotations

import json

from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.logs import follower_repository as kept
from lambent.cloud.services.logs.errors import invalid_parameter, limit_exceeded, resource_not_found
from lambent.cloud.services.logs.follower_repository import ResourcePolicy
from lambent.cloud.services.logs.operations.common import listing, now_ms, some_of
from lambent.cloud.store.unit_of_work import Store, Transaction

_PAGE = 50
_QUERIES_PAGE = 1000
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
_POLICIES_LIMIT = 10
_QUERY_MEMBERS = ("name", "queryString", "logGroupNames", "queryLanguage", "parameters")


class PolicyOperations:
    """The operations on resource policies and query definitions."""

    def __init__(self, store: Store, ids: IdSource) -> None:
        self._store = store
        self._ids = ids

    @operation("PutResourcePolicy")
    async def put_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add a policy of the account, or replace the one of its name."""
        if "resourceArn" in parameters or "expectedRevisionId" in parameters:
            raise invalid_parameter("Policies of single log groups are not offered here: give a policyName alone.")
        name, document = parameters.get("policyName"), parameters.get("policyDocument")
        if not name or not document:
            raise invalid_parameter("policyName and policyDocument must be specified.")
        try:
            is_document = isinstance(json.loads(document), dict)
        except ValueError:
            is_document = False
        if not is_document:
            raise invalid_parameter("The policy document is not valid JSON.")
        policy = ResourcePolicy(name, document, now_ms(context))

        def work(transaction: Transaction) -> None:
            others = kept.resource_policies(transaction, context.scope)
            if len({each.name for each in others} | {name}) > _POLICIES_LIMIT:
                raise limit_exceeded()
            kept.put_resource_policy(transaction, context.scope, policy)

        await self._store.write(work)
        return {"resourcePolicy": _show(policy)}

    @operation("DescribeResourcePolicies")
    async def describe_policies(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the account's policies, by name."""
        found = kept.resource_policies(self._store.read, context.scope)
        if "resourceArn" in parameters or parameters.get("policyScope") == "RESOURCE":
            found = []
        token, limit = parameters.get("nextToken"), parameters.get("limit", _PAGE)
        some = some_of(found, lambda policy: policy.name, token, limit)
        return listing("resourcePolicies", [_show(policy) for policy in some.items], some.next_marker)

    @operation("DeleteResourcePolicy")
    async def delete_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove a policy."""
        name = parameters.get("policyName") or ""

        def work(transaction: Transaction) -> None:
            if not kept.delete_resource_policy(transaction, context.scope, name):
                raise resource_not_found(f"Policy with name [{name}] does not exist")

        await self._store.write(work)
        return {}

    @operation("PutQueryDefinition")
    async def put_query(self, context: RequestContext, parameters: Parameters) -> Result:
        """Save a query, or replace the one of its id."""
        given = parameters.get("queryDefinitionId")
        query_id = given or self._ids.uuid()
        document = {member: parameters[member] for member in _QUERY_MEMBERS if member in parameters}
        document |= {"queryDefinitionId": query_id, "lastModified": now_ms(context)}

        def work(transaction: Transaction) -> None:
            there = {each["queryDefinitionId"] for each in kept.query_definitions(transaction, context.scope)}
            if given is not None and given not in there:
                raise resource_not_found("The specified query definition does not exist.")
            kept.put_query_definition(transaction, context.scope, query_id, document)

        await self._store.write(work)
        return {"queryDefinitionId": query_id}

    @operation("DescribeQueryDefinitions")
    async def describe_queries(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the saved queries."""
        prefix, language = parameters.get("queryDefinitionNamePrefix") or "", parameters.get("queryLanguage")
        found = [
            query
            for query in kept.query_definitions(self._store.read, context.scope)
            if query["name"].startswith(prefix) and language in {None, query.get("queryLanguage", "CWLI")}
        ]
        token, limit = parameters.get("nextToken"), parameters.get("maxResults", _QUERIES_PAGE)
        some = some_of(found, lambda query: str(query["queryDefinitionId"]), token, limit)
        return listing("queryDefinitions", some.items, some.next_marker)

    @operation("DeleteQueryDefinition")
    async def delete_query(self, context: RequestContext, parameters: Parameters) -> Result:
        """Forget a saved query."""
        query_id = parameters["queryDefinitionId"]

        def work(transaction: Transaction) -> None:
            if not kept.delete_query_definition(transaction, context.scope, query_id):
                raise resource_not_found("The specified query definition does not exist.")

        await self._store.write(work)
        return {"success": True}


def _show(policy: ResourcePolicy) -> dict[str, object]:
    return {
        "policyName": policy.name,
        "policyDocument": policy.document,
        "lastUpdatedTime": policy.updated_ms,
        "policyScope": "ACCOUNT",
    }
