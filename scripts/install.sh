#!/bin/sh
# Installs the dependencies when they are missing or older than the lock file, so that every command is one command.
# They hold the Node that our programs run on; the system's need only be able to install them.
set -eu
oldest=20
version=$(node --version 2>/dev/null || echo none)
major=${version#v}
major=${major%%.*}
case $major in *[!0-9]*) major=0 ;; esac
if [ "$major" -lt "$oldest" ]; then
  echo "Rowhouse needs Node $oldest or newer, and npm finds $version. Install it from https://nodejs.org, then try again." >&2
  exit 1
fi
installed=node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ] || [ ! -x node_modules/.bin/node ]; then
  echo 'Installing dependencies …'
  npm ci --no-audit --no-fund --loglevel=error
  touch "$installed"
fi
