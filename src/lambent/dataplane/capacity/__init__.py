"""Capacity providers: virtual instances that host environments. Managed Instances fill this package."""
