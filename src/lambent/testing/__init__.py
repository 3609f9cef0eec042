"""Helpers for tests against a local platform: users' and ours."""
