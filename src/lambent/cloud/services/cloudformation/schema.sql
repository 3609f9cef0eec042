-- Bodies are JSON of the model's values; what is looked up by stands in columns of its own.
CREATE TABLE cloudformation_stack (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  parent_id TEXT,
  body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX cloudformation_stack_by_name ON cloudformation_stack (account, region, name)
  WHERE status != 'DELETE_COMPLETE';
CREATE TABLE cloudformation_resource (
  stack_id TEXT NOT NULL,
  logical_id TEXT NOT NULL,
  physical_id TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (stack_id, logical_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cloudformation_resource_by_physical_id ON cloudformation_resource (physical_id);
-- The resources as they were when the operation under way began: what a rollback goes back to.
CREATE TABLE cloudformation_snapshot (
  stack_id TEXT NOT NULL,
  logical_id TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (stack_id, logical_id)
) STRICT, WITHOUT ROWID;
-- Physical resources that are to be deleted, or left alone, when the operation under way is cleaned up after.
CREATE TABLE cloudformation_leftover (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  stack_id TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE TABLE cloudformation_event (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  stack_id TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX cloudformation_event_by_stack ON cloudformation_event (stack_id, number);
CREATE TABLE cloudformation_change_set (
  id TEXT PRIMARY KEY,
  stack_id TEXT NOT NULL,
  name TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX cloudformation_change_set_by_stack ON cloudformation_change_set (stack_id, name);
CREATE TABLE cloudformation_export (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  stack_id TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (account, region, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE cloudformation_import (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  stack_id TEXT NOT NULL,
  PRIMARY KEY (account, region, name, stack_id)
) STRICT, WITHOUT ROWID;
