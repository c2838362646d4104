"""The real trainer for tests that are cruel to it."""

from collections.abc import Callable, Iterator

import pytest
from faults import forked_ranks
from faults.forked_ranks import Attempt

from domainstudio.jobs.folder import JobFolder


@pytest.fixture
def start_ranks() -> Iterator[Callable[..., Attempt]]:
    """Start the ranks of a run; none outlives the test."""
    attempts = []

    def start(folder: JobFolder, **options: float) -> Attempt:
        attempts.append(forked_ranks.start(folder, **options))
        return attempts[-1]

    yield start
    for attempt in attempts:
        attempt.end()
