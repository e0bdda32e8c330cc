import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from accel.callbacks.stop_on_signal import StopOnSignal
from accel.config.compose import compose
from accel.core.checksums import write_sums
from accel.core.console import Console
from accel.data.prepared import prepare
from accel.errors import Interrupted
from accel.objective.chat import Chat
from accel.objective.reply_selection import ReplySelection
from accel.objective.retrieval import Retrieval
from accel.plan.decide import decide
from accel.run.baseline import KEPT, baseline, content_hash, dense_plan, pretrained
from accel.run.score import scorer


def ready(words):
    plan = decide(compose(words))
    return plan, prepare(plan.task.load(plan.seed), plan)


def test_the_hash_covers_what_the_weights_depend_on_and_nothing_else(tiny_run):
    base = content_hash(*ready(tiny_run))
    same = ["compression=[prune,qat]", "strategy=ddp", "tracker=csv", "name=x", "engines=[eager,inductor]"]
    other = ["seed=1", "trainer.max_steps=9", "model.width=32", "task.max_length=16", "trainer.precision=fp64"]
    assert all(content_hash(*ready([*tiny_run, word])) == base for word in same)
    assert len({base, *(content_hash(*ready([*tiny_run, word])) for word in other)}) == len(other) + 1


def test_the_hash_covers_what_examples_count(tiny_run):
    plan, data = ready(tiny_run)
    weights = np.ones(data.num_train, dtype=np.float32)
    weighed = [replace(data, train=replace(data.train, importance=some)) for some in (weights, 2 * weights)]
    assert len({content_hash(plan, some) for some in (data, *weighed)}) == 3


def test_the_hash_covers_what_the_objective_learns_and_scores_by(tiny_run):
    plan, data = ready(tiny_run)
    kinds = [Retrieval(0.05), Retrieval(0.2), Chat(), ReplySelection(selections=5), ReplySelection(selections=6)]
    assert len({content_hash(plan, replace(data, objective=kind)) for kind in kinds}) == len(kinds)
    assert len({content_hash(plan, replace(data, objective=Retrieval(0.2))) for _ in range(2)}) == 1


def test_trained_once_and_reused(tiny_run, tmp_path):
    plan, data = ready([*tiny_run, f"cache={tmp_path / 'cache'}"])
    console = Console(None, silent=True)
    first = baseline(plan, data, console, scorer(data))
    second = baseline(plan, data, console, scorer(data))
    assert (first.reused, second.reused) == (False, True)
    assert first.report == second.report
    assert second.report.kept.change(first.report.kept)["changed"] == 0
    assert first.folder == second.folder
    assert not [p for p in (tmp_path / "cache" / "baselines").iterdir() if p.name.endswith(".tmp")]


def test_one_of_an_earlier_version_is_scored_once_more_and_keeps_its_predictions(tiny_run, tmp_path):
    plan, data = ready([*tiny_run, f"cache={tmp_path / 'cache'}"])
    console = Console(None, silent=True)
    first = baseline(plan, data, console, scorer(data))
    (first.folder.parent / KEPT).unlink()
    write_sums(first.folder.parent)
    for _ in range(2):
        found = baseline(plan, data, console, scorer(data))
        assert found.reused
        assert found.report.kept.change(first.report.kept)["agreement"] == 1
    assert (first.folder.parent / KEPT).is_file()


def test_the_hash_covers_the_tokenizer_of_a_folder(tiny_run, tmp_path):
    from accel.model.tiny_bert import TinyBert
    from accel.objective.classification import Classification

    folder = tmp_path / "model"
    TinyBert().network(Classification(["negative", "positive"])).save_pretrained(folder)
    TinyBert().tokenizer().save_pretrained(folder)
    words = [*tiny_run, "model=local", f"model.path={folder}"]
    words.remove("model=tiny_bert")
    before = content_hash(*ready(words))
    assert content_hash(*ready(words)) == before
    file = folder / "tokenizer.json"
    file.write_text(file.read_text().replace('"id": 0', '"id":  0'))
    assert content_hash(*ready(words)) != before


def test_what_was_pretrained_is_kept_without_a_figure_or_a_digest_of_the_data(tiny_run, tmp_path):
    words = [*tiny_run, f"cache={tmp_path / 'cache'}"]
    plan, data = ready(words)
    first = pretrained(plan, data, scorer(data))
    assert sum(map(sum, first.report.confusion_matrix)) == len(data.test)
    kept = [path.name for path in first.folder.parent.rglob("*") if path.is_file()]
    assert "model.safetensors" in kept
    assert not any("report" in path.read_text() for path in first.folder.parent.rglob("*.json"))
    plan, other = ready([*words, "seed=0", "task.test_fraction=0.4"])
    again = pretrained(plan, other, scorer(other))
    assert (again.folder, again.reused) == (first.folder, True)
    assert again.report != first.report


def test_a_half_written_one_is_trained_again(tiny_run, tmp_path):
    plan, data = ready([*tiny_run, f"cache={tmp_path / 'cache'}"])
    console = Console(None, silent=True)
    first = baseline(plan, data, console, scorer(data))
    (first.folder.parent / "baseline.json").write_text("{")
    assert not baseline(plan, data, console, scorer(data)).reused


def test_dense_is_the_same_without_compression_and_distribution():
    plan = decide(compose(["compression=[prune,qat,distill]", "strategy=ddp", "seed=3", "trainer.epochs=7"]))
    dense = dense_plan(plan)
    assert plan.needs_baseline
    assert [t.option_name() for t in dense.techniques] == ["full", "single"]
    assert (dense.seed, dense.trainer, dense.model, dense.task) == (3, plan.trainer, plan.model, plan.task)


def test_the_hash_covers_each_of_them_by_itself(tiny_run):
    """A seed draws splits and a file changes both the data and what comes of it: neither must hide the other."""
    plan, data = ready(tiny_run)
    base = content_hash(plan, data)
    assert content_hash(replace(plan, seed=1), data) != base
    assert content_hash(plan, replace(data, fingerprint="another file")) != base
    assert content_hash(plan, replace(data, tokenizer=None, private=True)) == base  # the model says its tokenizer


@pytest.mark.fault("R7")
def test_a_flipped_bit_has_it_trained_again_and_said(tiny_run, tmp_path, capsys):
    plan, data = ready([*tiny_run, f"cache={tmp_path / 'cache'}"])
    first = baseline(plan, data, Console(None, silent=True), scorer(data))
    weights = bytearray((first.folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (first.folder / "model.safetensors").write_bytes(weights)
    assert not baseline(plan, data, Console(None), scorer(data)).reused
    assert "is damaged" in capsys.readouterr().out
    assert baseline(plan, data, Console(None, silent=True), scorer(data)).reused


def test_one_that_was_stopped_goes_on_to_the_same_weights(tiny_run, tmp_path, monkeypatch, capsys):
    plan, data = ready([*tiny_run, "trainer.max_steps=6", f"cache={tmp_path / 'cache'}"])
    straight = baseline(replace(plan, cache=tmp_path / "other"), data, Console(None, silent=True), scorer(data))
    with monkeypatch.context() as patched:
        patched.setattr(StopOnSignal, "_agreed", lambda _, t: signal.SIGTERM if t.global_step == 3 else None)
        with pytest.raises(Interrupted, match="after step 3 of 6"):
            baseline(plan, data, Console(None, silent=True), scorer(data))
    found = baseline(plan, data, Console(None), scorer(data))
    assert "goes on from step 3" in capsys.readouterr().out
    states = [load_file(b.folder / "model.safetensors") for b in (straight, found)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not list((tmp_path / "cache" / "baselines").glob("*.training"))
