"""What S3 decides without touching anything: names, conditions, ranges, checksums."""
