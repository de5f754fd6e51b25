-- Heads answer questions of one common word. A block keeps of each common term the postings with the highest impacts and one
-- more, above which no other posting is. The best of all heads are nearly always the hits, and when the last hit beats what
-- the heads leave, no block has to be added up (docs/adr/0020).

create or replace function search.head_minimum() returns int
language sql immutable parallel safe return 256;
comment on function search.head_minimum is
  'A term that at least this many chunks of a block have has a head. A head is 92 bytes long, and the vector of such a term at least 2,048.';

create or replace function search.head_size() returns int
language sql immutable parallel safe return 16;
comment on function search.head_size is
  'How many postings a head has before the one that is above all others.';

create or replace function search.head_of(postings int[]) returns int[]
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  if cardinality(head_of.postings) < search.head_minimum() then
    return null;
  end if;
  return array(
    select p from unnest(head_of.postings) p
     order by search.posting_impact(p) desc, p limit search.head_size() + 1);
end
$$;
comment on function search.head_of is
  'The head of a term with these postings in a block; null when they are few.';

create or replace function search.impact_above_rest(head int[]) returns int
language sql immutable parallel safe
return search.posting_impact(head[search.head_size() + 1]);
comment on function search.impact_above_rest is
  'The impact that no posting outside of the head exceeds; null without a head.';

create or replace function search.head_positions(block_terms search.block_term[], masks search.block_mask[], weight double precision)
returns search.block_position[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select (b.block_id, search.posting_position(p), head_positions.weight * search.posting_impact(p) / search.impact_scale())::search.block_position
      from unnest(head_positions.block_terms) b
     cross join unnest(b.head[: search.head_size()]) as p
      left join unnest(head_positions.masks) m on m.block_id = b.block_id
     where (head_positions.masks is null or m.block_id is not null)
       and (m.mask is null or get_bit(m.mask, search.posting_position(p) - 1) = 1));
end
$$;
comment on function search.head_positions is
  'The positions of the heads of the only term of a question that may be hits, with their bounds. weight: as in search.scoring.';
