"""Faults on purpose as everything sees them that they may strike: what they are, and whether one strikes now."""
