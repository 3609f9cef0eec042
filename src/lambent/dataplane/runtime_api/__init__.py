"""The Runtime API: where a runtime's next call meets an invocation."""
