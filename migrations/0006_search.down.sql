drop type app_public.search_hit cascade;
drop type app_public.search_mode cascade;
drop table app_private.search_postings cascade;
