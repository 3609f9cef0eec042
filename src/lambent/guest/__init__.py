"""Our code inside the sandbox: the standard library alone, importing nothing of ours."""
