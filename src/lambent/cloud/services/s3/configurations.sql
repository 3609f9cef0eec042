-- What buckets are configured with. A document that is null was deleted where there is a default.
CREATE TABLE s3_configuration (
    kind TEXT NOT NULL,
    bucket_id INTEGER NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, bucket_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX s3_configuration_of_bucket ON s3_configuration (bucket_id);
