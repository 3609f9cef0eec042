"""AWS Security Token Service: who is calling, and assumed roles."""
