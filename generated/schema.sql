CREATE SCHEMA app_hidden;

ALTER SCHEMA app_hidden OWNER TO rowhouse_owner;

COMMENT ON SCHEMA app_hidden IS 'Helpers that policies and views call; not served.';

CREATE SCHEMA app_private;

ALTER SCHEMA app_private OWNER TO rowhouse_owner;

COMMENT ON SCHEMA app_private IS 'Secrets and internals; reached only through functions.';

CREATE SCHEMA app_public;

ALTER SCHEMA app_public OWNER TO rowhouse_owner;

COMMENT ON SCHEMA app_public IS 'The API: everything here is served by GraphQL, inside the walls of a tenant.';

CREATE TYPE app_hidden.processing_stage AS ENUM (
    'parse',
    'chunk',
    'embed',
    'index',
    'done'
);

ALTER TYPE app_hidden.processing_stage OWNER TO rowhouse_owner;

CREATE TYPE app_public.agent_status_enum AS ENUM (
    'active',
    'inactive',
    'draft',
    'archived',
    'deprecated'
);

ALTER TYPE app_public.agent_status_enum OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.agent_status_enum IS 'Where an agent stands: draft, active, inactive, deprecated (still works, not for new uses) or archived.';

CREATE TYPE app_public.document_outcome AS ENUM (
    'created',
    'replaced',
    'unchanged',
    'retried',
    'refused'
);

ALTER TYPE app_public.document_outcome OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.document_outcome IS 'What became of a document that was given: created, replaced, unchanged, retried (unchanged, its processing had failed) or refused.';

CREATE TYPE app_public.document_receipt AS (
	external_id text,
	document_id uuid,
	outcome app_public.document_outcome,
	error text
);

ALTER TYPE app_public.document_receipt OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.document_receipt IS 'What became of one document that was given.';

COMMENT ON COLUMN app_public.document_receipt.external_id IS 'The key it was given under.';

COMMENT ON COLUMN app_public.document_receipt.document_id IS 'Its id, null when it was refused.';

COMMENT ON COLUMN app_public.document_receipt.outcome IS 'created, replaced, unchanged, retried or refused.';

COMMENT ON COLUMN app_public.document_receipt.error IS 'Why it was refused, null when it was not.';

CREATE TYPE app_public.llm_model_kind AS ENUM (
    'chat',
    'embedding'
);

ALTER TYPE app_public.llm_model_kind OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.llm_model_kind IS 'What a model does: chat or embedding.';

CREATE TYPE app_public.llm_provider_kind AS ENUM (
    'builtin',
    'openai'
);

ALTER TYPE app_public.llm_provider_kind OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.llm_provider_kind IS 'How a provider is spoken to: builtin (in the database) or openai (any OpenAI-compatible endpoint).';

CREATE TYPE app_public.processing_counts AS (
	pending integer,
	processing integer,
	completed integer,
	failed integer
);

ALTER TYPE app_public.processing_counts OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.processing_counts IS 'How many documents are in each state.';

COMMENT ON COLUMN app_public.processing_counts.pending IS 'Waiting for a worker.';

COMMENT ON COLUMN app_public.processing_counts.processing IS 'Being worked on.';

COMMENT ON COLUMN app_public.processing_counts.completed IS 'Searchable.';

COMMENT ON COLUMN app_public.processing_counts.failed IS 'Failed; retry_documents tries them again.';

CREATE TYPE app_public.processing_status AS ENUM (
    'pending',
    'processing',
    'completed',
    'failed'
);

ALTER TYPE app_public.processing_status OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.processing_status IS 'How far a document is: pending, processing, completed (searchable) or failed (processing_error says why).';

CREATE TYPE app_public.search_hit AS (
	rank integer,
	score double precision,
	bm25_score double precision,
	bm25_rank integer,
	vector_score double precision,
	vector_rank integer,
	source_id uuid,
	document_id uuid,
	chunk_id bigint,
	title text,
	content text,
	snippet text
);

ALTER TYPE app_public.search_hit OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.search_hit IS 'A chunk that a search found, with its place and the parts of its score.';

COMMENT ON COLUMN app_public.search_hit.rank IS 'Place in the result, from 1.';

COMMENT ON COLUMN app_public.search_hit.score IS 'What the result is ordered by: BM25, cosine similarity or the fused score, as the mode says. Comparable within one result only.';

COMMENT ON COLUMN app_public.search_hit.bm25_score IS 'BM25 score, null when the words ranking did not reach the chunk.';

COMMENT ON COLUMN app_public.search_hit.bm25_rank IS 'Place in the words ranking, from 1, or null.';

COMMENT ON COLUMN app_public.search_hit.vector_score IS 'Cosine similarity to the query, -1 to 1, null when the vector ranking did not reach the chunk.';

COMMENT ON COLUMN app_public.search_hit.vector_rank IS 'Place in the vector ranking, from 1, or null.';

COMMENT ON COLUMN app_public.search_hit.source_id IS 'The knowledge source.';

COMMENT ON COLUMN app_public.search_hit.document_id IS 'The document.';

COMMENT ON COLUMN app_public.search_hit.chunk_id IS 'The chunk.';

COMMENT ON COLUMN app_public.search_hit.title IS 'Title of the document.';

COMMENT ON COLUMN app_public.search_hit.content IS 'Text of the chunk.';

COMMENT ON COLUMN app_public.search_hit.snippet IS 'The part of the text that shows the query''s words, as HTML: escaped, the words in <mark>.';

CREATE TYPE app_public.search_mode AS ENUM (
    'bm25',
    'vector',
    'hybrid'
);

ALTER TYPE app_public.search_mode OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.search_mode IS 'How a search ranks: bm25 (words), vector (nearness of embeddings) or hybrid (both, fused).';

CREATE FUNCTION app_hidden.analyst_tenant_ids() RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- session_user: who logged in. Nothing a session can set changes it.
  select coalesce(array_agg(tenant_id), '{}') from app_private.analyst_tenants where login = session_user;
$$;

ALTER FUNCTION app_hidden.analyst_tenant_ids() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_hidden.analyst_tenant_ids() IS 'The tenants whose reporting views the login of this session may read.';

CREATE FUNCTION app_hidden.chunks(content text, chunk_size integer, chunk_overlap integer) RETURNS TABLE(ordinal integer, chunk text, start_offset integer, end_offset integer)
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
    select p from app_hidden.sentences(chunks.content) s, app_hidden.pieces(s, chunks.chunk_size) p
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

ALTER FUNCTION app_hidden.chunks(content text, chunk_size integer, chunk_overlap integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.chunks(content text, chunk_size integer, chunk_overlap integer) IS 'A text cut into chunks of at most chunk_size characters at sentence borders; each begins with up to chunk_overlap characters of whole sentences of the one before. Offsets count characters from 0.';

CREATE FUNCTION app_hidden.current_member_role() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select role from app_public.user_tenants
   where tenant_id = app_hidden.current_tenant_id() and user_id = app_hidden.current_user_id() and status = 'active';
$$;

ALTER FUNCTION app_hidden.current_member_role() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.current_member_role() IS 'Your role in this tenant, null when you are not an active member.';

CREATE FUNCTION app_hidden.current_tenant_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (NULLIF(current_setting('rowhouse.tenant_id'::text, true), ''::text))::uuid;

ALTER FUNCTION app_hidden.current_tenant_id() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.current_tenant_id() IS 'The tenant of this request, or null outside of one.';

CREATE FUNCTION app_hidden.current_user_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (NULLIF(current_setting('rowhouse.user_id'::text, true), ''::text))::uuid;

ALTER FUNCTION app_hidden.current_user_id() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.current_user_id() IS 'The user of this request, or null outside of one.';

CREATE FUNCTION app_hidden.has_role(minimum text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- roles are a ladder; platform staff stand at its top in any tenant they enter
  select coalesce(
    array_position(array['viewer', 'member', 'admin', 'owner'],
      case when app_hidden.is_platform_admin() then 'owner' else app_hidden.current_member_role() end)
    >= array_position(array['viewer', 'member', 'admin', 'owner'], has_role.minimum), false);
$$;

ALTER FUNCTION app_hidden.has_role(minimum text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.has_role(minimum text) IS 'Whether your role in this tenant is at least viewer, member, admin or owner.';

CREATE FUNCTION app_hidden.hashing_embedding(content text, dimension integer) RETURNS public.vector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  with words as (
    select lexeme, 1 + ln(cardinality(positions)) as weight from unnest(to_tsvector('pg_catalog.simple', content))
  ), features as (
    select 'w' || lexeme as feature, weight from words
    union all
    -- parts of words, weaker than the words themselves: they let inflected and mistyped words meet
    select 't' || substr('_' || left(lexeme, 64) || '_', i, 3), weight * 0.25
      from words, generate_series(1, length(left(lexeme, 64))) as i
  ), hashed as (
    select ('x' || substr(md5(feature), 1, 8))::bit(32)::int as hash, weight from features
  ), components as (
    select (hash & 1073741823) % hashing_embedding.dimension as i, sum(case when hash < 0 then -weight else weight end) as value
      from hashed group by 1
  ), dense as (
    select array_agg(coalesce(value, 0)::real order by slot) as vector, coalesce(sum(value * value), 0) as square
      from generate_series(0, hashing_embedding.dimension - 1) as slot
      left join components on i = slot
  )
  -- a text without words gets the first axis: the zero vector has no direction
  select public.l2_normalize(case when square > 0 then vector
           else array_prepend(1::real, array_fill(0::real, array[hashing_embedding.dimension - 1])) end::public.vector)
    from dense;
$$;

ALTER FUNCTION app_hidden.hashing_embedding(content text, dimension integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.hashing_embedding(content text, dimension integer) IS 'The built-in embedder''s unit vector of a text: signed feature hashing of words and parts of words. Knows no meanings.';

CREATE FUNCTION app_hidden.is_email(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((value ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$'::text) AND (value = lower(value)) AND (length(value) <= 254));

ALTER FUNCTION app_hidden.is_email(value text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_email(value text) IS 'A plausible e-mail address, stored lower-cased, at most 254 characters.';

CREATE FUNCTION app_hidden.is_name(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((length(value) <= 255) AND (value ~ '\S'::text) AND (value !~ '[\x01-\x1f\x7f]'::text));

ALTER FUNCTION app_hidden.is_name(value text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_name(value text) IS 'At most 255 characters, at least one of them visible, no control characters.';

CREATE FUNCTION app_hidden.is_platform_admin() RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- the role of the transaction, also inside definer functions; only the server's login can take it
  select current_setting('role', true) = 'rowhouse_admin';
$$;

ALTER FUNCTION app_hidden.is_platform_admin() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_platform_admin() IS 'Whether the request is one of platform staff.';

CREATE FUNCTION app_hidden.is_slug(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$'::text);

ALTER FUNCTION app_hidden.is_slug(value text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_slug(value text) IS 'Lower-case letters, digits and inner hyphens, at most 63: fit for a host name.';

CREATE FUNCTION app_hidden.pieces(sentence text, max_length integer) RETURNS SETOF text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION app_hidden.pieces(sentence text, max_length integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.pieces(sentence text, max_length integer) IS 'A sentence that is too long, cut between words into pieces of at most max_length characters.';

CREATE FUNCTION app_hidden.query_embedding_model(embedding_model text, source_ids uuid[]) RETURNS TABLE(base_url text, api_key_variable text, model_name text, dimension integer, batch_size integer, timeout_ms integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_model app_public.llm_models := app_private.search_model(query_embedding_model.embedding_model, query_embedding_model.source_ids);
begin
  return query
    select p.base_url, p.api_key_variable, v_model.provider_model_name, v_model.dimension, v_model.batch_size, v_model.timeout_ms
      from app_public.llm_providers p
     where p.id = v_model.provider_id and p.kind <> 'builtin';
end
$$;

ALTER FUNCTION app_hidden.query_embedding_model(embedding_model text, source_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.query_embedding_model(embedding_model text, source_ids uuid[]) IS 'What the server needs to embed a question for these sources; nothing when the built-in model does it in SQL. SR402, SR403 as search.';

CREATE FUNCTION app_hidden.search_settings() RETURNS TABLE(k1 double precision, b double precision)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce((config #>> '{search,k1}')::double precision, 1.2), coalesce((config #>> '{search,b}')::double precision, 0.75)
    from app_public.tenants where id = app_hidden.current_tenant_id();
$$;

ALTER FUNCTION app_hidden.search_settings() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.search_settings() IS 'BM25''s parameters of this tenant.';

CREATE FUNCTION app_hidden.searchable_text(title text, chunk text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((title || '

'::text) || chunk);

ALTER FUNCTION app_hidden.searchable_text(title text, chunk text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.searchable_text(title text, chunk text) IS 'What is searched and embedded of a chunk: it, headed by its document''s title, because what a document is called, it is about throughout.';

CREATE FUNCTION app_hidden.sentences(content text) RETURNS SETOF text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  -- A sentence ends after a full stop (question mark, …), closing quotes and white space, or at an empty line.
  -- White space stays with the sentence it follows, so that the sentences put together are the text.
  select m.parts[1]
    from regexp_matches(content, $re$.+?(?:[.!?…。！？]+["'”’)\]]*\s+|\n[ \t]*\n\s*|$)$re$, 'g') with ordinality as m (parts, n)
   order by m.n;
$_$;

ALTER FUNCTION app_hidden.sentences(content text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.sentences(content text) IS 'The sentences of a text in order, each with the white space that follows it.';

CREATE FUNCTION app_hidden.text_search_config(language text) RETURNS regconfig
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE lower("left"(language, 2)) WHEN 'ar'::text THEN 'arabic'::regconfig WHEN 'da'::text THEN 'danish'::regconfig WHEN 'nl'::text THEN 'dutch'::regconfig WHEN 'en'::text THEN 'english'::regconfig WHEN 'fi'::text THEN 'finnish'::regconfig WHEN 'fr'::text THEN 'french'::regconfig WHEN 'de'::text THEN 'german'::regconfig WHEN 'el'::text THEN 'greek'::regconfig WHEN 'hu'::text THEN 'hungarian'::regconfig WHEN 'id'::text THEN 'indonesian'::regconfig WHEN 'ga'::text THEN 'irish'::regconfig WHEN 'it'::text THEN 'italian'::regconfig WHEN 'lt'::text THEN 'lithuanian'::regconfig WHEN 'no'::text THEN 'norwegian'::regconfig WHEN 'pt'::text THEN 'portuguese'::regconfig WHEN 'ro'::text THEN 'romanian'::regconfig WHEN 'ru'::text THEN 'russian'::regconfig WHEN 'es'::text THEN 'spanish'::regconfig WHEN 'sv'::text THEN 'swedish'::regconfig WHEN 'tr'::text THEN 'turkish'::regconfig ELSE 'simple'::regconfig END;

ALTER FUNCTION app_hidden.text_search_config(language text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.text_search_config(language text) IS 'The text-search configuration for a language tag such as en or pt-BR; simple when the language is unknown or null.';

CREATE FUNCTION app_hidden.token_count(vector tsvector) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(sum(cardinality(positions)), 0)::int from unnest(vector);
$$;

ALTER FUNCTION app_hidden.token_count(vector tsvector) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.token_count(vector tsvector) IS 'Length of a text in tokens that count for search (no stop words; a token counts at most 255 times).';

CREATE FUNCTION app_private.alive_workers(silent_for interval) RETURNS text[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(array_agg(worker_id), '{}')
    from app_private.worker_heartbeats
   where seen_at >= clock_timestamp() - alive_workers.silent_for;
$$;

ALTER FUNCTION app_private.alive_workers(silent_for interval) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.alive_workers(silent_for interval) IS 'The workers that were heard of within the interval.';

CREATE PROCEDURE app_private.assert_secured()
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_gaps text;
begin
  select string_agg(format('%s: %s', object, gap), e'\n' order by object, gap) into v_gaps from app_private.security_gaps();
  if v_gaps is not null then
    perform app_private.raise_error('RH903', e'The schema has security gaps:\n' || v_gaps, 'Close them, then run the migration again.');
  end if;
end
$$;

ALTER PROCEDURE app_private.assert_secured() OWNER TO rowhouse_owner;

COMMENT ON PROCEDURE app_private.assert_secured() IS 'The last step of a migration. RH903: what is not secured, one line each.';

CREATE FUNCTION app_private.authenticate(claims jsonb, requested_tenant text) RETURNS TABLE(user_id uuid, tenant_id uuid, role text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid := app_private.identify(authenticate.claims);
  v_requested text := lower(nullif(trim(authenticate.requested_tenant), ''));
  v_tenant_ids uuid[];
  v_tenant_id uuid;
  v_is_staff boolean;
begin
  if v_user_id is null then
    perform app_private.raise_error('ID101', 'Authentication is required.', 'Send a valid bearer token of a registered user.');
  end if;

  -- live membership, read at every request: a removed member's valid token opens nothing
  select array_agg(t.id) into v_tenant_ids
    from app_public.user_tenants m
    join app_public.tenants t on t.id = m.tenant_id
   where m.user_id = v_user_id and m.status = 'active' and t.status in ('trial', 'active')
     and (v_requested is null or t.slug = v_requested or t.id::text = v_requested);

  select exists (
    select from app_public.user_tenants m
      join app_public.tenants t on t.id = m.tenant_id
     where m.user_id = v_user_id and m.status = 'active' and m.role in ('owner', 'admin')
       and t.type = 'platform' and t.status = 'active'
  ) into v_is_staff;

  if cardinality(v_tenant_ids) > 1 then
    perform app_private.raise_error('ID401', 'You are a member of several tenants.', 'Name one in the x-tenant-id header.');
  elsif cardinality(v_tenant_ids) = 1 then
    v_tenant_id := v_tenant_ids[1];
    return query
      select v_user_id, t.id, case when v_is_staff and t.type = 'platform' then 'rowhouse_admin' else 'rowhouse_user' end
        from app_public.tenants t where t.id = v_tenant_id;
    return;
  end if;

  if v_is_staff and v_requested is not null then
    select t.id into v_tenant_id from app_public.tenants t where t.slug = v_requested or t.id::text = v_requested;
    if found then
      insert into app_private.admin_access_log (tenant_id, admin_user_id, request_id)
      values (v_tenant_id, v_user_id, authenticate.claims ->> 'request_id');
      return query select v_user_id, v_tenant_id, 'rowhouse_admin';
      return;
    end if;
  end if;

  perform app_private.raise_error('ID201', 'There is no such tenant, or you are not a member of it.',
    'Check the x-tenant-id header; ask an owner of the tenant to invite you.');
end
$$;

ALTER FUNCTION app_private.authenticate(claims jsonb, requested_tenant text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.authenticate(claims jsonb, requested_tenant text) IS 'Turns verified claims and a tenant (id or slug; null when there is only one to choose) into user, tenant and database role. ID101: the user is unknown; ID201: no such tenant or no active membership, the same error for both; ID401: several tenants, name one.';

CREATE FUNCTION app_private.begin_parsing(tenant_id uuid, document_ids uuid[]) RETURNS TABLE(document_id uuid, file_name text, media_type text, content bytea)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  call app_private.enter_tenant(begin_parsing.tenant_id);
  update app_public.documents d
     set processing_status = 'processing', processing_started_at = coalesce(d.processing_started_at, clock_timestamp())
   where d.tenant_id = begin_parsing.tenant_id and d.id = any (begin_parsing.document_ids)
     and d.processing_stage = 'parse' and d.processing_status in ('pending', 'processing');
  return query
    select f.document_id, f.name, d.media_type, f.content
      from app_private.document_files f
      join app_public.documents d on d.tenant_id = f.tenant_id and d.id = f.document_id
     where f.tenant_id = begin_parsing.tenant_id and f.document_id = any (begin_parsing.document_ids)
       and d.processing_stage = 'parse' and d.processing_status = 'processing'
     order by f.document_id;
end
$$;

ALTER FUNCTION app_private.begin_parsing(tenant_id uuid, document_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.begin_parsing(tenant_id uuid, document_ids uuid[]) IS 'The uploaded files that are to be parsed; their documents become processing.';

CREATE FUNCTION app_private.bm25_ranking(terms text[], term_counts integer[], source_ids uuid[], depth integer) RETURNS TABLE(chunk_id bigint, score double precision, rank integer)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_total_docs int;
  v_avg_doc_length double precision;
  v_k1 double precision;
  v_b double precision;
begin
  select s.k1, s.b into v_k1, v_b from app_hidden.search_settings() s;
  select count(*), avg(c.document_length) into v_total_docs, v_avg_doc_length
    from app_public.documents d
    join app_public.document_chunks c on c.tenant_id = v_tenant_id and c.document_id = d.id
   where d.tenant_id = v_tenant_id and d.processing_stage = 'done';

  return query
    with frequencies as (
      select q.term, q.term_count, count(*)::int as doc_freq
        from unnest(bm25_ranking.terms, bm25_ranking.term_counts) as q (term, term_count)
        join app_private.search_postings p on p.tenant_id = v_tenant_id and p.term = q.term
       group by q.term, q.term_count
    ), scored as (
      select p.chunk_id,
             -- in the order of the terms: floating-point addition depends on it
             sum(f.term_count * app_public.bm25_score(p.term_frequency, f.doc_freq, v_total_docs, c.document_length, v_avg_doc_length, v_k1, v_b)
                 order by p.term) as score
        from app_private.search_postings p
        join frequencies f on f.term = p.term
        join app_public.document_chunks c on c.tenant_id = v_tenant_id and c.id = p.chunk_id
       where p.tenant_id = v_tenant_id and p.term = any (bm25_ranking.terms)
         and c.source_id = any (bm25_ranking.source_ids)
       group by p.chunk_id
    )
    select s.chunk_id, s.score, (row_number() over (order by s.score desc, s.chunk_id))::int
      from scored s
     order by s.score desc, s.chunk_id
     limit bm25_ranking.depth;
end
$$;

ALTER FUNCTION app_private.bm25_ranking(terms text[], term_counts integer[], source_ids uuid[], depth integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.bm25_ranking(terms text[], term_counts integer[], source_ids uuid[], depth integer) IS 'The best chunks of these sources by BM25, exactly. Statistics are those of the whole tenant.';

CREATE FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_document record;
  v_chunked uuid[] := '{}';
begin
  call app_private.enter_tenant(chunk_documents.tenant_id);
  for v_document in
    select d.id, d.source_id, d.title, d.content, s.chunk_size, s.chunk_overlap, app_hidden.text_search_config(s.language) as config
      from app_public.documents d
      join app_public.rag_knowledge_sources s on s.tenant_id = d.tenant_id and s.id = d.source_id
     where d.tenant_id = chunk_documents.tenant_id and d.id = any (chunk_documents.document_ids)
       and d.processing_stage = 'chunk' and d.processing_status <> 'failed'
     order by d.id
       for update of d
  loop
    begin
      delete from app_public.document_chunks c where c.tenant_id = chunk_documents.tenant_id and c.document_id = v_document.id;
      insert into app_public.document_chunks (
        tenant_id, source_id, document_id, ordinal, content, start_offset, end_offset, content_tsvector, document_length)
      select chunk_documents.tenant_id, v_document.source_id, v_document.id, c.ordinal, c.chunk, c.start_offset, c.end_offset,
             v.vector, app_hidden.token_count(v.vector)
        from app_hidden.chunks(v_document.content, v_document.chunk_size, v_document.chunk_overlap) c,
             to_tsvector(v_document.config, app_hidden.searchable_text(v_document.title, c.chunk)) as v (vector)
       order by c.ordinal;
      update app_public.documents d
         set processing_status = 'processing', processing_stage = 'embed', processing_error = null,
             processing_started_at = coalesce(d.processing_started_at, clock_timestamp())
       where d.tenant_id = chunk_documents.tenant_id and d.id = v_document.id;
      v_chunked := v_chunked || v_document.id;
    exception when data_exception or program_limit_exceeded then
      -- one text that cannot be cut must not hold up the others of its batch
      perform app_private.fail_documents(chunk_documents.tenant_id, array[v_document.id], 'chunk', sqlerrm);
    end;
  end loop;
  perform app_private.enqueue_stage('embed', chunk_documents.tenant_id, v_chunked);
  return cardinality(v_chunked);
end
$$;

ALTER FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) IS 'Cuts documents into chunks and queues them for embedding; returns how many.';

CREATE FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) RETURNS TABLE(chunk_id bigint, content text, model_id uuid, provider_kind text, base_url text, api_key_variable text, model_name text, dimension integer, batch_size integer, timeout_ms integer, max_retries integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  call app_private.enter_tenant(chunks_to_embed.tenant_id);
  return query
    select c.id, app_hidden.searchable_text(d.title, c.content), m.id, p.kind::text, p.base_url, p.api_key_variable, m.provider_model_name,
           m.dimension, m.batch_size, m.timeout_ms, m.max_retries
      from app_public.documents d
      join app_public.rag_knowledge_sources s on s.tenant_id = d.tenant_id and s.id = d.source_id
      join app_public.llm_models m on m.name = s.embedding_model
      join app_public.llm_providers p on p.id = m.provider_id
      join app_public.document_chunks c on c.tenant_id = d.tenant_id and c.document_id = d.id
     where d.tenant_id = chunks_to_embed.tenant_id and d.id = any (chunks_to_embed.document_ids)
       and d.processing_stage = 'embed' and d.processing_status <> 'failed'
       and not exists (
         select from app_public.embeddings e where e.tenant_id = c.tenant_id and e.model_id = m.id and e.chunk_id = c.id)
     order by m.id, c.id
     limit chunks_to_embed.batch_limit;
end
$$;

ALTER FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) IS 'Chunks of these documents, each headed by the document''s title, that have no vector of their source''s model yet, with what is needed to call the model.';

CREATE FUNCTION app_private.delete_tenant(slug text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from app_public.tenants t where t.slug = delete_tenant.slug and t.type <> 'platform';
  if not found then
    perform app_private.raise_error('TN301', 'There is no such tenant.', 'npm run tenant -- list shows them.');
  end if;
end
$$;

ALTER FUNCTION app_private.delete_tenant(slug text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.delete_tenant(slug text) IS 'Deletes a tenant with everything in it, for good; people keep their profiles. For administrators in psql. TN301: there is no such tenant, or it is the platform.';

CREATE FUNCTION app_private.document_error(item jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case
    when jsonb_typeof(item) <> 'object' then 'A document must be an object.'
    when exists (select from jsonb_object_keys(item) k where k not in ('externalId', 'title', 'text', 'metadata'))
      then format('Unknown key: %s.', (select string_agg(k, ', ') from jsonb_object_keys(item) k
                                        where k not in ('externalId', 'title', 'text', 'metadata')))
    when jsonb_typeof(item -> 'externalId') is distinct from 'string' or length(item ->> 'externalId') not between 1 and 1024
      then 'externalId must be a text of 1 to 1,024 characters.'
    when jsonb_typeof(item -> 'text') is distinct from 'string' then 'text must be a text.'
    when item ->> 'text' !~ '\S' then 'The document is empty.'
    when length(item ->> 'text') > 10000000 then 'The text is longer than 10 million characters.'
    when jsonb_typeof(item -> 'title') not in ('string', 'null') then 'title must be a text.'
    when length(item ->> 'title') > 1000 then 'The title is longer than 1,000 characters.'
    when jsonb_typeof(item -> 'metadata') <> 'object' then 'metadata must be an object.'
  end;
$$;

ALTER FUNCTION app_private.document_error(item jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.document_error(item jsonb) IS 'What is wrong with an element of create_documents, or null.';

CREATE FUNCTION app_private.embed_builtin(tenant_id uuid, document_ids uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
declare
  v_count int;
begin
  call app_private.enter_tenant(embed_builtin.tenant_id);
  insert into app_public.embeddings (tenant_id, model_id, chunk_id, embedding)
  select c.tenant_id, m.id, c.id, app_hidden.hashing_embedding(app_hidden.searchable_text(d.title, c.content), m.dimension)
    from app_public.documents d
    join app_public.rag_knowledge_sources s on s.tenant_id = d.tenant_id and s.id = d.source_id
    join app_public.llm_models m on m.name = s.embedding_model
    join app_public.llm_providers p on p.id = m.provider_id and p.kind = 'builtin'
    join app_public.document_chunks c on c.tenant_id = d.tenant_id and c.document_id = d.id
   where d.tenant_id = embed_builtin.tenant_id and d.id = any (embed_builtin.document_ids)
     and d.processing_stage = 'embed' and d.processing_status <> 'failed'
   order by c.id
     for key share of c
  on conflict on constraint embeddings_pkey do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

ALTER FUNCTION app_private.embed_builtin(tenant_id uuid, document_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.embed_builtin(tenant_id uuid, document_ids uuid[]) IS 'Embeds the chunks of documents whose source uses the built-in model, here in the database; returns how many.';

CREATE FUNCTION app_private.enqueue_job(task text, payload json, job_key text DEFAULT NULL::text, max_attempts integer DEFAULT 10) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select graphile_worker.add_job(
    identifier => task, payload => payload, job_key => job_key, max_attempts => max_attempts);
$$;

ALTER FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) OWNER TO rowhouse_worker;

COMMENT ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) IS 'Adds a job to the task queue in this transaction: it runs if, and only if, the transaction commits.';

CREATE FUNCTION app_private.enqueue_stage(stage app_hidden.processing_stage, tenant_id uuid, document_ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- 50 documents a job: few enough to share among workers, enough to fill an embedder's batch
  perform app_private.enqueue_job(
    case enqueue_stage.stage
      when 'parse' then 'knowledge__parse_documents'
      when 'chunk' then 'knowledge__chunk_documents'
      when 'embed' then 'knowledge__embed_chunks'
      when 'index' then 'knowledge__index_documents'
    end,
    json_build_object('tenantId', enqueue_stage.tenant_id, 'documentIds', json_agg(id order by n)))
    from unnest(enqueue_stage.document_ids) with ordinality as d (id, n)
   group by (n - 1) / 50;
end
$$;

ALTER FUNCTION app_private.enqueue_stage(stage app_hidden.processing_stage, tenant_id uuid, document_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.enqueue_stage(stage app_hidden.processing_stage, tenant_id uuid, document_ids uuid[]) IS 'Queues the task of a stage for these documents.';

CREATE PROCEDURE app_private.enter_tenant(IN tenant_id uuid)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform set_config('rowhouse.tenant_id', enter_tenant.tenant_id::text, true);
end
$$;

ALTER PROCEDURE app_private.enter_tenant(IN tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON PROCEDURE app_private.enter_tenant(IN tenant_id uuid) IS 'Sets the tenant of this transaction, for work that is not a request.';

CREATE FUNCTION app_private.fail_documents(tenant_id uuid, document_ids uuid[], stage text, error text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  call app_private.enter_tenant(fail_documents.tenant_id);
  update app_public.documents d
     set processing_status = 'failed', processing_error = left(fail_documents.error, 2000)
   where d.tenant_id = fail_documents.tenant_id and d.id = any (fail_documents.document_ids)
     and d.processing_stage::text = fail_documents.stage and d.processing_status <> 'failed';
end
$$;

ALTER FUNCTION app_private.fail_documents(tenant_id uuid, document_ids uuid[], stage text, error text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.fail_documents(tenant_id uuid, document_ids uuid[], stage text, error text) IS 'Marks documents that are at a stage as failed, with the error for people to read.';

CREATE FUNCTION app_private.finish_embedding(tenant_id uuid, document_ids uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_embedded uuid[];
begin
  call app_private.enter_tenant(finish_embedding.tenant_id);
  with embedded as (
    update app_public.documents d set processing_stage = 'index'
     where d.tenant_id = finish_embedding.tenant_id and d.id = any (finish_embedding.document_ids)
       and d.processing_stage = 'embed' and d.processing_status <> 'failed'
       and not exists (
         select from app_public.document_chunks c
          where c.tenant_id = d.tenant_id and c.document_id = d.id
            and not exists (
              select from app_public.embeddings e
                join app_public.llm_models m on m.id = e.model_id
                join app_public.rag_knowledge_sources s on s.embedding_model = m.name
               where e.tenant_id = c.tenant_id and e.chunk_id = c.id and s.tenant_id = d.tenant_id and s.id = d.source_id))
    returning d.id
  )
  select array_agg(id order by id) into v_embedded from embedded;
  perform app_private.enqueue_stage('index', finish_embedding.tenant_id, v_embedded);
  return coalesce(cardinality(v_embedded), 0);
end
$$;

ALTER FUNCTION app_private.finish_embedding(tenant_id uuid, document_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.finish_embedding(tenant_id uuid, document_ids uuid[]) IS 'Queues for indexing the documents whose chunks all have their vector; returns how many.';

CREATE FUNCTION app_private.finish_parsing(tenant_id uuid, document_id uuid, title text, content text, metadata jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  call app_private.enter_tenant(finish_parsing.tenant_id);
  update app_public.documents d
     set content = finish_parsing.content,
         -- a title that was only the file's name gives way to the one found inside
         title = case when d.title = f.name then left(coalesce(nullif(trim(finish_parsing.title), ''), d.title), 1000) else d.title end,
         metadata = finish_parsing.metadata || d.metadata,
         processing_stage = 'chunk'
    from app_private.document_files f
   where d.tenant_id = finish_parsing.tenant_id and d.id = finish_parsing.document_id and d.processing_stage = 'parse'
     and f.tenant_id = d.tenant_id and f.document_id = d.id;
  if found then
    delete from app_private.document_files f
     where f.tenant_id = finish_parsing.tenant_id and f.document_id = finish_parsing.document_id;
    perform app_private.enqueue_stage('chunk', finish_parsing.tenant_id, array[finish_parsing.document_id]);
  end if;
end
$$;

ALTER FUNCTION app_private.finish_parsing(tenant_id uuid, document_id uuid, title text, content text, metadata jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.finish_parsing(tenant_id uuid, document_id uuid, title text, content text, metadata jsonb) IS 'Stores a file''s text, drops its bytes and queues the document for chunking.';

CREATE FUNCTION app_private.global_tables() RETURNS regclass[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array[
    'app_public.tenants',          -- its wall is its id
    'app_public.user_profiles',    -- a person is one across tenants
    'app_private.user_identities',
    'app_public.llm_providers',    -- facts of the platform
    'app_public.llm_models',
    'app_private.worker_heartbeats'
  ]::regclass[];
$$;

ALTER FUNCTION app_private.global_tables() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.global_tables() IS 'The tables that are global on purpose; every other one must be walled in.';

CREATE FUNCTION app_private.grant_analyst_access(login name, tenant_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not exists (select from pg_roles where rolname = grant_analyst_access.login and pg_has_role(oid, 'rowhouse_analyst', 'member')) then
    perform app_private.raise_error('TN401', 'This login is not an analyst.',
      'Run: grant rowhouse_analyst to the login, then try again.');
  end if;
  call app_private.enter_tenant(grant_analyst_access.tenant_id);
  insert into app_private.analyst_tenants (tenant_id, login)
  values (grant_analyst_access.tenant_id, grant_analyst_access.login)
  on conflict do nothing;
end
$$;

ALTER FUNCTION app_private.grant_analyst_access(login name, tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.grant_analyst_access(login name, tenant_id uuid) IS 'Lets an analyst''s own login read the reporting views of a tenant. For administrators in psql. TN401: the login is not a member of rowhouse_analyst.';

CREATE FUNCTION app_private.identify(claims jsonb) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_issuer text := identify.claims ->> 'iss';
  v_subject text := identify.claims ->> 'sub';
  v_user_id uuid;
begin
  select i.user_id into v_user_id
    from app_private.user_identities i
    join app_public.user_profiles u on u.id = i.user_id and u.is_active and u.deleted_at is null
   where i.issuer = v_issuer and i.subject = v_subject;
  if found or v_issuer is null or v_subject is null then
    return v_user_id;
  end if;

  -- first sight: the issuer vouches for an e-mail address that we know
  if identify.claims -> 'email_verified' = 'true' then
    insert into app_private.user_identities (issuer, subject, user_id)
    select v_issuer, v_subject, u.id
      from app_public.user_profiles u
     where u.email = lower(identify.claims ->> 'email') and u.is_active and u.deleted_at is null
    on conflict (issuer, subject) do nothing;
    select i.user_id into v_user_id
      from app_private.user_identities i
      join app_public.user_profiles u on u.id = i.user_id and u.is_active and u.deleted_at is null
     where i.issuer = v_issuer and i.subject = v_subject;
  end if;
  return v_user_id;
end
$$;

ALTER FUNCTION app_private.identify(claims jsonb) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.identify(claims jsonb) IS 'The active user a verified token speaks of (by issuer and subject, at first sight by verified e-mail), or null.';

CREATE FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_indexed uuid[];
begin
  call app_private.enter_tenant(index_documents.tenant_id);
  select array_agg(id) into v_indexed from (
    select d.id from app_public.documents d
     where d.tenant_id = index_documents.tenant_id and d.id = any (index_documents.document_ids)
       and d.processing_stage = 'index' and d.processing_status <> 'failed'
     order by d.id
       for update
  ) as locked;

  insert into app_private.search_postings (tenant_id, term, chunk_id, term_frequency)
  select c.tenant_id, l.lexeme, c.id, cardinality(l.positions)
    from app_public.document_chunks c, unnest(c.content_tsvector) l
   where c.tenant_id = index_documents.tenant_id and c.document_id = any (v_indexed)
   order by l.lexeme collate "C", c.id
  on conflict do nothing;

  update app_public.documents d
     set processing_stage = 'done', processing_status = 'completed', processing_error = null, processing_completed_at = clock_timestamp()
   where d.tenant_id = index_documents.tenant_id and d.id = any (v_indexed);
  return coalesce(cardinality(v_indexed), 0);
end
$$;

ALTER FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) IS 'Writes the postings of documents, which makes them findable, and completes them; returns how many.';

CREATE FUNCTION app_private.list_tenants() RETURNS TABLE(id uuid, slug text, name text, type text, status text, members integer)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select t.id, t.slug, t.name, t.type, t.status,
         (select count(*)::int from app_public.user_tenants m where m.tenant_id = t.id and m.status = 'active')
    from app_public.tenants t
   order by t.slug;
$$;

ALTER FUNCTION app_private.list_tenants() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.list_tenants() IS 'All tenants. For administrators in psql and for command-line tools.';

CREATE FUNCTION app_private.operator_identity(tenant text, email text DEFAULT NULL::text) RETURNS TABLE(user_id uuid, tenant_id uuid, role text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select m.user_id, m.tenant_id, 'rowhouse_user'
      from app_public.user_tenants m
      join app_public.tenants t on t.id = m.tenant_id
      join app_public.user_profiles u on u.id = m.user_id and u.is_active and u.deleted_at is null
     where t.slug = lower(operator_identity.tenant) and m.status = 'active'
       and (operator_identity.email is null and m.role = 'owner' or u.email = lower(operator_identity.email))
     order by m.joined_at, m.id
     limit 1;
  if not found then
    perform app_private.raise_error('ID201', 'There is no such tenant, or that person is not a member of it.',
      'Check the name of the tenant; npm run tenant -- list shows them.');
  end if;
end
$$;

ALTER FUNCTION app_private.operator_identity(tenant text, email text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.operator_identity(tenant text, email text) IS 'Whom a command-line tool acts as in a tenant (by slug): the member with that e-mail, or the first owner. For the server''s login only. ID201: no such tenant or member.';

CREATE TABLE app_public.user_tenants (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text DEFAULT 'member'::text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    permissions jsonb DEFAULT '{}'::jsonb NOT NULL,
    invited_by_user_id uuid,
    joined_at timestamp with time zone DEFAULT now() NOT NULL,
    last_accessed_at timestamp with time zone,
    activated_at timestamp with time zone DEFAULT now(),
    deactivated_at timestamp with time zone,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT permissions_is_an_object CHECK ((jsonb_typeof(permissions) = 'object'::text)),
    CONSTRAINT role_is_known CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text, 'viewer'::text]))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'invited'::text, 'suspended'::text, 'pending'::text])))
);

ALTER TABLE ONLY app_public.user_tenants FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.user_tenants OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.user_tenants IS '@name membership
@behavior -insert -update -delete
Who belongs to this tenant, and in which role.';

COMMENT ON COLUMN app_public.user_tenants.role IS 'owner, admin, member or viewer; each may do what the later ones may.';

COMMENT ON COLUMN app_public.user_tenants.status IS 'active, inactive, invited, suspended or pending. Only active members get in.';

COMMENT ON COLUMN app_public.user_tenants.permissions IS 'Permissions beyond the role: an object.';

COMMENT ON COLUMN app_public.user_tenants.invited_by_user_id IS 'Who invited the member.';

COMMENT ON COLUMN app_public.user_tenants.joined_at IS 'When the member joined.';

COMMENT ON COLUMN app_public.user_tenants.last_accessed_at IS 'When the member last acted in this tenant.';

COMMENT ON COLUMN app_public.user_tenants.activated_at IS 'When the membership last became active.';

COMMENT ON COLUMN app_public.user_tenants.deactivated_at IS 'When the membership last became inactive.';

COMMENT ON COLUMN app_public.user_tenants.metadata IS 'Anything else, an object.';

COMMENT ON COLUMN app_public.user_tenants.created_at IS 'When the membership was created.';

COMMENT ON COLUMN app_public.user_tenants.updated_at IS 'When it last changed.';

CREATE FUNCTION app_private.provision_member(tenant_id uuid, email text, full_name text DEFAULT NULL::text, role text DEFAULT 'member'::text) RETURNS app_public.user_tenants
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_user_id uuid;
  v_membership app_public.user_tenants;
begin
  insert into app_public.user_profiles as u (email, full_name)
  values (lower(trim(provision_member.email)), provision_member.full_name)
  -- the update that changes nothing returns (and locks) the profile that is there
  on conflict (email) where deleted_at is null do update set full_name = coalesce(u.full_name, excluded.full_name)
  returning id into v_user_id;

  insert into app_public.user_tenants as m (tenant_id, user_id, role)
  values (provision_member.tenant_id, v_user_id, provision_member.role)
  on conflict on constraint user_tenants_tenant_id_user_id_key do update set role = excluded.role
  returning * into v_membership;
  return v_membership;
end
$$;

ALTER FUNCTION app_private.provision_member(tenant_id uuid, email text, full_name text, role text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.provision_member(tenant_id uuid, email text, full_name text, role text) IS 'Makes a person (by e-mail, with or without a profile) a member of a tenant, or changes the role of one. For administrators in psql and for seeds.';

CREATE TABLE app_public.tenants (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    type text DEFAULT 'organization'::text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    activated_at timestamp with time zone DEFAULT now(),
    deactivated_at timestamp with time zone,
    suspended_at timestamp with time zone,
    suspension_reason text,
    subscription_tier text DEFAULT 'standard'::text NOT NULL,
    subscription_status text DEFAULT 'active'::text NOT NULL,
    trial_ends_at timestamp with time zone,
    subscription_started_at timestamp with time zone,
    subscription_ends_at timestamp with time zone,
    billing_cycle text,
    payment_method_id text,
    last_payment_at timestamp with time zone,
    next_billing_date timestamp with time zone,
    parent_tenant_id uuid,
    tenant_level integer DEFAULT 0 NOT NULL,
    tenant_path text,
    resource_access_config jsonb DEFAULT '{}'::jsonb NOT NULL,
    features jsonb DEFAULT '{}'::jsonb NOT NULL,
    config jsonb DEFAULT '{}'::jsonb NOT NULL,
    quotas jsonb DEFAULT '{}'::jsonb NOT NULL,
    domain text,
    industry text,
    company_size text,
    country_code text,
    timezone text DEFAULT 'UTC'::text NOT NULL,
    language_code text DEFAULT 'en'::text NOT NULL,
    hipaa_compliant boolean DEFAULT false NOT NULL,
    gdpr_compliant boolean DEFAULT false NOT NULL,
    sox_compliant boolean DEFAULT false NOT NULL,
    iso_certified boolean DEFAULT false NOT NULL,
    compliance_notes text,
    primary_contact_email text,
    primary_contact_name text,
    primary_contact_phone text,
    support_tier text,
    account_manager_id uuid,
    last_login_at timestamp with time zone,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT billing_cycle_is_known CHECK ((billing_cycle = ANY (ARRAY['monthly'::text, 'annual'::text]))),
    CONSTRAINT company_size_is_known CHECK ((company_size = ANY (ARRAY['startup'::text, 'small'::text, 'medium'::text, 'enterprise'::text]))),
    CONSTRAINT config_is_an_object CHECK ((jsonb_typeof(config) = 'object'::text)),
    CONSTRAINT country_code_is_iso_3166 CHECK ((country_code ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT features_is_an_object CHECK ((jsonb_typeof(features) = 'object'::text)),
    CONSTRAINT metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT primary_contact_email_is_an_email CHECK (app_hidden.is_email(primary_contact_email)),
    CONSTRAINT quotas_is_an_object CHECK ((jsonb_typeof(quotas) = 'object'::text)),
    CONSTRAINT resource_access_config_is_an_object CHECK ((jsonb_typeof(resource_access_config) = 'object'::text)),
    CONSTRAINT search_b_is_in_range CHECK ((((config #> '{search,b}'::text[]) IS NULL) OR ((jsonb_typeof((config #> '{search,b}'::text[])) = 'number'::text) AND ((config #> '{search,b}'::text[]) >= '0'::jsonb) AND ((config #> '{search,b}'::text[]) <= '1'::jsonb)))),
    CONSTRAINT search_k1_is_in_range CHECK ((((config #> '{search,k1}'::text[]) IS NULL) OR ((jsonb_typeof((config #> '{search,k1}'::text[])) = 'number'::text) AND ((config #> '{search,k1}'::text[]) >= '0'::jsonb) AND ((config #> '{search,k1}'::text[]) <= '10'::jsonb)))),
    CONSTRAINT slug_is_a_slug CHECK (app_hidden.is_slug(slug)),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['trial'::text, 'active'::text, 'inactive'::text, 'suspended'::text, 'cancelled'::text]))),
    CONSTRAINT subscription_status_is_known CHECK ((subscription_status = ANY (ARRAY['active'::text, 'inactive'::text, 'trial'::text, 'suspended'::text, 'cancelled'::text]))),
    CONSTRAINT subscription_tier_is_known CHECK ((subscription_tier = ANY (ARRAY['free'::text, 'standard'::text, 'professional'::text, 'enterprise'::text]))),
    CONSTRAINT support_tier_is_known CHECK ((support_tier = ANY (ARRAY['basic'::text, 'standard'::text, 'premium'::text]))),
    CONSTRAINT tenant_is_not_its_own_parent CHECK ((parent_tenant_id <> id)),
    CONSTRAINT type_is_known CHECK ((type = ANY (ARRAY['platform'::text, 'organization'::text])))
);

ALTER TABLE ONLY app_public.tenants FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.tenants OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.tenants IS '@behavior -insert -delete
An organization with a wall around it: whatever it holds, no other tenant sees. You see the one you act in; my_tenants lists the others you are a member of.';

COMMENT ON COLUMN app_public.tenants.slug IS 'Name for addresses and the x-tenant-id header: lower-case letters, digits and hyphens, at most 63, unique.';

COMMENT ON COLUMN app_public.tenants.name IS 'Name for people, at most 255 characters.';

COMMENT ON COLUMN app_public.tenants.type IS 'platform (the one that runs this installation) or organization.';

COMMENT ON COLUMN app_public.tenants.status IS 'trial, active, inactive, suspended or cancelled. Requests are served for trial and active.';

COMMENT ON COLUMN app_public.tenants.activated_at IS 'When it last became active.';

COMMENT ON COLUMN app_public.tenants.deactivated_at IS 'When it last became inactive.';

COMMENT ON COLUMN app_public.tenants.suspended_at IS 'When it was suspended, null when it is not.';

COMMENT ON COLUMN app_public.tenants.suspension_reason IS 'Why it was suspended, for its members to read.';

COMMENT ON COLUMN app_public.tenants.subscription_tier IS 'free, standard, professional or enterprise.';

COMMENT ON COLUMN app_public.tenants.subscription_status IS 'active, inactive, trial, suspended or cancelled.';

COMMENT ON COLUMN app_public.tenants.trial_ends_at IS 'End of the trial, null when there is none.';

COMMENT ON COLUMN app_public.tenants.subscription_started_at IS 'Start of the subscription.';

COMMENT ON COLUMN app_public.tenants.subscription_ends_at IS 'End of the subscription, null when it is open-ended.';

COMMENT ON COLUMN app_public.tenants.billing_cycle IS 'monthly or annual.';

COMMENT ON COLUMN app_public.tenants.payment_method_id IS 'The payment provider''s key of the payment method. Not readable through the API.';

COMMENT ON COLUMN app_public.tenants.last_payment_at IS 'When the last payment arrived.';

COMMENT ON COLUMN app_public.tenants.next_billing_date IS 'When the next invoice is made.';

COMMENT ON COLUMN app_public.tenants.parent_tenant_id IS 'The tenant above it in the hierarchy, null at the top.';

COMMENT ON COLUMN app_public.tenants.tenant_level IS 'Depth in the hierarchy, 0 at the top.';

COMMENT ON COLUMN app_public.tenants.tenant_path IS 'Slugs from the top to it, separated by dots.';

COMMENT ON COLUMN app_public.tenants.resource_access_config IS 'What it may use, create and share: an object.';

COMMENT ON COLUMN app_public.tenants.features IS 'Features that are switched on or off: an object of booleans.';

COMMENT ON COLUMN app_public.tenants.config IS 'Settings: an object. search.k1 (0 to 10, default 1.2) and search.b (0 to 1, default 0.75) are BM25''s parameters.';

COMMENT ON COLUMN app_public.tenants.quotas IS 'Limits by name: an object.';

COMMENT ON COLUMN app_public.tenants.domain IS 'Custom domain, unique.';

COMMENT ON COLUMN app_public.tenants.industry IS 'Industry, such as Healthcare or Pharma.';

COMMENT ON COLUMN app_public.tenants.company_size IS 'startup, small, medium or enterprise.';

COMMENT ON COLUMN app_public.tenants.country_code IS 'ISO 3166-1 alpha-2, upper case.';

COMMENT ON COLUMN app_public.tenants.timezone IS 'IANA time zone its calendar periods follow.';

COMMENT ON COLUMN app_public.tenants.language_code IS 'Primary language, a tag such as en.';

COMMENT ON COLUMN app_public.tenants.hipaa_compliant IS 'Whether it works under HIPAA.';

COMMENT ON COLUMN app_public.tenants.gdpr_compliant IS 'Whether it works under the GDPR.';

COMMENT ON COLUMN app_public.tenants.sox_compliant IS 'Whether it works under SOX.';

COMMENT ON COLUMN app_public.tenants.iso_certified IS 'Whether it holds an ISO certification.';

COMMENT ON COLUMN app_public.tenants.compliance_notes IS 'Notes on compliance.';

COMMENT ON COLUMN app_public.tenants.primary_contact_email IS 'E-mail of its first contact, lower case.';

COMMENT ON COLUMN app_public.tenants.primary_contact_name IS 'Name of its first contact.';

COMMENT ON COLUMN app_public.tenants.primary_contact_phone IS 'Telephone number of its first contact.';

COMMENT ON COLUMN app_public.tenants.support_tier IS 'basic, standard or premium.';

COMMENT ON COLUMN app_public.tenants.account_manager_id IS 'The member of the platform''s staff who looks after it.';

COMMENT ON COLUMN app_public.tenants.last_login_at IS 'When one of its members last logged in.';

COMMENT ON COLUMN app_public.tenants.metadata IS 'Anything else, an object.';

COMMENT ON COLUMN app_public.tenants.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.tenants.updated_at IS 'When it last changed.';

CREATE FUNCTION app_private.provision_tenant(slug text, name text, owner_email text, owner_name text DEFAULT NULL::text, type text DEFAULT 'organization'::text) RETURNS app_public.tenants
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant app_public.tenants;
begin
  insert into app_public.tenants (slug, name, type)
  values (lower(provision_tenant.slug), provision_tenant.name, provision_tenant.type)
  returning * into v_tenant;
  perform app_private.provision_member(v_tenant.id, provision_tenant.owner_email, provision_tenant.owner_name, 'owner');
  return v_tenant;
end
$$;

ALTER FUNCTION app_private.provision_tenant(slug text, name text, owner_email text, owner_name text, type text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.provision_tenant(slug text, name text, owner_email text, owner_name text, type text) IS 'Creates a tenant with its first owner. For administrators in psql and for seeds.';

CREATE TABLE app_public.rag_knowledge_sources (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    sharing_mode text DEFAULT 'private'::text NOT NULL,
    is_shared boolean GENERATED ALWAYS AS ((sharing_mode <> 'private'::text)) STORED NOT NULL,
    resource_type text DEFAULT 'custom'::text NOT NULL,
    name text NOT NULL,
    display_name text,
    description text,
    category text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    source_type text DEFAULT 'file'::text NOT NULL,
    source_url text,
    source_config jsonb DEFAULT '{}'::jsonb NOT NULL,
    file_path text,
    file_type text,
    file_size_bytes bigint,
    page_count integer,
    embedding_model text DEFAULT 'hashing-384'::text NOT NULL,
    chunk_size integer DEFAULT 1000 NOT NULL,
    chunk_overlap integer DEFAULT 200 NOT NULL,
    language text DEFAULT 'en'::text NOT NULL,
    vector_store_id text,
    extracted_metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    publication_date date,
    author text,
    source_organization text,
    status text DEFAULT 'active'::text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    created_by_user_id uuid DEFAULT app_hidden.current_user_id(),
    last_synced_at timestamp with time zone,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT chunk_overlap_is_below_half_the_size CHECK (((chunk_overlap >= 0) AND ((chunk_overlap * 2) <= chunk_size))),
    CONSTRAINT chunk_size_is_in_range CHECK (((chunk_size >= 100) AND (chunk_size <= 16000))),
    CONSTRAINT display_name_is_a_name CHECK (app_hidden.is_name(display_name)),
    CONSTRAINT extracted_metadata_is_an_object CHECK ((jsonb_typeof(extracted_metadata) = 'object'::text)),
    CONSTRAINT file_size_bytes_is_not_negative CHECK ((file_size_bytes >= 0)),
    CONSTRAINT language_is_a_tag CHECK ((language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$'::text)),
    CONSTRAINT metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT page_count_is_not_negative CHECK ((page_count >= 0)),
    CONSTRAINT resource_type_is_known CHECK ((resource_type = ANY (ARRAY['custom'::text, 'platform'::text]))),
    CONSTRAINT sharing_mode_is_known CHECK ((sharing_mode = ANY (ARRAY['private'::text, 'selected'::text, 'subtree'::text, 'platform'::text]))),
    CONSTRAINT source_config_is_an_object CHECK ((jsonb_typeof(source_config) = 'object'::text)),
    CONSTRAINT source_type_is_known CHECK ((source_type = ANY (ARRAY['file'::text, 'url'::text, 'database'::text, 'api'::text, 'notion'::text, 'confluence'::text]))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'archived'::text])))
);

ALTER TABLE ONLY app_public.rag_knowledge_sources FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.rag_knowledge_sources OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.rag_knowledge_sources IS '@name knowledge_source
@behavior -delete
A collection of documents with settings for how they are cut, embedded and searched. Members create and edit, admins delete (delete_knowledge_source) and restore.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.sharing_mode IS 'private, selected, subtree or platform.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.is_shared IS 'Whether sharing_mode is anything but private.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.resource_type IS 'custom (the tenant''s own) or platform.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.name IS 'Name, unique among the tenant''s sources that are not deleted; at most 255 characters.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.display_name IS 'Name to show.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.description IS 'What it holds.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.category IS 'Category, such as Guidelines, Regulations, Literature, Internal Docs.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.tags IS 'Tags.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.source_type IS 'file, url, database, api, notion or confluence.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.source_url IS 'Address it comes from.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.source_config IS 'Settings of where it comes from: an object.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.file_path IS 'Path of the file it comes from.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.file_type IS 'Type of the file it comes from.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.file_size_bytes IS 'Size of the file it comes from, in bytes.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.page_count IS 'Pages of the file it comes from.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.embedding_model IS 'Name of the embedding model (llm_models.name). After a change run reprocess_knowledge_source.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.chunk_size IS 'Most characters of a chunk, 100 to 16,000. After a change run reprocess_knowledge_source.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.chunk_overlap IS 'Most characters a chunk repeats of the one before, at most half of chunk_size. After a change run reprocess_knowledge_source.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.language IS 'Language of the documents, a tag such as en or pt-BR: chooses stemming and stop words. After a change run reprocess_knowledge_source.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.vector_store_id IS 'Its key in an outside vector store, for sources that have one.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.extracted_metadata IS 'Metadata found in the files: an object.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.publication_date IS 'When it was published.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.author IS 'Who wrote it.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.source_organization IS 'Which organization published it.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.status IS 'active, inactive or archived; only active sources are searched.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.enabled IS 'Whether it is searched.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.created_by_user_id IS 'The member who created it.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.last_synced_at IS 'When it was last brought up to date with where it comes from.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.metadata IS 'Anything else, an object.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.updated_at IS 'When it last changed.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.deleted_at IS 'When it was deleted, null when it is not.';

CREATE FUNCTION app_private.put_document(source app_public.rag_knowledge_sources, external_id text, title text, content text, file_name text, file_content bytea, media_type text, metadata jsonb) RETURNS app_public.document_receipt
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_size bigint := coalesce(octet_length(put_document.file_content), octet_length(put_document.content));
  v_hash bytea := sha256(
    sha256(coalesce(put_document.file_content, convert_to(put_document.content, 'UTF8')))
    || convert_to(put_document.title || e'\x1f' || put_document.media_type || e'\x1f' || put_document.metadata::text, 'UTF8'));
  v_stage app_hidden.processing_stage := case when put_document.file_content is null then 'chunk' else 'parse' end;
  v_document app_public.documents;
  v_receipt app_public.document_receipt;
begin
  v_receipt.external_id := put_document.external_id;
  insert into app_public.documents (
    tenant_id, source_id, external_id, title, content, media_type, size_bytes, content_hash, metadata,
    processing_stage, created_by_user_id
  ) values (
    (source).tenant_id, (source).id, put_document.external_id, put_document.title, put_document.content, put_document.media_type,
    v_size, v_hash, put_document.metadata, v_stage, app_hidden.current_user_id()
  )
  on conflict (tenant_id, source_id, external_id) do nothing
  returning id into v_receipt.document_id;

  if found then
    v_receipt.outcome := 'created';
  else
    select * into strict v_document from app_public.documents d
     where d.tenant_id = (source).tenant_id and d.source_id = (source).id and d.external_id = put_document.external_id
       for update;
    v_receipt.document_id := v_document.id;
    if v_document.content_hash = v_hash then
      v_receipt.outcome := 'unchanged';
      if v_document.processing_status = 'failed' then
        perform app_private.resume_documents((source).tenant_id, array[v_document.id]);
        v_receipt.outcome := 'retried';
      end if;
      return v_receipt;
    end if;
    v_receipt.outcome := 'replaced';
    delete from app_public.document_chunks c where c.tenant_id = v_document.tenant_id and c.document_id = v_document.id;
    delete from app_private.document_files f where f.tenant_id = v_document.tenant_id and f.document_id = v_document.id;
    update app_public.documents d
       set title = put_document.title, content = put_document.content, media_type = put_document.media_type, size_bytes = v_size,
           content_hash = v_hash, metadata = put_document.metadata, processing_status = 'pending', processing_stage = v_stage,
           processing_started_at = null, processing_completed_at = null, processing_error = null
     where d.tenant_id = v_document.tenant_id and d.id = v_document.id;
  end if;

  if put_document.file_content is not null then
    insert into app_private.document_files (tenant_id, document_id, name, content)
    values ((source).tenant_id, v_receipt.document_id, put_document.file_name, put_document.file_content);
  end if;
  return v_receipt;
end
$$;

ALTER FUNCTION app_private.put_document(source app_public.rag_knowledge_sources, external_id text, title text, content text, file_name text, file_content bytea, media_type text, metadata jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.put_document(source app_public.rag_knowledge_sources, external_id text, title text, content text, file_name text, file_content bytea, media_type text, metadata jsonb) IS 'Stores a new or changed document of a source, without queueing its processing, and says which it was.';

CREATE FUNCTION app_private.query_terms(query text, source_ids uuid[]) RETURNS TABLE(term text, frequency integer)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- a question is read in every language of the sources it goes to; a word said twice counts twice
  select l.lexeme, max(cardinality(l.positions))
    from (select distinct app_hidden.text_search_config(language) as config
            from app_private.searchable_sources(query_terms.source_ids)) as c,
         unnest(to_tsvector(c.config, query_terms.query)) as l
   group by l.lexeme;
$$;

ALTER FUNCTION app_private.query_terms(query text, source_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.query_terms(query text, source_ids uuid[]) IS 'The terms of a question, as the index knows them, and how often it has each.';

CREATE FUNCTION app_private.raise_error(code text, message text, hint text DEFAULT NULL::text, detail text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception using
    errcode = raise_error.code,
    message = raise_error.message,
    hint = coalesce(raise_error.hint, ''),
    detail = coalesce(raise_error.detail, '');
end
$$;

ALTER FUNCTION app_private.raise_error(code text, message text, hint text, detail text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) IS 'Raises an error of the registry (docs/error-codes.md): message is shown to users, hint is their next step, detail is internal.';

CREATE FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into app_private.worker_heartbeats (worker_id, seen_at)
  select distinct worker_id, clock_timestamp() from unnest(record_heartbeats.worker_ids) as worker_id order by worker_id
  on conflict (worker_id) do update set seen_at = excluded.seen_at;
  delete from app_private.worker_heartbeats where seen_at < clock_timestamp() - greatest(record_heartbeats.silent_for, '1 day');
end
$$;

ALTER FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) IS 'Notes that these workers are alive now.';

CREATE FUNCTION app_private.release_dead_workers(alive_worker_ids text[], silent_for interval DEFAULT '00:00:30'::interval) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_dead text[];
begin
  perform app_private.record_heartbeats(alive_worker_ids, silent_for);
  select array_agg(distinct j.locked_by) into v_dead
    from graphile_worker._private_jobs j
   where j.locked_by is not null
     and j.locked_by <> all ((select app_private.alive_workers(release_dead_workers.silent_for))::text[]);
  if v_dead is not null then
    perform graphile_worker.force_unlock_workers(v_dead);
  end if;
  return coalesce(cardinality(v_dead), 0);
end
$$;

ALTER FUNCTION app_private.release_dead_workers(alive_worker_ids text[], silent_for interval) OWNER TO rowhouse_worker;

COMMENT ON FUNCTION app_private.release_dead_workers(alive_worker_ids text[], silent_for interval) IS 'Records that these workers are alive, frees the jobs of workers that have been silent too long, and returns how many those were.';

CREATE FUNCTION app_private.require_role(minimum text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not app_hidden.has_role(require_role.minimum) then
    perform app_private.raise_error('ID202', 'Your role in this tenant does not allow this.',
      format('Ask an owner of the tenant for the role %s.', require_role.minimum));
  end if;
end
$$;

ALTER FUNCTION app_private.require_role(minimum text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.require_role(minimum text) IS 'ID202 unless your role in this tenant is at least this one.';

CREATE FUNCTION app_private.resume_documents(tenant_id uuid, document_ids uuid[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_stage app_hidden.processing_stage;
  v_document_ids uuid[];
  v_count int := 0;
begin
  for v_stage, v_document_ids in
    with resumed as (
      update app_public.documents d
         set processing_status = 'pending', processing_error = null
       where d.tenant_id = resume_documents.tenant_id and d.id = any (resume_documents.document_ids)
         and d.processing_status = 'failed'
      returning d.processing_stage, d.id
    )
    select processing_stage, array_agg(id order by id) from resumed group by processing_stage
  loop
    perform app_private.enqueue_stage(v_stage, resume_documents.tenant_id, v_document_ids);
    v_count := v_count + cardinality(v_document_ids);
  end loop;
  return v_count;
end
$$;

ALTER FUNCTION app_private.resume_documents(tenant_id uuid, document_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.resume_documents(tenant_id uuid, document_ids uuid[]) IS 'Queues failed documents again at the stage where they failed; returns how many.';

CREATE FUNCTION app_private.revoke_analyst_access(login name, tenant_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  call app_private.enter_tenant(revoke_analyst_access.tenant_id);
  delete from app_private.analyst_tenants a
   where a.tenant_id = revoke_analyst_access.tenant_id and a.login = revoke_analyst_access.login;
end
$$;

ALTER FUNCTION app_private.revoke_analyst_access(login name, tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.revoke_analyst_access(login name, tenant_id uuid) IS 'Takes back what grant_analyst_access gave. Works at once; doing it twice is no error.';

CREATE TABLE app_public.llm_models (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    provider_id uuid NOT NULL,
    name text NOT NULL,
    display_name text,
    kind app_public.llm_model_kind NOT NULL,
    provider_model_name text NOT NULL,
    context_window_size integer,
    dimension integer,
    fusion_weight double precision DEFAULT 1 NOT NULL,
    batch_size integer DEFAULT 64 NOT NULL,
    timeout_ms integer DEFAULT 30000 NOT NULL,
    max_retries integer DEFAULT 5 NOT NULL,
    is_enabled boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT batch_size_is_in_range CHECK (((batch_size >= 1) AND (batch_size <= 2048))),
    CONSTRAINT context_window_size_is_positive CHECK ((context_window_size > 0)),
    CONSTRAINT dimension_is_storable CHECK (((dimension >= 1) AND (dimension <= 16000))),
    CONSTRAINT embedding_model_has_a_dimension CHECK (((kind <> 'embedding'::app_public.llm_model_kind) OR (dimension IS NOT NULL))),
    CONSTRAINT fusion_weight_is_a_weight CHECK (((fusion_weight >= (0)::double precision) AND (fusion_weight <= (100)::double precision))),
    CONSTRAINT max_retries_is_in_range CHECK (((max_retries >= 0) AND (max_retries <= 20))),
    CONSTRAINT name_is_a_name CHECK (((length(name) <= 100) AND app_hidden.is_name(name))),
    CONSTRAINT timeout_ms_is_in_range CHECK (((timeout_ms >= 100) AND (timeout_ms <= 600000)))
);

ALTER TABLE ONLY app_public.llm_models FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_models OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.llm_models IS 'Models by name, with what must be known to call them and to fuse their results. The same for all tenants; platform staff edit them.';

COMMENT ON COLUMN app_public.llm_models.provider_id IS 'Who serves it.';

COMMENT ON COLUMN app_public.llm_models.name IS 'Key for people, unique, at most 100 characters; what a knowledge source names as its embedding model.';

COMMENT ON COLUMN app_public.llm_models.display_name IS 'Name to show.';

COMMENT ON COLUMN app_public.llm_models.kind IS 'chat or embedding.';

COMMENT ON COLUMN app_public.llm_models.provider_model_name IS 'What the provider calls it.';

COMMENT ON COLUMN app_public.llm_models.context_window_size IS 'Tokens it can read at once.';

COMMENT ON COLUMN app_public.llm_models.dimension IS 'Length of its vectors, 1 to 16,000; embedding models only.';

COMMENT ON COLUMN app_public.llm_models.fusion_weight IS 'Weight of its ranking beside BM25''s weight of 1 in hybrid search, 0 to 100. Measure it with npm run eval.';

COMMENT ON COLUMN app_public.llm_models.batch_size IS 'Texts sent in one request, 1 to 2,048.';

COMMENT ON COLUMN app_public.llm_models.timeout_ms IS 'Milliseconds until a request is given up, 100 to 600,000.';

COMMENT ON COLUMN app_public.llm_models.max_retries IS 'How often a failed request is tried again, 0 to 20.';

COMMENT ON COLUMN app_public.llm_models.is_enabled IS 'Whether it may be used.';

COMMENT ON COLUMN app_public.llm_models.created_at IS 'When it was added.';

COMMENT ON COLUMN app_public.llm_models.updated_at IS 'When it last changed.';

CREATE FUNCTION app_private.search_model(embedding_model text, source_ids uuid[]) RETURNS app_public.llm_models
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_names text[];
  v_model app_public.llm_models;
begin
  if search_model.embedding_model is null then
    select array_agg(distinct s.embedding_model order by s.embedding_model) into v_names
      from app_private.searchable_sources(search_model.source_ids) s;
    if cardinality(v_names) > 1 then
      perform app_private.raise_error('SR402', format('The sources use several embedding models: %s.', array_to_string(v_names, ', ')),
        'Name one as embedding_model, or search the sources of one model by source_ids.');
    end if;
  else
    v_names := array[search_model.embedding_model];
  end if;
  -- no source, no model, no result
  if v_names is null then
    return null;
  end if;
  select * into v_model from app_public.llm_models m where m.name = v_names[1] and m.kind = 'embedding' and m.is_enabled;
  if not found then
    perform app_private.raise_error('SR403', 'There is no such embedding model, or it is switched off.', 'List llm_models of kind embedding.');
  end if;
  return v_model;
end
$$;

ALTER FUNCTION app_private.search_model(embedding_model text, source_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.search_model(embedding_model text, source_ids uuid[]) IS 'The embedding model of a search: the one named, or the one all its sources use. SR402: they use several; SR403: no such model.';

CREATE FUNCTION app_private.searchable_sources(source_ids uuid[]) RETURNS SETOF app_public.rag_knowledge_sources
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.*
    from app_public.rag_knowledge_sources s
   where s.enabled and s.status = 'active' and s.deleted_at is null
     and (searchable_sources.source_ids is null or s.id = any (searchable_sources.source_ids));
$$;

ALTER FUNCTION app_private.searchable_sources(source_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.searchable_sources(source_ids uuid[]) IS 'The sources of this tenant that a search may look into, of these or of all.';

CREATE PROCEDURE app_private.secure_global_table(IN target regclass)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  -- definer functions of the owner work within the wall where there is one, those of the platform without it
  execute format('drop policy if exists all_owner on %s', target);
  execute format('create policy all_owner on %s to rowhouse_owner using (true) with check (true)', target);
  execute format('drop policy if exists all_platform on %s', target);
  execute format('create policy all_platform on %s to rowhouse_platform using (true) with check (true)', target);
end
$$;

ALTER PROCEDURE app_private.secure_global_table(IN target regclass) OWNER TO rowhouse_owner;

COMMENT ON PROCEDURE app_private.secure_global_table(IN target regclass) IS 'Closes a table that is global on purpose: nobody but definer functions sees a row until a policy opens a door.';

CREATE PROCEDURE app_private.secure_tenant_table(IN target regclass)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not exists (
    select from pg_attribute
     where attrelid = target and attname = 'tenant_id' and attnotnull and not attisdropped
  ) then
    perform app_private.raise_error('RH901', format('%s needs a column tenant_id that is not null.', target));
  end if;
  if not exists (
    select from pg_index i
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
     where i.indrelid = target and a.attname = 'tenant_id' and i.indpred is null and i.indisvalid
  ) then
    perform app_private.raise_error('RH902', format('%s needs an index that starts with tenant_id.', target));
  end if;

  call app_private.secure_global_table(target);
  execute format('drop policy if exists tenant_isolation on %s', target);
  execute format(
    'create policy tenant_isolation on %s as restrictive for all
         to rowhouse_owner, rowhouse_authenticator, rowhouse_user, rowhouse_worker
      using (tenant_id = (select app_hidden.current_tenant_id()))
      with check (tenant_id = (select app_hidden.current_tenant_id()))', target);
end
$$;

ALTER PROCEDURE app_private.secure_tenant_table(IN target regclass) OWNER TO rowhouse_owner;

COMMENT ON PROCEDURE app_private.secure_tenant_table(IN target regclass) IS 'Walls a table in: every row belongs to one tenant, and only that tenant''s context sees it. RH901, RH902: the table is not fit for it.';

CREATE FUNCTION app_private.security_gaps() RETURNS TABLE(object text, gap text)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with tables as (
    select c.oid, c.oid::regclass::text as name, c.relrowsecurity, c.relforcerowsecurity, c.relkind, c.reloptions, n.nspname
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('app_public', 'app_hidden', 'app_private')
  )
  select name, 'row level security is not enabled and forced'
    from tables where relkind in ('r', 'p') and not (relrowsecurity and relforcerowsecurity)
  union all
  select name, 'has no wall (call app_private.secure_tenant_table, or name it in app_private.global_tables)'
    from tables t
   where relkind in ('r', 'p') and oid <> all (app_private.global_tables())
     and not exists (
       select from pg_policy p where p.polrelid = t.oid and p.polname = 'tenant_isolation' and not p.polpermissive and p.polcmd = '*'
     )
  union all
  select name, 'the view is not security_invoker'
    from tables where relkind = 'v' and not coalesce('security_invoker=true' = any (reloptions), false)
  union all
  select name, 'a materialized view has no row level security: it belongs in app_private behind a filtering view'
    from tables where relkind = 'm' and nspname <> 'app_private'
  union all
  select p.oid::regprocedure::text, 'everyone may execute it'
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname in ('app_public', 'app_hidden', 'app_private')
     and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) where grantee = 0)
  union all
  select p.oid::regprocedure::text, 'it is a definer function without a pinned search_path'
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname in ('app_public', 'app_hidden', 'app_private') and p.prosecdef
     and not exists (select from unnest(p.proconfig) as setting where setting like 'search\_path=%pg\_temp');
$$;

ALTER FUNCTION app_private.security_gaps() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.security_gaps() IS 'Everything in our schemas that is not secured as it must be; normally nothing.';

CREATE FUNCTION app_private.snippet(content text, terms text[], config regconfig) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- the text is escaped before it is marked, so that a document cannot smuggle markup into a page
  select case
    when cardinality(snippet.terms) > 0 then
      ts_headline(snippet.config, escaped.text,
        (select string_agg(quote_literal(t), ' | ')::tsquery from unnest(snippet.terms) t),
        'StartSel=<mark>, StopSel=</mark>, MaxFragments=2, MaxWords=30, MinWords=12, FragmentDelimiter=" … "')
    else left(escaped.text, 200)
  end
  from (select replace(replace(replace(snippet.content, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')) as escaped (text);
$$;

ALTER FUNCTION app_private.snippet(content text, terms text[], config regconfig) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.snippet(content text, terms text[], config regconfig) IS 'The part of a text that shows the terms, as HTML: escaped, the terms in <mark>.';

CREATE FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer DEFAULT NULL::integer, cost_usd numeric DEFAULT 0) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
declare
  v_dimension int := (select m.dimension from app_public.llm_models m where m.id = store_embeddings.model_id and m.kind = 'embedding');
  v_count int;
begin
  call app_private.enter_tenant(store_embeddings.tenant_id);
  if cardinality(store_embeddings.chunk_ids) is distinct from cardinality(store_embeddings.vectors) then
    perform app_private.raise_error('KN901', 'There must be one vector for each chunk.');
  end if;
  if exists (select from unnest(store_embeddings.vectors) v where v is null or vector_dims(v) is distinct from v_dimension) then
    perform app_private.raise_error('KN902', format('The model is registered with %s dimensions, and the vector has another number.', v_dimension),
      'Correct the dimension of the model, then process the source again.');
  end if;
  insert into app_public.embeddings (tenant_id, model_id, chunk_id, embedding, generation_time_ms, cost_usd)
  select store_embeddings.tenant_id, store_embeddings.model_id, c.id, l2_normalize(v.vector),
         store_embeddings.generation_time_ms, store_embeddings.cost_usd / cardinality(store_embeddings.chunk_ids)
    from unnest(store_embeddings.chunk_ids, store_embeddings.vectors) as v (chunk_id, vector)
    -- a chunk whose document was replaced meanwhile is gone, and its vector with it
    join app_public.document_chunks c on c.tenant_id = store_embeddings.tenant_id and c.id = v.chunk_id
   order by c.id
     for key share of c
  on conflict on constraint embeddings_pkey do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

ALTER FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) IS 'Stores vectors of chunks, normalised to unit length; returns how many were new. KN901: counts differ; KN902: a dimension is not the model''s.';

CREATE FUNCTION app_private.tg__set_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- never backwards, so that it orders the changes of one row even within a transaction
  new.updated_at := greatest(clock_timestamp(), old.updated_at + interval '1 microsecond');
  return new;
end
$$;

ALTER FUNCTION app_private.tg__set_updated_at() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg__set_updated_at() IS 'Sets updated_at when a row changes.';

CREATE FUNCTION app_private.vector_ranking(model_id uuid, query_embedding public.vector, source_ids uuid[], depth integer) RETURNS TABLE(chunk_id bigint, score double precision, rank integer)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
begin
  return query
    with scored as (
      select e.chunk_id, 1 - (e.embedding <=> vector_ranking.query_embedding) as score
        from app_public.embeddings e
        join app_public.document_chunks c on c.tenant_id = v_tenant_id and c.id = e.chunk_id
        join app_public.documents d on d.tenant_id = v_tenant_id and d.id = c.document_id
       where e.tenant_id = v_tenant_id and e.model_id = vector_ranking.model_id
         and d.processing_stage = 'done' and c.source_id = any (vector_ranking.source_ids)
    )
    select s.chunk_id, s.score, (row_number() over (order by s.score desc, s.chunk_id))::int
      from scored s
     order by s.score desc, s.chunk_id
     limit vector_ranking.depth;
end
$$;

ALTER FUNCTION app_private.vector_ranking(model_id uuid, query_embedding public.vector, source_ids uuid[], depth integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.vector_ranking(model_id uuid, query_embedding public.vector, source_ids uuid[], depth integer) IS 'The nearest chunks of these sources by cosine similarity, exactly.';

CREATE FUNCTION app_private.writable_source(source_id uuid) RETURNS app_public.rag_knowledge_sources
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_source app_public.rag_knowledge_sources;
begin
  perform app_private.require_role('member');
  select * into v_source from app_public.rag_knowledge_sources s where s.id = writable_source.source_id and s.deleted_at is null;
  if not found then
    perform app_private.raise_error('KN301', 'There is no such knowledge source.', 'List the knowledge sources of this tenant.');
  end if;
  return v_source;
end
$$;

ALTER FUNCTION app_private.writable_source(source_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.writable_source(source_id uuid) IS 'A source you may add documents to. KN301: there is no such source; ID202: your role does not allow it.';

CREATE FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision DEFAULT 1.2, b double precision DEFAULT 0.75) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((term_freq IS NULL) OR (doc_freq IS NULL) OR (total_docs IS NULL) OR (doc_length IS NULL) OR (avg_doc_length IS NULL) OR (term_freq <= (0)::double precision) OR (avg_doc_length <= (0)::double precision)) THEN (0)::double precision ELSE (((ln(((1)::double precision + ((((total_docs - doc_freq))::double precision + (0.5)::double precision) / ((doc_freq)::double precision + (0.5)::double precision)))) * term_freq) * (k1 + (1)::double precision)) / (term_freq + (k1 * (((1)::double precision - b) + ((b * (doc_length)::double precision) / avg_doc_length))))) END;

ALTER FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) IS 'BM25 of one term in one document (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009) with Lucene''s idf, ln(1 + (N - df + 0.5) / (df + 0.5)), which is never negative. 0 when the term does not occur or the collection is empty.';

CREATE FUNCTION app_public.create_documents(source_id uuid, documents jsonb) RETURNS SETOF app_public.document_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_source app_public.rag_knowledge_sources := app_private.writable_source(create_documents.source_id);
  v_item jsonb;
  v_receipt app_public.document_receipt;
  v_document_ids uuid[] := '{}';
begin
  if jsonb_typeof(create_documents.documents) is distinct from 'array'
    or jsonb_array_length(create_documents.documents) not between 1 and 500 then
    perform app_private.raise_error('KN401', 'documents must be an array of 1 to 500 objects.', 'Send them in several calls.');
  end if;

  -- in the order of their keys, so that two loads of the same documents never wait for each other in a circle
  for v_item in
    select d from jsonb_array_elements(create_documents.documents) with ordinality as e (d, n) order by d ->> 'externalId', n
  loop
    v_receipt := row (v_item ->> 'externalId', null, 'refused', app_private.document_error(v_item))::app_public.document_receipt;
    if v_receipt.error is null then
      v_receipt := app_private.put_document(
        v_source, v_item ->> 'externalId', coalesce(nullif(trim(v_item ->> 'title'), ''), v_item ->> 'externalId'),
        v_item ->> 'text', null, null, 'text/plain', coalesce(v_item -> 'metadata', '{}'));
      if v_receipt.outcome in ('created', 'replaced') then
        v_document_ids := v_document_ids || v_receipt.document_id;
      end if;
    end if;
    return next v_receipt;
  end loop;
  perform app_private.enqueue_stage('chunk', v_source.tenant_id, v_document_ids);
end
$$;

ALTER FUNCTION app_public.create_documents(source_id uuid, documents jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.create_documents(source_id uuid, documents jsonb) IS '@resultFieldName receipts
Adds 1 to 500 documents to a source: [{"externalId", "text", "title"?, "metadata"?}], text up to 10 million characters. A receipt for each: created, replaced (same externalId, other content), unchanged, retried (unchanged, but its processing had failed) or refused with the error; a refused one does not stop the others. Processing follows in the background. Members. KN301: no such source; KN401: not an array of 1 to 500; ID202: your role does not allow it.';

CREATE FUNCTION app_public.create_tenant(slug text, name text, owner_email text, owner_name text DEFAULT NULL::text) RETURNS app_public.tenants
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not app_hidden.is_platform_admin() then
    perform app_private.raise_error('TN201', 'Only platform staff can create tenants.', 'Ask an administrator of the platform tenant.');
  end if;
  return app_private.provision_tenant(create_tenant.slug, create_tenant.name, create_tenant.owner_email, create_tenant.owner_name);
end
$$;

ALTER FUNCTION app_public.create_tenant(slug text, name text, owner_email text, owner_name text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_public.create_tenant(slug text, name text, owner_email text, owner_name text) IS '@resultFieldName tenant
Creates a tenant and makes the person with that e-mail its owner. The slug is lower-case letters, digits and hyphens, at most 63, unique. Platform staff only. TN201: you are not; 23505: the slug is taken; 23514: a value is out of range.';

CREATE FUNCTION app_public.current_tenant() RETURNS app_public.tenants
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select * from app_public.tenants where id = app_hidden.current_tenant_id();
$$;

ALTER FUNCTION app_public.current_tenant() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.current_tenant() IS 'The tenant this request acts in.';

CREATE TABLE app_public.user_profiles (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    email text NOT NULL,
    full_name text,
    avatar_url text,
    job_title text,
    department text,
    organization text,
    preferences jsonb DEFAULT '{}'::jsonb NOT NULL,
    notification_settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    last_seen_at timestamp with time zone,
    onboarding_completed boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT email_is_an_email CHECK (app_hidden.is_email(email)),
    CONSTRAINT full_name_is_a_name CHECK (app_hidden.is_name(full_name)),
    CONSTRAINT notification_settings_is_an_object CHECK ((jsonb_typeof(notification_settings) = 'object'::text)),
    CONSTRAINT preferences_is_an_object CHECK ((jsonb_typeof(preferences) = 'object'::text))
);

ALTER TABLE ONLY app_public.user_profiles FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.user_profiles OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.user_profiles IS '@behavior -insert -delete
A person, one across all tenants. You see yourself and the people you share this tenant with.';

COMMENT ON COLUMN app_public.user_profiles.email IS 'E-mail address, lower case, unique among profiles that are not deleted.';

COMMENT ON COLUMN app_public.user_profiles.full_name IS 'Name, at most 255 characters.';

COMMENT ON COLUMN app_public.user_profiles.avatar_url IS 'Address of a picture.';

COMMENT ON COLUMN app_public.user_profiles.job_title IS 'Job title.';

COMMENT ON COLUMN app_public.user_profiles.department IS 'Department, in the person''s own words.';

COMMENT ON COLUMN app_public.user_profiles.organization IS 'Organization, in the person''s own words.';

COMMENT ON COLUMN app_public.user_profiles.preferences IS 'Settings of the user interface: an object. Not readable through the API.';

COMMENT ON COLUMN app_public.user_profiles.notification_settings IS 'What the person wants to be told of: an object. Not readable through the API.';

COMMENT ON COLUMN app_public.user_profiles.is_active IS 'Whether the person may log in.';

COMMENT ON COLUMN app_public.user_profiles.last_seen_at IS 'When the person was last seen.';

COMMENT ON COLUMN app_public.user_profiles.onboarding_completed IS 'Whether the first steps are done.';

COMMENT ON COLUMN app_public.user_profiles.created_at IS 'When the profile was created.';

COMMENT ON COLUMN app_public.user_profiles.updated_at IS 'When it last changed.';

COMMENT ON COLUMN app_public.user_profiles.deleted_at IS 'When it was deleted, null when it is not.';

CREATE FUNCTION app_public.current_user_profile() RETURNS app_public.user_profiles
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select * from app_public.user_profiles where id = app_hidden.current_user_id();
$$;

ALTER FUNCTION app_public.current_user_profile() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.current_user_profile() IS 'Your own profile.';

CREATE TABLE app_public.agents (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    name text NOT NULL,
    display_name text,
    description text,
    avatar_url text,
    icon text,
    color_scheme text,
    badge_text text,
    badge_color text,
    sort_order integer DEFAULT 0 NOT NULL,
    status app_public.agent_status_enum DEFAULT 'draft'::app_public.agent_status_enum NOT NULL,
    tier integer,
    lifecycle_stage text,
    validation_status text,
    is_active boolean DEFAULT true NOT NULL,
    activated_at timestamp with time zone,
    deactivated_at timestamp with time zone,
    deleted_at timestamp with time zone,
    last_seen_at timestamp with time zone,
    model_id uuid,
    system_prompt text,
    temperature numeric(3,2),
    max_tokens integer,
    top_p numeric(3,2),
    frequency_penalty numeric(3,2),
    presence_penalty numeric(3,2),
    response_format text,
    stop_sequences text[],
    streaming_enabled boolean DEFAULT true NOT NULL,
    function_calling_enabled boolean DEFAULT false NOT NULL,
    parallel_function_calls boolean DEFAULT false NOT NULL,
    max_retry_attempts integer DEFAULT 3 NOT NULL,
    timeout_seconds integer DEFAULT 60 NOT NULL,
    primary_category text,
    subcategory text,
    specialty text,
    therapeutic_areas text[] DEFAULT '{}'::text[] NOT NULL,
    regulatory_domains text[] DEFAULT '{}'::text[] NOT NULL,
    industry_focus text[] DEFAULT '{}'::text[] NOT NULL,
    use_cases text[] DEFAULT '{}'::text[] NOT NULL,
    target_audience text[] DEFAULT '{}'::text[] NOT NULL,
    required_expertise_level text,
    compliance_frameworks text[] DEFAULT '{}'::text[] NOT NULL,
    certifications text[] DEFAULT '{}'::text[] NOT NULL,
    geographic_scope text[] DEFAULT '{}'::text[] NOT NULL,
    knowledge_domains jsonb DEFAULT '{}'::jsonb NOT NULL,
    tools jsonb DEFAULT '[]'::jsonb NOT NULL,
    prompt_templates jsonb DEFAULT '[]'::jsonb NOT NULL,
    context_window_size integer,
    supports_multimodal boolean DEFAULT false NOT NULL,
    supported_file_types text[] DEFAULT '{}'::text[] NOT NULL,
    max_file_size_mb integer,
    owner_id uuid DEFAULT app_hidden.current_user_id(),
    cost_per_query numeric,
    billing_code text,
    budget_allocation_id uuid,
    approval_required boolean DEFAULT false NOT NULL,
    analytics_enabled boolean DEFAULT true NOT NULL,
    version text DEFAULT '1.0.0'::text NOT NULL,
    changelog text,
    published_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT context_window_size_is_positive CHECK ((context_window_size > 0)),
    CONSTRAINT cost_per_query_is_not_negative CHECK (((cost_per_query >= (0)::numeric) AND (cost_per_query < 'Infinity'::numeric))),
    CONSTRAINT display_name_is_a_name CHECK (app_hidden.is_name(display_name)),
    CONSTRAINT frequency_penalty_is_in_range CHECK (((frequency_penalty >= ('-2'::integer)::numeric) AND (frequency_penalty <= (2)::numeric))),
    CONSTRAINT knowledge_domains_is_an_object CHECK ((jsonb_typeof(knowledge_domains) = 'object'::text)),
    CONSTRAINT lifecycle_stage_is_known CHECK ((lifecycle_stage = ANY (ARRAY['development'::text, 'beta'::text, 'production'::text, 'sunset'::text]))),
    CONSTRAINT max_file_size_mb_is_positive CHECK ((max_file_size_mb > 0)),
    CONSTRAINT max_retry_attempts_is_in_range CHECK (((max_retry_attempts >= 0) AND (max_retry_attempts <= 20))),
    CONSTRAINT max_tokens_is_positive CHECK ((max_tokens > 0)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT presence_penalty_is_in_range CHECK (((presence_penalty >= ('-2'::integer)::numeric) AND (presence_penalty <= (2)::numeric))),
    CONSTRAINT prompt_templates_is_an_array CHECK ((jsonb_typeof(prompt_templates) = 'array'::text)),
    CONSTRAINT required_expertise_level_is_known CHECK ((required_expertise_level = ANY (ARRAY['beginner'::text, 'intermediate'::text, 'expert'::text]))),
    CONSTRAINT response_format_is_known CHECK ((response_format = ANY (ARRAY['json'::text, 'text'::text, 'structured'::text]))),
    CONSTRAINT temperature_is_in_range CHECK (((temperature >= (0)::numeric) AND (temperature <= (2)::numeric))),
    CONSTRAINT tier_is_1_to_3 CHECK ((tier = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT timeout_seconds_is_in_range CHECK (((timeout_seconds >= 1) AND (timeout_seconds <= 3600))),
    CONSTRAINT tools_is_an_array CHECK ((jsonb_typeof(tools) = 'array'::text)),
    CONSTRAINT top_p_is_a_probability CHECK (((top_p >= (0)::numeric) AND (top_p <= (1)::numeric))),
    CONSTRAINT validation_status_is_known CHECK ((validation_status = ANY (ARRAY['validated'::text, 'pending'::text, 'failed'::text]))),
    CONSTRAINT version_is_semantic CHECK ((version ~ '^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$'::text))
);

ALTER TABLE ONLY app_public.agents FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.agents OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.agents IS '@behavior -delete
An agent of this tenant. Members create and edit, admins delete (delete_agent) and restore (restore_agent).';

COMMENT ON COLUMN app_public.agents.name IS 'Name, unique among the tenant''s agents that are not deleted; at most 255 characters.';

COMMENT ON COLUMN app_public.agents.display_name IS 'Name to show.';

COMMENT ON COLUMN app_public.agents.description IS 'What it is for.';

COMMENT ON COLUMN app_public.agents.avatar_url IS 'Address of a picture.';

COMMENT ON COLUMN app_public.agents.icon IS 'Name of an icon.';

COMMENT ON COLUMN app_public.agents.color_scheme IS 'Colour theme.';

COMMENT ON COLUMN app_public.agents.badge_text IS 'Text of its badge.';

COMMENT ON COLUMN app_public.agents.badge_color IS 'Colour of its badge.';

COMMENT ON COLUMN app_public.agents.sort_order IS 'Position in lists, ascending.';

COMMENT ON COLUMN app_public.agents.status IS 'draft, active, inactive, deprecated or archived.';

COMMENT ON COLUMN app_public.agents.tier IS 'Capability tier, 1 to 3.';

COMMENT ON COLUMN app_public.agents.lifecycle_stage IS 'development, beta, production or sunset.';

COMMENT ON COLUMN app_public.agents.validation_status IS 'validated, pending or failed.';

COMMENT ON COLUMN app_public.agents.is_active IS 'Whether it is switched on.';

COMMENT ON COLUMN app_public.agents.activated_at IS 'When it was last switched on.';

COMMENT ON COLUMN app_public.agents.deactivated_at IS 'When it was last switched off.';

COMMENT ON COLUMN app_public.agents.deleted_at IS 'When it was deleted, null when it is not.';

COMMENT ON COLUMN app_public.agents.last_seen_at IS 'When it last reported.';

COMMENT ON COLUMN app_public.agents.model_id IS 'The language model it uses.';

COMMENT ON COLUMN app_public.agents.system_prompt IS 'Its instructions.';

COMMENT ON COLUMN app_public.agents.temperature IS 'Sampling temperature, 0 to 2.';

COMMENT ON COLUMN app_public.agents.max_tokens IS 'Most tokens of an answer.';

COMMENT ON COLUMN app_public.agents.top_p IS 'Nucleus sampling, 0 to 1.';

COMMENT ON COLUMN app_public.agents.frequency_penalty IS 'Frequency penalty, -2 to 2.';

COMMENT ON COLUMN app_public.agents.presence_penalty IS 'Presence penalty, -2 to 2.';

COMMENT ON COLUMN app_public.agents.response_format IS 'json, text or structured.';

COMMENT ON COLUMN app_public.agents.stop_sequences IS 'Texts at which an answer ends.';

COMMENT ON COLUMN app_public.agents.streaming_enabled IS 'Whether answers are streamed.';

COMMENT ON COLUMN app_public.agents.function_calling_enabled IS 'Whether it may call functions.';

COMMENT ON COLUMN app_public.agents.parallel_function_calls IS 'Whether it may call several at once.';

COMMENT ON COLUMN app_public.agents.max_retry_attempts IS 'How often a failed call is tried again, 0 to 20.';

COMMENT ON COLUMN app_public.agents.timeout_seconds IS 'Seconds until a call is given up, 1 to 3,600.';

COMMENT ON COLUMN app_public.agents.primary_category IS 'Main category.';

COMMENT ON COLUMN app_public.agents.subcategory IS 'Subcategory.';

COMMENT ON COLUMN app_public.agents.specialty IS 'Specialty, such as a medical one.';

COMMENT ON COLUMN app_public.agents.therapeutic_areas IS 'Therapeutic areas.';

COMMENT ON COLUMN app_public.agents.regulatory_domains IS 'Regulators it knows, such as FDA, EMA, PMDA.';

COMMENT ON COLUMN app_public.agents.industry_focus IS 'Industries, such as Pharma, MedTech, Biotech.';

COMMENT ON COLUMN app_public.agents.use_cases IS 'What it is commonly used for.';

COMMENT ON COLUMN app_public.agents.target_audience IS 'Who uses it.';

COMMENT ON COLUMN app_public.agents.required_expertise_level IS 'beginner, intermediate or expert.';

COMMENT ON COLUMN app_public.agents.compliance_frameworks IS 'Frameworks, such as 21 CFR Part 11, GxP, HIPAA.';

COMMENT ON COLUMN app_public.agents.certifications IS 'Certifications, such as ISO 13485, SOC 2.';

COMMENT ON COLUMN app_public.agents.geographic_scope IS 'Regions, such as US, EU, Global.';

COMMENT ON COLUMN app_public.agents.knowledge_domains IS 'Areas of knowledge: an object of arrays.';

COMMENT ON COLUMN app_public.agents.tools IS 'Tool configurations: an array of objects with name and config.';

COMMENT ON COLUMN app_public.agents.prompt_templates IS 'Saved prompt templates: an array.';

COMMENT ON COLUMN app_public.agents.context_window_size IS 'Most tokens of context.';

COMMENT ON COLUMN app_public.agents.supports_multimodal IS 'Whether it takes images or audio.';

COMMENT ON COLUMN app_public.agents.supported_file_types IS 'File types it takes, such as pdf, docx, csv.';

COMMENT ON COLUMN app_public.agents.max_file_size_mb IS 'Largest file it takes, in megabytes.';

COMMENT ON COLUMN app_public.agents.owner_id IS 'The member who owns it; by default its creator.';

COMMENT ON COLUMN app_public.agents.cost_per_query IS 'Cost of one query in US dollars.';

COMMENT ON COLUMN app_public.agents.billing_code IS 'Code for internal billing.';

COMMENT ON COLUMN app_public.agents.budget_allocation_id IS 'The budget its cost counts against.';

COMMENT ON COLUMN app_public.agents.approval_required IS 'Whether its use needs an approval.';

COMMENT ON COLUMN app_public.agents.analytics_enabled IS 'Whether its use is analysed.';

COMMENT ON COLUMN app_public.agents.version IS 'Semantic version.';

COMMENT ON COLUMN app_public.agents.changelog IS 'What changed in this version.';

COMMENT ON COLUMN app_public.agents.published_at IS 'When this version was published.';

COMMENT ON COLUMN app_public.agents.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.agents.updated_at IS 'When it last changed.';

CREATE FUNCTION app_public.delete_agent(id uuid) RETURNS app_public.agents
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_agent app_public.agents;
begin
  perform app_private.require_role('admin');
  update app_public.agents a set deleted_at = clock_timestamp()
   where a.id = delete_agent.id and a.deleted_at is null
  returning * into v_agent;
  if not found then
    perform app_private.raise_error('RS301', 'There is no such agent.', 'List the agents of this tenant.');
  end if;
  return v_agent;
end
$$;

ALTER FUNCTION app_public.delete_agent(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_agent(id uuid) IS '@resultFieldName agent
Deletes an agent; restore_agent brings it back. Its name can be used again. Admins. RS301: there is no such agent; ID202: your role does not allow it.';

CREATE TABLE app_public.documents (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    source_id uuid NOT NULL,
    external_id text NOT NULL,
    title text NOT NULL,
    content text,
    media_type text DEFAULT 'text/plain'::text NOT NULL,
    size_bytes bigint NOT NULL,
    content_hash bytea NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    processing_status app_public.processing_status DEFAULT 'pending'::app_public.processing_status NOT NULL,
    processing_stage app_hidden.processing_stage NOT NULL,
    processing_started_at timestamp with time zone,
    processing_completed_at timestamp with time zone,
    processing_error text,
    created_by_user_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT completed_document_is_done CHECK (((processing_status = 'completed'::app_public.processing_status) = (processing_stage = 'done'::app_hidden.processing_stage))),
    CONSTRAINT content_hash_is_sha_256 CHECK ((octet_length(content_hash) = 32)),
    CONSTRAINT external_id_is_a_key CHECK (((length(external_id) >= 1) AND (length(external_id) <= 1024))),
    CONSTRAINT failed_document_has_an_error CHECK (((processing_status <> 'failed'::app_public.processing_status) OR (processing_error IS NOT NULL))),
    CONSTRAINT metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT parsed_document_has_content CHECK (((processing_stage = 'parse'::app_hidden.processing_stage) OR (content IS NOT NULL))),
    CONSTRAINT size_bytes_is_not_negative CHECK ((size_bytes >= 0)),
    CONSTRAINT title_is_in_range CHECK (((length(title) >= 1) AND (length(title) <= 1000)))
);

ALTER TABLE ONLY app_public.documents FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.documents OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.documents IS '@behavior -single -insert -update -delete
A document of a knowledge source. Add with create_documents or upload_file, watch processing_status, change with update_document, remove with delete_document.';

COMMENT ON COLUMN app_public.documents.source_id IS 'The knowledge source it belongs to.';

COMMENT ON COLUMN app_public.documents.external_id IS 'Its key within the source: giving a document again under it replaces it. 1 to 1,024 characters.';

COMMENT ON COLUMN app_public.documents.title IS 'Title, 1 to 1,000 characters; searched with every chunk.';

COMMENT ON COLUMN app_public.documents.content IS '@behavior -filterBy -orderBy
Its text, null until it is parsed.';

COMMENT ON COLUMN app_public.documents.media_type IS 'Media type it was given with.';

COMMENT ON COLUMN app_public.documents.size_bytes IS 'Size as it was given, in bytes.';

COMMENT ON COLUMN app_public.documents.content_hash IS 'SHA-256 of everything it was given with; tells whether it has changed.';

COMMENT ON COLUMN app_public.documents.metadata IS 'What is known about it (page count, author, keys of your own): an object.';

COMMENT ON COLUMN app_public.documents.processing_status IS 'pending, processing, completed (searchable) or failed.';

COMMENT ON COLUMN app_public.documents.processing_stage IS 'What is done next: parse, chunk, embed, index, or done.';

COMMENT ON COLUMN app_public.documents.processing_started_at IS 'When processing began.';

COMMENT ON COLUMN app_public.documents.processing_completed_at IS 'When it became searchable.';

COMMENT ON COLUMN app_public.documents.processing_error IS 'Why processing failed, null when it has not.';

COMMENT ON COLUMN app_public.documents.created_by_user_id IS 'The member who added it.';

COMMENT ON COLUMN app_public.documents.created_at IS 'When it was added.';

COMMENT ON COLUMN app_public.documents.updated_at IS 'When it last changed.';

CREATE FUNCTION app_public.delete_document(id uuid) RETURNS app_public.documents
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_document app_public.documents;
begin
  perform app_private.require_role('member');
  delete from app_public.documents d
   where d.tenant_id = app_hidden.current_tenant_id() and d.id = delete_document.id
  returning * into v_document;
  if not found then
    perform app_private.raise_error('KN302', 'There is no such document.', 'List the documents of this tenant.');
  end if;
  return v_document;
end
$$;

ALTER FUNCTION app_public.delete_document(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_document(id uuid) IS '@resultFieldName document
Deletes a document with its chunks, vectors and postings, at once and for good. Members. KN302: there is no such document; ID202: your role does not allow it.';

CREATE FUNCTION app_public.delete_knowledge_source(id uuid) RETURNS app_public.rag_knowledge_sources
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_source app_public.rag_knowledge_sources;
begin
  perform app_private.require_role('admin');
  update app_public.rag_knowledge_sources s set deleted_at = clock_timestamp()
   where s.id = delete_knowledge_source.id and s.deleted_at is null
  returning * into v_source;
  if not found then
    perform app_private.raise_error('KN301', 'There is no such knowledge source.', 'List the knowledge sources of this tenant.');
  end if;
  return v_source;
end
$$;

ALTER FUNCTION app_public.delete_knowledge_source(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_knowledge_source(id uuid) IS '@resultFieldName knowledgeSource
Deletes a source: its documents are found no more, at once; restore_knowledge_source brings it back. Its name can be used again. Admins. KN301: no such source; ID202: your role does not allow it.';

CREATE FUNCTION app_public.document(id uuid) RETURNS app_public.documents
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select * from app_public.documents d where d.tenant_id = app_hidden.current_tenant_id() and d.id = document.id;
$$;

ALTER FUNCTION app_public.document(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.document(id uuid) IS 'A document by its id, null when this tenant has none with it.';

CREATE FUNCTION app_public.documents_chunk_count(document app_public.documents) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select count(*)::int from app_public.document_chunks c where c.tenant_id = (document).tenant_id and c.document_id = (document).id;
$$;

ALTER FUNCTION app_public.documents_chunk_count(document app_public.documents) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.documents_chunk_count(document app_public.documents) IS 'How many chunks the document was cut into.';

CREATE FUNCTION app_public.my_tenants() RETURNS SETOF app_public.tenants
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select t.*
    from app_public.user_tenants m
    join app_public.tenants t on t.id = m.tenant_id
   where m.user_id = app_hidden.current_user_id() and m.status = 'active'
   order by t.slug;
$$;

ALTER FUNCTION app_public.my_tenants() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_public.my_tenants() IS 'The tenants you are an active member of: what a tenant switcher offers. Name one in the x-tenant-id header to act in it.';

CREATE FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select count(*)::int from app_public.document_chunks c where c.tenant_id = (source).tenant_id and c.source_id = (source).id;
$$;

ALTER FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) IS 'How many chunks the source''s documents were cut into.';

CREATE FUNCTION app_public.rag_knowledge_sources_processing_counts(source app_public.rag_knowledge_sources) RETURNS app_public.processing_counts
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select
    (count(*) filter (where processing_status = 'pending'))::int,
    (count(*) filter (where processing_status = 'processing'))::int,
    (count(*) filter (where processing_status = 'completed'))::int,
    (count(*) filter (where processing_status = 'failed'))::int
    from app_public.documents d
   where d.tenant_id = (source).tenant_id and d.source_id = (source).id;
$$;

ALTER FUNCTION app_public.rag_knowledge_sources_processing_counts(source app_public.rag_knowledge_sources) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.rag_knowledge_sources_processing_counts(source app_public.rag_knowledge_sources) IS 'How many documents of the source are pending, processing, completed and failed.';

CREATE FUNCTION app_public.reciprocal_rank_fusion(vector_scores double precision[], text_scores double precision[], k integer DEFAULT 60) RETURNS TABLE(idx integer, score double precision)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- an item that a list does not have (null, or beyond its end) gets nothing from that list
  with items as (
    select i, vector_scores[i] as vector_score, text_scores[i] as text_score
      from generate_series(1, greatest(cardinality(vector_scores), cardinality(text_scores))) as i
  ), ranked as (
    select i,
           case when vector_score is not null then row_number() over (order by vector_score desc nulls last, i) end as vector_rank,
           case when text_score is not null then row_number() over (order by text_score desc nulls last, i) end as text_rank
      from items
  )
  select i::int, coalesce(1 / (k + vector_rank)::double precision, 0) + coalesce(1 / (k + text_rank)::double precision, 0) as fused
    from ranked
   where vector_rank is not null or text_rank is not null
   order by fused desc, i;
$$;

ALTER FUNCTION app_public.reciprocal_rank_fusion(vector_scores double precision[], text_scores double precision[], k integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.reciprocal_rank_fusion(vector_scores double precision[], text_scores double precision[], k integer) IS 'Fuses two rankings of the same items (Cormack, Clarke and Büttcher, Reciprocal Rank Fusion, 2009): the sum of 1 / (k + rank). Item i has score vector_scores[i] and text_scores[i], higher is better, null when the list does not have it; equal scores rank by position. Best first; idx counts from 1.';

CREATE FUNCTION app_public.reprocess_knowledge_source(source_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_source app_public.rag_knowledge_sources := app_private.writable_source(reprocess_knowledge_source.source_id);
  v_document_ids uuid[];
begin
  with parsed as (
    update app_public.documents d
       set processing_status = 'pending', processing_stage = 'chunk', processing_completed_at = null, processing_error = null
     where d.tenant_id = v_source.tenant_id and d.source_id = v_source.id and d.processing_stage <> 'parse'
    returning id
  )
  select array_agg(id order by id) into v_document_ids from parsed;
  perform app_private.enqueue_stage('chunk', v_source.tenant_id, v_document_ids);
  return coalesce(cardinality(v_document_ids), 0);
end
$$;

ALTER FUNCTION app_public.reprocess_knowledge_source(source_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.reprocess_knowledge_source(source_id uuid) IS '@resultFieldName count
Cuts, embeds and indexes all documents of a source again, as is needed when its chunk size, overlap, language or embedding model has changed; returns how many. Until a document is done it is not found. Members. KN301: no such source; ID202: your role does not allow it.';

CREATE FUNCTION app_public.restore_agent(id uuid) RETURNS app_public.agents
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_agent app_public.agents;
begin
  perform app_private.require_role('admin');
  update app_public.agents a set deleted_at = null
   where a.id = restore_agent.id and a.deleted_at is not null
  returning * into v_agent;
  if not found then
    perform app_private.raise_error('RS302', 'There is no deleted agent with this id.', 'It was never deleted, or never there.');
  end if;
  return v_agent;
end
$$;

ALTER FUNCTION app_public.restore_agent(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.restore_agent(id uuid) IS '@resultFieldName agent
Brings a deleted agent back. Admins. RS302: no deleted agent has this id; 23505: its name is taken by now; ID202: your role does not allow it.';

CREATE FUNCTION app_public.restore_knowledge_source(id uuid) RETURNS app_public.rag_knowledge_sources
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_source app_public.rag_knowledge_sources;
begin
  perform app_private.require_role('admin');
  update app_public.rag_knowledge_sources s set deleted_at = null
   where s.id = restore_knowledge_source.id and s.deleted_at is not null
  returning * into v_source;
  if not found then
    perform app_private.raise_error('KN303', 'There is no deleted knowledge source with this id.', 'It was never deleted, or never there.');
  end if;
  return v_source;
end
$$;

ALTER FUNCTION app_public.restore_knowledge_source(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.restore_knowledge_source(id uuid) IS '@resultFieldName knowledgeSource
Brings a deleted source back with all its documents. Admins. KN303: no deleted source has this id; 23505: its name is taken by now; ID202: your role does not allow it.';

CREATE FUNCTION app_public.retry_document(id uuid) RETURNS app_public.documents
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_document app_public.documents;
begin
  perform app_private.require_role('member');
  perform app_private.resume_documents(app_hidden.current_tenant_id(), array[retry_document.id]);
  select * into v_document from app_public.documents d
   where d.tenant_id = app_hidden.current_tenant_id() and d.id = retry_document.id;
  if not found then
    perform app_private.raise_error('KN302', 'There is no such document.', 'List the documents of this tenant.');
  end if;
  return v_document;
end
$$;

ALTER FUNCTION app_public.retry_document(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.retry_document(id uuid) IS '@resultFieldName document
Processes a failed document again, from the stage where it failed; does nothing to one that has not. Members. KN302: there is no such document; ID202: your role does not allow it.';

CREATE FUNCTION app_public.retry_documents(source_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_source app_public.rag_knowledge_sources := app_private.writable_source(retry_documents.source_id);
begin
  return app_private.resume_documents(v_source.tenant_id, array(
    select d.id from app_public.documents d
     where d.tenant_id = v_source.tenant_id and d.source_id = v_source.id and d.processing_status = 'failed'));
end
$$;

ALTER FUNCTION app_public.retry_documents(source_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.retry_documents(source_id uuid) IS '@resultFieldName count
Processes all failed documents of a source again and returns how many. Members. KN301: no such source; ID202: your role does not allow it.';

CREATE FUNCTION app_public.search(query text, mode app_public.search_mode DEFAULT 'hybrid'::app_public.search_mode, "limit" integer DEFAULT 10, source_ids uuid[] DEFAULT NULL::uuid[], embedding_model text DEFAULT NULL::text, query_embedding public.vector DEFAULT NULL::public.vector, rrf_k integer DEFAULT 60) RETURNS SETOF app_public.search_hit
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
declare
  v_model app_public.llm_models;
  v_is_builtin boolean;
  v_embedding vector;
  v_depth int;
  v_source_ids uuid[] := array(select s.id from app_private.searchable_sources(search.source_ids) s);
  v_terms text[];
  v_term_counts int[];
begin
  if search.query is null or search.query !~ '\S' then
    perform app_private.raise_error('SR404', 'The query is empty.', 'Search for at least one word.');
  end if;
  if length(search.query) > 10000 then
    perform app_private.raise_error('SR405', 'The query is longer than 10,000 characters.', 'Search for its essential words.');
  end if;
  if coalesce(search."limit" not between 1 and 1000, true) then
    perform app_private.raise_error('SR406', 'limit must be from 1 to 1000.', 'Ask for fewer hits.');
  end if;
  if coalesce(search.rrf_k not between 1 and 1000000, true) then
    perform app_private.raise_error('SR407', 'rrf_k must be from 1 to 1,000,000.', 'Leave it out for the usual 60.');
  end if;
  if search.mode is null then
    perform app_private.raise_error('SR408', 'mode must be bm25, vector or hybrid.', 'Leave it out for hybrid.');
  end if;

  -- each ranking is read to the same depth, so a hit can be found by either
  v_depth := case when search.mode = 'hybrid' then greatest(search."limit", 100) else search."limit" end;
  select array_agg(t.term order by t.term), array_agg(t.frequency order by t.term) into v_terms, v_term_counts
    from app_private.query_terms(search.query, search.source_ids) t;
  if v_terms is null then
    -- nothing but stop words says nothing, in any mode
    return;
  end if;

  if search.mode <> 'bm25' then
    v_model := app_private.search_model(search.embedding_model, search.source_ids);
    if v_model.id is null then
      return;
    end if;
    select kind = 'builtin' into v_is_builtin from app_public.llm_providers p where p.id = v_model.provider_id;
    v_embedding := coalesce(
      search.query_embedding,
      case when v_is_builtin then app_hidden.hashing_embedding(search.query, v_model.dimension) end);
    if v_embedding is null then
      perform app_private.raise_error('SR409', format('The model %s is not in the database, so SQL cannot embed the query.', v_model.name),
        'Search over GraphQL, or give query_embedding, or use mode bm25.');
    end if;
    if vector_dims(v_embedding) <> v_model.dimension then
      perform app_private.raise_error('SR410', format('query_embedding has %s dimensions, and the model %s has %s.',
        vector_dims(v_embedding), v_model.name, v_model.dimension), 'Embed the query with the same model as the sources.');
    end if;
    if vector_norm(v_embedding) = 0 then
      perform app_private.raise_error('SR411', 'query_embedding is the zero vector, which has no direction.', 'Embed the query again.');
    end if;
  end if;

  return query
    with bm25 as (
      select * from app_private.bm25_ranking(v_terms, v_term_counts, v_source_ids, v_depth) where search.mode <> 'vector'
    ), vec as (
      select * from app_private.vector_ranking(v_model.id, v_embedding, v_source_ids, v_depth) where search.mode <> 'bm25'
    ), fused as (
      select chunk_id, b.score as bm25, b.rank as bm25_rank, v.score as similarity, v.rank as vector_rank,
             case search.mode
               when 'bm25' then b.score
               when 'vector' then v.score
               else coalesce(1 / (search.rrf_k + b.rank)::double precision, 0)
                  + coalesce(v_model.fusion_weight / (search.rrf_k + v.rank)::double precision, 0)
             end as score
        from bm25 b full join vec v using (chunk_id)
    ), top as (
      select f.*, row_number() over (order by f.score desc, f.chunk_id) as position
        from fused f order by f.score desc, f.chunk_id limit search."limit"
    )
    select top.position::int, top.score, top.bm25, top.bm25_rank, top.similarity, top.vector_rank,
           c.source_id, c.document_id, c.id, d.title, c.content,
           app_private.snippet(c.content, v_terms, app_hidden.text_search_config(s.language))
      from top
      join app_public.document_chunks c on c.tenant_id = app_hidden.current_tenant_id() and c.id = top.chunk_id
      join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
      join app_public.rag_knowledge_sources s on s.tenant_id = c.tenant_id and s.id = c.source_id
     order by top.position;
end
$$;

ALTER FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer) IS 'Searches the knowledge of this tenant, best first. mode bm25 ranks by words, vector by nearness of meaning as the embedding model sees it, hybrid fuses both by weighted reciprocal rank (the first 100 of each, or limit when that is more). limit 1 to 1000, default 10. source_ids narrows the search; statistics stay those of the whole tenant. query_embedding saves embedding the query; rrf_k (default 60) flattens or sharpens the fusion. A query of stop words only has no hits. SR402: several embedding models, name one; SR403: no such model; SR404 to SR411: an argument is out of range.';

CREATE FUNCTION app_public.search_hit_document(hit app_public.search_hit) RETURNS app_public.documents
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select * from app_public.documents d where d.tenant_id = app_hidden.current_tenant_id() and d.id = (hit).document_id;
$$;

ALTER FUNCTION app_public.search_hit_document(hit app_public.search_hit) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.search_hit_document(hit app_public.search_hit) IS '@behavior typeField -queryField
The document the chunk is of.';

CREATE FUNCTION app_public.search_hit_source(hit app_public.search_hit) RETURNS app_public.rag_knowledge_sources
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select * from app_public.rag_knowledge_sources s where s.tenant_id = app_hidden.current_tenant_id() and s.id = (hit).source_id;
$$;

ALTER FUNCTION app_public.search_hit_source(hit app_public.search_hit) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.search_hit_source(hit app_public.search_hit) IS '@behavior typeField -queryField
The knowledge source the document belongs to.';

CREATE FUNCTION app_public.update_document(id uuid, title text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb) RETURNS app_public.documents
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_document app_public.documents;
  v_is_renamed boolean;
begin
  perform app_private.require_role('member');
  select * into v_document from app_public.documents d
   where d.tenant_id = app_hidden.current_tenant_id() and d.id = update_document.id
     for update;
  if not found then
    perform app_private.raise_error('KN302', 'There is no such document.', 'List the documents of this tenant.');
  end if;
  -- the title is part of what is searched
  v_is_renamed := trim(update_document.title) <> v_document.title and v_document.processing_stage <> 'parse';
  update app_public.documents d
     set title = coalesce(trim(update_document.title), d.title),
         metadata = coalesce(update_document.metadata, d.metadata),
         processing_stage = case when v_is_renamed then 'chunk' else d.processing_stage end,
         processing_status = case when v_is_renamed then 'pending' else d.processing_status end,
         processing_completed_at = case when not v_is_renamed then d.processing_completed_at end,
         processing_error = case when not v_is_renamed then d.processing_error end
   where d.tenant_id = v_document.tenant_id and d.id = v_document.id
  returning * into v_document;
  if v_is_renamed then
    perform app_private.enqueue_stage('chunk', v_document.tenant_id, array[v_document.id]);
  end if;
  return v_document;
end
$$;

ALTER FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) IS '@resultFieldName document
Changes the title or the metadata of a document; what is left out stays. A new title is searchable once the document has been processed again. To change its text, give it again under the same externalId. Members. KN302: there is no such document; 23514: a value is out of range; ID202: your role does not allow it.';

CREATE FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text DEFAULT NULL::text, external_id text DEFAULT NULL::text, title text DEFAULT NULL::text, metadata jsonb DEFAULT '{}'::jsonb) RETURNS app_public.document_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_source app_public.rag_knowledge_sources := app_private.writable_source(upload_file.source_id);
  v_bytes bytea;
  v_receipt app_public.document_receipt;
begin
  if not coalesce(app_hidden.is_name(upload_file.file_name), false) then
    perform app_private.raise_error('KN402', 'file_name must be a name of at most 255 characters.', 'Send the file''s own name: its ending tells its type.');
  end if;
  begin
    v_bytes := decode(upload_file.content_base64, 'base64');
  exception when invalid_parameter_value or invalid_text_representation then
    perform app_private.raise_error('KN403', 'content_base64 is not Base64.', 'Encode the file''s bytes in standard Base64.');
  end;
  if coalesce(octet_length(v_bytes), 0) not between 1 and 52428800 then
    perform app_private.raise_error('KN404', 'The file is empty or larger than 50 MB.', 'Split it into smaller files.');
  end if;
  if jsonb_typeof(upload_file.metadata) is distinct from 'object' then
    perform app_private.raise_error('KN405', 'metadata must be an object.', 'Send {"key": value}.');
  end if;
  v_receipt := app_private.put_document(
    v_source, coalesce(upload_file.external_id, upload_file.file_name),
    coalesce(nullif(trim(upload_file.title), ''), upload_file.file_name), null,
    upload_file.file_name, v_bytes, coalesce(upload_file.media_type, 'application/octet-stream'), upload_file.metadata);
  if v_receipt.outcome in ('created', 'replaced') then
    perform app_private.enqueue_stage('parse', v_source.tenant_id, array[v_receipt.document_id]);
  end if;
  return v_receipt;
end
$$;

ALTER FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) IS '@resultFieldName receipt
Adds one file to a source: .md, .txt, .html, .pdf, .csv or .json, at most 50 MB, its bytes in Base64. external_id (by default the file''s name) tells it apart within the source: the same one again replaces the document when it has changed, and the receipt says what happened. The file is parsed in the background; watch the document''s processing_status. Members. KN301: no such source; KN402, KN403, KN404, KN405: an argument is not as it must be; ID202: your role does not allow it.';

CREATE TABLE app_private.admin_access_log (
    tenant_id uuid NOT NULL,
    id bigint NOT NULL,
    admin_user_id uuid NOT NULL,
    request_id text,
    accessed_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_private.admin_access_log FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.admin_access_log OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.admin_access_log IS 'Each request of platform staff inside a tenant they are not a member of.';

ALTER TABLE app_private.admin_access_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app_private.admin_access_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE app_private.analyst_tenants (
    tenant_id uuid NOT NULL,
    login name NOT NULL,
    granted_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_private.analyst_tenants FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.analyst_tenants OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.analyst_tenants IS 'Which analyst''s login may read which tenant''s reporting views.';

CREATE TABLE app_private.document_files (
    tenant_id uuid NOT NULL,
    document_id uuid NOT NULL,
    name text NOT NULL,
    content bytea NOT NULL
);

ALTER TABLE ONLY app_private.document_files FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.document_files OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.document_files IS 'Bytes of uploaded files, kept until they are parsed.';

CREATE TABLE app_private.search_postings (
    tenant_id uuid NOT NULL,
    term text NOT NULL COLLATE pg_catalog."C",
    chunk_id bigint NOT NULL,
    term_frequency integer NOT NULL,
    CONSTRAINT term_frequency_is_positive CHECK ((term_frequency > 0))
);

ALTER TABLE ONLY app_private.search_postings FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_postings OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.search_postings IS 'The inverted index: how often a term occurs in a chunk.';

CREATE TABLE app_private.user_identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_private.user_identities FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.user_identities OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.user_identities IS 'By which subject of which issuer a person is known.';

CREATE TABLE app_private.worker_heartbeats (
    worker_id text NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_private.worker_heartbeats FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.worker_heartbeats OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.worker_heartbeats IS 'When each worker last said that it is alive.';

CREATE TABLE app_public.document_chunks (
    tenant_id uuid NOT NULL,
    id bigint NOT NULL,
    source_id uuid NOT NULL,
    document_id uuid NOT NULL,
    ordinal integer NOT NULL,
    content text NOT NULL,
    start_offset integer NOT NULL,
    end_offset integer NOT NULL,
    content_tsvector tsvector NOT NULL,
    document_length integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT document_length_is_not_negative CHECK ((document_length >= 0)),
    CONSTRAINT offsets_are_ordered CHECK (((start_offset >= 0) AND (end_offset > start_offset))),
    CONSTRAINT ordinal_is_not_negative CHECK ((ordinal >= 0))
);

ALTER TABLE ONLY app_public.document_chunks FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.document_chunks OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.document_chunks IS '@behavior -single -insert -update -delete
A piece of a document, cut at sentence borders: what search finds.';

COMMENT ON COLUMN app_public.document_chunks.source_id IS 'The knowledge source of its document.';

COMMENT ON COLUMN app_public.document_chunks.document_id IS 'The document it is a piece of.';

COMMENT ON COLUMN app_public.document_chunks.ordinal IS 'Its place in the document, from 0.';

COMMENT ON COLUMN app_public.document_chunks.content IS '@behavior -filterBy -orderBy
Its text.';

COMMENT ON COLUMN app_public.document_chunks.start_offset IS 'Where it begins in the document''s text, in characters from 0.';

COMMENT ON COLUMN app_public.document_chunks.end_offset IS 'Where it ends in the document''s text, exclusive.';

COMMENT ON COLUMN app_public.document_chunks.content_tsvector IS 'The document''s title and the chunk, as the text-search configuration of the source''s language reads them.';

COMMENT ON COLUMN app_public.document_chunks.document_length IS 'Length for BM25: tokens of content_tsvector.';

COMMENT ON COLUMN app_public.document_chunks.created_at IS 'When it was cut.';

ALTER TABLE app_public.document_chunks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app_public.document_chunks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE app_public.embeddings (
    tenant_id uuid NOT NULL,
    model_id uuid NOT NULL,
    chunk_id bigint NOT NULL,
    embedding public.vector NOT NULL,
    agent_id uuid,
    task_type text DEFAULT 'retrieval_document'::text NOT NULL,
    cost_usd numeric DEFAULT 0 NOT NULL,
    generation_time_ms integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT cost_usd_is_not_negative CHECK (((cost_usd >= (0)::numeric) AND (cost_usd < 'Infinity'::numeric))),
    CONSTRAINT embedding_has_unit_length CHECK ((abs((public.vector_norm(embedding) - (1)::double precision)) < (0.001)::double precision)),
    CONSTRAINT generation_time_ms_is_not_negative CHECK ((generation_time_ms >= 0)),
    CONSTRAINT task_type_is_known CHECK ((task_type = ANY (ARRAY['retrieval_document'::text, 'retrieval_query'::text])))
);

ALTER TABLE ONLY app_public.embeddings FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.embeddings OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.embeddings IS '@behavior -single -insert -update -delete
A chunk''s vector by one embedding model.';

COMMENT ON COLUMN app_public.embeddings.model_id IS 'The embedding model.';

COMMENT ON COLUMN app_public.embeddings.chunk_id IS 'The chunk.';

COMMENT ON COLUMN app_public.embeddings.embedding IS 'The vector, of unit length and of the model''s dimension.';

COMMENT ON COLUMN app_public.embeddings.agent_id IS 'The agent it was made for, null when it serves all.';

COMMENT ON COLUMN app_public.embeddings.task_type IS 'retrieval_document or retrieval_query.';

COMMENT ON COLUMN app_public.embeddings.cost_usd IS 'What making it cost, in US dollars.';

COMMENT ON COLUMN app_public.embeddings.generation_time_ms IS 'How long the request that made it took, in milliseconds.';

COMMENT ON COLUMN app_public.embeddings.created_at IS 'When it was made.';

CREATE VIEW app_public.knowledge_report AS
SELECT
    NULL::uuid AS tenant_id,
    NULL::text AS tenant_slug,
    NULL::uuid AS source_id,
    NULL::text AS source_name,
    NULL::text AS category,
    NULL::text AS language,
    NULL::text AS embedding_model,
    NULL::bigint AS document_count,
    NULL::bigint AS completed_count,
    NULL::bigint AS failed_count,
    NULL::numeric AS size_bytes,
    NULL::timestamp with time zone AS last_document_at;

ALTER TABLE app_public.knowledge_report OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.knowledge_report IS 'Knowledge sources with the number and size of their documents. For analysts: the tenants their login was given.';

CREATE TABLE app_public.llm_providers (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    display_name text,
    kind app_public.llm_provider_kind NOT NULL,
    base_url text,
    api_key_variable text,
    is_enabled boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT api_key_variable_names_an_api_key CHECK ((api_key_variable ~ '^[A-Z][A-Z0-9_]*_API_KEY$'::text)),
    CONSTRAINT base_url_is_http CHECK ((base_url ~ '^https?://\S+$'::text)),
    CONSTRAINT display_name_is_a_name CHECK (app_hidden.is_name(display_name)),
    CONSTRAINT name_is_a_slug CHECK (app_hidden.is_slug(name)),
    CONSTRAINT openai_has_a_base_url CHECK (((kind <> 'openai'::app_public.llm_provider_kind) OR (base_url IS NOT NULL)))
);

ALTER TABLE ONLY app_public.llm_providers FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_providers OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.llm_providers IS 'Who serves models: the built-in one, or an OpenAI-compatible endpoint. The same for all tenants; platform staff edit them.';

COMMENT ON COLUMN app_public.llm_providers.name IS 'Key for people: a slug, unique.';

COMMENT ON COLUMN app_public.llm_providers.display_name IS 'Name to show.';

COMMENT ON COLUMN app_public.llm_providers.kind IS 'builtin or openai.';

COMMENT ON COLUMN app_public.llm_providers.base_url IS 'Address the paths are appended to, such as https://host/v1. Platform staff only.';

COMMENT ON COLUMN app_public.llm_providers.api_key_variable IS 'Name of the worker''s environment variable that holds the key; must end in _API_KEY. Keys themselves are never stored. Platform staff only.';

COMMENT ON COLUMN app_public.llm_providers.is_enabled IS 'Whether its models may be used.';

COMMENT ON COLUMN app_public.llm_providers.created_at IS 'When it was added.';

COMMENT ON COLUMN app_public.llm_providers.updated_at IS 'When it last changed.';

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_private.analyst_tenants
    ADD CONSTRAINT analyst_tenants_pkey PRIMARY KEY (tenant_id, login);

ALTER TABLE ONLY app_private.document_files
    ADD CONSTRAINT document_files_pkey PRIMARY KEY (tenant_id, document_id);

ALTER TABLE ONLY app_private.search_postings
    ADD CONSTRAINT search_postings_pkey PRIMARY KEY (tenant_id, term, chunk_id) INCLUDE (term_frequency);

ALTER TABLE ONLY app_private.user_identities
    ADD CONSTRAINT user_identities_pkey PRIMARY KEY (issuer, subject);

ALTER TABLE ONLY app_private.worker_heartbeats
    ADD CONSTRAINT worker_heartbeats_pkey PRIMARY KEY (worker_id);

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.document_chunks
    ADD CONSTRAINT document_chunks_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.document_chunks
    ADD CONSTRAINT document_chunks_tenant_id_document_id_ordinal_key UNIQUE (tenant_id, document_id, ordinal);

COMMENT ON CONSTRAINT document_chunks_tenant_id_document_id_ordinal_key ON app_public.document_chunks IS '@behavior -single';

ALTER TABLE ONLY app_public.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.documents
    ADD CONSTRAINT documents_tenant_id_source_id_external_id_key UNIQUE (tenant_id, source_id, external_id);

COMMENT ON CONSTRAINT documents_tenant_id_source_id_external_id_key ON app_public.documents IS '@behavior -single -update -delete';

ALTER TABLE ONLY app_public.embeddings
    ADD CONSTRAINT embeddings_pkey PRIMARY KEY (tenant_id, model_id, chunk_id);

ALTER TABLE ONLY app_public.llm_models
    ADD CONSTRAINT llm_models_name_key UNIQUE (name);

ALTER TABLE ONLY app_public.llm_models
    ADD CONSTRAINT llm_models_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.llm_providers
    ADD CONSTRAINT llm_providers_name_key UNIQUE (name);

ALTER TABLE ONLY app_public.llm_providers
    ADD CONSTRAINT llm_providers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_tenant_id_id_key UNIQUE (tenant_id, id);

COMMENT ON CONSTRAINT rag_knowledge_sources_tenant_id_id_key ON app_public.rag_knowledge_sources IS '@behavior -single -update -delete';

ALTER TABLE ONLY app_public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.user_profiles
    ADD CONSTRAINT user_profiles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_tenant_id_user_id_key UNIQUE (tenant_id, user_id);

CREATE INDEX admin_access_log_admin_user_id_idx ON app_private.admin_access_log USING btree (admin_user_id);

CREATE INDEX analyst_tenants_login_idx ON app_private.analyst_tenants USING btree (login);

CREATE INDEX search_postings_tenant_id_chunk_id_idx ON app_private.search_postings USING btree (tenant_id, chunk_id);

CREATE INDEX user_identities_user_id_idx ON app_private.user_identities USING btree (user_id);

CREATE INDEX agents_model_id_idx ON app_public.agents USING btree (model_id);

CREATE INDEX agents_owner_id_idx ON app_public.agents USING btree (owner_id);

CREATE UNIQUE INDEX agents_tenant_id_name_key ON app_public.agents USING btree (tenant_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX agents_tenant_id_sort_order_name_idx ON app_public.agents USING btree (tenant_id, sort_order, name);

CREATE INDEX document_chunks_tenant_id_source_id_idx ON app_public.document_chunks USING btree (tenant_id, source_id);

CREATE INDEX documents_created_by_user_id_idx ON app_public.documents USING btree (created_by_user_id);

CREATE INDEX documents_tenant_id_source_id_processing_status_idx ON app_public.documents USING btree (tenant_id, source_id, processing_status);

CREATE INDEX embeddings_agent_id_idx ON app_public.embeddings USING btree (agent_id);

CREATE INDEX embeddings_model_id_idx ON app_public.embeddings USING btree (model_id);

CREATE INDEX embeddings_tenant_id_chunk_id_idx ON app_public.embeddings USING btree (tenant_id, chunk_id);

CREATE INDEX llm_models_provider_id_idx ON app_public.llm_models USING btree (provider_id);

CREATE INDEX rag_knowledge_sources_created_by_user_id_idx ON app_public.rag_knowledge_sources USING btree (created_by_user_id);

CREATE INDEX rag_knowledge_sources_embedding_model_idx ON app_public.rag_knowledge_sources USING btree (embedding_model);

CREATE UNIQUE INDEX rag_knowledge_sources_tenant_id_name_key ON app_public.rag_knowledge_sources USING btree (tenant_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX tenants_account_manager_id_idx ON app_public.tenants USING btree (account_manager_id);

CREATE UNIQUE INDEX tenants_domain_key ON app_public.tenants USING btree (lower(domain));

CREATE UNIQUE INDEX tenants_one_platform_key ON app_public.tenants USING btree (type) WHERE (type = 'platform'::text);

CREATE INDEX tenants_parent_tenant_id_idx ON app_public.tenants USING btree (parent_tenant_id);

CREATE UNIQUE INDEX tenants_slug_key ON app_public.tenants USING btree (slug);

CREATE UNIQUE INDEX user_profiles_email_key ON app_public.user_profiles USING btree (email) WHERE (deleted_at IS NULL);

CREATE INDEX user_tenants_invited_by_user_id_idx ON app_public.user_tenants USING btree (invited_by_user_id);

CREATE INDEX user_tenants_user_id_idx ON app_public.user_tenants USING btree (user_id);

CREATE OR REPLACE VIEW app_public.knowledge_report WITH (security_invoker='true') AS
 SELECT s.tenant_id,
    t.slug AS tenant_slug,
    s.id AS source_id,
    s.name AS source_name,
    s.category,
    s.language,
    s.embedding_model,
    count(d.id) AS document_count,
    count(d.id) FILTER (WHERE (d.processing_status = 'completed'::app_public.processing_status)) AS completed_count,
    count(d.id) FILTER (WHERE (d.processing_status = 'failed'::app_public.processing_status)) AS failed_count,
    COALESCE(sum(d.size_bytes), (0)::numeric) AS size_bytes,
    max(d.created_at) AS last_document_at
   FROM ((app_public.rag_knowledge_sources s
     JOIN app_public.tenants t ON ((t.id = s.tenant_id)))
     LEFT JOIN app_public.documents d ON (((d.tenant_id = s.tenant_id) AND (d.source_id = s.id))))
  WHERE (s.deleted_at IS NULL)
  GROUP BY s.tenant_id, t.slug, s.id;

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.agents FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.documents FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.llm_models FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.llm_providers FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.rag_knowledge_sources FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.user_profiles FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.user_tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_admin_user_id_fkey FOREIGN KEY (admin_user_id) REFERENCES app_public.user_profiles(id);

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.analyst_tenants
    ADD CONSTRAINT analyst_tenants_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.document_files
    ADD CONSTRAINT document_files_tenant_id_document_id_fkey FOREIGN KEY (tenant_id, document_id) REFERENCES app_public.documents(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.search_postings
    ADD CONSTRAINT search_postings_tenant_id_chunk_id_fkey FOREIGN KEY (tenant_id, chunk_id) REFERENCES app_public.document_chunks(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.user_identities
    ADD CONSTRAINT user_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_public.user_profiles(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_model_id_fkey FOREIGN KEY (model_id) REFERENCES app_public.llm_models(id);

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.document_chunks
    ADD CONSTRAINT document_chunks_tenant_id_document_id_fkey FOREIGN KEY (tenant_id, document_id) REFERENCES app_public.documents(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT document_chunks_tenant_id_document_id_fkey ON app_public.document_chunks IS '@fieldName document
@foreignFieldName chunks';

ALTER TABLE ONLY app_public.documents
    ADD CONSTRAINT documents_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL (created_by_user_id);

ALTER TABLE ONLY app_public.documents
    ADD CONSTRAINT documents_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.documents
    ADD CONSTRAINT documents_tenant_id_source_id_fkey FOREIGN KEY (tenant_id, source_id) REFERENCES app_public.rag_knowledge_sources(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT documents_tenant_id_source_id_fkey ON app_public.documents IS '@fieldName source
@foreignFieldName documents';

ALTER TABLE ONLY app_public.embeddings
    ADD CONSTRAINT embeddings_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES app_public.agents(id) ON DELETE SET NULL (agent_id);

ALTER TABLE ONLY app_public.embeddings
    ADD CONSTRAINT embeddings_model_id_fkey FOREIGN KEY (model_id) REFERENCES app_public.llm_models(id);

ALTER TABLE ONLY app_public.embeddings
    ADD CONSTRAINT embeddings_tenant_id_chunk_id_fkey FOREIGN KEY (tenant_id, chunk_id) REFERENCES app_public.document_chunks(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT embeddings_tenant_id_chunk_id_fkey ON app_public.embeddings IS '@fieldName chunk
@foreignFieldName embeddings';

ALTER TABLE ONLY app_public.llm_models
    ADD CONSTRAINT llm_models_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES app_public.llm_providers(id);

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_embedding_model_fkey FOREIGN KEY (embedding_model) REFERENCES app_public.llm_models(name) ON UPDATE CASCADE;

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.tenants
    ADD CONSTRAINT tenants_account_manager_id_fkey FOREIGN KEY (account_manager_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.tenants
    ADD CONSTRAINT tenants_parent_tenant_id_fkey FOREIGN KEY (parent_tenant_id) REFERENCES app_public.tenants(id);

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_invited_by_user_id_fkey FOREIGN KEY (invited_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_public.user_profiles(id) ON DELETE CASCADE;

ALTER TABLE app_private.admin_access_log ENABLE ROW LEVEL SECURITY;

CREATE POLICY all_owner ON app_private.admin_access_log TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.analyst_tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.document_files TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_postings TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.user_identities TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.worker_heartbeats TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.admin_access_log TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.analyst_tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.document_files TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_postings TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.user_identities TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.worker_heartbeats TO rowhouse_platform USING (true) WITH CHECK (true);

ALTER TABLE app_private.analyst_tenants ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.document_files ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_postings ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app_private.admin_access_log AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.analyst_tenants AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.document_files AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_postings AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

ALTER TABLE app_private.user_identities ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.worker_heartbeats ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.agents ENABLE ROW LEVEL SECURITY;

CREATE POLICY all_admin ON app_public.llm_models TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.llm_providers TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.document_chunks TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.documents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.embeddings TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_models TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_providers TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.rag_knowledge_sources TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.user_profiles TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.user_tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.agents TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.document_chunks TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.documents TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.embeddings TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.llm_models TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.llm_providers TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.rag_knowledge_sources TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.user_profiles TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.user_tenants TO rowhouse_platform USING (true) WITH CHECK (true);

ALTER TABLE app_public.document_chunks ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.documents ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.embeddings ENABLE ROW LEVEL SECURITY;

CREATE POLICY insert_member ON app_public.agents FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_role('member'::text) AS has_role));

CREATE POLICY insert_member ON app_public.rag_knowledge_sources FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_role('member'::text) AS has_role));

ALTER TABLE app_public.llm_models ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_providers ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.rag_knowledge_sources ENABLE ROW LEVEL SECURITY;

CREATE POLICY select_analyst ON app_public.documents FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.rag_knowledge_sources FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.tenants FOR SELECT TO rowhouse_analyst USING ((id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_everyone ON app_public.llm_models FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_everyone ON app_public.llm_providers FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.agents FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_role('admin'::text) AS has_role)));

CREATE POLICY select_member ON app_public.document_chunks FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.documents FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.embeddings FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.rag_knowledge_sources FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_role('admin'::text) AS has_role)));

CREATE POLICY select_member ON app_public.tenants FOR SELECT TO rowhouse_user USING ((id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY select_member ON app_public.user_profiles FOR SELECT TO rowhouse_user USING (((id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR (id IN ( SELECT user_tenants.user_id
   FROM app_public.user_tenants))));

CREATE POLICY select_member ON app_public.user_tenants FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY tenant_isolation ON app_public.agents AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.document_chunks AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.documents AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.embeddings AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.rag_knowledge_sources AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.user_tenants AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

ALTER TABLE app_public.tenants ENABLE ROW LEVEL SECURITY;

CREATE POLICY update_admin ON app_public.tenants FOR UPDATE TO rowhouse_user USING (((id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)) AND ( SELECT app_hidden.has_role('admin'::text) AS has_role)));

CREATE POLICY update_member ON app_public.agents FOR UPDATE TO rowhouse_user USING ((( SELECT app_hidden.has_role('member'::text) AS has_role) AND (deleted_at IS NULL)));

CREATE POLICY update_member ON app_public.rag_knowledge_sources FOR UPDATE TO rowhouse_user USING ((( SELECT app_hidden.has_role('member'::text) AS has_role) AND (deleted_at IS NULL)));

CREATE POLICY update_self ON app_public.user_profiles FOR UPDATE TO rowhouse_user USING ((id = ( SELECT app_hidden.current_user_id() AS current_user_id)));

ALTER TABLE app_public.user_profiles ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.user_tenants ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA app_hidden TO rowhouse_platform;
GRANT USAGE ON SCHEMA app_hidden TO rowhouse_worker;
GRANT USAGE ON SCHEMA app_hidden TO rowhouse_authenticator;
GRANT USAGE ON SCHEMA app_hidden TO rowhouse_user;
GRANT USAGE ON SCHEMA app_hidden TO rowhouse_analyst;

GRANT USAGE ON SCHEMA app_private TO rowhouse_platform;
GRANT USAGE ON SCHEMA app_private TO rowhouse_worker;
GRANT USAGE ON SCHEMA app_private TO rowhouse_authenticator;

GRANT USAGE ON SCHEMA app_public TO rowhouse_platform;
GRANT USAGE ON SCHEMA app_public TO rowhouse_worker;
GRANT USAGE ON SCHEMA app_public TO rowhouse_user;
GRANT USAGE ON SCHEMA app_public TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_hidden.analyst_tenant_ids() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.analyst_tenant_ids() TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_hidden.chunks(content text, chunk_size integer, chunk_overlap integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.current_member_role() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.current_member_role() TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.current_member_role() TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.current_tenant_id() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.current_tenant_id() TO rowhouse_authenticator;
GRANT ALL ON FUNCTION app_hidden.current_tenant_id() TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.current_tenant_id() TO rowhouse_worker;
GRANT ALL ON FUNCTION app_hidden.current_tenant_id() TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.current_user_id() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.current_user_id() TO rowhouse_authenticator;
GRANT ALL ON FUNCTION app_hidden.current_user_id() TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.current_user_id() TO rowhouse_worker;
GRANT ALL ON FUNCTION app_hidden.current_user_id() TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.has_role(minimum text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.has_role(minimum text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.has_role(minimum text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.hashing_embedding(content text, dimension integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.is_email(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_email(value text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_email(value text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.is_name(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_name(value text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_name(value text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.is_platform_admin() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_platform_admin() TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_platform_admin() TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.is_slug(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_slug(value text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_slug(value text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.pieces(sentence text, max_length integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.query_embedding_model(embedding_model text, source_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.query_embedding_model(embedding_model text, source_ids uuid[]) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_hidden.search_settings() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.searchable_text(title text, chunk text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.sentences(content text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.text_search_config(language text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.token_count(vector tsvector) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.alive_workers(silent_for interval) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.alive_workers(silent_for interval) TO rowhouse_worker;

REVOKE ALL ON PROCEDURE app_private.assert_secured() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.authenticate(claims jsonb, requested_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.authenticate(claims jsonb, requested_tenant text) TO rowhouse_authenticator;

REVOKE ALL ON FUNCTION app_private.begin_parsing(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.begin_parsing(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.bm25_ranking(terms text[], term_counts integer[], source_ids uuid[], depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.delete_tenant(slug text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.document_error(item jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.embed_builtin(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.embed_builtin(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) TO rowhouse_owner;
GRANT ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.enqueue_stage(stage app_hidden.processing_stage, tenant_id uuid, document_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.enter_tenant(IN tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.fail_documents(tenant_id uuid, document_ids uuid[], stage text, error text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.fail_documents(tenant_id uuid, document_ids uuid[], stage text, error text) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.finish_embedding(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.finish_embedding(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.finish_parsing(tenant_id uuid, document_id uuid, title text, content text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.finish_parsing(tenant_id uuid, document_id uuid, title text, content text, metadata jsonb) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.global_tables() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.grant_analyst_access(login name, tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.identify(claims jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.list_tenants() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.operator_identity(tenant text, email text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.operator_identity(tenant text, email text) TO rowhouse_authenticator;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.user_tenants TO rowhouse_platform;

GRANT SELECT(id) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(tenant_id) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(user_id) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(role) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(status) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(permissions) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(invited_by_user_id) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(joined_at) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(last_accessed_at) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(activated_at) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(deactivated_at) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(metadata) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(created_at) ON TABLE app_public.user_tenants TO rowhouse_user;

GRANT SELECT(updated_at) ON TABLE app_public.user_tenants TO rowhouse_user;

REVOKE ALL ON FUNCTION app_private.provision_member(tenant_id uuid, email text, full_name text, role text) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.tenants TO rowhouse_platform;

GRANT SELECT(id) ON TABLE app_public.tenants TO rowhouse_user;
GRANT SELECT(id) ON TABLE app_public.tenants TO rowhouse_analyst;

GRANT SELECT(slug) ON TABLE app_public.tenants TO rowhouse_user;
GRANT SELECT(slug) ON TABLE app_public.tenants TO rowhouse_analyst;

GRANT SELECT(name),UPDATE(name) ON TABLE app_public.tenants TO rowhouse_user;
GRANT SELECT(name) ON TABLE app_public.tenants TO rowhouse_analyst;

GRANT SELECT(type) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(status) ON TABLE app_public.tenants TO rowhouse_user;
GRANT SELECT(status) ON TABLE app_public.tenants TO rowhouse_analyst;

GRANT SELECT(activated_at) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(deactivated_at) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(suspended_at) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(suspension_reason) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(subscription_tier) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(subscription_status) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(trial_ends_at) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(subscription_started_at) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(subscription_ends_at) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(billing_cycle) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(last_payment_at) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(next_billing_date) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(parent_tenant_id) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(tenant_level) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(tenant_path) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(resource_access_config) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(features) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(config),UPDATE(config) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(quotas) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(domain) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(industry),UPDATE(industry) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(company_size),UPDATE(company_size) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(country_code),UPDATE(country_code) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(timezone),UPDATE(timezone) ON TABLE app_public.tenants TO rowhouse_user;
GRANT SELECT(timezone) ON TABLE app_public.tenants TO rowhouse_analyst;

GRANT SELECT(language_code),UPDATE(language_code) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(hipaa_compliant) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(gdpr_compliant) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(sox_compliant) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(iso_certified) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(compliance_notes) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(primary_contact_email),UPDATE(primary_contact_email) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(primary_contact_name),UPDATE(primary_contact_name) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(primary_contact_phone),UPDATE(primary_contact_phone) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(support_tier) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(account_manager_id) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(last_login_at) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(metadata),UPDATE(metadata) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(created_at) ON TABLE app_public.tenants TO rowhouse_user;

GRANT SELECT(updated_at) ON TABLE app_public.tenants TO rowhouse_user;

REVOKE ALL ON FUNCTION app_private.provision_tenant(slug text, name text, owner_email text, owner_name text, type text) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.rag_knowledge_sources TO rowhouse_platform;

GRANT SELECT(id) ON TABLE app_public.rag_knowledge_sources TO rowhouse_analyst;

GRANT SELECT(tenant_id) ON TABLE app_public.rag_knowledge_sources TO rowhouse_analyst;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;
GRANT SELECT(name) ON TABLE app_public.rag_knowledge_sources TO rowhouse_analyst;

GRANT INSERT(display_name),UPDATE(display_name) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(category),UPDATE(category) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;
GRANT SELECT(category) ON TABLE app_public.rag_knowledge_sources TO rowhouse_analyst;

GRANT INSERT(tags),UPDATE(tags) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(source_type),UPDATE(source_type) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(source_url),UPDATE(source_url) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(source_config),UPDATE(source_config) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(file_path),UPDATE(file_path) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(file_type),UPDATE(file_type) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(file_size_bytes),UPDATE(file_size_bytes) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(page_count),UPDATE(page_count) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(embedding_model),UPDATE(embedding_model) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;
GRANT SELECT(embedding_model) ON TABLE app_public.rag_knowledge_sources TO rowhouse_analyst;

GRANT INSERT(chunk_size),UPDATE(chunk_size) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(chunk_overlap),UPDATE(chunk_overlap) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(language),UPDATE(language) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;
GRANT SELECT(language) ON TABLE app_public.rag_knowledge_sources TO rowhouse_analyst;

GRANT INSERT(vector_store_id),UPDATE(vector_store_id) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(publication_date),UPDATE(publication_date) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(author),UPDATE(author) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(source_organization),UPDATE(source_organization) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(status),UPDATE(status) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(enabled),UPDATE(enabled) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT INSERT(metadata),UPDATE(metadata) ON TABLE app_public.rag_knowledge_sources TO rowhouse_user;

GRANT SELECT(deleted_at) ON TABLE app_public.rag_knowledge_sources TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_private.put_document(source app_public.rag_knowledge_sources, external_id text, title text, content text, file_name text, file_content bytea, media_type text, metadata jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.query_terms(query text, source_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) TO rowhouse_platform;
GRANT ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.release_dead_workers(alive_worker_ids text[], silent_for interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.require_role(minimum text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.resume_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.revoke_analyst_access(login name, tenant_id uuid) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.llm_models TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.llm_models TO rowhouse_admin;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.llm_models TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.search_model(embedding_model text, source_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.searchable_sources(source_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.secure_global_table(IN target regclass) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.secure_tenant_table(IN target regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.security_gaps() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.snippet(content text, terms text[], config regconfig) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.tg__set_updated_at() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__set_updated_at() TO rowhouse_platform;
GRANT ALL ON FUNCTION app_private.tg__set_updated_at() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.vector_ranking(model_id uuid, query_embedding public.vector, source_ids uuid[], depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.writable_source(source_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) TO rowhouse_user;
GRANT ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_public.create_documents(source_id uuid, documents jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.create_documents(source_id uuid, documents jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.create_tenant(slug text, name text, owner_email text, owner_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.create_tenant(slug text, name text, owner_email text, owner_name text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.current_tenant() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.current_tenant() TO rowhouse_user;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.user_profiles TO rowhouse_platform;

GRANT SELECT(id) ON TABLE app_public.user_profiles TO rowhouse_user;

GRANT SELECT(email) ON TABLE app_public.user_profiles TO rowhouse_user;

GRANT SELECT(full_name),UPDATE(full_name) ON TABLE app_public.user_profiles TO rowhouse_user;

GRANT SELECT(avatar_url),UPDATE(avatar_url) ON TABLE app_public.user_profiles TO rowhouse_user;

GRANT SELECT(job_title),UPDATE(job_title) ON TABLE app_public.user_profiles TO rowhouse_user;

GRANT SELECT(department),UPDATE(department) ON TABLE app_public.user_profiles TO rowhouse_user;

GRANT SELECT(organization),UPDATE(organization) ON TABLE app_public.user_profiles TO rowhouse_user;

GRANT SELECT(is_active) ON TABLE app_public.user_profiles TO rowhouse_user;

GRANT SELECT(last_seen_at) ON TABLE app_public.user_profiles TO rowhouse_user;

GRANT SELECT(created_at) ON TABLE app_public.user_profiles TO rowhouse_user;

GRANT SELECT(updated_at) ON TABLE app_public.user_profiles TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.current_user_profile() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.current_user_profile() TO rowhouse_user;

GRANT SELECT ON TABLE app_public.agents TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.agents TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(display_name),UPDATE(display_name) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(avatar_url),UPDATE(avatar_url) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(icon),UPDATE(icon) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(color_scheme),UPDATE(color_scheme) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(badge_text),UPDATE(badge_text) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(badge_color),UPDATE(badge_color) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(sort_order),UPDATE(sort_order) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(status),UPDATE(status) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(tier),UPDATE(tier) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(lifecycle_stage),UPDATE(lifecycle_stage) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(validation_status),UPDATE(validation_status) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(is_active),UPDATE(is_active) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(model_id),UPDATE(model_id) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(system_prompt),UPDATE(system_prompt) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(temperature),UPDATE(temperature) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(max_tokens),UPDATE(max_tokens) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(top_p),UPDATE(top_p) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(frequency_penalty),UPDATE(frequency_penalty) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(presence_penalty),UPDATE(presence_penalty) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(response_format),UPDATE(response_format) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(stop_sequences),UPDATE(stop_sequences) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(streaming_enabled),UPDATE(streaming_enabled) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(function_calling_enabled),UPDATE(function_calling_enabled) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(parallel_function_calls),UPDATE(parallel_function_calls) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(max_retry_attempts),UPDATE(max_retry_attempts) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(timeout_seconds),UPDATE(timeout_seconds) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(primary_category),UPDATE(primary_category) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(subcategory),UPDATE(subcategory) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(specialty),UPDATE(specialty) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(therapeutic_areas),UPDATE(therapeutic_areas) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(regulatory_domains),UPDATE(regulatory_domains) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(industry_focus),UPDATE(industry_focus) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(use_cases),UPDATE(use_cases) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(target_audience),UPDATE(target_audience) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(required_expertise_level),UPDATE(required_expertise_level) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(compliance_frameworks),UPDATE(compliance_frameworks) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(certifications),UPDATE(certifications) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(geographic_scope),UPDATE(geographic_scope) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(knowledge_domains),UPDATE(knowledge_domains) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(tools),UPDATE(tools) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(prompt_templates),UPDATE(prompt_templates) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(context_window_size),UPDATE(context_window_size) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(supports_multimodal),UPDATE(supports_multimodal) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(supported_file_types),UPDATE(supported_file_types) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(max_file_size_mb),UPDATE(max_file_size_mb) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(owner_id),UPDATE(owner_id) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(cost_per_query),UPDATE(cost_per_query) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(billing_code),UPDATE(billing_code) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(budget_allocation_id),UPDATE(budget_allocation_id) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(approval_required),UPDATE(approval_required) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(analytics_enabled),UPDATE(analytics_enabled) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(version),UPDATE(version) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(changelog),UPDATE(changelog) ON TABLE app_public.agents TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.delete_agent(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_agent(id uuid) TO rowhouse_user;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.documents TO rowhouse_platform;

GRANT SELECT(tenant_id) ON TABLE app_public.documents TO rowhouse_user;
GRANT SELECT(tenant_id) ON TABLE app_public.documents TO rowhouse_analyst;

GRANT SELECT(id) ON TABLE app_public.documents TO rowhouse_user;
GRANT SELECT(id) ON TABLE app_public.documents TO rowhouse_analyst;

GRANT SELECT(source_id) ON TABLE app_public.documents TO rowhouse_user;
GRANT SELECT(source_id) ON TABLE app_public.documents TO rowhouse_analyst;

GRANT SELECT(external_id) ON TABLE app_public.documents TO rowhouse_user;

GRANT SELECT(title) ON TABLE app_public.documents TO rowhouse_user;

GRANT SELECT(content) ON TABLE app_public.documents TO rowhouse_user;

GRANT SELECT(media_type) ON TABLE app_public.documents TO rowhouse_user;

GRANT SELECT(size_bytes) ON TABLE app_public.documents TO rowhouse_user;
GRANT SELECT(size_bytes) ON TABLE app_public.documents TO rowhouse_analyst;

GRANT SELECT(metadata) ON TABLE app_public.documents TO rowhouse_user;

GRANT SELECT(processing_status) ON TABLE app_public.documents TO rowhouse_user;
GRANT SELECT(processing_status) ON TABLE app_public.documents TO rowhouse_analyst;

GRANT SELECT(processing_started_at) ON TABLE app_public.documents TO rowhouse_user;

GRANT SELECT(processing_completed_at) ON TABLE app_public.documents TO rowhouse_user;

GRANT SELECT(processing_error) ON TABLE app_public.documents TO rowhouse_user;

GRANT SELECT(created_by_user_id) ON TABLE app_public.documents TO rowhouse_user;

GRANT SELECT(created_at) ON TABLE app_public.documents TO rowhouse_user;
GRANT SELECT(created_at) ON TABLE app_public.documents TO rowhouse_analyst;

GRANT SELECT(updated_at) ON TABLE app_public.documents TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.delete_document(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_document(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.delete_knowledge_source(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_knowledge_source(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.document(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.document(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.documents_chunk_count(document app_public.documents) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.documents_chunk_count(document app_public.documents) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.my_tenants() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.my_tenants() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.rag_knowledge_sources_processing_counts(source app_public.rag_knowledge_sources) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.rag_knowledge_sources_processing_counts(source app_public.rag_knowledge_sources) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.reciprocal_rank_fusion(vector_scores double precision[], text_scores double precision[], k integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.reciprocal_rank_fusion(vector_scores double precision[], text_scores double precision[], k integer) TO rowhouse_user;
GRANT ALL ON FUNCTION app_public.reciprocal_rank_fusion(vector_scores double precision[], text_scores double precision[], k integer) TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_public.reprocess_knowledge_source(source_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.reprocess_knowledge_source(source_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_agent(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_agent(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_knowledge_source(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_knowledge_source(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.retry_document(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.retry_document(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.retry_documents(source_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.retry_documents(source_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.search_hit_document(hit app_public.search_hit) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.search_hit_document(hit app_public.search_hit) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.search_hit_source(hit app_public.search_hit) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.search_hit_source(hit app_public.search_hit) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) TO rowhouse_user;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.admin_access_log TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.analyst_tenants TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.document_files TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_postings TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.user_identities TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.document_chunks TO rowhouse_platform;

GRANT SELECT(tenant_id) ON TABLE app_public.document_chunks TO rowhouse_user;

GRANT SELECT(id) ON TABLE app_public.document_chunks TO rowhouse_user;

GRANT SELECT(source_id) ON TABLE app_public.document_chunks TO rowhouse_user;

GRANT SELECT(document_id) ON TABLE app_public.document_chunks TO rowhouse_user;

GRANT SELECT(ordinal) ON TABLE app_public.document_chunks TO rowhouse_user;

GRANT SELECT(content) ON TABLE app_public.document_chunks TO rowhouse_user;

GRANT SELECT(start_offset) ON TABLE app_public.document_chunks TO rowhouse_user;

GRANT SELECT(end_offset) ON TABLE app_public.document_chunks TO rowhouse_user;

GRANT SELECT(document_length) ON TABLE app_public.document_chunks TO rowhouse_user;

GRANT SELECT(created_at) ON TABLE app_public.document_chunks TO rowhouse_user;

GRANT SELECT ON TABLE app_public.embeddings TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.embeddings TO rowhouse_platform;

GRANT SELECT ON TABLE app_public.knowledge_report TO rowhouse_analyst;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.llm_providers TO rowhouse_admin;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.llm_providers TO rowhouse_platform;

GRANT SELECT(id) ON TABLE app_public.llm_providers TO rowhouse_user;

GRANT SELECT(name) ON TABLE app_public.llm_providers TO rowhouse_user;

GRANT SELECT(display_name) ON TABLE app_public.llm_providers TO rowhouse_user;

GRANT SELECT(kind) ON TABLE app_public.llm_providers TO rowhouse_user;

GRANT SELECT(is_enabled) ON TABLE app_public.llm_providers TO rowhouse_user;

GRANT SELECT(created_at) ON TABLE app_public.llm_providers TO rowhouse_user;

GRANT SELECT(updated_at) ON TABLE app_public.llm_providers TO rowhouse_user;

