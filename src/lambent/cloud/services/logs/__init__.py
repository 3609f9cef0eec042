"""Amazon CloudWatch Logs: groups, streams, events, filters and retention."""
