"""The part of EC2 that shows the instances other services run for their users; the rest of it is bridged."""
