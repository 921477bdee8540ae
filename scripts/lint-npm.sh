#!/usr/bin/env bash
# A lock file that names the registry its author happened to use cannot be
# installed elsewhere. npm leaves the name out when the .npmrc beside the
# package.json says so, and looks at no .npmrc further up.
set -euo pipefail
cd "$(dirname "$0")/.."

setting=omit-lockfile-registry-resolved=true
failed=0
while read -r lock; do
  npmrc=$(dirname "$lock")/.npmrc
  if ! grep -qsx "$setting" "$npmrc"; then
    echo "$npmrc: must say $setting" >&2
    failed=1
  fi
  if grep -n '"resolved": *"http' "$lock" >&2; then
    echo "$lock: names a registry; delete these lines and run npm install" >&2
    failed=1
  fi
done < <(find . -name node_modules -prune -o -name package-lock.json -print)
exit "$failed"
