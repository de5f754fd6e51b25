-- What the catalogue shows of an agent (how often it was called, how fast, how well) is kept from its totals by the run
-- that counts them.

create or replace function app_private.refresh_agent_statistics(agent_ids uuid[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.agents a
     set usage_count = u.call_count, error_count = u.error_count,
         avg_response_time_ms = round(u.duration_ms::numeric / nullif(u.timed_count, 0)),
         success_rate = round(100.0 * u.success_count / nullif(u.success_count + u.error_count, 0), 2),
         last_success_at = u.last_success_at, last_error_at = u.last_error_at
    from app_private.usage_agents u
   where u.tenant_id = app_hidden.current_tenant_id() and u.agent_id = any (refresh_agent_statistics.agent_ids)
     and a.tenant_id = u.tenant_id and a.id = u.agent_id;
end
$$;
comment on function app_private.refresh_agent_statistics(uuid[]) is
  'Copies the totals of these agents of the tenant to usage_count, error_count, success_rate (percent), avg_response_time_ms, last_success_at and last_error_at.';
