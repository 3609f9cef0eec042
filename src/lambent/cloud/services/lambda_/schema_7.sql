-- Where event source mappings go on reading: for each shard, and each of the readers that share it, how far it has come.

CREATE TABLE lambda_checkpoints (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    mapping TEXT NOT NULL,
    shard TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, mapping, shard)
) WITHOUT ROWID;

-- The mappings that poll, which the platform takes up after its start.
CREATE INDEX lambda_mappings_enabled ON lambda_event_source_mappings (account, region, id)
WHERE json_extract(document, '$.state') = 'Enabled';
