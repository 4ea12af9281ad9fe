#!/usr/bin/env bash
# Runs the plugin's tests in headless Neovim against a real daemon in temporary directories.
# $AFT_BIN names the `aft` to use, else this repository's debug build. Exit 0: all passed; 1: some failed;
# 2: Neovim or aft is missing, so that NOTHING was tested.
set -euo pipefail
plugin=$(cd "$(dirname "$0")/.." && pwd)
repository=$(cd "$plugin/../.." && pwd)

missing() {
  printf '\n*** NOTHING WAS TESTED: %s ***\n0 passed, 1 failed\n' "$1" >&2
  exit 2
}
nvim=${NVIM:-nvim}
command -v "$nvim" >/dev/null || missing "Neovim is not there (Debian: apt-get install neovim)"
aft=${AFT_BIN:-$repository/target/debug/aft}
[ -x "$aft" ] || missing "$aft is not there (cargo build -p aft-cli, or set AFT_BIN)"

base=$(mktemp -d "${TMPDIR:-/tmp}/aft-nvim-XXXXXX")
export HOME=$base AFT_HOME=$base/store AFT_RUNTIME_DIR=$base/run AFT_CONFIG=$base/config.toml NO_COLOR=1
export XDG_DATA_HOME=$base/data XDG_STATE_HOME=$base/state XDG_CONFIG_HOME=$base/config XDG_CACHE_HOME=$base/cache
# A copy, so that a build in the middle of a test does not pull the binary away.
ln "$aft" "$base/aft" 2>/dev/null || cp "$aft" "$base/aft"
trap '"$base/aft" daemon stop >/dev/null 2>&1 || true; rm -rf "$base"' EXIT
mkdir "$base/work"
export AFT=$base/aft AFT_WORK=$base/work AFT_PLUGIN=$plugin

# Tags of the help file: a doubled one is an error.
mkdir "$base/doc"
cp "$plugin/doc/afterimage.txt" "$base/doc/"
"$nvim" --headless -u NONE -i NONE "+helptags $base/doc" +qa || missing "Neovim does not start"
[ -s "$base/doc/tags" ] || { echo "FAILED: no help tags"; exit 1; }

status=0
for spec in "$plugin"/tests/*_spec.lua; do
  echo "== $(basename "$spec")"
  # The timeout is for a test that hangs in a prompt.
  timeout 120 "$nvim" --headless -u NONE -i NONE -n --cmd "set runtimepath^=$plugin" \
    --cmd "luafile $plugin/tests/harness.lua" -c "luafile $spec" -c "lua Test.run()" || status=1
  echo
done
exit $status
