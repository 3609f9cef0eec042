# A function with all that Terraform can put around it: each resource and data source of Lambda's that the provider has.
# `changed` changes the first function and what hangs on it in place, and replaces the second one with all of its own.
# Nothing in it knows that the endpoint is local: that stands in the environment (`lambent env`).

variable "package" {
  type = string
}

variable "changed" {
  type    = bool
  default = false
}

# What another team runs.
variable "neighbours" {
  type = object({ jobs = string, dead = string, stream = string, key = string })
}

provider "aws" {
  region = "eu-central-1"
  default_tags {
    tags = { team = "numbers" }
  }
}

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

locals {
  account = data.aws_caller_identity.current.account_id
  stage   = var.changed ? "second" : "first"
}

data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy" "logs" {
  name = "AWSLambdaBasicExecutionRole"
}

data "aws_iam_policy" "network" {
  arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

data "aws_security_group" "default" {
  vpc_id = data.aws_vpc.default.id
  name   = "default"
}

resource "aws_iam_role" "function" {
  name               = "numbers-execution"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy_attachment" "function" {
  for_each   = { logs = data.aws_iam_policy.logs.arn, network = data.aws_iam_policy.network.arn }
  role       = aws_iam_role.function.name
  policy_arn = each.value
}

resource "aws_iam_policy" "publishes" {
  name = "publishes"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sns:Publish", Resource = "*" }]
  })
}

resource "aws_iam_role_policy_attachment" "publishes" {
  role       = aws_iam_role.function.name
  policy_arn = aws_iam_policy.publishes.arn
}

resource "aws_iam_role_policy" "reads" {
  name = "reads"
  role = aws_iam_role.function.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["sqs:*", "dynamodb:*"], Resource = "*" }]
  })
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/numbers/functions"
  retention_in_days = var.changed ? 30 : 14
}

resource "aws_s3_bucket" "packages" {
  bucket        = "packages"
  force_destroy = true
}

resource "aws_s3_object" "package" {
  bucket      = aws_s3_bucket.packages.id
  key         = "package.zip"
  source      = var.package
  source_hash = filemd5(var.package)
  depends_on  = [aws_s3_bucket_versioning.packages] # or it may have no version
}

resource "aws_lambda_code_signing_config" "warns" {
  description = "${local.stage} warning"
  allowed_publishers {
    signing_profile_version_arns = ["arn:aws:signer:eu-central-1:${local.account}:/signing-profiles/numbers/abcdefghij"]
  }
  policies {
    untrusted_artifact_on_deployment = "Warn"
  }
  tags = { stage = local.stage }
}

resource "aws_lambda_layer_version" "shared" {
  layer_name               = "shared"
  filename                 = var.package
  source_code_hash         = filebase64sha256(var.package)
  description              = "${local.stage} layer"
  license_info             = "Apache-2.0"
  compatible_runtimes      = ["python3.12", "python3.13"]
  compatible_architectures = ["x86_64"]
}

resource "aws_lambda_layer_version_permission" "everyone" {
  layer_name     = aws_lambda_layer_version.shared.layer_arn
  version_number = aws_lambda_layer_version.shared.version
  statement_id   = "everyone"
  action         = "lambda:GetLayerVersion"
  principal      = "*"
}

# ── changed in place ──

resource "aws_lambda_function" "numbers" {
  function_name           = "numbers"
  description             = "${local.stage} function"
  role                    = aws_iam_role.function.arn
  runtime                 = "python3.12"
  handler                 = "lambda_function.lambda_handler"
  filename                = var.package
  source_code_hash        = filebase64sha256(var.package)
  architectures           = ["x86_64"]
  memory_size             = var.changed ? 256 : 128
  timeout                 = var.changed ? 20 : 10
  publish                 = true
  layers                  = [aws_lambda_layer_version.shared.arn]
  code_signing_config_arn = aws_lambda_code_signing_config.warns.arn
  kms_key_arn             = var.neighbours.key

  reserved_concurrent_executions = var.changed ? 6 : 5

  dead_letter_config {
    target_arn = var.neighbours.dead
  }
  environment {
    variables = { STAGE = local.stage }
  }
  ephemeral_storage {
    size = var.changed ? 1024 : 512
  }
  logging_config {
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.function.name
    application_log_level = var.changed ? "DEBUG" : "INFO"
    system_log_level      = "INFO"
  }
  tracing_config {
    mode = var.changed ? "Active" : "PassThrough"
  }
  tags = { stage = local.stage }

  depends_on = [aws_iam_role_policy.reads, aws_iam_role_policy_attachment.function]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "${local.stage} callers"
  function_name    = aws_lambda_function.numbers.function_name
  function_version = var.changed ? "1" : aws_lambda_function.numbers.version
  dynamic "routing_config" {
    for_each = var.changed ? [aws_lambda_function.numbers.version] : []
    content {
      additional_version_weights = { (routing_config.value) = 0.5 }
    }
  }
}

# An alias whose weights are shifted cannot have it, so it is the version's; it is replaced with it.
resource "aws_lambda_provisioned_concurrency_config" "published" {
  function_name                     = aws_lambda_function.numbers.function_name
  qualifier                         = aws_lambda_function.numbers.version
  provisioned_concurrent_executions = 1
}

resource "aws_lambda_permission" "events" {
  statement_id   = "events-${local.stage}" # nothing of a permission changes in place
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.numbers.function_name
  qualifier      = aws_lambda_alias.live.name
  principal      = "events.amazonaws.com"
  source_account = local.account
  source_arn     = "arn:aws:events:eu-central-1:${local.account}:rule/numbers"
}

resource "aws_lambda_permission" "url" {
  statement_id_prefix    = "url-"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.numbers.function_name
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_function_url" "numbers" {
  function_name      = aws_lambda_function.numbers.function_name
  authorization_type = var.changed ? "AWS_IAM" : "NONE"
  invoke_mode        = var.changed ? "RESPONSE_STREAM" : "BUFFERED"
  cors {
    allow_credentials = true
    allow_headers     = ["date", "keep-alive"]
    allow_methods     = ["GET"]
    allow_origins     = ["https://${local.stage}.example"]
    expose_headers    = ["date"]
    max_age           = var.changed ? 60 : 86400
  }
}

resource "aws_lambda_function_event_invoke_config" "numbers" {
  function_name                = aws_lambda_function.numbers.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_event_age_in_seconds = var.changed ? 120 : 60
  maximum_retry_attempts       = var.changed ? 1 : 0
  destination_config {
    on_success {
      destination = var.neighbours.jobs
    }
    dynamic "on_failure" {
      for_each = var.changed ? [var.neighbours.dead] : []
      content {
        destination = on_failure.value
      }
    }
  }
}

resource "aws_lambda_function_recursion_config" "numbers" {
  function_name  = aws_lambda_function.numbers.function_name
  recursive_loop = var.changed ? "Terminate" : "Allow"
}

resource "aws_lambda_runtime_management_config" "numbers" {
  function_name     = aws_lambda_function.numbers.function_name
  update_runtime_on = var.changed ? "Auto" : "FunctionUpdate"
}

resource "aws_lambda_event_source_mapping" "jobs" {
  event_source_arn                   = var.neighbours.jobs
  function_name                      = aws_lambda_alias.live.arn
  batch_size                         = var.changed ? 20 : 10
  maximum_batching_window_in_seconds = var.changed ? 2 : 1
  enabled                            = !var.changed
  function_response_types            = ["ReportBatchItemFailures"]
  filter_criteria {
    filter {
      pattern = jsonencode({ body = { stage = [local.stage] } })
    }
  }
  metrics_config {
    metrics = ["EventCount"]
  }
  scaling_config {
    maximum_concurrency = var.changed ? 3 : 2
  }
  tags = { stage = local.stage }
}

resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn               = var.neighbours.stream
  function_name                  = aws_lambda_function.numbers.arn
  starting_position              = "LATEST"
  bisect_batch_on_function_error = var.changed
  maximum_record_age_in_seconds  = var.changed ? 120 : 60
  maximum_retry_attempts         = var.changed ? 3 : 2
  parallelization_factor         = var.changed ? 2 : 1
  tumbling_window_in_seconds     = var.changed ? 0 : 30
  destination_config {
    on_failure {
      destination_arn = var.neighbours.dead
    }
  }
}

resource "aws_lambda_invocation" "made" {
  function_name   = aws_lambda_function.numbers.function_name
  input           = jsonencode({ n = var.changed ? 5 : 4 })
  lifecycle_scope = "CRUD"
}

# ── replaced ──

resource "aws_lambda_function" "networked" {
  function_name                      = "networked-${local.stage}"
  role                               = aws_iam_role.function.arn
  runtime                            = "python3.12"
  handler                            = "lambda_function.lambda_handler"
  s3_bucket                          = aws_s3_bucket.packages.id
  s3_key                             = aws_s3_object.package.key
  source_code_hash                   = filebase64sha256(var.package)
  publish                            = true
  replace_security_groups_on_destroy = true
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }
  vpc_config {
    subnet_ids         = slice(sort(data.aws_subnets.default.ids), 0, 2)
    security_group_ids = [data.aws_security_group.default.id]
  }
  snap_start {
    apply_on = "PublishedVersions"
  }
  depends_on = [aws_iam_role_policy.reads, aws_iam_role_policy_attachment.function]
}

resource "aws_lambda_alias" "held" {
  name             = "held"
  function_name    = aws_lambda_function.networked.function_name
  function_version = aws_lambda_function.networked.version
}

resource "aws_lambda_function_url" "held" {
  function_name      = aws_lambda_function.networked.function_name
  qualifier          = aws_lambda_alias.held.name
  authorization_type = "AWS_IAM"
}

resource "aws_lambda_function_event_invoke_config" "networked" {
  function_name          = aws_lambda_function.networked.function_name
  maximum_retry_attempts = 2
}

resource "aws_lambda_function_recursion_config" "networked" {
  function_name  = aws_lambda_function.networked.function_name
  recursive_loop = "Allow"
}

resource "aws_lambda_runtime_management_config" "networked" {
  function_name       = aws_lambda_function.networked.function_name
  qualifier           = aws_lambda_function.networked.version
  update_runtime_on   = "Manual"
  runtime_version_arn = "arn:aws:lambda:eu-central-1::runtime:${sha256("python3.12")}"
}

resource "aws_lambda_invocation" "networked" {
  function_name = aws_lambda_function.networked.function_name
  qualifier     = aws_lambda_function.networked.version
  input         = jsonencode({ n = 1 })
}

resource "aws_lambda_event_source_mapping" "kafka" {
  function_name     = aws_lambda_function.networked.arn
  topics            = ["${local.stage}-orders"]
  starting_position = "TRIM_HORIZON"
  self_managed_event_source {
    endpoints = { KAFKA_BOOTSTRAP_SERVERS = "kafka1.example:9092,kafka2.example:9092" }
  }
  self_managed_kafka_event_source_config {
    consumer_group_id = "numbers"
  }
  dynamic "source_access_configuration" {
    for_each = toset(slice(sort(data.aws_subnets.default.ids), 0, 2))
    content {
      type = "VPC_SUBNET"
      uri  = "subnet:${source_access_configuration.key}"
    }
  }
  source_access_configuration {
    type = "VPC_SECURITY_GROUP"
    uri  = "security_group:${data.aws_security_group.default.id}"
  }
}

# ── read ──

data "aws_lambda_function" "numbers" {
  function_name = aws_lambda_function.numbers.function_name
  qualifier     = aws_lambda_alias.live.name
}

data "aws_lambda_function" "networked" {
  function_name = aws_lambda_function.networked.function_name
}

data "aws_lambda_functions" "all" {
  depends_on = [aws_lambda_function.numbers, aws_lambda_function.networked]
}

data "aws_lambda_alias" "live" {
  function_name = aws_lambda_function.numbers.function_name
  name          = aws_lambda_alias.live.name
}

data "aws_lambda_code_signing_config" "warns" {
  arn = aws_lambda_code_signing_config.warns.arn
}

data "aws_lambda_function_url" "numbers" {
  function_name = aws_lambda_function_url.numbers.function_name
}

data "aws_lambda_layer_version" "latest" {
  layer_name = aws_lambda_layer_version.shared.layer_name
}

data "aws_lambda_layer_version" "for_runtime" {
  layer_name         = aws_lambda_layer_version.shared.layer_name
  compatible_runtime = "python3.13"
}

data "aws_lambda_invocation" "ten" {
  function_name = aws_lambda_function.numbers.function_name
  qualifier     = aws_lambda_alias.live.name
  input         = jsonencode({ n = 10 })
}

output "seen" {
  value = {
    account   = local.account
    made      = jsondecode(jsondecode(aws_lambda_invocation.made.result).body).sequence
    asked     = jsondecode(jsondecode(data.aws_lambda_invocation.ten.result).body).n
    version   = aws_lambda_function.numbers.version
    functions = sort(data.aws_lambda_functions.all.function_names)
    memory    = data.aws_lambda_function.numbers.memory_size
    layers    = data.aws_lambda_function.numbers.layers == tolist([aws_lambda_layer_version.shared.arn])
    networked = data.aws_lambda_function.networked.vpc_config[0].vpc_id == data.aws_vpc.default.id
    alias     = data.aws_lambda_alias.live.function_version
    signing   = data.aws_lambda_code_signing_config.warns.description
    url       = data.aws_lambda_function_url.numbers.authorization_type
    layer     = data.aws_lambda_layer_version.latest.description
    runtime   = data.aws_lambda_layer_version.for_runtime.version
  }
}
