"""Pictures of 24 megapixels: each method paints them whole, in bounded memory."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

WIDTH, HEIGHT = 6000, 4000
RUN = """
import json, resource, sys
import torch
import huafang
from tests.conftest import scene
from huafang.api import Bench
from PIL import Image
method, settings = sys.argv[1], json.loads(sys.argv[2])
pixels = scene(400, 600).repeat_interleave(10, 2).repeat_interleave(10, 3)
photo = Image.fromarray((pixels[0].permute(1, 2, 0) * 255).byte().numpy())
style = Image.fromarray((scene(90, 120).flip(1)[0].permute(1, 2, 0) * 255).byte().numpy())
del pixels
painted = huafang.stylize(photo, **({"style": style} if sys.argv[3] else {}), method=method, **settings).image
print(json.dumps([painted.size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
"""


@pytest.mark.parametrize(
    ("method", "settings", "styled"),
    [
        ("image_filters", {"filter": "oil"}, False),
        ("image_filters", {"filter": "watercolour"}, False),
        ("stroke_rendering", {}, True),
        ("colour_transfer", {"transfer": "linear"}, True),
        ("micro_ast", {"size": 6000}, True),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_picture_of_24_megapixels(method, settings, styled):
    import json

    said = subprocess.run([sys.executable, "-c", RUN, method, json.dumps(settings), "yes" if styled else ""], capture_output=True, text=True, check=True)
    size, peak = json.loads(said.stdout)
    assert size == [WIDTH, HEIGHT]
    assert peak < 6e9
