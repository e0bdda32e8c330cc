"""Starts one script as two processes that train together, and reads the JSON that rank 0 prints last."""

import json
import socket
import subprocess
import sys
from pathlib import Path


def on_two_ranks(script, *words, timeout_s=580):
    """``python SCRIPT RANK PORT WORDS…`` of this folder, twice."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = str(Path(__file__).with_name(script))
    ranks = [
        subprocess.Popen([sys.executable, path, str(rank), str(port), *map(str, words)],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]  # fmt: skip
    try:
        outputs = [rank.communicate(timeout=timeout_s) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert all(rank.returncode == 0 for rank in ranks), outputs
    return json.loads(outputs[0][0].splitlines()[-1])
