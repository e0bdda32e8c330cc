import pytest

from accel.data.content import Content, Row
from accel.data.content_store import KEY_BYTES, ContentStore
from accel.errors import DataError


@pytest.fixture
def store(tmp_path):
    return ContentStore(tmp_path / "cache")


def some(store, texts=("a", "b")):
    return Content.of((Row.of(text) for text in texts), store.key())


def test_the_key_is_made_once_for_the_user_alone(store):
    first = store.key()
    assert len(first) == KEY_BYTES
    assert store.key() == first
    assert (store.folder / "key").stat().st_mode & 0o777 == 0o600
    assert store.folder.stat().st_mode & 0o777 == 0o700


def test_what_was_kept_is_found(store):
    kept = some(store)
    fingerprint = store.keep(kept)
    assert store.find(fingerprint) == kept
    assert store.keep(some(store, ("b", "a"))) == fingerprint
    assert store.keep(some(store, ("a", "c"))) != fingerprint
    assert all(f.stat().st_mode & 0o777 == 0o600 for f in store.folder.glob("*.rows"))


def test_another_key_gives_another_fingerprint_which_here_is_unknown(store, tmp_path):
    there = ContentStore(tmp_path / "there")
    fingerprint = there.keep(some(there))
    assert store.find(fingerprint) is None
    assert store.keep(some(store)) != fingerprint


@pytest.mark.parametrize("content", [b"", b"123", b"\x01" + b"\0" * 7 + b"x" * 16])
def test_a_damaged_file_is_unknown(store, content):
    fingerprint = store.keep(some(store))
    (store.folder / f"{fingerprint}.rows").write_bytes(content)
    assert store.find(fingerprint) is None


@pytest.mark.parametrize("fingerprint", ["", "../key", "f" * 32])
def test_what_is_no_fingerprint_of_this_cache_is_unknown(store, fingerprint):
    assert store.find(fingerprint) is None


def test_a_damaged_key_is_told(store):
    store.key()
    (store.folder / "key").write_bytes(b"short")
    with pytest.raises(DataError, match="Remove it"):
        store.key()
    (store.folder / "key").unlink()
    assert store.key()  # what the message says


def test_a_cache_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cache="):
        ContentStore(tmp_path / "file" / "cache").key()
