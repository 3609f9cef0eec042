"""Lambda's published limits.

Unless a line says otherwise: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

from typing import Final

_KB: Final = 1024
_MB: Final = 1024 * _KB
_GB: Final = 1024 * _MB

# Payloads.
SYNCHRONOUS_PAYLOAD_BYTES: Final = 6 * _MB
# AWS allows some 100 bytes more than 6 MB, and names this figure in the error: "Response payload size exceeded maximum
# allowed payload size (6291556 bytes)."
SYNCHRONOUS_RESPONSE_BYTES: Final = 6_291_556
ASYNCHRONOUS_PAYLOAD_BYTES: Final = 1 * _MB
STREAMED_RESPONSE_BYTES: Final = 200 * _MB
REQUEST_LINE_AND_HEADERS_BYTES: Final = 1 * _MB
# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (X-Amz-Client-Context, X-Amz-Log-Result)
CLIENT_CONTEXT_BYTES: Final = 3_583
LOG_TAIL_BYTES: Final = 4 * _KB

# Concurrency and rates, per account and Region.
CONCURRENT_EXECUTIONS: Final = 1_000
# Some concurrency always stays unreserved:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
MINIMUM_UNRESERVED_CONCURRENCY: Final = 100
# Per function: https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html
SCALING_ENVIRONMENTS_PER_INTERVAL: Final = 1_000
SCALING_INTERVAL_S: Final = 10
REQUESTS_PER_SECOND_PER_CONCURRENCY: Final = 10
GET_FUNCTION_REQUESTS_PER_SECOND: Final = 100
GET_POLICY_REQUESTS_PER_SECOND: Final = 15
CONTROL_PLANE_REQUESTS_PER_SECOND: Final = 15

# Code.
CODE_STORAGE_BYTES: Final = 300 * _GB
ZIP_UPLOAD_BYTES: Final = 50 * _MB
# GetAccountSettings answers these two.
CODE_SIZE_ZIPPED_BYTES: Final = 50 * _MB
CODE_SIZE_UNZIPPED_BYTES: Final = 250 * _MB
# "Request must be smaller than 70167211 bytes for the CreateFunction operation": 50 MB in base64, with some room.
CREATE_FUNCTION_REQUEST_BYTES: Final = 70_167_211
IMAGE_BYTES: Final = 10 * _GB
LAYERS_PER_FUNCTION: Final = 5
RESOURCE_POLICY_BYTES: Final = 20 * _KB
ENVIRONMENT_VARIABLES_BYTES: Final = 4 * _KB

# A function.
MINIMUM_MEMORY_MB: Final = 128
MAXIMUM_MEMORY_MB: Final = 10_240
MANAGED_INSTANCE_MAXIMUM_MEMORY_MB: Final = 32_768
DEFAULT_MEMORY_MB: Final = 128
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEMORY_MB_PER_VCPU: Final = 1_769
DEFAULT_TIMEOUT_S: Final = 3
MAXIMUM_TIMEOUT_S: Final = 900
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-quotas.html
MANAGED_INSTANCE_MAXIMUM_TIMEOUT_S: Final = 5_400
DEFAULT_EPHEMERAL_STORAGE_MB: Final = 512
MAXIMUM_EPHEMERAL_STORAGE_MB: Final = 10_240
FUNCTION_NAME_LENGTH: Final = 64
TAGS_PER_RESOURCE: Final = 50  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html

# An execution environment: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_TIMEOUT_S: Final = 10
# Init with provisioned concurrency or SnapStart may take as long as the function, and at least this.
EXTENDED_INIT_TIMEOUT_S: Final = 130
FILE_DESCRIPTORS: Final = 1_024
PROCESSES_AND_THREADS: Final = 1_024
NETWORK_BITS_PER_SECOND: Final = 625_000_000
EXTENSIONS_PER_FUNCTION: Final = 10
SHUTDOWN_MS_WITH_INTERNAL_EXTENSIONS: Final = 500
SHUTDOWN_MS_WITH_EXTERNAL_EXTENSIONS: Final = 2_000

# Asynchronous invocation: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
MINIMUM_EVENT_AGE_S: Final = 60
MAXIMUM_EVENT_AGE_S: Final = 21_600
MAXIMUM_RETRY_ATTEMPTS: Final = 2
FIRST_RETRY_AFTER_S: Final = 60
SECOND_RETRY_AFTER_S: Final = 120
