"""DynamoDB without I/O: values, keys, tables, what requests consume, expressions."""
