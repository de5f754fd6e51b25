-- Texts as PostgreSQL's text search writes them.

create or replace function core.tsquery_term(term text) returns text
language sql immutable parallel safe
return '''' || replace(replace(term, '\', '\\'), '''', '''''') || '''';
comment on function core.tsquery_term is
  'A lexeme as it is written in a tsquery.';
grant execute on function core.tsquery_term to rowhouse_platform;
