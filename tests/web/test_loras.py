"""LoRAs on the page: added, weighed, removed; the picture is then what it was."""

import hashlib
import io
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

import huafang
from tests import loras
from tests.server.conftest import wait
from tests.web.conftest import Open, Server, api, complaints, get, paint

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
UNET = Path(huafang.__file__).parent / "builtin" / "mini" / "unet" / "diffusion_pytorch_model.safetensors"


def test_two_loras_are_added_weighed_and_removed_and_the_picture_is_as_before(server: Server, visit: Open) -> None:
    for seed, name in enumerate(("ink", "oil")):
        loras.write(server.data / "models" / f"{name}.safetensors", UNET, seed=seed)
    page = visit(server.address + "#/m/text_to_image")
    get(page, "field-prompt").get_by_role("textbox").fill("a house by the lake")
    get(page, "field-steps").get_by_role("textbox").fill("3")
    get(page, "advanced").click()
    get(page, "field-seed").get_by_role("button", name="Keep the seed").click()
    get(page, "field-seed").get_by_role("textbox").fill("7")
    field = get(page, "field-loras")

    def drawn() -> str:
        known = {job["id"] for job in api(page, "/api/jobs")["jobs"]}
        paint(page)
        wait(lambda: any(job["id"] not in known and job["state"] == "done" for job in api(page, "/api/jobs")["jobs"]))
        (job,) = [job for job in api(page, "/api/jobs")["jobs"] if job["id"] not in known]
        assert job["params"]["seed"] == 7
        with urllib.request.urlopen(f"{server.address}api/assets/{job['outputs'][0]['asset']}") as answer:
            return hashlib.sha256(Image.open(io.BytesIO(answer.read())).tobytes()).hexdigest()

    drawings = [drawn()]
    for name in ("ink", "oil"):
        field.get_by_role("combobox").select_option(name)
    drawings.append(drawn())
    assert page.get_by_text("modules changed").first.is_visible()
    get(page, "lora-oil").get_by_role("textbox").fill("0.3")
    drawings.append(drawn())
    assert not complaints(page)
    for name in ("ink", "oil"):
        get(page, f"lora-{name}").get_by_role("button").click()
    drawings.append(drawn())
    assert len(set(drawings)) == 3
    assert drawings[0] == drawings[3]
