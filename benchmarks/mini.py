"""Does the built-in model do what it is told? A classifier of scenes looks at pictures of 500 captions that were never trained on.

The judge is trained here, on fresh scenes, and its own accuracy on unseen drawn scenes stands beside every figure: no model can score above it for long.
The sheet of samples goes to docs/pictures. `python benchmarks/mini.py judge` only trains the judge, and keeps it in half precision for the tests.
"""

import sys
import time
from pathlib import Path

import torch
from _harness import write
from PIL import Image

from huafang.assets import Assets
from huafang.context import Context, Step
from huafang.diffusion import latents
from huafang.diffusion.model import load
from huafang.diffusion.model.load import Model
from huafang.diffusion.prompt.encode import encode
from huafang.diffusion.sampling import loop
from huafang.methods.train_mini import media
from huafang.models.store import ModelStore
from huafang.places import places
from huafang.train.mini import judge
from huafang.train.mini.data import Pictures

SEED, LEARNT, STEPS = 1, 16_000, 3000
ASKED = 500
DRAWN_WITH = {"steps": 12, "guidance": 7.5, "sampler": "dpmpp_2m_karras"}
SHEET = Path(__file__).parents[1] / "docs" / "pictures" / "mini_samples.jpg"
GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "judge.safetensors"


def trained_judge(home: Path, pictures: Pictures, ctx: Context) -> judge.Judge:
    place = home / f"judge-{SEED}-{LEARNT}-{STEPS}.safetensors"
    if not place.is_file():
        pictures.draw(LEARNT, ctx, workers=2, total=STEPS)
        judge.save(judge.learn(pictures, LEARNT, steps=STEPS, device="cpu", tell_step=lambda done, loss: ctx.step(done, STEPS, loss=loss)), place)
    return judge.load(place)


def picture(model: Model, prompt: str, seed: int, guidance: float = 7.5) -> torch.Tensor:
    generator = torch.Generator("cpu").manual_seed(seed)
    said = encode(model, prompt, guided=guidance > 1)
    start = model.start_noise(model.size, model.size, generator)
    settings = {**DRAWN_WITH, "guidance": guidance}
    return latents.decode(model, loop.sample(model, said, start, generator=generator, **settings))


def sheet(model: Model, asked: list[judge.Asked]) -> None:
    """64 pictures of unseen captions, the first ones, not chosen."""
    drawn = [picture(model, one.prompt, one.number) for one in asked[:64]]
    rows = [torch.cat(drawn[row * 8 : row * 8 + 8], dim=3) for row in range(8)]
    Image.fromarray((torch.cat(rows, dim=2)[0].permute(1, 2, 0).numpy() * 255 + 0.5).astype("uint8")).save(SHEET, quality=88)


def main(asked_count: int) -> None:
    home = places().root / "benchmarks"
    ctx = Context(Assets(home / "assets"), ModelStore(places().models), report=_told)
    pictures = Pictures(home / "scenes", SEED, 128, media.paint)
    knows = trained_judge(home, pictures, ctx)
    fresh = judge.drawn(pictures, asked_count)
    rows: list[dict[str, object]] = [
        {"what": "drawn scenes (the judge's own accuracy)", **judge.share_right(knows, fresh, judge.whole_truth(SEED, asked_count))}
    ]
    half = asked_count // 2
    rows[0]["distance"] = judge.distance(knows, fresh[:half], fresh[half:])
    for name, language, guidance in (("mini", "en", 7.5), ("mini-zh", "zh", 7.5)):
        model = load.load(ctx.weights_path(name))
        asked = judge.prompts(SEED, asked_count, language)
        started = time.perf_counter()
        made = [picture(model, one.prompt, one.number, guidance) for one in asked]
        seconds = (time.perf_counter() - started) / asked_count
        shares = judge.share_right(knows, made, asked)
        rows.append(
            {
                "what": f"{name}, guidance {guidance:g}",
                **shares,
                "distance": judge.distance(knows, made, fresh),
                "seconds_per_picture": seconds,
                **_told_of(asked),
            }
        )
        print(rows[-1], flush=True)
        if name == "mini":
            sheet(model, asked)
    write("mini", "Does the built-in model draw the subject, the place and the time that an unseen caption asks for?", rows, seed=SEED)


def _told_of(asked: list[judge.Asked]) -> dict[str, int]:
    """How many of the captions speak of it."""
    return {f"captions_with_{question}": sum(one.answers[question] is not None for one in asked) for question in judge.ANSWERS}


def _told(step: Step) -> None:
    if step.done % 100 == 0:
        print(step.done, step.total, dict(step.figures), flush=True)


def keep_judge() -> None:
    home = places().root / "benchmarks"
    ctx = Context(Assets(home / "assets"), ModelStore(places().models), report=_told)
    judge.save(trained_judge(home, Pictures(home / "scenes", SEED, 128, media.paint), ctx).half(), GOLDEN)


if __name__ == "__main__":
    if sys.argv[1:] == ["judge"]:
        keep_judge()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ASKED)
