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

CREATE TYPE app_private.search_block_bounds AS (
	block_id bigint,
	chunk_count integer,
	common double precision,
	positions integer[],
	rare double precision[]
);

ALTER TYPE app_private.search_block_bounds OWNER TO rowhouse_owner;

COMMENT ON TYPE app_private.search_block_bounds IS 'What a block can contribute to an answer.';

CREATE TYPE app_private.search_cell AS (
	term_number integer,
	block_id bigint,
	document_count integer,
	idf double precision,
	highest_impact integer,
	postings integer[]
);

ALTER TYPE app_private.search_cell OWNER TO rowhouse_owner;

COMMENT ON TYPE app_private.search_cell IS 'What a block has of a term: its bound, and its postings where they are few.';

CREATE TYPE app_private.search_change AS ENUM (
    'added',
    'removed'
);

ALTER TYPE app_private.search_change OWNER TO rowhouse_owner;

COMMENT ON TYPE app_private.search_change IS 'What happened to a chunk.';

CREATE TYPE app_private.search_position AS (
	block_id bigint,
	"position" integer,
	bound double precision
);

ALTER TYPE app_private.search_position OWNER TO rowhouse_owner;

COMMENT ON TYPE app_private.search_position IS 'A chunk''s place in the index and the score it does not exceed.';

CREATE TYPE app_private.search_question AS (
	terms text[],
	weights double precision[],
	written_as text[],
	text_filter tsquery,
	plain text
);

ALTER TYPE app_private.search_question OWNER TO rowhouse_owner;

COMMENT ON TYPE app_private.search_question IS 'A question as it is searched for.';

CREATE TYPE app_private.search_scope AS (
	source_ids uuid[],
	document_ids uuid[],
	text_filter tsquery,
	is_everything boolean,
	chunk_ids bigint[]
);

ALTER TYPE app_private.search_scope OWNER TO rowhouse_owner;

COMMENT ON TYPE app_private.search_scope IS 'Which chunks a search may return.';

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

CREATE TYPE app_public.fusion_method AS ENUM (
    'rrf',
    'convex'
);

ALTER TYPE app_public.fusion_method OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.fusion_method IS 'How hybrid search fuses its two rankings: rrf (by ranks) or convex (by normalised scores).';

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
	snippet text,
	explanation jsonb
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

COMMENT ON COLUMN app_public.search_hit.explanation IS 'Only with explain: chunkCount, averageLength, k1, b and length; terms, each with term, writtenAs (the word it stands for, when it was not written so), weight, df, tf, idf and its part of the BM25 score; in the other modes model, similarity, fusion, vectorWeight and rrfK.';

CREATE TYPE app_public.search_mode AS ENUM (
    'bm25',
    'vector',
    'hybrid'
);

ALTER TYPE app_public.search_mode OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.search_mode IS 'How a search ranks: bm25 (words), vector (nearness of embeddings) or hybrid (both, fused).';

CREATE TYPE app_public.vector_quantization AS ENUM (
    'none',
    'halfvec',
    'binary'
);

ALTER TYPE app_public.vector_quantization OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.vector_quantization IS 'How a vector index stores vectors.';

CREATE FUNCTION app_hidden.analyst_tenant_ids() RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- session_user: who logged in. Nothing a session can set changes it.
  select coalesce(array_agg(tenant_id), '{}') from app_private.analyst_tenants where login = session_user;
$$;

ALTER FUNCTION app_hidden.analyst_tenant_ids() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_hidden.analyst_tenant_ids() IS 'The tenants whose reporting views the login of this session may read.';

CREATE FUNCTION app_hidden.permission_keys() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY['can_create_agents'::text, 'can_edit_agents'::text, 'can_delete_agents'::text, 'can_create_resources'::text, 'can_edit_resources'::text, 'can_delete_resources'::text, 'can_manage_knowledge'::text, 'can_publish_resources'::text, 'can_share_resources'::text, 'can_create_projects'::text, 'can_manage_users'::text, 'can_manage_settings'::text, 'can_manage_tenant'::text, 'can_manage_billing'::text, 'can_view_analytics'::text, 'can_view_audit'::text, 'can_view_subtree'::text];

ALTER FUNCTION app_hidden.permission_keys() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.permission_keys() IS 'All permissions there are. Resources are tools, prompts and workflows; settings are the tenant''s own columns, can_manage_tenant is its life cycle and hierarchy.';

CREATE FUNCTION app_hidden.are_permissions(value jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((jsonb_typeof(value) = 'object'::text) AND (NOT (EXISTS (SELECT FROM jsonb_each(CASE jsonb_typeof(are_permissions.value) WHEN 'object'::text THEN are_permissions.value ELSE '{}'::jsonb END) entry(key, allowed) WHERE ((entry.key <> ALL (app_hidden.permission_keys())) OR (jsonb_typeof(entry.allowed) <> 'boolean'::text))))));

ALTER FUNCTION app_hidden.are_permissions(value jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.are_permissions(value jsonb) IS 'An object of known permissions, each true or false.';

CREATE FUNCTION app_hidden.billing_period(at timestamp with time zone, anchor_on date, timezone text, months integer DEFAULT 1) RETURNS tstzrange
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_local timestamp;
  v_number int;
  v_start timestamptz;
begin
  v_local := billing_period.at at time zone billing_period.timezone;
  v_number := floor(
    ((extract(year from v_local) - extract(year from billing_period.anchor_on)) * 12
     + extract(month from v_local) - extract(month from billing_period.anchor_on)) / billing_period.months);
  v_start := (billing_period.anchor_on + make_interval(months => v_number * billing_period.months)) at time zone billing_period.timezone;
  if v_start > billing_period.at then
    v_number := v_number - 1;
    v_start := (billing_period.anchor_on + make_interval(months => v_number * billing_period.months)) at time zone billing_period.timezone;
  end if;
  return tstzrange(v_start,
    (billing_period.anchor_on + make_interval(months => (v_number + 1) * billing_period.months)) at time zone billing_period.timezone);
end
$$;

ALTER FUNCTION app_hidden.billing_period(at timestamp with time zone, anchor_on date, timezone text, months integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.billing_period(at timestamp with time zone, anchor_on date, timezone text, months integer) IS 'The period that an instant falls into: from local midnight to local midnight, each so many months after the anchor day. 22023: the time zone is unknown.';

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

CREATE FUNCTION app_hidden.clock() RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN (COALESCE(current_setting('rowhouse.clock'::text, true), ''::text) = ''::text) THEN now() WHEN (SELECT pg_roles.rolsuper FROM pg_roles WHERE (pg_roles.rolname = SESSION_USER)) THEN (current_setting('rowhouse.clock'::text, true))::timestamp with time zone ELSE now() END;

ALTER FUNCTION app_hidden.clock() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.clock() IS 'Now: the start of the transaction, or what a superuser''s session set as rowhouse.clock (for tests).';

CREATE FUNCTION app_hidden.current_member_role() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select role from app_public.user_tenants
   where tenant_id = app_hidden.current_tenant_id() and user_id = app_hidden.current_user_id() and status = 'active';
$$;

ALTER FUNCTION app_hidden.current_member_role() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.current_member_role() IS 'Your role in this tenant, null when you are not an active member.';

CREATE FUNCTION app_hidden.current_permissions() RETURNS text[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_permissions text[];
begin
  if app_hidden.is_platform_admin() then
    return app_hidden.permission_keys();
  end if;
  select app_hidden.effective_permissions(role, permissions) into v_permissions
    from app_public.user_tenants
   where tenant_id = app_hidden.current_tenant_id() and user_id = app_hidden.current_user_id() and status = 'active';
  return coalesce(v_permissions, '{}');
end
$$;

ALTER FUNCTION app_hidden.current_permissions() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.current_permissions() IS 'What you may do in this tenant; nothing when you are not an active member, everything for platform staff.';

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

CREATE FUNCTION app_hidden.effective_permissions(role text, permissions jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(array_agg(key order by key), '{}')
    from unnest(app_hidden.permission_keys()) as key
   where coalesce((effective_permissions.permissions ->> key)::boolean,
                  key = any (app_hidden.role_permissions(effective_permissions.role)));
$$;

ALTER FUNCTION app_hidden.effective_permissions(role text, permissions jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.effective_permissions(role text, permissions jsonb) IS 'The permissions of a membership: those of its role, with its own added and taken away.';

CREATE FUNCTION app_hidden.embedding_statistics() RETURNS TABLE(collection_id text, total_documents integer, avg_document_length double precision, term_document_counts jsonb, last_updated timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select app_hidden.current_tenant_id()::text, t.total_docs, t.avg_doc_length,
         (select coalesce(jsonb_object_agg(c.term, c.document_count), '{}') from app_private.term_document_counts() c),
         now()
    from app_private.search_totals() t
   where app_hidden.current_tenant_id() is not null;
$$;

ALTER FUNCTION app_hidden.embedding_statistics() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.embedding_statistics() IS 'The row of app_public.embedding_statistics.';

CREATE FUNCTION app_hidden.has_permission(permission text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select has_permission.permission = any (app_hidden.current_permissions());
$$;

ALTER FUNCTION app_hidden.has_permission(permission text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.has_permission(permission text) IS 'Whether you have this permission (see app_hidden.permission_keys) in this tenant. What policies ask, in a scalar sub-select.';

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

CREATE FUNCTION app_hidden.query_embedding_model(query text, embedding_model text, source_ids uuid[], agent_id uuid, tags text[], category text) RETURNS TABLE(input text, base_url text, api_key_variable text, model_name text, dimension integer, batch_size integer, timeout_ms integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_source_ids uuid[] := app_private.sources_in_scope(
    query_embedding_model.source_ids, query_embedding_model.agent_id, query_embedding_model.tags, query_embedding_model.category);
  v_model app_public.llm_models := app_private.search_model(query_embedding_model.embedding_model, v_source_ids);
begin
  return query
    select (app_private.parse_question(query_embedding_model.query, v_source_ids)).plain,
           p.base_url, p.api_key_variable, v_model.provider_model_name, v_model.dimension, v_model.batch_size, v_model.timeout_ms
      from app_public.llm_providers p
     where p.id = v_model.provider_id and p.kind <> 'builtin';
end
$$;

ALTER FUNCTION app_hidden.query_embedding_model(query text, embedding_model text, source_ids uuid[], agent_id uuid, tags text[], category text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.query_embedding_model(query text, embedding_model text, source_ids uuid[], agent_id uuid, tags text[], category text) IS 'What the server needs to embed a question for these sources, and what of it; nothing when the built-in model does it in SQL. SR402, SR403 as search.';

CREATE FUNCTION app_hidden.rebuild_search_index() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_count int := 0;
  v_merged int;
begin
  -- a merge that is at it now is waited for
  perform pg_advisory_xact_lock(hashtextextended('search_index:' || v_tenant_id, 0));
  delete from app_private.search_blocks b where b.tenant_id = v_tenant_id;
  delete from app_private.search_terms t where t.tenant_id = v_tenant_id;
  delete from app_private.search_changes c where c.tenant_id = v_tenant_id;
  insert into app_private.search_changes (tenant_id, chunk_id, kind, document_length)
  select c.tenant_id, c.id, 'added', c.document_length from app_public.document_chunks c where c.tenant_id = v_tenant_id
  on conflict do nothing;
  loop
    v_merged := app_private.merge_search_index(v_tenant_id, 1);
    exit when v_merged = 0;
    v_count := v_count + v_merged;
  end loop;
  return v_count;
end
$$;

ALTER FUNCTION app_hidden.rebuild_search_index() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.rebuild_search_index() IS 'Builds this tenant''s search index anew from its chunks and returns how many there are. Searches go on with the old index until the transaction ends. Worth it after k1 or b have changed, which makes searches slower, not wrong.';

CREATE FUNCTION app_hidden.role_permissions(role text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case role_permissions.role
    when 'owner' then app_hidden.permission_keys()
    when 'admin' then array(
      select key from unnest(app_hidden.permission_keys()) as key
       where key not in ('can_manage_tenant', 'can_manage_billing'))
    when 'member' then array[
      'can_create_agents', 'can_edit_agents', 'can_create_resources', 'can_edit_resources', 'can_manage_knowledge',
      'can_create_projects']
    else '{}'
  end;
$$;

ALTER FUNCTION app_hidden.role_permissions(role text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.role_permissions(role text) IS 'What a role allows by itself: an owner everything, an admin all but the tenant''s life cycle and billing, a member to create and edit, a viewer to read.';

CREATE FUNCTION app_hidden.search_check() RETURNS TABLE(problem text, chunk_id bigint, term text, expected text, found text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_nestloop TO 'off'
    SET jit TO 'off'
    SET work_mem TO '64MB'
    AS $$
#variable_conflict use_column
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_block_id bigint;
begin
  return query
    select 'the terms are not those of the text', c.id, null::text, e.vector::text, c.content_tsvector::text
      from app_public.document_chunks c
      join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
      join app_public.rag_knowledge_sources s on s.tenant_id = c.tenant_id and s.id = c.source_id
     cross join lateral app_hidden.search_vector(app_hidden.text_search_config(s.language), d.title, c.content) as e (vector)
     where c.tenant_id = v_tenant_id and d.processing_stage = 'done' and e.vector <> c.content_tsvector
    union all
    select 'the length is not that of the terms', c.id, null, app_hidden.token_count(c.content_tsvector)::text, c.document_length::text
      from app_public.document_chunks c
     where c.tenant_id = v_tenant_id and app_hidden.token_count(c.content_tsvector) <> c.document_length;

  -- a chunk is in one block or waits for it, and in nothing else
  return query
    with place as (
      select u.chunk_id from app_private.search_block_chunks b, unnest(b.chunk_ids) as u (chunk_id) where b.tenant_id = v_tenant_id
      union all
      select a.chunk_id from app_private.search_changes a where a.tenant_id = v_tenant_id and a.kind = 'added'
    ), counted as (
      select chunk_id, count(*) as n from place group by chunk_id
    )
    select case when p.n is null then 'the chunk is not in the index' else 'the chunk is in the index more than once' end,
           c.id, null::text, '1', coalesce(p.n, 0)::text
      from app_public.document_chunks c
      left join counted p on p.chunk_id = c.id
     where c.tenant_id = v_tenant_id and p.n is distinct from 1;

  return query
    with actual as (
      select count(*)::int as n, coalesce(avg(c.document_length), 0)::double precision as length
        from app_public.document_chunks c where c.tenant_id = v_tenant_id
    )
    select 'the number of chunks is wrong', null::bigint, null::text, a.n::text, t.total_docs::text
      from actual a, app_private.search_totals() t where t.total_docs <> a.n
    union all
    select 'the average length is wrong', null, null, a.length::text, t.avg_doc_length::text
      from actual a, app_private.search_totals() t where abs(t.avg_doc_length - a.length) > 1e-9 * greatest(1, a.length);

  return query
    with actual as (
      select l.lexeme as term, count(*)::int as n
        from app_public.document_chunks c, unnest(c.content_tsvector) l
       where c.tenant_id = v_tenant_id group by l.lexeme
    )
    select 'the number of chunks with the term is wrong', null::bigint, coalesce(a.term, i.term), coalesce(a.n, 0)::text, coalesce(i.document_count, 0)::text
      from actual a
      full join app_private.term_document_counts() i on i.term = a.term
     where a.n is distinct from i.document_count;

  return query
    select 'the number of places is not that of the chunks', null::bigint, null::text, b.chunk_count::text, coalesce(sum(cardinality(c.chunk_ids)), 0)::text
      from app_private.search_blocks b
      left join app_private.search_block_chunks c on c.tenant_id = b.tenant_id and c.block_id = b.id
     where b.tenant_id = v_tenant_id
     group by b.id, b.chunk_count
    having coalesce(sum(cardinality(c.chunk_ids)), 0) <> b.chunk_count;

  -- block by block, so that it is the postings of one that are in memory
  for v_block_id in select b.id from app_private.search_blocks b where b.tenant_id = v_tenant_id loop
    return query select * from app_private.block_check(v_block_id);
  end loop;
end
$$;

ALTER FUNCTION app_hidden.search_check() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.search_check() IS 'Every difference between this tenant''s texts and its search index, normally none. Reads everything, which takes about as long as building the index: a minute or two for half a million chunks.';

CREATE FUNCTION app_hidden.search_settings() RETURNS TABLE(k1 double precision, b double precision, title_boost double precision, exact_vector_limit integer, log_queries text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select coalesce((config #>> '{search,k1}')::double precision, 1.2),
           coalesce((config #>> '{search,b}')::double precision, 0.75),
           coalesce((config #>> '{search,titleBoost}')::double precision, 2),
           coalesce((config #>> '{search,exactVectorLimit}')::int, 3000),
           coalesce(config #>> '{search,logQueries}', 'hash')
      from app_public.tenants where id = app_hidden.current_tenant_id();
end
$$;

ALTER FUNCTION app_hidden.search_settings() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.search_settings() IS 'How this tenant searches (tenants.config.search), with the defaults filled in.';

CREATE FUNCTION app_hidden.search_vector(config regconfig, title text, chunk text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (setweight(to_tsvector(config, title), 'A'::"char") || to_tsvector(config, chunk));

ALTER FUNCTION app_hidden.search_vector(config regconfig, title text, chunk text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.search_vector(config regconfig, title text, chunk text) IS 'The terms of a chunk headed by its document''s title, whose words have weight A.';

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
    RETURN (SELECT (COALESCE(sum(cardinality(unnest.positions)), (0)::bigint))::integer AS "coalesce" FROM unnest(token_count.vector) unnest(lexeme, positions, weights));

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

CREATE FUNCTION app_private.any_term(terms text[]) RETURNS tsquery
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select string_agg(app_private.tsquery_term(t), ' | ')::tsquery from unnest(any_term.terms) t);
end
$$;

ALTER FUNCTION app_private.any_term(terms text[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.any_term(terms text[]) IS 'A query that a text with at least one of the terms matches.';

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

CREATE FUNCTION app_private.block_bounds(cells app_private.search_cell[], weights double precision[]) RETURNS app_private.search_block_bounds[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return array(
    select (block.id, b.chunk_count, coalesce(block.common, 0), rare.positions, rare.totals)::app_private.search_block_bounds
      from (
        select c.block_id as id, sum(block_bounds.weights[c.term_number] * c.highest_impact) / 32767 as common,
               array_agg(c) filter (where c.postings is not null) as rare_cells
          from unnest(block_bounds.cells) c
         group by c.block_id
      ) block
      join app_private.search_blocks b on b.tenant_id = app_hidden.current_tenant_id() and b.id = block.id
     cross join lateral (
       select array_agg(p.position) as positions, array_agg(p.total) as totals
         from (
           select p >> 15 as position, sum((p & 32767) * block_bounds.weights[c.term_number]) / 32767 as total
             from unnest(block.rare_cells) c, unnest(c.postings) as p
            group by p >> 15
         ) p) rare);
end
$$;

ALTER FUNCTION app_private.block_bounds(cells app_private.search_cell[], weights double precision[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.block_bounds(cells app_private.search_cell[], weights double precision[]) IS 'What each block can contribute. weights: idf · (k1 + 1) · the term''s weight in the question.';

CREATE FUNCTION app_private.block_check(block_id bigint) RETURNS TABLE(problem text, chunk_id bigint, term text, expected text, found text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_nestloop TO 'off'
    SET enable_mergejoin TO 'off'
    SET jit TO 'off'
    SET work_mem TO '64MB'
    AS $$
#variable_conflict use_column
declare
  v_block app_private.search_blocks;
  v_chunk_ids bigint[];
begin
  select * into v_block from app_private.search_blocks b where b.tenant_id = app_hidden.current_tenant_id() and b.id = block_check.block_id;
  select app_private.array_concat(c.chunk_ids order by c.start) into v_chunk_ids
    from app_private.search_block_chunks c where c.tenant_id = v_block.tenant_id and c.block_id = v_block.id;
  return query
    with chunk as materialized (
      select u.position, c.content_tsvector, app_private.search_length_norm(c.document_length, v_block.average_length, v_block.k1, v_block.b) as norm
        from app_private.chunks(v_chunk_ids) c
        join unnest(v_chunk_ids) with ordinality as u (chunk_id, position) on u.chunk_id = c.id
    ), posting as (
      select c.position::int, l.lexeme as term, cardinality(l.positions) / (cardinality(l.positions) + c.norm) as impact
        from chunk c, unnest(c.content_tsvector) l
    ), stored as (
      -- a vector's text, {position:value,position:value}/dimension, has what is not zero
      select split_part(e, ':', 1)::int as position, p.term, split_part(e, ':', 2)::double precision / p.idf / 32767 as impact, p.highest_impact
        from app_private.search_postings p
       cross join string_to_table(split_part(ltrim(p.impacts::text, '{'), '}', 1), ',') as e
       where p.tenant_id = v_block.tenant_id and p.block_id = v_block.id
      union all
      select p >> 15, t.term, (p & 32767) / 32767::double precision, null
        from app_private.search_rare_postings r
       cross join unnest(r.terms, r.ends) with ordinality as t (term, upto, i)
       cross join unnest(r.postings[coalesce(r.ends[t.i - 1], 0) + 1 : t.upto]) as p
       where r.tenant_id = v_block.tenant_id and r.block_id = v_block.id
    )
    select case
             when s.impact is null or s.impact < p.impact * (1 - 1e-5) then 'the posting is missing or too low'
             when p.impact is null then 'the posting has no term in the text'
             else 'the posting exceeds the highest'
           end,
           v_chunk_ids[coalesce(p.position, s.position)], coalesce(p.term, s.term), coalesce(p.impact, 0)::text, coalesce(s.impact, 0)::text
      from posting p
      full join stored s on s.position = p.position and s.term = p.term
     where s.impact is null or s.impact < p.impact * (1 - 1e-5) or s.highest_impact < floor(32767 * p.impact)
        -- of a removed chunk postings are left
        or p.impact is null and s.position in (select c.position from chunk c);
end
$$;

ALTER FUNCTION app_private.block_check(block_id bigint) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.block_check(block_id bigint) IS 'Every difference between a block''s postings and the texts of its chunks.';

CREATE FUNCTION app_private.constant_vector(value double precision, dimension integer) RETURNS public.vector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
declare
  v_vector vector := array_fill(value::real, array[least(125, dimension)])::vector;
begin
  -- by doubling, which is four times as fast as from an array
  while 2 * vector_dims(v_vector) <= dimension loop
    v_vector := v_vector || v_vector;
  end loop;
  if vector_dims(v_vector) < dimension then
    v_vector := v_vector || subvector(v_vector, 1, dimension - vector_dims(v_vector));
  end if;
  return v_vector;
end
$$;

ALTER FUNCTION app_private.constant_vector(value double precision, dimension integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.constant_vector(value double precision, dimension integer) IS 'A vector of one value.';

CREATE AGGREGATE app_private.vector_total(public.vector) (
    SFUNC = public.vector_add,
    STYPE = public.vector,
    PARALLEL = safe
);

ALTER AGGREGATE app_private.vector_total(public.vector) OWNER TO rowhouse_owner;

COMMENT ON AGGREGATE app_private.vector_total(public.vector) IS 'The sum of vectors.';

CREATE TABLE app_private.search_postings (
    tenant_id uuid NOT NULL,
    term text NOT NULL COLLATE pg_catalog."C",
    block_id bigint NOT NULL,
    document_count integer NOT NULL,
    idf double precision NOT NULL,
    highest_impact smallint NOT NULL,
    impacts public.sparsevec NOT NULL
);
ALTER TABLE ONLY app_private.search_postings ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY app_private.search_postings FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_postings OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.search_postings IS 'Terms that at least 64 chunks of a block have: their impacts (idf · tf / (tf + length norm)) by position.';

CREATE FUNCTION app_private.common_total(block_id bigint, chunk_count integer, terms text[], weights double precision[], scale double precision) RETURNS TABLE(total public.vector)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT app_private.vector_total(
         CASE
             WHEN (r.ratio > (0.9)::double precision) THEN (p.impacts)::public.vector
             ELSE ((p.impacts)::public.vector OPERATOR(public.*) app_private.constant_vector(r.ratio, common_total.chunk_count))
         END) AS vector_total
    FROM ((UNNEST(common_total.terms, common_total.weights) q(term, weight)
      CROSS JOIN LATERAL ( SELECT p_1.idf,
             p_1.impacts
            FROM app_private.search_postings p_1
           WHERE ((p_1.tenant_id = app_hidden.current_tenant_id()) AND (p_1.term = (q.term COLLATE "C")) AND (p_1.block_id = common_total.block_id))
          OFFSET 0) p)
      CROSS JOIN LATERAL ( SELECT ((q.weight / p.idf) / common_total.scale) AS ratio) r);
END;

ALTER FUNCTION app_private.common_total(block_id bigint, chunk_count integer, terms text[], weights double precision[], scale double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.common_total(block_id bigint, chunk_count integer, terms text[], weights double precision[], scale double precision) IS 'What the terms that have vectors add up to, by position, in 1/32767 and divided by scale; never below the truth by more than the slack. scale: the largest weight over a stored idf.';

CREATE FUNCTION app_private.block_totals(blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) RETURNS TABLE(block_id bigint, chunk_count integer, total public.vector)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT b.block_id,
     b.chunk_count,
     t.total
    FROM (unnest(block_totals.blocks) b(block_id, chunk_count, common, positions, rare)
      CROSS JOIN LATERAL ( SELECT app_private.vector_total(part.total) AS total
            FROM ( SELECT c.total
                    FROM app_private.common_total(b.block_id, b.chunk_count, block_totals.terms, block_totals.weights, block_totals.scale) c(total)
                 UNION ALL
                  SELECT ((((('{'::text || string_agg(((u."position" || ':'::text) || (((u.total * (32767)::double precision) / block_totals.scale))::real), ','::text)) || '}/'::text) || b.chunk_count))::public.sparsevec)::public.vector AS vector
                    FROM UNNEST(b.positions, b.rare) u("position", total)) part) t)
   WHERE (t.total IS NOT NULL);
END;

ALTER FUNCTION app_private.block_totals(blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.block_totals(blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) IS 'The scores of all chunks of these blocks, as common_total has them, with the rare terms.';

CREATE FUNCTION app_private.bm25_ranking(terms text[], term_weights double precision[], scope app_private.search_scope, depth integer) RETURNS TABLE(chunk_id bigint, score double precision, rank integer)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET jit TO 'off'
    AS $$
#variable_conflict use_column
declare
  v_average_length double precision;
  v_total_docs int;
  v_k1 double precision;
  v_b double precision;
  v_unmerged_ids bigint[] := app_private.unmerged_chunk_ids();
  v_cells app_private.search_cell[] := app_private.search_cells(bm25_ranking.terms);
  v_weights double precision[];
  v_blocks app_private.search_block_bounds[];
  -- by how much the truth can exceed what a block has stored
  v_slack double precision;
  -- vectors are added up without multiplying them by their weights, which takes four times as long: the stored impacts
  -- have the block's own idf in them, and scale is the most by which a weight exceeds it
  v_scale double precision;
  v_wanted double precision := 1.5 * bm25_ranking.depth + 20;
  -- the most that the words with vectors add up to in a block
  v_common double precision;
  v_threshold double precision;
  v_floor double precision;
  v_hits app_private.search_position[];
  v_next int;
  v_step int;
  v_chunk_ids bigint[];
  v_scores double precision[];
  -- the score of the last hit so far, when there are as many as wanted
  v_last double precision;
begin
  select t.total_docs, t.avg_doc_length into v_total_docs, v_average_length from app_private.search_totals() t;
  select s.k1, s.b into v_k1, v_b from app_hidden.search_settings() s;
  v_weights := array(
    select w.weight * (v_k1 + 1) * app_private.search_idf(w.document_count, v_total_docs)
      from unnest(bm25_ranking.term_weights, app_private.document_counts(bm25_ranking.terms, v_cells, v_unmerged_ids)) as w (weight, document_count));

  -- the chunks in scope when they are few, else those that no block has yet, each from its own text
  v_chunk_ids := coalesce((scope).chunk_ids, v_unmerged_ids);
  if cardinality(v_chunk_ids) > 0 then
    select array_agg(s.chunk_id order by s.score desc, s.chunk_id), array_agg(s.score order by s.score desc, s.chunk_id)
      into v_chunk_ids, v_scores
      from app_private.bm25_scores(
        v_chunk_ids, bm25_ranking.terms, v_weights, v_average_length, v_k1, v_b, scope) s;
  end if;

  if (scope).chunk_ids is null and v_cells is not null then
    v_slack := app_private.index_slack(v_average_length, v_k1, v_b);
    v_blocks := app_private.block_bounds(v_cells, v_weights);
    v_scale := coalesce((select max(v_weights[c.term_number] / c.idf) from unnest(v_cells) c), 1);
    v_common := (select max(b.common) from unnest(v_blocks) b);
    -- about what the last hit will score, when as many chunks as are wanted have rare words
    v_threshold := (select 0.98 * r from unnest(v_blocks) b, unnest(b.rare) as r order by r desc limit 1 offset bm25_ranking.depth - 1);
    if v_common <= v_threshold then
      v_hits := array(
        select h from app_private.rare_hits(v_threshold, v_blocks, bm25_ranking.terms, v_weights, v_scale) h order by h.bound desc);
    else
      v_hits := array(
        select (b.block_id, u.position, u.rare + b.common)::app_private.search_position as hit
          from unnest(v_blocks) b, unnest(b.positions, b.rare) as u (position, rare)
         order by u.rare desc limit bm25_ranking.depth + 5);
      v_threshold := case when v_common = 0 then 0 else 'Infinity'::double precision end;
    end if;

    loop
      v_next := 1;
      v_step := bm25_ranking.depth + 5;
      loop
        v_last := v_scores[bm25_ranking.depth];
        exit when v_next > cardinality(v_hits) or v_hits[v_next].bound * v_slack < v_last;
        select array_agg(s.chunk_id order by s.score desc, s.chunk_id), array_agg(s.score order by s.score desc, s.chunk_id)
          into v_chunk_ids, v_scores
          from (
            select id as chunk_id, score from unnest(v_chunk_ids, v_scores) as u (id, score)
            union
            select * from app_private.bm25_scores(
              app_private.chunks_at(v_hits[v_next : v_next + v_step - 1]),
              bm25_ranking.terms, v_weights, v_average_length, v_k1, v_b, scope)
          ) s;
        v_next := v_next + v_step;
        v_step := 2 * v_step;
      end loop;
      -- whatever was left out is stored with the threshold at most, and with less than this it scores less than the last hit
      v_floor := coalesce(v_last / v_slack, 0);
      exit when v_threshold < v_floor or v_threshold = 0;

      -- where many exceed it, a threshold that only some do, by a sample of the chunks: chance decides about fewer than four
      v_threshold := (
        select app_private.threshold(
                 t.total, greatest(4, v_wanted * t.chunk_count / open.chunk_count), v_floor * (1 - 1e-9) * 32767 / v_scale,
                 32767 * (select sum(w) from unnest(v_weights) as w) / v_scale) * v_scale / 32767
          from (
            select sum(b.chunk_count) as chunk_count, array_agg(b order by b.chunk_count desc) as blocks
              from unnest(v_blocks) b where b.common >= v_floor) open
         cross join lateral app_private.block_totals(open.blocks[1:1], bm25_ranking.terms, v_weights, v_scale) t);
      v_threshold := coalesce(v_threshold, v_floor * (1 - 1e-9));
      v_hits := array(
        select h from app_private.hits_above(v_threshold, v_blocks, bm25_ranking.terms, v_weights, v_scale) h order by h.bound desc);
      v_wanted := v_wanted * 6;
    end loop;
  end if;

  return query
    select u.id, u.score, u.rank::int
      from unnest(v_chunk_ids, v_scores) with ordinality as u (id, score, rank)
     where u.rank <= bm25_ranking.depth;
end
$$;

ALTER FUNCTION app_private.bm25_ranking(terms text[], term_weights double precision[], scope app_private.search_scope, depth integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.bm25_ranking(terms text[], term_weights double precision[], scope app_private.search_scope, depth integer) IS 'The best chunks in scope by BM25, exactly; ties go to the smaller id. term_weights: how much each term counts in the question. Statistics are those of the whole tenant.';

CREATE FUNCTION app_private.bm25_scores(chunk_ids bigint[], terms text[], weights double precision[], average_length double precision, k1 double precision, b double precision, scope app_private.search_scope) RETURNS TABLE(chunk_id bigint, score double precision)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_any_term tsquery := app_private.any_term(bm25_scores.terms);
begin
  return query
    select c.id, s.score
      from app_private.chunks(bm25_scores.chunk_ids) c
     cross join lateral (
       select sum(bm25_scores.weights[array_position(bm25_scores.terms, l.lexeme)] * cardinality(l.positions)
                / (cardinality(l.positions) + n.norm)) as score
         from app_private.search_length_norm(c.document_length, bm25_scores.average_length, bm25_scores.k1, bm25_scores.b) as n (norm),
              unnest(c.content_tsvector) l
        where l.lexeme = any (bm25_scores.terms)) s
     where c.content_tsvector @@ v_any_term
       and c.source_id = any ((scope).source_ids)
       and ((scope).text_filter is null or c.content_tsvector @@ (scope).text_filter)
       and ((scope).document_ids is null or c.document_id = any ((scope).document_ids));
end
$$;

ALTER FUNCTION app_private.bm25_scores(chunk_ids bigint[], terms text[], weights double precision[], average_length double precision, k1 double precision, b double precision, scope app_private.search_scope) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.bm25_scores(chunk_ids bigint[], terms text[], weights double precision[], average_length double precision, k1 double precision, b double precision, scope app_private.search_scope) IS 'The exact BM25 score of those of these chunks that are in scope and have a term. weights: idf · (k1 + 1) · the term''s weight in the question.';

CREATE FUNCTION app_private.build_block(chunk_ids bigint[], old_block_ids bigint[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET work_mem TO '128MB'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_average_length double precision := (select t.avg_doc_length from app_private.search_totals() t);
  v_k1 double precision;
  v_b double precision;
  v_count int;
begin
  select s.k1, s.b into v_k1, v_b from app_hidden.search_settings() s;
  -- One statement, so one snapshot: a chunk that is deleted meanwhile is either not in the block and both its changes go,
  -- or it is, and its removal stays for the next merge.
  with batch as materialized (
    select c.id, c.content_tsvector, c.document_length, row_number() over (order by c.id) as position,
           app_private.search_length_norm(c.document_length, v_average_length, v_k1, v_b) as norm
      from app_public.document_chunks c
     where c.tenant_id = v_tenant_id and c.id = any (build_block.chunk_ids)
  ), replaced as (
    delete from app_private.search_blocks b where b.tenant_id = v_tenant_id and b.id = any (build_block.old_block_ids)
  ), merged as (
    delete from app_private.search_changes s where s.tenant_id = v_tenant_id and s.chunk_id = any (build_block.chunk_ids)
  ), block as (
    insert into app_private.search_blocks (
      tenant_id, chunk_count, total_length, min_length, max_length, k1, b, average_length)
    select v_tenant_id, count(*), sum(document_length), min(document_length), max(document_length), v_k1, v_b, v_average_length
      from batch having count(*) > 0
    returning id, chunk_count
  ), place as (
    insert into app_private.search_block_chunks (tenant_id, block_id, start, chunk_ids)
    select v_tenant_id, (select id from block), (position - 1) / 200 * 200, array_agg(id order by position)
      from batch group by (position - 1) / 200
  ), posting as (
    -- impacts in 1/32767, rounded up: a bound must not be below the truth
    select l.lexeme as term,
           c.position::int * 32768 + ceil(32767 * cardinality(l.positions) / (cardinality(l.positions) + c.norm))::int as posting
      from batch c, unnest(c.content_tsvector) l
  ), term as materialized (
    select term, count(*)::int as document_count, array_agg(posting) as postings from posting group by term
  ), frequent as (
    insert into app_private.search_postings (tenant_id, term, block_id, document_count, idf, highest_impact, impacts)
    select v_tenant_id, t.term, b.id, t.document_count, i.idf, s.highest, s.impacts
      from term t, block b, app_private.search_idf(t.document_count, b.chunk_count) as i (idf),
           app_private.sparse_impacts(t.postings, i.idf, b.chunk_count) s
     where t.document_count >= 64
  ), listed as (
    select term, document_count, postings, sum(document_count) over (order by term collate "C") as upto
      from term where document_count < 64
  ), rare as (
    insert into app_private.search_rare_postings (tenant_id, block_id, last_term, terms, ends, postings)
    select v_tenant_id, (select id from block), max(l.term collate "C"), array_agg(l.term order by l.upto),
           array_agg((l.upto - l.start)::smallint order by l.upto),
           app_private.array_concat(l.postings order by l.upto)
      from (select (upto - 1) / 200 as row_number, term, postings, upto,
                   min(upto - document_count) over (partition by (upto - 1) / 200) as start
              from listed) l
     group by l.row_number
  ), vocabulary as (
    insert into app_private.search_terms (tenant_id, term)
    select v_tenant_id, t.term from term t order by t.term collate "C"
    on conflict do nothing
  )
  select count(*) into v_count from batch;
  return v_count;
end
$$;

ALTER FUNCTION app_private.build_block(chunk_ids bigint[], old_block_ids bigint[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.build_block(chunk_ids bigint[], old_block_ids bigint[]) IS 'Makes one block of these chunks, in place of the blocks they were in; returns how many there are.';

CREATE FUNCTION app_private.check_search_arguments(query text, mode app_public.search_mode, "limit" integer, skip integer, rrf_k integer, fusion app_public.fusion_method, metadata jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if check_search_arguments.query is null or check_search_arguments.query !~ '\S' then
    perform app_private.raise_error('SR404', 'The query is empty.', 'Search for at least one word.');
  end if;
  if length(check_search_arguments.query) > 10000 then
    perform app_private.raise_error('SR405', 'The query is longer than 10,000 characters.', 'Search for its essential words.');
  end if;
  if coalesce(check_search_arguments."limit" not between 1 and 1000, true) then
    perform app_private.raise_error('SR406', 'limit must be from 1 to 1000.', 'Ask for fewer hits.');
  end if;
  if coalesce(check_search_arguments.rrf_k not between 1 and 1000000, true) then
    perform app_private.raise_error('SR407', 'rrf_k must be from 1 to 1,000,000.', 'Leave it out for the usual 60.');
  end if;
  if check_search_arguments.mode is null then
    perform app_private.raise_error('SR408', 'mode must be bm25, vector or hybrid.', 'Leave it out for hybrid.');
  end if;
  if coalesce(check_search_arguments.skip not between 0 and 9000, true) then
    perform app_private.raise_error('SR413', 'skip must be from 0 to 9000.', 'Nobody reads that far: narrow the question.');
  end if;
  if check_search_arguments.fusion is null then
    perform app_private.raise_error('SR414', 'fusion must be rrf or convex.', 'Leave it out for rrf.');
  end if;
  if jsonb_typeof(check_search_arguments.metadata) <> 'object' then
    perform app_private.raise_error('SR415', 'metadata must be an object.', 'Filter by {"key": value}.');
  end if;
end
$$;

ALTER FUNCTION app_private.check_search_arguments(query text, mode app_public.search_mode, "limit" integer, skip integer, rrf_k integer, fusion app_public.fusion_method, metadata jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.check_search_arguments(query text, mode app_public.search_mode, "limit" integer, skip integer, rrf_k integer, fusion app_public.fusion_method, metadata jsonb) IS 'Refuses arguments that are out of range: SR404 to SR408, SR413 to SR415.';

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
             app_hidden.search_vector(v_document.config, v_document.title, c.chunk) as v (vector)
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
ALTER TABLE ONLY app_public.document_chunks ALTER COLUMN tenant_id SET STATISTICS 0;

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

COMMENT ON COLUMN app_public.document_chunks.content_tsvector IS '@behavior -*
The document''s title (weight A) and the chunk, as the text-search configuration of the source''s language reads them.';

COMMENT ON COLUMN app_public.document_chunks.document_length IS 'Length for BM25: tokens of content_tsvector.';

COMMENT ON COLUMN app_public.document_chunks.created_at IS 'When it was cut.';

CREATE FUNCTION app_private.chunks(ids bigint[]) RETURNS TABLE(id bigint, source_id uuid, document_id uuid, content_tsvector tsvector, document_length integer)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT c.id,
     c.source_id,
     c.document_id,
     c.content_tsvector,
     c.document_length
    FROM (unnest(chunks.ids) u(id)
      CROSS JOIN LATERAL ( SELECT d.id,
             d.source_id,
             d.document_id,
             d.content_tsvector,
             d.document_length
            FROM app_public.document_chunks d
           WHERE ((d.tenant_id = app_hidden.current_tenant_id()) AND (d.id = u.id))
          OFFSET 0) c);
END;

ALTER FUNCTION app_private.chunks(ids bigint[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.chunks(ids bigint[]) IS 'Those of these chunks that this tenant has, each as often as it is named.';

CREATE FUNCTION app_private.chunks_at(hits app_private.search_position[]) RETURNS bigint[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return array(
    select b.chunk_ids[h.position - b.start]
      from unnest(chunks_at.hits) h
     cross join lateral (
       select b.chunk_ids, b.start from app_private.search_block_chunks b
        where b.tenant_id = app_hidden.current_tenant_id() and b.block_id = h.block_id and b.start = (h.position - 1) / 200 * 200
       offset 0) b);
end
$$;

ALTER FUNCTION app_private.chunks_at(hits app_private.search_position[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.chunks_at(hits app_private.search_position[]) IS 'The chunks at these positions.';

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

CREATE FUNCTION app_private.document_counts(terms text[], cells app_private.search_cell[], unmerged_ids bigint[]) RETURNS integer[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  -- not in the query, which would read it anew for each chunk
  v_any_term tsquery := app_private.any_term(document_counts.terms);
begin
  return (
    with found as (
      select c.term_number as i, c.document_count as n from unnest(document_counts.cells) c
      union all
      select array_position(document_counts.terms, r.term), -r.document_count
        from app_private.search_removals r
       where r.tenant_id = app_hidden.current_tenant_id() and r.term = any (document_counts.terms)
      union all
      select array_position(document_counts.terms, l.lexeme), 1
        from app_private.chunks(document_counts.unmerged_ids) c
       cross join unnest(c.content_tsvector) l
       where c.content_tsvector @@ v_any_term and l.lexeme = any (document_counts.terms)
      union all
      select array_position(document_counts.terms, l.lexeme), -1
        from app_private.pending_removals() r, unnest(r.terms) l
       where l.lexeme = any (document_counts.terms)
      union all
      select i, 0 from generate_subscripts(document_counts.terms, 1) i
    )
    select array_agg(counted.n order by counted.i) from (select i, sum(n)::int as n from found group by i) counted);
end
$$;

ALTER FUNCTION app_private.document_counts(terms text[], cells app_private.search_cell[], unmerged_ids bigint[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.document_counts(terms text[], cells app_private.search_cell[], unmerged_ids bigint[]) IS 'For each term, in its order: in how many chunks of this tenant it occurs, as of this snapshot.';

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

CREATE FUNCTION app_private.exact_vector_ranking(model_id uuid, query_embedding public.vector, scope app_private.search_scope, depth integer) RETURNS TABLE(chunk_id bigint, score double precision)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select e.chunk_id, 1 - (e.embedding <=> exact_vector_ranking.query_embedding) as score
      from app_public.embeddings e
     where e.tenant_id = app_hidden.current_tenant_id() and e.model_id = exact_vector_ranking.model_id
       and ((scope).chunk_ids is null or e.chunk_id = any ((scope).chunk_ids))
       and ((scope).is_everything or exists (
         select from app_public.document_chunks c
          where c.tenant_id = e.tenant_id and c.id = e.chunk_id and c.source_id = any ((scope).source_ids)
            and ((scope).text_filter is null or c.content_tsvector @@ (scope).text_filter)
            and ((scope).document_ids is null or c.document_id = any ((scope).document_ids))
         offset 0))
     order by score desc, e.chunk_id
     limit exact_vector_ranking.depth;
end
$$;

ALTER FUNCTION app_private.exact_vector_ranking(model_id uuid, query_embedding public.vector, scope app_private.search_scope, depth integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.exact_vector_ranking(model_id uuid, query_embedding public.vector, scope app_private.search_scope, depth integer) IS 'The nearest chunks in scope by cosine similarity, by comparing with every vector.';

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
    vector_quantization app_public.vector_quantization DEFAULT 'none'::app_public.vector_quantization NOT NULL,
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

COMMENT ON COLUMN app_public.llm_models.vector_quantization IS 'How the model''s vector index stores vectors: none (4 bytes a dimension, up to 2,000 dimensions), halfvec (2 bytes, up to 4,000) or binary (1 bit). The whole vectors decide the order of what it finds. npm run eval shows what is lost.';

COMMENT ON COLUMN app_public.llm_models.batch_size IS 'Texts sent in one request, 1 to 2,048.';

COMMENT ON COLUMN app_public.llm_models.timeout_ms IS 'Milliseconds until a request is given up, 100 to 600,000.';

COMMENT ON COLUMN app_public.llm_models.max_retries IS 'How often a failed request is tried again, 0 to 20.';

COMMENT ON COLUMN app_public.llm_models.is_enabled IS 'Whether it may be used.';

COMMENT ON COLUMN app_public.llm_models.created_at IS 'When it was added.';

COMMENT ON COLUMN app_public.llm_models.updated_at IS 'When it last changed.';

CREATE FUNCTION app_private.explained(hits app_public.search_hit[], question app_private.search_question, mode app_public.search_mode, fusion app_public.fusion_method, rrf_k integer, model app_public.llm_models) RETURNS app_public.search_hit[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_total_docs int;
  v_average_length double precision;
  v_k1 double precision;
  v_b double precision;
  v_frequencies int[];
  v_hit app_public.search_hit;
  v_explained app_public.search_hit[] := '{}';
begin
  select t.total_docs, t.avg_doc_length into v_total_docs, v_average_length from app_private.search_totals() t;
  select s.k1, s.b into v_k1, v_b from app_hidden.search_settings() s;
  v_frequencies := app_private.document_counts(
    (question).terms, app_private.search_cells((question).terms), app_private.unmerged_chunk_ids());
  foreach v_hit in array explained.hits loop
    v_hit.explanation := jsonb_build_object(
      'chunkCount', v_total_docs, 'averageLength', v_average_length, 'k1', v_k1, 'b', v_b,
      'length', (select c.document_length from app_public.document_chunks c
                  where c.tenant_id = app_hidden.current_tenant_id() and c.id = v_hit.chunk_id),
      'terms', (
        select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                 'term', t.term, 'writtenAs', t.written_as, 'weight', t.weight, 'df', f.n, 'tf', cardinality(l.positions),
                 'idf', app_private.search_idf(f.n, v_total_docs),
                 'score', t.weight * app_public.bm25_score(cardinality(l.positions), f.n, v_total_docs, c.document_length, v_average_length, v_k1, v_b)))
                 order by t.i), '[]')
          from unnest((question).terms, (question).weights, (question).written_as) with ordinality as t (term, weight, written_as, i)
          join unnest(v_frequencies) with ordinality as f (n, i) using (i)
          join app_public.document_chunks c on c.tenant_id = app_hidden.current_tenant_id() and c.id = v_hit.chunk_id
          join unnest(c.content_tsvector) l on l.lexeme = t.term));
    if explained.mode <> 'bm25' then
      v_hit.explanation := v_hit.explanation || jsonb_build_object('model', (model).name, 'similarity', v_hit.vector_score);
    end if;
    if explained.mode = 'hybrid' then
      v_hit.explanation := v_hit.explanation || jsonb_build_object('fusion', explained.fusion, 'vectorWeight', (model).fusion_weight)
        || case when explained.fusion = 'rrf' then jsonb_build_object('rrfK', explained.rrf_k) else '{}' end;
    end if;
    v_explained := v_explained || v_hit;
  end loop;
  return v_explained;
end
$$;

ALTER FUNCTION app_private.explained(hits app_public.search_hit[], question app_private.search_question, mode app_public.search_mode, fusion app_public.fusion_method, rrf_k integer, model app_public.llm_models) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.explained(hits app_public.search_hit[], question app_private.search_question, mode app_public.search_mode, fusion app_public.fusion_method, rrf_k integer, model app_public.llm_models) IS 'The hits with how their scores came about.';

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

CREATE FUNCTION app_private.fused_score(fusion app_public.fusion_method, vector_weight double precision, rrf_k integer, bm25_rank integer, vector_rank integer, bm25_score double precision, vector_score double precision, highest_bm25_score double precision, lowest_vector_score double precision, highest_vector_score double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE fusion WHEN 'rrf'::app_public.fusion_method THEN (COALESCE(((1)::double precision / ((rrf_k + bm25_rank))::double precision), (0)::double precision) + COALESCE((vector_weight / ((rrf_k + vector_rank))::double precision), (0)::double precision)) ELSE ((COALESCE((bm25_score / NULLIF(highest_bm25_score, (0)::double precision)), (0)::double precision) + (vector_weight * COALESCE(((vector_score - lowest_vector_score) / NULLIF((highest_vector_score - lowest_vector_score), (0)::double precision)), (CASE WHEN (vector_score IS NOT NULL) THEN 1 ELSE NULL::integer END)::double precision, (0)::double precision))) / ((1)::double precision + vector_weight)) END;

ALTER FUNCTION app_private.fused_score(fusion app_public.fusion_method, vector_weight double precision, rrf_k integer, bm25_rank integer, vector_rank integer, bm25_score double precision, vector_score double precision, highest_bm25_score double precision, lowest_vector_score double precision, highest_vector_score double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.fused_score(fusion app_public.fusion_method, vector_weight double precision, rrf_k integer, bm25_rank integer, vector_rank integer, bm25_score double precision, vector_score double precision, highest_bm25_score double precision, lowest_vector_score double precision, highest_vector_score double precision) IS 'rrf: 1 / (k + rank) by words plus the weighted one by vectors (Cormack, Clarke and Büttcher, 2009). convex: the weighted mean of both scores brought to 0..1, BM25 from 0 and similarity from the lowest of its ranking (Bruch, Gai and Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, 2023).';

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

CREATE FUNCTION app_private.has_many_vectors(model_id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_limit int := (select s.exact_vector_limit from app_hidden.search_settings() s);
begin
  return (
    select count(*) > v_limit
      from (select from app_public.embeddings e
             where e.tenant_id = app_hidden.current_tenant_id() and e.model_id = has_many_vectors.model_id limit v_limit + 1) as counted);
end
$$;

ALTER FUNCTION app_private.has_many_vectors(model_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.has_many_vectors(model_id uuid) IS 'Whether this tenant has more vectors of the model than are compared one by one.';

CREATE FUNCTION app_private.hits_above(threshold double precision, blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) RETURNS SETOF app_private.search_position
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
declare
  -- as the vectors have it
  v_threshold double precision := threshold * 32767 / scale;
  -- adding up a block costs as much as scoring some eight chunks from their texts
  v_open app_private.search_block_bounds[] := array(
    select b from unnest(hits_above.blocks) b
     where b.common > hits_above.threshold
        or (select count(*) from unnest(b.rare) as r where r + b.common > hits_above.threshold) > 8);
  v_dimension int := (select max(b.chunk_count) from unnest(v_open) b);
  v_floor vector := app_private.constant_vector(v_threshold, v_dimension);
begin
  return query
    select b.block_id, u.position, u.rare + b.common
      from unnest(hits_above.blocks) b, unnest(b.positions, b.rare) as u (position, rare)
     where u.rare + b.common > hits_above.threshold
       and b.block_id <> all (array(select o.block_id from unnest(v_open) o))
    union all
    select scored.block_id, hit.position,
           (v_threshold + vector_norm(subvector(scored.excess, hit.position, 1))) * hits_above.scale / 32767
      from (
        select block.block_id, block.excess, binary_quantize(block.excess) as bits
          from (
            select t.block_id, t.total - case when t.chunk_count = v_dimension then v_floor else subvector(v_floor, 1, t.chunk_count) end as excess
              from app_private.block_totals(v_open, hits_above.terms, hits_above.weights, hits_above.scale) t
            offset 0) block
        offset 0) scored
     -- before each one there are as many zeros as positions
     cross join lateral (
       select (sum(length(p.gap) + 1) over (order by p.n))::int as position
         from string_to_table(scored.bits::text, '1') with ordinality as p (gap, n)
        where p.n <= bit_count(scored.bits)) hit
     where bit_count(scored.bits) > 0;
end
$$;

ALTER FUNCTION app_private.hits_above(threshold double precision, blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.hits_above(threshold double precision, blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) IS 'The positions that may score more than the threshold, as far as stored impacts tell.';

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
  v_count int;
begin
  call app_private.enter_tenant(index_documents.tenant_id);
  update app_public.documents d
     set processing_stage = 'done', processing_status = 'completed', processing_error = null, processing_completed_at = clock_timestamp()
   where d.tenant_id = index_documents.tenant_id and d.id = any (index_documents.document_ids)
     and d.processing_stage = 'index' and d.processing_status <> 'failed';
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

ALTER FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) IS 'Completes documents whose chunks are searchable by words and have their vectors; returns how many.';

CREATE FUNCTION app_private.index_slack(average_length double precision, k1 double precision, b double precision) RETURNS double precision
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    -- (tf + stored norm) / (tf + norm) lies between its value at tf = 1 and 1 and is monotonic in the length, so its
    -- extremes are at the ends; single precision adds less than 1e-5
    select 1.00001 * max(greatest(1,
             (1 + app_private.search_length_norm(block.min_length, block.average_length, block.k1, block.b))
               / (1 + app_private.search_length_norm(block.min_length, index_slack.average_length, index_slack.k1, index_slack.b)),
             (1 + app_private.search_length_norm(block.max_length, block.average_length, block.k1, block.b))
               / (1 + app_private.search_length_norm(block.max_length, index_slack.average_length, index_slack.k1, index_slack.b))))
      from app_private.search_blocks block
     where block.tenant_id = app_hidden.current_tenant_id());
end
$$;

ALTER FUNCTION app_private.index_slack(average_length double precision, k1 double precision, b double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.index_slack(average_length double precision, k1 double precision, b double precision) IS 'How many times at most a true impact exceeds a stored one, now that the average length, k1 or b are others; null when there is no block.';

CREATE FUNCTION app_private.indexed_vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) RETURNS TABLE(chunk_id bigint, score double precision)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET "hnsw.iterative_scan" TO 'relaxed_order'
    SET "hnsw.ef_search" TO '200'
    SET "hnsw.max_scan_tuples" TO '200000'
    AS $_$
declare
  -- a quantised distance only proposes; the whole vector decides
  v_proposals int := indexed_vector_ranking.depth
    * case (model).vector_quantization when 'binary' then 10 when 'halfvec' then 2 else 1 end;
begin
  return query execute format(
    'select proposal.chunk_id, 1 - (proposal.embedding <=> $1)
       from (
         select e.chunk_id, e.embedding
           from app_public.embeddings e
          where e.model_id = %L and e.tenant_id = $2
            and (($3).is_everything or exists (
              select from app_public.document_chunks c
               where c.tenant_id = e.tenant_id and c.id = e.chunk_id and c.source_id = any (($3).source_ids)
                 and (($3).text_filter is null or c.content_tsvector @@ ($3).text_filter)
                 and (($3).document_ids is null or c.document_id = any (($3).document_ids))
              offset 0))
          order by %s %s %s
          limit $4) proposal
      order by 2 desc, 1
      limit $5',
    (model).id, app_private.vector_expression(model, 'e.embedding'),
    case (model).vector_quantization when 'binary' then '<~>' else '<=>' end,
    app_private.vector_expression(model, '$1'))
  using indexed_vector_ranking.query_embedding, app_hidden.current_tenant_id(), scope, v_proposals, indexed_vector_ranking.depth;
end
$_$;

ALTER FUNCTION app_private.indexed_vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.indexed_vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) IS 'The nearest chunks in scope by cosine similarity as the model''s index finds them, which may miss some; those it finds are in exact order.';

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

CREATE FUNCTION app_private.log_query(query text, keep text, mode app_public.search_mode, agent_id uuid, started_at timestamp with time zone, hits app_public.search_hit[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- a standby and a read-only transaction can search, but not write
  if current_setting('transaction_read_only')::boolean or app_hidden.current_tenant_id() is null then
    return;
  end if;
  insert into app_private.query_log_buffer (
    tenant_id, created_at, user_id, agent_id, mode, query_text, query_hash, latency_ms, hit_count,
    source_ids, source_hit_counts, source_relevances)
  select app_hidden.current_tenant_id(), log_query.started_at, app_hidden.current_user_id(), log_query.agent_id, log_query.mode,
         case when log_query.keep = 'text' then log_query.query end,
         -- the tenant is part of what is hashed, so that hashes of different tenants say nothing about each other
         case when log_query.keep = 'hash' then sha256(convert_to(app_hidden.current_tenant_id() || lower(regexp_replace(trim(log_query.query), '\s+', ' ', 'g')), 'UTF8')) end,
         extract(epoch from clock_timestamp() - log_query.started_at) * 1000, cardinality(log_query.hits),
         coalesce(array_agg(s.source_id order by s.source_id), '{}'), coalesce(array_agg(s.hits order by s.source_id), '{}'),
         coalesce(array_agg(s.relevance order by s.source_id), '{}')
    from (
      select h.source_id, count(*)::int as hits, avg(h.relevance) as relevance
        from (select source_id, score / nullif(max(score) over (), 0) as relevance from unnest(log_query.hits)) h
       group by h.source_id
    ) s;
end
$$;

ALTER FUNCTION app_private.log_query(query text, keep text, mode app_public.search_mode, agent_id uuid, started_at timestamp with time zone, hits app_public.search_hit[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.log_query(query text, keep text, mode app_public.search_mode, agent_id uuid, started_at timestamp with time zone, hits app_public.search_hit[]) IS 'Writes a search down: the question as text, as a hash or not at all, as tenants.config.search.logQueries says.';

CREATE FUNCTION app_private.merge_candidates(chunk_count integer) RETURNS bigint[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_block record;
  v_size int := merge_candidates.chunk_count;
  v_block_ids bigint[] := '{}';
begin
  for v_block in
    select b.id, b.chunk_count - b.removed_count as live, b.removed_count * 4 > b.chunk_count as is_worn
      from app_private.search_blocks b
     where b.tenant_id = app_hidden.current_tenant_id()
     order by live, b.id
  loop
    -- a block is merged into one at least half again as large, so that a chunk is merged a handful of times in all
    if v_size + v_block.live <= 16000 and (v_block.is_worn or (v_size > 0 and v_block.live <= 2 * v_size)) then
      v_size := v_size + v_block.live;
      v_block_ids := v_block_ids || v_block.id;
    end if;
  end loop;
  return v_block_ids;
end
$$;

ALTER FUNCTION app_private.merge_candidates(chunk_count integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.merge_candidates(chunk_count integer) IS 'The blocks to merge with this many new chunks: those that are not much larger, and those of which a quarter is removed.';

CREATE FUNCTION app_private.merge_is_due(tenant_id uuid, minimum integer DEFAULT 1000) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  call app_private.enter_tenant(merge_is_due.tenant_id);
  return (
    select count(*) from (
      select from app_private.search_changes c where c.tenant_id = merge_is_due.tenant_id limit merge_is_due.minimum) as pending
  ) >= merge_is_due.minimum;
end
$$;

ALTER FUNCTION app_private.merge_is_due(tenant_id uuid, minimum integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.merge_is_due(tenant_id uuid, minimum integer) IS 'Whether a tenant''s search index has at least this many changes to merge.';

CREATE FUNCTION app_private.merge_removals() RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with removal as (
    delete from app_private.search_changes c using app_private.pending_removals() r
     where c.tenant_id = r.tenant_id and c.chunk_id = r.chunk_id and c.kind = 'removed'
    returning c.tenant_id, c.chunk_id, c.document_length, c.terms
  ), located as (
    select b.block_id, r.document_length, r.terms
      from app_private.search_block_chunks b, unnest(b.chunk_ids) as u (chunk_id)
      join removal r on r.chunk_id = u.chunk_id
     where b.tenant_id = app_hidden.current_tenant_id()
  ), counted as (
    update app_private.search_blocks b
       set removed_count = b.removed_count + l.chunks, total_length = b.total_length - l.length
      from (select block_id, count(*) as chunks, sum(document_length) as length from located group by block_id) l
     where b.tenant_id = app_hidden.current_tenant_id() and b.id = l.block_id
  )
  insert into app_private.search_removals as r (tenant_id, term, block_id, document_count)
  select app_hidden.current_tenant_id(), t.lexeme, l.block_id, count(*)
    from located l, unnest(l.terms) t
   group by t.lexeme, l.block_id
  on conflict (tenant_id, term, block_id) do update set document_count = r.document_count + excluded.document_count;
$$;

ALTER FUNCTION app_private.merge_removals() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.merge_removals() IS 'Counts removed chunks out of the blocks that have them. Their postings stay until the block is merged again; a search does not find their chunks.';

CREATE FUNCTION app_private.merge_search_index(tenant_id uuid, minimum integer DEFAULT 1000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_added bigint[];
  v_block_ids bigint[];
begin
  call app_private.enter_tenant(merge_search_index.tenant_id);
  -- one merge at a time for a tenant; whoever comes second has nothing to do
  if not pg_try_advisory_xact_lock(hashtextextended('search_index:' || merge_search_index.tenant_id, 0)) then
    return 0;
  end if;
  if not app_private.merge_is_due(merge_search_index.tenant_id, merge_search_index.minimum) then
    return 0;
  end if;

  perform app_private.merge_removals();
  v_added := array(
    select c.chunk_id from app_private.search_changes c
     where c.tenant_id = merge_search_index.tenant_id and c.kind = 'added'
     order by c.chunk_id limit 16000);
  v_block_ids := app_private.merge_candidates(cardinality(v_added));
  if cardinality(v_added) = 0 and cardinality(v_block_ids) = 0 then
    return 1;
  end if;
  perform app_private.build_block(
    v_added || array(
      select u.chunk_id from app_private.search_block_chunks b, unnest(b.chunk_ids) as u (chunk_id)
       where b.tenant_id = merge_search_index.tenant_id and b.block_id = any (v_block_ids)),
    v_block_ids);
  return greatest(cardinality(v_added), 1);
end
$$;

ALTER FUNCTION app_private.merge_search_index(tenant_id uuid, minimum integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.merge_search_index(tenant_id uuid, minimum integer) IS 'Folds up to 16,000 changes of a tenant into blocks when at least minimum wait; returns how many, 0 when there was nothing to do or another merge is at it.';

CREATE FUNCTION app_private.models_to_index(minimum integer DEFAULT 10000) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select m.id
    from app_public.llm_models m
   where m.kind = 'embedding' and m.is_enabled
     and not (select app_private.vector_index_is_ready(m.id))
     and exists (select from app_private.vector_index_statements(m.id))
     and exists (select from app_public.embeddings e where e.model_id = m.id offset models_to_index.minimum)
   order by m.id;
$$;

ALTER FUNCTION app_private.models_to_index(minimum integer) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.models_to_index(minimum integer) IS 'The embedding models that have more than this many vectors, of all tenants, and no vector index.';

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

CREATE FUNCTION app_private.parse_question(query text, source_ids uuid[], title_boost double precision DEFAULT 1) RETURNS app_private.search_question
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_question app_private.search_question;
  v_configs regconfig[] := array(
    select distinct app_hidden.text_search_config(s.language) from app_private.searchable_sources(parse_question.source_ids) s order by 1);
  v_config regconfig;
  v_token record;
  v_reading tsquery;
  v_condition tsquery;
  v_bare text := '';
  v_known jsonb := '{}';
  v_unknown text[];
begin
  v_question.plain := '';
  for v_token in
    select m[1] = '-' as is_excluded, m[2] is not null as is_title, trim(both '"' from m[3]) as text,
           m[3] like '"%' as is_phrase, m[3] ~ '^[^"*]+[*]+$' as is_prefix
      from regexp_matches(parse_question.query, '(-?)(title:)?("[^"]*"|[^\s"]+)', 'gi') as m
  loop
    v_condition := null;
    if v_token.is_excluded or v_token.is_title or v_token.is_phrase then
      -- a text is read in its source's language, so it is enough that one reading matches
      foreach v_config in array v_configs loop
        v_reading := app_private.text_condition(v_config, v_token.text, v_token.is_title);
        v_condition := coalesce(v_condition || v_reading, v_reading);
      end loop;
      if numnode(v_condition) > 0 then
        v_condition := case when v_token.is_excluded then !!v_condition else v_condition end;
        v_question.text_filter := coalesce(v_question.text_filter && v_condition, v_condition);
      end if;
    end if;
    if v_token.is_excluded then
      continue;
    end if;

    v_question.plain := v_question.plain || ' ' || rtrim(v_token.text, '*');
    if v_token.is_prefix then
      v_known := app_private.with_terms(v_known, app_private.terms_with_prefix(lower(rtrim(v_token.text, '*'))), 1, v_token.text);
    elsif v_token.is_title or v_token.is_phrase then
      foreach v_config in array v_configs loop
        v_known := app_private.with_terms(v_known, tsvector_to_array(to_tsvector(v_config, v_token.text)),
                                          case when v_token.is_title then parse_question.title_boost else 1 end, null);
      end loop;
    else
      v_bare := v_bare || ' ' || v_token.text;
    end if;
  end loop;

  -- a word said twice counts twice
  select v_known || coalesce(jsonb_object_agg(
           w.term, jsonb_build_object('weight', coalesce((v_known #>> array[w.term, 'weight'])::double precision, 0) + w.frequency)), '{}')
    into v_known
    from (select l.lexeme as term, max(cardinality(l.positions)) as frequency
            from unnest(v_configs) as c (config), unnest(to_tsvector(c.config, v_bare)) as l group by l.lexeme) w;
  v_unknown := app_private.unknown_terms(array(select jsonb_object_keys(v_known)));
  select v_known || coalesce(jsonb_object_agg(s.similar_term, jsonb_build_object('weight', s.similarity, 'writtenAs', s.unknown)), '{}')
    into v_known
    from (select distinct on (s.similar_term) s.similar_term, s.similarity, u as unknown
            from unnest(v_unknown) as u, app_private.similar_terms(u) s
           where not v_known ? s.similar_term
           order by s.similar_term, s.similarity desc, u) s;

  select array_agg(e.key order by e.key collate "C"),
         array_agg((e.value ->> 'weight')::double precision order by e.key collate "C"),
         array_agg(e.value ->> 'writtenAs' order by e.key collate "C")
    into v_question.terms, v_question.weights, v_question.written_as
    from jsonb_each(v_known) e;
  if cardinality(v_question.terms) > 1024 then
    perform app_private.raise_error('SR416', 'The query stands for more than 1,024 different words.', 'Search for its essential words; a prefix* counts as all the words it stands for.');
  end if;
  v_question.plain := trim(v_question.plain);
  return v_question;
end
$_$;

ALTER FUNCTION app_private.parse_question(query text, source_ids uuid[], title_boost double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.parse_question(query text, source_ids uuid[], title_boost double precision) IS 'Reads a question in every language of the sources it goes to. terms is null when it says nothing but stop words or exclusions. SR416: too many words.';

CREATE TABLE app_private.search_changes (
    tenant_id uuid NOT NULL,
    chunk_id bigint NOT NULL,
    kind app_private.search_change NOT NULL,
    document_length integer NOT NULL,
    terms tsvector,
    CONSTRAINT removed_chunk_keeps_its_terms CHECK (((kind = 'removed'::app_private.search_change) = (terms IS NOT NULL)))
);

ALTER TABLE ONLY app_private.search_changes FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_changes OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.search_changes IS 'Chunks that came or went since the last merge; searched from their own terms.';

CREATE FUNCTION app_private.pending_removals() RETURNS SETOF app_private.search_changes
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select r.* from app_private.search_changes r
     where r.tenant_id = app_hidden.current_tenant_id() and r.kind = 'removed'
       -- offset 0: looked up one by one, never joined (see unmerged_chunk_ids)
       and not exists (
         select from app_private.search_changes a
          where a.tenant_id = r.tenant_id and a.chunk_id = r.chunk_id and a.kind = 'added' offset 0);
end
$$;

ALTER FUNCTION app_private.pending_removals() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.pending_removals() IS 'Chunks that are in a block and were removed since the last merge.';

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
    CONSTRAINT permissions_are_known_and_boolean CHECK (app_hidden.are_permissions(permissions)),
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
    CONSTRAINT search_exact_vector_limit_is_in_range CHECK ((((config #> '{search,exactVectorLimit}'::text[]) IS NULL) OR (((config #>> '{search,exactVectorLimit}'::text[]) ~ '^[0-9]{1,9}$'::text) AND (jsonb_typeof((config #> '{search,exactVectorLimit}'::text[])) = 'number'::text)))),
    CONSTRAINT search_k1_is_in_range CHECK ((((config #> '{search,k1}'::text[]) IS NULL) OR ((jsonb_typeof((config #> '{search,k1}'::text[])) = 'number'::text) AND ((config #> '{search,k1}'::text[]) >= '0'::jsonb) AND ((config #> '{search,k1}'::text[]) <= '10'::jsonb)))),
    CONSTRAINT search_log_queries_is_known CHECK ((((config #> '{search,logQueries}'::text[]) IS NULL) OR ((config #> '{search,logQueries}'::text[]) = ANY (ARRAY['"hash"'::jsonb, '"text"'::jsonb, '"none"'::jsonb])))),
    CONSTRAINT search_title_boost_is_in_range CHECK ((((config #> '{search,titleBoost}'::text[]) IS NULL) OR ((jsonb_typeof((config #> '{search,titleBoost}'::text[])) = 'number'::text) AND ((config #> '{search,titleBoost}'::text[]) >= '0'::jsonb) AND ((config #> '{search,titleBoost}'::text[]) <= '100'::jsonb)))),
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

COMMENT ON COLUMN app_public.tenants.config IS 'Settings: an object. search.k1 (0 to 10, default 1.2) and search.b (0 to 1, default 0.75) are BM25''s parameters; search.titleBoost (0 to 100, default 2) is how much a title: word counts; up to search.exactVectorLimit vectors (default 3000) are compared one by one; search.logQueries (hash, text or none; default hash) is what is kept of a question.';

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

CREATE FUNCTION app_private.question_vector(model app_public.llm_models, question app_private.search_question, query_embedding public.vector) RETURNS public.vector
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
declare
  v_embedding vector := question_vector.query_embedding;
begin
  if v_embedding is null and (select p.kind = 'builtin' from app_public.llm_providers p where p.id = (model).provider_id) then
    v_embedding := app_hidden.hashing_embedding((question).plain, (model).dimension);
  end if;
  if v_embedding is null then
    perform app_private.raise_error('SR409', format('The model %s is not in the database, so SQL cannot embed the query.', (model).name),
      'Search over GraphQL, or give query_embedding, or use mode bm25.');
  end if;
  if vector_dims(v_embedding) <> (model).dimension then
    perform app_private.raise_error('SR410', format('query_embedding has %s dimensions, and the model %s has %s.',
      vector_dims(v_embedding), (model).name, (model).dimension), 'Embed the query with the same model as the sources.');
  end if;
  if vector_norm(v_embedding) = 0 then
    perform app_private.raise_error('SR411', 'query_embedding is the zero vector, which has no direction.', 'Embed the query again.');
  end if;
  return v_embedding;
end
$$;

ALTER FUNCTION app_private.question_vector(model app_public.llm_models, question app_private.search_question, query_embedding public.vector) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.question_vector(model app_public.llm_models, question app_private.search_question, query_embedding public.vector) IS 'The vector of a question: the one given, or the built-in model''s. SR409: only a server can embed it; SR410: dimensions differ; SR411: it is zero.';

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

CREATE FUNCTION app_private.rare_hits(threshold double precision, blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) RETURNS SETOF app_private.search_position
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
begin
  return query
    with block as materialized (
      select b.*, b.common > 0 and (select count(*) from unnest(b.rare) as r where r + b.common > rare_hits.threshold) > 3 as is_worth_it
        from unnest(rare_hits.blocks) b
    )
    select b.block_id, u.position, u.rare + b.common
      from block b, unnest(b.positions, b.rare) as u (position, rare)
     where not b.is_worth_it and u.rare + b.common > rare_hits.threshold
    union all
    -- one vector costs as much as scoring three chunks from their texts
    select * from (
      select b.block_id, u.position, u.rare + vector_norm(subvector(c.total, u.position, 1)) * rare_hits.scale / 32767 as bound
        from block b
       cross join lateral app_private.common_total(b.block_id, b.chunk_count, rare_hits.terms, rare_hits.weights, rare_hits.scale) c
       cross join lateral unnest(b.positions, b.rare) as u (position, rare)
       where b.is_worth_it and u.rare + b.common > rare_hits.threshold
      offset 0) refined
     where refined.bound > rare_hits.threshold;
end
$$;

ALTER FUNCTION app_private.rare_hits(threshold double precision, blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.rare_hits(threshold double precision, blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) IS 'The positions with a rare term that may score more than the threshold, as far as stored impacts tell.';

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

CREATE FUNCTION app_private.require_permission(permission text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not app_hidden.has_permission(require_permission.permission) then
    perform app_private.raise_error('ID203', 'Your permissions in this tenant do not allow this.',
      format('Ask an owner of the tenant for the permission %s.', require_permission.permission));
  end if;
end
$$;

ALTER FUNCTION app_private.require_permission(permission text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.require_permission(permission text) IS 'ID203 unless you have this permission in this tenant.';

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

CREATE FUNCTION app_private.scope_of(source_ids uuid[] DEFAULT NULL::uuid[], document_ids uuid[] DEFAULT NULL::uuid[], created_after timestamp with time zone DEFAULT NULL::timestamp with time zone, created_before timestamp with time zone DEFAULT NULL::timestamp with time zone, metadata jsonb DEFAULT NULL::jsonb, text_filter tsquery DEFAULT NULL::tsquery) RETURNS app_private.search_scope
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  -- up to here, scoring one by one costs less than the blocks do
  v_few constant int := 1000;
  v_scope app_private.search_scope;
  v_source_count int := (select count(*) from app_public.rag_knowledge_sources s where s.tenant_id = app_hidden.current_tenant_id());
begin
  v_scope.source_ids := coalesce(scope_of.source_ids, app_private.sources_in_scope(null, null, null, null));
  v_scope.text_filter := scope_of.text_filter;
  if num_nonnulls(scope_of.document_ids, scope_of.created_after, scope_of.created_before, scope_of.metadata) > 0 then
    v_scope.document_ids := array(
      select d.id from app_public.documents d
       where d.tenant_id = app_hidden.current_tenant_id()
         and d.source_id = any (v_scope.source_ids)
         and (scope_of.document_ids is null or d.id = any (scope_of.document_ids))
         and (scope_of.created_after is null or d.created_at >= scope_of.created_after)
         and (scope_of.created_before is null or d.created_at < scope_of.created_before)
         and (scope_of.metadata is null or d.metadata @> scope_of.metadata));
    v_scope.chunk_ids := array(
      select c.id from app_public.document_chunks c
       where c.tenant_id = app_hidden.current_tenant_id() and c.document_id = any (v_scope.document_ids)
         and c.source_id = any (v_scope.source_ids)
       limit v_few + 1);
  elsif cardinality(v_scope.source_ids) < v_source_count then
    v_scope.chunk_ids := array(
      select c.id from app_public.document_chunks c
       where c.tenant_id = app_hidden.current_tenant_id() and c.source_id = any (v_scope.source_ids)
       limit v_few + 1);
  end if;
  v_scope.is_everything := v_scope.document_ids is null and v_scope.text_filter is null
    and cardinality(v_scope.source_ids) = v_source_count;
  if cardinality(v_scope.chunk_ids) > v_few then
    v_scope.chunk_ids := null;
  end if;
  return v_scope;
end
$$;

ALTER FUNCTION app_private.scope_of(source_ids uuid[], document_ids uuid[], created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, text_filter tsquery) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.scope_of(source_ids uuid[], document_ids uuid[], created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, text_filter tsquery) IS 'What a search with these filters may return; without any, all that this tenant can search.';

CREATE FUNCTION app_private.search_cells(terms text[]) RETURNS app_private.search_cell[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    with block as materialized (
      select b.id from app_private.search_blocks b where b.tenant_id = app_hidden.current_tenant_id()
    ), term as materialized (
      select t.term, t.i::int, f.cells, f.block_ids
        from unnest(search_cells.terms) with ordinality as t (term, i)
       cross join lateral (
         select array_agg((t.i, p.block_id, p.document_count, p.idf, p.highest_impact, null)::app_private.search_cell) as cells,
                coalesce(array_agg(p.block_id), '{}') as block_ids
           from app_private.search_postings p
          where p.tenant_id = app_hidden.current_tenant_id() and p.term = t.term collate "C") f
    )
    select array_agg(found.cell)
      from (
        select c::app_private.search_cell as cell from term t, unnest(t.cells) c
        union all
        select (t.i, b.id, cardinality(u.postings), null, null, u.postings)::app_private.search_cell
          from term t
          join block b on b.id <> all (t.block_ids)
         cross join lateral (
           select r.terms, r.ends, r.postings from app_private.search_rare_postings r
            where r.tenant_id = app_hidden.current_tenant_id() and r.block_id = b.id and r.last_term >= t.term collate "C"
            order by r.last_term limit 1) r
         -- offset 0: looked for once, not wherever it is used
         cross join lateral (select array_position(r.terms, t.term collate "C") as at offset 0) a
         cross join lateral (
           select r.postings[coalesce(r.ends[a.at - 1], 0) + 1 : r.ends[a.at]] as postings
            where a.at is not null
           offset 0) u
      ) found);
end
$$;

ALTER FUNCTION app_private.search_cells(terms text[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.search_cells(terms text[]) IS 'The terms in the blocks that have them.';

CREATE FUNCTION app_private.search_idf(document_count integer, total_docs integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ln(((1)::double precision + ((((total_docs - document_count))::double precision + (0.5)::double precision) / ((document_count)::double precision + (0.5)::double precision))));

ALTER FUNCTION app_private.search_idf(document_count integer, total_docs integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.search_idf(document_count integer, total_docs integer) IS 'Lucene''s inverse document frequency: ln(1 + (N - df + 0.5) / (df + 0.5)).';

CREATE FUNCTION app_private.search_length_norm(document_length integer, average_length double precision, k1 double precision, b double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (k1 * (((1)::double precision - b) + COALESCE(((b * (document_length)::double precision) / NULLIF(average_length, (0)::double precision)), (0)::double precision)));

ALTER FUNCTION app_private.search_length_norm(document_length integer, average_length double precision, k1 double precision, b double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.search_length_norm(document_length integer, average_length double precision, k1 double precision, b double precision) IS 'What BM25 adds to a term''s frequency in its denominator: k1 · (1 - b + b · length / average length).';

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

CREATE FUNCTION app_private.search_totals() RETURNS TABLE(total_docs integer, avg_doc_length double precision)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    with part as (
      select b.chunk_count - b.removed_count as chunks, b.total_length as length
        from app_private.search_blocks b where b.tenant_id = app_hidden.current_tenant_id()
      union all
      -- a chunk that came and went again adds nothing
      select count(*) filter (where c.kind = 'added') - count(*) filter (where c.kind = 'removed'),
             sum(case c.kind when 'added' then c.document_length else -c.document_length end)
        from app_private.search_changes c where c.tenant_id = app_hidden.current_tenant_id()
    )
    select coalesce(sum(chunks), 0)::int, coalesce(sum(length) / nullif(sum(chunks), 0), 0)::double precision from part;
end
$$;

ALTER FUNCTION app_private.search_totals() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.search_totals() IS 'How many chunks this tenant has and how long they are on average, as of this snapshot.';

CREATE FUNCTION app_private.searchable_sources(source_ids uuid[]) RETURNS SETOF app_public.rag_knowledge_sources
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select s.*
      from app_public.rag_knowledge_sources s
     where s.tenant_id = app_hidden.current_tenant_id()
       and s.enabled and s.status = 'active' and s.deleted_at is null
       and (searchable_sources.source_ids is null or s.id = any (searchable_sources.source_ids));
end
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

CREATE FUNCTION app_private.similar_terms(term text) RETURNS TABLE(similar_term text, similarity double precision)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  select term, similarity
    from (
      select t.term, similarity(t.term, similar_terms.term)::double precision as similarity
        from app_private.search_terms t
       where t.tenant_id = app_hidden.current_tenant_id() and t.term % similar_terms.term
         and length(t.term) between 4 and 40 and t.term !~ '[0-9]'
      union
      select u, similarity(u, similar_terms.term)::double precision
        from app_private.unmerged_terms() u
       where u % similar_terms.term and length(u) between 4 and 40 and u !~ '[0-9]'
    ) found
   where similarity >= 0.4
   order by similarity desc, term limit 3;
$$;

ALTER FUNCTION app_private.similar_terms(term text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.similar_terms(term text) IS 'Up to three words of the vocabulary that share at least 0.4 of their trigrams with this one.';

CREATE FUNCTION app_private.snippet(content text, terms text[], config regconfig) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    -- the text is escaped before it is marked, so that a document cannot smuggle markup into a page
    select case
      when cardinality(snippet.terms) > 0 then
        ts_headline(snippet.config, escaped.text, app_private.any_term(snippet.terms),
          'StartSel=<mark>, StopSel=</mark>, MaxFragments=2, MaxWords=30, MinWords=12, FragmentDelimiter=" … "')
      else left(escaped.text, 200)
    end
    from (select replace(replace(replace(snippet.content, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')) as escaped (text));
end
$$;

ALTER FUNCTION app_private.snippet(content text, terms text[], config regconfig) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.snippet(content text, terms text[], config regconfig) IS 'The part of a text that shows the terms, as HTML: escaped, the terms in <mark>.';

CREATE FUNCTION app_private.sources_in_scope(source_ids uuid[], agent_id uuid, tags text[], category text) RETURNS uuid[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select array(
      select s.id from app_private.searchable_sources(sources_in_scope.source_ids) s
       where (sources_in_scope.tags is null or s.tags && sources_in_scope.tags)
         and (sources_in_scope.category is null or s.category = sources_in_scope.category)
         and (sources_in_scope.agent_id is null or exists (
           select from app_public.agent_knowledge_sources a
            where a.tenant_id = s.tenant_id and a.agent_id = sources_in_scope.agent_id and a.source_id = s.id))
       order by s.id));
end
$$;

ALTER FUNCTION app_private.sources_in_scope(source_ids uuid[], agent_id uuid, tags text[], category text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.sources_in_scope(source_ids uuid[], agent_id uuid, tags text[], category text) IS 'The sources a search goes to: of these, of this agent, with any of the tags, of the category.';

CREATE FUNCTION app_private.sparse_impacts(postings integer[], idf double precision, dimension integer, OUT highest integer, OUT impacts public.sparsevec) RETURNS record
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_elements text;
begin
  -- whole numbers, which are read twice as fast as fractions and added up without rounding
  select max(p & 32767), string_agg((p >> 15) || ':' || ceil((p & 32767) * sparse_impacts.idf)::int, ',')
    into highest, v_elements
    from unnest(sparse_impacts.postings) p;
  impacts := ('{' || v_elements || '}/' || sparse_impacts.dimension)::public.sparsevec;
end
$$;

ALTER FUNCTION app_private.sparse_impacts(postings integer[], idf double precision, dimension integer, OUT highest integer, OUT impacts public.sparsevec) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.sparse_impacts(postings integer[], idf double precision, dimension integer, OUT highest integer, OUT impacts public.sparsevec) IS 'A vector over the positions of a block: impact times idf, rounded up, and 0 where the term does not occur; and the highest impact.';

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

CREATE FUNCTION app_private.store_query_logs() RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with moved as (
    delete from app_private.query_log_buffer returning *
  ), stored as (
    insert into app_public.query_logs (
      tenant_id, created_at, user_id, agent_id, mode, query_text, query_hash, latency_ms, hit_count,
      source_ids, source_hit_counts, source_relevances)
    -- a tenant may have been deleted since
    select m.* from moved m where exists (select from app_public.tenants t where t.id = m.tenant_id)
     order by m.created_at
  ), counted as (
    insert into app_private.source_query_statistics as s (tenant_id, source_id, query_count, hit_count, relevance_sum, last_queried_at)
    select m.tenant_id, u.source_id, count(*), sum(u.hit_count), sum(u.relevance * u.hit_count), max(m.created_at)
      from moved m, unnest(m.source_ids, m.source_hit_counts, m.source_relevances) as u (source_id, hit_count, relevance)
      join app_public.rag_knowledge_sources k on k.id = u.source_id
     where k.tenant_id = m.tenant_id
     group by m.tenant_id, u.source_id
     order by m.tenant_id, u.source_id
    on conflict (tenant_id, source_id) do update
       set query_count = s.query_count + excluded.query_count, hit_count = s.hit_count + excluded.hit_count,
           relevance_sum = s.relevance_sum + excluded.relevance_sum, last_queried_at = greatest(s.last_queried_at, excluded.last_queried_at)
  )
  select count(*)::int from moved;
$$;

ALTER FUNCTION app_private.store_query_logs() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.store_query_logs() IS 'Moves what searches wrote into the buffer to query_logs and counts it for each source; returns how many searches. Each is moved once: the row''s lock decides between two workers.';

CREATE FUNCTION app_private.tenants_to_merge(minimum integer DEFAULT 1000) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select tenant_id from app_private.search_changes group by tenant_id having count(*) >= tenants_to_merge.minimum order by tenant_id;
$$;

ALTER FUNCTION app_private.tenants_to_merge(minimum integer) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tenants_to_merge(minimum integer) IS 'The tenants whose search index has at least this many changes to merge.';

CREATE FUNCTION app_private.term_document_counts() RETURNS TABLE(term text, document_count integer)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select found.term, sum(found.n)::int
    from (
      select p.term, p.document_count as n from app_private.search_postings p where p.tenant_id = app_hidden.current_tenant_id()
      union all
      select u.term, u.upto - coalesce(lag(u.upto) over (partition by r.block_id, r.last_term order by u.i), 0)
        from app_private.search_rare_postings r, unnest(r.terms, r.ends) with ordinality as u (term, upto, i)
       where r.tenant_id = app_hidden.current_tenant_id()
      union all
      select r.term, -r.document_count from app_private.search_removals r where r.tenant_id = app_hidden.current_tenant_id()
      union all
      select l.lexeme, 1
        from app_private.chunks(app_private.unmerged_chunk_ids()) c, unnest(c.content_tsvector) l
      union all
      select l.lexeme, -1 from app_private.pending_removals() r, unnest(r.terms) l
    ) as found (term, n)
   group by found.term
  having sum(found.n) <> 0;
$$;

ALTER FUNCTION app_private.term_document_counts() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.term_document_counts() IS 'In how many chunks of this tenant each term of the vocabulary occurs, from the index.';

CREATE FUNCTION app_private.terms_with_prefix(prefix text) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array(
    select term from (
      select t.term from app_private.search_terms t
       where t.tenant_id = app_hidden.current_tenant_id()
         and t.term >= terms_with_prefix.prefix collate "C" and t.term < (terms_with_prefix.prefix || chr(1114111)) collate "C"
      union
      select u from app_private.unmerged_terms() u where starts_with(u, terms_with_prefix.prefix)
    ) found
    -- the nearest to what was typed
    order by length(term), term collate "C" limit 64);
$$;

ALTER FUNCTION app_private.terms_with_prefix(prefix text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.terms_with_prefix(prefix text) IS 'The 64 shortest words of the vocabulary that begin so.';

CREATE FUNCTION app_private.text_condition(config regconfig, text text, is_title boolean) RETURNS tsquery
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when text_condition.is_title
    -- the title's words have weight A (app_hidden.search_vector)
    then coalesce((
      select string_agg(app_private.tsquery_term(l.lexeme) || ':A', ' & ')
        from unnest(to_tsvector(text_condition.config, text_condition.text)) l), '')::tsquery
    else phraseto_tsquery(text_condition.config, text_condition.text) end;
$$;

ALTER FUNCTION app_private.text_condition(config regconfig, text text, is_title boolean) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.text_condition(config regconfig, text text, is_title boolean) IS 'What a text in this language must match to have these words, one after the other or in its title; empty for stop words.';

CREATE FUNCTION app_private.tg__drop_search_index() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from app_private.search_changes where tenant_id = old.id;
  delete from app_private.search_terms where tenant_id = old.id;
  return null;
end
$$;

ALTER FUNCTION app_private.tg__drop_search_index() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg__drop_search_index() IS 'Removes what a deleted tenant has left in the tables that have no foreign key, because checking one for each row would cost more than writing it.';

CREATE FUNCTION app_private.tg__list_added_chunks() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into app_private.search_changes (tenant_id, chunk_id, kind, document_length)
  select tenant_id, id, 'added', document_length from added_chunks;
  return null;
end
$$;

ALTER FUNCTION app_private.tg__list_added_chunks() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg__list_added_chunks() IS 'Makes new chunks searchable at once, until a merge takes them into a block.';

CREATE FUNCTION app_private.tg__list_removed_chunks() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into app_private.search_changes (tenant_id, chunk_id, kind, document_length, terms)
  select c.tenant_id, c.id, 'removed', c.document_length, c.content_tsvector
    from removed_chunks c
   -- of a tenant that is deleted nothing is left to search
   where exists (select from app_public.tenants t where t.id = c.tenant_id);
  return null;
end
$$;

ALTER FUNCTION app_private.tg__list_removed_chunks() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg__list_removed_chunks() IS 'Takes removed chunks out of what is searched and counted, at once.';

CREATE FUNCTION app_private.tg__refuse_chunk_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.raise_error('SR901', 'A chunk is never rewritten.', 'Delete it and insert the new one.');
  return null;
end
$$;

ALTER FUNCTION app_private.tg__refuse_chunk_change() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg__refuse_chunk_change() IS 'Keeps chunks as they were indexed. SR901.';

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

CREATE FUNCTION app_private.threshold(scores public.vector, wanted double precision, lowest double precision, highest double precision) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
declare
  v_low double precision := threshold.lowest;
  v_high double precision := threshold.highest;
  v_middle double precision := threshold.lowest;
  v_dimension int := vector_dims(threshold.scores);
begin
  -- ten halvings are finer than the scores of a sample lie apart
  for i in 0..10 loop
    if bit_count(binary_quantize(threshold.scores - app_private.constant_vector(v_middle, v_dimension))) >= threshold.wanted then
      v_low := v_middle;
    elsif i = 0 then
      exit;
    else
      v_high := v_middle;
    end if;
    v_middle := (v_low + v_high) / 2;
  end loop;
  return v_low;
end
$$;

ALTER FUNCTION app_private.threshold(scores public.vector, wanted double precision, lowest double precision, highest double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.threshold(scores public.vector, wanted double precision, lowest double precision, highest double precision) IS 'A score that at least so many of these exceed, as high as ten halvings from the highest find it; the lowest when there are not so many.';

CREATE FUNCTION app_private.tsquery_term(term text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((''''::text || replace(replace(term, '\'::text, '\\'::text), ''''::text, ''''''::text)) || ''''::text);

ALTER FUNCTION app_private.tsquery_term(term text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tsquery_term(term text) IS 'A lexeme as it is written in a tsquery.';

CREATE FUNCTION app_private.unknown_terms(terms text[]) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_unmerged_ids bigint[] := app_private.unmerged_chunk_ids();
begin
  return (
    select array(
      select t from unnest(unknown_terms.terms) t
       where length(t) between 4 and 40 and t !~ '[0-9]'
         and not exists (
           select from app_private.search_terms v where v.tenant_id = app_hidden.current_tenant_id() and v.term = t collate "C")
         and not exists (
           select from app_private.chunks(v_unmerged_ids) c
            where c.content_tsvector @@ app_private.tsquery_term(t)::tsquery)));
end
$$;

ALTER FUNCTION app_private.unknown_terms(terms text[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.unknown_terms(terms text[]) IS 'Those of the words, of 4 to 40 letters, that this tenant''s texts do not have.';

CREATE FUNCTION app_private.unmerged_chunk_ids() RETURNS bigint[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return array(
    select a.chunk_id from app_private.search_changes a
     where a.tenant_id = app_hidden.current_tenant_id() and a.kind = 'added');
end
$$;

ALTER FUNCTION app_private.unmerged_chunk_ids() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.unmerged_chunk_ids() IS 'The chunks that no block has yet; some may be deleted since.';

CREATE FUNCTION app_private.unmerged_terms() RETURNS SETOF text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    -- after a large load the latest are enough to read words from
    select distinct l.lexeme
      from app_private.chunks(array(
             select chunk_id from app_private.search_changes
              where tenant_id = app_hidden.current_tenant_id() and kind = 'added'
              order by chunk_id desc limit 2000)) c,
           unnest(c.content_tsvector) l;
end
$$;

ALTER FUNCTION app_private.unmerged_terms() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.unmerged_terms() IS 'The vocabulary of the chunks that no block has yet.';

CREATE FUNCTION app_private.vector_expression(model app_public.llm_models, argument text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select case (model).vector_quantization
      when 'binary' then format('public.binary_quantize(%s)::bit(%s)', vector_expression.argument, (model).dimension)
      when 'halfvec' then format('%s::public.halfvec(%s)', vector_expression.argument, (model).dimension)
      else format('%s::public.vector(%s)', vector_expression.argument, (model).dimension)
    end);
end
$$;

ALTER FUNCTION app_private.vector_expression(model app_public.llm_models, argument text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.vector_expression(model app_public.llm_models, argument text) IS 'The SQL of a vector as the model''s index has it.';

CREATE FUNCTION app_private.vector_index_is_ready(model_id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select exists (
      select from pg_index i
       where i.indexrelid = to_regclass('app_public.' || quote_ident(app_private.vector_index_name(vector_index_is_ready.model_id)))
         and i.indisvalid));
end
$$;

ALTER FUNCTION app_private.vector_index_is_ready(model_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.vector_index_is_ready(model_id uuid) IS 'Whether the model has a vector index that is built to its end.';

CREATE FUNCTION app_private.vector_index_name(model_id uuid) RETURNS name
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((('embeddings_'::text || replace((model_id)::text, '-'::text, ''::text)) || '_hnsw'::text))::name;

ALTER FUNCTION app_private.vector_index_name(model_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.vector_index_name(model_id uuid) IS 'The name of a model''s vector index.';

CREATE FUNCTION app_private.vector_index_statements(model_id uuid) RETURNS TABLE(drop_statement text, create_statement text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- HNSW holds up to 2,000 dimensions, 4,000 of halfvec, 64,000 bits
  select format('drop index concurrently if exists app_public.%I', app_private.vector_index_name(m.id)),
         format('create index concurrently %I on app_public.embeddings using hnsw ((%s) %s) where model_id = %L',
           app_private.vector_index_name(m.id), app_private.vector_expression(m, 'embedding'),
           case m.vector_quantization when 'binary' then 'public.bit_hamming_ops' when 'halfvec' then 'public.halfvec_cosine_ops'
             else 'public.vector_cosine_ops' end, m.id)
    from app_public.llm_models m
   where m.id = vector_index_statements.model_id and m.kind = 'embedding'
     and m.dimension <= case m.vector_quantization when 'binary' then 64000 when 'halfvec' then 4000 else 2000 end;
$$;

ALTER FUNCTION app_private.vector_index_statements(model_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.vector_index_statements(model_id uuid) IS 'The statements that build a model''s vector index anew; nothing when its vectors are too long for one, see vector_quantization.';

CREATE FUNCTION app_private.vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) RETURNS TABLE(chunk_id bigint, score double precision, rank integer)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_chunk_ids bigint[];
  v_scores double precision[];
begin
  if (scope).chunk_ids is null and app_private.vector_index_is_ready((model).id) and app_private.has_many_vectors((model).id) then
    select array_agg(v.chunk_id order by v.score desc, v.chunk_id), array_agg(v.score order by v.score desc, v.chunk_id)
      into v_chunk_ids, v_scores
      from app_private.indexed_vector_ranking(model, vector_ranking.query_embedding, scope, vector_ranking.depth) v;
  end if;
  -- the index gives up on a scope that is too narrow for it
  if v_chunk_ids is null or cardinality(v_chunk_ids) < vector_ranking.depth then
    select array_agg(v.chunk_id order by v.score desc, v.chunk_id), array_agg(v.score order by v.score desc, v.chunk_id)
      into v_chunk_ids, v_scores
      from app_private.exact_vector_ranking((model).id, vector_ranking.query_embedding, scope, vector_ranking.depth) v;
  end if;
  return query select u.id, u.score, u.rank::int from unnest(v_chunk_ids, v_scores) with ordinality as u (id, score, rank);
end
$$;

ALTER FUNCTION app_private.vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) IS 'The nearest chunks in scope by cosine similarity: exactly for a tenant of up to tenants.config.search.exactVectorLimit vectors (default 3,000), or while there is no index.';

CREATE FUNCTION app_private.with_terms(terms jsonb, more text[], weight double precision, written_as text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- a term that is there already keeps the larger weight
  select with_terms.terms || coalesce(jsonb_object_agg(t, jsonb_build_object(
           'weight', greatest(with_terms.weight, (with_terms.terms #>> array[t, 'weight'])::double precision), 'writtenAs', with_terms.written_as)), '{}')
    from unnest(with_terms.more) t;
$$;

ALTER FUNCTION app_private.with_terms(terms jsonb, more text[], weight double precision, written_as text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.with_terms(terms jsonb, more text[], weight double precision, written_as text) IS 'Adds terms to those of a question: {"term": {"weight", "writtenAs"}}.';

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

COMMENT ON COLUMN app_public.documents.content_hash IS '@behavior -*
SHA-256 of everything it was given with; tells whether it has changed.';

COMMENT ON COLUMN app_public.documents.metadata IS 'What is known about it (page count, author, keys of your own): an object.';

COMMENT ON COLUMN app_public.documents.processing_status IS 'pending, processing, completed (searchable) or failed.';

COMMENT ON COLUMN app_public.documents.processing_stage IS '@behavior -*
What is done next: parse, chunk, embed, index, or done.';

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

CREATE FUNCTION app_public.document_chunks_idf_scores(chunk app_public.document_chunks) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(jsonb_object_agg(u.term, app_private.search_idf(u.document_count, t.total_docs)), '{}')
    from app_public.document_chunks c
   cross join app_private.search_totals() t
   cross join lateral (select tsvector_to_array(c.content_tsvector) as terms) v
   cross join lateral unnest(
     v.terms, app_private.document_counts(v.terms, app_private.search_cells(v.terms), app_private.unmerged_chunk_ids())) as u (term, document_count)
   where c.tenant_id = app_hidden.current_tenant_id() and c.id = (chunk).id;
$$;

ALTER FUNCTION app_public.document_chunks_idf_scores(chunk app_public.document_chunks) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.document_chunks_idf_scores(chunk app_public.document_chunks) IS 'The inverse document frequency of each of the chunk''s terms among this tenant''s chunks, as of now: {"term": ln(1 + (N - df + 0.5) / (df + 0.5))}.';

CREATE FUNCTION app_public.document_chunks_term_frequencies(chunk app_public.document_chunks) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(jsonb_object_agg(l.lexeme, cardinality(l.positions)), '{}')
    from app_public.document_chunks c, unnest(c.content_tsvector) l
   where c.tenant_id = app_hidden.current_tenant_id() and c.id = (chunk).id;
$$;

ALTER FUNCTION app_public.document_chunks_term_frequencies(chunk app_public.document_chunks) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.document_chunks_term_frequencies(chunk app_public.document_chunks) IS 'How often the chunk has each of its terms: {"term": count}.';

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

CREATE FUNCTION app_public.rag_knowledge_sources_avg_relevance_score(source app_public.rag_knowledge_sources) RETURNS numeric
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select round((s.relevance_sum / nullif(s.hit_count, 0))::numeric, 4) from app_private.source_query_statistics s
   where s.tenant_id = (source).tenant_id and s.source_id = (source).id;
$$;

ALTER FUNCTION app_public.rag_knowledge_sources_avg_relevance_score(source app_public.rag_knowledge_sources) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.rag_knowledge_sources_avg_relevance_score(source app_public.rag_knowledge_sources) IS 'Mean relevance of the source''s hits, 0 to 1: a hit''s score over the best score of its search. As of a minute ago.';

CREATE FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select count(*)::int from app_public.document_chunks c where c.tenant_id = (source).tenant_id and c.source_id = (source).id;
$$;

ALTER FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) IS 'How many chunks the source''s documents were cut into.';

CREATE FUNCTION app_public.rag_knowledge_sources_last_queried_at(source app_public.rag_knowledge_sources) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.last_queried_at from app_private.source_query_statistics s
   where s.tenant_id = (source).tenant_id and s.source_id = (source).id;
$$;

ALTER FUNCTION app_public.rag_knowledge_sources_last_queried_at(source app_public.rag_knowledge_sources) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.rag_knowledge_sources_last_queried_at(source app_public.rag_knowledge_sources) IS 'When a search last found something in the source, as of a minute ago.';

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

CREATE FUNCTION app_public.rag_knowledge_sources_query_count(source app_public.rag_knowledge_sources) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce((select s.query_count from app_private.source_query_statistics s
                    where s.tenant_id = (source).tenant_id and s.source_id = (source).id), 0);
$$;

ALTER FUNCTION app_public.rag_knowledge_sources_query_count(source app_public.rag_knowledge_sources) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.rag_knowledge_sources_query_count(source app_public.rag_knowledge_sources) IS 'How many searches found something in the source, as of a minute ago.';

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

CREATE FUNCTION app_public.search(query text, mode app_public.search_mode DEFAULT 'hybrid'::app_public.search_mode, "limit" integer DEFAULT 10, source_ids uuid[] DEFAULT NULL::uuid[], embedding_model text DEFAULT NULL::text, query_embedding public.vector DEFAULT NULL::public.vector, rrf_k integer DEFAULT 60, skip integer DEFAULT 0, document_ids uuid[] DEFAULT NULL::uuid[], agent_id uuid DEFAULT NULL::uuid, tags text[] DEFAULT NULL::text[], category text DEFAULT NULL::text, created_after timestamp with time zone DEFAULT NULL::timestamp with time zone, created_before timestamp with time zone DEFAULT NULL::timestamp with time zone, metadata jsonb DEFAULT NULL::jsonb, fusion app_public.fusion_method DEFAULT 'rrf'::app_public.fusion_method, explain boolean DEFAULT false) RETURNS SETOF app_public.search_hit
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET jit TO 'off'
    AS $$
#variable_conflict use_column
declare
  v_started_at constant timestamptz := clock_timestamp();
  v_end int;
  v_depth int;
  v_settings record;
  v_source_ids uuid[];
  v_question app_private.search_question;
  v_scope app_private.search_scope;
  v_model app_public.llm_models;
  v_embedding vector;
  v_hits app_public.search_hit[];
begin
  perform app_private.check_search_arguments(
    search.query, search.mode, search."limit", search.skip, search.rrf_k, search.fusion, search.metadata);
  v_end := search.skip + search."limit";
  -- both rankings are read to one depth, the same for all pages of a hundred, a thousand or ten thousand
  v_depth := case when search.mode <> 'hybrid' then v_end when v_end <= 100 then 100 when v_end <= 1000 then 1000 else 10000 end;

  v_source_ids := app_private.sources_in_scope(search.source_ids, search.agent_id, search.tags, search.category);
  select * into v_settings from app_hidden.search_settings();
  v_question := app_private.parse_question(search.query, v_source_ids, v_settings.title_boost);
  if v_question.terms is not null then
    v_scope := app_private.scope_of(
      v_source_ids, search.document_ids, search.created_after, search.created_before, search.metadata, v_question.text_filter);
    if search.mode <> 'bm25' then
      v_model := app_private.search_model(search.embedding_model, v_source_ids);
      v_embedding := app_private.question_vector(v_model, v_question, search.query_embedding);
    end if;

    v_hits := array(
      with bm25 as (
        select * from app_private.bm25_ranking(v_question.terms, v_question.weights, v_scope, v_depth) where search.mode <> 'vector'
      ), vec as (
        select * from app_private.vector_ranking(v_model, v_embedding, v_scope, v_depth) where search.mode <> 'bm25'
      ), fused as (
        select chunk_id, b.score as bm25, b.rank as bm25_rank, v.score as similarity, v.rank as vector_rank,
               case search.mode
                 when 'bm25' then b.score
                 when 'vector' then v.score
                 else app_private.fused_score(search.fusion, v_model.fusion_weight, search.rrf_k, b.rank, v.rank, b.score, v.score,
                   max(b.score) over (), min(v.score) over (), max(v.score) over ())
               end as score
          from bm25 b full join vec v using (chunk_id)
      ), top as (
        select f.*, row_number() over (order by f.score desc, f.chunk_id) as position
          from fused f order by f.score desc, f.chunk_id limit search."limit" offset search.skip
      )
      select row (top.position, top.score, top.bm25, top.bm25_rank, top.similarity, top.vector_rank,
               c.source_id, c.document_id, c.id, d.title, c.content,
               app_private.snippet(c.content, v_question.terms, app_hidden.text_search_config(s.language)),
               null)::app_public.search_hit
        from top
        join app_public.document_chunks c on c.tenant_id = app_hidden.current_tenant_id() and c.id = top.chunk_id
        join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
        join app_public.rag_knowledge_sources s on s.tenant_id = c.tenant_id and s.id = c.source_id
       order by top.position);
    if search.explain then
      v_hits := app_private.explained(v_hits, v_question, search.mode, search.fusion, search.rrf_k, v_model);
    end if;
  end if;

  perform app_private.log_query(
    search.query, v_settings.log_queries, search.mode, search.agent_id, v_started_at, coalesce(v_hits, '{}'));
  return query select * from unnest(v_hits);
end
$$;

ALTER FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer, skip integer, document_ids uuid[], agent_id uuid, tags text[], category text, created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, fusion app_public.fusion_method, explain boolean) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer, skip integer, document_ids uuid[], agent_id uuid, tags text[], category text, created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, fusion app_public.fusion_method, explain boolean) IS 'Searches the knowledge of this tenant, best first. The query: words rank and need not all occur; "phrases" and title:words must occur; -words must not; word* stands for the words that begin so; a word that no text has is read as those spelt almost like it. mode bm25 ranks by words, exactly; vector by nearness of meaning as the embedding model sees it; hybrid fuses both, by fusion rrf (weighted reciprocal rank, rrf_k 60 by default) or convex (weighted mean of normalised scores), with the weight of the embedding model, over the first 100 of each ranking (1,000 or 10,000 when the page lies beyond). limit 1 to 1000, default 10; skip 0 to 9000, for the pages that follow. Filters: source_ids, document_ids, agent_id (the sources assigned to it), tags (any of a source''s), category (of the source), created_after and created_before (of the document, from and until before), metadata (of the document, contained). Statistics stay those of the whole tenant. query_embedding saves embedding the query. explain fills explanation. A query of stop words or exclusions only has no hits. SR402: several embedding models, name one; SR403: no such model; SR404 to SR416: an argument is out of range.';

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

CREATE AGGREGATE app_private.array_concat(anycompatiblearray) (
    SFUNC = array_cat,
    STYPE = anycompatiblearray,
    PARALLEL = safe
);

ALTER AGGREGATE app_private.array_concat(anycompatiblearray) OWNER TO rowhouse_owner;

COMMENT ON AGGREGATE app_private.array_concat(anycompatiblearray) IS 'Arrays put together.';

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

CREATE UNLOGGED TABLE app_private.query_log_buffer (
    tenant_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    user_id uuid,
    agent_id uuid,
    mode app_public.search_mode NOT NULL,
    query_text text,
    query_hash bytea,
    latency_ms double precision NOT NULL,
    hit_count integer NOT NULL,
    source_ids uuid[] NOT NULL,
    source_hit_counts integer[] NOT NULL,
    source_relevances double precision[] NOT NULL
);

ALTER TABLE ONLY app_private.query_log_buffer FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.query_log_buffer OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.query_log_buffer IS 'Searches of the last minute, on their way to query_logs. Not crash-safe on purpose.';

CREATE TABLE app_private.search_block_chunks (
    tenant_id uuid NOT NULL,
    block_id bigint NOT NULL,
    start integer NOT NULL,
    chunk_ids bigint[] NOT NULL
);

ALTER TABLE ONLY app_private.search_block_chunks FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_block_chunks OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.search_block_chunks IS 'The chunks of a block in the order of their positions, 200 a row.';

CREATE TABLE app_private.search_blocks (
    tenant_id uuid NOT NULL,
    id bigint NOT NULL,
    chunk_count integer NOT NULL,
    removed_count integer DEFAULT 0 NOT NULL,
    total_length bigint NOT NULL,
    min_length integer NOT NULL,
    max_length integer NOT NULL,
    k1 double precision NOT NULL,
    b double precision NOT NULL,
    average_length double precision NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chunk_count_is_what_a_vector_holds CHECK (((chunk_count >= 1) AND (chunk_count <= 16000))),
    CONSTRAINT removed_count_is_in_range CHECK (((removed_count >= 0) AND (removed_count <= chunk_count)))
);

ALTER TABLE ONLY app_private.search_blocks FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_blocks OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.search_blocks IS 'Up to 16,000 chunks each, which the postings know by their positions.';

ALTER TABLE app_private.search_blocks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app_private.search_blocks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE app_private.search_rare_postings (
    tenant_id uuid NOT NULL,
    block_id bigint NOT NULL,
    last_term text NOT NULL COLLATE pg_catalog."C",
    terms text[] NOT NULL COLLATE pg_catalog."C",
    ends smallint[] NOT NULL,
    postings integer[] NOT NULL
);

ALTER TABLE ONLY app_private.search_rare_postings FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_rare_postings OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.search_rare_postings IS 'The other terms of a block, some dozens a row: positions and impacts (tf / (tf + length norm), in 1/32767, rounded up).';

CREATE TABLE app_private.search_removals (
    tenant_id uuid NOT NULL,
    term text NOT NULL COLLATE pg_catalog."C",
    block_id bigint NOT NULL,
    document_count integer NOT NULL
);
ALTER TABLE ONLY app_private.search_removals ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY app_private.search_removals FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_removals OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.search_removals IS 'How many removed chunks of a block have a term; they count no more, but their postings are still there.';

CREATE TABLE app_private.search_terms (
    tenant_id uuid NOT NULL,
    term text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE ONLY app_private.search_terms FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_terms OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.search_terms IS 'The vocabulary, for prefixes and typing errors.';

CREATE TABLE app_private.source_query_statistics (
    tenant_id uuid NOT NULL,
    source_id uuid NOT NULL,
    query_count bigint NOT NULL,
    hit_count bigint NOT NULL,
    relevance_sum double precision NOT NULL,
    last_queried_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY app_private.source_query_statistics FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.source_query_statistics OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.source_query_statistics IS 'How often searches found something in a source, summed up.';

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

CREATE TABLE app_public.agent_knowledge_sources (
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    agent_id uuid NOT NULL,
    source_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_public.agent_knowledge_sources FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.agent_knowledge_sources OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.agent_knowledge_sources IS 'Which knowledge sources an agent works with; a search with agent_id looks into these. Members assign and take away.';

COMMENT ON COLUMN app_public.agent_knowledge_sources.tenant_id IS 'The tenant.';

COMMENT ON COLUMN app_public.agent_knowledge_sources.agent_id IS 'The agent.';

COMMENT ON COLUMN app_public.agent_knowledge_sources.source_id IS 'The knowledge source.';

COMMENT ON COLUMN app_public.agent_knowledge_sources.created_at IS 'When it was assigned.';

ALTER TABLE app_public.document_chunks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app_public.document_chunks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW app_public.embedding_statistics WITH (security_invoker='true') AS
 SELECT embedding_statistics.collection_id,
    embedding_statistics.total_documents,
    embedding_statistics.avg_document_length,
    embedding_statistics.term_document_counts,
    embedding_statistics.last_updated
   FROM app_hidden.embedding_statistics() embedding_statistics(collection_id, total_documents, avg_document_length, term_document_counts, last_updated);

ALTER TABLE app_public.embedding_statistics OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.embedding_statistics IS 'Statistics of this tenant''s chunks as BM25 uses them, read from the index. term_document_counts reads the whole vocabulary: leave it out where it is not needed.';

COMMENT ON COLUMN app_public.embedding_statistics.collection_id IS 'The tenant, whose chunks are the collection.';

COMMENT ON COLUMN app_public.embedding_statistics.total_documents IS 'N: number of chunks.';

COMMENT ON COLUMN app_public.embedding_statistics.avg_document_length IS 'Average length of a chunk in terms.';

COMMENT ON COLUMN app_public.embedding_statistics.term_document_counts IS 'In how many chunks each term occurs: {"term": count}.';

COMMENT ON COLUMN app_public.embedding_statistics.last_updated IS 'As of when: now, the statistics are never behind.';

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

ALTER TABLE app_public.embeddings OWNER TO rowhouse_indexer;

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

CREATE TABLE app_public.query_logs (
    tenant_id uuid NOT NULL,
    id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    user_id uuid,
    agent_id uuid,
    mode app_public.search_mode NOT NULL,
    query_text text,
    query_hash bytea,
    latency_ms double precision NOT NULL,
    hit_count integer NOT NULL,
    source_ids uuid[] NOT NULL,
    source_hit_counts integer[] NOT NULL,
    source_relevances double precision[] NOT NULL,
    CONSTRAINT each_source_has_its_numbers CHECK (((cardinality(source_ids) = cardinality(source_hit_counts)) AND (cardinality(source_ids) = cardinality(source_relevances))))
);

ALTER TABLE ONLY app_public.query_logs FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.query_logs OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.query_logs IS 'What was searched, a minute after it was. For admins.';

COMMENT ON COLUMN app_public.query_logs.tenant_id IS 'The tenant.';

COMMENT ON COLUMN app_public.query_logs.id IS 'Counts up.';

COMMENT ON COLUMN app_public.query_logs.created_at IS 'When the search began.';

COMMENT ON COLUMN app_public.query_logs.user_id IS 'Who searched; kept when the person is gone.';

COMMENT ON COLUMN app_public.query_logs.agent_id IS 'The agent it was for, when one was named.';

COMMENT ON COLUMN app_public.query_logs.mode IS 'bm25, vector or hybrid.';

COMMENT ON COLUMN app_public.query_logs.query_text IS 'The question, when tenants.config.search.logQueries is text.';

COMMENT ON COLUMN app_public.query_logs.query_hash IS 'SHA-256 of the tenant and the question in lower case, when logQueries is hash: equal questions can be counted and not read.';

COMMENT ON COLUMN app_public.query_logs.latency_ms IS 'Milliseconds the search took in the database.';

COMMENT ON COLUMN app_public.query_logs.hit_count IS 'How many hits it returned.';

COMMENT ON COLUMN app_public.query_logs.source_ids IS 'The sources that had hits.';

COMMENT ON COLUMN app_public.query_logs.source_hit_counts IS 'How many hits each of these had.';

COMMENT ON COLUMN app_public.query_logs.source_relevances IS 'Mean relevance of each of these'' hits, 0 to 1: a hit''s score over the best of the search.';

ALTER TABLE app_public.query_logs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app_public.query_logs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW app_public.rag_usage_analytics WITH (security_invoker='true') AS
 SELECT l.tenant_id,
    u.source_id,
    ((l.created_at AT TIME ZONE 'UTC'::text))::date AS used_on,
    l.mode,
    count(*) AS query_count,
    sum(u.hit_count) AS hit_count,
    (sum((u.relevance * (u.hit_count)::double precision)) / (NULLIF(sum(u.hit_count), 0))::double precision) AS avg_relevance_score,
    avg(l.latency_ms) AS avg_latency_ms,
    max(l.created_at) AS last_queried_at
   FROM app_public.query_logs l,
    LATERAL UNNEST(l.source_ids, l.source_hit_counts, l.source_relevances) u(source_id, hit_count, relevance)
  GROUP BY l.tenant_id, u.source_id, (((l.created_at AT TIME ZONE 'UTC'::text))::date), l.mode;

ALTER TABLE app_public.rag_usage_analytics OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.rag_usage_analytics IS 'How the knowledge sources are used: searches that found something in them, by day (UTC) and mode.';

COMMENT ON COLUMN app_public.rag_usage_analytics.tenant_id IS 'The tenant.';

COMMENT ON COLUMN app_public.rag_usage_analytics.source_id IS 'The knowledge source.';

COMMENT ON COLUMN app_public.rag_usage_analytics.used_on IS 'The day in UTC.';

COMMENT ON COLUMN app_public.rag_usage_analytics.mode IS 'How it was searched.';

COMMENT ON COLUMN app_public.rag_usage_analytics.query_count IS 'Searches that found something in the source.';

COMMENT ON COLUMN app_public.rag_usage_analytics.hit_count IS 'Hits they had there.';

COMMENT ON COLUMN app_public.rag_usage_analytics.avg_relevance_score IS 'Mean relevance of these hits, 0 to 1.';

COMMENT ON COLUMN app_public.rag_usage_analytics.avg_latency_ms IS 'Milliseconds these searches took on average.';

COMMENT ON COLUMN app_public.rag_usage_analytics.last_queried_at IS 'When the last of them began.';

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_private.analyst_tenants
    ADD CONSTRAINT analyst_tenants_pkey PRIMARY KEY (tenant_id, login);

ALTER TABLE ONLY app_private.document_files
    ADD CONSTRAINT document_files_pkey PRIMARY KEY (tenant_id, document_id);

ALTER TABLE ONLY app_private.search_block_chunks
    ADD CONSTRAINT search_block_chunks_pkey PRIMARY KEY (tenant_id, block_id, start);

ALTER TABLE ONLY app_private.search_blocks
    ADD CONSTRAINT search_blocks_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_private.search_changes
    ADD CONSTRAINT search_changes_pkey PRIMARY KEY (tenant_id, chunk_id, kind);

ALTER TABLE ONLY app_private.search_postings
    ADD CONSTRAINT search_postings_pkey PRIMARY KEY (tenant_id, term, block_id);

ALTER TABLE ONLY app_private.search_rare_postings
    ADD CONSTRAINT search_rare_postings_pkey PRIMARY KEY (tenant_id, block_id, last_term);

ALTER TABLE ONLY app_private.search_removals
    ADD CONSTRAINT search_removals_pkey PRIMARY KEY (tenant_id, term, block_id);

ALTER TABLE ONLY app_private.search_terms
    ADD CONSTRAINT search_terms_pkey PRIMARY KEY (tenant_id, term);

ALTER TABLE ONLY app_private.source_query_statistics
    ADD CONSTRAINT source_query_statistics_pkey PRIMARY KEY (tenant_id, source_id);

ALTER TABLE ONLY app_private.user_identities
    ADD CONSTRAINT user_identities_pkey PRIMARY KEY (issuer, subject);

ALTER TABLE ONLY app_private.worker_heartbeats
    ADD CONSTRAINT worker_heartbeats_pkey PRIMARY KEY (worker_id);

ALTER TABLE ONLY app_public.agent_knowledge_sources
    ADD CONSTRAINT agent_knowledge_sources_pkey PRIMARY KEY (tenant_id, agent_id, source_id);

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_tenant_id_id_key UNIQUE (tenant_id, id);

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

ALTER TABLE ONLY app_public.query_logs
    ADD CONSTRAINT query_logs_pkey PRIMARY KEY (tenant_id, id);

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

CREATE INDEX query_log_buffer_tenant_id_idx ON app_private.query_log_buffer USING btree (tenant_id);

CREATE INDEX search_postings_tenant_id_block_id_idx ON app_private.search_postings USING btree (tenant_id, block_id);

CREATE INDEX search_removals_tenant_id_block_id_idx ON app_private.search_removals USING btree (tenant_id, block_id);

CREATE INDEX search_terms_trigrams ON app_private.search_terms USING gin (tenant_id, term public.gin_trgm_ops) WITH (gin_pending_list_limit='256') WHERE (((length(term) >= 4) AND (length(term) <= 40)) AND (term !~ '[0-9]'::text));

CREATE INDEX user_identities_user_id_idx ON app_private.user_identities USING btree (user_id);

CREATE INDEX agent_knowledge_sources_tenant_id_source_id_idx ON app_public.agent_knowledge_sources USING btree (tenant_id, source_id);

CREATE INDEX agents_model_id_idx ON app_public.agents USING btree (model_id);

CREATE INDEX agents_owner_id_idx ON app_public.agents USING btree (owner_id);

CREATE UNIQUE INDEX agents_tenant_id_name_key ON app_public.agents USING btree (tenant_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX agents_tenant_id_sort_order_name_idx ON app_public.agents USING btree (tenant_id, sort_order, name);

CREATE INDEX document_chunks_tenant_id_source_id_idx ON app_public.document_chunks USING btree (tenant_id, source_id);

CREATE INDEX documents_created_by_user_id_idx ON app_public.documents USING btree (created_by_user_id);

CREATE INDEX documents_tenant_id_metadata_idx ON app_public.documents USING gin (tenant_id, metadata jsonb_path_ops);

CREATE INDEX documents_tenant_id_source_id_processing_status_idx ON app_public.documents USING btree (tenant_id, source_id, processing_status);

CREATE INDEX embeddings_agent_id_idx ON app_public.embeddings USING btree (agent_id);

CREATE INDEX embeddings_model_id_idx ON app_public.embeddings USING btree (model_id);

CREATE INDEX embeddings_tenant_id_chunk_id_idx ON app_public.embeddings USING btree (tenant_id, chunk_id);

CREATE INDEX llm_models_provider_id_idx ON app_public.llm_models USING btree (provider_id);

CREATE INDEX query_logs_tenant_id_created_at_idx ON app_public.query_logs USING btree (tenant_id, created_at);

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

CREATE TRIGGER _500_drop_search_index AFTER DELETE ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__drop_search_index();

CREATE TRIGGER _500_list_added_chunks AFTER INSERT ON app_public.document_chunks REFERENCING NEW TABLE AS added_chunks FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg__list_added_chunks();

CREATE TRIGGER _500_list_removed_chunks AFTER DELETE ON app_public.document_chunks REFERENCING OLD TABLE AS removed_chunks FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg__list_removed_chunks();

CREATE TRIGGER _500_refuse_change BEFORE UPDATE OF tenant_id, id, content, content_tsvector, document_length ON app_public.document_chunks FOR EACH ROW EXECUTE FUNCTION app_private.tg__refuse_chunk_change();

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_admin_user_id_fkey FOREIGN KEY (admin_user_id) REFERENCES app_public.user_profiles(id);

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.analyst_tenants
    ADD CONSTRAINT analyst_tenants_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.document_files
    ADD CONSTRAINT document_files_tenant_id_document_id_fkey FOREIGN KEY (tenant_id, document_id) REFERENCES app_public.documents(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.search_block_chunks
    ADD CONSTRAINT search_block_chunks_tenant_id_block_id_fkey FOREIGN KEY (tenant_id, block_id) REFERENCES app_private.search_blocks(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.search_blocks
    ADD CONSTRAINT search_blocks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.search_postings
    ADD CONSTRAINT search_postings_tenant_id_block_id_fkey FOREIGN KEY (tenant_id, block_id) REFERENCES app_private.search_blocks(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.search_rare_postings
    ADD CONSTRAINT search_rare_postings_tenant_id_block_id_fkey FOREIGN KEY (tenant_id, block_id) REFERENCES app_private.search_blocks(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.search_removals
    ADD CONSTRAINT search_removals_tenant_id_block_id_fkey FOREIGN KEY (tenant_id, block_id) REFERENCES app_private.search_blocks(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.source_query_statistics
    ADD CONSTRAINT source_query_statistics_tenant_id_source_id_fkey FOREIGN KEY (tenant_id, source_id) REFERENCES app_public.rag_knowledge_sources(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.user_identities
    ADD CONSTRAINT user_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_public.user_profiles(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.agent_knowledge_sources
    ADD CONSTRAINT agent_knowledge_sources_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES app_public.agents(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT agent_knowledge_sources_tenant_id_agent_id_fkey ON app_public.agent_knowledge_sources IS '@fieldName agent
@foreignFieldName knowledgeSourceAssignments
The agent.';

ALTER TABLE ONLY app_public.agent_knowledge_sources
    ADD CONSTRAINT agent_knowledge_sources_tenant_id_source_id_fkey FOREIGN KEY (tenant_id, source_id) REFERENCES app_public.rag_knowledge_sources(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT agent_knowledge_sources_tenant_id_source_id_fkey ON app_public.agent_knowledge_sources IS '@fieldName source
@foreignFieldName agentAssignments
The knowledge source.';

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

ALTER TABLE ONLY app_public.query_logs
    ADD CONSTRAINT query_logs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

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

CREATE POLICY all_owner ON app_private.query_log_buffer TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_block_chunks TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_blocks TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_changes TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_postings TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_rare_postings TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_removals TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_terms TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.source_query_statistics TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.user_identities TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.worker_heartbeats TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.admin_access_log TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.analyst_tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.document_files TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.query_log_buffer TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_block_chunks TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_blocks TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_changes TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_postings TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_rare_postings TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_removals TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_terms TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.source_query_statistics TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.user_identities TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.worker_heartbeats TO rowhouse_platform USING (true) WITH CHECK (true);

ALTER TABLE app_private.analyst_tenants ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.document_files ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.query_log_buffer ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_block_chunks ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_blocks ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_postings ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_rare_postings ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_removals ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_terms ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.source_query_statistics ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app_private.admin_access_log AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.analyst_tenants AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.document_files AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.query_log_buffer AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_block_chunks AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_blocks AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_changes AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_postings AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_rare_postings AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_removals AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_terms AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.source_query_statistics AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

ALTER TABLE app_private.user_identities ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.worker_heartbeats ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.agent_knowledge_sources ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.agents ENABLE ROW LEVEL SECURITY;

CREATE POLICY all_admin ON app_public.llm_models TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.llm_providers TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agent_knowledge_sources TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.document_chunks TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.documents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.embeddings TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_models TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_providers TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.query_logs TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.rag_knowledge_sources TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.user_profiles TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.user_tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.agent_knowledge_sources TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.agents TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.document_chunks TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.documents TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.embeddings TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.llm_models TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.llm_providers TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.query_logs TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.rag_knowledge_sources TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.user_profiles TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.user_tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY delete_member ON app_public.agent_knowledge_sources FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_role('member'::text) AS has_role));

ALTER TABLE app_public.document_chunks ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.documents ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.embeddings ENABLE ROW LEVEL SECURITY;

CREATE POLICY insert_member ON app_public.agent_knowledge_sources FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_role('member'::text) AS has_role));

CREATE POLICY insert_member ON app_public.agents FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_role('member'::text) AS has_role));

CREATE POLICY insert_member ON app_public.rag_knowledge_sources FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_role('member'::text) AS has_role));

ALTER TABLE app_public.llm_models ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_providers ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.query_logs ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.rag_knowledge_sources ENABLE ROW LEVEL SECURITY;

CREATE POLICY select_admin ON app_public.query_logs FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_role('admin'::text) AS has_role));

CREATE POLICY select_analyst ON app_public.documents FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.query_logs FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.rag_knowledge_sources FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.tenants FOR SELECT TO rowhouse_analyst USING ((id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_everyone ON app_public.llm_models FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_everyone ON app_public.llm_providers FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.agent_knowledge_sources FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.agents FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_role('admin'::text) AS has_role)));

CREATE POLICY select_member ON app_public.document_chunks FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.documents FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.embeddings FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.rag_knowledge_sources FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_role('admin'::text) AS has_role)));

CREATE POLICY select_member ON app_public.tenants FOR SELECT TO rowhouse_user USING ((id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY select_member ON app_public.user_profiles FOR SELECT TO rowhouse_user USING (((id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR (id IN ( SELECT user_tenants.user_id
   FROM app_public.user_tenants))));

CREATE POLICY select_member ON app_public.user_tenants FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY tenant_isolation ON app_public.agent_knowledge_sources AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.agents AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.document_chunks AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.documents AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.embeddings AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.query_logs AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

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

GRANT ALL ON SCHEMA app_public TO rowhouse_indexer;
GRANT USAGE ON SCHEMA app_public TO rowhouse_platform;
GRANT USAGE ON SCHEMA app_public TO rowhouse_worker;
GRANT USAGE ON SCHEMA app_public TO rowhouse_user;
GRANT USAGE ON SCHEMA app_public TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_hidden.analyst_tenant_ids() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.analyst_tenant_ids() TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_hidden.permission_keys() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.permission_keys() TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.permission_keys() TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.are_permissions(value jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.are_permissions(value jsonb) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.are_permissions(value jsonb) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.billing_period(at timestamp with time zone, anchor_on date, timezone text, months integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.chunks(content text, chunk_size integer, chunk_overlap integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.clock() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.clock() TO rowhouse_authenticator;
GRANT ALL ON FUNCTION app_hidden.clock() TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.clock() TO rowhouse_worker;
GRANT ALL ON FUNCTION app_hidden.clock() TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.current_member_role() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.current_member_role() TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.current_member_role() TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.current_permissions() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.current_permissions() TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.current_permissions() TO rowhouse_platform;

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

REVOKE ALL ON FUNCTION app_hidden.effective_permissions(role text, permissions jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.effective_permissions(role text, permissions jsonb) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.effective_permissions(role text, permissions jsonb) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.embedding_statistics() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.embedding_statistics() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_hidden.has_permission(permission text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.has_permission(permission text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.has_permission(permission text) TO rowhouse_platform;

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

REVOKE ALL ON FUNCTION app_hidden.query_embedding_model(query text, embedding_model text, source_ids uuid[], agent_id uuid, tags text[], category text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.query_embedding_model(query text, embedding_model text, source_ids uuid[], agent_id uuid, tags text[], category text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_hidden.rebuild_search_index() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.role_permissions(role text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.role_permissions(role text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.role_permissions(role text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.search_check() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.search_settings() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.search_vector(config regconfig, title text, chunk text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.searchable_text(title text, chunk text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.sentences(content text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.text_search_config(language text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.token_count(vector tsvector) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.alive_workers(silent_for interval) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.alive_workers(silent_for interval) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.any_term(terms text[]) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.assert_secured() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.authenticate(claims jsonb, requested_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.authenticate(claims jsonb, requested_tenant text) TO rowhouse_authenticator;

REVOKE ALL ON FUNCTION app_private.begin_parsing(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.begin_parsing(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.block_bounds(cells app_private.search_cell[], weights double precision[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.block_check(block_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.constant_vector(value double precision, dimension integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.vector_total(public.vector) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_postings TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.common_total(block_id bigint, chunk_count integer, terms text[], weights double precision[], scale double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.block_totals(blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.bm25_ranking(terms text[], term_weights double precision[], scope app_private.search_scope, depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.bm25_scores(chunk_ids bigint[], terms text[], weights double precision[], average_length double precision, k1 double precision, b double precision, scope app_private.search_scope) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.build_block(chunk_ids bigint[], old_block_ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.check_search_arguments(query text, mode app_public.search_mode, "limit" integer, skip integer, rrf_k integer, fusion app_public.fusion_method, metadata jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

GRANT SELECT ON TABLE app_public.document_chunks TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.document_chunks TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.chunks(ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.chunks_at(hits app_private.search_position[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.delete_tenant(slug text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.document_counts(terms text[], cells app_private.search_cell[], unmerged_ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.document_error(item jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.embed_builtin(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.embed_builtin(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) TO rowhouse_owner;
GRANT ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.enqueue_stage(stage app_hidden.processing_stage, tenant_id uuid, document_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.enter_tenant(IN tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.exact_vector_ranking(model_id uuid, query_embedding public.vector, scope app_private.search_scope, depth integer) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.llm_models TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.llm_models TO rowhouse_admin;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.llm_models TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.explained(hits app_public.search_hit[], question app_private.search_question, mode app_public.search_mode, fusion app_public.fusion_method, rrf_k integer, model app_public.llm_models) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.fail_documents(tenant_id uuid, document_ids uuid[], stage text, error text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.fail_documents(tenant_id uuid, document_ids uuid[], stage text, error text) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.finish_embedding(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.finish_embedding(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.finish_parsing(tenant_id uuid, document_id uuid, title text, content text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.finish_parsing(tenant_id uuid, document_id uuid, title text, content text, metadata jsonb) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.fused_score(fusion app_public.fusion_method, vector_weight double precision, rrf_k integer, bm25_rank integer, vector_rank integer, bm25_score double precision, vector_score double precision, highest_bm25_score double precision, lowest_vector_score double precision, highest_vector_score double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.global_tables() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.grant_analyst_access(login name, tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.has_many_vectors(model_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.hits_above(threshold double precision, blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.identify(claims jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.index_slack(average_length double precision, k1 double precision, b double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.indexed_vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.list_tenants() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.log_query(query text, keep text, mode app_public.search_mode, agent_id uuid, started_at timestamp with time zone, hits app_public.search_hit[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.merge_candidates(chunk_count integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.merge_is_due(tenant_id uuid, minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.merge_is_due(tenant_id uuid, minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.merge_removals() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.merge_search_index(tenant_id uuid, minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.merge_search_index(tenant_id uuid, minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.models_to_index(minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.models_to_index(minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.operator_identity(tenant text, email text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.operator_identity(tenant text, email text) TO rowhouse_authenticator;

REVOKE ALL ON FUNCTION app_private.parse_question(query text, source_ids uuid[], title_boost double precision) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_changes TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.pending_removals() FROM PUBLIC;

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

REVOKE ALL ON FUNCTION app_private.question_vector(model app_public.llm_models, question app_private.search_question, query_embedding public.vector) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) TO rowhouse_platform;
GRANT ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.rare_hits(threshold double precision, blocks app_private.search_block_bounds[], terms text[], weights double precision[], scale double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.release_dead_workers(alive_worker_ids text[], silent_for interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.require_permission(permission text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.require_permission(permission text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.require_role(minimum text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.resume_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.revoke_analyst_access(login name, tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.scope_of(source_ids uuid[], document_ids uuid[], created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, text_filter tsquery) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_cells(terms text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_idf(document_count integer, total_docs integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_length_norm(document_length integer, average_length double precision, k1 double precision, b double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_model(embedding_model text, source_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_totals() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.searchable_sources(source_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.secure_global_table(IN target regclass) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.secure_tenant_table(IN target regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.security_gaps() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.similar_terms(term text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.snippet(content text, terms text[], config regconfig) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.sources_in_scope(source_ids uuid[], agent_id uuid, tags text[], category text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.sparse_impacts(postings integer[], idf double precision, dimension integer, OUT highest integer, OUT impacts public.sparsevec) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.store_query_logs() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_query_logs() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.tenants_to_merge(minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tenants_to_merge(minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.term_document_counts() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.terms_with_prefix(prefix text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.text_condition(config regconfig, text text, is_title boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__drop_search_index() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__drop_search_index() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg__list_added_chunks() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__list_added_chunks() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg__list_removed_chunks() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__list_removed_chunks() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg__refuse_chunk_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__set_updated_at() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__set_updated_at() TO rowhouse_platform;
GRANT ALL ON FUNCTION app_private.tg__set_updated_at() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.threshold(scores public.vector, wanted double precision, lowest double precision, highest double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tsquery_term(term text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unknown_terms(terms text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unmerged_chunk_ids() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unmerged_terms() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.vector_expression(model app_public.llm_models, argument text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.vector_index_is_ready(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_is_ready(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_index_name(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_name(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) TO rowhouse_worker;
GRANT ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.with_terms(terms jsonb, more text[], weight double precision, written_as text) FROM PUBLIC;

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

GRANT SELECT ON TABLE app_public.documents TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.documents TO rowhouse_platform;

GRANT SELECT(tenant_id) ON TABLE app_public.documents TO rowhouse_analyst;

GRANT SELECT(id) ON TABLE app_public.documents TO rowhouse_analyst;

GRANT SELECT(source_id) ON TABLE app_public.documents TO rowhouse_analyst;

GRANT SELECT(size_bytes) ON TABLE app_public.documents TO rowhouse_analyst;

GRANT SELECT(processing_status) ON TABLE app_public.documents TO rowhouse_analyst;

GRANT SELECT(created_at) ON TABLE app_public.documents TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_public.delete_document(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_document(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.delete_knowledge_source(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_knowledge_source(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.document(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.document(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.document_chunks_idf_scores(chunk app_public.document_chunks) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.document_chunks_idf_scores(chunk app_public.document_chunks) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.document_chunks_term_frequencies(chunk app_public.document_chunks) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.document_chunks_term_frequencies(chunk app_public.document_chunks) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.documents_chunk_count(document app_public.documents) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.documents_chunk_count(document app_public.documents) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.my_tenants() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.my_tenants() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.rag_knowledge_sources_avg_relevance_score(source app_public.rag_knowledge_sources) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.rag_knowledge_sources_avg_relevance_score(source app_public.rag_knowledge_sources) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.rag_knowledge_sources_last_queried_at(source app_public.rag_knowledge_sources) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.rag_knowledge_sources_last_queried_at(source app_public.rag_knowledge_sources) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.rag_knowledge_sources_processing_counts(source app_public.rag_knowledge_sources) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.rag_knowledge_sources_processing_counts(source app_public.rag_knowledge_sources) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.rag_knowledge_sources_query_count(source app_public.rag_knowledge_sources) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.rag_knowledge_sources_query_count(source app_public.rag_knowledge_sources) TO rowhouse_user;

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

REVOKE ALL ON FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer, skip integer, document_ids uuid[], agent_id uuid, tags text[], category text, created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, fusion app_public.fusion_method, explain boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer, skip integer, document_ids uuid[], agent_id uuid, tags text[], category text, created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, fusion app_public.fusion_method, explain boolean) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.search_hit_document(hit app_public.search_hit) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.search_hit_document(hit app_public.search_hit) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.search_hit_source(hit app_public.search_hit) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.search_hit_source(hit app_public.search_hit) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_private.array_concat(anycompatiblearray) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.admin_access_log TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.analyst_tenants TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.document_files TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.query_log_buffer TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_block_chunks TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_blocks TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_rare_postings TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_removals TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_terms TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.source_query_statistics TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.user_identities TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_public.agent_knowledge_sources TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.agent_knowledge_sources TO rowhouse_platform;

GRANT INSERT(agent_id) ON TABLE app_public.agent_knowledge_sources TO rowhouse_user;

GRANT INSERT(source_id) ON TABLE app_public.agent_knowledge_sources TO rowhouse_user;

GRANT SELECT ON TABLE app_public.embedding_statistics TO rowhouse_user;

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

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.query_logs TO rowhouse_platform;
GRANT SELECT ON TABLE app_public.query_logs TO rowhouse_user;

GRANT SELECT(tenant_id) ON TABLE app_public.query_logs TO rowhouse_analyst;

GRANT SELECT(id) ON TABLE app_public.query_logs TO rowhouse_analyst;

GRANT SELECT(created_at) ON TABLE app_public.query_logs TO rowhouse_analyst;

GRANT SELECT(mode) ON TABLE app_public.query_logs TO rowhouse_analyst;

GRANT SELECT(latency_ms) ON TABLE app_public.query_logs TO rowhouse_analyst;

GRANT SELECT(hit_count) ON TABLE app_public.query_logs TO rowhouse_analyst;

GRANT SELECT(source_ids) ON TABLE app_public.query_logs TO rowhouse_analyst;

GRANT SELECT(source_hit_counts) ON TABLE app_public.query_logs TO rowhouse_analyst;

GRANT SELECT(source_relevances) ON TABLE app_public.query_logs TO rowhouse_analyst;

GRANT SELECT ON TABLE app_public.rag_usage_analytics TO rowhouse_user;
GRANT SELECT ON TABLE app_public.rag_usage_analytics TO rowhouse_analyst;

