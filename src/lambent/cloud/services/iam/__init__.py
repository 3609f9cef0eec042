"""AWS Identity and Access Management: roles, users, groups, policies and keys."""
