from accel import compilers


def test_any_of_them_will_do(monkeypatch):
    monkeypatch.setattr(compilers.shutil, "which", lambda name: "/usr/bin/clang++" if name == "clang++" else None)
    assert compilers.has_compiler()
    monkeypatch.setattr(compilers.shutil, "which", lambda name: None)
    assert not compilers.has_compiler()
    assert "g++, clang++, c++" in compilers.NONE_FOUND
