"""How a message reaches an endpoint, by protocol."""
