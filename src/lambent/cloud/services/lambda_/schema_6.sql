-- Pages of listings and sums read what they answer, however much there is beside it.

-- `number` is -2 for $LATEST and -1 for $LATEST.PUBLISHED: a function's versions lie in AWS's order.
UPDATE lambda_versions SET number = -2 WHERE number = 0;

-- What an account has in a region, kept by the tables themselves. Rows of theirs are never replaced (INSERT OR REPLACE),
-- for which SQLite runs no trigger of the row that goes: https://www.sqlite.org/lang_conflict.html
CREATE TABLE lambda_usage (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    functions INTEGER NOT NULL,
    code_bytes INTEGER NOT NULL,
    PRIMARY KEY (account, region)
) WITHOUT ROWID;

INSERT INTO lambda_usage
SELECT account, region, sum(functions), sum(code_bytes) FROM (
    SELECT account, region, 1 AS functions, 0 AS code_bytes FROM lambda_functions
    UNION ALL SELECT account, region, 0, json_extract(code, '$.size') FROM lambda_versions
    UNION ALL SELECT account, region, 0, json_extract(code, '$.size') FROM lambda_layer_versions
) GROUP BY account, region;

CREATE TRIGGER lambda_function_added AFTER INSERT ON lambda_functions BEGIN
    INSERT INTO lambda_usage VALUES (NEW.account, NEW.region, 1, 0)
    ON CONFLICT DO UPDATE SET functions = functions + 1;
END;

CREATE TRIGGER lambda_function_removed AFTER DELETE ON lambda_functions BEGIN
    UPDATE lambda_usage SET functions = functions - 1 WHERE account = OLD.account AND region = OLD.region;
END;

CREATE TRIGGER lambda_version_added AFTER INSERT ON lambda_versions BEGIN
    INSERT INTO lambda_usage VALUES (NEW.account, NEW.region, 0, json_extract(NEW.code, '$.size'))
    ON CONFLICT DO UPDATE SET code_bytes = code_bytes + excluded.code_bytes;
END;

CREATE TRIGGER lambda_version_changed AFTER UPDATE OF code ON lambda_versions WHEN OLD.code <> NEW.code BEGIN
    UPDATE lambda_usage
    SET code_bytes = code_bytes - json_extract(OLD.code, '$.size') + json_extract(NEW.code, '$.size')
    WHERE account = NEW.account AND region = NEW.region;
END;

CREATE TRIGGER lambda_version_removed AFTER DELETE ON lambda_versions BEGIN
    UPDATE lambda_usage SET code_bytes = code_bytes - json_extract(OLD.code, '$.size')
    WHERE account = OLD.account AND region = OLD.region;
END;

CREATE TRIGGER lambda_layer_version_added AFTER INSERT ON lambda_layer_versions BEGIN
    INSERT INTO lambda_usage VALUES (NEW.account, NEW.region, 0, json_extract(NEW.code, '$.size'))
    ON CONFLICT DO UPDATE SET code_bytes = code_bytes + excluded.code_bytes;
END;

CREATE TRIGGER lambda_layer_version_removed AFTER DELETE ON lambda_layer_versions BEGIN
    UPDATE lambda_usage SET code_bytes = code_bytes - json_extract(OLD.code, '$.size')
    WHERE account = OLD.account AND region = OLD.region;
END;

-- At most as many as the account has concurrency: a reservation of 0 takes none.
CREATE INDEX lambda_functions_reserving ON lambda_functions (account, region, name, reserved_concurrency)
WHERE reserved_concurrency > 0;

CREATE INDEX lambda_policies_denying ON lambda_policies (account, region, function)
WHERE instr(statements, '"Deny"') > 0;

CREATE INDEX lambda_urls_by_id ON lambda_urls (json_extract(document, '$.url_id'));

CREATE INDEX lambda_mappings_by_function ON lambda_event_source_mappings (
    account, region, json_extract(document, '$.function_arn'), id
);

CREATE INDEX lambda_mappings_by_source ON lambda_event_source_mappings (
    account, region, json_extract(document, '$.source_arn'), id
);

CREATE INDEX lambda_mappings_unsettled ON lambda_event_source_mappings (account, region, id)
WHERE json_extract(document, '$.state') NOT IN ('Enabled', 'Disabled');

CREATE INDEX lambda_code_signing_by_config ON lambda_code_signing_of_functions (
    account, region, json_extract(document, '$.id'), function
);

CREATE INDEX lambda_scaling_requested ON lambda_scaling_configs (account, region, function, qualifier)
WHERE json_extract(document, '$.requested') IS NOT NULL;

CREATE INDEX lambda_capacity_providers_unsettled ON lambda_capacity_providers (account, region, name)
WHERE json_extract(document, '$.state') NOT IN ('Active', 'Failed');
