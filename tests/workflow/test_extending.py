"""A vocabulary extended and the base grown with it by commands; the project trains from the grown base."""

import shutil
from pathlib import Path

import pytest
import torch
import vocabularies
from safetensors.torch import load_file
from support import Command

from domainstudio.jobs.checkpoints import list_checkpoints
from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.worker import Worker
from domainstudio.model.create import create_model
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.recipe.run import RunSpec, folder_of
from domainstudio.recipe.shapes import SHAPES
from domainstudio.tokenizer import vocabulary
from domainstudio.tokenizer.extension.report import Gain, steps_to, verdict_of, worth_adding
from domainstudio.workflow.tokenizer.comparing import known_tokenizers
from domainstudio.workflow.tokenizer.extending import newest_extension
from domainstudio.workflow.tokenizer.extension_words import verdict_words
from domainstudio.workflow.tokenizer.packing import packing_state
from domainstudio.workflow.tokenizer.train import current

BASE = ["Some English text of common words, for everybody: it is read again and again.\n"] * 20
LAW = "合同法规定，合同自成立时生效。合同双方应当遵守合同。{who}履行义务{how}第{number}条。"
WHO, HOW = ("买方", "机关", "公民", "法院"), ("期限见", "地点按", "方式依", "费用如")
NEWS = "Some English news of common words for everybody, number {number}: it is read again.\n"

pytestmark = pytest.mark.usefixtures("warm_start")


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project on a base that knows English, with English and Chinese text; copy it before changing it."""
    from domainstudio.cli.main import run_command

    folder = tmp_path_factory.mktemp("extended")
    base = folder / "base"
    base.mkdir()
    vocabularies.neox_like(base, BASE, 360)
    size = vocabulary.size_of(vocabulary.load(base))
    create_model(SHAPES["tiny-neox"], size, 0, seed=0).to(torch.bfloat16).save_pretrained(base)
    for name, line in (("law", LAW), ("news", NEWS)):
        (folder / name).mkdir()
        for number in range(400):
            words = {"who": WHO[number % 4], "how": HOW[number // 4 % 4], "number": number}
            (folder / name / f"{number}.txt").write_text(line.format(**words) * 3)
    project = folder / "project"
    for arguments in (
        ["project", "new", project, "--base", base],
        ["corpus", "import", project, folder / "law", "--role", "domain", "--name", "law"],
        ["corpus", "import", project, folder / "news", "--role", "general", "--name", "news"],
        ["tokenizer", "pack", project],
        ["tokenizer", "extend", project, "--tokens", "64"],
    ):
        assert run_command([str(argument) for argument in arguments]) == 0, arguments
    return project


def test_chinese_law_is_worth_it_for_an_english_base(extended: Path) -> None:
    with Project(extended, read_only=True) as project:
        found = newest_extension(project)
        assert found is not None
        report = found[1]
        assert current(project).folder == "models/base-tokenizer"  # nothing is used yet
        names = [one.name for one in known_tokenizers(project)]
        assert names == ["base-tokenizer", "extend-1"]  # it can be compared, and cut texts
        assert packing_state(project) == "packed"
    assert report.verdict == "yes" and report.saving > 0.5
    assert "do it" in verdict_words(report) and "law" in verdict_words(report)
    assert [gain.pieces for gain in report.gains] == steps_to(report.gains[-1].pieces)
    tokens = [gain.domain for gain in report.gains]
    assert tokens == sorted(tokens, reverse=True)
    by_name = {source.name: source for source in report.sources}
    assert by_name["news"].saving < 0.02 < by_name["law"].saving
    assert by_name["law"].before == report.gains[0].domain
    assert report.checked.documents > 400 and report.checked.unchanged_lines > 0
    assert any("合同" in example for example in report.examples)


def test_the_need_rests_on_fertility_new_terms_and_the_bases_loss(
    extended: Path, tmp_path: Path, command: Command
) -> None:
    project = tmp_path / "p"
    shutil.copytree(extended, project)
    found = command("tokenizer", "need", project, "--measure-base")["result"]
    domain, general = found["need"]["domain"], found["need"]["general"]
    assert found["verdict"] == "vocabulary" and domain["tokens_per_unspaced"] > 2.5
    assert (
        domain["tokens_per_word"] is None
        and general["tokens_per_unspaced"] is None
        and general["tokens_per_word"] > 1
    )
    # Random weights spread the probability over all tokens: log2 of the vocabulary, a token.
    assert general["bits_per_byte"] == pytest.approx(8.5 * general["tokens_per_byte"], rel=0.15)
    assert domain["bits_per_byte"] == pytest.approx(8.5, rel=0.15)  # each byte is a token
    terms = {term["text"] for term in found["need"]["new_terms"]}
    assert "履行义务" in terms
    assert "English" not in terms


def test_the_grown_base_is_the_projects_and_its_text_is_packed_anew(
    extended: Path, tmp_path: Path, command: Command, refused: Command
) -> None:
    project = tmp_path / "moved"
    shutil.copytree(extended, project)
    growth = command("tokenizer", "grow", project)["result"]
    assert growth["largest_change"] < 1e-4 and growth["rows"] % 128 == 0
    with Project(project, read_only=True) as opened:
        tokenizer = current(opened)
        folder = folder_of(opened.base, opened.jobs / "job")
        assert folder == project / tokenizer.folder
        assert packing_state(opened) == "not packed"
    assert "not packed with the current tokenizer" in refused("tokenizer", "table", project)
    assert "extend it first" in refused("tokenizer", "grow", project)
    command("tokenizer", "pack", project)
    again = tmp_path / "again"
    project.rename(again)  # the base lies in the project, wherever that is
    command("mixture", "set", again, "--share", "law=0.5", "--share", "news=0.5", "--tokens", "256")
    settings = ("sequence_length=32", "micro_batch=2", "probe_tokens=256", "control=never", "steps=4",
                "checkpoint_every=1", "keep_checkpoints=9", "new_rows_steps=2", "weight_decay=0.1",
                "learning_rate=1e-3", "warmup_steps=1")  # fmt: skip
    sets = [part for setting in settings for part in ("--set", setting)]
    run = command("train", "start", again, *sets)
    assert run["status"] == "done"
    _check_new_rows_came_first(again, JobFolder(again / "jobs" / run["job"]), command)
    assert command("tokenizer", "grow", again, "--back")["folder"] == "models/base-tokenizer"
    with Project(again, read_only=True) as opened:
        assert opened.base.folder == str(extended.parent / "base")
        assert packing_state(opened) == "packed"  # as it was before
        assert newest_extension(opened) is not None
    assert "was not grown here" in refused("tokenizer", "grow", again, "--back")


def _check_new_rows_came_first(project: Path, folder: JobFolder, command: Command) -> None:
    """For two steps nothing but the new rows moved, then everything; a resumed run does the same."""
    spec = run_spec_of(folder)
    assert spec.first_new_row is not None
    base = load_file(project / "models" / "grow-1" / "model.safetensors")
    found = {one.step: load_file(one.model / "model.safetensors") for one in list_checkpoints(folder.result)}
    new = slice(spec.first_new_row, spec.vocabulary)
    for name, weights in base.items():
        moved = found[2][name].float() != weights.float()
        if "embed" in name:
            assert moved[new].any() and not moved[: new.start].any() and not moved[new.stop :].any()
        else:
            assert not moved.any(), name
        assert (found[4][name].float() != weights.float()).any() or not weights.any(), name
    for checkpoint in list_checkpoints(folder.result)[1:]:
        shutil.rmtree(checkpoint.path)
    Worker(folder).finish("stopped", 1)
    command("runs", "resume", project, folder.job_id)
    again = load_file(list_checkpoints(folder.result)[-1].model / "model.safetensors")
    assert all(torch.equal(again[name], weights) for name, weights in found[4].items())


def run_spec_of(folder: JobFolder) -> RunSpec:
    return folder.spec().work_as(RunSpec, "spec.json")


def test_a_model_of_random_weights_has_nothing_to_extend(packed_project: Path, refused: Command) -> None:
    assert "random weights" in refused("tokenizer", "extend", packed_project)
    assert "extend it first" in refused("tokenizer", "grow", packed_project)
    assert "no rows of new tokens" in refused("train", "start", packed_project, "--set=new_rows_steps=2")


def test_pieces_are_added_until_a_thousand_more_save_too_little() -> None:
    def gains(*points: tuple[int, int]) -> list[Gain]:
        return [Gain(pieces=pieces, domain=tokens, general=0) for pieces, tokens in points]

    # 0.05 % of 100,000 tokens a thousand pieces: 50 tokens
    assert worth_adding(gains((0, 100_000), (1000, 94_000), (2000, 93_950), (4000, 93_851))) == 2000
    assert worth_adding(gains((0, 100_000), (1000, 94_000), (2000, 93_951))) == 1000
    assert worth_adding(gains((0, 100_000), (500, 99_990))) == 0
    assert worth_adding(gains((0, 0), (500, 0))) == 0
    assert [verdict_of(saving) for saving in (0.049, 0.05, 0.06, 0.62)] == ["no", "speed", "speed", "yes"]


def test_a_damaged_report_is_a_sentence(extended: Path, tmp_path: Path) -> None:
    shutil.copytree(extended, tmp_path / "p")
    (tmp_path / "p" / "jobs" / "extend-1" / "result" / "extension.json").write_text("{}")
    with Project(tmp_path / "p") as project, pytest.raises(UserError) as refusal:
        newest_extension(project)
    assert refusal.value.problem.code == "document.invalid_field"
