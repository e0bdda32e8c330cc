from accel.core.tracker import Tracker


def test_a_tracker_that_says_nothing_logs_nothing(tmp_path):
    tracker = Tracker()
    tracker.check()
    assert tracker.start(None) == []
    assert tracker.finish({}, tmp_path, 0) is None
    assert not list(tmp_path.iterdir())
