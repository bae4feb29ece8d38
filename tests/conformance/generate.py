#!/usr/bin/env python3
"""Writes the vectors beside this file. What is expected comes from exact fractions, decimals of 60 digits, IEEE 754's rules and
published numbers, never from a server. With --check it compares instead, and fails on a difference."""
import json
import pathlib
import sys

from generator import arithmetic, callouts, conventions, errors, functions, gradients, graphs, loops, moves, sessions, streams, texts, wrong

MODULES = arithmetic, callouts, conventions, errors, functions, gradients, graphs, loops, moves, sessions, streams, texts, wrong


def document(module):
    """One case a line: a difference names its case."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in module.cases())
    feature = f'"feature":"{module.FEATURE}",\n' if hasattr(module, "FEATURE") else ""
    return f'{{"about":{json.dumps(module.__doc__.strip())},\n{feature}"cases":[\n{lines}\n]}}\n'


different = []
for module in MODULES:
    folder = pathlib.Path(__file__).parent / getattr(module, "FOLDER", "")
    path = folder / (module.__name__.split(".")[-1] + ".json")
    if "--check" not in sys.argv:
        path.write_text(document(module))
    elif path.read_text() != document(module):
        different.append(path.name)
sys.exit(f"Not as generated: {', '.join(different)}" if different else 0)
