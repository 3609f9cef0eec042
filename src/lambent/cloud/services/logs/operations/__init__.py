"""CloudWatch Logs' operations, one file per resource."""
