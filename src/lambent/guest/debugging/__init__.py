"""What stands between the runtime and a handler that is debugged: put into a layer, never imported by anything else."""
