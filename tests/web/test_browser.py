"""The studio as its visitor meets it: a real server, a real Chromium, no mocks. Here a picture's way from the photo to the gallery."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.web.conftest import METHOD_PAGE, Open, Server, api, get, load, paint, photo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

GATHER_PREVIEWS = """() => {
  window.seen = new Set();
  new MutationObserver(() => {
    const preview = document.querySelector('[data-testid=preview]');
    if (preview) window.seen.add(preview.src);
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


def test_a_photo_is_painted_watched_compared_and_taken_home(server: Server, visit: Open, tmp_path: Path) -> None:
    page = visit(server.address)
    get(page, "method-card-stroke_rendering").click()
    load(page, photo(900, 600))
    page.evaluate(GATHER_PREVIEWS)
    get(page, "run").click()
    get(page, "progress").wait_for()
    page.wait_for_function("() => /^\\d+% · /.test(document.title)", timeout=90_000)
    get(page, "result").wait_for(timeout=120_000)
    seen = page.evaluate("() => [...window.seen]")
    assert len(seen) >= 2
    assert all(address.startswith("data:image/webp;base64,") for address in seen)

    curtain = get(page, "compare").locator("input[type=range]")
    before = get(page, "compare").locator("div").first.evaluate("element => element.style.clipPath")
    curtain.focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    assert curtain.input_value() == "30"
    assert get(page, "compare").locator("div").first.evaluate("element => element.style.clipPath") != before
    box = get(page, "compare").bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    assert 74 <= int(curtain.input_value()) <= 86

    with page.expect_download() as coming:
        get(page, "download").click()
    coming.value.save_as(tmp_path / "picture.png")
    assert coming.value.suggested_filename.endswith(".png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (900, 600))
        assert len(picture.convert("RGB").getcolors(maxcolors=10**7) or []) > 100


def test_work_survives_a_reload_and_a_restart_of_the_server(chromium: Any, visit: Open, tmp_path: Path) -> None:
    server = Server(tmp_path)
    with server:
        page = visit(
            server.address + METHOD_PAGE, allow=("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET")
        )
        load(page, photo(160, 120))
        page.get_by_label("Expressionist").check(force=True)
        paint(page)
        page.reload()
        get(page, "result").wait_for()
        assert page.get_by_label("Expressionist").is_checked()
        made = api(page, "/api/jobs?state=done")["jobs"][0]["id"]
    get(page, "offline").wait_for()
    with server:
        get(page, "offline").wait_for(state="detached", timeout=20_000)
        page.goto(server.address + "#/gallery")
        get(page, "gallery-item").first.click()
        get(page, "detail").get_by_test_id("result").wait_for()
        assert made in page.url
        shown = get(page, "detail").locator("img").first
        page.wait_for_function("image => image.naturalWidth > 0", arg=shown.element_handle())


def test_bad_input_65_two_tabs_back_and_forward_a_reload_in_mid_job_and_a_line_that_breaks(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE, allow=("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_IO_SUSPENDED", "ERR_FAILED"))
    load(page, photo(2200, 1600))
    get(page, "run").click()
    get(page, "progress").wait_for()
    job = api(page, "/api/queue")["jobs"][0]["id"]
    other = page.context.new_page()  # of the same visitor
    other.goto(server.address + METHOD_PAGE)
    get(other, "progress").wait_for()
    page.reload()
    get(page, "progress").wait_for()
    page.goto(server.address + "#/gallery")
    page.go_back()
    get(page, "progress").wait_for()
    page.go_forward()
    page.locator("main h1").wait_for()
    page.go_back()
    page.context.set_offline(True)  # as when a laptop sleeps
    page.wait_for_timeout(500)
    page.context.set_offline(False)
    get(other, "cancel").click()
    for tab in (page, other):
        get(tab, "cancelled").wait_for(timeout=60_000)
    assert api(page, f"/api/jobs/{job}")["state"] == "cancelled"
    assert [one["id"] for one in api(page, "/api/jobs?limit=200")["jobs"]].count(job) == 1
    other.goto("about:blank")


def test_a_job_is_cancelled_while_it_paints(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(2400, 1800))
    get(page, "run").click()
    get(page, "cancel").click(timeout=60_000)
    get(page, "cancelled").wait_for(timeout=60_000)
    left = get(page, "left")
    page.wait_for_function("image => image.naturalWidth > 0", arg=left.element_handle())
    assert left.evaluate("image => Number(getComputedStyle(image).opacity)") < 1
    assert api(page, "/api/jobs?limit=1")["jobs"][0]["state"] == "cancelled"
    get(page, "run").click()
    page.wait_for_function("() => document.querySelector('[data-testid=progress]')")
    page.keyboard.press("Escape")
    get(page, "cancelled").wait_for(timeout=60_000)


def test_the_queue_is_paused_reordered_and_emptied(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(64, 48))
    get(page, "queue-toggle").click()
    get(page, "pause").click()
    page.get_by_text("The queue is paused").wait_for()
    page.keyboard.press("Escape")
    for _ in range(3):
        with page.expect_response(lambda response: response.url.endswith("/api/jobs") and response.request.method == "POST"):
            get(page, "run").click()
    page.wait_for_function("() => /3/.test(document.querySelector('[data-testid=queue-toggle]').textContent)")
    before = [job["id"] for job in api(page, "/api/queue")["jobs"]]
    assert len(before) == 3
    get(page, "queue-toggle").click()
    with page.expect_response("**/move"):
        get(page, "queue-item").nth(2).get_by_role("button", name="Earlier").click()
    assert [job["id"] for job in api(page, "/api/queue")["jobs"]] == [before[0], before[2], before[1]]
    page.get_by_role("button", name="Cancel all").click()
    page.wait_for_function("() => !document.querySelector('[data-testid=queue-item]')")
    assert api(page, "/api/queue")["queued"] == 0
    get(page, "pause").click()
    page.get_by_text("The queue is paused").wait_for(state="detached")


def test_a_long_queue_is_counted_and_cancelled_whole(server: Server, visit: Open) -> None:
    """The server lists the first 200 that wait."""
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(64, 48))
    get(page, "queue-toggle").click()
    get(page, "pause").click()
    page.get_by_text("The queue is paused").wait_for()
    page.keyboard.press("Escape")
    with page.expect_response(lambda response: response.url.endswith("/api/jobs") and response.request.method == "POST") as posted:
        get(page, "run").click()
    again = "async body => { for (let n = 0; n < 204; n++) await fetch('/api/jobs', {method: 'POST', headers: {'content-type': 'application/json'}, body}) }"
    page.evaluate(again, posted.value.request.post_data)
    get(page, "queue-toggle").click()
    page.get_by_text("Waiting (205)").wait_for()
    assert get(page, "queue-item").count() == 200
    page.get_by_role("button", name="Cancel all").click()
    page.wait_for_function("async () => (await (await fetch('/api/queue')).json()).queued === 0", timeout=60_000)
    get(page, "pause").click()
    page.get_by_text("The queue is paused").wait_for(state="detached")


def test_the_gallery_finds_deletes_and_gives_back(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(96, 64))
    page.get_by_label("Pointillist").check(force=True)
    paint(page)
    page.goto(server.address + "#/gallery")
    get(page, "gallery-search").fill("pointillist")
    page.wait_for_function("() => document.querySelectorAll('[data-testid=gallery-item]').length === 1")
    get(page, "gallery-search").fill("no such picture was ever made")
    page.get_by_text("Nothing found").wait_for()
    get(page, "gallery-search").fill("pointillist")
    get(page, "gallery-item").click()
    get(page, "delete").click()
    get(page, "detail").wait_for(state="detached")
    page.wait_for_function("() => !document.querySelector('[data-testid=gallery-item]')")
    page.get_by_role("button", name="Undo").click()
    get(page, "gallery-item").wait_for()
    get(page, "gallery-item").click()
    get(page, "detail").wait_for()
    page.keyboard.press("Delete")
    get(page, "detail").wait_for(state="detached")
    get(page, "trash").click()
    get(page, "gallery-item").click()
    get(page, "restore").click()
    get(page, "detail").wait_for(state="detached")
    get(page, "trash").click()
    get(page, "gallery-item").click()
    get(page, "detail").get_by_test_id("zoom-open").click()
    page.keyboard.press("Escape")
    get(page, "zoom").wait_for(state="detached")
    assert get(page, "detail").is_visible()
    get(page, "use-settings").click()
    get(page, "run").wait_for()
    assert page.get_by_label("Pointillist").is_checked()


def test_a_result_becomes_the_next_input(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(80, 60))
    paint(page)
    first = get(page, "field-content").locator("img").get_attribute("src")
    get(page, "use-as-input").click()
    page.wait_for_function("was => document.querySelector('[data-testid=field-content] img')?.getAttribute('src') !== was", arg=first)
    page.goto(server.address + "#/m/image_filters")
    second = get(page, "field-content").locator("img").get_attribute("src")
    assert second
    assert second != first


def test_two_pictures_of_one_photo_are_compared(server: Server, visit: Open) -> None:
    page = visit(server.address + METHOD_PAGE)
    load(page, photo(88, 66))
    paint(page)
    first = get(page, "compare").locator("img").first.get_attribute("src")
    page.get_by_label("Swirling").check(force=True)
    get(page, "run").click()
    page.wait_for_function(
        "was => { const now = document.querySelector('[data-testid=compare] img'); return now && now.getAttribute('src') !== was; }", arg=first
    )
    get(page, "compare-with").select_option(index=1)
    shown = [image.get_attribute("src") for image in get(page, "compare").locator("img").all()]
    assert shown[1] == first
    assert shown[0] != first
    # The caption leaves out the note in brackets: "Swirling (after Van Gogh)".
    assert get(page, "compare-label").last.inner_text().endswith("· Swirling")


def test_what_did_not_count_is_not_listed(server: Server, visit: Open) -> None:
    page = visit(server.address + "#/m/image_filters")
    load(page, photo(64, 48))
    paint(page)
    job = api(page, "/api/jobs?state=done&limit=1")["jobs"][0]
    method = next(one for one in api(page, "/api/methods")["methods"] if one["name"] == "image_filters")
    idle = {field["name"] for field in method["fields"] if field["when"] and str(job["params"][field["when"]["field"]]) not in field["when"]["values"]}
    assert idle
    page.goto(f"{server.address}#/gallery/{job['id']}")
    get(page, "detail").get_by_test_id("result").wait_for()
    listed = set(get(page, "detail").locator("[data-setting]").evaluate_all("rows => rows.map((row) => row.dataset.setting)"))
    assert listed
    assert not listed & idle


def test_with_a_token_pictures_come_all_the_same(chromium: Any, visit: Open, tmp_path: Path) -> None:
    token = "a-token-of-our-own"
    with Server(tmp_path, "--token", token) as server:
        stranger = visit(server.address, allow=("401 (",))
        stranger.get_by_label("Token").fill(token)
        stranger.get_by_role("button", name="Enter").click()
        get(stranger, "method-card-stroke_rendering").wait_for()

        page = visit(f"{server.address}#token={token}")
        get(page, "method-card-stroke_rendering").click()
        assert token not in page.url
        load(page, photo(64, 48))
        paint(page)
        page.wait_for_function("() => [...document.querySelectorAll('[data-testid=compare] img')].filter((image) => image.naturalWidth === 64).length === 2")
        with page.expect_download() as coming:
            get(page, "download").click()
        with Image.open(io.BytesIO(Path(coming.value.path()).read_bytes())) as picture:
            assert picture.size == (64, 48)
        for one in (page, stranger):
            one.goto("about:blank")
