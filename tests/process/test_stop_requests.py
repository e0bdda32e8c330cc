import signal
import subprocess
import sys
import threading

import pytest

from accel.errors import ExitCode, Interrupted
from accel.process.stop_requests import EXIT_CODES, StopRequests


def test_exit_codes_are_the_contract():
    assert EXIT_CODES[signal.SIGINT] is ExitCode.SIGINT
    assert EXIT_CODES[signal.SIGTERM] is EXIT_CODES[signal.SIGUSR1] is ExitCode.SIGTERM
    assert EXIT_CODES[signal.SIGUSR2] is ExitCode.SIGTERM
    assert [EXIT_CODES[n] for n in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)] == [
        129,
        130,
        131,
        143,
    ]


@pytest.mark.parametrize("number", EXIT_CODES, ids=lambda n: n.name)
def test_every_request_is_heard(number):
    """Negative control: a signal that is not in the list kills this process."""
    before = signal.signal(number, signal.SIG_DFL)  # under nohup, which the tests may be, one of them is ignored
    try:
        with StopRequests(deferred=True) as requests:
            signal.raise_signal(number)
            assert requests.received is number
    finally:
        signal.signal(number, before)


def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequests(deferred=True) as requests:
            signal.raise_signal(signal.SIGHUP)
            assert requests.received is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_request_is_raised_once_and_the_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopRequests(deferred=False) as requests:
        with pytest.raises(Interrupted, match="SIGTERM") as error:
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert error.value.exit_code == 143
    assert requests.received is signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_deferred_request_is_only_noted():
    with StopRequests(deferred=True) as requests:
        signal.raise_signal(signal.SIGINT)
        assert requests.received is signal.SIGINT


def test_who_insists_ends_the_process():
    insisting = """
import signal, time
from accel.process import stop_requests
stop_requests.SAME_REQUEST_S = 0.05
with stop_requests.StopRequests(deferred=True):
    for _ in range(2):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0.1)
"""
    assert subprocess.run([sys.executable, "-c", insisting], check=False, timeout=60).returncode == -signal.SIGTERM


def test_another_thread_hears_nothing_and_breaks_nothing():
    def enter():
        with StopRequests(deferred=False):
            done.append(True)

    done = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert done
