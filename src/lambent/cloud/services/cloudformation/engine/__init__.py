"""Carrying out what is asked of a stack: resources in their order, events, rollback, clean-up."""
