"""How soon the page without a server shows a first result, in Chromium.

    make static && python benchmarks/static_page.py [--site build/static] [--rounds 5]

From opening the page to the finding in its own example. A *first* visit has an empty cache and one thread; a *later* one
has the files that the page keeps, and threads. Each round has a browser profile of its own.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import BrowserContext, Playwright, sync_playwright

_CHROMIUM = Path("/usr/bin/chromium")
_PATIENCE_MS = 300_000


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """The table is the only output."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--site", type=Path, default=Path("build/static"))
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(given.site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    first, later = [], []
    with sync_playwright() as playwright:
        for _ in range(given.rounds):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
                context = _open(playwright, profile)
                first.append(seconds_to_result(context, address))
                later.append(seconds_to_result(context, address))
                context.close()
    server.shutdown()
    for name, seconds in (("first visit", first), ("later visit", later)):
        print(f"{name}: median {statistics.median(seconds):.1f} s, {min(seconds):.1f} to {max(seconds):.1f} s")


def seconds_to_result(context: BrowserContext, address: str) -> float:
    """From opening the page to the example's finding."""
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    started = time.perf_counter()
    page.goto(address)
    page.get_by_role("button", name="Try the example").click()
    page.wait_for_selector(".study[data-state=found]")
    spent = time.perf_counter() - started
    page.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
    page.close()
    return spent


def _open(playwright: Playwright, profile: str) -> BrowserContext:
    path = str(_CHROMIUM) if _CHROMIUM.exists() else None
    return playwright.chromium.launch_persistent_context(profile, executable_path=path, args=["--no-sandbox"])


if __name__ == "__main__":
    main()
