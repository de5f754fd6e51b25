-- The merge folds what changed into the blocks. It is one transaction a batch, so a merge that is killed leaves nothing
-- behind and the next one begins where it did; readers see the index before or after, never between.

create or replace function app_private.search_length_norm(document_length int, average_length double precision, k1 double precision, b double precision)
returns double precision
language sql immutable parallel safe
return k1 * (1 - b + coalesce(b * document_length / nullif(average_length, 0), 0));
comment on function app_private.search_length_norm(int, double precision, double precision, double precision) is
  'What BM25 adds to a term''s frequency in its denominator: k1 · (1 - b + b · length / average length).';

create or replace function app_private.search_idf(document_count int, total_docs int) returns double precision
language sql immutable parallel safe
return ln(1 + (total_docs - document_count + 0.5::double precision) / (document_count + 0.5::double precision));
comment on function app_private.search_idf(int, int) is 'Lucene''s inverse document frequency: ln(1 + (N - df + 0.5) / (df + 0.5)).';

-- Handed on as an array, never joined: right after a load the planner takes two tables without statistics for empty, and
-- would look at each pair of their rows.
create or replace function app_private.unmerged_chunk_ids() returns bigint[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select a.chunk_id from app_private.search_changes a
     where a.tenant_id = app_hidden.current_tenant_id() and a.kind = 'added');
end
$$;
comment on function app_private.unmerged_chunk_ids() is 'The chunks that no block has yet; some may be deleted since.';

create or replace function app_private.chunks(ids bigint[])
returns table (id bigint, source_id uuid, document_id uuid, content_tsvector tsvector, document_length int)
language sql stable
begin atomic
  -- offset 0: one by one by their key. "= any (array)" may be gone through for every chunk of the tenant.
  select c.id, c.source_id, c.document_id, c.content_tsvector, c.document_length
    from unnest(chunks.ids) as u (id)
   cross join lateral (
     select d.id, d.source_id, d.document_id, d.content_tsvector, d.document_length
       from app_public.document_chunks d
      where d.tenant_id = app_hidden.current_tenant_id() and d.id = u.id
     offset 0) c;
end;
comment on function app_private.chunks(bigint[]) is 'Those of these chunks that this tenant has, each as often as it is named.';

create or replace function app_private.search_totals() returns table (total_docs int, avg_doc_length double precision)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with part as (
      select b.chunk_count - b.removed_count as chunks, b.total_length as length
        from app_private.search_blocks b where b.tenant_id = app_hidden.current_tenant_id()
      union all
      -- a chunk that came and went again adds nothing
      select count(*) filter (where c.kind = 'added') - count(*) filter (where c.kind = 'removed'),
             sum(case c.kind when 'added' then c.document_length else -c.document_length end)
        from app_private.search_changes c where c.tenant_id = app_hidden.current_tenant_id()
    )
    select coalesce(sum(chunks), 0)::int, coalesce(sum(length) / nullif(sum(chunks), 0), 0)::double precision from part;
end
$$;
comment on function app_private.search_totals() is 'How many chunks this tenant has and how long they are on average, as of this snapshot.';

-- A chunk that was removed before it was ever merged is in no block: both its changes cancel out.
create or replace function app_private.pending_removals() returns setof app_private.search_changes
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select r.* from app_private.search_changes r
     where r.tenant_id = app_hidden.current_tenant_id() and r.kind = 'removed'
       -- offset 0: looked up one by one, never joined (see unmerged_chunk_ids)
       and not exists (
         select from app_private.search_changes a
          where a.tenant_id = r.tenant_id and a.chunk_id = r.chunk_id and a.kind = 'added' offset 0);
end
$$;
comment on function app_private.pending_removals() is 'Chunks that are in a block and were removed since the last merge.';

create or replace function app_private.merge_removals() returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  with removal as (
    delete from app_private.search_changes c using app_private.pending_removals() r
     where c.tenant_id = r.tenant_id and c.chunk_id = r.chunk_id and c.kind = 'removed'
    returning c.tenant_id, c.chunk_id, c.document_length, c.terms
  ), located as (
    select b.block_id, r.document_length, r.terms
      from app_private.search_block_chunks b, unnest(b.chunk_ids) as u (chunk_id)
      join removal r on r.chunk_id = u.chunk_id
     where b.tenant_id = app_hidden.current_tenant_id()
  ), counted as (
    update app_private.search_blocks b
       set removed_count = b.removed_count + l.chunks, total_length = b.total_length - l.length
      from (select block_id, count(*) as chunks, sum(document_length) as length from located group by block_id) l
     where b.tenant_id = app_hidden.current_tenant_id() and b.id = l.block_id
  )
  insert into app_private.search_removals as r (tenant_id, term, block_id, document_count)
  select app_hidden.current_tenant_id(), t.lexeme, l.block_id, count(*)
    from located l, unnest(l.terms) t
   group by t.lexeme, l.block_id
  on conflict (tenant_id, term, block_id) do update set document_count = r.document_count + excluded.document_count;
$$;
comment on function app_private.merge_removals() is 'Counts removed chunks out of the blocks that have them. Their postings stay until the block is merged again; a search does not find their chunks.';

create or replace function app_private.merge_candidates(chunk_count int) returns bigint[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_block record;
  v_size int := merge_candidates.chunk_count;
  v_block_ids bigint[] := '{}';
begin
  for v_block in
    select b.id, b.chunk_count - b.removed_count as live, b.removed_count * 4 > b.chunk_count as is_worn
      from app_private.search_blocks b
     where b.tenant_id = app_hidden.current_tenant_id()
     order by live, b.id
  loop
    -- a block is merged into one at least half again as large, so that a chunk is merged a handful of times in all
    if v_size + v_block.live <= 16000 and (v_block.is_worn or (v_size > 0 and v_block.live <= 2 * v_size)) then
      v_size := v_size + v_block.live;
      v_block_ids := v_block_ids || v_block.id;
    end if;
  end loop;
  return v_block_ids;
end
$$;
comment on function app_private.merge_candidates(int) is 'The blocks to merge with this many new chunks: those that are not much larger, and those of which a quarter is removed.';

create or replace function app_private.search_bucket(term text, bucket_count int) returns int
language sql immutable parallel safe
return hashtext(search_bucket.term collate "C") & (search_bucket.bucket_count - 1);
comment on function app_private.search_bucket(text, int) is 'In which of so many buckets, a power of two, a block has a rare term.';

create or replace function app_private.build_block(chunk_ids bigint[], old_block_ids bigint[]) returns int
language plpgsql volatile
set search_path to pg_catalog, public, pg_temp
-- the sort and the hash of one block, and no more
set work_mem to '128MB'
set jit to off
-- an array that is known when a statement is planned is hashed, any other is gone through for each row
set plan_cache_mode to force_custom_plan
as $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_average_length double precision := (select t.avg_doc_length from app_private.search_totals() t);
  v_k1 double precision;
  v_b double precision;
  v_count int;
begin
  select s.k1, s.b into v_k1, v_b from app_hidden.search_settings() s;
  -- One statement, so one snapshot: a chunk that is deleted meanwhile is either not in the block and both its changes go,
  -- or it is, and its removal stays for the next merge.
  with batch as materialized (
    select c.id, c.content_tsvector, c.document_length, row_number() over (order by c.id) as position,
           app_private.search_length_norm(c.document_length, v_average_length, v_k1, v_b) as norm
      from app_public.document_chunks c
     where c.tenant_id = v_tenant_id and c.id = any (build_block.chunk_ids)
  ), replaced as (
    delete from app_private.search_blocks b where b.tenant_id = v_tenant_id and b.id = any (build_block.old_block_ids)
  ), merged as (
    delete from app_private.search_changes s where s.tenant_id = v_tenant_id and s.chunk_id = any (build_block.chunk_ids)
  ), posting as (
    -- impacts in 1/32767, rounded up: a bound must not be below the truth
    select l.lexeme as term,
           c.position::int * 32768 + ceil(32767 * cardinality(l.positions) / (cardinality(l.positions) + c.norm))::int as posting
      from batch c, unnest(c.content_tsvector) l
  ), term as materialized (
    select term, count(*)::int as document_count, array_agg(posting) as postings from posting group by term
  ), block as (
    insert into app_private.search_blocks (
      tenant_id, chunk_count, total_length, min_length, max_length, k1, b, average_length, bucket_count)
    select v_tenant_id, count(*), sum(document_length), min(document_length), max(document_length), v_k1, v_b, v_average_length,
           -- of 100 to 200 postings each
           (select 1 << floor(log(2, greatest(1, sum(t.document_count) / 100)))::int from term t where t.document_count < 64)
      from batch having count(*) > 0
    returning id, chunk_count, bucket_count
  ), place as (
    insert into app_private.search_block_chunks (tenant_id, block_id, start, chunk_ids)
    select v_tenant_id, (select id from block), (position - 1) / 200 * 200, array_agg(id order by position)
      from batch group by (position - 1) / 200
  ), frequent as (
    insert into app_private.search_postings (tenant_id, term, block_id, document_count, idf, highest_impact, impacts)
    select v_tenant_id, t.term, b.id, t.document_count, i.idf, s.highest, s.impacts
      from term t, block b, app_private.search_idf(t.document_count, b.chunk_count) as i (idf),
           app_private.sparse_impacts(t.postings, i.idf, b.chunk_count) s
     where t.document_count >= 64
  ), listed as (
    select b.id as block_id, b.bucket_count, h.bucket, t.term, t.postings,
           sum(t.document_count) over (partition by h.bucket order by t.term collate "C")::smallint as upto
      from term t, block b, app_private.search_bucket(t.term, b.bucket_count) as h (bucket)
     where t.document_count < 64
  ), rare as (
    insert into app_private.search_rare_postings (tenant_id, bucket_count, bucket, block_id, terms, ends, postings)
    select v_tenant_id, l.bucket_count, l.bucket, l.block_id, array_agg(l.term order by l.upto), array_agg(l.upto order by l.upto),
           app_private.array_concat(l.postings order by l.upto)
      from listed l
     group by l.block_id, l.bucket_count, l.bucket
  ), vocabulary as (
    insert into app_private.search_terms (tenant_id, term)
    select v_tenant_id, t.term from term t order by t.term collate "C"
    on conflict do nothing
  )
  select count(*) into v_count from batch;
  return v_count;
end
$$;
comment on function app_private.build_block(bigint[], bigint[]) is 'Makes one block of these chunks, in place of the blocks they were in; returns how many there are.';

create or replace function app_private.sparse_impacts(
  postings int[], idf double precision, dimension int, out highest int, out impacts public.sparsevec
)
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_elements text;
begin
  -- whole numbers, which are read twice as fast as fractions and added up without rounding
  select max(p & 32767), string_agg((p >> 15) || ':' || ceil((p & 32767) * sparse_impacts.idf)::int, ',')
    into highest, v_elements
    from unnest(sparse_impacts.postings) p;
  impacts := ('{' || v_elements || '}/' || sparse_impacts.dimension)::public.sparsevec;
end
$$;
comment on function app_private.sparse_impacts(int[], double precision, int) is
  'A vector over the positions of a block: impact times idf, rounded up, and 0 where the term does not occur; and the highest impact.';

create or replace function app_private.merge_is_due(tenant_id uuid, minimum int default 1000) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call app_private.enter_tenant(merge_is_due.tenant_id);
  return (
    select count(*) from (
      select from app_private.search_changes c where c.tenant_id = merge_is_due.tenant_id limit merge_is_due.minimum) as pending
  ) >= merge_is_due.minimum;
end
$$;
comment on function app_private.merge_is_due(uuid, int) is 'Whether a tenant''s search index has at least this many changes to merge.';
grant execute on function app_private.merge_is_due(uuid, int) to rowhouse_worker;

create or replace function app_private.merge_search_index(tenant_id uuid, minimum int default 1000) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_added bigint[];
  v_block_ids bigint[];
begin
  call app_private.enter_tenant(merge_search_index.tenant_id);
  -- one merge at a time for a tenant; whoever comes second has nothing to do
  if not pg_try_advisory_xact_lock(hashtextextended('search_index:' || merge_search_index.tenant_id, 0)) then
    return 0;
  end if;
  if not app_private.merge_is_due(merge_search_index.tenant_id, merge_search_index.minimum) then
    return 0;
  end if;

  perform app_private.merge_removals();
  v_added := array(
    select c.chunk_id from app_private.search_changes c
     where c.tenant_id = merge_search_index.tenant_id and c.kind = 'added'
     order by c.chunk_id limit 16000);
  v_block_ids := app_private.merge_candidates(cardinality(v_added));
  if cardinality(v_added) = 0 and cardinality(v_block_ids) = 0 then
    return 1;
  end if;
  perform app_private.build_block(
    v_added || array(
      select u.chunk_id from app_private.search_block_chunks b, unnest(b.chunk_ids) as u (chunk_id)
       where b.tenant_id = merge_search_index.tenant_id and b.block_id = any (v_block_ids)),
    v_block_ids);
  return greatest(cardinality(v_added), 1);
end
$$;
comment on function app_private.merge_search_index(uuid, int) is
  'Folds up to 16,000 changes of a tenant into blocks when at least minimum wait; returns how many, 0 when there was nothing to do or another merge is at it.';
grant execute on function app_private.merge_search_index(uuid, int) to rowhouse_worker;

create or replace function app_private.tg__refuse_chunk_change() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.raise_error('SR901', 'A chunk is never rewritten.', 'Delete it and insert the new one.');
  return null;
end
$$;
comment on function app_private.tg__refuse_chunk_change() is 'Keeps chunks as they were indexed. SR901.';
