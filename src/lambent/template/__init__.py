"""A CloudFormation template as data, shared by the toolchain and the platform."""
