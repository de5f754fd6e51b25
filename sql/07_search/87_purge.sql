-- Purging: what was deleted leaves the index for good. A merge rebuilds a block only when much of it is removed, and until then
-- the words of a deleted text stay in postings and in the vocabulary. Erasing a person's data does not wait for that.

create or replace function search.forget_terms(terms text[]) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  delete from search.terms t
   where t.tenant_id = core.current_tenant_id() and t.term = any (forget_terms.terms)
     and not exists (select from search.postings p where p.tenant_id = t.tenant_id and p.term = t.term)
     and not exists (
       select from search.blocks b
         join search.rare_postings r on r.tenant_id = b.tenant_id and r.block_id = b.id and r.bucket_count = b.bucket_count
          and r.bucket = search.bucket(t.term, b.bucket_count)
        where b.tenant_id = t.tenant_id and t.term = any (r.terms));
$$;
comment on function search.forget_terms is
  'Takes those of these terms out of this tenant''s vocabulary that no block has any more.';

create or replace function search.purge_removed(tenant_id uuid) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := purge_removed.tenant_id;
  v_block_id bigint;
  v_terms text[];
begin
  call core.enter_tenant(v_tenant_id);
  -- Wait for a merge that is running.
  perform pg_advisory_xact_lock(search.merge_lock_key(v_tenant_id));
  perform search.merge_removals();
  -- What was added and removed since the last merge is in no block.
  delete from search.changes c
   where c.tenant_id = v_tenant_id
     and not exists (select from app_public.document_chunks d where d.tenant_id = v_tenant_id and d.id = c.chunk_id);
  select r.block_id into v_block_id from search.removals r where r.tenant_id = v_tenant_id order by r.block_id limit 1;
  if not found then
    return false;
  end if;
  v_terms := array(select r.term from search.removals r where r.tenant_id = v_tenant_id and r.block_id = v_block_id);
  perform search.build_block(
    array(select u.chunk_id from search.block_chunks b, unnest(b.chunk_ids) as u (chunk_id)
           where b.tenant_id = v_tenant_id and b.block_id = v_block_id),
    array[v_block_id]);
  perform search.forget_terms(v_terms);
  return true;
end
$$;
comment on function search.purge_removed is
  'Rebuilds one block that still has postings of deleted chunks, and forgets the terms that nothing has any more. Returns false when there is no such block. Each call is one transaction, so that it goes on where it was stopped.';
grant execute on function search.purge_removed to rowhouse_platform;
