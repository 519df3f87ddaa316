# SPDX-License-Identifier: MIT
"""Which Avro data can be read as which schema: the rules of schema resolution, as a registry asks them.

A schema is JSON as Avro writes it. `reads(reader, writer)` gives the reasons why not, each with the place in the reader's schema; none
means that everything the writer's schema can write can be read.
"""

PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
NAMED = {"record", "error", "enum", "fixed"}
PROMOTIONS = {"int": {"long", "float", "double"}, "long": {"float", "double"}, "float": {"double"}, "string": {"bytes"}, "bytes": {"string"}}


class Bad(Exception):
    """The text is no Avro schema."""


def full_name(schema, space):
    name = schema.get("name")
    if not isinstance(name, str) or not name:
        raise Bad("a named type has no name")
    space = schema.get("namespace", space)
    return name if "." in name or not space else f"{space}.{name}"


def resolve(schema, names=None, space=""):
    """The schema with full names, and every mention replaced by what it means (recursive types go round)."""
    names = {} if names is None else names
    if isinstance(schema, list):
        return {"type": "union", "branches": [resolve(branch, names, space) for branch in schema]}
    if isinstance(schema, str):
        if schema in PRIMITIVES:
            return {"type": schema}
        found = names.get(schema) or names.get(f"{space}.{schema}")
        if not found:
            raise Bad(f"there is no type {schema}")
        return found
    if not isinstance(schema, dict) or "type" not in schema:
        raise Bad(f"{schema!r} is no schema")
    kind = schema["type"]
    if kind in PRIMITIVES:
        return {"type": kind}
    if kind == "array":
        return {"type": "array", "items": resolve(schema.get("items"), names, space)}
    if kind == "map":
        return {"type": "map", "values": resolve(schema.get("values"), names, space)}
    if kind in NAMED:
        return resolve_named(schema, names, space)
    return resolve(kind, names, space)


def resolve_named(schema, names, space):
    name = full_name(schema, space)
    inner = name.rpartition(".")[0]
    made = names[name] = {"type": "record" if schema["type"] == "error" else schema["type"], "name": name}
    made["aliases"] = {alias if "." in alias or not inner else f"{inner}.{alias}" for alias in schema.get("aliases", [])}
    if made["type"] == "fixed":
        made["size"] = schema.get("size")
    elif made["type"] == "enum":
        made["symbols"] = schema.get("symbols", [])
        made["default"] = schema.get("default")
    else:
        made["fields"] = [
            {"name": field["name"], "aliases": set(field.get("aliases", [])), "type": resolve(field["type"], names, inner),
             "optional": "default" in field} for field in schema.get("fields", [])]
    return made


def short(name):
    return name.rpartition(".")[2]


def same_name(reader, writer):
    return short(reader["name"]) == short(writer["name"]) or writer["name"] in reader["aliases"]


def records(reader, writer, place, seen):
    written = {field["name"]: field for field in writer["fields"]}
    for field in reader["fields"]:
        at = f"{place}/{field['name']}"
        match = next((written[name] for name in [field["name"], *sorted(field["aliases"])] if name in written), None)
        if match:
            yield from reasons(field["type"], match["type"], at, seen)
        elif not field["optional"]:
            yield f"READER_FIELD_MISSING_DEFAULT_VALUE at {at}: the field '{field['name']}' is not written, and has no default"


def enums(reader, writer, place):
    missing = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
    if missing and reader["default"] is None:
        yield f"MISSING_ENUM_SYMBOLS at {place}: {', '.join(missing)}"


def named(reader, writer, place, seen):
    if not same_name(reader, writer):
        yield f"NAME_MISMATCH at {place}: {reader['name']} is not {writer['name']}"
    elif reader["type"] == "record":
        yield from records(reader, writer, place, seen)
    elif reader["type"] == "enum":
        yield from enums(reader, writer, place)
    elif reader["size"] != writer["size"]:
        yield f"FIXED_SIZE_MISMATCH at {place}: {reader['size']} bytes are not {writer['size']}"


def reasons(reader, writer, place, seen):
    pair = (id(reader), id(writer))
    if pair in seen:
        return
    seen = seen | {pair}
    if writer["type"] == "union":
        for branch in writer["branches"]:
            yield from reasons(reader, branch, place, seen)
    elif reader["type"] == "union":
        if all(any(True for _ in reasons(branch, writer, place, seen)) for branch in reader["branches"]):
            yield f"MISSING_UNION_BRANCH at {place}: no branch reads {writer['type']}"
    elif reader["type"] != writer["type"]:
        if reader["type"] not in PROMOTIONS.get(writer["type"], ()):
            yield f"TYPE_MISMATCH at {place}: {reader['type']} is not {writer['type']}"
    elif reader["type"] == "array":
        yield from reasons(reader["items"], writer["items"], f"{place}/items", seen)
    elif reader["type"] == "map":
        yield from reasons(reader["values"], writer["values"], f"{place}/values", seen)
    elif reader["type"] in NAMED:
        yield from named(reader, writer, place, seen)


def reads(reader, writer):
    return list(reasons(resolve(reader), resolve(writer), "", frozenset()))


def compatible(level, new, olds):
    """The reasons why `new` may not follow `olds` (oldest first) at this level."""
    if level == "NONE" or not olds:
        return []
    if not level.endswith("_TRANSITIVE"):
        olds = olds[-1:]
    found = []
    for old in olds:
        if level.startswith(("BACKWARD", "FULL")):
            found += reads(new, old)
        if level.startswith(("FORWARD", "FULL")):
            found += reads(old, new)
    return found
