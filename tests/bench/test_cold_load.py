"""From a new process to the first answer of an exported file, with neither torch nor transformers.

pytest -s tests/bench/test_cold_load.py
ACCEL_RUN=outputs/DATE/TIME pytest -s tests/bench/test_cold_load.py     # of a run of yours
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
PROGRAM = """
import sys, time
import numpy, onnxruntime, tokenizers
folder, text = sys.argv[1:]
tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.no_padding()
session = onnxruntime.InferenceSession(f"{folder}/model.int8.onnx", providers=["CPUExecutionProvider"])
encoded = tokenizer.encode(text)
inputs = {"input_ids": numpy.array([encoded.ids]), "attention_mask": numpy.array([encoded.attention_mask])}
logits = session.run(None, inputs)[0]
assert logits.shape[0] == 1
assert not {"torch", "transformers", "accel"} & set(sys.modules)
"""
NOTHING = "import numpy, onnxruntime, tokenizers"


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
    words += ["compression.prune.score=magnitude", "compression.prune.start=pretrained", "engines=[onnxruntime]"]
    subprocess.run([sys.executable, "-m", "accel", *words, f"hydra.run.dir={tmp_path / 'run'}"], check=True)
    return tmp_path / "run" / "model"


def test_cold_load(tmp_path):
    folder = exported(tmp_path)
    loads, floors = [], []
    for _ in range(ROUNDS):
        loads.append(seconds(PROGRAM, str(folder), "my flight was cancelled"))
        floors.append(seconds(NOTHING))
    megabytes = (folder / "model.int8.onnx").stat().st_size / 1e6
    print(
        f"\n{ROUNDS} rounds, a file of {megabytes:.1f} MB\n"
        f"process to first answer  {statistics.median(loads):.3f} s ({min(loads):.3f} to {max(loads):.3f})\n"
        f"imports alone            {statistics.median(floors):.3f} s ({min(floors):.3f} to {max(floors):.3f})"
    )
