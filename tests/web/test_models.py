"""The page of models: what each is, found by words, renamed."""

from pathlib import Path

import pytest

import huafang as package
from tests import loras
from tests.web.conftest import Open, Server, complaints, get

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
UNET = Path(package.__file__).parent / "builtin" / "mini" / "unet" / "diffusion_pytorch_model.safetensors"


@pytest.mark.parametrize(("width", "height", "locale"), [(1440, 900, "en-US"), (390, 844, "zh-CN")])
def test_a_model_is_found_and_renamed(server: Server, visit: Open, width: int, height: int, locale: str) -> None:
    models = server.data / "models"
    models.mkdir(exist_ok=True)
    loras.write(models / "glow.safetensors", UNET)
    page = visit(server.address + "#/models", locale=locale, viewport={"width": width, "height": height}, allow=("422 (",))
    get(page, "model-search").fill("lora glow")
    row = get(page, "model-glow")
    row.wait_for()
    assert page.locator("li[data-testid^=model-]").count() == 1
    english = locale == "en-US"
    assert ("Huafang's mini" if english else "画坊 mini") in row.inner_text()
    assert ("rank 2" if english else "秩 2") in row.inner_text()
    assert not complaints(page)
    row.get_by_role("button", name="Rename" if english else "改名").click()
    box = row.get_by_role("textbox")
    box.fill("mini")
    box.press("Enter")
    page.get_by_text("comes with Huafang" if english else "mini").first.wait_for()
    box.fill("my-glow")
    box.press("Enter")
    get(page, "model-my-glow").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out"
    get(page, "model-search").fill("no such thing")
    page.get_by_text("No model fits this search." if english else "没有符合的模型。").first.wait_for()
    (models / "my-glow.safetensors").unlink()
