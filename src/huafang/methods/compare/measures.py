"""The figures of the report: what is measured, for which question, and what it needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import torch
from torch import Tensor

from huafang.context import Context
from huafang.errors import MissingWeights
from huafang.methods.compare import Compare
from huafang.metrics import lpips, pixels, style
from huafang.nets import squeezenet
from huafang.notes import Note
from huafang.ops.resize import widened

Question = Literal["content", "style", "cost"]
T = TypeVar("T")


@dataclass(frozen=True)
class Measure:
    """One column. `steady` figures are the same at every run; the others are kept apart."""

    key: str
    question: Question
    higher: bool = False
    steady: bool = True


MEASURES = (
    Measure("lpips", "content"),
    Measure("ssim", "content", higher=True),
    Measure("psnr", "content", higher=True),
    Measure("edge_ssim", "content", higher=True),
    Measure("gram", "style"),
    Measure("statistics", "style"),
    Measure("texture", "style"),
    Measure("colours", "style"),
    Measure("seconds", "cost", steady=False),
    Measure("peak_memory", "cost", steady=False),
    Measure("parameters", "cost"),
)
FEATURES = "squeezenet1_1"
"""The network in whose features style is measured."""
TRUNKS: dict[str, str] = {"squeezenet": FEATURES, "alexnet": "alexnet", "vgg16": "vgg16"}
LEAST_SIDE = 32
"""Pictures with a shorter side are widened for measuring, by repeating their border."""


@dataclass
class Judge:
    """Measures pictures of the photo's size against `photo` and `painting`, both (1, 3, H, W) in [0, 1]. `missing` says what cannot be measured, and why."""

    photo: Tensor
    painting: Tensor
    net: squeezenet.SqueezeNet | None = None
    perceptual: lpips.Lpips | None = None
    missing: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.photo, self.painting = widened(self.photo, LEAST_SIDE), widened(self.painting, LEAST_SIDE)
        with torch.inference_mode():
            self._bank = style.filtered(self.painting)
            self._wanted = self.net(self.painting) if self.net else []
            self._kept = self.perceptual.features(self.photo) if self.perceptual else []

    @torch.inference_mode()
    def figures(self, picture: Tensor) -> dict[str, float]:
        """Every figure of content and style that can be measured of (1, 3, H, W), of the photo's size. Raises BadInput for what is no picture in [0, 1]."""
        seen = widened(picture, LEAST_SIDE)
        found = {"ssim": pixels.ssim(seen, self.photo), "psnr": pixels.psnr(seen, self.photo), "edge_ssim": pixels.edge_ssim(seen, self.photo)}
        if self.perceptual:
            found["lpips"] = self.perceptual.between(self.perceptual.features(seen), self._kept)
        if self.net:
            features = self.net(seen)
            found |= {"gram": style.gram_distance(features, self._wanted), "statistics": style.statistics_distance(features, self._wanted)}
        found |= {"texture": style.gram_distance(style.filtered(seen), self._bank), "colours": style.colour_distance(seen, self.painting)}
        return {measure.key: float(found[measure.key]) for measure in MEASURES if measure.key in found}


def judge(p: Compare, ctx: Context, photo: Tensor, painting: Tensor) -> Judge:
    """A judge with every network that is on this machine."""
    missing: dict[str, str] = {}
    net = _if_here(lambda: squeezenet.load(ctx.weights_path(FEATURES)), ("gram", "statistics"), (FEATURES,), ctx, missing)
    needed = (TRUNKS[p.lpips], f"lpips_{p.lpips}")
    perceptual = _if_here(lambda: lpips.load(p.lpips, *map(ctx.weights_path, needed)), ("lpips",), needed, ctx, missing)
    return Judge(photo, painting, net.to(ctx.device) if net else None, perceptual.to(ctx.device) if perceptual else None, missing)


def _if_here(load: Callable[[], T], keys: tuple[str, ...], needed: tuple[str, ...], ctx: Context, missing: dict[str, str]) -> T | None:
    """What `load` loads; or None, with the reason in `missing`, where a model of `needed` is not on this machine."""
    absent = [name for name in needed if not _here(ctx, name)]
    if not absent:
        return load()
    pulls = [f"huafang models pull {name}" for name in absent]
    for key in keys:
        missing[key] = Note(f"needs {' and '.join(absent)}: {'; '.join(pulls)}", f"需要 {' 和 '.join(absent)}：{'；'.join(pulls)}")
    return None


def _here(ctx: Context, name: str) -> bool:
    try:
        ctx.weights_path(name)
    except MissingWeights:
        return False
    return True
