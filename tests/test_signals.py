"""Signals are raised in processes of their own: one that other tests share has their libraries' handlers, too."""

import subprocess
import sys
import threading

import pytest

from tumorscope.core.signals import set_on_signals

RAISING = """
import signal, sys, threading
from tumorscope.core.signals import set_on_signals

number = getattr(signal, sys.argv[1])
stop, before = threading.Event(), signal.getsignal(number)
with set_on_signals(stop):
    with stop._cond:  # as within a wait that just begins or ends
        signal.raise_signal(number)
    assert stop.wait(180)
assert signal.getsignal(number) is before
print("stopped")
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_event_whose_lock_the_main_thread_holds_is_set_by_a_signal(name):
    done = subprocess.run([sys.executable, "-c", RAISING, name], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr


def test_without_a_signal_the_event_stays_unset_and_the_thread_ends():
    stop = threading.Event()
    with set_on_signals(stop):
        [thread] = [each for each in threading.enumerate() if each.name == "signals"]
    thread.join(180)
    assert not thread.is_alive()
    assert not stop.is_set()
