import signal
import threading

import pytest

from tumorscope.core.signals import set_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_event_whose_lock_the_main_thread_holds_is_set_by_a_signal(number):
    stop = threading.Event()
    before = signal.getsignal(number)
    with set_on_signals(stop):
        with stop._cond:  # pyright: ignore[reportAttributeAccessIssue]  # as within a wait that just begins or ends
            signal.raise_signal(number)
        assert stop.wait(180)
    assert signal.getsignal(number) is before


def test_without_a_signal_the_event_stays_unset_and_the_thread_ends():
    stop = threading.Event()
    with set_on_signals(stop):
        [thread] = [each for each in threading.enumerate() if each.name == "signals"]
    thread.join(180)
    assert not thread.is_alive()
    assert not stop.is_set()
