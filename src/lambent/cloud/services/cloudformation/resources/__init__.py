"""Resource types: how each is made, changed, removed and read."""
