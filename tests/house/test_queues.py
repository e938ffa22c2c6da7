"""Every queue somebody nudges is watched, and every job that is named exists."""

import importlib
import inspect

from campaigns import wakeup
from workers import queues


def test_every_queue_is_watched():
    assert {wakeup.queue_name(what) for what in wakeup.Work} == set(queues.WATCHED)


def test_every_job_that_is_named_exists_and_takes_ids():
    for path in wakeup.JOBS.values():
        module, _, name = path.rpartition(".")
        job = getattr(importlib.import_module(module), name)
        parameters = list(inspect.signature(job).parameters.values())
        assert [parameter.annotation for parameter in parameters] == [int, int]
