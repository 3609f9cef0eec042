-- Faults on purpose that have not ended; `strikes` is how often each has struck.
CREATE TABLE faults (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    percentage INTEGER NOT NULL,
    begun_at REAL NOT NULL,
    ends_at REAL NOT NULL,
    delay_s REAL NOT NULL,
    strikes INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
