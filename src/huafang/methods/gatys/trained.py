"""Style in the features of a trained network (Gatys et al. 2016), with masks as in Gatys et al. 2017."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.methods.gatys.scene import Scene
from huafang.ops.gram import gram

Net = Callable[[Tensor, tuple[str, ...]], dict[str, Tensor]]

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"
STYLE_WEIGHT = 1e3 * 57.0**2
"""The balance of the authors' own code, 1e3 / channels² a layer against 1 for content, brought from pixels in [0, 255] to a net that divides them by its
deviation (255 × 0.225 = 57): a Gram matrix grows with the square of the features, its error with the fourth power, the content's with the square."""


class Trained:
    """Loss of one scale. What the photo and the style pictures are is measured once; a step is one pass forward and one back."""

    def __init__(self, scene: Scene, net: Net, *, fast: bool | None = None) -> None:
        self._net = net
        self._fast = halves_are_fast(scene.content.device) if fast is None else fast
        with torch.no_grad():
            self._content = self._features(scene.content, (CONTENT_LAYER,))[CONTENT_LAYER]
            grams = [{name: gram(found) for name, found in self._features(style.picture, STYLE_LAYERS).items()} for style in scene.styles]
        masked = scene.styles[0].mask is not None
        self._wanted: list[tuple[dict[str, Tensor], Tensor | None, float]] = []
        if masked:
            self._wanted = [(target, style.mask, style.share * len(scene.styles)) for target, style in zip(grams, scene.styles, strict=True)]
        else:
            mixed = {name: torch.stack([style.share * target[name] for target, style in zip(grams, scene.styles, strict=True)]).sum(0) for name in STYLE_LAYERS}
            self._wanted = [(mixed, None, 1.0)]

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        found = self._features(pixels, (*STYLE_LAYERS, CONTENT_LAYER))
        content = F.mse_loss(found[CONTENT_LAYER], self._content)
        style = content.new_zeros(())
        for target, mask, weight in self._wanted:
            for name in STYLE_LAYERS:
                where = None if mask is None else F.interpolate(mask, found[name].shape[2:], mode="area")
                if where is None or float(where.sum()) >= 1:
                    channels = found[name].shape[1]
                    style = style + weight * STYLE_WEIGHT / channels**2 * F.mse_loss(gram(found[name], where), target[name])
        return content, style

    def _features(self, pixels: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """In float32; the convolutions run in bfloat16 where that is faster, Gram matrices and differences never do."""
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self._fast):
            found = self._net(pixels.contiguous(memory_format=torch.channels_last), layers)
        return {name: features.float() for name, features in found.items()}


def halves_are_fast(device: torch.device) -> bool:
    """Whether the machine multiplies bfloat16 by itself."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported())
