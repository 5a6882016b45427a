"""Writes the HTTP API's OpenAPI document to a file, without starting a server: `python tools/openapi.py FILE`. The web studio's types are made from it."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from huafang.server.app import create_api
from huafang.server.studio import Studio


def document() -> dict[str, Any]:
    """What GET /openapi.json answers. The routes are never called, so the studio behind them is only a version number."""
    return create_api(cast(Studio, SimpleNamespace(version=version("huafang")))).openapi()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(document(), ensure_ascii=False), "utf-8")
