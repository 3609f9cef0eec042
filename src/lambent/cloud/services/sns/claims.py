"""Which requests without a signature are meant for SNS: known before the service is loaded, and light to import."""

from __future__ import annotations

from typing import Final

from lambent.cloud.framework.routes import Claim
from lambent.cloud.protocol.message import Request

CERTIFICATE: Final = "SimpleNotificationService-"
"""What the name of a certificate's file begins with."""

_ACTIONS: Final = ("Action=ConfirmSubscription", "Action=Unsubscribe")


def is_certificate_or_visit(request: Request) -> bool:
    """Whether a request is for a certificate, or a visit of a SubscribeURL or an UnsubscribeURL."""
    if request.method != "GET":
        return False
    if request.path != "/":
        return request.path.startswith(f"/{CERTIFICATE}") and request.path.endswith(".pem")
    return (
        any(action in request.query for action in _ACTIONS)
        and "authorization" not in request.headers
        and "X-Amz-" not in request.query
    )


CLAIM = Claim("sns-urls", is_certificate_or_visit)
