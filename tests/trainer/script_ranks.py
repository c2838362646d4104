"""Scripts `*_ranks.py` of which each rank is a process: they train in small with DeepSpeed itself."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 240


def said_by_first(script: str, ranks: int, *words: object) -> Any:
    """Run a script of this folder on so many ranks; return the JSON that rank 0 printed last."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *map(str, words)]
    running = [
        subprocess.Popen(
            command,
            env={**os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks),
                 "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(ranks)
    ]  # fmt: skip
    outputs = [each.communicate(timeout=PATIENCE_SECONDS) for each in running]
    assert not any(each.returncode for each in running), outputs[0][1][-3000:]
    return json.loads(outputs[0][0].splitlines()[-1])
