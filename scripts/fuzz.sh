#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME (default 3s) each.
#
#   FUZZTIME=5m scripts/fuzz.sh [package pattern]
#
# Each package is compiled once, instrumented, and asked for its targets. With
# GUIDED=no it is not instrumented: its inputs come from the corpus and chance, not
# from what code they reach, and half of a short run is not spent on the compiler.
# Inputs worth keeping collect in .cache/fuzz; one that fails is written to
# the package's testdata/fuzz, from where go test replays it for ever.
#
# Making an interesting input smaller is cut short: by default it may take a
# minute each, and a short run does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

fuzztime=${FUZZTIME:-3s}
instrument=-fuzz=Fuzz
[[ ${GUIDED:-yes} == yes ]] || instrument=
cache=$PWD/.cache/fuzz
binaries=$(mktemp -d)
trap 'rm -rf "$binaries"' EXIT

# Import path and directory of the packages whose test files, as this
# platform sees them, declare a target.
packages_with_targets() {
  local dir path files
  go list -f '{{.Dir}} {{.ImportPath}} {{join .TestGoFiles " "}} {{join .XTestGoFiles " "}}' "$@" |
    while read -r dir path files; do
      # shellcheck disable=SC2086 # a list of names without spaces
      if [[ -n $files ]] && (cd "$dir" && grep -qE '^func Fuzz' $files); then
        echo "$path $dir"
      fi
    done
}

# Go sometimes reports the end of the time itself as the failure. One of an input
# names the file that it is written to, and a hang says so.
only_time_was_over() {
  [[ $(grep -A1 '^--- FAIL' "$1" | tail -n +2) == '    context deadline exceeded' ]] && ! grep -q 'Failing input' "$1"
}

packages=$(packages_with_targets "${1:-./...}")
targets=0
while read -r path dir; do
  [[ -n $path ]] || continue
  go test -c ${instrument:+"$instrument"} -vet=off -ldflags='-s -w' -o "$binaries/fuzz.test" "$path"
  names=$("$binaries/fuzz.test" -test.list '^Fuzz')
  for name in $names; do
    echo "=== FUZZ  $path $name $fuzztime"
    (cd "$dir" && "$binaries/fuzz.test" -test.run='^$' -test.fuzz="^$name\$" \
      -test.fuzztime="$fuzztime" -test.fuzzminimizetime=100x -test.fuzzcachedir="$cache/$path" </dev/null) 2>&1 |
      tee "$binaries/log" || only_time_was_over "$binaries/log"
    targets=$((targets + 1))
  done
done <<<"$packages"

if ((targets == 0)); then
  echo "fuzz.sh: no fuzz target in ${1:-./...}" >&2
  exit 1
fi
echo "ok  $targets fuzz targets, $fuzztime each"
