-- Cutting a text into chunks at the borders of sentences. These functions depend on nothing but their arguments, so the same
-- text always gives the same chunks.

-- A sentence ends after a full stop, question mark or the like, closing quotes and white space, or at an empty line. The stops of
-- scripts other than Latin stand for nothing else, and many are written without a space, so that they need none.
-- White space belongs to the sentence before it, so that the concatenated sentences are the text again.
create or replace function knowledge.sentence_pattern() returns text
language sql immutable parallel safe
return $re$.+?(?:[.!?…‽]+["'”’»)\]]*\s+|[。｡．！？؟۔܀܁܂։।॥።፧፨။។៕᠃᠉]+["'”’»)\]」』）】》〉]*\s*(?![。｡．！？؟۔।॥"'”’»)\]」』）】》〉\s])|\n[ \t]*\n\s*|$)$re$;
comment on function knowledge.sentence_pattern is
  'The regular expression of a sentence with the white space that follows it.';

create or replace function knowledge.next_piece(ahead text, max_length int) returns int
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Nothing is left of an empty text, and the pattern does not match it.
  v_length int := coalesce(length(substring(next_piece.ahead from '^' || knowledge.sentence_pattern())), 0);
  v_cut int;
  v_marks constant text := '\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u093a-\u094f\u200d\u3099\u309a\ufe0e\ufe0f'
    || '\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b6-\u17d3';
begin
  if v_length <= next_piece.max_length then
    return v_length;
  end if;
  -- Cut after the last white space or comma of a script without spaces that fits. Cut inside a word only when the second half has
  -- neither, and then never between a letter and its mark.
  v_cut := length(substring(left(next_piece.ahead, next_piece.max_length) from '^(.*[\s、，；：،؛၊፣])'));
  if v_cut * 2 >= next_piece.max_length then
    return v_cut;
  end if;
  v_cut := length(substring(left(next_piece.ahead, next_piece.max_length + 1) from '^(.*).[' || v_marks || ']+$'));
  return case when v_cut > 0 then v_cut else next_piece.max_length end;
end
$$;
comment on function knowledge.next_piece is
  'The length of the next piece of a text: its first sentence, or as many of the words of that sentence as max_length characters hold. ahead is the text from there on, at least max_length + 1 characters of it or all that is left.';

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

create or replace function knowledge.read_text(bytes bytea, from_byte int, byte_count int) returns text
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_end int := least(read_text.from_byte + read_text.byte_count, length(read_text.bytes));
begin
  -- A byte of the form 10xxxxxx continues a character of UTF-8: that character is read as a whole.
  while v_end < length(read_text.bytes) and get_byte(read_text.bytes, v_end) & 192 = 128 loop
    v_end := v_end + 1;
  end loop;
  return convert_from(substr(read_text.bytes, read_text.from_byte + 1, v_end - read_text.from_byte), 'UTF8');
end
$$;
comment on function knowledge.read_text is
  'The characters of a text in UTF-8 that begin at from_byte, counted from 0, about byte_count bytes of them. It takes the same time anywhere in the text.';

-- To find the n-th character of a text, PostgreSQL counts characters from its start. Therefore the text is read once, from its
-- bytes, and only the part that the next chunks need is held as text: the time is in proportion to the length of the text.
create or replace function knowledge.chunks(content text, chunk_size int, chunk_overlap int)
returns table (ordinal int, chunk text, start_offset int, end_offset int)
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_white_space constant text := e' \t\n\r\f\x0b';
  v_bytes constant bytea := convert_to(chunks.content, 'UTF8');
  v_next_byte int := 0;
  v_read text;
  -- the text from the start of the next chunk, and how much of it belongs to the chunk so far
  v_ahead text := '';
  v_ahead_start int := 0;
  v_taken int := 0;
  -- the lengths of the pieces of the chunk so far
  v_lengths int[] := '{}';
  v_sentences int[];
  v_sentences_length int;
  v_next int;
  v_buffer text;
  v_overlap record;
begin
  ordinal := 0;
  loop
    -- A chunk and the longest piece after it, and one character more, which tells whether the piece ends there.
    while length(v_ahead) <= 2 * chunks.chunk_size and v_next_byte < length(v_bytes) loop
      v_read := knowledge.read_text(v_bytes, v_next_byte, 8 * chunks.chunk_size);
      v_next_byte := v_next_byte + octet_length(v_read);
      v_ahead := v_ahead || v_read;
    end loop;

    -- Take the sentences that end within the chunk. The last one is cut off by the end of the chunk.
    select array_agg(length(s.parts[1]) order by s.n), sum(length(s.parts[1]))
      into v_sentences, v_sentences_length
      from regexp_matches(substr(v_ahead, v_taken + 1, chunks.chunk_size - v_taken), knowledge.sentence_pattern(), 'g')
             with ordinality as s (parts, n);
    if cardinality(v_sentences) > 1 then
      v_taken := v_taken + v_sentences_length - v_sentences[cardinality(v_sentences)];
      v_lengths := v_lengths || trim_array(v_sentences, 1);
    end if;

    v_next := knowledge.next_piece(substr(v_ahead, v_taken + 1, chunks.chunk_size + 1), chunks.chunk_size);
    if v_next > 0 and v_taken + v_next <= chunks.chunk_size then
      v_lengths := v_lengths || v_next;
      v_taken := v_taken + v_next;
      continue;
    end if;

    v_buffer := left(v_ahead, v_taken);
    if v_buffer ~ '\S' then
      chunk := btrim(v_buffer, v_white_space);
      start_offset := v_ahead_start + v_taken - length(ltrim(v_buffer, v_white_space));
      end_offset := start_offset + length(chunk);
      return next;
      ordinal := ordinal + 1;
    end if;
    exit when v_next = 0;
    v_overlap := knowledge.overlap_length(v_lengths, chunks.chunk_overlap, chunks.chunk_size - v_next);
    v_ahead := substr(v_ahead, v_taken - v_overlap.length + 1);
    v_ahead_start := v_ahead_start + v_taken - v_overlap.length;
    v_taken := v_overlap.length;
    v_lengths := v_lengths[cardinality(v_lengths) - v_overlap.sentence_count + 1 :];
  end loop;
end
$$;
comment on function knowledge.chunks is
  'A text, cut at the borders of sentences into chunks of at most chunk_size characters. Each chunk begins with up to chunk_overlap characters of whole sentences of the chunk before. Offsets count characters from 0.';

create or replace function knowledge.searchable_text(title text, chunk text) returns text
language sql immutable parallel safe
return title || e'\n\n' || chunk;
comment on function knowledge.searchable_text is
  'The text of a chunk that is embedded: the title of its document and the chunk, because every part of a document is about the subject of its title.';
