#!/bin/sh
# Runs one of our programs on the Node this project pins, after installing what is missing: every command is one command.
set -eu
sh scripts/install.sh
exec node_modules/.bin/node "$@"
