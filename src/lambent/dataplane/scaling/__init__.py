"""How many environments to have: pure decisions, one file per model of scaling."""
