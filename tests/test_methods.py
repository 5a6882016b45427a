"""One contract over the whole table of methods.

A method's own test file, `tests/methods/test_<method>.py`, says how to run it small: `def sample(bench) -> dict` gives its settings (a second or two of work).
`HUAFANG_GOLDEN=1 python -m pytest tests/test_methods.py -k golden` writes the golden pictures anew: look at each before you commit it.
"""

import io
import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from huafang import images, methods
from huafang.context import MODEL_FOLDER, Result, Step
from huafang.errors import BadInput, Cancelled
from huafang.kinds import KINDS
from huafang.models import catalogue
from huafang.params import OnePass, Params, Product, fields
from tests.conftest import Bench, scene

ROOT = Path(__file__).parents[1]
NAMES = list(methods.METHODS)
UNSEEN = {"adain", "cap_vstnet", "cartoongan", "clipstyler", "cyclegan", "stargan"}
"""Methods of which no trained weights were at hand when they were built: equal to the authors' code by rule, but with no picture of theirs to show yet."""
PAINTERS = [name for name, params_class in methods.METHODS.items() if params_class.lane == "compute"]
GOLDEN = ROOT / "tests" / "golden" / "methods"
WITHOUT_GOLDEN = ("compare", "train_")
"""A report shows measured times; a training on another CPU ends elsewhere."""
BLOCK, FURTHEST, MEAN = 8, 0.12, 0.012
"""Golden pictures are compared by the means of 8 × 8 blocks: CPUs round differently, and single strokes may move."""
MEAN_OF = {"clipstyler": 0.02}
"""Adam's first steps are the signs of gradients, of which some are rounding: 0.0145 between two kinds of CPU, and 0.05 or more for any other setting."""


def sample(name: str, bench) -> Params:
    return methods.build(name, import_module(f"tests.methods.test_{name}").sample(bench))


@pytest.mark.parametrize("name", NAMES)
def test_the_table_names_a_method_by_its_method(name):
    params_class = methods.METHODS[name]
    assert params_class.model_fields["method"].default == name
    assert params_class.__module__ == f"huafang.methods.{name}"
    assert (params_class.__doc__ or import_module(params_class.__module__).__doc__ or "").strip()
    assert params_class.subject in params_class.model_fields


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_of_known_kinds_and_described(name):
    for spec in fields(methods.METHODS[name]):
        assert spec.kind in KINDS
        assert len(spec.help) > 8, f"{name}.{spec.name} needs a sentence"
        if spec.best is not None:
            assert spec.best in spec.choices
        for choice in spec.needs:
            assert choice in spec.choices
        if spec.when:
            ruler = next(other for other in fields(methods.METHODS[name]) if other.name == spec.when.field)
            assert set(spec.when.values) < set(ruler.choices), f"{name}.{spec.name} hangs on choices that are not there"
            assert not spec.required
        if spec.kind == "masks":
            kinds = {other.name: other.kind for other in fields(methods.METHODS[name])}
            assert kinds[spec.over] in ("image", "images"), f"{name}.{spec.name} lies over no picture"
            assert kinds[spec.per] == "images" or spec.per == spec.over, "one mask for each picture"
            assert kinds[spec.over] == "image" or spec.over == spec.per, "a mask each of several pictures lies over its own"


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_valid(name):
    params_class = methods.METHODS[name]
    for field, info in params_class.model_fields.items():
        if not info.is_required():
            params_class.__pydantic_validator__.validate_assignment(params_class.model_construct(), field, info.get_default(call_default_factory=True))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_every_word_is_there_in_both_languages(name, language):
    words = methods.labels(name)[language]
    assert words["title"].strip()
    assert words["summary"].strip()
    specs = fields(methods.METHODS[name])
    assert set(words["fields"]) == {spec.name for spec in specs}
    for spec in specs:
        assert words["fields"][spec.name]["label"].strip()
        if language == "zh":
            assert words["fields"][spec.name]["hint"].strip(), "the English hint is the docstring; the Chinese one stands here"
            decibels = [re.findall(r"\d+ dB", said) for said in (spec.help, words["fields"][spec.name]["hint"])]
            assert decibels[0] == decibels[1], "both languages promise the same"
        if spec.kind == "weights" and spec.required and spec.holds:
            known = [entry.name for entry in catalogue.entries().values() if entry.holds == spec.holds]
            assert known or words["fields"][spec.name]["source"].strip(), "nothing can be pulled for it: its source says what is read and where it is published"
            with pytest.raises(BadInput, match=r"huafang models pull|none can be pulled"):
                methods.build(name, {})
        if spec.kind == "choice":
            assert set(words["choices"][spec.name]) == set(spec.choices)
    assert set(words.get("choices", {})) == {spec.name for spec in specs if spec.kind == "choice"}
    other = methods.labels(name)["zh" if language == "en" else "en"].get("figures", {})
    for figure, label in words.get("figures", {}).items():
        assert figure in other, f"the figure {figure} of {name} is labelled in {language} alone"
        assert bool(label.strip()) == bool(other[figure].strip())
        assert ("{n}" in label) == (figure.endswith("_N") and label != ""), f"{name}: {{n}} stands for the number of a figure whose name ends in _N"


@pytest.mark.parametrize("name", NAMES)
def test_a_method_has_its_page_and_its_example(name):
    assert (ROOT / "docs" / "methods" / f"{name}.md").is_file()
    if name in PAINTERS and name not in UNSEEN:
        assert (ROOT / "src" / "huafang" / "methods" / name / "example.webp").is_file()


def test_what_is_transparent_is_said_to_be_laid_on_white(bench):
    clear = torch.cat([scene(24, 32), torch.linspace(0, 1, 32).expand(1, 1, 24, 32)], 1)[0].mul(255).byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(clear, "RGBA").save(file, "PNG")
    photo = bench.assets.put(images.ingest(file.getvalue()).data)
    result = methods.run(methods.build("colour_transfer", {"content": photo, "style": [bench.style]}), bench.context())
    assert [(note, note.zh) for note in result.notes] == [("Photo: what is transparent was laid on white", "照片：透明部分以白色为底。")]
    assert methods.run(methods.build("colour_transfer", {"content": bench.content, "style": [bench.style]}), bench.context()).notes == []


@pytest.mark.parametrize("name", NAMES)
def test_params_survive_json(name, bench):
    params = sample(name, bench)
    assert methods.parse(params.model_dump_json()) == params
    assert methods.parse(json.loads(params.model_dump_json())) == params


@pytest.mark.parametrize("name", NAMES)
def test_unknown_settings_are_refused_with_the_nearest(name, bench):
    values = {**import_module(f"tests.methods.test_{name}").sample(bench), "sead": 3}
    with pytest.raises(BadInput, match=r"sead: .* has no such setting.*did you mean seed\?"):
        methods.build(name, values)


HAN = "[一-鿿]"


@pytest.fixture(scope="module", params=PAINTERS)
def ran(request, tmp_path_factory):
    """Each method once, and once more: its name, its steps and both results."""
    bench = Bench(tmp_path_factory.mktemp(request.param))
    params = sample(request.param, bench)
    first = methods.run(params, bench.context())
    steps = list(bench.steps)
    return request.param, steps, first, methods.run(params, bench.context())


def test_results_are_what_the_method_says_finite_in_range_and_repeatable(ran):
    name, steps, first, again = ran
    check_result(methods.METHODS[name].makes, steps, first, again)


def without_times(figures: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if name != "seconds_per_step"}


def check_result(makes: Product, steps: list[Step], first: Result, again: Result) -> None:
    """What must be true of the results of one run and the same once more, by what the method `makes`."""
    assert steps, "a run reports its steps"
    assert steps[-1].done == steps[-1].total
    made = {
        "picture": first.images,
        "film": [file for file in first.files if file.media_type.startswith("video/")],
        "weights": [file for file in first.files if file.name.endswith(".safetensors")],
        "dataset": first.dataset,
        "model_folder": [file for file in first.files if file.media_type == MODEL_FOLDER and file.path and file.path.is_dir()],
        "figures": first.figures,
    }
    assert made[makes], f"no {makes}"
    assert (steps[-1].preview is not None) == bool(first.images), "the last step shows the picture, where there is one"
    assert without_times(first.figures) == without_times(again.figures)
    for one, other in zip(first.files, again.files, strict=True):
        assert (one.name, one.media_type) == (other.name, other.media_type)
    for pixels in first.images:
        assert pixels.ndim == 4
        assert pixels.shape[:2] == (1, 3)
        assert pixels.dtype == torch.float32
        assert torch.isfinite(pixels).all()
        assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1
    for one, other in zip(first.images, again.images, strict=True):
        assert torch.equal(one, other), "same seed, same pixels"


def test_another_seed_gives_other_pixels_where_there_is_chance(bench, ran):
    """A trained network's single pass has none."""
    name, _, first, _ = ran
    if not first.images:
        pytest.skip("it draws no picture")
    params = sample(name, bench)
    if isinstance(params, OnePass):
        pytest.skip("a single pass draws no random numbers")
    changed = params.model_copy(update={"seed": params.seed + 1} | ({"name": "other"} if "name" in type(params).model_fields else {}))
    other = methods.run(changed, bench.context()).images[0]
    assert other.shape != first.images[0].shape or not torch.equal(other, first.images[0])


def test_golden_picture(ran):
    """What a method paints today, it paints tomorrow, on any CPU."""
    name, _, first, _ = ran
    if name.startswith(WITHOUT_GOLDEN) or not first.images:
        pytest.skip("its picture depends on the machine")
    path = GOLDEN / f"{name}.png"
    if os.environ.get("HUAFANG_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(images.encode(first.images[0]))
    wanted, found = (F.avg_pool2d(one, BLOCK) for one in (images.decode(path.read_bytes()), first.images[0]))
    assert wanted.shape == found.shape
    apart = (wanted - found).abs()
    assert (float(apart.max()) <= FURTHEST, float(apart.mean()) <= MEAN_OF.get(name, MEAN)) == (True, True), (
        f"{name}: {float(apart.max()):.3f} at most, {float(apart.mean()):.4f} on average"
    )


def test_every_figure_has_a_name_in_both_languages(ran):
    name, steps, result, _ = ran
    check_figures(name, {*result.figures, *(figure for step in steps for figure in step.figures)})


def test_every_note_is_said_in_both_languages(ran):
    _, _, result, _ = ran
    for note in result.notes:
        assert not re.search(HAN, note), note
        assert re.search(HAN, note.zh), note


def check_figures(name: str, figures: set[str]) -> None:
    """Whether the method's labels.toml names each of the `figures` that it reported."""
    named = methods.labels(name)["en"].get("figures", {})
    nameless = sorted(figure for figure in figures if figure not in named and re.sub(r"_\d+$", "_N", figure) not in named)
    where = f"src/huafang/methods/{name}/labels.toml"
    assert not nameless, (
        f"{name} reports {', '.join(nameless)}: give each a label in [en.figures] and in [zh.figures] of {where}"
        ' (numbered ones together: seed_N = "Seed of picture {n}"; an empty label for what need not be shown)'
    )


@pytest.mark.parametrize("name", PAINTERS)
def test_a_cancel_is_heard_at_the_next_step_and_leaves_nothing(name, bench):
    params = sample(name, bench)
    before = set(bench.assets.ids())
    with pytest.raises(Cancelled):
        methods.run(params, bench.context(stop_after=1))
    assert len(bench.steps) == 1
    assert set(bench.assets.ids()) == before


def test_no_door_opens_torch():
    code = (
        "import sys; from huafang import methods; from huafang.params import fields\n"
        "[fields(one) for one in methods.METHODS.values()]; [methods.labels(name) for name in methods.METHODS]\n"
        "heavy = {'torch', 'numpy', 'numba', 'scipy', 'diffusers', 'transformers', 'PIL'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_wrong_method_is_told_the_nearest():
    with pytest.raises(BadInput, match="did you mean gatys"):
        methods.parse('{"method": "gaty"}')


@pytest.mark.parametrize("native", [True, False])
def test_a_dtype_that_is_emulated_is_said_before_the_run(bench, monkeypatch, native):
    from huafang.ops import dtypes

    monkeypatch.setattr(dtypes, "bfloat16_is_native", lambda device: native)
    ctx, said = bench.context(), []
    ctx._on_message = said.append
    ctx._report = lambda step: said.append(step.done)
    values = import_module("tests.methods.test_fast_style").sample(bench)
    notes = methods.run(methods.build("fast_style", values | {"precision": "bfloat16"}), ctx).notes
    assert ("emulates it" in str(said[0])) != native
    assert any("emulates it" in note for note in notes) != native
    assert not any("emulates" in note for note in methods.run(methods.build("fast_style", values), bench.context()).notes)
