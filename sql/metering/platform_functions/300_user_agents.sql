-- Somebody who lists an agent may have used it before: the new row begins with what was counted.

create or replace function app_private.tg_user_agents__take_statistics() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_total app_private.usage_user_agents;
begin
  -- The totals' row is locked, and made where there is none: a run that counts this pair waits until the new row can be
  -- seen, or has ended before its totals are read here.
  insert into app_private.usage_user_agents as u (tenant_id, user_id, agent_id) values (new.tenant_id, new.user_id, new.agent_id)
  on conflict (tenant_id, user_id, agent_id) do update set call_count = u.call_count
  returning * into v_total;
  new.usage_count := v_total.call_count;
  new.message_count := v_total.call_count;
  new.conversation_count := v_total.conversation_count;
  new.success_count := v_total.success_count;
  new.error_count := v_total.error_count;
  new.first_used_at := v_total.first_at;
  new.last_used_at := v_total.last_at;
  return new;
end
$$;
comment on function app_private.tg_user_agents__take_statistics() is 'Gives a row of user_agents the counts of what its person used the agent for before.';
grant execute on function app_private.tg_user_agents__take_statistics() to rowhouse_owner;
