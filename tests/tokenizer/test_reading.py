"""Tokenizers of every kind are read and cut texts into the same shape of pieces."""

import json
import pickle
from pathlib import Path

import pytest
import vocabularies
from sentencepiece import SentencePieceProcessor

from domainstudio.problems import UserError
from domainstudio.tokenizer.reading import pieces_by, read

TEXTS = [
    "The law of contract is the law of promises; the law of tort is the law of wrongs.\n\n",
    "法律面前人人平等。合同法规定，合同自成立时生效。合同双方应当遵守合同。",
    "Numbers 1234567 and tabs\tand  spaces   and CamelCase, don't they?",
] * 20
TEXT = "The law:   合同法 of 龙, 1234 x\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with a tokenizer of each kind."""
    folders = {}
    makers = {
        "byte-level BPE": vocabularies.neox_like,
        "SentencePiece BPE": vocabularies.llama_like,
        "Unigram": vocabularies.unigram_like,
    }
    for kind, make in makers.items():
        folders[kind] = make(tmp_path_factory.mktemp("vocabulary"), TEXTS, 400)
    return folders


@pytest.mark.parametrize("kind", ["byte-level BPE", "SentencePiece BPE", "Unigram"])
def test_a_folder_is_read_and_its_pieces_are_the_text(made: dict[str, Path], kind: str) -> None:
    found = read(made[kind])
    assert (found.kind, found.name) == (kind, made[kind].name)
    pieces = found.pieces(TEXT)
    assert (pieces[0].start, pieces[-1].end) == (0, len(TEXT.encode()))
    assert all(one.end == next_one.start for one, next_one in zip(pieces, pieces[1:], strict=False))
    (cuts,) = found.cut([TEXT])
    assert cuts.ids.tolist() == [piece.identifier for piece in pieces]
    assert len(cuts.starts) == len(cuts.ends) == len(pieces) and max(cuts.ids) < found.size
    assert pieces_by(made[kind], TEXT) == pieces


@pytest.mark.parametrize(("kind", "name"), [("SentencePiece BPE", "tokenizer"), ("Unigram", "spiece")])
def test_a_sentencepiece_model_is_read_as_sentencepiece_reads_it(
    made: dict[str, Path], tmp_path: Path, kind: str, name: str
) -> None:
    file = made[kind] / f"{name}.model"
    found = read(file)
    processor = SentencePieceProcessor(model_proto=file.read_bytes())
    assert (found.kind, found.size) == (kind, processor.get_piece_size())
    assert found.cut([TEXT])[0].ids.tolist() == processor.encode(TEXT, return_type=int)
    (tmp_path / file.name).write_bytes(file.read_bytes())
    assert read(tmp_path).size == found.size  # a folder without tokenizer.json


def test_single_bytes_are_those_of_the_alphabet_and_those_spelled_in_hexadecimal(
    made: dict[str, Path],
) -> None:
    assert int(read(made["byte-level BPE"]).single_bytes().sum()) == 256
    found = read(made["Unigram"])
    assert int(found.single_bytes().sum()) >= 256
    spelled = [piece for piece in found.pieces("龙") if not piece.is_whole]
    assert len(spelled) == 3 and all(found.single_bytes()[piece.identifier] for piece in spelled)


@pytest.mark.parametrize("data", [b"", b"\x0a\x05junk", pickle.dumps({"a": 1}), b"\xff" * 40])
def test_a_file_that_is_no_model_is_refused_in_one_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "tokenizer.model").write_bytes(data)
    with pytest.raises(UserError) as refusal:
        read(tmp_path)
    assert refusal.value.problem.code == "tokenizer.unreadable"
    assert str(tmp_path / "tokenizer.model") in str(refusal.value)


def test_a_folder_without_either_is_refused_and_its_code_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "tokenization_own.py").write_text("raise SystemExit")
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"auto_map": {"AutoTokenizer": "tokenization_own.T"}})
    )
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError) as refusal:
            read(path)
        assert refusal.value.problem.code == "tokenizer.none_there"
