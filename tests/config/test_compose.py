import random
import string

import pytest

from accel.config.compose import GROUPS, RETIRED, compose, conf_dir, options_of, plain
from accel.errors import ConfigError
from accel.plan.decide import assemble


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("modle=minilm", "Did you mean 'model'"),
        ("model=minlm", "Did you mean 'minilm'"),
        ("compression=[prnue]", "Did you mean 'prune'"),
        ("compression=[prune,qatt]", "Did you mean 'qat'"),
        ("trainer.learning_rte=1", "Did you mean trainer.learning_rate"),
        ("compression.prune.sparsity=0.5", r"It appears with compression=\[prune\]"),
        ("compression.prun.sparsity=0.5", r"Did you mean compression.prune.sparsity\?"),
        ("trainer.zzz=1", "trainer has: epochs"),
        ("compression=null", r"compression=\[\] for none"),
        ("compression=", r"compression=\[\] for none"),
        ("model=null", "one of .*minilm"),
        ("seed=1,2", "add -m"),
        ("model=minilm,local", "add -m"),
        ("trainer.epochs=[1", "is no override"),
        ("nonsense", "is no override"),
        ("name=${nope}", "name: Interpolation key 'nope' not found"),
        ("name=${oc.env:NOT_SET_ANYWHERE}", "name: Environment variable 'NOT_SET_ANYWHERE' not found"),
        ("name=${nope:1}", "name: Unsupported interpolation type nope"),
        ("hydra.run.dir=${nope}", "hydra.run.dir: Interpolation key 'nope' not found"),
        ("trainer.epochs=${trainer.nope}", "trainer.epochs: Interpolation key 'trainer.nope' not found"),
    ],
)
def test_errors_name_the_nearest_right_word(word, text):
    with pytest.raises(ConfigError, match=text):
        compose([word])


@pytest.mark.parametrize("chosen", ["[]", "[ptq]", "ptq", "[prune,ptq]"])
def test_what_an_experiment_sets_for_an_option_that_is_left_out_is_left_out(chosen):
    config = compose(["experiment=quickstart", f"compression={chosen}"])
    assert set(config.compression) == set(chosen.strip("[]").split(",")) - {""}


def test_it_stays_where_it_is_chosen_and_what_was_typed_is_refused():
    config = compose(["experiment=llm_int4", "compression=[qat]"])
    assert (list(config.compression), config.compression.qat.scheme) == (["qat"], "int4_weight_only")
    typed = compose(["experiment=llm_int4", "compression=[ptq]", "compression.qat.begin=0.3"])
    with pytest.raises(ConfigError, match="compression.qat is set but not chosen"):
        assemble(typed)


def typos(word, generator, count):
    """One edit each: a letter dropped, doubled, swapped or replaced."""
    for _ in range(count):
        i = generator.randrange(1, len(word))
        edit = generator.choice(["drop", "double", "swap", "replace"])
        if edit == "drop":
            yield word[:i] + word[i + 1 :]
        elif edit == "double":
            yield word[:i] + word[i] + word[i:]
        elif edit == "swap" and i + 1 < len(word):
            yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]
        else:
            yield word[:i] + generator.choice(string.ascii_lowercase) + word[i + 1 :]


@pytest.mark.fault("B2")
def test_one_edit_typos_get_the_right_word_first():
    generator = random.Random(0)
    right = total = 0
    for group in ("model", "tuning", "tracker", "compression", "task"):
        for option in options_of(group):
            for typo in typos(option, generator, 1):
                if typo in options_of(group) or len(option) < 4:
                    continue
                total += 1
                word = f"compression=[{typo}]" if group == "compression" else f"{group}={typo}"
                with pytest.raises(ConfigError) as error:
                    compose([word])
                right += f"Did you mean '{option}'" in str(error.value)
    assert total >= 30
    assert right / total >= 0.9


def test_an_unrelated_word_gets_no_suggestion():
    with pytest.raises(ConfigError) as error:
        compose(["model=zebrafish"])
    assert "Did you mean" not in str(error.value)


def test_every_group_has_options():
    for group in GROUPS:
        assert options_of(group), group


def test_a_users_own_folder_of_groups_is_searched_after(tmp_path):
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "short.yaml").write_text("_target_: accel.trainer.standard.Standard\nepochs: 1\n")
    assert compose(["trainer=short"], [str(tmp_path)]).trainer.epochs == 1
    with pytest.raises(ConfigError, match="Did you mean 'short'"):
        compose(["trainer=shrt"], [str(tmp_path)])
    with pytest.raises(ConfigError):
        compose(["trainer=short"])


def test_an_experiment_that_names_options_of_a_list_as_a_value_is_told_how_to_choose_them(tmp_path):
    (tmp_path / "experiment").mkdir()
    file = tmp_path / "experiment" / "mine.yaml"
    file.write_text("# @package _global_\nengines: [eager]\n")
    with pytest.raises(ConfigError, match=r"'- override /engines: \[NAME,…\]'"):
        compose(["experiment=mine"], [str(tmp_path)])
    file.write_text("# @package _global_\ndefaults:\n  - override /engines: [cuda, eager]\n")
    assert set(compose(["experiment=mine"], [str(tmp_path)]).engines) == {"cuda", "eager"}
    assert set(compose(["experiment=mine", "engines=[onnxruntime]"], [str(tmp_path)]).engines) == {"onnxruntime"}


def test_plain_keeps_references_unresolved(monkeypatch):
    monkeypatch.setenv("MY_SECRET", "hunter2")
    values = plain(compose(["name=${oc.env:MY_SECRET}"]))
    assert "hunter2" not in str(values)
    assert "hydra" not in values


def test_the_configuration_is_found():
    assert (conf_dir() / "config.yaml").is_file()


@pytest.mark.parametrize("name", [name for group, name in RETIRED if group == "strategy"])
def test_a_retired_engine_is_answered_with_what_does_its_work(name):
    with pytest.raises(ConfigError, match=f"strategy={name}: .*Use strategy=(ddp|fsdp|tensor_parallel)"):
        compose([f"strategy={name}"])
