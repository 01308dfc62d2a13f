"""Counts the places that are written by hand for a new tool and for a new resource.

`python3 tests/growth/growth.py` adds both to a copy of the tree, updates the generated files,
compiles the copy, runs the rules of the catalogue on it, and prints the counts.
`tests/python/test_growth.py` checks that CONTRIBUTING states the same counts, and that each place
still exists.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADDITIONS = Path(__file__).resolve().parent / "additions"

COPIED = (
    "Cargo.toml",
    "Cargo.lock",
    "clippy.toml",
    "rustfmt.toml",
    "README.md",
    "CHANGELOG.md",
    "src",
    "crates",
    "tests",
    "benches",
    "docs",
    "python",
)
"""The parts of the tree that a copy needs to be compiled and documented."""

IGNORED = shutil.ignore_patterns("__pycache__", "*.so", "target")

CHECKS = ["docs::", "catalogue::", "tool_operations::"]
RULES = ["cargo", "test", "--locked", "--test", "it", "--", *CHECKS]
"""The command that checks the catalogue and the generated files."""


@dataclass(frozen=True)
class Place:
    """A place that is written by hand: a new file, or text after an anchor in an existing file."""

    path: str
    text: str
    after: str = ""
    """The anchor, which occurs once. Without one, the text is the end of the file or a new file."""

    def applied(self, before: str) -> str:
        """Return the content of the file with the addition."""
        if not self.after:
            return before + self.text
        if before.count(self.after) != 1:
            count = before.count(self.after)
            message = f"{self.path} has {self.after!r} {count} times: adapt {__file__}"
            raise LookupError(message)
        return before.replace(self.after, self.after + self.text)


def addition(name: str) -> str:
    """Return the text of an addition."""
    return (ADDITIONS / name).read_text(encoding="utf-8")


TOOL = [
    Place("src/tools/teams.rs", "\n" + addition("tool.rs")),
    Place("src/tools/teams.rs", ", &LIST_TEAM_NAMES", after="tools: &[&GET_TEAMS"),
    Place(
        "tests/default_tools.json", '\n  "list_team_names": "reads",', after='"get_teams": "reads",'
    ),
]
"""A read tool on an existing resource, in the toolset and the file of the resource.

The last place is only needed because that toolset is on by default.
"""

API = "crates/api/src"
SANDBOX = "crates/sandbox"

RESOURCE = [
    Place(f"{API}/operations/vendors.rs", addition("operations.rs")),
    Place(f"{API}/operations.rs", "\npub mod vendors;", after="\npub mod users;"),
    Place(f"{API}/operations.rs", "\n    vendors::ALL,", after="\n    users::ALL,"),
    Place("src/models/vendors.rs", addition("model.rs")),
    Place("src/models.rs", "\nmod vendors;", after="\nmod users;"),
    Place("src/models.rs", "\npub use vendors::Vendor;", after="\npub use users::User;"),
    Place("src/models.rs", "\n    Table::of::<Vendor>(),", after="\n    Table::of::<User>(),"),
    Place("src/tools/vendors.rs", addition("vendors.rs")),
    Place("src/tools.rs", "\nmod vendors;", after="\nmod users;"),
    Place("src/tools.rs", "\n    &vendors::SET,", after="\n    &users::SET,"),
    Place(f"{SANDBOX}/src/kinds.rs", addition("kind.rs")),
    Place(f"{SANDBOX}/src/kinds.rs", "\n    &VENDOR,", after="    &SERVICE,"),
    Place(f"{SANDBOX}/seed/vendors.json", addition("vendors.json")),
]
"""A resource with one tool that lists it, in a toolset that is off by default."""


def files(places: list[Place]) -> int:
    """Return the number of files with a place."""
    return len({place.path for place in places})


def apply(places: list[Place], tree: Path) -> None:
    """Add the places to a tree."""
    for place in places:
        path = tree / place.path
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(place.applied(before), encoding="utf-8")


def contents(tree: Path) -> dict[str, bytes]:
    """Return the files of a tree by their paths."""
    paths = [path for path in tree.rglob("*") if path.is_file()]
    return {str(path.relative_to(tree)): path.read_bytes() for path in paths}


def trial(name: str, places: list[Place]) -> None:
    """Add places to a copy of the tree, generate, compile and check it, and print the counts."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for part in COPIED:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, tree / part, ignore=IGNORED)
            else:
                shutil.copy(source, tree / part)
        before = contents(tree)
        apply(places, tree)
        environment = {"CARGO_TARGET_DIR": str(ROOT / "target" / "growth"), **os.environ}
        update = environment | {"UPDATE_DOCS": "1", "INSTA_UPDATE": "always"}
        # The first run writes the generated files, and fails where one was missing.
        subprocess.run(RULES, cwd=tree, env=update, stdout=subprocess.DEVNULL, check=False)
        subprocess.run(RULES, cwd=tree, env=environment, check=True)
        written = {place.path for place in places}
        changed = {path for path, content in contents(tree).items() if before.get(path) != content}
        generated = sorted(changed - written)
    print(
        f"{name}: {len(places)} places in {files(places)} files by hand, and generated {generated}"
    )


TRIALS = {"tool": TOOL, "resource": RESOURCE}

if __name__ == "__main__":
    for name in sys.argv[1:] or TRIALS:
        trial(name, TRIALS[name])
