from accel.objective.classification import Classification

LAWS = None  # what every other technique is compared with


def test_every_weight_moves(train):
    from accel.model.tiny_bert import TinyBert

    fitted, _, _ = train("trainer.max_steps=4")
    start = dict(TinyBert().network(Classification(["bad", "good"])).named_parameters())
    still = [n for n, p in fitted.model.named_parameters() if n in start and not (p != start[n]).any()]
    assert [n for n in still if "key.bias" not in n] == []
