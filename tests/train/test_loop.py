"""A run that was stopped goes on as if it had not been."""

import json
import shutil

import pytest
import torch
from torch import nn

from huafang.errors import BadInput, Cancelled, Diverged
from huafang.train import checkpoints, loop
from huafang.train.ema import Ema


class Line:
    """Learns y = 3x - 1 from noisy points that step n draws from (seed, n)."""

    def __init__(self, seed: int = 1, steps: int = 12) -> None:
        torch.manual_seed(seed)
        self.net, self.seed, self.steps = nn.Linear(1, 1), seed, steps
        self.ema = Ema(self.net, 0.9)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=0.1)

    @property
    def modules(self):
        return {"net": self.net, "ema": self.ema.module}

    @property
    def optimizers(self):
        return {"adamw": self.optimizer}

    @property
    def facts(self):
        return {"seed": self.seed}

    def step(self, number):
        loop.set_rate(self.optimizer, 0.1 * loop.rate(number, self.steps, warmup=3))
        x = torch.randn(16, 1, generator=loop.generator(self.seed, number))
        loss = (self.net(x) - (3 * x - 1)).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.ema.update(self.net, number)
        return {"loss": float(loss.detach())}

    def sample(self):
        return torch.full((1, 3, 8, 8), 0.5)


def weights_of(task):
    return [value.clone() for module in task.modules.values() for value in module.state_dict().values()]


def plan(steps=12):
    return loop.Plan(steps, save_every=5, sample_every=6)


def test_a_resumed_run_ends_bit_for_bit_where_an_unbroken_one_does(bench, tmp_path):
    whole = Line()
    loop.train(whole, tmp_path / "whole", plan(), bench.context())
    stopped = Line()
    with pytest.raises(Cancelled):
        loop.train(stopped, tmp_path / "parts", plan(), bench.context(stop_after=6))
    resumed = Line()
    assert loop.train(resumed, tmp_path / "parts", plan(), bench.context()) == 5
    assert all(torch.equal(a, b) for a, b in zip(weights_of(whole), weights_of(resumed), strict=True))
    logs = [[json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()] for name in ("whole", "parts")]
    told = [[(row["step"], row["loss"]) for row in log] for log in logs]
    assert told[0] == told[1]


def test_a_cancelled_run_finishes_its_step_saves_and_says_how_to_go_on(bench, tmp_path):
    task, states = Line(), []
    ctx = bench.context(stop_after=3)
    original = task.step

    def step(number):
        states.append((ctx.unsaved, ctx.saving))
        return original(number)

    task.step = step
    with pytest.raises(Cancelled):
        loop.train(task, tmp_path, plan(), ctx)
    assert states == [(True, False)] * 4
    assert not ctx.unsaved, "nothing would be lost any more"
    assert checkpoints.newest(tmp_path).name == "step-00000004"
    (note,) = ctx.messages
    assert "step 4 of 12 is saved" in note
    assert "第 4 步" in note.zh


def test_the_checkpoint_of_a_cancel_is_written_once(bench, tmp_path, monkeypatch):
    saved, original = [], checkpoints.save
    monkeypatch.setattr(checkpoints, "save", lambda folder, step, *rest, **more: (saved.append((step, ctx.saving)), original(folder, step, *rest, **more)))
    ctx = bench.context(stop_after=4)
    with pytest.raises(Cancelled):
        loop.train(Line(), tmp_path, plan(), ctx)
    assert saved == [(5, True)]


def test_a_crash_between_two_checkpoints_repeats_the_steps_since(bench, tmp_path):
    whole, crashed, resumed = Line(), Line(), Line()
    loop.train(whole, tmp_path / "whole", plan(), bench.context())
    original = crashed.step

    def breaks(number):
        if number == 8:
            raise MemoryError
        return original(number)

    crashed.step = breaks
    with pytest.raises(MemoryError):
        loop.train(crashed, tmp_path / "parts", plan(), bench.context())
    assert loop.train(resumed, tmp_path / "parts", plan(), bench.context()) == 7  # step 5 was saved, 6 to 8 are taken again
    assert all(torch.equal(a, b) for a, b in zip(weights_of(whole), weights_of(resumed), strict=True))
    assert [json.loads(line)["step"] for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()] == list(range(1, 13))


class Adapting(torch.optim.Optimizer):
    """As Prodigy and D-Adaptation do, it finds its own step size while it goes, and keeps that among its settings; part of its state is no tensor."""

    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 0.1, "d": 1e-3, "betas": (0.9, 0.99), "k": 0, "seen": torch.zeros(3)})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                if not state:
                    state |= {"first": parameter.clone(), "sum": torch.zeros((), dtype=torch.float64), "calls": 0, "trend": torch.zeros(2, dtype=torch.float64)}
                state["calls"] += 1
                state["sum"] += parameter.grad.double().abs().sum() / 7
                state["trend"] = state["trend"] * group["betas"][0] + parameter.grad.double().sum() / 3
                group["d"] = max(group["d"], group["d"] * (1 + 0.01 * float(state["sum"])))
                parameter -= group["lr"] * group["d"] * parameter.grad + 1e-4 * (parameter - state["first"]) + 1e-6 * state["trend"].sum().float()
            group["k"] += 1
            group["seen"] = group["seen"] * 0.5 + group["d"]


def test_an_optimizer_that_adapts_its_own_settings_goes_on_exactly(bench, tmp_path):
    def adapting():
        task = Line()
        task.optimizer = Adapting([{"params": [task.net.weight]}, {"params": [task.net.bias], "lr": 0.3}])
        return task

    whole, stopped, resumed = adapting(), adapting(), adapting()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "set_rate", lambda optimizer, value: None)
        loop.train(whole, tmp_path / "whole", plan(), bench.context())
        with pytest.raises(Cancelled):
            loop.train(stopped, tmp_path / "parts", plan(), bench.context(stop_after=6))
        loop.train(resumed, tmp_path / "parts", plan(), bench.context())
    assert all(torch.equal(a, b) for a, b in zip(weights_of(whole), weights_of(resumed), strict=True))
    for one, other in zip(whole.optimizer.param_groups, resumed.optimizer.param_groups, strict=True):
        assert torch.equal(one["seen"], other["seen"])
        assert [one[name] for name in ("d", "k", "lr", "betas")] == [other[name] for name in ("d", "k", "lr", "betas")]
        assert one["k"] == 12
        (a,), (b,) = one["params"], other["params"]
        assert whole.optimizer.state[a]["calls"] == resumed.optimizer.state[b]["calls"] == 12
        assert resumed.optimizer.state[b]["trend"].dtype == torch.float64
        assert torch.equal(whole.optimizer.state[a]["trend"], resumed.optimizer.state[b]["trend"])


def test_a_checkpoint_of_an_earlier_version_is_resumed(bench, tmp_path):
    """It says nothing of an optimizer's settings: those are the ones that the run was begun with."""
    whole, resumed = Line(), Line()
    loop.train(whole, tmp_path / "whole", plan(), bench.context())
    with pytest.raises(Cancelled):
        loop.train(Line(), tmp_path / "parts", plan(), bench.context(stop_after=6))
    place = checkpoints.newest(tmp_path / "parts") / "state.json"
    old = {key: value for key, value in json.loads(place.read_text()).items() if key != "optimizers"}
    assert set(old) == {"step", "facts"}
    place.write_text(json.dumps(old))
    loop.train(resumed, tmp_path / "parts", plan(), bench.context())
    assert all(torch.equal(a, b) for a, b in zip(weights_of(whole), weights_of(resumed), strict=True))


def test_a_checkpoint_whose_optimizer_has_other_groups_is_refused(bench, tmp_path):
    loop.train(Line(), tmp_path, plan(), bench.context())
    other = Line()
    other.optimizer = torch.optim.AdamW([{"params": [other.net.weight]}, {"params": [other.net.bias]}])
    with pytest.raises(BadInput, match=r"another network.*1 groups of parameters, and 2"):
        loop.train(other, tmp_path, plan(15), bench.context())


class Judged(Line):
    """A line whose validation losses are given: one for each checkpoint that is due."""

    def __init__(self, *losses):
        super().__init__()
        self.losses = list(losses)

    def validate(self):
        return self.losses.pop(0)


def kept(folder):
    return sorted(item.name for item in folder.iterdir() if item.name.startswith(("step-", "best-")))


def test_the_best_checkpoint_by_validation_is_kept_beside_the_newest(bench, tmp_path):
    loop.train(Judged(3.0, 1.0, 2.0), tmp_path, plan(), bench.context())
    assert kept(tmp_path) == ["best-00000010", "step-00000012"]
    log = {row["step"]: row.get("validation") for row in map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())}
    assert log == dict.fromkeys(range(1, 13)) | {5: 3.0, 10: 1.0, 12: 2.0}
    whole, at_best = Line(), Line()
    with pytest.raises(Cancelled):
        loop.train(whole, tmp_path / "whole", plan(), bench.context(stop_after=9))
    assert checkpoints.load(checkpoints.best(tmp_path), at_best.modules, {}) == 10
    assert all(torch.equal(a, b) for a, b in zip(weights_of(whole), weights_of(at_best), strict=True))


def test_what_was_best_is_known_to_a_resumed_run(bench, tmp_path):
    with pytest.raises(Cancelled):
        loop.train(Judged(1.0), tmp_path, plan(), bench.context(stop_after=6))
    assert kept(tmp_path) == ["best-00000005", "step-00000007"]
    loop.train(Judged(2.0, 3.0), tmp_path, plan(), bench.context())
    assert kept(tmp_path) == ["best-00000005", "step-00000012"]


def test_a_validation_that_is_no_number_stops_the_run(bench, tmp_path):
    with pytest.raises(Diverged, match="step 5: validation is no number"):
        loop.train(Judged(float("nan")), tmp_path, plan(), bench.context())


def test_samples_and_one_checkpoint_are_kept(bench, tmp_path):
    loop.train(Line(), tmp_path, plan(), bench.context())
    assert sorted(item.name for item in (tmp_path / "samples").iterdir()) == ["00000006.png", "00000012.png"]
    assert [item.name for item in tmp_path.iterdir() if item.name.startswith("step-")] == ["step-00000012"]


def test_other_settings_are_refused_and_a_longer_run_is_not(bench, tmp_path):
    loop.train(Line(), tmp_path, plan(), bench.context())
    with pytest.raises(BadInput, match="seed = 1, and now 2"):
        loop.train(Line(seed=2), tmp_path, plan(), bench.context())
    assert loop.train(Line(steps=15), tmp_path, plan(15), bench.context()) == 3


def test_a_draft_left_by_a_crash_is_passed_over(bench, tmp_path):
    task = Line()
    loop.train(task, tmp_path, plan(), bench.context())
    shutil.copytree(tmp_path / "step-00000012", tmp_path / ".draft")
    (tmp_path / ".draft" / "state.safetensors").write_bytes(b"half")
    assert checkpoints.newest(tmp_path).name == "step-00000012"
    loop.save(task, tmp_path, 13)
    assert [item.name for item in tmp_path.iterdir() if item.name.startswith(("step-", ".draft"))] == ["step-00000013"]


def test_a_damaged_checkpoint_and_one_of_another_network_say_so(bench, tmp_path):
    loop.train(Line(), tmp_path, plan(), bench.context())
    with pytest.raises(BadInput, match="another network"):
        checkpoints.load(checkpoints.newest(tmp_path), {"net": nn.Linear(2, 2), "ema": nn.Linear(2, 2)}, {})
    (checkpoints.newest(tmp_path) / "state.json").write_text("{")
    with pytest.raises(BadInput, match="cannot be read"):
        loop.train(Line(), tmp_path, plan(), bench.context())


def test_a_loss_that_is_no_number_stops_the_run(bench, tmp_path):
    task = Line()
    task.step = lambda number: {"loss": float("nan") if number == 3 else 1.0}
    ctx = bench.context()
    with pytest.raises(Diverged, match="loss is no number any more") as caught:
        loop.train(task, tmp_path, plan(), ctx)
    assert (caught.value.code, caught.value.exit_code, caught.value.http_status) == ("train.diverged", 6, 500)
    assert not isinstance(caught.value, BadInput), "what came was not at fault"
    assert not ctx.unsaved


def test_rate_rises_stays_and_falls():
    rates = [loop.rate(number, 1000, warmup=100, cooldown=0.25) for number in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[99:750] == [1.0] * 651
    assert rates[875] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.02)


def test_average_follows_and_lags():
    source = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(source.weight)
    average = Ema(source, 0.9)
    nn.init.ones_(source.weight)
    average.update(source, 1000)
    assert average.module.weight.item() == pytest.approx(0.1)
    average.update(source, 0)  # at the start it is short: (1 + 0) / (10 + 0)
    assert average.module.weight.item() == pytest.approx(0.1 + 0.9 * 0.9)
