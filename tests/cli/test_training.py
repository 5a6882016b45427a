"""Training a style from the command line: a folder of photos in, a file of weights out, which has its name from then on."""

import shutil
from types import SimpleNamespace

import pytest
from safetensors.torch import load_file

from huafang import images
from huafang.models.store import ModelStore
from tests.cli.conftest import huafang
from tests.conftest import scene, weave
from tests.train.style_nets import put_squeezenet

SMALL = ("--steps", "1", "--size", "64", "--style-size", "64", "--batch", "1", "-q")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUAFANG_HOME", str(tmp_path / "home"))
    put_squeezenet(SimpleNamespace(weights=ModelStore(tmp_path / "home" / "models")))
    (tmp_path / "photo.jpg").write_bytes(images.encode(scene(72, 96), "jpeg"))
    (tmp_path / "painting.jpg").write_bytes(images.encode(weave(64, 80), "jpeg"))
    (tmp_path / "photos").mkdir()
    shutil.copy("photo.jpg", "photos/one.jpg")
    (tmp_path / "photos" / "two.png").write_bytes(images.encode(scene(80, 80)))
    return tmp_path


def test_a_style_is_called_after_the_file_it_is_written_to(desk):
    assert huafang("train-fast-style", "--style", "painting.jpg", "--dataset", "photos/", *SMALL, "-o", "mine.safetensors") == 0
    assert set(load_file("mine.safetensors")) == set(load_file(desk / "home" / "models" / "mine.safetensors"))
    assert huafang("fast-style", "photo.jpg", "--weights", "mine", "-o", "out.png", "-q") == 0
    assert (desk / "out.png").is_file()


def test_a_style_may_be_named_first(desk, capsys):
    assert huafang("train-fast-style", "kind", "--style", "painting.jpg", "--dataset", "photos/one.jpg", *SMALL) == 0
    assert capsys.readouterr().out.split() == ["kind.safetensors"]
    assert (desk / "home" / "models" / "kind.safetensors").is_file()


def test_weights_are_not_written_as_a_picture(desk, capsys):
    assert huafang("train-fast-style", "--style", "painting.jpg", "--dataset", "photos/", *SMALL, "-o", "mine.png") == 2
    assert "weights are written as .safetensors" in capsys.readouterr().err
    assert not (desk / "home" / "models" / ".training").exists()


def test_the_reference_recipe_leaves_its_log_beside_its_generator(desk, capsys):
    drawn = ("train-animegan", "--recipe", "reference", "--dataset", "photos/", "--paintings", "painting.jpg")
    assert huafang(*drawn, "--epochs", "2", "--size", "64", "-q", "-o", "run/gen_final.safetensors") == 0
    assert capsys.readouterr().out.split() == ["run/gen_final.safetensors", "run/training_log.txt"]
    log = (desk / "run" / "training_log.txt").read_text().splitlines()
    assert [line.split()[:2] for line in log] == [["epoch", "1/2"], ["epoch", "2/2"]]
    assert all(line.endswith("lr_D 4.0e-04  lr_G 2.0e-04") for line in log)
    assert huafang("animegan", "photo.jpg", "--weights", "gen_final", "-o", "out.png", "-q") == 0
    before = (desk / "run" / "training_log.txt").read_bytes()
    for _ in range(2):
        assert huafang(*drawn, "--epochs", "1", "--size", "64", "-q", "-o", "run/other.safetensors") == 0
        assert capsys.readouterr().out.split()[-1] == "run/other-training_log.txt"
    assert (desk / "run" / "training_log.txt").read_bytes() == before, "it is the log of other weights"


def test_a_log_tells_at_least_every_half_minute_how_long_it_takes(monkeypatch, capsys):
    from huafang.cli import progress
    from huafang.context import Step

    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    log = progress._Log("train_mini")
    for done in range(300, 306):  # a resumed run: 20 s a step, 1,000 steps in all
        log(Step(done, 1000, {"loss": 0.5}))
        now += 20
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == ["300/1000", "302/1000", "304/1000"]
    assert "to go" not in lines[0]
    assert "about 3 h 53 min to go  loss 0.5" in lines[1]


def test_a_stopped_training_says_how_to_go_on():
    from huafang.cli import pictures
    from huafang.errors import Cancelled

    def stopped() -> None:
        raise Cancelled

    one = SimpleNamespace(method="train_fast_style", ready=stopped, painted=None, finished=None)
    with pytest.raises(Cancelled, match="run the same command again to go on from there"):
        pictures.run([one], None, lambda: True)
