from __future__ import annotations

import base64

import pytest

from lambent.cloud.services.sts.model import NotOurs, Session, Tampered, opened, sealed, secret_access_key

SECRET = b"s" * 32
SESSION = Session("ASIA" + "Q" * 16, "assumed-role", "0" * 12, "arn:aws:sts::0:assumed-role/r/s", "AROAX:s", 10.0)


def test_a_token_says_what_was_sealed_in_it() -> None:
    assert opened(sealed(SESSION, SECRET), SECRET) == SESSION


def test_a_token_changed_anywhere_is_refused() -> None:
    raw = base64.b64decode(sealed(SESSION, SECRET))
    for place in range(3, len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(Tampered):
            opened(base64.b64encode(changed).decode(), SECRET)


def test_a_token_of_another_platform_is_refused_and_one_of_aws_is_not_ours() -> None:
    with pytest.raises(Tampered):
        opened(sealed(SESSION, b"t" * 32), SECRET)
    for token in ("", "test", "not base 64 ü", "IQoJb3JpZ2luX2VjEAEaCXVzLWVhc3QtMQ=="):
        with pytest.raises(NotOurs):
            opened(token, SECRET)


def test_the_secret_half_follows_from_the_key_and_the_platform() -> None:
    found = secret_access_key(SESSION.access_key, SECRET)
    assert len(found) == 40
    assert found != secret_access_key(SESSION.access_key, b"t" * 32)
