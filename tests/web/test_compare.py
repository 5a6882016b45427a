"""The comparison in the browser: methods picked as pills, the grid as it grows, the report as a file that opens by itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import Open, Server, api, get, load, photo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def compared(page: Any, *methods: str) -> None:
    get(page, "method-card-compare").click()
    load(page, photo(120, 90))
    load(page, photo(80, 80, name="style.png"), "style")
    for name in methods:
        get(page, "field-methods").locator(f"input[value={name}]").check(force=True)
    get(page, "run").click()
    get(page, "result").wait_for(timeout=120_000)


def test_methods_are_compared_and_the_report_opens_from_a_file(server: Server, visit: Open, chromium: Any, tmp_path: Path) -> None:
    page = visit(server.address)
    compared(page, "colour_transfer", "adain", "image_filters")
    job = api(page, "/api/jobs?method=compare&limit=1")["jobs"][0]
    assert job["params"]["methods"] == ["colour_transfer", "adain", "image_filters"], "in the order they were picked"
    assert job["figures"] == {"ran": 2.0, "failed": 1.0}
    names = [output["name"].removeprefix("hill-") for output in job["outputs"]]  # a result is called after its photo
    assert names == ["compare.png", "report.html", "report.json", "report.csv", "colour_transfer.png", "image_filters.png"]
    assert get(page, "result").get_by_text("this machine has none for it").first.is_visible(), "what did not run is said beside the grid"
    with page.expect_download() as coming:
        get(page, "download-hill-report.html").click()
    assert coming.value.suggested_filename == "hill-report.html"
    coming.value.save_as(tmp_path / "report.html")
    asked: list[str] = []
    alone = chromium.new_page()
    try:
        alone.on("request", lambda request: asked.append(request.url) if not request.url.startswith("data:") else None)
        alone.goto((tmp_path / "report.html").as_uri())
        assert alone.locator("table").count() == 3
        assert alone.locator("svg").count() >= 2
        assert all(alone.evaluate("() => [...document.images].map((image) => image.complete && image.naturalWidth > 0)"))
        assert alone.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        assert asked == [(tmp_path / "report.html").as_uri()], "the page asks nobody for anything"
    finally:
        alone.close()


def test_a_report_is_never_shown_under_the_studios_own_name(server: Server, visit: Open) -> None:
    page = visit(server.address)
    compared(page, "colour_transfer")
    outputs = api(page, "/api/jobs?method=compare&limit=1")["jobs"][0]["outputs"]
    report = next(output["asset"] for output in outputs if output["name"] == "hill-report.html")
    headers = json.loads(page.evaluate("path => fetch(path).then((answer) => JSON.stringify(Object.fromEntries(answer.headers)))", f"/api/assets/{report}"))
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_plan_without_methods_is_sent_back(server: Server, visit: Open) -> None:
    page = visit(server.address)
    get(page, "method-card-compare").click()
    load(page, photo(60, 60))
    load(page, photo(60, 60, name="style.png"), "style")
    get(page, "run").click()
    get(page, "field-methods").get_by_text("This is needed.").wait_for()
