"""Transforms: what a template becomes before its resources are looked at."""
