"""A source folder to a reproducible archive."""
