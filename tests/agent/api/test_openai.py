"""OpenAI's protocol, spoken by its own client."""

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.agent.api.conftest import CARD, HUMAN, NEARLY, TwoDesks
from tests.conftest import Running

MODEL = "frostdesk/pennywhistle"
PATH = "/v1/chat/completions"


@pytest.fixture
def client(admin: httpx.Client) -> Iterator[openai.OpenAI]:
    key = admin.headers["authorization"].removeprefix("Bearer ")
    plain = httpx.Client(trust_env=False)
    url = f"{str(admin.base_url).rstrip('/')}/v1"
    with openai.OpenAI(api_key=key, base_url=url, max_retries=0, http_client=plain) as made:
        yield made


def user(*texts: str) -> list[dict[str, Any]]:
    """The user's messages, each but the last with a reply after it."""
    said = [{"role": role, "content": text} for text in texts for role in ("user", "assistant")]
    return said[:-1]


def complete(client: openai.OpenAI, *texts: str, **more: Any) -> Any:
    return client.chat.completions.create(model=MODEL, messages=user(*texts), **more)  # type: ignore[call-overload]


def test_desks_are_models(client: openai.OpenAI) -> None:
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).owned_by == "frostdesk"


def test_an_answer_is_a_completion(client: openai.OpenAI) -> None:
    done = complete(client, CARD, user="ann")
    assert (done.choices[0].finish_reason, done.object) == ("stop", "chat.completion")
    assert done.choices[0].message.content.startswith(done.frostdesk["reply"])
    assert done.frostdesk["article"]["slug"] == "card-not-arrived"
    assert 0 < done.usage.prompt_tokens < done.usage.total_tokens


def test_a_stream_adds_up_to_the_same_and_ends_with_the_usage(client: openai.OpenAI) -> None:
    whole = complete(client, NEARLY, user="bob")
    chunks = list(complete(client, NEARLY, user="bob", stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks[:-1]) == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-2].frostdesk["outcome"] == "out_of_scope"
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert {c.id for c in chunks} == {whole.id}


def test_offered_questions_are_written_out(client: openai.OpenAI) -> None:
    done = complete(client, NEARLY, user="eve")
    lines = done.choices[0].message.content.splitlines()
    assert lines[1:] == [f"- {offered['question']}" for offered in done.frostdesk["suggestions"]]


@pytest.mark.parametrize("name", [{"user": "carl"}, {"metadata": {"conversation": "c-1"}}, {}])
def test_a_conversation_goes_on_until_a_human_has_it(client: openai.OpenAI, name: dict[str, Any]) -> None:
    first = complete(client, CARD, **name)
    second = complete(client, CARD, HUMAN, **name)
    assert second.frostdesk["conversation_id"] == first.frostdesk["conversation_id"]
    assert second.frostdesk["escalation"]["reason"] == "asked_for_human"
    third = complete(client, CARD, HUMAN, "hello?", **name)
    assert (third.frostdesk["outcome"], third.choices[0].message.content) == ("silent", "")


def test_a_repeated_request_counts_once(client: openai.OpenAI, admin: httpx.Client) -> None:
    done = [complete(client, CARD, user="dora") for _ in range(2)]
    assert done[0].id == done[1].id
    read = admin.get(
        f"/v1/conversations/{done[0].frostdesk['conversation_id']}/messages", params={"desk": "pennywhistle"}
    )
    assert [message["author"] for message in read.json()["messages"]] == ["customer", "bot"]


def test_an_idempotency_key_tells_equal_messages_apart(client: openai.OpenAI) -> None:
    ids = [complete(client, CARD, user="fay", extra_headers={"Idempotency-Key": key}).id for key in ("1", "2", "2")]
    assert ids[0] != ids[1] == ids[2]


def test_two_customers_do_not_meet(client: openai.OpenAI) -> None:
    one, two = complete(client, CARD, user="gus"), complete(client, CARD, user="hal")
    assert one.frostdesk["conversation_id"] != two.frostdesk["conversation_id"]


def test_customers_without_names_go_on_apart_after_the_same_words(client: openai.OpenAI) -> None:
    opened = [complete(client, CARD) for _ in range(2)]
    went_on = [complete(client, CARD, HUMAN) for _ in range(2)]
    ids = {done.frostdesk["conversation_id"] for done in opened}
    assert len(ids) == 2
    assert went_on[0].frostdesk["conversation_id"] in ids
    assert [done.frostdesk["outcome"] for done in went_on] == ["escalated", "escalated"]


def test_a_second_message_without_names_counts_once(client: openai.OpenAI) -> None:
    complete(client, NEARLY)
    assert len({complete(client, NEARLY, CARD).id for _ in range(2)}) == 1


def test_a_first_message_counts_once_by_its_idempotency_key(client: openai.OpenAI) -> None:
    ids = [complete(client, CARD, extra_headers={"Idempotency-Key": key}).id for key in ("a", "b", "b")]
    assert ids[0] != ids[1] == ids[2]


def test_errors_are_those_of_openai(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as wrong_key:
        complete(client.with_options(api_key="fd_no.no"), CARD)
    assert wrong_key.value.code == "invalid_api_key"
    for model in ("gpt-5", "frostdesk/", "frostdesk/none"):
        with pytest.raises(openai.NotFoundError) as wrong_model:
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": CARD}])
        assert wrong_model.value.code == "model_not_found"
    picture = [{"type": "image_url", "image_url": {"url": "data:,"}}]
    for content in ("", " ", "\0", "x" * 10_001, picture, None):
        with pytest.raises(openai.BadRequestError) as bad:
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])  # type: ignore[misc,list-item]
        assert bad.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"model": 1, "messages": 2}', 400),
        (b'{"model": "frostdesk/pennywhistle", "messages": []}', 400),
        (b'{"model": "frostdesk/pennywhistle", "messages": [{"role": "system", "content": "x"}]}', 400),
        (b" " * 10_000_000, 413),
    ],
)
def test_what_cannot_be_read_gets_one_error(admin: httpx.Client, body: bytes, status: int) -> None:
    answer = admin.post(PATH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_key_of_one_desk_opens_no_other_model(desks: TwoDesks) -> None:
    assert [model["id"] for model in desks.other.get("/v1/models").json()["data"]] == ["frostdesk/quiet"]
    refused = desks.other.post(PATH, json={"model": MODEL, "messages": user(CARD)})
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")


def test_a_visitors_token_and_a_foreign_page_are_refused(
    server: Running, admin: httpx.Client, visitor: httpx.Client
) -> None:
    body = {"model": MODEL, "messages": user(CARD)}
    assert visitor.post(PATH, json=body).json()["error"]["code"] == "invalid_api_key"
    foreign = admin.post(PATH, json=body, headers={"origin": "https://elsewhere.example"})
    assert (foreign.status_code, foreign.json()["error"]["type"]) == (403, "permission_error")
