import logging
import warnings

from accel.core.logs import NOISY_LOGGERS, quiet_import, quiet_third_parties


def test_an_import_may_not_chatter(caplog, recwarn):
    with quiet_import():
        logging.getLogger("x").warning("chatter")
        warnings.warn("chatter", UserWarning, stacklevel=1)
    logging.getLogger("x").warning("heard")
    assert [r.message for r in caplog.records] == ["heard"]
    assert not recwarn.list


def test_only_errors_of_noisy_libraries_are_heard():
    quiet_third_parties()
    assert all(logging.getLogger(name).level == logging.ERROR for name in NOISY_LOGGERS)
