"""A secret is its mask wherever it is shown, and text of others loses what looks like one."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.secret import Secret, mask, redact

KEY = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz-XwAA"


def test_every_way_to_show_a_secret_shows_its_mask() -> None:
    secret = Secret(KEY)
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r}",
        json.dumps({"k": secret}, default=str),
    ]
    assert all(KEY not in text and "sk-ant-a...XwAA" in text for text in shown)
    assert secret.reveal() == KEY


def test_a_secret_is_not_pickled_and_has_no_attributes_to_walk() -> None:
    with pytest.raises(TypeError, match="reveal"):
        pickle.dumps(Secret(KEY))
    assert not hasattr(Secret(KEY), "__dict__")


def test_equal_values_are_equal_secrets() -> None:
    assert Secret(KEY) == Secret(KEY)
    assert len({Secret(KEY), Secret(KEY), Secret("x")}) == 2
    assert Secret(KEY) != KEY


@given(st.text(max_size=60))
def test_a_mask_never_shows_more_than_half(value: str) -> None:
    shown = mask(value)
    assert len(shown.replace("...", "", 1)) <= max(0, len(value) // 2)
    assert len(value) < 16 or shown.startswith(value[:4])


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        "sk-proj-0123456789abcdefghij",
        "gsk_0123456789abcdefghij",
        "AIzaSyD0123456789abcdefghijklmnopqrstuv",
        "AKIAIOSFODNN7EXAMPLE",
        "xai-0123456789abcdefghij",
        "hf_0123456789abcdefghij",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "key={}, next", '{{"api_key": "{}"}}', "Incorrect API key provided: {}.", "({})"]
)
def test_credentials_of_known_shape_are_redacted_wherever_they_stand(secret: str, around: str) -> None:
    text = redact(around.format(secret))
    assert secret not in text
    assert secret[6:] not in text
    assert "[redacted]" in text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
        ("GET https://host/v1?key=abcdef0123456789&alt=sse", "abcdef0123456789"),
        ("postgresql://me:hunter2@db.example/x", "hunter2"),
        ("redis://:hunter2@cache.example/0", "hunter2"),
        ("x-api-key: abcdef0123456789", "abcdef0123456789"),
    ],
)
def test_credentials_without_a_shape_are_redacted_where_http_carries_them(text: str, secret: str) -> None:
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "the sky is blue and the task-force-of-twelve is here",
        "model gpt-4o-mini, request req_011CSHoEeqs5C35K2UUqR7Fy",
        "018f4e2a-7c1b-7def-8abc-0123456789ab",
        "http://127.0.0.1:8700/api/v1/jobs",
        "",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert redact(text) == text
