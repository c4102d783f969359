"""The signature X-Hub-Signature: raw bytes, several secrets, never unsigned, whichever helpdesk makes it."""

import json
from datetime import UTC, datetime

import pytest

from agent.channels import CHANNELS
from agent.errors import NotSignedIn
from tests.vendor import FOLDER, hub_signed

NOW = datetime.now(UTC)
BODY, SECRET = b'{"id": "1", "text": "hi"}', "hub-secret"
HUB = pytest.mark.parametrize("kind", ["intercom", "zammad"])


@HUB
def test_each_of_several_secrets_signs(kind: str) -> None:
    for secrets in ([SECRET], ["new", SECRET]):
        assert CHANNELS[kind].verify(BODY, hub_signed(BODY, SECRET), secrets, NOW)


@HUB
def test_a_flipped_byte_another_secret_or_form_is_refused(kind: str) -> None:
    good = hub_signed(BODY, SECRET)["x-hub-signature"]
    for changed, signature in (
        (BODY.replace(b"hi", b"ho"), good),
        (BODY, hub_signed(BODY, "other")["x-hub-signature"]),
        (BODY, good.removeprefix("sha1=")),
        (BODY, good.upper()),
        (BODY, "sha1=\u00fc"),
        (BODY, ""),
    ):
        with pytest.raises(NotSignedIn):
            CHANNELS[kind].verify(changed, {"x-hub-signature": signature}, [SECRET], NOW)
    for headers, secrets in (({}, [SECRET]), (hub_signed(BODY, SECRET), [])):
        with pytest.raises(NotSignedIn):
            CHANNELS[kind].verify(BODY, headers, secrets, NOW)


@HUB
@pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with the reference vectors is not there")
def test_the_reference_vector(kind: str) -> None:
    vector = json.loads((FOLDER / "signature_vectors.json").read_text(encoding="utf-8"))[kind]
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    assert CHANNELS[kind].verify(vector["body"].encode(), headers, [vector["secret"]], NOW)
