"""Style in the features of a trained network (Gatys et al. 2016), with masks as in Gatys et al. 2017."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.methods.gatys.scene import Scene
from huafang.ops.dtypes import bfloat16_is_native
from huafang.ops.gram import gram

Net = Callable[[Tensor, tuple[str, ...]], dict[str, Tensor]]

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"
STYLE_WEIGHT = 1e3 * 57.0**2
"""The balance of the authors' own code, 1e3 / channels² a layer against 1 for content, brought from pixels in [0, 255] to a net that divides them by its
deviation (255 × 0.225 = 57): a Gram matrix grows with the square of the features, its error with the fourth power, the content's with the square."""


class Trained:
    """Loss of one scale. What the photo and the style pictures are is measured once; a step is one pass forward and one back.

    The layers and the weight are the authors' unless others are given: w / channels² · mean (G - G_style)² a style layer, mean (F - F_photo)² for the content.
    """

    def __init__(
        self,
        scene: Scene,
        net: Net,
        *,
        fast: bool | None = None,
        style_layers: tuple[str, ...] = STYLE_LAYERS,
        content_layer: str = CONTENT_LAYER,
        style_weight: float = STYLE_WEIGHT,
    ) -> None:
        self._net, self._style_layers, self._content_layer, self._style_weight = net, style_layers, content_layer, style_weight
        self._fast = bfloat16_is_native(scene.content.device) if fast is None else fast
        with torch.no_grad():
            self._content = self._features(scene.content, (content_layer,))[content_layer].float()
            grams = [{name: _gram(found) for name, found in self._features(style.picture, style_layers).items()} for style in scene.styles]
        masked = scene.styles[0].mask is not None
        self._wanted: list[tuple[dict[str, Tensor], Tensor | None, float]] = []
        if masked:
            self._wanted = [(target, style.mask, style.share * len(scene.styles)) for target, style in zip(grams, scene.styles, strict=True)]
        else:
            mixed = {name: torch.stack([style.share * target[name] for target, style in zip(grams, scene.styles, strict=True)]).sum(0) for name in style_layers}
            self._wanted = [(mixed, None, 1.0)]

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        found = self._features(pixels, tuple(dict.fromkeys((*self._style_layers, self._content_layer))))
        content: Tensor = _Distance.apply(found[self._content_layer], self._content)  # type: ignore[no-untyped-call]
        style = content.new_zeros(())
        for target, mask, weight in self._wanted:
            for name in self._style_layers:
                where = None if mask is None else F.interpolate(mask, found[name].shape[2:], mode="area")
                if where is None or float(where.sum()) >= 1:
                    channels = found[name].shape[1]
                    here = _gram(found[name]) if where is None else gram(found[name].float(), where)[0]
                    style = style + weight * self._style_weight / channels**2 * F.mse_loss(here, target[name])
        return content, style

    def _features(self, pixels: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """In bfloat16 where that is faster; Gram matrices and differences never are."""
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self._fast):
            return self._net(pixels.contiguous(memory_format=torch.channels_last), layers)


def _gram(features: Tensor) -> Tensor:
    """(1, C, H, W), channels last -> (C, C) in float32: what `gram` gives, without turning the features round in memory."""
    product: Tensor = _Product.apply(features.permute(0, 2, 3, 1).flatten(0, 2))  # type: ignore[no-untyped-call]  # torch has no types there
    return product


ROWS = 4096
"""bfloat16 products are taken over so many pixels at a time and summed in float32: each rounds by 2⁻⁹ at most, and their sum by far less."""


class _Product(torch.autograd.Function):
    """(N, C) -> (C, C) / N, with one product in the features' own precision on the way back where autograd takes two in float32."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> Tensor:
        ctx.save_for_backward(flat)
        count, channels = flat.shape
        whole = count // ROWS * ROWS if flat.dtype is torch.bfloat16 else 0
        rest = flat[whole:].float()
        product = rest.T @ rest
        if whole:
            parts = flat[:whole].view(-1, ROWS, channels)
            product += torch.bmm(parts.transpose(1, 2), parts).float().sum(0)
        return product / count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (flat,), (gradient,) = ctx.saved_tensors, gradients
        back: Tensor = flat @ ((gradient + gradient.T) / flat.shape[0]).to(flat.dtype)
        return back


class _Distance(torch.autograd.Function):
    """Mean squared difference in float32; its gradient in the features' own precision, in which the convolutions take it anyway."""

    @staticmethod
    def forward(ctx: Any, found: Tensor, wanted: Tensor) -> Tensor:
        difference = found.float() - wanted
        ctx.save_for_backward(difference.to(found.dtype))
        return difference.square().mean()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (difference,) = ctx.saved_tensors
        return difference * (2 / difference.numel() * gradients[0]).to(difference.dtype), None
