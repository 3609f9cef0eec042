-- What session tokens are sealed with: one secret for the platform, made when it first starts.
CREATE TABLE sts_seal (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret BLOB NOT NULL
) STRICT;
