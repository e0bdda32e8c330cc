from accel.forecast.shape import Shape
from accel.model.qwen2_7b import Qwen27b


def test_its_sizes_are_known_without_a_download():
    shape = Qwen27b().shape()
    assert isinstance(shape, Shape)
    with_output_table = shape.num_parameters + shape.vocabulary * shape.width
    assert abs(with_output_table / 7.62e9 - 1) < 0.005  # as its model card says
