"""A search is opened only as it was written: nothing in its files leads past their ends, or elsewhere."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from domainstudio.corpus.duplicates.columns import mapped, write_column
from domainstudio.corpus.duplicates.finding import find
from domainstudio.corpus.duplicates.found import COLUMNS, Found
from domainstudio.corpus.duplicates.plan import Part, Settings
from domainstudio.problems import UserError


@pytest.fixture(scope="module")
def made(parts: list[Part], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search")
    find(folder, parts, Settings(), lambda *_: None)
    return folder


@pytest.fixture
def search(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "search"))


def test_a_search_is_opened_as_it_was_written(search: Path) -> None:
    found = Found(search)
    for name in COLUMNS:
        assert np.array_equal(getattr(found, name), np.load(search / f"{name}.npy")), name
    assert len(found.first) > 10


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize(
    "change",
    [
        lambda values: values[:-1],
        lambda values: np.append(values, values[:1]),
        lambda values: values.astype(values.dtype.newbyteorder(">")) if values.dtype != bool else values[:0],
        lambda values: values.astype("f8"),
        lambda values: values.reshape(1, -1),
        lambda values: np.stack([values, values]),
        lambda values: values[0],
    ],
    ids=["short", "long", "endianness", "type", "row", "rows", "scalar"],
)
def test_a_column_of_another_form_is_refused(
    search: Path, name: str, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    file = search / f"{name}.npy"
    np.save(file, change(np.load(file)))
    with pytest.raises(ValueError, match="no column"):
        Found(search)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("first", -1), ("second", -1), ("second", 400), ("second", 2**31 - 1), ("first", 399), ("group", -1),
        ("group", 399), ("similarity", np.nan), ("similarity", np.inf), ("similarity", -1.0),
        ("similarity", 1.0000001), ("similarity", 0.69), ("ids", -1), ("bytes", -5), ("characters", -5),
    ],
)  # fmt: skip
def test_a_value_that_no_search_finds_is_refused(search: Path, name: str, value: float) -> None:
    file = search / f"{name}.npy"
    values = np.load(file)
    values[3] = value
    np.save(file, values)
    with pytest.raises(ValueError, match="contradict"):
        Found(search)


def test_a_pair_of_texts_that_others_stand_for_is_refused(search: Path) -> None:
    group = np.load(search / "group.npy")
    others = np.flatnonzero(group != np.arange(len(group)))
    assert len(others), "some have the same words"
    second = np.load(search / "second.npy")
    second[-1] = others[-1]
    np.save(search / "second.npy", second)
    with pytest.raises(ValueError, match="contradict"):
        Found(search)


@pytest.mark.parametrize(
    "shape", ["(1152921504606846976,)", f"({10**40},)", "(-1,)", "(True,)", "(3, 1152921504606846976)"]
)
def test_a_shape_that_the_file_cannot_hold_is_not_believed(tmp_path: Path, shape: str) -> None:
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    (tmp_path / "a.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(12)
    )
    with pytest.raises(ValueError, match="no column"):
        mapped(tmp_path / "a.npy", "<i4", (3,))


class _Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("pwned",)


def test_nothing_is_unpickled_waited_for_or_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "object.npy", np.array([_Payload()], object), allow_pickle=True)
    (tmp_path / "pickle.npy").write_bytes(pickle.dumps(_Payload()))
    write_column(tmp_path / "true.npy", np.zeros(1, np.int32))
    (tmp_path / "link.npy").symlink_to(tmp_path / "true.npy")
    for name in ("object", "pickle", "link"):
        with pytest.raises(ValueError):
            mapped(tmp_path / f"{name}.npy", "<i4", (1,))
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(UserError):
        mapped(tmp_path / "pipe.npy", "<i4", (1,))
    assert not (tmp_path / "pwned").exists()
    assert mapped(tmp_path / "true.npy", "<i4", (1,)).tolist() == [0]
