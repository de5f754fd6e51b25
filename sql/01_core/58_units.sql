-- Units that several domains convert by.

create or replace function core.bytes_per_gb() returns numeric
language sql immutable
set search_path to pg_catalog, pg_temp
return 1073741824;
comment on function core.bytes_per_gb is
  'The bytes of a GB, 1,073,741,824, as limits are sold and sizes are shown.';
grant execute on function core.bytes_per_gb to rowhouse_user, rowhouse_platform;
