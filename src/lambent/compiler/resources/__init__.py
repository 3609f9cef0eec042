"""One emitter per construct: from the model to CloudFormation resources."""
