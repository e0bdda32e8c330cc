import pytest
import torch

from accel.core.engine import EngineUnavailableError
from accel.engines.cuda import SPARSE, Cuda, CudaRunner
from accel.export.onnx import random_inputs
from accel.measure.run_costs import candidates
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.sparse.pattern import Pattern
from accel.ops.sparse.weight_masks import apply, attach, detach, update
from accel.ops.sparse.weight_scores import MagnitudeWeightScorer


def two_of_four():
    torch.manual_seed(0)
    model = TinyBert(width=64).network(Classification(["a", "b"])).eval()
    pattern = Pattern(neighbours=4, kept=2)
    attach(model, pattern, scored=False)
    update(model, MagnitudeWeightScorer().scores(model), 0.5, pattern)
    apply(model)
    return detach(model)


def test_the_sparse_kernels_are_tried_for_a_sparse_model_only(tmp_path):
    (tmp_path / "model.safetensors").touch()
    sparse, dense = (
        candidates(m, tmp_path, [Cuda()]) for m in (two_of_four(), TinyBert().network(Classification(["a", "b"])))
    )
    assert [c.label for c in sparse] == ["cuda float16", "cuda float16 2:4"]
    assert [c.label for c in dense] == ["cuda float16"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("dtype", ["float16", SPARSE])
def test_without_a_gpu_it_is_skipped_with_the_reason(dtype):
    with pytest.raises(EngineUnavailableError, match="torch finds none"):
        CudaRunner(two_of_four(), dtype, 0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("dtype", ["float16", SPARSE])
def test_gives_the_models_logits(dtype):
    model, inputs = two_of_four(), random_inputs(TinyBert().network(Classification(["a", "b"])), 2, 64)
    with torch.inference_mode():
        expected = model(**{k: torch.from_numpy(v) for k, v in inputs.items()}).logits.numpy()
    try:
        engine = CudaRunner(model, dtype, 0)
    except EngineUnavailableError as reason:
        pytest.skip(str(reason))
    assert abs(engine.run(inputs) - expected).max() < 1e-2
    engine.close()
