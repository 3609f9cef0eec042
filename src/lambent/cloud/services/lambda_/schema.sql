CREATE TABLE lambda_functions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    next_version INTEGER NOT NULL,
    reserved_concurrency INTEGER,
    recursive_loop TEXT NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) WITHOUT ROWID;

-- `number` is 0 for $LATEST, so that a function's versions come in AWS's order.
CREATE TABLE lambda_versions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    number INTEGER NOT NULL,
    settings TEXT NOT NULL,
    code TEXT NOT NULL,
    status TEXT NOT NULL,
    settled INTEGER NOT NULL,
    revision_id TEXT NOT NULL,
    last_modified REAL NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (account, region, function, number),
    FOREIGN KEY (account, region, function) REFERENCES lambda_functions (account, region, name) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE lambda_aliases (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    description TEXT NOT NULL,
    weights TEXT NOT NULL,
    revision_id TEXT NOT NULL,
    PRIMARY KEY (account, region, function, name),
    FOREIGN KEY (account, region, function) REFERENCES lambda_functions (account, region, name) ON DELETE CASCADE
) WITHOUT ROWID;

-- `qualifier` is '' for the policy of the function itself.
CREATE TABLE lambda_policies (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    statements TEXT NOT NULL,
    revision_id TEXT NOT NULL,
    PRIMARY KEY (account, region, function, qualifier),
    FOREIGN KEY (account, region, function) REFERENCES lambda_functions (account, region, name) ON DELETE CASCADE
) WITHOUT ROWID;

-- Version numbers of a layer are never used again, not even when all its versions are gone.
CREATE TABLE lambda_layers (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    last_version INTEGER NOT NULL,
    PRIMARY KEY (account, region, name)
) WITHOUT ROWID;

CREATE TABLE lambda_layer_versions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    layer TEXT NOT NULL,
    version INTEGER NOT NULL,
    description TEXT NOT NULL,
    license TEXT,
    runtimes TEXT NOT NULL,
    architectures TEXT NOT NULL,
    code TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (account, region, layer, version)
) WITHOUT ROWID;

CREATE TABLE lambda_events (
    request_id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    payload BLOB NOT NULL,
    client_context TEXT,
    trace_id TEXT,
    accepted_at REAL NOT NULL,
    due_at REAL NOT NULL,
    function_errors INTEGER NOT NULL,
    system_errors INTEGER NOT NULL
) WITHOUT ROWID;
