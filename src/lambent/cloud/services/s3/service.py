"""The S3 service: its operations, its own door, and the removal of files that nobody owns any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from lambent.base.clock import Clock, SystemClock
from lambent.base.identifiers import IdSource
from lambent.base.tasks import let_others_run
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.cloud.framework.identity import Signers
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.routes import FrontDoor
from lambent.cloud.framework.service import Parameters, Service
from lambent.cloud.services.s3 import repository
from lambent.cloud.services.s3.access import check_access
from lambent.cloud.services.s3.bodies import Bodies
from lambent.cloud.services.s3.claims import CLAIM
from lambent.cloud.services.s3.forms import Forms
from lambent.cloud.services.s3.front_door import DoorParts, S3Door
from lambent.cloud.services.s3.lifecycle import PERIOD_S, Lifecycle
from lambent.cloud.services.s3.notifications import Notifications
from lambent.cloud.services.s3.operations.access import AccessOperations
from lambent.cloud.services.s3.operations.buckets import BucketOperations
from lambent.cloud.services.s3.operations.common import Parts
from lambent.cloud.services.s3.operations.configurations import configuration_operations
from lambent.cloud.services.s3.operations.copies import CopyOperations
from lambent.cloud.services.s3.operations.deletes import DeleteOperations
from lambent.cloud.services.s3.operations.listings import ListingOperations
from lambent.cloud.services.s3.operations.multipart import MultipartOperations
from lambent.cloud.services.s3.operations.notifications import NotificationOperations
from lambent.cloud.services.s3.operations.objects import ObjectOperations
from lambent.cloud.services.s3.operations.versions import VersionOperations
from lambent.cloud.services.s3.settings import BucketSettings
from lambent.cloud.store.files import Files
from lambent.cloud.store.unit_of_work import Store

# A script that was released is never changed: what comes later is a further one.
SCRIPTS = tuple(Path(__file__).with_name(name) for name in ("schema.sql", "configurations.sql", "completions.sql"))
_REMOVAL_PERIOD_S = 300.0
_SEARCH_PERIOD_S = 86_400.0
_AT_ONCE = 500


class S3Service(Service):
    """Amazon S3: buckets, objects, versions, multipart uploads."""

    name: ClassVar[str] = "s3"

    def __init__(  # noqa: PLR0913 - what a service of this size works with
        self,
        store: Store,
        files: Files,
        signers: Signers,
        client: InternalClient,
        *,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        bodies = Bodies(files, ids)
        settings = BucketSettings()
        self._notifications = Notifications(store, client, clock)
        parts = Parts(store, bodies, ids, settings, self._notifications.tell)
        objects = ObjectOperations(parts)
        multipart = MultipartOperations(parts)
        super().__init__(
            BucketOperations(parts),
            objects,
            DeleteOperations(parts),
            multipart,
            CopyOperations(parts, multipart),
            ListingOperations(parts),
            VersionOperations(parts),
            configuration_operations(store),
            AccessOperations(store),
            NotificationOperations(store, self._notifications, ids),
        )
        self._lifecycle = Lifecycle(parts, clock)
        real_time = SystemClock()
        self._forms = forms = Forms(store.read, signers, objects, self.authorise, real_time)
        self._door = S3Door(self, DoorParts(store.read, signers, settings, forms, clock, real_time, ids))
        self._store = store
        self._files = files
        self._bodies = bodies

    def expose_to(self, strikes: Strikes) -> None:
        """Let faults on purpose strike notifications, and what forms bring."""
        self._notifications.expose_to(strikes)
        self._forms.strikes = strikes

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what policies and access control lists of buckets do not allow; raises AccessDenied."""
        check_access(self._store.read, context, operation, parameters)

    def front_doors(self) -> Sequence[FrontDoor]:
        """Return the door by which all requests for S3 come."""
        return (replace(CLAIM, claims=self._door.claims).door(self._door.answer),)

    async def start(self) -> None:
        """Make or upgrade the tables, and the directory of files."""
        await self._store.migrate(self.name, [script.read_text(encoding="utf-8") for script in SCRIPTS])
        await self._files.run(self._files.prepare)
        await self._notifications.start()

    async def stop(self) -> None:
        """End once nothing is being written."""
        await self._notifications.stop()
        await self._files.close()

    def loops(self) -> Sequence[Loop]:
        """Return the lifecycle rules, the removal of files without an owner any more, and the search for others."""
        return (
            Loop("carry out lifecycle rules", PERIOD_S, self._lifecycle.step),
            Loop("remove files of removed objects", _REMOVAL_PERIOD_S, self.remove_files),
            Loop("search files without an owner", _SEARCH_PERIOD_S, self.search_files),
        )

    async def remove_files(self) -> None:
        """Remove from the disk what removed objects and parts had there, but for what is being read."""
        after = ""
        while names := repository.given_up_files(self._store.read, _AT_ONCE, after):
            after = names[-1]
            removable = self._bodies.removable(names)
            await self._bodies.remove(removable)
            await self._store.write(lambda transaction: repository.forget_files(transaction, removable))  # noqa: B023

    async def search_files(self) -> None:
        """Remove files that were written for objects that never came to be, because the platform was killed."""
        before = SystemClock().now() - _SEARCH_PERIOD_S
        names = await self._files.run(self._files.older_than, before)
        for start in range(0, len(names), _AT_ONCE):
            unknown = repository.unknown_files(self._store.read, names[start : start + _AT_ONCE])
            await self._bodies.remove(unknown)
            await let_others_run()
