"""Numbers to advice: cost, tuning and migration."""
