"""The embedded AWS: gateway, services and what they stand on."""
