"""StarGAN's generator (Choi et al. 2018), in the authors' layout: one network for many domains, told which by labels.

    labels as planes beside the photo · 7×7 64 · 4×4 ↓2 128 · 4×4 ↓2 256 · 6 residual blocks · ×2 128 · ×2 64 · 7×7 3 · tanh

All borders are zeros, no convolution has a bias. Instance norms have eps 1e-5 and a learned scale and shift. They track running statistics, which the published
command never uses (it never leaves training mode): nor does this. RGB in [-1, 1] in and out.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from huafang.errors import BadInput
from huafang.kernels.layers import Ranged
from huafang.kernels.lazy import Map, Plan, Pointwise, layer
from huafang.nets import checkpoint

ALLOWED = "StarGAN's generator (main.0.weight, main.1.weight, …)"
LEAST_SIDE, MULTIPLE = 8, 4
"""A side that is no multiple of 4 is not the same again behind two halvings and doublings."""
CELEBA = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")
"""The labels of the published network, in its order."""
RUNNING = re.compile(r".*\.(running_mean|running_var|num_batches_tracked)")


class Labelled(nn.Module):
    """The photo with one even plane for each label behind its channels."""

    def __init__(self, labels: Sequence[float]) -> None:
        super().__init__()
        self.labels: Tensor
        self.register_buffer("labels", torch.tensor([float(label) for label in labels]).view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.labels.expand(x.shape[0], -1, *x.shape[2:])], 1)


@layer(Labelled)
def _labelled(module: Labelled, plan: Plan, source: Map) -> Map:
    return Pointwise(source, lambda band, out: module(band), source.channels + module.labels.shape[1])


class Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = ([nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.InstanceNorm2d(channels, affine=True)] for _ in range(2))
        self.main = nn.Sequential(*first, nn.ReLU(), *second)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.main(x)
        return x + y


class Generator(nn.Module):
    """(1, 3 + labels, H, W) -> (1, 3, H, W) in [-1, 1], each side rounded down to a multiple of 4, under the authors' keys."""

    def __init__(self, labels: int = 5) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3 + labels, 64, 7, 1, 3, bias=False), nn.InstanceNorm2d(64, affine=True), nn.ReLU()]
        for width in (128, 256):
            layers += [nn.Conv2d(width // 2, width, 4, 2, 1, bias=False), nn.InstanceNorm2d(width, affine=True), nn.ReLU()]
        layers += [Residual(256) for _ in range(6)]
        for width in (128, 64):
            layers += [nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False), nn.InstanceNorm2d(width, affine=True), nn.ReLU()]
        self.labels = labels
        self.main = nn.Sequential(*layers, nn.Conv2d(64, 3, 7, 1, 3, bias=False), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.main(x)
        return y

    def told(self, labels: Sequence[float]) -> nn.Sequential:
        """The network for (1, 3, H, W) sRGB in [0, 1], giving the same, in the domain that `labels` say. Raises BadInput unless there is one for each."""
        if len(labels) != self.labels:
            raise BadInput(f"labels: {len(labels)} came, and this network has {self.labels}", code="params.bad")
        marks = Labelled(labels).to(next(self.parameters()).device)
        return nn.Sequential(Ranged(2.0, -1.0), marks, self, Ranged(0.5, 0.5).to(marks.labels.device)).eval()


def build(state: dict[str, Tensor], name: str) -> Generator:
    """The bare network from the authors' state dict, for as many labels as it was trained with. Raises BadInput for another network's."""
    first = state.get("main.0.weight")
    if first is None or first.dim() != 4 or first.shape[1] <= 3:
        raise checkpoint.unknown(name, state, ALLOWED)
    net = Generator(first.shape[1] - 3)
    checkpoint.fill(net, {key: tensor for key, tensor in state.items() if not RUNNING.fullmatch(key)}, name, "StarGAN generator")
    return net


def load(path: Path) -> Generator:
    """The network of `path`. Raises BadInput for another network."""
    return build(checkpoint.read(path), path.name)
