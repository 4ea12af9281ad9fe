#!/usr/bin/env bash
# Tests `aft mcp` with the official clients from their registries (PyPI `mcp`, npm `@modelcontextprotocol/sdk`), against a
# real daemon in temporary directories. $AFT_BIN names the `aft` to use, else this repository's debug build.
# Exit 0: everything that could be tried passed; 1: something failed; 2, loudly: no client could be installed.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
aft=${AFT_BIN:-$here/../../target/debug/aft}
aft=$(realpath "$aft")
work=$(mktemp -d)
export AFT_HOME=$work/home AFT_RUNTIME_DIR=$work/run AFT_CONFIG=$work/config.toml
mkdir -m 700 "$AFT_HOME" "$AFT_RUNTIME_DIR"
mkdir "$work/project"
trap '"$aft" daemon stop >/dev/null 2>&1; rm -rf "$work"' EXIT
(cd "$work/project" && echo hello >greet.py && "$aft" watch --detach) || exit 1

tried=0 failed=0
run() {
  tried=$((tried + 1))
  timeout 120 "$@" || { failed=$((failed + 1)); echo "FAILED: $*"; }
}

python=${MCP_PYTHON:-}
if [ -z "$python" ] && python3 -m venv "$work/py" 2>/dev/null && timeout 300 "$work/py/bin/pip" -q install "mcp>=2.3,<3" 2>/dev/null; then
  python=$work/py/bin/python
fi
if [ -n "$python" ]; then
  run "$python" "$here/client.py" "$aft" "$work/project"
else
  echo "*** the Python client cannot be installed: not tried ***"
fi

packages=${MCP_NODE:-}
if [ -z "$packages" ] && command -v npm >/dev/null; then
  mkdir "$work/js"
  if (cd "$work/js" && timeout 300 npm --silent --no-fund --no-audit install "@modelcontextprotocol/sdk@^1.32" >/dev/null 2>&1); then
    packages=$work/js
  fi
fi
if [ -n "$packages" ]; then
  run node "$here/client.mjs" "$aft" "$work/project" "$packages"
else
  echo "*** the TypeScript client cannot be installed: not tried ***"
fi

[ "$tried" -gt 0 ] || { echo "*** NOTHING WAS TESTED ***"; exit 2; }
echo "$((tried - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
