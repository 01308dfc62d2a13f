"""The clients of `clients.toml`, and how each is started."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from environments import Environment, Pins, node_environment, node_path, python_environment

HERE = Path(__file__).parent
PROMPT = "Look after the incidents."


@dataclass(frozen=True)
class Start:
    """The command and the environment of a client."""

    command: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Client:
    """One entry of `clients.toml`; README.md explains the keys."""

    name: str
    packages: list[str] = field(default_factory=list)
    node_packages: list[str] = field(default_factory=list)
    driver: str = ""
    strict: bool = False
    shows_both: bool = False
    withholds_errors: bool = False
    withholds_descriptions: bool = False
    gives_up_after: int | None = None
    own_timeout: int | None = None
    search: dict | None = None
    command: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """Returns the name and the version of the package that is tested."""
        if self.packages:
            name, _, version = self.packages[0].partition("==")
            return f"{name.partition('[')[0]} {version}"
        return " ".join(self.node_packages[0].rsplit("@", 1))

    def installed(self, pins: Pins) -> Environment:
        """Returns the client's environment, and makes it first if it is not there."""
        if self.packages:
            return python_environment(self.name, self.packages, pins)
        return node_environment(self.name, self.node_packages, pins)

    def start(self, pins: Pins, home: Path, server: Path, model: str, strict: bool) -> Start:
        """Returns how to start the client; `home` is its home and its working folder."""
        words = {"server": str(server), "model": model, "home": str(home), "prompt": PROMPT}
        for name, text in self.files.items():
            file = home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(filled(text, words))
        temporary = home / "tmp"
        temporary.mkdir()
        environment = {
            "PATH": node_path(pins),
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(HERE / "setting"),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "OPENAI_API_KEY": "none",
            "OPENAI_BASE_URL": f"{model}/v1",
            "CLIENT_SERVER": str(server),
            "CLIENT_MODEL_URL": model,
            "CLIENT_STRICT": "1" if strict else "0",
            **{name: filled(text, words) for name, text in self.environment.items()},
        }
        return Start([filled(word, words) for word in self._command(pins)], environment)

    def _command(self, pins: Pins) -> list[str]:
        installed = self.installed(pins)
        if self.command:
            program, *arguments = self.command
            return [str(installed.node_modules / ".bin" / program), *arguments]
        driver = self.driver or self.name
        if self.packages:
            # Without the driver's folder on the path (-P): some are named like what they import.
            return [str(installed.python), "-P", str(HERE / "frameworks" / f"{driver}.py")]
        # Node looks for packages beside the file.
        for file in ("setting/setting.mjs", f"frameworks/{driver}.mjs"):
            shutil.copy(HERE / file, installed.folder)
        return ["node", str(installed.folder / f"{driver}.mjs")]


def filled(text: str, words: dict[str, str]) -> str:
    """Returns the text with its `<word>`s replaced."""
    for name, value in words.items():
        text = text.replace(f"<{name}>", value)
    return text


def read() -> tuple[Pins, list[Client]]:
    """Returns what all environments share, and the clients in the order of the table."""
    table = tomllib.loads((HERE / "clients.toml").read_text())
    pins = Pins(table.pop("as_of"), table.pop("python"), table.pop("node"))
    return pins, [Client(name, **keys) for name, keys in table.items()]
