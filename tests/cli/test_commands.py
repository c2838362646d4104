"""The command line as a person meets it: the whole way, one sentence for each mistake, exit codes."""

import argparse
import errno
import gzip
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import Command, dump

from domainstudio.cli.main import GROUPS, run_command
from domainstudio.language import LANGUAGES, VARIABLE

HEAVY = ("torch", "transformers", "datasets", "pandas", "sqlite_utils", "pyarrow", "matplotlib", "deepspeed")


def modules_after(code: str) -> list[str]:
    """Return which heavy modules a fresh process has loaded after some code."""
    probe = f"{code}\nimport sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1].replace("'", '"'))


def test_help_loads_neither_numpy_nor_pydantic() -> None:
    code = (
        "import sys\nfrom domainstudio.cli.main import run_command\n"
        "try:\n    run_command(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert 'numpy' not in sys.modules and 'pydantic' not in sys.modules"
    )
    assert modules_after(code) == []


def test_a_command_process_loads_nothing_heavy(packed_project: Path) -> None:
    for words in (["project", "info"], ["corpus", "table"], ["mixture", "show"], ["runs", "list"]):
        arguments = [*words, str(packed_project)]
        code = f"from domainstudio.cli.main import run_command\nassert run_command({arguments}) == 0"
        assert modules_after(code) == [], words


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_explains_itself(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command([group, "--help"])
    assert ended.value.code == 0
    assert GROUPS[group] in capsys.readouterr().out


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verb_explains_itself(
    language: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, language)
    for group in GROUPS:
        parser = argparse.ArgumentParser()
        importlib.import_module(f"domainstudio.cli.{group}").add_arguments(parser)
        for action in parser._actions:
            for verb in action.choices or () if isinstance(action, argparse._SubParsersAction) else ():
                with pytest.raises(SystemExit) as ended:
                    run_command([group, verb, "--help"])
                assert ended.value.code == 0
                assert "PROJECT" in capsys.readouterr().out or group == "machines"


def test_the_help_of_recipe_set_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    from domainstudio.recipe.recipe import field_help

    with pytest.raises(SystemExit):
        run_command(["recipe", "set", "--help"])
    text = capsys.readouterr().out
    assert all(f"  {name}=" in text for name, _, _ in field_help())


def test_import_counts_what_it_kept_and_names_what_it_refused(tmp_path: Path, command: Command) -> None:
    command("project", "new", tmp_path / "p", "--from-scratch", "tiny")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("A plain text. " * 100)
    (tmp_path / "in" / "latin.txt").write_bytes("Müller und Söhne".encode("latin-1"))
    rows = [json.dumps({"text": f"Row {number}. " * 30}) for number in range(50)]
    rows[7] = '{"text": broken'
    rows[9] = '{"body": "no text"}'
    (tmp_path / "in" / "rows.jsonl").write_text("\n".join(rows))
    with gzip.open(tmp_path / "in" / "more.jsonl.gz", "wt") as target:
        target.write("\n".join(rows[20:30]))
    found = command("corpus", "import", tmp_path / "p", tmp_path / "in", "--role", "domain")["result"]
    assert found["documents"] == 1 + 48 + 10
    assert found["rejected"] == {"bad_encoding": 1, "bad_json": 1, "missing_text": 1}
    listed = {Path(item["origin"]).name: item["position"] for item in found["listed_rejections"]}
    assert listed == {"latin.txt": 1, "rows.jsonl": 10}
    (row,) = command("corpus", "table", tmp_path / "p")
    assert row["counts"]["rejected"] == 3
    assert row["counts"]["marks"] == {"duplicate": 10}


def test_mistakes_get_one_sentence_and_change_nothing(
    packed_project: Path, tmp_path: Path, refused: Command
) -> None:
    before = dump(packed_project)
    assert "no project" in refused("project", "info", tmp_path)
    assert "tiny-neox" in refused("project", "new", tmp_path / "x", "--from-scratch", "huge")
    assert not (tmp_path / "x").exists()
    assert "not empty" in refused("project", "new", packed_project, "--from-scratch", "tiny")
    assert "config.json" in refused("project", "new", tmp_path / "x", "--base", tmp_path)
    missing = tmp_path / "missing.txt"
    assert str(missing) in refused("corpus", "import", packed_project, missing, "--role", "domain")
    (tmp_path / "a.bin").write_bytes(b"\0")
    assert ".jsonl" in refused("corpus", "import", packed_project, tmp_path / "a.bin", "--role", "domain")
    assert "257" in refused("tokenizer", "train", packed_project, "--size", "12")
    assert "20M" in refused("mixture", "set", packed_project, "--share", "domain=1", "--tokens", "many")
    assert "nobody" in refused("mixture", "set", packed_project, "--share", "nobody=1", "--tokens", "1k")
    assert "NAME=0.5" in refused("mixture", "set", packed_project, "--share", "domain", "--tokens", "1k")
    too_much = refused("mixture", "set", packed_project, "--share", "domain=1", "--tokens", "1M")
    assert "allow as many epochs" in too_much and "domain" in too_much
    assert "learning_rate" in refused("recipe", "set", packed_project, "learningrate=1")
    assert "learning_rate" in refused("recipe", "set", packed_project, "learning_rate=-1")
    assert "precision" in refused("recipe", "set", packed_project, "precision=fp16")
    assert "train-9" in refused("runs", "watch", packed_project, "train-9")
    assert "train-9" in refused("train", "start", packed_project, "--from", "train-9")
    assert "import-1" in refused("export", "report", packed_project, "import-1", tmp_path / "r.html")
    assert dump(packed_project) == before
    assert not list((packed_project / "jobs").glob("train*"))


def test_a_new_project_without_text_says_what_to_do_next(
    tmp_path: Path, command: Command, refused: Command
) -> None:
    project = tmp_path / "new"
    command("project", "new", project, "--from-scratch", "tiny")
    assert "corpus import" in refused("tokenizer", "train", project)
    assert "corpus import" in refused("tokenizer", "pack", project)
    assert "tokenizer train" in refused("mixture", "set", project, "--share", "a=1", "--tokens", "1k")
    assert "tokenizer train" in refused("train", "start", project)


def test_json_is_the_only_thing_on_stdout(packed_project: Path) -> None:
    arguments = [sys.executable, "-m", "domainstudio", "corpus", "table", str(packed_project), "--json"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert {row["counts"]["name"] for row in json.loads(done.stdout)} == {"general", "domain"}
    assert done.stderr == ""


def test_a_bug_exits_with_1_and_a_traceback(
    packed_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("domainstudio.workflow.corpus.sources.table", lambda *_: 1 / 0)
    assert run_command(["corpus", "table", str(packed_project)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_project_may_be_moved(small_project: Path, tmp_path: Path, command: Command) -> None:
    moved = small_project.rename(tmp_path / "elsewhere")
    command("tokenizer", "pack", moved)
    assert {row["counts"]["name"] for row in command("corpus", "table", moved)} == {"general", "domain"}


def test_chinese_words_come_from_the_catalogue(packed_project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "domainstudio", "corpus", "table", str(packed_project)],
        capture_output=True,
        text=True,
        check=True,
        env={"DOMAINSTUDIO_LANGUAGE": "zh_CN", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    assert "来源" in done.stdout and "文档" in done.stdout


def test_a_damaged_job_is_named_and_keeps_no_command_from_its_work(
    small_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small_project / "jobs" / "pack-1" / "run.json").write_text("{")
    assert run_command(["corpus", "table", str(small_project)]) == 0
    told = capsys.readouterr()
    assert "pack-1" in told.err and "general" in told.out


def test_what_the_disk_refuses_is_one_sentence(
    small_project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/data/spec.json")

    monkeypatch.setattr("domainstudio.jobs.folder.write_atomically", full)
    assert run_command(["tokenizer", "pack", str(small_project)]) == 2
    assert capsys.readouterr().err.startswith(f"The disk of {small_project}/jobs was full")
    assert sorted(folder.name for folder in (small_project / "jobs").glob("pack-*")) == ["pack-1"]
