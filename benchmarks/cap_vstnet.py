"""How long does a photo after a painting take in CAP-VSTNet's method, and in how much memory, beside the way its authors run the network?

`python benchmarks/cap_vstnet.py`. Peer: whole maps in plain PyTorch, eager, float32, as published. Ours: the method, in float32 and in bfloat16. Each runs in a
process of its own, so that its peak memory is its own, and in `PROCESSES` of them by turns, of which the middle one is taken. Weights are random, since none
are at hand; the work is the same for any.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import skimage.data
import torch
from _harness import FORMS, alone, by_turns, decibels, write
from safetensors.torch import save_file
from torch import Tensor, nn

from huafang import methods
from huafang.context import Context, Resident
from huafang.nets import rev_resnet
from huafang.nets.rev_resnet import Block, RevResNet
from huafang.ops.resize import resized

REPEATS = {512: 3, 1024: 2}
CONTENT, STYLE = "0" * 64, "1" * 64


def random_state() -> dict[str, Tensor]:
    """Weights under which features spread over all channels and do not run off."""
    torch.manual_seed(0)
    state = RevResNet().state_dict()
    return {name: torch.randn(one.shape) * (0.5 / one[0].numel()) ** 0.5 if one.dim() > 1 else torch.zeros(one.shape) for name, one in state.items()}


class Given(Context):
    """A context that holds its pictures decoded, and one file of weights."""

    def __init__(self, weights: Path, resident: Resident, **pictures: Tensor) -> None:
        super().__init__(None, None, resident=resident)  # type: ignore[arg-type]  # no store is asked
        self._file, self._pictures = weights, {CONTENT: pictures["content"], STYLE: pictures["style"]}

    def image(self, asset: str) -> Tensor:
        return self._pictures[asset]

    def film(self, asset: str) -> bool:
        return False

    def transparent(self, asset: str) -> bool:
        return False

    def weights_path(self, name: str) -> Path:
        return self._file


def picture(photo: np.ndarray, side: int) -> Tensor:
    return resized(torch.from_numpy(photo).permute(2, 0, 1)[None] / 255, side, side)


def folded(x: Tensor) -> Tensor:
    _, channels, height, width = x.shape
    return x.view(1, channels, height // 2, 2, width // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(1, 4 * channels, height // 2, width // 2)


def unfolded(x: Tensor) -> Tensor:
    _, channels, height, width = x.shape
    return x.view(1, 2, 2, channels // 4, height, width).permute(0, 3, 4, 1, 5, 2).reshape(1, channels // 4, 2 * height, 2 * width)


def residual(block: Block, x: Tensor) -> Tensor:
    for module in block.conv:
        x = x.relu_() if isinstance(module, nn.ReLU) else module(x)
    return x


def eager(net: RevResNet, content: Tensor, style: Tensor) -> Tensor:
    """Photo mode: both pictures' features, whitened and coloured in double precision, and back."""
    z, wanted = (features(net, one) for one in (content, style))
    shape = z.shape
    z, wanted = (one[0].flatten(1).double() for one in (z, wanted))
    (mean, factor), (mean_s, factor_s) = (look(one) for one in (z, wanted))
    white = torch.linalg.inv(factor) @ (z - mean)
    return from_features(net, (factor_s @ white + mean_s).float().view(shape))


def look(z: Tensor) -> tuple[Tensor, Tensor]:
    mean = z.mean(1, keepdim=True)
    apart = z - mean
    return mean, torch.linalg.cholesky(apart @ apart.T / (z.shape[1] - 1))


def features(net: RevResNet, photo: Tensor) -> Tensor:
    one, other = torch.cat([photo, photo.new_zeros(1, 29, *photo.shape[2:])], 1).chunk(2, 1)
    one, other = one.contiguous(), other.contiguous()
    for block in net.blocks:
        inner = residual(block, other)
        if block.stride == 2:
            one, other = folded(one), folded(other)
        one, other = other, one + inner
    return unfolded(unfolded(torch.cat([one, other], 1)))


def from_features(net: RevResNet, z: Tensor) -> Tensor:
    other, one = (half.contiguous() for half in folded(folded(z)).chunk(2, 1))
    for block in reversed(net.blocks):
        if block.stride == 2:
            other = unfolded(other)
        one = one - residual(block, other)
        if block.stride == 2:
            one = unfolded(one)
        one, other = other, one
    return torch.cat([other, one], 1)[:, :3]


def work(side: int, form: str, weights: Path) -> Callable[[], Tensor]:
    content, style = picture(skimage.data.astronaut(), side), picture(skimage.data.coffee(), side)
    if form == "eager":
        net = rev_resnet.load(weights)
        return lambda: eager(net, content, style).clamp(0, 1)
    params = methods.build("cap_vstnet", {"content": CONTENT, "style": [STYLE], "weights": "random", "size": side, "precision": form})
    resident = Resident()
    return lambda: methods.run(params, Given(weights, resident, content=content, style=style)).images[0]


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as kept:
        weights = Path(kept) / "random.safetensors"
        save_file(random_state(), weights)
        for side in REPEATS:

            def arguments(form: str, side: int = side) -> list[str]:
                return [str(side), form, str(weights)]

            medians, pixels = by_turns(arguments)
            rows += [row(side, form, medians, pixels) for form in FORMS]
    write("cap_vstnet", "A photo after a painting of the same size by CAP-VSTNet: the method beside whole maps in plain eager PyTorch.", rows)


def row(side: int, form: str, found: dict[str, dict[str, float]], pixels: dict[str, npt.NDArray[np.float32]]) -> dict[str, object]:
    ours, peer = found[form], found["eager"]
    compared: dict[str, object] = (
        {}
        if form == "eager"
        else {
            "times_faster": peer["seconds"] / ours["seconds"],
            "times_less_processor": peer["processor"] / ours["processor"],
            "times_less_memory": peer["peak_mb"] / ours["peak_mb"],
            "most_apart": float(np.abs(pixels[form] - pixels["eager"]).max()),
            "psnr_db": decibels(pixels[form], pixels["eager"]),
        }
    )
    return {"form": form, "size": f"{side} × {side}", "threads": torch.get_num_threads(), **ours, **compared}


if __name__ == "__main__":
    if len(sys.argv) == 5:
        alone(work(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])), REPEATS[int(sys.argv[1])], Path(sys.argv[4]))
    else:
        main()
