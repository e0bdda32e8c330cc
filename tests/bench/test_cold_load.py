"""From a new process to the first answer of an exported file, without transformers and, but for torch's own, torch.

pytest -s tests/bench/test_cold_load.py
ACCEL_RUN=outputs/DATE/TIME pytest -s tests/bench/test_cold_load.py     # of a run of yours: the files that it has
"""

import statistics
import subprocess
import sys
import time

from tests.bench.runs import run_of

ROUNDS = 15
UNTRAINED = [
    "task=airline", "model=minilm", "tracker=none", "compression=[prune,ptq,vocabulary]", "trainer.max_steps=2",
    "compression.prune.score=magnitude", "compression.prune.start=pretrained",
    "engines=[onnxruntime,openvino,aotinductor]",
]  # fmt: skip
READ = """
import sys, time
import numpy, tokenizers
folder, text = sys.argv[1:]
tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.no_padding()
encoded = tokenizer.encode(text)
inputs = {"input_ids": numpy.array([encoded.ids]), "attention_mask": numpy.array([encoded.attention_mask])}
"""
PROGRAMS = {
    "model.int8.onnx": """
import onnxruntime
session = onnxruntime.InferenceSession(f"{folder}/model.int8.onnx", providers=["CPUExecutionProvider"])
logits = session.run(None, inputs)[0]
""",
    "model.int8.openvino.xml": """
import openvino
model = openvino.Core().compile_model(f"{folder}/model.int8.openvino.xml", "CPU")
logits = model(inputs)[0]
""",
    "model.int8.pt2": """
import torch
model = torch._inductor.aoti_load_package(f"{folder}/model.int8.pt2")
logits = model(*map(torch.from_numpy, inputs.values()))
""",
}
IMPORTS = {
    "model.int8.onnx": "onnxruntime",
    "model.int8.openvino.xml": "openvino",
    "model.int8.pt2": "torch, torch._inductor",
}
CLEAN = """
assert logits.shape[0] == 1
assert not {"transformers", "accel"} & set(sys.modules)
"""


def seconds(program, *arguments):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program, *arguments], check=True)
    return time.perf_counter() - start


def test_cold_load(tmp_path, figures):
    folder = run_of(UNTRAINED, tmp_path / "run") / "model"
    there = [file for file in PROGRAMS if (folder / file).exists()]
    assert there
    loads, floors = ({file: [] for file in there} for _ in range(2))
    for _ in range(ROUNDS):
        for file in there:
            loads[file].append(seconds(READ + PROGRAMS[file] + CLEAN, str(folder), "my flight was cancelled"))
            floors[file].append(seconds(f"import numpy, tokenizers, {IMPORTS[file]}"))
    for file in there:
        weights = folder / file.replace(".xml", ".bin")
        figures.value(f"{file}, weights", weights.stat().st_size / 1e6, "MB")
        floor = statistics.median(floors[file])  # of whoever imports the engine
        figures.median(f"{file}, process to first answer", loads[file], "s", roof=floor)
