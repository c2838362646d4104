"""A base model of a few thousand weights, and jobs of runs as `train start` makes them, not yet started."""

from pathlib import Path

import torch
from faults.training_kills import SETTINGS
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from domainstudio.jobs.folder import JobFolder, create_job
from domainstudio.project.plans import DEFAULT_NAME
from domainstudio.project.project import Project
from domainstudio.recipe.run import RunSpec
from domainstudio.workflow.training.starting import TRAIN, freeze

LARGE = 3e38
"""A weight that is a number, and whose sum over a row is none in fp32."""


def make_base(folder: Path, bad_token: int | None = None) -> Path:
    """Write a small model in whose vocabulary one token, if any, overflows whatever reads it."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    torch.manual_seed(0)
    model = GPTNeoXForCausalLM(GPTNeoXConfig(vocab_size=512, max_position_embeddings=128, **sizes))
    if bad_token is not None:
        model.get_input_embeddings().weight.data[bad_token] = LARGE
    model.save_pretrained(folder)
    return folder


def frozen(project: Path, **settings: str) -> RunSpec:
    with Project(project) as opened:
        return freeze(opened, "base", DEFAULT_NAME, DEFAULT_NAME, SETTINGS | settings, "treated")[0]


def new_job(project: Path, spec: RunSpec) -> JobFolder:
    processes = spec.recipe.processes
    return create_job(project / "jobs", TRAIN.name, TRAIN.program, spec, processes=processes)
