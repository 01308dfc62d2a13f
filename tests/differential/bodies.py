"""JSON bodies as trees that keep what a JSON library would normalize, and mutations of them.

An object is a list of members, so keys may repeat. `Raw` is text that is written as it is, so
numbers keep their digits and a value need not be JSON at all.
"""

import json
from random import Random
from typing import Any


class Raw(bytes):
    """Bytes that are written unchanged."""


class Object(list[Any]):
    """The members of an object, as `[key, value]` in order."""


def parse(text: bytes) -> Any:
    """Parse a body into a tree."""

    def raw(number: str) -> Raw:
        return Raw(number.encode())

    def members(pairs: list[tuple[str, Any]]) -> Object:
        return Object([key, value] for key, value in pairs)

    return json.loads(text, object_pairs_hook=members, parse_int=raw, parse_float=raw)


def copy(value: Any) -> Any:
    """Return a deep copy of a tree."""
    if isinstance(value, Object):
        return Object([key, copy(member)] for key, member in value)
    if isinstance(value, list):
        return [copy(item) for item in value]
    return value


class Style:
    """How a body is written: spaces and escapes."""

    def __init__(self, rng: Random) -> None:
        """Choose a style, most often PagerDuty's."""
        choice = rng.random()
        self.rng = rng
        self.item, self.colon, self.indent = b",", b":", None
        if choice > 0.92:
            self.indent = rng.choice([b"  ", b"\t", b"\r\n "])
        elif choice > 0.8:
            self.item, self.colon = rng.choice(
                [(b", ", b": "), (b" ,\n", b"\t: "), (b",\r\n", b":  ")]
            )
        self.escapes = rng.choice(["none", "none", "none", "ascii", "some"])

    def string(self, text: str) -> bytes:
        """Write a string literal. Half of a surrogate pair becomes an escape or invalid UTF-8."""
        if self.escapes == "ascii":
            return json.dumps(text).encode()
        if self.escapes == "some" and len(text) < 500:
            return b'"' + b"".join(self._char(char) for char in text) + b'"'
        return json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")

    def _char(self, char: str) -> bytes:
        if self.rng.random() < 0.85 and char not in '"\\' and ord(char) >= 32:
            return char.encode("utf-8", "surrogatepass")
        if char == "/":
            return b"\\/"
        if self.rng.random() < 0.5:
            return json.dumps(char)[1:-1].encode()
        units = char.encode("utf-16-be", "surrogatepass")
        form = "\\u%04x" if self.rng.random() < 0.5 else "\\u%04X"
        pairs = zip(units[::2], units[1::2], strict=True)
        return "".join(form % (high << 8 | low) for high, low in pairs).encode()

    def write(self, value: Any) -> bytes:
        """Write a tree."""
        out: list[bytes] = []
        self._write(value, out, b"\n")
        return b"".join(out)

    def _write(self, value: Any, out: list[bytes], line: bytes) -> None:
        if isinstance(value, Raw):
            out.append(value)
        elif isinstance(value, str):
            out.append(self.string(value))
        elif isinstance(value, list):
            opening, closing = (b"{", b"}") if isinstance(value, Object) else (b"[", b"]")
            below = line + self.indent if self.indent else b""
            out.append(opening)
            for at, item in enumerate(value):
                if at:
                    out.append(self.item)
                out.append(below)
                if isinstance(value, Object):
                    key = item[0]
                    out += [key if isinstance(key, Raw) else self.string(key), self.colon]
                    item = item[1]
                self._write(item, out, below)
            if self.indent and value:
                out.append(line)
            out.append(closing)
        else:
            out.append(json.dumps(value).encode())


NUMBERS = [
    "0", "-0", "-0.0", "0.0", "0e0", "-0e0", "-0E+5", "1", "-1", "1.0", "1.10", "1.50", "100.0",
    "1e5", "1E5", "1E+2", "1e-7", "1e15", "1e16", "1e21", "1e22", "1e400", "-1e400", "1e-400",
    "123456789012345678901", "-12345678901234567890123", "18446744073709551615",
    "18446744073709551616", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "9007199254740993", "0.1", "0.30000000000000004",
    "3.141592653589793238462643", "123456789.123456789", "5e-324", "1.7976931348623157e308",
    "1.7976931348623159e308", "100000000000000000000.0", "0.000001", "0.0000001",
    "12345678901234567890.5", "1e0", "2.5e3", "4.35", "0.1e1", "33333333333333333333333333333333",
]  # fmt: skip
INVALID = [
    "NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "1e", "1e+", "0x10", "--1", "-",
    "-NaN", "nul", "True", "tru", "None", "undefined", "1_000", "''", "00", "-01", "1.e5", "2..3",
    "1e5.5",
]  # fmt: skip

PIECES = [
    "a", "disk full", "db-1", " ", "  ", "\n", "\r\n", "\t", "\0", "\x01", "\x07", "\x08", "\x0c",
    "\x1b[31m", "\x1f",
    "\x7f", "\x80", "\x85", "\x9b", "\x9f", "\xa0", "\xad", "\u034f", "\u061c", "\u115f", "\u1160",
    "\u17b4", "\u180e",
    "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e",
    "\u2060", "\u2064",
    "\u2066", "\u2069", "\u206f", "\u3164", "\ufe00", "\ufe0e", "\ufe0f", "\ufeff", "\uffa0",
    "\ufff9", "\ufffb", "\ufffc",
    "\ufffd", "\ufffe", "\uffff", "\ue000", "\U0001d173", "\U000e0001", "\U000e0020", "\U000e0041",
    "\U000e007f",
    "\U000e0100", "\U000e01ef", "\U0010ffff", "\U0001f600", "\u2764\ufe0f", "1\ufe0f\u20e3",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e007f",
    "\U0001f1e9\U0001f1ea", "\u0644\u200c\u0645", "\u0915\u094d\u200d\u0937", "e\u0301",
    "\u4e2d\u6587", "\u65e5\u672c",
    "\u05e9\u05dc\u05d5\u05dd", "\u0639\u0631", "\ud800", "\udfff", "\ud83d", "\ude00\ud83d",
    "\ud83dx", '"', "\\", "/",
    "\\n", "\\u0041", "|", "a|b", ",", "a,b", ":", "#", "'", "`", "<b>", "&amp;", "{", "}", "[",
    "]", "null", "true", "-",
    "=", "1", "0", "P123456", "2026-11-29T00:00:00Z", "https://x.example/a?b=c&d", "%s", "\u00e9",
    "\u00df", "\u0130",
    "e\u0301" * 20,
]  # fmt: skip

LITERALS = [
    Raw(text)
    for text in (
        b'"\x00"', b'"a\x01b"', b'"a\nb"', b'"\t"', b'"\r\n"', b'"\x1f\x7f"', b'"\xff"',
        b'"a\xfe\xffb"', b'"\xc3"',
        b'"\xc3("', b'"\xe2\x82"', b'"\xed\xa0\x80"', b'"\xf0\x9f\x98"', b'"\xf4\x90\x80\x80"',
        b'"\xc0\x80"',
        b'"\\ud83d\\ude00"', b'"\\ud83d"', b'"\\ud83dx"', b'"\\uDE00\\uD83D"',
        b'"\\ud83d\\ud83d\\ude00"',
        b'"\\ud800\\u0041"', b'"\\ude00"', b'"\\u0000"', b'"\\u001b[0m"', b'"\\u200b\\u202e"',
        b'"\\ufeff"', b'"\\ufe0f"',
        b'"\\udb40\\udc41"', b'"\\udb40\\udd00"', b'"\\u00e9\\/\\b\\f\\n\\r\\t\\\\\\""',
        b'"\\x41"', b'"\\u12"',
        b'"\\u12g4"', b'"\\U0041"', b'"\\ud83d\\u"', b'"\\ud83d\\n"', b'"\\a"', b'"\\"',
        b'"\\\xff"', b'"\\u\xff000"',
        b'"x', b'"\xef\xbb\xbf"', b'"\\u0085\\u009b"', b'"\\u2028"', b'"\\ud83d\\ude0"',
    )
]  # fmt: skip


def reference(rng: Random) -> Object:
    """Return what a reference may look like, complete or not."""
    members = [
        ["id", rng.choice(["PX", "", None, Raw(b"7"), "P1\u200b"])],
        ["type", rng.choice(["user_reference", "service_reference", "x", "", None, Raw(b"1")])],
        ["summary", text(rng)],
        ["self", rng.choice(["https://api.pagerduty.com/x/PX", None])],
        ["html_url", rng.choice(["https://x.pagerduty.com/x/PX", None])],
        ["name", text(rng)],
        ["email", "a@b.example"],
        ["deleted_at", rng.choice([None, "2026-01-01T00:00:00Z"])],
        ["role", "manager"],
    ]
    return Object(rng.sample(members, rng.randint(1, len(members))))


def deep(rng: Random) -> Raw:
    """Return a value nested about as deep as is shown, or as the parser allows, or far deeper."""
    depth = rng.choice(
        [
            5,
            30,
            58,
            59,
            60,
            61,
            62,
            63,
            64,
            65,
            66,
            67,
            100,
            121,
            122,
            123,
            124,
            125,
            126,
            127,
            128,
            200,
            5000,
        ]
    )
    kind = rng.random()
    core = rng.choice([b"1", b'"x"', b"null", b"[]", b"{}", b'"\xe2\x80\x8b"', b"1e400", b"-0"])
    if kind < 0.4:
        return Raw(b"[" * depth + core + b"]" * depth)
    if kind < 0.8:
        return Raw(b'{"a":' * depth + core + b"}" * depth)
    return Raw(b'{"a":[' * (depth // 2) + core + b"]}" * (depth // 2))


def text(rng: Random) -> str:
    """Return a text with odd characters; rarely a very long one."""
    chance = rng.random()
    if chance < 0.02:
        return rng.choice(
            ["x", "\u00e9", "\u4e2d", "\u200b", "\ufe0f", "a ", '"', "\\", "\n", "\U0001f600"]
        ) * rng.choice([300, 5_000, 70_000])
    if chance < 0.3:
        return rng.choice(PIECES)
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(2, 8)))


def valid(rng: Random) -> Any:
    """Return any value of JSON."""
    match rng.randrange(12):
        case 0:
            return rng.choice([None, True, False])
        case 1 | 2:
            return Raw(rng.choice(NUMBERS).encode())
        case 3 | 4 | 5:
            return text(rng)
        case 6:
            return rng.choice(
                [[], Object(), [[]], [Object()], [None], "", [""], Object([["a", None]])]
            )
        case 7:
            return Object([key(rng), valid(rng)] for _ in range(rng.randint(1, 4)))
        case 8:
            return [valid(rng) for _ in range(rng.randint(1, 4))]
        case 9:
            return reference(rng)
        case 10:
            return [reference(rng) for _ in range(rng.randint(1, 3))]
        case _:
            return deep(rng) if rng.random() < 0.3 else rng.choice(SPECIAL)


SPECIAL: list[Any] = [
    "triggered", "acknowledged", "resolved", "No Data: cpu", "true", "false", "0", "1", "TRUE",
    "2026-11-29T10:00:00Z",
    "2026-11-29T10:00:00+02:00", "0000-00-00", "not a time",
    Raw(b"1.0"), Raw(b"0"), Raw(b"-1"), Raw(b"1"),
]  # fmt: skip


def value(rng: Random) -> Any:
    """Return any value; one in twelve is not JSON or not UTF-8."""
    chance = rng.random()
    if chance < 0.05:
        return rng.choice(LITERALS)
    if chance < 0.08:
        return Raw(rng.choice(INVALID).encode())
    return valid(rng)


KEYS = [
    "id", "type", "summary", "self", "html_url", "name", "title", "description", "status",
    "urgency", "body", "details", "cef_details", "__pd_cef_payload", "contexts", "client",
    "client_url", "severity", "created_at", "teams", "service", "assignee", "at", "more", "total",
    "limit", "offset", "error", "message", "errors", "code", "incidents", "users", "schedules",
    "zzz", "email", "user", "schedule_layers", "final_schedule", "overrides",
    "rendered_schedule_entries",
]  # fmt: skip


def key(rng: Random) -> Any:
    """Return a member's name: one of real answers, an odd one, or a known one with an escape."""
    chance = rng.random()
    if chance < 0.6:
        return rng.choice(KEYS)
    if chance < 0.85:
        return text(rng)[:200]
    name = rng.choice(KEYS)
    at = rng.randrange(len(name))
    return Raw(f'"{name[:at]}\\u{ord(name[at]):04x}{name[at + 1 :]}"'.encode())


def containers(tree: Any) -> list[Any]:
    """Return every list and object of a tree, outermost first."""
    found, queue = [], [tree]
    while queue:
        at = queue.pop()
        if isinstance(at, list):
            found.append(at)
            queue += [member[1] for member in at] if isinstance(at, Object) else at
    return found


def mutate(rng: Random, tree: Any) -> None:
    """Change one random place of a tree."""
    places = containers(tree)
    if not places:
        return
    # Half of the changes are near the top, where the known fields are.
    place = (
        places[min(len(places) - 1, rng.randrange(6))] if rng.random() < 0.5 else rng.choice(places)
    )
    if not place:
        place.append([key(rng), value(rng)] if isinstance(place, Object) else value(rng))
        return
    at = rng.randrange(len(place))
    if not isinstance(place, Object):
        match rng.randrange(6):
            case 0:
                del place[at]
            case 1:
                place.insert(at, copy(place[at]))
            case 2:
                place.insert(at, value(rng))
            case 3:
                rng.shuffle(place)
            case _:
                place[at] = value(rng)
        return
    match rng.randrange(14):
        case 0:
            del place[at]
        case 1:
            rng.shuffle(place)
        case 2:
            place.insert(rng.randrange(len(place) + 1), [place[at][0], value(rng)])
        case 3:
            place.append([place[at][0], copy(place[at][1])])
        case 4:
            place.insert(rng.randrange(len(place) + 1), [key(rng), value(rng)])
        case 5:
            place[at][0] = key(rng)
        case 6:
            name = place[at][0]
            if isinstance(name, str) and name.isascii() and name:
                spot = rng.randrange(len(name))
                escaped = json.dumps(name[spot + 1 :])[1:-1]
                place[at][0] = Raw(
                    f'"{json.dumps(name[:spot])[1:-1]}\\u{ord(name[spot]):04X}{escaped}"'.encode()
                )
        case 7 | 8 if isinstance(place[at][1], str):
            words = place[at][1]
            spot = rng.randint(0, len(words))
            place[at][1] = words[:spot] + text(rng) + words[spot:]
        case _:
            place[at][1] = value(rng)


def spoil(rng: Random, body: bytes) -> bytes:
    """Change a body as text."""
    at = rng.randint(0, len(body))
    match rng.randrange(16):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + bytes([rng.randrange(256)]) + body[at:]
        case 2:
            return body[:at] + body[at + 1 :]
        case 3:
            return (
                body[:at]
                + rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x00", b"\xe2\x80\x8b"])
                + body[at:]
            )
        case 4:
            return b"\xef\xbb\xbf" + body
        case 5:
            return body + rng.choice(
                [b"x", b"{}", b",", b"}", b"\x00", b"\xef\xbb\xbf", b"[1]", b"null"]
            )
        case 6:
            return (
                rng.choice([b" ", b"\n\n", b"\t", b"\r\n"]) * rng.randint(1, 300)
                + body
                + b" \n\t\r" * 3
            )
        case 7:
            return (
                body.replace(b"}", b",}", 1) if rng.random() < 0.5 else body.replace(b"]", b",]", 1)
            )
        case 8:
            page = rng.choice([b"Bad Gateway", b"Login", "\u00e9\u200b".encode()])
            return (
                b"<!DOCTYPE html><html><head><title>"
                + page
                + b"</title></head><body><h1>"
                + page
                + b"</h1></body></html>"
            )
        case 9:
            return rng.choice(
                [
                    b"",
                    b" ",
                    b"null",
                    b"true",
                    b"0",
                    b'""',
                    b"[]",
                    b"{}",
                    b"[{}]",
                    b"-",
                    b"{",
                    b'{"',
                    b"\xff",
                ]
            )
        case 10:
            spot = body.find(b'":', at)
            return (
                body[: spot + 2] + rng.choice(INVALID).encode() + b"," + body[spot + 2 :]
                if spot > 0
                else body
            )
        case 11:
            return b"[" + body + b"]"
        case 12:
            return body[: len(body) // 2] + body
        case 13:
            return body.replace(b'"id"', b"'id'", 1)
        case 14:
            return body.replace(b":", b"/*c*/:", 1)
        case _:
            changed = bytearray(body)
            for _ in range(rng.randint(1, 4)):
                if changed:
                    changed[rng.randrange(len(changed))] = rng.randrange(256)
            return bytes(changed)
