"""HTTP in, HTTP out: the one visible pipeline of a request."""
