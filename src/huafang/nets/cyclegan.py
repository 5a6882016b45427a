"""CycleGAN's generator with nine residual blocks (Zhu, Park, Isola & Efros 2017), in the authors' layout.

    7×7 64 · 3×3 ↓2 128 · 3×3 ↓2 256 · 9 × (x + IN(conv(ReLU(IN(conv x))))) · ×2 128 · ×2 64 · 7×7 3 · tanh

The 7×7 convolutions and the residual blocks mirror their borders, the halvings pad with zeros, the doublings are transposed convolutions. Norms have eps 1e-5
and nothing learned. RGB in [-1, 1] in and out.
"""

import re
from pathlib import Path

from torch import Tensor, nn

from huafang.kernels.layers import Ranged
from huafang.nets import checkpoint

ALLOWED = "CycleGAN's generator of nine residual blocks, without antialiasing (model.1.weight, …, model.26.bias)"
LEAST_SIDE, MULTIPLE = 8, 4
"""A smaller picture cannot be mirrored behind two halvings; a side that is no multiple of 4 is not the same again behind two doublings."""
RUNNING = re.compile(r".*\.(running_mean|running_var|num_batches_tracked)")
"""What checkpoints of before PyTorch 0.4 carry beside their instance norms. The norms never used it."""


class Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = ([nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)] for _ in range(2))
        self.conv_block = nn.Sequential(*first, nn.ReLU(), *second)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv_block(x)
        return x + y


class Generator(nn.Module):
    """(1, 3, H, W) in [-1, 1] -> the same, each side rounded up to a multiple of 4. 11,378,179 parameters under the authors' keys."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, 64, 7), nn.InstanceNorm2d(64), nn.ReLU()]
        for width in (128, 256):
            layers += [nn.Conv2d(width // 2, width, 3, 2, 1), nn.InstanceNorm2d(width), nn.ReLU()]
        layers += [Residual(256) for _ in range(9)]
        for width in (128, 64):
            layers += [nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1), nn.InstanceNorm2d(width), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(x)
        return y


def build(state: dict[str, Tensor], name: str) -> Generator:
    """The bare network from the authors' state dict. Raises BadInput for another network's."""
    if "model.1.weight" not in state or any(key.endswith(".filt") for key in state):
        raise checkpoint.unknown(name, state, ALLOWED)
    net = Generator()
    checkpoint.fill(net, {key: tensor for key, tensor in state.items() if not RUNNING.fullmatch(key)}, name, "CycleGAN generator of nine residual blocks")
    return net


def load(path: Path) -> nn.Sequential:
    """The network of `path` for (1, 3, H, W) sRGB in [0, 1], giving the same. Raises BadInput for another network."""
    return nn.Sequential(Ranged(2.0, -1.0), build(checkpoint.read(path), path.name), Ranged(0.5, 0.5)).eval().requires_grad_(False)
