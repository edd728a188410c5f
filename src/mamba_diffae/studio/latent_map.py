"""The map of a library: fields at the places of their latents in a plane."""

from __future__ import annotations

import threading
from typing import Literal, final
from weakref import WeakKeyDictionary

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, FieldError, Observations, observe
from mamba_diffae.studio.opening import Source

Layout = Literal["t-SNE", "principal components"]
LAYOUTS: tuple[Layout, ...] = ("t-SNE", "principal components")
"""How latents are laid out in a plane; see `LatentMap.places`."""
MOST = 400
"""Fields on a map, at most: the first ones of the source."""
FRACTION = 0.2
"""Share of the cells of each that its latent is read from."""
AT_ONCE = 4
"""Fields that are encoded in one step."""
PERPLEXITY = 20.0
"""Of t-SNE: about how many neighbours count."""
_FEWEST = 3
_THUMBNAIL = 32
"""Cells along the longest axis of a small picture."""


@final
class LatentMap:
    """The latents of fields, which come step by step, and their places in a plane.

    Attributes:
        data: The fields.
        thumbnails: Their values on a few cells.

    Args:
        model: Fitted, with a latent.
        data: Fields; of more than `MOST` the first ones are taken.

    Raises:
        FieldError: If there are fewer than three, or the model learned on windows.
        ValueError: If the model has no latent.
    """

    def __init__(self, model: FieldAutoencoder, data: FieldData) -> None:
        model.fitted.check_whole("Latents are mapped")
        self._model, self.data = model, data.take(np.arange(min(len(data), MOST)))
        if len(data) < _FEWEST:
            raise FieldError(
                f"A map needs {_FEWEST} fields or more, and there are {len(data)}; choose a set on "
                "the tab Reconstruct, or give a file of several fields."
            )
        self.latents = np.zeros((len(self.data), model.latent_dim), np.float32)
        self.done = 0
        self._seen: Observations | None = None
        self._lock = threading.Lock()
        self._places: dict[Layout, np.ndarray] = {}
        small = min(_THUMBNAIL, max(data.shape))
        self.thumbnails = self.data.at(self.data.grid.scaled_shape(small))

    @property
    def is_done(self) -> bool:
        """Whether all fields are encoded."""
        return self.done == len(self.data)

    def step(self) -> None:
        """Encode some more of the fields.

        Raises:
            ValueError: As `FieldAutoencoder.encode`.
        """
        with self._lock:
            if not self.is_done:
                some = slice(self.done, self.done + AT_ONCE)
                if self._seen is None:
                    self._seen = observe(self.data, FRACTION)
                self.latents[some] = self._model.encode(self._seen[some])
                self.done = min(some.stop, len(self.data))
                if self.is_done:
                    self._seen = None

    def places(self, layout: Layout) -> np.ndarray:
        """Places of the fields in a plane, shape (S, 2), once all are encoded.

        Args:
            layout: "principal components" are straight coordinates, in which distances mean
                something; "t-SNE" keeps neighbours together, and nothing else.

        Reference:
            van der Maaten & Hinton (2008), Visualizing data using t-SNE, JMLR 9.
        """
        with self._lock:
            if layout not in self._places:
                self._places[layout] = _laid_out(self.latents, layout)
            return self._places[layout]


def _laid_out(latents: np.ndarray, layout: Layout) -> np.ndarray:
    if layout == "principal components":
        from sklearn.decomposition import PCA

        return PCA(2, random_state=0).fit_transform(latents)
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(latents) - 1) / 2)
    plane = TSNE(2, perplexity=perplexity, init="pca", random_state=0)
    return plane.fit_transform(latents)


@final
class LatentMaps:
    """Maps of packaged sets, shared by all pages; those of a person's own file are not kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: WeakKeyDictionary[FieldAutoencoder, dict[str, LatentMap]] = WeakKeyDictionary()

    def of(self, model: FieldAutoencoder, source: Source, data: FieldData) -> LatentMap:
        """The map of fields, whose latents may be lacking yet.

        Args:
            model: Fitted.
            source: Where they are from.
            data: Those fields, as the model takes them.

        Raises:
            ValueError: As `LatentMap`.
        """
        if source.packaged is None:
            return LatentMap(model, data)
        with self._lock:
            kept = self._kept.setdefault(model, {})
            if source.label not in kept:
                kept[source.label] = LatentMap(model, data)
            return kept[source.label]
