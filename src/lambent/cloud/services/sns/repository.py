"""Rows of topics and subscriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from lambent.cloud.services.sns.model.names import TopicName
from lambent.cloud.services.sns.model.subscription import Settings, Subscription, settings_of
from lambent.cloud.services.sns.model.topic import Topic
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says

_TOPIC = "id, account, region, name, attributes, tags, data_protection, deleted_subscriptions"
_SUBSCRIPTION = (
    "s.id, t.account, t.region, t.name, s.guid, s.owner, s.principal, s.protocol, s.endpoint, s.is_confirmed,"
    " s.was_authenticated, s.needs_signature, s.token, s.created, s.attributes"
)
_OF_TOPICS = "FROM sns_subscription AS s JOIN sns_topic AS t ON t.id = s.topic_id"


@dataclass(frozen=True, slots=True)
class Target:
    """What publishing needs to know of a subscription."""

    id: int
    protocol: str
    settings: Settings


# ── topics ──


def topic(reader: Reader, name: TopicName) -> Topic | None:
    """Return the topic, or None."""
    sql = f"SELECT {_TOPIC} FROM sns_topic WHERE account = ? AND region = ? AND name = ?"
    row = reader.one(sql, (name.scope.account, name.scope.region, name.name))
    return None if row is None else _as_topic(row)


def topics(reader: Reader, scope: Scope, after: str, limit: int) -> list[TopicName]:
    """Return topics of the scope by name, from the one behind `after` on."""
    rows = reader.all(
        "SELECT name FROM sns_topic WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
        (scope.account, scope.region, after, limit),
    )
    return [TopicName(scope, str(name)) for (name,) in rows]


def add_topic(transaction: Transaction, name: TopicName, kept: Topic) -> None:
    """Write a new topic; its id is made here."""
    transaction.execute(
        "INSERT INTO sns_topic (account, region, name, attributes, tags, data_protection, deleted_subscriptions,"
        " sequence) VALUES (?, ?, ?, ?, ?, ?, 0, 0)",
        (
            name.scope.account,
            name.scope.region,
            name.name,
            _json(kept.attributes),
            _json(kept.tags),
            kept.data_protection,
        ),
    )


def change_topic(transaction: Transaction, kept: Topic) -> None:
    """Write what can change of a topic."""
    transaction.execute(
        "UPDATE sns_topic SET attributes = ?, tags = ?, data_protection = ? WHERE id = ?",
        (_json(kept.attributes), _json(kept.tags), kept.data_protection, kept.id),
    )


def delete_topic(transaction: Transaction, topic_id: int) -> None:
    """Remove a topic, its subscriptions, and what it remembers of messages."""
    for table, column in (("sns_subscription", "topic_id"), ("sns_deduplication", "topic_id"), ("sns_topic", "id")):
        transaction.execute(f"DELETE FROM {table} WHERE {column} = ?", (topic_id,))


def next_sequences(transaction: Transaction, topic_id: int, count: int) -> int:
    """Take so many numbers of a FIFO topic's sequence, and return the first."""
    transaction.execute("UPDATE sns_topic SET sequence = sequence + ? WHERE id = ?", (count, topic_id))
    row = transaction.one("SELECT sequence FROM sns_topic WHERE id = ?", (topic_id,))
    return (int(str(row[0])) if row is not None else count) - count + 1


# ── subscriptions ──


def subscription(reader: Reader, name: TopicName, guid: str) -> Subscription | None:
    """Return the subscription of that id in its ARN, or None."""
    row = reader.one(
        f"SELECT {_SUBSCRIPTION} {_OF_TOPICS} WHERE t.account = ? AND t.region = ? AND t.name = ? AND s.guid = ?",
        (name.scope.account, name.scope.region, name.name, guid),
    )
    return None if row is None else _as_subscription(row)


def subscription_by_id(reader: Reader, subscription_id: int) -> Subscription | None:
    """Return the subscription of that id inside the store, or None."""
    row = reader.one(f"SELECT {_SUBSCRIPTION} {_OF_TOPICS} WHERE s.id = ?", (subscription_id,))
    return None if row is None else _as_subscription(row)


def subscription_by_token(reader: Reader, token: str) -> Subscription | None:
    """Return the subscription that a token confirms, or None."""
    row = reader.one(f"SELECT {_SUBSCRIPTION} {_OF_TOPICS} WHERE s.token = ?", (token,))
    return None if row is None else _as_subscription(row)


def subscription_of_endpoint(reader: Reader, topic_id: int, protocol: str, endpoint: str) -> Subscription | None:
    """Return a topic's subscription of an endpoint, or None."""
    row = reader.one(
        f"SELECT {_SUBSCRIPTION} {_OF_TOPICS} WHERE s.topic_id = ? AND s.protocol = ? AND s.endpoint = ?",
        (topic_id, protocol, endpoint),
    )
    return None if row is None else _as_subscription(row)


def subscriptions(reader: Reader, scope: Scope, after: int, limit: int) -> list[Subscription]:
    """Return subscriptions of the scope's topics, the oldest first, from the one behind the id `after` on."""
    rows = reader.all(
        f"SELECT {_SUBSCRIPTION} {_OF_TOPICS} WHERE t.account = ? AND t.region = ? AND s.id > ? ORDER BY s.id LIMIT ?",
        (scope.account, scope.region, after, limit),
    )
    return [_as_subscription(row) for row in rows]


def subscriptions_of(reader: Reader, topic_id: int, after: int, limit: int) -> list[Subscription]:
    """Return a topic's subscriptions, the oldest first, from the one behind the id `after` on."""
    rows = reader.all(
        f"SELECT {_SUBSCRIPTION} {_OF_TOPICS} WHERE s.topic_id = ? AND s.id > ? ORDER BY s.id LIMIT ?",
        (topic_id, after, limit),
    )
    return [_as_subscription(row) for row in rows]


def targets(reader: Reader, topic_id: int) -> list[Target]:
    """Return whom a topic's messages go to, the oldest subscription first."""
    rows = reader.all(
        "SELECT id, protocol, attributes FROM sns_subscription WHERE topic_id = ? AND is_confirmed = 1 ORDER BY id",
        (topic_id,),
    )
    return [Target(int(str(each)), str(protocol), settings_of(str(text))) for each, protocol, text in rows]


def counts(reader: Reader, topic_id: int) -> tuple[int, int]:
    """Return how many subscriptions of a topic are confirmed, and how many pending."""
    row = reader.one("SELECT count(*), total(is_confirmed) FROM sns_subscription WHERE topic_id = ?", (topic_id,))
    both, confirmed = (0, 0) if row is None else (int(str(row[0])), int(float(str(row[1]))))
    return confirmed, both - confirmed


def protocols(reader: Reader, topic_id: int) -> frozenset[str]:
    """Return the protocols of a topic's subscriptions."""
    rows = reader.all("SELECT DISTINCT protocol FROM sns_subscription WHERE topic_id = ?", (topic_id,))
    return frozenset(str(protocol) for (protocol,) in rows)


def count_of_filters(reader: Reader, topic_id: int) -> int:
    """Return how many of a topic's subscriptions have a filter policy."""
    row = reader.one(
        "SELECT count(*) FROM sns_subscription WHERE topic_id = ? AND instr(attributes, '\"FilterPolicy\":') > 0",
        (topic_id,),
    )
    return 0 if row is None else int(str(row[0]))


def add_subscription(transaction: Transaction, topic_id: int, kept: Subscription) -> int:
    """Write a new subscription and return its id, which is made here."""
    transaction.execute(
        "INSERT INTO sns_subscription (topic_id, guid, owner, principal, protocol, endpoint, is_confirmed,"
        " was_authenticated, needs_signature, token, created, attributes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            topic_id,
            kept.guid,
            kept.owner,
            kept.principal,
            kept.protocol,
            kept.endpoint,
            int(kept.is_confirmed),
            int(kept.was_authenticated),
            int(kept.needs_signature),
            kept.token,
            kept.created,
            _json(kept.attributes),
        ),
    )
    row = transaction.one("SELECT last_insert_rowid()")
    return 0 if row is None else int(str(row[0]))


def change_subscription(transaction: Transaction, kept: Subscription) -> None:
    """Write what can change of a subscription."""
    transaction.execute(
        "UPDATE sns_subscription SET is_confirmed = ?, was_authenticated = ?, needs_signature = ?, token = ?,"
        " attributes = ? WHERE id = ?",
        (
            int(kept.is_confirmed),
            int(kept.was_authenticated),
            int(kept.needs_signature),
            kept.token,
            _json(kept.attributes),
            kept.id,
        ),
    )


def delete_subscription(transaction: Transaction, subscription_id: int) -> None:
    """Remove a subscription; its topic counts it."""
    transaction.execute(
        "UPDATE sns_topic SET deleted_subscriptions = deleted_subscriptions + 1"
        " WHERE id = (SELECT topic_id FROM sns_subscription WHERE id = ?)",
        (subscription_id,),
    )
    transaction.execute("DELETE FROM sns_subscription WHERE id = ?", (subscription_id,))


def has_pending(reader: Reader, before: float) -> bool:
    """Whether any subscription was made before then and never confirmed."""
    sql = "SELECT 1 FROM sns_subscription WHERE is_confirmed = 0 AND created < ? LIMIT 1"
    return reader.one(sql, (before,)) is not None


def delete_pending(transaction: Transaction, before: float) -> None:
    """Remove the subscriptions that were made before then and never confirmed."""
    transaction.execute("DELETE FROM sns_subscription WHERE is_confirmed = 0 AND created < ?", (before,))


def _as_topic(row: Row) -> Topic:
    topic_id, account, region, name, attributes, tags, data_protection, deleted = row
    named = TopicName(Scope(account, region), name)
    return Topic(topic_id, named, orjson.loads(attributes), orjson.loads(tags), data_protection, deleted)


def _as_subscription(row: Row) -> Subscription:
    key, account, region, name, guid, owner, principal, protocol, endpoint, *flags, token, created, attributes = row
    is_confirmed, was_authenticated, needs_signature = (bool(flag) for flag in flags)
    return Subscription(
        id=key,
        topic=TopicName(Scope(account, region), name),
        guid=guid,
        owner=owner,
        principal=principal,
        protocol=protocol,
        endpoint=endpoint,
        is_confirmed=is_confirmed,
        was_authenticated=was_authenticated,
        needs_signature=needs_signature,
        token=token,
        created=created,
        attributes=orjson.loads(attributes),
    )


def _json(value: Mapping[str, str]) -> str:
    return orjson.dumps(value).decode()
