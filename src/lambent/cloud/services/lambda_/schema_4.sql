-- Accepted events, in the order in which they came: those of one commit lie side by side on few pages, and go so, too.
-- By their request ids, which are random, each would lie on a page of its own.

ALTER TABLE lambda_events RENAME TO lambda_events_by_request;

CREATE TABLE lambda_events (
    number INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    payload BLOB NOT NULL,
    client_context TEXT,
    trace_id TEXT,
    accepted_at REAL NOT NULL,
    due_at REAL NOT NULL,
    function_errors INTEGER NOT NULL,
    system_errors INTEGER NOT NULL
);

INSERT INTO lambda_events (
    request_id, account, region, function, qualifier, payload, client_context, trace_id, accepted_at, due_at,
    function_errors, system_errors
)
SELECT
    request_id, account, region, function, qualifier, payload, client_context, trace_id, accepted_at, due_at,
    function_errors, system_errors
FROM lambda_events_by_request ORDER BY accepted_at;

DROP TABLE lambda_events_by_request;
