"""Amazon S3: buckets and their objects, durable on this machine."""
