"""How a picture came to be, as one HTML page to click through: each step's noise, the picture that the model expects, and where it looks for each word.

The page needs nothing beside it: no script, no address, pictures inside. Every word from outside is escaped.
"""

import base64
import math
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang import images
from huafang.context import File
from huafang.diffusion import latents
from huafang.diffusion.generate import Ready
from huafang.diffusion.prompt.encode import words_read
from huafang.diffusion.sampling.attention import AttentionMaps, recorded
from huafang.diffusion.sampling.loop import StepState

STEPS_SHOWN = 24
"""A page shows every step up to so many, and so many evenly chosen ones of a longer run."""
WORDS_SHOWN = 16
SIDE = 320
"""Longest side of the pictures, in pixels."""
DECODED = 1 << 20
"""Numbers in the largest map of a VAE that decodes in a moment on a CPU: of larger ones the page shows the latents' colours."""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
HEAT = (0.85, 0.16, 0.1)
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Moment:
    """A step: how many are done, ᾱ, the noisy latents and the expected picture as (1, 3, h, w), and a map (h, w) for each word."""

    done: int
    alpha: float
    noisy: Tensor
    expected: Tensor
    maps: dict[str, Tensor]


@dataclass
class Lesson:
    """What is recorded while one picture is drawn."""

    drawer: Ready
    steps: int
    maps: AttentionMaps
    moments: list[Moment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._words = words_read(self.drawer.model, self.drawer.prompt, self.steps, self.drawer.embeddings)

    def record(self, state: StepState) -> None:
        """Called after each step."""
        model = self.drawer.model
        shares = self.maps.take()
        words = next((words for end, words in self._words if state.done <= end), self._words[-1][1])
        by_word: dict[str, Tensor] = {}
        for word in words:
            by_word[word.text] = by_word.get(word.text, 0) + shares[list(word.places)].sum(0)
        shown = dict(list(by_word.items())[:WORDS_SHOWN])
        self.moments.append(Moment(state.done, state.alpha, latents.preview(model, state.noisy).cpu(), self._pixels(state.expected()), shown))

    def _pixels(self, expected: Tensor) -> Tensor:
        model = self.drawer.model
        numbers = model.vae.config.block_out_channels[0] * expected.shape[2] * expected.shape[3] * model.scale**2
        if model.device.type == "cpu" and numbers > DECODED:
            return latents.preview(model, expected).cpu()
        return latents.decode(model, expected).cpu()

    def page(self, pixels: Tensor, prompt: str, name: str) -> File:
        """The page of the finished picture `pixels`, (1, 3, H, W)."""
        return File(f"{name}.html", "text/html", _page(self.moments, pixels, prompt).encode())


@contextmanager
def recording(drawer: Ready, steps: int, size: tuple[int, int]) -> Iterator[Lesson]:
    """Record a picture of `size` (width, height) pixels while it is drawn in `steps` steps."""
    row = 1 if drawer.conditioning.guided else 0
    scale = drawer.model.scale
    with recorded(drawer.model.unet, row, (size[1] // scale, size[0] // scale)) as maps:
        yield Lesson(drawer, steps, maps)


def _page(moments: list[Moment], pixels: Tensor, prompt: str) -> str:
    count = min(len(moments), STEPS_SHOWN)
    chosen = [moments[round(place * (len(moments) - 1) / max(count - 1, 1))] for place in range(count)]
    ranges = _ranges(moments)
    panels = [_panel(moment, ranges, len(moments)) for moment in chosen] + [_last_panel(moments, pixels)]
    names = [str(moment.done) for moment in chosen] + [""]
    noise = [1 - moment.alpha for moment in chosen] + [0.0]
    inputs = "".join(
        f'<input type="radio" name="step" id="s{place}" aria-label="{label or "end"}"{" checked" if place == 0 else ""}>' for place, label in enumerate(names)
    )
    bars = "".join(
        f'<label for="s{place}"><span class="bar"><i style="height:{share:.0%}"></i></span><b>{label or _both("end")}</b></label>'
        for place, (label, share) in enumerate(zip(names, noise, strict=True))
    )
    shown = "".join(
        f"#s{place}:checked ~ main > section:nth-of-type({place + 1}) {{ display: block }} "
        f"#s{place}:checked ~ nav label:nth-of-type({place + 1}) {{ background: var(--mount); border-color: var(--seal) }} "
        for place in range(len(panels))
    )
    style = files("huafang.methods.text_to_image").joinpath("lesson.css").read_text("utf-8") + shown
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY, quote=True)}">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(prompt)}</title>\n<style>{style}</style>\n</head>\n<body>\n'
        f"<h1>{_both('title')}</h1><p class='prompt'>{escape(prompt)}</p><p class='soft'>{_both('how')}</p>\n"
        f"{inputs}\n<nav>{bars}</nav>\n<main>{''.join(panels)}</main>\n</body>\n</html>\n"
    )


def _panel(moment: Moment, ranges: dict[str, tuple[float, float]], steps: int) -> str:
    head = _both("step", done=moment.done, steps=steps, noise=f"{1 - moment.alpha:.0%}", signal=f"{moment.alpha:.0%}")
    pair = _figure(moment.noisy, "noisy") + _figure(moment.expected, "expected")
    heat = "".join(_heat(moment.expected, word, shares, *ranges[word]) for word, shares in moment.maps.items())
    looks = f"<h3>{_both('looks')}</h3><div class='words'>{heat}</div>" if heat else ""
    return f"<section><h2>{head}</h2><div class='pair'>{pair}</div>{looks}</section>"


def _last_panel(moments: list[Moment], pixels: Tensor) -> str:
    """The finished picture, and where the model looked for each word over all steps."""
    heat = ""
    for word in dict.fromkeys(word for moment in moments for word in moment.maps):
        mean = torch.stack([moment.maps[word] for moment in moments if word in moment.maps]).mean(0)
        heat += _heat(pixels, word, mean, float(mean.min()), float(mean.max()))
    looks = f"<h3>{_both('looked')}</h3><div class='words'>{heat}</div>" if heat else ""
    return f"<section><h2>{_both('finished')}</h2><div class='pair'>{_figure(pixels, 'picture')}</div>{looks}</section>"


def _ranges(moments: list[Moment]) -> dict[str, tuple[float, float]]:
    """The least and the largest share that each word has at any step: colours of one word can be compared from step to step."""
    ranges: dict[str, tuple[float, float]] = {}
    for moment in moments:
        for word, shares in moment.maps.items():
            low, high = ranges.get(word, (math.inf, -math.inf))
            ranges[word] = min(low, float(shares.min())), max(high, float(shares.max()))
    return ranges


def _figure(pixels: Tensor, key: str) -> str:
    alt = escape(words()["en"][key], quote=True)
    return f'<figure><img src="{_address(_scaled(pixels, SIDE, "bicubic"))}" alt="{alt}"><figcaption>{_both(key)}</figcaption></figure>'


def _heat(pixels: Tensor, word: str, shares: Tensor, low: float, high: float) -> str:
    """The picture in grey, red where the model looks for `word`."""
    small = _scaled(pixels, SIDE // 2, "bicubic")
    heat = F.interpolate(((shares - low) / max(high - low, 1e-8))[None, None], size=small.shape[2:], mode="bilinear", align_corners=False).clamp(0, 1)
    grey = 0.25 + 0.75 * (small * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    mixed = grey * (1 - 0.8 * heat) + torch.tensor(HEAT).view(1, 3, 1, 1) * 0.8 * heat
    return f'<figure><img src="{_address(mixed)}" alt="{escape(word, quote=True)}"><figcaption>{escape(word)}</figcaption></figure>'


def _scaled(pixels: Tensor, side: int, mode: str) -> Tensor:
    height, width = pixels.shape[2:]
    factor = side / max(height, width)
    size = max(1, round(height * factor)), max(1, round(width * factor))
    return F.interpolate(pixels, size=size, mode=mode, align_corners=False, antialias=factor < 1).clamp(0, 1)


def _address(pixels: Tensor) -> str:
    return "data:image/webp;base64," + base64.b64encode(images.encode(pixels, "webp", quality=80)).decode()


def _both(key: str, **values: object) -> str:
    return "".join(f'<span lang="{language}">{escape(words()[language][key].format(**values))}</span>' for language in LANGUAGES)


@cache
def words() -> dict[str, dict[str, str]]:
    """The page's own words, by language."""
    return tomllib.loads(files("huafang.methods.text_to_image").joinpath("lesson.toml").read_text("utf-8"))
