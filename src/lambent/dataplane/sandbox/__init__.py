"""The walls around an execution environment: namespaces, control groups, limits."""
