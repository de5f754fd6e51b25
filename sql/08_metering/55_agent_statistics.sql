-- Statistics of agents: how often an agent was called, how fast and how successfully, for the catalogue and for each person's
-- list of agents. The run that adds calls to the totals also copies the totals to the rows that show them.

call core.secure_tenant_table('metering.usage_agents');
call audit.leave_out('derived from other tables by rules', 'metering.usage_agents');
grant select, delete on metering.usage_agents to rowhouse_platform;
comment on table metering.usage_agents is 'The totals of all calls of each agent.';

call core.secure_tenant_table('metering.usage_user_agents');
call audit.leave_out('derived from other tables by rules', 'metering.usage_user_agents');
grant select, insert, update, delete on metering.usage_user_agents to rowhouse_platform;
comment on table metering.usage_user_agents is 'The totals of all calls of each agent by each person; user_agents shows them.';
comment on column metering.usage_user_agents.user_id is E'@personal pseudonymise\nThe person.';

call core.secure_tenant_table('metering.usage_conversations');
call audit.leave_out('derived from other tables by rules', 'metering.usage_conversations');
grant select, delete on metering.usage_conversations to rowhouse_platform;
comment on table metering.usage_conversations is 'The conversations that usage_user_agents has counted.';
comment on column metering.usage_conversations.user_id is E'@personal pseudonymise\nThe person.';

create or replace function metering.refresh_agent_statistics(agent_ids uuid[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.agents a
     set usage_count = u.call_count, error_count = u.error_count,
         avg_response_time_ms = round(u.duration_ms::numeric / nullif(u.timed_count, 0)),
         success_rate = round(100.0 * u.success_count / nullif(u.success_count + u.error_count, 0), 2),
         last_success_at = u.last_success_at, last_error_at = u.last_error_at
    from metering.usage_agents u
   where u.tenant_id = core.current_tenant_id() and u.agent_id = any (refresh_agent_statistics.agent_ids)
     and a.tenant_id = u.tenant_id and a.id = u.agent_id;
end
$$;
comment on function metering.refresh_agent_statistics is
  'Copies the totals of these agents of the tenant to the columns of the agents: usage_count, error_count, success_rate (percent), avg_response_time_ms, last_success_at and last_error_at.';

-- A person's list of agents (user_agents) shows how often the person called each agent, in how many conversations, and since
-- when. The same runs keep these totals and copy them to the rows of the list.

create or replace function metering.counted_conversations() returns setof metering.usage_conversations
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
begin
  return query
    select distinct c.tenant_id, c.user_id, c.agent_id, c.conversation_id
      from metering.llm_calls c
     where c.tenant_id = v_tenant_id and c.conversation_id is not null and c.user_id is not null and c.agent_id is not null
       and not exists (select from metering.usage_queue q where q.tenant_id = v_tenant_id and q.batch_id = c.batch_id);
end
$$;
comment on function metering.counted_conversations is
  'The conversations between people of the tenant and agents that have at least one call that no longer waits in the queue.';

create or replace function metering.user_agent_totals_of_days() returns setof metering.usage_user_agents
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
begin
  return query
    with calls as (
      select d.user_id, d.agent_id, sum(d.event_count)::bigint as call_count, sum(d.success_count)::bigint as success_count,
             sum(d.error_count)::bigint as error_count, min(d.first_at) as first_at, max(d.last_at) as last_at
        from metering.usage_days d
       where d.tenant_id = v_tenant_id and d.user_id is not null and d.agent_id is not null and d.usage_type = 'llm_call'
       group by d.user_id, d.agent_id
    ), conversations as (
      select c.user_id, c.agent_id, count(*) as number
        from metering.usage_conversations c where c.tenant_id = v_tenant_id group by c.user_id, c.agent_id
    )
    select v_tenant_id, k.user_id, k.agent_id, k.call_count, coalesce(c.number, 0), k.success_count, k.error_count, k.first_at, k.last_at
      from calls k left join conversations c on c.user_id = k.user_id and c.agent_id = k.agent_id
     order by k.user_id, k.agent_id;
end
$$;
comment on function metering.user_agent_totals_of_days is
  'The totals of the tenant''s people and agents, computed from the roll-up by day and from the counted conversations.';

create or replace function metering.refresh_user_agents(user_ids uuid[] default null, agent_ids uuid[] default null) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
begin
  update app_public.user_agents a
     set usage_count = s.call_count, message_count = s.call_count, conversation_count = s.conversation_count,
         success_count = s.success_count, error_count = s.error_count, first_used_at = s.first_at, last_used_at = s.last_at
    from (
      select o.id, coalesce(u.call_count, 0) as call_count, coalesce(u.conversation_count, 0) as conversation_count,
             coalesce(u.success_count, 0) as success_count, coalesce(u.error_count, 0) as error_count, u.first_at, u.last_at
        from app_public.user_agents o
        left join metering.usage_user_agents u
          on u.tenant_id = o.tenant_id and u.user_id = o.user_id and u.agent_id = o.agent_id
       where o.tenant_id = v_tenant_id
         and (refresh_user_agents.user_ids is null
           or (o.user_id, o.agent_id) in (select * from unnest(refresh_user_agents.user_ids, refresh_user_agents.agent_ids)))
    ) as s
   where a.tenant_id = v_tenant_id and a.id = s.id
     and (a.usage_count, a.message_count, a.conversation_count, a.success_count, a.error_count, a.first_used_at, a.last_used_at)
         is distinct from
         (s.call_count, s.call_count, s.conversation_count, s.success_count, s.error_count, s.first_at, s.last_at);
end
$$;
comment on function metering.refresh_user_agents is
  'Copies the totals of these pairs of a person and an agent to user_agents; without arguments, those of all pairs of the tenant.';

create or replace function metering.add_to_user_agents(batch_ids bigint[], from_at timestamptz, to_at timestamptz) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_user_ids uuid[];
  v_agent_ids uuid[];
begin
  with calls as materialized (
    select e.user_id, e.agent_id, e.batch_id, e.ordinal, e.occurred_at, e.outcome
      from metering.countable_usage(add_to_user_agents.batch_ids, add_to_user_agents.from_at, add_to_user_agents.to_at) e
     where e.usage_type = 'llm_call' and e.user_id is not null and e.agent_id is not null
  ), new_conversations as (
    insert into metering.usage_conversations (tenant_id, user_id, agent_id, conversation_id)
    select distinct v_tenant_id, k.user_id, k.agent_id, c.conversation_id
      from calls k
     -- The limit makes the planner look up each call by the primary key instead of reading all calls of these times.
     cross join lateral (
       select c.conversation_id from metering.llm_calls c
        where c.tenant_id = v_tenant_id and c.occurred_at = k.occurred_at and c.batch_id = k.batch_id and c.first_ordinal = k.ordinal limit 1) c
     where c.conversation_id is not null
     order by 2, 3, 4
    on conflict do nothing
    returning user_id, agent_id
  ), sums as (
    select user_id, agent_id, count(*) as call_count, count(*) filter (where outcome = 'success') as success_count,
           count(*) filter (where outcome = 'error') as error_count, min(occurred_at) as first_at, max(occurred_at) as last_at
      from calls group by user_id, agent_id
  ), added as (
    insert into metering.usage_user_agents as u (
      tenant_id, user_id, agent_id, call_count, conversation_count, success_count, error_count, first_at, last_at)
    select v_tenant_id, s.user_id, s.agent_id, s.call_count,
           (select count(*) from new_conversations n where n.user_id = s.user_id and n.agent_id = s.agent_id),
           s.success_count, s.error_count, s.first_at, s.last_at
      from sums s
     order by s.user_id, s.agent_id
    on conflict (tenant_id, user_id, agent_id) do update
       set call_count = u.call_count + excluded.call_count, conversation_count = u.conversation_count + excluded.conversation_count,
           success_count = u.success_count + excluded.success_count, error_count = u.error_count + excluded.error_count,
           first_at = least(u.first_at, excluded.first_at), last_at = greatest(u.last_at, excluded.last_at)
    returning user_id, agent_id
  )
  select array_agg(user_id), array_agg(agent_id) into v_user_ids, v_agent_ids from added;
  if v_user_ids is not null then
    -- A new statement sees the rows that were added to the list before the totals were locked.
    perform metering.refresh_user_agents(v_user_ids, v_agent_ids);
  end if;
end
$$;
comment on function metering.add_to_user_agents is
  'Adds the calls of these batches to the totals of people and agents, and copies these totals to user_agents.';

create or replace function metering.rebuild_user_agents(is_whole boolean) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
begin
  -- Calls of removed months cannot be counted again, so their conversations stay unless all days are rebuilt.
  delete from metering.usage_conversations c where rebuild_user_agents.is_whole and c.tenant_id = v_tenant_id;
  insert into metering.usage_conversations select * from metering.counted_conversations()
  on conflict do nothing;
  delete from metering.usage_user_agents u where u.tenant_id = v_tenant_id;
  insert into metering.usage_user_agents select * from metering.user_agent_totals_of_days()
  -- A row can exist already, because a person is adding the agent to their list now.
  on conflict (tenant_id, user_id, agent_id) do update
     set call_count = excluded.call_count, conversation_count = excluded.conversation_count,
         success_count = excluded.success_count, error_count = excluded.error_count,
         first_at = excluded.first_at, last_at = excluded.last_at;
  perform metering.refresh_user_agents();
end
$$;
comment on function metering.rebuild_user_agents is
  'Computes the totals of the tenant''s people and agents again from the roll-up by day and from all calls that no longer wait. When all days are rebuilt, conversations without a call are removed.';

set local role rowhouse_platform;  -- outside the wall: a row of user_agents can be added where no tenant's context is set, and still needs its totals
-- A person may have used an agent before they add it to their list, so a new row of the list begins with the totals.

create or replace function metering.tg_user_agents__take_statistics() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_total metering.usage_user_agents;
begin
  -- The row of the totals is locked, or created when there is none. So a run that counts this pair either waits until the new
  -- row is visible, or has ended before its totals are read here.
  insert into metering.usage_user_agents as u (tenant_id, user_id, agent_id) values (new.tenant_id, new.user_id, new.agent_id)
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
comment on function metering.tg_user_agents__take_statistics is
  'Gives a new row of user_agents the totals of the earlier calls.';
grant execute on function metering.tg_user_agents__take_statistics to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _400_take_statistics before insert on app_public.user_agents
  for each row execute function metering.tg_user_agents__take_statistics();
