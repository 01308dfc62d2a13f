#!/usr/bin/env python3
"""Writes operations.jsonl: all operations of PagerDuty's REST API.

They come from its OpenAPI description and from words.txt.

Usage: generate.py OPENAPI_JSON [--check]

The description is not part of this repository. With --check, nothing is written, and the status is
1 if the file differs. The first line of the output holds the types of request bodies, every other
line an operation.
"""

import json
import re
import sys
import urllib.parse
from pathlib import Path

HERE = Path(__file__).parent
OUTPUT = HERE / "operations.jsonl"
METHODS = ("get", "post", "put", "patch", "delete")
# Headers that the client sets itself.
OWN_HEADERS = ("Accept", "Content-Type", "From")
PAGING = {"offset": "offset", "cursor": "cursor", "after": "after"}
PAGE_MEMBERS = (
    "more",
    "next_cursor",
    "prev_cursor",
    "total",
    "offset",
    "limit",
    "after",
    "before",
    "last",
    "first",
)
# Nouns without an indefinite article.
UNCOUNTABLE = ("credentials", "figures", "values")
# A GET that makes PagerDuty act.
ACTING = {"testServiceNowTable"}


class Description:
    """PagerDuty's OpenAPI description."""

    def __init__(self, document):
        """Takes the parsed document."""
        self.document = document
        self.types = []
        self.numbers = {}

    def resolve(self, node):
        """Follows references until there is a value."""
        while isinstance(node, dict) and "$ref" in node:
            value = self.document
            for part in node["$ref"][2:].split("/"):
                part = urllib.parse.unquote(part.replace("~1", "/").replace("~0", "~"))
                value = value[int(part)] if isinstance(value, list) else value[part]
            node = value
        return node

    def operations(self):
        """Yields the method, the path, the operation and its parameters."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    operation = item[method]
                    shared = item.get("parameters", []) + operation.get("parameters", [])
                    yield method, path, operation, [self.resolve(one) for one in shared]

    def merged(self, schema, depth=0):
        """Returns the members and the required names of an object, over all of its parts."""
        schema = self.resolve(schema)
        members, required = dict(schema.get("properties", {})), set(schema.get("required", []))
        for part in schema.get("allOf", []):
            of_part, needed = self.merged(part, depth + 1)
            members, required = {**members, **of_part}, required | needed
        choices = [
            self.merged(one, depth + 1) for one in schema.get("oneOf", []) + schema.get("anyOf", [])
        ]
        if choices:
            for of_choice, _ in choices:
                for name, value in of_choice.items():
                    members[name] = (
                        value if name not in members else {"anyOf": [members[name], value]}
                    )
            required |= set.intersection(*(needed for _, needed in choices))
        return members, required

    def type_of(self, schema, path=()):
        """Returns a type as text: `string`, `a|b`, `[TYPE]`, or `#N` for an object in the table."""
        schema = self.resolve(schema or {})
        if id(schema) in path or len(path) > 12:
            return "any"
        path = (*path, id(schema))
        if "enum" in schema:
            values = [value for value in schema["enum"] if value is not None]
            if all(
                isinstance(value, str) and re.fullmatch(r"[\w.:/ -]+", value) for value in values
            ):
                return "|".join(values) + ("|" if len(values) == 1 else "")
        kind = schema.get("type")
        if kind == "array":
            return f"[{self.type_of(schema.get('items'), path)}]"
        members, required = self.merged(schema)
        if members:
            return self.object_of(members, required, path)
        if kind in ("integer", "number", "boolean"):
            return kind
        if kind == "string":
            return "time" if schema.get("format") == "date-time" else "string"
        parts = {
            self.type_of(one, path)
            for name in ("anyOf", "oneOf", "allOf")
            for one in schema.get(name, [])
        }
        if len(parts) == 1:
            return parts.pop()
        others = {"integer", "number", "boolean", "any"}
        if not parts or any(part in others or part[0] in "#[" for part in parts):
            return "any"
        # Texts, or allowed values: of any part.
        values = {value: None for part in sorted(parts) for value in part.split("|") if value}
        return "string" if {"string", "time"} & parts else "|".join(values)

    def object_of(self, members, required, path):
        """Returns the reference to an object type of members that a request can set."""
        fields = {}
        for name, value in sorted(members.items()):
            resolved = self.resolve(value)
            if not resolved.get("readOnly") or name in required:
                fields[name + ("*" if name in required else "")] = self.type_of(value, path)
        text = json.dumps(fields, sort_keys=True)
        if text not in self.numbers:
            self.numbers[text] = len(self.types)
            self.types.append(fields)
        return f"#{self.numbers[text]}"


def words():
    """Reads words.txt: the nouns by path, and the actions by operation."""
    parts = {"nouns": {}, "actions": {}}
    for line in (HERE / "words.txt").read_text().splitlines():
        if line.startswith("["):
            section = parts[line.strip("[]")]
        elif line and not line.startswith("#"):
            name, _, rest = line.partition(" = ")
            section[name] = [part.strip() for part in rest.split("/")]
    return parts["nouns"], parts["actions"]


def described(method, path, name, nouns, actions):
    """Returns the description of an operation, and further words by which it is found."""
    if name in actions:
        return actions[name]
    chain, literals = [], []
    segments = path.strip("/").split("/")
    for place, segment in enumerate(segments):
        if segment.startswith("{"):
            continue
        literals.append(segment)
        following = segments[place + 1] if place + 1 < len(segments) else ""
        noun = next(
            filter(None, (nouns.get("/".join(literals[start:])) for start in range(len(literals)))),
            None,
        )
        if noun:
            chain.append((noun, following.startswith("{")))
        elif not following:
            raise SystemExit(
                f"words.txt: no noun for {method.upper()} {path} ({name}): {'/'.join(literals)}"
            )
    (singular, plural, others), is_one = chain[-1]
    owner = next((noun for noun, has_id in reversed(chain[:-1]) if has_id), None)
    owner = f" of {article(owner[0])}" if owner and owner[0] not in singular else ""
    what = {
        "get": f"Read {article(singular)}"
        if is_one
        else f"List the {plural}"
        if plural
        else f"Read the {singular}",
        "post": f"Create {article(singular)}",
        "put": f"Change {article(singular) if plural else 'the ' + singular}",
        "patch": f"Change {article(singular)}",
        "delete": f"Delete {article(singular) if plural else 'the ' + singular}",
    }[method]
    return [what + owner, others]


def article(noun):
    """Returns a noun with its indefinite article, if it takes one."""
    if " of " not in noun and noun.split()[-1] in UNCOUNTABLE:
        return noun if noun == "ServiceNow credentials" else f"the {noun}"
    is_vowel = noun[0] in "aeiouAEIO" and not noun.startswith(("one", "user", "use"))
    return f"{'an' if is_vowel else 'a'} {noun}"


def paging(parameters, answer):
    """Returns how the pages of a list are requested, if it has any."""
    names = {one["name"] for one in parameters if one["in"] == "query"}
    for name, style in PAGING.items():
        if name in names:
            return style
    # Lists whose description lacks the parameters that their answers have.
    if {"offset", "more"} <= answer:
        return "offset"
    return "cursor" if "next_cursor" in answer else None


def line(description, method, path, operation, parameters, nouns, actions):
    """Returns an operation as a line's members."""
    text, others = ([*described(method, path, operation["operationId"], nouns, actions), ""])[:2]
    row = {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "does": text,
        "words": others,
    }
    codes = [code for code in operation["responses"] if code.startswith("2")]
    answer = description.resolve(operation["responses"][codes[0]]) if codes else {}
    content = answer.get("content", {}).get("application/json", {})
    members, _ = description.merged(content.get("schema", {}))
    keys = [name for name in members if name not in PAGE_MEMBERS]
    if len(keys) == 1:
        row["key"] = keys[0]
    row["paging"] = paging(parameters, set(members)) if method == "get" else None
    query = {}
    for one in parameters:
        if one["in"] == "query":
            kind = description.type_of(one.get("schema", {}))
            name = one["name"]
            kind = f"[{kind}]" if name.endswith("[]") and not kind.startswith("[") else kind
            query[name + ("*" if one.get("required") else "")] = kind
    row["query"] = query
    named = [one for one in parameters if one["in"] == "path" and "enum" in one.get("schema", {})]
    row["at"] = {one["name"]: description.type_of(one["schema"]) for one in named}
    headers = [
        one for one in parameters if one["in"] == "header" and one["name"] not in OWN_HEADERS
    ]
    row["headers"] = {one["name"]: (one["schema"].get("enum") or [""])[0] for one in headers}
    row["from"] = any(one["name"] == "From" for one in parameters)
    row["scopes"] = operation.get("x-pd-requires-scope")
    if isinstance(row["scopes"], str):
        row["scopes"] = [row["scopes"]]
    body = description.resolve(operation.get("requestBody", {}))
    content = body.get("content", {})
    if "application/json" in content:
        row["body"] = description.type_of(content["application/json"].get("schema", {}))
    elif content:
        row["media"] = next(iter(content))
    row["acts"] = operation["operationId"] in ACTING
    row["deprecated"] = operation.get("deprecated", False)
    return {name: value for name, value in row.items() if value}


def main():
    """Writes or checks the file."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    description = Description(json.loads(Path(arguments[0]).read_text()))
    nouns, actions = words()
    rows = [line(description, *operation, nouns, actions) for operation in description.operations()]
    unknown = set(actions) - {row["id"] for row in rows}
    if unknown:
        raise SystemExit(f"words.txt: no such operation: {', '.join(sorted(unknown))}")
    lines = [description.types, *rows]
    text = "".join(
        json.dumps(one, separators=(",", ":"), ensure_ascii=False) + "\n" for one in lines
    )
    if "--check" in sys.argv:
        sys.exit(OUTPUT.read_text() != text)
    OUTPUT.write_text(text)


if __name__ == "__main__":
    main()
