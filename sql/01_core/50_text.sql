-- The notation of PostgreSQL's text search. Several domains build queries, so its rules of quoting stand here once.

create or replace function core.tsquery_term(term text) returns text
language sql immutable parallel safe
return '''' || replace(replace(term, '\', '\\'), '''', '''''') || '''';
comment on function core.tsquery_term is
  'A lexeme in the notation of a tsquery.';
grant execute on function core.tsquery_term to rowhouse_platform;
