"""The generator of the reference AnimeGAN recipe: an encoder, residual blocks, and a decoder of transposed convolutions.

    7×7 32 · 3×3 ↓2 64 · 3×3 ↓2 128    4 × (x + IN(conv(ReLU(IN(conv x)))))    ×2 64 · ×2 32 · 7×7 3 · tanh

The 7×7 convolutions and the residual blocks mirror their borders, the halvings pad with zeros. A norm without anything learned and a rectifier stand behind
each convolution but the last. RGB in [-1, 1] in and out. The recipe names the three parts and no widths; these are ours, and so are the keys.
"""

from torch import Tensor, nn

from huafang.nets import checkpoint
from huafang.nets.cyclegan import Residual

KEY = "residual.0.conv_block.1.weight"
"""By this a file is known to hold one."""
LEAST_SIDE, MULTIPLE = 8, 4
"""As CycleGAN's, which has the same borders and halvings."""
BLOCKS = 4


class Generator(nn.Module):
    """(B, 3, H, W) in [-1, 1] -> the same, each side rounded up to a multiple of 4. 1,374,723 parameters."""

    def __init__(self) -> None:
        super().__init__()
        encoder: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, 32, 7), nn.InstanceNorm2d(32), nn.ReLU()]
        decoder: list[nn.Module] = []
        for width in (64, 128):
            encoder += [nn.Conv2d(width // 2, width, 3, 2, 1), nn.InstanceNorm2d(width), nn.ReLU()]
        for width in (64, 32):
            decoder += [nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1), nn.InstanceNorm2d(width), nn.ReLU()]
        self.encoder = nn.Sequential(*encoder)
        self.residual = nn.Sequential(*(Residual(128) for _ in range(BLOCKS)))
        self.decoder = nn.Sequential(*decoder, nn.ReflectionPad2d(3), nn.Conv2d(32, 3, 7), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.decoder(self.residual(self.encoder(x)))  # (B, 128, H/4, W/4) between
        return y


def build(state: dict[str, Tensor], name: str) -> Generator:
    """The bare network. Raises BadInput for another network's state dict."""
    net = Generator()
    checkpoint.fill(net, state, name, "generator of the reference AnimeGAN recipe")
    return net
