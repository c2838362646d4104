"""Problems of base models, recipes and runs.

Each sentence says what is the matter, where, and what to do. Placeholders are keys of the problem's params.
"""

SENTENCES: dict[str, str] = {
    "advice.contaminated": (
        "{found} of the {items} items of {name} occur in the corpus, and a model that has read them cannot "
        "be tested with them: leave them out of the test, or the documents out of the corpus."
    ),
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
        "usual, 5 to 10 in a run below 500 steps."
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
    "blend.bad_points": "{points} points are not possible: take from 2 to 101, or 0 for none.",
    "blend.base_gone": (
        "{run} started from {base}, which is not there any more: between that and the run nothing can be "
        "blended; averages of its checkpoints can."
    ),
    "blend.needs_one": "There is nothing to measure: ask for points, for an average or for a chat model.",
    "blend.no_average": (
        "{run} has {count} checkpoint up to step {step}, and an average takes two: raise keep_checkpoints "
        "for a run whose last ones shall be averaged."
    ),
    "blend.no_held_out": "{run} had no held-out text, so its blends cannot be measured.",
    "blend.no_number": (
        "The held-out loss of {source} is no number for a blend of {run} at step {step}: one of its models "
        "is damaged."
    ),
    "blend.other_names": (
        "This architecture is loaded under other names than it is saved ({name}), so its blends cannot be "
        "measured here; they can be exported."
    ),
    "blend.other_shape": (
        "The model in {other} is of another shape: {name} is {here} in the trained model and {there} there. "
        "Only models of one shape can be blended."
    ),
    "blend.other_vocabulary": (
        "The model in {other} has {rows:,} rows of vocabulary and the trained one {wanted:,}: its own tokens "
        "would have no place. Choose a chat model with the vocabulary of the base."
    ),
    "blend.random_base": (
        "{run} started from random weights ({preset}), and half the way to those is no language model: blend "
        "a run that continued from a trained one, or average checkpoints of this one."
    ),
    "advice.guard_never_acts": (
        "The rate of a constant schedule never falls, so a limit that is passed is only told of, unless the "
        "loss explodes: take cosine, linear or wsd for a guard that acts."
    ),
    "advice.guard_without_limit": (
        "Nothing would set off the guard: set accepted_forgetting, accepted_percent or canaries_kept."
    ),
    "advice.nothing_to_replay": (
        "The mixture has no general text of which a larger share could be drawn: a limit that is passed will "
        "pause the run. Give general text a share, however small."
    ),
    "canaries.bad_count": "{file} holds {count} canary facts: give 1 to {most:,}, one on each line.",
    "canaries.bad_line": (
        "Line {line} of {file} is no canary fact: write one JSON object with prompt, right and a list wrong, "
        "each ending with the space it begins with."
    ),
    "canaries.missing": (
        "The canary facts in {file} cannot be read: write one JSON object a line with prompt, right and a "
        "list wrong, or take the list en or zh."
    ),
    "canaries.none_fit": (
        "None of the canary facts fits into a sequence of {length} tokens: raise sequence_length, or set "
        "canaries=off."
    ),
    "canaries.not_known": (
        "Your base knows too few of the canary facts to tell what it forgets: {right} of {total} are right, "
        "and fewer than {needed} may be guesses. They are shown, and set off nothing."
    ),
    "branch.fixed": (
        "A branch goes on with the {key} of its trunk; only these may be set for it: {known}. Leave {key} "
        "out, or start a run from the weights of the checkpoint."
    ),
    "branch.no_plateau": (
        "The rate of {run} falls all the way (schedule {schedule}), so there is nothing to branch from: take "
        "a run with one of the schedules {known}, or start a run from its weights."
    ),
    "branch.no_run": (
        "A decay branches off a checkpoint: name the run and the step it starts from, as in `--from "
        "RUN@STEP`."
    ),
    "branch.no_steps": "A decay of {steps} steps is none: take at least 1.",
    "checkpoint.damaged": (
        "The checkpoint in {folder} is damaged ({file} is missing or was changed): delete that folder to go "
        "on from the one before it, or from the beginning."
    ),
    "checkpoint.no_room": (
        "A checkpoint needs {needed}, and the disk of {folder} has {free} free: free some space, then start "
        "or resume the run; what was saved before is intact."
    ),
    "checkpoint.put_off": (
        "The checkpoint of step {step} was put off: it needs {needed}, and the disk of {folder} has {free} "
        "free. The run goes on and tries again at its next checkpoint: free some space."
    ),
    "forgetting.not_measurable": (
        "There is no packed general text, so forgetting cannot be measured: import some with `domainstudio "
        "corpus import {project} PATH --role general`, let the base model write some with `corpus generate`, "
        "or take technical English found on this machine with `corpus sample`; then pack again."
    ),
    "dry_step.ended": (
        "The steps that were tried ended without a word ({run}): most often memory did not suffice. Try a "
        "smaller micro_batch, or activation_checkpointing=true."
    ),
    "hardware.no_precision": (
        "{hardware} does not compute in {precision}: choose another GPU, or precision=fp32."
    ),
    "hardware.unknown": (
        "{text} is no hardware that can be planned for: write such as A100-40GB, 8xA100-40GB for eight of "
        "them, or 2x8xA100-80GB for two machines of eight. Known are {known}."
    ),
    "importance.none": (
        "{run} has no importance of its own: train it with record_importance, or leave importance_from empty."
    ),
    "importance.other_model": (
        "The importance in {file} is not of this model's weights: take another run, or leave importance_from "
        "empty."
    ),
    "laboratory.bad_share": "{value} in {name} is no share: give one from 0 to 1, such as replay:0.1.",
    "laboratory.none_yet": "No laboratory has been run in {project}: start one with `laboratory run`.",
    "laboratory.other_job": "{job} is a job but no laboratory.",
    "laboratory.random_base": (
        "The base {preset} has random weights and nothing to forget: start the laboratory from a run, or "
        "make a project from a trained model."
    ),
    "laboratory.run_ended": "The run {job} of the method {method} ended without a word: go on with the "
    "laboratory, which does it again.",
    "laboratory.unknown_method": "There is no method named {name}; there are: {known}.",
    "layers.none": (
        "{run} has no layer map: a run writes one at its end if it has a spring or record_importance=true."
    ),
    "launch.uneven": (
        "{processes} processes cannot be shared out evenly to {nodes} machines: take a number of processes "
        "that the number of machines divides."
    ),
    "model.adapter": (
        "{folder} holds an adapter and no whole model: merge it into its base model first, and give that "
        "folder."
    ),
    "model.blocks_expanded": (
        "The model has {blocks} blocks, and each is copied once at most: lower expanded_blocks to that."
    ),
    "model.blocks_frozen": (
        "The model has {blocks} blocks, and one at least must be trained: lower frozen_blocks below that."
    ),
    "model.blocks_unknown": (
        "The blocks of {architecture} are not built as this program knows them, so none can be added: take "
        "method=lora, or train all weights."
    ),
    "model.no_config": (
        "{folder} holds no readable config.json of a language model: give the folder of a model in the "
        "Hugging Face layout."
    ),
    "model.no_safetensors": (
        "{folder} holds no .safetensors weights: pickled weights are not loaded because they can run code; "
        "convert them first."
    ),
    "model.no_number": (
        "The loss of the base on {source} is no number: take another base, or leave the source out."
    ),
    "model.not_finite": (
        "The model in {folder} has values that are no numbers in {count} of its weights, the first {name}: "
        "get it again, or start from an earlier checkpoint."
    ),
    "model.not_grown": (
        "{architecture} is no architecture whose vocabulary can be grown, as old tokens would not score as "
        "before: stay with the base's vocabulary."
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
        "The model in {folder} wants to run code of its own (auto_map); only architectures that transformers "
        "knows are loaded: take a model without."
    ),
    "model.too_large_for_weights": (
        "The config.json in {folder} describes a model of {described:,} parameters, and its files hold "
        "{held:,}: bring the files that belong together."
    ),
    "model.unreadable": "The model in {folder} cannot be loaded: {reason}",
    "model.vocabulary": (
        "The model has {model} vocabulary rows and the tokenizer {tokenizer} entries: use the tokenizer that "
        "belongs to the model."
    ),
    "model.weights_missing": (
        "{count} weights of the model in {folder} are in none of its files, the first {name}: fetch the "
        "whole model again."
    ),
    "nodes.differ": (
        "Machine {node} of the run was sent another run, or another way to start it: send the run to all "
        "machines again, then resume it."
    ),
    "nodes.gone": (
        "Machine {node} of the run is gone: its process ended or its network is down, and its job.log has "
        "what is known. Once it is back, resume the run: it goes on from the newest checkpoint all machines "
        "have."
    ),
    "nodes.missing": (
        "Machine {node} of the run did not come to {address}, port {port}: start the run there too, and see "
        "that the machines reach that address and no firewall is between them."
    ),
    "nodes.no_address": (
        "Machine 0 of the run cannot listen at {address}, port {port} ({reason}): give an address of that "
        "machine which the others reach, and a free port."
    ),
    "nodes.nothing_common": (
        "The machines of the run have no checkpoint in common, one of them those in {folder}: bring a "
        "checkpoint's folder to all machines, then resume the run."
    ),
    "recipe.no_new_rows": (
        "The base has no rows of new tokens to train alone: set new_rows_steps=0, or grow the base first, "
        "`domainstudio tokenizer grow`."
    ),
    "recipe.no_general_text": (
        "The spring {spring} measures importance on general text, and none is packed: import some with the "
        "role general and pack it, or choose the spring l2-sp, which needs none."
    ),
    "recipe.not_as_shown": "The recipe that is saved is not the one shown: look at it again, then start.",
    "recipe.no_text_for_kl": (
        "KL to the base is measured on general text, and none is packed: import some with the role general "
        "and pack it, or set kl_strength to 0."
    ),
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
    "run.ranks_apart": (
        "{run} runs on several machines, each of which holds a part of its state: resume it on as many "
        "processes as before."
    ),
    "run.ranks_uneven": (
        "{ranks} processes cannot share out the steps of this run evenly, and its tokens a step stay as they "
        "are: go on with a number of processes among {possible}."
    ),
    "run.same_text": (
        "{run} stopped at step {step} of {steps} on this very text; a new run would warm the rate up on text "
        "it has seen, which hurts and does not recover (arXiv 2308.04014): go on with `domainstudio runs "
        "resume`."
    ),
    "run.still_needed": "{other} is not finished and needs {run}: let it finish, or delete {other} first.",
    "run.still_running": "{run} is running: pause or stop it, then delete it.",
    "recipe.setting_form": "{value} is no setting: write key=value.",
    "recipe.unknown_key": "There is no setting named {key}; there are: {known}.",
    "run.no_checkpoint": "{run} has no checkpoint of step {step}; there are: {steps}.",
    "run.not_a_run": "{job} is a job but no training run.",
    "run.other_tokenizer": "{run} was trained with another tokenizer than the project's current one.",
    "run.too_few_devices": (
        "The run has {here} processes on this machine, which has {devices} GPUs: go on on fewer with "
        "`domainstudio runs resume RUN --processes {devices}`, or start one with processes={devices}."
    ),
    "samples.base_gone": (
        "{run} started from {base}, which is not there any more: its text cannot be put beside the run's."
    ),
    "samples.too_long": (
        "The prompt has {tokens} tokens, and with {asked} more it is longer than the {positions} positions "
        "of the model: shorten it, or ask for fewer tokens."
    ),
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
    "training.loss_spike": (
        "The loss of step {step} is {loss:.2f}, usual were {usual:.2f}: if it does not fall again, start a "
        "new run with a lower learning_rate, or with on_spike=roll-back, which skips the text before a spike."
    ),
    "training.no_memory": (
        "Memory did not suffice for {micro_batch} sequences of {length:,} tokens: lower micro_batch and "
        "raise gradient_accumulation, or set activation_checkpointing=true; recipe plan says what would fit."
    ),
    "training.no_number": (
        "The held-out loss of {source} at step {step} is no number: the model fails on that text, or its "
        "weights are damaged. Start a new run with another base, fp32 precision or a lower learning_rate."
    ),
    "training.rolled_back": (
        "The loss of step {step} was {loss:.2f}, usual were {usual:.2f}: the run went back to its checkpoint "
        "of step {checkpoint} and skips the text of {skipped} steps from there on (PaLM, arXiv 2204.02311)."
    ),
    "training.spike_unsaved": (
        "The loss of step {step} is {loss:.2f}, usual were {usual:.2f}, and there is no checkpoint yet to go "
        "back to: the run goes on. A lower checkpoint_every makes the next spike cheaper."
    ),
    "training.step_skipped": (
        "Loss or gradient of step {step} was no number, so that step moved nothing; if more follow, the run "
        "ends: a learning_rate below {rate:.3g} or a longer warm-up helps."
    ),
    "training.weights_lost": (
        "Training made the weights of {name} something that is no number by step {step}, so they were not "
        "saved: start a new run with a learning_rate below {rate:.3g}; what was saved before is intact."
    ),
}
