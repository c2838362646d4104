"""Token files: every token once, in order, checked when opened."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domainstudio.problems import UserError
from domainstudio.tokenizer.packed import (
    PackedMeta,
    PackedTokens,
    PartMeta,
    PartWriter,
    TokenType,
    read_meta,
    whole_part,
    write_meta,
)

END = 0
DOCUMENTS = st.lists(st.lists(st.integers(1, 299), max_size=30), max_size=25)


def write(
    folder: Path, documents: list[list[int]], vocabulary: int = 300, part_tokens: int = 1 << 20
) -> PackedMeta:
    """Write a token file, a new part after `part_tokens`; each token counts as 3 bytes."""
    folder.mkdir(parents=True)
    dtype: TokenType = "uint16" if vocabulary <= 65_536 else "uint32"
    parts: list[PartMeta] = []
    left = [np.array(ids, np.dtype(dtype).newbyteorder("<")) for ids in documents]
    while left or not parts:
        count = int(np.searchsorted(np.cumsum([len(ids) + 1 for ids in left]), part_tokens)) + 1
        with PartWriter(folder, len(parts), dtype, END) as writer:
            for first in range(0, len(left[:count]), 7):
                batch = left[:count][first : first + 7]
                writer.add(batch, [3 * len(ids) for ids in batch])
            parts.append(writer.close("made of"))
        left = left[count:]
    return write_meta(folder, dtype, vocabulary, "sha", END, parts)


def stream(documents: list[list[int]]) -> list[int]:
    return [token for ids in documents for token in (*ids, END)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> "list[Path]":
    """A list whose last entry is the folder of the next example."""
    return [tmp_path_factory.mktemp("packed")]


def fresh(folders: list[Path]) -> Path:
    folders.append(folders[0] / str(len(folders)))
    return folders[-1]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS, st.integers(1, 60), st.sampled_from([300, 65_536, 65_537, 200_000]))
def test_the_parts_hold_every_token_once_with_offsets_and_bytes(
    folders: list[Path], documents: list[list[int]], part_tokens: int, vocabulary: int
) -> None:
    folder = fresh(folders)
    meta = write(folder, documents, vocabulary, part_tokens)
    dtype = "<u2" if vocabulary <= 65_536 else "<u4"
    found: list[list[int]] = []
    for part in meta.parts:
        data = (folder / f"{part.name}.bin").read_bytes()
        tokens = np.frombuffer(data, dtype)
        offsets = np.load(folder / f"{part.name}.documents.npy")
        assert hashlib.sha256(data).hexdigest() == part.sha256
        assert (len(tokens), offsets[-1], len(offsets) - 1) == (part.tokens, part.tokens, part.documents)
        bodies = [tokens[first:end].tolist() for first, end in zip(offsets, offsets[1:], strict=False)]
        assert all(body[-1] == END for body in bodies)
        assert np.load(folder / f"{part.name}.bytes.npy").tolist() == [3 * (len(body) - 1) for body in bodies]
        assert part.tokens < part_tokens + 31
        found += [body[:-1] for body in bodies]
    assert found == documents
    assert meta == read_meta(folder)
    assert (meta.tokens, meta.documents) == (len(stream(documents)), len(documents))
    assert meta.bytes == 3 * sum(map(len, documents))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS, st.integers(1, 60), st.integers(1, 12))
def test_blocks_cover_the_stream_and_their_inputs_do_not_overlap(
    folders: list[Path], documents: list[list[int]], part_tokens: int, length: int
) -> None:
    folder = fresh(folders)
    write(folder, documents, part_tokens=part_tokens)
    tokens = PackedTokens(folder)
    whole = stream(documents)
    blocks = [tokens.block(number, length) for number in range(tokens.blocks(length))]
    assert all(block.dtype == np.int64 and block.shape == (length + 1,) for block in blocks)
    inputs = [token for block in blocks for token in block[:-1].tolist()]
    labels = [token for block in blocks for token in block[1:].tolist()]
    assert inputs == whole[: len(inputs)]
    assert labels == whole[1 : len(inputs) + 1]
    assert len(whole) - 1 - len(inputs) < length


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS.filter(bool), st.integers(1, 60), st.data())
def test_whole_documents_fill_the_budget_and_never_exceed_it(
    folders: list[Path], documents: list[list[int]], part_tokens: int, data: st.DataObject
) -> None:
    folder = fresh(folders)
    write(folder, documents, part_tokens=part_tokens)
    ends = np.cumsum([len(ids) + 1 for ids in documents])
    limit = max(1, data.draw(st.sampled_from(ends.tolist())) + data.draw(st.sampled_from([0, -1, 1, 10])))
    tokens, size_bytes = PackedTokens(folder).whole_documents(limit)
    count = int(np.searchsorted(ends, limit, side="right"))
    if count:
        assert tokens.tolist() == stream(documents[:count])
        assert size_bytes == 3 * sum(map(len, documents[:count]))
    else:
        assert tokens.tolist() == stream(documents)[:limit]
        assert size_bytes == round(3 * len(documents[0]) * limit / (len(documents[0]) + 1))


def test_a_source_without_documents_is_a_token_file_without_blocks(tmp_path: Path) -> None:
    assert write(tmp_path / "empty", []).tokens == 0
    tokens = PackedTokens(tmp_path / "empty")
    assert tokens.blocks(8) == 0
    assert tokens.whole_documents(100)[0].size == 0


def damage_meta(folder: Path) -> None:
    (folder / "meta.json").unlink()


def tear_meta(folder: Path) -> None:
    (folder / "meta.json").write_bytes((folder / "meta.json").read_bytes()[:-20])


def truncate_tokens(folder: Path) -> None:
    file = folder / "part-00000.bin"
    file.write_bytes(file.read_bytes()[:-1])


def remove_tokens(folder: Path) -> None:
    (folder / "part-00000.bin").unlink()


def name_a_later_version(folder: Path) -> None:
    values = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(values | {"version": 2}))


@pytest.mark.parametrize(
    "damage", [damage_meta, tear_meta, truncate_tokens, remove_tokens, name_a_later_version]
)
def test_a_folder_that_is_no_whole_token_file_is_refused(tmp_path: Path, damage: object) -> None:
    folder = tmp_path / "tokens"
    write(folder, [[1, 2, 3], [4]])
    assert callable(damage)
    damage(folder)
    with pytest.raises(UserError) as refusal:
        PackedTokens(folder)
    assert refusal.value.problem.code == "tokens.unreadable"
    assert str(folder) in str(refusal.value)


def test_a_part_outside_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", [[1, 2, 3]])
    folder = tmp_path / "tokens"
    write(folder, [[1, 2, 3]])
    meta = (folder / "meta.json").read_text().replace("part-00000", "../elsewhere/part-00000")
    (folder / "meta.json").write_text(meta)
    with pytest.raises(UserError) as refusal:
        PackedTokens(folder)
    assert refusal.value.problem.code == "tokens.unreadable"


def flip_a_bit(folder: Path) -> None:
    file = folder / "part-00000.bin"
    data = bytearray(file.read_bytes())
    data[2] ^= 1
    file.write_bytes(data)


def remove_record(folder: Path) -> None:
    (folder / "part-00000.json").unlink()


def tear_record(folder: Path) -> None:
    (folder / "part-00000.json").write_bytes(b'{"made_of": "made')


def tear_offsets(folder: Path) -> None:
    (folder / "part-00000.documents.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr'")


def empty_sizes(folder: Path) -> None:
    (folder / "part-00000.bytes.npy").write_bytes(b"")


@pytest.mark.parametrize(
    "damage",
    [truncate_tokens, flip_a_bit, remove_record, tear_record, tear_offsets, empty_sizes, remove_tokens],
)
def test_a_torn_part_is_no_part(tmp_path: Path, damage: object) -> None:
    folder = tmp_path / "tokens"
    meta = write(folder, [[1, 2, 3], [4]])
    assert whole_part(folder, 0, "uint16", "made of") == meta.parts[0]
    assert whole_part(folder, 0, "uint16", "other documents") is None
    assert whole_part(folder, 1, "uint16", "made of") is None
    assert callable(damage)
    damage(folder)
    assert whole_part(folder, 0, "uint16", "made of") is None


def test_what_does_not_belong_to_a_token_file_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    first = write(folder, [[1, 2, 3], [4]], part_tokens=2)
    assert len(first.parts) == 2
    (folder / ".part-00000.json.1f.tmp").touch()
    write_meta(folder, "uint16", 300, "sha", END, list(first.parts[:1]))
    assert {file.name.split(".")[0] for file in folder.iterdir()} == {"part-00000", "meta"}
    assert PackedTokens(folder).meta.tokens == 4
