"""Functions, HTTP/S endpoints, e-mail and text messages: what they get, how they confirm, and that it is signed."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.services.sns.conftest import Client, MakeQueue, outcome, subscribe
from tests.waiting import eventually

Json = dict[str, Any]  # Any: parsed JSON


@dataclass(slots=True)
class Site:
    """A site that topics post to: what came, and what it answers."""

    url: str = ""
    came: list[tuple[dict[str, str], str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def wait(self, count: int) -> list[tuple[dict[str, str], str]]:
        """Return what came once it is so much."""
        eventually(lambda: len(self.came) >= count)
        return self.came


@contextmanager
def listening() -> Iterator[Site]:
    """Run a site for as long as the context lasts; it answers 200 unless `statuses` has other answers left."""
    site = Site()
    site.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            site.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            site.may_answer.wait(20)
            self.send_response(site.statuses.pop(0) if site.statuses else 200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    with listening() as running:
        yield running


def visit(url: str) -> tuple[int, str]:
    """Return status and body of a page of the platform."""
    host, _, target = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("GET", f"/{target}")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def verify(message: Json, url: str, members: tuple[str, ...]) -> None:
    """Fail unless the signature of a message is that of the certificate at the URL."""
    certificate = x509.load_pem_x509_certificate(visit(url)[1].encode())
    signed = "".join(f"{name}\n{message[name]}\n" for name in members if message.get(name) is not None)
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    digest = hashes.SHA256() if message["SignatureVersion"] == "2" else hashes.SHA1()  # noqa: S303 - as AWS defines it
    key.verify(base64.b64decode(message["Signature"]), signed.encode(), padding.PKCS1v15(), digest)


NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


@pytest.mark.parametrize("version", ["1", "2"])
def test_signatures_hold_against_the_certificate(sns: Client, make_queue: MakeQueue, version: str) -> None:
    topic = sns.create_topic(Name="t", Attributes={"SignatureVersion": version})["TopicArn"]
    queue = make_queue()
    subscribe(sns, topic, queue)
    sns.publish(TopicArn=topic, Message="signed", Subject="s")
    (message,) = queue.notifications()
    assert message["SignatureVersion"] == version
    verify(message, message["SigningCertURL"], NOTIFICATION)


ECHO = zip_of(
    {
        "handler.py": "import json, os, urllib.request\n"
        "def handler(event, context):\n"
        "    told = {'event': event, 'trace': os.environ['_X_AMZN_TRACE_ID']}\n"
        "    body = json.dumps(told).encode()\n"
        "    urllib.request.urlopen(urllib.request.Request(os.environ['SITE'], data=body)).close()\n"
    }
)


def test_a_function_gets_aws_event_and_the_trace(
    sns: Client, platform: LocalPlatform, account: str, site: Site
) -> None:
    made = platform.create_function("f", ECHO, account=account, Environment={"Variables": {"SITE": site.url}})
    functions = platform.client("lambda", account=account)
    topic = sns.create_topic(Name="t")["TopicArn"]
    functions.add_permission(
        FunctionName="f",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=made["FunctionArn"])["SubscriptionArn"]
    root = "1-3152b799-8954dae64eda91bc9a23a7e8"

    def add(params: Json, **_: object) -> None:
        params["headers"]["X-Amzn-Trace-Id"] = f"Root={root};Parent=7fa8c0f79203be72;Sampled=1"

    sns.meta.events.register("before-call.sns.Publish", add)
    attributes = {"a": {"DataType": "String", "StringValue": "v"}}
    sent = sns.publish(TopicArn=topic, Message="Hello world.", MessageAttributes=attributes)
    told: Json = json.loads(site.wait(1)[0][1])
    (record,) = told["event"]["Records"]
    notification = record.pop("Sns")
    assert record == {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription}
    assert list(notification) == [
        "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature",
        "SigningCertUrl", "UnsubscribeUrl", "MessageAttributes",
    ]  # fmt: skip
    assert (notification["MessageId"], notification["Subject"]) == (sent["MessageId"], None)
    assert notification["MessageAttributes"] == {"a": {"Type": "String", "Value": "v"}}
    verify(notification, notification["SigningCertUrl"], NOTIFICATION)
    assert told["trace"].startswith(f"Root={root};")
    assert "Lineage=1:" in told["trace"]


def test_a_site_confirms_its_subscription_gets_messages_and_may_end_it(sns: Client, site: Site) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    made = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{site.url}/in")
    assert made["SubscriptionArn"] == "pending confirmation"
    sns.publish(TopicArn=topic, Message="too early")
    headers, body = site.wait(1)[0]
    asked = json.loads(body)
    assert headers["x-amz-sns-message-type"] == asked["Type"] == "SubscriptionConfirmation"
    assert headers["x-amz-sns-topic-arn"] == topic
    assert list(asked) == [
        "Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp", "SignatureVersion",
        "Signature", "SigningCertURL",
    ]  # fmt: skip
    verify(asked, asked["SigningCertURL"], CONFIRMATION)
    assert sns.list_subscriptions()["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"
    status, answer = visit(asked["SubscribeURL"])
    assert (status, "<ConfirmSubscriptionResult>" in answer) == (200, True)
    (listed,) = sns.list_subscriptions()["Subscriptions"]
    subscription = listed["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="hello")
    headers, body = site.wait(2)[1]
    notification = json.loads(body)
    assert (headers["x-amz-sns-message-type"], headers["x-amz-sns-subscription-arn"]) == ("Notification", subscription)
    assert (headers["content-type"], notification["Message"]) == ("text/plain; charset=UTF-8", "hello")
    for name, value in (
        ("RawMessageDelivery", "true"),
        ("DeliveryPolicy", json.dumps({"requestPolicy": {"headerContentType": "application/json"}})),
    ):
        sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName=name, AttributeValue=value)
    sns.publish(TopicArn=topic, Message='{"raw": 1}')
    headers, body = site.wait(3)[2]
    assert (headers["x-amz-sns-rawdelivery"], headers["content-type"], body) == (
        "true",
        "application/json",
        '{"raw": 1}',
    )
    assert visit(notification["UnsubscribeURL"])[0] == 200
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_queues_do_not_wait_behind_sites_that_do_not_answer(sns: Client, site: Site, make_queue: MakeQueue) -> None:
    slow, quick = (sns.create_topic(Name=name)["TopicArn"] for name in ("slow", "quick"))
    sns.subscribe(TopicArn=slow, Protocol="http", Endpoint=site.url)
    visit(json.loads(site.wait(1)[0][1])["SubscribeURL"])
    queue = make_queue()
    subscribe(sns, quick, queue)
    site.may_answer.clear()
    for _ in range(7):
        entries = [{"Id": str(number), "Message": "m"} for number in range(10)]
        sns.publish_batch(TopicArn=slow, PublishBatchRequestEntries=entries)
    site.wait(65)
    sns.publish(TopicArn=quick, Message="at once")
    try:
        assert queue.texts(1) == ["at once"]
        assert len(site.came) == 65
    finally:
        site.may_answer.set()
    assert len(site.wait(71)) == 71


def outbox(platform: LocalPlatform, account: str) -> list[Json]:
    """Return what the account's topics would have sent."""
    found: list[Json] = json.loads(visit(f"{platform.endpoint_url}/_lambent/outbox")[1])["messages"]
    return [one for one in found if one["account"] == account]


@pytest.mark.parametrize("protocol", ["email", "email-json"])
def test_mail_lies_in_the_outbox_with_the_token_that_confirms(
    sns: Client, platform: LocalPlatform, account: str, protocol: str
) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    made = sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint="a@example.com", ReturnSubscriptionArn=True)
    (asked,) = eventually(lambda: outbox(platform, account))
    assert (asked["to"], asked["protocol"], asked["topic_arn"]) == ("a@example.com", protocol, topic)
    assert asked["subscribe_url"] in asked["body"]
    confirmed = sns.confirm_subscription(TopicArn=topic, Token=asked["token"])["SubscriptionArn"]
    assert confirmed == made["SubscriptionArn"] == asked["subscription_arn"]
    sns.publish(TopicArn=topic, Message="the news", Subject="News")
    _, sent = eventually(lambda: found if len(found := outbox(platform, account)) == 2 else None)
    assert (sent["subject"], sent["from"]) == ("News", "no-reply@sns.amazonaws.com")
    assert sent["body"].startswith("the news\n") if protocol == "email" else json.loads(sent["body"])["Signature"]


def test_text_messages_lie_in_the_outbox(sns: Client, platform: LocalPlatform, account: str) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+15551234567")
    sns.publish(PhoneNumber="+15557654321", Message="direct")
    sns.publish(TopicArn=topic, Message='{"default": "d", "sms": "short"}', MessageStructure="json")
    sent = eventually(lambda: found if len(found := outbox(platform, account)) == 2 else None)
    assert [(one["to"], one["body"]) for one in sent] == [("+15557654321", "direct"), ("+15551234567", "short")]
    assert outcome(sns.publish, PhoneNumber="+1a234", Message="m") == (
        400,
        "InvalidParameter",
        "Invalid parameter: PhoneNumber Reason: +1a234 is not valid to publish to",
    )
    sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional"})
    assert sns.get_sms_attributes()["attributes"] == {"DefaultSMSType": "Transactional", "MonthlySpendLimit": "1"}
    assert not sns.check_if_phone_number_is_opted_out(phoneNumber="+15551234567")["isOptedOut"]


# ── what cannot be delivered ──


def test_what_a_function_or_queue_does_not_take_becomes_a_dead_letter(
    sns: Client, make_queue: MakeQueue, account: str
) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    letters = make_queue("letters")
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": letters.arn})}
    attributes = {"attr1": {"DataType": "Number", "StringValue": "1"}}
    gone = f"arn:aws:lambda:us-east-1:{account}:function:none"
    made = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=gone, Attributes=redrive)
    sns.publish(TopicArn=topic, Message="for nobody", MessageAttributes=attributes)
    (letter,) = letters.notifications()
    assert (letter["Message"], letter["Type"]) == ("for nobody", "Notification")
    assert letter["MessageAttributes"] == {"attr1": {"Type": "Number", "Value": "1"}}
    sns.unsubscribe(SubscriptionArn=made["SubscriptionArn"])
    raw = {**redrive, "RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=letters.arn.replace("letters", "none"), Attributes=raw)
    sns.publish(TopicArn=topic, Message="raw", MessageAttributes=attributes)
    (message,) = letters.receive()
    assert (message["Body"], message["MessageAttributes"]) == ("raw", attributes)


def test_a_queue_that_does_not_let_the_topic_in_gets_nothing(sns: Client, make_queue: MakeQueue) -> None:
    topic = sns.create_topic(Name="t")["TopicArn"]
    letters, closed = make_queue("letters"), make_queue("closed", Policy="")
    subscribe(sns, topic, closed, RedrivePolicy=json.dumps({"deadLetterTargetArn": letters.arn}))
    sns.publish(TopicArn=topic, Message="kept out")
    assert letters.texts(1) == ["kept out"]
    assert not closed.client.receive_message(QueueUrl=closed.url).get("Messages")


def test_a_site_is_tried_again_as_its_delivery_policy_says_then_its_message_is_a_dead_letter(site: Site) -> None:
    with local_platform(virtual_time=True) as own:
        own.clock.freeze()
        sns, queues = own.client("sns"), own.client("sqs")
        allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        url = queues.create_queue(QueueName="letters", Attributes={"Policy": policy})["QueueUrl"]
        topic = sns.create_topic(Name="t")["TopicArn"]
        healthy = {"numRetries": 3, "minDelayTarget": 10, "maxDelayTarget": 100, "numNoDelayRetries": 1}
        sns.subscribe(
            TopicArn=topic,
            Protocol="http",
            Endpoint=site.url,
            Attributes={
                "DeliveryPolicy": json.dumps({"healthyRetryPolicy": healthy}),
                "RedrivePolicy": json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:letters"}),
            },
        )
        visit(json.loads(site.wait(1)[0][1])["SubscribeURL"])
        site.statuses += [500, 429, 503, 500]
        sns.publish(TopicArn=topic, Message="hard to deliver")
        site.wait(3)
        own.clock.advance(9)
        assert len(site.came) == 3
        own.clock.advance(1)
        assert len(site.came) == 4
        own.clock.advance(99)
        assert len(site.came) == 4
        own.clock.advance(1)
        assert len(site.came) == 5
        (letter,) = eventually(lambda: queues.receive_message(QueueUrl=url).get("Messages"))
        assert json.loads(letter["Body"])["Message"] == "hard to deliver"
        site.statuses += [404]
        sns.publish(TopicArn=topic, Message="not wanted")
        site.wait(6)
        eventually(lambda: queues.receive_message(QueueUrl=url).get("Messages"))


def test_who_does_not_confirm_within_two_days_is_forgotten() -> None:
    with local_platform(virtual_time=True) as own:
        own.clock.freeze()
        sns = own.client("sns")
        topic = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
        (asked,) = eventually(lambda: outbox(own, "000000000000"))
        own.clock.advance(2 * 86_400 + 1200)
        assert sns.list_subscriptions()["Subscriptions"] == []
        assert outcome(sns.confirm_subscription, TopicArn=topic, Token=asked["token"])[1] == "InvalidParameter"
