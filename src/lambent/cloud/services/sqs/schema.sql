-- The attributes are JSON: those that were set. A queue's messages lie in a box, and purging gives it another box, so
-- that neither takes longer the more there are. `dead_letters` is the ARN of its dead-letter queue.
CREATE TABLE sqs_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    box INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    purged_ms INTEGER,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL,
    dead_letters TEXT,
    UNIQUE (account, region, name)
) STRICT;

CREATE INDEX sqs_queue_by_dead_letters ON sqs_queue (dead_letters, account, region, name)
    WHERE dead_letters IS NOT NULL;

-- When queues were deleted: for a minute nobody gets their names.
CREATE TABLE sqs_deleted_queue (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    deleted_ms INTEGER NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT, WITHOUT ROWID;

-- Boxes are never used again, so that the messages of what was purged or deleted can be swept away later.
CREATE TABLE sqs_box (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    messages INTEGER NOT NULL DEFAULT 0,
    dropped_ms INTEGER
) STRICT;

CREATE INDEX sqs_box_dropped ON sqs_box (dropped_ms) WHERE dropped_ms IS NOT NULL;

-- What changes of a message stands apart from what it says, which is written once: a receipt must not write a megabyte.
-- `received` counts over all queues that the message was in, `received_before` in those before this one.
CREATE TABLE sqs_message (
    number INTEGER PRIMARY KEY,
    box INTEGER NOT NULL,
    visible_ms INTEGER NOT NULL,
    sent_ms INTEGER NOT NULL,
    received INTEGER NOT NULL,
    received_before INTEGER NOT NULL,
    first_ms INTEGER,
    ordered_in TEXT
) STRICT;

CREATE INDEX sqs_message_by_visibility ON sqs_message (box, visible_ms, received);
CREATE INDEX sqs_message_by_age ON sqs_message (box, sent_ms);
CREATE INDEX sqs_message_by_group ON sqs_message (box, ordered_in, number) WHERE ordered_in IS NOT NULL;

CREATE TABLE sqs_content (
    number INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL,
    body TEXT NOT NULL,
    attributes TEXT,
    sender TEXT NOT NULL,
    trace TEXT,
    group_id TEXT,
    deduplication_id TEXT,
    source_arn TEXT
) STRICT;

CREATE TRIGGER sqs_message_came AFTER INSERT ON sqs_message BEGIN
    UPDATE sqs_box SET messages = messages + 1 WHERE id = NEW.box;
END;

CREATE TRIGGER sqs_message_went AFTER DELETE ON sqs_message BEGIN
    UPDATE sqs_box SET messages = messages - 1 WHERE id = OLD.box;
END;

CREATE TRIGGER sqs_message_moved AFTER UPDATE OF box ON sqs_message BEGIN
    UPDATE sqs_box SET messages = messages - 1 WHERE id = OLD.box;
    UPDATE sqs_box SET messages = messages + 1 WHERE id = NEW.box;
END;

-- What was sent to FIFO queues in the last five minutes; `within` is the group, where that is the scope.
CREATE TABLE sqs_deduplication (
    queue INTEGER NOT NULL,
    within TEXT NOT NULL,
    deduplication_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (queue, within, deduplication_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX sqs_deduplication_by_time ON sqs_deduplication (until_ms);

-- The first number of a message that no run of the platform has used yet: numbers are never given out twice.
CREATE TABLE sqs_numbers (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    next INTEGER NOT NULL
) STRICT;

INSERT INTO sqs_numbers (one, next) VALUES (1, 1);

CREATE TABLE sqs_move_task (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    source_arn TEXT NOT NULL,
    destination_arn TEXT,
    most_per_second INTEGER,
    status TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    moved INTEGER NOT NULL,
    to_move INTEGER NOT NULL,
    failure TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX sqs_move_task_by_source ON sqs_move_task (source_arn, started_ms);
CREATE INDEX sqs_move_task_under_way ON sqs_move_task (status) WHERE status IN ('RUNNING', 'CANCELLING');
