"""Prints what the sources of a Pipecat promise to others, as JSON: `python pipecat-facts.py <folder of the package>`.

Facts by kind, each with the file and line that states it. The sources are parsed, never run, so that no dependency is needed.
"""

import ast
import collections
import json
import pathlib
import sys

root = pathlib.Path(sys.argv[1])
facts = collections.defaultdict(dict)


def add(kind, fact, file, node):
    facts[kind].setdefault(fact, f"{file.relative_to(root.parent)}:{node.lineno}")


def text(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def name_of(call):
    """The dotted name of what is called."""
    return ast.unparse(call.func)


def argument_types(file, tree):
    for cls in ast.walk(tree):
        if not isinstance(cls, ast.ClassDef):
            continue
        add("argument types", f"{cls.name}({', '.join(map(ast.unparse, cls.bases))})", file, cls)
        for field in cls.body:
            if isinstance(field, ast.AnnAssign):
                default = f" = {ast.unparse(field.value)}" if field.value else ""
                declared = f"{ast.unparse(field.target)}: {ast.unparse(field.annotation)}"
                add("argument types", f"{cls.name}.{declared}{default}", file, field)


def runner(file, tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = name_of(node)
            first = text(node.args[0]) if node.args else None
            method = name.rpartition(".")[2]
            if name.startswith("app.") and first and first.startswith("/"):
                add("routes", f"{method.upper()} {first}", file, node)
            elif method == "add_argument":
                flags = [flag for flag in map(text, node.args) if flag]
                choices = [ast.unparse(k.value) for k in node.keywords if k.arg == "choices"]
                add("flags", " ".join([*flags, *choices]), file, node)
            elif name in ("os.getenv", "os.environ.get") and first:
                add("environment", first, file, node)
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            if variable := text(node.slice):
                add("environment", variable, file, node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.List, ast.Dict)):
            for target in node.targets:
                if ast.unparse(target).endswith("TRANSPORTS"):
                    add("transports", f"{ast.unparse(target)} = {ast.unparse(node.value)}", file, node)


def rtvi(file, tree):
    for node in ast.walk(tree):
        # The `type` of a message, and the cases in which types of clients are told apart.
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "type":
            if ast.unparse(node.annotation).startswith("Literal["):
                for literal in ast.walk(node.annotation):
                    if text(literal):
                        add("RTVI messages", f"sends {text(literal)}", file, node)
        elif isinstance(node, ast.match_case):
            for pattern in ast.walk(node.pattern):
                if isinstance(pattern, ast.MatchValue) and text(pattern.value):
                    add("RTVI messages", f"takes {text(pattern.value)}", file, pattern)
        elif isinstance(node, ast.Assign) and "PROTOCOL_VERSION" in ast.unparse(node.targets[0]):
            add("RTVI messages", ast.unparse(node), file, node)


def serializers(file, tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name.endswith("Serializer"):
            add("serializers", node.name, file, node)


for folder, pattern, read in (
    ("runner", "types.py", argument_types),
    ("runner", "*.py", runner),
    ("processors/frameworks/rtvi", "*.py", rtvi),
    ("serializers", "*.py", serializers),
):
    files = sorted((root / folder).glob(pattern))
    if not files:
        sys.exit(f"There is no {folder}/{pattern} in {root}: the package has changed its shape")
    for file in files:
        read(file, ast.parse(file.read_text()))

print(json.dumps(facts, indent=2, sort_keys=True))
