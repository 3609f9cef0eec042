CREATE TABLE scheduler_group (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL,
    modified REAL,
    tags TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT, WITHOUT ROWID;

-- `due` is the next occurrence's moment, NULL where none will come; `since` is what a rate is counted from.
CREATE TABLE scheduler_schedule (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    group_name TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    definition TEXT NOT NULL,
    created REAL NOT NULL,
    modified REAL NOT NULL,
    since REAL NOT NULL,
    due REAL,
    revision INTEGER NOT NULL,
    UNIQUE (account, region, group_name, name)
) STRICT;
CREATE INDEX scheduler_schedule_due ON scheduler_schedule (due) WHERE due IS NOT NULL;
CREATE INDEX scheduler_schedule_state ON scheduler_schedule (account, region, state, group_name, name);

-- Which requests were carried out under a client's token, until its time is over.
CREATE TABLE scheduler_token (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    token TEXT NOT NULL,
    request TEXT NOT NULL,
    expires REAL NOT NULL,
    PRIMARY KEY (account, region, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX scheduler_token_expires ON scheduler_token (expires);
