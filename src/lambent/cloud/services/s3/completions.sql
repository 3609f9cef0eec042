-- Uploads that were completed lately: of which parts, and what was answered, so that the same is answered again.
CREATE TABLE s3_completion (
    upload_id TEXT PRIMARY KEY,
    bucket_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    parts TEXT NOT NULL,
    answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX s3_completion_by_time ON s3_completion (until_ms);
