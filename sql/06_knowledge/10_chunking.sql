-- Cutting text into chunks at sentence borders. Pure functions of the text: the same text gives the same chunks.

create or replace function knowledge.sentences(content text) returns setof text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  -- A sentence ends after a full stop (question mark, …), closing quotes and white space, or at an empty line.
  -- White space stays with the sentence it follows, so that the sentences put together are the text.
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
    -- after the last white space of what fits; in the middle of a word only when there is none in its second half
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
  'A sentence that is too long, cut between words into pieces of at most max_length characters.';

create or replace function knowledge.chunks(content text, chunk_size int, chunk_overlap int)
returns table (ordinal int, chunk text, start_offset int, end_offset int)
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_piece text;
  v_buffer text := '';
  v_buffer_start int := 0;
  v_lengths int[] := '{}';
  v_kept int;
  v_count int;
begin
  ordinal := 0;
  for v_piece in
    select p from knowledge.sentences(chunks.content) s, knowledge.pieces(s, chunks.chunk_size) p
  loop
    if length(v_buffer) + length(v_piece) > chunks.chunk_size and v_buffer <> '' then
      if v_buffer ~ '\S' then
        chunk := btrim(v_buffer, e' \t\n\r\f\x0b');
        start_offset := v_buffer_start + length(v_buffer) - length(ltrim(v_buffer, e' \t\n\r\f\x0b'));
        end_offset := start_offset + length(chunk);
        return next;
        ordinal := ordinal + 1;
      end if;
      -- the next chunk begins with the last whole sentences of this one, as far as the overlap and its size allow
      v_kept := 0;
      v_count := 0;
      while v_count < cardinality(v_lengths) - 1
        and v_kept + v_lengths[cardinality(v_lengths) - v_count] <= chunks.chunk_overlap
        and v_kept + v_lengths[cardinality(v_lengths) - v_count] + length(v_piece) <= chunks.chunk_size
      loop
        v_kept := v_kept + v_lengths[cardinality(v_lengths) - v_count];
        v_count := v_count + 1;
      end loop;
      v_buffer_start := v_buffer_start + length(v_buffer) - v_kept;
      v_buffer := right(v_buffer, v_kept);
      v_lengths := v_lengths[cardinality(v_lengths) - v_count + 1 :];
    end if;
    v_buffer := v_buffer || v_piece;
    v_lengths := v_lengths || length(v_piece);
  end loop;

  if v_buffer ~ '\S' then
    chunk := btrim(v_buffer, e' \t\n\r\f\x0b');
    start_offset := v_buffer_start + length(v_buffer) - length(ltrim(v_buffer, e' \t\n\r\f\x0b'));
    end_offset := start_offset + length(chunk);
    return next;
  end if;
end
$$;
comment on function knowledge.chunks is
  'A text cut into chunks of at most chunk_size characters at sentence borders; each begins with up to chunk_overlap characters of whole sentences of the one before. Offsets count characters from 0.';

create or replace function knowledge.token_count(vector tsvector) returns int
language sql immutable parallel safe
return (select coalesce(sum(cardinality(positions)), 0)::int from unnest(vector));
comment on function knowledge.token_count is
  'Length of a text in tokens that count for search (no stop words; a token counts at most 255 times).';

create or replace function knowledge.search_vector(config regconfig, title text, chunk text) returns tsvector
language sql immutable parallel safe
return setweight(to_tsvector(config, title), 'A') || to_tsvector(config, chunk);
comment on function knowledge.search_vector is
  'The terms of a chunk headed by its document''s title, whose words have weight A.';

create or replace function knowledge.searchable_text(title text, chunk text) returns text
language sql immutable parallel safe
return title || e'\n\n' || chunk;
comment on function knowledge.searchable_text is
  'What is searched and embedded of a chunk: it, headed by its document''s title, because what a document is called, it is about throughout.';
