"""Hertzmann 1998, "Painterly Rendering with Curved Brush Strokes of Multiple Sizes": figure 2 (paint), layer by layer.

Each departure from the paper is listed in docs/methods/stroke_rendering.md.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from huafang.context import Context, Result
from huafang.methods.stroke_rendering import StrokeRendering, brush, brushwork, guides, strokes
from huafang.methods.stroke_rendering.brushwork import Palette
from huafang.methods.stroke_rendering.guides import Array
from huafang.methods.stroke_rendering.looks import Look
from huafang.methods.stroke_rendering.strokes import Ints
from huafang.ops import colour, resize

Field = Callable[[int, int, np.random.Generator], Array]
"""Height and width -> unit tangents (h, w, 2) as (x, y)."""
_FIELDS: dict[str, Field] = {"swirling": guides.swirls}

UNIT_SIDE = 640
"""Radii are in pixels of a picture of this longer side: about that of the paper's own pictures."""
FINEST = 1.2
"""Pixels: no brush is thinner, whatever the scale."""
COVERED = 0.5
"""Share of a stroke's opacity that counts as covered."""
GAP_ROUNDS = 12
"""Two or three are enough in practice."""
BATCHES = 16
"""Steps per layer: so often a layer is shown, and a cancel heard."""
PREVIEW_SIDE = 1024
NEAR_WHITE, NEAR_BLACK = 0.5, 0.2
"""Distance of a colour's luminance from white and from black at which it has all of a look's jitter."""


@dataclass(frozen=True)
class View:
    """What the painter sees before a layer, at guide resolution: `size` is the brush's radius there, `radius` on the canvas."""

    radius: float
    size: float
    reference: Array
    tangents: Array
    canvas: Array
    bare: bool


@dataclass(frozen=True)
class Strokes:
    """Strokes of one brush: control points (N, K, 2) in canvas pixels, of which the first `counts` (N,) hold; colours (N, 3)."""

    radius: float
    points: Array
    counts: Ints
    colours: Array


def run(p: StrokeRendering, ctx: Context) -> Result:
    photo = ctx.image(p.content)
    sized = photo if p.size is None else resize.shrunk(photo, p.size)
    rng = np_generator(ctx.generator(p.seed))
    painting = _after_paintings(p, ctx, sized, rng) if p.style else Painting(sized, p.settings, rng, ctx.hear, field=_FIELDS.get(p.look))
    brushes = painting.brushes()
    total, done = len(brushes) * BATCHES, 0
    ctx.step(0, total, preview=painting.preview)
    figures: dict[str, float] = {}
    for number, radius in enumerate(brushes):
        view = painting.look_again(radius, brushes[number - 1] if number else None)
        count = 0
        for begin in np.array_split(painting.starts(view), BATCHES):
            count += painting.paint(painting.traced(view, begin))
            done += 1
            if number == 0 and done == BATCHES:
                count += painting.close_gaps(view)
            ctx.step(done, total, preview=painting.finish if done == total else painting.preview, layer=number + 1, radius=radius, strokes=count)
        figures[f"strokes_{number + 1}"] = count
    figures["covered"] = float(painting.canvas[..., 3].min())
    notes = [] if p.size is None else resize.not_enlarged(photo, p.size)
    return Result(images=[painting.finish()], figures=figures, notes=notes)


def _after_paintings(p: StrokeRendering, ctx: Context, photo: torch.Tensor, rng: np.random.Generator) -> "Painting":
    """The photo in the paintings' colours, their palette and, with the look `auto`, their brushwork."""
    paintings = [ctx.image(one) for one in p.style]
    hand = brushwork.measure(paintings, p.style_scale, rng)
    ctx.hear()
    if not p.keep_colours:
        pixels = torch.cat([one.flatten(2)[:, :, None] for one in (resize.shrunk(one, brushwork.SIDE) for one in paintings)], dim=3)
        photo = colour.monge_kantorovich(photo, pixels).clamp_(0, 1)
    auto = p.look == "auto"
    look = p.overridden(hand.look) if auto else p.settings
    return Painting(photo, look, rng, ctx.hear, field=hand.directions if auto else _FIELDS.get(p.look), palette=None if p.keep_colours else hand.palette)


class Painting:
    """The photo, the canvas, and one generator that all chance comes from, in order."""

    def __init__(
        self,
        photo: torch.Tensor,
        look: Look,
        rng: np.random.Generator,
        hear: Callable[[], None],
        *,
        field: Field | None = None,
        palette: Palette | None = None,
    ) -> None:
        """`photo` (1, 3, H, W) in [0, 1]. `hear` raises when the painter is to stop: what takes long between two steps calls it.

        `field` makes the directions of strokes where the photo has none; without it they follow the photo alone. Colours come from `palette`, if there is one.
        """
        pixels: Array = photo[0].permute(1, 2, 0).cpu().numpy()
        self.look, self.rng, self.hear, self.palette = look, rng, hear, palette
        self.height, self.width = pixels.shape[:2]
        self.scale = max(pixels.shape) / UNIT_SIDE
        shrink = min(1.0, guides.GUIDE_SIDE / max(pixels.shape))
        h, w = (max(round(side * shrink), 1) for side in (self.height, self.width))
        self.per_pixel = np.array([w / self.width, h / self.height], np.float32)  # guide pixels per canvas pixel, (x, y)
        self.photo = shrunk(pixels, h, w, 3)
        hear()
        self.texture = brush.bristles(rng)
        self.field = field(h, w, rng) if field else None
        self.canvas = np.zeros((self.height, self.width, 5), np.float32)
        hear()
        # The ground: a painter tones the canvas with the picture's broad colours; what a thin stroke lets through is that
        self.canvas[..., :3] = guides.enlarge(guides.blur(self.photo, 2 * look.radii[0] * self.scale * shrink), self.height, self.width)

    def brushes(self) -> list[float]:
        """Radii in canvas pixels, broad to fine; those that the scale makes one are one."""
        return sorted({max(radius * self.scale, FINEST) for radius in self.look.radii}, reverse=True)

    def look_again(self, radius: float, before: float | None) -> View:
        """Step back and see the photo through the eyes of the brush `radius`, and the canvas as the brush `before` left it (None: bare)."""
        h, w, _ = self.photo.shape
        shrink = float(self.per_pixel.max())
        size, unit = radius * shrink, self.scale * shrink
        reference = guides.blur(self.photo, self.look.blur_factor * size)
        self.hear()
        tangents = guides.directions(reference, size, unit, swirl=self.field, fallback=float(self.rng.uniform(-1.2, -0.4)))
        self.hear()
        canvas = shrunk(self.canvas, h, w, 3)
        if before is not None and (self.palette or any(jitters(self.look))):
            # Chance colours are meant to mix in the eye: singly they are no error
            canvas = guides.blur(canvas, before * shrink)
        return View(radius, size, reference, tangents, canvas, before is None)

    def starts(self, view: View) -> Ints:
        """Figure 3: where the strokes of one layer start, in random order: (N, 2) guide pixels."""
        h, w, _ = view.reference.shape
        grid = max(round(self.look.grid_size * view.size), 1)
        chance = self.rng.random((-(-h // grid) * -(-w // grid) if view.bare else 0, 2), dtype=np.float32)
        begin: Ints = strokes.starts(view.reference, view.canvas, view.bare, chance, grid, self.look.threshold)
        self.rng.shuffle(begin)
        return begin

    def traced(self, view: View, begin: Ints) -> Strokes:
        """Figure 5, for all of `begin` at once."""
        points, counts = strokes.trace(
            begin, view.reference, view.canvas, view.bare, view.tangents, view.size, self.look.curvature_filter, self.look.min_length, self.look.max_length
        )
        wanted = view.reference[begin[:, 1], begin[:, 0]]
        colours = jittered(self.palette.picked(wanted, self.rng) if self.palette else wanted, self.look, self.rng)
        return Strokes(view.radius, points / self.per_pixel, counts, colours)

    def close_gaps(self, view: View) -> int:
        """Strokes on what the first layer left bare: each round paints the barest pixel of each cell. Returns how many it took."""
        count = 0
        grid = max(round(view.radius), 1)
        for _ in range(GAP_ROUNDS):
            holes = brush.holes(self.canvas, grid, COVERED * self.look.opacity)
            if not len(holes):
                break
            begin = np.minimum((holes * self.per_pixel).astype(np.int32), np.array(view.reference.shape[1::-1], np.int32) - 1)
            count += self.paint(self.traced(view, begin))
        return count

    def paint(self, layer: Strokes) -> int:
        """Lay the strokes on the canvas, tile by tile on all cores. Returns how many they are."""
        rows, columns = -(-self.height // brush.TILE), -(-self.width // brush.TILE)
        lots = self.rng.random((len(layer.points), 4), dtype=np.float32)
        boxes = brush.boxes(layer.points, layer.counts, layer.radius, brush.TILE, rows, columns)
        work = []
        for row in range(rows):
            in_row = np.flatnonzero((boxes[:, 0] <= row) & (row <= boxes[:, 1]))
            for column in range(columns):
                chosen = in_row[(boxes[in_row, 2] <= column) & (column <= boxes[in_row, 3])].astype(np.int32)
                if len(chosen):
                    work.append((row * brush.TILE, column * brush.TILE, chosen))

        def tile(job: tuple[int, int, Ints]) -> None:
            brush.paint_tile(
                self.canvas, *job, boxes, layer.points, layer.counts, layer.colours, lots, layer.radius, self.scale, self.look.opacity, self.texture
            )

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(tile, work))
        return len(layer.points)

    def preview(self) -> torch.Tensor:
        """The canvas so far, at most `PREVIEW_SIDE` pixels."""
        shrink = min(1.0, PREVIEW_SIDE / max(self.height, self.width))
        if shrink == 1.0:
            return self.finish()
        small = shrunk(self.canvas, max(round(self.height * shrink), 1), max(round(self.width * shrink), 1), 5)
        small[..., 4] *= shrink
        return lit(small, self.look.impasto, 1.0)

    def finish(self) -> torch.Tensor:
        return lit(self.canvas, self.look.impasto, max(self.scale, 1.0))


def lit(canvas: Array, impasto: float, grain: float) -> torch.Tensor:
    """(H, W, 5) -> (1, 3, H, W), the paint's relief under the light."""
    height, width = canvas.shape[:2]
    out = np.empty((3, height, width), np.float32)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(lambda top: brush.light(canvas, out, top, min(top + 128, height), impasto, grain), range(0, height, 128)))
    return torch.from_numpy(out)[None]


def shrunk(picture: Array, h: int, w: int, channels: int) -> Array:
    out = np.empty((h, w, channels), np.float32)
    brush.shrink(picture, out)
    return out


def np_generator(generator: torch.Generator) -> np.random.Generator:
    """NumPy's generator (its draws are vectorised in the way that strokes want), seeded by torch's."""
    return np.random.default_rng(torch.randint(0, 2**62, (4,), generator=generator).tolist())


def jitters(look: Look) -> tuple[float, ...]:
    return look.jitter_hue, look.jitter_saturation, look.jitter_value, look.jitter_red, look.jitter_green, look.jitter_blue


def jittered(colours: Array, look: Look, rng: np.random.Generator) -> Array:
    """(N, 3) RGB with each stroke's chance in it: hue turned, saturation and value multiplied, then red, green and blue shifted; clamped.

    The paper gives the size of a jitter and not its law: here it is normal, and all but 0.3 % of the draws lie in a range as wide as the jitter.
    Value, red, green and blue have less of it near white and black, where chance shows as dirt: white paint stays white.
    """
    luminance = colours @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    headroom = np.minimum((1 - luminance) / NEAR_WHITE, luminance / NEAR_BLACK).clip(0, 1)[:, None]
    chance = rng.standard_normal((len(colours), 6), dtype=np.float32) * (np.array(jitters(look), np.float32) / 6)
    chance[:, 2:] *= headroom
    out = colours.astype(np.float32)
    if any(jitters(look)[:3]):
        hue, saturation, value = to_hsv(out)
        out = from_hsv((hue + chance[:, 0]) % 1, (saturation * (1 + chance[:, 1])).clip(0, 1), (value * (1 + chance[:, 2])).clip(0, 1))
    return np.ascontiguousarray((out + chance[:, 3:]).clip(0, 1), np.float32)


def to_hsv(colours: Array) -> tuple[Array, Array, Array]:
    """(N, 3) RGB -> hue, saturation, value, each (N,) in [0, 1]. Grey has hue 0."""
    value, low = colours.max(1), colours.min(1)
    span = value - low
    red, green, blue = colours.T
    safe = np.where(span > 0, span, 1)
    sixth = np.where(value == red, (green - blue) / safe % 6, np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4))
    return np.where(span > 0, sixth / 6, 0).astype(np.float32), (span / np.where(value > 0, value, 1)).astype(np.float32), value


def from_hsv(hue: guides.Real, saturation: guides.Real, value: guides.Real) -> Array:
    """The inverse of `to_hsv`: (N, 3)."""
    turns = (np.array([5, 3, 1], np.float32) + hue[:, None] * 6) % 6
    return np.asarray(value[:, None] * (1 - saturation[:, None] * np.clip(np.minimum(turns, 4 - turns), 0, 1)), np.float32)
