"""What a Python function does with `/tmp`, module state, connections and threads, read from its own modules."""
