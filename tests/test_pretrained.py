import pytest

from accel.errors import DataError
from accel.pretrained import load_config, quiet


def test_an_unknown_architecture_is_told(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "nobodys-architecture"}')
    with pytest.raises(DataError, match="knows no architecture 'nobodys-architecture'"):
        load_config(tmp_path, "model.path")


def test_quiet_gives_the_verbosity_back():
    from transformers.utils import logging

    before = logging.get_verbosity()
    with quiet():
        assert logging.get_verbosity() > before
    assert logging.get_verbosity() == before
