"""No sentence of the pages is without its Spanish and English words."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_translation_is_missing():
    done = subprocess.run(
        [sys.executable, "-m", "outreach.translations", "check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
