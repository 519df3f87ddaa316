#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Says when docs/reference/cli.md is not what the program's tables say, and how to refresh it."""

import argparse
import difflib
import os
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--riacho", required=True)
parser.add_argument("--root", required=True)
options = parser.parse_args()

path = os.path.join(options.root, "docs/reference/cli.md")
wanted = subprocess.run([options.riacho, "--reference"], capture_output=True, text=True, check=True).stdout
with open(path, encoding="utf-8") as file:
    found = file.read()
if found != wanted:
    sys.stdout.writelines(difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), path, "the program"))
    sys.exit(f"\ndocs/reference/cli.md is stale. Refresh it: {options.riacho} --reference > {path}")
