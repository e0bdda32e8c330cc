"""The forecast as a person reads it."""

from __future__ import annotations

from rich.table import Table

from accel.core.console import rich_console
from accel.core.plan import Plan
from accel.forecast.device import Device, device_named
from accel.forecast.outlook import FREE_SHARE, Outlook, outlook
from accel.forecast.steps import Pace, efficiency

GB = 1e9


def print_forecast(plan: Plan, device: str) -> None:
    """What the plan would take on a device with stated constants.

    Raises:
        ConfigError: there are no constants for the device.
        DataError: the model's sizes are not known here.
    """
    print_outlook(plan, device_named(device))


def print_outlook(plan: Plan, device: Device, pace: Pace | None = None) -> None:
    """What the plan would take on a device.

    Args:
        pace: measured on it; by default computation follows from its constants.

    Raises:
        DataError: the model's sizes are not known here.
    """
    found = outlook(plan, device, pace)
    console = rich_console()
    console.print(*tables(found, plan.strategy.option_name()), notes(found), sep="\n")


def tables(found: Outlook, strategy: str) -> list[Table]:
    """Does it fit, and how fast is it.

    Args:
        strategy: the plan's own, whose times are shown.
    """
    return [_memory(found), _times(found, strategy)]


def notes(found: Outlook) -> str:
    """What the figures rest on."""
    work, device = found.work, found.device
    trained = "all" if work.trained_share == 1 else f"{100 * work.trained_share:.2g} %"
    return (
        f"{work.shape.num_parameters / 1e9:.2f} B parameters, {trained} of them trained; "
        f"{work.tokens * work.accumulate} tokens per rank and step, texts of {work.sequence_length}.\n"
        f"Constants of {device.name}: {device.source}."
    )


def _memory(found: Outlook) -> Table:
    table = _table(
        f"GB per rank (of {found.device.memory_bytes / GB:.0f}, {FREE_SHARE:.0%} usable)",
        "strategy", "ranks", "state", "passing", "total", "verdict",
    )  # fmt: skip
    for room in found.rooms:
        sizes = (room.state_bytes, room.passing_bytes, room.bytes)
        verdict = "fits" if room.fits else "does not fit"
        table.add_row(room.strategy, str(room.ranks), *(f"{size / GB:.3g}" for size in sizes), verdict)
    table.caption = "state: weights, gradients, optimizer; passing: activations and gathered layers"
    return table


def _times(found: Outlook, strategy: str) -> Table:
    table = _table(
        f"One optimizer step under strategy={strategy}, ms",
        "ranks", "step", "compute", "exposed", "other", "tokens/s", "efficiency", "limit",
    )  # fmt: skip
    one = found.times[0]
    for time in found.times:
        parts = (time.total_s, time.compute_s, time.exposed_s, time.overhead_s)
        milliseconds = (f"{1e3 * seconds:,.1f}" for seconds in parts)
        share = f"{efficiency(one, time):.0%}"
        table.add_row(str(time.ranks), *milliseconds, f"{time.tokens_per_s:,.0f}", share, time.limit)
    table.caption = (
        "exposed: what of all collectives the computation does not hide; other: copies of a model in parts, and "
        "waiting for the slowest rank at each layer, where measured"
    )
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("strategy", "verdict", "limit") else "right")
    return table
