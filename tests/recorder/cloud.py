"""What a test asks: a platform here, or an account of AWS that is left as it was found."""

from __future__ import annotations

import re
from typing import Any, Protocol

from botocore.model import OperationModel

from lambent.testing.builders import ROLE, ensure_role
from lambent.testing.clients import Clients
from tests.recorder.cleaning import SENT, Cleaner
from tests.recorder.disguise import Disguise
from tests.recorder.normalise import Place
from tests.recorder.tape import Tape
from tests.recorder.target import Target

LOCAL_REGION = "us-east-1"
# IAM knows a role for a while before Lambda may assume it.
_NOT_YET = "cannot be assumed by Lambda"
_THROTTLED = frozenset({"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"})
_ATTEMPTS = 12
_LOOKS = 3  # between attempts
Answer = tuple[object, dict[str, Any]]  # Any: HTTP's part, and an answer or an error as botocore parses it


class Cloud(Protocol):
    """A test's own account, its clients, and what they were answered."""

    place: Place
    tape: Tape | None

    def client(self, service: str, region: str | None = None) -> Any:  # Any: boto3's clients are made at run time
        """Return a client of `service`, in the account's own region unless another is named; one for each."""

    def role(self) -> str:
        """Return the ARN of a role that functions may run as; making it is no call of the test's."""

    def close(self) -> list[str]:
        """Close the clients and take away what was made; return a line for each thing that may be left."""


class LocalCloud:
    """An account of a platform here, which ends with it."""

    def __init__(self, endpoint_url: str, account: str, tape: Tape | None) -> None:
        self.place = Place(account, LOCAL_REGION)
        self.tape = tape
        self._clients = Clients(endpoint_url)
        # What prepares a test is not heard: on AWS it is prepared otherwise.
        self._unheard = self._clients if tape is None else Clients(endpoint_url)
        self._heard: set[tuple[str, str]] = set()

    def client(self, service: str, region: str | None = None) -> Any:  # Any: as above
        """As Cloud's."""
        key = (service, region or LOCAL_REGION)
        client = self._clients.get(service, account=self.place.account, region=key[1])
        if self.tape is not None and key not in self._heard:
            self._heard.add(key)
            self.tape.attach(client)
        return client

    def role(self) -> str:
        """As Cloud's."""
        return ensure_role(self._unheard.get("iam", account=self.place.account))

    def close(self) -> list[str]:
        """As Cloud's; the account's things stay, where no other test sees them."""
        self._clients.close()
        self._unheard.close()
        return []


class SharedRole:
    """The role of all functions of a run against AWS; made when it is first asked for."""

    def __init__(self, target: Target, name: str) -> None:
        self.name = name
        self._target = target
        self._arn: str | None = None
        self._cleaner = Cleaner(name, target.client)

    def arn(self) -> str:
        """Return its ARN, as AWS names it."""
        if self._arn is None:
            client = self._target.client("iam")
            self._cleaner.attach(client)
            self._arn = ensure_role(client, self.name)
        return self._arn

    def close(self) -> list[str]:
        """Take it away; return a line if it may be left."""
        return self._cleaner.clean()


class AwsCloud:
    """The account of a target, for one test: names are the test's own, and what it makes is taken away."""

    def __init__(self, target: Target, role: SharedRole, prefix: str) -> None:
        self.place = target.place
        self.tape: Tape | None = Tape()
        self._tape = self.tape
        self._target = target
        self._role = role
        self._disguise = Disguise(target.place.account, prefix, {ROLE: role.name})
        self._cleaner = Cleaner(prefix, self.client)
        self._made: dict[tuple[str, str], Any] = {}  # Any: as above
        self._pause_s = _LOOKS * target.look_every_s

    def client(self, service: str, region: str | None = None) -> Any:  # Any: as above
        """As Cloud's; raises TargetError where it would not speak to the target."""
        key = (service, region or self.place.region)
        if key not in self._made:
            client = self._target.client(*key)
            self._cleaner.attach(client)
            self._disguise.attach(client)
            self._tape.attach(client)
            client.meta.events.register("needs-retry", self._wait_for_room)
            client.meta.events.register("needs-retry.lambda.CreateFunction", self._wait_for_a_new_role)
            self._made[key] = client
        return self._made[key]

    def role(self) -> str:
        """As Cloud's."""
        return str(self._disguise.inward(self._role.arn()))

    def close(self) -> list[str]:
        """As Cloud's; a thing that is still busy is waited for."""
        left = self._cleaner.clean()
        while self._made:
            self._made.popitem()[1].close()
        return left

    def _wait_for_a_new_role(
        self,
        response: Answer | None,
        attempts: int,
        request_dict: dict[str, Any],  # Any: botocore's own
        **_: object,
    ) -> float | None:
        if response is None or attempts > _ATTEMPTS or _NOT_YET not in str(response[1].get("Error")):
            return None
        role = re.sub(".*/", "", str(request_dict["context"][SENT].get("Role")))
        # A role that is missing, or another's, is refused at once.
        return self._pause_s if role == self._role.name or self._cleaner.has_made(role) else None

    def _wait_for_room(
        self,
        response: Answer | None,
        operation: OperationModel,
        attempts: int,
        **_: object,
    ) -> float | None:
        # AWS counts the calls of an account's API. Of how often functions are invoked, tests have something to say.
        if response is None or attempts > _ATTEMPTS or operation.name.startswith("Invoke"):
            return None
        return self._pause_s if response[1].get("Error", {}).get("Code") in _THROTTLED else None
