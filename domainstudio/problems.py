"""What a person can mend: a problem's code, field and numbers, and its sentence. Anything else is a bug."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domainstudio.language import one_line, translate

# Each sentence says what is the matter, where, and what to do. Placeholders are keys of the problem's params.
SENTENCES: dict[str, str] = {
    "advice.disk": (
        "{count} checkpoints of {size} need {needed} with what a run writes beside them, and the disk of the "
        "project has {free} free: free some space or lower keep_checkpoints."
    ),
    "advice.few_steps": (
        "The run has {steps:,} steps, fewer than {least}: its schedule has no room for its shape. Take more "
        "tokens or a smaller batch."
    ),
    "advice.high_rate_bare": (
        "A rate of {rate:.3g} without general text and without warm-up makes a model forget fast; so few "
        "tokens rarely bear more than {highest:.2g} (arXiv 2308.04014, 2403.08763)."
    ),
    "advice.high_rate_without_replay": (
        "A rate of {rate:.3g} without general text makes a model forget fast; so few tokens rarely bear more "
        "than {highest:.2g} (arXiv 2403.08763)."
    ),
    "advice.high_rate_without_warmup": (
        "A rate of {rate:.3g} from the first step on shakes a trained model; so few tokens rarely bear more "
        "than {highest:.2g}: warm it up, or lower it (arXiv 2308.04014)."
    ),
    "advice.long_warmup": (
        "The warm-up of {warmup:,} steps takes more than half of the {steps:,} steps: 1 to 2 percent are "
        "usual, "
        "5 to 10 in a run below 500 steps."
    ),
    "advice.many_epochs": (
        "{source} is gone through {epochs:.1f} times; beyond four times repeated text teaches less and less "
        "(arXiv 2305.16264)."
    ),
    "advice.no_control": (
        "No equal-token control is planned: forgetting will be read against the base only. A control trains "
        "{tokens:,} tokens of general text."
    ),
    "advice.other_run": (
        "{run} is training now: a second run on this machine shares its memory and its speed."
    ),
    "advice.packed_before": (
        "The corpus has changed since it was packed, and a run reads what was packed: pack again first."
    ),
    "advice.same_text": (
        "{run} has trained on this same text ({sources}): warming the rate up on it again hurts and does not "
        "recover (arXiv 2308.04014)."
    ),
    "checkpoint.damaged": (
        "The checkpoint in {folder} is damaged ({file} is missing or was changed): delete that folder to "
        "go on "
        "from the one before it, or from the beginning."
    ),
    "checkpoint.no_room": (
        "A checkpoint needs {needed}, and the disk of {folder} has {free} free: free some space, then start "
        "or resume the run; what was saved before is intact."
    ),
    "checkpoint.other_ranks": (
        "This run's checkpoints were written by {then} processes and cannot go on with {now}: set "
        "processes={then}."
    ),
    "checkpoint.put_off": (
        "The checkpoint of step {step} was put off: it needs {needed}, and the disk of {folder} has {free} "
        "free. The run goes on and tries again at its next checkpoint: free some space."
    ),
    "corpus.bad_name": "{name} is no name for a source: write up to {most} characters on one line.",
    "corpus.bad_path": ("The name {path} is no UTF-8 text: rename it, or import the folder it lies in."),
    "corpus.import_running": (
        "An import into {source} is going on: wait until it ends, or cancel it, and rename the source then."
    ),
    "corpus.name_empty": "A source needs a name: write one.",
    "corpus.name_taken": "There is a source named {name} already: choose another name.",
    "corpus.no_documents": (
        "None of the {files} files holds a readable document; the first trouble: {place}: {trouble}."
    ),
    "corpus.no_files": (
        "There is no file to read at {path}: this program reads {endings}, texts and tables of text also as "
        ".gz or .zst."
    ),
    "corpus.none_yet": (
        "The project {project} has no text yet: import some with `domainstudio corpus import`."
    ),
    "corpus.other_origin": (
        "The source {source} holds text of another origin, and labels must stay true: choose another name."
    ),
    "corpus.other_role": (
        "The source {source} has the role {role} already, not {asked}: choose that role or another name."
    ),
    "corpus.path_missing": "{path} does not exist: check its spelling.",
    "corpus.unknown_source": "There is no source named {source}; there are: {known}.",
    "corpus.unknown_state": "No document is {state}; there are: {known}.",
    "document.invalid_field": "{where}: {name} is not valid: {reason}.",
    "document.missing": "There is no document number {document}: `domainstudio corpus documents` lists them.",
    "document.unreadable": (
        "A document cannot be read from {file} ({reason}): bring the file back, or import the source again."
    ),
    "events.too_new": (
        "This job was written by a newer Domain Studio (version {version} of its events; this one knows "
        "{known}): update the program."
    ),
    "export.bad_file": "{file} cannot be written: give the name of a file in a folder that exists.",
    "export.folder_taken": "{folder} exists and is not empty: give a folder that does not exist yet.",
    "file.not_plain": (
        "{file} is not the plain file or folder that belongs there: remove it, or bring the right one back."
    ),
    "file.too_large": (
        "{file} has more than {most:,} bytes, too many for what it is: bring the right file back."
    ),
    "forgetting.not_measurable": (
        "There is no packed general text, so forgetting cannot be measured: import some with `domainstudio "
        "corpus import {project} PATH --role general`, let the base model write some with `corpus "
        "generate`, or take technical English found on this machine with `corpus sample`; then pack again."
    ),
    "history.changed_since": (
        "{label}: what it set was changed elsewhere since, so this step cannot be taken: set it by hand."
    ),
    "history.moved_on": (
        "Another edit was made meanwhile in another window or by a command: see what it did, then repeat."
    ),
    "job.already_done": "{job} is done; there is nothing to go on with.",
    "job.already_running": "{job} is running already.",
    "job.bug": "{job} failed because of an error in the program ({error}): its job.log has the details.",
    "job.interrupted": (
        "The process of {job} died before it was done; nothing else was lost. Go on with: domainstudio "
        "runs resume {project} {job}"
    ),
    "job.missing": "There is no job {job} in {folder}.",
    "job.no_number_left": (
        "{job} in {folder} has the last number there is, and no job can follow it: remove that folder."
    ),
    "job.not_running": "{job} is not running; its state is: {status}.",
    "job.on_other_host": "{job} runs on another machine ({host}): stop it there.",
    "job.not_taken_in": (
        "{job} is done, but the disk of {file} is too full to take in what it made (about {needed} are "
        "needed "
        "and {free} are free): free some space, then the next command or window takes it in."
    ),
    "job.unreadable": (
        "{job} cannot be read ({reason}) and is not shown: bring {folder} back from a copy, or remove it."
    ),
    "job.waits_for_room": (
        "The disk of {file} is full: the work goes on, but nothing of it can be saved or shown; free some "
        "space now."
    ),
    "mixture.all_zero": "All shares are zero: give at least one source a share.",
    "mixture.bad_epochs": "{value} epochs at most are no limit: give a number above 0.",
    "mixture.bad_share": "The share of {source} is {share}; a share is a number from 0 upwards.",
    "mixture.empty_arm": (
        "The arm {arm} would have no text: control needs a general source, naive one that is not general."
    ),
    "mixture.empty_source": (
        "{source} has no training text: leave it out of the mixture, or import more of it and pack again."
    ),
    "mixture.none_yet": "There is no mixture named {name}: make one with `domainstudio mixture set`.",
    "mixture.ratio_form": (
        "{value!r} is neither a ratio nor a percentage: write general to domain as 1 : 5, replay as 16.7 %."
    ),
    "mixture.share_form": "{value} is no share: write NAME=0.5 or NAME=50%.",
    "mixture.shortfall": (
        "{source} has {available:,} training tokens, and the mixture asks for {tokens:,}, {epochs:.2f} "
        "epochs: allow as many epochs, lower its share, or lower the mixture's tokens to {enough:,}."
    ),
    "mixture.unknown_preset": "There is no preset named {preset}; there are: {known}.",
    "mixture.unknown_source": "There is no packed source named {source}; there are: {known}.",
    "model.adapter": (
        "{folder} holds an adapter and no whole model: merge it into its base model first, and give that "
        "folder."
    ),
    "model.no_config": (
        "{folder} holds no readable config.json of a language model: give the folder of a model in the "
        "Hugging Face layout."
    ),
    "model.no_safetensors": (
        "{folder} holds no .safetensors weights: pickled weights are not loaded because they can run "
        "code; convert them first."
    ),
    "model.not_finite": (
        "The model in {folder} has values that are no numbers in {count} of its weights, the first {name}: "
        "get it again, or start from an earlier checkpoint."
    ),
    "model.not_saved_whole": (
        "The model does not survive being saved: {count} weights, the first {name}, come back changed; this "
        "architecture cannot be trained to a usable result here."
    ),
    "model.positions": (
        "The model has {model} positions, fewer than the sequence length {length}: lower sequence_length."
    ),
    "model.random": (
        "The base {preset} has random weights and can write nothing: let a trained run write instead, with "
        "`domainstudio corpus generate --from`, or take general text from elsewhere."
    ),
    "model.remote_code": (
        "The model in {folder} wants to run code of its own (auto_map); only architectures that "
        "transformers knows are loaded: take a model without."
    ),
    "model.too_large_for_weights": (
        "The config.json in {folder} describes a model of {described:,} parameters, and its files hold "
        "{held:,}: bring the files that belong together."
    ),
    "model.unreadable": "The model in {folder} cannot be loaded: {reason}",
    "model.vocabulary": (
        "The model has {model} vocabulary rows and the tokenizer {tokenizer} entries: use the tokenizer "
        "that belongs to the model."
    ),
    "model.weights_missing": (
        "{count} weights of the model in {folder} are in none of its files, the first {name}: fetch the "
        "whole "
        "model again."
    ),
    "path.being_written": (
        "Another process is writing {folder} just now: wait until it is done, or choose another name."
    ),
    "path.leaves_folder": "{path} leads out of {folder}: it is refused.",
    "path.link_in_folder": (
        "{path} is a link, a pipe or a device, which could lead out of the project: remove it, and put "
        "the file "
        "itself in its place."
    ),
    "project.bad_name": "{name!r} is no name for a project folder.",
    "project.cannot_create": "The project {folder} cannot be made: {reason}.",
    "project.cannot_open": "{file} cannot be opened: check that its folder exists and may be written.",
    "project.damaged": "{file} is damaged or no project database: restore the newest backup beside it.",
    "project.disk_error": (
        "The disk reported an error at {file}: check the disk; what was saved before is intact."
    ),
    "project.disk_filled": (
        "The disk of {file} was full, and more is needed than the {free} that are free now: free some space "
        "and repeat, what was saved before is intact."
    ),
    "project.disk_full": (
        "The disk of {file} is too full: about {needed} are needed and {free} are free; free some space and "
        "repeat, what was saved before is intact."
    ),
    "project.disk_limit": (
        "{file} may not become as large as it must: a quota of your account or a limit of the file system "
        "stands in the way; free some space of yours or take another disk, what was saved before is intact."
    ),
    "project.foreign_journal": (
        "{file} is a journal that would have another file deleted, and no part of this project: remove it."
    ),
    "project.folder_taken": "{folder} exists and is not empty: give a folder that does not exist yet.",
    "project.is_link": (
        "{file} is a link and might lead out of the project: put the file or folder itself in its place."
    ),
    "project.locked": "{file} is busy in another program for more than 5 seconds: wait for it, then repeat.",
    "project.missing": "{folder} is no project: make one with `domainstudio project new`.",
    "project.moved": (
        "{folder} was moved, deleted or replaced while it was open: bring it back, or open it where it is."
    ),
    "project.no_access": "{file} may not be read or written: check its rights and those of its folder.",
    "project.no_more_files": (
        "The disk of {file} has room left but can hold no more files: delete some and repeat, what was saved "
        "before is intact."
    ),
    "project.other_schema": (
        "{file} holds tables, views or triggers that are not of this program and is not opened: restore the "
        "newest backup beside it."
    ),
    "project.read_only": "{file} may not be written: check the rights of its folder.",
    "project.too_new": (
        "{file} was written by a newer Domain Studio (version {version}; this one knows {known}): update "
        "the program."
    ),
    "project.unknown_preset": "There is no preset named {preset}; there are: {known}.",
    "recipe.not_as_shown": "The recipe that is saved is not the one shown: look at it again, then start.",
    "recipe.none_yet": "There is no recipe named {name}: make one with `domainstudio recipe set`.",
    "recipe.too_many_steps": (
        "{steps:,} steps need {needed:,} tokens and the mixture has {tokens:,}, enough for {most:,} steps: "
        "give the mixture more tokens or lower steps."
    ),
    "recipe.unknown_preset": "There is no preset named {preset}; there are: {known}.",
    "run.rank_died": (
        "Process {rank} of the run died, often for want of memory: its job.log has what is known; go on with "
        "`domainstudio runs resume`, or first with a smaller micro_batch in a run of its own."
    ),
    "run.same_text": (
        "{run} stopped at step {step} of {steps} on this very text; a new run would warm the rate up on text "
        "it has seen, which hurts and does not recover (arXiv 2308.04014): go on with `domainstudio runs "
        "resume`."
    ),
    "run.still_needed": ("{other} is not finished and needs {run}: let it finish, or delete {other} first."),
    "run.still_running": "{run} is running: pause or stop it, then delete it.",
    "recipe.setting_form": "{value} is no setting: write key=value.",
    "recipe.unknown_key": "There is no setting named {key}; there are: {known}.",
    "report.no_points": "{run} has not measured anything yet: wait for its first probe.",
    "run.no_checkpoint": "{run} has no checkpoint of step {step}; there are: {steps}.",
    "run.not_a_run": "{job} is a job but no training run.",
    "run.other_tokenizer": "{run} was trained with another tokenizer than the project's current one.",
    "samples.base_gone": (
        "{run} started from {base}, which is not there any more: its text cannot be put beside the run's."
    ),
    "samples.too_long": (
        "The prompt has {tokens} tokens, and with {asked} more it is longer than the {positions} "
        "positions of "
        "the model: shorten it, or ask for fewer tokens."
    ),
    "sample.package_missing": "The sample needs the package {package}: install domainstudio[train].",
    "setup.failed": (
        "The installation ended with code {code} ({reason}): check the network or the package index, "
        "then repeat."
    ),
    "tokenizer.bad_size": "A vocabulary of {size} entries is not possible: choose from {least} to 1,000,000.",
    "tokenizer.base_has_one": "The base model {folder} brings its own tokenizer: pack with it.",
    "tokenizer.changed": "The tokenizer in {folder} was changed after it was chosen: train it again.",
    "tokenizer.id_too_high": (
        "The tokenizer has the id {id:,}, and no more than {most:,} entries are possible: take another one."
    ),
    "tokenizer.missing": "There is no tokenizer.json in {folder}: the model's tokenizer belongs there.",
    "tokenizer.no_end_of_text": "The tokenizer has no end-of-text token; known ones are: {known}.",
    "tokenizer.none_yet": (
        "The project {project} has no tokenizer yet: train one with `domainstudio tokenizer train`."
    ),
    "tokenizer.unreadable": "{file} is no tokenizer: {reason}",
    "tokens.none_yet": (
        "The corpus of {project} is not packed with the current tokenizer: run `domainstudio tokenizer pack`."
    ),
    "tokens.other_tokenizer": "The tokens of {source} were made with another tokenizer: pack again.",
    "tokens.too_few": (
        "{source} has {tokens} tokens, fewer than one block of {length}: lower sequence_length or import "
        "more text."
    ),
    "tokens.unreadable": "{folder} holds no whole token file: pack again.",
    "training.diverged": (
        "Training diverged at step {step}: loss or gradient of {count} of the last {within} steps was no "
        "number, and such steps move nothing. Start a new run with a learning_rate below {rate:.3g} or a "
        "longer warm-up; what was saved before is intact."
    ),
    "training.long_gradient": (
        "The gradient of step {step} is {norm:.3g} long, usual were {usual:.3g}: if the loss rises too, "
        "start a new run with a lower learning_rate, a longer warm-up or a lower gradient_clip."
    ),
    "training.loss_rises": (
        "The loss has risen from {before:.2f} to {now:.2f} by step {step}: if it does not fall again, start "
        "a new run with a learning_rate below {rate:.3g} or a longer warm-up."
    ),
    "training.no_number": (
        "The held-out loss of {source} at step {step} is no number: the model fails on that text, or its "
        "weights are damaged. Start a new run with another base, fp32 precision or a lower learning_rate."
    ),
    "training.step_skipped": (
        "Loss or gradient of step {step} was no number, so that step moved nothing; if more follow, the run "
        "ends: a learning_rate below {rate:.3g} or a longer warm-up helps."
    ),
    "training.weights_lost": (
        "Training made the weights of {name} something that is no number by step {step}, so they were not "
        "saved: start a new run with a learning_rate below {rate:.3g}; what was saved before is intact."
    ),
    "value.not_a_count": "{value!r} is no whole number above 0: write for example 245000, 245k or 20M.",
}


_WORDS = {"role", "asked", "status", "trouble"}
"""Params whose values are words of this program, which have a translation."""


@dataclass(frozen=True)
class Problem:
    """Something a person can mend: which sentence, which field it is about, and its numbers."""

    code: str
    field: str | None = None
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class UserError(Exception):
    """Carries a Problem to whoever words it; never raised for a bug."""

    def __init__(self, problem: Problem) -> None:
        """Hold the problem."""
        super().__init__(problem.code)
        self.problem = problem

    def __str__(self) -> str:
        """Return the sentence."""
        return sentence(self.problem)


def sentence(problem: Problem) -> str:
    """Return the problem in the person's language; an unknown code (from a newer program) shows as it is."""
    as_it_is = one_line(f"{problem.code} {dict(problem.params)}")
    template = SENTENCES.get(problem.code)
    if template is None:
        return as_it_is
    params = {
        name: one_line(value) if isinstance(value, str) else value for name, value in problem.params.items()
    }
    words = {name: translate(str(params[name])) for name in _WORDS & params.keys()}
    try:
        return translate(template).format(**{**params, **words})
    except (KeyError, ValueError, TypeError):  # params of another version of this program
        return as_it_is
