-- Cutting a text into chunks at the borders of sentences. These functions depend on nothing but their arguments, so the same
-- text always gives the same chunks.

create or replace function knowledge.sentences(content text) returns setof text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  -- A sentence ends after a full stop, question mark or the like, closing quotes and white space, or at an empty line.
  -- White space belongs to the sentence before it, so that the concatenated sentences are the text again.
  select m.parts[1]
    from regexp_matches(content, $re$.+?(?:[.!?…。！？]+["'”’)\]]*\s+|\n[ \t]*\n\s*|$)$re$, 'g') with ordinality as m (parts, n)
   order by m.n;
$$;
comment on function knowledge.sentences is
  'The sentences of a text in order, each with the white space that follows it.';

create or replace function knowledge.pieces(sentence text, max_length int) returns setof text
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rest text := sentence;
  v_cut int;
begin
  while length(v_rest) > max_length loop
    -- Cut after the last white space that fits. Cut inside a word only when the second half has no white space.
    v_cut := length(substring(left(v_rest, max_length) from '^(.*\s)'));
    if v_cut is null or v_cut * 2 < max_length then
      v_cut := max_length;
    end if;
    return next left(v_rest, v_cut);
    v_rest := substr(v_rest, v_cut + 1);
  end loop;
  return next v_rest;
end
$$;
comment on function knowledge.pieces is
  'A sentence, cut between words into pieces of at most max_length characters.';

create or replace function knowledge.overlap_length(lengths int[], chunk_overlap int, room int, out length int, out sentence_count int)
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_next int;
begin
  length := 0;
  sentence_count := 0;
  -- The first sentence of a chunk is never repeated, because the next chunk would then be the same and more.
  while sentence_count < cardinality(overlap_length.lengths) - 1 loop
    v_next := overlap_length.lengths[cardinality(overlap_length.lengths) - sentence_count];
    exit when length + v_next > least(overlap_length.chunk_overlap, overlap_length.room);
    length := length + v_next;
    sentence_count := sentence_count + 1;
  end loop;
end
$$;
comment on function knowledge.overlap_length is
  'How many of the last sentences of a chunk, which have these lengths, the next chunk begins with, and how long they are together: at most chunk_overlap characters, and at most room.';

create or replace function knowledge.chunks(content text, chunk_size int, chunk_overlap int)
returns table (ordinal int, chunk text, start_offset int, end_offset int)
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_white_space constant text := e' \t\n\r\f\x0b';
  v_piece text;
  v_buffer text := '';
  v_buffer_start int := 0;
  -- the lengths of the pieces in the buffer
  v_lengths int[] := '{}';
  v_overlap record;
begin
  ordinal := 0;
  for v_piece in
    select p from knowledge.sentences(chunks.content) s, knowledge.pieces(s, chunks.chunk_size) p
    union all
    -- The end of the text closes the last chunk.
    select null
  loop
    if v_piece is null or length(v_buffer) + length(v_piece) > chunks.chunk_size and v_buffer <> '' then
      if v_buffer ~ '\S' then
        chunk := btrim(v_buffer, v_white_space);
        start_offset := v_buffer_start + length(v_buffer) - length(ltrim(v_buffer, v_white_space));
        end_offset := start_offset + length(chunk);
        return next;
        ordinal := ordinal + 1;
      end if;
      exit when v_piece is null;
      v_overlap := knowledge.overlap_length(v_lengths, chunks.chunk_overlap, chunks.chunk_size - length(v_piece));
      v_buffer_start := v_buffer_start + length(v_buffer) - v_overlap.length;
      v_buffer := right(v_buffer, v_overlap.length);
      v_lengths := v_lengths[cardinality(v_lengths) - v_overlap.sentence_count + 1 :];
    end if;
    v_buffer := v_buffer || v_piece;
    v_lengths := v_lengths || length(v_piece);
  end loop;
end
$$;
comment on function knowledge.chunks is
  'A text, cut at the borders of sentences into chunks of at most chunk_size characters. Each chunk begins with up to chunk_overlap characters of whole sentences of the chunk before. Offsets count characters from 0.';

create or replace function knowledge.token_count(vector tsvector) returns int
language sql immutable parallel safe
return (select coalesce(sum(cardinality(positions)), 0)::int from unnest(vector));
comment on function knowledge.token_count is
  'The length of a text for BM25: its tokens without stop words. A token counts at most 255 times, because a tsvector keeps no more positions.';

create or replace function knowledge.search_vector(config regconfig, title text, chunk text) returns tsvector
language sql immutable parallel safe
return setweight(to_tsvector(config, title), 'A') || to_tsvector(config, chunk);
comment on function knowledge.search_vector is
  'The terms of a chunk and of the title of its document; those of the title have weight A.';

create or replace function knowledge.searchable_text(title text, chunk text) returns text
language sql immutable parallel safe
return title || e'\n\n' || chunk;
comment on function knowledge.searchable_text is
  'The text of a chunk that is embedded: the title of its document and the chunk, because every part of a document is about the subject of its title.';
