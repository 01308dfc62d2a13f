"""Makes `crates/rows/src/tokens/letters.bin`, the table of where o200k cuts words.

    python fit.py ANSWERS_FOLDER LETTERS_BIN

`ANSWERS_FOLDER` holds answers of the sandbox, one `TOOL.json` each, as
`pagerduty-mcp-server call TOOL --sandbox` prints them. Needs numpy, `token-tables` built in
release, and word lists: Debian's wamerican, wpolish, wngerman, wdutch, wswedish, witalian,
wspanish, wportuguese, wfrench, and hunspell-hu, -tr, -id, -cs, -hr, -ro, -vi.

The table is a mixture. Letters that are frequent in technical English and in PagerDuty's answers
get the probability seen there, so that ordinary answers are estimated closely. All others get the
probability seen in other languages and in random letters, raised by `CAUTION`, so that an estimate
is not too low for them.
"""

import itertools
import json
import random
import string
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np

DICT, HUNSPELL = "/usr/share/dict", "/usr/share/hunspell"
LANGUAGES = {
    **{name: (f"{DICT}/{name}", "utf-8") for name in (
        "polish", "ngerman", "dutch", "swedish", "italian", "spanish", "portuguese", "french")},
    **{name: (f"{HUNSPELL}/{name}.dic", "utf-8") for name in (
        "hu_HU", "tr_TR", "id_ID", "hr_HR", "ro_RO", "vi_VN")},
    "cs_CZ": (f"{HUNSPELL}/cs_CZ.dic", "iso-8859-2"),
}  # fmt: skip
ENGLISH = f"{DICT}/american-english"
WORDS = 20_000

# The weight of other languages relative to English, the factor on their cuts, and the weight of
# PagerDuty's answers.
OTHERS, CAUTION, ANSWERS = 0.4, 1.4, 60
# The probability of a cut between letters that do not occur together in the samples.
UNSEEN = 0.6


def ascii_letters(word: str) -> str:
    """Return the word without diacritics."""
    replaced = word.translate(str.maketrans("łøæıđß", "loaids"))
    return "".join(c for c in unicodedata.normalize("NFD", replaced) if c in string.ascii_letters)


def words(path: str, encoding: str = "utf-8") -> list[str]:
    """Return lines of ten words each, drawn from a word list."""
    with open(path, encoding=encoding, errors="ignore") as file:
        # Some lists have millions of forms of the same words, in order.
        step = 200 if path.endswith("polish") else 1
        found = [line.split("/")[0].strip() for line in itertools.islice(file, 0, None, step)]
    drawn = random.sample(found, min(WORDS, len(found)))
    kept = [word for word in map(ascii_letters, drawn) if 1 <= len(word) <= 25]
    return [" ".join(kept[at : at + 10]) for at in range(0, len(kept), 10)]


def drawn(pieces: list[str], shortest: int, longest: int, lines: int) -> list[str]:
    """Return lines of ten random words each."""

    def word() -> str:
        return "".join(random.choice(pieces) for _ in range(random.randint(shortest, longest)))

    return [" ".join(word() for _ in range(10)) for _ in range(lines)]


def technical_english() -> list[str]:
    """Return lines of the READMEs of crates and of our documentation."""
    paths = [
        *Path.home().glob(".cargo/registry/src/*/*/README.md"),
        *Path("../../docs").glob("*.md"),
    ]
    lines = [line.strip() for path in paths for line in path.read_text().splitlines()]
    lines = [line for line in lines if len(line) > 30]
    return random.sample(lines, min(15_000, len(lines)))


def letter(byte: int) -> int:
    """Return 1 to 26 for a letter, and 0 for anything else."""
    return (byte | 32) - 96 if 97 <= (byte | 32) <= 122 and byte < 128 else 0


def count(lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Count each sequence of three letters, and how often a token ends before the last one."""
    run = subprocess.run(
        ["target/release/token-tables", "cuts"],
        input="\n".join(lines),
        text=True,
        capture_output=True,
        check=True,
    )
    seen, cut = np.zeros((27, 27, 27)), np.zeros((27, 27, 27))
    for line, lengths in zip(lines, run.stdout.splitlines(), strict=True):
        ends = set(itertools.accumulate(map(int, lengths.split())))
        before = last = 0
        for at, byte in enumerate(line.encode()):
            this = letter(byte)
            if this and last and byte >= 97:
                seen[before, last, this] += 1
                cut[before, last, this] += at in ends
            before, last = last, this
    return seen, cut


def main(answers: str, target: str) -> None:
    """Write the table."""
    random.seed(1)
    low = string.ascii_lowercase
    syllables = [a + b for a in "bcdfghjklmnpqrstvwxz" for b in "aeiouy"]
    others = [line for path, encoding in LANGUAGES.values() for line in words(path, encoding)]
    others += drawn(list(low), 1, 10, 2_000) + drawn(syllables, 1, 5, 2_000)
    others += drawn(list(string.ascii_letters), 1, 12, 1_000)
    others += drawn(list(low + string.digits), 5, 20, 600)
    parsed = [json.loads(path.read_text()) for path in sorted(Path(answers).glob("*.json"))]
    ours = [json.dumps(answer, separators=(",", ":"), ensure_ascii=False) for answer in parsed]

    seen, cut = np.zeros((27, 27, 27)), np.zeros((27, 27, 27))
    for lines, weight in ((technical_english(), 1.0), (words(ENGLISH), 0.3), (ours, ANSWERS)):
        more, more_cut = count(lines)
        seen, cut = seen + weight * more, cut + weight * more_cut
    other_seen, other_cut = count(others)
    other = (other_cut + 2 * UNSEEN) / (other_seen + 2)
    others_cut = OTHERS * CAUTION * other_seen * other
    mixed = (cut + others_cut + 0.5 * other) / (seen + OTHERS * other_seen + 0.5)
    table = np.clip(np.round(100 * mixed), 0, 100).astype(np.uint8)
    # A word's first letter, and anything that is not a letter, is counted elsewhere.
    table[:, 0, :] = 0
    table[:, :, 0] = 0
    table.tofile(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
