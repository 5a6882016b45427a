"""Pictures over HTTP: what comes in is decoded elsewhere and stored anew, what goes out can do nothing."""

import errno
import struct
import zlib

import pytest
from PIL import Image

from tests.pictures import BLANK, END, png, saved
from tests.server.conftest import picture, problem, upload


def test_a_picture_goes_in_and_comes_out_as_a_plain_png(client):
    made = upload(client, picture(format="JPEG"))
    assert made.status_code == 201
    assert (made.json()["width"], made.json()["height"]) == (24, 16)
    out = client.get(f"/api/assets/{made.json()['id']}")
    assert out.headers["content-type"] == "image/png"
    assert "sandbox" in out.headers["content-security-policy"]
    assert out.headers["x-content-type-options"] == "nosniff"
    assert len(out.content) == made.json()["bytes"]
    small = client.get(f"/api/assets/{made.json()['id']}/thumbnail?size=512")
    assert small.headers["content-type"] == "image/webp"
    assert client.get(f"/api/assets/{made.json()['id']}/thumbnail?size=512").content == small.content
    problem(client.get(f"/api/assets/{made.json()['id']}/thumbnail?size=9999"), 422)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"GIF89a<script>", picture()[:40], picture(format="JPEG")[:200]],
)
def test_bad_input_01_02_what_is_no_picture(client, data):
    problem(upload(client, data), 422, "image.unreadable")


@pytest.mark.parametrize("data", [b"<svg><script/></svg>", b"%PDF-1.7", b"\0\0\0\x18ftypheic" + bytes(20)])
def test_bad_input_16_what_is_of_a_format_that_is_not_read(client, data):
    assert "not supported" in problem(upload(client, data), 422, "image.unsupported")


def test_a_picture_that_is_cut_short_is_taken_and_said_to_be(client):
    data = picture(200, 150, "JPEG")
    made = upload(client, data[:-40])
    assert made.status_code == 201
    assert "cut short" in made.json()["warnings"][0]["en"]


def test_bad_input_04_05_a_bomb(client):
    bomb = png((b"IDAT", zlib.compress(bytes(9400 * 9401), 9)), END, width=9400, height=9400, kind=0)
    assert "9400" in problem(upload(client, bomb), 413, "image.too_large")
    problem(upload(client, png(BLANK, END, width=50_000, height=50_000)), 413, "image.too_large")


def test_bad_input_17_what_hides_behind_a_picture_does_not_come_out(client):
    made = upload(client, picture() + b"<html><script>alert(1)</script>").json()
    assert b"script" not in client.get(f"/api/assets/{made['id']}").content


@pytest.mark.parametrize(
    "name", ["../../etc/passwd\u202e.png", "C:\\x.png", "/etc/passwd", "x" * 300, "..", "nul.txt", "<img src=x onerror=alert(1)>.png", "a\u0301.png", ""]
)
def test_bad_input_23_24_25_a_name_is_never_part_of_anything(client, studio, name):
    answer = upload(client, picture(colour=(len(name), 1, 1)), name or "x")
    assert answer.status_code == 201
    assert not [place for place in studio.places.root.rglob("*") if "passwd" in place.name or "nul" in place.name]
    assert (name or "\0") not in answer.text


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("cat.png", "cat.png"),
        ("a\u202egpj.exe", "a_gpj.exe"),
        ('x"; y="z.png', "x__ y__z.png"),
        ("a\r\nset-cookie: b.png", "a__set-cookie_ b.png"),
        ("../../x.png", "_.._x.png"),
        ("con.png", "_con.png"),
        ("NUL", "_NUL"),
        ("...", "picture"),
        ("<img>.png", "_img_.png"),
    ],
)
def test_bad_input_24_a_name_to_download_under(client, photo, asked, given):
    header = client.get(f"/api/assets/{photo}", params={"download": asked}).headers["content-disposition"]
    assert header.startswith(f'attachment; filename="{given}"')


def test_names_in_chinese_and_in_both_forms_of_unicode(client, photo):
    header = client.get(f"/api/assets/{photo}", params={"download": "猫 e\u0301.png"}).headers["content-disposition"]
    assert "filename*=UTF-8''%E7%8C%AB%20%C3%A9.png" in header


@pytest.mark.parametrize("asset", ["0" * 64, "x", "%2e%2e%2fhuafang.db", "..%2f..%2fetc%2fpasswd", "%00", "A" * 64, "0" * 3000])
def test_bad_input_23_28_assets_that_are_none(client, asset):
    assert client.get(f"/api/assets/{asset}").status_code == 404
    assert client.get(f"/api/assets/{asset}/thumbnail").status_code == 404


def test_bad_input_27_deleted_and_changed_assets(client, studio):
    asset = upload(client, picture(colour="navy")).json()["id"]
    studio.assets._place(asset).write_bytes(b"<script>")
    problem(client.get(f"/api/assets/{asset}/thumbnail"), 404, "asset.changed")
    assert client.get(f"/api/assets/{asset}").headers["content-disposition"].startswith("attachment"), "what is no picture is not shown as one"
    studio.assets.delete(asset)
    problem(client.get(f"/api/assets/{asset}"), 404, "asset.missing")


@pytest.mark.parametrize("data", [b"<html><script>", b"<svg xmlns='x'>", b"%PDF-1.7", b"PK\x03\x04", b"", b"{}"])
def test_what_we_do_not_show_is_a_download(client, studio, data):
    out = client.get(f"/api/assets/{studio.assets.put(data)}")
    assert out.headers["content-type"] == "application/octet-stream"
    assert out.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in out.headers["content-security-policy"]


def test_what_is_stored_and_no_picture_has_no_thumbnail(client, studio):
    problem(client.get(f"/api/assets/{studio.assets.put(b'text')}/thumbnail"), 422, "image.unreadable")


def test_bad_input_53_a_full_disk_is_507_and_a_thumbnail_is_shown_all_the_same(client, studio, monkeypatch):
    asset = upload(client, picture(colour="pink")).json()["id"]

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = list(studio.assets.ids())
    monkeypatch.setattr("huafang.assets.os.replace", full)
    problem(upload(client, picture(colour="plum")), 507, "disk.full")
    assert list(studio.assets.ids()) == before
    assert client.get(f"/api/assets/{asset}/thumbnail").status_code == 200


def test_texts_are_read_where_the_picture_is_decoded(client, monkeypatch):
    from PIL import PngImagePlugin

    from huafang import metadata

    monkeypatch.setattr(metadata, "read", lambda *_: pytest.fail("read in the server"))
    info = PngImagePlugin.PngInfo()
    info.add_text("huafang", '{"params": {"seed": 3}}')
    assert upload(client, saved(Image.new("RGB", (9, 9)), pnginfo=info)).json()["made_with"]["params"] == {"seed": 3}


def test_made_with_is_what_the_picture_says_and_never_breaks_the_answer(client):
    from PIL import PngImagePlugin

    for said, expected in (
        ('{"params": {"seed": NaN}}', {}),
        (r'{"params": {"prompt": "\ud800"}}', {}),
        ('{"params": ' + '{"a":' * 400 + "1" + "}" * 400 + "}", {}),
        ('{"params": {"seed": 3}}', {"tool": "huafang", "params": {"seed": 3}, "figures": {}}),
    ):
        info = PngImagePlugin.PngInfo()
        info.add_text("huafang", said)
        made = upload(client, saved(Image.new("RGB", (9, 9)), pnginfo=info))
        assert made.status_code == 201
        assert made.json()["made_with"] == expected


def test_bad_input_11_16_bit_and_float_over_http(client):
    grey = b"".join(b"\0" + struct.pack(">8H", *([1000] * 8)) for _ in range(8))
    made = upload(client, png((b"IDAT", zlib.compress(grey)), END, depth=16, kind=0)).json()
    assert (made["width"], made["height"]) == (8, 8)
