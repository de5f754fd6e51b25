-- The first search of a connection compiles functions and plans statements, which takes several times as long as the search.
-- A connection that is going to be kept does this before anybody waits: it searches once in a tenant that has an index, by
-- words and by vectors, and throws the hits away.

set local role rowhouse_platform;  -- outside the wall: a connection that nobody uses yet has no tenant, so this function finds tenants with an index; only warm_up calls it, which returns nothing
create or replace function search.warm_up_samples()
returns table (tenant_id uuid, words text, model_name text, dimension int)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
set jit to off
as $$
#variable_conflict use_column
declare
  v_tenants constant int := 5;
  v_length constant int := 40;
begin
  return query
    select t.tenant_id, regexp_replace(left(c.content, v_length), '[^[:alnum:]]+', ' ', 'g'), m.name, m.dimension
      from (select b.tenant_id from search.blocks b group by b.tenant_id order by b.tenant_id limit v_tenants) t
     cross join lateral (
       select c.content, c.source_id from app_public.document_chunks c where c.tenant_id = t.tenant_id limit 1) c
      join app_public.rag_knowledge_sources s on s.tenant_id = t.tenant_id and s.id = c.source_id
      join app_public.llm_models m on m.name = s.embedding_model
     where m.is_enabled;
end
$$;
comment on function search.warm_up_samples is
  'Up to five tenants that have an index, each with a few words of one of its chunks and the embedding model of its source.';
grant execute on function search.warm_up_samples to rowhouse_owner;

set local role rowhouse_owner;
create or replace function search.warm_up() returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, public, pg_temp
set jit to off
as $$
declare
  v_tenant_id constant text := coalesce(current_setting('rowhouse.tenant_id', true), '');
  v_sample record;
begin
  -- A search in a read-only transaction is not logged, so nobody's searches are counted.
  perform set_config('transaction_read_only', 'on', true);
  for v_sample in select s.* from search.warm_up_samples() s loop
    perform set_config('rowhouse.tenant_id', v_sample.tenant_id::text, true);
    if v_sample.words ~ '\S' and tenancy.tenant_feature_enabled('rag_enabled') then
      perform app_public.search(v_sample.words, 'hybrid', options => search.options(
        embedding_model => v_sample.model_name,
        query_embedding => array_fill(1, array[v_sample.dimension])::real[]::vector));
      perform set_config('rowhouse.tenant_id', v_tenant_id, true);
      return true;
    end if;
  end loop;
  perform set_config('rowhouse.tenant_id', v_tenant_id, true);
  return false;
end
$$;
comment on function search.warm_up is
  'Makes this connection''s next search as fast as its later ones, for a server that keeps connections. It searches for a few words in a tenant that has an index, tells nothing of it, and makes its transaction read-only. Returns whether there was one; without an index there is nothing that could be slow.';
grant execute on function search.warm_up to rowhouse_authenticator;
