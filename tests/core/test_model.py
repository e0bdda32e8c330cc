from accel.core.model import Model
from accel.model.tiny_bert import TinyBert


def test_a_model_has_to_say_its_family_its_weights_and_how_it_is_made():
    for name in ("family", "fingerprint", "tokenizer", "network"):
        assert getattr(Model, name).__isabstractmethod__
        assert not hasattr(getattr(TinyBert, name), "__isabstractmethod__")
    assert Model.shape(TinyBert()) is None
