"""Debugging a function: a copy of it that waits for a debugger, made and removed by AWS's own APIs."""
