"""The guide to Azure Service Bus runs, against the stand-in."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.azure import servicebus

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "azure.md").read_text(encoding="utf-8")


def test_the_guide_runs(tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text("\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)))
    with servicebus() as server:
        server.add_topic("meetings")
        server.add_subscription("meetings", "calendar", requires_session=True)
        server.add_queue("audit")
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "SERVICEBUS_CONNECTION_STRING": server.connection_string},
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == ["meeting 1 has changed"] * 2
        assert len(server.messages("audit")) == 1
        assert server.messages("meetings/Subscriptions/calendar") == []


def test_the_server_for_trying_things_starts() -> None:
    pytest.importorskip("proton", reason="not run: python-qpid-proton is not installed; `make servers` says more")
    [command] = re.findall(r"`python (-m tests\.servicebus [^`]*)`", PAGE)
    with subprocess.Popen([sys.executable, *command.split()], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
    assert line.startswith("Endpoint=sb://localhost:")


def test_the_names_of_properties_are_the_real_ones() -> None:
    from diator._core.servicebus import Outgoing, read_properties
    from diator._core.servicebus_return import resend

    arrived = read_properties(Outgoing(body=b"", message_id="1"), {}, 1, 0)
    assert set(resend(arrived, "s").properties) >= set(re.findall(r'"(diator-\w+)" IS NULL', PAGE))
