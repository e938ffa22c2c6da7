"""The worker: runs the jobs that nudges name, each in a process of its own. `python -m workers.runner`."""

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import redis
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from campaigns import wakeup
from campaigns.settings import Settings
from workers import context, logs, queues

_PR_SET_PDEATHSIG = 1
_VALKEY_SECONDS = 5.0


class ForkingWorker(Worker):
    """RQ's worker, whose jobs end with it when it is killed, and finish what is in flight when it is told to stop."""

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """In the job's process, before anything else."""
        _end_with_parent(self.pid)
        if not _is_ours(job):
            os._exit(1)  # RQ files it among the failed
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        """Jobs are short or listen for SIGTERM themselves: by itself it ends none in its middle."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def handle_warm_shutdown_request(self) -> None:
        """Pass the wish to stop on to the job."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)


def run(settings: Settings, names: Sequence[str] = queues.WATCHED, *, burst: bool = False) -> None:
    """Work until SIGTERM or SIGINT; with `burst` until the queues are empty. Raises ValueError for a strong role."""
    context.check_role(settings)
    _preload()
    valkey = redis.Redis.from_url(settings.queue_url, socket_connect_timeout=_VALKEY_SECONDS)
    worker = ForkingWorker(list(names), connection=valkey, serializer=JSONSerializer, log_job_description=False)
    worker.log_result_lifespan = False
    worker.work(burst=burst, logging_level=None)


def _preload() -> None:
    # Every job's process is a copy of this one: what is imported here costs them nothing, and what is frozen here is
    # neither walked by their garbage collector nor copied because of it (a sixth of the time of a send).
    from workers import dispatch, imports, notices, planning, receipts, retention, schedule, upkeep, urgent  # noqa: F401

    gc.collect()
    gc.freeze()


def _is_ours(job: Job) -> bool:
    # RQ calls whatever function a job names: who can write to Valkey must get no more than these, which only look.
    callbacks = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name)
    return job.func_name in wakeup.JOBS.values() and not any(callbacks)


def _end_with_parent(parent: int | None) -> None:
    # A worker killed with -9 must not leave a process behind that sends (Linux; elsewhere the leases protect).
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was killed before we could ask
        os._exit(1)


def main() -> None:
    """Run one worker; arguments name queues, `short` those of the short jobs, and without any it watches all."""
    logs.to_stderr()
    names = sys.argv[1:] or queues.WATCHED
    run(context.settings(), queues.SHORT if list(names) == ["short"] else names)


if __name__ == "__main__":
    main()
