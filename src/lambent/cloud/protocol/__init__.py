"""AWS's wire formats, generic from botocore's models: bytes to parameters and back."""
