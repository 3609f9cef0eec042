"""AWS CloudFormation: stacks of resources, made, changed and removed as one."""
