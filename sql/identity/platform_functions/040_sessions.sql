-- Sessions end by silence, those of all tenants in one go.

create or replace function app_private.end_idle_sessions() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  update app_public.user_sessions s set session_end = s.last_activity_at
   where s.session_end is null and s.last_activity_at <= app_hidden.clock() - interval '30 minutes';
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function app_private.end_idle_sessions() is
  'Ends the sessions that have been silent for 30 minutes, at the time they were last heard of; returns how many.';
grant execute on function app_private.end_idle_sessions() to rowhouse_worker;
