-- What the index knows, for people and for the seeds' names of it.

create or replace function app_private.term_document_counts() returns table (term text, document_count int)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select found.term, sum(found.n)::int
    from (
      select p.term, p.document_count as n from app_private.search_postings p where p.tenant_id = app_hidden.current_tenant_id()
      union all
      select u.term, u.upto - coalesce(lag(u.upto) over (partition by r.block_id, r.bucket order by u.i), 0)
        from app_private.search_rare_postings r, unnest(r.terms, r.ends) with ordinality as u (term, upto, i)
       where r.tenant_id = app_hidden.current_tenant_id()
      union all
      select r.term, -r.document_count from app_private.search_removals r where r.tenant_id = app_hidden.current_tenant_id()
      union all
      select l.lexeme, 1
        from app_private.chunks(app_private.unmerged_chunk_ids()) c, unnest(c.content_tsvector) l
      union all
      select l.lexeme, -1 from app_private.pending_removals() r, unnest(r.terms) l
    ) as found (term, n)
   group by found.term
  having sum(found.n) <> 0;
$$;
comment on function app_private.term_document_counts() is 'In how many chunks of this tenant each term of the vocabulary occurs, from the index.';

create or replace function app_hidden.embedding_statistics()
returns table (collection_id text, total_documents int, avg_document_length double precision, term_document_counts jsonb, last_updated timestamptz)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select app_hidden.current_tenant_id()::text, t.total_docs, t.avg_doc_length,
         (select coalesce(jsonb_object_agg(c.term, c.document_count), '{}') from app_private.term_document_counts() c),
         now()
    from app_private.search_totals() t
   where app_hidden.current_tenant_id() is not null;
$$;
comment on function app_hidden.embedding_statistics() is 'The row of app_public.embedding_statistics.';
grant execute on function app_hidden.embedding_statistics() to rowhouse_user;

create or replace function app_public.document_chunks_term_frequencies(chunk app_public.document_chunks) returns jsonb
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(l.lexeme, cardinality(l.positions)), '{}')
    from app_public.document_chunks c, unnest(c.content_tsvector) l
   where c.tenant_id = app_hidden.current_tenant_id() and c.id = (chunk).id;
$$;
comment on function app_public.document_chunks_term_frequencies(app_public.document_chunks) is 'How often the chunk has each of its terms: {"term": count}.';

create or replace function app_public.document_chunks_idf_scores(chunk app_public.document_chunks) returns jsonb
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(u.term, app_private.search_idf(u.document_count, t.total_docs)), '{}')
    from app_public.document_chunks c
   cross join app_private.search_totals() t
   cross join lateral (select tsvector_to_array(c.content_tsvector) as terms) v
   cross join lateral unnest(
     v.terms, app_private.document_counts(v.terms, app_private.search_cells(v.terms), app_private.unmerged_chunk_ids())) as u (term, document_count)
   where c.tenant_id = app_hidden.current_tenant_id() and c.id = (chunk).id;
$$;
comment on function app_public.document_chunks_idf_scores(app_public.document_chunks) is
  'The inverse document frequency of each of the chunk''s terms among this tenant''s chunks, as of now: {"term": ln(1 + (N - df + 0.5) / (df + 0.5))}.';

grant execute on function
  app_public.document_chunks_term_frequencies(app_public.document_chunks),
  app_public.document_chunks_idf_scores(app_public.document_chunks)
to rowhouse_user;
