# What stands around functions in other people's configurations: read, and beside them what calls a function or is read
# by it. Queues, keys and networks of its own are left out: Terraform waits for each of them for a quarter of a minute.

data "aws_region" "here" {}

data "aws_partition" "here" {}

data "aws_availability_zones" "here" {
  state = "available"
}

data "aws_internet_gateway" "default" {
  filter {
    name   = "attachment.vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

data "aws_subnet" "each" {
  for_each = toset(data.aws_subnets.default.ids)
  id       = each.value
}

data "aws_route_tables" "default" {
  vpc_id = data.aws_vpc.default.id
}

data "aws_kms_alias" "lambda" {
  name = "alias/aws/lambda"
}

data "aws_kms_key" "lambda" {
  key_id = data.aws_kms_alias.lambda.target_key_arn
}

data "aws_iam_session_context" "current" {
  arn = data.aws_caller_identity.current.arn
}

data "aws_cloudwatch_log_group" "function" {
  name = aws_cloudwatch_log_group.function.name
}

data "aws_iam_role" "function" {
  name = aws_iam_role.function.name
}

data "aws_s3_object" "package" {
  bucket = aws_s3_bucket.packages.id
  key    = aws_s3_object.package.key
}

data "aws_ecr_authorization_token" "here" {}

resource "aws_ssm_parameter" "stage" {
  name  = "/numbers/stage"
  type  = "SecureString"
  value = local.stage
}

resource "aws_cloudwatch_event_rule" "often" {
  name                = "often"
  schedule_expression = var.changed ? "rate(5 minutes)" : "rate(1 hour)"
}

resource "aws_cloudwatch_event_target" "often" {
  rule = aws_cloudwatch_event_rule.often.name
  arn  = aws_lambda_function.numbers.arn
}

resource "aws_s3_bucket_versioning" "packages" {
  bucket = aws_s3_bucket.packages.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "packages" {
  bucket                  = aws_s3_bucket.packages.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Many configurations name CloudWatch Logs with its region.
resource "aws_lambda_permission" "logs" {
  statement_id  = "logs"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.networked.function_name
  principal     = "logs.${data.aws_region.here.name}.amazonaws.com"
  source_arn    = "${aws_cloudwatch_log_group.function.arn}:*"
}

resource "aws_cloudwatch_log_subscription_filter" "errors" {
  name            = "errors"
  log_group_name  = aws_cloudwatch_log_group.function.name
  filter_pattern  = "NEVER WRITTEN"
  destination_arn = aws_lambda_function.networked.arn
  depends_on      = [aws_lambda_permission.logs]
}

output "around" {
  value = {
    region   = data.aws_region.here.name
    zones    = data.aws_availability_zones.here.names
    subnets  = sort([for each in data.aws_subnet.each : each.availability_zone])
    tables   = length(data.aws_route_tables.default.ids)
    attached = data.aws_internet_gateway.default.attachments[0].vpc_id == data.aws_vpc.default.id
    key      = data.aws_kms_key.lambda.key_manager
    caller   = data.aws_iam_session_context.current.issuer_arn
    group    = data.aws_cloudwatch_log_group.function.retention_in_days
    role     = data.aws_iam_role.function.arn == "arn:${data.aws_partition.here.partition}:iam::${local.account}:role/numbers-execution"
    package  = data.aws_s3_object.package.version_id != ""
    registry = data.aws_ecr_authorization_token.here.user_name
  }
}
