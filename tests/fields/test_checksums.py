"""Checksums change with what they are of, and with nothing else."""

from pathlib import Path

import numpy as np
import pytest

from mamba_diffae.fields.checksums import arrays_checksum, content_checksum, file_checksum


def test_a_file_has_its_sha_256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_checksum(tmp_path / "a").startswith("ba7816bf8f01cfea")


def test_content_counts_and_its_layout_does_not() -> None:
    content = {"b": (1, 2.5e-9, None), "a": {10: "x", 9: float("inf")}}
    same = {"a": {"9": float("inf"), "10": "x"}, "b": [1, 2.5e-9, None]}
    assert content_checksum(content) == content_checksum(same)
    for other in ({**same, "b": [1, 2.6e-9, None]}, {**same, "c": 1}, {"b": same["b"]}):
        assert content_checksum(other) != content_checksum(content)


@pytest.mark.parametrize(
    "other",
    [
        {"z": np.arange(6, dtype=np.float32).reshape(3, 2)},
        {"z": np.arange(6, dtype=np.float32).reshape(2, 3).view(np.int32)},
        {"y": np.arange(6, dtype=np.float32).reshape(2, 3)},
        {"z": np.arange(1, 7, dtype=np.float32).reshape(2, 3)},
    ],
)
def test_shape_kind_name_and_numbers_of_arrays_count(other: dict[str, np.ndarray]) -> None:
    arrays = {"z": np.arange(6, dtype=np.float32).reshape(2, 3)}
    assert arrays_checksum(other, {}) != arrays_checksum(arrays, {})
    assert arrays_checksum(arrays, {"key": "a"}) != arrays_checksum(arrays, {"key": "b"})
