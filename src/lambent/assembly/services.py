"""The platform's own services, each made of the parts it works with.

Services that nobody has used in a data directory are not even imported: half of what a start would cost is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lambent.assembly.foundation import Foundation
from lambent.assembly.names import DYNAMODB
from lambent.cloud.framework.identity import CredentialDirectory, Directories
from lambent.cloud.framework.managed_instances import ManagedInstances
from lambent.cloud.framework.metrics import DeliverMetrics
from lambent.cloud.framework.registry import Deferral
from lambent.cloud.framework.service import Service
from lambent.cloud.gateway.signing import SignatureReader
from lambent.cloud.services.cloudformation.paths import RESPONSES
from lambent.cloud.services.iam.service import IamService
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.service import LambdaService
from lambent.cloud.services.logs.service import LogsService
from lambent.cloud.services.s3.claims import CLAIM as S3_CLAIM
from lambent.cloud.services.sns.claims import CLAIM as SNS_CLAIM
from lambent.cloud.services.sts.service import StsService


@dataclass(frozen=True, slots=True)
class OwnServices:
    """The services in the order in which they start, some of which wait to be used, and whose credentials they know."""

    parts: tuple[Service | Deferral, ...]
    directory: CredentialDirectory


def own_services(on: Foundation) -> OwnServices:
    """Make every service of ours."""
    iam = IamService(on.store, on.ids)
    sts = StsService(on.store, on.ids, on.clock, on.client)
    directory = Directories([iam.access_keys, sts.sessions])
    signers = SignatureReader(directory)
    dependencies = Dependencies(
        store=on.store,
        blobs=on.blobs,
        plane=on.plane,
        client=on.client,
        clock=on.clock,
        ids=on.ids,
        signers=signers,
        port=on.port,
    )
    lambda_ = LambdaService(dependencies, packages=on.packages, reporting=on.reporting, system_log=on.system_log)
    in_order: tuple[Service | Deferral, ...] = (
        iam,
        sts,
        LogsService(on.store, on.client, clock=on.clock, ids=on.ids),
        Deferral(("sqs",), partial(_sqs, on), views={"queues": lambda: {"queues": []}}),
        Deferral(DYNAMODB, partial(_dynamodb, on)),
        lambda_,
        # Behind the queues and functions that it delivers to: what is owed is delivered as soon as it starts.
        Deferral(("sns",), partial(_sns, on), (SNS_CLAIM,), views={"outbox": lambda: {"messages": []}}),
        # Behind what its targets are: events that were on their way go on as soon as it starts.
        Deferral(("events",), partial(_events, on)),
        # Behind what it tells of changes: notifications that are owed are sent as soon as it starts.
        Deferral(("s3",), partial(_s3, on, signers), (S3_CLAIM,)),
        # Behind what its resources are made of: an operation that was under way goes on as soon as it starts.
        Deferral(("cloudformation",), partial(_cloudformation, on), paths=(RESPONSES,)),
        # Behind what its schedules call: what is due is carried out as soon as it starts.
        Deferral(("scheduler",), partial(_scheduler, on)),
        # Of EC2 only what shows the instances that Lambda runs; the rest is bridged.
        Deferral(("ec2",), partial(_ec2, on, lambda_.managed_instances)),
        # Of CloudWatch only what has our services hand over what they measured.
        Deferral(("cloudwatch",), partial(_cloudwatch, lambda_.deliver_metrics)),
    )
    parts: list[Service | Deferral] = []
    for one in in_order:
        if isinstance(one, Deferral) and on.store.has_tables_of(one.names[0]):
            parts.extend(one.load()())
        else:
            parts.append(one)
    return OwnServices(tuple(parts), directory)


def _sqs(on: Foundation) -> Callable[[], Sequence[Service]]:
    from lambent.cloud.services.sqs.service import SqsService  # noqa: PLC0415 - when it is used

    return lambda: (SqsService(on.store, clock=on.clock, ids=on.ids),)


def _dynamodb(on: Foundation) -> Callable[[], Sequence[Service]]:
    from lambent.cloud.services.dynamodb import service  # noqa: PLC0415 - when it is used

    def make() -> Sequence[Service]:
        tables = service.DynamoDbService(on.store, clock=on.clock, ids=on.ids)
        return (tables, service.DynamoDbStreamsService(on.store, tables.waits))

    return make


def _sns(on: Foundation) -> Callable[[], Sequence[Service]]:
    from lambent.cloud.services.sns.service import SnsService  # noqa: PLC0415 - when it is used

    return lambda: (SnsService(on.store, on.client, clock=on.clock, ids=on.ids, endpoint_url=on.endpoint_url),)


def _events(on: Foundation) -> Callable[[], Sequence[Service]]:
    from lambent.cloud.services.events.service import EventsService  # noqa: PLC0415 - when it is used

    return lambda: (EventsService(on.store, on.client, clock=on.clock, ids=on.ids),)


def _s3(on: Foundation, signers: SignatureReader) -> Callable[[], Sequence[Service]]:
    from lambent.cloud.services.s3.service import S3Service  # noqa: PLC0415 - when it is used

    return lambda: (S3Service(on.store, on.files, signers, on.client, clock=on.clock, ids=on.ids),)


def _cloudformation(on: Foundation) -> Callable[[], Sequence[Service]]:
    from lambent.cloud.services.cloudformation.service import CloudFormationService  # noqa: PLC0415 - when it is used

    return lambda: (
        CloudFormationService(on.store, on.client, clock=on.clock, ids=on.ids, endpoint_url=on.endpoint_url),
    )


def _scheduler(on: Foundation) -> Callable[[], Sequence[Service]]:
    from lambent.cloud.services.scheduler.service import SchedulerService  # noqa: PLC0415 - when it is used

    return lambda: (SchedulerService(on.store, on.client, clock=on.clock, ids=on.ids),)


def _ec2(on: Foundation, managed: ManagedInstances) -> Callable[[], Sequence[Service]]:
    from lambent.cloud.services.ec2.service import Ec2Service  # noqa: PLC0415 - when it is used

    return lambda: (Ec2Service(on.store, on.fallback, managed),)


def _cloudwatch(deliver_lambdas: DeliverMetrics) -> Callable[[], Sequence[Service]]:
    from lambent.cloud.services.cloudwatch.service import CloudWatchService  # noqa: PLC0415 - when it is used

    return lambda: (CloudWatchService(deliver_lambdas),)
