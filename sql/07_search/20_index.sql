-- The tables of the inverted index, and the triggers that keep it up to date: every chunk that is inserted or deleted is
-- listed in search.changes in the same transaction and is searched, or no longer found, from then on. A merge
-- (25_merge.sql) moves the listed changes into blocks later.

call core.secure_tenant_table('search.changes');
call audit.leave_out('derived from other tables by rules', 'search.changes');
grant select, insert, update, delete on search.changes to rowhouse_platform;
comment on table search.changes is 'Chunks that were added or removed since the last merge. They are searched from their own terms.';

call core.secure_tenant_table('search.blocks');
call audit.leave_out('derived from other tables by rules', 'search.blocks');
grant select, insert, update, delete on search.blocks to rowhouse_platform;
comment on table search.blocks is 'Blocks of the index. A block has up to search.block_capacity() chunks, which the postings name by their positions.';

call core.secure_tenant_table('search.block_chunks');
call audit.leave_out('derived from other tables by rules', 'search.block_chunks');
grant select, insert, update, delete on search.block_chunks to rowhouse_platform;
comment on table search.block_chunks is 'The chunks of a block in the order of their positions, search.chunks_per_row() a row.';

call core.secure_tenant_table('search.postings');
call audit.leave_out('derived from other tables by rules', 'search.postings');
grant select, insert, update, delete on search.postings to rowhouse_platform;
comment on table search.postings is 'The postings of frequent terms (search.frequent_term_minimum): for each position the impact, idf · tf / (tf + length norm).';

call core.secure_tenant_table('search.rare_postings');
call audit.leave_out('derived from other tables by rules', 'search.rare_postings');
grant select, insert, update, delete on search.rare_postings to rowhouse_platform;
comment on table search.rare_postings is 'The postings of the other terms of a block, some dozens of terms a row by their hash (search.bucket). search.pack_posting says how a posting is stored.';

call core.secure_tenant_table('search.removals');
call audit.leave_out('derived from other tables by rules', 'search.removals');
grant select, insert, update, delete on search.removals to rowhouse_platform;
comment on table search.removals is 'How many removed chunks of a block have a term. These chunks no longer count, but their postings stay until the block is merged again.';

call core.secure_tenant_table('search.terms');
call audit.leave_out('derived from other tables by rules', 'search.terms');
grant select, insert, update, delete on search.terms to rowhouse_platform;
comment on table search.terms is 'The vocabulary of a large tenant, which serves prefixes and misspelt words (27_vocabulary.sql). A small tenant has no rows.';

comment on type search.change is 'What happened to a chunk: it was added or removed.';
comment on aggregate search.vector_total(public.vector) is 'Adds vectors up.';
comment on aggregate search.array_concat(anycompatiblearray) is 'Concatenates arrays.';

-- The ids are returned as an array and are not joined as a table: right after a load two tables have no statistics yet, so
-- the planner takes them for empty and would compare each pair of their rows.
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
  'The chunks that are not in a block yet. Some of them may have been deleted since.';

create or replace function search.tg__refuse_chunk_change() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('SR901', 'A chunk cannot be changed.', 'Delete the chunk and insert a new one.');
  return null;
end
$$;
comment on function search.tg__refuse_chunk_change is
  E'@errors SR901\nRefuses to change what was indexed of a chunk.';

create or replace function search.index_documents(tenant_id uuid, document_ids uuid[]) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  call core.enter_tenant(index_documents.tenant_id);
  perform knowledge.lock_documents(index_documents.tenant_id, index_documents.document_ids);
  update app_public.documents d
     set processing_stage = 'done', processing_status = 'completed', processing_error = null, processing_completed_at = clock_timestamp()
   where d.tenant_id = index_documents.tenant_id and d.id = any (index_documents.document_ids)
     and d.processing_stage = 'index' and d.processing_status <> 'failed';
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function search.index_documents is
  'The last stage of a document: marks documents as completed whose chunks are searchable by words and have their vectors. Returns how many.';
grant execute on function search.index_documents to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the index follows every change of chunks, also the deletion of a whole tenant, which runs without its context

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
  'Lists new chunks, so that they are searched at once.';
grant execute on function search.tg__list_added_chunks to rowhouse_owner;

create or replace function search.tg__list_removed_chunks() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into search.changes (tenant_id, chunk_id, kind, document_length, terms)
  select c.tenant_id, c.id, 'removed', c.document_length, c.content_tsvector
    from removed_chunks c
   -- When the tenant itself is being deleted or erased, nothing remains to be searched.
   where exists (select from app_public.tenants t where t.id = c.tenant_id and t.erased_at is null);
  return null;
end
$$;
comment on function search.tg__list_removed_chunks is
  'Lists removed chunks with their terms, so that they are no longer found or counted at once.';
grant execute on function search.tg__list_removed_chunks to rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: the rows of a tenant that is being deleted are removed without its context
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
  'Removes the rows of a deleted tenant from the tables that have no foreign key. They have none because checking it for each row would cost more than writing the row.';
grant execute on function search.tg__drop_search_index to rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: the worker looks through all tenants for a search index that is to be merged
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
-- The index relies on the terms of a chunk, so a chunk is replaced by a new one and never changed.
create or replace trigger _500_refuse_change before update of tenant_id, id, content, content_tsvector, document_length
  on app_public.document_chunks
  for each row execute function search.tg__refuse_chunk_change();
create or replace trigger _500_drop_search_index after delete on app_public.tenants
  for each row execute function search.tg__drop_search_index();
