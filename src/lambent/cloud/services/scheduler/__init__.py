"""EventBridge Scheduler: schedules, their groups, and what happens when one falls due."""
