"""AWS Lambda's control plane, and the door through which invocations reach the data plane."""
