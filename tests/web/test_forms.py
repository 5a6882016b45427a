"""Forms, and the news about them."""

import re
from typing import Any

import pytest

from tests.web.conftest import METHOD_PAGE, Open, Server, get, load, paint, photo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_a_form_says_what_is_missing_and_what_the_server_refused(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE, allow=("422 (",))
    get(page, "run").click()
    get(page, "field-content").get_by_role("alert").wait_for()
    load(page, photo(64, 64))
    assert not get(page, "field-content").get_by_role("alert").count()
    opacity = get(page, "field-opacity").get_by_role("textbox")
    opacity.fill("7")
    get(page, "field-opacity").get_by_role("alert").wait_for()
    opacity.fill("0.5")
    get(page, "field-opacity").get_by_role("alert").wait_for(state="detached")
    get(page, "advanced").click()
    get(page, "field-min_length").get_by_role("textbox").fill("40")
    get(page, "field-max_length").get_by_role("textbox").fill("2")
    get(page, "run").click()
    page.get_by_text(re.compile(r"min_length \(40\) is over its max_length \(2\)")).wait_for()


def test_news_of_the_form_goes_when_a_job_starts(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(64, 48))
    opacity = get(page, "field-opacity").get_by_role("textbox")
    opacity.fill("7")
    # Said once, however often it is pressed.
    for _ in range(3):
        get(page, "run").click()
    news = get(page, "toasts").get_by_text("Please look at the marked fields.")
    news.wait_for()
    assert get(page, "toasts").get_by_test_id("toast").count() == 1
    opacity.fill("0.5")
    get(page, "run").click()
    news.wait_for(state="detached", timeout=2000)
    get(page, "result").wait_for(timeout=120_000)


def test_at_most_two_toasts_and_none_over_the_buttons(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(64, 48))
    paint(page)
    # The same news twice is one toast.
    for _ in range(2):
        get(page, "result").get_by_role("button", name="Use these settings").click()
    assert get(page, "toasts").get_by_test_id("toast").count() == 1
    get(page, "use-as-input").click()
    get(page, "field-opacity").get_by_role("textbox").fill("7")
    get(page, "run").click()
    assert get(page, "toasts").get_by_test_id("toast").count() == 2
    lowest = max(box["y"] + box["height"] for box in (toast.bounding_box() for toast in get(page, "toasts").get_by_test_id("toast").all()))
    assert lowest < get(page, "download").bounding_box()["y"]


@pytest.mark.parametrize(("width", "height"), [(360, 640), (320, 568), (640, 360), (800, 360)])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_no_toast_over_the_run_button_of_a_phone(server: Server, visit: Open, width: int, height: int, locale: str) -> None:
    """Two of the longest, in either way of holding it."""
    page = visit(server.address + METHOD_PAGE, viewport={"width": width, "height": height}, locale=locale, is_mobile=True, has_touch=True, allow=("429 (",))
    load(page, photo(64, 48))
    words = "the queue is full of jobs that wait for one another and for the end of all days " * 12
    codes = ["queue.of.one", "queue.of.two"]

    def refuse(route: Any) -> None:
        code = codes.pop()
        route.fulfill(status=429, json={"type": "", "title": "no", "status": 429, "detail": f"{code} {words}", "code": code, "hint": words})

    page.route("**/api/queue/pause", refuse)
    get(page, "queue-toggle-phone" if width < 640 else "queue-toggle").click()
    for count in (1, 2):
        get(page, "pause").click()
        get(page, "toasts").get_by_test_id("toast").nth(count - 1).wait_for()
    page.keyboard.press("Escape")
    get(page, "queue").wait_for(state="detached")
    toasts = get(page, "toasts").get_by_test_id("toast").all()
    assert len(toasts) == 2
    button = get(page, "run").bounding_box()
    for toast in toasts:
        box = toast.bounding_box()
        assert box["y"] + box["height"] <= button["y"] or box["y"] >= button["y"] + button["height"], (box, button)
        assert box["y"] >= 0
    middle = [button["x"] + button["width"] / 2, button["y"] + button["height"] / 2]
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y)?.closest('[data-testid=run]') !== null", middle), "nothing lies on it"
    get(page, "run").click()
    get(page, "result").wait_for(timeout=120_000)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (1280, 850)])
def test_no_toast_over_the_buttons_of_the_queue(server: Server, visit: Open, width: int, height: int) -> None:
    page = visit(server.address + METHOD_PAGE, viewport={"width": width, "height": height}, is_mobile=width < 640, has_touch=width < 640, allow=("429 (",))
    words = "the queue is full of jobs that wait for one another " * 3

    def refuse(route: Any) -> None:
        route.fulfill(status=429, json={"type": "", "title": "no", "status": 429, "detail": words, "code": "queue.of.one", "hint": None})

    page.route("**/api/queue/pause", refuse)
    get(page, "queue-toggle-phone" if width < 640 else "queue-toggle").click()
    get(page, "pause").click()
    get(page, "toasts").get_by_test_id("toast").wait_for()
    for button in get(page, "queue").locator("button").all():
        box = button.bounding_box()
        middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        assert page.evaluate("([x, y]) => !document.elementFromPoint(x, y)?.closest('[data-testid=toasts]')", middle), button.inner_text()
    toast = get(page, "toasts").get_by_test_id("toast").bounding_box()
    assert toast["y"] >= 0
    assert toast["y"] + toast["height"] <= height


def test_a_number_left_to_the_method_is_not_shown_as_the_least(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    slider = get(page, "field-opacity").locator("input[type=range]")
    assert slider.get_attribute("aria-valuetext") == "auto"
    low, value, high = slider.evaluate("one => [Number(one.min), Number(one.value), Number(one.max)]")
    assert abs(value - (low + high) / 2) < 0.1 * (high - low)


def test_names_are_shown_as_text(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    name = "<img src=x onerror=\"document.title='taken over'\">.png"
    load(page, photo(48, 48, name=name))
    assert get(page, "file-name").inner_text() == name
    assert page.title() != "taken over"
    assert page.locator("img[src=x]").count() == 0


def test_what_the_browser_remembers_may_be_rubbish(server: Server, visit: Open) -> None:
    page = visit(server.address, allow=("404 (",))
    get(page, "method-card-stroke_rendering").wait_for()
    page.evaluate("""() => {
      for (const key of ["known", "forms", "current", "shared", "prefs"]) localStorage.setItem("huafang." + key, "null");
      localStorage.setItem("huafang.forms", '{"stroke_rendering": {"look": 7, "opacity": "thick", "radii": "wide"}}');
      localStorage.setItem("huafang.photo", '"0000"');
      localStorage.setItem("huafang.shared", "[1, 2]");
    }""")
    page.goto("about:blank")
    page.goto(server.address + "#/models")
    page.locator("main h1").wait_for()
    page.goto(server.address + METHOD_PAGE)
    get(page, "run").wait_for()
    assert get(page, "field-look").locator("input:checked").get_attribute("value") == "auto"
