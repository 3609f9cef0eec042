"""Costs over requests, as lines: on a terminal, as SVG, as PNG."""
