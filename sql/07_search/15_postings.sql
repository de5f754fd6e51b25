-- How the index stores numbers. A posting says that the chunk at a position of a block has a term, and with which impact:
-- tf / (tf + length norm), the part of BM25 that does not change with the question. Both are packed into one integer, the
-- impact in its low bits as a whole number, rounded up, so that a bound is never below the truth.
--
-- These functions are a single expression without settings, so that the planner puts the expression in their place. None
-- of them is called for each row.

create or replace function search.impact_scale() returns int
language sql immutable parallel safe return 32767;
comment on function search.impact_scale is
  'The whole number that an impact of 1 is stored as: the largest that fits 15 bits.';

create or replace function search.pack_posting(chunk_position int, frequency int, length_norm double precision) returns int
language sql immutable parallel safe
return pack_posting.chunk_position * (search.impact_scale() + 1)
  + ceil(search.impact_scale() * pack_posting.frequency / (pack_posting.frequency + pack_posting.length_norm))::int;
comment on function search.pack_posting is
  'A posting: the position in the high bits, the impact rounded up in the low 15 bits.';

create or replace function search.posting_position(posting int) returns int
language sql immutable parallel safe return posting_position.posting >> 15;
comment on function search.posting_position is
  'The position in the block that a posting is of.';

create or replace function search.posting_impact(posting int) returns int
language sql immutable parallel safe return posting_impact.posting & search.impact_scale();
comment on function search.posting_impact is
  'The impact of a posting, as a whole number in units of 1 / search.impact_scale().';

create or replace function search.frequent_term_minimum() returns int
language sql immutable parallel safe return 64;
comment on function search.frequent_term_minimum is
  'A term that at least this many chunks of a block have is stored as a vector; a rarer term is stored in a bucket.';

create or replace function search.chunks_per_row() returns int
language sql immutable parallel safe return 200;
comment on function search.chunks_per_row is
  'How many chunk ids a row of search.block_chunks has.';

create or replace function search.start_of_row(chunk_position int) returns int
language sql immutable parallel safe
return (start_of_row.chunk_position - 1) / search.chunks_per_row() * search.chunks_per_row();
comment on function search.start_of_row is
  'The column start of the row of search.block_chunks that has this position.';

create or replace function search.bucket(term text, bucket_count int) returns int
language sql immutable parallel safe
return hashtext(bucket.term collate "C") & (bucket.bucket_count - 1);
comment on function search.bucket is
  'The bucket, of bucket_count (a power of two), in which a block has a rare term.';

create or replace function search.list_terms(terms text[]) returns text
language sql immutable parallel safe
return e'\n' || array_to_string(list_terms.terms, e'\n') || e'\n';
comment on function search.list_terms is
  'Terms as search.rare_postings has them: one text, in which each term stands between two line breaks. No term has a line break, because words end at white space (knowledge.terms).';

create or replace function search.listed_terms(list text) returns text[]
language sql immutable parallel safe
return string_to_array(btrim(listed_terms.list, e'\n'), e'\n');
comment on function search.listed_terms is
  'The terms of a text that search.list_terms made, in their order.';

create or replace function search.listed_as(term text) returns text
language sql immutable parallel safe
return e'\n' || listed_as.term || e'\n';
comment on function search.listed_as is
  'What a list of terms contains when it has this term.';
