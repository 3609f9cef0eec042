"""The operations of DynamoDB and of its streams, one file for each resource."""
