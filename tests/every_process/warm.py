"""Stands in for torchrun in the tests: the ranks are forked from a process that has imported torch already.

What they run is the trainer's own `main`, with the environment and the log that torchrun would give them. An
import takes five seconds of a run that takes half a second; the tests start runs by the hundred. How torchrun
itself starts, ends and dies is tested without this (`tests/trainer/test_training_run.py`, `tests/faults`).

Whoever starts a job starts a process of Python as ever: `sitecustomize` hands it over here, where it asks the
server at the socket that DOMAINSTUDIO_WARM_START names, hands on signals, and ends as the ranks end.
"""

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SERVER = "DOMAINSTUDIO_WARM_START"
_END, _MOST_BYTES, _LOOK_SECONDS = b"\n", 1 << 20, 2.0
_LAUNCHER = "domainstudio.trainer.torchrun"
_SCRIPTS = "_ranks.py"
"""How scripts are called of which the tests start one process for each rank themselves."""
_PROGRAMS = ("domainstudio.trainer", "domainstudio.model")
TRAINER = [
    "domainstudio.trainer.__main__",
    "domainstudio.trainer.loop",
    # What DeepSpeed and transformers import once they are used.
    "deepspeed.runtime.zero.muon.original_muon",
    "deepspeed.runtime.zero.stage3",
    "transformers.models.gpt_neox.modeling_gpt_neox",
]
"""What a rank imports."""
_PRELOADED = [*TRAINER, "domainstudio.model.__main__", "domainstudio.model.generate"]
_PRELOADED += ["domainstudio.model.samples", "domainstudio.model.blending", "torch._dynamo"]


@contextmanager
def started(server: str) -> Iterator[None]:
    """Have the jobs that this process starts meanwhile forked by a server, also within another such block."""
    before = os.environ.get(SERVER)
    os.environ[SERVER] = server
    try:
        yield
    finally:
        if before is None:
            del os.environ[SERVER]


def take_over() -> None:
    """Do what this process was started for by asking the server, if it is one that starts a job."""
    arguments = sys.orig_argv[1:]
    if arguments[:2] == ["-m", _LAUNCHER]:
        ranks = next(int(one.partition("=")[2]) for one in arguments if one.startswith("--nproc-per-node="))
        if not any(one.startswith("--nnodes") for one in arguments):
            _hand_over(arguments[-2], arguments[-1:], ranks)
    elif len(arguments) == 3 and arguments[0] == "-m" and arguments[1] == _PROGRAMS[1]:
        _hand_over(arguments[1], arguments[2:], 0)
    elif arguments and arguments[0].endswith(_SCRIPTS):
        _hand_over(arguments[0], arguments[1:], 0)


def _hand_over(program: str, arguments: list[str], ranks: int) -> None:
    """Have the server fork the processes of a job, or of a script, and end with their exit code."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ[SERVER])
    wish = {
        "program": program,
        "arguments": arguments,
        "ranks": ranks,
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
    }
    socket.send_fds(connection, [json.dumps(wish).encode() + _END], [1, 2])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: connection.sendall(bytes([number])))
    code = connection.recv(1)
    os._exit(code[0] if code else 1)


def serve(path: str) -> None:
    """Import what a job needs, then fork its processes for whoever connects, while the tests live."""
    import importlib

    from domainstudio.jobs.heavy_imports import heavy_imports

    with heavy_imports():
        for name in _PRELOADED:
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{path}.new")
    server.listen()
    os.rename(f"{path}.new", path)
    server.settimeout(_LOOK_SECONDS)
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            connection, _address = server.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            server.close()
            connection.setblocking(True)
            os._exit(_answer(connection))
        connection.close()


def _answer(connection: socket.socket) -> int:
    """Start the processes of one job, hand signals on to them, and tell how they ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    data, files, _flags, _sender = socket.recv_fds(connection, _MOST_BYTES, 2)
    while not data.endswith(_END):
        data += connection.recv(_MOST_BYTES)
    wish = json.loads(data)
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    world = max(1, wish["ranks"])
    children = [_fork(wish, rank, connection) for rank in range(world)]
    threading.Thread(target=_hand_on, args=(connection, children), daemon=True).start()
    code, left = 0, set(children)
    while left:
        pid, status = os.wait()
        left.discard(pid)
        ended = os.waitstatus_to_exitcode(status)
        if ended and not code:
            code = 1
            for other in left:
                os.kill(other, signal.SIGTERM)
    with suppress(OSError):
        connection.sendall(bytes([code]))
    return 0


def _hand_on(connection: socket.socket, children: list[int]) -> None:
    while number := connection.recv(1):
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, number[0])


def _fork(wish: dict[str, object], rank: int, connection: socket.socket) -> int:
    """Be one process of a job, in a session of its own as torchrun gives each rank; return its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        connection.close()
        os.setsid()
        _become(wish, rank)
        code = _run(str(wish["program"]))
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _become(wish: dict[str, object], rank: int) -> None:
    import multiprocessing

    multiprocessing.set_start_method("fork", force=True)  # so no semaphore has a name
    environment, ranks = wish["environment"], wish["ranks"]
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    if ranks:
        own, world = str(rank), str(ranks)
        os.environ.update(RANK=own, LOCAL_RANK=own, WORLD_SIZE=world, LOCAL_WORLD_SIZE=world)
    os.chdir(str(wish["cwd"]))
    arguments = wish["arguments"]
    assert isinstance(arguments, list)
    sys.argv[:] = [str(wish["program"]), *arguments]


def _run(program: str) -> int:
    import importlib
    import runpy
    import traceback

    try:
        if program.endswith(_SCRIPTS):
            sys.path[0] = str(Path(program).parent)
            runpy.run_path(program, run_name="__main__")
            return 0
        return int(importlib.import_module(f"{program}.__main__").main(Path(sys.argv[1])) or 0)
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    serve(sys.argv[1])
