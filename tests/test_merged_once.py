import pytest
from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import OmegaConf

from accel.config.compose import compose
from tests import merged_once
from tests.merged_once import LIST, MERGE, patch_hydra

WORDS = (
    ["seed=1", "compression=[prune]", "compression.prune.sparsity=0.3", "trainer.max_steps=8"],
    ["compression=[prune,qat]", "+trainer.nothing=1", "tracker=none"],
    ["experiment=hospital", "privacy.epsilon=3", "~trainer.epochs"],
)


@pytest.fixture
def asked(monkeypatch):
    """What Hydra itself was asked, from nothing kept."""
    monkeypatch.setattr(merged_once, "LISTS", {})
    monkeypatch.setattr(merged_once, "MERGED", {})
    calls = []

    def create(**how):
        calls.append("list")
        return LIST(**how)

    def merge(self, **what):
        calls.append("merge")
        return MERGE(self, **what)

    patch_hydra(monkeypatch, create, merge)
    return calls


def written(words):
    """Every interpolation as it is: times are others each time."""
    return OmegaConf.to_container(compose(words), resolve=False)


def test_a_copy_is_what_hydra_merges(asked, monkeypatch):
    """With other settings of the same choice, which leave no trace in what is kept."""
    kept = [written(words) for words in (*WORDS, *WORDS)]
    assert asked == ["list", "merge"] * 3
    assert compose(WORDS[0]).compression.prune.sparsity == 0.3
    assert compose(["compression=[prune]"]).compression.prune.sparsity != 0.3
    assert asked == ["list", "merge"] * 3
    monkeypatch.setattr(config_loader_impl, "create_defaults_list", LIST)
    monkeypatch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", MERGE)
    assert [written(words) for words in (*WORDS, *WORDS)] == kept


def test_a_folder_of_the_users_is_read_each_time(asked, tmp_path):
    file = tmp_path / "trainer" / "short.yaml"
    file.parent.mkdir()
    for steps in (7, 8):
        file.write_text(f"defaults: [standard]\nmax_steps: {steps}\n")
        assert compose(["trainer=short"], [str(tmp_path)]).trainer.max_steps == steps
    assert asked == ["list", "merge"] * 2
