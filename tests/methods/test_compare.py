"""The comparison: what it says is what the table holds, what fails is a row, and the same comparison gives the same figures."""

import csv
import io
import itertools
import json
import math
import re
import shutil
from html.parser import HTMLParser

import pytest
import torch

from huafang import images, metadata, methods
from huafang.errors import BadInput, Cancelled
from huafang.methods.compare import plan, plots
from huafang.methods.compare.measures import MEASURES
from huafang.methods.compare.sentences import sentences
from huafang.methods.compare.table import Row, Table
from huafang.metrics import pixels
from huafang.ops.resize import shrunk
from tests.conftest import scene, weave


def sample(bench) -> dict:
    return {
        "content": bench.content,
        "style": (bench.style,),
        "methods": ("colour_transfer", "adain", "image_filters"),
        "settings": "image_filters.filter = pencil",
        "size": 64,
    }


def compared(bench, **values) -> tuple[dict, dict[str, bytes], object]:
    """report.json, all files by name, and the result."""
    result = methods.run(methods.build("compare", sample(bench) | values), bench.context())
    files = {file.name: file.data for file in result.files}
    return json.loads(files["report.json"]), files, result


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    from tests.conftest import Bench

    bench = Bench(tmp_path_factory.mktemp("report"))
    return bench, *compared(bench)


def rows(found: dict) -> dict[str, dict]:
    return {row["name"]: row for row in found["rows"]}


def test_two_baselines_stand_first_and_tell_the_scale(report):
    _, found, _, _ = report
    names = [row["name"] for row in found["rows"]]
    assert names == ["photo", "style", "colour_transfer", "adain", "image_filters"]
    photo, style = rows(found)["photo"]["figures"], rows(found)["style"]["figures"]
    assert (photo["ssim"], photo["psnr"], photo["edge_ssim"]) == (1, "inf", 1)
    for method in ("colour_transfer", "image_filters"):
        assert style["ssim"] < rows(found)[method]["figures"]["ssim"] < 1
    assert style["texture"] < photo["texture"]
    assert style["colours"] < photo["colours"]


def test_figures_are_those_of_the_pictures(report):
    bench, found, files, _ = report
    photo = shrunk(bench.context().image(bench.content), 64)
    for name in ("colour_transfer", "image_filters"):
        painted = images.decode(files[f"{name}.png"])
        assert rows(found)[name]["figures"]["ssim"] == pytest.approx(float(pixels.ssim(painted, photo)), abs=2e-3), "the file is rounded to 8 bits"
        assert found["cost"][name]["seconds"] > 0
        assert rows(found)[name]["figures"]["parameters"] == 0


def test_compiling_is_not_counted_as_a_methods_time(bench, monkeypatch):
    """It happens once for a machine, and to whichever method comes first."""
    clock = iter(range(0, 10_000_000, 1000))
    monkeypatch.setattr("huafang.compilation.seconds", lambda: next(clock))
    found, _, _ = compared(bench, methods=("colour_transfer",), settings="")
    assert found["cost"]["colour_transfer"]["seconds"] == 0


def test_what_fails_is_a_row_that_says_why(report):
    _, found, files, result = report
    row = rows(found)["adain"]
    assert row["figures"] == {}
    assert row["error"]["message"] == "adain needs trained weights, and this machine has none for it"
    hint = row["error"]["hint"]
    assert "Download decoder.pth and vgg_normalised.pth of naoto0804/pytorch-AdaIN" in hint
    assert hint.endswith(" on each. Then set adain.weights=MODEL and adain.encoder=MODEL."), "the decoder alone does not run"
    assert "; " not in hint, "sentences that can be read"
    assert "adain.png" not in files
    assert "adain" not in found["cost"]
    assert result.figures == {"ran": 2, "failed": 1}
    assert b"adain needs trained weights" in files["report.html"]
    (line,) = [line for line in csv.DictReader(io.StringIO(files["report.csv"].decode())) if line["name"] == "adain"]
    assert line["ssim"] == ""
    assert "this machine has none for it" in line["error"]


def test_whatever_a_method_raises_stays_in_its_row(bench, monkeypatch):
    from huafang.methods.image_filters import run as filters

    def broken(p, ctx):
        raise ZeroDivisionError("division <b>by</b> zero")

    monkeypatch.setattr(filters, "run", broken)
    found, files, _ = compared(bench)
    assert rows(found)["image_filters"]["error"]["message"] == "ZeroDivisionError: division <b>by</b> zero"
    assert "ssim" in rows(found)["colour_transfer"]["figures"]
    assert b"division &lt;b&gt;by" in files["report.html"]
    monkeypatch.setattr(filters, "run", lambda p, ctx: (_ for _ in ()).throw(MemoryError()))
    assert rows(compared(bench)[0])["image_filters"]["error"]["code"] == "memory.out"


def test_where_nothing_ran_there_is_a_report_all_the_same(bench):
    found, files, result = compared(bench, methods=("adain", "fast_style"), settings="")
    assert result.figures == {"ran": 0, "failed": 2}
    assert found["sentences"]["en"][0] == "0 of 2 methods ran."
    assert [row["name"] for row in found["rows"] if row["figures"]] == ["photo", "style"]
    assert b"<svg" not in files["report.html"], "there is nothing to plot"


def test_a_cancel_ends_the_comparison_and_is_nobodys_failure(bench):
    with pytest.raises(Cancelled):
        methods.run(methods.build("compare", sample(bench)), bench.context(stop_after=3))


def test_nothing_is_said_to_be_measured_that_was_not(report):
    _, found, files, _ = report
    missing = {one["key"]: one["missing"] for one in found["measures"] if one["missing"]}
    assert missing == {
        "lpips": "needs squeezenet1_1 and lpips_squeezenet: huafang models pull squeezenet1_1; huafang models pull lpips_squeezenet",
        "gram": "needs squeezenet1_1: huafang models pull squeezenet1_1",
        "statistics": "needs squeezenet1_1: huafang models pull squeezenet1_1",
    }
    assert all(key not in row["figures"] for row in found["rows"] for key in missing)
    assert files["report.html"].decode().count("needs squeezenet1_1: huafang models pull squeezenet1_1") >= 2
    assert "Gram distance and Statistics distance: not measured, needs squeezenet1_1: huafang models pull squeezenet1_1." in found["sentences"]["en"]


def test_with_the_networks_every_figure_is_there(bench, shared):
    bench.weights.root.mkdir(parents=True)
    shutil.copy(shared / "weights" / "squeezenet1_1.safetensors", bench.weights.root / "squeezenet1_1.safetensors")
    shutil.copy(shared / "weights" / "lpips_v0.1_squeeze_heads.safetensors", bench.weights.root / "lpips_squeezenet.safetensors")
    found, _, _ = compared(bench, methods=("colour_transfer",), settings="")
    figures = rows(found)
    assert not any(one["missing"] for one in found["measures"])
    assert figures["photo"]["figures"]["lpips"] == 0
    assert 0 < figures["colour_transfer"]["figures"]["lpips"] < figures["style"]["figures"]["lpips"]
    assert figures["style"]["figures"]["gram"] < figures["photo"]["figures"]["gram"]
    assert "LPIPS (SqueezeNet 1.1)" in found["sentences"]["en"][1]


def test_the_same_comparison_gives_the_same_figures(report, bench):
    _, found, files, _ = report
    again, others, _ = compared(bench)
    assert [row["figures"] for row in again["rows"]] == [row["figures"] for row in found["rows"]]
    assert others["colour_transfer.png"] == files["colour_transfer.png"]


def test_settings_reach_their_method_and_no_other(report):
    _, found, files, _ = report
    assert rows(found)["image_filters"]["params"]["filter"] == "pencil"
    carried = metadata.read(images.ingest(files["image_filters.png"]).text)
    assert carried["params"] == rows(found)["image_filters"]["params"], "a picture carries how it was made"


def test_pictures_words_and_weights_go_where_a_method_asks_for_them(bench):
    p = methods.build("compare", sample(bench) | {"methods": ("gatys", "image_to_image", "fast_style"), "settings": "", "prompt": "a boat", "seed": 7})
    assert plan.params(p, "gatys", bench.weights).style == (bench.style,)
    assert plan.params(p, "image_to_image", bench.weights).prompt == "a boat"
    assert plan.params(p, "gatys", bench.weights).seed == 7
    silent = p.model_copy(update={"prompt": ""})
    with pytest.raises(BadInput, match="image_to_image wants words, and none were given"):
        plan.params(silent, "image_to_image", bench.weights)


def test_a_model_at_hand_is_taken_where_one_must_be(bench):
    from tests.methods.test_fast_style import sample as fast_style

    fast_style(bench)
    found, _, _ = compared(bench, methods=("fast_style",), settings="fast_style.size = 64")
    row = rows(found)["fast_style"]
    assert row["params"]["weights"] == "random-style"
    assert row["weights"] == ["random-style"]
    assert row["figures"]["parameters"] > 1_600_000


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"methods": ("gaty",)}, "methods: 'gaty' restyles no photo; allowed are .*did you mean gatys?"),
        ({"methods": ("text_to_image",)}, "'text_to_image' restyles no photo"),
        ({"methods": ("compare",)}, "'compare' restyles no photo"),
        ({"methods": ("gatys", "gatys")}, "gatys is named twice"),
        ({"methods": ()}, "methods: at least 1 wanted"),
        ({"methods": ("gatys",), "settings": "gatys.stps=3"}, r"settings: gatys\.stps: gatys has no such setting to change.*did you mean steps\?"),
        ({"methods": ("gatys",), "settings": "gatys.steps=0"}, r"steps: must be a whole number, 1 to 5000 \(came: 0\)$"),
        ({"methods": ("gatys",), "settings": "gatys.steps=many"}, r"steps: must be a whole number, 1 to 5000 \(came: 'many'\)$"),
        ({"methods": ("gatys",), "settings": "gatys.content=" + "0" * 64}, "no such setting to change"),
        ({"methods": ("gatys",), "settings": "adain.size=64"}, "adain is not among the methods"),
        ({"methods": ("gatys",), "settings": "steps: 3"}, r"write METHOD\.FIELD=VALUE"),
    ],
)
def test_wrong_plans_are_refused_at_the_door(bench, values, said):
    with pytest.raises(BadInput, match=said):
        methods.build("compare", sample(bench) | {"settings": ""} | values)


def test_pictures_of_other_sizes_are_measured_at_the_photos(bench):
    found, files, _ = compared(
        bench, content=bench.put(scene(100, 200)), size=128, methods=("colour_transfer", "gatys"), settings="gatys.size=64\ngatys.steps=2"
    )
    assert rows(found)["colour_transfer"]["size"] == [128, 64]
    assert images.decode(files["gatys.png"]).shape[2:] == (32, 64)
    assert "its picture has 64 × 32 pixels; it is measured at the photo's 128 × 64" in rows(found)["gatys"]["notes"]


@pytest.mark.parametrize("size", [(8, 8), (8, 120), (33, 17)])
def test_small_pictures_are_measured_too(bench, size):
    found, _, _ = compared(bench, content=bench.put(scene(*size)), style=(bench.put(weave(9, 9)),), methods=("colour_transfer",), settings="")
    assert all(math.isfinite(value) for value in rows(found)["colour_transfer"]["figures"].values())


def test_progress_is_told_method_by_method(bench):
    compared(bench)
    parts = [[step.figures[f"part_{number}"] for number in (1, 2, 3)] for step in bench.steps]
    assert parts[0] == [0, 0, 0]
    assert parts[-1] == [100, 100, 100]
    for earlier, later in itertools.pairwise(parts):
        assert all(one <= other for one, other in zip(earlier, later, strict=True))
    assert any(0 < one[2] < 100 and one[0] == 100 for one in parts), "the filter reports on its way"


def test_the_page_needs_nothing_beside_it_and_runs_nothing(report):
    _, _, files, _ = report
    text = files["report.html"].decode()
    tags: list[tuple[str, dict]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append((tag, dict(attrs)))

    Reader().feed(text)
    assert not {"script", "iframe", "link", "object", "form", "base"} & {tag for tag, _ in tags}
    assert all(attributes["src"].startswith("data:image/") for tag, attributes in tags if tag == "img")
    assert not any(name.startswith("on") or name in ("href", "xlink:href") for _, attributes in tags for name in attributes)
    policy = next(attributes["content"] for tag, attributes in tags if attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "://" not in re.sub(r"data:image/[^)\"']+", "", text)
    assert sum(tag == "table" for tag, _ in tags) == 3
    assert sum(tag == "svg" for tag, _ in tags) >= 2


def test_the_best_of_a_column_is_marked_and_a_tie_of_all_is_not(report):
    _, found, files, _ = report
    bold = re.findall(r'<td class="best">([^<]+)</td>', files["report.html"].decode())
    most = max(row["figures"]["ssim"] for row in found["rows"][2:] if row["figures"])
    assert f"{most:.3f}" in bold
    assert "0" not in bold, "neither method has parameters"
    assert files["report.html"].count(b"naoto0804/pytorch-AdaIN") == 2, "what to do about a failure is said once, in each language"


def test_a_method_without_a_network_is_not_the_best_by_its_parameters():
    parameters = next(one for one in MEASURES if one.key == "parameters")
    found = table(**SCALE, a={"parameters": 0.0}, b={"parameters": 9e6}, c={"parameters": 7e6})
    assert [row.name for row in found.ranked(parameters)] == ["c", "b"]
    assert [row.name for row in found.measured(parameters)] == ["a", "c", "b"]


def test_the_page_marks_the_fewest_parameters_of_those_that_have_any(bench):
    _, files, _ = compared(bench, methods=("colour_transfer", "micro_ast"), settings="")
    assert not re.search(r'<td class="best">0</td>', files["report.html"].decode())


def test_words_from_outside_are_text(bench):
    found, files, _ = compared(bench, prompt="<script>alert('x')</script> & more", methods=("colour_transfer",), settings="")
    text = files["report.html"].decode()
    assert "<script>" not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; more" in text
    assert found["params"]["prompt"] == "<script>alert('x')</script> & more"


def test_the_chinese_page_has_no_english_sentence(bench):
    _, files, result = compared(bench, language="zh", methods=("colour_transfer", "adain"), settings="")
    page = files["report.html"].decode()
    for word in ("needs", "threads", "none can be pulled", "Then set", "huafang models pull squeezenet1_1;"):
        assert word not in page, word
    assert "需要 squeezenet1_1 和 lpips_squeezenet：huafang models pull squeezenet1_1；huafang models pull lpips_squeezenet" in page
    assert "个线程" in page
    assert "逐个转换。然后设置 adain.weights=MODEL 和 adain.encoder=MODEL。" in page
    assert "needs" not in result.notes[0].zh


@pytest.mark.parametrize(("language", "has", "has_not"), [("en", "Pictures", "图片"), ("zh", "图片", "Pictures"), ("both", "图片", None)])
def test_the_page_speaks_the_language_asked_for(bench, language, has, has_not):
    _, files, result = compared(bench, language=language, methods=("colour_transfer",), settings="")
    headings = " ".join(re.findall(r"<h2>(.*?)</h2>", files["report.html"].decode()))
    assert has in headings
    assert has_not is None or has_not not in headings
    assert ("Pictures" in headings) == (language != "zh")
    (note,) = result.notes
    assert ("1 of 1 methods ran." in note) == (language != "zh")
    assert ("1 of 1 methods ran." in note.zh) == (language == "en")


def test_the_csv_holds_every_figure_in_full(report):
    _, found, files, _ = report
    lines = {line["name"]: line for line in csv.DictReader(io.StringIO(files["report.csv"].decode()))}
    assert [line["kind"] for line in lines.values()] == ["baseline", "baseline", "method", "method", "method"]
    for name, row in rows(found).items():
        for key, value in row["figures"].items():
            assert float(lines[name][key]) == float(value)


def table(**figures: dict[str, float]) -> Table:
    """A table of made-up figures: photo and style as they come, methods by name."""
    plain = {"ssim": 0.0, "colours": 0.0, "texture": 0.0, "seconds": 1.0}
    found = [Row(name, {"en": name, "zh": name}, name in ("photo", "style"), torch.zeros(1, 3, 8, 8), plain | values) for name, values in figures.items()]
    return Table(found, dict.fromkeys(("lpips", "gram", "statistics"), "no network"))


SCALE = {"photo": {"ssim": 1.0, "texture": 0.9}, "style": {"ssim": 0.1, "texture": 0.2}}


def test_sentences_are_read_off_the_table():
    found = table(**SCALE, a={"ssim": 0.8, "texture": 0.95, "seconds": 0.5}, b={"ssim": 0.4, "texture": 0.5, "seconds": 6.0})
    assert sentences(found, "en", "squeezenet") == [
        "2 of 2 methods ran.",
        "LPIPS (SqueezeNet 1.1), Gram distance and Statistics distance: not measured, no network.",
        "a kept most of the photo (SSIM 0.800) and b least (0.400); the photo itself has 1.000, the style picture 0.100.",
        "b came nearest to the style (Texture distance 0.500) and a stayed farthest (0.950);"
        " the photo itself stands at 0.900, the style picture, resized, at 0.200.",
        "No nearer to the style than the photo itself: a (Texture distance 0.950, the photo 0.900).",
        "Nothing is best at both: what keeps most of the photo is not what comes nearest to the style.",
        "a was the quickest with 500 ms; b took 12 times as long, 6.0 s.",
    ]


def test_sentences_change_with_the_table():
    """The other way round, equal, alone, and none at all."""
    swapped = table(**SCALE, a={"ssim": 0.4, "texture": 0.6}, b={"ssim": 0.8, "texture": 0.5})
    said = " ".join(sentences(swapped, "en", "squeezenet"))
    assert "b kept most of the photo (SSIM 0.800) and a least" in said
    assert "b is best at both." in said
    assert "No nearer" not in said
    still = " ".join(sentences(table(**SCALE, a={"texture": 0.88}, b={"texture": 0.89}), "en", "squeezenet"))
    assert "Nothing came much nearer to the style than the photo itself (Texture distance 0.900): the nearest, a, is at 0.880;" in still
    assert "came nearest" not in still
    assert "best at both" not in still
    even = " ".join(sentences(table(**SCALE, a={"ssim": 0.50004}, b={"ssim": 0.49996}), "en", "squeezenet"))
    assert "a and b kept the same of the photo (SSIM 0.500)" in even
    alone = " ".join(sentences(table(**SCALE, a={"ssim": 0.7, "texture": 0.6}), "en", "squeezenet"))
    assert "a has SSIM 0.700 to the photo" in alone
    assert "most" not in alone
    assert "a took 1.0 s." in alone
    none = Table([*table(**SCALE).rows, Row("a", {"en": "A", "zh": "甲"}, error={"code": "x", "message": "why not", "hint": None})], {})
    assert sentences(none, "en", "squeezenet") == ["0 of 1 methods ran.", "A did not run: why not."]
    assert sentences(none, "zh", "squeezenet") == ["1 种方法中有 0 种完成了运行。", "甲未能运行：why not。"]
    lacking = Table([*none.rows[:2], Row("a", {"en": "A", "zh": "甲"}, error={"code": "weights.missing", "message": "no model", "hint": None})], {})
    assert [sentences(lacking, language, "squeezenet")[1] for language in ("en", "zh")] == ["A did not run: no model.", "甲未能运行：本机没有它所需的模型。"]


def test_measures_that_disagree_are_said_to():
    found = table(**SCALE, a={"ssim": 0.8, "lpips": 0.5}, b={"ssim": 0.4, "lpips": 0.2})
    found = Table([Row(**{**vars(row), "figures": {"lpips": 0.9, **row.figures}}) for row in found.rows], {"gram": "", "statistics": ""})
    assert "LPIPS (AlexNet) and SSIM do not agree on what kept most of the photo: b by the one, a by the other." in sentences(found, "en", "alexnet")


def test_better_is_up_and_right_in_the_plot():
    points = [plots.Point("good", 0.1, 0.9), plots.Point("bad", 0.8, 0.2), plots.Point("same", 0.1, 0.9, hollow=True)]
    drawn = plots.scatter(points, plots.Axis("distance", higher=False), plots.Axis("likeness", higher=True), "both")
    marks = [(float(x), float(y)) for x, y in re.findall(r'<circle[^>]* cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    assert marks[0][0] > marks[1][0]
    assert marks[0][1] < marks[1][1]
    heights = [float(top) for top in re.findall(r'class="label" x="[\d.]+" y="([\d.]+)"', drawn)]
    assert abs(heights[0] - heights[2]) >= plots.LINE, "names of one place do not lie on each other"
    assert plots.ticks([0.1, 0.9])[0] <= 0.1
    assert "&lt;b&gt;" in plots.bars([("<b>", 0.0, "0 s")], "times")


def test_every_measure_is_named_in_both_languages():
    from huafang.methods.compare.table import convention, title

    for measure in MEASURES:
        for language in ("en", "zh"):
            assert title(measure, language, "vgg16")
            assert len(convention(measure, language, "vgg16")) > 15


def test_what_a_figure_cannot_say_is_said():
    """SSIM and PSNR where LPIPS is missing; methods that never saw the style; networks that were trained on such a measure."""
    rivals = table(**SCALE, a={"ssim": 0.8, "psnr": 15.0}, b={"ssim": 0.4, "psnr": 25.0})
    assert "SSIM and PSNR do not agree on what kept most of the photo: a by the one, b by the other." in sentences(rivals, "en", "squeezenet")
    rows = [Row(**{**vars(row), "params": {} if row.baseline else {"style": ["x"] if row.name == "a" else []}}) for row in rivals.rows]
    said = sentences(Table(rows, rivals.missing), "en", "squeezenet")
    assert "Not shown the style picture: b. How near that comes to the style is chance." in said
    learnt = {"gram": 0.2, "texture": 0.5, "parameters": 1000.0}
    shown = table(**SCALE, a=learnt, b={"gram": 0.6, "texture": 0.5})
    shown = Table([Row(**{**vars(row), "figures": {"gram": 0.9, **row.figures}}) for row in shown.rows], {"lpips": "no network", "statistics": "no network"})
    assert any(
        sentence.startswith("Gram distance looks at features of the kind") and "favours a:" in sentence for sentence in sentences(shown, "en", "squeezenet")
    )
