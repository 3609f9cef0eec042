-- Addresses given out for answers and signals. `step` is what waits there: asked again after a restart, it gets the same.
-- `asked_at` is the endpoint at which an answer was asked for: a platform that moved is not found there.
CREATE TABLE cloudformation_address (
  key TEXT PRIMARY KEY,
  stack_id TEXT NOT NULL,
  step TEXT NOT NULL UNIQUE,
  asked_at TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX cloudformation_address_by_stack ON cloudformation_address (stack_id);
CREATE TABLE cloudformation_answer (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX cloudformation_answer_by_key ON cloudformation_answer (key, number);
-- What SignalResource told of resources that wait for it.
CREATE TABLE cloudformation_signal (
  stack_id TEXT NOT NULL,
  logical_id TEXT NOT NULL,
  unique_id TEXT NOT NULL,
  status TEXT NOT NULL,
  PRIMARY KEY (stack_id, logical_id, unique_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE cloudformation_drift_detection (
  id TEXT PRIMARY KEY,
  stack_id TEXT NOT NULL,
  is_done INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE cloudformation_drift (
  stack_id TEXT NOT NULL,
  logical_id TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (stack_id, logical_id)
) STRICT, WITHOUT ROWID;
-- Operations of stacks, for their events to be told by operation.
CREATE TABLE cloudformation_operation (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  stack_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  began REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cloudformation_operation_by_stack ON cloudformation_operation (stack_id, began);
-- The SNS topics that are told of a stack's events, apart from its body, which may have a megabyte of template.
CREATE TABLE cloudformation_topics (
  stack_id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  topics TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO cloudformation_topics (stack_id, account, region, topics)
  SELECT id, account, region, json_extract(body, '$.definition.notification_arns') FROM cloudformation_stack
  WHERE json_array_length(body, '$.definition.notification_arns') > 0;
