from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lambent.aws.access_keys import IdKind, account_of, unique_id
from lambent.base.identifiers import SeededIds


@given(st.integers(0, 10**12 - 1), st.integers(0, 2**32), st.sampled_from([IdKind.ACCESS_KEY, IdKind.SESSION_KEY]))
def test_a_key_tells_its_account(account: int, seed: int, kind: IdKind) -> None:
    key = unique_id(kind, f"{account:012d}", SeededIds(seed).base32(20))
    assert len(key) == 20
    assert account_of(key) == f"{account:012d}"


def test_a_key_of_aws_tells_the_account_it_was_issued_in() -> None:
    # From a public write-up of the format: https://hackingthe.cloud/aws/enumeration/get-account-id-from-keys/
    assert account_of("ASIAQNZGKIQY56JQ7WML") == "029608264753"


def test_what_is_no_key_tells_nothing() -> None:
    for text in ("", "test", "000000000000", "AKIA", "AROAQNZGKIQY56JQ7WML", "ASIAQNZGKIQY56JQ7WM1"):
        assert account_of(text) is None


def test_ids_of_every_kind_have_their_prefix_and_length() -> None:
    for kind in IdKind:
        made = unique_id(kind, "000000000000", SeededIds(1).base32(20))
        assert (made[:4], len(made)) == (kind.value, kind.length)
