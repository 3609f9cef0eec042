-- What was under way when the platform stopped is found without reading every version there is.

CREATE INDEX lambda_versions_unsettled ON lambda_versions (account, region, function, number) WHERE settled = 0;
