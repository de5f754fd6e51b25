alter table app_public.document_chunks alter column tenant_id set statistics -1;
drop table app_private.query_log_buffer, app_public.query_logs cascade;
drop type app_private.search_block_bounds, app_private.search_cell, app_private.search_position, app_private.search_scope, app_private.search_question, app_public.fusion_method cascade;
drop type app_public.search_hit cascade;
drop type app_public.search_mode cascade;
drop aggregate app_private.array_concat(anycompatiblearray) cascade;
drop aggregate app_private.vector_total(vector) cascade;
drop table app_private.search_terms, app_private.search_removals, app_private.search_rare_postings, app_private.search_postings,
  app_private.search_block_chunks, app_private.search_blocks, app_private.search_changes cascade;
drop type app_private.search_change cascade;
