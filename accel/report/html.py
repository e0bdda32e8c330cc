"""report.html: everything about one run on one page, without a network, a script or a library.

Whatever comes from data, labels or names is escaped: a hostile name is text here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from accel.config.redact import redact, redact_text
from accel.core.metric import LOSS, SHARE, Metric, metrics_of
from accel.core.seen import in_words, noted
from accel.report import examples, explanation, fairness, federation
from accel.report.behaviour import calibration_section, change_section, mistakes_section
from accel.report.beside import advice, beside
from accel.report.federation import Curves
from accel.report.figures import (
    MEASURED,
    audit_sentence,
    count_text,
    eager_of,
    engine_of,
    headline,
    rows_of,
    value_of,
)
from accel.report.files import FIRST_ANSWER, NOTE, files_table
from accel.report.markup import document
from accel.report.markup import rows as _rows
from accel.report.metrics_file import read_metrics
from accel.report.svg import bar_chart, line_chart

REPORT = "report.html"
CLIENTS = "clients.csv"
"""Figures of each client, see ``accel/federated/client_log.py``."""
NATS = "nats: how far predictions move (Kullback-Leibler divergence) when that layer alone is rounded."
Record = Mapping[str, Any]


def write_report(folder: Path) -> Path:
    """Write ``folder/report.html`` from the folder's result.json, plan.txt and metrics.csv; returns its path."""
    record = redact(json.loads((folder / "result.json").read_text("utf8")))
    plan = folder / "plan.txt"
    page = render(
        record,
        redact_text(plan.read_text("utf8")) if plan.is_file() else "",
        read_metrics(folder / "metrics.csv"),
        examples.read_examples(record, folder),
        read_metrics(folder / CLIENTS),
    )
    target = folder / REPORT
    target.write_text(page, "utf8")
    return target


def render(
    record: Record, plan: str, metrics: Curves, texts: Record | None = None, clients: Curves | None = None
) -> str:
    """The page; every part that has nothing to show is left out."""
    sections = [
        _section("Before and after" if record.get("before") else "Result", _table(record)),
        _section("What the model changed its mind about", change_section(record)),
        _section("Who got worse" if record.get("before") else "By group", fairness.section(record)),
        _section("Texts to look at", examples.section(texts or {})),
        _section("Which words move the answers", explanation.section(record, texts or {})),
        _section("Calibration", calibration_section(record)),
        _section("Where the speed comes from", _engines(record)),
        _section("What was done", _techniques(record, plan)),
        _section("What was removed", _units(record)),
        _section("What was not rounded", _not_rounded(record)),
        _section("Training", _curves(metrics, metrics_of(record))),
        _section("Federation", federation.section(record, metrics, clients or {})),
        _section("Confusion on the test split", _confusion(record)),
        _section("Which label is taken for which", mistakes_section(record)),
        _section("By class", _per_class(record)),
        _section("Exports", _exports(record)),
        _section("Data", _data(record)),
        _section("Privacy", _privacy(record)),
        _section("Membership inference", _membership(record)),
        _section("Planted secrets", _planted(record)),
        _section("Time", _pairs({k: f"{v} s" for k, v in (record.get("timings") or {}).items()})),
        _section("Machine and versions", _pairs({**(record.get("machine") or {}), **(record.get("versions") or {})})),
    ]
    name = escape(str(record.get("name") or "run"))
    return document(f"{name} - accel", f"{_head(record, name)}{''.join(sections)}")


def _head(record: Record, name: str) -> str:
    status = escape(str(record.get("status", "")))
    facts = [str(record.get("date", "")), f"seed {record.get('seed')}", f"{record.get('seconds', 0):.0f} s"]
    if record.get("group"):
        facts.append(f"group {record['group']}")
    meta = escape("  ·  ".join(f for f in facts if f))
    error = f'<p class="headline error">{escape(str(record["error"]))}</p>' if record.get("error") else ""
    sentence = "" if error else f'<p class="headline">{escape(headline(record))}</p>'
    guesses = "".join(f'<p class="note">{escape(line)}</p>' for line in [*beside(record), *advice(record)])
    overrides = escape("accel " + " ".join(map(str, record.get("overrides") or [])))
    return (
        f'<h1>{name}</h1><div class="meta"><span class="badge {status}">{status}</span> &nbsp;{meta}</div>'
        f"{error}{sentence}{guesses}<pre>{overrides}</pre>"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _table(record: Record) -> str:
    after, before = record.get("after"), record.get("before")
    if not after:
        return ""
    sides = [(engine_of(after) or "after", after)]
    if before:
        plain = eager_of(before)
        sides.insert(0, (f"dense, {engine_of(before)}".rstrip(", "), before))
        if plain is not None and engine_of(plain) != engine_of(before):
            sides.insert(0, ("dense, eager float32", plain))
    header = ["", *(escape(title) for title, _ in sides), *(["change"] if before else [])]
    rows = [cells for row in rows_of(record) if (cells := _cells(row, [s for _, s in sides]))]
    return _rows(header, rows) + _verdict(record)


def _cells(row: Any, sides: Sequence[Any]) -> list[str]:
    values = [value_of(side, row) for side in sides]
    if all(v is None for v in values):
        return []
    cells = [escape(row.title), *("" if v is None else escape(row.text(v)) for v in values)]
    if len(sides) > 1:
        first, last = values[0], values[-1]
        cells.append(escape(row.change(last, first)) if first is not None and last is not None else "")
    return cells


def _verdict(record: Record) -> str:
    found = record.get("measurement") or {}
    notes = [str(found["verdict"])] if found.get("verdict") else []
    cost = (record.get("after") or {}).get("cost") or {}
    if cost:
        notes.append(
            f"Latency at batch {cost['batch_size']}, {cost['sequence_length']} tokens, {cost['num_threads']} threads, "
            f"{cost['rounds']} interleaved rounds; the same engine measured twice differed by a factor "
            f"{found.get('noise_ratio', 1):.3f}."
        )
    return "".join(f'<p class="note">{escape(note)}</p>' for note in notes)


def _engines(record: Record) -> str:
    bars = []
    for side, word in (("before", "dense"), ("after", "after")):
        found = (record.get(side) or {}).get("engines") or []
        best = min((c["latency_ms_p50"] for c in found), default=None)
        for cost in sorted(found, key=lambda c: -c["latency_ms_p50"]):
            low, high = cost["latency_ms_p50_interval"]
            text = f"{cost['latency_ms_p50']:.2f} ms ({low:.2f}-{high:.2f})"
            css = f"{word}-best" if cost["latency_ms_p50"] == best else word
            bars.append((f"{word}: {cost['engine']} {cost['dtype']}", cost["latency_ms_p50"], text, css))
    skipped = (record.get("measurement") or {}).get("skipped") or {}
    notes = "".join(f'<p class="note">{escape(f"{name}: {why}")}</p>' for name, why in skipped.items())
    return bar_chart("Latency p50 by engine, with a 90 % interval of the median", bars) + notes


def _techniques(record: Record, plan: str) -> str:
    rows = [
        [
            f'<span class="whole">{escape(str(t["name"]))}</span>',
            f'<span class="whole">{escape(str(t["stage"]))}</span>',
            escape(_short(t.get("settings") or {})),
            escape(_short(t.get("evidence") or {})),
        ]
        for t in record.get("techniques") or []
    ]
    table = _rows(["technique", "stage", "settings", "evidence"], rows)
    table = table.replace("<td>", '<td class="text">').replace("<th>", '<th class="text">')
    return (f"<pre>{escape(plan)}</pre>" if plan else "") + table


def _short(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items() if not isinstance(v, dict)
    )


def _units(record: Record) -> str:
    found = [(t.get("evidence") or {}).get("units_per_block") or {} for t in record.get("techniques") or []]
    units = {name: count for blocks in found for name, count in blocks.items()}
    charts = []
    for kind in ("heads", "channels"):
        bars = [
            (n.removesuffix(f".{kind}"), float(c), str(c), kind) for n, c in units.items() if n.endswith(f".{kind}")
        ]
        charts.append(bar_chart(f"{kind.capitalize()} kept in each layer", bars))
    return "".join(charts)


def _not_rounded(record: Record) -> str:
    """Layers that quantization left, and why; where it was timed, what leaving each kind of layer would cost."""
    parts = []
    for evidence in [technique.get("evidence") or {} for technique in record.get("techniques") or []]:
        left = evidence.get("full_precision_layers") or {}
        table = _rows(
            ["layer", "why"],
            [[f'<span class="whole">{escape(name)}</span>', escape(why)] for name, why in left.items()],
        )
        parts.append(table.replace("<td>", '<td class="text">').replace("<th>", '<th class="text">'))
        if any(why.startswith(("kept", "spared")) for why in left.values()):  # the latter of an earlier version
            parts.append(f'<p class="note">{NATS}</p>')
        cost = evidence.get("full_precision_cost") or evidence.get("sparing") or {}  # of an earlier version
        kinds = cost.get("kinds_ms") or {}
        names = _short_names(list(kinds))
        bars = [(names[kind], max(0.0, ms), f"{ms:+.3f} ms", "heads") for kind, ms in kinds.items()]
        parts.append(bar_chart("What leaving all layers of a kind unrounded adds at most", bars) + _spent(cost))
    return "".join(parts)


def _short_names(kinds: Sequence[str]) -> dict[str, str]:
    """What follows the number of the layer; with what comes first where that alone names two kinds."""
    ends = {kind: kind.rpartition("*.")[2] for kind in kinds}
    counts = Counter(ends.values())
    return {kind: end if counts[end] == 1 else f"{kind.partition('.')[0]}: {end}" for kind, end in ends.items()}


def _spent(cost: Mapping[str, Any]) -> str:
    if "rounded_ms" not in cost:
        return ""
    text = (
        f"{cost['spent']:.3f} of {cost['budget']:.3f} ms were spent; with every layer rounded, one text of 128 "
        f"tokens took {cost['rounded_ms']:.2f} ms in {cost['engine']} ({cost['num_threads']} threads) when "
        f"rounding began."
    )
    return f'<p class="note">{escape(text)}</p>'


def _curves(metrics: Curves, stated: Sequence[Metric]) -> str:
    """Shares of one have an axis in common; what has another scale has a chart of its own."""
    others = [metric for metric in stated if metric.format != SHARE and metric.key != LOSS.key]
    groups = {
        "Loss": [n for n in metrics if n.endswith("loss") or "distill" in n],
        "Validation": [metric.logged for metric in stated if metric.format == SHARE],
        **{f"Validation: {metric.title}": [metric.logged] for metric in others},
        "Learning rate": ["train/learning_rate"],
    }
    charts = [line_chart(title, {n: metrics[n] for n in names if n in metrics}) for title, names in groups.items()]
    drawn = "".join(charts)
    return f'<div class="charts">{drawn}</div>' if drawn else ""


def _confusion(record: Record) -> str:
    after = record.get("after") or {}
    matrix, labels = after.get("confusion_matrix") or [], (record.get("data") or {}).get("labels") or []
    if not matrix or len(labels) > 40:
        return ""
    rows = []
    for label, counts in zip(labels, matrix, strict=True):
        total = sum(counts) or 1
        cells = [
            f'<span style="display:block;padding:4px;border-radius:4px;background:color-mix(in srgb, var(--c1) '
            f'{70 * c / total:.0f}%, transparent)">{c}<br><small>{c / total:.0%}</small></span>'
            for c in counts
        ]
        rows.append([escape(str(label)), *cells])
    return _rows(["true \\ predicted", *(escape(str(label)) for label in labels)], rows, css="heat")


def _per_class(record: Record) -> str:
    rows = [
        [escape(str(c["label"])), *(f"{c[k]:.3f}" for k in ("precision", "recall", "f1")), str(c["support"])]
        for c in (record.get("after") or {}).get("per_class") or []
    ]
    return _rows(["label", "precision", "recall", "F1", "examples"], rows)


def _exports(record: Record) -> str:
    header, rows = files_table(record)
    note = f'<p class="note">{escape(NOTE)}</p>' if FIRST_ANSWER in header else ""
    return _rows([escape(title) for title in header], [[escape(cell) for cell in row] for row in rows]) + note


def _data(record: Record) -> str:
    data = record.get("data") or {}
    counts = {k: count_text(data[k]) if data[k] >= 1e6 else data[k] for k in _DATA_COUNTS if k in data}
    shares = data.get("label_counts", {}).get("train") or []
    total = sum(shares) or 1
    rows = [
        [escape(str(n)), str(c), f"{c / total:.1%}"] for n, c in zip(data.get("labels") or [], shares, strict=False)
    ]
    notes = "".join(f'<p class="note">{escape(str(note))}</p>' for note in data.get("notes") or [])
    return _pairs(counts) + _rows(["label in training", "examples", "share"], rows) + notes


_DATA_COUNTS = ("train", "unlabelled", "validation", "test", "dropped", "duplicates", "truncated")


def _privacy(record: Record) -> str:
    stated = dict(record.get("privacy") or {})
    audit = stated.pop("audit", None)
    if "trained_on" in stated:
        stated["trained_on"] = in_words(noted(stated["trained_on"]))
    return _pairs(stated) + (_audit(audit) if audit else "")


def _audit(audit: Mapping[str, Any]) -> str:
    rows = [
        [title, f"{audit[key]['claimed']:.4g}", f"{audit[key]['seen']:.4g}", "yes" if audit[key]["holds"] else "NO"]
        for key, title in MEASURED.items()
    ]
    table = _rows(["measured on the canaries", "claimed", "seen", "holds"], rows)
    return f"<p>{escape(audit_sentence(audit))}</p>" + table


def _membership(record: Record) -> str:
    rows = [
        [
            escape(str(a["model"])),
            escape(str(a["method"])),
            f"{a['auc']:.3f} ({a['auc_interval'][0]:.3f}-{a['auc_interval'][1]:.3f})",
            f"{a['true_positives_at_1_percent']:.1%}",
        ]
        for a in record.get("membership") or []
    ]
    note = '<p class="note">An area of 0.5 and 1 % found are guessing.</p>' if rows else ""
    return _rows(["model", "attack", "area under the curve", "members found at 1 % false alarms"], rows) + note


def _planted(record: Record) -> str:
    rows = [
        [
            escape(str(a["model"])),
            f"{a['exposure']:.2f}",
            f"{a['exposure_of_controls']:.2f}",
            f"{a['extracted']} of {len(a['each'])}",
        ]
        for a in record.get("exposure") or []
    ]
    note = '<p class="note">1.44 bits are guessing; log2 of all candidates is the most.</p>' if rows else ""
    return _rows(["model", "exposure in bits", "of what was never planted", "secrets that it writes"], rows) + note


def _pairs(values: Mapping[str, Any]) -> str:
    rows = [[escape(str(k)), escape(str(v))] for k, v in values.items()]
    return _rows(["", ""], rows).replace("<tr><th></th><th></th></tr>", "")
