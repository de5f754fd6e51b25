-- What agents learn. An outcome says that a pattern, such as "ask for the lot number first", did or did not work once. The patterns are
-- the sums of the outcomes that are there: each statement that adds or deletes outcomes changes them by as much, so they are exact
-- with many writers, and recomputing them changes nothing.

call core.secure_tenant_table('app_public.agent_outcomes');
call audit.leave_out('a log that is only added to', 'app_public.agent_outcomes');
call core.allow('app_public.agent_outcomes', read => 'self, can_view_analytics');
grant select on app_public.agent_outcomes to rowhouse_user;
grant select, delete on app_public.agent_outcomes to rowhouse_platform;
comment on table app_public.agent_outcomes is
  E'@behavior -insert -update -delete -query:resource:single\n@large\nSingle outcomes from which agents learn. Members see their own, and with can_view_analytics those of all.';
comment on column app_public.agent_outcomes.tenant_id is 'The tenant.';
comment on column app_public.agent_outcomes.id is 'The id of the outcome; the same idempotency key always gives the same id.';
comment on column app_public.agent_outcomes.observed_at is 'When it was seen.';
comment on column app_public.agent_outcomes.agent_id is 'The agent.';
comment on column app_public.agent_outcomes.user_id is E'@personal pseudonymise\nThe person for whom the agent worked.';
comment on column app_public.agent_outcomes.api_key_id is 'The API key it was recorded with.';
comment on column app_public.agent_outcomes.pattern is E'@notPersonal\nThe pattern that was followed.';
comment on column app_public.agent_outcomes.is_success is 'Whether it worked.';
comment on column app_public.agent_outcomes.note is E'@personal erase\n@behavior -filterBy -orderBy\nWhat else there is to say.';
comment on column app_public.agent_outcomes.run_id is 'The run.';
comment on column app_public.agent_outcomes.task_id is 'The task.';
comment on constraint pattern_is_a_name on app_public.agent_outcomes is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';

call core.secure_tenant_table('app_public.agent_patterns');
call audit.leave_out('sums of a log, which rules keep', 'app_public.agent_patterns');
call core.allow('app_public.agent_patterns', read => 'member');
grant select on app_public.agent_patterns to rowhouse_user;
grant select, insert, update, delete on app_public.agent_patterns to rowhouse_platform;
grant execute on function runtime.wilson_lower_bound to rowhouse_user, rowhouse_platform;
comment on table app_public.agent_patterns is
  E'@behavior -insert -update -delete -query:resource:single\n@large\nWhat agents have learned: each pattern with how often it was followed, how often that worked, and how sure that makes it.';
comment on column app_public.agent_patterns.tenant_id is 'The tenant.';
comment on column app_public.agent_patterns.agent_id is 'The agent.';
comment on column app_public.agent_patterns.name is E'@notPersonal\nThe pattern, as its outcomes name it.';
comment on column app_public.agent_patterns.support_count is 'How many outcomes there are.';
comment on column app_public.agent_patterns.success_count is 'In how many of them it worked.';
comment on column app_public.agent_patterns.confidence is
  'How sure it is that the pattern works, 0 to 1: the lower bound of Wilson''s 95 % interval for the share of successes. 1 success of 1 gives 0.21, and 100 of 100 give 0.96.';
comment on column app_public.agent_patterns.first_seen_at is 'When the first of its outcomes was seen.';
comment on column app_public.agent_patterns.last_seen_at is 'When the last of its outcomes was seen.';

comment on type app_public.new_agent_outcome is 'An outcome that is to be recorded.';
comment on column app_public.new_agent_outcome.idempotency_key is E'@notNull\nA key of 1 to 255 characters that stays the same when the call is repeated.';
comment on column app_public.new_agent_outcome.observed_at is 'When it was seen; by default now. At most 30 days ago.';
comment on column app_public.new_agent_outcome.agent_id is 'The agent; by default that of the API key.';
comment on column app_public.new_agent_outcome.user_id is 'The person for whom the agent worked; by default you. Admins record what others did.';
comment on column app_public.new_agent_outcome.pattern is E'@notNull\nThe pattern that was followed, in at most 255 characters, such as "ask for the lot number first".';
comment on column app_public.new_agent_outcome.is_success is E'@notNull\nWhether it worked.';
comment on column app_public.new_agent_outcome.note is 'What else there is to say; at most 1,000 characters.';
comment on column app_public.new_agent_outcome.run_id is 'The run.';
comment on column app_public.new_agent_outcome.task_id is 'The task.';

create or replace function runtime.check_outcomes(outcomes app_public.new_agent_outcome[]) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ordinal bigint;
begin
  select o.ordinality into v_ordinal from unnest(outcomes) with ordinality as o
   where o.is_success is null or o.pattern is null or not core.is_name(o.pattern)
   order by o.ordinality limit 1;
  if found then
    perform core.raise_error('RN447',
      observability.row_in_words(v_ordinal, cardinality(outcomes)) || 'pattern or is_success is missing, or the pattern is no name.',
      'A pattern has 1 to 255 characters and no control characters.');
  end if;
end
$$;
comment on function runtime.check_outcomes is E'@errors RN447\nRefuses a batch with an outcome that says not what worked, or not whether it did.';

create or replace function runtime.store_agent_outcomes(outcomes app_public.new_agent_outcome[]) returns app_public.recording_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
  v_agent_id constant uuid := tenancy.current_agent_id();
  v_claimed int[];
  v_stored int;
begin
  perform observability.check_batch_size(cardinality(outcomes));
  perform observability.check_heads(array(
    select row(o.idempotency_key, coalesce(o.observed_at, v_now), o.user_id,
        case when length(o.note) > 1000 then 'text' end)::observability.event_head
      from unnest(outcomes) as o));
  perform runtime.check_agents(array(select coalesce(o.agent_id, v_agent_id) from unnest(outcomes) as o));
  perform runtime.check_outcomes(outcomes);
  v_claimed := observability.claim_keys('agent_outcome',
    array(select o.idempotency_key from unnest(outcomes) as o),
    array(select hash_record_extended(o, 0) from unnest(outcomes) as o));
  insert into app_public.agent_outcomes (
    tenant_id, id, observed_at, agent_id, user_id, api_key_id, pattern, is_success, note, run_id, task_id)
  select v_tenant_id, observability.event_id(v_tenant_id, 'agent_outcome', o.idempotency_key), coalesce(o.observed_at, v_now),
         coalesce(o.agent_id, v_agent_id), coalesce(o.user_id, core.current_user_id()), core.current_api_key_id(), o.pattern, o.is_success,
         o.note, o.run_id, o.task_id
    from unnest(outcomes) with ordinality as o
   where o.ordinality in (select unnest(v_claimed))
  -- An outcome is kept for longer than its key.
  on conflict on constraint agent_outcomes_pkey do nothing;
  get diagnostics v_stored = row_count;
  return row(v_stored, cardinality(outcomes) - v_stored)::app_public.recording_receipt;
end
$$;
comment on function runtime.store_agent_outcomes is
  E'@errors OB201 OB301 OB302 OB401 OB402 OB403 OB407 OB409 OB501 RN245 RN445 RN447\nStores outcomes for the tenant, user and API key of the context, all or none.';

create or replace function app_public.record_agent_outcomes(outcomes app_public.new_agent_outcome[]) returns app_public.recording_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_record_usage');
  return runtime.store_agent_outcomes(record_agent_outcomes.outcomes);
end
$$;
comment on function app_public.record_agent_outcomes is
  E'@resultFieldName receipt\n@errors ID203 OB201 OB301 OB302 OB401 OB402 OB403 OB407 OB409 OB501 RN245 RN445 RN447\nRecords 1 to 10,000 outcomes at once, all of them or none; the patterns of the agents follow at once. An API key of an agent records outcomes of this agent only. Recording the same row again under its idempotency key stores nothing. An error names the position of the first row that is refused, from 1. It needs the permission can_record_usage.';
grant execute on function app_public.record_agent_outcomes to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: retention deletes outcomes without being in their tenant
create or replace function runtime.tg_agent_outcomes__add_to_patterns() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.agent_patterns as p (tenant_id, agent_id, name, support_count, success_count, first_seen_at, last_seen_at)
  select o.tenant_id, o.agent_id, o.pattern, count(*), count(*) filter (where o.is_success), min(o.observed_at), max(o.observed_at)
    from added o
   group by o.tenant_id, o.agent_id, o.pattern
   -- Always in this order, so that two batches with common patterns wait for each other and do not deadlock.
   order by o.tenant_id, o.agent_id, o.pattern collate "C"
  on conflict on constraint agent_patterns_pkey do update
    set support_count = p.support_count + excluded.support_count, success_count = p.success_count + excluded.success_count,
        first_seen_at = least(p.first_seen_at, excluded.first_seen_at), last_seen_at = greatest(p.last_seen_at, excluded.last_seen_at);
  return null;
end
$$;
comment on function runtime.tg_agent_outcomes__add_to_patterns is 'Adds outcomes to their patterns.';
grant execute on function runtime.tg_agent_outcomes__add_to_patterns to rowhouse_owner;

create or replace function runtime.tg_agent_outcomes__take_from_patterns() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Whoever added outcomes held these locks until the commit, so the statements that follow see all of them.
  perform from app_public.agent_patterns p
    where (p.tenant_id, p.agent_id, p.name) in (select o.tenant_id, o.agent_id, o.pattern from removed o)
    order by p.tenant_id, p.agent_id, p.name collate "C"
      for update;
  delete from app_public.agent_patterns p
   using (select o.tenant_id, o.agent_id, o.pattern, count(*) as n from removed o group by 1, 2, 3) as r
   where p.tenant_id = r.tenant_id and p.agent_id = r.agent_id and p.name = r.pattern and p.support_count = r.n;
  update app_public.agent_patterns p
     set support_count = p.support_count - r.n, success_count = p.success_count - r.success_count,
         first_seen_at = e.first_seen_at, last_seen_at = e.last_seen_at
    from (select o.tenant_id, o.agent_id, o.pattern, count(*) as n, count(*) filter (where o.is_success) as success_count
            from removed o group by 1, 2, 3) as r
   cross join lateral (
     select min(o.observed_at) as first_seen_at, max(o.observed_at) as last_seen_at from app_public.agent_outcomes o
      where o.tenant_id = r.tenant_id and o.agent_id = r.agent_id and o.pattern = r.pattern) as e
   where p.tenant_id = r.tenant_id and p.agent_id = r.agent_id and p.name = r.pattern;
  return null;
end
$$;
comment on function runtime.tg_agent_outcomes__take_from_patterns is
  'Takes deleted outcomes out of their patterns; a pattern without outcomes is deleted.';
grant execute on function runtime.tg_agent_outcomes__take_from_patterns to rowhouse_owner;

create or replace function runtime.rebuild_agent_patterns(tenant_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  -- Nobody adds or deletes outcomes meanwhile.
  perform runtime.lock_outcomes();
  delete from app_public.agent_patterns p where p.tenant_id = rebuild_agent_patterns.tenant_id;
  insert into app_public.agent_patterns (tenant_id, agent_id, name, support_count, success_count, first_seen_at, last_seen_at)
  select o.tenant_id, o.agent_id, o.pattern, count(*), count(*) filter (where o.is_success), min(o.observed_at), max(o.observed_at)
    from app_public.agent_outcomes o
   where o.tenant_id = rebuild_agent_patterns.tenant_id
   group by o.tenant_id, o.agent_id, o.pattern;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function runtime.rebuild_agent_patterns is
  'Computes the patterns of a tenant from its outcomes anew, and returns how many there are. It changes nothing unless somebody has changed patterns by hand.';

set local role rowhouse_owner;

create or replace function runtime.lock_outcomes() returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  lock table app_public.agent_outcomes in share mode;
end
$$;
comment on function runtime.lock_outcomes is 'Keeps everybody from adding and deleting outcomes until the transaction ends.';
grant execute on function runtime.lock_outcomes to rowhouse_platform;

create or replace trigger _500_add_to_patterns after insert on app_public.agent_outcomes
  referencing new table as added for each statement execute function runtime.tg_agent_outcomes__add_to_patterns();
create or replace trigger _500_take_from_patterns after delete on app_public.agent_outcomes
  referencing old table as removed for each statement execute function runtime.tg_agent_outcomes__take_from_patterns();

call governance.define_data_kind('agent_outcomes', 'Outcomes from which agents learn. What was learned from them goes with them.', 1096);
call governance.add_table_to_kind('agent_outcomes', 'app_public.agent_outcomes', 'observed_at');
