"""What a service is: its operations, its context, its registry."""
