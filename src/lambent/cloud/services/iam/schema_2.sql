-- How often a policy is a permissions boundary is asked with each page of policies.
CREATE INDEX iam_role_by_boundary ON iam_role (account, boundary) WHERE boundary IS NOT NULL;
CREATE INDEX iam_user_by_boundary ON iam_user (account, boundary) WHERE boundary IS NOT NULL;
