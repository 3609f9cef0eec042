-- Event buses but for `default` until something is set of it, archives, replays, connections and API destinations.
CREATE TABLE events_resource (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE events_rule (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    bus TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, bus, name)
) STRICT;

-- Which rules have a target, for those who ask by the target.
CREATE TABLE events_target (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    arn TEXT NOT NULL,
    bus TEXT NOT NULL,
    rule TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (account, region, arn, bus, rule, id)
) STRICT, WITHOUT ROWID;

-- When each enabled rule with a schedule falls due next; they are on default buses only.
CREATE TABLE events_schedule (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    rule TEXT NOT NULL,
    due_at REAL NOT NULL,
    PRIMARY KEY (account, region, rule)
) STRICT, WITHOUT ROWID;

CREATE INDEX events_schedule_by_time ON events_schedule (due_at);

-- Ids of archives are never used again, so that the events of deleted ones can be swept away later.
CREATE TABLE events_archive_content (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    retention_days INTEGER NOT NULL,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    UNIQUE (account, region, name)
) STRICT;

CREATE TABLE events_archived (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    archive INTEGER NOT NULL,
    at REAL NOT NULL,
    event BLOB NOT NULL
) STRICT;

CREATE INDEX events_archived_by_time ON events_archived (archive, at, number);

-- Archives that were deleted and whose events are still to be removed.
CREATE TABLE events_deleted_archive (
    id INTEGER PRIMARY KEY
) STRICT;

-- What was under way is looked for at every start.
CREATE INDEX events_replays ON events_resource (kind) WHERE kind = 'replay';
