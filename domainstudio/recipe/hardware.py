"""What a run may be trained on: GPUs by name with memory and peak speed, or this machine's processor."""

import re
from dataclasses import dataclass
from typing import Literal

from domainstudio.problems import Problem, UserError

Precision = Literal["fp32", "bf16"]
MOST_DEVICES = 2**16
CONTEXT_BYTES = 750_000_000
"""What CUDA and its libraries take of a GPU before anything is on it, about: 0.5 to 1 GB."""
PROCESS_BYTES = 450_000_000
"""What Python, PyTorch and DeepSpeed take in each process on a processor: measured of a tiny model."""


@dataclass(frozen=True)
class Gpu:
    """A kind of GPU as its data sheet describes it; peaks are dense, without the factor 2 of sparsity."""

    name: str
    memory_gb: int
    bf16_flops: float
    """Peak FLOP/s of matrix products in bf16 summed in fp32; 0 where the GPU has no bf16."""
    fp32_flops: float
    """Peak FLOP/s in fp32 proper, without TF32, as PyTorch computes."""
    source: str


_T = 1e12
GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("A100-40GB", 40, 312 * _T, 19.5 * _T, "NVIDIA A100 data sheet"),
        Gpu("A100-80GB", 80, 312 * _T, 19.5 * _T, "NVIDIA A100 data sheet"),
        Gpu("H100-80GB", 80, 989 * _T, 67 * _T, "NVIDIA H100 data sheet, SXM"),
        Gpu("H200-141GB", 141, 989 * _T, 67 * _T, "NVIDIA H200 data sheet, SXM"),
        Gpu("L40S-48GB", 48, 362 * _T, 91.6 * _T, "NVIDIA L40S data sheet"),
        Gpu("A10-24GB", 24, 125 * _T, 31.2 * _T, "NVIDIA A10 data sheet"),
        Gpu("RTX-4090-24GB", 24, 165 * _T, 82.6 * _T, "NVIDIA Ada architecture paper"),
        Gpu("RTX-3090-24GB", 24, 71 * _T, 35.6 * _T, "NVIDIA GA102 architecture paper"),
        Gpu("V100-16GB", 16, 0, 15.7 * _T, "NVIDIA V100 data sheet, SXM2"),
        Gpu("V100-32GB", 32, 0, 15.7 * _T, "NVIDIA V100 data sheet, SXM2"),
    )
}


@dataclass(frozen=True)
class Hardware:
    """Devices of one kind, alike on every machine: typed by a person, or probed here or elsewhere."""

    name: str
    """Such as A100-40GB; what the driver calls it if it is none of `GPUS`; `CPU` for a processor."""
    memory_bytes: int
    """Of one device; of a processor all that the machine has."""
    devices: int = 1
    """On one machine."""
    nodes: int = 1
    is_here: bool = False
    """Whether it is where the run goes on, here or on a chosen machine: what was measured there holds."""

    @property
    def is_cpu(self) -> bool:
        """Whether it is a processor, whose processes share one memory and whose speed is only measured."""
        return self.name == CPU

    @property
    def total(self) -> int:
        """Devices over all machines."""
        return self.devices * self.nodes

    @property
    def overhead_bytes(self) -> int:
        """What each process takes on its device before the model does."""
        return PROCESS_BYTES if self.is_cpu else CONTEXT_BYTES

    @property
    def label(self) -> str:
        """Its name as `parse` reads it."""
        counts = [str(count) for count in (self.nodes, self.devices) if count > 1 or self.nodes > 1]
        return "x".join([*counts, self.name])

    def peak_flops(self, precision: Precision) -> float:
        """Return the peak FLOP/s of one device, 0 where it is not known."""
        gpu = GPUS.get(self.name)
        if gpu is None:
            return 0.0
        return gpu.bf16_flops if precision == "bf16" else gpu.fp32_flops

    def require(self, precision: Precision) -> None:
        """Return if it computes in this precision.

        Raises:
            UserError: it is known not to.
        """
        if self.name in GPUS and not self.peak_flops(precision):
            params = {"hardware": self.name, "precision": precision}
            raise UserError(Problem("hardware.no_precision", "precision", params))


CPU = "CPU"
_TYPED = re.compile(r"(?:(\d{1,5})\s*[x×*]\s*)?(?:(\d{1,5})\s*[x×*]\s*)?([A-Za-z][\w .-]*)")


def parse(text: str) -> Hardware:
    """Return the hardware meant by `A100-40GB`, `8xA100-40GB`, or `2x8xA100-80GB` for two machines of eight.

    Raises:
        UserError: no known GPU is named, or no possible number of them.
    """
    match = _TYPED.fullmatch(text.strip())
    gpu = _named(match[3]) if match else None
    counts = [int(count) for count in match.groups()[:2] if count] if match else []
    devices, nodes = (counts[-1], counts[0] if len(counts) == 2 else 1) if counts else (1, 1)
    if gpu is None or not 0 < devices * nodes <= MOST_DEVICES:
        params = {"text": text, "known": " ".join(GPUS)}
        raise UserError(Problem("hardware.unknown", "hardware", params))
    return Hardware(gpu.name, gpu.memory_gb * 10**9, devices, nodes)


def of_listing(text: str) -> Hardware | None:
    """Return the GPUs that `nvidia-smi` lists, None if there is none.

    GPUs of several kinds count as so many of the smallest: each rank holds as much as the others.

    Args:
        text: what LISTING prints: a line for each GPU, its name and its memory in MiB with a comma between.
    """
    rows = [line.rsplit(",", 1) for line in text.splitlines() if "," in line]
    found = [(int(memory) * 2**20, name.strip()) for name, memory in rows if memory.strip().isdecimal()]
    if not found:
        return None
    memory, name = min(found)
    kinds = [gpu for gpu in GPUS.values() if _is_kind(name, gpu) and 0.9 < memory / gpu.memory_gb / 1e9 < 1.1]
    return Hardware(kinds[0].name if kinds else name, memory, len(found))


LISTING = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
"""The command whose output `of_listing` reads, here or on another machine."""


def _named(text: str) -> Gpu | None:
    """Return the GPU of a name, whatever its case and its separators; its memory may be left out if clear."""
    wanted = _plain(text)
    alike = [gpu for gpu in GPUS.values() if wanted in (_plain(gpu.name), _plain(_family(gpu)))]
    return alike[0] if len(alike) == 1 else None


def _is_kind(name: str, gpu: Gpu) -> bool:
    """Return whether the driver's name of a GPU, such as NVIDIA A100-SXM4-40GB, is one of a kind."""
    if "SXM" in gpu.source and "PCI" in name.upper():  # slower than the data sheet's
        return False
    return re.search(rf"(?<![A-Z0-9]){_plain(_family(gpu))}(?![A-Z0-9])", _spaceless(name)) is not None


def _family(gpu: Gpu) -> str:
    return gpu.name.rsplit("-", 1)[0]


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text).upper()


def _spaceless(name: str) -> str:
    """Return the driver's name with model numbers joined to what precedes them: RTX 4090 becomes RTX4090."""
    return re.sub(r"RTX[\s-]+", "RTX", name.upper())
