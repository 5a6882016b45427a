"""For every visitor: both languages, light and dark, a phone, the keyboard alone, a screen reader."""

import re
from typing import Any

import pytest

from tests.web.conftest import METHOD_PAGE, Open, Server, api, complaints, get, load, paint, photo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_it_speaks_english_and_chinese(server: Server, visit: Open) -> None:
    page = visit(server.address)
    card = get(page, "method-card-stroke_rendering")
    card.wait_for()
    english = (page.title(), card.inner_text(), get(page, "run").count())
    assert page.evaluate("() => document.documentElement.lang") == "en"
    get(page, "language").click()
    page.wait_for_function("() => document.documentElement.lang === 'zh-CN'")
    assert page.title() != english[0]
    assert card.inner_text() != english[1]
    assert re.search("[一-鿿]", page.title())
    card.click()
    assert re.search("[一-鿿]", get(page, "field-content").inner_text())
    assert re.search("[一-鿿]", get(page, "run").inner_text())
    page.reload()
    get(page, "run").wait_for()
    assert page.evaluate("() => document.documentElement.lang") == "zh-CN"
    chinese = visit(server.address, locale="zh-CN")
    get(chinese, "language").wait_for()
    assert chinese.evaluate("() => document.documentElement.lang") == "zh-CN"


def test_figures_and_faults_are_said_in_chinese(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE, locale="zh-CN", allow=("422 (", "404 ("))
    get(page, "field-content").locator("input[type=file]").set_input_files([{"name": "letter.png", "mimeType": "image/png", "buffer": b"a letter to my aunt"}])
    said = get(page, "field-content").get_by_role("alert")
    said.get_by_text("无法作为图片读取").wait_for()
    assert not re.search("[a-z]{4,} [a-z]{3,}", said.inner_text().replace("letter.png", "")), "no English sentence"
    load(page, photo(120, 90))
    paint(page)
    names = get(page, "figures").locator("dt").all_inner_texts()
    assert "第 1 层笔触数" in names
    assert all(re.search("[一-鿿]", name) for name in names)
    get(page, "language").click()
    assert "Strokes in layer 1" in get(page, "figures").locator("dt").all_inner_texts()
    get(page, "language").click()
    # a job that failed: in Chinese, with the studio's own words at hand
    page.route(
        "**/api/jobs?*",
        lambda route: route.fulfill(json={"jobs": [failed(page)], "next": None}) if "state=failed" in route.request.url else route.continue_(),
    )
    get(page, "queue-toggle").click()
    note = get(page, "queue-item").get_by_role("alert")
    note.get_by_text("图片已被删除").wait_for()
    note.get_by_text("原文").click()
    note.get_by_text("the picture is gone").wait_for()


def test_models_say_what_they_are_for(server: Server, visit: Open) -> None:
    page = visit(server.address + "#/models")
    page.get_by_text("for neural style").first.wait_for()
    page.get_by_text("for text to image").first.wait_for()
    text = page.locator("main").inner_text()
    get(page, "language").click()
    page.get_by_text("任意风格（内置）").wait_for()
    page.get_by_text("一次前向，按任意图片的风格重绘照片").wait_for()
    assert not [sort for sort in ("for vgg", "for alexnet", "for lpips") if sort in text]


def test_it_is_light_dark_or_as_the_system(server: Server, visit: Open) -> None:
    page = visit(server.address, color_scheme="dark")
    ground = "() => getComputedStyle(document.documentElement).backgroundColor"
    get(page, "theme").wait_for()
    dark = page.evaluate(ground)
    get(page, "theme").click()
    light = page.evaluate(ground)
    assert sum(map(int, re.findall(r"\d+", light))) > 600 > 150 > sum(map(int, re.findall(r"\d+", dark)))
    page.reload()
    assert page.evaluate(ground) == light
    get(page, "theme").click()
    assert page.evaluate(ground) == dark
    assert get(page, "theme").get_attribute("data-theme-choice") == "dark"


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_phone_needs_no_sideways_scroll(server: Server, visit: Open, locale: str) -> None:
    page = visit(server.address, viewport={"width": 360, "height": 740}, locale=locale, is_mobile=True, has_touch=True, device_scale_factor=2)
    methods = [method["name"] for method in api(page, "/api/methods")["methods"] if method["family"] != "tool"]
    assert methods
    for place in ("#/", "#/gallery", "#/models", *(f"#/m/{name}" for name in methods)):
        page.goto(server.address + place)
        page.locator("main h1").wait_for()
        for fold in page.get_by_test_id("advanced").all():
            fold.click()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360, place


def test_the_keyboard_alone_is_enough(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(64, 48))
    page.keyboard.press("Control+Enter")
    get(page, "result").wait_for(timeout=60_000)
    for testid in ("download", "compare-toggle"):
        get(page, testid).focus()
        assert page.evaluate("() => document.activeElement.dataset.testid") == testid
    page.keyboard.press("Enter")
    get(page, "compare").wait_for(state="detached")
    get(page, "zoom-open").press("Enter")
    get(page, "zoom").wait_for()
    page.keyboard.press("+")
    page.keyboard.press("Escape")
    get(page, "zoom").wait_for(state="detached")
    assert page.evaluate("() => document.activeElement.dataset.testid") == "zoom-open"


def test_every_control_has_a_name(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(48, 48))
    paint(page)
    get(page, "advanced").click()
    nameless = """() => [...document.querySelectorAll('button, a, input:not([type=file]), select, textarea')].filter((element) => {
      const labels = [...(element.labels ?? [])].map((label) => label.textContent).join('');
      return !(element.getAttribute('aria-label') || labels || element.textContent.trim() || element.querySelector('img[alt]:not([alt=""])'));
    }).map((element) => element.outerHTML.slice(0, 120))"""
    for place in (METHOD_PAGE, "#/", "#/gallery", "#/models", "#/m/text_to_image"):
        page.goto(server.address + place)
        page.locator("main h1").wait_for()
        assert page.evaluate(nameless) == [], place


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_of(server: Server, visit: Open, scheme: str) -> None:
    """WCAG 2.2 AA, contrast included, as far as a program can tell: every method by day on a desk; otherwise, and on a phone, those that show every control."""
    page = visit(server.address + METHOD_PAGE, color_scheme=scheme)
    load(page, photo(48, 48))
    paint(page)
    get(page, "advanced").click()
    methods = [method for method in api(page, "/api/methods")["methods"] if method["family"] != "tool"]
    for width, height in ((1280, 850), (360, 740)):
        page.set_viewport_size({"width": width, "height": height})
        rooms = [method["name"] for method in (methods if (scheme, width) == ("light", 1280) else telling(methods))]
        for place in ("#/", "#/gallery", "#/models", *(f"#/m/{name}" for name in rooms)):
            page.goto(server.address + place)
            page.locator("main h1").wait_for()
            assert complaints(page) == [], (place, width)
    get(page, "queue-toggle-phone").click()
    get(page, "queue").wait_for()
    assert complaints(page) == []
    page.keyboard.press("Escape")
    page.goto(server.address + "#/gallery")
    get(page, "gallery-item").first.click()
    get(page, "detail").get_by_test_id("result").wait_for()
    assert complaints(page) == []


def test_notes_are_said_in_the_visitor_s_language(server: Server, visit: Open) -> None:
    page = visit(server.address + "#/m/gatys", locale="zh-CN")
    load(page, photo(72, 54))
    load(page, photo(64, 64, name="style.png"), "style")
    get(page, "field-steps").get_by_role("textbox").fill("1")
    paint(page)
    get(page, "result").get_by_text("照片最长边是 72 像素，不会放大到 512。").wait_for()
    get(page, "language").click()
    get(page, "result").get_by_text("the photo's longest side has 72 pixels: it is not enlarged to 512").wait_for()


def telling(methods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A few of `methods` in which every kind of field is to be seen."""
    kinds = {method["name"]: {field["kind"] for field in method["fields"]} for method in methods}
    chosen: list[dict[str, Any]] = []
    missing = set().union(*kinds.values())
    while missing:
        best = max(methods, key=lambda method: len(kinds[method["name"]] & missing))
        missing -= kinds[best["name"]]
        chosen.append(best)
    return chosen


def failed(page: Any) -> dict[str, Any]:
    done: dict[str, Any] = api(page, "/api/jobs?state=done&limit=1")["jobs"][0]
    return done | {
        "id": "0" * 24,
        "state": "failed",
        "outputs": [],
        "error": {"code": "asset.missing", "message": "the picture is gone", "hint": "bring it again"},
    }
