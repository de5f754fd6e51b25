-- The roll-ups against the events they were made of.

create or replace function app_public.verify_rollups(from_on date default null, to_on date default null)
returns table (rollup text, key jsonb, expected jsonb, stored jsonb)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_timezone text;
  v_from_at timestamptz;
  v_to_at timestamptz;
  -- when a row was written is no part of what was counted
  v_times constant text[] := '{created_at,updated_at}';
  v_day constant text[] := '{tenant_id,used_on,usage_type,user_id,agent_id,api_key_id,project_id,model_id,feature_name}';
  v_minute constant text[] := '{tenant_id,minute,user_id,agent_id,api_key_id}';
  v_agent constant text[] := '{tenant_id,agent_id}';
  v_user_agent constant text[] := '{tenant_id,user_id,agent_id}';
  v_conversation constant text[] := '{tenant_id,user_id,agent_id,conversation_id}';
  v_is_whole constant boolean := verify_rollups.from_on is null and verify_rollups.to_on is null;
begin
  perform app_private.require_permission('can_view_analytics');
  -- the zone in which the days were counted; when the tenant moves, the next run counts them anew
  select coalesce(s.timezone, t.timezone) into v_timezone
    from app_public.tenants t left join app_private.usage_rollup_state s on s.tenant_id = t.id
   where t.id = v_tenant_id;
  v_from_at := coalesce(verify_rollups.from_on::timestamp at time zone v_timezone, '-infinity');
  v_to_at := coalesce(verify_rollups.to_on::timestamp at time zone v_timezone, 'infinity');

  return query
    with expected as (
      select 'usage_days' as name, v_day as keys, to_jsonb(e) - v_times as row
        from app_private.usage_by_day(null, v_from_at, v_to_at, v_timezone) e
      union all
      select 'usage_minutes', v_minute, to_jsonb(e) - v_times from app_private.usage_by_minute(null, v_from_at, v_to_at) e
      union all
      select 'usage_agents', v_agent, to_jsonb(e) from app_private.agent_totals_of_days() e
      union all
      select 'usage_user_agents', v_user_agent, to_jsonb(e) from app_private.user_agent_totals_of_days() e
      union all
      select 'usage_conversations', v_conversation, to_jsonb(e) from app_private.counted_conversations() e where v_is_whole
    ), found as (
      select 'usage_days' as name, v_day as keys, to_jsonb(d) - v_times as row
        from app_private.usage_days d
       where d.tenant_id = v_tenant_id
         and d.used_on >= coalesce(verify_rollups.from_on, '-infinity') and d.used_on < coalesce(verify_rollups.to_on, 'infinity')
      union all
      select 'usage_minutes', v_minute, to_jsonb(m) - v_times
        from app_private.usage_minutes m
       where m.tenant_id = v_tenant_id and m.minute >= v_from_at and m.minute < v_to_at
      union all
      select 'usage_agents', v_agent, to_jsonb(a) from app_private.usage_agents a where a.tenant_id = v_tenant_id
      union all
      -- without a call it is the mark of somebody who listed the agent before they used it
      select 'usage_user_agents', v_user_agent, to_jsonb(u)
        from app_private.usage_user_agents u where u.tenant_id = v_tenant_id and u.call_count > 0
      union all
      select 'usage_conversations', v_conversation, to_jsonb(c)
        from app_private.usage_conversations c where v_is_whole and c.tenant_id = v_tenant_id
    )
    select name, key, e.values, f.values
      from (select name, app_private.only_keys(row, keys) as key, row - keys as values from expected) e
      full join (select name, app_private.only_keys(row, keys) as key, row - keys as values from found) f using (name, key)
     where e.values is distinct from f.values
     order by name, key;
end
$$;
comment on function app_public.verify_rollups(date, date) is
  'Compares what was rolled up with the events it was made of, day by day (the last one excluded; all days when left out): a row for each difference, normally none. Events that the next run will count are left out on both sides. Reads all events of these days; conversations, which have no day, are compared when all days are. For those with can_view_analytics. ID203: you have it not.';
grant execute on function app_public.verify_rollups(date, date) to rowhouse_user;

create or replace function app_private.only_keys(value jsonb, keys text[]) returns jsonb
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_object_agg(key, value -> key) from unnest(keys) as key;
$$;
comment on function app_private.only_keys(jsonb, text[]) is 'The object with these keys and no others.';
