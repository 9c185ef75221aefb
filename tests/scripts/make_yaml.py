# SPDX-License-Identifier: Apache-2.0
"""make_yaml.py -- tests/data/config/yaml_values.expected.json: what PyYAML (6.0) reads from yaml_values.yaml, where a text that is a
value of Python is that value, which is the rule of yacs, in which detectron2's configs are read."""
import ast
import json
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parent.parent / "data" / "config"


def decoded(value):
    if isinstance(value, dict):
        return {key: decoded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [decoded(item) for item in value]
    if isinstance(value, str):
        try:
            return decoded(ast.literal_eval(value))
        except (ValueError, SyntaxError):
            return value
    return value


tree = decoded(yaml.unsafe_load((FOLDER / "yaml_values.yaml").read_text()))
(FOLDER / "yaml_values.expected.json").write_text(json.dumps(tree, indent=1) + "\n")
