"""What AWS asks for Lambda, managed instances and the EC2 instances beneath them: a dated file as values.

Every price knows the source it was taken from. What a file does not hold is refused and never guessed. Arithmetic is
decimal, since a cent in a million requests matters. https://aws.amazon.com/lambda/pricing/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from lambent.insight.figures import InsightError

ON_DEMAND: Final = "on-demand"
COMMITMENTS: Final = {
    ON_DEMAND: "EC2 on-demand",
    "compute-sp-1y": "Compute Savings Plan, 1 year",
    "compute-sp-3y": "Compute Savings Plan, 3 years",
    "ec2-sp-1y": "EC2 Instance Savings Plan, 1 year",
    "ec2-sp-3y": "EC2 Instance Savings Plan, 3 years",
    "reserved-1y": "Reserved Instance, 1 year",
    "reserved-3y": "Reserved Instance, 3 years",
    "own": "a discount of your own",
}
"""The ways to pay for an instance, by the names that price files use. `-all`, `-partial` and `-no` may follow, for how
much is paid upfront."""
_UPFRONT = {"-all": ", all upfront", "-partial": ", partial upfront", "-no": ", no upfront"}
_ADVICE = "Give a price file with --prices FILE; docs/operations/cost.md says what it holds."


@dataclass(frozen=True, slots=True)
class Source:
    """Where prices were read: a page or file of AWS's, and of which day they are."""

    title: str
    url: str
    date: str


@dataclass(frozen=True, slots=True)
class Price:
    """An amount of USD for one unit, and its source."""

    usd: Decimal
    source: Source


@dataclass(frozen=True, slots=True)
class Tier:
    """The price of GB-seconds up to a monthly amount; the last tier has no end."""

    until: Decimal | None
    price: Price


@dataclass(frozen=True, slots=True)
class FreeTier:
    """What costs nothing each month, in an account that is entitled to it."""

    requests: Decimal
    gb_s: Decimal
    streamed_gb: Decimal
    source: Source


@dataclass(frozen=True, slots=True)
class LambdaPrices:
    """What Lambda asks for functions of one architecture in one Region."""

    request: Price
    duration: tuple[Tier, ...]
    provisioned: Price
    provisioned_duration: Price
    storage: Price
    snapstart_cache: Price
    snapstart_restore: Price
    streamed_gb: Price
    free: FreeTier
    discounts: Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class InstancePrices:
    """What an hour of an instance type costs: on demand, and by commitment where the file says it."""

    name: str
    on_demand: Price
    commitments: Mapping[str, Price]

    def hourly(self, commitment: str) -> Price | None:
        """Return the price of an hour by a way to pay, or None where it is not known."""
        return self.on_demand if commitment == ON_DEMAND else self.commitments.get(commitment)

    def discounted(self, share: Decimal, source: Source) -> InstancePrices:
        """Return the same type with a discount of the user's own."""
        own = Price(self.on_demand.usd * (1 - share), source)
        return replace(self, commitments={**self.commitments, "own": own})


@dataclass(frozen=True, slots=True)
class ManagedPrices:
    """What managed instances ask besides the instances: per request, and a share of the on-demand price as a fee."""

    request: Price
    fee: Price


class PriceBook:
    """The prices of a file, or of several where the later ones go first."""

    def __init__(self, document: Mapping[str, Any], name: str) -> None:  # Any: JSON, checked where it is read
        self._name = name
        if not isinstance(document.get("regions"), dict) or not isinstance(document.get("sources"), dict):
            raise InsightError(f"{name} is no price file: it has no `sources` and `regions`.", _ADVICE)
        self._regions: Mapping[str, Any] = document["regions"]  # Any: as above
        self._sources = {
            str(key): Source(str(one.get("title", key)), str(one.get("url", "")), str(one.get("date", "undated")))
            for key, said in document["sources"].items()
            for one in (self._object(said, f"source {key!r}"),)
        }

    @property
    def regions(self) -> tuple[str, ...]:
        """The Regions that the file has prices of."""
        return tuple(self._regions)

    def functions(self, region: str, architecture: str) -> LambdaPrices:
        """Return what functions cost; raises InsightError where the file does not say it."""
        part = self._part(region, "lambda")
        own = part.get(architecture)
        if not isinstance(own, dict):
            raise InsightError(f"{self._name} has no prices of {architecture} functions in {region}.", _ADVICE)
        where = f"{region}, lambda"
        own = {"source": part.get("source"), **own}
        try:
            tiers = tuple(
                Tier(None if until is None else _decimal(until, where), self._price(own, usd, where))
                for until, usd in own["duration"]
            )
            self._require_tiers([tier.until for tier in tiers], where)
            free, snapstart, streaming = (self._object(part[name], name) for name in ("free", "snapstart", "streaming"))
            return LambdaPrices(
                request=self._price(part, part["request"], where),
                duration=tiers,
                provisioned=self._price(own, own["provisioned"], where),
                provisioned_duration=self._price(own, own["provisioned_duration"], where),
                storage=self._price(own, own["storage"], where),
                snapstart_cache=self._price(snapstart, snapstart["cache_gb_s"], where),
                snapstart_restore=self._price(snapstart, snapstart["restore_gb"], where),
                streamed_gb=self._price(streaming, streaming["gb"], where),
                free=FreeTier(
                    _decimal(free["requests"], where),
                    _decimal(free["gb_s"], where),
                    _decimal(free["streamed_gb"], where),
                    self._source(free, where),
                ),
                discounts={
                    name: self._share(self._object(one, name), "discount", where)
                    for name, one in self._object(part.get("discounts", {}), "discounts").items()
                },
            )
        except (TypeError, ValueError) as error:
            message = f"{self._name} has tiers of `duration` that are no pairs of an end and a price ({where})."
            raise InsightError(message, _ADVICE) from error
        except KeyError as error:
            raise InsightError(f"{self._name} lacks {error} of {where}.", _ADVICE) from error

    def managed(self, region: str) -> ManagedPrices:
        """Return what managed instances ask besides the instances; raises InsightError."""
        part = self._part(region, "managed")
        where = f"{region}, managed"
        try:
            return ManagedPrices(self._price(part, part["request"], where), self._share(part, "fee", where))
        except KeyError as error:
            raise InsightError(f"{self._name} lacks {error} of {where}.", _ADVICE) from error

    def instance(self, region: str, name: str) -> InstancePrices:
        """Return what a type costs; raises InsightError where the file does not say it."""
        part = self._part(region, "ec2")
        usd = self._object(part.get("on_demand", {}), "on_demand").get(name)
        if usd is None:
            raise InsightError(f"{self._name} has no on-demand price of {name} in {region}.", _ADVICE)
        on_demand = self._price(part, usd, f"{region}, ec2")
        found: dict[str, Price] = {}
        commitments = part.get("commitments", ())
        if not isinstance(commitments, list | tuple):
            raise InsightError(f"{self._name} has `commitments` that are no list.", _ADVICE)
        for said in commitments:
            one = self._object(said, "a commitment")
            price = self._commitment(one, name, on_demand.usd, f"{region}, ec2")
            if price is not None:
                found.setdefault(_known(str(one.get("name"))), price)
        return InstancePrices(name, on_demand, found)

    def has_instance(self, region: str, name: str) -> bool:
        """Whether the file has the on-demand price of a type."""
        return name in self._object(self._part(region, "ec2").get("on_demand", {}), "on_demand")

    # Any: JSON, checked here
    def _commitment(self, one: Mapping[str, Any], name: str, on_demand: Decimal, where: str) -> Price | None:
        """Return an hour's price by a commitment: the rate of the very type, else a discount of its family."""
        rate = self._object(one.get("rates", {}), "rates").get(name)
        if rate is not None:
            return self._price(one, rate, where)
        if "discount" in one and name.partition(".")[0] in one.get("families", ()):
            discount = self._share(one, "discount", where)
            return Price(on_demand * (1 - discount.usd), discount.source)
        return None

    def _part(self, region: str, name: str) -> Mapping[str, Any]:  # Any: JSON, checked by who reads on
        prices = self._regions.get(region)
        if prices is None:
            message = f"{self._name} has no prices of {region}, only of {', '.join(self._regions)}."
            raise InsightError(message, _ADVICE)
        part = self._object(prices, region).get(name)
        if not isinstance(part, dict):
            raise InsightError(f"{self._name} lacks {name!r} of {region}.", _ADVICE)
        return part

    def _object(self, value: object, what: str) -> Mapping[str, Any]:  # Any: JSON, checked by who reads on
        if not isinstance(value, Mapping):
            raise InsightError(f"{self._name} has no names and values where {what} belongs.", _ADVICE)
        return value

    def _require_tiers(self, ends: Sequence[Decimal | None], where: str) -> None:
        """Raise InsightError for tiers that do not rise, or leave an amount without a price."""
        own = [end for end in ends if end is not None]
        if not ends or ends[-1] is not None or len(own) != len(ends) - 1 or own != sorted(set(own)):
            message = f"{self._name} has tiers of `duration` that leave an amount without a price ({where})."
            raise InsightError(message, "Let them rise, and write null for the end of the last.")

    # Any: JSON, checked here
    def _share(self, part: Mapping[str, Any], name: str, where: str) -> Price:
        """Return a discount or a fee, which is a share of another price."""
        found = self._price(part, part[name], where)
        if found.usd > 1:
            raise InsightError(f"{part[name]!r} is no share of a price ({where}).", 'Write 15 % as "0.15".')
        return found

    def _price(self, part: Mapping[str, Any], usd: object, where: str) -> Price:  # Any: JSON
        return Price(_decimal(usd, where), self._source(part, where))

    def _source(self, part: Mapping[str, Any], where: str) -> Source:  # Any: JSON
        found = self._sources.get(str(part.get("source")))
        if found is None:
            raise InsightError(f"{self._name} has a price without a source ({where}).", "Name one of its `sources`.")
        return found


def commitment_name(name: str) -> str:
    """Return a way to pay in words: `reserved-3y-all` is a Reserved Instance, 3 years, all upfront."""
    for ending, words in _UPFRONT.items():
        if name.endswith(ending):
            return COMMITMENTS[name.removesuffix(ending)] + words
    return COMMITMENTS[name]


def _known(name: str) -> str:
    base = next((name.removesuffix(ending) for ending in _UPFRONT if name.endswith(ending)), name)
    if base not in COMMITMENTS:
        raise InsightError(f"{name!r} is no way to pay for instances.", f"Name one of {', '.join(COMMITMENTS)}.")
    return name


def _decimal(value: object, where: str) -> Decimal:
    """Return a price, written as text so that no digit is lost on the way."""
    try:
        found = Decimal(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite() or found < 0:
        raise InsightError(f"{value!r} is no price ({where}).", 'Write it as text in decimals: "0.0816".')
    return found
