"""Params as strangers send them, over HTTP: platform.md 1.4, 29-36. Each is a 422 (or a 400 where it is no JSON) in the house's form, never a 500."""

import json
import re

import pytest

from huafang import methods
from huafang.params import FORMS
from tests.diffusion import tiny
from tests.server.conftest import problem, wait


def post(client, text: str | bytes, **headers):
    return client.post("/api/jobs", content=text, headers={"content-type": "application/json", **headers})


def job(client, photo, **params):
    return client.post("/api/jobs", json={"params": {"method": "stroke_rendering", "content": photo, **params}})


def raw(photo: str, more: str) -> str:
    """A job's JSON with `more` written into its params as it stands."""
    return f'{{"params": {{"method": "stroke_rendering", "content": "{photo}", {more}}}}}'


@pytest.fixture(autouse=True, scope="module")
def model(studio):
    """A model by the name of `any`: jobs for models that are not here are refused before anything else is looked at."""
    studio.places.models.mkdir(parents=True, exist_ok=True)
    tiny.copy("sd1", studio.places.models / "any")


def drawing(client, prompt: str):
    return client.post("/api/jobs", json={"params": {"method": "text_to_image", "prompt": prompt, "model": "any"}})


@pytest.mark.parametrize("prompt", ["a", "猫 🐈‍⬛ مرحبا שלום " + "e\u0301\u0302" * 200, '"quotes", commas: and\nnewlines\r\n\ttabs', "x" * 10_000])
def test_bad_input_29_30_every_text_is_kept_byte_for_byte(client, prompt):
    made = drawing(client, prompt)
    assert made.status_code == 201, made.text
    assert client.get(f"/api/jobs/{made.json()['id']}").json()["params"]["prompt"] == prompt


def test_bad_input_29_a_prompt_that_is_too_long(client):
    assert "10000" in problem(drawing(client, "x" * 10_001), 422, "params.bad").replace(",", "")


@pytest.mark.parametrize("evil", [r'"a\u0000b"', r'"\ud800"', r'"x\udc00y"'])
def test_bad_input_31_nul_and_half_a_surrogate_pair(client, evil):
    body = f'{{"params": {{"method": "text_to_image", "model": "any", "prompt": {evil}}}}}'
    assert "prompt" in problem(post(client, body), 422, "params.bad")


@pytest.mark.parametrize("body", [r'{"params": {"method": "stroke_rendering", "\ud800": 1}}', r'{"params": {"method": "\ud800"}}', r'{"\udfff": 1}'])
def test_bad_input_31_half_a_surrogate_pair_in_a_name(client, body):
    problem(post(client, body), 422, "params.bad")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("field", ["seed", "size"])
def test_bad_input_32_numbers_that_are_none(client, photo, field, value):
    problem(post(client, raw(photo, f'"{field}": {value}')), 422, "params.bad")


@pytest.mark.parametrize("value", ["true", '"20"', "20.5", "1e30", "[]", "{}", "null"])
def test_bad_input_33_whole_numbers_are_strict(client, photo, value):
    assert "seed" in problem(post(client, raw(photo, f'"seed": {value}')), 422, "params.bad")


def test_bad_input_33_a_number_of_5000_digits(client, photo):
    problem(post(client, raw(photo, '"seed": ' + "9" * 5000)), 422)


METHODS = [name for name, params_class in methods.METHODS.items() if params_class.lane == "compute"]
FILLED = {
    "image": lambda photo: photo,
    "images": lambda photo: [photo],
    "masks": lambda photo: [photo],
    "dataset": lambda photo: [photo],
    "text": lambda _: "a",
    "long_text": lambda _: "a",
    "weights": lambda _: "any",
    "methods": lambda _: ["stroke_rendering"],
}


@pytest.mark.parametrize("name", METHODS)
def test_bad_input_34_every_number_of_every_method_has_ends_that_are_named(client, photo, name):
    view = next(one for one in client.get("/api/methods").json()["methods"] if one["name"] == name)
    whole = {"method": name} | {field["name"]: FILLED[field["kind"]](photo) for field in view["fields"] if field["required"]}
    ended = 0
    for field in view["fields"]:
        if field["kind"] not in ("int", "float") or field["name"] == "seed":
            continue
        low, high = (field["minimum"], field["above"]), (field["maximum"], field["below"])
        for ends, beyond in ((low, -1), (high, 1)):
            end = next((one for one in ends if one is not None), None)
            if end is None:
                continue
            ended += 1
            for value in (int(end) + beyond, beyond * 10**9, beyond * 1e30):
                detail = problem(client.post("/api/jobs", json={"params": whole | {field["name"]: value}}), 422, "params.bad")
                fault = next(one for one in detail.split("; ") if one.startswith(f"{field['name']}: "))
                assert f"{end:g}" in fault or "multiple" in fault, fault
    assert ended > 2 or (name, ended) == ("compare", 2), "compare has one number, its size"


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ({"width": 513}, "multiple of 8"),
        ({"height": 8}, "height: must be a whole number, 64 to 2048 (came: 8)"),
        ({"width": 10**9}, "width: must be a whole number, 64 to 2048 (came: 1000000000)"),
        ({"width": 0}, "64 to 2048 (came: 0)"),
        ({"width": -64}, "64 to 2048 (came: -64)"),
        ({"width": 64.5}, "must be a whole number, 64 to 2048 (came: 64.5)"),
        ({"height": "64"}, "must be a whole number, 64 to 2048 (came: '64')"),
    ],
)
def test_bad_input_34_sizes_of_a_drawing(client, size, said):
    answer = client.post("/api/jobs", json={"params": {"method": "text_to_image", "prompt": "a", "model": "any", **size}})
    detail = problem(answer, 422, "params.bad")
    assert detail.startswith(f"{next(iter(size))}: ")
    assert said in detail


@pytest.mark.parametrize("value", [0, 1, 2**32 - 1])
def test_bad_input_35_seeds(client, photo, value):
    assert job(client, photo, seed=value).json()["params"]["seed"] == value


@pytest.mark.parametrize("value", [-2, 2**32, 2**53 + 1, 2**64, -(2**63)])
def test_bad_input_35_seeds_beyond_the_ends(client, photo, value):
    assert "seed" in problem(job(client, photo, seed=value), 422, "params.bad")


def test_bad_input_35_minus_one_draws_a_seed_that_can_be_run_again(client, photo):
    drawn = {job(client, photo, seed=-1).json()["params"]["seed"] for _ in range(4)}
    assert len(drawn) > 1
    assert all(0 <= seed < 2**32 for seed in drawn)


def test_bad_input_36_of_two_equal_keys_the_last_counts(client, photo):
    assert post(client, raw(photo, '"seed": 1, "seed": 2')).json()["params"]["seed"] == 2


@pytest.mark.parametrize("body", ["[" * 100_000, '{"params":' * 20_000, '{"a":' * 990 + "1" + "}" * 990, "", "{", "nul", b"\xff\xfe\x00", b"\x80"])
def test_bad_input_36_deep_and_broken_json(client, body):
    problem(post(client, body), 422)


def test_bad_input_36_an_unknown_field_is_named_with_its_nearest(client, photo):
    detail = problem(job(client, photo, sede=3), 422, "params.bad")
    assert "sede" in detail
    assert "did you mean seed?" in detail


@pytest.mark.parametrize("bad", ["photo.jpg", "../secret", "0" * 63, "0" * 63 + "G"])
def test_bad_input_36_an_id_of_a_bad_form_is_told_the_form_in_words(client, photo, bad):
    detail = problem(job(client, bad), 422, "params.bad")
    assert f"content: must be the id of an uploaded picture: 64 of the characters 0-9 and a-f, as POST /api/assets gives it (came: {bad!r:.57}" in detail
    assert "^" not in detail


def test_every_form_is_said_in_words(client):
    used = set(re.findall(r'"pattern": "(.*?)"[,}]', json.dumps(client.get("/openapi.json").json())))
    assert used
    assert {json.loads(f'"{form}"') for form in used} <= set(FORMS)
    for query in ("before=x", "method=X", "before=" + "0" * 23):
        assert "must be the " in problem(client.get(f"/api/jobs?{query}"), 422, "params.bad")


def test_bad_input_36_a_wrong_choice_is_told_the_nearest(client, photo):
    detail = problem(job(client, photo, look="impresionist"), 422, "params.bad")
    assert "look: must be 'auto', 'impressionist'" in detail
    assert "(came: 'impresionist'); did you mean impressionist?" in detail


def test_bad_input_36_an_unknown_method_is_named_with_its_nearest(client):
    detail = problem(client.post("/api/jobs", json={"params": {"method": "stroke_render"}}), 422, "params.bad")
    assert "did you mean stroke_rendering?" in detail


def test_many_wrong_fields_are_answered_briefly(client, photo):
    answer = job(client, photo, **{f"seed{i}": 0 for i in range(190)})
    assert len(problem(answer, 422, "params.bad")) < 5_000
    assert "; and 180 more" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
def test_json_that_does_not_say_so_is_refused(client, photo, kind):
    """A form of another page can send these without asking first."""
    body = json.dumps({"params": {"method": "stroke_rendering", "content": photo}})
    before = len(client.get("/api/jobs").json()["jobs"])
    answer = client.post("/api/jobs", content=body, headers={"content-type": kind} if kind else {})
    assert answer.status_code in (400, 415, 422)
    assert len(client.get("/api/jobs").json()["jobs"]) == before


def test_bad_input_28_a_picture_that_is_not_stored(client):
    assert "upload the picture first" in problem(job(client, "0" * 64), 404, "asset.missing")
    problem(job(client, "../../etc/passwd"), 422, "params.bad")


@pytest.mark.parametrize("path", ["0" * 24, "x", "a%2fb", "%00", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "é", "0" * 5000])
def test_bad_input_28_jobs_that_are_none(client, path):
    assert client.get(f"/api/jobs/{path}").status_code == 404
    assert client.post(f"/api/jobs/{path}/cancel").status_code in (404, 405)
    assert client.get(f"/api/jobs/{path}/events").status_code == 404


def test_an_idempotency_key_makes_one_job_and_an_empty_one_is_none(client, photo):
    body = {"params": {"method": "stroke_rendering", "content": photo}}
    ids = [client.post("/api/jobs", json=body, headers={"idempotency-key": "k1"}).json()["id"] for _ in range(3)]
    assert len(set(ids)) == 1
    ids = [client.post("/api/jobs", json=body, headers={"idempotency-key": ""}).json()["id"] for _ in range(3)]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "before=x", "before=%00", "q=" + "x" * 201, "q=%00", "state=odd", "method=%00"])
def test_bad_queries(client, query):
    problem(client.get(f"/api/jobs?{query}"), 422)


def test_a_picture_that_vanishes_between_the_upload_and_the_run(bench):
    """The method says which picture is gone; the lane books it as the job's fault."""
    from huafang.errors import NotFound
    from huafang.worker import fault_of

    params = methods.build("colour_transfer", {"content": bench.content, "style": [bench.style]})
    bench.assets.delete(bench.content)
    with pytest.raises(NotFound, match="deleted") as caught:
        methods.run(params, bench.context())
    assert fault_of(caught.value)["code"] == "asset.missing"


def test_a_job_runs_through(client, photo):
    made = job(client, photo).json()
    done = wait(lambda: (found := client.get(f"/api/jobs/{made['id']}").json())["state"] == "done" and found)
    assert done["outputs"][0]["asset"]
    assert done["inputs"] == [photo]
