drop table app_public.embeddings cascade;
drop table app_public.document_chunks cascade;
drop table app_public.documents cascade;
drop type app_public.processing_counts cascade;
drop type app_public.document_receipt cascade;
drop type app_public.document_outcome cascade;
drop schema knowledge cascade;
