-- Names are one space for all accounts and regions, as on AWS.
CREATE TABLE s3_bucket (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    versioning TEXT NOT NULL,
    is_locked INTEGER NOT NULL
) STRICT;

CREATE INDEX s3_bucket_of_account ON s3_bucket (account, name);

-- What is made or removed gets the next number: it orders the versions of a key, and the events about them.
CREATE TABLE s3_sequence (
    last INTEGER NOT NULL
) STRICT;

INSERT INTO s3_sequence (last) VALUES (0);

-- One row holds a version of an object, or a delete marker. `is_listed`: it is the latest of its key and no marker.
-- What a listing does not show stands last: it may be long.
CREATE TABLE s3_version (
    id INTEGER PRIMARY KEY,
    bucket_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    version_id TEXT NOT NULL,
    is_marker INTEGER NOT NULL,
    is_latest INTEGER NOT NULL,
    is_listed INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    storage_class TEXT NOT NULL,
    checksum_algorithm TEXT NOT NULL,
    checksum_type TEXT NOT NULL,
    about TEXT NOT NULL,
    files TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX s3_version_of_key ON s3_version (bucket_id, key, id DESC);
CREATE UNIQUE INDEX s3_version_by_id ON s3_version (bucket_id, key, version_id);
CREATE UNIQUE INDEX s3_version_listed ON s3_version (bucket_id, key) WHERE is_listed = 1;

-- The bytes of small objects; larger ones are in files.
CREATE TABLE s3_body (
    version INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

-- Every file of an object or a part has one owner and one row here, until it has been removed from the disk.
CREATE TABLE s3_file (
    name TEXT PRIMARY KEY,
    is_removed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX s3_file_removed ON s3_file (name) WHERE is_removed = 1;

CREATE TABLE s3_upload (
    id INTEGER PRIMARY KEY,
    bucket_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    upload_id TEXT NOT NULL UNIQUE,
    initiated_ms INTEGER NOT NULL,
    initiator TEXT NOT NULL,
    storage_class TEXT NOT NULL,
    checksum_algorithm TEXT NOT NULL,
    checksum_type TEXT NOT NULL,
    about TEXT NOT NULL
) STRICT;

CREATE INDEX s3_upload_of_key ON s3_upload (bucket_id, key, upload_id);

CREATE TABLE s3_part (
    upload INTEGER NOT NULL,
    number INTEGER NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    checksums TEXT NOT NULL,
    file TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
