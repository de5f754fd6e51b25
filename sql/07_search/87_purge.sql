-- Purging: what was deleted leaves the index for good. A merge rebuilds a block only when much of it is removed, and until then
-- the words of a deleted text stay in its postings. Erasing a person's data does not wait for that.

create or replace function search.purge_removed(tenant_id uuid) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := purge_removed.tenant_id;
  v_block_id bigint;
begin
  call core.enter_tenant(v_tenant_id);
  -- Wait for a merge that is running.
  perform pg_advisory_xact_lock(search.merge_lock_key(v_tenant_id));
  perform search.forget_terms(search.merge_removals());
  -- What was added and removed since the last merge is in no block.
  delete from search.changes c
   where c.tenant_id = v_tenant_id
     and not exists (select from app_public.document_chunks d where d.tenant_id = v_tenant_id and d.id = c.chunk_id);
  select r.block_id into v_block_id from search.removals r where r.tenant_id = v_tenant_id order by r.block_id limit 1;
  if not found then
    return false;
  end if;
  perform search.build_block(
    array(select u.chunk_id from search.block_chunks b, unnest(b.chunk_ids) as u (chunk_id)
           where b.tenant_id = v_tenant_id and b.block_id = v_block_id),
    array[v_block_id]);
  return true;
end
$$;
comment on function search.purge_removed is
  'Rebuilds one block that still has postings of deleted chunks. Returns false when there is no such block. Each call is one transaction, so that it goes on where it was stopped.';
grant execute on function search.purge_removed to rowhouse_platform;
