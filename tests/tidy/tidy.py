#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Style is a test: each rule is one function; every violation is printed as file:line: what.

Usage: tidy.py RULE [--root DIR]; `tidy.py list` names the rules. Exit 0: no violation.
"""

import os
import re
import subprocess
import sys

C_FOLDERS = ["include", "base", "expr", "schemas", "state", "log", "topology", "operators", "processors", "runtime", "api", "cmd", "bench", "tests"]
README_FOLDERS = [f for f in C_FOLDERS if f != "include"] + ["include", "docs", "tests/fault", "tests/kafka", "processors/tamaghost", "third_party"]
LINE_MAX, FUNCTION_LINES_MAX, FILE_LINES_MAX, PUBLIC_HEADER_LINES_MAX = 100, 70, 600, 260

# What a folder may include of the others; libraries it alone may wrap.
LAYERS = {
    "base": {"base"},
    "expr": {"base", "expr"},
    "schemas": {"base", "schemas"},
    "state": {"base", "state"},
    "log": {"base", "log"},
    "topology": {"base", "expr", "topology"},
    "operators": {"base", "expr", "state", "topology", "operators"},
    "processors": set(),
    "runtime": {"base", "expr", "state", "topology", "operators", "runtime"},
    "api": {"base", "api"},
}
WRAPPED = {
    "rocksdb_": {"log", "state"}, "rd_kafka_": {"log"}, "avro_": {"schemas"}, "ulfius_": {"api"}, "json_t": {"api", "schemas"},
    "fy_": {"topology"}, "LZ4_": {"log"}, "gnutls_": {"api"},
}
BANNED = ["strcpy", "strcat", "sprintf", "vsprintf", "strtok", "atoi", "atol", "atof", "gets", "rand", "srand", "alloca"]
BANNED_IN_PROCESSORS = ["malloc", "calloc", "realloc", "free", "time", "gettimeofday", "clock_gettime"]


def tracked(root, *suffixes):
    listed = subprocess.run(["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True)
    files = listed.stdout.split("\n") if listed.returncode == 0 else [
        os.path.relpath(os.path.join(d, f), root) for d, _, names in os.walk(root) for f in names]
    return sorted(f for f in files if f.endswith(suffixes) and f.split("/")[0] in C_FOLDERS and os.path.exists(os.path.join(root, f)))


def read(root, file):
    with open(os.path.join(root, file), encoding="utf-8") as text:
        return text.read()


def without_comments_and_strings(text):
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def rule_line_length(root):
    for file in tracked(root, ".c", ".h", ".cc", ".cmake", "CMakeLists.txt"):
        for number, line in enumerate(read(root, file).split("\n"), 1):
            limit = LINE_MAX if file.endswith((".c", ".h", ".cc")) else 160
            if len(line) > limit and "http" not in line:
                yield file, number, f"{len(line)} columns, {limit} at most"


def functions(text):
    """(line, name, lines) of each function body: a `{` in column 0 up to the `}` in column 0."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            head = number - 1
            name = next((lines[k] for k in range(start - 2, max(start - 8, -1), -1) if re.match(r"[A-Za-z].*\(", lines[k])), "?")
            yield start, name.strip(), head - start
            start = None


def rule_function_length(root):
    for file in tracked(root, ".c"):
        for number, name, lines in functions(read(root, file)):
            if lines > FUNCTION_LINES_MAX:
                yield file, number, f"{lines} lines in {name}, {FUNCTION_LINES_MAX} at most"


def rule_file_length(root):
    for file in tracked(root, ".c", ".h"):
        lines = read(root, file).count("\n")
        limit = PUBLIC_HEADER_LINES_MAX if file.startswith("include/") else FILE_LINES_MAX
        if lines > limit:
            yield file, 1, f"{lines} lines, {limit} at most"


def rule_file_head(root):
    for file in tracked(root, ".c", ".h"):
        text = read(root, file)
        if not text.startswith("/* SPDX-License-Identifier: MIT"):
            yield file, 1, "the first line is not the SPDX line"
        name = os.path.basename(file)
        if not re.search(r"\* [\w/]*" + re.escape(name) + r" [-–]", text[:400]):
            yield file, 1, f"the head does not say what {name} is for (`{name} - ...`)"
        if file.endswith(".h") and "#pragma once" not in text:
            yield file, 1, "no #pragma once"


def layer_of(file):
    parts = file.split("/")
    return parts[0] if parts[0] != "tests" else None


def rule_layers(root):
    for file in tracked(root, ".c", ".h"):
        layer, text = layer_of(file), read(root, file)
        for match in re.finditer(r'^#include "([^"]+)"', text, re.M):
            included = match.group(1)
            if "../" in included:
                yield file, line_of(text, match.start()), f"#include \"{included}\" climbs out of its folder"
            folder = included.split("/")[0]
            if layer in LAYERS and folder in LAYERS and "/" in included and folder not in LAYERS[layer] and folder != layer:
                yield file, line_of(text, match.start()), f"{layer}/ may not use {folder}/"
            if file.startswith("tests/") and included.endswith(".c"):
                yield file, line_of(text, match.start()), "a test includes a .c"
        if layer is None or layer in ("cmd", "bench"):
            continue
        code = without_comments_and_strings(text)
        for prefix, owners in WRAPPED.items():
            found = re.search(r"\b" + prefix + r"\w*\b", code)
            if found and layer not in owners:
                yield file, line_of(code, found.start()), f"{found.group()} is wrapped by {', '.join(sorted(owners))}/ only"


def rule_banned(root):
    for file in tracked(root, ".c", ".h"):
        code = without_comments_and_strings(read(root, file))
        words = BANNED + (BANNED_IN_PROCESSORS if file.startswith("processors/") else [])
        for match in re.finditer(r"\b(" + "|".join(words) + r")\s*\(", code):
            before = code[max(0, match.start() - 3):match.start()]
            if not before.endswith(("->", ".")):
                yield file, line_of(code, match.start()), f"{match.group(1)}() is not for this house"
        for match in re.finditer(r"\bgoto\b", code):
            yield file, line_of(code, match.start()), "goto"


def rule_readme(root):
    for folder in README_FOLDERS:
        path = os.path.join(root, folder, "README.md")
        if not os.path.isdir(os.path.join(root, folder)):
            continue
        if not os.path.exists(path):
            yield folder + "/README.md", 1, "missing"
        elif read(root, folder + "/README.md").count("\n") > 60:
            yield folder + "/README.md", 1, "over 60 lines"


def rule_format(root):
    files = [f for f in tracked(root, ".c", ".h")]
    if not files:
        yield "-", 1, "no file found"
    checked = subprocess.run(["clang-format", "--dry-run", "--Werror", *files], cwd=root, capture_output=True, text=True)
    for line in checked.stderr.split("\n"):
        match = re.match(r"(.+?):(\d+):\d+: error: (.*)", line)
        if match:
            yield match.group(1), int(match.group(2)), "clang-format would change this"
    if checked.returncode and not checked.stderr:
        yield "-", 1, "clang-format failed"


def rdkafka_flags(root):
    """Where librdkafka's headers are: as the build has them, or the system's (no flag). None: nowhere, in a build without Kafka."""
    cached = subprocess.run([os.path.join(root, "third_party/librdkafka/build"), "--cached"], capture_output=True, text=True)
    if cached.returncode == 0:
        return ["-isystem", os.path.join(cached.stdout.strip(), "include")]
    return [] if os.path.exists("/usr/include/librdkafka/rdkafka.h") else None


def rule_headers_alone(root):
    """Every header compiles alone; the public ones as strict C11 and as C++ too."""
    rdkafka = rdkafka_flags(root)
    for file in tracked(root, ".h"):
        if file.startswith(("tests/", "processors/", "schemas/gen")) or (file.startswith("log/kafka/") and rdkafka is None):
            continue
        modes = [["gcc", "-std=gnu17", "-x", "c"]]
        if file.startswith("include/"):
            modes += [["gcc", "-std=c11", "-pedantic-errors", "-x", "c"], ["g++", "-std=c++17", "-x", "c++"]]
        name = file[len("include/"):] if file.startswith("include/") else file
        for mode in modes:
            built = subprocess.run([*mode, "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", os.path.join(root, "include"), "-I", root, *(rdkafka or []), "-"],
                                   input=f'#include "{name}"\n', capture_output=True, text=True)
            if built.returncode:
                yield file, 1, f"does not compile alone with {' '.join(mode[:2])}: {built.stderr.splitlines()[0] if built.stderr else ''}"


RULES = {name[5:]: rule for name, rule in list(globals().items()) if name.startswith("rule_")}


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in [*RULES, "list", "all"]:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "list":
        print("\n".join(RULES))
        return 0
    root = sys.argv[sys.argv.index("--root") + 1] if "--root" in sys.argv else os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    chosen = RULES.values() if sys.argv[1] == "all" else [RULES[sys.argv[1]]]
    violations = [(f, n, text, rule.__name__[5:]) for rule in chosen for f, n, text in rule(root)]
    for file, number, text, rule in violations:
        print(f"{file}:{number}: {text} [{rule}]")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
