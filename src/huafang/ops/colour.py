"""Colour: spaces, and carrying the colours of one picture to another.

Pictures are (1, 3, H, W) float32 sRGB in [0, 1]; results may leave [0, 1] and are clamped where a picture is made of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from scipy.spatial import ConvexHull
from torch import Tensor

YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
"""NTSC luminance and chrominance, the space of Gatys et al. (2017), "Preserving Color in Neural Artistic Style Transfer", section 3.2."""

RGB_TO_LMS = torch.tensor([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
"""Reinhard et al. 2001, equation 4."""
LMS_TO_LAB = torch.diag(torch.tensor([3**-0.5, 6**-0.5, 2**-0.5])) @ torch.tensor([[1.0, 1, 1], [1, 1, -2], [1, -1, 0]])
"""Reinhard et al. 2001, equation 6, on log10 LMS: lαβ."""


Map = Callable[[Tensor], Tensor]
"""Pixels (1, 3, H, W) -> pixels, each by itself: a picture may be taken piece by piece."""


def mix(picture: Tensor, matrix: Tensor) -> Tensor:
    """(B, 3, H, W) with each pixel multiplied by the 3 × 3 `matrix`."""
    return torch.einsum("ij,bjhw->bihw", matrix.to(picture), picture)


def luminance(picture: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W), NTSC weights."""
    return mix(picture, YIQ)[:, :1]


def to_lab(picture: Tensor) -> Tensor:
    """sRGB -> lαβ of Reinhard et al. 2001 (equations 4 to 6). Black is lifted by 1/255, so that its logarithm exists."""
    return mix(mix(picture.clamp(0, 1).add_(1 / 255), RGB_TO_LMS).clamp_min_(1e-6).log10_(), LMS_TO_LAB)


def from_lab(lab: Tensor) -> Tensor:
    """The inverse of `to_lab`."""
    return mix(mix(lab, math.log(10) * LMS_TO_LAB.inverse()).exp_(), RGB_TO_LMS.inverse()).sub_(1 / 255)


def reinhard(content: Tensor, style: Tensor) -> Tensor:
    """`content` through `reinhard_map`."""
    return reinhard_map(content, style)(content)


def reinhard_map(content: Tensor, style: Tensor) -> Map:
    """Mean and deviation of each lαβ channel (Reinhard et al. 2001, equations 10 and 11)."""
    (source_mean, source_std), (target_mean, target_std) = _moments(to_lab(content)), _moments(to_lab(style))
    gain = target_std / source_std.clamp_min(1e-5)
    return lambda pixels: from_lab((to_lab(pixels) - source_mean).mul_(gain).add_(target_mean))


def monge_kantorovich(content: Tensor, style: Tensor) -> Tensor:
    """`content` through `monge_kantorovich_map`."""
    return monge_kantorovich_map(content, style)(content)


def monge_kantorovich_map(content: Tensor, style: Tensor) -> Map:
    """The linear map that carries mean and covariance and moves colours the least (Pitié & Kokaram 2007, equation 10).

    T = Σc^(-1/2) (Σc^(1/2) Σs Σc^(1/2))^(1/2) Σc^(-1/2), in RGB, found in double precision.
    """
    source_mean, source = _covariance(content)
    target_mean, target = _covariance(style)
    root, inverse_root = _power(source, 0.5), _power(source, -0.5)
    transport = inverse_root @ _power(root @ target @ root, 0.5) @ inverse_root
    shift = target_mean - mix(source_mean, transport)
    return lambda pixels: mix(pixels, transport).add_(shift.to(pixels))


DITHER = 2 / 255
"""Half the width of the uniform noise that breaks ties: two steps of 8 bits, several knots of a table."""
MARGIN = 0.02
"""How far a colour may lie outside its gamut, as a share of the gamut's extent in that direction."""
FACES = 80
FLAT = 1e-3
"""Colours whose extent along an axis is smaller lie in a plane, or on a line."""
ROUNDS = 10
PART = 16_384
"""Colours that are compared with all directions at once: a few megabytes, which stay in the cache."""


@dataclass(frozen=True)
class Gamut:
    """A polytope around colours: their least and greatest values along `FACES` directions, (FACES, 3) unit vectors. Colours inside stay as they are."""

    directions: Tensor
    low: Tensor
    high: Tensor

    @staticmethod
    def of(picture: Tensor) -> "Gamut":
        """The gamut of a picture (1, 3, H, W): its convex hull plus `MARGIN`. The directions lie evenly on half a sphere (Fibonacci lattice)."""
        number = torch.arange(FACES, dtype=torch.float64)
        z, turn = (number + 0.5) / FACES, number * math.pi * (3 - 5**0.5)
        directions = torch.stack([(1 - z * z).sqrt() * turn.cos(), (1 - z * z).sqrt() * turn.sin(), z], 1).float()
        flat = picture[0].flatten(1)
        # The colours of a drawing lie in a plane or on a line, or their hull has few large faces: its own normals bound it, where even directions leave room
        axes = torch.linalg.eigh(torch.cov(flat.double().cpu(), correction=0)).eigenvectors.T
        directions = torch.cat([torch.eye(3), axes.float(), directions]).to(picture)
        directions = torch.cat([directions, _normals(flat, axes, directions)])
        along = [direction @ flat for direction in directions]
        low, high = torch.stack([one.min() for one in along]), torch.stack([one.max() for one in along])
        slack = MARGIN * (high - low)
        return Gamut(directions, low - slack, high + slack)

    def clip(self, pixels: Tensor) -> Tensor:
        """(1, 3, H, W) with each colour outside moved onto the polytope, by projections onto its slabs in turn (Bregman 1965)."""
        flat = pixels[0].flatten(1).clone()  # (3, N)
        outside = torch.cat([self._outside(part) for part in flat.split(PART, dim=1)])
        found = flat[:, outside]
        for _ in range(ROUNDS if found.shape[1] else 0):
            for direction, low, high in zip(self.directions, self.low, self.high, strict=True):
                along = direction @ found
                found -= direction[:, None] * (along - along.clamp(low, high))
        flat[:, outside] = found
        return flat.view_as(pixels)

    def _outside(self, colours: Tensor) -> Tensor:
        """(3, N) -> (N,) bool. Most colours of most pictures are inside, and cost one matrix product."""
        half = ((self.high - self.low) / 2).clamp_min(1e-6)
        middle = (self.high + self.low) / 2
        scaled = torch.addmm((-middle / half)[:, None], self.directions / half[:, None], colours)  # each slab is [-1, 1]
        return scaled.abs_().amax(0) > 1


def _normals(colours: Tensor, axes: Tensor, directions: Tensor) -> Tensor:
    """Unit normals (F, 3) of the convex hull of the outermost of `colours` (3, N) along `directions`, none where it has more than `FACES` faces.

    `axes` (3, 3) are the principal axes of the colours, the least first. Where colours lie in a plane the normals are those of the hull within it.
    """
    along = [direction @ colours for direction in directions]
    outermost = colours[:, torch.stack([place for one in along for place in (one.argmin(), one.argmax())])].double().cpu()
    turned = axes @ outermost  # (3, M)
    spread = turned.amax(1) - turned.amin(1)
    kept = axes[spread > FLAT]
    if len(kept) < 2:
        return directions[:0]
    planes = ConvexHull((kept @ outermost).T.numpy()).equations[:, :-1]
    faces = (torch.from_numpy(planes) @ kept * 1e4).round().unique(dim=0)  # Qhull gives a plane for each triangle of a face
    return F.normalize(faces, dim=1).to(directions) if len(faces) <= FACES else directions[:0]


@dataclass(frozen=True)
class Turn:
    """One iteration of sliced transport: a rotation of colour space, and along each of its axes a map by a table of even knots."""

    basis: Tensor
    """(3, 3), its columns are the axes."""
    low: Tensor
    """(3, 1): where each axis's table begins."""
    density: Tensor
    """(3, 1): knots per unit of each axis."""
    table: Tensor
    """(3, knots): what each knot is moved by."""


def sliced_turns(
    content: Tensor,
    style: Tensor,
    generator: torch.Generator,
    *,
    iterations: int = 24,
    sample: int = 1 << 14,
    knots: int = 1024,
    report: Callable[[int], None] = lambda done: None,
) -> list[Turn]:
    """Iterative distribution transfer along random bases (Pitié et al. 2005; sliced optimal transport, Bonneel et al. 2015), measured on samples.

    Each iteration turns colour space by a random rotation and maps each axis to the target's quantiles. The maps are measured on at most
    `sample` pixels of each picture, which walk through them; `walk` then takes any pixels the same way. The sample is dithered: many pixels of one
    colour (a logo, JPEG blocks) are spread over the target's quantiles, and the colour itself goes to their middle instead of to any of them.
    `report` hears after each iteration how many are done.
    """
    pixels, target = _subset(_flat(content), sample, generator).T.contiguous(), _subset(_flat(style), sample, generator).T.contiguous()
    pixels = pixels + ((torch.rand(pixels.shape, generator=generator) * 2 - 1) * DITHER).to(pixels)
    levels = torch.linspace(0, 1, 256, device=pixels.device)
    turns = []
    for _ in range(iterations):
        basis = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q.to(pixels)
        have, want = _quantiles(basis.T @ pixels, levels), _quantiles(basis.T @ target, levels)
        low, high = have[:, :1], have[:, -1:]
        even = low + (high - low) * torch.linspace(0, 1, knots, device=pixels.device)
        above = torch.searchsorted(have, even).clamp(1, len(levels) - 1)
        left, right = have.gather(1, above - 1), have.gather(1, above)
        part = ((even - left) / (right - left).clamp_min(1e-8)).clamp(0, 1)
        moved = torch.lerp(want.gather(1, above - 1), want.gather(1, above), part)
        turns.append(Turn(basis, low, (knots - 1) / (high - low).clamp_min(1e-8), moved - even))
        pixels = walk(pixels[None, :, None], turns[-1:])[0, :, 0]
        report(len(turns))
    return turns


def walk(pixels: Tensor, turns: list[Turn], *, together: int = 10_000) -> Tensor:
    """(1, 3, H, W) through all `turns`, `together` pixels at a time: few enough to stay in the processor's cache on the whole way.

    Below torch's grain of 32,768 numbers no threads are woken, which costs more than it gives on a busy machine.
    """
    flat = pixels[0].flatten(1)
    done = torch.empty_like(flat)
    for first in range(0, flat.shape[1], together):
        part = flat[:, first : first + together]
        for turn in turns:
            part = _through(part, turn)
        done[:, first : first + together] = part
    return done.view_as(pixels)


def sliced_transport(content: Tensor, style: Tensor, generator: torch.Generator, *, iterations: int = 24) -> Tensor:
    """`content` with the colour distribution of `style`: `sliced_turns`, then `walk`."""
    return walk(content, sliced_turns(content, style, generator, iterations=iterations))


def keep_chroma(stylised: Tensor, content: Tensor) -> Tensor:
    """Luminance of `stylised`, colours of `content` (Gatys et al. 2017, section 3.2): (1, 3, H, W) of one size."""
    chroma = mix(content, YIQ)
    chroma[:, :1] = mix(stylised, YIQ)[:, :1]
    return mix(chroma, YIQ.inverse())


def _through(pixels: Tensor, turn: Turn) -> Tensor:
    """(3, N) through one turn; beyond the ends of a table values move as its end does."""
    turned = _turned(turn.basis.T, pixels)
    place = ((turned - turn.low) * turn.density).clamp_(0, turn.table.shape[1] - 1)
    knot = place.long().clamp_max_(turn.table.shape[1] - 2)
    start = turn.table.gather(1, knot)
    step = turn.table.diff(dim=1).gather(1, knot)
    moved: Tensor = turned.add_(start).addcmul_(step, place.sub_(knot))
    return _turned(turn.basis, moved)


def _turned(matrix: Tensor, pixels: Tensor) -> Tensor:
    """(3, 3) @ (3, N) by three sums: a matrix product wakes all threads even for so little."""
    turned: Tensor = matrix[:, :1] * pixels[0]
    return turned.addcmul_(matrix[:, 1:2], pixels[1]).addcmul_(matrix[:, 2:], pixels[2])


def _quantiles(rows: Tensor, levels: Tensor) -> Tensor:
    """(3, N) -> (3, levels), between the nearest ranks."""
    ranked = torch.stack([row.sort().values for row in rows])
    place = levels * (rows.shape[1] - 1)
    below = place.long()
    between: Tensor = torch.lerp(ranked[:, below], ranked[:, (below + 1).clamp_max(rows.shape[1] - 1)], place - below)
    return between


def _flat(picture: Tensor) -> Tensor:
    """(1, 3, H, W) -> (H·W, 3)"""
    return picture[0].flatten(1).T


def _subset(rows: Tensor, most: int, generator: torch.Generator) -> Tensor:
    return rows if len(rows) <= most else rows[torch.randperm(len(rows), generator=generator)[:most].to(rows.device)]


def _covariance(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (1, 3, 1, 1) and covariance (3, 3), lifted by 1e-6 so that a picture of one colour has a root."""
    flat = _flat(picture).double()
    mean = flat.mean(0)
    flat -= mean
    spread = flat.T @ flat / max(len(flat) - 1, 1)
    return mean.view(1, 3, 1, 1), spread + 1e-6 * torch.eye(3, dtype=torch.float64, device=flat.device)


def _moments(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel, (1, 3, 1, 1): a picture of one pixel has deviation 0."""
    mean = picture.mean((2, 3), keepdim=True)
    return mean, (picture - mean).square_().mean((2, 3), keepdim=True).sqrt()


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """A real power of a symmetric positive matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    result: Tensor = vectors @ torch.diag(values.clamp_min(1e-12) ** exponent) @ vectors.T
    return result
