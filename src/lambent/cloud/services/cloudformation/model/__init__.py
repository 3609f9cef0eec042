"""Stacks, their resources and their changes as values, and what may become of them."""
