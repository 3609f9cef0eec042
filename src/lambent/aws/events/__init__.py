"""Events as AWS's services send them to functions, one file for each family of sources."""
