"""Makes the small pictures of choices again: one photo with each look of the methods in `FIELDS`, 160 × 120 pixels each.

    python tools/choice_pictures.py [METHOD …]

The photo is scikit-image's picture of a cat (`chelsea`, CC0, by Stéfan van der Walt). Look at the pictures before they are committed.
"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

import huafang
from huafang import methods
from huafang.params import fields

FIELDS = {"multi_style": ("look", 640), "stroke_rendering": ("look", 224), "image_filters": ("filter", 256)}
"""Method -> the field, and the width at which the photo is painted: strokes of a few pixels have to show at a quarter of it."""
BOX = (60, 0, 428, 276)
"""Where the cat is, 4 : 3."""
SHOWN = (160, 120)
METHODS = Path(__file__).parents[1] / "src" / "huafang" / "methods"


def main(names: list[str]) -> None:
    whole = Image.fromarray(data.chelsea()).crop(BOX)
    for name in names:
        field, width = FIELDS[name]
        photo = whole.resize((width, width * 3 // 4), Image.Resampling.LANCZOS)
        spec = next(one for one in fields(methods.METHODS[name]) if one.name == field)
        folder = METHODS / name / "choices" / spec.name
        folder.mkdir(parents=True, exist_ok=True)
        for value in spec.choices:
            if value == "auto":
                continue
            made = huafang.run(name, content=np.asarray(photo), **{spec.name: value}).image
            small = io.BytesIO()
            made.convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS).save(small, "WEBP", quality=78, method=6)
            (folder / f"{value}.webp").write_bytes(small.getvalue())
            print(f"{name} {value}: {small.tell()} bytes", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(FIELDS))
