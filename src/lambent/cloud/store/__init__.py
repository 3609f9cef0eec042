"""Durable state: one SQLite database with one writer, and blobs by digest."""
