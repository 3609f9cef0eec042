-- What was under way when the platform stopped is found without reading every version there is.

CREATE INDEX lambda_versions_unsettled ON lambda_versions (account, region, function, number) WHERE settled = 0;

-- The versions on a capacity provider, among thousands that are on none.

CREATE INDEX lambda_versions_by_provider ON lambda_versions (
    account, region,
    json_extract(settings, '$.recorded.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.CapacityProviderArn')
) WHERE json_extract(
    settings, '$.recorded.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.CapacityProviderArn'
) IS NOT NULL;
