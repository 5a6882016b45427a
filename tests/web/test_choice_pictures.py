"""Looks are chosen by their pictures: by mouse and by keyboard, on a desk and on a phone."""

import pytest

from tests.web.conftest import METHOD_PAGE, Open, Server, complaints, get, load, paint, photo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_a_look_is_chosen_by_its_picture(server: Server, visit: Open, width: int, height: int) -> None:
    page = visit(server.address + METHOD_PAGE, viewport={"width": width, "height": height})
    field = get(page, "field-look")
    pictures = field.locator("img")
    pictures.first.wait_for()
    assert pictures.count() == 5, "auto has none: it depends on the photo"
    page.wait_for_function("() => [...document.querySelectorAll('[data-testid=field-look] img')].every((one) => one.naturalWidth > 0)")
    field.get_by_text("Pointillist").click()
    assert field.locator("input:checked").get_attribute("value") == "pointillist"
    page.keyboard.press("ArrowRight")
    assert field.locator("input:checked").get_attribute("value") == "swirling"
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out"
    assert not complaints(page)
    load(page, photo(120, 90))
    paint(page)
