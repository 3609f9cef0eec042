"""Lambda's API operations, one module per AWS resource."""
