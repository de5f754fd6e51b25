-- The last stage of a document. Its words are searchable since it was chunked; what is left is to say that it is done.

call core.secure_tenant_table('search.changes');
grant select, insert, update, delete on search.changes to rowhouse_platform;
comment on table search.changes is 'Chunks that came or went since the last merge; searched from their own terms.';

call core.secure_tenant_table('search.blocks');
grant select, insert, update, delete on search.blocks to rowhouse_platform;
comment on table search.blocks is 'Up to 16,000 chunks each, which the postings know by their positions.';

call core.secure_tenant_table('search.block_chunks');
grant select, insert, update, delete on search.block_chunks to rowhouse_platform;
comment on table search.block_chunks is 'The chunks of a block in the order of their positions, 200 a row.';

call core.secure_tenant_table('search.postings');
grant select, insert, update, delete on search.postings to rowhouse_platform;
comment on table search.postings is 'Terms that at least 64 chunks of a block have: their impacts (idf · tf / (tf + length norm)) by position.';

call core.secure_tenant_table('search.rare_postings');
grant select, insert, update, delete on search.rare_postings to rowhouse_platform;
comment on table search.rare_postings is 'The other terms of a block, some dozens a row by their hash (search.bucket): positions and impacts (tf / (tf + length norm), in 1/32767, rounded up).';

call core.secure_tenant_table('search.removals');
grant select, insert, update, delete on search.removals to rowhouse_platform;
comment on table search.removals is 'How many removed chunks of a block have a term; they count no more, but their postings are still there.';

call core.secure_tenant_table('search.terms');
grant select, insert, update, delete on search.terms to rowhouse_platform;
comment on table search.terms is 'The vocabulary, for prefixes and typing errors.';

comment on type search.change is 'What happened to a chunk.';
comment on aggregate search.vector_total(public.vector) is 'The sum of vectors.';
comment on aggregate search.array_concat(anycompatiblearray) is 'Arrays put together.';

-- Handed on as an array, never joined: right after a load the planner takes two tables without statistics for empty, and
-- would look at each pair of their rows.
create or replace function search.unmerged_chunk_ids() returns bigint[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select a.chunk_id from search.changes a
     where a.tenant_id = core.current_tenant_id() and a.kind = 'added');
end
$$;
comment on function search.unmerged_chunk_ids is
  'The chunks that no block has yet; some may be deleted since.';

create or replace function search.tg__refuse_chunk_change() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('SR901', 'A chunk is never rewritten.', 'Delete it and insert the new one.');
  return null;
end
$$;
comment on function search.tg__refuse_chunk_change is
  E'@errors SR901\nKeeps chunks as they were indexed.';

create or replace function search.index_documents(tenant_id uuid, document_ids uuid[]) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  call core.enter_tenant(index_documents.tenant_id);
  update app_public.documents d
     set processing_stage = 'done', processing_status = 'completed', processing_error = null, processing_completed_at = clock_timestamp()
   where d.tenant_id = index_documents.tenant_id and d.id = any (index_documents.document_ids)
     and d.processing_stage = 'index' and d.processing_status <> 'failed';
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function search.index_documents is
  'Completes documents whose chunks are searchable by words and have their vectors; returns how many.';
grant execute on function search.index_documents to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: what is searched follows the chunks, whoever changes them
-- What is searched follows the chunks, whoever changes them: an ingest of one tenant, the deletion of a whole one.

create or replace function search.tg__list_added_chunks() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into search.changes (tenant_id, chunk_id, kind, document_length)
  select tenant_id, id, 'added', document_length from added_chunks;
  return null;
end
$$;
comment on function search.tg__list_added_chunks is
  'Makes new chunks searchable at once, until a merge takes them into a block.';
grant execute on function search.tg__list_added_chunks to rowhouse_owner;

create or replace function search.tg__list_removed_chunks() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into search.changes (tenant_id, chunk_id, kind, document_length, terms)
  select c.tenant_id, c.id, 'removed', c.document_length, c.content_tsvector
    from removed_chunks c
   -- of a tenant that is deleted nothing is left to search
   where exists (select from app_public.tenants t where t.id = c.tenant_id);
  return null;
end
$$;
comment on function search.tg__list_removed_chunks is
  'Takes removed chunks out of what is searched and counted, at once.';
grant execute on function search.tg__list_removed_chunks to rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: a deleted tenant leaves nothing in the search index
create or replace function search.tg__drop_search_index() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from search.changes where tenant_id = old.id;
  delete from search.terms where tenant_id = old.id;
  return null;
end
$$;
comment on function search.tg__drop_search_index is
  'Removes what a deleted tenant has left in the tables that have no foreign key, because checking one for each row would cost more than writing it.';
grant execute on function search.tg__drop_search_index to rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: the worker looks for tenants whose search index waits for a merge
create or replace function search.tenants_to_merge(minimum int default 1000) returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select tenant_id from search.changes group by tenant_id having count(*) >= tenants_to_merge.minimum order by tenant_id;
$$;
comment on function search.tenants_to_merge is
  'The tenants whose search index has at least this many changes to merge.';
grant execute on function search.tenants_to_merge to rowhouse_worker;

set local role rowhouse_owner;

create or replace trigger _500_list_added_chunks after insert on app_public.document_chunks
  referencing new table as added_chunks
  for each statement execute function search.tg__list_added_chunks();
create or replace trigger _500_list_removed_chunks after delete on app_public.document_chunks
  referencing old table as removed_chunks
  for each statement execute function search.tg__list_removed_chunks();
-- what was searched under an id stays what it was: a chunk is replaced, not rewritten
create or replace trigger _500_refuse_change before update of tenant_id, id, content, content_tsvector, document_length
  on app_public.document_chunks
  for each row execute function search.tg__refuse_chunk_change();
create or replace trigger _500_drop_search_index after delete on app_public.tenants
  for each row execute function search.tg__drop_search_index();
