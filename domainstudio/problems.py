"""What a person can mend: a problem's code, field and numbers, and its sentence. Anything else is a bug."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domainstudio.language import translate

# Each sentence says what is the matter, where, and what to do. Placeholders are keys of the problem's params.
SENTENCES: dict[str, str] = {
    "advice.disk": (
        "{count} checkpoints of {size} take {needed}, and the disk of the project has {free} free: free some "
        "space or lower keep_checkpoints."
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
    "advice.same_text": (
        "{run} has trained on this same text ({sources}): warming the rate up on it again hurts and does not "
        "recover (arXiv 2308.04014)."
    ),
    "checkpoint.other_ranks": (
        "This run's checkpoints were written by {then} processes and cannot go on with {now}: set "
        "processes={then}."
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
        "The source {source} holds text of another origin, and labels must stay true: choose another --name."
    ),
    "corpus.other_role": (
        "The source {source} has the role {role} already, not {asked}: choose another --name."
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
    "job.not_running": "{job} is not running; its state is: {status}.",
    "job.on_other_host": "{job} runs on another machine ({host}): stop it there.",
    "mixture.all_zero": "All shares are zero: give at least one source a share.",
    "mixture.bad_epochs": "--max-epochs is {value}; it must be above 0.",
    "mixture.bad_share": "The share of {source} is {share}; a share is a number from 0 upwards.",
    "mixture.empty_arm": (
        "The arm {arm} would have no text: control needs a general source, naive one that is not general."
    ),
    "mixture.none_yet": "There is no mixture named {name}: make one with `domainstudio mixture set`.",
    "mixture.ratio_form": (
        "{value!r} is neither a ratio nor a percentage: write general to domain as 1 : 5, replay as 16.7 %."
    ),
    "mixture.share_form": "{value} is no share: write NAME=0.5 or NAME=50%.",
    "mixture.shortfall": (
        "{source} has {available:,} training tokens, and the mixture asks for {tokens:,}, {epochs:.2f} "
        "epochs: allow them with --max-epochs, lower its share, or lower --tokens to {enough:,}."
    ),
    "mixture.unknown_preset": "There is no preset named {preset}; there are: {known}.",
    "mixture.unknown_source": "There is no packed source named {source}; there are: {known}.",
    "model.no_config": (
        "{folder} holds no readable config.json of a language model: give the folder of a model in the "
        "Hugging Face layout."
    ),
    "model.no_safetensors": (
        "{folder} holds no .safetensors weights: pickled weights are not loaded because they can run "
        "code; convert them first."
    ),
    "model.not_saved_whole": (
        "The model does not survive being saved: {count} weights, the first {name}, come back changed; this "
        "architecture cannot be trained to a usable result here."
    ),
    "model.positions": (
        "The model has {model} positions, fewer than the sequence length {length}: lower sequence_length."
    ),
    "model.random": (
        "The base {preset} has random weights and can write nothing: name a trained run with --from RUN."
    ),
    "model.remote_code": (
        "The model in {folder} wants to run code of its own (auto_map); only architectures that "
        "transformers knows are loaded."
    ),
    "model.unreadable": "The model in {folder} cannot be loaded: {reason}",
    "model.vocabulary": (
        "The model has {model} vocabulary rows and the tokenizer {tokenizer} entries: use the tokenizer "
        "that belongs to the model."
    ),
    "path.leaves_folder": "{path} leads out of {folder}: it is refused.",
    "project.bad_name": "{name!r} is no name for a project folder.",
    "project.cannot_create": "The project {folder} cannot be made: {reason}.",
    "project.cannot_open": "{file} cannot be opened: check that its folder exists and may be written.",
    "project.damaged": "{file} is damaged or no project database: restore the newest backup beside it.",
    "project.disk_error": (
        "The disk reported an error at {file}: check the disk; what was saved before is intact."
    ),
    "project.disk_full": (
        "The disk of {file} is full: free some space and repeat; what was saved before is intact."
    ),
    "project.folder_taken": "{folder} exists and is not empty: give a folder that does not exist yet.",
    "project.locked": "{file} is busy in another program for more than 5 seconds: wait for it, then repeat.",
    "project.missing": "{folder} is no project: make one with `domainstudio project new`.",
    "project.moved": (
        "{folder} was moved, deleted or replaced while it was open: open it again where it is now."
    ),
    "project.no_access": "{file} may not be read or written: check its rights and those of its folder.",
    "project.read_only": "{file} may not be written: check the rights of its folder.",
    "project.too_new": (
        "{file} was written by a newer Domain Studio (version {version}; this one knows {known}): update "
        "the program."
    ),
    "project.unknown_preset": "There is no preset named {preset}; there are: {known}.",
    "recipe.none_yet": "There is no recipe named {name}: make one with `domainstudio recipe set`.",
    "recipe.too_many_steps": (
        "{steps:,} steps need {needed:,} tokens and the mixture has {tokens:,}, enough for {most:,} steps: "
        "raise its --tokens or lower steps."
    ),
    "recipe.unknown_preset": "There is no preset named {preset}; there are: {known}.",
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
    template = SENTENCES.get(problem.code)
    if template is None:
        return f"{problem.code} {dict(problem.params)}"
    words = {name: translate(str(problem.params[name])) for name in _WORDS & problem.params.keys()}
    try:
        return translate(template).format(**{**problem.params, **words})
    except (KeyError, ValueError):  # params of another version of this program
        return f"{problem.code} {dict(problem.params)}"
