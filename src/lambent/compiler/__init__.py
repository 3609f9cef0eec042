"""System to CompiledSystem: a pure function, one pass per construct."""
