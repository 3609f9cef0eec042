-- What of `$LATEST.PUBLISHED` on a capacity provider came up last: it serves on where a later publication fails.

CREATE TABLE lambda_served (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, region, function, qualifier)
) WITHOUT ROWID;
