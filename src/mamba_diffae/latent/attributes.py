"""Attributes of fields as contrasts: which fields have one, and which the other."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

FAMILIES: Mapping[str, Sequence[str]] = {
    "skin_tone": ("skin_light", "skin_mediumlight", "skin_medium", "skin_mediumdark", "skin_dark"),
    "gender": ("male", "female"),
}
"""Columns that exclude each other, in order: a field of one is compared with those of the others,
not with fields that have none of them."""
HAS, HAS_NOT, UNKNOWN = 1, 0, -1
LEAST = 5
"""Fields that must have an attribute, and must not, for a direction to be learned."""


def contrasts(attributes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every attribute as a label of each field.

    Args:
        attributes: By name, shape (S,): bool; or of several values, which are taken one against
            the rest as "name=value", fields with an empty one apart.

    Returns:
        By name, shape (S,), int: 1 has it, 0 has it not, -1 belongs to neither side. An ordered
        family of more than two columns comes by its own name too, its upper half against its lower.
    """
    found: dict[str, np.ndarray] = {}
    for name, column in attributes.items():
        if column.dtype == bool:
            found[name] = np.where(column, HAS, HAS_NOT)
            continue
        for value in np.unique(column[column != ""] if column.dtype.kind == "U" else column):
            label = np.where(column == value, HAS, HAS_NOT)
            found[f"{name}={value}"] = np.where(column == "", UNKNOWN, label)
    for family, members in FAMILIES.items():
        if all(member in found for member in members):
            found |= _family(family, np.stack([found[member] for member in members]))
    return found


def learnable(labels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those that enough fields have, and enough have not."""
    return {n: y for n, y in labels.items() if min((y == HAS).sum(), (y == HAS_NOT).sum()) >= LEAST}


def resolve(name: str, counts: Mapping[str, int]) -> str:
    """The attribute that is meant by a name such as "gender=female", "skin tone=dark" or "person".

    Args:
        name: As a user writes it.
        counts: How many fields have each attribute, by its name.

    Raises:
        ValueError: If none is meant; it names the nearest, and all with their counts.
    """
    family, equals, value = name.partition("=")
    first = re.split(r"[_\- ]", family)[0]
    meant = [name, f"is_{name}"]
    if equals:
        meant += [value, f"is_{value}", f"{first}_{value}", f"{value}_{family}"]
    elif family in FAMILIES:
        meant.append(FAMILIES[family][-1])
    plain = {_plain(known.partition("=")[2]): known for known in counts}
    plain |= {_plain(known): known for known in counts}
    for candidate in meant:
        if _plain(candidate) in plain:
            return plain[_plain(candidate)]
    raise _unknown(name, meant, counts)


def _family(name: str, members: np.ndarray) -> dict[str, np.ndarray]:
    """Members against each other, and the upper against the lower half; labels, shape (M, S)."""
    has = members == HAS
    one = has.sum(axis=0) == 1
    found = {column: np.where(one, members[m], UNKNOWN) for m, column in enumerate(FAMILIES[name])}
    if len(members) > 2:
        place = has.argmax(axis=0) - (len(members) - 1) / 2
        found[name] = np.where(one & (place != 0), np.where(place > 0, HAS, HAS_NOT), UNKNOWN)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[_\- ]", "", name.lower())


def _unknown(name: str, meant: Iterable[str], counts: Mapping[str, int]) -> ValueError:
    near = [n for m in meant for n in difflib.get_close_matches(m, counts, n=2, cutoff=0.6)]
    hint = f"did you mean {' or '.join(map(repr, dict.fromkeys(near)))}? " if near else ""
    valid = ", ".join(f"{n} ({count})" for n, count in counts.items())
    return ValueError(
        f"Unknown attribute {name!r}; {hint}Valid, with how many training fields have it: {valid}."
    )
