"""What a run does once nothing objects: torch begins here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from accel.checkpoint.atomic import LAST
from accel.checkpoint.sharded import drop_before, fall_back, put_back, step_of
from accel.core.console import Console
from accel.core.logs import quiet_third_parties
from accel.core.metric import stated
from accel.core.plan import Plan
from accel.data import Dataset
from accel.data.prepared import Prepared, encoded_with, prepare
from accel.errors import DataError, PlanError, RunError
from accel.inference.predictor import Predictor
from accel.objective.scores import Report
from accel.plan.decide import refusal
from accel.report import behaviour, fairness
from accel.report import federation as told
from accel.report.beside import advice, beside
from accel.report.best import best_sentence
from accel.report.examples import EXPLAINED, write_examples
from accel.report.predictions import write_predictions
from accel.report.record import CONFIG, write_record
from accel.report.terminal import before_after_table, exported_files, headline
from accel.run.balance import balance_of
from accel.run.baseline import Baseline, baseline, pretrained
from accel.run.batch_memory import with_fitting_batch
from accel.run.behaviour import behaviour_of, predictions_of, telling_texts
from accel.run.clients import Bars, bars, federation
from accel.run.disk import check_disk
from accel.run.explanation import Moved, can_be_explained, explanations, figures, least_alike
from accel.run.fairness import fairness_of
from accel.run.fit import Fitted, facts_of, fit
from accel.run.learning_rate import with_found_rate
from accel.run.score import ready_to_answer, scorer
from accel.run.simple_baseline import Simple, against, simple_baselines
from accel.run.time_limit import again, note_end, within_limit
from accel.weights.meta import note_temperature
from accel.weights.provenance import begin, plain, spent

if TYPE_CHECKING:
    from accel.core.facts import LatencyTable
    from accel.run.state import RunState


@dataclass(frozen=True)
class Ready:
    """What training needs: made by the first process of a machine, found by the others."""

    data: Prepared
    latency: LatencyTable | None
    dense: Baseline | None
    untrained: Baseline | None
    simple: Sequence[Simple] = ()
    bars: Bars | None = None


def make_ready(run: RunState, dataset: Dataset, console: Console) -> Ready:
    """Tokenize, and train or find the baseline if one is needed."""
    quiet_third_parties()
    if run.resume and run.leads:
        _require_checkpoint(run)
    for technique in run.plan.techniques:
        technique.check_machine()
    if run.plan.privacy is not None:
        run.plan.privacy.check_noise(dataset, run.plan)
    _start_from_public_data(run, dataset, console)
    if run.leads:
        run.seen = begin(run.plan, run.folder, run.run_id(), resumed=run.resume)
        own = (entry for entry in reversed(run.seen) if entry.name == run.plan.task.source())
        run.record["data"]["content"] = next((entry.fingerprint for entry in own), "")
    with run.timed("tokenize"):
        data = prepare(dataset, run.plan)
    run.record["data"] |= {"truncated": data.num_truncated, **data.objective.data_facts(dataset)}
    if unlabelled := data.num_unlabelled(run.plan):
        run.record["data"]["unlabelled"] = unlabelled
    run.record["reused"]["tokens"] = data.reused
    if told := data.told():
        run.record["data"]["notes"] = [*(run.record["data"].get("notes") or []), told]
        console.say(f"\n{told}")
    if (weights := balance_of(data.train, data.objective.label_names)) is not None:
        run.record["data"]["balance"] = weights
    run.record["metrics"] = stated(data.objective.metrics)
    run.record["baselines"] = data.objective.baselines(dataset)
    if run.leads:
        check_disk(run.plan, run.folder)
    latency = _latency(run, data, console)
    _check_budgets(run.plan, data, latency)
    _check_epochs(run.plan, data)
    _check_shares(run.plan, data)
    simple = _simple(run, dataset, data) if run.leads else ()
    with_fitting_batch(run, data, console, latency)
    with_found_rate(run, data, console)
    clock = within_limit(run, data, latency, console)
    dense, untrained = _baseline(run, data, console), _pretrained(run, data)
    again(run, data, clock, console)
    return Ready(data, latency, dense, untrained, simple, _bars(run, data, console) if run.leads else None)


def train_and_finish(run: RunState, dataset: Dataset, ready: Ready, console: Console) -> None:
    """Train the plan; then rank 0 exports it, measures it and shows the result."""
    data = ready.data
    fitted = _train(run, ready, console)
    if not run.leads:
        return
    ending = time.perf_counter()
    run.record["steps"] = fitted.steps
    run.record["techniques"] = _techniques(run, fitted)
    if fitted.best:
        run.record["best"] = fitted.best
        console.say(best_sentence(run.record))
    if data.trimmed is not None:
        data = encoded_with(data.trimmed.tokenizer, dataset, run.plan)
    data = _with_provenance(run, data)
    if run.plan.privacy is not None:
        run.plan.privacy.check_claim(run.record["privacy"])
    after = _finish(run, data, console, fitted, ready.dense or ready.untrained, dataset.test.texts)
    evidence = fitted.evidence.get(run.plan.strategy.option_name(), {})
    run.record["federation"] = federation(run.plan, data, after, evidence, ready.bars)
    if ready.simple:
        run.record["baselines"][-len(ready.simple) :] = [against(data, simple, after) for simple in ready.simple]
    if run.plan.privacy is None:
        note_end(run.plan, ready.data, time.perf_counter() - ending)
    _require_folder(run.folder)
    drop_before(run.folder / "checkpoints" / LAST)
    run.record["status"] = "finished"
    write_record(run.record, run.folder)
    console.say(before_after_table(run.record) or "", exported_files(run.record) or "")
    changed = [*behaviour.sentences(run.record), *fairness.sentences(run.record), *told.sentences(run.record)]
    console.say("\n".join(["", *beside(run.record), *advice(run.record), *changed, headline(run.record)]))


def _require_folder(folder: Path) -> None:
    """What was written there before, the configuration first, must still be there."""
    if not (folder / CONFIG).is_file():
        raise RunError(f"{folder} was removed or emptied while the run wrote into it. Start the run again.")


def _with_provenance(run: RunState, data: Prepared) -> Prepared:
    """The data with everything that the weights have seen by now, and what was spent on it."""
    stated = run.plan.privacy.statement(run.folder) if run.plan.privacy is not None else None
    seen = spent(run.seen, run.run_id(), stated)
    if stated is not None:
        run.record["privacy"] = {**stated, "trained_on": plain(seen)}
    return replace(data, seen=seen, private=bool(stated and stated["private"]))


def _start_from_public_data(run: RunState, dataset: Dataset, console: Console) -> None:
    privacy = run.plan.privacy
    if privacy is None or privacy.public_task is None:
        return
    from accel.run.public_start import from_public_task

    with run.timed("public start"):
        run.plan = from_public_task(run.plan, privacy.public_task, dataset, console, scorer)


def _baseline(run: RunState, data: Prepared, console: Console) -> Baseline | None:
    if not run.plan.needs_baseline:
        return None
    with run.timed("baseline"):
        found = baseline(run.plan, data, console, scorer(data))
    run.record["reused"]["baseline"] = found.reused
    return found


def _simple(run: RunState, dataset: Dataset, data: Prepared) -> Sequence[Simple]:
    with run.timed("simple baseline"):
        found = simple_baselines(run.plan, dataset, data)
    run.record["baselines"] += [simple.entry for simple in found]
    return found


def _bars(run: RunState, data: Prepared, console: Console) -> Bars | None:
    with run.timed("bars"):
        found = bars(run.plan, data, console, scorer(data))
    if found is None:
        del run.record["timings"]["bars"]
    return found


def _pretrained(run: RunState, data: Prepared) -> Baseline | None:
    if not run.plan.needs_pretrained:
        return None
    return pretrained(run.plan, data, scorer(data) if run.leads else lambda model: Report({}))


def _latency(run: RunState, data: Prepared, console: Console) -> LatencyTable | None:
    if not any(technique.needs_latency_table for technique in run.plan.techniques):
        return None
    from accel.measure.latency_table import latency_table

    with run.timed("latency table"):
        table, run.record["reused"]["latency_table"] = latency_table(run.plan, data.tokenizer, data.objective, console)
    run.record["latency_table"] = asdict(table)
    return table


def _check_budgets(plan: Plan, data: Prepared, latency: LatencyTable | None) -> None:
    """Before minutes go into a dense baseline for a model that cannot be had."""
    if not any(technique.has_budget for technique in plan.techniques):
        return
    facts = facts_of(plan, data, latency)
    model = plan.model.network(data.objective)
    for technique in plan.techniques:
        model = technique.adapt_model(model, facts)
    for technique in plan.techniques:
        technique.check_budget(model, facts)


def _check_epochs(plan: Plan, data: Prepared) -> None:
    """Where steps are given, only the data says how many passes they are."""
    if not plan.trainer.kept_models:
        return
    epochs = data.total_steps(plan) / data.sampler(plan).num_steps
    if objections := list(plan.trainer.objections_to_epochs(plan, epochs)):
        raise PlanError(refusal(objections))


def _check_shares(plan: Plan, data: Prepared) -> None:
    """That every process has something of the validation split to look at."""
    shares, examples = plan.strategy.num_shares(), len(data.validation)
    if examples < shares:
        raise DataError(
            f"The validation split has {examples} example{'s' * (examples != 1)} for {shares} processes, each of which "
            f"scores a part of it. Use fewer processes, raise task.validation_fraction, or add examples."
        )


def _train(run: RunState, ready: Ready, console: Console) -> Fitted:
    checkpoint = _checkpoint(run, console)
    run.ranks.gather()
    data, dense, untrained = ready.data, ready.dense, ready.untrained
    loggers = run.plan.tracker.start(run.info()) if run.plan.tracker is not None and run.leads else []
    if run.plan.tracker is not None and (told := run.plan.tracker.told(run.folder)):
        console.say(f"\n{told}")
    console.say(f"\nTraining {run.plan.name}: {data.total_steps(run.plan)} steps")
    with run.timed("fit"):
        return fit(
            run.plan,
            data,
            console,
            title="train",
            folder=run.folder,
            baseline=dense.folder if dense else None,
            pretrained=untrained.folder if untrained else None,
            latency=ready.latency,
            loggers=loggers,
            checkpoint=checkpoint,
        )


def _require_checkpoint(run: RunState) -> None:
    """Before minutes go into a dense baseline."""
    if not put_back(run.folder / "checkpoints" / LAST):
        raise DataError(
            f"resume={run.folder}: there is no {LAST} in its checkpoints, so nothing can be resumed. Start the run "
            f"again without resume; a dense baseline that was stopped goes on by itself."
        )


def _checkpoint(run: RunState, console: Console) -> Path | None:
    if not run.resume:
        return None
    file = run.folder / "checkpoints" / LAST
    if run.leads and fall_back(file):
        console.say(f"{file} is damaged: going on from the checkpoint before it, at step {step_of(file)}.")
    if not run.plan.strategy.saves_parts:  # else all machines see the same disk
        run.ranks.deliver(file)
    if run.leads:
        console.say(f"\nGoing on from step {step_of(file)}.")
    return file


def _techniques(run: RunState, fitted: Fitted) -> list[dict[str, Any]]:
    return [
        {
            "name": t.option_name(),
            "stage": t.stage.name,
            "settings": t.settings(),
            "evidence": fitted.evidence.get(t.option_name(), {}),
            "caveat": t.caveat,
        }
        for t in run.plan.techniques
    ]


def _finish(
    run: RunState,
    data: Prepared,
    console: Console,
    fitted: Fitted,
    before: Baseline | None,
    texts: Sequence[tuple[str, ...]] = (),
) -> Report:
    """Export, reload, evaluate and measure; what the exported model reaches on the test split."""
    from accel.export.export import export_all
    from accel.measure.run_costs import measure_run

    model = fitted.model.float().eval()
    for technique in run.plan.techniques:
        model = technique.export(model).eval()
    data = ready_to_answer(data, model)
    with run.timed("export"):
        exported = export_all(model, data, run.folder, console, scorer(data), engines=run.plan.engines)
    run.record["exports"] = [asdict(e) for e in exported.exports]
    chosen_by = scorer(data, validation=True)(exported.model)
    run.record["after"] = {**_side(exported.report, data), "validation": chosen_by.metrics}
    run.record["before"] = _before(run, data, before) if before else None
    with run.timed("behaviour"):
        _behaviour(run, data, before, exported.report, chosen_by)
    if run.plan.privacy is None:
        trained = before if run.plan.needs_baseline else None
        with run.timed("explanation"):
            moved = _explanation(run, data, trained, exported.model, texts)
        _keep(run, data, trained, exported.report, moved, texts)
    with run.timed("measure"):
        dense = before.folder if before else None
        measure_run(run.record, exported, dense, run.plan.engines, console, run.folder, run.plan.rounds)
        _add_speeds(run.record, data, exported.model, before)
    return exported.report


def _behaviour(run: RunState, data: Prepared, before: Baseline | None, after: Report, validation: Report) -> None:
    """Predictions one by one; a model that was never trained on this data is nothing to compare them with."""
    temperature = validation.kept.temperature() if validation.kept is not None else None
    trained = before.report if before is not None and run.plan.needs_baseline else None
    run.record["behaviour"] = behaviour_of(data, trained, after, temperature) or None
    run.record["fairness"] = fairness_of(data, trained, after, private=run.plan.privacy is not None)
    if run.plan.trainer.calibrate:
        note_temperature(run.folder / "model", temperature)


def _explanation(
    run: RunState, data: Prepared, trained: Baseline | None, after: nn.Module, texts: Sequence[tuple[str, ...]]
) -> list[Moved]:
    """How the finished model explains some texts, beside the dense one."""
    if trained is None or not texts or not can_be_explained(data.objective):
        return []
    moved = explanations(run.plan, data, trained.folder, Predictor(after, run.folder / "model"), texts)
    run.record["explanation"] = figures(moved)
    return moved


def _keep(
    run: RunState,
    data: Prepared,
    trained: Baseline | None,
    after: Report,
    moved: Sequence[Moved],
    texts: Sequence[tuple[str, ...]],
) -> None:
    """Files of what single texts say; of a run that is not private."""
    before = trained.report if trained is not None else None
    write_predictions(predictions_of(data, before, after), run.record, run.folder)
    if run.plan.task.may_show_texts:
        told = {**telling_texts(data, before, after, texts), **({EXPLAINED: least_alike(moved)} if moved else {})}
        write_examples(told, run.record, run.folder)


def _add_speeds(record: dict[str, Any], data: Prepared, model: nn.Module, before: Baseline | None) -> None:
    from accel.weights.artifact import load_model

    models = {"after": model} | ({"before": load_model(before.folder)} if before else {})
    for side, found in data.objective.speeds(models).items():
        record[side] |= found


def _before(run: RunState, data: Prepared, before: Baseline) -> dict[str, Any]:
    """Beside the scores: whether the dense model was trained on this data, or is compared as it was pretrained."""
    trained = run.plan.needs_baseline
    return {**_side(before.report, data), "reused": before.reused, "model": "baseline" if trained else "pretrained"}


def _side(report: Report, data: Prepared) -> dict[str, Any]:
    return {
        "metrics": report.metrics,
        "cost": {},
        **data.objective.details(report),
    }
