"""Event source mappings at work: sources are polled, functions invoked with what they hold."""
