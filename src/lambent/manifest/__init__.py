"""The manifest language: text to System, or located diagnostics."""
