-- Facts that agents keep. The knowledge of an agent is a knowledge source that is made with its first fact and assigned to the agent; a
-- fact that holds is a document in it. So search finds what holds now, by the source or by the agent, and what was superseded, retracted
-- or has expired is kept and not found.

call core.secure_tenant_table('app_public.agent_knowledge_base');
call audit.track('app_public.agent_knowledge_base');
call core.allow('app_public.agent_knowledge_base', read => 'member');
grant select on app_public.agent_knowledge_base to rowhouse_user;
grant select, delete on app_public.agent_knowledge_base to rowhouse_platform;
comment on table app_public.agent_knowledge_base is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nThe knowledge source that holds the facts of an agent. Search it with source_ids, or all sources of the agent with agent_id.';
comment on column app_public.agent_knowledge_base.tenant_id is 'The tenant.';
comment on column app_public.agent_knowledge_base.agent_id is 'The agent.';
comment on column app_public.agent_knowledge_base.source_id is 'The knowledge source.';
comment on column app_public.agent_knowledge_base.created_at is 'When the first fact was kept.';
comment on constraint agent_knowledge_base_tenant_id_agent_id_fkey on app_public.agent_knowledge_base is
  E'@fieldName agent\n@foreignSingleFieldName knowledgeBase';
comment on constraint agent_knowledge_base_tenant_id_source_id_fkey on app_public.agent_knowledge_base is
  E'@fieldName source\n@foreignSingleFieldName agentKnowledgeBase';
comment on constraint agent_knowledge_base_tenant_id_source_id_key on app_public.agent_knowledge_base is E'@behavior -single';

call core.secure_tenant_table('app_public.agent_knowledge');
call audit.track('app_public.agent_knowledge');
-- Agents that were deleted are few beside the facts, so they are looked up once a query.
create or replace function runtime.hidden_agent_ids() returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select a.id from app_public.agents a
     where a.tenant_id = core.current_tenant_id() and a.deleted_at is not null and not tenancy.has_permission('can_delete_agents'));
end
$$;
comment on function runtime.hidden_agent_ids is 'The deleted agents of this tenant, unless the caller may delete and restore agents.';
grant execute on function runtime.hidden_agent_ids to rowhouse_user;
create policy select_who_sees_the_agent on app_public.agent_knowledge for select to rowhouse_user
  using (agent_id <> all ((select runtime.hidden_agent_ids())::uuid[]));
grant select on app_public.agent_knowledge to rowhouse_user;
grant select, delete on app_public.agent_knowledge to rowhouse_platform;
comment on table app_public.agent_knowledge is
  E'@name agent_fact\n@behavior -insert -update -delete\n@large\nThe facts that agents keep, also those that hold no longer. Who sees an agent sees its facts.';
comment on column app_public.agent_knowledge.tenant_id is 'The tenant.';
comment on column app_public.agent_knowledge.id is 'The id of the fact; the same idempotency key always gives the same id.';
comment on column app_public.agent_knowledge.agent_id is 'The agent.';
comment on column app_public.agent_knowledge.subject is E'@personal erase\n@personOf about_user_id\nWhat the fact is about.';
comment on column app_public.agent_knowledge.statement is E'@personal erase\n@personOf about_user_id\n@behavior -filterBy -orderBy\nThe fact, in words.';
comment on column app_public.agent_knowledge.confidence is 'How sure the agent was, 0 to 1; null when it did not say.';
comment on column app_public.agent_knowledge.valid_from is 'From when it holds.';
comment on column app_public.agent_knowledge.valid_to is E'@infiniteIsNull\nUntil when it holds, exclusive; without an end it is infinity in SQL and null in the API.';
comment on column app_public.agent_knowledge.origin is 'Where it comes from.';
comment on column app_public.agent_knowledge.origin_id is E'@notPersonal\nThe id of where it comes from, as a text, which stays when that is deleted.';
comment on column app_public.agent_knowledge.origin_excerpt is E'@personal erase\n@personOf about_user_id\n@behavior -filterBy -orderBy\nThe words it was drawn from.';
comment on column app_public.agent_knowledge.about_user_id is E'@personal erase\nThe person whom it is about. When the person is erased, so is the fact.';
comment on column app_public.agent_knowledge.recorded_by_user_id is E'@personal pseudonymise\nWho recorded it: for an agent, the maker of its API key.';
comment on column app_public.agent_knowledge.api_key_id is 'The API key it was recorded with.';
comment on column app_public.agent_knowledge.recorded_at is 'When it was recorded.';
comment on column app_public.agent_knowledge.ended_at is 'When it was superseded or retracted; null while it is not.';
comment on column app_public.agent_knowledge.superseded_by_id is 'The fact that took its place.';
comment on column app_public.agent_knowledge.retraction_reason is E'@personal erase\n@personOf about_user_id\n@behavior -filterBy -orderBy\nWhy it was retracted.';
comment on column app_public.agent_knowledge.document_id is E'@kept\nThe document by which search finds it; null while it is not searched.';
comment on constraint agent_knowledge_tenant_id_agent_id_fkey on app_public.agent_knowledge is
  E'@fieldName agent\n@foreignFieldName facts';
comment on constraint agent_knowledge_tenant_id_document_id_fkey on app_public.agent_knowledge is
  E'@fieldName document\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';
comment on constraint agent_knowledge_about_user_id_fkey on app_public.agent_knowledge is E'@fieldName aboutUser\n@behavior -backward';
comment on constraint agent_knowledge_recorded_by_user_id_fkey on app_public.agent_knowledge is E'@fieldName recordedBy\n@behavior -backward';
comment on constraint subject_is_a_name on app_public.agent_knowledge is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint statement_is_in_range on app_public.agent_knowledge is 'must have 1 to 10,000 characters, with a visible one among them';
comment on constraint confidence_is_a_share on app_public.agent_knowledge is 'must be from 0 to 1';
comment on constraint valid_to_is_after_valid_from on app_public.agent_knowledge is 'must be after the start';
comment on domain app_public.agent_fact_origin is 'Where a fact comes from.';
comment on domain app_public.agent_fact_status is 'Whether a fact holds.';

comment on type app_public.new_agent_fact is 'A fact that an agent keeps.';
comment on column app_public.new_agent_fact.idempotency_key is E'@notNull\nA key of 1 to 255 characters that stays the same when the call is repeated.';
comment on column app_public.new_agent_fact.subject is E'@notNull\nWhat the fact is about, in at most 255 characters.';
comment on column app_public.new_agent_fact.statement is E'@notNull\nThe fact, in at most 10,000 characters.';
comment on column app_public.new_agent_fact.confidence is 'How sure the agent is, 0 to 1.';
comment on column app_public.new_agent_fact.valid_from is 'From when it holds; by default from now.';
comment on column app_public.new_agent_fact.valid_to is 'Until when it holds, exclusive; by default without an end.';
comment on column app_public.new_agent_fact.origin is 'Where it comes from; by default other.';
comment on column app_public.new_agent_fact.origin_id is 'The id of where it comes from, in at most 255 characters.';
comment on column app_public.new_agent_fact.origin_excerpt is 'The words it was drawn from, in at most 1,000 characters.';
comment on column app_public.new_agent_fact.about_user_id is 'The member whom it is about. When the person is erased, so is the fact.';
comment on column app_public.new_agent_fact.supersedes_id is 'The fact of the same agent whose place it takes.';

create or replace function app_public.agent_knowledge_status(fact app_public.agent_knowledge) returns app_public.agent_fact_status
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when (fact).superseded_by_id is not null then 'superseded'
    when (fact).ended_at is not null then 'retracted'
    when core.clock() < (fact).valid_from then 'future'
    when core.clock() >= (fact).valid_to then 'expired'
    else 'current'
  end;
$$;
comment on function app_public.agent_knowledge_status is
  E'@notNull\nWhether it holds: future (not yet), current, expired (no longer), superseded or retracted.';
grant execute on function app_public.agent_knowledge_status to rowhouse_user;

create or replace function runtime.most_facts() returns int
language sql immutable parallel safe
return 10000;
comment on function runtime.most_facts is 'How many facts of an agent may be neither superseded nor retracted.';

create or replace function runtime.lock_facts(agent_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  -- 7269741 is an arbitrary number that no other advisory lock of ours begins with.
  select pg_advisory_xact_lock(7269741, hashtext(lock_facts.agent_id::text));
$$;
comment on function runtime.lock_facts is
  'Lets one transaction at a time change the facts of an agent, so that their number, their successors and their documents stay true.';

create or replace function runtime.require_writer_of(agent_id uuid) returns app_public.agents
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key_agent_id constant uuid := tenancy.current_agent_id();
  v_agent app_public.agents;
begin
  if v_key_agent_id is null then
    perform tenancy.require_permission('can_edit_agents');
    perform tenancy.require_key_for_agent(require_writer_of.agent_id);
  elsif v_key_agent_id = require_writer_of.agent_id then
    perform tenancy.require_permission('can_record_usage');
  else
    perform core.raise_error('RN246', 'agent_id: This API key is of another agent.', 'Leave agent_id out to name the agent of the key.');
  end if;
  select a.* into v_agent from app_public.agents a
   where a.tenant_id = core.current_tenant_id() and a.id = require_writer_of.agent_id and a.deleted_at is null;
  if not found then
    perform core.raise_error('RN345', 'agent_id: There is no such agent of this tenant.',
      'List the agents of this tenant. Copy an agent that another tenant shares before it learns here.');
  end if;
  return v_agent;
end
$$;
comment on function runtime.require_writer_of is
  E'@errors ID203 KY204 RN246 RN345\nAn agent of this tenant, for its own API key with can_record_usage, or for those with can_edit_agents.';

create or replace function runtime.fact_problem(fact app_public.new_agent_fact, at timestamptz) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(
    case
      when fact.subject is null or not core.is_name(fact.subject) then 'subject must have 1 to 255 characters, and no control characters.'
      when fact.statement is null or fact.statement !~ '\S' or length(fact.statement) > 10000 then 'statement must have 1 to 10,000 characters.'
      when fact.confidence not between 0 and 1 then 'confidence must be from 0 to 1.'
      when not isfinite(fact.valid_from) then 'valid_from must be a time.'
      when coalesce(fact.valid_to, 'infinity') <= coalesce(fact.valid_from, at) then 'valid_to must be after valid_from.'
      when length(fact.origin_id) > 255 then 'origin_id must have at most 255 characters.'
      when length(fact.origin_excerpt) > 1000 then 'origin_excerpt must have at most 1,000 characters.'
    end,
    knowledge.cut_error('subject', fact.subject), knowledge.cut_error('statement', fact.statement));
$$;
comment on function runtime.fact_problem is 'What is wrong with a fact, as a sentence that names the field; null when nothing is.';

create or replace function runtime.check_facts(facts app_public.new_agent_fact[]) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
  v_count constant int := coalesce(cardinality(facts), 0);
  v_bad record;
begin
  if v_count not between 1 and 100 then
    perform core.raise_error('RN448', 'facts must be a list of 1 to 100.', 'Send several lists.');
  end if;
  perform observability.check_heads(array(
    select row(f.idempotency_key, v_now, null, null)::observability.event_head from unnest(facts) as f));
  select n as ordinal, p.problem into v_bad
    from generate_subscripts(facts, 1) as n
   cross join lateral runtime.fact_problem(facts[n], v_now) as p (problem)
   where p.problem is not null
   order by n limit 1;
  if found then
    perform core.raise_error('RN449', observability.row_in_words(v_bad.ordinal, v_count) || v_bad.problem, 'The comments of the fields say what they hold.');
  end if;
  select f.ordinality as ordinal into v_bad
    from unnest(facts) with ordinality as f
   where f.about_user_id is not null and not exists (
           select from app_public.user_tenants m where m.tenant_id = core.current_tenant_id() and m.user_id = f.about_user_id)
   order by f.ordinality limit 1;
  if found then
    perform observability.refuse_event('user', v_bad.ordinal, v_count);
  end if;
end
$$;
comment on function runtime.check_facts is
  E'@errors OB301 OB401 RN448 RN449\nRefuses a list of facts with one that cannot be kept; the error names its position.';

create or replace function runtime.knowledge_base_of(agent app_public.agents) returns app_public.agent_knowledge_base
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_base app_public.agent_knowledge_base;
begin
  select b.* into v_base from app_public.agent_knowledge_base b where b.tenant_id = (agent).tenant_id and b.agent_id = (agent).id;
  if found then
    -- Who deletes the source by hand deletes no fact. The next fact brings it back.
    update app_public.rag_knowledge_sources s set deleted_at = null where s.id = v_base.source_id and s.deleted_at is not null;
    return v_base;
  end if;
  with source as (
    insert into app_public.rag_knowledge_sources (tenant_id, name, display_name, description, category, created_by_user_id)
    values ((agent).tenant_id, 'agent-knowledge-' || (agent).id, left('Knowledge of ' || coalesce((agent).display_name, (agent).name), 255),
            'The facts that this agent keeps and that hold now.', 'Agent knowledge', null)
    returning id
  )
  insert into app_public.agent_knowledge_base (tenant_id, agent_id, source_id)
  select (agent).tenant_id, (agent).id, source.id from source
  returning * into v_base;
  insert into app_public.agent_knowledge_sources (tenant_id, agent_id, source_id) values (v_base.tenant_id, v_base.agent_id, v_base.source_id);
  return v_base;
end
$$;
comment on function runtime.knowledge_base_of is
  'The knowledge source of an agent''s facts; it is made, and assigned to the agent, when there is none. Whoever calls has locked the facts of the agent.';

create or replace function runtime.fact_document(fact app_public.agent_knowledge) returns app_public.new_document
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select row((fact).id::text, (fact).subject, (fact).statement, jsonb_strip_nulls(jsonb_build_object(
    'fact_id', (fact).id, 'agent_id', (fact).agent_id, 'confidence', (fact).confidence, 'valid_from', (fact).valid_from,
    'valid_to', nullif((fact).valid_to, 'infinity'), 'origin', (fact).origin, 'origin_id', (fact).origin_id)))::app_public.new_document;
$$;
comment on function runtime.fact_document is 'A fact as a document: its subject is the title, and its metadata have where it comes from and when it holds.';

create or replace function runtime.show_facts(base app_public.agent_knowledge_base) returns int
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources;
  v_fact app_public.agent_knowledge;
  v_document_id uuid;
  v_document_ids uuid[] := '{}';
  v_most constant int := 500;
begin
  select s.* into strict v_source from app_public.rag_knowledge_sources s where s.id = (base).source_id;
  for v_fact in
    select k.* from app_public.agent_knowledge k
     where k.tenant_id = (base).tenant_id and k.agent_id = (base).agent_id and k.document_id is null and k.ended_at is null
       and k.valid_from <= core.clock() and k.valid_to > core.clock()
     order by k.id limit v_most
  loop
    v_document_id := (knowledge.put_document(v_source, runtime.fact_document(v_fact))).document_id;
    update app_public.agent_knowledge k set document_id = v_document_id where k.tenant_id = v_fact.tenant_id and k.id = v_fact.id;
    v_document_ids := v_document_ids || v_document_id;
  end loop;
  -- The document is the agent's and not of whoever made its API key, with whom it would be erased.
  update app_public.documents d set created_by_user_id = null where d.tenant_id = (base).tenant_id and d.id = any (v_document_ids);
  perform knowledge.enqueue_stage('chunk', (base).tenant_id, v_document_ids);
  return cardinality(v_document_ids);
end
$$;
comment on function runtime.show_facts is
  'Makes documents of the facts of an agent that hold and are not searched, at most 500, and returns how many. Whoever calls has locked the facts of the agent.';

create or replace function runtime.end_facts(tenant_id uuid, ids uuid[], successor_ids uuid[], reason text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- The foreign key empties document_id.
  delete from app_public.documents d
   using app_public.agent_knowledge k
   where k.tenant_id = end_facts.tenant_id and k.id = any (end_facts.ids) and d.tenant_id = k.tenant_id and d.id = k.document_id;
  update app_public.agent_knowledge k
     set ended_at = core.clock(), superseded_by_id = e.successor_id, retraction_reason = end_facts.reason
    from unnest(end_facts.ids, end_facts.successor_ids) as e (id, successor_id)
   where k.tenant_id = end_facts.tenant_id and k.id = e.id;
end
$$;
comment on function runtime.end_facts is 'Ends facts that hold, each with its successor or all with a reason, and takes them out of the search.';

create or replace function runtime.supersede_facts(agent_id uuid, facts app_public.new_agent_fact[], claimed int[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_ordinal bigint;
begin
  select f.ordinality into v_ordinal
    from unnest(facts) with ordinality as f
    left join app_public.agent_knowledge k
      on k.tenant_id = v_tenant_id and k.agent_id = supersede_facts.agent_id and k.id = f.supersedes_id and k.ended_at is null
   where f.ordinality = any (supersede_facts.claimed) and f.supersedes_id is not null
     -- A fact has one successor.
     and (k.id is null or exists (
       select from unnest(facts) with ordinality as other
        where other.supersedes_id = f.supersedes_id and other.ordinality < f.ordinality and other.ordinality = any (supersede_facts.claimed)))
   order by f.ordinality limit 1;
  if found then
    perform core.raise_error('RN545',
      observability.row_in_words(v_ordinal, cardinality(facts)) || 'supersedes_id: This agent has no such fact, or it was superseded or retracted before.',
      'Read the facts of the agent again.');
  end if;
  perform runtime.end_facts(v_tenant_id,
    array(select f.supersedes_id from unnest(facts) with ordinality as f
           where f.ordinality = any (supersede_facts.claimed) and f.supersedes_id is not null order by f.ordinality),
    array(select observability.event_id(v_tenant_id, 'agent_fact', f.idempotency_key) from unnest(facts) with ordinality as f
           where f.ordinality = any (supersede_facts.claimed) and f.supersedes_id is not null order by f.ordinality), null);
end
$$;
comment on function runtime.supersede_facts is
  E'@errors RN545\nEnds the facts whose place new ones take. Whoever calls has locked the facts of the agent.';

create or replace function runtime.insert_facts(agent_id uuid, facts app_public.new_agent_fact[], claimed int[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
begin
  insert into app_public.agent_knowledge (
    tenant_id, id, agent_id, subject, statement, confidence, valid_from, valid_to, origin, origin_id, origin_excerpt, about_user_id,
    recorded_by_user_id, api_key_id, recorded_at)
  select v_tenant_id, observability.event_id(v_tenant_id, 'agent_fact', f.idempotency_key), insert_facts.agent_id, f.subject, f.statement,
         f.confidence, coalesce(f.valid_from, v_now), coalesce(f.valid_to, 'infinity'), coalesce(f.origin, 'other'), f.origin_id,
         f.origin_excerpt, f.about_user_id, core.current_user_id(), core.current_api_key_id(), v_now
    from unnest(facts) with ordinality as f
   where f.ordinality = any (insert_facts.claimed);
  if (select count(*) from app_public.agent_knowledge k
       where k.tenant_id = v_tenant_id and k.agent_id = insert_facts.agent_id and k.ended_at is null) > runtime.most_facts() then
    perform core.raise_error('RN645', 'An agent keeps at most 10,000 facts.', 'Retract facts that are not needed, or supersede several by one.');
  end if;
end
$$;
comment on function runtime.insert_facts is
  E'@errors RN645\nAdds facts to those of an agent. Whoever calls has locked the facts of the agent.';

create or replace function app_public.keep_agent_facts(facts app_public.new_agent_fact[], agent_id uuid default null)
returns setof app_public.agent_knowledge
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent_id constant uuid := coalesce(keep_agent_facts.agent_id, tenancy.current_agent_id());
  v_agent app_public.agents;
  v_base app_public.agent_knowledge_base;
  v_new int[];
begin
  if v_agent_id is null then
    perform core.raise_error('RN445', 'agent_id is missing.', 'Name the agent, or use the API key of an agent.');
  end if;
  v_agent := runtime.require_writer_of(v_agent_id);
  perform tenancy.require_feature('rag_enabled');
  perform runtime.check_facts(facts);
  perform runtime.lock_facts(v_agent.id);
  v_base := runtime.knowledge_base_of(v_agent);
  -- Before any document is deleted, in the order in which createDocuments locks.
  perform knowledge.lock_loading(v_base.source_id);
  v_new := observability.claim_keys('agent_fact',
    array(select f.idempotency_key from unnest(facts) as f),
    array(select hash_record_extended(row(v_agent_id, f), 0) from unnest(facts) as f));
  -- A fact is kept for longer than its key.
  v_new := array(
    select n from unnest(v_new) as n
     where not exists (select from app_public.agent_knowledge k
             where k.tenant_id = v_agent.tenant_id and k.id = observability.event_id(v_agent.tenant_id, 'agent_fact', facts[n].idempotency_key)));
  perform runtime.supersede_facts(v_agent_id, facts, v_new);
  perform runtime.insert_facts(v_agent_id, facts, v_new);
  perform runtime.show_facts(v_base);
  return query
    select k.*
      from unnest(facts) with ordinality as f
      join app_public.agent_knowledge k
        on k.tenant_id = v_agent.tenant_id and k.id = observability.event_id(v_agent.tenant_id, 'agent_fact', f.idempotency_key)
     order by f.ordinality;
end
$$;
comment on function app_public.keep_agent_facts is
  E'@resultFieldName facts\n@errors ID203 KY204 OB301 OB401 OB501 QT601 RN246 RN345 RN445 RN448 RN449 RN545 RN645 TN204\nKeeps 1 to 100 facts of an agent, all of them or none, and returns them. Those that hold now are found by search as soon as they are indexed; those that they supersede are not found any more. Recording the same fact again under its idempotency key stores nothing. It is for the API key of the agent, with can_record_usage, and for those with can_edit_agents. An error names the position of the first fact that is refused, from 1.';
grant execute on function app_public.keep_agent_facts to rowhouse_user;

create or replace function app_public.retract_agent_fact(id uuid, reason text default null) returns app_public.agent_knowledge
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_fact app_public.agent_knowledge;
begin
  select k.* into v_fact from app_public.agent_knowledge k
   where k.tenant_id = core.current_tenant_id() and k.id = retract_agent_fact.id;
  if not found then
    perform core.raise_error('RN346', 'There is no such fact.', 'List the facts of the agent.');
  end if;
  perform runtime.require_writer_of(v_fact.agent_id);
  perform runtime.lock_facts(v_fact.agent_id);
  select k.* into strict v_fact from app_public.agent_knowledge k where k.tenant_id = v_fact.tenant_id and k.id = v_fact.id;
  if v_fact.ended_at is not null then
    perform core.raise_error('RN546', 'The fact was superseded or retracted before.', 'Read the facts of the agent again.');
  end if;
  perform runtime.end_facts(v_fact.tenant_id, array[v_fact.id], array[null::uuid], retract_agent_fact.reason);
  select k.* into strict v_fact from app_public.agent_knowledge k where k.tenant_id = v_fact.tenant_id and k.id = v_fact.id;
  return v_fact;
end
$$;
comment on function app_public.retract_agent_fact is
  E'@resultFieldName fact\n@errors 23514 ID203 KY204 RN246 RN345 RN346 RN546\nRetracts a fact of an agent, with a reason of at most 1,000 characters: it is kept, and search does not find it any more. It is for the API key of the agent, with can_record_usage, and for those with can_edit_agents.';
grant execute on function app_public.retract_agent_fact to rowhouse_user;
