-- The first search of a connection compiles functions and plans statements, which takes several times as long as the search.
-- A connection that is going to be kept does this before anybody waits: it searches once in a tenant that has an index, the
-- smallest of some, by words and by vectors, and throws the hits away.

set local role rowhouse_platform;  -- outside the wall: a connection that nobody uses yet has no tenant, so this function finds tenants with an index; only warm_up calls it, which returns nothing
create or replace function search.warm_up_samples()
returns table (tenant_id uuid, chunk_count bigint, words text, model_name text, dimension int)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
set jit to off
as $$
#variable_conflict use_column
declare
  v_blocks constant int := 200;
  v_tenants constant int := 5;
  -- A smaller tenant may have no word that is frequent enough for a vector, so its searches do less than others'.
  v_enough_chunks constant int := 1000;
  v_length constant int := 40;
begin
  return query
    select t.tenant_id, t.chunk_count, regexp_replace(left(c.content, v_length), '[^[:alnum:]]+', ' ', 'g'), m.name, m.dimension
      from (
        select f.tenant_id, n.chunk_count
          from (select distinct b.tenant_id
                  from (select b.tenant_id from search.blocks b order by b.tenant_id, b.id limit v_blocks) b) f
         cross join lateral (
           select sum(b.chunk_count) as chunk_count from search.blocks b where b.tenant_id = f.tenant_id) n
         order by n.chunk_count < v_enough_chunks, n.chunk_count, f.tenant_id
         limit v_tenants) t
     cross join lateral (
       select c.content, c.source_id from app_public.document_chunks c where c.tenant_id = t.tenant_id limit 1) c
      join app_public.rag_knowledge_sources s on s.tenant_id = t.tenant_id and s.id = c.source_id
      join app_public.llm_models m on m.name = s.embedding_model
     where m.is_enabled
     order by t.chunk_count < v_enough_chunks, t.chunk_count, t.tenant_id;
end
$$;
comment on function search.warm_up_samples is
  'Up to five tenants that have an index, the smallest with 1,000 chunks first, each with a few words of one of its chunks and the embedding model of its source. Of many tenants the first 200 blocks are looked at.';
grant execute on function search.warm_up_samples to rowhouse_owner;

set local role rowhouse_owner;
create or replace function search.warm_up() returns app_public.search_mode
language plpgsql volatile security definer
set search_path to pg_catalog, public, pg_temp
set jit to off
as $$
declare
  -- Without an index, comparing more vectors one by one would keep waiting whoever waits for the connection.
  v_most_vectors constant int := 16000;
  v_tenant_id constant text := coalesce(current_setting('rowhouse.tenant_id', true), '');
  v_sample record;
  v_mode app_public.search_mode;
begin
  -- A search in a read-only transaction is not logged, so nobody's searches are counted.
  perform set_config('transaction_read_only', 'on', true);
  for v_sample in select s.* from search.warm_up_samples() s loop
    perform set_config('rowhouse.tenant_id', v_sample.tenant_id::text, true);
    if v_sample.words ~ '\S' and tenancy.tenant_feature_enabled('rag_enabled') then
      v_mode := case when v_sample.chunk_count <= v_most_vectors then 'hybrid' else 'bm25' end;
      perform app_public.search(v_sample.words, v_mode, options => search.options(
        embedding_model => v_sample.model_name,
        query_embedding => array_fill(1, array[v_sample.dimension])::real[]::vector));
      exit;
    end if;
  end loop;
  perform set_config('rowhouse.tenant_id', v_tenant_id, true);
  return v_mode;
end
$$;
comment on function search.warm_up is
  'Makes this connection''s next search as fast as its later ones, for a server that keeps connections. It searches for a few words in a tenant that has an index, tells nothing of it, and makes its transaction read-only. Returns how it searched: hybrid, or bm25 in a tenant of more than 16,000 chunks; null where no tenant has an index, so that there is nothing to search.';
grant execute on function search.warm_up to rowhouse_authenticator;
