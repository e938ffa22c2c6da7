"""The worker runs nudges and nothing else that somebody may have put into Valkey."""

import pytest
from rq import Callback, Queue
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from campaigns import wakeup
from campaigns.wakeup import Work


@pytest.mark.parametrize("hidden", [False, True])
def test_a_function_that_is_no_nudge_is_not_called(tools, programs, until, tmp_path, hidden):
    queue = Queue(wakeup.queue_name(Work.SETTLE), connection=tools.valkey, serializer=JSONSerializer)
    made = tmp_path / "made"
    if hidden:
        queue.enqueue_call(wakeup.JOBS[Work.SETTLE], args=(1, 1), on_success=Callback("builtins.print"), failure_ttl=60)
    else:
        queue.enqueue_call("os.mkdir", args=(str(made),), failure_ttl=60)
    programs.worker()
    failed = FailedJobRegistry(queue=queue)
    until(lambda: failed.get_job_count(cleanup=False) == 1)
    assert not made.exists()
    assert wakeup.nudge(tools.valkey, Work.SETTLE, 1, 1)
    until(lambda: not len(queue))
    assert failed.get_job_count(cleanup=False) == 1
