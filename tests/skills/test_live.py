"""One value a desk, swapped whole, in a bounded cache."""

import threading

from skills.live import Live


def test_a_snapshot_outlives_a_swap() -> None:
    live: Live[list[int]] = Live(lambda _: [1])
    before = live.snapshot("a")
    live.swap("a", [2])
    assert (before, live.snapshot("a")) == ([1], [2])


def test_the_least_used_desk_leaves_first_and_comes_back() -> None:
    loaded: list[str] = []

    def load(desk: str) -> str:
        loaded.append(desk)
        return desk

    live = Live(load, desks=2)
    for desk in ("a", "b", "a", "c", "a", "b"):
        assert live.snapshot(desk) == desk
    assert loaded == ["a", "b", "c", "b"]
    assert sorted(live.desks()) == ["a", "b"]
    assert live.peek("c") is None


def test_many_threads_see_only_whole_values() -> None:
    live: Live[tuple[int, int]] = Live(lambda _: (0, 0))
    torn: list[tuple[int, int]] = []

    def read() -> None:
        for _ in range(3000):
            seen = live.snapshot("a")
            if seen[0] != seen[1]:
                torn.append(seen)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(3000):
        live.swap("a", (number, number))
    for thread in threads:
        thread.join()
    assert torn == []
