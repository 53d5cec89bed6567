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
_PUBLIC = re.compile(
    r"^\s*public\s+(?:(?:abstract|final|strictfp|sealed)\s+)*(?:class|interface|enum|record)\s+(\w+)", re.M
)
_MAIN = (b"\x01\x00\x04main", b"([Ljava/lang/String;)V")  # as a class file's table of constants has them


def main() -> int:
    source, jar = sys.argv[1:3]
    with open(source, encoding="utf-8", errors="replace") as file:
        public = _PUBLIC.search(file.read())
    named = f"{public[1]}.java" if public else "Main.java"
    if named != source:
        os.rename(source, named)
    if code := subprocess.call(["javac", "-encoding", "UTF-8", "-nowarn", "-d", CLASSES, named]):
        return code
    entry = main_class(public[1] if public else "Main")
    if entry is None:
        print(f"{named}: error: no class has a method `public static void main(String[])`", file=sys.stderr)
        return 1
    pack(jar, entry)
    return 0


def main_class(preferred: str) -> str | None:
    """`preferred` if it has a main method, else the first of the others that has one."""
    names = (name.removesuffix(".class") for name in os.listdir(CLASSES) if name.endswith(".class"))
    candidates = sorted((name for name in names if has_main(name)), key=lambda name: (name != preferred, name))
    return candidates[0] if candidates else None


def has_main(name: str) -> bool:
    with open(f"{CLASSES}/{name}.class", "rb") as file:
        content = file.read()
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
