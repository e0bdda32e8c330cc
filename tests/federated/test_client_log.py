from accel.federated.client_log import FILE, ClientLog
from accel.report.metrics_file import read_metrics


def rounds(folder, *numbers):
    log = ClientLog(folder)
    for number in numbers:
        log.write(number, [1, 3], [[10, 0.5, number], [20, 0.25, number]])


def test_every_client_has_a_curve(tmp_path):
    rounds(tmp_path, 0, 1)
    found = read_metrics(tmp_path / FILE)
    assert found["client 3/loss"] == [(0, 0.25), (1, 0.25)]
    assert found["client 1/examples"] == [(0, 10), (1, 10)]


def test_a_resumed_run_writes_no_round_twice(tmp_path):
    rounds(tmp_path, 0, 1, 2)
    rounds(tmp_path, 1, 2, 3)
    assert read_metrics(tmp_path / FILE)["client 1/update_norm"] == [(n, n) for n in range(4)]


def test_a_run_that_begins_again_starts_the_file_anew(tmp_path):
    rounds(tmp_path, 0, 1, 2)
    rounds(tmp_path, 0)
    assert len(read_metrics(tmp_path / FILE)["client 1/loss"]) == 1
