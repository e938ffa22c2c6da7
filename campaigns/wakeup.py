"""Nudges: queue entries that only say "look here". They may be lost or doubled; PostgreSQL knows what there is to do.

A nudge names its job by a dotted path, so nothing here imports the workers; the job's module names its queue.
"""

from enum import StrEnum
from typing import Final

import redis
import structlog
from rq import Queue
from rq.serializers import JSONSerializer

from campaigns.store import due
from campaigns.store.engine import AgencySessions

log = structlog.get_logger(__name__)

# How long a nudge keeps others of its kind away. It ends when the job begins; this is for a nudge that got lost.
_SECONDS: Final = 15
# RQ ends a job from outside a minute after this: only one that hangs. Jobs bound themselves (DESIGN section 11).
_JOB_SECONDS: Final = 300
# A spreadsheet is taken apart, and a file checked, in one go.
_IMPORT_SECONDS: Final = 3600
_KEPT_SECONDS: Final = 600


class Work(StrEnum):
    """What can be looked at. Names as due_work() gives them; each is one job, called with agency and id."""

    PLAN = "plan"
    START = "start"
    URGENT = "urgent"
    SEND = "send"
    SETTLE = "settle"
    RECEIPTS = "receipts"
    IMPORT = "import"
    NOTICES = "notices"
    RETENTION = "retention"


JOBS: Final[dict[Work, str]] = {
    Work.PLAN: "workers.planning.plan",
    Work.START: "workers.schedule.start",
    Work.URGENT: "workers.urgent.send",
    Work.SEND: "workers.dispatch.send",
    Work.SETTLE: "workers.upkeep.settle",
    Work.RECEIPTS: "workers.receipts.apply",
    Work.IMPORT: "workers.imports.run",
    Work.NOTICES: "workers.notices.mail",
    Work.RETENTION: "workers.retention.run",
}


_LESS_THAN_URGENT: Final = frozenset({Work.SEND, Work.PLAN, Work.IMPORT, Work.NOTICES, Work.RETENTION})


def queue_name(what: Work) -> str:
    """The queue of this work: its job's module."""
    return JOBS[what].split(".")[1]


def nudge(valkey: redis.Redis, what: Work, agency_id: int, subject: int = 0) -> bool:
    """Say "look"; False if somebody said so already, or if Valkey does not answer (the clock will say it again).

    Call it after the commit. Only ids go into the queue.
    """
    try:
        if not valkey.set(_key(what, agency_id, subject), b"1", nx=True, ex=_SECONDS):
            return False
        seconds = _IMPORT_SECONDS if what is Work.IMPORT else _JOB_SECONDS
        _queue(valkey, queue_name(what)).enqueue_call(
            JOBS[what], args=(agency_id, subject), timeout=seconds, result_ttl=0, failure_ttl=_KEPT_SECONDS
        )
    except redis.RedisError as error:
        log.warning("nudge lost", what=what, agency=agency_id, subject=subject, error=type(error).__name__)
        return False
    return True


def heard(valkey: redis.Redis, what: Work, agency_id: int, subject: int = 0) -> None:
    """The job has begun: from now on a nudge says something new."""
    try:
        valkey.delete(_key(what, agency_id, subject))
    except redis.RedisError as error:
        log.warning("nudge not taken back", what=what, agency=agency_id, subject=subject, error=type(error).__name__)


def rest(valkey: redis.Redis, what: Work, agency_id: int, subject: int, *, seconds: float) -> None:
    """There is nothing to do for so long: keep the clock from asking every time. Losing this costs a look."""
    try:
        valkey.set(_key(what, agency_id, subject), b"1", px=max(1, int(seconds * 1000)))
    except redis.RedisError as error:
        log.warning("rest not kept", what=what, agency=agency_id, subject=subject, error=type(error).__name__)


def everything_due(sessions: AgencySessions, valkey: redis.Redis) -> int:
    """Nudge for everything that is due in any agency, and return how many nudges were new. What the clock calls.

    Also makes the partitions that campaigns will soon need. Commits; raises what the database raises.
    """
    with sessions(None).begin() as session:
        due.make_partitions(session)
        found = due.work(session)
    return sum(nudge(valkey, Work(one.what), one.agency_id, one.subject) for one in found)


def others_wait(valkey: redis.Redis, what: Work, agency_id: int, subject: int = 0) -> bool:
    """Whether work waits for a worker that is no less urgent than this job's; False if Valkey does not answer.

    Another nudge for the very same does not count.
    """
    names = {queue_name(work) for work in Work if what is not Work.URGENT or work not in _LESS_THAN_URGENT}
    try:
        with valkey.pipeline(transaction=False) as pipeline:
            pipeline.exists(_key(what, agency_id, subject))
            for name in names:
                pipeline.llen(_queue(valkey, name).key)
            own, *waiting = pipeline.execute()
    except redis.RedisError:
        return False
    return bool(sum(waiting) > own)


def send(valkey: redis.Redis, agency_id: int, campaign_id: int, *, urgent: bool = False) -> bool:
    """Look at a running campaign, or at the service campaign after a send of its own. Breaks its rest."""
    lane = Work.URGENT if urgent else Work.SEND
    heard(valkey, lane, agency_id, campaign_id)
    return nudge(valkey, lane, agency_id, campaign_id)


def start(valkey: redis.Redis, agency_id: int, campaign_id: int) -> bool:
    """Look at a campaign whose time has come."""
    return nudge(valkey, Work.START, agency_id, campaign_id)


def settle(valkey: redis.Redis, agency_id: int, campaign_id: int) -> bool:
    """Look at what became of a campaign: after a stop, or when its last receipt came. Breaks its rest."""
    heard(valkey, Work.SETTLE, agency_id, campaign_id)
    return nudge(valkey, Work.SETTLE, agency_id, campaign_id)


def plan(valkey: redis.Redis, agency_id: int, campaign_id: int) -> bool:
    """Look at a campaign that was submitted."""
    return nudge(valkey, Work.PLAN, agency_id, campaign_id)


def receipts(valkey: redis.Redis, agency_id: int) -> bool:
    """Look at the receipts that wait."""
    return nudge(valkey, Work.RECEIPTS, agency_id)


def import_file(valkey: redis.Redis, agency_id: int, import_id: int) -> bool:
    """Look at a file that waits to be brought in."""
    return nudge(valkey, Work.IMPORT, agency_id, import_id)


def _key(what: Work, agency_id: int, subject: int) -> str:
    return f"nudge:{what}:{agency_id}:{subject}"


def _queue(valkey: redis.Redis, name: str) -> Queue:
    # JSON, not pickle: who can write to Valkey must not be able to make a worker run code (see also workers/runner.py).
    return Queue(name, connection=valkey, serializer=JSONSerializer)
