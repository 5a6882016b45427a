"""CartoonGAN's generator (Chen, Lai & Liu 2018), in the layout of its authors' port to PyTorch.

    7×7 64 · 3×3 ↓2 128, 3×3 · 3×3 ↓2 256, 3×3 · 8 residual blocks of 256 · ×2 128, 3×3 · ×2 64, 3×3 · 7×7 3 · tanh

The 7×7 convolutions and the residual blocks mirror their borders, all others pad with zeros; the doublings are transposed convolutions. No norm and no
rectifier stands between a halving or doubling and the 3×3 behind it. Norms have eps 1e-9 and a learned scale and shift. BGR in [-1, 1] in and out.
"""

from pathlib import Path

from torch import Tensor, nn

from huafang.kernels.layers import Ranged
from huafang.nets import checkpoint

ALLOWED = "CartoonGAN's generator as Yijunmaverick's port has it (conv01_1.weight, in01_1.scale, …)"
LEAST_SIDE, MULTIPLE = 8, 4
"""A smaller picture cannot be mirrored behind two halvings; a side that is no multiple of 4 is not the same again behind two doublings."""
EPS = 1e-9


class Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pad, self.relu = nn.ReflectionPad2d(1), nn.ReLU()
        self.conv1, self.in1 = nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels, EPS, affine=True)
        self.conv2, self.in2 = nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels, EPS, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.in2(self.conv2(self.pad(self.relu(self.in1(self.conv1(self.pad(x)))))))
        return y + x


class Generator(nn.Module):
    """(1, 3, H, W) BGR in [-1, 1] -> the same, each side rounded up to a multiple of 4. 11,129,667 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv01_1, self.in01_1 = nn.Conv2d(3, 64, 7), nn.InstanceNorm2d(64, EPS, affine=True)
        self.conv02_1, self.conv02_2, self.in02_1 = nn.Conv2d(64, 128, 3, 2, 1), nn.Conv2d(128, 128, 3, 1, 1), nn.InstanceNorm2d(128, EPS, affine=True)
        self.conv03_1, self.conv03_2, self.in03_1 = nn.Conv2d(128, 256, 3, 2, 1), nn.Conv2d(256, 256, 3, 1, 1), nn.InstanceNorm2d(256, EPS, affine=True)
        self.blocks = nn.Sequential(*(Residual(256) for _ in range(8)))
        self.deconv01_1, self.deconv01_2 = nn.ConvTranspose2d(256, 128, 3, 2, 1, 1), nn.Conv2d(128, 128, 3, 1, 1)
        self.in12_1 = nn.InstanceNorm2d(128, EPS, affine=True)
        self.deconv02_1, self.deconv02_2 = nn.ConvTranspose2d(128, 64, 3, 2, 1, 1), nn.Conv2d(64, 64, 3, 1, 1)
        self.in13_1 = nn.InstanceNorm2d(64, EPS, affine=True)
        self.deconv03_1 = nn.Conv2d(64, 3, 7)
        self.pad, self.relu, self.tanh = nn.ReflectionPad2d(3), nn.ReLU(), nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.in01_1(self.conv01_1(self.pad(x))))
        x = self.relu(self.in02_1(self.conv02_2(self.conv02_1(x))))
        x = self.relu(self.in03_1(self.conv03_2(self.conv03_1(x))))
        x = self.blocks(x)  # (1, 256, H/4, W/4)
        x = self.relu(self.in12_1(self.deconv01_2(self.deconv01_1(x))))
        x = self.relu(self.in13_1(self.deconv02_2(self.deconv02_1(x))))
        y: Tensor = self.tanh(self.deconv03_1(self.pad(x)))
        return y


THEIRS = {f"{kind}{block + 4:02}_{n}": f"blocks.{block}.{kind}{n}" for block in range(8) for kind in ("conv", "in") for n in (1, 2)}
"""The port's names for the layers of the residual blocks, and ours; the other layers have one name. Its norms have `scale` and `shift`."""
ENDS = {"scale": "weight", "shift": "bias"}


def build(state: dict[str, Tensor], name: str) -> Generator:
    """The bare network from the port's state dict. Raises BadInput for another network's."""
    if "in01_1.scale" not in state:
        raise checkpoint.unknown(name, state, ALLOWED)
    net = Generator()
    parts = {key: key.rpartition(".") for key in state}
    ours = {f"{THEIRS.get(place, place)}.{ENDS.get(end, end)}": state[key] for key, (place, _, end) in parts.items()}
    checkpoint.fill(net, ours, name, "CartoonGAN generator")
    return net


def load(path: Path) -> nn.Sequential:
    """The network of `path` for (1, 3, H, W) sRGB in [0, 1], giving the same. Raises BadInput for another network."""
    net = build(checkpoint.read(path), path.name)
    return nn.Sequential(Ranged(2.0, -1.0, reverse=True), net, Ranged(0.5, 0.5, reverse=True)).eval().requires_grad_(False)
