"""The rules by name: what each is about, how much it matters, and where AWS says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lambent.base.diagnostics import Diagnostic, Severity, SourceSpan

_DG = "https://docs.aws.amazon.com/lambda/latest/dg/"
_API = "https://docs.aws.amazon.com/lambda/latest/api/"
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_SQS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"
_EB = "https://docs.aws.amazon.com/eventbridge/latest/APIReference/"
_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its stable id, how much it matters, what it says, and AWS's page about it."""

    id: str
    severity: Severity
    title: str
    source: str

    def found(self, message: str, span: SourceSpan | None, advice: str) -> Diagnostic:
        """Return a finding of this rule."""
        return Diagnostic(self.severity, self.id, message, span, advice)


_ALL = (
    Rule("stack-name", _E, "A stack's name begins with a letter and has letters, digits and hyphens, 128 at most.", "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"),
    Rule("region", _E, "A region is named as AWS names its regions.", "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"),
    Rule("no-resources", _E, "A stack has one resource at least.", "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html"),
    Rule("logical-id", _E, "Letters and digits alone tell the resources of a stack apart.", "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html"),
    Rule("output-name", _E, "Letters and digits alone tell the outputs of a stack apart.", "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html"),
    Rule("secret-output", _W, "An output shows what a secret parameter hides.", "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html"),
    Rule("function-name", _E, "A function's name has 64 characters at most: letters, digits, hyphens, underscores.", _API + "API_CreateFunction.html"),
    Rule("runtime-unknown", _E, "The runtime is one that Lambda has.", _DG + "lambda-runtimes.html"),
    Rule("runtime-deprecated", _W, "The runtime still gets security updates.", _DG + "lambda-runtimes.html#runtime-support-policy"),
    Rule("runtime-missing", _E, "A zip needs a runtime and a handler.", _API + "API_CreateFunction.html"),
    Rule("image-runtime", _E, "An image brings its runtime, handler and layers itself.", _DG + "images-create.html"),
    Rule("handler", _E, "A handler has 128 characters at most and no blanks.", _API + "API_CreateFunction.html"),
    Rule("memory", _E, "Memory is 128 to 10,240 MB.", _DG + "configuration-memory.html"),
    Rule("timeout", _E, "A timeout is 1 to 900 seconds, on Managed Instances up to 5,400.", _DG + "configuration-timeout.html"),
    Rule("ephemeral-storage", _E, "/tmp has 512 to 10,240 MB.", _DG + "configuration-ephemeral-storage.html"),
    Rule("code-source", _E, "Code comes from exactly one place.", _API + "API_FunctionCode.html"),
    Rule("bundle", _E, "Folders of Node.js functions are bundled, and a bundle has its packages in it.", _DG + "typescript-package.html"),
    Rule("code-not-found", _E, "Code is where the manifest says.", _DG + "configuration-function-zip.html"),
    Rule("requirements-not-found", _E, "A requirements file is where the manifest says.", _DG + "python-package.html"),
    Rule("handler-not-found", _E, "The handler's file is in the folder, and has its function.", _DG + "foundation-progmodel.html"),
    Rule("handler-syntax", _E, "The handler's file can be read by its runtime.", _DG + "python-handler.html"),
    Rule("reserved-environment-variable", _E, "Lambda sets some environment variables itself.", _DG + "configuration-envvars.html#configuration-envvars-runtime"),
    Rule("environment-variable-name", _E, "A variable's name begins with a letter and has two characters at least.", _API + "API_Environment.html"),
    Rule("environment-size", _E, "All environment variables together have 4 KB at most.", _DG + "configuration-envvars.html"),
    Rule("queue-arn", _W, "SDKs know a queue by its URL.", "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html"),
    Rule("not-permitted", _W, "A function is allowed to use what its environment tells it of.", _DG + "lambda-intro-execution-role.html"),
    Rule("layer-count", _E, "A function has five layers at most.", _DG + "chapter-layers.html"),
    Rule("layer-arn", _E, "A layer is named by the ARN of one of its versions.", _DG + "chapter-layers.html"),
    Rule("layer-elsewhere", _N, "A layer of another account is not on the platform here.", _DG + "adding-layers.html"),
    Rule("role-arn", _E, "A role is named by its ARN.", _IAM + "reference_identifiers.html"),
    Rule("managed-policy", _E, "A policy of AWS's is one that there is.", _IAM + "access_policies_managed-vs-inline.html"),
    Rule("policy-document", _E, "A policy statement has an effect, actions with their service, and resources.", _IAM + "reference_policies_elements.html"),
    Rule("broad-pass-role", _W, "iam:PassRole on every role lets a function become any of them.", _IAM + "id_roles_use_passrole.html"),
    Rule("arn", _E, "An ARN has six parts, with an account of 12 digits where it has one.", _IAM + "reference-arns.html"),
    Rule("reserved-concurrency", _E, "Reserved concurrency is 0 or more, and leaves 100 of the account's 1,000 unreserved.", _DG + "configuration-concurrency.html"),
    Rule("provisioned-concurrency", _E, "Provisioned concurrency is 1 or more, and no more than what is reserved.", _DG + "provisioned-concurrency.html"),
    Rule("provisioned-without-alias", _W, "Provisioned concurrency belongs to an alias, so that it moves to the next version.", _DG + "provisioned-concurrency.html"),
    Rule("alias-name", _E, "An alias has a name that is no number.", _API + "API_CreateAlias.html"),
    Rule("alias-weight-version", _E, "Weights are of published versions; $LATEST is none.", _DG + "configuring-alias-routing.html"),
    Rule("alias-weights", _E, "An alias shares calls with one more version, by a weight from 0.0 to 1.0.", _DG + "configuring-alias-routing.html"),
    Rule("snap-start", _E, "SnapStart is for some runtimes, and not with provisioned concurrency or a large /tmp.", _DG + "snapstart.html"),
    Rule("vpc-security-groups", _E, "A function in a VPC has subnets and security groups, both.", _DG + "configuration-vpc.html"),
    Rule("vpc-zones", _W, "Subnets lie in two Availability Zones at least.", _DG + "configuration-vpc.html#vpc-configuring"),
    Rule("subnet-id", _E, "A subnet is named by its id.", _API + "API_VpcConfig.html"),
    Rule("security-group-id", _E, "A security group is named by its id.", _API + "API_VpcConfig.html"),
    Rule("not-simulated", _N, "A property that AWS obeys has no effect on the platform here.", _DG + "welcome.html"),
    Rule("log-retention", _E, "Log groups keep events for one of the numbers of days that CloudWatch Logs has.", "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"),
    Rule("log-level-format", _E, "Log levels need the JSON format.", _DG + "monitoring-cloudwatchlogs-logformat.html"),
    Rule("log-retention-of-shared-group", _E, "A shared group keeps events as it says itself.", _DG + "monitoring-cloudwatchlogs.html"),
    Rule("retry", _E, "Asynchronous events are tried 0 to 2 times again, within 60 s to 6 h.", _DG + "invocation-async-configuring.html"),
    Rule("tags", _E, "A resource has 50 tags at most, and none that begins with aws:.", _DG + "configuration-tags.html"),
    Rule("url-open", _W, "A URL without authentication can be called by anybody.", _DG + "urls-auth.html"),
    Rule("url-cors", _E, "A URL's cross-origin rules are of six methods, and are kept for a day at most.", _API + "API_Cors.html"),
    Rule("description", _E, "A description has 256 characters at most.", _API + "API_CreateFunction.html"),
    Rule("key-window", _E, "A key waits 7 to 30 days before it is deleted.", "https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html"),
    Rule("managed-memory", _E, "On Managed Instances a function has 2,048 MB at least.", _DG + "lambda-managed-instances-quotas.html"),
    Rule("managed-runtime", _E, "Managed Instances run Python 3.13, Node.js 22, Java 21, .NET 8 and later.", _DG + "lambda-managed-instances-runtimes.html"),
    Rule("managed-architecture", _E, "A function and its capacity provider have one instruction set.", _DG + "lambda-managed-instances-capacity-providers.html"),
    Rule("managed-provider", _E, "A function names its capacity provider by its ARN.", _API + "API_LambdaManagedInstancesCapacityProviderConfig.html"),
    Rule("managed-exclusions", _E, "Managed Instances go without SnapStart, provisioned and reserved concurrency, and a function's own VPC.", _DG + "lambda-managed-instances.html"),
    Rule("managed-log-format", _E, "On Managed Instances logs are JSON.", _DG + "lambda-managed-instances-monitoring.html"),
    Rule("managed-ratio", _E, "Memory per vCPU is 2, 4 or 8 GiB, and memory a multiple of it.", _DG + "lambda-managed-instances-scaling.html"),
    Rule("managed-concurrency", _E, "An execution environment serves 64 requests for each of its vCPUs at most, and 1,600 in all.", _DG + "lambda-managed-instances-quotas.html"),
    Rule("managed-workers", _W, "The processes of Python, one for each request, fit into the function's memory.", _DG + "lambda-managed-instances-python-runtime.html"),
    Rule("managed-timeout", _W, "What takes more than 900 seconds is not waited for.", _DG + "lambda-managed-instances-quotas.html"),
    Rule("managed-unpublished", _W, "Publishing is what deploys a function on Managed Instances.", _DG + "lambda-managed-instances-version-publishing.html"),
    Rule("managed-environments", _E, "The least and the most execution environments are set together, up to 15,000.", _DG + "lambda-managed-instances-scaling.html"),
    Rule("provider-name", _E, "A capacity provider's name has 140 characters at most: letters, digits, hyphens, underscores.", _API + "API_CreateCapacityProvider.html"),
    Rule("provider-network", _E, "A capacity provider has 1 to 16 subnets and up to 5 security groups.", _DG + "lambda-managed-instances-capacity-providers.html"),
    Rule("provider-zones", _E, "A capacity provider's subnets lie in two Availability Zones at least.", _DG + "lambda-managed-instances-capacity-providers.html"),
    Rule("provider-operator-role", _E, "Lambda assumes the operator role, which has AWSLambdaManagedEC2ResourceOperator.", _DG + "lambda-managed-instances-operator-role.html"),
    Rule("provider-architecture", _E, "A capacity provider has one instruction set, x86_64 or arm64.", _API + "API_InstanceRequirements.html"),
    Rule("provider-instance-types", _E, "Instance types are allowed or excluded, not both, and from .large up.", _DG + "lambda-managed-instances-capacity-providers.html"),
    Rule("provider-vcpus", _E, "A capacity provider has 2 to 15,000 vCPUs.", _DG + "lambda-managed-instances-quotas.html"),
    Rule("provider-capacity", _E, "A capacity provider's vCPUs are enough for three instances that its functions fit on.", _DG + "lambda-managed-instances-scaling.html"),
    Rule("provider-versions", _E, "A capacity provider takes 100 function versions.", _DG + "lambda-managed-instances-quotas.html"),
    Rule("provider-logs", _E, "A capacity provider logs from DEBUG, INFO or WARN up, to a log group.", _API + "API_CreateCapacityProvider.html"),
    Rule("provider-scaling", _E, "Manual scaling has a target, Auto has none.", _DG + "lambda-managed-instances-scaling.html"),
    Rule("unknown-resource", _E, "What a trigger, a permission or a target speaks of is in the manifest.", _DG + "lambda-services.html"),
    Rule("trigger", _E, "A trigger is of one kind.", _DG + "lambda-services.html"),
    Rule("permissions-of-a-role", _W, "A role that is given is not changed by triggers and permissions.", _DG + "lambda-intro-execution-role.html"),
    Rule("schedule-expression", _E, "A schedule is a rate, a cron or an at expression.", "https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html"),
    Rule("schedule", _E, "A schedule's time zone is known, and its flexible window 1 to 1,440 whole minutes.", "https://docs.aws.amazon.com/scheduler/latest/APIReference/API_FlexibleTimeWindow.html"),
    Rule("delivery-retry", _E, "A target is tried up to 185 times again, within 1 minute to 24 hours.", _EB + "API_RetryPolicy.html"),
    Rule("mapping-limits", _E, "Batches, windows and retries of an event source mapping are within AWS's bounds.", _API + "API_CreateEventSourceMapping.html"),
    Rule("mapping-start", _E, "A stream is read from its end, its beginning or, of Kinesis, a moment.", _API + "API_CreateEventSourceMapping.html"),
    Rule("mapping-window", _E, "Batches of more than ten messages need a window, and FIFO queues have neither.", _DG + "services-sqs-configure.html"),
    Rule("queue-visibility", _E, "Messages are hidden for as long as the function may take.", _DG + "services-sqs-configure.html"),
    Rule("object-events", _E, "A bucket tells of events that S3 has.", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html"),
    Rule("ambiguous-notifications", _E, "Of one object's event a bucket tells one target.", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html"),
    Rule("bucket-name", _E, "A bucket's name has 3 to 63 small letters, digits, hyphens and dots.", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"),
    Rule("queue-limits", _E, "A queue's times, sizes and counts are within AWS's bounds.", _SQS),
    Rule("queue-name", _E, "A queue's or topic's name has 80 letters, digits, hyphens and underscores at most.", "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"),
    Rule("queue-dead-letters", _E, "A queue and its dead-letter queue are both FIFO, or neither is.", "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"),
    Rule("fifo", _E, "Names that end in .fifo, and deduplication by content, are of FIFO queues and topics.", "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fifo-queues.html"),
    Rule("name-length", _E, "Names of rules and schedules have 64 characters at most, those of queues 80.", _EB + "API_PutRule.html"),
    Rule("subscription", _E, "A subscription has one endpoint.", "https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html"),
    Rule("table-key", _E, "A key is one attribute, of one type wherever it is used.", "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeDefinition.html"),
    Rule("event-pattern", _E, "A pattern or filter policy has lists of values and operators that its service has.", "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html"),
    Rule("rule", _E, "A rule has a pattern or a schedule, and 1 to 5 targets; schedules are of the default bus.", _EB + "API_PutRule.html"),
)  # fmt: skip
RULES: Mapping[str, Rule] = {rule.id: rule for rule in _ALL}
