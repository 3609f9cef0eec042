"""EventBridge Scheduler's operations, one file per resource."""
