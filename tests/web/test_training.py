"""A style of one's own, taught and used in the browser."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.train.style_nets import put_squeezenet
from tests.web.conftest import Open, Server, api, get, load, paint, photo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


GATHER = """() => {
  window.previews = new Set();
  window.figures = new Set();
  new MutationObserver(() => {
    const preview = document.querySelector('[data-testid=preview]');
    if (preview) window.previews.add(preview.src);
    for (const name of document.querySelectorAll('[data-testid=figures] dt')) window.figures.add(name.textContent.trim());
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


@pytest.fixture(autouse=True)
def loss_network(server: Server) -> None:
    put_squeezenet(SimpleNamespace(weights=SimpleNamespace(root=server.data / "models")))


def numbers(page: Any, **values: int) -> None:
    """Types numbers into fields that are on show."""
    for name, value in values.items():
        get(page, f"field-{name}").get_by_role("textbox").fill(str(value))


def trained(page: Any) -> None:
    """Runs the form; previews and losses are seen on the way."""
    page.evaluate(GATHER)
    paint(page)
    assert page.evaluate("() => window.previews.size") > 0
    assert "Loss" in page.evaluate("() => [...window.figures]")
    assert api(page, "/api/jobs?limit=1")["jobs"][0]["state"] == "done"


def test_a_painting_and_a_folder_of_photos_become_a_style(server: Server, visit: Open, tmp_path: Path) -> None:
    for n in range(14):
        (tmp_path / f"photo-{n}.png").write_bytes(photo(80 + n, 72)["buffer"])
    (tmp_path / "notes.txt").write_text("no picture, and passed over")
    page = visit(server.address)
    get(page, "method-card-train_fast_style").click()
    load(page, photo(96, 64, name="wave.png"), "style")
    numbers(page, steps=20, size=64, style_size=64, batch=1)
    get(page, "field-name").get_by_role("textbox").fill("wavy")
    get(page, "advanced").click()
    numbers(page, sample_every=1)
    dataset = get(page, "field-dataset")
    dataset.get_by_label("Choose a folder").first.set_input_files(tmp_path)
    dataset.get_by_text("14 pictures").wait_for()
    dataset.get_by_text("3 more", exact=True).wait_for()
    assert not dataset.get_by_role("alert").count()
    trained(page)
    done = api(page, "/api/jobs?limit=1")["jobs"][0]
    assert len(done["params"]["dataset"]) == 14
    assert [output["name"] for output in done["outputs"]][-1] == "wavy.safetensors"

    page.goto(server.address + "#/models")
    get(page, "model-wavy").get_by_text("for fast style").wait_for()
    page.go_back()
    get(page, "result").get_by_test_id("use-in-fast_style").click()
    weights = get(page, "field-weights").get_by_role("combobox")
    assert weights.input_value() == "wavy"
    load(page, photo(64, 48))
    paint(page)
    assert api(page, "/api/jobs?limit=1")["jobs"][0]["params"]["weights"] == "wavy"


def test_a_network_for_any_style_is_trained_on_some_photos(server: Server, visit: Open) -> None:
    page = visit(server.address + "#/m/train_arbitrary_style")
    for field, names in (("dataset", ("a", "b")), ("paintings", ("c", "d"))):
        pictures = [photo(70 + 2 * n, 66 + ord(name), name=f"{name}.png") for n, name in enumerate(names)]
        get(page, f"field-{field}").locator("input[type=file]").first.set_input_files(pictures)
        get(page, f"field-{field}").get_by_text("2 pictures").wait_for()
    get(page, "field-name").get_by_role("textbox").fill("anyone")
    numbers(page, renderings=0, steps=30, batch=1, size=64)  # a page sees the latest only: of three steps it may see none
    get(page, "advanced").click()
    numbers(page, sample_every=1)
    trained(page)
    get(page, "result").get_by_test_id("use-in-micro_ast").click()
    assert get(page, "field-weights").get_by_role("combobox").input_value() == "anyone"
    load(page, photo(64, 48))
    load(page, photo(48, 48, name="style.png"), "style")
    paint(page)
    assert api(page, "/api/jobs?limit=1")["jobs"][0]["params"]["weights"] == "anyone"


def test_a_training_that_is_stopped_says_what_it_saved_and_goes_on_from_there(server: Server, visit: Open) -> None:
    page = visit(server.address + "#/m/train_fast_style")
    load(page, photo(96, 64, name="wave.png"), "style")
    get(page, "field-dataset").locator("input[type=file]").first.set_input_files([photo(80, 72), photo(82, 76, name="two.png")])
    get(page, "field-dataset").get_by_text("2 pictures").wait_for()
    get(page, "field-name").get_by_role("textbox").fill("stopped")
    numbers(page, steps=900_000, size=64, style_size=64, batch=1)
    get(page, "run").click()
    page.get_by_text("Step ").first.wait_for(timeout=120_000)
    get(page, "cancel").click()
    get(page, "cancel-confirm").click()
    saved = get(page, "cancelled").get_by_test_id("notes")
    saved.get_by_text("is saved; to go on from there").wait_for(timeout=120_000)
    get(page, "cancelled").get_by_role("button").first.click()
    get(page, "notes").get_by_text("goes on from step").wait_for(timeout=120_000)
    assert api(page, "/api/jobs?limit=1")["jobs"][0]["state"] == "running"
    get(page, "language").click()
    get(page, "notes").get_by_text("从上次停下的第").wait_for()
    running = api(page, "/api/jobs?limit=1")["jobs"][0]["id"]
    page.evaluate("job => fetch(`/api/jobs/${job}/cancel`, { method: 'POST' })", running)
    get(page, "cancelled").get_by_text("已保存到第").wait_for(timeout=120_000)
