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
ASYNCHRONOUS_PAYLOAD_BYTES: Final = 1 * _MB
STREAMED_RESPONSE_BYTES: Final = 200 * _MB
# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (X-Amz-Client-Context, X-Amz-Log-Result)
CLIENT_CONTEXT_BYTES: Final = 3_583
LOG_TAIL_BYTES: Final = 4 * _KB

# Concurrency, per account and Region.
CONCURRENT_EXECUTIONS: Final = 1_000
# Some concurrency always stays unreserved:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
MINIMUM_UNRESERVED_CONCURRENCY: Final = 100

# Code.
CODE_STORAGE_BYTES: Final = 300 * _GB
# GetAccountSettings answers these two.
CODE_SIZE_ZIPPED_BYTES: Final = 50 * _MB
CODE_SIZE_UNZIPPED_BYTES: Final = 250 * _MB
# "Request must be smaller than 70167211 bytes for the CreateFunction operation": 50 MB in base64, with some room.
CREATE_FUNCTION_REQUEST_BYTES: Final = 70_167_211
LAYERS_PER_FUNCTION: Final = 5
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
# A capacity provider's MaxVCpuCount, on the same page.
LEAST_PROVIDER_VCPUS: Final = 2
DEFAULT_PROVIDER_VCPUS: Final = 400
MOST_PROVIDER_VCPUS: Final = 15_000
# https://docs.aws.amazon.com/lambda/latest/api/API_LambdaManagedInstancesCapacityProviderConfig.html
MOST_REQUESTS_OF_AN_ENVIRONMENT: Final = 1_600
# https://docs.aws.amazon.com/lambda/latest/api/API_FunctionScalingConfig.html
MOST_ENVIRONMENTS: Final = 15_000
DEFAULT_EPHEMERAL_STORAGE_MB: Final = 512
MAXIMUM_EPHEMERAL_STORAGE_MB: Final = 10_240
FUNCTION_NAME_LENGTH: Final = 64
TAGS_PER_RESOURCE: Final = 50  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html

# Asynchronous invocation: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
MINIMUM_EVENT_AGE_S: Final = 60
MAXIMUM_EVENT_AGE_S: Final = 21_600
MAXIMUM_RETRY_ATTEMPTS: Final = 2
