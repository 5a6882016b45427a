"""Style as the distribution of the painting's patches: GPDM, Elnekave & Weiss 2022, "Generating natural images with direct patch distributions matching".

The distance is the sliced Wasserstein distance: patches are projected on directions drawn anew each time, and along each direction the sorted values of the
picture are compared with the sorted values of the painting. The picture goes down its gradient, from coarse to fine, and needs no network.

Where this leaves the paper. Directions that are drawn evenly see the light and dark of a patch and hardly anything else, so that noise and wrong colours cost
next to nothing; ours are drawn in the principal components of the painting's patches, whitened. They come as whole orthonormal bases, for then the gradient of
the squared distance is a transport of the patches (Pitié et al. 2005; Rabin et al. 2011, "Wasserstein barycenter and its application to texture mixing"), and
its step has a natural length: the patches move, and where they overlap their mean is taken. The paper's Adam on even directions, tried here with 5 to 186
iterations a scale, left coloured noise at several times the cost.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.methods.gatys.scene import Scene

PATCH = 9
"""Side of a patch; a bell-shaped window makes it act like the paper's 7, and rounder."""
EDGE = PATCH - 1
"""Both pictures are mirrored this far at their borders, so that a pixel there is in as many patches as any other."""
COMPONENTS = 32
"""Principal components that are whitened; the directions of a basis are as many, drawn among them, and `REST` more, drawn among all that is left."""
REST = 16
DIRECTIONS = COMPONENTS + REST
WHITE = 1.0
"""How far components are brought to one variance: 0 not at all, 1 wholly."""
FAINTEST = 1e-3
"""The least variance a component is whitened by, beside the strongest one's: what is fainter is no feature of the painting."""
MEASURED = 6_000
"""Patches the components are measured on."""
RANKED = 8_000
"""Patches whose ranks are taken at a time, about: a grid from a random corner."""
MOVED = 40_000
"""Patches that are moved in a step of the method, about: small pictures take several iterations."""
AT_A_TIME, HELD = 12, 1 << 22
"""Directions worked on together, and about how many numbers of them: a large picture is projected on fewer at a time."""
FEWEST = 64
"""Where fewer patches of a region lie on the grid, all of them are ranked."""
KNOTS = 2048
"""Places at which a map from values to values is known."""
RATE, LAST_RATE = 1.5, 0.45
"""Length of a step in transports, when a scale begins and when it ends. Overlapping patches move by their mean, which is too short: so more than 1."""
HOLD = 0.04
"""How far one iteration goes back to the photo when a scale begins, at content weight 1."""


class Patches:
    """One scale. A step of the method is `iterations` of its moves: small pictures are cheap."""

    def __init__(self, scene: Scene, content_weight: float, style_weight: float, generator: torch.Generator) -> None:
        self._scene, self._generator = scene, generator
        self._hold, self._pull = HOLD * content_weight, style_weight
        self._styles = [style for style in scene.styles if style.share > 0]
        axis = torch.linspace(-1, 1, PATCH, device=scene.content.device).square()
        self._window = torch.exp(-2.5 * (axis[:, None] + axis))
        self._components, self._weights, self._rest = self._measured()
        self._stride = _stride(scene.content)
        height, width = scene.content.shape[2:]
        self.iterations = max(2, min(4, round(MOVED / (height * width))))

    def move(self, pixels: Tensor, part: float) -> tuple[Tensor, float, float]:
        """One iteration, `part` of the way through this scale: (pixels, content, style).

        Content is the mean squared difference from the photo in the painting's colours, style the sliced Wasserstein distance before this iteration.
        """
        share = self._pull / max(self._pull + self._hold, 1e-6)
        rate = LAST_RATE + (RATE - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * part))
        moved, distance = self._transported(pixels)
        pixels = torch.lerp(pixels + rate * share * moved, self._scene.recoloured, (1 - share) * (1 - 0.7 * part)).clamp(0, 1)
        return pixels, float(F.mse_loss(pixels, self._scene.recoloured)), distance

    def _transported(self, pixels: Tensor) -> tuple[Tensor, float]:
        """How each pixel is to move, (1, 3, H, W), and the sliced Wasserstein distance.

        Ranks are taken of a grid of patches, a new one for each few directions, and then every patch of the picture moves as its rank says. If those of the
        grid moved alone, what is flat, where one patch is as the next, would show the grid.
        """
        there, back = self._basis()
        padded = _mirrored(pixels)
        height, width = (side - EDGE for side in padded.shape[2:])
        regions = self._regions(pixels, height, width)
        spread, distance = torch.zeros_like(padded), 0.0
        together = max(1, min(AT_A_TIME, HELD // (height * width)))
        for kernels, returns in zip(there.split(together), back.split(together), strict=True):
            answers = F.conv2d(padded, kernels)[0]
            (top, left), step = self._corner(self._stride), self._stride
            moves = torch.zeros_like(answers)
            for where, styles in regions:
                grid = answers[:, top::step, left::step]
                values = answers.flatten(1) if where is None else answers[:, where]
                some = grid.flatten(1) if where is None else grid[:, where[top::step, left::step]]
                some = some if some.shape[1] >= FEWEST else values
                moved = transport(values, some.sort(1).values, self._ranked(kernels, styles, some.shape[1]))
                if where is None:
                    moves = moved.view_as(answers)
                else:
                    moves[:, where] = moved
            distance += float(moves.abs().sum()) / (DIRECTIONS * height * width)
            spread += F.conv2d(moves[None], returns.flip(2, 3).transpose(0, 1), padding=EDGE)  # transposed convolution, quicker
        return (spread / self._window.sum())[:, :, EDGE:-EDGE, EDGE:-EDGE], distance

    def _basis(self) -> tuple[Tensor, Tensor]:
        """(DIRECTIONS, 3, PATCH, PATCH) twice: kernels that project a patch on new orthonormal directions of the whitened space, and those that lead back."""
        turn, some = (
            torch.linalg.qr(torch.randn(rows, columns, generator=self._generator)).Q.T.to(self._components)
            for rows, columns in ((COMPONENTS, COMPONENTS), (len(self._rest), REST))
        )
        window, faint = self._window.sqrt(), some @ self._rest
        there, back = (torch.cat([(turn * weights) @ self._components, faint]) for weights in (self._weights, 1 / self._weights))
        return there.view(-1, 3, PATCH, PATCH) * window, back.view(-1, 3, PATCH, PATCH) * window

    def _measured(self) -> tuple[Tensor, Tensor, Tensor]:
        """The painting's principal components (COMPONENTS, 3·PATCH²), the weight of each, and the directions that are left."""
        drawn = []
        for style in self._styles:
            found = F.unfold(style.picture, PATCH, stride=max(1, _stride(style.picture)))[0]
            some = torch.randperm(found.shape[1], generator=self._generator)[: MEASURED // len(self._styles)]
            drawn.append(found[:, some.to(found.device)] * self._window.sqrt().flatten().repeat(3)[:, None])
        patches = torch.cat(drawn, 1)
        patches = (patches - patches.mean(1, keepdim=True)).double()
        variances, vectors = torch.linalg.eigh(patches @ patches.T / patches.shape[1])
        rest, strong = vectors.T.to(self._window).split([len(vectors) - COMPONENTS, COMPONENTS])
        relative = (variances[-COMPONENTS:] / variances[-1].clamp_min(1e-12)).clamp_min(FAINTEST)
        return strong, relative.pow(-WHITE / 2).to(self._window), rest

    def _ranked(self, there: Tensor, styles: list[int], count: int) -> Tensor:
        """(DIRECTIONS, count): the sorted values of the styles' patches, each style with its share of them."""
        total = sum(self._styles[style].share for style in styles)
        ends = [0.0]
        for style in styles:
            ends.append(ends[-1] + self._styles[style].share / total * count)
        found = []
        for style, first, last in zip(styles, ends, ends[1:], strict=False):
            picture = self._styles[style].picture
            stride = _stride(picture)
            top, left = self._corner(stride)
            values = F.conv2d(_mirrored(picture)[:, :, top:, left:], there, stride=stride)[0].flatten(1)
            found.append(quantiles(values.sort(1).values, round(last) - round(first)))
        return found[0] if len(found) == 1 else torch.cat(found, 1).sort(1).values

    def _regions(self, pixels: Tensor, height: int, width: int) -> list[tuple[Tensor | None, list[int]]]:
        """(patches, (height, width) of bool or None for all, and the styles they may come from): one region with all styles, or one for each mask."""
        masks = [style.mask for style in self._styles if style.mask is not None]
        if not masks:
            return [(None, list(range(len(self._styles))))]
        stack = torch.cat(masks, 1)[0]
        down, across = (
            (torch.arange(count, device=pixels.device) + PATCH // 2 - EDGE).clamp(0, side - 1)
            for count, side in zip((height, width), stack.shape[1:], strict=True)
        )
        strongest, which = stack[:, down][:, :, across].max(0)
        found = [(which == place) & (strongest > 0.5) for place in range(len(masks))]
        return [(where, [place]) for place, where in enumerate(found) if where.any()]

    def _corner(self, stride: int) -> tuple[int, int]:
        top, left = torch.randint(stride, (2,), generator=self._generator).tolist()
        return top, left


def transport(values: Tensor, sample: Tensor, ranked: Tensor) -> Tensor:
    """(D, N) values, a sample of each row, (D, M) sorted, and where that goes, (D, M) sorted -> (D, N): what brings each value to where its rank goes.

    Per row, its mean size is the Wasserstein-1 distance and its mean square the squared Wasserstein-2 distance, whose gradient is -2 / N of it. Ranks are read
    off at `KNOTS` evenly spread values; equal values go to one place.
    """
    low, high = sample[:, :1], sample[:, -1:]
    span = (high - low).clamp_min(1e-9)
    knots = low + span * torch.linspace(0, 1, KNOTS, device=values.device, dtype=values.dtype)
    above = torch.searchsorted(sample, knots, right=True).clamp(min(1, sample.shape[1] - 1), sample.shape[1] - 1)
    below = (above - 1).clamp_min(0)
    start, end = sample.gather(1, below), sample.gather(1, above)
    part = ((knots - start) / (end - start).clamp_min(1e-12)).clamp(0, 1)
    goals = torch.lerp(ranked.gather(1, below), ranked.gather(1, above), part)
    place = ((values - low) * ((KNOTS - 1) / span)).clamp(0, KNOTS - 1)
    knot = place.long().clamp_max(KNOTS - 2)
    return torch.lerp(goals.gather(1, knot), goals.gather(1, knot + 1), place - knot) - values


def quantiles(ranked: Tensor, count: int) -> Tensor:
    """(D, M) sorted -> (D, count), at the middle of each of `count` equal shares, between the nearest ranks."""
    most = ranked.shape[1]
    if most == count:
        return ranked
    place = ((torch.arange(count, device=ranked.device) + 0.5) * (most / max(count, 1)) - 0.5).clamp(0, most - 1)
    below = place.long()
    between: Tensor = torch.lerp(ranked[:, below], ranked[:, (below + 1).clamp_max(most - 1)], place - below)
    return between


def _mirrored(picture: Tensor) -> Tensor:
    return F.pad(picture, (EDGE,) * 4, mode="reflect")


def _stride(picture: Tensor) -> int:
    """Steps of the grid of patches, that of a patch's side at the most, so that each pixel is in one."""
    return max(1, min(PATCH, round(math.sqrt(picture.shape[2] * picture.shape[3] / RANKED))))
