alter table app_public.document_chunks alter column tenant_id set statistics -1;
drop table app_public.query_logs cascade;
drop type app_public.search_filter cascade;
drop type app_public.search_options cascade;
drop type app_public.query_embedding cascade;
drop type app_public.fusion_method cascade;
drop type app_public.search_hit cascade;
drop type app_public.search_mode cascade;
drop schema search cascade;
