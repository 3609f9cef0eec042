-- Each `document` is JSON of our own writing; `qualifier` is '$LATEST' where the caller named none.

CREATE TABLE lambda_invoke_configs (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, function, qualifier),
    FOREIGN KEY (account, region, function) REFERENCES lambda_functions (account, region, name) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE lambda_urls (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, function, qualifier),
    FOREIGN KEY (account, region, function) REFERENCES lambda_functions (account, region, name) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE lambda_provisioned (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, function, qualifier),
    FOREIGN KEY (account, region, function) REFERENCES lambda_functions (account, region, name) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE lambda_runtime_management (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, function, qualifier),
    FOREIGN KEY (account, region, function) REFERENCES lambda_functions (account, region, name) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE lambda_scaling_configs (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, function, qualifier),
    FOREIGN KEY (account, region, function) REFERENCES lambda_functions (account, region, name) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE lambda_code_signing_configs (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, id)
) WITHOUT ROWID;

CREATE TABLE lambda_code_signing_of_functions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, function),
    FOREIGN KEY (account, region, function) REFERENCES lambda_functions (account, region, name) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE lambda_layer_policies (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    layer TEXT NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, layer, version),
    FOREIGN KEY (account, region, layer, version)
        REFERENCES lambda_layer_versions (account, region, layer, version) ON DELETE CASCADE
) WITHOUT ROWID;

-- A mapping outlives its function, as on AWS.
CREATE TABLE lambda_event_source_mappings (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, id)
) WITHOUT ROWID;

CREATE TABLE lambda_capacity_providers (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) WITHOUT ROWID;
