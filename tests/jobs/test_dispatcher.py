"""The life of a job, over real processes that do what they are told."""

import os
import signal
import threading
import time

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from huafang.assets import Assets
from huafang.errors import Conflict, DiskFull, NotFound, QueueFull
from huafang.jobs import dispatcher as module
from huafang.jobs import executor as executor_module
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.executor import LocalExecutor
from huafang.jobs.rows import Row, open_database
from huafang.jobs.store import Store
from huafang.server.views import job_view
from tests.jobs.conftest import draft, ended, open_dispatcher, under_way, wait
from tests.jobs.lanes import stillborn_lane


def test_a_job_is_done_and_its_result_booked_once(dispatcher):
    row = ended(dispatcher, dispatcher.submit(draft(steps=3)).id)
    assert (row.state, row.attempt, row.crashes) == ("done", 1, 0)
    assert dispatcher.assets.exists(row.outputs[0]["asset"])
    with dispatcher._lock:  # to book and to clear are one deed under the lock, and two outside of it
        assert not list(dispatcher._outbox.folder.glob("*")), "the outbox is cleared when the result is booked"


def test_listeners_hear_every_state_and_a_gapless_seq(dispatcher):
    heard = []
    leave = dispatcher.listen(lambda kind, job, payload: heard.append((kind, payload.state if kind == "job" else payload["seq"])))
    ended(dispatcher, dispatcher.submit(draft(steps=4)).id)
    wait(lambda: ("job", "done") in heard)
    leave()
    assert [state for kind, state in heard if kind == "job"] == ["queued", "running", "done"]
    seqs = [seq for kind, seq in heard if kind != "job"]
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_failure_fails_one_job_and_is_not_tried_again(dispatcher):
    bad, good = dispatcher.submit(draft(fail=0)), dispatcher.submit(draft("b"))
    row = ended(dispatcher, bad.id)
    assert (row.state, row.attempt) == ("failed", 1)
    assert row.error["message"] == "the fake lane was told to fail"
    assert ended(dispatcher, good.id).state == "done"


def test_bad_input_49_a_job_that_kills_its_lane_three_times_is_given_up_and_the_queue_goes_on(dispatcher):
    poison, good = dispatcher.submit(draft(die=0)), dispatcher.submit(draft("b"))
    row = ended(dispatcher, poison.id, 60)
    assert (row.state, row.attempt, row.crashes) == ("failed", 3, 3)
    assert row.error["code"] == "job.crashed"
    assert "killed" in row.error["message"]
    assert ended(dispatcher, good.id).state == "done"


def test_bad_input_47_a_killed_lane_costs_an_attempt_and_nothing_else(dispatcher):
    job = dispatcher.submit(draft(steps=40, dt=0.05)).id
    under_way(dispatcher, job)
    os.kill(int(dispatcher.live(job).progress["figures"]["pid"]), signal.SIGKILL)
    row = ended(dispatcher, job)
    assert (row.state, row.attempt, row.crashes) == ("done", 2, 1)
    assert len(row.outputs) == 1


def test_bad_input_51_cancel_of_a_waiting_a_running_and_an_ended_job(dispatcher):
    running, waiting = dispatcher.submit(draft(steps=1000, dt=0.02)), dispatcher.submit(draft("b"))
    other = dispatcher.submit(draft("c"))
    under_way(dispatcher, running.id)
    assert dispatcher.cancel(waiting.id).state == "cancelled"
    asked = time.monotonic()
    dispatcher.cancel(running.id)
    dispatcher.cancel(running.id)  # twice is once
    assert ended(dispatcher, running.id).state == "cancelled"
    assert time.monotonic() - asked < 2, "a cancel is heard at the next step"
    assert ended(dispatcher, other.id).state == "done", "cancelling one job touches no other"
    assert dispatcher.cancel(other.id).state == "done", "an ended job stays as it is"


def test_a_cancel_that_overtakes_its_task_is_heard(dispatcher):
    for _ in range(20):
        job = dispatcher.submit(draft(steps=500, dt=0.01)).id
        wait(lambda job=job: dispatcher.store.get(job).state == "running")
        dispatcher.cancel(job)
        assert ended(dispatcher, job, 5).state == "cancelled"


def test_bad_input_52_a_deaf_lane_is_killed(dispatcher, monkeypatch):
    monkeypatch.setattr(module, "FORCE_AFTER", 0.5)
    job, after = dispatcher.submit(draft(steps=1, dt=30, deaf=True)), dispatcher.submit(draft("b"))
    wait(lambda: dispatcher.live(job.id) and dispatcher.store.get(job.id).state == "running")
    time.sleep(0.3)
    asked = time.monotonic()
    dispatcher.cancel(job.id)
    assert ended(dispatcher, job.id).state == "cancelled"
    assert time.monotonic() - asked < 5
    assert ended(dispatcher, after.id).state == "done", "a new lane takes the next job"


def test_what_a_run_says_is_in_its_row_and_on_its_page_while_it_runs_and_told_once(dispatcher):
    heard = []
    dispatcher.listen(lambda kind, job, payload: heard.append(list(payload.notes)) if kind == "job" else None)
    said = [{"en": one, "zh": f"中文 {one}"} for one in ("emulated", "goes on from step 534")]
    job = dispatcher.submit(draft(steps=10_000, dt=0.01, say=["emulated", "goes on from step 534", "emulated"])).id
    under_way(dispatcher, job)
    row = dispatcher.store.get(job)
    assert (row.state, row.notes) == ("running", said)
    assert [note.model_dump() for note in job_view(row, dispatcher).notes] == said
    assert [notes for notes in heard if notes] == [said[:1], said]
    dispatcher.cancel(job)
    row = ended(dispatcher, job)
    assert (row.state, row.notes) == ("cancelled", said)


def test_another_attempt_says_its_own(dispatcher):
    job = dispatcher.submit(draft(steps=40, dt=0.05, say=["hello"])).id
    under_way(dispatcher, job)
    os.kill(int(dispatcher.live(job).progress["figures"]["pid"]), signal.SIGKILL)
    wait(lambda: dispatcher.store.get(job).attempt == 2 and dispatcher.store.get(job).notes)
    assert dispatcher.store.get(job).notes == [{"en": "hello", "zh": "中文 hello"}]


def test_what_is_said_on_a_full_disk_is_shown_all_the_same(dispatcher, monkeypatch):
    def full(*_):
        raise DiskFull("no room")

    monkeypatch.setattr(dispatcher.store, "note", full)
    job = dispatcher.submit(draft(steps=10_000, dt=0.01, say=["hello"])).id
    under_way(dispatcher, job)
    assert [note.zh for note in job_view(dispatcher.store.get(job), dispatcher).notes] == ["中文 hello"]


def test_a_run_that_has_something_to_save_is_not_killed_for_a_long_step(dispatcher, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "FORCE_AFTER", 0.2)
    job = dispatcher.submit(draft(steps=9, dt=2, unsaved=10_000)).id
    wait(lambda: (live := dispatcher.live(job)) and live.beat_at)
    dispatcher.cancel(job)
    row = ended(dispatcher, job)
    assert (tmp_path / f"saved-{job}").read_text().endswith(" 1"), "the step was finished"
    assert (row.state, row.attempt, row.notes) == ("cancelled", 1, [{"en": "step 1 is saved", "zh": "已保存到第 1 步"}])


def test_one_that_falls_silent_is_killed(dispatcher, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "FORCE_AFTER", 0.2)
    monkeypatch.setattr(module, "SILENT_AFTER", 1.0)
    job, after = dispatcher.submit(draft(steps=9, dt=600, unsaved=2)), dispatcher.submit(draft("b"))
    wait(lambda: (live := dispatcher.live(job.id)) and live.beat_at)
    dispatcher.cancel(job.id)
    assert ended(dispatcher, job.id).state == "cancelled"
    assert not (tmp_path / f"saved-{job.id}").exists()
    assert ended(dispatcher, after.id).state == "done"


def test_a_stop_of_the_studio_waits_for_what_is_to_be_saved(tmp_path, caplog):
    made = open_dispatcher(tmp_path)
    made.start()
    job = made.submit(draft(steps=9, dt=2, unsaved=10_000)).id
    wait(lambda: (live := made.live(job)) and live.beat_at)
    made.stop(0.1)
    assert (tmp_path / f"saved-{job}").exists()
    assert made.store.get(job).state == "queued"
    assert f"waiting until {job} is saved" in caplog.text


def test_interactive_before_bulk_and_order_within(tmp_path):
    made = open_dispatcher(tmp_path)
    made.pause(True)
    made.start()
    bulk = [made.submit(draft(f"bulk{i}", priority="bulk")).id for i in range(3)]
    quick = [made.submit(draft(f"quick{i}")).id for i in range(3)]
    assert [row.id for row in made.store.waiting()] == quick + bulk
    made.move(quick[2], quick[0])
    made.move(bulk[2], quick[1])
    made.move(quick[0], None)
    expected = [quick[2], bulk[2], quick[1], bulk[0], bulk[1], quick[0]]
    assert [row.id for row in made.store.waiting()] == expected
    time.sleep(0.8)
    assert made.store.count("queued") == 6, "a paused queue starts nothing"
    made.pause(False)
    ended(made, quick[0], 30)
    assert [line.strip() for line in (tmp_path / "began.txt").read_text().splitlines()] == expected
    made.stop(1)


def test_moving_what_does_not_wait_is_refused(dispatcher):
    job = ended(dispatcher, dispatcher.submit(draft()).id)
    with pytest.raises(Conflict, match="only a waiting job"):
        dispatcher.move(job.id, None)
    with pytest.raises(NotFound):
        dispatcher.move("0" * 24, None)


def test_a_full_queue_says_when_to_come_back(tmp_path):
    made = open_dispatcher(tmp_path, limit=2)
    made.submit(draft())
    made.submit(draft("b"))
    with pytest.raises(QueueFull) as caught:
        made.submit(draft("c"))
    assert caught.value.retry_after >= 1


def test_the_same_idempotency_key_is_one_job(tmp_path):
    made = open_dispatcher(tmp_path)
    found = []
    threads = [threading.Thread(target=lambda: found.append(made.submit(draft(key="k")).id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert made.store.count("queued") == 1


def test_retry_is_a_new_job_with_the_same_settings(dispatcher):
    old = ended(dispatcher, dispatcher.submit(draft(fail=0)).id)
    new = dispatcher.retry(old.id)
    assert new.id != old.id
    assert new.params == old.params


def test_trash_and_back_and_not_while_it_runs(dispatcher):
    running = dispatcher.submit(draft(steps=100, dt=0.05)).id
    under_way(dispatcher, running)
    with pytest.raises(Conflict, match="cancel it first"):
        dispatcher.trash(running)
    dispatcher.cancel(running)
    ended(dispatcher, running)
    dispatcher.trash(running)
    assert running not in [row.id for row in dispatcher.store.page()]
    assert running in [row.id for row in dispatcher.store.page(deleted=True)]
    dispatcher.trash(running, back=True)
    assert running in [row.id for row in dispatcher.store.page()]


def test_an_orderly_stop_puts_running_work_back_without_blame(tmp_path):
    first = open_dispatcher(tmp_path)
    first.start()
    job = first.submit(draft(steps=100, dt=0.05)).id
    under_way(first, job)
    first.stop(2)
    row = first.store.get(job)
    assert (row.state, row.crashes) == ("queued", 0)
    second = open_dispatcher(tmp_path)
    second.start()
    row = ended(second, job, 30)
    assert (row.state, row.attempt, row.crashes) == ("done", 2, 0)
    second.stop(1)


def test_a_stale_attempt_cannot_write(dispatcher):
    row = ended(dispatcher, dispatcher.submit(draft()).id)
    assert not dispatcher.store.finish(row.id, row.attempt, "failed", error={"code": "x", "message": "x"})
    assert not dispatcher.store.requeue(row.id, row.attempt - 1, crashed=True)
    assert dispatcher.store.get(row.id).state == "done"


def test_search_finds_words_and_treats_wildcards_as_letters(dispatcher):
    dispatcher.pause(True)
    one = dispatcher.submit(draft("夕阳 castle 100%")).id
    dispatcher.submit(draft("100 castles"))
    assert [row.id for row in dispatcher.store.page(words="夕阳 CASTLE")] == [one]
    assert [row.id for row in dispatcher.store.page(words="0%")] == [one]
    assert dispatcher.store.page(words="_____________________") == []


def test_bad_input_53_when_the_result_cannot_be_booked_it_is_booked_later(dispatcher, monkeypatch):
    finish, failures = dispatcher.store.finish, []

    def full_once(*arguments, **values):
        if not failures:
            failures.append(1)
            raise DiskFull("the database cannot be written: database or disk is full")
        return finish(*arguments, **values)

    monkeypatch.setattr(dispatcher.store, "finish", full_once)
    row = ended(dispatcher, dispatcher.submit(draft()).id)
    assert failures
    assert (row.state, row.attempt) == ("done", 1), "booked at the second try, not painted again"


class FullDisk:
    """While it is full no change can be written."""

    def __init__(self, store: Store, monkeypatch) -> None:
        self.full = False
        writing = store._writing
        monkeypatch.setattr(store, "_writing", lambda **options: self.refuse() if self.full else writing(**options))

    def refuse(self):
        raise DiskFull("the database cannot be written: database or disk is full")


@pytest.mark.parametrize("deaf", [False, True])
def test_bad_input_53_a_running_job_can_be_cancelled_on_a_full_disk(dispatcher, monkeypatch, deaf):
    monkeypatch.setattr(module, "FORCE_AFTER", 0.3)
    disk = FullDisk(dispatcher.store, monkeypatch)
    job, waiting = dispatcher.submit(draft(steps=1000, dt=0.05, deaf=deaf)).id, dispatcher.submit(draft("b")).id
    under_way(dispatcher, job)
    disk.full = True
    assert dispatcher.cancel(job).id == job
    assert job_view(dispatcher.store.get(job), dispatcher).cancelling
    with pytest.raises(DiskFull):
        dispatcher.cancel(waiting)
    wait(lambda: dispatcher.live(job) is None or dispatcher.executor.lanes()[0].job is None)
    disk.full = False
    assert ended(dispatcher, job).state == "cancelled"
    assert ended(dispatcher, waiting).state == "done"


def test_bad_input_53_a_studio_on_a_full_disk_stops_in_order(tmp_path, monkeypatch):
    made = open_dispatcher(tmp_path)
    made.start()
    disk = FullDisk(made.store, monkeypatch)
    job = made.submit(draft(steps=200, dt=0.02)).id
    under_way(made, job)
    disk.full = True
    made.stop(1)
    made.store.close()
    again = open_dispatcher(tmp_path)
    again.start()
    row = ended(again, job, 60)
    assert (row.state, row.crashes) == ("done", 0)
    again.stop(1)


def test_an_end_that_cannot_be_understood_fails_its_job_and_the_lane_goes_on(dispatcher, monkeypatch):
    def broken(*_):
        raise KeyError("outputs")

    with monkeypatch.context() as patch:
        patch.setattr(dispatcher, "_book", broken)
        row = ended(dispatcher, dispatcher.submit(draft()).id)
    assert (row.state, row.error["code"]) == ("failed", "bug")
    assert ended(dispatcher, dispatcher.submit(draft("b")).id).state == "done"


@pytest.mark.parametrize("first", [1.0, 1.7e9, 2.0**60])
def test_a_queue_is_moved_about_as_often_as_one_likes(tmp_path, first):
    """Places are numbers between two others; `first` is where an earlier version, or a damaged row, put them."""
    made = open_dispatcher(tmp_path)
    jobs = [made.submit(draft(str(number))).id for number in range(4)]
    bulk = made.submit(draft("bulk", priority="bulk")).id
    running = made.store.claim("compute").id
    with Session(made.store._engine) as session:
        for row in session.scalars(select(Row)):
            row.place = first + row.place * 0.001
        session.commit()
    order = jobs[1:]
    assert running == jobs[0]
    for turn in range(150):
        made.move(order[0], order[2]) if turn % 2 else made.move(order[2], order[0])
        order.insert(1 if turn % 2 else 0, order.pop(0 if turn % 2 else 2))
        assert [row.id for row in made.store.waiting()] == [*order, bulk]
    made.store.requeue(running, 1, crashed=False)
    assert [row.id for row in made.store.waiting()] == [running, *order, bulk], "what ran stands in front again"
    late = made.submit(draft("late")).id
    assert [row.id for row in made.store.waiting()] == [running, *order, late, bulk]


def test_bad_input_58_a_clock_that_jumps_changes_no_order_and_no_lease(tmp_path, monkeypatch):
    from huafang.jobs import rows as module_of_rows
    from huafang.jobs import store as module_of_store

    made = open_dispatcher(tmp_path)
    made.pause(True)
    real, real_ns, shift = time.time, time.time_ns, [0.0]
    monkeypatch.setattr(module_of_store.time, "time", lambda: real() + shift[0])
    monkeypatch.setattr(module_of_rows.time, "time_ns", lambda: real_ns() + int(shift[0] * 1e9))
    order = []
    for hours in (0, 1, -1, 0, 40 * 24, -365 * 24, 0):
        shift[0] = hours * 3600.0
        order.append(made.submit(draft(str(hours))).id)
        assert [row.id for row in made.store.page()] == order[::-1], "the gallery has the newest first"
    assert [row.id for row in made.store.waiting()] == order
    made.start()
    made.pause(False)
    shift[0] = -7200.0
    assert all(ended(made, job).state == "done" for job in order)
    made.stop(1)


def test_what_ran_and_is_put_back_stands_in_front_whatever_the_clock_says(tmp_path, monkeypatch):
    from huafang.jobs import store as module_of_store

    made = open_dispatcher(tmp_path)
    real, shift = time.time, [0.0]
    monkeypatch.setattr(module_of_store.time, "time", lambda: real() + shift[0])
    first = made.submit(draft("first")).id
    made.store.claim("compute")
    shift[0] = -7200.0
    second = made.submit(draft("second")).id
    made.store.requeue(first, 1, crashed=True)
    assert [row.id for row in made.store.waiting()] == [first, second]


def test_three_kills_of_the_server_fail_no_healthy_job(tmp_path):
    """Each time the server dies while the job runs; its lanes die with it."""
    made = open_dispatcher(tmp_path)
    job = made.submit(draft(steps=1000, dt=0.02)).id
    for attempt in range(1, 6):
        made.start()
        under_way(made, job)
        assert made.store.get(job).attempt == attempt
        made._on_event = lambda event: None  # nothing is booked any more, as if killed
        made.executor._lanes[0]._say = made._on_event
        made._stopping = True
        made._thread.join()
        made.executor.stop(0.1)
        made.store.close()
        made = open_dispatcher(tmp_path)
        assert (made.store.get(job).state, made.store.get(job).crashes) == ("running", 0)
    made.start()
    under_way(made, job)
    assert made.store.get(job).crashes == 0
    made.cancel(job)
    assert ended(made, job).state == "cancelled"
    made.stop(1)


def test_a_lane_that_cannot_start_is_tried_less_and_less_often_and_no_job_is_blamed(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(executor_module, "RESPAWN", 0.05)
    (tmp_path / "broken").touch()
    executor = LocalExecutor({"one": "compute"}, stillborn_lane, (tmp_path,))
    made = Dispatcher(Store(open_database(f"sqlite:///{tmp_path / 'huafang.db'}")), executor, Assets(tmp_path / "assets"), tmp_path / "outbox")
    made.start()
    job = made.submit(draft()).id
    wait(lambda: executor.lanes()[0].failures >= 5, 120)
    births = [float(line) for line in (tmp_path / "born.txt").read_text().split()]
    assert births[4] - births[3] >= 0.05 * 2**4, "the pauses grow"
    assert (made.store.get(job).crashes, made.store.get(job).state in ("queued", "running")) == (0, True)
    assert "exit code 7" in caplog.text
    (tmp_path / "broken").unlink()
    row = ended(made, job, 120)
    assert (row.state, row.crashes) == ("done", 0)
    assert executor.lanes()[0].failures == 0
    made.stop(1)


def test_a_machine_that_starts_no_process_for_a_while_keeps_its_lane(tmp_path, monkeypatch):
    from multiprocessing.context import SpawnProcess

    monkeypatch.setattr(executor_module, "RESPAWN", 0.01)
    start, failures = SpawnProcess.start, []

    def refuse(process):
        if len(failures) < 3:
            failures.append(1)
            raise OSError(11, "Resource temporarily unavailable")
        start(process)

    monkeypatch.setattr(SpawnProcess, "start", refuse)
    made = open_dispatcher(tmp_path)
    made.start()
    assert ended(made, made.submit(draft()).id, 60).state == "done"
    assert len(failures) == 3
    made.stop(1)
