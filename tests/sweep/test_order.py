from accel.sweep.order import Order


def test_it_is_the_same_after_being_sent(tmp_path):
    order = Order(
        words=["a=1"], output=tmp_path / "o", directory=tmp_path, environment={"X": "1"}, gpus=["0"], cores=[1]
    )
    assert Order.from_json(order.to_json()) == order
    more = order.ending_with(["b=2"])
    assert (list(more.words), list(order.words)) == (["a=1", "b=2"], ["a=1"])
