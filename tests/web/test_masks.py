"""Masks painted on the page: by mouse, finger and keys, sent as pictures, and used by a method."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.web.conftest import Open, Server, api, complaints, get, load, photo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

ANY_STYLE = "#/m/micro_ast"
Pixels = NDArray[np.int16]


def flat(red: int, green: int, blue: int, *, name: str) -> dict[str, Any]:
    """A style of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (red, green, blue)).save(out, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": out.getvalue()}


def styled(page: Any, width: int = 192, height: int = 128) -> None:
    """The method with a photo and two styles."""
    load(page, photo(width, height))
    for n, style in enumerate((flat(200, 40, 30, name="red.png"), flat(30, 60, 200, name="blue.png")), 1):
        get(page, "field-style").locator("input[type=file]").set_input_files([style])
        page.wait_for_function("n => document.querySelectorAll('[data-testid=field-style] li img').length === n", arg=n)


def open_masks(page: Any) -> Any:
    get(page, "mask-open").click()
    canvas = get(page, "mask-canvas")
    canvas.wait_for()
    return canvas


def drag(page: Any, canvas: Any, *corners: tuple[float, float]) -> None:
    """The mouse, pressed, along points given as shares of the picture."""
    box = canvas.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def share(page: Any, tab: int) -> str:
    """How much of the picture the mask has, as its tab says."""
    text: str = get(page, f"mask-tab-{tab}").inner_text()
    return text.strip()


def pixels(page: Any, asset: str) -> Pixels:
    """A stored picture as (H, W, 3), 0 to 255."""
    fetched = "path => fetch(path).then((answer) => answer.arrayBuffer()).then((bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))))"
    with Image.open(io.BytesIO(base64.b64decode(page.evaluate(fetched, f"/api/assets/{asset}")))) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.int16)


def started(page: Any) -> dict[str, Any]:
    """The job that the form starts as it stands."""
    with page.expect_response(lambda response: response.url.endswith("/api/jobs") and response.request.method == "POST") as posted:
        get(page, "run").click()
    job: dict[str, Any] = posted.value.json()
    return job


def painted(page: Any) -> tuple[dict[str, Any], Pixels]:
    """What the form makes as it stands, and with which params."""
    done = started(page)
    while done["state"] != "done":
        assert done["state"] in ("queued", "running"), done
        page.wait_for_timeout(100)
        done = api(page, f"/api/jobs/{done['id']}")
    return done["params"], pixels(page, done["outputs"][0]["asset"])


def test_each_style_acts_where_its_mask_was_painted(server: Server, visit: Open) -> None:
    page = visit(server.address + ANY_STYLE)
    styled(page)
    canvas = open_masks(page)
    assert (share(page, 1), share(page, 2)) == ("all of it", "all of it")
    get(page, "mask-lasso").click()
    # From the mat beside the picture, beyond its edges.
    drag(page, canvas, (-0.05, 0.5), (-0.05, -0.05), (0.5, -0.05), (0.5, 1.05), (-0.05, 1.05))
    assert (share(page, 1), share(page, 2)) == ("50 %", "the rest")
    get(page, "mask-apply").click()
    get(page, "mask-dialog").wait_for(state="detached")
    assert get(page, "field-masks").locator("li").count() == 2

    params, both = painted(page)
    left, right = (pixels(page, mask) for mask in params["masks"])
    assert left.shape == (128, 192, 3), "a mask is of the photo's size"
    assert left[:, :90].min() == 255
    assert left[:, 102:].max() == 0
    assert np.abs(255 - left - right).max() <= 1, "what was not painted is the other style's"
    # Two styles at their own places: each half is what its style alone makes of the whole photo.
    get(page, "field-style").get_by_role("button", name="Remove picture 2").click()
    assert get(page, "field-masks").locator("li").count() == 0, "one style's mask fills its field like any single picture"
    get(page, "field-masks").get_by_role("button", name="Remove").click()
    _, red = painted(page)
    assert np.abs(both[:, :90] - red[:, :90]).max() <= 1
    assert np.abs(both[:, 102:] - red[:, 102:]).mean() > 10
    load(page, flat(30, 60, 200, name="blue.png"), "style")
    get(page, "field-style").get_by_role("button", name="Remove picture 1").click()
    _, blue = painted(page)
    assert np.abs(both[:, 102:] - blue[:, 102:]).max() <= 1


def test_a_mask_is_drawn_undone_changed_and_kept(server: Server, visit: Open) -> None:
    page = visit(server.address + ANY_STYLE)
    styled(page)
    canvas = open_masks(page)
    drag(page, canvas, (0.2, 0.5), (0.8, 0.5))
    stroke = share(page, 1)
    assert 4 <= int(stroke.split()[0]) <= 9, "60 % long and 8 % of the longest side wide"
    get(page, "mask-lasso").click()
    drag(page, canvas, (0.1, 0.1), (0.9, 0.1), (0.9, 0.3), (0.1, 0.3))
    assert int(share(page, 1).split()[0]) > int(stroke.split()[0]) + 10
    page.keyboard.press("Control+z")
    assert share(page, 1) == stroke
    get(page, "mask-redo").click()
    assert share(page, 1) != stroke
    get(page, "mask-undo").click()
    get(page, "mask-invert").click()
    assert int(share(page, 1).split()[0]) == 100 - int(stroke.split()[0])
    get(page, "mask-erase").click()
    get(page, "mask-box").click()
    drag(page, canvas, (-0.05, 0.0), (1.1, 1.1))
    assert share(page, 1) == "all of it", "nothing is left, and there is no other"
    page.keyboard.press("Control+z")
    # Soft edges are grey.
    get(page, "mask-tab-2").click()
    get(page, "mask-paint").click()
    get(page, "mask-brush").click()
    get(page, "mask-soft").fill("100")
    get(page, "mask-size").fill("100")
    drag(page, canvas, (0.5, 0.5), (0.51, 0.5))
    # Esc asks before it throws a drawing away.
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keep painting").click()
    get(page, "mask-apply").click()
    get(page, "mask-dialog").wait_for(state="detached")
    masks = started(page)["params"]["masks"]
    grey = pixels(page, masks[1])
    assert grey.max() > 230
    assert len(np.unique(grey)) > 50
    # Opened again it is as it was; what is not touched is not sent again.
    open_masks(page)
    assert int(share(page, 1).split()[0]) == 100 - int(stroke.split()[0])
    get(page, "mask-tab-2").click()
    get(page, "mask-clear").click()
    assert share(page, 2) == "the rest"
    get(page, "mask-apply").click()
    get(page, "mask-dialog").wait_for(state="detached")
    again = started(page)["params"]["masks"]
    assert again[0] == masks[0]
    # Thrown away is thrown away.
    canvas = open_masks(page)
    get(page, "mask-fill").click()
    page.keyboard.press("Escape")
    get(page, "mask-leave").click()
    get(page, "mask-dialog").wait_for(state="detached")
    shown = [image.get_attribute("src") for image in get(page, "field-masks").locator("li > img:first-child").all()]
    assert [again[0] in shown[0], again[1] in shown[1]] == [True, True]


def test_masks_are_painted_with_keys_and_fingers(server: Server, visit: Open) -> None:
    page = visit(server.address + ANY_STYLE, viewport={"width": 360, "height": 740}, locale="zh-CN", is_mobile=True, has_touch=True)
    styled(page)
    canvas = open_masks(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    canvas.focus()
    page.keyboard.down(" ")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.keyboard.up(" ")
    assert int(share(page, 1).strip("占 %")) > 2
    get(page, "mask-tab-2").tap()
    box = canvas.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    assert share(page, 2) == "占 1%"
    get(page, "mask-apply").tap()
    get(page, "mask-dialog").wait_for(state="detached")
    assert get(page, "field-masks").locator("li").count() == 2


def test_masks_may_be_files_and_are_counted(server: Server, visit: Open) -> None:
    page = visit(server.address + ANY_STYLE)
    assert get(page, "mask-open").is_disabled()
    get(page, "field-masks").get_by_text("To paint, first choose: Photo and Style pictures").wait_for()
    styled(page)
    files = get(page, "field-masks").locator("input[type=file]")
    files.set_input_files([flat(255, 255, 255, name="white.png")])
    get(page, "field-masks").get_by_role("alert").get_by_text("Masks: 1, pictures: 2").wait_for()
    files.set_input_files([flat(255, 255, 255, name="same.png")])
    page.wait_for_function("() => document.querySelectorAll('[data-testid=field-masks] li').length === 2")
    get(page, "field-masks").get_by_role("alert").wait_for(state="detached")
    open_masks(page)
    assert (share(page, 1), share(page, 2)) == ("100 %", "100 %")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_of_in_the_mask_painter(server: Server, visit: Open, scheme: str) -> None:
    page = visit(server.address + ANY_STYLE, color_scheme=scheme)
    styled(page)
    canvas = open_masks(page)
    drag(page, canvas, (0.2, 0.5), (0.8, 0.5))
    assert complaints(page) == []
    page.keyboard.press("Escape")
    get(page, "mask-leave").wait_for()
    assert complaints(page) == []


@pytest.mark.parametrize("size", [{}, {"viewport": {"width": 390, "height": 844}, "has_touch": True}])
def test_a_part_of_a_photo_is_drawn_anew_where_it_was_painted(server: Server, visit: Open, size: dict[str, Any]) -> None:
    page = visit(server.address + "#/m/inpaint", **size)
    load(page, photo(128, 128))
    get(page, "field-prompt").locator("textarea").fill("a lighthouse by day")
    canvas = open_masks(page)
    get(page, "mask-lasso").click()
    drag(page, canvas, (0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
    get(page, "mask-apply").click()
    get(page, "mask-dialog").wait_for(state="detached")
    get(page, "field-steps").get_by_role("textbox").fill("5")
    params, drawn = painted(page)
    before, mask = (pixels(page, params[name] if name == "content" else params[name][0]) for name in ("content", "mask"))
    assert mask[64, 64].min() == 255
    assert mask[10, 10].max() == 0
    assert np.array_equal(drawn[:20], before[:20]), "outside of the mask nothing changes"
    assert np.abs(drawn[40:88, 40:88] - before[40:88, 40:88]).mean() > 5
    assert complaints(page) == []
