"""Wen, Gao & Zou 2023: see `nets/rev_resnet.py` for the network and `ops/cwct.py` for what is done to its features.

In a film the styles are read once, and the content's mean and covariance are taken from frames of all of it, so that every frame goes through one and the same
linear map of features: what does not change from frame to frame in the film does not change in the result.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from huafang.context import Context, Result
from huafang.kernels import tiled
from huafang.methods.cap_vstnet import CapVstNet
from huafang.nets import arbitrary, feedforward, rev_resnet
from huafang.nets.rev_resnet import Halves, Mode
from huafang.notes import Note
from huafang.ops import colour, cwct, resize
from huafang.ops.blend import KeepColours
from huafang.ops.threads import workers

GLIMPSES = 8
"""Frames of a film, evenly spread, of which the content's statistics are taken."""
NUMBERS = 1 << 19
"""Numbers of the features that are worked on at a time on a CPU."""

T = TypeVar("T")
Cover = list[Tensor]
"""A mask as it lies over a picture's halves: (h, w, groups) each, in [0, 1]."""


@dataclass(frozen=True)
class Region:
    """Where a style acts, None for all over, its share there, and what it does."""

    cover: Cover | None
    share: float
    transfer: cwct.Transfer


def run(p: CapVstNet, ctx: Context) -> Result:
    net = feedforward.resident(ctx, "cap_vstnet", p.weights, rev_resnet.load)
    dtype = getattr(torch, p.precision)
    encode = partial(net.encode, dtype=dtype)
    photo, notes = feedforward.brought(ctx, p.content, p.size)
    wide = _wide(photo)
    keep = p.keep_colours
    paintings = ctx.kept("paintings", lambda: [arbitrary.beside(ctx.image(one), photo, p.style_scale, keep, rev_resnet.LEAST_SIDE) for one in p.style])
    steps = feedforward.Steps(ctx)
    tick = _ticks(steps, sum(net.reports(one.device, *_wide(one).shape[2:]) for one in paintings) + 2 * net.reports(photo.device, *wide.shape[2:]))
    covers = [_cover(ctx.image(mask), photo, p.mode) for mask in p.masks]
    with torch.no_grad():
        styles = ctx.kept("styles", lambda: [_style(partial(encode, report=tick), p, ctx, place, one) for place, one in enumerate(paintings)])
        known = ctx.kept("contents", lambda: _contents(p, _glimpses(partial(encode, report=ctx.hear), p, ctx), covers)) if ctx.filming else None
        halves = encode(wide, report=tick)
        contents = known or _contents(p, [halves], covers)
        _transfer(halves, p.mode, _regions(p, contents, styles, covers, notes))
        styled = net.decode(halves, report=tick, dtype=dtype)
    kept: KeepColours = "luminance" if keep == "luminance" else "no"
    return Result(images=[steps.finish(styled, photo, 1.0, kept)], notes=notes)


def _wide(picture: Tensor) -> Tensor:
    return resize.widened(picture, rev_resnet.LEAST_SIDE, rev_resnet.MULTIPLE)


def _ticks(steps: feedforward.Steps, total: int) -> Callable[[], None]:
    """Counts what the network reports."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        steps.band(done, total)

    return tick


def _style(encode: Callable[[Tensor], Halves], p: CapVstNet, ctx: Context, place: int, painting: Tensor) -> cwct.Moments:
    """The moments of a style picture's features, where its mask is white."""
    cover = _cover(ctx.image(p.style_masks[place]), painting, p.mode) if p.style_masks else None
    return _measured(encode(_wide(painting)), p.mode, cover)


def _glimpses(encode: Callable[[Tensor], Halves], p: CapVstNet, ctx: Context) -> Iterator[Halves]:
    """The features of frames of all of a film."""
    return (encode(_wide(resize.shrunk(frame, p.size))) for frame in ctx.glimpses(p.content, GLIMPSES))


def _contents(p: CapVstNet, frames: Iterable[Halves], covers: Sequence[Cover]) -> list[cwct.Moments]:
    """The moments of the content's features under each mask, or in one all over."""
    places: Sequence[Cover | None] = covers or (None,)
    moments = [cwct.Moments(rev_resnet.WIDTHS[-1] // rev_resnet.GROUPS[p.mode]) for _ in places]
    for halves in frames:
        for one, cover in zip(moments, places, strict=True):
            _measured(halves, p.mode, cover, one)
    return moments


def _cover(mask: Tensor, photo: Tensor, mode: Mode) -> Cover:
    """`mask` laid over `photo`, at the size of the features and in their order."""
    lain = _wide(resize.resized(colour.luminance(mask), *photo.shape[2:]))
    step = 4 >> rev_resnet.FOLDS[mode]
    lain = resize.resized(lain, lain.shape[2] // step, lain.shape[3] // step)
    for _ in range(rev_resnet.FOLDS[mode]):
        lain = rev_resnet.fold(lain)
    return [*lain[0].permute(1, 2, 0).chunk(2, 2)]


def _measured(halves: Halves, mode: Mode, cover: Cover | None, moments: cwct.Moments | None = None) -> cwct.Moments:
    """Take the features of a picture into `moments`."""
    found = moments or cwct.Moments(halves[0].shape[1] // rev_resnet.GROUPS[mode])

    def sums(which: int, first: int, last: int) -> cwct.Sums:
        return cwct.Sums.of(_piece(halves[which], mode, first, last), None if cover is None else cover[which][first:last].flatten())

    for piece in _everywhere(halves, sums):
        found.add(piece)
    return found


def _everywhere(halves: Halves, work: Callable[[int, int, int], T]) -> Iterator[T]:
    """What `work` gives of each band: the number of the half, the first row, and the first that is not in the band any more."""
    with workers(halves[0].device) as each:
        for which, half in enumerate(halves):
            numbers = NUMBERS if half.device.type == "cpu" else tiled.NUMBERS_ELSEWHERE
            height, rows = half.shape[2], max(1, numbers // half[:, :, 0].numel())
            yield from each(partial(work, which), [(first, min(height, first + rows)) for first in range(0, height, rows)])


def _piece(half: Tensor, mode: Mode, first: int, last: int) -> Tensor:
    """Rows of a half, (1, 256, h, w) -> (places, C) of the published features, the same memory."""
    return half[:, :, first:last].permute(0, 2, 3, 1).view(-1, half.shape[1] // rev_resnet.GROUPS[mode])


def _regions(p: CapVstNet, contents: Sequence[cwct.Moments], styles: Sequence[cwct.Moments], covers: Sequence[Cover], notes: list[Note]) -> list[Region]:
    """What is to be done where. A style whose mask, or whose picture's, shows next to nothing is left out, and `notes` say so."""
    if not covers:
        read = _readable(p, styles, notes)
        total = sum(p.shares()[place] for place in read)
        if total <= 0:
            return []
        wanted = cwct.mixed([cwct.Look.of(styles[place]) for place in read], [p.shares()[place] / total for place in read])
        return [Region(None, 1.0, _moved(contents[0], wanted, p.strength))]
    found = []
    for place in _readable(p, styles, notes):
        if contents[place].weight <= cwct.FEWEST:
            zh = f"第 {place + 1} 张遮罩几乎全黑，所以画面上看不到它的风格。"
            notes.append(Note(f"masks: number {place + 1} is all but black, so its style is nowhere to be seen", zh))
        else:
            wanted = cwct.Look.of(styles[place])
            found.append(Region(covers[place], p.shares()[place], _moved(contents[place], wanted, p.strength)))
    return found


def _readable(p: CapVstNet, styles: Sequence[cwct.Moments], notes: list[Note]) -> list[int]:
    """The styles that can be read; a style picture without a mask always can."""
    dark = {place for place, moments in enumerate(styles) if p.style_masks and moments.weight <= cwct.FEWEST}
    for place in sorted(dark):
        zh = f"第 {place + 1} 张风格图的遮罩几乎全黑，所以不用这个风格。"
        notes.append(Note(f"style_masks: number {place + 1} is all but black, so its style is left out", zh))
    return [place for place in range(len(styles)) if place not in dark]


def _moved(content: cwct.Moments, style: cwct.Look, strength: float) -> cwct.Transfer:
    """From the content's look towards the style's: `strength` mixes the content's own look in, as the authors interpolate styles."""
    own = cwct.Look.of(content)
    return cwct.Transfer.between(own, cwct.mixed([style, own], [strength, 1 - strength]))


def _transfer(halves: Halves, mode: Mode, regions: Sequence[Region]) -> None:
    """z + Σ share · cover · (T z - z) / Σ share · cover where covers are white, z where they are not; in place, band by band."""

    def move(which: int, first: int, last: int) -> None:
        piece = _piece(halves[which], mode, first, last)
        if regions[0].cover is None:
            regions[0].transfer.move(piece)
            return
        z = cwct.doubled(piece)
        covers = [cwct.doubled(region.cover[which][first:last].flatten())[:, None] for region in regions if region.cover is not None]
        shares = [region.share * cover for region, cover in zip(regions, covers, strict=True)]
        there = torch.stack(covers).sum(0).clamp(max=1) / torch.stack(shares).sum(0).clamp_min(1e-6)
        piece.copy_(z + sum(share * there * (region.transfer(z) - z) for region, share in zip(regions, shares, strict=True)))

    if regions:
        for _ in _everywhere(halves, move):
            pass
