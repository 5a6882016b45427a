"""The client's types were made from the server's document as it is now."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

from tests.web.conftest import Server

API = Path(__file__).parents[2] / "web" / "src" / "api"


def _members(document: str, name: str) -> set[str]:
    """The members of one schema in `schema.d.ts`: `name`, or `name?` where it may be left out."""
    body = re.search(rf"^        {name}: \{{\n(.*?)^        \}};", document, re.MULTILINE | re.DOTALL)
    assert body, f"{name} is not in schema.d.ts: run `npm run api` in web/"
    return set(re.findall(r"^            (\w+\??): ", body[1], re.MULTILINE))


def test_the_types_are_those_of_the_server(tmp_path: Path) -> None:
    with Server(tmp_path) as server, urllib.request.urlopen(f"{server.address}openapi.json") as answer:
        schemas: dict[str, Any] = json.load(answer)["components"]["schemas"]
    document = (API / "schema.d.ts").read_text("utf-8")
    used = re.findall(r'Schemas\["(\w+)"\]', (API / "types.ts").read_text("utf-8"))
    assert len(used) > 10
    for name in used:
        schema = schemas[name]
        # openapi-typescript writes a member without a question mark when it is required or has a default.
        certain = set(schema.get("required", ())) | {key for key, value in schema["properties"].items() if "default" in value}
        assert _members(document, name) == {key if key in certain else f"{key}?" for key in schema["properties"]}, name


def test_faults_that_are_explained_in_chinese_are_faults_of_ours() -> None:
    """A code that was renamed would be shown in English again, and nobody would notice."""
    words = (API.parent / "i18n" / "zh.ts").read_text("utf-8").partition("export const serverMessages")[2]
    codes = re.findall(r'^  "?([a-z_.]+)"?: "', words, re.MULTILINE)
    assert len(codes) > 30
    source = "\n".join(path.read_text("utf-8") for path in (Path(__file__).parents[2] / "src" / "huafang").rglob("*.py"))
    assert [code for code in codes if f'"{code}"' not in source] == []
