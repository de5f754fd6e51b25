-- Evidence packs: evidence that was gathered for a claim or a decision. Once a decision was made with a pack, the pack is frozen: nothing
-- is added or removed any more. Because evidence never changes, its items show what was known then; a retraction has its own time.

call core.secure_tenant_table('app_public.evidence_pack');
call audit.track('app_public.evidence_pack');
call core.allow('app_public.evidence_pack', read => 'member');
grant select on app_public.evidence_pack to rowhouse_user;
grant select, delete on app_public.evidence_pack to rowhouse_platform;
comment on table app_public.evidence_pack is
  E'@behavior -insert -update -delete\n@large\nEvidence that was gathered for a claim or a decision. Members see all packs, and of the evidence in them that of agents that they see.';
comment on column app_public.evidence_pack.tenant_id is 'The tenant.';
comment on column app_public.evidence_pack.id is 'The id of the pack; the same idempotency key always gives the same id.';
comment on column app_public.evidence_pack.title is E'@personal erase\n@personOf created_by_user_id\nThe title.';
comment on column app_public.evidence_pack.claim is E'@personal erase\n@personOf created_by_user_id\n@behavior -filterBy -orderBy\nWhat it is about, in words.';
comment on column app_public.evidence_pack.item_count is E'@behavior -filterBy -orderBy\nHow many pieces of evidence were put into it, at most 200.';
comment on column app_public.evidence_pack.created_by_user_id is E'@personal pseudonymise\nWho made it.';
comment on column app_public.evidence_pack.api_key_id is 'The API key it was made with.';
comment on column app_public.evidence_pack.created_at is 'When it was made.';
comment on column app_public.evidence_pack.frozen_at is 'When it was used for a decision; null while it can be changed.';
comment on column app_public.evidence_pack.decision is E'@personal erase\n@personOf used_by_user_id\n@behavior -filterBy -orderBy\nThe decision that was made with it.';
comment on column app_public.evidence_pack.used_by_user_id is E'@personal pseudonymise\nWho made the decision.';
comment on constraint evidence_pack_created_by_user_id_fkey on app_public.evidence_pack is E'@fieldName createdBy\n@behavior -backward';
comment on constraint evidence_pack_used_by_user_id_fkey on app_public.evidence_pack is E'@fieldName usedBy\n@behavior -backward';
comment on constraint title_is_a_name on app_public.evidence_pack is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';

call core.secure_tenant_table('app_public.evidence_pack_items');
call audit.leave_out('derived from other tables by rules', 'app_public.evidence_pack_items');
call core.allow('app_public.evidence_pack_items', read => 'member');
grant select on app_public.evidence_pack_items to rowhouse_user;
grant select, delete on app_public.evidence_pack_items to rowhouse_platform;
comment on table app_public.evidence_pack_items is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\n@large\nThe evidence in packs.';
comment on column app_public.evidence_pack_items.tenant_id is 'The tenant.';
comment on column app_public.evidence_pack_items.pack_id is 'The pack.';
comment on column app_public.evidence_pack_items.evidence_id is 'The piece of evidence.';
comment on column app_public.evidence_pack_items.added_at is 'When it was put into the pack.';
comment on constraint evidence_pack_items_tenant_id_pack_id_fkey on app_public.evidence_pack_items is E'@fieldName pack\n@foreignFieldName items';
comment on constraint evidence_pack_items_tenant_id_evidence_id_fkey on app_public.evidence_pack_items is E'@fieldName evidence\n@foreignFieldName packItems';

create or replace function conversation.change_items(pack app_public.evidence_pack, add uuid[], remove uuid[]) returns app_public.evidence_pack
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_pack app_public.evidence_pack := pack;
  v_most constant int := 200;
begin
  if cardinality(add) > v_most or cardinality(remove) > v_most then
    perform core.raise_error('TK459', 'The lists have more than 200 pieces of evidence.', 'Make several packs.');
  elsif exists (
    select from unnest(add) as a (id)
     where not exists (select from app_public.evidence e
             where e.tenant_id = v_pack.tenant_id and e.id = a.id and e.retracted_at is null and e.agent_id <> all (runtime.hidden_agent_ids()))) then
    perform core.raise_error('TK352', 'One of the pieces of evidence does not exist, or was retracted.', 'Read the evidence of the beliefs again.');
  end if;
  delete from app_public.evidence_pack_items i where i.tenant_id = v_pack.tenant_id and i.pack_id = v_pack.id and i.evidence_id = any (remove);
  insert into app_public.evidence_pack_items (tenant_id, pack_id, evidence_id, added_at)
  select distinct v_pack.tenant_id, v_pack.id, a.id, core.clock() from unnest(add) as a (id)
  on conflict on constraint evidence_pack_items_pkey do nothing;
  v_pack.item_count := (select count(*) from app_public.evidence_pack_items i where i.tenant_id = v_pack.tenant_id and i.pack_id = v_pack.id);
  if v_pack.item_count > v_most then
    perform core.raise_error('TK655', 'A pack has at most 200 pieces of evidence.', 'Remove some, or make several packs.');
  end if;
  update app_public.evidence_pack p set item_count = v_pack.item_count where p.tenant_id = v_pack.tenant_id and p.id = v_pack.id;
  return v_pack;
end
$$;
comment on function conversation.change_items is
  E'@errors TK352 TK459 TK655\nAdds evidence to a pack that is locked and not frozen, and removes other.';

create or replace function conversation.lock_pack(id uuid) returns app_public.evidence_pack
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_pack app_public.evidence_pack;
begin
  select p.* into v_pack from app_public.evidence_pack p where p.tenant_id = core.current_tenant_id() and p.id = lock_pack.id for update;
  if not found then
    perform core.raise_error('TK354', 'There is no such evidence pack.', 'List the evidence packs.');
  end if;
  return v_pack;
end
$$;
comment on function conversation.lock_pack is E'@errors TK354\nAn evidence pack of this tenant, locked.';

create or replace function app_public.create_evidence_pack(
  idempotency_key text, title text, claim text default null, evidence_ids uuid[] default '{}') returns app_public.evidence_pack
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_id constant uuid := observability.event_id(v_tenant_id, 'evidence_pack', create_evidence_pack.idempotency_key);
  v_pack app_public.evidence_pack;
begin
  perform tenancy.require_permission('can_run_agents');
  if coalesce(length(create_evidence_pack.idempotency_key), 0) not between 1 and 255 then
    perform observability.refuse_event('key', 1, 1);
  end if;
  if observability.claim_keys('evidence_pack', array[create_evidence_pack.idempotency_key], array[
      hash_record_extended(row(create_evidence_pack.title, create_evidence_pack.claim, create_evidence_pack.evidence_ids), 0)]) <> '{}' then
    insert into app_public.evidence_pack (tenant_id, id, title, claim, created_by_user_id, api_key_id, created_at)
    values (v_tenant_id, v_id, create_evidence_pack.title, create_evidence_pack.claim, core.current_user_id(), core.current_api_key_id(), core.clock())
    -- A pack is kept for longer than its key.
    on conflict on constraint evidence_pack_pkey do nothing
    returning * into v_pack;
    if found then
      return conversation.change_items(v_pack, coalesce(create_evidence_pack.evidence_ids, '{}'), '{}');
    end if;
  end if;
  return conversation.lock_pack(v_id);
end
$$;
comment on function app_public.create_evidence_pack is
  E'@resultFieldName pack\n@errors 23502 23514 ID203 OB401 OB501 TK352 TK354 TK459\nMakes a pack of up to 200 pieces of evidence for a claim or a decision. With the same idempotency key it makes one pack, and returns it. It needs the permission can_run_agents.';
grant execute on function app_public.create_evidence_pack to rowhouse_user;

create or replace function app_public.change_evidence_pack(id uuid, add uuid[] default '{}', remove uuid[] default '{}') returns app_public.evidence_pack
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_pack app_public.evidence_pack;
begin
  perform tenancy.require_permission('can_run_agents');
  v_pack := conversation.lock_pack(change_evidence_pack.id);
  if v_pack.frozen_at is not null then
    perform core.raise_error('TK555', 'The pack was used for a decision, so it does not change any more.', 'Make another pack.');
  end if;
  return conversation.change_items(v_pack, coalesce(change_evidence_pack.add, '{}'), coalesce(change_evidence_pack.remove, '{}'));
end
$$;
comment on function app_public.change_evidence_pack is
  E'@resultFieldName pack\n@errors ID203 TK352 TK354 TK459 TK555 TK655\nAdds evidence to a pack that is not frozen, and removes other. It needs the permission can_run_agents.';
grant execute on function app_public.change_evidence_pack to rowhouse_user;

create or replace function app_public.use_evidence_pack(id uuid, decision text) returns app_public.evidence_pack
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_pack app_public.evidence_pack;
begin
  perform tenancy.require_permission('can_run_agents');
  v_pack := conversation.lock_pack(use_evidence_pack.id);
  if use_evidence_pack.decision is null or use_evidence_pack.decision !~ '\S' then
    perform core.raise_error('TK460', 'decision is missing.', 'Say what was decided, in at most 2,000 characters.');
  elsif v_pack.decision = use_evidence_pack.decision then
    return v_pack;
  elsif v_pack.frozen_at is not null then
    perform core.raise_error('TK555', 'The pack was used for another decision.', 'Make another pack.');
  elsif v_pack.item_count = 0 then
    perform core.raise_error('TK556', 'The pack is empty.', 'Add the evidence that the decision rests on.');
  end if;
  update app_public.evidence_pack p
     set frozen_at = core.clock(), decision = use_evidence_pack.decision, used_by_user_id = core.current_user_id()
   where p.tenant_id = v_pack.tenant_id and p.id = v_pack.id
  returning p.* into v_pack;
  return v_pack;
end
$$;
comment on function app_public.use_evidence_pack is
  E'@resultFieldName pack\n@errors 23514 ID203 TK354 TK460 TK555 TK556\nFreezes a pack with the decision that was made with it, in at most 2,000 characters. The same decision again changes nothing. It needs the permission can_run_agents.';
grant execute on function app_public.use_evidence_pack to rowhouse_user;

call governance.define_data_kind('evidence_packs', 'Evidence packs that were used for a decision.', 1096);
call governance.add_table_to_kind('evidence_packs', 'app_public.evidence_pack', 'frozen_at');
