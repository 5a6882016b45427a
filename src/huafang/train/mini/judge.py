"""How well pictures follow their prompts: a small classifier of scenes, and a distance between sets of pictures in its features.

It learns from scenes that were drawn, so it knows what "a castle", "by the sea" and "at dusk" look like, and is then asked about pictures that were generated.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from huafang.models import tensorfile
from huafang.scenes.facts import Facts, Place, Subject, Time
from huafang.scenes.words import chinese, english
from huafang.scenes.words.told import tell
from huafang.train import loop
from huafang.train.mini.data import UNSEEN, Pictures, chosen, facts, picture

Question = Literal["subject", "place", "time"]
ANSWERS: dict[Question, tuple[str, ...]] = {"subject": get_args(Subject), "place": get_args(Place), "time": get_args(Time)}
SIDE = 64
"""Pictures are looked at in this size."""
WIDTHS = (24, 48, 96, 160)


class Judge(nn.Module):
    """(B, 3, H, W) in [0, 1] -> features (B, 160) and a row of scores for each question."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in WIDTHS:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, stride=2, padding=1)]
            layers += [nn.BatchNorm2d(width), nn.ReLU()]
            before = width
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.ModuleDict({question: nn.Linear(2 * WIDTHS[-1], len(answers)) for question, answers in ANSWERS.items()})

    def features(self, pixels: Tensor) -> Tensor:
        """Mean and maximum over the picture, (B, 320)."""
        x = self.trunk(F.interpolate(pixels, size=(SIDE, SIDE), mode="area") * 2 - 1)
        return torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        found = self.features(pixels)
        return {question: head(found) for question, head in self.heads.items()}


def learn(pictures: Pictures, count: int, *, steps: int, device: str, tell_step: Callable[[int, float], None], batch: int = 64) -> Judge:
    """A judge that has looked at the first `count` pictures, shifted a little each time."""
    torch.manual_seed(pictures.seed)
    judge = Judge().to(device)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=1e-2)
    for step in range(steps):
        loop.set_rate(optimizer, 2e-3 * loop.rate(step, steps, cooldown=0.6))
        numbers = chosen(count, batch, step, pictures.seed)
        pixels = _jittered(pictures.batch(numbers), loop.generator(pictures.seed, step, "judge")).to(device)
        scores = judge(pixels)
        loss = torch.stack([F.cross_entropy(scores[q], _labels(q, [facts(pictures.seed, n) for n in numbers]).to(device)) for q in ANSWERS]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        tell_step(step + 1, float(loss.detach()))
    return judge.eval().requires_grad_(False)


def save(judge: Judge, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.detach().cpu().contiguous() for key, value in judge.state_dict().items()}, path)


def load(path: Path) -> Judge:
    judge = Judge()
    judge.load_state_dict(tensorfile.load(path))
    return judge.eval().requires_grad_(False)


@dataclass(frozen=True)
class Asked:
    """A prompt for an unseen scene, and what it says: None where it says nothing of it."""

    number: int
    prompt: str
    answers: dict[Question, str | None]


def prompts(seed: int, count: int, language: Literal["en", "zh"]) -> list[Asked]:
    """`count` captions of scenes that were never trained on."""
    asked = []
    for number in range(UNSEEN, UNSEEN + count):
        known = facts(seed, number)
        mark = f"judge:{seed}:{number}:{language}"
        told = tell(known, random.Random(mark))  # noqa: S311  # no secret; a caption draws first what it tells
        text = (english if language == "en" else chinese)(known, random.Random(mark))  # noqa: S311
        asked.append(Asked(number, text, {"subject": told.subject, "place": told.place, "time": told.time}))
    return asked


@torch.no_grad()
def share_right(judge: Judge, pixels: Sequence[Tensor], asked: Sequence[Asked]) -> dict[str, float]:
    """Of the pictures (1, 3, H, W) whose prompt speaks of it: the share in which the judge sees the subject, the place, the time."""
    scores = [judge(one) for one in pixels]
    shares: dict[str, float] = {}
    for question, answers in ANSWERS.items():
        rows = [(score[question], said) for score, one in zip(scores, asked, strict=True) if (said := one.answers[question]) is not None]
        shares[question] = sum(answers[int(score.argmax())] == said for score, said in rows) / max(1, len(rows))
    return shares


def drawn(pictures: Pictures, count: int) -> list[Tensor]:
    """`count` unseen scenes as they are drawn, (1, 3, size, size) each: what the judge's own accuracy is measured on."""
    fresh = (picture(pictures.seed, number, pictures.size, pictures.painter) for number in range(UNSEEN, UNSEEN + count))
    return [torch.from_numpy(pixels)[None].float() / 255 for pixels in fresh]


def whole_truth(seed: int, count: int) -> list[Asked]:
    """The unseen scenes with all of their facts as answers."""
    known = [(number, facts(seed, number)) for number in range(UNSEEN, UNSEEN + count)]
    return [Asked(number, "", {"subject": f.subject, "place": f.place, "time": f.time}) for number, f in known]


@torch.no_grad()
def distance(judge: Judge, a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """Fréchet distance (Heusel et al. 2017) between gaussians fitted to the judge's features of two sets of pictures."""
    one, other = (torch.cat([judge.features(x) for x in pixels]).double() for pixels in (a, b))
    mean = (one.mean(0) - other.mean(0)).square().sum()
    c1, c2 = torch.cov(one.T), torch.cov(other.T)
    # trace of (c1 c2)^(1/2) from the eigenvalues of the symmetric c1^(1/2) c2 c1^(1/2)
    values, vectors = torch.linalg.eigh(c1)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ c2 @ root).clamp(min=0).sqrt().sum()
    return float(mean + c1.trace() + c2.trace() - 2 * cross)


def _labels(question: Question, known: Sequence[Facts]) -> Tensor:
    return torch.tensor([ANSWERS[question].index(getattr(one, question)) for one in known])


def _jittered(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Shifted by up to a sixteenth and a little lighter or darker, so that the judge does not learn pixels by heart."""
    most = pixels.shape[-1] // 16
    padded = F.pad(pixels, (most,) * 4, mode="replicate")
    x, y = (int(torch.randint(0, 2 * most + 1, (1,), generator=generator)) for _ in range(2))
    size = pixels.shape[-1]
    light = 1 + 0.06 * (torch.rand((len(pixels), 1, 1, 1), generator=generator) * 2 - 1)
    return (padded[..., y : y + size, x : x + size] * light).clamp(0, 1)
