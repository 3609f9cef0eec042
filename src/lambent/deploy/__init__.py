"""CompiledSystem to Plan to a changed target."""
