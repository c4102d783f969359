"""Standard Webhooks in and out, and where deliveries may go."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore
import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from agent.addresses import check_url, is_public, safe_transport
from agent.channels import standard
from agent.channels.channel import Heard
from agent.errors import BadInput, NotSignedIn

NOW = datetime.now(UTC)
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDOC9k1XmNj+M="
OTHER = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
BODY = json.dumps({"type": "ticket.created", "data": {"ticket_id": "T1", "text": "card lost"}}).encode()


def headers(body: bytes, secret: str = SECRET, at: datetime | None = None, event: str = "evt_1") -> dict[str, str]:
    at = at or datetime.now(UTC)
    return {
        "webhook-id": event,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event, at, body.decode()),
    }


def test_a_ticket_lists_what_a_page_would_offer_as_buttons() -> None:
    near = [{"slug": "fees", "question": "What does it cost?", "link": None}, {"slug": "gone", "question": None}]
    turn = dict.fromkeys(("article", "escalation", "conversation_id", "turn_id")) | {"suggestions": near}
    data = standard.plan("answer", "T1", {**turn, "reply": "One of these?"}, {"topic": "cards"})[0].payload["data"]
    assert (data["reply"], data["suggestions"]) == ("One of these?\n- What does it cost?", near)
    assert standard.plan("answer", "T1", {**turn, "reply": None}, {})[0].payload["data"]["reply"] is None


class TestVerify:
    """The signature is checked on the raw bytes."""

    def test_a_good_signature_gives_the_event_id(self) -> None:
        assert standard.verify(BODY, headers(BODY), [SECRET], NOW) == "evt_1"

    def test_any_of_several_secrets_may_have_signed(self) -> None:
        assert standard.verify(BODY, headers(BODY, OTHER), [SECRET, OTHER], NOW) == "evt_1"

    def test_a_flipped_byte_another_secret_or_time_is_refused(self) -> None:
        old, future = (datetime.now(UTC) + timedelta(minutes=m) for m in (-6, 6))
        for body, sent in (
            (BODY.replace(b"lost", b"l0st"), headers(BODY)),
            (BODY, headers(BODY, OTHER)),
            (BODY, headers(BODY, at=old)),
            (BODY, headers(BODY, at=future)),
        ):
            with pytest.raises(NotSignedIn):
                standard.verify(body, sent, [SECRET], NOW)

    @pytest.mark.parametrize("signature", ["", "v1", "v1,", "v1,###", "nonsense", "v1,a,b", "v2,abc="])
    def test_malformed_headers_are_refused(self, signature: str) -> None:
        with pytest.raises(NotSignedIn):
            standard.verify(BODY, {**headers(BODY), "webhook-signature": signature}, [SECRET], NOW)
        for missing in ("webhook-id", "webhook-timestamp", "webhook-signature"):
            sent = {name: value for name, value in headers(BODY).items() if name != missing}
            with pytest.raises(NotSignedIn):
                standard.verify(BODY, sent, [SECRET], NOW)
        with pytest.raises(NotSignedIn):
            standard.verify(BODY, {**headers(BODY), "webhook-timestamp": "soon"}, [SECRET], NOW)

    def test_bytes_that_are_no_text_are_refused_not_let_through(self) -> None:
        with pytest.raises(NotSignedIn):
            standard.verify(b"\xff\xfe", headers(BODY), [SECRET], NOW)

    def test_the_published_vector(self) -> None:
        """A vector of the convention's own library, if the shared folder is beside the checkout."""
        path = (
            Path(os.environ.get("FROSTDESK_SHARED", "../shared")) / "integrations/webhooks/standardwebhooks_vector.json"
        )
        if not path.exists():
            pytest.skip(f"{path} is not there")
        vector = json.loads(path.read_text())
        at = datetime.fromtimestamp(int(vector["headers"]["webhook-timestamp"]), UTC)
        signed = Webhook(vector["secret"]).sign(vector["headers"]["webhook-id"], at, vector["body"])
        assert signed == vector["headers"]["webhook-signature"]


class TestParse:
    """What a verified event says."""

    def test_subject_and_text_make_the_message(self) -> None:
        event = {
            "type": "ticket.replied",
            "data": {"ticket_id": "T1", "subject": "Card", "text": "lost", "x": 1},
        }
        ticket = standard.parse(json.dumps(event).encode())
        assert ticket == Heard("T1", "Card\n\nlost")

    def test_other_events_are_ignored(self) -> None:
        assert standard.parse(b'{"type": "ticket.closed", "data": {}}') is None

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"{", "body"),
            (b'{"type": "ticket.created", "data": {"ticket_id": "T1"}}', "text"),
            (b'{"type": "ticket.created", "data": {"ticket_id": "", "text": "x"}}', "ticket_id"),
            (b'{"type": 5, "data": {}}', "type"),
            (b'{"type": "ticket.created", "data": []}', "data"),
        ],
    )
    def test_what_is_wrong_is_named(self, body: bytes, words: str) -> None:
        with pytest.raises(BadInput, match=words):
            standard.parse(body)


def test_what_we_send_verifies_with_the_conventions_library() -> None:
    payload = {"type": "ticket.handled", "data": {"reply": "Grüße"}}
    body, sent = standard.signed(payload, [SECRET], "dlv_1", datetime.now(UTC))
    assert Webhook(SECRET).verify(body, sent) == payload
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(body, sent)
    body, sent = standard.signed(payload, [OTHER, SECRET], "dlv_1", datetime.now(UTC))
    assert [Webhook(secret).verify(body, sent) for secret in (SECRET, OTHER)] == [payload, payload]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:8.8.8.8", True),
        ("224.0.0.1", False),
    ],
)
def test_only_the_open_internet_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.example",
        "https://",
        "nonsense",
        "http://x.example/hook",
        "javascript:alert(1)",
        "https://x.example:65536",
        f"https://x.example:{2**64}",
    ],
)
def test_a_delivery_address_must_be_https(url: str) -> None:
    with pytest.raises(BadInput):
        check_url(url, private=False)


def test_a_trial_may_deliver_to_itself() -> None:
    assert check_url("http://127.0.0.1:9/x", private=True) == "http://127.0.0.1:9/x"
    assert check_url("https://x.example/hook", private=False) == "https://x.example/hook"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"])
def test_a_private_address_is_never_connected_to(host: str) -> None:
    with httpx.Client(transport=safe_transport(private=False, seconds=2), timeout=2, trust_env=False) as client:
        with pytest.raises((httpx.ConnectError, httpcore.ConnectError), match="not a public address"):
            client.post(f"http://{host}:9/", content=b"x")
