"""The page at every width of a window, as a browser lays it out; skipped where there is none."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae.benchmark import ImageGrid
from mamba_diffae.report import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
WIDTHS = (280, 390, 768, 1280, 1920)
MEASURE = """<body>{frames}<script>onload = () => {{
  const measured = [...document.querySelectorAll('iframe')].map(frame => {{
    const page = frame.contentDocument, root = page.documentElement
    const sheets = [...page.querySelectorAll('.wide')].map(x => x.getBoundingClientRect().right)
    return [root.clientWidth, root.scrollWidth, Math.ceil(Math.max(...sheets))].join(' ')
  }})
  document.body.innerHTML = '<pre>' + measured.join(';') + '</pre>'
}}</script></body>"""


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")
def test_no_sheet_reaches_beyond_the_window(result, assessed, tmp_path):
    rng = np.random.default_rng(0)
    pictures = [[rng.random((96, 96, 3)) for _ in range(14)]]
    names = [f"a method of some length, number {i}" for i in range(14)]
    sheet = ImageGrid("Wide", "", names, ["a row with a long name"], pictures)
    page = replace(result, panels=[sheet], uncertainty=assessed)
    write_report(page, tmp_path / "page.html")
    frames = "".join(f'<iframe width={w} height=600 src="page.html"></iframe>' for w in WIDTHS)
    (tmp_path / "frames.html").write_text(MEASURE.format(frames=frames))
    flags = "--headless --no-sandbox --disable-gpu --allow-file-access-from-files --dump-dom"
    found = subprocess.run(
        [str(BROWSER), *flags.split(), "--virtual-time-budget=5000", tmp_path / "frames.html"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (told,) = re.findall(r"<pre>(.*)</pre>", found.stdout)
    measured = [tuple(map(int, window.split())) for window in told.split(";")]
    assert len(measured) == len(WIDTHS)
    for window, page, furthest in measured:
        assert page <= window
        assert furthest <= window
