"""A style is chosen by its card: what becomes of the prompt is shown, and a Chinese prompt is drawn in it."""

import pytest

from tests.web.conftest import Open, Server, api, complaints, get

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_a_chinese_prompt_with_a_style_card(server: Server, visit: Open, width: int, height: int) -> None:
    page = visit(server.address + "#/m/text_to_image", locale="zh-CN", viewport={"width": width, "height": height})
    get(page, "field-prompt").locator("textarea").fill("山上的城堡")
    cards = get(page, "field-style_preset")
    cards.get_by_text("莫奈").click()
    assert "还缺 LoRA monet" in get(page, "style-note").inner_text()
    assert get(page, "field-steps").locator("#f-steps").input_value() == "50", "the style's settings are filled in"
    cards.get_by_text("水墨").click()
    get(page, "field-steps").locator("#f-steps").fill("3")
    assert get(page, "style-note").inner_text() == "提示词将写成：山上的城堡，水墨画"
    assert not complaints(page)
    get(page, "run").click()
    get(page, "result").wait_for(timeout=120_000)
    params = api(page, "/api/jobs?limit=1")["jobs"][0]["params"]
    assert (params["prompt"], params["model"], params["style_preset"], params["steps"]) == ("山上的城堡，水墨画", "mini-zh", None, 3)
    cards.get_by_text("不用风格").click()
    assert get(page, "style-note").count() == 0
