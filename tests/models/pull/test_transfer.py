"""One file over HTTP: whole, or with what came kept for the next try; never what was not asked for."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from huafang.errors import BadInput, Cancelled, DiskFull, Unavailable
from huafang.models import pull
from huafang.models.catalogue import Source
from huafang.models.pull import transfer as loader
from tests.models.pull.shop import Shop

BODY = bytes(range(256)) * 8000
SHA = hashlib.sha256(BODY).hexdigest()


def test_a_file_comes_whole_with_its_progress(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY
    heard: list[tuple[int, int]] = []
    assert pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin", progress=lambda *step: heard.append(step)) == SHA
    assert (tmp_path / "m.bin").read_bytes() == BODY
    assert heard[0][0] == 0
    assert heard[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert os.listdir(tmp_path) == ["m.bin"], "nothing is left beside it"


def test_bad_input_61_interrupted_goes_on_where_it_stopped(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY
    shop.cuts = [700_000, 500_000]
    pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")
    assert (tmp_path / "m.bin").read_bytes() == BODY
    assert shop.asked == [("/m.bin", None), ("/m.bin", "bytes=700000-"), ("/m.bin", "bytes=1200000-")]


def test_bad_input_61_interrupted_for_good_keeps_what_came_for_the_next_run(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY
    shop.cuts = [600_000] + [0] * loader.TRIES
    with pytest.raises(Unavailable, match=r"m\.bin was not brought from 127\.0\.0\.1.*600,000 bytes are kept") as caught:
        pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")
    assert caught.value.code == "pull.interrupted"
    assert "goes on where it stopped" in str(caught.value.hint)
    assert not (tmp_path / "m.bin").exists()
    shop.asked.clear()
    pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")
    assert shop.asked == [("/m.bin", "bytes=600000-")]
    assert (tmp_path / "m.bin").read_bytes() == BODY


def test_a_file_that_changed_meanwhile_is_begun_again(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY[::-1]
    shop.cuts = [600_000] + [0] * loader.TRIES
    with pytest.raises(Unavailable):
        pull.download(Source(f"{shop.url}/m.bin"), tmp_path / "m.bin")
    shop.files["/m.bin"] = BODY
    pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")
    assert (tmp_path / "m.bin").read_bytes() == BODY


def test_bad_input_61_wrong_hash_is_thrown_away(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY
    with pytest.raises(Unavailable, match=r"m\.bin came with the sha256") as caught:
        pull.download(Source(f"{shop.url}/m.bin", sha256="0" * 64), tmp_path / "m.bin")
    assert caught.value.code == "pull.wrong_hash"
    assert os.listdir(tmp_path) == []
    with pytest.raises(Unavailable):
        pull.download(Source(f"{shop.url}/m.bin", sha256_prefix="00000000"), tmp_path / "m.bin")
    pull.download(Source(f"{shop.url}/m.bin", sha256_prefix=SHA[:8]), tmp_path / "m.bin")


@pytest.mark.parametrize(("status", "code"), [(404, "pull.not_there"), (-1, "pull.refused")])
def test_bad_input_61_not_there_and_refused_name_the_file(shop: Shop, tmp_path: Path, status: int, code: str) -> None:
    url = f"{shop.url}/vgg.pth"
    if status == -1:
        shop.server.shutdown()
        shop.server.server_close()
    with pytest.raises(Unavailable, match=r"vgg\.pth") as caught:
        pull.download(Source(url), tmp_path / "vgg.pth")
    assert caught.value.code == code
    assert caught.value.hint


def test_bad_input_61_no_space_is_said_before_the_first_byte(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.files["/m.bin"] = BODY
    monkeypatch.setattr(loader, "SPARE", 1 << 60)
    with pytest.raises(DiskFull, match=r"m\.bin needs 2 MB more"):
        pull.download(Source(f"{shop.url}/m.bin"), tmp_path / "m.bin")
    assert os.listdir(tmp_path) == []


def test_bad_input_61_a_full_disk_midway_is_said_so(shop: Shop, tmp_path: Path) -> None:
    import resource
    import signal

    shop.files["/m.bin"] = BODY
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(DiskFull, match=r"no room on the disk for m\.bin"):
            pull.download(Source(f"{shop.url}/m.bin"), tmp_path / "m.bin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")


def test_a_cancel_is_heard_while_the_server_is_silent(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY
    shop.stall_after = 300_000
    began = time.monotonic()

    def progress(done: int, total: int) -> None:
        if time.monotonic() - began > 1:
            raise Cancelled()

    with pytest.raises(Cancelled):
        pull.download(Source(f"{shop.url}/m.bin"), tmp_path / "m.bin", progress=progress)
    assert time.monotonic() - began < 3
    assert (tmp_path / "m.bin.part").stat().st_size == 300_000
    shop.stall_after = None
    pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")
    assert shop.asked[-1] == ("/m.bin", "bytes=300000-")


def test_no_plain_http_and_no_redirect_to_strangers(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="https only"):
        pull.download(Source("http://example.org/m.bin"), tmp_path / "m.bin")
    with pytest.raises(BadInput, match="https only"):
        pull.download(Source("file:///etc/passwd"), tmp_path / "m.bin")
    shop.redirect = "https://elsewhere.example/m.bin"
    with pytest.raises(Unavailable, match=r"sends us on to elsewhere\.example") as caught:
        pull.download(Source(f"{shop.url}/m.bin"), tmp_path / "m.bin")
    assert caught.value.code == "pull.redirected"
    shop.redirect = "http://example.org/m.bin"
    with pytest.raises(BadInput, match="https only"):
        pull.download(Source(f"{shop.url}/m.bin", hosts=("example.org",)), tmp_path / "m.bin")
