"""JavaScript packages that tests use, as npm installed them."""

import os
from pathlib import Path

import pytest

WEB = Path(__file__).parents[1] / "web"


def package(path: str) -> Path:
    """Where a package's file is; without it the tests fail in CI, and are skipped elsewhere."""
    found = WEB / "node_modules" / path
    if found.exists():
        return found
    reason = f"{path} is not installed: run npm ci in web/"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
