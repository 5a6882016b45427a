"""Bodies that would keep the server busy: refused by counting, before anything is validated."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from huafang import methods
from huafang.params import Dataset, ImageIds, MaskIds, MethodNames, Numbers, fields
from huafang.server import bodies, guard
from huafang.server.bodies import CheckedBodies
from tests.server.conftest import problem

JSON = {"content-type": "application/json"}


def body_of(**params: object) -> bytes:
    return json.dumps({"params": {"method": "gatys", "content": "x", **params}}, separators=(",", ":")).encode()


@pytest.fixture
def reached(client, monkeypatch) -> list[str]:
    """Paths of the requests that came as far as the application."""
    paths: list[str] = []
    checked = client.app._app
    assert isinstance(checked, CheckedBodies)
    inner = checked._app

    async def spy(scope, receive, send):
        paths.append(scope["path"])
        await inner(scope, receive, send)

    monkeypatch.setattr(checked, "_app", spy)
    return paths


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (body_of(style=[1] * 490_000), "commas"),
        (body_of(style=[1] * 5_001), "style has 5,001 items; at most 5,000"),
        (body_of(**{f"seed{number}": 0 for number in range(70_000)}), "commas"),
        (body_of(**{f"seed{number}": 0 for number in range(300)}), "params has 302 members; at most 200"),
        (body_of(style=[[1] * 5_001]), "style has 5,001 items"),
        (b"[" * 900_000, "nested more than 16 levels"),
        (b'{"params":' * 90_000, "nested more than 16 levels"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "nested more than 16 levels"),
        (b'{"params": 1' + b"0" * 5_000 + b"}", "thousands of digits"),
        (b'{"params": "\xff"}', "byte 13 is 0xff"),
        (b'{"params": tru}', "line 1, column 12"),
        (b"[1, 2]", "an array; an object is wanted"),
        (b"null", "null; an object is wanted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_request_needs_is_refused_before_the_application_sees_it(client, reached, body, said):
    assert len(body) < guard.JSON_BYTES
    assert said in problem(client.post("/api/jobs", content=body, headers=JSON), 422)
    assert reached == []


def test_a_list_of_wrong_items_is_one_fault(client, photo, monkeypatch):
    explained: list[int] = []
    explain = methods.explain
    monkeypatch.setattr(methods, "explain", lambda faults, *rest: explained.append(len(faults)) or explain(faults, *rest))
    said = problem(client.post("/api/jobs", content=body_of(style=[1] * 5_000, masks=["x"] * 5_000), headers=JSON), 422, "params.bad")
    assert max(explained) < 8
    assert [part.partition(":")[0] for part in said.split("; ")] == ["content", "style.0", "masks.0"]


@pytest.mark.parametrize(("kind", "right"), [(ImageIds, "0" * 64), (Dataset, "0" * 64), (MaskIds, "0" * 64), (Numbers, 1.0), (MethodNames, "gatys")])
def test_no_list_is_looked_at_beyond_its_first_fault_or_its_bound(kind, right):
    for items in ([object()] * 5_000, [right] * 6_000):
        with pytest.raises(ValidationError) as caught:
            TypeAdapter(kind).validate_python(items)
        assert caught.value.error_count() == 1


def test_every_list_and_every_form_of_the_api_fits_into_the_bounds():
    assert max(spec.max_items or 0 for params_class in methods.METHODS.values() for spec in fields(params_class)) <= bodies.ITEMS
    assert max(len(fields(params_class)) for params_class in methods.METHODS.values()) < bodies.MEMBERS
    commas = json.dumps({"params": {"method": "train_fast_style", "dataset": ["0" * 64] * 5_000, "prompt": "," * 10_000, "negative_prompt": "," * 10_000}})
    bodies.check_json(commas.encode())


@pytest.mark.parametrize("charset", ["punycode", "idna", "gbk", "zlib"])
def test_a_form_is_utf_8(client, reached, charset):
    """Punycode takes a minute for a megabyte."""
    form = b'--cut\r\ncontent-disposition: form-data; name="prompt"\r\n\r\n' + b"a-" + b"a" * 900_000 + b"\r\n--cut--\r\n"
    answer = client.post("/api/text-to-image", content=form, headers={"content-type": f'multipart/form-data; boundary=cut; charset="{charset}"'})
    assert charset in problem(answer, 422, "request.charset")
    assert reached == []


def test_a_form_of_many_fields(client, reached):
    answer = client.post("/api/text-to-image", content=b"&" * 900_000, headers={"content-type": "application/x-www-form-urlencoded"})
    assert "900,001 fields; at most 1,000" in problem(answer, 422, "request.values")
    assert reached == []


def test_a_body_that_is_compressed_is_not_unpacked(client, reached):
    answer = client.post("/api/jobs", content=b"\x1f\x8b", headers={**JSON, "content-encoding": "gzip"})
    assert "gzip" in problem(answer, 415, "request.encoding")
    assert reached == []


def test_a_body_that_comes_in_pieces_is_checked_whole(client, photo):
    body = json.dumps({"params": {"method": "stroke_rendering", "content": photo}}).encode()
    answer = client.post("/api/jobs", content=iter([body[:5], body[5:]]), headers=JSON)
    assert answer.status_code == 201, answer.text
    wrong = body_of(style=[1] * 6_000)
    assert "6,000 items" in problem(client.post("/api/jobs", content=iter([wrong[:5], wrong[5:]]), headers=JSON), 422)
