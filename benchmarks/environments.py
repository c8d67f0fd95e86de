"""Virtual environments for what is measured, made once in ``build/benchmarks``."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
ADAPTERS = "trio,dependency-injector,di,dishka,injector,rodi,wireup"


@dataclass(frozen=True)
class Interpreter:
    """A Python that is there.

    Attributes:
        command: What starts it.
        version: As in "3.13.0".
    """

    command: str
    version: str

    @property
    def label(self) -> str:
        return self.version.rpartition(".")[0]


def find(commands: list[str]) -> list[Interpreter]:
    """Those of the interpreters that start."""
    found: list[Interpreter] = []
    for command in commands:
        try:
            code = "import platform; print(platform.python_version())"
            done = subprocess.run([command, "-c", code], capture_output=True, encoding="utf-8", check=True)
        except (OSError, subprocess.CalledProcessError):
            print(f"{command} does not start here, so it is not measured")
        else:
            found.append(Interpreter(command, done.stdout.strip()))
    return found


@dataclass(frozen=True)
class Made:
    """What could be installed.

    Attributes:
        pythons: The ``python`` of each environment, by the name of its group.
        missing: The contenders that cannot be installed with this interpreter.
    """

    pythons: dict[str, str]
    missing: list[str]


def make(interpreter: Interpreter) -> Made:
    """Install the contenders for an interpreter.

    Raises:
        RuntimeError: diator itself, or something that its cases need, cannot be installed.
    """
    lines = (HERE / "contenders.txt").read_text().splitlines()
    # one by one, so that one that fails leaves the others alone
    others = {contender(line): [line] for line in lines if not line.startswith("#")}
    wanted = {
        "diator": {"diator": [f"--editable={ROOT}[{ADAPTERS}]", "pydantic>=2.12"]},
        "others": others,
        "diator_0_1_2": {"diator_0_1_2": ["diator==0.1.2", "rodi"]},
    }
    pythons: dict[str, str] = {}
    missing: list[str] = []
    for group, installs in wanted.items():
        folder = ROOT / "build" / "benchmarks" / interpreter.version / group
        failed = install(interpreter, folder, installs)
        if "diator" in failed:
            raise RuntimeError("without diator there is nothing to measure")
        missing += failed
        if failed != list(installs):
            pythons[group] = str(folder / "bin" / "python")
    return Made(pythons, missing)


def contender(requirement: str) -> str:
    """The name of the set-up file for what is required, such as ``py_mediatr`` for ``py-mediatR==6.8.0``."""
    return requirement.partition("==")[0].lower().replace("-", "_")


def versions(python: str) -> dict[str, str]:
    """What is installed in an environment."""
    code = (
        "import importlib.metadata as m, json; "
        "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, encoding="utf-8", check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def install(interpreter: Interpreter, folder: Path, installs: dict[str, list[str]]) -> list[str]:
    """Make an environment, unless it is there and complete.

    Args:
        interpreter: For which it is.
        folder: Where it is.
        installs: By contender, what pip is to install.

    Returns:
        The contenders for which that failed. It is said why, and tried again the next time.
    """
    python, done = folder / "bin" / "python", folder / ".installed"
    if done.exists() and done.read_text() == repr(installs):
        return []
    print(f"making {folder} ...")
    subprocess.run([interpreter.command, "-m", "venv", folder], check=True)
    failed: list[str] = []
    for name, requirements in installs.items():
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
        result = subprocess.run(pip, stderr=subprocess.PIPE, encoding="utf-8", check=False)
        if result.returncode:
            failed.append(name)
            print(f"  {name} cannot be installed:", *result.stderr.splitlines()[-1:])
    if not failed:
        done.write_text(repr(installs))
    return failed
