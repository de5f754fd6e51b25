#!/bin/sh
# Runs one of our programs on the Node this project pins, after installing what is missing: every command is one command.
set -eu
sh scripts/install.sh
if ! node_modules/.bin/node --version >/dev/null 2>&1; then
  echo "The Node in node_modules does not run on this system. Install it anew: rm -rf node_modules, then try again." >&2
  exit 1
fi
# What Node has compiled is kept beside the packages, where nobody can write who cannot write those.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$PWD/node_modules/.cache/node}"
exec node_modules/.bin/node "$@"
