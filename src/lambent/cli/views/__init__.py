"""Typed results to text, for people or for programs."""
