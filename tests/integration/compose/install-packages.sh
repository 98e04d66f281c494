#!/usr/bin/env bash
# Installs what the test of docker-compose.yml needs beside `make setup`; does nothing where it is there already.
set -euo pipefail

# Program and Debian's package that has it. dockerd runs iptables and docker-init, which its package brings.
programs=(
  dockerd=docker.io
  docker=docker.io
  docker-compose=docker-compose
  ip=iproute2
  mmdebstrap=mmdebstrap
)

if [ "$(id -u)" -ne 0 ]; then
  echo "the test of docker-compose.yml runs a Docker engine of its own, which only root can" >&2
  exit 1
fi

missing=()
for entry in "${programs[@]}"; do
  command -v "${entry%%=*}" >/dev/null || missing+=("${entry#*=}")
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

if ! command -v apt-get >/dev/null; then
  echo "missing: ${missing[*]}; they are Debian packages, and there is no apt-get here to install them" >&2
  exit 1
fi

# Debian starts a service when its package is installed. The engine of the system is not wanted here.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends "${missing[@]}"
