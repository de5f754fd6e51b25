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
