"""Amazon EventBridge: event buses, their rules and targets, archives and replays, schedules of rules."""
