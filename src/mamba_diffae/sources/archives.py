"""Published archives, read where they lie: nothing is unpacked to disk."""

from __future__ import annotations

import gzip
import posixpath
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

LARGEST = 2**28
"""Bytes of the largest file that is read into memory."""


@final
@dataclass(frozen=True)
class Archive:
    """A gzipped tar as it was published.

    Attributes:
        name: Its file name.
        size: Its bytes.
        folder: The folder that it unpacks to.
        members: The files of that folder that are read.
        page: Where it is published.
    """

    name: str
    size: int
    folder: str
    members: Sequence[str]
    page: str

    def read(self, place: Path) -> dict[str, bytes]:
        """The content of every member, in their order.

        Args:
            place: The archive, its unpacked folder, or a folder that holds either.

        Raises:
            ValueError: If neither is there, a member is missing or above 256 MiB, or the archive is
                truncated or another one.
        """
        for folder in (place / self.folder, place):
            if any((folder / member).is_file() for member in self.members):
                return self._from_folder(folder)
        for file in (place / self.name, place):
            if file.is_file():
                return self._from_archive(file)
        raise ValueError(
            f"{place} holds neither {self.name} nor its unpacked folder {self.folder}; download it "
            f"from {self.page} and give the folder that it lies in."
        )

    def _from_folder(self, folder: Path) -> dict[str, bytes]:
        files = {member: folder / member for member in self.members if (folder / member).is_file()}
        self._check_complete(folder, files)
        for file in files.values():
            if file.stat().st_size > LARGEST:
                raise ValueError(
                    f"{file} has {file.stat().st_size} bytes, and at most {LARGEST} were expected; "
                    f"unpack {self.name} again."
                )
        return {member: file.read_bytes() for member, file in files.items()}

    def _from_archive(self, file: Path) -> dict[str, bytes]:
        # Names are compared, never used as paths, and only plain files count: a link says nothing.
        wanted = {f"{self.folder}/{member}": member for member in self.members}
        found: dict[str, bytes] = {}
        with (
            self._damage_told(file),
            _Bounded(file) as stream,
            tarfile.open(fileobj=stream, mode="r:") as archive,
        ):
            for entry in archive:
                member = wanted.get(posixpath.normpath(entry.name))
                content = archive.extractfile(entry) if member and entry.isfile() else None
                if member and content:
                    _check_claim(entry.size)
                    found[member] = content.read(entry.size)
                if len(found) == len(wanted):
                    break
        self._check_complete(file, found)
        return {member: found[member] for member in self.members}

    def _check_complete(self, place: Path, found: dict[str, bytes] | dict[str, Path]) -> None:
        lacking = [member for member in self.members if member not in found]
        if lacking:
            raise ValueError(
                f"{place} lacks {', '.join(lacking)}; expected {', '.join(self.members)}, as in "
                f"{self.name} ({self.size:,} bytes) from {self.page}."
            )

    @contextmanager
    def _damage_told(self, file: Path) -> Iterator[None]:
        """Turn what a bad archive raises into a ValueError that says what was expected."""
        try:
            yield
        # Readers answer hostile headers with several kinds of error, a ValueError among them.
        except (
            EOFError,
            gzip.BadGzipFile,
            zlib.error,
            tarfile.TarError,
            ValueError,
            OverflowError,
        ) as error:
            raise ValueError(
                f"{file} cannot be read as {self.name}: truncated, damaged or something else "
                f"({error}). It has {file.stat().st_size:,} bytes, the published one "
                f"{self.size:,}; download it again from {self.page}."
            ) from error


@final
class _Bounded(gzip.GzipFile):
    """A gzip file that gives no more at once than fits: headers of a tar may claim any size."""

    def read(self, size: int | None = -1) -> bytes:
        _check_claim(size)
        return super().read(size)


def _check_claim(size: int | None) -> None:
    if size is None or not 0 <= size <= LARGEST:
        raise tarfile.ReadError(f"an entry claims {size} bytes, at most {LARGEST} are read")
