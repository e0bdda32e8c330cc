from pytorch_lightning.plugins.environments import LightningEnvironment

from accel.strategy.single import Single

LAWS = None  # what every other strategy is compared with


def test_one_device_whatever_launchers_left_in_the_environment():
    assert (Single().num_processes(), Single().local_processes()) == (1, 1)
    args = Single().trainer_args({"a": 1, "plugins": ["other"]})
    other, environment = args.pop("plugins")
    assert args == {"a": 1, "devices": 1, "accelerator": "auto"}
    assert other == "other"
    assert isinstance(environment, LightningEnvironment)
