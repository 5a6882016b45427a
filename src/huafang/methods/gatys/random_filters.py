"""Style in the answers of random filters of many sizes: Ustyuzhaninov et al. 2017, "What does it take to generate natural textures?". No network is trained."""

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.methods.gatys.scene import Scene
from huafang.nets import random_filters
from huafang.ops import colour
from huafang.ops.gram import gram


class RandomFilters:
    """Loss of one scale: Gram matrices of rectified random filters in each octave, relative to the size of the wanted ones."""

    def __init__(self, scene: Scene, generator: torch.Generator) -> None:
        self._filters = random_filters.RandomFilters(generator, scene.content)
        least = min(min(scene.content.shape[2:]), *(min(style.picture.shape[2:]) for style in scene.styles))
        self._octaves = random_filters.fitting(least)
        self._small = (max(8, scene.content.shape[2] // 4), max(8, scene.content.shape[3] // 4))
        self._content = self._structure(scene.recoloured)
        with torch.no_grad():
            grams = [[gram(found) for found in self._features(style.picture)] for style in scene.styles]
        self._wanted: list[tuple[list[Tensor], Tensor | None, float]] = []
        if scene.styles[0].mask is not None:
            self._wanted = [(target, style.mask, style.share * len(scene.styles)) for target, style in zip(grams, scene.styles, strict=True)]
        else:
            shares = [style.share for style in scene.styles]
            mixed = [torch.stack([share * target[place] for target, share in zip(grams, shares, strict=True)]).sum(0) for place in range(len(self._octaves))]
            self._wanted = [(mixed, None, 1.0)]

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        content = 100 * F.mse_loss(self._structure(pixels), self._content)
        style = content.new_zeros(())
        found = self._features(pixels)
        for targets, mask, weight in self._wanted:
            for features, target in zip(found, targets, strict=True):
                where = None if mask is None else F.interpolate(mask, features.shape[2:], mode="area")
                if where is None or float(where.sum()) >= 1:
                    style = style + 100 * weight * (gram(features, where) - target).square().sum() / target.square().sum()
        return content, style

    def _features(self, pixels: Tensor) -> list[Tensor]:
        return self._filters.octaves(pixels, self._octaves)

    def _structure(self, pixels: Tensor) -> Tensor:
        """Luminance at a quarter of the size: what is where, without its texture."""
        small: Tensor = F.interpolate(colour.luminance(pixels), self._small, mode="bilinear", antialias=True)
        return small
