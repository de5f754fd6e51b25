-- Beliefs: what an agent holds to be true, and how sure the evidence makes it. The idea: nobody writes a confidence. It is computed from
-- the evidence that is there (55_evidence.sql), under the lock of the belief's row, and each change of it is kept as a revision.

call core.secure_tenant_table('app_public.beliefs');
call audit.track('app_public.beliefs');
call core.announce('app_public.beliefs', about => 'agent_id');
create policy select_who_sees_the_agent on app_public.beliefs for select to rowhouse_user
  using (agent_id <> all ((select runtime.hidden_agent_ids())::uuid[]));
grant select on app_public.beliefs to rowhouse_user;
grant select, update, delete on app_public.beliefs to rowhouse_platform;
grant execute on function conversation.weight_of, conversation.confidence_of to rowhouse_user, rowhouse_platform;
comment on table app_public.beliefs is
  E'@behavior -insert -update -delete\n@large\n@live\nWhat agents hold to be true, also what they hold no longer. Who sees an agent sees its beliefs.';
comment on column app_public.beliefs.tenant_id is 'The tenant.';
comment on column app_public.beliefs.id is 'The id of the belief; the same idempotency key always gives the same id.';
comment on column app_public.beliefs.agent_id is 'The agent.';
comment on column app_public.beliefs.claim is E'@personal erase\n@personOf about_user_id\n@behavior -filterBy -orderBy\nWhat it holds to be true, in words.';
comment on column app_public.beliefs.prior is 'How probable the claim is without any evidence, 0.01 to 0.99.';
comment on column app_public.beliefs.log_odds is
  E'@behavior -filterBy -orderBy\nThe log-odds of the claim, in nats: ln(prior / (1 - prior)), and for each independence group of the evidence that is not retracted its heaviest piece that supports the claim less its heaviest that opposes it. A piece weighs ln(reliability / (1 - reliability)) (I. J. Good, Probability and the Weighing of Evidence, 1950).';
comment on column app_public.beliefs.confidence is
  'How probable the claim is with the evidence: 1 / (1 + exp(-log_odds)), within 0.0001 and 0.9999, because no evidence makes a claim certain.';
comment on column app_public.beliefs.supporting_count is E'@behavior -filterBy -orderBy\nHow many pieces of evidence support it, without those that were retracted.';
comment on column app_public.beliefs.opposing_count is E'@behavior -filterBy -orderBy\nHow many pieces of evidence oppose it, without those that were retracted.';
comment on column app_public.beliefs.revision is E'@behavior -filterBy -orderBy\nThe number of its last revision, from 1.';
comment on column app_public.beliefs.about_user_id is E'@personal erase\nThe person whom it is about. When the person is erased, so is the belief with its evidence.';
comment on column app_public.beliefs.recorded_by_user_id is E'@personal pseudonymise\nWho recorded it: for an agent, the maker of its API key.';
comment on column app_public.beliefs.api_key_id is 'The API key it was recorded with.';
comment on column app_public.beliefs.recorded_at is 'When it was recorded.';
comment on column app_public.beliefs.ended_at is 'When it was superseded or retracted; null while it is not.';
comment on column app_public.beliefs.superseded_by_id is 'The belief that took its place.';
comment on column app_public.beliefs.retraction_reason is E'@personal erase\n@personOf about_user_id\n@behavior -filterBy -orderBy\nWhy it was retracted.';
comment on constraint claim_is_in_range on app_public.beliefs is 'must have 1 to 2,000 characters, with a visible one among them';
comment on constraint prior_is_in_range on app_public.beliefs is 'must be from 0.01 to 0.99';
comment on constraint beliefs_tenant_id_id_agent_id_key on app_public.beliefs is E'@behavior -single';
comment on constraint beliefs_tenant_id_agent_id_fkey on app_public.beliefs is E'@fieldName agent\n@foreignFieldName beliefs';
comment on constraint beliefs_about_user_id_fkey on app_public.beliefs is E'@fieldName aboutUser\n@behavior -backward';
comment on constraint beliefs_recorded_by_user_id_fkey on app_public.beliefs is E'@fieldName recordedBy\n@behavior -backward';
comment on domain app_public.belief_status is 'Whether an agent holds a belief.';

call core.secure_tenant_table('app_public.belief_revisions');
call audit.leave_out('a log that rules write; its rows never change', 'app_public.belief_revisions');
create policy select_who_sees_the_agent on app_public.belief_revisions for select to rowhouse_user
  using (agent_id <> all ((select runtime.hidden_agent_ids())::uuid[]));
grant select on app_public.belief_revisions to rowhouse_user;
grant select, insert, delete on app_public.belief_revisions to rowhouse_platform;
comment on table app_public.belief_revisions is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\n@large\nHow sure an agent was of a belief, and since when: one revision for each change.';
comment on column app_public.belief_revisions.tenant_id is 'The tenant.';
comment on column app_public.belief_revisions.belief_id is 'The belief.';
comment on column app_public.belief_revisions.revision is 'The number of the revision, from 1.';
comment on column app_public.belief_revisions.agent_id is 'The agent.';
comment on column app_public.belief_revisions.revised_at is 'Since when it was so.';
comment on column app_public.belief_revisions.log_odds is 'The log-odds of the claim, in nats.';
comment on column app_public.belief_revisions.confidence is 'How probable the claim was with the evidence.';
comment on column app_public.belief_revisions.supporting_count is 'How many pieces of evidence supported it.';
comment on column app_public.belief_revisions.opposing_count is 'How many pieces of evidence opposed it.';
comment on constraint belief_revisions_tenant_id_belief_id_agent_id_fkey on app_public.belief_revisions is E'@fieldName belief\n@foreignFieldName revisions';

comment on type app_public.new_belief is 'A belief of an agent.';
comment on column app_public.new_belief.idempotency_key is E'@notNull\nA key of 1 to 255 characters that stays the same when the call is repeated.';
comment on column app_public.new_belief.claim is E'@notNull\nWhat the agent holds to be true, in at most 2,000 characters.';
comment on column app_public.new_belief.prior is 'How probable the claim is without any evidence, 0.01 to 0.99; by default 0.5.';
comment on column app_public.new_belief.about_user_id is 'The member whom it is about. When the person is erased, so is the belief.';
comment on column app_public.new_belief.supersedes_id is 'The belief of the same agent whose place it takes.';

create or replace function app_public.beliefs_status(belief app_public.beliefs) returns app_public.belief_status
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when (belief).superseded_by_id is not null then 'superseded'
    when (belief).ended_at is not null then 'retracted'
    else 'current' end;
$$;
comment on function app_public.beliefs_status is E'@notNull\nWhether the agent holds it: current, superseded by another one, or retracted.';
grant execute on function app_public.beliefs_status to rowhouse_user;

create or replace function conversation.most_beliefs() returns int
language sql immutable parallel safe
return 10000;
comment on function conversation.most_beliefs is 'How many beliefs of an agent may be neither superseded nor retracted.';

create or replace function conversation.lock_beliefs(agent_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  -- 7269742 is an arbitrary number that no other advisory lock of ours begins with.
  select pg_advisory_xact_lock(7269742, hashtext(lock_beliefs.agent_id::text));
$$;
comment on function conversation.lock_beliefs is
  'Lets one transaction at a time begin and end beliefs of an agent, so that their number and their successors stay true. It is taken before the rows of beliefs.';

create or replace function conversation.require_belief(id uuid, is_current boolean default true) returns app_public.beliefs
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_belief app_public.beliefs;
begin
  select b.* into v_belief from app_public.beliefs b
   where b.tenant_id = core.current_tenant_id() and b.id = require_belief.id;
  if not found then
    perform core.raise_error('TK351', 'There is no such belief.', 'List the beliefs of the agent.');
  end if;
  perform runtime.require_writer_of(v_belief.agent_id);
  select b.* into v_belief from app_public.beliefs b
   where b.tenant_id = v_belief.tenant_id and b.id = v_belief.id for update;
  if not found then
    perform core.raise_error('TK351', 'There is no such belief.', 'List the beliefs of the agent.');
  elsif require_belief.is_current and v_belief.ended_at is not null then
    perform core.raise_error('TK550', 'The belief was superseded or retracted before.', 'Read the beliefs of the agent again.');
  end if;
  return v_belief;
end
$$;
comment on function conversation.require_belief is
  E'@errors ID203 KY204 RN246 RN345 TK351 TK550\nLocks a belief for whoever may write what its agent believes.';

create or replace function conversation.belief_problem(belief app_public.new_belief) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when belief.claim is null or belief.claim !~ '\S' or length(belief.claim) > 2000 then 'claim must have 1 to 2,000 characters.'
    when not coalesce(belief.prior, 0.5) between 0.01 and 0.99 then 'prior must be from 0.01 to 0.99.' end;
$$;
comment on function conversation.belief_problem is 'What is wrong with a belief, as a sentence that names the field; null when nothing is.';

create or replace function conversation.check_beliefs(beliefs app_public.new_belief[]) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count constant int := coalesce(cardinality(beliefs), 0);
  v_bad record;
begin
  if v_count not between 1 and 100 then
    perform core.raise_error('TK453', 'The beliefs are not a list of 1 to 100.', 'Send several lists.');
  end if;
  select n as ordinal, conversation.belief_problem(beliefs[n]) as problem into v_bad
    from generate_series(1, v_count) as n
   where conversation.belief_problem(beliefs[n]) is not null
   order by n limit 1;
  if found then
    perform core.raise_error('TK454', observability.row_in_words(v_bad.ordinal, v_count) || v_bad.problem, 'The comments of the fields say what they hold.');
  end if;
  select b.ordinality as ordinal into v_bad
    from unnest(beliefs) with ordinality as b
   where coalesce(length(b.idempotency_key), 0) not between 1 and 255
   order by b.ordinality limit 1;
  if found then
    perform observability.refuse_event('key', v_bad.ordinal, v_count);
  end if;
  select b.ordinality as ordinal into v_bad
    from unnest(beliefs) with ordinality as b
   where b.about_user_id is not null and not exists (
     select from app_public.user_tenants m where m.tenant_id = core.current_tenant_id() and m.user_id = b.about_user_id)
   order by b.ordinality limit 1;
  if found then
    perform observability.refuse_event('user', v_bad.ordinal, v_count);
  end if;
end
$$;
comment on function conversation.check_beliefs is E'@errors OB301 OB401 TK453 TK454\nRefuses a list with a belief that cannot be kept.';

create or replace function conversation.end_belief(belief app_public.beliefs, successor_id uuid, reason text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.beliefs b
     set ended_at = core.clock(), superseded_by_id = end_belief.successor_id, retraction_reason = end_belief.reason
   where b.tenant_id = (belief).tenant_id and b.id = (belief).id;
  update app_public.belief_contradictions c
     set settled_at = core.clock()
   where c.tenant_id = (belief).tenant_id and (belief).id in (c.belief_id, c.other_belief_id) and c.settled_at is null;
end
$$;
comment on function conversation.end_belief is
  'Ends a belief that is locked, with its successor or a reason. The contradictions in which it stands are settled by that.';

create or replace function conversation.supersede_beliefs(agent_id uuid, beliefs app_public.new_belief[], claimed int[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_ordinal int;
  v_belief app_public.beliefs;
begin
  -- in one order, as everybody who locks several beliefs does
  perform from app_public.beliefs b
    where b.tenant_id = v_tenant_id and b.id in (select n.supersedes_id from unnest(beliefs) as n)
    order by b.id
      for update;
  foreach v_ordinal in array supersede_beliefs.claimed loop
    continue when beliefs[v_ordinal].supersedes_id is null;
    select b.* into v_belief from app_public.beliefs b
     where b.tenant_id = v_tenant_id and b.agent_id = supersede_beliefs.agent_id and b.id = beliefs[v_ordinal].supersedes_id
       and b.ended_at is null;
    if not found then
      perform core.raise_error('TK551',
        observability.row_in_words(v_ordinal, cardinality(beliefs)) || 'supersedes_id: This agent has no such belief, or it was superseded or retracted before.',
        'Read the beliefs of the agent again.');
    end if;
    perform conversation.end_belief(v_belief, observability.event_id(v_tenant_id, 'belief', beliefs[v_ordinal].idempotency_key), null);
  end loop;
end
$$;
comment on function conversation.supersede_beliefs is
  E'@errors TK551\nEnds the beliefs whose place new ones take. Whoever calls has locked the beliefs of the agent.';

create or replace function app_public.hold_beliefs(beliefs app_public.new_belief[], agent_id uuid default null) returns setof app_public.beliefs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
  v_agent_id constant uuid := coalesce(hold_beliefs.agent_id, tenancy.current_agent_id());
  v_new int[];
begin
  if v_agent_id is null then
    perform core.raise_error('RN445', 'agent_id is missing.', 'Name the agent, or use the API key of an agent.');
  end if;
  perform runtime.require_writer_of(v_agent_id);
  perform conversation.check_beliefs(beliefs);
  perform conversation.lock_beliefs(v_agent_id);
  v_new := observability.claim_keys('belief',
    array(select b.idempotency_key from unnest(beliefs) as b),
    array(select hash_record_extended(row(v_agent_id, b), 0) from unnest(beliefs) as b));
  -- A belief is kept for longer than its key.
  v_new := array(
    select n from unnest(v_new) as n
     where not exists (select from app_public.beliefs b
             where b.tenant_id = v_tenant_id and b.id = observability.event_id(v_tenant_id, 'belief', beliefs[n].idempotency_key))
     order by n);
  perform conversation.supersede_beliefs(v_agent_id, beliefs, v_new);
  insert into app_public.beliefs (
    tenant_id, id, agent_id, claim, prior, log_odds, about_user_id, recorded_by_user_id, api_key_id, recorded_at)
  select v_tenant_id, observability.event_id(v_tenant_id, 'belief', b.idempotency_key), v_agent_id, b.claim, coalesce(b.prior, 0.5),
         conversation.weight_of(coalesce(b.prior, 0.5)), b.about_user_id, core.current_user_id(), core.current_api_key_id(), v_now
    from unnest(beliefs) with ordinality as b
   where b.ordinality = any (v_new);
  if (select count(*) from app_public.beliefs b
       where b.tenant_id = v_tenant_id and b.agent_id = v_agent_id and b.ended_at is null) > conversation.most_beliefs() then
    perform core.raise_error('TK652', 'An agent holds at most 10,000 beliefs.', 'Retract beliefs that are not needed, or supersede several by one.');
  end if;
  return query
    select h.*
      from unnest(beliefs) with ordinality as b
      join app_public.beliefs h on h.tenant_id = v_tenant_id and h.id = observability.event_id(v_tenant_id, 'belief', b.idempotency_key)
     order by b.ordinality;
end
$$;
comment on function app_public.hold_beliefs is
  E'@resultFieldName beliefs\n@errors ID203 KY204 OB301 OB401 OB501 RN246 RN345 RN445 TK453 TK454 TK551 TK652\nKeeps 1 to 100 beliefs of an agent, all of them or none, and returns them. Recording the same belief again under its idempotency key keeps nothing. A belief that another one supersedes is kept with its evidence. It is for the API key of the agent, with can_record_usage, and for those with can_edit_agents. An error names the position of the first belief that is refused, from 1.';
grant execute on function app_public.hold_beliefs to rowhouse_user;

create or replace function app_public.retract_belief(id uuid, reason text default null) returns app_public.beliefs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_belief app_public.beliefs;
begin
  v_belief := conversation.require_belief(retract_belief.id);
  perform conversation.end_belief(v_belief, null, retract_belief.reason);
  select b.* into strict v_belief from app_public.beliefs b where b.tenant_id = v_belief.tenant_id and b.id = v_belief.id;
  return v_belief;
end
$$;
comment on function app_public.retract_belief is
  E'@resultFieldName belief\n@errors 23514 ID203 KY204 RN246 RN345 TK351 TK550\nRetracts a belief of an agent, with a reason of at most 1,000 characters; it is kept with its evidence. It is for the API key of the agent, with can_record_usage, and for those with can_edit_agents.';
grant execute on function app_public.retract_belief to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: erasing a person deletes evidence without being in its tenant
create or replace function conversation.tg_beliefs__keep_revision() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.belief_revisions (tenant_id, belief_id, revision, agent_id, revised_at, log_odds, confidence, supporting_count, opposing_count)
  values (new.tenant_id, new.id, new.revision, new.agent_id, core.clock(), new.log_odds, new.confidence, new.supporting_count, new.opposing_count);
  return null;
end
$$;
comment on function conversation.tg_beliefs__keep_revision is 'Keeps each change of a confidence as a revision.';
grant execute on function conversation.tg_beliefs__keep_revision to rowhouse_owner;
set local role rowhouse_owner;

create or replace trigger _500_keep_first_revision after insert on app_public.beliefs
  for each row execute function conversation.tg_beliefs__keep_revision();
create or replace trigger _500_keep_revision after update of revision on app_public.beliefs
  for each row when (old.revision is distinct from new.revision) execute function conversation.tg_beliefs__keep_revision();

call governance.define_data_kind('beliefs', 'Beliefs of agents that were superseded or retracted, with their evidence.', 1096);
call governance.add_table_to_kind('beliefs', 'app_public.beliefs', 'ended_at');
