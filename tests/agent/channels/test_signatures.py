"""Signatures by HMAC-SHA1 over the body alone: raw bytes, several secrets, never unsigned, whichever helpdesk makes it."""

import json
from datetime import UTC, datetime

import pytest

from agent.channels import CHANNELS
from agent.errors import NotSignedIn
from tests import helpscout
from tests.vendor import FOLDER, hub_signed

NOW = datetime.now(UTC)
BODY, SECRET = b'{"id": "1", "text": "hi"}', "hub-secret"
SIGNERS = {"intercom": hub_signed, "zammad": hub_signed, "helpscout": helpscout.signed}
EACH = pytest.mark.parametrize("kind", list(SIGNERS))


def header_of(kind: str) -> str:
    return "x-helpscout-signature" if kind == "helpscout" else "x-hub-signature"


@EACH
def test_each_of_several_secrets_signs(kind: str) -> None:
    for secrets in ([SECRET], ["new", SECRET]):
        assert CHANNELS[kind].verify(BODY, SIGNERS[kind](BODY, SECRET), secrets, NOW)


@EACH
def test_a_flipped_byte_another_secret_or_form_is_refused(kind: str) -> None:
    sign, header = SIGNERS[kind], header_of(kind)
    good = sign(BODY, SECRET)[header]
    for changed, signature in (
        (BODY.replace(b"hi", b"ho"), good),
        (BODY, sign(BODY, "other")[header]),
        (BODY, good[len("sha1=") :]),
        (BODY, good.upper()),
        (BODY, "sha1=\u00fc"),
        (BODY, ""),
    ):
        with pytest.raises(NotSignedIn):
            CHANNELS[kind].verify(changed, {header: signature}, [SECRET], NOW)
    for headers, secrets in (({}, [SECRET]), (sign(BODY, SECRET), [])):
        with pytest.raises(NotSignedIn):
            CHANNELS[kind].verify(BODY, headers, secrets, NOW)


@EACH
@pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with the reference vectors is not there")
def test_the_reference_vector(kind: str) -> None:
    vector = json.loads((FOLDER / "signature_vectors.json").read_text(encoding="utf-8"))[kind]
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    assert CHANNELS[kind].verify(vector["body"].encode(), headers, [vector["secret"]], NOW)
