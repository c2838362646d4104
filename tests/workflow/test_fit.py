"""Will it fit, how long, and what a dry step replaces."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from support import Command

from domainstudio.jobs.folder import list_jobs
from domainstudio.problems import UserError
from domainstudio.project.project import Project
from domainstudio.recipe.architecture import of_preset
from domainstudio.recipe.hardware import Hardware, parse
from domainstudio.recipe.presets import PRESETS
from domainstudio.recipe.recipe import Recipe, change
from domainstudio.recipe.shapes import ModelShape
from domainstudio.recipe.trained import size_of
from domainstudio.workflow.training.fit import (
    Ground,
    fit_of,
    fit_sentence,
    ground_of,
    part_lines,
    remedy_words,
    source_words,
)
from domainstudio.workflow.training.planned import RunChoice, planned
from domainstudio.workflow.training.routes import route_words, routes_of

pytestmark = pytest.mark.usefixtures("warm_start")

CPU_24 = Hardware("CPU", 24 * 10**9, is_here=True)


def ground(path: Path, hardware: Hardware) -> Ground:
    with Project(path, read_only=True) as project:
        found = ground_of(project, planned(project, RunChoice()), hardware)
    return replace(found, here=hardware if hardware.is_here else CPU_24)


def test_a_run_on_gpus_is_told_with_its_formula_and_where_it_rests(packed_project: Path) -> None:
    fit = fit_of(ground(packed_project, parse("8xA100-40GB")))
    assert fit.fits and fit.recipe.processes == 8 and not fit.memory_from and not fit.speed_from
    sentence, source = fit_sentence(fit), source_words(fit)
    assert sentence.startswith("Fits: ") and " of 40 GB a GPU, about " in sentence
    assert "checkpoints " in sentence and sentence.endswith(" 1 kept"), "20 steps on 8 devices"
    assert "estimated" in source and "6 N and attention" in source
    assert "33 % of 19.5 TFLOP/s in fp32 on 8 × A100-40GB" in source
    assert sum(asdict(fit.memory).values()) == fit.needed_bytes
    assert part_lines(fit)[0][0] == "Weights" and part_lines(fit)[-1][0] == "All"


def test_finpythias_plan_is_the_sentence_that_its_authors_would_have_read(packed_project: Path) -> None:
    neox = ModelShape(
        family="gpt_neox", hidden=4096, layers=32, heads=32, intermediate=16_384, positions=2048,
        tied_embeddings=False,
    )  # fmt: skip
    base, shapes = ground(packed_project, parse("8xA100-40GB")), neox.tensors(50_432)
    recipe = change(Recipe(), PRESETS["finpythia-6.9b"].settings | {"keep_checkpoints": "3"})
    run = replace(base.run, size=size_of(shapes, recipe.stage), tokens=23_900_000_000)
    run = replace(run, spec=run.spec.model_copy(update={"recipe": recipe}))
    plan = replace(base, run=run, architecture=of_preset(neox, 50_432), shapes=shapes)
    fit = fit_of(plan)
    assert fit_sentence(fit) == "Fits: 33 of 40 GB a GPU, about 19 days, checkpoints 438.9 GB with 3 kept"
    assert fit.gpu_hours == pytest.approx(3456, rel=0.1), "what the paper's 18 days on 8 GPUs are"
    assert "8 N and attention" in source_words(fit) and "33 % of 312 TFLOP/s in bf16" in source_words(fit)
    first = fit_of(plan, change(recipe, {"zero_stage": "1"}))
    assert fit_sentence(first).startswith("Does not fit: 5")
    assert remedy_words(first) == "With ZeRO-2 it would: 33 GB, estimated."


def test_what_does_not_fit_says_what_would(packed_project: Path) -> None:
    small = Hardware("A100-40GB", 760 * 10**6)
    base = ground(packed_project, small)
    recipe = change(base.run.recipe, {"micro_batch": "64", "sequence_length": "512"})
    fit = fit_of(base, recipe)
    assert not fit.fits and fit_sentence(fit) == "Does not fit: 2.4 of 0.76 GB a GPU"
    assert fit.milder is not None
    assert remedy_words(fit).startswith("Even with recomputed activations and a micro-batch of 1 it takes ")
    roomy = fit_of(replace(base, hardware=replace(small, memory_bytes=15 * 10**8)), recipe)
    assert roomy.milder is not None and remedy_words(roomy).startswith(
        "With recomputed activations it would: "
    )


def test_a_precision_that_the_gpu_has_not_is_refused(packed_project: Path) -> None:
    base = ground(packed_project, parse("V100-32GB"))
    with pytest.raises(UserError) as refused:
        fit_of(base, change(base.run.recipe, {"precision": "bf16"}))
    assert refused.value.problem.code == "hardware.no_precision"


def test_a_processor_has_no_peak_and_says_so_until_something_was_measured(packed_project: Path) -> None:
    fit = fit_of(ground(packed_project, CPU_24))
    assert fit.seconds is None and "of 24 GB of memory" in fit_sentence(fit)
    assert "not known before a step was measured here" in source_words(fit)
    assert fit_of(ground(packed_project, Hardware("NVIDIA T1000", 4 * 10**9, is_here=True))).seconds is None


def test_a_measured_run_replaces_the_estimate_for_the_very_same_steps_alone(trained_project: Path) -> None:
    base = ground(trained_project, CPU_24)
    fit = fit_of(base)
    assert base.run.speed is not None and base.run.peak is not None
    assert (fit.memory_from, fit.speed_from, fit.speed_is_measured) == ("train-1", "train-1", True)
    assert fit.needed_bytes == base.run.peak.memory_bytes
    assert fit.seconds == base.run.tokens / base.run.speed.tokens_per_second
    other = fit_of(base, change(base.run.recipe, {"activation_checkpointing": "true"}))
    assert not other.memory_from and not other.speed_is_measured
    assert other.seconds is not None and fit.seconds < other.seconds < 1.4 * fit.seconds
    assert "estimated from the speed of train-1 by arithmetic: 8 N" in source_words(other)
    halved = fit_of(base, change(base.run.recipe, {"precision": "bf16"}))
    assert halved.seconds is None, "of another precision nothing was measured"
    sprung = fit_of(base, change(base.run.recipe, {"spring": "l2-sp"}))
    assert sprung.speed_is_measured and not sprung.memory_from, "an anchor takes memory, not time"


@pytest.mark.parametrize(("steps", "taken"), [(19, "train-1"), (20, "train-2")])
def test_a_run_under_way_corrects_the_plan_from_its_twentieth_step_on(
    trained_project: Path, tmp_path: Path, steps: int, taken: str
) -> None:
    project = Path(shutil.copytree(trained_project, tmp_path / "under-way"))
    jobs = project / "jobs"
    shutil.copytree(jobs / "train-1", jobs / "train-2")
    spec = jobs / "train-2" / "spec.json"
    spec.write_text(spec.read_text().replace('"train-1"', '"train-2"'))
    lines = (jobs / "train-2" / "events.jsonl").read_text().splitlines(keepends=True)
    places = [place for place, line in enumerate(lines) if '"kind":"step"' in line]
    (jobs / "train-2" / "events.jsonl").write_text("".join(lines[: places[steps - 1] + 1]))
    found = ground(project, CPU_24).run.speed
    assert found is not None and found.run == taken


def test_the_share_of_the_peak_that_was_reached_here_holds_for_more_of_the_same_gpu(
    trained_project: Path,
) -> None:
    here = Hardware("A100-40GB", 42 * 10**9, is_here=True)
    many = replace(ground(trained_project, here), hardware=parse("8xA100-40GB"))
    fit, alone = fit_of(many), fit_of(replace(many, hardware=here))
    assert fit.speed_from == "train-1" and fit.share_of_peak != 0.33 and not fit.speed_is_measured
    assert fit.seconds is not None and alone.seconds is not None
    assert fit.seconds == pytest.approx(alone.seconds / 8, rel=1e-6)
    assert "train-1 reached that share here" in source_words(fit)
    elsewhere = fit_of(replace(many, hardware=parse("8xH100-80GB")))
    assert (elsewhere.share_of_peak, elsewhere.speed_from) == (0.33, "")


def test_the_three_routes_stand_side_by_side(packed_project: Path) -> None:
    base = ground(packed_project, parse("8xA100-40GB"))
    with Project(packed_project, read_only=True) as project:
        found = routes_of(project, base)
    scratch, continued, task = found.routes
    assert scratch.tokens > continued.tokens > task.tokens
    assert scratch.seconds is not None and continued.seconds is not None and task.seconds is not None
    assert scratch.seconds > continued.seconds > task.seconds
    assert found.limit == "data-limited" and route_words(found)[0].startswith("Data-limited: ")
    assert found.best_parameters < scratch.parameters


def test_a_dry_step_is_measured_by_the_real_trainer_and_leaves_nothing_else(
    small_project: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    before = command("recipe", "plan", small_project)
    assert before["fit"]["seconds"] is None and not before["fit"]["memory_from"]
    tried = command("recipe", "plan", small_project, "--dry-step")
    fit, plan = tried["fit"], tried["plan"]
    assert (fit["memory_from"], fit["speed_from"]) == ("dry_step-1", "dry_step-1")
    assert fit["speed_is_measured"] and fit["seconds"] > 0 and plan["checkpoint_is_measured"]
    assert plan["checkpoint_bytes"] == pytest.approx(before["plan"]["checkpoint_bytes"], rel=0.1)
    jobs = {folder.name for folder in (small_project / "jobs").iterdir() if folder.is_dir()}
    assert "dry_step-1" in jobs and not list(list_jobs(small_project / "jobs", "arm"))
    assert not command("runs", "list", small_project), "it is no run"
    result = small_project / "jobs" / "dry_step-1" / "result"
    assert [file.name for file in result.iterdir()] == ["measured.json"]
    assert command("recipe", "plan", small_project)["fit"] == fit
    gpus = command("recipe", "plan", small_project, "--hardware", "8xH100-80GB")
    assert not gpus["fit"]["speed_from"] and gpus["fit"]["hardware"]["devices"] == 8
    assert gpus["fits"] and gpus["sentence"].startswith("Fits: ") and gpus["gpu_hours"] > 0


def test_commands_name_what_they_cannot_plan_for(
    small_project: Path, refused: Command, command: Command
) -> None:
    assert "8xA100-40GB" in refused("recipe", "plan", small_project, "--hardware", "8xB900")
    routes = command("recipe", "routes", small_project, "--hardware", "2x8xA100-80GB")
    assert [one["devices"] for one in routes["routes"]] == [16, 16, 16]


def test_what_the_trainer_refuses_ends_the_dry_step_with_its_sentence(
    small_project: Path, refused: Command
) -> None:
    shards = [path for path in (small_project / "tokens").rglob("*") if path.suffix == ".bin"]
    assert shards, sorted(small_project.rglob("tokens/**/*"))
    for shard in shards:
        shard.write_bytes(b"")
    said = refused("recipe", "plan", small_project, "--dry-step")
    assert said and "error in the program" not in said
    assert not list(list_jobs(small_project / "jobs", "arm"))
