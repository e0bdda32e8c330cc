from accel.strategy.single import Single


def test_one_device():
    assert Single().num_processes() == 1
    assert Single().trainer_args({"a": 1}) == {"a": 1, "devices": 1, "accelerator": "auto"}
