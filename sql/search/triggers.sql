create or replace trigger _500_list_added_chunks after insert on app_public.document_chunks
  referencing new table as added_chunks
  for each statement execute function app_private.tg__list_added_chunks();

create or replace trigger _500_list_removed_chunks after delete on app_public.document_chunks
  referencing old table as removed_chunks
  for each statement execute function app_private.tg__list_removed_chunks();

-- what was searched under an id stays what it was: a chunk is replaced, not rewritten
create or replace trigger _500_refuse_change before update of tenant_id, id, content, content_tsvector, document_length
  on app_public.document_chunks
  for each row execute function app_private.tg__refuse_chunk_change();

create or replace trigger _500_drop_search_index after delete on app_public.tenants
  for each row execute function app_private.tg__drop_search_index();
