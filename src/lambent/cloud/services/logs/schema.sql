-- Ids of groups and streams are never used again, so that events of what was deleted can be swept away later.
CREATE TABLE logs_group (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    class TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    retention_days INTEGER,
    kms_key TEXT,
    is_protected INTEGER NOT NULL,
    tags TEXT NOT NULL,
    UNIQUE (account, region, name)
) STRICT;

CREATE TABLE logs_stream (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    first_event_ms INTEGER,
    last_event_ms INTEGER,
    last_ingested_ms INTEGER,
    stored_bytes INTEGER NOT NULL,
    UNIQUE (group_id, name)
) STRICT;

-- One row holds the neighbouring events of one batch, as JSON: [[timestamp, message], ...]. A chunk never spans more
-- than model.CHUNK_SPAN_MS, which bounds how far back a reader must look.
CREATE TABLE logs_chunk (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL,
    stream_id INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    ingested_ms INTEGER NOT NULL,
    stored_bytes INTEGER NOT NULL,
    events BLOB NOT NULL
) STRICT;

CREATE INDEX logs_chunk_of_group ON logs_chunk (group_id, first_ms, id);
CREATE INDEX logs_chunk_of_stream ON logs_chunk (stream_id, first_ms, id);

-- Streams that were deleted and whose chunks are still to be removed.
CREATE TABLE logs_deleted_stream (
    id INTEGER PRIMARY KEY
) STRICT;
