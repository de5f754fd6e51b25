#!/bin/sh
# Restores a dump (pg_dump -Fc) as an administrator who is no superuser, into a database that is empty but for pgvector.
# PostgreSQL gives such a login's function to another role only where that role may create in the schema. So the schemas come
# first, the roles that own functions may create in them, and npm run migrate takes that right back.
#
#   scripts/restore-as-administrator.sh house.dump postgres://admin@…/rowhouse
set -eu
[ $# = 2 ] || { sed -n '2,6p' "$0"; exit 2; }
dump=$1 url=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pg_restore -l "$dump" >"$work/all"
grep -E '^[0-9]+; [0-9]+ [0-9]+ SCHEMA - ' "$work/all" >"$work/schemas"
# who may not own an extension may not comment on it either
grep -vE '^[0-9]+; [0-9]+ [0-9]+ (SCHEMA - |COMMENT - EXTENSION )' "$work/all" >"$work/rest"

pg_restore --exit-on-error -L "$work/schemas" -d "$url" "$dump"
psql -X -q -At -v ON_ERROR_STOP=1 "$url" <<'SQL'
select format('grant create on schema %s to rowhouse_platform, rowhouse_queue, rowhouse_own_rows, rowhouse_shared_rows, rowhouse_analytics, rowhouse_reporter', oid::regnamespace)
  from pg_namespace where nspowner = 'rowhouse_owner'::regrole \gexec
SQL
pg_restore --exit-on-error -L "$work/rest" -d "$url" "$dump"
echo 'Restored. Now: npm run migrate, then npm run doctor.'
