"""Draws the small pictures of the styles that need no weights again, with the built-in model: one scene in each, 160 × 160 pixels.

    python tools/style_previews.py

Look at the pictures before they are committed.
"""

import io
from pathlib import Path

from PIL import Image

import huafang
from huafang.diffusion import styles

PROMPT, SEED, STEPS, SIDE = "a red lighthouse by the sea at sunset", 5, 24, 160
FOLDER = Path(styles.__file__).parent / "style_previews"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for one in styles.built_in().values():
        if one.loras:
            continue
        drawn = huafang.generate(PROMPT, style_preset=one.name, seed=SEED, steps=STEPS).image
        small = io.BytesIO()
        drawn.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(small, "WEBP", quality=80, method=6)
        (FOLDER / f"{one.name}.webp").write_bytes(small.getvalue())
        print(f"{one.name}: {small.tell()} bytes", flush=True)


if __name__ == "__main__":
    main()
