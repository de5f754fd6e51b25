#!/bin/sh
# Installs the dependencies when they are missing or older than the lock file, so that every command is one command.
set -eu
installed=node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ] || [ ! -x node_modules/.bin/node ]; then
  echo 'Installing dependencies …'
  npm ci --no-audit --no-fund --loglevel=error
  touch "$installed"
fi
