-- Every error that a user can see has a code of the registry, docs/error-codes.md, and every domain raises it with the one
-- function here.

create or replace function core.raise_error(code text, message text, hint text default null, detail text default null)
returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = raise_error.code,
    message = raise_error.message,
    hint = coalesce(raise_error.hint, ''),
    detail = coalesce(raise_error.detail, '');
end
$$;
comment on function core.raise_error is
  'Raises an error of the registry (docs/error-codes.md): message is shown to users, hint is their next step, detail is internal.';
grant execute on function core.raise_error to rowhouse_platform, rowhouse_worker;

-- The first letter is one that SQLSTATE leaves to applications; kind 9 is a broken invariant and stays inside. The server
-- has the same pattern in server/errors.ts, and a test compares the two.
create or replace function core.is_public_error(code text) returns boolean
language sql immutable parallel safe
return code ~ '^[I-OQ-WYZ][A-Z][1-6][0-9]{2}$';
comment on function core.is_public_error is 'Whether an SQLSTATE is an error of the registry that may be shown to users.';
grant execute on function core.is_public_error to rowhouse_platform;
