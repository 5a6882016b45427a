"""Another site's page in a real Chromium, on another port and under another name: it can start nothing, stop nothing, send nothing and read nothing."""

import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.server.conftest import Server, picture

PAGE = """<!doctype html><title>evil</title><script>
async function attempt(name, ask) {
  try { const a = await ask(); return [name, a.type, a.status, a.type === "opaque" ? "" : await a.text()] }
  catch (e) { return [name, "blocked", 0, ""] }
}
function form(kind) { const f = new FormData(); f.append("file", new Blob([Uint8Array.from(atob(DATA), c => c.charCodeAt(0))]), "x.png"); return f }
function shown(address) { return new Promise(done => { const i = new Image(); i.onload = () => done(true); i.onerror = () => done(false); i.src = address }) }
async function attack(base, job, asset, body) {
  const all = []
  for (const mode of ["cors", "no-cors"]) {
    all.push(await attempt("read", () => fetch(base + "api/jobs", { mode })))
    all.push(await attempt("picture", () => fetch(base + "api/assets/" + asset, { mode })))
    all.push(await attempt("post", () => fetch(base + "api/jobs", { mode, method: "POST", body, headers: { "content-type": "text/plain" } })))
    all.push(await attempt("json", () => fetch(base + "api/jobs", { mode, method: "POST", body, headers: { "content-type": "application/json" } })))
    all.push(await attempt("cancel", () => fetch(base + "api/jobs/" + job + "/cancel", { mode, method: "POST" })))
    all.push(await attempt("pause", () => fetch(base + "api/queue/pause", { mode, method: "POST" })))
    all.push(await attempt("upload", () => fetch(base + "api/assets", { mode, method: "POST", body: form() })))
  }
  return { all, shown: await shown(base + "api/assets/" + asset) }
}
</script>"""


@pytest.fixture(scope="module")
def other_site() -> Iterator[int]:
    import base64

    page = PAGE.replace("DATA", repr(base64.b64encode(picture(colour="magenta")).decode())).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None: ...

    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield site.server_address[1]
    site.shutdown()
    site.server_close()


def _attacked(sync_api: Any, chromium: str, port: int, other_site: int, told: list[str]) -> None:
    """Each site's page tries everything, with what it could at most have been `told`: a job, an asset, a body."""
    rules = "--host-resolver-rules=MAP evil.test 127.0.0.1"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", rules])
        home = f"http://127.0.0.1:{port}/"
        cases = [(f"http://127.0.0.1:{other_site}/", home), (f"http://localhost:{other_site}/", home), (f"http://evil.test:{other_site}/", home)]
        cases += [(f"http://evil.test:{other_site}/", f"http://evil.test:{port}/")]  # a name of its own that points here
        for site, base in cases:
            page = browser.new_page()
            page.goto(site)
            found = page.evaluate("([b, j, a, t]) => attack(b, j, a, t)", [base, *told])
            assert not found["shown"], f"{site} shows our picture"
            for name, kind, _, text in found["all"]:
                assert kind in ("blocked", "opaque"), f"{site}: {name} answered {kind}"
                assert text == ""
            page.close()
        rebound = browser.new_page()
        answer = rebound.goto(f"http://evil.test:{port}/api/jobs")
        assert answer.status == 403
        browser.close()


@pytest.mark.browser
def test_another_sites_page_can_do_nothing(server: Server, other_site: int):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api")
    asset = server.upload(picture(colour="teal"))
    running = server.paint(3000)
    body = json.dumps({"params": {"method": "stroke_rendering", "content": asset}})
    before = [job["id"] for job in server.json("GET", "/api/jobs")["jobs"]]
    with ThreadPoolExecutor(1) as alone:  # a thread of its own: the web tests' Playwright may have its loop on this one
        alone.submit(_attacked, sync_api, chromium, server.port, other_site, [running, asset, body]).result()
    assert [job["id"] for job in server.json("GET", "/api/jobs")["jobs"]] == before, "no job was started"
    now = server.json("GET", f"/api/jobs/{running}")
    assert now["state"] == "running"
    assert not now["cancelling"]
    assert not server.json("GET", "/api/queue")["paused"]
    import hashlib
    from pathlib import Path

    from huafang import images
    from huafang.assets import Assets
    from huafang.places import places

    uploaded = hashlib.sha256(images.ingest(picture(colour="magenta")).data).hexdigest()
    data = Path(server.process.args[server.process.args.index("--data") + 1])
    assert not Assets(places(data).assets).exists(uploaded), "no picture was stored"
    server.json("POST", f"/api/jobs/{running}/cancel")
