"""Publishing beside the work: how much of it at a time, and what becomes of errors and of a stop."""

from __future__ import annotations

import threading

import pytest

from dolma.publisher import Publisher


def never() -> bool:
    return False


def test_everything_is_published_and_no_more_than_asked_for_at_a_time() -> None:
    publisher = Publisher(3)
    lock = threading.Lock()
    under_way: set[int] = set()
    seen: list[int] = []
    most = 0

    def publish(index: int) -> None:
        nonlocal most
        with lock:
            under_way.add(index)
            most = max(most, len(under_way))
        assert index in publisher.busy
        with lock:
            under_way.discard(index)
            seen.append(index)

    for index in range(200):
        publisher.submit(index, lambda index=index: publish(index))  # type: ignore[misc]
    publisher.wait(never)
    assert sorted(seen) == list(range(200))
    assert 1 <= most <= 3
    assert not publisher.busy


def test_who_is_far_ahead_waits() -> None:
    publisher = Publisher(2)
    gate = threading.Event()
    submitted: list[int] = []

    def submit() -> None:
        for index in range(10):
            publisher.submit(index, gate.wait)
            submitted.append(index)

    thread = threading.Thread(target=submit)
    thread.start()
    thread.join(0.3)
    # Two under way and two that wait.
    assert len(submitted) == 4
    gate.set()
    thread.join()
    publisher.wait(never)
    assert len(submitted) == 10


def test_an_error_reaches_who_waits_and_stops_nothing_else() -> None:
    publisher = Publisher(2)
    seen: list[int] = []

    def fail() -> None:
        raise OSError("no more room")

    publisher.submit(0, fail)
    publisher.submit(1, lambda: seen.append(1))
    with pytest.raises(OSError, match="no more room"):
        publisher.wait(never)
    assert seen == [1]
    publisher.wait(never)


def test_a_stop_drops_what_was_not_begun_and_waits_for_what_was() -> None:
    publisher = Publisher(1)
    begun, gate = threading.Event(), threading.Event()
    seen: list[int] = []

    def publish() -> None:
        begun.set()
        gate.wait()
        seen.append(0)

    publisher.submit(0, publish)
    begun.wait()
    publisher.submit(1, lambda: seen.append(1))
    publisher.wait(lambda: True)
    publisher.stop(0.05)
    assert publisher.busy == {0}
    gate.set()
    publisher.stop(10)
    assert seen == [0]
    assert not publisher.busy
