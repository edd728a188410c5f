"""Makes `scan_cases` importable, leaves the machine's other cores alone, chooses Triton's mode."""

import os
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

if not torch.cuda.is_available():  # must be said before Triton is first imported
    os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture(autouse=True)
def one_thread():
    """Small float64 reference scans are faster so; tests of threads set their own number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def fresh_compiler():
    """What one test compiled, or could not, is forgotten: torch keeps it for the whole process."""
    yield
    if "torch._dynamo" in sys.modules:
        torch.compiler.reset()
