#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What docs/tutorial.md shows works as it stands: its schema, its topology and its test are taken from the page and played."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    with open(os.path.join(ROOT, "docs/tutorial.md"), encoding="utf-8") as page:
        blocks = re.findall(r"```(\w+)\n(.*?)```", page.read(), re.S)
    languages = [language for language, _ in blocks[:3]]
    if languages != ["json", "yaml", "yaml"]:
        sys.exit(f"the page does not begin with a schema, a topology and a test, but with {languages}")
    folder = tempfile.mkdtemp(prefix="riacho-tutorial-")
    try:
        os.mkdir(os.path.join(folder, "schemas"))
        for name, (_, text) in zip(("schemas/said.avsc", "hello.yaml", "hello.test.yaml"), blocks):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        return subprocess.run([sys.argv[1], "test", os.path.join(folder, "hello.test.yaml")], check=False).returncode
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
