"""What handlers import inside the sandbox: the standard library alone."""
