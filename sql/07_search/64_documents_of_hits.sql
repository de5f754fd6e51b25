-- What a search needs of the documents that its chunks are part of: which document, how old it is, and the text around a
-- chunk. A search without the options that ask for it reads nothing here.

create or replace function search.needs_documents(options app_public.search_options) returns boolean
language sql immutable parallel safe
return (options).max_per_document is not null or (options).freshness_half_life is not null;
comment on function search.needs_documents is
  'Whether hits are chosen or ordered by their documents, so that more of them have to be ranked than are shown.';

create or replace function search.written_date(value text) returns timestamptz
language plpgsql stable
set search_path to pg_catalog, pg_temp
-- A time without a zone is in UTC.
set timezone to 'UTC'
as $$
declare
  v_longest constant int := 40;
begin
  if length(written_date.value) <= v_longest and written_date.value ~ '^\d{4}-\d\d-\d\d' then
    return written_date.value::timestamptz;
  end if;
  return null;
exception
  when data_exception then
    return null;
end
$$;
comment on function search.written_date is
  'The time that a text says in ISO 8601, as a date or with a time; null for any other text.';

create or replace function search.document_date(metadata jsonb, updated_at timestamptz) returns timestamptz
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(search.written_date(document_date.metadata ->> 'date'), document_date.updated_at);
$$;
comment on function search.document_date is
  'How new a document is: the date in its metadata, or else when it was changed last.';

create or replace function search.decay(document_date timestamptz, half_life interval) returns double precision
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- More would be too small for a double precision in the end. Documents that are still older count as equally old.
  v_most_half_lives constant double precision := 100;
  v_age double precision := greatest(0, extract(epoch from core.clock() - decay.document_date));
begin
  return power(0.5::double precision, least(v_most_half_lives, v_age / extract(epoch from decay.half_life)::double precision));
end
$$;
comment on function search.decay is
  'What the age of a document leaves of a score: 0.5 ^ (age / half-life), the exponential decay that Li and Croft (Time-Based Language Models, 2003) weigh documents by. It is 1 for a date in the future, and never less than 0.5 ^ 100.';

create or replace function search.documents_of_chunks(
  chunk_ids bigint[], half_life interval, out document_ids uuid[], out decays double precision[]
)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  select array_agg(c.document_id order by u.n) into document_ids
    from unnest(documents_of_chunks.chunk_ids) with ordinality as u (id, n)
    left join app_public.document_chunks c on c.tenant_id = core.current_tenant_id() and c.id = u.id;
  if documents_of_chunks.half_life is null then
    return;
  end if;
  -- The decay is computed once a document, and not once a chunk.
  with aged as materialized (
    select d.id, search.decay(search.document_date(d.metadata, d.updated_at), documents_of_chunks.half_life) as decay
      from app_public.documents d
     where d.tenant_id = core.current_tenant_id() and d.id = any (documents_of_chunks.document_ids)
  )
  select array_agg(a.decay order by u.n) into decays
    from unnest(documents_of_chunks.document_ids) with ordinality as u (id, n)
    left join aged a using (id);
end
$$;
comment on function search.documents_of_chunks is
  'For each of these chunks of the tenant of the context its document, and what the age of the document leaves of a score; decays is null without a half-life.';

create or replace function search.text_around(document_id uuid, ordinal int, context int) returns text
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    with neighbours as (
      select c.ordinal, c.content, c.start_offset,
             lag(c.end_offset, 1, c.start_offset) over (order by c.ordinal) as text_end
        from app_public.document_chunks c
       where c.tenant_id = core.current_tenant_id() and c.document_id = text_around.document_id
         and c.ordinal between text_around.ordinal - text_around.context and text_around.ordinal + text_around.context
    )
    -- A chunk begins with the last sentences of the one before, which are not repeated, or after white space that neither has.
    select string_agg(
             case when n.start_offset = n.text_end + 1 then ' ' when n.start_offset > n.text_end then e'\n\n' else '' end
               || substr(n.content, greatest(n.text_end - n.start_offset, 0) + 1), '' order by n.ordinal)
      from neighbours n);
end
$$;
comment on function search.text_around is
  'The text of a chunk with so many chunks before and after it in its document, where what two of them have in common stands once.';
