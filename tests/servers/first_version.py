"""diator 0.1.2 beside this version, in processes of its own."""

import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

__all__ = ("run_first_version", "start_first_version")


@cache
def _packages() -> str:
    """Install diator 0.1.2 and what only it needs into a directory of its own, once for all processes of a test run."""
    target = Path(tempfile.gettempdir()) / f"diator-0.1.2-py{sys.version_info.major}.{sys.version_info.minor}"
    if not (target / "diator").exists():
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command = [*pip, "--target", f"{scratch}/packages", "diator==0.1.2", "orjson", "dataclass-factory"]
            subprocess.run(command, check=True, capture_output=True)
            try:
                os.rename(f"{scratch}/packages", target)
            except OSError:  # another process was faster
                assert (target / "diator").exists()
    return str(target)


def start_first_version(code: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a Python program that imports diator 0.1.2."""
    environment = {**os.environ, "PYTHONPATH": _packages()}
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    return subprocess.Popen(
        command, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )


def run_first_version(code: str, *arguments: str) -> str:
    """Run a Python program that imports diator 0.1.2, and return what it prints."""
    process = start_first_version(code, *arguments)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    return out
