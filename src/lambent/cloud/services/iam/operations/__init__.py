"""IAM's operations, one file per resource."""
