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


def make(interpreter: Interpreter) -> dict[str, str]:
    """Install the contenders of one interpreter, and return the ``python`` of each environment by its name."""
    others = [line for line in (HERE / "contenders.txt").read_text().splitlines() if not line.startswith("#")]
    wanted = {
        "diator": [[f"--editable={ROOT}[{ADAPTERS}]", "pydantic>=2.12"]],
        "others": [[other] for other in others],  # one by one, so that one that fails leaves the others alone
        "diator_0_1_2": [["diator==0.1.2", "rodi"]],
    }
    return {name: _make(interpreter, name, installs) for name, installs in wanted.items()}


def versions(python: str) -> dict[str, str]:
    """What is installed in an environment."""
    code = (
        "import importlib.metadata as m, json; "
        "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, encoding="utf-8", check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _make(interpreter: Interpreter, name: str, installs: list[list[str]]) -> str:
    folder = ROOT / "build" / "benchmarks" / interpreter.version / name
    python, done = folder / "bin" / "python", folder / ".installed"
    if not done.exists() or done.read_text() != repr(installs):
        print(f"making {folder.relative_to(ROOT)} ...")
        subprocess.run([interpreter.command, "-m", "venv", folder], check=True)
        for requirements in installs:
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
            if subprocess.run(pip, stderr=subprocess.DEVNULL, check=False).returncode:
                print(f"  cannot install {' '.join(requirements)}")
        done.write_text(repr(installs))
    return str(python)
