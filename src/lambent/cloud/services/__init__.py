"""One package per AWS service; none imports another."""
