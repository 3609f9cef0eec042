"""What the pipeline's functions share: state vectors, quality checks, the record of executions, the circuit breaker."""
