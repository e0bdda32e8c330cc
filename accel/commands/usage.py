"""What can be typed: the usage of the whole command, and the lines of it that tell one verb."""

from __future__ import annotations

import re
from collections.abc import Sequence

from accel.errors import ExitCode

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


def usage(verb: str = "", config_dirs: Sequence[str] = ()) -> int:
    """Print what can be typed: everything, or the lines of one command."""
    from accel.config.compose import GROUPS, options_of
    from accel.docs.show import overview

    groups = "\n  ".join(f"{group:<12} {' '.join(options_of(group, config_dirs))}" for group in GROUPS)
    text = USAGE.format(groups=groups, pages=overview())
    print(_of_command(verb, text) if verb else text)  # noqa: T201 - the command's own output
    return ExitCode.DONE


def _of_command(verb: str, text: str) -> str:
    """The lines of the usage that tell one command, with those that go on below it."""
    lines = text.splitlines()
    (start,) = [number for number, line in enumerate(lines) if re.match(rf"  accel {verb}\b(?!\S)", line)][:1]
    end = next(number for number in range(start + 1, len(lines)) if not lines[number].startswith(" " * 10))
    return "\n".join([*lines[start:end], "accel --help tells everything."])
