-- Whether an account's Describe calls show managed resources without being asked to.
CREATE TABLE ec2_visibility (
    account TEXT PRIMARY KEY,
    by_default TEXT NOT NULL
) STRICT;
