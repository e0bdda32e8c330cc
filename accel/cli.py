"""The ``accel`` command: verbs, and a run for everything whose first word is no verb."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from accel.config.arguments import Arguments, flags_last, load_plugins, parse, split_config_dirs, split_plugins
from accel.config.overrides import quote_unicode
from accel.config.redact import guarded_streams, learn
from accel.core.extras import needs
from accel.errors import AccelError, ConfigError, ExitCode, Interrupted, did_you_mean

if TYPE_CHECKING:
    from accel.core.plan import Plan

USAGE = """\
accel: fine-tune a transformer while pruning, quantizing and distilling it, and measure what that cost

  accel [overrides]                one run into outputs/DATE/TIME/
  accel -m [overrides]             a sweep into sweeps/DATE/TIME/, one folder per job
  accel FILE [overrides]           looks at a data file, says what it understood and the full command, and runs it
                                   (preset=fast, balanced or best; columns that are not clear are refused)
  accel data FILE [overrides]      the same look, nothing is started (--json, --html F); --suspects: wrong labels
  accel label POOL                 the texts worth labelling next (--budget 200, --train FILE, --out F)
  accel check [-m] [overrides]     looks at options, files, packages and devices, starts nothing; --config-only: at
                                   options alone; --forecast=h100: will it fit there, and how fast; =here measures it
  accel matrix [--markdown]        every pair of options: works, or refused because …
  accel compare PATH…              runs and sweeps side by side (--sort, --filter, --mean-over seed, --html F, --csv F);
                                   as money by --price-per-cpu-hour P --requests-per-month N --cost-per-error P
  accel wandb-sweep sweep=NAME     a named search as a file for W&B's own sweeps and agents (--file F)
  accel predict RUN [TEXT …]       predictions as JSON lines (--file F)
  accel search RUN TEXT --in F     the nearest texts of a file, by a retrieval model (--column C, --top 5, --json)
  accel chat RUN                   talk with a model of task=chat, also line by line from a pipe (--temperature 0.7,
                                   --max-tokens 256, --seed, --system TEXT, --json)
  accel explain RUN TEXT …         what each word did for a prediction, how good that explanation is, and a page
                                   (--method occlusion, --label L, --against OTHER, --file F, --html F)
  accel federate serve HOST:PORT [overrides]
                                   one model of many owners' data: takes the updates of those who join with
                                   accel federate join HOST:PORT task.train=mine.csv; accel federate secret FILE
  accel attack RUN [SHADOW …]      membership inference on the finished model; shadows: the same with other seeds;
                                   --secrets F: which planted secrets a language model remembers (--candidates 1024)
  accel exemplars RUN RUN …        texts that all compressed models decide otherwise than the dense ones (--json)
  accel gate RUN                   whether a run keeps its limits (--max-drop 0.01, --limits F, --against RUN, --json)
  accel watch RUN --in F --date C  whether a label comes more often in dated texts than it used to (--label L,
                                   --by week, --usual-until DATE, --json, --html F); exit code 5 where it does
  accel export RUN                 export a finished run again, each format checked (--format onnx,onnx-int8)
  accel help [TOPIC]               the documentation of an option or a subject: accel help prune, accel help privacy

Overrides are Hydra's:  group=option  chooses,  group.key=value  sets,  compression=[prune,qat]  composes.
  {groups}

  accel                                                    the default: MiniLM on airline tweets
  accel reviews.csv preset=fast                            a file of yours, in minutes; no other word is needed
  accel experiment=quickstart                              fine-tune, prune, distil, int8: the whole point in one run
  accel task=text_classification task.train=my.csv task.text=review task.label=stars
  accel -m compression=[],[prune],[prune,qat] seed=0,1

{pages}

Flags:  --config-dir DIR  your own groups   --plugin MODULE  your own classes   --debug  tracebacks
        --save DIR/experiment/NAME.yaml  write what was typed, to commit and run again; with check it is not run
        --conditional  leave out keys of options that are not chosen, as sweeps do
        --cfg job  print the configuration   -sc install=bash  shell completion   --hydra-help  Hydra's own flags
Exit codes: 0 done, 2 refused before any work, 3 failed, 4 some jobs of a sweep failed, 5 a limit of the gate is broken,
or an alarm of watch, 130/143 interrupted."""

HYDRA_FLAGS = {
    "--cfg",
    "-c",
    "--info",
    "-i",
    "--package",
    "-p",
    "--resolve",
    "-sc",
    "--shell-completion",
    "--hydra-help",
}
DEFAULT_RUN = """\
accel alone is the default run, which is described below: it trains, exports and measures, into outputs/DATE/TIME/.
Ctrl-C stops it. accel check decides and starts nothing; accel --help lists what can be typed.
"""
FORECAST, HERE, CONFIG_ONLY = "--forecast", "here", "--config-only"
OPTIONS_FIT = "These options fit each other; files, packages and devices were not looked at. Nothing was started."


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    learn(words)
    with guarded_streams():
        return _main(words)


def _main(words: list[str]) -> int:
    debug = "--debug" in words
    try:
        return int(_dispatch(words))
    except (AccelError, Interrupted) as error:
        if debug:
            raise
        print(error, file=sys.stderr)  # noqa: T201 - the command's own output
        return int(error.exit_code)
    except KeyboardInterrupt:
        return int(ExitCode.SIGINT)
    except BrokenPipeError:  # the reader of a pipe has left, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)


def _dispatch(words: list[str]) -> int:
    asks_hydra = bool({w.split("=", 1)[0] for w in words} & HYDRA_FLAGS)
    moved = list(words) if asks_hydra else flags_last(words)
    first = moved[0] if moved else ""
    if {"-h", "--help"} & set(words):
        return (
            _flags_of(first) if first in VERBS and first not in COMPOSING else usage(first, split_config_dirs(words)[0])
        )
    if "--version" in words:
        return version()
    if first in VERBS:
        return VERBS[first](moved[1:])
    if first and not first.startswith("-") and "=" not in first:
        from accel.look.look import is_data_file

        if is_data_file(first):
            from accel.look.command import words_to_run

            return run(words_to_run(first, moved[1:]))
        raise ConfigError(_no_such_command(first))
    if asks_hydra:
        return hydra_itself(words)
    if not words and sys.stdout.isatty():
        print(DEFAULT_RUN, flush=True)  # noqa: T201 - the command's own output
    return run(words)


def _no_such_command(word: str) -> str:
    return f"There is no command {word!r}. {did_you_mean(word, VERBS)} A setting is typed as group=option or key=value."


def run(words: Sequence[str]) -> int:
    """One run, or a sweep with ``-m``."""
    arguments = parse(words)
    load_plugins(arguments.plugins)
    if arguments.save is not None:
        _save(arguments.save, arguments)
    if arguments.multirun:
        return _sweep(words, arguments)
    _require_no_sweep(arguments, "accel", words)
    from accel.run.start import start

    return start(words, arguments)


def _save(file: Path, arguments: Arguments) -> None:
    """An experiment that works; what does not is refused before it is written."""
    from accel.config.save import save
    from accel.plan.decide import check_overrides

    check_overrides(arguments.overrides, arguments.plugins, arguments.config_dirs)
    print(f"Written to {file}. The same again: {save(file, arguments)}")  # noqa: T201 - the command's own output


def _require_no_sweep(arguments: Arguments, command: str, words: Sequence[str]) -> None:
    """Settings of a sweep would do nothing in one run."""
    found = next((w for w in arguments.overrides if w.startswith(("sweep=", "sweep.")) and w != "sweep=none"), None)
    if found is not None:
        raise ConfigError(
            f"{found} is for a sweep, which is many runs, and this is one. Add -m:\n  {command} -m {shlex.join(words)}"
        )


def _sweep(words: Sequence[str], arguments: Arguments) -> int:
    from accel.process.rank_info import RankInfo
    from accel.sweep.entry import run_sweep

    if launcher := RankInfo.of_environment(os.environ).launcher:
        raise ConfigError(
            f"{launcher} started this sweep several times over. A sweep is one command, which starts its jobs and "
            f"their processes by itself: accel -m …"
        )

    return run_sweep(arguments.overrides, arguments.config_dirs, arguments.plugins)


def check(words: Sequence[str]) -> int:
    """Check one plan, or every job of a sweep, and what it needs; ``--forecast`` also says what it would take."""
    device, rest = _forecast_flag([word for word in words if word != CONFIG_ONLY])
    config_only = CONFIG_ONLY in words
    arguments = parse(rest)
    load_plugins(arguments.plugins)
    if arguments.save is not None:
        _save(arguments.save, arguments)
    if arguments.multirun:
        from accel.sweep.entry import check_sweep

        return check_sweep(arguments.overrides, arguments.config_dirs, arguments.plugins, config_only=config_only)
    _require_no_sweep(arguments, "accel check", words)
    from accel.config.compose import compose
    from accel.plan.decide import decide

    plan = decide(compose(arguments.overrides, arguments.config_dirs), arguments.plugins)
    if device == HERE:
        from accel.forecast.live import forecast_live

        return forecast_live(plan, words)
    print(plan.describe(shutil.get_terminal_size().columns if sys.stdout.isatty() else None))  # noqa: T201
    print(_looked_at(plan, elsewhere=device is not None) if not config_only else OPTIONS_FIT)  # noqa: T201
    if device is not None:
        from accel.forecast.show import print_forecast

        print_forecast(plan, device)
    return ExitCode.DONE


def _looked_at(plan: Plan, *, elsewhere: bool) -> str:
    """What was found of what the plan needs.

    Raises:
        RefusedError: it lacks something.
    """
    from accel.plan.inputs import look

    return "\n".join([*look(plan, here=not elsewhere), "This plan works. Nothing was started."])


def _forecast_flag(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The device that ``--forecast`` or ``--forecast=DEVICE`` names, and the other words."""
    flags = [word for word in words if word.split("=", 1)[0] == FORECAST]
    device = flags[-1].partition("=")[2] or "h100" if flags else None
    return device, [word for word in words if word not in flags]


def matrix(words: Sequence[str]) -> int:
    """Every pair of options."""
    from accel.plan.matrix import main as print_matrix

    return print_matrix(_own_words(words))


def data(words: Sequence[str]) -> int:
    """What a data file holds, and the command that learns it."""
    from accel.look.command import main as look_main

    return look_main(_own_words(words))


def label(words: Sequence[str]) -> int:
    """The texts worth labelling next."""
    from accel.look.label import main as label_main

    return label_main(_own_words(words))


def compare(words: Sequence[str]) -> int:
    """Runs and sweeps side by side."""
    from accel.report.compare import main as compare_main

    return compare_main(_own_words(words))


def _with_plugins(words: Sequence[str]) -> list[str]:
    """The words without ``--plugin MODULE``, whose classes are known from here on: a model may be of one of them."""
    plugins, rest = split_plugins(_own_words(words))
    load_plugins(plugins)
    return rest


def _own_words(words: Sequence[str]) -> list[str]:
    """Of a command that composes nothing: folders of groups mean nothing to it, and ``--debug`` was heard already."""
    return [word for word in split_config_dirs(words)[1] if word != "--debug"]


def predict(words: Sequence[str]) -> int:
    """Predictions of an exported model."""
    from accel.inference.predict import main as predict_main

    return predict_main(_with_plugins(words))


def search(words: Sequence[str]) -> int:
    """The nearest texts of a file."""
    from accel.inference.search import main as search_main

    return search_main(_with_plugins(words))


def chat(words: Sequence[str]) -> int:
    """A conversation with an exported model."""
    from accel.inference.chat import main as chat_main

    return chat_main(_with_plugins(words))


def explain(words: Sequence[str]) -> int:
    """What each word did for a prediction."""
    from accel.analysis.explain import main as explain_main

    return explain_main(_with_plugins(words))


def attack(words: Sequence[str]) -> int:
    """Membership inference on a finished run, or what it remembers of planted secrets."""
    from accel.analysis.attack import main as attack_main

    plugins, rest = split_plugins(_own_words(words))
    load_plugins(plugins)
    return attack_main(rest, plugins)


def exemplars(words: Sequence[str]) -> int:
    """Texts that several compressed models decide otherwise than the dense ones."""
    from accel.analysis.exemplars import main as exemplars_main

    plugins, rest = split_plugins(_own_words(words))
    load_plugins(plugins)
    return exemplars_main(rest, plugins)


def gate(words: Sequence[str]) -> int:
    """Whether a finished run keeps its limits."""
    from accel.gate.command import main as gate_main

    return gate_main(words)


def watch(words: Sequence[str]) -> int:
    """Whether a label comes more often than it used to."""
    from accel.watch.command import main as watch_main

    return watch_main(_with_plugins(words))


def export(words: Sequence[str]) -> int:
    """Further formats of a finished run."""
    from accel.export.command import main as export_main

    return export_main(_with_plugins(words))


def wandb_sweep(words: Sequence[str]) -> int:
    """A named search for W&B's own sweeps."""
    needs("optuna", "search", "accel wandb-sweep")
    from accel.sweep.wandb_sweep import main as wandb_sweep_main

    return wandb_sweep_main(words)


def federate(words: Sequence[str]) -> int:
    """Real owners of data, each on a machine of its own."""
    from accel.run.federate import main as federate_main

    return federate_main(_own_words(words), run)


def help_(words: Sequence[str]) -> int:
    """One topic of the documentation, or what can be typed."""
    from accel.docs.show import main as show

    folders, rest = split_config_dirs(words)
    topics = _with_plugins(rest)
    return show(topics, folders) if topics else usage(config_dirs=folders)


def usage(verb: str = "", config_dirs: Sequence[str] = ()) -> int:
    """What can be typed: everything, or the lines of one command."""
    from accel.config.compose import GROUPS, options_of
    from accel.docs.show import overview

    groups = "\n  ".join(f"{group:<12} {' '.join(options_of(group, config_dirs))}" for group in GROUPS)
    text = USAGE.format(groups=groups, pages=overview())
    print(_of_command(verb, text) if verb in VERBS else text)  # noqa: T201 - the command's own output
    return ExitCode.DONE


def _of_command(verb: str, text: str) -> str:
    """The lines of the usage that tell one command, with those that go on below it."""
    lines = text.splitlines()
    (start,) = [number for number, line in enumerate(lines) if re.match(rf"  accel {verb}\b(?!\S)", line)][:1]
    end = next(number for number in range(start + 1, len(lines)) if not lines[number].startswith(" " * 10))
    return "\n".join([*lines[start:end], "accel --help tells everything."])


def _flags_of(verb: str) -> int:
    """Every flag of a command that parses its own words."""
    with suppress(SystemExit):  # argparse ends the program after its help
        VERBS[verb](["--help"])
    print("\naccel --help tells everything.")  # noqa: T201 - the command's own output
    return ExitCode.DONE


def version() -> int:
    """Of accel."""
    from accel import __version__

    print(f"accel {__version__}")  # noqa: T201 - the command's own output
    return ExitCode.DONE


def hydra_itself(words: Sequence[str]) -> int:
    """Hydra's own flags (--cfg, --info, shell completion), which need Hydra's own main."""
    from accel.config.hydra_main import main as hydra_main

    return hydra_main([quote_unicode(word) for word in words])


VERBS: dict[str, Callable[[Sequence[str]], int]] = {
    "check": check,
    "data": data,
    "label": label,
    "matrix": matrix,
    "compare": compare,
    "predict": predict,
    "chat": chat,
    "explain": explain,
    "search": search,
    "attack": attack,
    "exemplars": exemplars,
    "gate": gate,
    "watch": watch,
    "export": export,
    "federate": federate,
    "help": help_,
    "wandb-sweep": wandb_sweep,
}
COMPOSING = {"check", "matrix", "federate", "help", "wandb-sweep"}
"""Commands whose words are overrides or pages: the usage tells them whole."""
