"""Rules about the repository itself: sizes, names, vendor words, addresses."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
]
PYTHON = [path for path in TRACKED if path.suffix == ".py"]
PRODUCT = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in {"campaigns", "outreach", "workers"}]


def test_there_is_something_to_look_at():
    assert len(PRODUCT) > 50


@pytest.mark.parametrize("suffixes", [{".py", ".html", ".js", ".css"}])
def test_no_file_is_over_400_lines(suffixes):
    long = {
        str(path.relative_to(ROOT)): lines
        for path in TRACKED
        if path.suffix in suffixes and (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_no_function_of_the_product_is_over_40_lines():
    long = {
        f"{path.relative_to(ROOT)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno + 1 > 40
    }
    assert long == {}


def test_no_junk_drawers():
    drawers = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|base)(_|$)")
    assert [path for path in PRODUCT if drawers.search(path.stem)] == []


def test_package_files_hold_a_docstring_and_nothing_else():
    full = []
    for path in PRODUCT:
        if path.name == "__init__.py":
            body = ast.parse(path.read_text()).body
            if len(body) != 1 or not (isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)):
                full.append(str(path.relative_to(ROOT)))
    assert full == []


def test_every_module_of_the_product_says_what_it_is_for():
    assert [p for p in PRODUCT if not ast.get_docstring(ast.parse(p.read_text()))] == []


def test_vendor_words_stay_in_providers():
    words = re.compile(r"undelivered|MessageSid|MessageStatus|OptOutType|StatusCallback|\b21[26]\d\d\b|\b300\d\d\b")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in PRODUCT
        if "providers" not in path.parts and (match := words.search(path.read_text()))
    ]
    assert found == []


def test_the_network_is_called_in_providers_only():
    calling = re.compile(
        r"^\s*(import|from) (aiohttp|smtplib|aiosmtplib|requests|twilio|httpx|urllib3)\b", re.MULTILINE
    )
    assert [p for p in PRODUCT if "providers" not in p.parts and calling.search(p.read_text())] == []


def test_sessions_are_opened_in_two_places_only():
    opening = re.compile(r"\b(agency_sessions|open_engine|create_engine)\(")
    allowed = {"outreach/database.py", "workers/context.py", "campaigns/store/engine.py"}
    assert {str(p.relative_to(ROOT)) for p in PRODUCT if opening.search(p.read_text())} <= allowed


def test_the_environment_is_read_in_few_places():
    allowed = {"outreach/cli.py", "outreach/cli_demo.py", "outreach/embedded.py", "outreach/supervisor.py"}
    allowed |= {"outreach/cli_servers.py", "outreach/secrets_file.py", "workers/context.py", "campaigns/vault.py"}
    using = {str(p.relative_to(ROOT)) for p in PRODUCT if re.search(r"\bos\.environ|\bgetenv\b", p.read_text())}
    assert using <= allowed


def test_lock_files_carry_hashes_and_no_addresses():
    for name in ("requirements.lock", "requirements-dev.lock", "frontend/package-lock.json"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "sha256:" in text or "sha512-" in text


def test_pages_and_jobs_write_no_sql():
    thin = [p for p in PRODUCT if p.relative_to(ROOT).parts[:2] in {("outreach", "admin"), ("outreach", "webhooks")}]
    thin += [p for p in PRODUCT if p.relative_to(ROOT).parts[0] == "workers" and p.name != "context.py"]
    assert [p for p in thin if re.search(r"^\s*(import|from) sqlalchemy\b", p.read_text(), re.MULTILINE)] == []
