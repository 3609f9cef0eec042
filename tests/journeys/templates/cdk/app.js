const cdk = require("aws-cdk-lib");
const lambda = require("aws-cdk-lib/aws-lambda");

const app = new cdk.App();
const stack = new cdk.Stack(app, "Shop", {
  env: { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION },
});
const greeter = new lambda.Function(stack, "Greeter", {
  runtime: lambda.Runtime.PYTHON_3_11,
  handler: "app.handler",
  code: lambda.Code.fromAsset("src"),
  memorySize: Number(app.node.tryGetContext("memory") ?? 128),
});
new cdk.CfnOutput(stack, "Name", { value: greeter.functionName });
