#!/usr/bin/env bash
# Runs the client's tests against a real daemon, and checks that the generated files are up to date. Leaves nothing behind in
# the tree. $AFT_BIN names the `aft` to use, else this repository's debug build. Exit 0: all passed.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1
python3 generate.py --check
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
timeout 300 python3 -m unittest "$@" 2>&1 | tee "$log" || status=1
ran=$(sed -n 's/^Ran \([0-9]*\) tests\{0,1\} in .*/\1/p' "$log")
failed=$(sed -n 's/^FAILED (\(.*\))$/\1/p' "$log" | tr -c '0-9\n' '\n' | awk '{ sum += $1 } END { print sum + 0 }')
if [ -z "$ran" ] || [ "$ran" -eq 0 ]; then
  echo "*** NOTHING WAS TESTED ***"
  exit 2
fi
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
passed=$((ran > failed ? ran - failed : 0))
echo "$passed passed, $failed failed"
exit "$status"
