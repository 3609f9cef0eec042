-- What becomes of a group's events besides being kept: `kind` is 'subscription' or 'metric', `document` JSON.
CREATE TABLE logs_filter (
    group_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (group_id, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE logs_resource_policy (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE logs_query_definition (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, id)
) STRICT, WITHOUT ROWID;
