"""The operations of Amazon SNS, by what they are about."""
