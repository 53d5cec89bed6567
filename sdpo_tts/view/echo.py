"""What is typed while a panel is drawn."""

from __future__ import annotations

import os
import termios
from contextlib import suppress
from typing import IO, Any


class Echo:
    """What is typed (`^C`, too) would be written into the panel and shift it by a line: meanwhile it is not shown."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._before = file, list[Any]()

    def stop(self) -> None:
        """Does nothing where there is no terminal, or one in whose background this process is."""
        with suppress(OSError, ValueError, termios.error):
            terminal = self._file.fileno()
            if os.tcgetpgrp(terminal) != os.getpgrp():
                return
            before = termios.tcgetattr(terminal)
            termios.tcsetattr(terminal, termios.TCSANOW, [*before[:3], before[3] & ~termios.ECHO, *before[4:]])
            self._before = before

    def restore(self) -> None:
        if self._before:
            with suppress(OSError, ValueError, termios.error):
                termios.tcsetattr(self._file.fileno(), termios.TCSADRAIN, self._before)
