"""The operations of Amazon SQS, by what they are about."""
