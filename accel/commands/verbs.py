"""Every verb by its name, and the command that it starts with the words behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from accel.commands.check import check
from accel.commands.run import run
from accel.commands.usage import usage
from accel.config.arguments import load_plugins, split_config_dirs, split_plugins
from accel.core.extras import needs


def matrix(words: Sequence[str]) -> int:
    """Every pair of options."""
    from accel.plan.matrix import main as print_matrix

    return print_matrix(_own_words(words))


def data(words: Sequence[str]) -> int:
    """What a data file holds, and the command that learns it."""
    from accel.look.command import main as look_main

    return look_main(_own_words(words), _refusal_of_data)


def label(words: Sequence[str]) -> int:
    """The texts worth labelling next."""
    from accel.look.label import main as label_main

    return label_main(_own_words(words))


def compare(words: Sequence[str]) -> int:
    """Runs and sweeps side by side."""
    from accel.report.compare import main as compare_main

    return compare_main(_own_words(words))


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


def _with_plugins(words: Sequence[str]) -> list[str]:
    """The words without ``--plugin MODULE``, whose classes are known from here on: a model may be of one of them."""
    plugins, rest = split_plugins(_own_words(words))
    load_plugins(plugins)
    return rest


def _own_words(words: Sequence[str]) -> list[str]:
    """Of a command that composes nothing: folders of groups mean nothing to it, and ``--debug`` was heard already."""
    return [word for word in split_config_dirs(words)[1] if word != "--debug"]


def _refusal_of_data(words: Sequence[str]) -> str:
    """Why the examples of a plan cannot be learned from; empty where they can."""
    from accel.config.compose import compose
    from accel.errors import RefusedError
    from accel.plan.decide import decide
    from accel.plan.inputs import read_inputs

    try:
        read_inputs(decide(compose(words)))
    except RefusedError as error:
        return str(error)
    return ""
