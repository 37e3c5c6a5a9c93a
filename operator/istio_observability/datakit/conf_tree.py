"""
A ``conf.d`` directory as a value, walked as the agent walks it.

Source: GuanceCloud/datakit 1.84.1, internal/config/load_inputconf.go (``SearchDir``), which uses
Go's ``filepath.Walk``: sorted within each directory, links are not followed into directories.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.layout import CONF_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SUFFIX: Final = ".conf"
_MAIN: Final = "datakit.conf"
_MAX_LINKS: Final = 40


@dataclass(frozen=True, slots=True)
class ConfTree:
    """
    Paths are relative to ``conf.d``.

    Attributes:
        files: Texts by path.
        symlinks: Targets by path; a relative one counts from the directory of the link.
        directories: Directories without a file in them.
    """

    files: Mapping[str, str]
    symlinks: Mapping[str, str] = field(default_factory=dict)
    directories: tuple[str, ...] = ()

    def conf_files(self) -> Iterator[tuple[str, str | None]]:
        """
        Return the paths that the agent reads, in its order, with their texts.

        A text is ``None`` for a link that leads to no file.
        """
        paths = {*self.files, *self.symlinks}
        for path in sorted(paths, key=lambda path: path.split("/")):
            if path.endswith(_SUFFIX) and ".git" not in path and path != _MAIN:
                yield path, self.read(path)

    def read(self, path: str) -> str | None:
        """Return the text of a file, through links; ``None`` if there is none."""
        resolved = self._resolve(path)
        return None if resolved is None else self.files.get(resolved)

    def is_directory(self, path: str) -> bool:
        """Return whether the path is a directory, through links."""
        resolved = self._resolve(path)
        if resolved is None or resolved in self.files:
            return False
        paths = (*self.files, *self.symlinks, *self.directories)
        return resolved in self.directories or any(p.startswith(f"{resolved}/") for p in paths)

    def with_file(self, path: str, text: str) -> ConfTree:
        """Return the tree with one file written, through a link if there is one."""
        return replace(self, files={**self.files, self._resolve(path) or path: text})

    def _resolve(self, path: str) -> str | None:
        for _ in range(_MAX_LINKS):
            link = self._first_link(path)
            if link is None:
                return path
            target = self.symlinks[link].removeprefix(f"{CONF_DIR}/")
            base = posixpath.dirname(link)
            path = posixpath.normpath(posixpath.join(base, target) + path[len(link) :])
            if path == ".." or path.startswith(("/", "../")):
                return None
        return None

    def _first_link(self, path: str) -> str | None:
        parts = path.split("/")
        heads = ("/".join(parts[:end]) for end in range(1, len(parts) + 1))
        return next((head for head in heads if head in self.symlinks), None)
