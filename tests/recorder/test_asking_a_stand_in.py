"""The whole way: tests asked of what stands in for AWS, its answers kept, and ours compared with them.

A platform of its own, with an account and a region that are not ours, is the stand-in; the tests are of a module in a
folder of its own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform, local_platform
from tests.recorder.plugin import pytest_configure
from tests.recorder.target import TargetError, find_target
from tests.requirements import ROOT, process_environment

# The fixtures run pytest twice, each for as long as RUN_S at most.
RUN_S = 120
pytestmark = pytest.mark.timeout(2 * RUN_S + 60)

ACCOUNT, REGION = "210987654321", "eu-central-1"
CONFTEST = "from tests.services.conftest import *\n"
MODULE = """
import base64

import pytest
from lambent.testing.builders import zip_of

CODE = zip_of({"handler.py": '''
def handler(event, context):
    print("invoked as", context.invoked_function_arn)
    return context.invoked_function_arn
'''})

POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
TRUST = POLICY.replace('"Action": "s3:*", "Resource": "*"', '"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"')
PROFILE = "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/test"


@pytest.fixture
def shown(aws, role):
    def make(timeout=3):
        functions = aws("lambda")
        functions.create_function(
            FunctionName="f", Runtime="python3.13", Handler="handler.handler", Role=role, Code={"ZipFile": CODE},
            Timeout=timeout,
        )
        functions.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.02})
        return functions.get_function_configuration(FunctionName="f")

    return make


def test_same(shown, aws, account, region):
    arn = f"arn:aws:lambda:{region}:{account}:function:f"
    assert shown()["FunctionArn"] == arn
    answer = aws("lambda").invoke(FunctionName="f", LogType="Tail")
    assert arn in answer["Payload"].read().decode()
    assert f"invoked as {arn}" in base64.b64decode(answer["LogResult"]).decode()
    assert [each["FunctionName"] for each in aws("lambda").list_functions()["Functions"]] == ["f"]
    with pytest.raises(aws("lambda").exceptions.ResourceNotFoundException, match="function:none"):
        aws("lambda").get_function(FunctionName="none")


def test_otherwise(shown):
    shown()


@pytest.mark.differs_from_aws("lambda.GetFunctionConfiguration#1.Timeout", because="a test of the mark")
def test_marked(shown):
    shown()


@pytest.mark.differs_from_aws("lambda.GetFunctionConfiguration#1.Runtime", because="a test of the mark")
def test_marked_in_vain(shown):
    shown()


def test_changed_since(shown):
    shown(timeout=4)


@pytest.mark.not_kept("a test of the mark")
def test_by_chance(shown):
    shown()


@pytest.mark.timeout(5)
@pytest.mark.not_kept("a test of how long it may take")
def test_how_long_it_takes(aws, request):
    assert request.node.get_closest_marker("timeout").args == (1800,)


@pytest.mark.local_only("a test of the mark")
def test_local(shown):
    shown()


def test_of_the_platform(platform, aws):
    pass


def test_of_nothing():
    pass


def test_what_nobody_undoes(aws):
    aws("iam").create_user(UserName="u")


def test_that_fails(shown, aws):
    roles = aws("iam")
    roles.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    roles.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=POLICY)
    shown()
    signing = aws("lambda").create_code_signing_config(AllowedPublishers={"SigningProfileVersionArns": [PROFILE]})
    arn = signing["CodeSigningConfig"]["CodeSigningConfigArn"]
    aws("lambda").put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=arn)
    raise AssertionError("as told")
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the stand-in was asked, and what was left on it."""

    folder: Path
    output: str
    left: list[Any]  # Any: botocore's shapes

    def recorded(self) -> Any:  # Any: JSON
        return json.loads((self.folder / "kept" / "test_it.json").read_text())


def run_pytest(folder: Path, *options: str) -> str:
    """Run the module's tests and return what is printed."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.recorder.plugin",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
    ]
    environment = process_environment(
        PYTHONPATH=str(ROOT), AWS_ACCESS_KEY_ID=ACCOUNT, AWS_SECRET_ACCESS_KEY="local", AWS_DEFAULT_REGION=REGION
    )
    where = ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={folder}", "-o", "pythonpath=", "--tb=short", str(folder)]
    ran = subprocess.run(
        [*command, *where, f"--recordings={folder / 'kept'}", *options],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=RUN_S, check=False,
    )  # fmt: skip
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def stand_in() -> Iterator[LocalPlatform]:
    with local_platform() as running:
        yield running


@pytest.fixture(scope="module")
def asked(stand_in: LocalPlatform, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    folder = tmp_path_factory.mktemp("asked")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(MODULE)
    output = run_pytest(folder, "--target=aws", f"--stand-in={stand_in.endpoint_url}")
    functions = stand_in.client("lambda", account=ACCOUNT, region=REGION)
    roles = stand_in.client("iam", account=ACCOUNT, region=REGION)
    signing = functions.list_code_signing_configs()["CodeSigningConfigs"]
    left = [*functions.list_functions()["Functions"], *roles.list_roles()["Roles"], *signing]
    return Asked(folder, output, left)


@pytest.fixture(scope="module")
def compared(asked: Asked) -> str:
    """What is printed when the same tests run here, one of them changed, and AWS's answers having been others."""
    recorded = asked.recorded()
    for test in ("test_otherwise", "test_marked"):
        (shown,) = (call for call in recorded[test]["calls"] if call["operation"] == "lambda.GetFunctionConfiguration")
        shown["answer"]["Timeout"] = 5
        shown["answer"]["Added"] = None
        if test == "test_marked":
            del shown["answer"]["Added"]
    (asked.folder / "kept" / "test_it.json").write_text(json.dumps(recorded))
    (asked.folder / "test_it.py").write_text(MODULE.replace("shown(timeout=4)", "shown(timeout=6)"))
    return run_pytest(asked.folder, "-k", "not fails and not undoes and not takes")


def outcomes(output: str, word: str) -> list[str]:
    """Return the tests of which pytest's summary says the word."""
    lines = [line for line in output.splitlines() if line.startswith(f"{word} ")]
    return [line.partition("::")[2].partition(" ")[0] for line in lines]


def test_the_account_is_named_before_the_first_test(asked: Asked, stand_in: LocalPlatform) -> None:
    who = f"account {ACCOUNT}, region {REGION}, as arn:aws:iam::{ACCOUNT}:root"
    assert f"target: {stand_in.endpoint_url}, which stands in for AWS, {who}\n" in asked.output


def test_tests_that_pass_are_kept_without_what_is_the_accounts_own(asked: Asked) -> None:
    recorded = asked.recorded()
    assert outcomes(asked.output, "FAILED") == ["test_what_nobody_undoes", "test_that_fails"]
    assert sorted(recorded) == [
        "test_changed_since",
        "test_marked",
        "test_marked_in_vain",
        "test_otherwise",
        "test_same",
    ]
    text = json.dumps({name: entry["calls"] for name, entry in recorded.items()})
    assert ACCOUNT not in text
    assert REGION not in text
    assert "lambent-recorder" not in text
    assert not re.search(r"lt[0-9a-f]{8}-", text)
    operations = [call["operation"] for call in recorded["test_same"]["calls"]]
    assert operations == [
        "lambda.CreateFunction", "lambda.GetFunction", "lambda.GetFunctionConfiguration", "lambda.Invoke",
        "lambda.ListFunctions", "lambda.GetFunction",
    ]  # fmt: skip
    assert recorded["test_same"]["calls"][5]["answer"]["Error"]["Code"] == "ResourceNotFoundException"


def test_what_aws_has_not_is_skipped_with_its_reason(asked: Asked) -> None:
    for reason in (
        "a test of the mark",
        "it reaches into the platform (fixture `platform`)",
        "it has no client of AWS (fixture `aws`)",
    ):
        assert f"not on AWS: {reason}" in asked.output


def test_what_nobody_would_undo_is_not_sent(asked: Asked) -> None:
    assert "iam.CreateUser was not sent: tests/recorder/allowed.py does not list it" in asked.output


def test_nothing_is_left_not_even_by_a_test_that_fails(asked: Asked) -> None:
    assert "AssertionError: as told" in asked.output
    assert asked.left == []


def test_answers_are_compared_key_for_key_and_what_differs_is_told_by_its_path(compared: str) -> None:
    assert outcomes(compared, "FAILED") == ["test_otherwise", "test_marked_in_vain", "test_changed_since"]
    for name, aws, here in (("Timeout", "5", "3"), ("Added", "None", "(absent)")):
        path = f"lambda.GetFunctionConfiguration#1.{name}\n"
        told = compared.partition(path)[2]  # on CI pytest's summary says all of it once more
        assert told.startswith("    http")
        assert told.splitlines()[0].endswith(f": {aws}")
        assert told.splitlines()[1] == f"    here: {here}"


def test_a_mark_that_covers_no_difference_is_refused(compared: str) -> None:
    assert (
        'differs_from_aws("lambda.GetFunctionConfiguration#1.Runtime") covers no difference: remove the mark'
        in compared
    )


def test_a_test_that_asks_for_something_else_is_to_be_recorded_again(compared: str) -> None:
    assert "call 1, lambda.CreateFunction, asks for Timeout 6, 4 is recorded. Record it again:\n" in compared
    assert 'pytest "test_it.py::test_changed_since" --target aws' in compared


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Sets AWS's variables, and no others than those."""

    def set_only(**variables: str) -> None:
        for name in process_environment():
            if name.startswith("AWS_"):
                monkeypatch.delenv(name)
        nowhere = {name: str(tmp_path / name) for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
        for name, value in {**nowhere, "AWS_EC2_METADATA_DISABLED": "true", **variables}.items():
            monkeypatch.setenv(name, value)

    return set_only


KEY = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "local"}


def test_an_endpoint_that_is_not_aws_is_refused(bare: Callable[..., None], tmp_path: Path) -> None:
    bare(**KEY, AWS_DEFAULT_REGION=REGION, AWS_ENDPOINT_URL_LAMBDA="http://127.0.0.1:1")
    with pytest.raises(TargetError, match="AWS_ENDPOINT_URL_LAMBDA is set: unset it to reach AWS itself"):
        find_target()
    (tmp_path / "AWS_CONFIG_FILE").write_text("[default]\nendpoint_url = http://127.0.0.1:1\n")
    bare(**KEY, AWS_DEFAULT_REGION=REGION)
    with pytest.raises(TargetError, match=r"sts is at http://127\.0\.0\.1:1 for this profile"):
        find_target()


def test_credentials_and_a_region_have_to_be_there(bare: Callable[..., None]) -> None:
    bare(AWS_DEFAULT_REGION=REGION)
    with pytest.raises(TargetError, match="There are no AWS credentials"):
        find_target()
    bare(**KEY)
    with pytest.raises(TargetError, match="There is no AWS region"):
        find_target()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--target=aws", "--stand-in=http://127.0.0.1:1"], "--stand-in needs --recordings"),
        (["--stand-in=http://127.0.0.1:1"], "--stand-in is for --target aws."),
    ],
)
def test_options_that_make_no_sense_are_refused(options: list[str], told: str) -> None:
    config = pytest.Config.fromdictargs({}, ["-p", "no:terminal", *options])
    with pytest.raises(pytest.UsageError, match=told):
        pytest_configure(config)
