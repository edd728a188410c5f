"""Cost of one encode against the number of observations, beside an attention encoder.

    python benchmarks/encoder_cost.py --out docs/images/encoder_cost.svg --json encoder_cost.json

Both have the width and the number of blocks of the `small` preset and get the same points; their
runs alternate, and the median is reported. Attention is left out where one run would take over
`--patience` seconds by its own quadratic growth.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from mamba_diffae.fields import Observations
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.training import hardware

COUNTS = (256, 1024, 4096, 16384, 65536)


class AttentionEncoder(nn.Module):
    """The usual transformer over the same points: embedding, blocks, mean pooling."""

    def __init__(self, width: int, blocks: int, latent_dim: int) -> None:
        super().__init__()
        self.embed = nn.Linear(5, width)
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, blocks, enable_nested_tensor=False)
        self.to_latent = nn.Linear(width, latent_dim)

    def forward(self, coords: Tensor, values: Tensor) -> Tensor:
        return self.to_latent(self.blocks(self.embed(torch.cat([coords, values], dim=-1))).mean(1))


def seconds(encode: Callable[[], object]) -> float:
    start = time.perf_counter()
    encode()
    return time.perf_counter() - start


@torch.no_grad()
def measure(repeats: int, patience: float) -> dict[str, dict[int, float]]:
    net = MambaDiffusionAutoencoder.from_preset("small").eval()
    config = net.config
    attention = AttentionEncoder(config.d_model, config.encoder_blocks, config.latent_dim).eval()
    found: dict[str, dict[int, float]] = {"mamba": {}, "attention": {}}
    expected = 0.0
    for count in COUNTS:
        generator = torch.Generator().manual_seed(count)
        coords = torch.rand(1, count, 2, generator=generator)
        values = torch.randn(1, count, 3, generator=generator)
        seen = Observations(coords, values, torch.ones_like(values, dtype=torch.bool))
        encoders: dict[str, Callable[[], object]] = {"mamba": lambda seen=seen: net.encode(seen)}
        if expected < patience:
            encoders["attention"] = lambda c=coords, v=values: attention(c, v)
        for encode in encoders.values():
            encode()
        times: dict[str, list[float]] = {name: [] for name in encoders}
        for _ in range(repeats):
            for name, encode in encoders.items():
                times[name].append(seconds(encode))
        medians = {name: statistics.median(t) for name, t in times.items()}
        for name, median in medians.items():
            found[name][count] = median
        expected = 16 * medians.get("attention", patience)
        shown = "  ".join(f"{name} {1e3 * median:10.1f} ms" for name, median in medians.items())
        print(f"{count:>7} points  {shown}", flush=True)
    return found


def draw(found: dict[str, dict[int, float]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, colour in (("mamba", "#0f6b78"), ("attention", "#b4552d")):
        times = [1e3 * t for t in found[name].values()]
        axes.loglog(list(found[name]), times, "o-", color=colour, label=name)
    line = [1e3 * found["mamba"][COUNTS[0]] * count / COUNTS[0] for count in COUNTS]
    axes.loglog(COUNTS, line, ":", color="0.6", label="linear growth")
    axes.set(
        xlabel="observations", ylabel="one encode, ms", title="Cost of one encode, preset small"
    )
    axes.legend(frameon=False)
    axes.grid(alpha=0.2)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds one run of attention may take"
    )
    parser.add_argument("--out", type=Path, help="figure to write (.svg or .png)")
    parser.add_argument("--json", type=Path, help="figures to write")
    options = parser.parse_args()
    found = measure(options.repeats, options.patience)
    if options.out:
        draw(found, options.out)
    if options.json:
        numbers = {"hardware": hardware(), "seconds": found}
        options.json.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
