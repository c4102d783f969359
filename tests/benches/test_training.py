"""The training bench on little data: every arm runs in a process of its own and says what it cost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "training.py"


@pytest.mark.slow
def test_a_quick_run_measures_a_retraining_against_full_fine_tuning_in_the_number_format_asked_for() -> None:
    command, env = [sys.executable, str(BENCH), "--quick", "--json"], {**os.environ, "FROSTDESK_PRECISION": "float32"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=True)
    printed = json.loads(done.stdout)
    assert printed["machine"]["dtype"] == "float32"
    figures = {figure["what"]: figure for figure in printed["figures"]}
    assert figures["a retraining, choice of its recipe included"]["note"].endswith("float32")
    time, stored = figures["time, against full fine-tuning"], figures["stored bytes"]
    assert (time["goal"], time["unit"]) == (None, ""), "nothing can be said of time after one epoch"
    assert time["value"] > 0
    assert stored["value"] < stored["goal"], "a prompt with 33 labels against every weight of the backbone"
    assert figures["peak memory above the process before training"]["value"] > 0
    assert ("setfit" in done.stderr) == (not any("setfit" in what for what in figures))
