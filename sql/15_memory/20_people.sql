-- For whom and as whom memory is used, and the one lock under which the memories of a person change. The lock is the person's row in
-- memory.people: whoever remembers, corrects, forgets, consolidates or withdraws the consent holds it until the end of the transaction.

call core.secure_tenant_table('memory.people');
call audit.leave_out('a lock and a counter that rules keep', 'memory.people');
grant select, insert, update, delete on memory.people to rowhouse_platform;
comment on table memory.people is 'The people of whom something is remembered, each with the number of versions.';
comment on column memory.people.user_id is E'@personal erase\nThe person.';
comment on column memory.people.memory_count is 'How many versions of memories there are of the person.';

create or replace function memory.most_memories() returns int
language sql immutable parallel safe
return 200000;
comment on function memory.most_memories is 'How many versions of memories may be kept of a person in a tenant.';
grant execute on function memory.most_memories to rowhouse_platform;

create or replace function memory.require_actor(user_id uuid, agent_id uuid, out person_id uuid, out acting_agent_id uuid)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key_agent_id constant uuid := tenancy.current_agent_id();
begin
  acting_agent_id := coalesce(require_actor.agent_id, v_key_agent_id);
  if v_key_agent_id is not null then
    perform tenancy.require_permission('can_record_usage');
    if acting_agent_id <> v_key_agent_id then
      perform core.raise_error('MM201', 'agent_id: This API key is of another agent.', 'Leave agent_id out to name the agent of the key.');
    elsif require_actor.user_id is null then
      perform core.raise_error('MM401', 'user_id is missing.', 'Name the person for whom the agent acts.');
    end if;
    perform tenancy.require_active_member(require_actor.user_id);
    person_id := require_actor.user_id;
    return;
  end if;
  perform tenancy.require_role('viewer');
  if require_actor.user_id is distinct from core.current_user_id() and require_actor.user_id is not null then
    perform core.raise_error('MM202', 'user_id: Only the API key of an agent acts for another person.', 'Leave user_id out for yourself.');
  elsif acting_agent_id is not null then
    perform tenancy.require_key_for_agent(acting_agent_id);
    perform runtime.require_agent(acting_agent_id);
  elsif core.current_api_key_id() is not null and (tenancy.current_api_key()).allowed_agents is not null then
    perform core.raise_error('MM203', 'agent_id is missing: This API key is for certain agents.', 'Name one of the agents of the key.');
  end if;
  person_id := core.current_user_id();
end
$$;
comment on function memory.require_actor is
  E'@errors ID202 ID203 ID301 KY204 MM201 MM202 MM203 MM401 RN302\nThe person whose memories are used, and the agent for which; without an agent the person uses all their own. A person acts for themselves, an agent with its own API key for a member, whom it names.';

create or replace function memory.require_consent(user_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not governance.has_consent(require_consent.user_id, 'memory') then
    perform core.raise_error('MM204', 'This person does not consent to being remembered.',
      'The person gives the consent for the purpose memory by giveConsent.');
  end if;
end
$$;
comment on function memory.require_consent is E'@errors MM204\nRaises an error unless a person consents to the purpose memory.';

create or replace function memory.may_use(m app_public.user_memory, agent_id uuid) returns boolean
language sql immutable parallel safe
return agent_id is null or (m).scope_agent_id is null or (m).scope_agent_id = agent_id;
comment on function memory.may_use is 'Whether an agent may use a memory; without an agent it is the person, who may use all their own.';

-- What withdraws a consent waits for what is being remembered, and what is remembered after it sees the withdrawal.
set local role rowhouse_platform;  -- outside the wall: consents are written and memories deleted for several tenants in one statement
create or replace function memory.lock_person(tenant_id uuid, user_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  insert into memory.people (tenant_id, user_id) values (lock_person.tenant_id, lock_person.user_id)
  on conflict on constraint people_pkey do nothing;
  select p.memory_count into v_count from memory.people p
   where p.tenant_id = lock_person.tenant_id and p.user_id = lock_person.user_id for no key update;
  return v_count;
end
$$;
comment on function memory.lock_person is
  'Lets one transaction at a time change the memories of a person, and returns how many versions there are.';
grant execute on function memory.lock_person to rowhouse_owner;

create or replace function memory.tg_consent_records__wait() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform memory.lock_person(new.tenant_id, new.user_id);
  return null;
end
$$;
comment on function memory.tg_consent_records__wait is 'Makes the withdrawal of a consent wait for what is being remembered of the person.';
grant execute on function memory.tg_consent_records__wait to rowhouse_owner;

create or replace function memory.relink(tenant_id uuid, history_ids uuid[]) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  with chain as (
    select m.id, lead(m.id) over (partition by m.history_id order by m.valid_from) as next_id
      from app_public.user_memory m
     where m.tenant_id = relink.tenant_id and m.history_id = any (relink.history_ids) and m.retracted_at is null
  )
  update app_public.user_memory m
     set superseded_by_id = c.next_id, superseded_at = case when c.next_id is not null then coalesce(m.superseded_at, core.clock()) else m.superseded_at end
    from chain c
   where m.tenant_id = relink.tenant_id and m.id = c.id and m.superseded_by_id is distinct from c.next_id;
$$;
comment on function memory.relink is 'Lets each version that is not retracted name the next one in time.';
grant execute on function memory.relink to rowhouse_owner;

create or replace function memory.tg_user_memory__relink() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform memory.relink(d.tenant_id, array_agg(distinct d.history_id)) from removed d group by d.tenant_id;
  return null;
end
$$;
comment on function memory.tg_user_memory__relink is 'Lets the version before one that was deleted name the one after it.';
grant execute on function memory.tg_user_memory__relink to rowhouse_owner;

create or replace function memory.tg_user_memory__count() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    insert into memory.people as p (tenant_id, user_id, memory_count)
    select c.tenant_id, c.user_id, count(*) from changed c group by 1, 2 order by 1, 2
    on conflict on constraint people_pkey do update set memory_count = p.memory_count + excluded.memory_count;
    if exists (select from memory.people p
                where (p.tenant_id, p.user_id) in (select c.tenant_id, c.user_id from changed c) and p.memory_count > memory.most_memories()) then
      perform core.raise_error('MM601', 'At most 200,000 memories of a person are kept.', 'Forget what is not needed.');
    end if;
  else
    update memory.people p set memory_count = greatest(0, p.memory_count - c.count)
      from (select d.tenant_id, d.user_id, count(*)::int as count from changed d group by 1, 2 order by 1, 2) c
     where p.tenant_id = c.tenant_id and p.user_id = c.user_id;
  end if;
  return null;
end
$$;
comment on function memory.tg_user_memory__count is E'@errors MM601\nCounts the versions of memories of each person, and refuses too many.';
grant execute on function memory.tg_user_memory__count to rowhouse_owner;
set local role rowhouse_owner;

create or replace trigger _700_wait_for_memories after insert on app_public.consent_records
  for each row when (new.purpose = 'memory' and new.withdrawn_at is not null) execute function memory.tg_consent_records__wait();
create or replace trigger _500_count_added after insert on app_public.user_memory
  referencing new table as changed for each statement execute function memory.tg_user_memory__count();
create or replace trigger _500_count_removed after delete on app_public.user_memory
  referencing old table as changed for each statement execute function memory.tg_user_memory__count();
create or replace trigger _510_relink after delete on app_public.user_memory
  referencing old table as removed for each statement execute function memory.tg_user_memory__relink();
