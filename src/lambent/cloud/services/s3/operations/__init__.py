"""The operations of S3, one file for each kind of resource."""
