"""Compiles one Java source into a runnable jar: `javac.py solution.java solution.jar`.

A public class decides the name of its file, so the source is copied to the name that it asks for; the class with a
`main` becomes the jar's main class. Exit 1 with javac's messages on stderr.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile

CLASSES = "classes"
# Strings and characters are told apart from comments so that neither is taken for the other.
_COMMENT = re.compile(r"""/\*.*?\*/|//[^\n]*|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""", re.S)
_PUBLIC = re.compile(
    r"^\s*public\s+(?:(?:abstract|final|strictfp|sealed)\s+)*(?:class|interface|enum|record)\s+(\w+)", re.M
)
_MAIN = (b"\x01\x00\x04main", b"([Ljava/lang/String;)V")  # as a class file's table of constants has them


def main() -> int:
    source, jar = sys.argv[1:3]
    with open(source, encoding="utf-8", errors="replace") as file:
        public = public_class(file.read())
    named = f"{public or 'Main'}.java"
    if named != source:
        os.rename(source, named)
    if code := subprocess.call(["javac", "-encoding", "UTF-8", "-nowarn", "-d", CLASSES, named]):
        return code
    entry = main_class(public or "Main")
    if entry is None:
        print(f"{named}: error: no class has a method `public static void main(String[])`", file=sys.stderr)
        return 1
    pack(jar, entry)
    return 0


def public_class(source: str) -> str | None:
    found = _PUBLIC.search(_COMMENT.sub(lambda found: found[1] or " ", source))
    return found[1] if found else None


def main_class(preferred: str) -> str | None:
    """`preferred` if it has a main method, else the first of the others that has one; with its package before it."""
    files = (os.path.join(folder, name) for folder, _, names in os.walk(CLASSES) for name in names)
    found = (os.path.relpath(file, CLASSES) for file in files if has_main(file))
    names = (file.removesuffix(".class").replace("/", ".") for file in found)
    return min(names, key=lambda name: (name.rpartition(".")[2] != preferred, name), default=None)


def has_main(file: str) -> bool:
    with open(file, "rb") as opened:
        content = opened.read()
    return all(part in content for part in _MAIN)


def pack(jar: str, entry: str) -> None:
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\nMain-Class: {entry}\n\n")
        for folder, _, files in os.walk(CLASSES):
            for name in files:
                path = os.path.join(folder, name)
                archive.write(path, os.path.relpath(path, CLASSES))


if __name__ == "__main__":
    sys.exit(main())
