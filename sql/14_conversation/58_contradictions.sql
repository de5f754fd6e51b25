-- Contradictions: two beliefs of one agent that cannot both be true. Both are named, and the contradiction is kept when it is settled: by
-- ending one of them, or by words.

call core.secure_tenant_table('app_public.belief_contradictions');
call audit.track('app_public.belief_contradictions');
create policy select_who_sees_the_agent on app_public.belief_contradictions for select to rowhouse_user
  using (agent_id <> all ((select runtime.hidden_agent_ids())::uuid[]));
grant select on app_public.belief_contradictions to rowhouse_user;
grant select, delete on app_public.belief_contradictions to rowhouse_platform;
comment on table app_public.belief_contradictions is
  E'@behavior -insert -update -delete -query:resource:single\n@large\nPairs of beliefs of an agent that cannot both be true, open and settled. Who sees an agent sees them.';
comment on column app_public.belief_contradictions.tenant_id is 'The tenant.';
comment on column app_public.belief_contradictions.id is 'The id.';
comment on column app_public.belief_contradictions.agent_id is 'The agent.';
comment on column app_public.belief_contradictions.belief_id is 'The one belief: that with the smaller id.';
comment on column app_public.belief_contradictions.other_belief_id is 'The other belief.';
comment on column app_public.belief_contradictions.note is E'@personal erase\n@personOf noted_by_user_id\n@behavior -filterBy -orderBy\nWhy they contradict each other.';
comment on column app_public.belief_contradictions.noted_by_user_id is E'@personal pseudonymise\nWho noted it: for an agent, the maker of its API key.';
comment on column app_public.belief_contradictions.noted_at is 'When it was noted.';
comment on column app_public.belief_contradictions.settled_at is 'When one of the beliefs ended, or it was settled by words; null while it is open.';
comment on column app_public.belief_contradictions.settlement is E'@personal erase\n@personOf noted_by_user_id\n@behavior -filterBy -orderBy\nHow it was settled, in words; null when one of the beliefs ended.';
comment on constraint belief_contradictions_tenant_id_belief_id_agent_id_fkey on app_public.belief_contradictions is
  E'@fieldName belief\n@foreignFieldName contradictions';
comment on constraint belief_contradictions_tenant_id_other_belief_id_agent_id_fkey on app_public.belief_contradictions is
  E'@fieldName otherBelief\n@foreignFieldName contradictionsByOther';
comment on constraint belief_contradictions_noted_by_user_id_fkey on app_public.belief_contradictions is E'@fieldName notedBy\n@behavior -backward';

create or replace function app_public.beliefs_is_contested(belief app_public.beliefs) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (
      select from app_public.belief_contradictions c
       where c.tenant_id = (belief).tenant_id and c.belief_id = (belief).id and c.settled_at is null)
    or exists (
      select from app_public.belief_contradictions c
       where c.tenant_id = (belief).tenant_id and c.other_belief_id = (belief).id and c.settled_at is null);
$$;
comment on function app_public.beliefs_is_contested is E'@notNull\nWhether an open contradiction names it.';
grant execute on function app_public.beliefs_is_contested to rowhouse_user;

create or replace function app_public.contradict_beliefs(belief_id uuid, other_belief_id uuid, note text default null) returns app_public.belief_contradictions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_first_id constant uuid := least(contradict_beliefs.belief_id, contradict_beliefs.other_belief_id);
  v_second_id constant uuid := greatest(contradict_beliefs.belief_id, contradict_beliefs.other_belief_id);
  v_first app_public.beliefs;
  v_second app_public.beliefs;
  v_contradiction app_public.belief_contradictions;
  v_most constant int := 100;
begin
  v_first := conversation.require_belief(v_first_id);
  v_second := conversation.require_belief(v_second_id);
  if v_first.agent_id <> v_second.agent_id or v_first.id = v_second.id then
    perform core.raise_error('TK457', 'other_belief_id: A contradiction is between two beliefs of one agent.', 'Name another belief of the same agent.');
  end if;
  -- Both rows are locked, so nobody else adds to their contradictions.
  select c.* into v_contradiction from app_public.belief_contradictions c
   where c.tenant_id = v_tenant_id and c.belief_id = v_first.id and c.other_belief_id = v_second.id and c.settled_at is null;
  if found then
    return v_contradiction;
  end if;
  insert into app_public.belief_contradictions (tenant_id, agent_id, belief_id, other_belief_id, note, noted_by_user_id, noted_at)
  values (v_tenant_id, v_first.agent_id, v_first.id, v_second.id, contradict_beliefs.note, core.current_user_id(), core.clock())
  returning * into v_contradiction;
  if (select max((select count(*) from app_public.belief_contradictions c
                   where c.tenant_id = v_tenant_id and (c.belief_id = b.id or c.other_belief_id = b.id)))
        from unnest(array[v_first.id, v_second.id]) as b (id)) > v_most then
    perform core.raise_error('TK654', 'A belief has at most 100 contradictions, settled ones included.', 'Supersede the belief.');
  end if;
  return v_contradiction;
end
$$;
comment on function app_public.contradict_beliefs is
  E'@resultFieldName contradiction\n@errors 23514 ID203 KY204 RN246 RN345 TK351 TK457 TK550 TK654\nNotes that two beliefs of an agent cannot both be true, in whichever order they are named, and why, in at most 1,000 characters. One that is open is returned as it is. It is for the API key of the agent, with can_record_usage, and for those with can_edit_agents.';
grant execute on function app_public.contradict_beliefs to rowhouse_user;

create or replace function app_public.settle_contradiction(id uuid, settlement text) returns app_public.belief_contradictions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_contradiction app_public.belief_contradictions;
begin
  select c.* into v_contradiction from app_public.belief_contradictions c
   where c.tenant_id = core.current_tenant_id() and c.id = settle_contradiction.id;
  if not found then
    perform core.raise_error('TK353', 'There is no such contradiction.', 'Read the contradictions of the belief.');
  end if;
  perform runtime.require_writer_of(v_contradiction.agent_id);
  if settle_contradiction.settlement is null or settle_contradiction.settlement !~ '\S' then
    perform core.raise_error('TK458', 'settlement is missing.', 'Say how both can be believed, in at most 1,000 characters, or retract one of them.');
  end if;
  update app_public.belief_contradictions c
     set settled_at = core.clock(), settlement = settle_contradiction.settlement
   where c.tenant_id = v_contradiction.tenant_id and c.id = v_contradiction.id and c.settled_at is null
  returning c.* into v_contradiction;
  if not found then
    perform core.raise_error('TK554', 'The contradiction was settled before.', 'Read the contradictions of the belief again.');
  end if;
  return v_contradiction;
end
$$;
comment on function app_public.settle_contradiction is
  E'@resultFieldName contradiction\n@errors 23514 ID203 KY204 RN246 RN345 TK353 TK458 TK554\nSettles a contradiction by words, when both beliefs are kept all the same. It is for the API key of the agent, with can_record_usage, and for those with can_edit_agents.';
grant execute on function app_public.settle_contradiction to rowhouse_user;
