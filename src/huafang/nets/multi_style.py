"""Many styles in one network, told apart by the scales and shifts of its norms alone.

Dumoulin, Shlens & Kudlur 2017, "A Learned Representation for Artistic Style". The network is `transformer_net`'s with a norm and a sigmoid at its end, sRGB in
[0, 1] in and out. Each norm has a scale γ and a shift β for each style (equation 5); a mixture of styles is the network with their γ and β mixed (section 3.3).
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from huafang.errors import BadInput
from huafang.nets import checkpoint
from huafang.nets.transformer_net import TransformerNet

BLOCKS = 5
"""Residual blocks of the published network. Others may have more, and other widths."""


def _places(blocks: int) -> dict[str, tuple[str, str]]:
    """Magenta's names for the convolutions, with dots for slashes, and ours for them and for the norms behind them; in6 is behind the picture itself."""
    return {
        **{f"contract.conv{n}": (f"conv{n}", f"in{n}") for n in (1, 2, 3)},
        **{f"residual.residual{block}.conv{n}": (f"res{block}.conv{n}", f"res{block}.in{n}") for block in range(1, blocks + 1) for n in (1, 2)},
        **{f"expand.conv{n}.conv": (f"deconv{n}", f"in{n + 3}") for n in (1, 2, 3)},
    }


ALLOWED = "magenta's image_stylization (transformer.contract.conv1.weights, …), each tensor under its name there with dots for slashes"
LEAST_SIDE = 8
"""As of `transformer_net`."""


class MultiStyle(nn.Module):
    """The convolutions, and of each norm γ and β of all styles, (N, C)."""

    def __init__(self, network: TransformerNet, norms: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self._network = network
        self._names = list(norms)
        for place, (scale, shift) in enumerate(norms.values()):
            self.register_buffer(f"scale_{place}", scale)
            self.register_buffer(f"shift_{place}", shift)

    @property
    def styles(self) -> int:
        return len(self.get_buffer("scale_0"))

    def mixed(self, shares: Mapping[int, float]) -> nn.Sequential:
        """The network of a mixture: style (from 0 on) -> its share. It takes and gives (B, 3, H, W) in [0, 1]."""
        network, last = copy.deepcopy(self._network), nn.InstanceNorm2d(3, affine=True).to(self.get_buffer("scale_0").device)
        for place, name in enumerate(self._names):
            norm = last if name == "in6" else network.get_submodule(name)
            for tensor, of_all in ((norm.weight, f"scale_{place}"), (norm.bias, f"shift_{place}")):
                assert isinstance(tensor, Tensor), "norms of scale and shift"
                tensor.data = torch.stack([share * self.get_buffer(of_all)[style] for style, share in shares.items()]).sum(0)
        return nn.Sequential(network, last, nn.Sigmoid()).eval().requires_grad_(False)


def build(state: Mapping[str, Tensor], name: str) -> MultiStyle:
    """From magenta's tensors, by magenta's names; what its training left beside them is passed over. Raises BadInput for another network's."""
    kept = {key.removeprefix("transformer."): tensor for key, tensor in state.items() if key.startswith("transformer.") and key.count("Adam") == 0}
    if "contract.conv1.weights" not in kept:
        raise checkpoint.unknown(name, state, ALLOWED)
    ours: dict[str, Tensor] = {}
    norms: dict[str, tuple[Tensor, Tensor]] = {}
    blocks = len({key.split(".")[1] for key in kept if key.startswith("residual.residual")})
    for theirs, (convolution, norm) in _places(max(blocks, BLOCKS)).items():
        wanted = [f"{theirs}.weights", f"{theirs}.InstanceNorm.gamma", f"{theirs}.InstanceNorm.beta"]
        missing = [key for key in wanted if key not in kept]
        if missing:
            raise BadInput(f"{name} is no network of many styles: it lacks transformer.{missing[0]}", code="weights.other_net")
        weight, scale, shift = (kept[key] for key in wanted)
        if weight.ndim != 4 or scale.ndim != 2 or scale.shape != shift.shape or scale.shape[1] != weight.shape[3]:
            raise BadInput(
                f"{name} is no network of many styles: the norm of {theirs} is {tuple(scale.shape)} behind {tuple(weight.shape)}", code="weights.other_net"
            )
        ours[f"{convolution}.conv2d.weight"] = weight.permute(3, 2, 0, 1).contiguous()
        ours[f"{convolution}.conv2d.bias"] = torch.zeros(weight.shape[3])  # a norm follows, which would take it out again
        norms[norm] = scale, shift
        if norm != "in6":
            ours[f"{norm}.weight"], ours[f"{norm}.bias"] = torch.ones(scale.shape[1]), torch.zeros(scale.shape[1])
    counts = sorted({len(scale) for scale, _ in norms.values()})
    if len(counts) > 1:
        raise BadInput(f"{name} is no network of many styles: its norms hold {counts} of them", code="weights.other_net")
    first, second, middle, fourth, fifth = (len(ours[f"{name}.conv2d.bias"]) for name in ("conv1", "conv2", "conv3", "deconv1", "deconv2"))
    network = TransformerNet(widths=(first, second, middle, fourth, fifth), blocks=max(blocks, BLOCKS))
    checkpoint.fill(network, ours, name, "network of many styles")
    return MultiStyle(network, norms)


def load(path: Path) -> MultiStyle:
    """The network of `path`. Raises BadInput for another network."""
    return build(checkpoint.read(path), path.name)


def chosen(net: MultiStyle, styles: Sequence[int], shares: Sequence[float]) -> dict[int, float]:
    """Style (from 0 on) -> its share, of styles counted from 1. Raises BadInput for one that the network does not hold."""
    found: dict[int, float] = {}
    for style, share in zip(styles, shares, strict=True):
        if style > net.styles:
            raise BadInput(f"styles: {style} came, and this network holds the styles 1 to {net.styles}", code="params.bad")
        found[style - 1] = found.get(style - 1, 0.0) + share
    return found
