#!/usr/bin/env bash
# PostgreSQL with pgvector on Debian 12, for development and CI; installing needs root.
#
#   scripts/postgres-debian.sh [15|17]                     install what is missing
#   scripts/postgres-debian.sh [15|17] --start DIR [PORT]  start a throw-away server in DIR and print its TEST_DATABASE_URL
#   scripts/postgres-debian.sh [15|17] --stop DIR          stop it and remove DIR
#   scripts/postgres-debian.sh [15|17] --run PROGRAM …     run a program of this version, such as pg_dump
#
# 15, which is meant when no version is named, is Debian 12's own. Debian 12 has no pgvector, so it is built from the source
# package of Debian 13, fetched through a private apt list and state: the system's own sources stay as they are.
# 17 is Debian 13's, whose programs do not run on Debian 12. They live in a Debian 13 of their own, which debootstrap makes
# once in ROWHOUSE_DEBIAN_13 (/var/cache/rowhouse/debian-13), and run there by chroot; so root starts that server, too, and
# DIR is a folder in there.
set -euo pipefail

version=15
case "${1:-}" in 15 | 17) version=$1 && shift ;; esac
# where the version's files are; 15's are the system's own
root=
[ "$version" = 15 ] || root=${ROWHOUSE_DEBIAN_13:-/var/cache/rowhouse/debian-13}
bin=/usr/lib/postgresql/$version/bin
extensions=/usr/share/postgresql/$version/extension
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() { echo "$*" >&2; exit 1; }

has_pgvector() { grep -qE "^default_version = '(0\.([89]|[1-9][0-9])|[1-9])" "${1:-}$extensions/vector.control" 2>/dev/null; }

mirror() {
  local found
  # grep complains of a file that is not there even when it finds something in another one
  found=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' -r /etc/apt/sources.list /etc/apt/sources.list.d/ 2>/dev/null | sed -n '1s/ *$//p') || true
  [ -n "$found" ] || fail 'No Debian mirror found in /etc/apt.'
  echo "$found"
}

# a list of packages that is missing or old is read anew
apt_install() {
  local command=(apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold "$@")
  "${command[@]}" </dev/null >/dev/null 2>&1 || { apt-get update -qq && "${command[@]}" </dev/null >/dev/null; }
}

install_15() {
  if [ ! -x "$bin/postgres" ] || [ ! -e "$extensions/plpgsql_check.control" ]; then
    # without this the package would start a cluster of its own
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    apt_install postgresql-15 postgresql-15-plpgsql-check
  fi
  has_pgvector || build_pgvector
  has_pgvector || fail 'pgvector was built, but is not there.'
}

build_pgvector() {
  apt_install postgresql-server-dev-15 build-essential dpkg-dev
  local work from
  from=$(mirror)
  work=$(mktemp -d)
  # shellcheck disable=SC2064  # the path of now is meant
  trap "rm -rf '$work'" EXIT
  mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/parts"
  echo "deb-src [signed-by=$keyring] $from trixie main" >"$work/sources.list"
  local options=(-o "Dir::Etc::SourceList=$work/sources.list" -o "Dir::Etc::SourceParts=$work/parts"
    -o "Dir::State=$work/state" -o "Dir::State::status=/var/lib/dpkg/status" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update -qq
  (cd "$work" && apt-get "${options[@]}" source -qq pgvector >/dev/null)
  # OPTFLAGS: no instructions of this very machine, so that the result may be cached and moved
  make -C "$work"/pgvector-*/ -s OPTFLAGS="" PG_CONFIG="$bin/pg_config" install >/dev/null
}

install_17() {
  [ ! -x "$root$bin/postgres" ] || ! has_pgvector "$root" || return 0
  [ "$(id -u)" = 0 ] || fail 'Only root can make a Debian 13 for PostgreSQL 17.'
  command -v debootstrap >/dev/null || apt_install debootstrap
  [ -e "$keyring" ] || apt_install debian-archive-keyring
  # debootstrap fetches by wget, which does not know of apt's proxy
  local http_proxy=${http_proxy:-} work from
  from=$(mirror)
  eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
  [ -z "$http_proxy" ] || export http_proxy
  mkdir -p "$(dirname "$root")"
  # what was broken off is not taken for whole: it gets its name at the end
  work=$(mktemp -d "$root.XXXXXX")
  # shellcheck disable=SC2064  # the path of now is meant
  trap "rm -rf '$work' '$work.log'" EXIT
  debootstrap --variant=minbase --keyring="$keyring" \
    --include=postgresql-17,postgresql-17-pgvector,postgresql-17-plpgsql-check trixie "$work" "$from" >"$work.log" 2>&1 ||
    { tail -n 5 "$work.log" "$work/debootstrap/debootstrap.log" >&2 || true; fail 'Debian 13 could not be made by debootstrap: see above.'; }
  chroot "$work" apt-get clean
  # others than root pass through it to the folders that tests make
  chmod 755 "$work"
  rm -rf "$root"
  mv -T "$work" "$root"
  has_pgvector "$root" || fail 'Debian 13 has no pgvector of 0.8 or newer for PostgreSQL 17.'
}

# initdb and the server refuse to run as root
as_postgres() {
  if [ -n "$root" ]; then chroot --userspec=postgres:postgres "$root" "$@"
  elif [ "$(id -u)" = 0 ]; then setpriv --reuid postgres --regid postgres --init-groups "$@"
  else "$@"; fi
}

configure() {
  # a quarter of the memory, as PostgreSQL's documentation advises, and no more than a laptop can spare
  local dir=$1 port=$2 shared_buffers=$(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) / 4096))
  [ "$shared_buffers" -le 1024 ] || shared_buffers=1024
  # durability is not what tests test
  cat >>"$root$dir/data/postgresql.conf" <<CONF
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
}

start() {
  local dir port=${2:-54329}
  dir=$(realpath -m "$1")
  [ -x "$root$bin/postgres" ] || fail "PostgreSQL $version is not installed: scripts/postgres-debian.sh $version"
  mkdir -p "$root$dir"
  # the user's number may be another one in there
  [ "$(id -u)" != 0 ] || chroot "${root:-/}" chown postgres:postgres "$dir"
  if [ ! -e "$root$dir/data/PG_VERSION" ]; then
    as_postgres "$bin/initdb" -D "$dir/data" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync \
      >"$root$dir/initdb.log" 2>&1 || { cat "$root$dir/initdb.log" >&2; exit 1; }
    configure "$dir" "$port"
  fi
  if as_postgres "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; then
    # the fourth line is the port it was started with
    port=$(sed -n 4p "$root$dir/data/postmaster.pid")
  else
    as_postgres "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -s start </dev/null >/dev/null 2>&1 ||
      { tail -n 20 "$root$dir/server.log" >&2; exit 1; }
  fi
  echo "TEST_DATABASE_URL=postgres://postgres@127.0.0.1:$port/postgres"
}

stop() {
  local dir
  dir=$(realpath -m "$1")
  as_postgres "$bin/pg_ctl" -D "$dir/data" -m immediate -w -s stop && rm -rf "${root%/}$dir"
}

export DEBIAN_FRONTEND=noninteractive
case "${1:-install}" in
  install) "install_$version" ;;
  --start) start "${2:?a directory}" "${3:-}" ;;
  --stop) stop "${2:?a directory}" ;;
  --run) shift && as_postgres "$bin/${1:?a program}" "${@:2}" ;;
  *) sed -n '2,14p' "$0"; exit 2 ;;
esac
