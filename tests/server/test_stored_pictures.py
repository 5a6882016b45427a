"""Stored pictures over HTTP: an empty database is told of, and nothing of a deleted picture is left to be asked for."""

import shutil
from pathlib import Path

from tests.server.conftest import client_of, open_studio, picture, problem, upload


def test_an_empty_database_over_stored_pictures_is_told_in_both_languages(tmp_path: Path):
    first = open_studio(tmp_path)
    first.dispatcher.start()
    with client_of(first) as client:
        upload(client, picture())
        assert not [note for note in client.get("/api/health").json()["notices"] if "database" in note["en"]]
    first.dispatcher.stop(1)
    first.store.close()
    for place in tmp_path.glob("huafang.db*"):
        place.unlink()
    second = open_studio(tmp_path)
    second.dispatcher.start()
    with client_of(second) as client:
        (note,) = [note for note in client.get("/api/health").json()["notices"] if "database" in note["en"]]
        assert "1 stored pictures" in note["en"]
        assert "数据库" in note["zh"]
    second.dispatcher.stop(1)
    second.store.close()


def test_no_thumbnail_is_left_of_a_deleted_picture(tmp_path: Path):
    studio = open_studio(tmp_path)
    with client_of(studio) as client:
        asset = upload(client, picture()).json()["id"]
        assert client.get(f"/api/assets/{asset}/thumbnail").status_code == 200
        shutil.copytree(studio.places.thumbnails, tmp_path / "copy")
        studio.assets.delete(asset)
        assert list((tmp_path / "copy").rglob(asset)), "it was kept on disk"
        problem(client.get(f"/api/assets/{asset}/thumbnail"), 404, "asset.missing")
    studio.store.close()
