"""Pictures on their way into the studio: sent, dropped, pasted, and the settings that they carry."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.web.conftest import METHOD_PAGE, Open, Server, api, get, load, paint, photo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

HAND_OVER = """([kind, base64, name]) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type: 'image/png' }));
  const event = kind === 'paste'
    ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
    : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


def test_a_picture_on_its_way_is_waited_for(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(64, 48, name="old.png"))
    old = get(page, "field-content").locator("img").get_attribute("src")
    held = hold_upload(page)
    get(page, "field-content").locator("input[type=file]").set_input_files([photo(48, 64, name="new.png")])
    page.get_by_role("button", name="Reading the picture…").wait_for()
    assert get(page, "run").is_disabled()
    before = len(api(page, "/api/jobs")["jobs"])
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(400)
    assert len(api(page, "/api/jobs")["jobs"]) == before
    held[0].continue_()
    page.get_by_role("button", name="Make it").wait_for()
    paint(page)
    new = get(page, "field-content").locator("img").get_attribute("src")
    content = api(page, "/api/jobs?state=done&limit=1")["jobs"][0]["params"]["content"]
    assert content in new
    assert content not in old


def test_the_easel_picture_on_its_way_is_waited_for(server: Server, visit: Open) -> None:
    page = visit(server.address)
    held = hold_upload(page)
    get(page, "easel").locator("input[type=file]").set_input_files([photo(48, 64)])
    get(page, "method-card-stroke_rendering").click()
    page.get_by_role("button", name="Reading the picture…").wait_for()
    assert get(page, "run").is_disabled()
    held[0].continue_()
    page.get_by_role("button", name="Make it").wait_for()
    paint(page)


def test_of_two_pictures_for_one_field_the_last_given_stays(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    field = get(page, "field-content")
    held = hold_upload(page)
    field.locator("input[type=file]").set_input_files([photo(40, 30, name="first.png")])
    field.get_by_text("first.png").wait_for()
    field.locator("input[type=file]").set_input_files([photo(30, 40, name="second.png")])
    get(page, "file-name").get_by_text("second.png").wait_for()
    with page.expect_response("**/api/assets"):
        held[0].continue_()
    page.get_by_role("button", name="Make it").wait_for()
    assert get(page, "file-name").inner_text() == "second.png"


def test_pictures_are_dropped_and_pasted_anywhere(server: Server, visit: Open) -> None:
    page = visit(server.address)
    get(page, "easel").wait_for()
    page.evaluate(HAND_OVER, ["drop", base64.b64encode(photo(50, 40)["buffer"]).decode(), "dropped.png"])
    get(page, "easel").get_by_text("dropped.png").wait_for()
    page.goto(server.address + "#/m/colour_transfer")
    get(page, "field-content").get_by_text("dropped.png").wait_for()
    # The first picture is there: the next goes to the field that is still empty, one more in place of the photo.
    page.evaluate(HAND_OVER, ["paste", base64.b64encode(photo(40, 50)["buffer"]).decode(), "pasted.png"])
    get(page, "field-style").get_by_text("pasted.png").wait_for()
    page.evaluate(HAND_OVER, ["paste", base64.b64encode(photo(30, 30)["buffer"]).decode(), "again.png"])
    get(page, "field-content").get_by_text("again.png").wait_for()
    paint(page)


def test_a_file_that_is_no_picture_is_refused_in_words(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE, allow=("422 (",))
    get(page, "field-content").locator("input[type=file]").set_input_files([{"name": "poem.png", "mimeType": "image/png", "buffer": b"no picture at all"}])
    fault = get(page, "field-content").get_by_role("alert")
    fault.wait_for()
    assert "poem.png" in fault.inner_text()


def test_a_picture_brings_its_settings_back(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(72, 54))
    page.get_by_label("Colourist wash").check(force=True)
    paint(page)
    with page.expect_download() as coming:
        get(page, "download").click()
    other = visit(server.address + "#/m/image_filters")
    carried = {"name": "carried.png", "mimeType": "image/png", "buffer": Path(coming.value.path()).read_bytes()}
    load(other, carried)
    get(other, "field-content").get_by_role("button", name="Use these settings").click()
    other.wait_for_url("**/" + METHOD_PAGE)
    assert other.get_by_label("Colourist wash").is_checked()
    seed = api(page, "/api/jobs?state=done&limit=1")["jobs"][0]["params"]["seed"]
    get(other, "advanced").click()
    assert get(other, "field-seed").get_by_role("textbox").input_value() == str(seed)


def test_settings_leave_out_pictures_that_are_gone_and_say_so(server: Server, visit: Open) -> None:
    page = visit(server.address + "#/m/colour_transfer", allow=("404 (",))
    load(page, photo(60, 44, name="style.png"), "style")
    kept = get(page, "field-style").locator("img").get_attribute("src").split("/")[3]
    asked = {"method": "colour_transfer", "content": "f" * 64, "style": ["e" * 64, kept], "transfer": "reinhard"}
    load(page, carried(page, asked))
    own = get(page, "field-content").locator("img").get_attribute("src")
    get(page, "field-style").get_by_role("button", name="Remove").click()
    get(page, "field-content").get_by_role("button", name="Use these settings").click()
    get(page, "toasts").get_by_text("without 2 pictures that are no longer here").wait_for()
    assert page.get_by_label("Reinhard").is_checked()
    assert [image.get_attribute("src").split("/")[3] for image in get(page, "field-style").locator("img").all()] == [kept]
    assert get(page, "field-content").locator("img").get_attribute("src") == own, "the picture that was there stays in place of the one that is gone"
    paint(page)


def test_a_picture_given_while_settings_are_looked_up_stays(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(61, 45, name="first.png"))
    first = get(page, "field-content").locator("img").get_attribute("src").split("/")[3]
    load(page, carried(page, {"method": "stroke_rendering", "content": first, "look": "pointillist"}))
    held: list[Any] = []
    page.route(f"**/api/assets/{first}/thumbnail*", lambda route: held.append(route))
    get(page, "field-content").get_by_role("button", name="Use these settings").click()
    page.wait_for_timeout(300)
    assert held, "it is being looked up"
    page.evaluate(HAND_OVER, ["drop", base64.b64encode(photo(62, 46)["buffer"]).decode(), "dropped.png"])
    get(page, "field-content").get_by_text("dropped.png").wait_for()
    for route in held:
        route.continue_()
    get(page, "toasts").get_by_text("The settings are in the form.").wait_for()
    assert page.get_by_label("Pointillist").is_checked()
    get(page, "field-content").get_by_text("dropped.png").wait_for()


def test_a_picture_of_another_tool_fills_the_form_and_says_what_is_lost(server: Server, visit: Open) -> None:
    settings = (
        "Steps: 25, Sampler: Euler a, Schedule type: Karras, CFG scale: 6.5, Seed: 99999999999, Size: 512x768, Model: nobody_v5, Hires upscale: 2, Clip skip: 2"
    )
    info = PngInfo()
    info.add_text("parameters", f"a red fox <lora:fur:0.8>\nNegative prompt: dull\n{settings}")
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "PNG", pnginfo=info)
    page = visit(server.address)
    get(page, "easel").wait_for()
    page.evaluate(HAND_OVER, ["drop", base64.b64encode(out.getvalue()).decode(), "fox.png"])
    lost = get(page, "easel").get_by_test_id("lost-settings")
    lost.wait_for()
    assert lost.locator("li").all_inner_texts() == [
        "the LoRA fur (0.8) is not loaded here",
        "there is no sampler Euler a Karras here: Euler a is the nearest",
        "seed 99999999999: 0 to 4294967295 is taken here",
        "not taken over: Hires upscale",
    ]
    get(page, "easel").get_by_role("button", name="Use these settings").click()
    page.wait_for_url("**/#/m/text_to_image")
    news = get(page, "toasts").get_by_text("The settings are in the form, except for these:")
    news.wait_for()
    assert "the model nobody_v5 is not on this machine" in news.inner_text()
    assert "seed 99999999999" in news.inner_text()
    assert get(page, "field-prompt").get_by_role("textbox").input_value().strip() == "a red fox"
    assert get(page, "field-negative_prompt").get_by_role("textbox").input_value() == "dull"
    assert get(page, "field-steps").get_by_role("textbox").input_value() == "25"
    get(page, "advanced").click()
    assert get(page, "field-clip_skip").get_by_role("textbox").input_value() == "2"


def test_the_easel_offers_a_picture_s_settings(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(70, 50))
    page.get_by_label("Pointillist").check(force=True)
    paint(page)
    with page.expect_download() as coming:
        get(page, "download").click()
    other = visit(server.address)
    get(other, "easel").wait_for()
    other.evaluate(HAND_OVER, ["drop", base64.b64encode(photo(50, 40)["buffer"]).decode(), "plain.png"])
    get(other, "easel").get_by_text("plain.png", exact=True).wait_for()  # it stands there, and is no longer read
    assert not get(other, "easel").get_by_role("button", name="Use these settings").count()
    other.evaluate(HAND_OVER, ["drop", base64.b64encode(Path(coming.value.path()).read_bytes()).decode(), "made.png"])
    get(other, "easel").get_by_role("button", name="Use these settings").click()
    other.wait_for_url("**/" + METHOD_PAGE)
    assert other.get_by_label("Pointillist").is_checked()


def hold_upload(page: Any) -> list[Any]:
    """The first upload from here on is held up: it comes to lie in the list, to be let go by `continue_()`."""
    held: list[Any] = []
    page.route("**/api/assets", lambda route: route.continue_() if held else held.append(route))
    return held


def carried(page: Any, params: dict[str, Any]) -> dict[str, Any]:
    """A small picture that says it was made with `params`."""
    out = io.BytesIO()
    info = PngInfo()
    info.add_text("huafang", json.dumps({"huafang": "0", "params": params}))
    Image.new("RGB", (40, 30), (90, 120, 60)).save(out, "PNG", pnginfo=info)
    return {"name": "carried.png", "mimeType": "image/png", "buffer": out.getvalue()}
