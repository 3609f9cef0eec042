-- Numbers of tables are never used again, so that the items of what was deleted can be swept away later.
CREATE TABLE dynamodb_table (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    document BLOB NOT NULL,
    UNIQUE (account, region, name)
) STRICT;

-- `hash_key` begins with four bytes of a hash of the partition key, so a scan's segments are ranges of it.
CREATE TABLE dynamodb_item (
    id INTEGER PRIMARY KEY,
    table_number INTEGER NOT NULL,
    hash_key BLOB NOT NULL,
    range_key BLOB NOT NULL,
    size INTEGER NOT NULL,
    expires_at REAL,
    document BLOB NOT NULL,
    UNIQUE (table_number, hash_key, range_key)
) STRICT;

CREATE INDEX dynamodb_item_expiry ON dynamodb_item (expires_at) WHERE expires_at IS NOT NULL;

-- An item stands in each index whose key it has; what the index projects is taken from the item itself.
CREATE TABLE dynamodb_entry (
    table_number INTEGER NOT NULL,
    index_number INTEGER NOT NULL,
    hash_key BLOB NOT NULL,
    range_key BLOB NOT NULL,
    item_hash BLOB NOT NULL,
    item_range BLOB NOT NULL,
    PRIMARY KEY (table_number, index_number, hash_key, range_key, item_hash, item_range)
) STRICT, WITHOUT ROWID;

-- How many items a table has, and how large they are together.
CREATE TABLE dynamodb_size (
    table_number INTEGER PRIMARY KEY,
    items INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;

-- What was deleted and is still to be removed; index 0 is the whole table.
CREATE TABLE dynamodb_deleted (
    table_number INTEGER NOT NULL,
    index_number INTEGER NOT NULL,
    PRIMARY KEY (table_number, index_number)
) STRICT, WITHOUT ROWID;

-- Tables whose items are gone through once more, for an index that was added or another time-to-live attribute.
CREATE TABLE dynamodb_rebuild (
    table_number INTEGER PRIMARY KEY
) STRICT;

-- Streams outlive being disabled, and their tables, by a day. `trimmed_to` is the last record that was trimmed.
CREATE TABLE dynamodb_stream (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    table_name TEXT NOT NULL,
    label TEXT NOT NULL,
    view TEXT NOT NULL,
    key_schema TEXT NOT NULL,
    created REAL NOT NULL,
    disabled_at REAL,
    trimmed_to INTEGER NOT NULL,
    UNIQUE (account, region, table_name, label)
) STRICT;

CREATE TABLE dynamodb_record (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    stream_id INTEGER NOT NULL,
    created REAL NOT NULL,
    document BLOB NOT NULL
) STRICT;

CREATE INDEX dynamodb_record_of_stream ON dynamodb_record (stream_id, sequence);

-- Tokens of transactions that were carried out, with a digest of what was asked.
CREATE TABLE dynamodb_token (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    token TEXT NOT NULL,
    digest BLOB NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (account, region, token)
) STRICT, WITHOUT ROWID;
