#!/usr/bin/env bash
# PostgreSQL 15 with pgvector on Debian 12, for development and CI. Debian 12 has no pgvector, so it is built from the
# source package of Debian 13, fetched through a private apt list and state: the system's own sources stay as they are.
#
#   scripts/postgres-debian.sh                     install what is missing (as root)
#   scripts/postgres-debian.sh --start DIR [PORT]  start a throw-away server in DIR and print its TEST_DATABASE_URL
#   scripts/postgres-debian.sh --stop DIR          stop it and remove DIR
set -euo pipefail

bin=/usr/lib/postgresql/15/bin
extensions=/usr/share/postgresql/15/extension

has_pgvector() { grep -qE "^default_version = '(0\.([89]|[1-9][0-9])|[1-9])" "$extensions/vector.control" 2>/dev/null; }

install() {
  export DEBIAN_FRONTEND=noninteractive
  if [ ! -x "$bin/postgres" ] || [ ! -e "$extensions/plpgsql_check.control" ]; then
    apt-get update -qq
    # without this the package would start a cluster of its own
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold postgresql-15 postgresql-15-plpgsql-check \
      </dev/null >/dev/null
  fi
  has_pgvector && return

  apt-get install -y -qq --no-install-recommends postgresql-server-dev-15 build-essential dpkg-dev >/dev/null ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql-server-dev-15 build-essential dpkg-dev >/dev/null; }

  local work mirror
  work=$(mktemp -d)
  # shellcheck disable=SC2064  # the path of now is meant
  trap "rm -rf '$work'" EXIT
  mirror=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' -r /etc/apt/sources.list /etc/apt/sources.list.d/ 2>/dev/null |
    head -n 1 | tr -d ' ' || true)
  [ -n "$mirror" ] || { echo 'No Debian mirror found in /etc/apt.' >&2; exit 1; }
  mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/parts"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/sources.list"
  local options=(-o "Dir::Etc::SourceList=$work/sources.list" -o "Dir::Etc::SourceParts=$work/parts"
    -o "Dir::State=$work/state" -o "Dir::State::status=/var/lib/dpkg/status" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update -qq
  (cd "$work" && apt-get "${options[@]}" source -qq pgvector >/dev/null)
  # OPTFLAGS: no instructions of this very machine, so that the result may be cached and moved
  make -C "$work"/pgvector-*/ -s OPTFLAGS="" PG_CONFIG="$bin/pg_config" install >/dev/null
  has_pgvector || { echo 'pgvector was built, but is not there.' >&2; exit 1; }
}

# initdb and the server refuse to run as root
as_postgres() { if [ "$(id -u)" = 0 ]; then setpriv --reuid postgres --regid postgres --init-groups "$@"; else "$@"; fi; }

start() {
  local dir=$1 port=${2:-54329}
  mkdir -p "$dir"
  [ "$(id -u)" != 0 ] || chown postgres:postgres "$dir"
  if [ ! -e "$dir/data/PG_VERSION" ]; then
    as_postgres "$bin/initdb" -D "$dir/data" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 ||
      { cat "$dir/initdb.log" >&2; exit 1; }
    # a quarter of the memory, as PostgreSQL's documentation advises, and no more than a laptop can spare
    local shared_buffers=$(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) / 4096))
    [ "$shared_buffers" -le 1024 ] || shared_buffers=1024
    # durability is not what tests test
    cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$dir'
max_connections = 200
shared_buffers = ${shared_buffers}MB
work_mem = 16MB
fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 2GB
CONF
  fi
  if as_postgres "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; then
    # the fourth line is the port it was started with
    echo "TEST_DATABASE_URL=postgres://postgres@127.0.0.1:$(sed -n 4p "$dir/data/postmaster.pid")/postgres"
    return
  fi
  as_postgres "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -s start </dev/null >/dev/null 2>&1 ||
    { tail -n 20 "$dir/server.log" >&2; exit 1; }
  echo "TEST_DATABASE_URL=postgres://postgres@127.0.0.1:$port/postgres"
}

case "${1:-install}" in
  install) install ;;
  --start) start "${2:?a directory}" "${3:-}" ;;
  --stop) as_postgres "$bin/pg_ctl" -D "${2:?a directory}/data" -m immediate -w -s stop && rm -rf "$2" ;;
  *) sed -n '2,8p' "$0"; exit 2 ;;
esac
