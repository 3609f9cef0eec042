-- What is owed to somebody outside the service that wrote it, until they have it or nobody will.
CREATE TABLE deliveries (
    queue TEXT NOT NULL,
    number INTEGER NOT NULL,
    key TEXT NOT NULL,
    payload BLOB NOT NULL,
    accepted_at REAL NOT NULL,
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (queue, number)
) WITHOUT ROWID;
