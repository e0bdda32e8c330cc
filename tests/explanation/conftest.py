import pytest
import torch

from accel.inference.predictor import Predictor
from accel.model.tiny_bert import TinyBert
from accel.objective.classification import Classification
from accel.ops.prompts import add_prompt
from accel.ops.quantize import fake_quantize
from accel.ops.quantize.grids import Int8Rows
from accel.ops.quantize.schemes import Int8
from accel.weights import artifact

CLASSES = Classification(["bad", "good"])


@pytest.fixture
def predictor(tmp_path):
    """Makes a predictor of a tiny model with random weights, which are large enough to predict something."""

    def make(model_class=TinyBert, quantized=False, objective=CLASSES, prompt=0, seed=0, columns=1):
        noise = torch.Generator().manual_seed(seed)
        model = model_class().network(objective).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.5).add_(0.1 * bool(seed) * torch.randn(parameter.shape, generator=noise))
        if prompt:
            add_prompt(model, prompt)
        if quantized:
            fake_quantize.prepare(model, Int8(Int8Rows()))
            model = fake_quantize.convert(model)
        folder = tmp_path / f"{model_class.__name__}{quantized}{objective.name}{prompt}{seed}{columns}"
        artifact.save_model(
            model,
            model_class().tokenizer(),
            folder,
            label_names=objective.label_names,
            max_length=32,
            objective=objective.name,
            answering=objective.answering(),
            num_text_columns=columns,
        )
        found = Predictor.load(folder)
        found.folder = folder
        return found

    return make
