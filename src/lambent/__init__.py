"""Lambent: declare, run, deploy and understand systems of AWS Lambda functions."""

__version__ = "0.1.0"
