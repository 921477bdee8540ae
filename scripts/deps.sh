#!/usr/bin/env bash
# Installs the programs that tests start, where they are missing.
#
#   scripts/deps.sh redis nginx
#
# Debian and its relatives only; elsewhere it says what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

# Daemons live in sbin, which is not in everybody's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# What a need consists of: pairs of a command and the packages that bring it.
commands_of() {
  case $1 in
    cc) echo cc:gcc,libc6-dev ;; # go test -race links through cgo
    redis) echo redis-server:redis-server redis-sentinel:redis-sentinel ;;
    chromium) echo chromium:chromium ;;
    nginx) echo nginx:nginx ;;
    haproxy) echo haproxy:haproxy ;;
    shellcheck) echo shellcheck:shellcheck ;;
    *)
      echo "deps.sh: no need is called $1 (cc, redis, chromium, nginx, haproxy, shellcheck)" >&2
      return 2
      ;;
  esac
}

# Commands and packages that are missing for the needs in "$@".
find_missing() {
  local need pairs pair
  commands=() packages=()
  for need in "$@"; do
    pairs=$(commands_of "$need")
    for pair in $pairs; do
      command -v "${pair%%:*}" >/dev/null && continue
      commands+=("${pair%%:*}")
      IFS=, read -ra names <<<"${pair#*:}"
      packages+=("${names[@]}")
    done
  done
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# Packages of daemons start them; the tests start their own on free ports.
# policy-rc.d is Debian's switch for that, unless the machine has its own.
hold_services() {
  local policy=/usr/sbin/policy-rc.d
  [[ -e $policy ]] && return
  # shellcheck disable=SC2064 # the value of now
  trap "as_root rm -f $policy" EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
}

install() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  echo "deps.sh: installing ${packages[*]}"
  mkdir -p .cache
  exec 9>.cache/deps.lock
  flock 9 # apt-get update does not wait for another one
  hold_services
  as_root "${apt[@]}" update
  as_root "${apt[@]}" install --no-install-recommends "${packages[@]}" </dev/null
}

find_missing "$@"
((${#commands[@]} == 0)) && exit 0

if ! command -v apt-get >/dev/null; then
  echo "deps.sh: please install what has these commands: ${commands[*]}" >&2
  exit 1
fi
if ((EUID != 0)) && ! command -v sudo >/dev/null; then
  echo "deps.sh: please install as root: apt-get install ${packages[*]}" >&2
  exit 1
fi
install
find_missing "$@"
if ((${#commands[@]} > 0)); then
  echo "deps.sh: still missing after the installation: ${commands[*]}" >&2
  exit 1
fi
