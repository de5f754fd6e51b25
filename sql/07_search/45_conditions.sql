-- Required and excluded words decide first. A text that has a phrase has all words of the phrase, so the postings of the rarest
-- of them name the few chunks that can be hits. These are read, and those that meet the question's conditions are the scope:
-- each of them is scored, by words and by vectors. Where even the rarest word is common, masks of bits say at which positions
-- of a block all required words are and the excluded ones are not, and bound the ranking to these.

comment on type search.condition is 'What a text must have, or must not have, to meet a condition of a question, by one of its readings.';
comment on type search.block_mask is 'The positions of a block whose chunks may be hits.';

create or replace function search.open_blocks(conditions search.condition[], terms text[], block_terms search.block_term[])
returns table (block_id bigint, rarest search.block_term[], rarest_count bigint)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with reading as (
      -- the readings of which the block has all terms
      select c.number, b.block_id, (array_agg(b order by b.document_count))[1] as rarest
        from unnest(open_blocks.conditions) with ordinality as c (number, terms, is_excluded, n)
        join unnest(open_blocks.block_terms) b on open_blocks.terms[b.term_number] = any (c.terms)
       where not c.is_excluded
       group by c.number, c.n, c.terms, b.block_id
      having count(*) = cardinality(c.terms)
    ), met as (
      select r.block_id, r.number, array_agg(r.rarest) as rarest, sum((r.rarest).document_count)::bigint as rarest_count
        from reading r
       group by r.block_id, r.number
    )
    select distinct on (m.block_id) m.block_id, m.rarest, m.rarest_count
      from met m
     where m.block_id in (
       select o.block_id from met o group by o.block_id
       having count(*) = (select count(distinct c.number) from unnest(open_blocks.conditions) c where not c.is_excluded))
     order by m.block_id, m.rarest_count;
end
$$;
comment on function search.open_blocks is
  'The blocks that have the words of all conditions, in some reading of each; and the rarest term of each reading of the condition that the fewest chunks of the block can meet, with how many these are. block_terms: where the terms are.';

create or replace function search.masks_of(
  block_ids bigint[], conditions search.condition[], terms text[], block_terms search.block_term[]
) returns search.block_mask[]
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
begin
  return (
    with bits as (
      select c.is_excluded, c.number, c.n, p.block_id,
             binary_quantize(coalesce(
               f.impacts, ('{' || (select string_agg(search.posting_position(i) || ':1', ',') from unnest(p.postings) i) || '}/' || b.chunk_count)::sparsevec
             )::vector) as bits
        from unnest(masks_of.block_terms) p
        join search.blocks b on b.tenant_id = core.current_tenant_id() and b.id = p.block_id
        join unnest(masks_of.conditions) with ordinality as c (number, terms, is_excluded, n)
          on masks_of.terms[p.term_number] = any (c.terms)
        left join lateral (
          select f.impacts from search.postings f
           where f.tenant_id = core.current_tenant_id() and f.term = masks_of.terms[p.term_number] collate "C"
             and f.block_id = p.block_id
          offset 0) f on true
       where p.block_id = any (masks_of.block_ids)
         -- A rare word excludes too few chunks to matter.
         and (not c.is_excluded or p.postings is null)
    ), reading as (
      select number, block_id, bit_and(bits) as bits
        from bits where not is_excluded
       group by number, n, block_id
      having count(*) = (select cardinality(masks_of.conditions[bits.n].terms))
    ), condition as (
      select block_id, bit_or(bits) as bits from reading group by number, block_id
      union all
      select block_id, ~ bits from bits where is_excluded
    ), masked as (
      select block_id, bit_and(bits) as mask from condition group by block_id
    )
    select coalesce(array_agg((u.id, m.mask)::search.block_mask), '{}')
      from unnest(masks_of.block_ids) as u (id)
      left join masked m on m.block_id = u.id
     where m.mask is null or bit_count(m.mask) > 0);
end
$$;
comment on function search.masks_of is
  'Which positions of these blocks have the words of all conditions, each in one of its readings, and none of the excluded words. A block without such a position is left out.';

create or replace function search.mask_positions(masks search.block_mask[]) returns search.block_position[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select (m.block_id, p.position, null)::search.block_position
      from unnest(mask_positions.masks) m
     cross join lateral (
       select (sum(length(p.gap) + 1) over (order by p.n))::int as position, p.n
         from string_to_table(m.mask::text, '1') with ordinality as p (gap, n)) p
     where p.n <= bit_count(m.mask));
end
$$;
comment on function search.mask_positions is
  'The positions whose bits are set.';

create or replace function search.chunks_that_match(chunk_ids bigint[], scope search.scope, count_limit int) returns bigint[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source_ids uuid[] := (scope).source_ids;
  v_document_ids uuid[] := (scope).document_ids;
  v_text_filter tsquery := (scope).text_filter;
begin
  return array(
    select c.id
      from search.chunks_by_id(chunks_that_match.chunk_ids) c
     where c.content_tsvector @@ v_text_filter
       and c.source_id = any (v_source_ids)
       and (v_document_ids is null or c.document_id = any (v_document_ids))
     limit chunks_that_match.count_limit);
end
$$;
comment on function search.chunks_that_match is
  'Those of these chunks that are in scope, count_limit at most.';

create or replace function search.bound_by_words(scope search.scope, conditions search.condition[]) returns search.scope
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Up to so many chunks, reading all that have a word costs less than making masks.
  v_few_postings constant int := 300;
  -- Up to so many chunks, reading all at the positions of the masks costs less than ranking them by their bounds.
  v_few_positions constant int := 2000;
  -- So many chunks in scope are scored one by one (search.scope_of).
  v_few_chunks constant int := 1000;
  -- So many conditions bound a search; all of them are checked for each chunk that is read.
  v_most_conditions constant int := 32;
  v_scope search.scope := scope;
  v_conditions search.condition[] := array(
    select c from unnest(conditions) c
     where c.number in (select n.number from unnest(conditions) n group by n.number order by n.number limit v_most_conditions));
  v_terms text[] := array(select distinct t from unnest(v_conditions) c, unnest(c.terms) t);
  v_block_terms search.block_term[] := search.block_terms(v_terms);
  v_has_required boolean := (select bool_or(not c.is_excluded) from unnest(v_conditions) c);
  v_rarest search.block_term[];
  v_block_ids bigint[];
  v_count bigint;
  v_positions search.block_position[];
begin
  if v_has_required then
    select array_agg(o.block_id), search.array_concat(o.rarest), sum(o.rarest_count)
      into v_block_ids, v_rarest, v_count
      from search.open_blocks(v_conditions, v_terms, v_block_terms) o;
  else
    v_block_ids := array(select b.id from search.blocks b where b.tenant_id = core.current_tenant_id());
  end if;

  if v_has_required and (v_count is null or v_count <= v_few_postings
                         and not exists (select from unnest(v_rarest) r where r.postings is null)) then
    v_positions := array(
      select distinct (r.block_id, search.posting_position(p), null)::search.block_position
        from unnest(v_rarest) r, unnest(r.postings) as p);
  else
    v_scope.masks := search.masks_of(v_block_ids, v_conditions, v_terms, v_block_terms);
    if (select count(*) = count(m.mask) and coalesce(sum(bit_count(m.mask)), 0) <= v_few_positions from unnest(v_scope.masks) m) then
      v_positions := search.mask_positions(v_scope.masks);
    end if;
  end if;

  if v_positions is not null then
    v_scope.chunk_ids := search.chunks_that_match(
      search.unmerged_chunk_ids() || search.chunk_ids_at(v_positions), v_scope, v_few_chunks + 1);
    if cardinality(v_scope.chunk_ids) > v_few_chunks then
      v_scope.chunk_ids := null;
    end if;
  end if;
  return v_scope;
end
$$;
comment on function search.bound_by_words is
  'Narrows a scope to what can meet the conditions of a question: to a list of chunks when they are few, else by masks. The scope must not have a list already.';
