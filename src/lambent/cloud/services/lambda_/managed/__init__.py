"""Managed Instances: capacity providers in the data plane, and what logs, metrics and EC2 show of them."""
