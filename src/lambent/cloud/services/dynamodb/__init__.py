"""Amazon DynamoDB and its streams."""
