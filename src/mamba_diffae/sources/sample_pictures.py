"""Pictures to try methods on: emoji in grey, and crops of photographs of other packages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, final

import numpy as np
from PIL import Image

from mamba_diffae.fields import FieldData, FieldError, Shape
from mamba_diffae.sources.base import NamedSource, read_only
from mamba_diffae.sources.decoding import to_rgb
from mamba_diffae.sources.embedded import open_emoji
from mamba_diffae.sources.pictures import picture_data

GREY = {"train": 120, "val": 32, "test": 48}
"""Emoji of each split, one of every group."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""
SIDE, PER_SCENE = 96, 20
"""Pixels of a crop along each side; crops of a scene, at most."""
LEAST_DEVIATION = 10.0
"""Of 255, the mean over the variables: what varies less is left out, such as a clear sky."""
_SEED = 96


@final
@dataclass(frozen=True)
class Scene:
    """A sample picture: its package on disk and on the index, the file in it, its split."""

    package: str
    distribution: str
    file: str
    split: str

    @property
    def name(self) -> str:
        """The file without its ending."""
        return Path(self.file).stem

    def path(self) -> Path:
        """Where it is; the package is not imported.

        Raises:
            FieldError: If the package is not installed, or came without it.
        """
        found = find_spec(self.package)
        folders = list(found.submodule_search_locations or []) if found else []
        paths = [Path(folder) / self.file for folder in folders]
        for path in paths:
            if path.is_file():
                return path
        state = "came without that file" if folders else "is not installed"
        raise FieldError(
            f"The photographs need the sample picture {self.name} of {self.distribution}, which "
            f"{state}: pip install {self.distribution}."
        )


_SKIMAGE, _SKLEARN = ("skimage", "scikit-image"), ("sklearn", "scikit-learn")
SCENES = (
    Scene(*_SKIMAGE, "data/astronaut.png", "train"),
    Scene(*_SKLEARN, "datasets/images/china.jpg", "train"),
    Scene(*_SKIMAGE, "data/hubble_deep_field.jpg", "train"),
    Scene(*_SKIMAGE, "data/ihc.png", "train"),
    Scene(*_SKIMAGE, "data/retina.jpg", "train"),
    Scene(*_SKIMAGE, "data/coffee.png", "val"),
    Scene(*_SKIMAGE, "data/rocket.jpg", "val"),
    Scene(*_SKIMAGE, "data/chelsea.png", "test"),
    Scene(*_SKLEARN, "datasets/images/flower.jpg", "test"),
    Scene(*_SKIMAGE, "data/motorcycle_left.png", "test"),
)
"""The colour pictures in the wheels of scikit-image and scikit-learn, by split."""


@final
class GreyEmojiSource(NamedSource):
    """Emoji in grey, stored in three equal variables."""

    kind: ClassVar[str] = "grey-emoji"
    form: ClassVar[str] = "'grey-emoji'"

    def open(
        self, spec: str, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """See `open_grey_emoji`."""
        return open_grey_emoji()


@final
class PhotographsSource(NamedSource):
    """Crops of sample pictures in the wheels of scikit-image and scikit-learn."""

    kind: ClassVar[str] = "photographs"
    form: ClassVar[str] = "'photographs'"

    def open(
        self, spec: str, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """See `open_photographs`."""
        return open_photographs()


@lru_cache(maxsize=1)
def open_grey_emoji() -> FieldData:
    """The luma of 200 emoji, no two of one group; made once a process, with read-only arrays.

    Returns:
        uint8, 96 × 96, in the variables red, green and blue, which are equal everywhere; names,
        groups and splits of the emoji.
    """
    emoji = open_emoji()
    parts = [emoji.split(split).distinct(count) for split, count in GREY.items()]
    grey = np.concatenate([np.rint(part.values @ LUMA).astype(np.uint8) for part in parts])
    data = picture_data(
        np.repeat(grey[..., None], 3, axis=-1),
        names=[name for part in parts for name in part.names],
        groups=np.concatenate([part.groups for part in parts]),
        splits=np.concatenate([part.splits for part in parts]),
    )
    return read_only(data)


@lru_cache(maxsize=1)
def open_photographs() -> FieldData:
    """Crops of ten sample pictures; cut once a process, with read-only arrays.

    At most 20 crops of a scene, drawn with a fixed seed from a tiling without overlap, nearly
    uniform ones left out.

    Returns:
        183 snapshots, uint8, 96 × 96, in red, green and blue; named by scene and upper left corner.
        A scene is a group and belongs to one split: five for training, two for validation, three
        for test.

    Raises:
        FieldError: If scikit-image is not installed, or a picture lacks.
    """
    paths = [scene.path() for scene in SCENES]
    values, names, index = [], [], []
    for k, (scene, path) in enumerate(zip(SCENES, paths, strict=True)):
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            pixels = np.asarray(to_rgb(image))
        for y, x in _corners(pixels, np.random.default_rng([_SEED, k])):
            values.append(pixels[y : y + SIDE, x : x + SIDE])
            names.append(f"{scene.name} {y} {x}")
            index.append(k)
    splits = np.array([scene.split for scene in SCENES])[index]
    groups = np.array(index)
    return read_only(picture_data(np.stack(values), names=names, groups=groups, splits=splits))


def _corners(pixels: np.ndarray, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Rows and columns at which the crops of a picture (h, w, 3) begin, in order."""
    height, width = pixels.shape[:2]
    corners = [
        (y, x)
        for y in range(0, height - SIDE + 1, SIDE)
        for x in range(0, width - SIDE + 1, SIDE)
        if pixels[y : y + SIDE, x : x + SIDE].std(axis=(0, 1)).mean() >= LEAST_DEVIATION
    ]
    count = min(PER_SCENE, len(corners))
    return [corners[i] for i in np.sort(rng.choice(len(corners), count, replace=False))]
