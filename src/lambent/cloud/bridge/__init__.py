"""The AWS services that are not ours, answered by moto in a process of its own."""
