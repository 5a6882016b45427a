"""A randomised life of many jobs: submit, claim, step, end, lose, cancel, move, retry, trash, kill, restart, in any order; the promises hold throughout."""

import json
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from huafang.assets import Assets
from huafang.errors import Conflict
from huafang.jobs.dispatcher import ATTEMPTS, Dispatcher
from huafang.jobs.executor import Event, LaneState, TaskSpec
from huafang.jobs.rows import open_database
from huafang.jobs.store import ENDED, Store
from tests.jobs.conftest import draft


class Puppet:
    """An executor without processes: the test says what happens."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskSpec] = {}
        self.cancels: list[str] = []
        self.refuse = False

    def start(self, on_event) -> None:
        self.say = on_event

    def lanes(self) -> list[LaneState]:
        busy = list(self.tasks)
        return [LaneState(f"lane{i}", "compute", True, busy[i] if i < len(busy) else None) for i in range(2)]

    def submit(self, task: TaskSpec) -> bool:
        assert len(self.tasks) < 2
        if self.refuse:
            return False
        self.tasks[task.job_id] = task
        return True

    def cancel(self, job_id: str, *, hard: bool = False) -> None:
        self.cancels.append(job_id)

    def stop(self, grace: float) -> None:
        self.tasks.clear()


class Jobs(RuleBasedStateMachine):
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.final: dict[str, tuple] = {}
        self.attempts: dict[str, int] = {}
        self.finished: set[str] = set()
        self.old: list[TaskSpec] = []
        self.open()

    def open(self) -> None:
        self.puppet = Puppet()
        self.assets = Assets(self.root / "assets")
        self.dispatcher = Dispatcher(Store(open_database(f"sqlite:///{self.root / 'jobs.db'}")), self.puppet, self.assets, self.root / "outbox", queue_limit=50)
        self.dispatcher._thread.start = lambda: None  # the test turns the wheel itself
        self.dispatcher.start()

    @rule(target=jobs, priority=st.sampled_from(["interactive", "bulk"]))
    def submit(self, priority):
        if self.dispatcher.store.count("queued") >= 50:
            return multiple()
        return self.dispatcher.submit(draft(priority=priority)).id

    @rule()
    def turn(self):
        self.dispatcher._fill_lanes()

    @rule()
    def turn_while_lanes_die(self):
        """A lane that seemed free dies before it takes the job: the job waits on, and is not blamed."""
        before = {row.id: row.crashes for row in self.dispatcher.store.page(limit=200)}
        self.puppet.refuse = True
        self.dispatcher._fill_lanes()
        self.puppet.refuse = False
        assert before == {row.id: row.crashes for row in self.dispatcher.store.page(limit=200)}

    def task(self, data) -> TaskSpec | None:
        return data.draw(st.sampled_from(sorted(self.puppet.tasks.values(), key=lambda task: task.job_id))) if self.puppet.tasks else None

    def result(self, task: TaskSpec) -> dict:
        asset = self.assets.put(f"{task.job_id}".encode())
        return {"outputs": [{"asset": asset, "name": "x", "media_type": "image/png", "width": 1, "height": 1}], "figures": {}, "notes": [], "seconds": 1.0}

    def post(self, task: TaskSpec) -> dict:
        result = self.result(task)
        place = self.root / "outbox" / f"{task.job_id}-{task.attempt}.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(result))
        self.finished.add(task.job_id)
        return result

    @rule(data=st.data(), how=st.sampled_from(["done", "failed", "cancelled", "lost", "posted, then lost"]))
    def end(self, data, how):
        if task := self.task(data):
            del self.puppet.tasks[task.job_id]
            self.old.append(task)
            content = {"done": lambda: self.post(task), "failed": lambda: {"code": "x", "message": "x", "hint": None}}.get(how, lambda: {"exit": -9})()
            if how == "posted, then lost":
                self.post(task)
            self.puppet.say(Event(task.job_id, task.attempt, "lost" if "lost" in how else how, content))

    @rule(data=st.data())
    def stale(self, data):
        """An attempt that no longer counts says that it is done."""
        if self.old:
            task = data.draw(st.sampled_from(self.old))
            before = self.dispatcher.store.get(task.job_id)
            if before.state == "running" and before.attempt == task.attempt:
                return
            self.puppet.say(Event(task.job_id, task.attempt, "done", self.result(task)))
            after = self.dispatcher.store.get(task.job_id)
            assert (after.state, after.attempt, after.seq) == (before.state, before.attempt, before.seq)

    @rule(job=jobs)
    def cancel(self, job):
        others = {row.id: row.seq for row in self.dispatcher.store.page(limit=200) if row.id != job}
        self.dispatcher.cancel(job)
        assert others == {row.id: row.seq for row in self.dispatcher.store.page(limit=200) if row.id != job}

    @rule(job=jobs, before=jobs)
    def move(self, job, before):
        try:
            self.dispatcher.move(job, before)
        except Conflict:
            return
        queue = [row.id for row in self.dispatcher.store.waiting()]
        assert queue.index(job) == queue.index(before) - 1

    @rule(target=jobs, job=jobs)
    def retry(self, job):
        return self.dispatcher.retry(job).id if self.dispatcher.store.count("queued") < 50 else multiple()

    @rule(job=consumes(jobs))
    def trash(self, job):
        if self.dispatcher.store.get(job).state in ENDED:
            self.dispatcher.trash(job)

    @rule(data=st.data())
    def kill_the_server(self, data):
        """All lanes die with it; some had just posted a result. The jobs are not blamed."""
        crashes = {row.id: row.crashes for row in self.dispatcher.store.page(limit=200)}
        for task in list(self.puppet.tasks.values()):
            if data.draw(st.booleans()):
                self.post(task)
            self.old.append(task)
        self.open()
        assert not self.dispatcher.store.running(), "a restart leaves nothing running"
        assert crashes == {row.id: row.crashes for row in self.dispatcher.store.page(limit=200)}

    @rule()
    def stop_in_order(self):
        crashes = {row.id: row.crashes for row in self.dispatcher.store.page(limit=200)}
        self.old += self.puppet.tasks.values()
        self.dispatcher._live.clear()
        self.dispatcher.stop(0)
        self.open()
        assert crashes == {row.id: row.crashes for row in self.dispatcher.store.page(limit=200)}, "an orderly stop is nobody's fault"

    @invariant()
    def promises(self):
        for row in self.dispatcher.store.page(limit=200):
            assert row.attempt >= self.attempts.get(row.id, 0), "attempts only rise"
            self.attempts[row.id] = row.attempt
            assert row.crashes <= ATTEMPTS
            assert bool(row.outputs) == (row.state == "done"), "a result is visible when, and only when, the job is done"
            if row.id in self.finished:
                assert row.state == "done", "what was finished and posted is booked"
            if row.state in ENDED:
                end = (row.state, row.attempt, row.finished_at, str(row.outputs))
                assert self.final.setdefault(row.id, end) == end, "an end never changes"
            else:
                assert row.id not in self.final
        running = {row.id for row in self.dispatcher.store.running()}
        assert running == set(self.puppet.tasks), "what is running is what the lanes have"

    def teardown(self):
        shutil.rmtree(self.root, ignore_errors=True)


Jobs.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
TestStates = Jobs.TestCase
