"""Hints are sent beside the turn, in order, and never hold up a process that ends."""

import json
import socket
import threading
from base64 import b64decode

from redis import Redis

from agent.jobs import CHANNEL, QUEUES, Jobs


def test_what_was_told_before_closing_is_heard_in_order(queue_url: str) -> None:
    listener = Redis.from_url(queue_url).pubsub(ignore_subscribe_messages=True)
    listener.subscribe(CHANNEL)
    assert listener.get_message(timeout=5) is None  # the subscription itself
    jobs = Jobs(queue_url)
    for number in range(20):
        jobs.tell("conversation", f"c{number}")
    jobs.close()
    heard = []
    while len(heard) < 20:
        message = listener.get_message(timeout=5)
        assert message is not None, heard
        heard.append(message["data"].decode())
    assert heard == [f"conversation:c{number}" for number in range(20)]
    listener.close()


def test_a_nudge_that_is_not_waited_for_reaches_its_queue(queue_url: str) -> None:
    url = f"{queue_url.removesuffix('/0')}/6"
    with Redis.from_url(url) as redis:
        redis.flushdb()
        jobs = Jobs(url)
        jobs.nudge_soon("send_events", "end_1")
        jobs.close()
        [message] = redis.lrange(QUEUES["send_events"], 0, -1)
        assert json.loads(b64decode(json.loads(message)["body"]))[0] == ["end_1"]
        redis.flushdb()


def test_a_queue_server_that_never_answers_holds_up_neither_telling_nor_closing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        jobs = Jobs(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        for number in range(2000):
            jobs.tell("conversation", f"c{number}")
        closing = threading.Thread(target=jobs.close, daemon=True)
        closing.start()
        closing.join(20)
        assert not closing.is_alive(), "a thousand hints of two seconds each were waited for"
