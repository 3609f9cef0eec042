-- Ids of topics and subscriptions are never used again: what is owed to a deleted one is not owed to a later one.
CREATE TABLE sns_topic (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL,
    data_protection TEXT NOT NULL,
    deleted_subscriptions INTEGER NOT NULL,
    -- How many messages a FIFO topic has taken.
    sequence INTEGER NOT NULL,
    UNIQUE (account, region, name)
) STRICT;

CREATE TABLE sns_subscription (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic_id INTEGER NOT NULL,
    guid TEXT NOT NULL,
    owner TEXT NOT NULL,
    principal TEXT NOT NULL,
    protocol TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    is_confirmed INTEGER NOT NULL,
    was_authenticated INTEGER NOT NULL,
    needs_signature INTEGER NOT NULL,
    token TEXT NOT NULL,
    created REAL NOT NULL,
    attributes TEXT NOT NULL,
    UNIQUE (topic_id, protocol, endpoint)
) STRICT;

CREATE INDEX sns_subscription_by_guid ON sns_subscription (topic_id, guid);
CREATE INDEX sns_subscription_by_token ON sns_subscription (token);
CREATE INDEX sns_subscription_pending ON sns_subscription (created) WHERE is_confirmed = 0;

-- What a FIFO topic remembers of its messages, to know them again; `message_group` is "" where the topic as a whole
-- knows them.
CREATE TABLE sns_deduplication (
    topic_id INTEGER NOT NULL,
    message_group TEXT NOT NULL,
    deduplication_id TEXT NOT NULL,
    until REAL NOT NULL,
    message_id TEXT NOT NULL,
    sequence TEXT NOT NULL,
    PRIMARY KEY (topic_id, message_group, deduplication_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX sns_deduplication_until ON sns_deduplication (until);

-- Messages kept once for several deliveries, of which so many are left.
CREATE TABLE sns_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL,
    deliveries_left INTEGER NOT NULL
) STRICT;

-- What would have been sent by e-mail and as text messages.
CREATE TABLE sns_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    sent REAL NOT NULL,
    content TEXT NOT NULL
) STRICT;

CREATE TABLE sns_sms_attribute (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT, WITHOUT ROWID;

-- The one key that all notifications are signed with, and the certificate that shows it.
CREATE TABLE sns_signing_key (
    id TEXT PRIMARY KEY,
    private_key TEXT NOT NULL,
    certificate TEXT NOT NULL
) STRICT;
