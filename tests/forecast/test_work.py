from dataclasses import replace

from accel.config.compose import compose
from accel.forecast.work import Work
from accel.plan.decide import decide

SHAPE = decide(compose(["model=qwen2_7b"])).model.shape()
WORK = Work(shape=SHAPE, trained_share=1.0, tokens=4096, accumulate=1, sequence_length=512, product_bytes=2)


def test_full_tuning_holds_sixteen_bytes_per_parameter_and_frozen_weights_four():
    assert WORK.state_bytes == 16 * WORK.shape.num_parameters
    assert replace(WORK, trained_share=0.0).state_bytes == 4 * WORK.shape.num_parameters


def test_a_step_costs_three_forward_passes_two_with_frozen_weights_four_with_checkpointing():
    forward = WORK.shape.forward_flops(4096, 512)
    assert WORK.flops == 3 * forward
    assert replace(WORK, trained_share=0.0).flops == 2 * forward
    assert replace(WORK, checkpointing=True).flops == 4 * forward
    assert replace(WORK, accumulate=4).flops == 12 * forward
    assert abs(forward / (2 * WORK.shape.body_weights * 4096) - 1) < 0.05


def test_checkpointing_keeps_the_inputs_of_layers_and_one_layer():
    full, light = WORK.activation_bytes, replace(WORK, checkpointing=True).activation_bytes
    assert light < full / 8
    assert replace(WORK, tokens=8192).activation_bytes == 2 * full
