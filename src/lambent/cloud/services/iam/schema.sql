-- IAM is global: rows are keyed by account alone. Names are unique whatever their case.
CREATE TABLE iam_role (
    account TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    id TEXT NOT NULL,
    path TEXT NOT NULL,
    trust_policy TEXT NOT NULL,
    description TEXT,
    max_session_s INTEGER NOT NULL,
    boundary TEXT,
    created REAL NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE iam_user (
    account TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    id TEXT NOT NULL,
    path TEXT NOT NULL,
    boundary TEXT,
    created REAL NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE iam_instance_profile (
    account TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    id TEXT NOT NULL,
    path TEXT NOT NULL,
    role TEXT COLLATE NOCASE,
    created REAL NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE iam_policy (
    account TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    arn TEXT NOT NULL,
    id TEXT NOT NULL,
    path TEXT NOT NULL,
    description TEXT,
    default_version INTEGER NOT NULL,
    latest_version INTEGER NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE iam_policy_version (
    account TEXT NOT NULL,
    policy TEXT NOT NULL COLLATE NOCASE,
    number INTEGER NOT NULL,
    document TEXT NOT NULL,
    created REAL NOT NULL,
    PRIMARY KEY (account, policy, number)
) STRICT, WITHOUT ROWID;

-- Inline policies; a holder is a role or a user.
CREATE TABLE iam_inline_policy (
    account TEXT NOT NULL,
    holder_kind TEXT NOT NULL,
    holder TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, holder_kind, holder, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE iam_attachment (
    account TEXT NOT NULL,
    holder_kind TEXT NOT NULL,
    holder TEXT NOT NULL COLLATE NOCASE,
    policy_arn TEXT NOT NULL,
    PRIMARY KEY (account, holder_kind, holder, policy_arn)
) STRICT, WITHOUT ROWID;

CREATE INDEX iam_attachment_by_policy ON iam_attachment (account, policy_arn);

CREATE TABLE iam_access_key (
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    user TEXT NOT NULL COLLATE NOCASE,
    secret TEXT NOT NULL,
    active INTEGER NOT NULL,
    created REAL NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE iam_account_alias (
    account TEXT NOT NULL PRIMARY KEY,
    alias TEXT NOT NULL
) STRICT, WITHOUT ROWID;
