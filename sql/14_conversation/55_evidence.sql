-- Evidence: what speaks for a belief of an agent and what against it, from where. Evidence never changes and can only be retracted.
-- The idea: what is added, retracted or deleted has triggers weigh the belief anew under the lock of its row, from all evidence that is
-- there, so the confidence does not depend on the order in which evidence came or on how many wrote at once.

call core.secure_tenant_table('app_public.evidence');
call audit.track('app_public.evidence');
create policy select_who_sees_the_agent on app_public.evidence for select to rowhouse_user
  using (agent_id <> all ((select runtime.hidden_agent_ids())::uuid[]));
grant select on app_public.evidence to rowhouse_user;
grant select, delete on app_public.evidence to rowhouse_platform;
comment on table app_public.evidence is
  E'@name evidence_item\n@behavior -insert -update -delete -query:resource:connection\n@large\nWhat supports or opposes the beliefs of agents. Who sees an agent sees the evidence of its beliefs.';
comment on column app_public.evidence.tenant_id is 'The tenant.';
comment on column app_public.evidence.id is 'The id of the piece of evidence; the same idempotency key always gives the same id.';
comment on column app_public.evidence.belief_id is 'The belief.';
comment on column app_public.evidence.agent_id is 'The agent.';
comment on column app_public.evidence.stance is 'Whether it supports the claim or opposes it.';
comment on column app_public.evidence.reliability is 'How often evidence of this kind is right, 0.5 to 0.99; 0.5 says nothing.';
comment on column app_public.evidence.weight is
  'The weight of evidence in nats: ln(reliability / (1 - reliability)), negative when it opposes the claim.';
comment on column app_public.evidence.statement is E'@personal erase\n@personOf about_user_id\n@behavior -filterBy -orderBy\nThe evidence, in words.';
comment on column app_public.evidence.origin is 'Where it comes from.';
comment on column app_public.evidence.origin_id is E'@notPersonal\nThe id of where it comes from, as a text, which stays when that is deleted.';
comment on column app_public.evidence.origin_excerpt is E'@personal erase\n@personOf about_user_id\n@behavior -filterBy -orderBy\nThe words it was drawn from, which stay when their document is deleted.';
comment on column app_public.evidence.independence_group is
  E'@notPersonal\nPieces of one group come from one source, so together they count no more than the heaviest for the claim and the heaviest against it.';
comment on column app_public.evidence.about_user_id is E'@personal erase\nThe person whom the belief is about. When the person is erased, so is the evidence.';
comment on column app_public.evidence.recorded_by_user_id is E'@personal pseudonymise\nWho recorded it: for an agent, the maker of its API key.';
comment on column app_public.evidence.api_key_id is 'The API key it was recorded with.';
comment on column app_public.evidence.recorded_at is 'When it was recorded.';
comment on column app_public.evidence.retracted_at is 'When it was retracted; null while it counts.';
comment on column app_public.evidence.retraction_reason is E'@personal erase\n@personOf about_user_id\n@behavior -filterBy -orderBy\nWhy it was retracted.';
comment on constraint statement_is_in_range on app_public.evidence is 'must have 1 to 2,000 characters, with a visible one among them';
comment on constraint reliability_is_in_range on app_public.evidence is 'must be from 0.5 to 0.99';
comment on constraint evidence_tenant_id_belief_id_agent_id_fkey on app_public.evidence is E'@fieldName belief\n@foreignFieldName evidence';
comment on constraint evidence_about_user_id_fkey on app_public.evidence is E'@fieldName aboutUser\n@behavior -backward';
comment on constraint evidence_recorded_by_user_id_fkey on app_public.evidence is E'@fieldName recordedBy\n@behavior -backward';
comment on domain app_public.evidence_stance is 'Whether evidence supports a claim or opposes it.';
comment on domain app_public.evidence_origin is 'Where evidence comes from.';

comment on type app_public.new_evidence is 'A piece of evidence for or against a belief.';
comment on column app_public.new_evidence.idempotency_key is E'@notNull\nA key of 1 to 255 characters that stays the same when the call is repeated.';
comment on column app_public.new_evidence.stance is E'@notNull\nWhether it supports the claim or opposes it.';
comment on column app_public.new_evidence.reliability is E'@notNull\nHow often evidence of this kind is right, 0.5 to 0.99; 0.5 says nothing.';
comment on column app_public.new_evidence.statement is E'@notNull\nThe evidence, in at most 2,000 characters.';
comment on column app_public.new_evidence.origin is 'Where it comes from; by default other.';
comment on column app_public.new_evidence.origin_id is 'The id of where it comes from, in at most 255 characters.';
comment on column app_public.new_evidence.origin_excerpt is 'The words it was drawn from, in at most 1,000 characters.';
comment on column app_public.new_evidence.independence_group is
  'The source that it shares with other evidence of the belief, in at most 255 characters, such as the name of a study that two articles report. By default origin and origin_id; evidence without an origin_id stands alone.';

create or replace function conversation.log_odds_of(belief app_public.beliefs) returns double precision
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- in one order, so that equal evidence gives equal bits
  select conversation.weight_of((belief).prior) + coalesce(sum(g.weight order by g.independence_group), 0)
    from (
      select e.independence_group collate "C" as independence_group,
             coalesce(max(e.weight) filter (where e.stance = 'supports'), 0) + coalesce(min(e.weight) filter (where e.stance = 'opposes'), 0) as weight
        from app_public.evidence e
       where e.tenant_id = (belief).tenant_id and e.belief_id = (belief).id and e.retracted_at is null
       group by 1
    ) as g;
$$;
comment on function conversation.log_odds_of is
  'The log-odds of a belief: those of its prior, and for each independence group the heaviest piece that supports it less the heaviest that opposes it.';
grant execute on function conversation.log_odds_of to rowhouse_platform;

create or replace function conversation.evidence_problem(evidence app_public.new_evidence) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when evidence.stance is null then 'stance is missing: supports or opposes.'
    when evidence.reliability is null or not evidence.reliability between 0.5 and 0.99 then 'reliability must be from 0.5 to 0.99.'
    when evidence.statement is null or evidence.statement !~ '\S' or length(evidence.statement) > 2000 then 'statement must have 1 to 2,000 characters.'
    when not coalesce(length(evidence.origin_id), 1) between 1 and 255 then 'origin_id must have 1 to 255 characters.'
    when length(evidence.origin_excerpt) > 1000 then 'origin_excerpt must have at most 1,000 characters.'
    when not coalesce(length(evidence.independence_group), 1) between 1 and 255 then 'independence_group must have 1 to 255 characters.' end;
$$;
comment on function conversation.evidence_problem is 'What is wrong with a piece of evidence, as a sentence that names the field; null when nothing is.';

create or replace function conversation.check_evidence(evidence app_public.new_evidence[]) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count constant int := coalesce(cardinality(evidence), 0);
  v_bad record;
begin
  if v_count not between 1 and 100 then
    perform core.raise_error('TK455', 'The evidence is not a list of 1 to 100.', 'Send several lists.');
  end if;
  select n as ordinal, p.problem, p.lacks_key into v_bad
    from generate_series(1, v_count) as n
   cross join lateral (
     select conversation.evidence_problem(evidence[n]) as problem,
            coalesce(length(evidence[n].idempotency_key), 0) not between 1 and 255 as lacks_key) as p
   where p.problem is not null or p.lacks_key
   order by n limit 1;
  if not found then
    return;
  elsif v_bad.lacks_key then
    perform observability.refuse_event('key', v_bad.ordinal, v_count);
  end if;
  perform core.raise_error('TK456', observability.row_in_words(v_bad.ordinal, v_count) || v_bad.problem, 'The comments of the fields say what they hold.');
end
$$;
comment on function conversation.check_evidence is E'@errors OB401 TK455 TK456\nRefuses a list with evidence that cannot be kept.';

create or replace function conversation.independence_group_of(evidence app_public.new_evidence, id uuid) returns text
language sql immutable parallel safe
return coalesce(evidence.independence_group, coalesce(evidence.origin, 'other') || ':' || evidence.origin_id, independence_group_of.id::text);
comment on function conversation.independence_group_of is 'The group that a piece of evidence is in: the one it names, that of its source, or one of its own.';

create or replace function conversation.check_sources(belief app_public.beliefs) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_twice record;
begin
  select e.origin, e.origin_id into v_twice
    from app_public.evidence e
   where e.tenant_id = (belief).tenant_id and e.belief_id = (belief).id and e.origin_id is not null
   group by e.origin, e.origin_id
  having count(distinct e.independence_group) > 1
   limit 1;
  if found then
    perform core.raise_error('TK552', format('independence_group: The source %s %s is in another group of this belief already.', v_twice.origin, v_twice.origin_id),
      'Give all evidence from one source the same group, or leave the group out.');
  end if;
end
$$;
comment on function conversation.check_sources is
  E'@errors TK552\nRefuses evidence that would have one source count twice by being in two groups. Whoever calls has locked the belief.';

create or replace function app_public.add_evidence(belief_id uuid, evidence app_public.new_evidence[]) returns setof app_public.evidence
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_belief app_public.beliefs;
  v_new int[];
  v_most constant int := 1000;
begin
  v_belief := conversation.require_belief(add_evidence.belief_id, is_current => false);
  perform conversation.check_evidence(evidence);
  v_new := observability.claim_keys('evidence',
    array(select e.idempotency_key from unnest(evidence) as e),
    array(select hash_record_extended(row(v_belief.id, e), 0) from unnest(evidence) as e));
  v_new := array(
    select n from unnest(v_new) as n
     where not exists (select from app_public.evidence e
             where e.tenant_id = v_belief.tenant_id and e.id = observability.event_id(v_belief.tenant_id, 'evidence', evidence[n].idempotency_key)));
  if v_new <> '{}' and v_belief.ended_at is not null then
    perform core.raise_error('TK550', 'The belief was superseded or retracted before.', 'Read the beliefs of the agent again.');
  end if;
  insert into app_public.evidence (
    tenant_id, id, belief_id, agent_id, stance, reliability, statement, origin, origin_id, origin_excerpt, independence_group, about_user_id,
    recorded_by_user_id, api_key_id, recorded_at)
  select v_belief.tenant_id, i.id, v_belief.id, v_belief.agent_id, e.stance, e.reliability, e.statement, coalesce(e.origin, 'other'),
         e.origin_id, e.origin_excerpt, conversation.independence_group_of(evidence[n], i.id), v_belief.about_user_id,
         core.current_user_id(), core.current_api_key_id(), core.clock()
    from unnest(v_new) as n
   cross join lateral (select (evidence[n]).*) as e
   cross join lateral (select observability.event_id(v_belief.tenant_id, 'evidence', e.idempotency_key) as id) as i;
  perform conversation.check_sources(v_belief);
  if (select count(*) from app_public.evidence e where e.tenant_id = v_belief.tenant_id and e.belief_id = v_belief.id) > v_most then
    perform core.raise_error('TK653', 'A belief has at most 1,000 pieces of evidence, retracted ones included.', 'Supersede the belief by one that begins with this confidence as its prior.');
  end if;
  return query
    select k.*
      from unnest(evidence) with ordinality as e
      join app_public.evidence k
        on k.tenant_id = v_belief.tenant_id and k.id = observability.event_id(v_belief.tenant_id, 'evidence', e.idempotency_key)
     order by e.ordinality;
end
$$;
comment on function app_public.add_evidence is
  E'@resultFieldName evidence\n@errors ID203 KY204 OB401 OB501 RN246 RN345 TK351 TK455 TK456 TK550 TK552 TK653\nAdds 1 to 100 pieces of evidence to a belief, all of them or none, and returns them; the confidence of the belief follows at once. Recording the same piece again under its idempotency key adds nothing. It is for the API key of the agent, with can_record_usage, and for those with can_edit_agents. An error names the position of the first piece that is refused, from 1.';
grant execute on function app_public.add_evidence to rowhouse_user;

create or replace function app_public.retract_evidence(id uuid, reason text default null) returns app_public.evidence
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_evidence app_public.evidence;
  v_belief app_public.beliefs;
begin
  select e.* into v_evidence from app_public.evidence e where e.tenant_id = core.current_tenant_id() and e.id = retract_evidence.id;
  if not found then
    perform core.raise_error('TK352', 'There is no such evidence.', 'Read the evidence of the belief.');
  end if;
  v_belief := conversation.require_belief(v_evidence.belief_id, is_current => false);
  update app_public.evidence e
     set retracted_at = core.clock(), retraction_reason = retract_evidence.reason
   where e.tenant_id = v_belief.tenant_id and e.id = v_evidence.id and e.retracted_at is null
  returning e.* into v_evidence;
  if not found then
    perform core.raise_error('TK553', 'The evidence was retracted before.', 'Read the evidence of the belief again.');
  end if;
  return v_evidence;
end
$$;
comment on function app_public.retract_evidence is
  E'@resultFieldName evidence\n@errors 23514 ID203 KY204 RN246 RN345 TK351 TK352 TK553\nRetracts a piece of evidence, with a reason of at most 1,000 characters: it is kept and does not count any more; the confidence of the belief follows at once. It is for the API key of the agent, with can_record_usage, and for those with can_edit_agents.';
grant execute on function app_public.retract_evidence to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: erasing a person deletes evidence without being in its tenant
create or replace function conversation.tg_evidence__weigh_beliefs() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_belief app_public.beliefs;
begin
  for v_belief in
    select b.* from app_public.beliefs b
     where (b.tenant_id, b.id) in (select c.tenant_id, c.belief_id from changed c)
     order by b.tenant_id, b.id
       for update
  loop
    -- A statement of its own sees what those who had the lock have committed.
    update app_public.beliefs b
       set log_odds = w.log_odds, supporting_count = w.supporting_count, opposing_count = w.opposing_count, revision = b.revision + 1
      from (select conversation.log_odds_of(v_belief) as log_odds,
                   count(*) filter (where e.stance = 'supports') as supporting_count, count(*) filter (where e.stance = 'opposes') as opposing_count
              from app_public.evidence e
             where e.tenant_id = v_belief.tenant_id and e.belief_id = v_belief.id and e.retracted_at is null) as w
     where b.tenant_id = v_belief.tenant_id and b.id = v_belief.id
       and (b.log_odds, b.supporting_count, b.opposing_count) is distinct from (w.log_odds, w.supporting_count, w.opposing_count);
  end loop;
  return null;
end
$$;
comment on function conversation.tg_evidence__weigh_beliefs is
  'Weighs beliefs anew whose evidence was added, retracted or deleted, each under the lock of its row.';
grant execute on function conversation.tg_evidence__weigh_beliefs to rowhouse_owner;
set local role rowhouse_owner;

create or replace trigger _500_weigh_added after insert on app_public.evidence
  referencing new table as changed for each statement execute function conversation.tg_evidence__weigh_beliefs();
create or replace trigger _500_weigh_retracted after update on app_public.evidence
  referencing new table as changed for each statement execute function conversation.tg_evidence__weigh_beliefs();
create or replace trigger _500_weigh_deleted after delete on app_public.evidence
  referencing old table as changed for each statement execute function conversation.tg_evidence__weigh_beliefs();
