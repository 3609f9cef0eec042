"""All that Get* and List* tell of an account, and where they contradict one another."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from tests.generated.known import Known
from tests.generated.wire import Wire

Document = Mapping[str, Any]  # Any: JSON
_FUNCTIONS = "/2015-03-31/functions"
_LAYERS = "/2018-10-31/layers"
_SIGNING = "/2020-04-22/code-signing-configs"
_MAPPINGS = "/2015-03-31/event-source-mappings"
_PROVIDERS = "/2025-11-30/capacity-providers"
_UNDER_WAY = {
    "Pending", "InProgress", "Creating", "Enabling", "Disabling", "Updating", "Deleting", "IN_PROGRESS", "Deactivating",
}  # fmt: skip
_SETTLED_WITHIN_S = 20.0
_LOOKS = 3
_PAGES = 200
# What is told of one function beside its configuration.
_PARTS = {
    "policy": f"{_FUNCTIONS}/{{}}/policy",
    "concurrency": "/2019-09-30/functions/{}/concurrency",
    "signing": "/2020-06-30/functions/{}/code-signing-config",
    "recursion": "/2024-08-31/functions/{}/recursion-config",
    "runtime": "/2021-07-20/functions/{}/runtime-management-config",
}


@dataclass(slots=True)
class Observed:
    """What the account holds: each document under what it was asked by."""

    documents: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    contradictions: list[str] = field(default_factory=list)
    under_way: list[str] = field(default_factory=list)
    """What has not come to its end yet."""

    @property
    def is_settled(self) -> bool:
        return not self.under_way

    def differences(self, other: Observed) -> list[str]:
        """Return what the other tells otherwise."""
        keys = sorted(self.documents.keys() | other.documents.keys())
        return [
            f"{key}: {self.documents.get(key)} -> {other.documents.get(key)}"
            for key in keys
            if self.documents.get(key) != other.documents.get(key)
        ]


class Observer:
    """Reads an account through one connection."""

    def __init__(self, wire: Wire, known: Known) -> None:
        self._wire = wire
        self._known = known
        self._found = Observed()

    def look(self) -> Observed:
        """Return what is there once nothing is under way any more, and tell `known` what may be named."""
        deadline = time.monotonic() + _SETTLED_WITHIN_S
        looks = 0
        while True:
            self._found = Observed()
            self._look()
            looks += self._found.is_settled
            # What came to its end between two of the questions is told in two ways; the next time it is not.
            if self._found.is_settled and (looks == _LOOKS or not self._found.contradictions):
                return self._found
            if time.monotonic() > deadline:
                self._found.contradictions.append(f"under way without an end: {self._found.under_way[:3]}")
                return self._found
            time.sleep(0.01)  # noqa: TID251 - what is prepared takes real time

    def _look(self) -> None:
        known = self._known
        known.qualifiers, known.markers = {}, []
        latest = {each["FunctionName"]: each for each in self._all(_FUNCTIONS, "Functions")}
        everything = self._all(_FUNCTIONS, "Functions", FunctionVersion="ALL")
        known.functions = sorted(latest)
        versions = [version for name in known.functions for version in self._function(name, latest[name])]
        self._same("ListFunctions ALL", everything, versions)
        known.revisions = [each["RevisionId"] for each in versions[:6]]
        known.digests = [each["CodeSha256"] for each in versions[:6] if each.get("CodeSha256")]
        self._layers()
        self._signing_configs()
        self._mappings()
        self._providers(versions)
        self._account(len(latest))

    # ── functions ──

    def _function(self, name: str, listed: Document) -> list[Document]:
        whole = self._get(f"{_FUNCTIONS}/{name}")
        self._tells("GetFunction", whole.get("Configuration", {}), listed)
        arn = listed["FunctionArn"]
        self._same(f"tags of {name}", whole.get("Tags", {}), self._get(_tags(arn)).get("Tags", {}))
        for part, path in _PARTS.items():
            document = self._get(path.format(name), may_lack=part == "policy")
            if part == "concurrency":
                self._same(f"concurrency of {name}", whole.get("Concurrency", {}), document)
        versions = self._all(f"{_FUNCTIONS}/{name}/versions", "Versions")
        self._known.qualifiers[name] = [each["Version"] for each in versions]
        for version in versions:
            got = self._get(f"{_FUNCTIONS}/{name}/configuration", Qualifier=version["Version"])
            self._tells("GetFunctionConfiguration", got, version)
            self._invocable(name, got)
        self._aliases(name, versions)
        self._configs(name)
        return versions

    def _aliases(self, name: str, versions: Sequence[Document]) -> None:
        numbers = {each["Version"] for each in versions}
        for alias in self._all(f"{_FUNCTIONS}/{name}/aliases", "Aliases"):
            got = self._get(f"{_FUNCTIONS}/{name}/aliases/{alias['Name']}")
            self._same(f"alias {alias['AliasArn']}", got, alias)
            weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
            if not {alias["FunctionVersion"], *weights} <= numbers:
                self._found.contradictions.append(f"{alias['AliasArn']} leads to a version that is not there: {alias}")
            self._known.qualifiers[name].append(alias["Name"])
            self._get(f"{_FUNCTIONS}/{name}/policy", may_lack=True, Qualifier=alias["Name"])

    def _configs(self, name: str) -> None:
        """Compare what is listed per qualifier with what is told of each."""
        prefixes = {
            ("/2021-10-31/functions/{}/urls", "FunctionUrlConfigs"): "/2021-10-31/functions/{}/url",
            ("/2019-09-25/functions/{}/event-invoke-config/list", "FunctionEventInvokeConfigs"): (
                "/2019-09-25/functions/{}/event-invoke-config"
            ),
            ("/2019-09-30/functions/{}/provisioned-concurrency?List=ALL", "ProvisionedConcurrencyConfigs"): (
                "/2019-09-30/functions/{}/provisioned-concurrency"
            ),
        }
        for (listing, member), one in prefixes.items():
            for listed in self._all(listing.format(name), member):
                qualifier = listed["FunctionArn"].split(":")[7:]
                # AWS names $LATEST in the ARNs of these, but takes it for none in the requests on URLs.
                asked = {"Qualifier": qualifier[0]} if qualifier and qualifier[0] != "$LATEST" else {}
                self._tells(one, self._get(one.format(name), **asked), listed)

    def _invocable(self, name: str, version: Document) -> None:
        """Compare what is told of a version with what invoking it comes to: nothing runs."""
        if version.get("State") not in {"Active", None} or "CapacityProviderConfig" in version:
            return
        if "TenancyConfig" in version or "DurableConfig" in version:
            return  # kept, and never invoked
        headers = {"X-Amz-Invocation-Type": "DryRun"}
        target = f"{_FUNCTIONS}/{name}/invocations?{urlencode({'Qualifier': version['Version']})}"
        answer = self._wire.send_as("POST", target, headers)
        if answer.status != 204:
            self._found.contradictions.append(f"{name}:{version['Version']} is Active but cannot be invoked: {answer}")

    # ── all else ──

    def _layers(self) -> None:
        self._known.layers = []
        for layer in self._all(_LAYERS, "Layers"):
            versions = self._all(f"{_LAYERS}/{layer['LayerName']}/versions", "LayerVersions")
            self._same(
                f"newest of {layer['LayerArn']}", layer["LatestMatchingVersion"], versions[0] if versions else {}
            )
            for version in versions:
                arn = version["LayerVersionArn"]
                got = self._get(f"{_LAYERS}/{layer['LayerName']}/versions/{version['Version']}")
                self._tells("GetLayerVersion", got, version)
                self._tells("GetLayerVersionByArn", self._get(_LAYERS, find="LayerVersion", Arn=arn), version)
                self._get(f"{_LAYERS}/{layer['LayerName']}/versions/{version['Version']}/policy", may_lack=True)
                self._known.layers.append(arn)

    def _signing_configs(self) -> None:
        self._known.signing_configs = []
        for config in self._all(_SIGNING, "CodeSigningConfigs"):
            arn = config["CodeSigningConfigArn"]
            path = f"{_SIGNING}/{quote(arn, safe='')}"
            self._same(arn, self._get(path).get("CodeSigningConfig"), config)
            for function in self._all(f"{path}/functions", "FunctionArns"):
                bound = self._get(_PARTS["signing"].format(quote(function, safe="")))
                self._same(f"signing of {function}", bound.get("CodeSigningConfigArn"), arn)
            self._get(_tags(arn))
            self._known.signing_configs.append(arn)

    def _mappings(self) -> None:
        self._known.mappings = []
        for mapping in self._all(_MAPPINGS, "EventSourceMappings"):
            self._same(f"mapping {mapping['UUID']}", self._get(f"{_MAPPINGS}/{mapping['UUID']}"), mapping)
            self._get(_tags(mapping["EventSourceMappingArn"]))
            self._known.mappings.append(mapping["UUID"])

    def _providers(self, versions: Sequence[Document]) -> None:
        self._known.providers = []
        for provider in self._all(_PROVIDERS, "CapacityProviders"):
            arn = provider["CapacityProviderArn"]
            name = arn.rpartition(":")[2]
            self._same(arn, self._get(f"{_PROVIDERS}/{name}").get("CapacityProvider"), provider)
            listed = {
                each["FunctionArn"] for each in self._all(f"{_PROVIDERS}/{name}/function-versions", "FunctionVersions")
            }
            using = {
                each["FunctionArn"] for each in versions if _provider(each) == arn and each["Version"] != "$LATEST"
            }
            self._same(f"versions on {name}", sorted(listed), sorted(using))
            self._get(_tags(arn))
            self._known.providers.append(name)

    def _account(self, functions: int) -> None:
        settings = self._get("/2016-08-19/account-settings")
        self._same("FunctionCount", settings["AccountUsage"]["FunctionCount"], functions)

    # ── asking ──

    def _get(self, path: str, *, may_lack: bool = False, **queries: str) -> dict[str, Any]:  # Any: JSON
        target = path + ("?" + urlencode(queries) if queries else "")
        answer = self._wire.get(target)
        if answer.status != 200 and not (may_lack and answer.status == 404):
            self._found.contradictions.append(f"GET {target}: {answer}")
        document: dict[str, Any] = answer.document if isinstance(answer.document, dict) else {}  # Any: as above
        document.get("Code", {}).pop("Location", None)  # a link that is made anew each time
        document.get("Content", {}).pop("Location", None)
        self._found.documents[target] = document
        if _is_under_way(document):
            self._found.under_way.append(f"{target}: {document}")
        return document

    def _all(self, path: str, member: str, **queries: str) -> list[Any]:  # Any: as above
        """Return a whole listing, once in large pages and once in small ones, which must be the same."""
        once = self._listed(path, member, queries)
        paged = self._listed(path, member, {**queries, "MaxItems": str(max(1, min(len(once), 50) // 2))})
        self._same(f"pages of {path}", paged, once)
        return once

    def _listed(self, path: str, member: str, queries: dict[str, str]) -> list[Any]:  # Any: as above
        found: list[Any] = []  # Any: as above
        asked = dict(queries)
        for _ in range(_PAGES):
            page = self._get(path + ("?" if "?" not in path and asked else "&" if asked else "") + urlencode(asked))
            found += page.get(member, [])
            marker = page.get("NextMarker")
            if marker is None:
                return found
            self._known.markers.append(marker)
            asked["Marker"] = marker
        self._found.contradictions.append(f"listing {path}: it does not come to an end")
        return found

    def _same(self, what: str, one: object, other: object) -> None:
        if one != other:
            self._found.contradictions.append(f"{what}: {one} is not {other}")

    def _tells(self, what: str, got: Document, listed: Document) -> None:
        """Note what a listing says otherwise than the document on the one thing."""
        wrong = {name: (got.get(name), value) for name, value in listed.items() if got.get(name) != value}
        wrong.pop("FunctionArn", None)  # with or without its qualifier, as it was asked for
        if wrong:
            self._found.contradictions.append(f"{what} of {listed.get('FunctionArn', listed)}: {wrong}")


def _tags(arn: str) -> str:
    return f"/2017-03-31/tags/{quote(arn, safe='')}"


def _provider(version: Document) -> str | None:
    config = version.get("CapacityProviderConfig", {}).get("LambdaManagedInstancesCapacityProviderConfig", {})
    arn: str | None = config.get("CapacityProviderArn")
    return arn


def _is_under_way(document: Document) -> bool:
    stated = [document, document.get("Configuration") or {}, document.get("CapacityProvider") or {}]
    stated += document.get("EventSourceMappings") or []
    return any(each.get(name) in _UNDER_WAY for each in stated for name in ("State", "LastUpdateStatus", "Status"))
