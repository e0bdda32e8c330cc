import pytest

from accel.errors import ClaimError, DataError
from accel.privacy._gaussian import Gaussian, _rounded_down, holds
from accel.privacy.dpfedavg import Dpfedavg
from accel.privacy.dpsgd import Dpsgd


@pytest.mark.parametrize(("option", "unit"), [(Dpsgd, "records"), (Dpfedavg, "clients")])
def test_a_delta_is_held_against_what_is_protected(option, unit):
    assert issubclass(option, Gaussian)
    option(delta=9e-3).check_delta(100)
    with pytest.raises(DataError, match=rf"1 / {unit} = 1.0e-02.*delta=1e-3"):
        option(delta=1e-2).check_delta(100)
    assert not list(option().said_of_delta(100))
    assert unit in next(iter(option(delta=2e-3).said_of_delta(100)))


def test_a_given_noise_is_taken_as_it_is():
    assert Dpfedavg(epsilon=None, noise_multiplier=0.7).noise_for(10, sample_rate=0.1, steps=5) == 0.7


def test_without_a_good_audit_nothing_is_claimed():
    assert holds({"passed": True})
    assert not holds({"passed": False})
    with pytest.raises(ClaimError, match="not as private"):
        Dpfedavg(audit=True).check_claim({"audit": None})
    Dpfedavg().check_claim({})


def test_what_to_type_instead_is_never_larger():
    assert [_rounded_down(x) for x in (0.00199, 0.01)] == ["1e-3", "1e-2"]
