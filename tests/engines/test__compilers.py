from accel.engines import _compilers


def test_any_of_them_will_do(monkeypatch):
    monkeypatch.setattr(_compilers.shutil, "which", lambda name: "/usr/bin/clang++" if name == "clang++" else None)
    assert _compilers.has_compiler()
    monkeypatch.setattr(_compilers.shutil, "which", lambda name: None)
    assert not _compilers.has_compiler()
    assert "g++, clang++, c++" in _compilers.NONE_FOUND
