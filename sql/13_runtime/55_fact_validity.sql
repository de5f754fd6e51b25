-- What time, deletion and retention do to facts: a task takes facts that have expired out of the search and brings in those that begin
-- to hold; the knowledge of an agent is deleted and restored with it; a fact that is deleted takes its document along.

create or replace function runtime.show_due_facts(tenant_id uuid, agent_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_base app_public.agent_knowledge_base;
begin
  perform set_config('rowhouse.tenant_id', show_due_facts.tenant_id::text, true);
  perform runtime.lock_facts(show_due_facts.agent_id);
  select b.* into v_base
    from app_public.agent_knowledge_base b
    join app_public.rag_knowledge_sources s on s.id = b.source_id and s.deleted_at is null
   where b.tenant_id = show_due_facts.tenant_id and b.agent_id = show_due_facts.agent_id;
  if not found or not tenancy.tenant_feature_enabled('rag_enabled') then
    return 0;
  end if;
  return runtime.show_facts(v_base);
end
$$;
comment on function runtime.show_due_facts is 'Brings the facts of an agent that hold, and are not searched, into the search. Returns how many.';
grant execute on function runtime.show_due_facts to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: facts of all tenants begin and cease to hold
create or replace function runtime.refresh_facts(most int default 500) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
  v_hidden int;
  v_due record;
begin
  with expired as (
    select k.tenant_id, k.document_id from app_public.agent_knowledge k
     where k.document_id is not null and k.valid_to <= v_now
     order by k.valid_to limit refresh_facts.most
  )
  delete from app_public.documents d using expired e where d.tenant_id = e.tenant_id and d.id = e.document_id;
  get diagnostics v_hidden = row_count;
  for v_due in
    select distinct k.tenant_id, k.agent_id
      from app_public.agent_knowledge k
      join app_public.agent_knowledge_base b on b.tenant_id = k.tenant_id and b.agent_id = k.agent_id
      join app_public.rag_knowledge_sources s on s.id = b.source_id and s.deleted_at is null
     where k.document_id is null and k.ended_at is null and k.valid_from <= v_now and k.valid_to > v_now
     order by 1, 2 limit refresh_facts.most
  loop
    perform core.enqueue_tenant_job('runtime__show_facts', json_build_object('tenantId', v_due.tenant_id, 'agentId', v_due.agent_id),
      v_due.tenant_id, 'runtime__show_facts:' || v_due.agent_id);
  end loop;
  return v_hidden;
end
$$;
comment on function runtime.refresh_facts is
  'Takes facts that have expired out of the search, at most so many, and queues a job for each agent with facts that hold and are not searched. Returns how many it took out.';
grant execute on function runtime.refresh_facts to rowhouse_worker;

create or replace function runtime.tg_agent_knowledge__delete_documents() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.documents d using removed k where d.tenant_id = k.tenant_id and d.id = k.document_id;
  return null;
end
$$;
comment on function runtime.tg_agent_knowledge__delete_documents is 'Deletes the documents of facts that are deleted, so that search does not find them.';
grant execute on function runtime.tg_agent_knowledge__delete_documents to rowhouse_owner;

create or replace function runtime.tg_agents__follow_with_knowledge() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.rag_knowledge_sources s set deleted_at = new.deleted_at
    from app_public.agent_knowledge_base b
   where b.tenant_id = new.tenant_id and b.agent_id = new.id and s.id = b.source_id;
  return null;
end
$$;
comment on function runtime.tg_agents__follow_with_knowledge is 'Deletes and restores the knowledge source of an agent''s facts together with the agent.';
grant execute on function runtime.tg_agents__follow_with_knowledge to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _500_delete_documents after delete on app_public.agent_knowledge
  referencing old table as removed for each statement execute function runtime.tg_agent_knowledge__delete_documents();
create or replace trigger _620_follow_with_knowledge after update of deleted_at on app_public.agents
  for each row when (old.deleted_at is distinct from new.deleted_at) execute function runtime.tg_agents__follow_with_knowledge();

call governance.define_data_kind('agent_facts', 'Facts of agents that were superseded or retracted.', 1096);
call governance.add_table_to_kind('agent_facts', 'app_public.agent_knowledge', 'ended_at');
