"""Helpdesk connections and deliveries by command."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import get_args

import httpx
import pytest
from standardwebhooks import Webhook

from agent.api.schemas.connections import ConnectionRequest
from frostdesk.channels import Kind
from frostdesk.queue_server import free_port
from tests.conftest import Running, wait_for
from tests.frostdesk.conftest import done, refused, shown


@pytest.fixture
def zen(server: Running) -> Iterator[dict[str, str]]:
    """A connection to a helpdesk that does not answer."""
    url = f"http://127.0.0.1:{free_port()}/frostdesk"
    yield shown(server.command("channel", "new", "zen", "--url", url, "--json"))
    server.command("channel", "remove", "zen")


def test_a_connection_is_made_listed_and_removed(server: Running) -> None:
    said = done(server.command("channel", "new", "paper-mail"))
    assert f"endpoint  {server.url}/webhooks/standard/con_" in said
    secret = said.split()[-1]
    assert secret.startswith("whsec_")
    assert "already" in refused(server.command("channel", "new", "paper-mail"), 2)
    listed = done(server.command("channel", "list"))
    assert "paper-mail" in listed
    assert "nothing is posted" in listed
    assert secret not in listed
    assert done(server.command("channel", "remove", "paper-mail")) == "Removed.\n"
    assert "paper-mail" in refused(server.command("channel", "remove", "paper-mail"), 2)


def test_a_bad_secret_or_address_is_refused(server: Running) -> None:
    assert "whsec_" in refused(server.command("channel", "new", "zen", "--secret", "hunter2"), 2)
    refused(server.command("channel", "new", "zen", "--url", "ftp://helpdesk.example"), 2)


def test_a_delivery_that_does_not_arrive_is_listed_and_sent_again(server: Running, zen: dict[str, str]) -> None:
    with server.admin() as admin:
        post_ticket(admin, zen)
        wait_for(lambda: any(row["error"] for row in admin.get("/v1/admin/deliveries").json()))
    [row] = [row for row in shown(server.command("delivery", "list", "--json")) if row["connection"] == "zen"]
    assert (row["status"], row["answer_status"]) == ("queued", None)
    listed = done(server.command("delivery", "list", "--status", "queued"))
    assert row["id"] in listed
    assert "zen" in listed
    assert done(server.command("delivery", "resend", row["id"])) == "Queued.\n"


def post_ticket(client: httpx.Client, connection: dict[str, str]) -> None:
    ticket = {"ticket_id": "T1", "text": "how do I change my PIN"}
    body = json.dumps({"type": "ticket.created", "data": ticket})
    at = datetime.now(UTC)
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(connection["secret"]).sign("evt_1", at, body),
    }
    assert client.post(connection["endpoint"], content=body, headers=headers).status_code == 202


def test_every_kind_of_helpdesk_can_be_named() -> None:
    assert get_args(Kind) == get_args(ConnectionRequest.model_fields["kind"].annotation)


def test_a_chatwoot_is_connected_without_showing_its_token_and_tried_out(server: Running) -> None:
    command = ("channel", "new", "cw", "--kind", "chatwoot", "--url", "http://127.0.0.1:1")
    command = (*command, "--token", "bot-token")
    assert "account_id" in refused(server.command(*command), 2)
    unknown = server.command("channel", "new", "cw", "--kind", "chatwood")
    assert (unknown.returncode, "'chatwoot'" in unknown.stderr, "token" in unknown.stderr) == (2, True, False)
    assert "NAME=VALUE" in refused(server.command(*command, "--with", "account_id"), 2)
    made = server.command(*command, "--with", "account_id=3", "--secret", "s3cret", "--mode", "draft")
    assert f"endpoint  {server.url}/webhooks/chatwoot/con_" in done(made)
    listed = done(server.command("channel", "list"))
    assert "cw  chatwoot  draft  " in listed
    tried = done(server.command("channel", "test", "cw"))
    assert "1  posted to /webhooks/chatwoot/con_" in tried
    assert "2  read by a worker: intent greeting, said" in tried
    assert "would have sent: note" in tried
    [row] = shown(server.command("channel", "events", "cw", "--json"))
    assert (row["status"], row["ticket_id"]) == ("handled", "0")
    assert "message_created:" in done(server.command("channel", "events", "cw"))
    again = done(server.command("channel", "test", "cw"))
    assert "greeting" in again
    skipped = shown(server.command("delivery", "list", "--status", "skipped", "--json"))
    assert {(row["connection"], row["action"]) for row in skipped} == {("cw", "note")}
    assert "bot-token" not in listed + tried + str(skipped)
    done(server.command("channel", "remove", "cw"))


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("zammad", ("--secret", "s3cret", "--with", "user_id=5")),
        ("freshdesk", ("--with", "group_id=45")),
        ("helpscout", ("--secret", "s3cret", "--with", "app_id=abc", "--with", "user_id=5")),
        ("front", ("--secret", "s3cret", "--with", "user_id=tea_2")),
        ("gorgias", ("--with", "email=bot@shop.example", "--with", "user_id=5")),
        ("slack", ("--secret", "s3cret", "--with", "notes_channel=C1NOTES")),
        ("hubspot", ("--secret", "s3cret", "--with", "user_id=5")),
        (
            "sunshine",
            ("--secret", "s3cret", "--with", "app_id=6a1", "--with", "key_id=app_6b2", "--with", "integration=bot"),
        ),
    ],
)
def test_a_newly_connected_helpdesk_is_tried_out(server: Running, kind: str, more: tuple[str, ...]) -> None:
    command = ("channel", "new", kind, "--kind", kind, "--url", "http://127.0.0.1:1", "--token", "api-token")
    made = done(server.command(*command, *more, "--mode", "draft"))
    assert f"endpoint  {server.url}/webhooks/{kind}/con_" in made
    assert "(none" not in made
    tried = done(server.command("channel", "test", kind))
    assert "2  read by a worker: intent greeting, said" in tried
    assert "would have sent: note" in tried
    assert "api-token" not in made + tried
    done(server.command("channel", "remove", kind))


def test_a_token_is_not_waited_for_where_nobody_can_type_it(server: Running) -> None:
    given = ("--kind", "chatwoot", "--url", "https://chat.example", "--with", "account_id=3")
    assert "FROSTDESK_CHANNEL_TOKEN" in refused(server.command("channel", "new", "cw", *given), 2)


def test_a_mode_and_a_secret_are_changed(server: Running, zen: dict[str, str]) -> None:
    assert done(server.command("channel", "mode", "zen", "watch")) == "zen: watch.\n"
    assert "mode" in refused(server.command("channel", "mode", "zen", "shout"), 2)
    assert "no connection called" in refused(server.command("channel", "mode", "zed", "watch"), 2)
    newer = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
    assert "until the next change" in done(server.command("channel", "secret", "zen", newer))
    assert "whsec_" in refused(server.command("channel", "secret", "zen", "short"), 2)
    with server.admin() as admin:
        for secret in (zen["secret"], newer):
            post_ticket(admin, {**zen, "secret": secret})
    tried = done(server.command("channel", "test", "zen"))
    assert "would have sent: nothing" in tried
