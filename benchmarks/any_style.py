"""How near do the built-in network's pictures come to photo and painting, beside the published MicroAST's, and how long does a picture of 512 pixels take?

`python benchmarks/any_style.py PUBLISHED.safetensors SQUEEZENET.safetensors HEADS.safetensors PAINTING…` (scikit-image's photos; no painting of UNSEEN was
learnt from, by the built-in network at least). Distances are those of `metrics/`: 0 is equal. "the photo itself" is what a network sets out from.
"""

import sys
from functools import partial
from pathlib import Path

import skimage.data
import torch
from _harness import spread, timed, write
from torch import Tensor

from huafang import images
from huafang.kernels import tiled
from huafang.metrics import lpips, style
from huafang.models import catalogue
from huafang.nets import micro_ast, squeezenet
from huafang.ops import resize

PHOTOS = ("coffee", "chelsea", "astronaut", "rocket")
UNSEEN = ("great_wave_hokusai",)
SIZE = 512


def photo(name: str) -> Tensor:
    return resize.shrunk(torch.from_numpy(getattr(skimage.data, name)()).permute(2, 0, 1)[None].float() / 255, SIZE)


def painting(path: Path) -> Tensor:
    return resize.shrunk(images.decode(images.ingest(path.read_bytes()).data), SIZE)


@torch.no_grad()
def painted(net: micro_ast.MicroAST, content: Tensor, wanted: Tensor) -> Tensor:
    return net.styled(net.style(wanted))(content).clamp(0, 1)[:, :, : content.shape[2], : content.shape[3]]


@torch.no_grad()
def as_the_method(net: micro_ast.MicroAST, content: Tensor, wanted: Tensor) -> Tensor:
    """The same in bands."""
    return tiled.run(net.painting(content, net.style(wanted), 1.0), content)


class Judge:
    """Distances of one picture from its photo and from its painting."""

    def __init__(self, trunk: Path, heads: Path) -> None:
        self.features = squeezenet.load(trunk)
        self.lpips = lpips.load("squeezenet", trunk, heads)

    @torch.no_grad()
    def __call__(self, picture: Tensor, content: Tensor, wanted: Tensor) -> dict[str, float]:
        found, sought = self.features(picture, 5), self.features(wanted, 5)
        return {
            "lpips_to_photo": float(self.lpips(picture, content)),
            "statistics_to_painting": float(style.statistics_distance(found, sought)),
            "gram_to_painting": float(style.gram_distance(found, sought)),
            "colours_to_painting": float(style.colour_distance(picture, wanted)),
        }


def main(published: Path, trunk: Path, heads: Path, *places: Path) -> None:
    nets = {"any-style": micro_ast.load(catalogue.built_in_place("any-style")), "MicroAST": micro_ast.load(published)}
    judge, photos, paintings = Judge(trunk, heads), [photo(name) for name in PHOTOS], [(place.stem, painting(place)) for place in places]
    rows = []
    for seen in (True, False):
        chosen = [wanted for name, wanted in paintings if (name not in UNSEEN) is seen]
        for title, net in (("the photo itself", None), *nets.items()):
            told = [judge(content if net is None else painted(net, content, wanted), content, wanted) for content in photos for wanted in chosen]
            means = {key: sum(one[key] for one in told) / len(told) for key in told[0]}
            rows.append({"paintings": "seen in training" if seen else "unseen", "network": title, "pictures": len(told), **means})
    content, wanted = torch.rand(1, 3, SIZE, SIZE), paintings[0][1]
    for title, net in nets.items():
        seconds = timed(partial(as_the_method, net, content, wanted))
        rows.append({"network": title, "threads": torch.get_num_threads(), "size": SIZE, **spread(seconds)})
    write("any_style", __doc__.splitlines()[0], rows)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
