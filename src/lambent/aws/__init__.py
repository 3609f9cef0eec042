"""AWS's vocabulary and small languages as values, and the only doors to botocore and boto3."""
