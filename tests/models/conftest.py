"""Makes the `lattice_cases` of the priors importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "priors"))
