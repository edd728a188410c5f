"""Comparing methods: a protocol, a run of it, its typed result, sentences and pictures."""

from mamba_diffae.benchmark.page import ImageGrid, Page, Table, load_page, save_page
from mamba_diffae.benchmark.protocol import SCALES, Protocol, default_scales
from mamba_diffae.benchmark.result import BenchmarkResult
from mamba_diffae.benchmark.run import run_benchmark
from mamba_diffae.benchmark.study import OnProgress, Request, Study
from mamba_diffae.benchmark.summary import benchmark_page

__all__ = [
    "SCALES",
    "BenchmarkResult",
    "ImageGrid",
    "OnProgress",
    "Page",
    "Protocol",
    "Request",
    "Study",
    "Table",
    "benchmark_page",
    "default_scales",
    "load_page",
    "run_benchmark",
    "save_page",
]
