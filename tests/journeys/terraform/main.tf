# What a small team keeps in Terraform around one function. Nothing in it knows that the endpoint is local: that stands
# in the environment (`lambent env`).

variable "memory_size" {
  type    = number
  default = 128
}

variable "package" {
  type = string
}

provider "aws" {
  region = "eu-central-1"
}

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
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

data "aws_iam_policy" "basic" {
  arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_role" "function" {
  name               = "fibonacci-execution"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = { team = "numbers" }
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.function.name
  policy_arn = data.aws_iam_policy.basic.arn
}

resource "aws_iam_role_policy" "read_table" {
  name = "read-table"
  role = aws_iam_role.function.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "dynamodb:GetItem", Resource = "*" }]
  })
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/fibonacci"
  retention_in_days = 30
  tags              = { team = "numbers" }
}

resource "aws_lambda_function" "fibonacci" {
  function_name    = "fibonacci"
  role             = aws_iam_role.function.arn
  runtime          = "python3.12"
  handler          = "lambda_function.lambda_handler"
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  memory_size      = var.memory_size
  timeout          = 10
  publish          = true
  environment {
    variables = { STAGE = "test" }
  }
  tags       = { team = "numbers" }
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy_attachment.logs]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.fibonacci.function_name
  function_version = aws_lambda_function.fibonacci.version
}

resource "aws_lambda_permission" "events" {
  statement_id   = "events"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.fibonacci.function_name
  qualifier      = aws_lambda_alias.live.name
  principal      = "events.amazonaws.com"
  source_account = data.aws_caller_identity.current.account_id
}

data "aws_lambda_invocation" "ten" {
  function_name = aws_lambda_function.fibonacci.function_name
  qualifier     = aws_lambda_alias.live.name
  input         = jsonencode({ n = 10 })
}

output "account" {
  value = data.aws_caller_identity.current.account_id
}

output "version" {
  value = aws_lambda_function.fibonacci.version
}

output "answer" {
  value = jsondecode(jsondecode(data.aws_lambda_invocation.ten.result).body).sequence
}
