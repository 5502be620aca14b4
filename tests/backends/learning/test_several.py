"""Several processes learn one model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.encoders import needs

pytestmark = [pytest.mark.apart, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[3]


def test_two_processes_end_with_the_same_weights_and_one_of_them_tells(tiny_folder, tmp_path):
    needs("torch", "transformers", "accelerate", "sentence_transformers")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*command, "-m", "tests.backends.learning.several", str(tiny_folder), str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    (one, told), (other, silent) = ((tmp_path / f"process-{at}").read_text().split() for at in range(2))
    assert one == other
    assert (told, silent) == ("6", "0")
