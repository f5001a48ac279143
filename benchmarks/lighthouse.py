"""Measure the built site with Lighthouse: ``python benchmarks/lighthouse.py`` after ``make book``.

Serves ``_build/html`` compressed, as GitHub Pages does, on this machine, lets Lighthouse look at
the front page and at chapter 1 as a desktop computer and as a phone, and writes the medians of
three runs each to ``benchmarks/results/lighthouse.json``. Lighthouse comes from npm, to ``.cache``;
the browser is an installed Chromium, or the one that the variable CHROMIUM names.
"""

import gzip
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import threading
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
RESULTS = ROOT / "benchmarks" / "results" / "lighthouse.json"
LIGHTHOUSE = "lighthouse@13.5.0"
PAGES = ["index.html", "chapters/01-hello.html"]
RUNS = 3
COMPRESSED = {".html", ".css", ".js", ".svg", ".json", ".xml"}
BOUNDS = {"accessibility": 100, "best-practices": 100, "seo": 100}
PERFORMANCE = {"desktop": 90, "mobile": 80}


class Handler(SimpleHTTPRequestHandler):
    """Serve the site as GitHub Pages does: text compressed, everything cached ten minutes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802
        """Answer one request."""
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path /= "index.html"
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        self.send_response(200)
        if path.suffix in COMPRESSED:
            data = gzip.compress(data, 6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        """Say nothing."""


def look(address, form, chromium):
    """Let Lighthouse look at one page once; return its report."""
    flags = ["--headless=new", "--disable-background-networking", "--no-first-run"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")
    command = ["npx", "--yes", "--cache", str(ROOT / ".cache" / "npm"), LIGHTHOUSE, address]
    options = ["--output=json", "--quiet", f"--chrome-flags={' '.join(flags)}"]
    if form == "desktop":
        options.append("--preset=desktop")
    env = {**os.environ, "CHROME_PATH": chromium}
    done = subprocess.run([*command, *options], capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"lighthouse failed on {address}:\n{done.stderr}")
    return json.loads(done.stdout)


def measure(site, chromium):
    """Return the medians for every page and form, and the reports' own facts."""
    rows, report = [], {}
    for page in PAGES:
        for form in PERFORMANCE:
            reports = [look(site + page, form, chromium) for _ in range(RUNS)]
            report = reports[0]
            row = {"page": page, "form": form}
            for name in ("performance", *BOUNDS):
                scores = [100 * each["categories"][name]["score"] for each in reports]
                row[name] = round(statistics.median(scores))
            sizes = [each["audits"]["total-byte-weight"]["numericValue"] for each in reports]
            row["kilobytes"] = round(statistics.median(sizes) / 1000)
            rows.append(row)
            print(*row.values(), sep="\t", flush=True)
            lost = [
                audit["id"]
                for name in BOUNDS
                for ref in report["categories"][name]["auditRefs"]
                if (audit := report["audits"][ref["id"]])["score"] is not None
                and ref["weight"]
                and audit["score"] < 1
            ]
            if lost:
                print("  lost points:", ", ".join(lost))
    return rows, report


def main():
    """Measure, write the record, and fail where a bound is missed."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium or not shutil.which("npx"):
        sys.exit("this needs Chromium (or its path in CHROMIUM) and Node.js with npx")
    if not (SITE / "index.html").exists():
        sys.exit(f"{SITE} holds no site: run `make book`")
    server = ThreadingHTTPServer(("localhost", 0), partial(Handler, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rows, report = measure(f"http://localhost:{server.server_port}/", chromium)
    server.shutdown()
    record = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": f"{os.cpu_count()} CPU cores, {platform.machine()}",
        "versions": {
            "lighthouse": report["lighthouseVersion"],
            "browser": report["environment"]["hostUserAgent"].split("Chrome/")[-1].split()[0],
        },
        "recipe": f"median of {RUNS} runs, gzip, localhost, Lighthouse's own throttling",
        "rows": rows,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    bounds = [(row, {**BOUNDS, "performance": PERFORMANCE[row["form"]]}) for row in rows]
    missed = [
        f"{row['page']} ({row['form']}): {name} {row[name]}, expected at least {bound}"
        for row, wanted in bounds
        for name, bound in wanted.items()
        if row[name] < bound
    ]
    sys.exit("\n".join(missed) or None)


if __name__ == "__main__":
    main()
