-- Facets: by which values the hits of a search could be narrowed, and how many of them each value has. They are counted over
-- the best 1,000 hits, so that a question of frequent words costs no more than others.

comment on type app_public.search_facet_field is
  'By what the hits of a search are counted: source (the id of the knowledge source), its category, its tags (tag), the language of the document, or a key of its metadata (metadata).';
comment on type app_public.search_facet is 'How many hits of a search have a value.';
comment on column app_public.search_facet.value is E'@notNull\nThe value, as text.';
comment on column app_public.search_facet.document_count is E'@notNull\nHow many documents with hits have it.';
comment on column app_public.search_facet.hit_count is E'@notNull\nHow many hits have it.';

create or replace function search.metadata_values(value jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most_elements constant int := 100;
  v_longest constant int := 200;
begin
  return array(
    select distinct e.element #>> '{}'
      from (
        select a.element
          from jsonb_array_elements(
                 case jsonb_typeof(metadata_values.value) when 'array' then metadata_values.value else jsonb_build_array(metadata_values.value) end)
               as a (element)
         limit v_most_elements) e
     where jsonb_typeof(e.element) in ('string', 'number', 'boolean') and length(e.element #>> '{}') <= v_longest);
end
$$;
comment on function search.metadata_values is
  'The values that a key of metadata has: itself, or the first 100 elements of a list. Objects, null and texts of more than 200 characters are left out.';

create or replace function search.facet_values(
  field app_public.search_facet_field, metadata_key text, source app_public.rag_knowledge_sources, document app_public.documents
) returns text[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case facet_values.field
    when 'source' then array[(source).id::text]
    when 'category' then array[(source).category]
    when 'tag' then array(select distinct t from unnest((source).tags) t)
    when 'language' then array[(document).language]
    else search.metadata_values((document).metadata -> facet_values.metadata_key)
  end;
$$;
comment on function search.facet_values is
  'The values that a document of a source has for a facet.';

create or replace function search.count_facets(
  field app_public.search_facet_field, metadata_key text, chunk_ids bigint[]
) returns setof app_public.search_facet
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    with found as (
      select c.document_id, count(*)::int as hits
        from app_public.document_chunks c
       where c.tenant_id = core.current_tenant_id() and c.id = any (count_facets.chunk_ids)
       group by c.document_id
    )
    select v.value, count(*)::int, sum(f.hits)::int
      from found f
      join app_public.documents d on d.tenant_id = core.current_tenant_id() and d.id = f.document_id
      join app_public.rag_knowledge_sources s on s.tenant_id = d.tenant_id and s.id = d.source_id
     cross join unnest(search.facet_values(count_facets.field, count_facets.metadata_key, s, d)) as v (value)
     where v.value is not null
     group by v.value;
end
$$;
comment on function search.count_facets is
  'The values that these chunks of the tenant of the context have for a facet.';

create or replace function search.count_facets_of_tenants(
  request search.request, candidates search.candidates, field app_public.search_facet_field, metadata_key text
) returns setof app_public.search_facet
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_tenant record;
  v_facets app_public.search_facet[] := '{}';
begin
  for v_tenant in
    select (candidates).tenant_ids[f.tenant_number] as id, array_agg((f.hit).chunk_id) as chunk_ids
      from search.fuse(request, candidates) f
     group by 1
  loop
    -- A share lends passages, and not the metadata of their documents.
    continue when v_tenant.id <> v_tenant_id and count_facets_of_tenants.field = 'metadata';
    perform set_config('rowhouse.tenant_id', v_tenant.id::text, true);
    v_facets := v_facets || array(
      select f from search.count_facets(count_facets_of_tenants.field, count_facets_of_tenants.metadata_key, v_tenant.chunk_ids) f);
    perform set_config('rowhouse.tenant_id', v_tenant_id::text, true);
  end loop;
  return query
    select f.value, sum(f.document_count)::int, sum(f.hit_count)::int from unnest(v_facets) f group by f.value;
end
$$;
comment on function search.count_facets_of_tenants is
  'The values that the hits of all tenants have for a facet, in no order.';

create or replace function search.check_facet(field app_public.search_facet_field, metadata_key text) returns void
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_longest_key constant int := 200;
begin
  if check_facet.field is null then
    perform core.raise_error('SR420', 'field is missing.', 'Name what to count by.');
  end if;
  if check_facet.field = 'metadata' and coalesce(length(check_facet.metadata_key), 0) not between 1 and v_longest_key then
    perform core.raise_error('SR420', 'metadata_key must be 1 to 200 characters long.', 'Name the key of the metadata to count by.');
  end if;
  if check_facet.field <> 'metadata' and check_facet.metadata_key is not null then
    perform core.raise_error('SR420', 'metadata_key is only for the field metadata.', 'Leave it out, or count by metadata.');
  end if;
end
$$;
comment on function search.check_facet is
  E'@errors SR420\nRefuses a facet of metadata without a key, and a key without metadata.';

create or replace function app_public.search_facets(
  query text, field app_public.search_facet_field, metadata_key text default null, mode app_public.search_mode default 'bm25',
  filter app_public.search_filter default null, options app_public.search_options default null
) returns setof app_public.search_facet
language plpgsql stable security definer
set search_path to pg_catalog, public, pg_temp
-- As for app_public.search.
set jit to off
set plan_cache_mode to force_generic_plan
as $$
declare
  v_counted_hits constant int := 1000;
  v_most_values constant int := 50;
  v_request search.request;
begin
  perform search.check_facet(search_facets.field, search_facets.metadata_key);
  v_request.query := search_facets.query;
  v_request.mode := coalesce(search_facets.mode, 'bm25');
  v_request.hit_limit := v_counted_hits;
  v_request.filter := search_facets.filter;
  -- The other options choose a page, and facets are of all hits.
  v_request.options := search.complete_options(search.options(
    fusion => (options).fusion, rrf_k => (options).rrf_k, embedding_model => (options).embedding_model,
    query_embedding => (options).query_embedding, query_embeddings => (options).query_embeddings));
  perform search.check_request(v_request);
  v_request.depth := search.ranking_depth(v_request.mode, v_counted_hits, false);
  return query
    select f.*
      from search.count_facets_of_tenants(
        v_request, search.rank_tenants(v_request), search_facets.field, search_facets.metadata_key) f
     order by f.document_count desc, f.value collate "C"
     limit v_most_values;
end
$$;
comment on function app_public.search_facets is
  E'@cost 500\n@errors SR402 SR403 SR404 SR405 SR407 SR409 SR410 SR411 SR412 SR415 SR416 SR420 SR421 TN204\nBy which values the hits of a search can be narrowed: the 50 values that most documents have, with their counts over the best 1,000 hits. query, filter and options are those of search; of the options, those on the page, on documents and on freshness are not used. mode is bm25 by default, which counts the texts that have a word of the query, because in the other modes every text is near to it somehow. metadata_key names the key when field is metadata: a list counts with each of its first 100 elements, and values of more than 200 characters, objects and null are not counted, nor are the metadata of what other tenants share.';
grant execute on function app_public.search_facets to rowhouse_user;
