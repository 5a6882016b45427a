"""The generator of AnimeGANv3 (Liu, Chen & Gao 2024, "A Novel Double-Tail Generative Adversarial Network for Fast Photo Animation").

    base: 7×7 32 = x0 · ↓2 32 · 64 = x1 · ↓2 64 · 128 = x2 · ↓2 128 · 128
    tail: attention · ×2 128 + x2 · 128 · ×2 64 + x1 · 64 · ×2 32 + x0 · 32 · 7×7 3 · tanh

Two tails stand on one base: *main*, which paints, and *support*, from which it learnt and whose result goes through a guided filter. A unit is a mirrored
border, a convolution without bias, LADE and a leaky rectifier (0.2). Halving convolutions mirror at the left and top alone, enlargements are TensorFlow 1's.
RGB in [-1, 1] in and out.

The authors publish no file for PyTorch. The names here are those of their TensorFlow variables, with dots for slashes.
"""

from collections.abc import Mapping
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.errors import BadInput
from huafang.kernels.layers import Enlarge, normed, scale_and_shift
from huafang.kernels.lazy import LAYERS, Job, Map, Moments, Placewise, Plan, Sums, layer
from huafang.nets import checkpoint
from huafang.ops.guided import guided

Tail = Literal["main", "support"]
KEY = "generator.base.Conv.weights"
"""By this a file is known to hold one."""
ALLOWED = f"AnimeGANv3's, each TensorFlow variable under its name with dots for slashes ({KEY}, …)"
LEAST_SIDE, MULTIPLE = 16, 8
"""A smaller picture cannot be mirrored behind three halvings; a side that is no multiple of 8 is not the same again behind three doublings."""
EPS, NORM_EPS, MEMORIES = 1e-5, 1e-3, 128
NORM = {"weight": "Variable", "bias": "Variable_1", "running_mean": "Variable_2", "running_var": "Variable_3"}
"""What the attention's norm is called there."""


class Lade(nn.Module):
    """Linearly adaptive denormalisation: each channel is given the mean and deviation that it has in a 1 × 1 convolution t of all.

    (x - μ(x)) / √(σ²(x) + eps) · √(σ²(t) + eps) + μ(t)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        (variance, mean), (wanted, middle) = (torch.var_mean(one, (2, 3), correction=0, keepdim=True) for one in (x, self.conv(x)))
        return (x - mean) * (variance + EPS).rsqrt() * (wanted + EPS).sqrt() + middle


@layer(Lade)
def _lade(module: Lade, plan: Plan, source: Map) -> Map:
    mine, wanted = Moments(), Moments()

    def settle() -> tuple[Tensor, Tensor]:
        scale, shift = scale_and_shift(mine, EPS, None, None)
        spread = (wanted.variance() + EPS).sqrt()
        return scale * spread, shift * spread + wanted.mean

    kept = plan.measured(source, mine)
    turned = LAYERS[nn.Conv2d](module.conv, plan, kept)
    plan.jobs.append(Job(turned, lambda first, last: Sums.of(turned.rows(first, last)), [wanted]))
    return normed(plan, kept, Moments(), settle)


class Attention(nn.Module):
    """External attention (Guo et al. 2021): each place asks MEMORIES learned memories, and is told a mixture of them; added to what came.

    The softmax is over places, and what a place gets is brought to a sum of 1 over memories.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ask, self.tell = nn.Conv2d(channels, channels, 1, bias=False), nn.Conv2d(channels, channels, 1, bias=False)
        self.kernel = nn.Parameter(torch.randn(channels, MEMORIES) * channels**-0.5)
        self.norm = nn.BatchNorm2d(channels, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.scores(x)
        return self.told(x, scores, scores.flatten(2).logsumexp(2))

    def scores(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, MEMORIES, H, W)."""
        return F.conv2d(self.ask(x), self.kernel.T[:, :, None, None])

    def told(self, x: Tensor, scores: Tensor, total: Tensor) -> Tensor:
        """The layer's result, `total` being the logarithm of the sum of exp(scores) over all places, (B, MEMORIES)."""
        shares = (scores - total[:, :, None, None]).exp()
        shares = shares / (shares.sum(1, keepdim=True) + 1e-9)
        return F.leaky_relu(self.norm(self.tell(F.conv2d(shares, self.kernel[:, :, None, None]))) + x, 0.2)


class _Attended(Placewise):
    """The same band by band; `total` is found before its rows are read."""

    def __init__(self, source: Map, module: Attention) -> None:
        super().__init__(source)
        self._module = module
        self._totals: dict[int, Tensor] = {}
        self._total: Tensor | None = None

    def measure(self, first: int, last: int) -> None:
        """What a band adds to the total: kept by its place, since threads come in any order."""
        self._totals[first] = self._module.scores(self.source.rows(first, last).float()).flatten(2).logsumexp(2)

    def settle(self) -> None:
        self._total = torch.stack([self._totals[first] for first in sorted(self._totals)]).logsumexp(0)

    def rows(self, first: int, last: int) -> Tensor:
        assert self._total is not None, "measured before it is read"
        band = self.source.rows(first, last).float()
        return self._module.told(band, self._module.scores(band), self._total)


@layer(Attention)
def _attention(module: Attention, plan: Plan, source: Map) -> Map:
    kept = plan.hold(source)
    made = _Attended(kept, module)
    plan.jobs.append(Job(kept, made.measure, [], end=made.settle))
    return made


def unit(channels: int, width: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Border, convolution, LADE, rectifier."""
    border = (1, 0, 1, 0) if stride == 2 else (kernel // 2,) * 4
    return nn.Sequential(nn.ReflectionPad2d(border), nn.Conv2d(channels, width, kernel, stride, bias=False), Lade(width), nn.LeakyReLU(0.2))


class Generator(nn.Module):
    """(1, 3, H, W) in [-1, 1], sides multiples of 8 -> the same, by one of the tails. 1,027,520 parameters: 497,248 of the base and 530,272 of a tail."""

    def __init__(self) -> None:
        super().__init__()
        self.down1 = unit(3, 32, 7)
        self.down2 = nn.Sequential(unit(32, 32, stride=2), unit(32, 64))
        self.down4 = nn.Sequential(unit(64, 64, stride=2), unit(64, 128))
        self.down8 = nn.Sequential(unit(128, 128, stride=2), unit(128, 128))
        self.attention = Attention(128)
        self.up4, self.join4 = unit(128, 128), unit(128, 128)
        self.up2, self.join2 = unit(128, 64), unit(64, 64)
        self.up1, self.join1 = unit(64, 32), unit(32, 32)
        self.out = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(32, 3, 7, bias=False), nn.Tanh())
        self.enlarge = Enlarge("tf1")

    def forward(self, x: Tensor) -> Tensor:
        x0 = self.down1(x)
        x1 = self.down2(x0)
        x2 = self.down4(x1)  # (1, 128, H/4, W/4)
        y = self.attention(self.down8(x2))
        y = self.join4(self.up4(self.enlarge(y, x2)) + x2)
        y = self.join2(self.up2(self.enlarge(y, x1)) + x1)
        y = self.join1(self.up1(self.enlarge(y, x0)) + x0)
        result: Tensor = self.out(y)
        return result


class SelfGuided(nn.Module):
    """The guided filter by which the authors smooth what the tail *support* paints, guided by itself: (B, 3, H, W) in [-1, 1] -> the same.

    Their eps of 0.01 belongs to [0, 1], and is 0.04 here.
    """

    radius, eps = 2, 0.04

    def forward(self, x: Tensor) -> Tensor:
        return guided(x, x, self.radius, self.eps)


@layer(SelfGuided)
def _self_guided(module: SelfGuided, plan: Plan, source: Map) -> Map:
    return _Smoothed(plan.kept(source), module)


class _Smoothed(Map):
    """A pixel looks at windows around it, and these at the pixels in them: twice the radius."""

    def __init__(self, source: Map, module: SelfGuided) -> None:
        super().__init__(source.channels, source.height, source.width, source)
        self._source, self._module = source, module

    def rows(self, first: int, last: int) -> Tensor:
        low, high = max(0, first - 2 * self._module.radius), min(self.height, last + 2 * self._module.radius)
        smooth: Tensor = self._module(self._source.rows(low, high).float())
        return smooth[:, :, first - low : last - low]


BASE = ("down1", "down2.0", "down2.1", "down4.0", "down4.1", "down8.0", "down8.1")
TAIL = ("up4", "join4", "up2", "join2", "up1", "join1")
"""Units in the order in which TensorFlow numbers their convolutions, two each."""


def build(state: Mapping[str, Tensor], name: str, tail: Tail) -> Generator:
    """The network with one of its tails, from the authors' variables. Raises BadInput for another network's, and for a tail that is not there."""
    there = [other for other in get_args(Tail) if any(key.startswith(f"generator.{other}.") for key in state)]
    if tail not in there:
        raise BadInput(f"{name} has no tail {tail}" + "".join(f"; it has {other}" for other in there), code="weights.other_net")
    net = Generator()
    places = names(tail)
    found = {ours: _turned(state[theirs], theirs) for ours, theirs in places.items() if theirs in state}
    found |= {key: torch.tensor(0) for key in net.state_dict() if key.endswith("num_batches_tracked")}
    checkpoint.fill(net, found, name, f"AnimeGANv3 generator with the tail {tail}")
    return net


def names(tail: Tail) -> dict[str, str]:
    """Our names of the tensors, and TensorFlow's."""
    head = f"generator.{tail}"
    pairs = {f"{unit}.{part}": f"generator.base.{_nth(2 * n + second)}" for n, unit in enumerate(BASE) for second, part in enumerate(("1", "2.conv"))}
    pairs |= {f"{unit}.{part}": f"{head}.{_nth(2 * n + second)}" for n, unit in enumerate(TAIL) for second, part in enumerate(("1", "2.conv"))}
    attention = f"{head}.External_attention"
    pairs |= {"out.1": f"{head}.{_nth(2 * len(TAIL))}", "attention.ask": f"{attention}.Conv", "attention.tell": f"{attention}.Conv_1"}
    found = {f"{ours}.weight": f"{theirs}.weights" for ours, theirs in pairs.items()}
    norm = {f"attention.norm.{ours}": f"generator_1.{tail}.External_attention.{theirs}" for ours, theirs in NORM.items()}
    return found | norm | {"attention.kernel": f"{attention}.kernel"}


def _nth(place: int) -> str:
    return f"Conv_{place}" if place else "Conv"


def _turned(tensor: Tensor, name: str) -> Tensor:
    """Convolutions from (H, W, in, out) to (out, in, H, W), the memories from (1, C, MEMORIES)."""
    if tensor.ndim == 4:
        return tensor.permute(3, 2, 0, 1).contiguous()
    return tensor[0] if name.endswith(".kernel") and tensor.ndim == 3 else tensor
