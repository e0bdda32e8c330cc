"""The parent of all jobs, imported in a process of its own as the fork server imports it."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_importing_it_starts_no_thread_and_says_nothing():
    program = "import accel.sweep.preload as s, sys; print(s.UNSAFE, 'torch' in sys.modules, 'hydra' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "None True True\n"


@pytest.mark.slow
def test_a_thread_makes_a_fork_unsafe():
    program = (
        "import threading, time; threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n"
        "import accel.sweep.preload as s; print(s.UNSAFE)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "2 threads are running\n"
