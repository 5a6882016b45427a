"""What keys do, what they leave alone, and what is asked before work is lost."""

import re

import pytest

from tests.server.conftest import wait
from tests.web.conftest import METHOD_PAGE, Open, Server, api, get, load, paint, photo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_esc_in_a_field_stops_nothing(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(64, 48))
    get(page, "queue-toggle").click()
    get(page, "pause").click()
    page.get_by_text("The queue is paused").wait_for()
    page.keyboard.press("Escape")
    get(page, "queue").wait_for(state="detached")
    get(page, "run").click()
    get(page, "progress").wait_for()
    get(page, "field-opacity").get_by_role("textbox").press("Escape")
    get(page, "field-opacity").get_by_role("slider").press("Escape")
    page.wait_for_timeout(300)
    job = api(page, "/api/queue")["jobs"][0]
    assert job["state"] == "queued"
    get(page, "run").focus()
    page.keyboard.press("Escape")
    get(page, "cancelled").wait_for()
    get(page, "queue-toggle").click()
    get(page, "pause").click()
    page.get_by_text("The queue is paused").wait_for(state="detached")


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_training_is_stopped_only_after_a_question(server: Server, visit: Open, locale: str) -> None:
    page = visit(server.address + "#/m/train_mini", locale=locale)
    get(page, "run").click()
    get(page, "cancel").wait_for()
    wait(lambda: api(page, "/api/queue")["jobs"][0]["state"] == "running")
    page.get_by_text(re.compile(r"Getting ready|Step \d|正在准备|第 \d+ 步")).first.wait_for()
    page.keyboard.press("Escape")
    get(page, "cancel-dialog").wait_for()
    page.keyboard.press("Escape")
    get(page, "cancel-dialog").wait_for(state="detached")
    assert not api(page, "/api/queue")["jobs"][0]["cancelling"]
    get(page, "cancel").click()
    get(page, "cancel-confirm").click()
    get(page, "cancelled").wait_for(timeout=120_000)


def test_a_question_mark_lists_the_shortcuts(server: Server, visit: Open) -> None:
    page = visit(server.address)
    get(page, "method-card-stroke_rendering").wait_for()
    page.keyboard.press("?")
    get(page, "shortcuts").get_by_text("Ctrl + Enter").wait_for()
    page.keyboard.press("Escape")
    get(page, "shortcuts").wait_for(state="detached")
    page.goto(server.address + "#/gallery")
    get(page, "gallery-search").press("?")
    assert get(page, "shortcuts").count() == 0
    assert get(page, "gallery-search").input_value() == "?"


def test_another_one_is_one_click(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(64, 48))
    paint(page)
    first = api(page, "/api/jobs?state=done&limit=1")["jobs"][0]
    with page.expect_response(lambda response: response.url.endswith("/api/jobs") and response.request.method == "POST") as posted:
        get(page, "new-seed").click()
    second = posted.value.json()
    assert second["id"] != first["id"]
    assert second["params"]["seed"] != first["params"]["seed"]
    assert {**second["params"], "seed": 0} == {**first["params"], "seed": 0}
    get(page, "result").get_by_text(f"seed {second['params']['seed']}").wait_for()


@pytest.mark.parametrize(("locale", "label"), [("en-US", "Mini (built in) or"), ("zh-CN", "Mini（内置）或")])
def test_the_model_field_says_which_model_draws(server: Server, visit: Open, locale: str, label: str) -> None:
    page = visit(server.address + "#/m/text_to_image", locale=locale)
    field = get(page, "field-model").get_by_role("combobox")
    field.wait_for()
    page.wait_for_function("([field, label]) => field.selectedOptions[0].text.startsWith(label)", arg=[field.element_handle(), label])
