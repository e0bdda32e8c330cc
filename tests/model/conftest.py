from importlib.metadata import PackageNotFoundError, distribution

import pytest

from accel.weights import packaged


def installed(*packages):
    """Whether all of them are there; what needs their real weights is skipped where they are not."""
    try:
        return all(distribution(package) for package in packages)
    except PackageNotFoundError:
        return False


@pytest.fixture
def without_packages(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packaged, "distribution", missing)
