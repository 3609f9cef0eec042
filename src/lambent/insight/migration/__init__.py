"""From on-demand to Lambda Managed Instances and back: what a function is, what hinders it, what has to be done."""
