"""How much memory the control group of a SnapStart template may hold.

Whoever forks is charged for what the fork makes before it leaves for a group of its own: page tables (eight bytes for
each 4 KB), its copy of /tmp, and the pages that it writes to meanwhile. So the limit grows with the forks, instead of
being lifted: what waits to be forked is the function's own interpreter, in which its code can still be made to run.
Processes need no more room than a function's own: a fork's leave at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lambent.guest import spares

# 3.4 MB for each fork were seen where init had filled 5 MB, and 3.7 where it had filled 110.
_FORK_MB: Final = 8
_MEMORY_FOR_PAGE_TABLES: Final = 256
_AT_A_TIME: Final = 8  # so that most restores find the limit where it has to be


@dataclass(frozen=True, slots=True)
class TemplateRoom:
    """What a template had when its init was over: the memory that it may use itself, and its files in /tmp."""

    memory_mb: int
    files_mb: int

    def limit_mb(self, forks: int) -> int:
        """Return the limit where so many forks are alive, and as many stand by as ever do.

        >>> TemplateRoom(memory_mb=128, files_mb=0).limit_mb(1), TemplateRoom(memory_mb=1024, files_mb=10).limit_mb(9)
        (384, 1904)
        """
        of_each = _FORK_MB + self.memory_mb // _MEMORY_FOR_PAGE_TABLES + self.files_mb
        return self.memory_mb + (spares.MOST + -(-forks // _AT_A_TIME) * _AT_A_TIME) * of_each
