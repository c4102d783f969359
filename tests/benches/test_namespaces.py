"""Replicas of the benches meet on a wire, and on nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
REFUSED = 77
PROGRAM = f"""
import subprocess, sys
from namespaces import enter, hang_on, lay_wire

if not enter():
    sys.exit({REFUSED})
lay_wire()
(address, inside), (_, beside) = hang_on(0), hang_on(1)
listen = "import socket; s = socket.create_server(('', 0)); print(s.getsockname()[1], flush=True); s.accept(); s.accept()"
call = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)"
server = subprocess.Popen([*inside, sys.executable, "-c", listen], stdout=subprocess.PIPE, text=True)
port = server.stdout.readline().strip()
for words, host in ((beside, address), (inside, "127.0.0.1"), (beside, "127.0.0.1"), ([], "127.0.0.1")):
    print(subprocess.run([*words, sys.executable, "-c", call, host, port], capture_output=True).returncode)
server.wait(5)
"""


def test_a_replica_is_reached_by_the_wire_and_by_no_loopback_but_its_own(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(BENCH)}
    done = subprocess.run([sys.executable, str(program)], env=env, capture_output=True, text=True, check=False)
    if done.returncode == REFUSED:
        pytest.skip("this machine refuses network namespaces, or has no unshare or ip")
    assert (done.stdout.split(), done.returncode) == (["0", "0", "1", "1"], 0), done.stderr
