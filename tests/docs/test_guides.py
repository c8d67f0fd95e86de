"""The guide across two processes works as it is written, against a real server."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.servers.redis import running_redis

ROOT = Path(__file__).parents[2]


def test_an_event_goes_to_a_handler_in_another_process(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "to_another_process.md").read_text(encoding="utf-8")
    for name, code in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(code, encoding="utf-8")
    with running_redis("system", "--appendonly", "yes") as server:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "REDIS_URL": server.url}

        def start(name: str) -> subprocess.Popen[str]:
            return subprocess.Popen(
                [sys.executable, "-W", "error", name],
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

        application = start("application.py")
        assert application.communicate(timeout=60) == (
            "".join(f"meeting 1 moves to {room}\n" for room in ("red", "green", "blue")),
            "",
        )
        worker = start("worker.py")
        try:
            assert worker.stdout is not None
            lines = [worker.stdout.readline() for _ in range(3)]
            worker.send_signal(signal.SIGTERM)
            rest = worker.communicate(timeout=60)
        finally:
            worker.kill()
    assert lines == [f"inviting to the {room} room\n" for room in ("red", "green", "blue")]
    assert (rest, worker.returncode) == (("", ""), 0)
