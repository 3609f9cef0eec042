"""What a bucket is configured with: the kinds of configuration there are, and AWS's rules for each."""
