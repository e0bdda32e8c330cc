from accel.errors import (
    ConfigError,
    DataError,
    ExitCode,
    Interrupted,
    NoEffectError,
    NonFiniteLossError,
    PlanError,
    did_you_mean,
    nearest,
    paragraph,
)


def test_every_kind_ends_with_its_code_and_status():
    for kind in (ConfigError, PlanError, DataError):
        assert (kind("x").exit_code, kind("x").status) == (2, "refused")
    for kind in (NonFiniteLossError, NoEffectError):
        assert (kind("x").exit_code, kind("x").status) == (3, "failed")
    stopped = Interrupted("x", ExitCode.SIGTERM)
    assert (stopped.exit_code, stopped.status) == (143, "interrupted")
    assert not isinstance(stopped, Exception)  # whoever handles a library's failures lets it pass


def test_the_best_guess_comes_first_and_nonsense_gets_none():
    assert nearest("prnue", ["qat", "prune", "distill"])[0] == "prune"
    assert nearest("zzzz", ["qat", "prune"]) == []
    assert did_you_mean("prnue", ["qat", "prune"]) == "Did you mean 'prune'?"
    assert did_you_mean("zzzz", ["qat", "prune"]) == "Known: prune, qat."


def test_a_refusal_has_three_parts():
    assert paragraph("a  with  b", "c", "d").split() == ["a", "with", "b", "because", "c", "instead", "d"]
