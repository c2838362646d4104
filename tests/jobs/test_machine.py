"""Which machine a job runs on: a new name or a restart must neither hide a run nor start it twice."""

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from domainstudio.jobs.folder import JobFolder
from domainstudio.jobs.machine import Machine, Nearness, this_machine

ALL, CONTAINER = "pid:[4026531836]", "pid:[4026532000]"
HERE = Machine(host="lab", boot="monday", processes=ALL, machine="a1")
IN_CONTAINER = Machine(host="3f2a", boot="monday", processes=CONTAINER)


@pytest.mark.parametrize(
    ("before", "here", "expected"),
    [
        (HERE, HERE, "here"),
        (HERE, HERE.model_copy(update={"host": "lab-2.dhcp"}), "here"),
        (HERE, HERE.model_copy(update={"boot": "tuesday"}), "before the last start"),
        (HERE, HERE.model_copy(update={"boot": "tuesday", "host": "renamed"}), "before the last start"),
        (HERE, Machine(host="other", boot="sunday", processes=ALL, machine="b2"), "elsewhere"),
        (HERE, Machine(host="other", boot="sunday", processes=ALL), "elsewhere"),
        (HERE, IN_CONTAINER, "elsewhere"),
        (IN_CONTAINER, HERE, "elsewhere"),
        (IN_CONTAINER, IN_CONTAINER.model_copy(update={"processes": "pid:[4026532999]"}), "here"),
        (IN_CONTAINER, Machine(host="77aa", boot="monday", processes="pid:[4026532999]"), "elsewhere"),
        (Machine(host="lab"), HERE, "here"),
        (Machine(host="other"), HERE, "elsewhere"),
        (Machine(host="mac", machine="c3"), Machine(host="mac.local", machine="c3"), "here"),
        (Machine(host="mac"), Machine(host="pc"), "elsewhere"),
    ],
    ids=[
        "the same", "renamed", "started again", "started again and renamed", "another machine",
        "another machine that tells little", "a container on this machine", "the machine of this container",
        "this container started again", "another container", "a record of an earlier version",
        "one from elsewhere", "no Linux, renamed", "no Linux, another",
    ],
)  # fmt: skip
def test_a_process_is_sought_where_it_can_be_found(
    before: Machine, here: Machine, expected: Nearness
) -> None:
    assert before.nearness(here) == expected


def rewrite(run: JobFolder, **changes: Any) -> None:
    record = run.run_record()
    assert record is not None
    run.run_file.write_text(record.model_copy(update=changes).model_dump_json())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell no boot")
def test_a_run_is_known_to_live_after_its_machine_was_renamed_and_to_be_dead_after_a_restart(
    new_run: Callable[..., Any],
) -> None:
    run = new_run(stall_after=1)
    run.start()
    run.wait_for_step(1)
    rewrite(run, host="the-name-before")
    assert run.status() == "running"
    rewrite(run, host=this_machine().host, boot="the boot before")
    assert run.status() == "interrupted"


def test_a_run_begun_by_an_earlier_version_is_found_by_its_hosts_name(new_run: Callable[..., Any]) -> None:
    run = new_run(stall_after=1)
    run.start()
    run.wait_for_step(1)
    rewrite(run, boot="", processes="", machine="")
    assert run.status() == "running"
    rewrite(run, host="another")
    assert run.status() == "unknown"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep the Unix time")
def test_a_clock_that_is_set_while_a_process_is_looked_for_does_not_make_it_dead(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel works the time of boot out anew from its clock whenever it is asked."""
    folder = JobFolder(tmp_path)
    record = folder.record_process(os.getpid(), 0)
    moments = iter(range(0, 10**6, 3600))
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: float(next(moments)))
    monkeypatch.setattr("psutil.boot_time", lambda: float(next(moments)))
    assert [record.liveness() for _ in range(3)] == ["alive"] * 3
