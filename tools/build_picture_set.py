"""Rebuild the embedded picture set from the public npm packages that it comes from.

Makes a zip of `LICENSE.txt`, `attributes.csv` and `images/CODEPOINTS.webp` (96 × 96, quality 90):

* pictures: 256 × 256 WebP files of `@lobehub/fluent-emoji-3d` 1.1.0 (Microsoft's Fluent Emoji,
  MIT), padded to squares, resized with premultiplied alpha (Lanczos), composited over white.
  Flags are left out;
* name, category, subcategory: `emoji.json` of `emoji-datasource-google` 16.0.0 (MIT), names in
  lower case; skin_tone is 1 (light) to 5 (dark), 0 without a tone in the code points;
* split: CRC-32 of the name modulo 100; below 10 test, below 20 val, else train. So the skin-tone
  copies of one emoji, which share a name, are always in one split;
* 37 binary attributes: the regular expressions of `LABELS` on category, subcategory, name and short
  names. They are keywords, hence noisy: a keycap wears a "cap".

All columns come out exactly as in the embedded file. The pictures do to about one grey level of
255 on average, as far as two runs of a lossy encoder agree. Same inputs, same bytes.

Run it with the `npm` client on the path; about 90 MB are fetched:

    python tools/build_picture_set.py OUT.zip [--limit 20] [--compare ZIP] [--overwrite]
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mamba_diffae.fields.atomic import atomic_file

PICTURES = "@lobehub/fluent-emoji-3d@1.1.0"
NAMES = "emoji-datasource-google@16.0.0"
SIZE, QUALITY = 96, 90
TONES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")
NOTICE = """\
Images: 3D emoji from "Fluent Emoji", Copyright (c) Microsoft Corporation (https://github.com/microsoft/fluentui-emoji),
repackaged by LobeHub as the npm package @lobehub/fluent-emoji-3d 1.1.0 (MIT). Country and regional flags removed
(they are not in Microsoft's open-source release). Resized from 256x256 to 96x96 (Lanczos, premultiplied alpha, white background).
Emoji names, categories and skin-tone variants: npm emoji-datasource-google 16.0.0, Copyright (c) 2013 Cal Henderson (MIT).

MIT License

"""  # noqa: E501
# Searched in "category:subcategory|name short_names|skin_tone".
LABELS = {
    "is_person": r"^People & Body:(person|family)",
    "is_face": r":(face-|cat-face|monkey-face)|:animal-.*face",
    "is_animal": r":(animal-|cat-face|monkey-face)",
    "is_food": r"^Food & Drink:",
    "is_hand": r":hand(-|s\|)",
    "is_vehicle": r":transport-",
    "is_symbol": r"^Symbols:",
    "is_building_place": r":place-",
    "is_plant": r":plant-",
    "skin_default": r"^People & Body:.*\|0$",
    "skin_light": r"\|1$",
    "skin_mediumlight": r"\|2$",
    "skin_medium": r"\|3$",
    "skin_mediumdark": r"\|4$",
    "skin_dark": r"\|5$",
    "male": r"\|.*(\b(man|men|male|boy|santa|mens|prince)\b|\bman_in)",
    "female": r"\|.*(\b(woman|women|female|girl|dancer|princess|womens|mother)\b|ok_woman)",
    "smiling": r":face-(smiling|affection)|\|.*(smil|grin|joy|laugh|happy)",
    "eyes_closed_or_winking": r"\|.*(wink|closed eyes|smiling eyes|tightly-closed|sleep|reliev)",
    "tongue_or_open_mouth": r"\|.*(tongue|open mouth|yawn|scream|yum|weary_cat)",
    "tears": r"\|.*(\btear|crying|joy|sob)",
    "hearts": r"\|.*heart",
    "negative_emotion": r":face-(concerned|negative|unwell)",
    "hat_or_headwear": r"\|.*(\bhat\b|cap|cook|crown|helmet|turban|police|farmer|firefighter|"
    r"guardsman|construction worker|mage|santa|pilot|headscarf)",
    "glasses": r"\|.*(glasses|goggles|disguised|nerd)",
    "beard": r"\|.*(beard|mage|santa)",
    "blond": r"\|.*blond",
    "red_hair": r"\|.*red hair",
    "curly_hair": r"\|.*curly",
    "white_hair": r"\|.*(white hair|older|\bold|folder|cold_)",
    "bald": r"\|.*bald",
    "old": r"\|.*(older|folder)",
    "child": r"\|.*(baby|\b(boy|girl|child)\b)",
    "running_walking_sport": r":person-(sport|activity)",
    "clock": r"\|.*(clock|watch)",
    "arrow": r"\|.*arrow",
    "keycap_letter_button": r":(keycap|alphanum)",
}

Row = dict[str, str]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="the zip to write")
    parser.add_argument("--limit", type=int, metavar="N", help="only N pictures, evenly spread")
    parser.add_argument(
        "--compare", type=Path, metavar="ZIP", help="tell the difference from that file"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an output that exists")
    options = parser.parse_args(arguments)
    if options.out.exists() and not options.overwrite:
        parser.error(f"{options.out} exists; choose another name or give --overwrite")
    if options.limit is not None and options.limit < 1:
        parser.error(f"--limit is {options.limit}; expected at least 1")
    with tempfile.TemporaryDirectory() as folder:
        pictures = {
            codepoints(Path(name).stem): data
            for name, data in members(pack(PICTURES, folder), r"/assets/.*\.webp$")
        }
        described = dict(members(pack(NAMES, folder), r"^package/(emoji\.json|LICENSE)$"))
    rows = attribute_rows(json.loads(described["package/emoji.json"]), set(pictures))
    if options.limit:
        rows = [rows[i * len(rows) // options.limit] for i in range(min(options.limit, len(rows)))]
    write_archive(
        options.out, rows, pictures, NOTICE + licence(described["package/LICENSE"].decode())
    )
    print(f"{options.out}: {len(rows)} pictures, {options.out.stat().st_size:,} bytes")
    if options.compare:
        print(difference(options.out, options.compare))


def pack(package: str, folder: str) -> Path:
    """Fetch the tarball of a package, NAME@VERSION, with the npm client."""
    command = ["npm", "pack", package, "--json", "--pack-destination", folder]
    try:
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"{' '.join(command)} failed ({error}); is npm there and online?"
        ) from error
    return Path(folder) / json.loads(answer)[0]["filename"]


def members(tarball: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Read the files of a tarball whose names match, without extracting anything to disk."""
    with tarfile.open(tarball) as archive:
        for member in archive:
            if member.isfile() and re.search(pattern, member.name):
                file = archive.extractfile(member)
                assert file is not None  # isfile() holds
                yield member.name, file.read()


def codepoints(sequence: str) -> str:
    """Spell a code point sequence as the set does: upper case, no variation selectors."""
    return "-".join(part for part in sequence.upper().split("-") if part != "FE0F")


def attribute_rows(emoji: list[dict], pictured: set[str]) -> list[Row]:
    """Describe every emoji that has a picture and is no flag, in the order of code points.

    Args:
        emoji: Content of `emoji.json`.
        pictured: Code points of which there is a picture.
    """
    found = {}
    for entry in emoji:
        variations = entry.get("skin_variations", {}).values()
        for sequence in (entry["unified"], *(variation["unified"] for variation in variations)):
            key = codepoints(sequence)
            if key in pictured and entry["category"] != "Flags":
                found[key] = describe(key, entry)
    return [found[key] for key in sorted(found)]


def describe(key: str, entry: dict) -> Row:
    """All columns of one row of attributes.csv."""
    name = entry["name"].lower()
    tone = next((i for i, t in enumerate(TONES, 1) if t in key.split("-")), 0)
    text = (
        f"{entry['category']}:{entry['subcategory']}|{name} {' '.join(entry['short_names'])}|{tone}"
    )
    row = {"codepoints": key, "name": name, "category": entry["category"]}
    row |= {"subcategory": entry["subcategory"], "skin_tone": str(tone), "split": split(name)}
    return row | {k: str(int(bool(re.search(regex, text)))) for k, regex in LABELS.items()}


def split(name: str) -> str:
    """The split of an emoji, by its name."""
    place = zlib.crc32(name.encode()) % 100
    return "test" if place < 10 else "val" if place < 20 else "train"


def small_picture(data: bytes) -> bytes:
    """Resize an encoded picture to 96 × 96 over white and encode it again."""
    with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
        side = max(image.size)  # four of the pictures are 256 × 264
        square = Image.new("RGBA", (side, side))
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    small = square.convert("RGBa").resize((SIZE, SIZE), Image.Resampling.LANCZOS).convert("RGBA")
    out = io.BytesIO()
    white = Image.new("RGBA", small.size, "white")
    composite = Image.alpha_composite(white, small).convert("RGB")
    composite.save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue()


def licence(text: str) -> str:
    """The MIT terms without their heading: the notice names all holders of the copyright."""
    return text[text.index("Permission is hereby granted") :]


def write_archive(out: Path, rows: list[Row], pictures: dict[str, bytes], notice: str) -> None:
    """Write the zip: fixed order and timestamps, and whole or not at all."""
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    with atomic_file(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        add(archive, "LICENSE.txt", notice.encode())
        for row in rows:
            key = row["codepoints"]
            add(archive, f"images/{key}.webp", small_picture(pictures[key]), zipfile.ZIP_STORED)
        add(archive, "attributes.csv", table.getvalue().encode())


def add(
    archive: zipfile.ZipFile, name: str, data: bytes, method: int = zipfile.ZIP_DEFLATED
) -> None:
    """Add a member that bears no trace of when and where it was made."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type, info.create_system, info.external_attr = method, 3, 0o644 << 16
    archive.writestr(info, data)


def difference(new: Path, old: Path) -> str:
    """How far the pictures and rows that two files share are apart."""
    with zipfile.ZipFile(new) as a, zipfile.ZipFile(old) as b:
        names = [name for name in a.namelist() if name in set(b.namelist()) and "images/" in name]
        apart = np.stack([np.abs(decode(a, name) - decode(b, name)) for name in names])
        rows = {row["codepoints"]: row for row in read_rows(b)}
        differing = sum(row != rows.get(row["codepoints"]) for row in read_rows(a))
    means = apart.mean(axis=(1, 2, 3))
    return (
        f"{len(names)} pictures in both: mean absolute difference {means.mean():.2f} of 255 "
        f"(worst picture {means.max():.2f}, worst pixel {apart.max():.0f}); {differing} rows differ"
    )


def decode(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Pixels of a member, shape (96, 96, 3), float32."""
    with Image.open(io.BytesIO(archive.read(name))) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float32)


def read_rows(archive: zipfile.ZipFile) -> list[Row]:
    """The rows of attributes.csv."""
    return list(csv.DictReader(io.StringIO(archive.read("attributes.csv").decode(), newline="")))


if __name__ == "__main__":
    main()
