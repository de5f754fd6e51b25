-- Approvals: what a person must allow before an agent goes on. The idea: an approval is about a subject, which is a kind and an id,
-- and its owner says by a trigger of its own what follows from the answer. So tasks wait for people here, and steps of workflows,
-- too. Policies, in this file, say what needs an approval and on which terms; all that match count, and the strictest terms hold.

call core.secure_tenant_table('app_public.approval_policies');
call audit.track('app_public.approval_policies');
call core.allow('app_public.approval_policies', read => 'member', write => 'can_manage_settings');
grant select, delete on app_public.approval_policies to rowhouse_user;
grant insert (agent_id, tool_id, is_required, cost_above_usd, required_count, is_four_eyes, expires_after, default_answer),
  update (is_required, cost_above_usd, required_count, is_four_eyes, expires_after, default_answer)
  on app_public.approval_policies to rowhouse_user;
grant select, insert, update, delete on app_public.approval_policies to rowhouse_platform;
comment on table app_public.approval_policies is
  E'@foreignKey (agent_id) references app_public.agents (id)|@fieldName agent|@behavior -manyRelation:resource:connection -manyRelation:resource:list\n@foreignKey (tool_id) references app_public.tools (id)|@fieldName tool|@behavior -manyRelation:resource:connection -manyRelation:resource:list\nWhat agents need an approval for, and on which terms: one policy for each agent and each tool, and one without either for everything. Of several that match, the strictest terms hold. Members of the tenant see them; writing needs can_manage_settings.';
comment on column app_public.approval_policies.tenant_id is 'The tenant.';
comment on column app_public.approval_policies.id is 'The id.';
comment on column app_public.approval_policies.agent_id is 'The agent that it is for.';
comment on column app_public.approval_policies.tool_id is 'The tool that it is for.';
comment on column app_public.approval_policies.is_required is 'Whether each use needs an approval. A policy that is false and has no limit of cost only sets terms.';
comment on column app_public.approval_policies.cost_above_usd is 'Above which cost in US dollars an approval is needed; null for no such limit.';
comment on column app_public.approval_policies.required_count is 'How many different people must approve, 1 to 5.';
comment on column app_public.approval_policies.is_four_eyes is 'Whether the person who requests it, and the one who gave the task, cannot decide.';
comment on column app_public.approval_policies.expires_after is 'For how long an answer is waited for, a minute to 366 days.';
comment on column app_public.approval_policies.default_answer is 'The answer when nobody has given one by then.';
comment on column app_public.approval_policies.created_at is 'When it was created.';
comment on column app_public.approval_policies.updated_at is 'When it last changed.';
comment on constraint subject_is_an_agent_or_a_tool on app_public.approval_policies is 'must be an agent or a tool, not both';
comment on constraint cost_above_usd_is_not_negative on app_public.approval_policies is 'must be 0 or more';
comment on constraint required_count_is_in_range on app_public.approval_policies is 'must be from 1 to 5';
comment on constraint expires_after_is_in_range on app_public.approval_policies is 'must be from a minute to 366 days';
comment on constraint approval_policies_tenant_id_agent_id_tool_id_key on app_public.approval_policies is 'has a policy already';
comment on domain app_public.approval_answer is 'An answer to an approval.';
comment on constraint approval_answer_is_known on domain app_public.approval_answer is 'must be approved or rejected';
comment on domain app_public.approval_cause is
  'Why an approval is needed. agent: the agent has approval_required. policy: a policy asks for it. cost: it costs more than a policy allows. request: the agent or a person asked for it.';
comment on constraint approval_cause_is_known on domain app_public.approval_cause is 'must be agent, policy, cost or request';

create or replace function runtime.tg_approval_policies__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.agent_id is not null then
    perform runtime.require_agent(new.agent_id);
  end if;
  if new.tool_id is not null and not catalog.is_visible_resource('tool', new.tool_id) then
    perform core.raise_error('RN331', 'tool_id: There is no such tool, or you may not see it.',
      'List the tools that this tenant has, and those that are shared with it.');
  end if;
  return new;
end
$$;
comment on function runtime.tg_approval_policies__check is
  E'@errors RN302 RN331\nRefuses a policy for an agent or a tool that the tenant does not have.';
create or replace trigger _200_check before insert on app_public.approval_policies
  for each row execute function runtime.tg_approval_policies__check();

create or replace function runtime.matching_policies(agent_id uuid, tool_id uuid) returns setof app_public.approval_policies
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select p.* from app_public.approval_policies p
   where p.tenant_id = core.current_tenant_id()
     and (p.agent_id = matching_policies.agent_id or p.tool_id = matching_policies.tool_id or num_nonnulls(p.agent_id, p.tool_id) = 0);
$$;
comment on function runtime.matching_policies is 'The policies of this tenant for an agent and a tool, each of which may be null, and the one for everything.';

create or replace function runtime.is_above_cost_limit(agent_id uuid, tool_id uuid, cost_usd numeric) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(bool_or(is_above_cost_limit.cost_usd > p.cost_above_usd), false)
    from runtime.matching_policies(is_above_cost_limit.agent_id, is_above_cost_limit.tool_id) p;
$$;
comment on function runtime.is_above_cost_limit is 'Whether a cost in US dollars is above the limit of a policy. A cost that is null is not.';

-- Each claim asks this, so it is in PL/pgSQL, which keeps its plans.
create or replace function runtime.approval_cause(agent_id uuid, tool_id uuid default null, cost_usd numeric default null)
returns app_public.approval_cause
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent record;
  v_cost numeric;
begin
  select a.approval_required, a.cost_per_query into v_agent from app_public.agents a where a.id = approval_cause.agent_id;
  if v_agent.approval_required then
    return 'agent';
  end if;
  v_cost := coalesce(approval_cause.cost_usd, case when approval_cause.tool_id is null then v_agent.cost_per_query end);
  return (
    select case when bool_or(p.is_required) then 'policy' when bool_or(v_cost > p.cost_above_usd) then 'cost' end
      from app_public.approval_policies p
     where p.tenant_id = core.current_tenant_id()
       and (p.agent_id = approval_cause.agent_id or p.tool_id = approval_cause.tool_id or num_nonnulls(p.agent_id, p.tool_id) = 0));
end
$$;
comment on function runtime.approval_cause is
  'Why an agent needs an approval for a use of a tool, or for its own work when the tool is null, at this cost in US dollars; null when it needs none. Its own work costs its cost_per_query when no cost is given.';

create or replace function runtime.strictest_terms(agent_id uuid, wanted app_public.approval_terms, tool_id uuid default null)
returns app_public.approval_terms
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select (coalesce(max(t.required_count), 1), coalesce(bool_or(t.is_four_eyes), false),
          coalesce(min(t.expires_after), interval '7 days'), coalesce(max(t.default_answer), 'rejected'))::app_public.approval_terms
    from (select p.required_count, p.is_four_eyes, p.expires_after, p.default_answer
            from runtime.matching_policies(strictest_terms.agent_id, strictest_terms.tool_id) p
          union all
          select (wanted).required_count, (wanted).is_four_eyes, (wanted).expires_after, (wanted).default_answer) as t;
$$;
comment on function runtime.strictest_terms is
  'The terms of an approval: of those that are wanted, which may be null, and of the policies for the agent and the tool, the strictest each.';
