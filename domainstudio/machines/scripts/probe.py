"""What there is on this machine, as one JSON object on stdout: `probe.py FOLDER PACKAGE…`."""

import glob
import json
import os
import shutil
import subprocess
import sys
from typing import Any, Dict, List, Optional

PYTHONS = ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10")
GPU_FIELDS = ("name", "memory.total", "memory.free", "driver_version", "utilization.gpu", "temperature.gpu")
MOST_GPUS = 64
MOST_PROCESSES = 200
ASKED_SECONDS = 10

READ_VERSIONS = """
import json
from importlib import metadata
found = {}
for one in metadata.distributions():
    name = (one.metadata["Name"] or "").lower().replace("_", "-")
    if name in %r or name.startswith("nvidia-nccl"):
        found[name] = one.version
print(json.dumps(found))
"""


def said(command: List[str], seconds: float = ASKED_SECONDS) -> str:
    """Return the stdout of a command, empty if it fails, hangs or is not there."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout[:100000].decode("utf-8", "replace") if done.returncode == 0 else ""


def number(text: str) -> Optional[float]:
    """Return a number, None for what nvidia-smi does not know ([N/A])."""
    try:
        return float(text)
    except ValueError:
        return None


def gpus() -> List[Dict[str, Any]]:
    """Return each GPU: memory in bytes, utilisation in percent, temperature in degrees Celsius."""
    query = ["nvidia-smi", "--query-gpu=" + ",".join(GPU_FIELDS), "--format=csv,noheader,nounits"]
    found = []
    for line in said(query).splitlines()[:MOST_GPUS]:
        parts = [part.strip() for part in line.split(",")]
        if len(parts) != len(GPU_FIELDS):
            continue
        total, free = number(parts[1]), number(parts[2])
        found.append(
            {
                "name": parts[0],
                "memory_bytes": None if total is None else int(total * 2**20),
                "free_bytes": None if free is None else int(free * 2**20),
                "driver": parts[3],
                "utilisation_percent": number(parts[4]),
                "temperature_celsius": number(parts[5]),
            }
        )
    return found


def memory() -> Dict[str, Optional[int]]:
    """Return main memory in bytes, all and what is free for a new program."""
    found = {}
    try:
        with open("/proc/meminfo") as source:
            for line in source:
                name, _, value = line.partition(":")
                found[name] = int(value.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return {"memory_bytes": pages, "free_memory_bytes": None}
    return {"memory_bytes": found.get("MemTotal"), "free_memory_bytes": found.get("MemAvailable")}


def disk(folder: str) -> Optional[int]:
    """Return the bytes free for this user where the folder lies, or will lie."""
    place = os.path.abspath(folder)
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


def pythons() -> List[Dict[str, Any]]:
    """Return the Pythons found: command, version, and whether they can make an environment with pip."""
    ask = "import sys; print('%d.%d.%d' % sys.version_info[:3])\nimport venv, ensurepip; print('venv')"
    found = []
    for name in PYTHONS:
        path = shutil.which(name)
        if path is None:
            continue
        lines = said([path, "-c", ask]).split() or said([path, "-c", ask.split("\n")[0]]).split()
        if lines:
            found.append({"command": name, "version": lines[0], "makes_environments": "venv" in lines})
    return found


def packages(folder: str, names: List[str]) -> Dict[str, str]:
    """Return package → version of this program's environment and of its NCCL, read without importing any."""
    python = os.path.join(folder, "env", "bin", "python")
    if not os.path.exists(python):
        return {}
    try:
        found = json.loads(said([python, "-I", "-c", READ_VERSIONS % (names,)], 60) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def bundles(folder: str) -> List[str]:
    """Return the names of the bundles of this program that were sent here, the newest 100."""
    paths = glob.glob(os.path.join(folder, "bundle-*"))
    return [os.path.basename(path) for path in sorted(paths, key=os.path.getmtime)[-100:]]


def processes(folder: str) -> List[Dict[str, Any]]:
    """Return this user's processes that have to do with the folder, as pid and command."""
    place = os.path.abspath(folder)
    markers = tuple({name.rstrip("/") + "/" for name in (folder, place, os.path.realpath(place))})
    found = []
    for entry in sorted(filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else []), key=int):
        try:
            if os.stat("/proc/" + entry).st_uid != os.getuid():
                continue
            within = os.readlink("/proc/%s/cwd" % entry) + "/"
            with open("/proc/%s/cmdline" % entry, "rb") as source:
                words = source.read(20000).decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if any(word.startswith(markers) for word in [within, *words]) and any(words):
            found.append({"pid": int(entry), "command": " ".join(words).strip()[:500]})
    return found[:MOST_PROCESSES]


def main(folder: str, names: List[str]) -> None:
    """Print what there is."""
    facts: Dict[str, Any] = {
        "host": os.uname()[1],
        "system": os.uname()[0],
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpus": gpus(),
        "free_disk_bytes": disk(folder),
        "pythons": pythons(),
        "packages": packages(folder, names),
        "bundles": bundles(folder),
        "programs": [name for name in ("rsync", "setsid") if shutil.which(name)],
        "processes": processes(folder),
    }
    facts.update(memory())
    print(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
