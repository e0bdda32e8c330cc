"""From a new process to the first answer of an exported file, without transformers and, but for torch's own, torch.

pytest -s tests/bench/test_cold_load.py
ACCEL_RUN=outputs/DATE/TIME pytest -s tests/bench/test_cold_load.py     # of a run of yours: the files that it has
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
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


def exported(tmp_path):
    if "ACCEL_RUN" in os.environ:
        return Path(os.environ["ACCEL_RUN"]) / "model"
    words = [
        "task=airline",
        "model=minilm",
        "tracker=none",
        "compression=[prune,ptq,vocabulary]",
        "trainer.max_steps=2",
    ]
    words += ["compression.prune.score=magnitude", "compression.prune.start=pretrained"]
    words += ["engines=[onnxruntime,openvino,aotinductor]"]
    subprocess.run([sys.executable, "-m", "accel", *words, f"hydra.run.dir={tmp_path / 'run'}"], check=True)
    return tmp_path / "run" / "model"


def show(what, times):
    print(f"  {what:<24} {statistics.median(times):.3f} s ({min(times):.3f} to {max(times):.3f})")


def test_cold_load(tmp_path):
    folder = exported(tmp_path)
    there = [file for file in PROGRAMS if (folder / file).exists()]
    assert there
    loads, floors = ({file: [] for file in there} for _ in range(2))
    for _ in range(ROUNDS):
        for file in there:
            loads[file].append(seconds(READ + PROGRAMS[file] + CLEAN, str(folder), "my flight was cancelled"))
            floors[file].append(seconds(f"import numpy, tokenizers, {IMPORTS[file]}"))
    for file in there:
        weights = folder / file.replace(".xml", ".bin")
        print(f"\n{file}, {weights.stat().st_size / 1e6:.1f} MB, {ROUNDS} rounds")
        show("process to first answer", loads[file])
        show("imports alone", floors[file])
