"""What the words ask of the picture: Kwon & Ye 2022, equations 1 to 4, and the pieces that are judged."""

import torch
import torch.nn.functional as F
from torch import Tensor

DISTORTION = 0.5
"""How far a piece's corners are drawn in at random, as a share of half its side."""


def direction(picture: Tensor, photo: Tensor, words: Tensor, plain_words: Tensor) -> Tensor:
    """(B,): 1 - ΔI · ΔT / (|ΔI| |ΔT|) (equations 1 and 2), of the vectors (B, D) of pictures, (1, D) of the photo and of both texts, each at length 1."""
    moved = F.normalize(picture, dim=1) - F.normalize(photo, dim=1)
    asked = F.normalize(words, dim=1) - F.normalize(plain_words, dim=1)
    return 1 - F.cosine_similarity(moved, asked, dim=1)


def rejected(losses: Tensor, threshold: float) -> Tensor:
    """The mean over pieces, those below the threshold counting 0 (equations 3 and 4): pieces that are painted already shall not be painted over and over."""
    return losses.where(losses >= threshold, 0).mean()


def variation(pixels: Tensor) -> Tensor:
    """Norms of the differences of neighbours, across, down and along both diagonals, as in the authors' code."""
    across, down = pixels[..., 1:] - pixels[..., :-1], pixels[..., 1:, :] - pixels[..., :-1, :]
    falling, rising = pixels[..., 1:, 1:] - pixels[..., :-1, :-1], pixels[..., :-1, 1:] - pixels[..., 1:, :-1]
    return torch.stack([one.norm() for one in (across, down, falling, rising)]).sum()


def pieces(picture: Tensor, count: int, side: int, seen: int, generator: torch.Generator) -> Tensor:
    """(1, 3, H, W) -> (count, 3, seen, seen): squares of `side` pixels from random places, each seen from a random angle, black around."""
    height, width = picture.shape[2:]
    tops, lefts = (torch.randint(length - side + 1, (count,), generator=generator).tolist() for length in (height, width))
    cut = torch.cat([picture[:, :, top : top + side, left : left + side] for top, left in zip(tops, lefts, strict=True)])
    drawn_in = DISTORTION * torch.rand(count, 4, 2, generator=generator)
    return F.grid_sample(cut, views(corners(drawn_in), seen).to(picture), mode="bilinear", padding_mode="zeros", align_corners=False)


def corners(drawn_in: Tensor) -> Tensor:
    """(B, 4, 2) shares in [0, 1] of half the side -> where the corners of a square [-1, 1]² are seen, clockwise from the upper left, as (x, y)."""
    signs = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    return signs * (1 - drawn_in)


def views(seen_at: Tensor, side: int) -> Tensor:
    """(B, side, side, 2): for each pixel of a view the place in the square that is seen there, by the homography that takes `seen_at` to the corners."""
    ends = corners(torch.zeros(1, 4, 2)).expand_as(seen_at)
    (x, y), (u, v) = seen_at.unbind(2), ends.unbind(2)
    one, none = torch.ones_like(x), torch.zeros_like(x)
    rows = torch.cat([torch.stack([x, y, one, none, none, none, -u * x, -u * y], 2), torch.stack([none, none, none, x, y, one, -v * x, -v * y], 2)], 1)
    found = torch.linalg.solve(rows.double(), torch.cat([u, v], 1).double())
    maps = torch.cat([found, torch.ones(len(found), 1, dtype=torch.float64)], 1).view(-1, 3, 3)
    middles = (2 * torch.arange(side, dtype=torch.float64) + 1) / side - 1
    grid = torch.stack([middles.expand(side, side), middles[:, None].expand(side, side), torch.ones(side, side, dtype=torch.float64)], 2)
    flat = grid.view(1, -1, 3) @ maps.transpose(1, 2)
    return (flat[..., :2] / flat[..., 2:].clamp_min(1e-6)).view(-1, side, side, 2).float()
