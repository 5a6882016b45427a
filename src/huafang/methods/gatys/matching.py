"""Style by nearest patches: each patch of the picture is drawn towards the nearest one of the painting. It needs no network.

The energy is that of Kwatra et al. 2005 ("Texture Optimization for Example-based Synthesis", equation 1), the use for style that of Elad & Milanfar 2017
("Style Transfer Via Texture Synthesis"): match, vote, pull towards the photo, from coarse to fine. Matching is exact among patches drawn at random, in the
principal components of the painting's patches; there is no PatchMatch. That patches are used evenly, and not the flattest ones alone, is the "completeness"
of Granot et al. 2022 ("Drop the GAN", equation 2), here by making a patch dearer the more often it was taken.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.methods.gatys.scene import Scene, Style

PATCH = 9
COMPONENTS = 32
KEYS = 3_000
"""Patches of the painting that a query looks among; each `CHUNK` of queries draws others."""
CHUNK = 512
QUERIES = 16_000
"""Patches of the picture that one step matches, about: a grid from a random corner."""
DEARER = 0.15
"""How much dearer a patch becomes when it was taken as often as the average one."""
HOLD = 0.4
"""Share of the photo in the picture when a scale begins, at content weight 1."""


class Book:
    """The patches of one style picture at one scale."""

    def __init__(self, style: Style) -> None:
        self.style = style
        picture = style.picture
        self.width = picture.shape[3]
        self.rows, self.columns = picture.shape[2] - PATCH + 1, picture.shape[3] - PATCH + 1
        self.flat = picture[0].flatten(1)
        inside = torch.arange(PATCH, device=picture.device)
        self.inside = (inside[:, None] * self.width + inside).flatten()
        self.used = picture.new_zeros(self.rows * self.columns)

    def values(self, places: Tensor) -> Tensor:
        """(n,) places -> (3·PATCH², n): the patches' colours."""
        corners = places // self.columns * self.width + places % self.columns
        colours: Tensor = self.flat[:, self.inside[:, None] + corners]
        return colours.flatten(0, 1)


class Matching:
    """One scale. A step of the method is one move."""

    iterations = 1

    def __init__(self, scene: Scene, content_weight: float, style_weight: float, generator: torch.Generator) -> None:
        self._scene, self._generator = scene, generator
        self._hold, self._pull = HOLD * content_weight, style_weight
        self._books = [Book(style) for style in scene.styles if style.share > 0]
        self._basis = self._components()
        self._keys = [F.conv2d(book.style.picture, self._basis)[0].flatten(1).T.contiguous() for book in self._books]
        height, width = scene.content.shape[2:]
        self._stride = max(2, min(PATCH // 2, round((height * width / QUERIES) ** 0.5)))
        axis = torch.linspace(-1, 1, PATCH, device=scene.content.device).square()
        self._window = torch.exp(-3 * (axis[:, None] + axis)).flatten().repeat(3)[:, None]

    def _components(self) -> Tensor:
        """The principal directions of the painting's patches, as (COMPONENTS, 3, PATCH, PATCH) kernels."""
        drawn = torch.cat([book.values(self._draw(len(book.used), 4 * KEYS // len(self._books))) for book in self._books], 1)
        centred = (drawn - drawn.mean(1, keepdim=True)).double()
        vectors = torch.linalg.eigh(centred @ centred.T).eigenvectors[:, -COMPONENTS:]
        kernels: Tensor = vectors.T.to(drawn).reshape(COMPONENTS, 3, PATCH, PATCH).contiguous()
        return kernels

    def _draw(self, among: int, most: int) -> Tensor:
        """At most `most` of `among` places, without the cost of a whole permutation."""
        if among <= most:
            return torch.arange(among, device=self._scene.content.device)
        return torch.randint(among, (most,), generator=self._generator).to(self._scene.content.device)

    def move(self, pixels: Tensor, part: float) -> tuple[Tensor, float, float]:
        """One step, `part` of the way through this scale: (pixels, content, style), the last two as mean squared differences."""
        edge = PATCH - 1
        padded = F.pad(pixels, (edge,) * 4, mode="reflect")
        rows, columns = ((side - PATCH) // self._stride - 1 for side in padded.shape[2:])
        top, left = (int(torch.randint(self._stride, (1,), generator=self._generator)) for _ in range(2))
        high, wide = (count * self._stride + PATCH for count in (rows, columns))
        window = padded[:, :, top : top + high, left : left + wide]
        queries = F.conv2d(window, self._basis, stride=self._stride)[0].flatten(1).T.contiguous()
        wanted = F.unfold(window, PATCH, stride=self._stride)[0]
        before = wanted.clone()
        sure = torch.zeros(len(queries), device=pixels.device)
        for where, books in self._regions(pixels, top, left, rows + 1, columns + 1):
            wanted[:, where] = self._match(queries[where], books)
            sure[where] = 1
        style = float(((wanted - before).square().mean(0) * sure).sum() / sure.sum().clamp_min(1))
        votes = F.fold((wanted * self._window)[None], (high, wide), PATCH, stride=self._stride)
        count = F.fold(self._window.expand(-1, len(queries))[None], (high, wide), PATCH, stride=self._stride)
        voted = padded.clone()
        voted[:, :, top : top + high, left : left + wide] = votes / count
        voted = voted[:, :, edge:-edge, edge:-edge]
        hold = self._hold * (1 - 0.7 * part)
        aim = (self._pull * voted + hold * self._scene.recoloured) / max(self._pull + hold, 1e-6)
        rate = 1 - 0.2 * part
        moved = torch.lerp(pixels, aim, rate)
        return moved, float(F.mse_loss(moved, self._scene.recoloured)), style

    def _regions(self, pixels: Tensor, top: int, left: int, rows: int, columns: int) -> list[tuple[Tensor, list[int]]]:
        """(queries, the books they may look in): one region with all books, or one for each mask."""
        everywhere = torch.arange(rows * columns, device=pixels.device)
        masks = [book.style.mask for book in self._books]
        if any(mask is None for mask in masks):
            return [(everywhere, list(range(len(self._books))))]
        stack = torch.cat([mask for mask in masks if mask is not None], 1)[0]
        middle = PATCH // 2 - (PATCH - 1)
        across = (torch.arange(columns, device=pixels.device) * self._stride + left + middle).clamp(0, stack.shape[2] - 1)
        down = (torch.arange(rows, device=pixels.device) * self._stride + top + middle).clamp(0, stack.shape[1] - 1)
        here = stack[:, down][:, :, across].flatten(1)
        strongest, which = here.max(0)
        found = [((which == place) & (strongest > 0.5)).nonzero()[:, 0] for place in range(len(self._books))]
        return [(where, [place]) for place, where in enumerate(found) if len(where)]

    def _match(self, queries: Tensor, books: list[int]) -> Tensor:
        """The nearest patch of those drawn for each query: (3·PATCH², n). Every `CHUNK` queries draw anew, so that no patch is repeated all over."""
        result = queries.new_empty(3 * PATCH * PATCH, len(queries))
        for some in torch.randperm(len(queries), generator=self._generator).to(queries.device).split(CHUNK):
            result[:, some] = self._match_some(queries[some], books)
        return result

    def _match_some(self, queries: Tensor, books: list[int]) -> Tensor:
        places = [self._draw(len(self._books[book].used), max(1, KEYS // len(books))) for book in books]
        keys = torch.cat([self._keys[book][chosen] for book, chosen in zip(books, places, strict=True)])
        most = max(self._books[book].style.share for book in books)
        price = torch.cat(
            [(1 + DEARER * self._books[book].used[chosen]) * (most / self._books[book].style.share) for book, chosen in zip(books, places, strict=True)]
        )
        far = torch.addmm(keys.square().sum(1), queries, keys.T, alpha=-2).add_(queries.square().sum(1, keepdim=True))
        nearest = far.clamp_min_(1e-4).mul_(price).argmin(1)
        result = queries.new_empty(3 * PATCH * PATCH, len(queries))
        first = 0
        for book, chosen in zip(books, places, strict=True):
            mine = ((nearest >= first) & (nearest < first + len(chosen))).nonzero()[:, 0]
            taken = chosen[nearest[mine] - first]
            result[:, mine] = self._books[book].values(taken)
            self._tally(self._books[book], taken)
            first += len(chosen)
        return result

    def _tally(self, book: Book, taken: Tensor) -> None:
        """How often each patch was taken beside the others it was drawn with; what was taken long ago fades."""
        book.used.mul_(0.98).index_add_(0, taken, book.used.new_full((len(taken),), KEYS / CHUNK))
