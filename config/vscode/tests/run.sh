#!/usr/bin/env bash
# Compiles, tests and packages the extension in a copy, so that nothing is left behind in the tree. $AFT_BIN names the `aft`
# to use, else this repository's debug build. Needs Node 20, npm and its registry (or a filled cache).
# Exit 0: all passed; 1: something failed; 2: Node, npm or aft is missing, so that NOTHING was tested.
set -euo pipefail
extension=$(cd "$(dirname "$0")/.." && pwd)
repository=$(cd "$extension/../.." && pwd)

missing() {
  printf '\n*** NOTHING WAS TESTED: %s ***\n0 passed, 1 failed\n' "$1" >&2
  exit 2
}
command -v node >/dev/null || missing "node is not there"
command -v npm >/dev/null || missing "npm is not there"
export AFT_BIN=${AFT_BIN:-$repository/target/debug/aft}
[ -x "$AFT_BIN" ] || missing "$AFT_BIN is not there (cargo build -p aft-cli, or set AFT_BIN)"

copy=$(mktemp -d "${TMPDIR:-/tmp}/aft-vscode-XXXXXX")
trap 'rm -rf "$copy"' EXIT
tar -C "$extension" --exclude=node_modules --exclude=out --exclude='*.vsix' -cf - . | tar -C "$copy" -xf -
cd "$copy"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || missing "npm ci failed"
npx tsc -p .
status=0
node --test --test-reporter=tap --test-concurrency=1 out/test/*.test.js >tap.log 2>&1 || status=1
grep -E '^(ok|not ok) ' tap.log || true
[ "$status" -eq 0 ] || cat tap.log
count() { sed -n "s/^# $1 \([0-9]*\)$/\1/p" tap.log | tail -1; }
npm run --silent package >package.log 2>&1 || { cat package.log; status=1; }
tail -1 package.log
echo "$(count pass) passed, $(count fail) failed"
exit "$status"
