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

CREATE TYPE app_public.quota_status AS (
	quota_type text,
	quota_scope text,
	scope_id uuid,
	includes_subtree boolean,
	period text,
	period_start date,
	period_end date,
	quota_limit numeric,
	hard_limit numeric,
	current_usage numeric,
	reserved numeric,
	remaining numeric,
	is_warning boolean,
	is_exceeded boolean
);

ALTER TYPE app_public.quota_status OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.quota_status IS 'A limit and what is used of it.';

COMMENT ON COLUMN app_public.quota_status.quota_type IS 'As in usage_quotas.';

COMMENT ON COLUMN app_public.quota_status.scope_id IS 'Whose use it is: the tenant, user, agent or API key.';

COMMENT ON COLUMN app_public.quota_status.period_start IS 'First day of the period, null where there is none.';

COMMENT ON COLUMN app_public.quota_status.period_end IS 'The day after its last, null where there is none.';

COMMENT ON COLUMN app_public.quota_status.quota_limit IS 'The strictest limit.';

COMMENT ON COLUMN app_public.quota_status.hard_limit IS 'The limit that refuses; null when the limit is soft.';

COMMENT ON COLUMN app_public.quota_status.remaining IS 'What is left of quota_limit.';

COMMENT ON COLUMN app_public.quota_status.is_warning IS 'Whether the alert threshold is reached.';

CREATE TYPE app_public.rate_limit_decision AS (
	is_allowed boolean,
	action text,
	is_warning boolean,
	limit_scope text,
	limit_type text,
	window_seconds integer,
	limit_value double precision,
	remaining double precision,
	reset_at timestamp with time zone,
	retry_after_ms bigint,
	config_id uuid
);

ALTER TYPE app_public.rate_limit_decision OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.rate_limit_decision IS 'What rate limits say to a use.';

COMMENT ON COLUMN app_public.rate_limit_decision.is_allowed IS 'Whether it may pass.';

COMMENT ON COLUMN app_public.rate_limit_decision.action IS 'What the limit that decided does beyond itself: block, queue, throttle or warn; null when none was passed.';

COMMENT ON COLUMN app_public.rate_limit_decision.is_warning IS 'Whether the warning threshold of a limit is reached.';

COMMENT ON COLUMN app_public.rate_limit_decision.limit_scope IS 'Of the limit that refused, or is nearest to its end: whose it is. null when there is no limit.';

COMMENT ON COLUMN app_public.rate_limit_decision.limit_type IS 'requests, tokens or cost.';

COMMENT ON COLUMN app_public.rate_limit_decision.window_seconds IS 'Length of its window.';

COMMENT ON COLUMN app_public.rate_limit_decision.limit_value IS 'Most in any window of that length.';

COMMENT ON COLUMN app_public.rate_limit_decision.remaining IS 'What may pass now.';

COMMENT ON COLUMN app_public.rate_limit_decision.reset_at IS 'When all of it may pass again, if nothing else does until then.';

COMMENT ON COLUMN app_public.rate_limit_decision.retry_after_ms IS 'Milliseconds until this use would fit, 0 when it does, null when it is more than the limit itself.';

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

CREATE FUNCTION app_hidden.is_count_quota(quota_type text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (quota_type = ANY (ARRAY['users'::text, 'agents'::text, 'documents'::text, 'storage'::text]));

ALTER FUNCTION app_hidden.is_count_quota(quota_type text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_count_quota(quota_type text) IS 'Whether a quota of this type counts what there is (users, agents, documents, storage) instead of what is used in a period.';

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
      select u.chunk_id from app_private.search_blocks b, unnest(b.chunk_ids) as u (chunk_id) where b.tenant_id = v_tenant_id
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
    with posting as (
      select b.id as block_id, u.chunk_id, l.lexeme as term,
             cardinality(l.positions) / (cardinality(l.positions) + app_private.search_length_norm(c.document_length, b.average_length, b.k1, b.b)) as impact
        from app_private.search_blocks b
       cross join unnest(b.chunk_ids) as u (chunk_id)
        join app_public.document_chunks c on c.tenant_id = b.tenant_id and c.id = u.chunk_id
       cross join unnest(c.content_tsvector) l
       where b.tenant_id = v_tenant_id
    ), stored as (
      select p.block_id, b.chunk_ids[v.position] as chunk_id, p.term, v.value / p.idf / 32767 as impact
        from app_private.search_postings p
        join app_private.search_blocks b on b.tenant_id = p.tenant_id and b.id = p.block_id
       cross join unnest(p.impacts::vector::real[]) with ordinality as v (value, position)
       where p.tenant_id = v_tenant_id and v.value <> 0
      union all
      select r.block_id, b.chunk_ids[r.positions[n]], t.term, r.impacts[n] / 32767::double precision
        from app_private.search_rare_postings r
        join app_private.search_blocks b on b.tenant_id = r.tenant_id and b.id = r.block_id
       cross join unnest(r.terms, r.ends) with ordinality as t (term, upto, i)
       cross join generate_series(coalesce(r.ends[t.i - 1], 0) + 1, t.upto) as n
       where r.tenant_id = v_tenant_id
    )
    select 'the posting is missing or too low', p.chunk_id, p.term, p.impact::text, coalesce(s.impact, 0)::text
      from posting p
      left join stored s on s.block_id = p.block_id and s.chunk_id = p.chunk_id and s.term = p.term
     where s.impact is null or s.impact < p.impact * (1 - 1e-5)
    union all
    select 'the posting has no term in the text', s.chunk_id, s.term, '0', s.impact::text
      from stored s
      join app_public.document_chunks c on c.tenant_id = v_tenant_id and c.id = s.chunk_id
      left join posting p on p.block_id = s.block_id and p.chunk_id = s.chunk_id and p.term = s.term
     where p.impact is null;
end
$$;

ALTER FUNCTION app_hidden.search_check() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.search_check() IS 'Every difference between this tenant''s texts and its search index, normally none. Reads everything: some minutes for half a million chunks.';

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

CREATE FUNCTION app_private.begin_request(claims jsonb, requested_tenant text, api_key_id uuid DEFAULT NULL::uuid) RETURNS TABLE(identity jsonb, limit_name text, limit_value double precision, window_seconds integer, remaining double precision, reset_after_seconds integer, retry_after_seconds integer, refusal_code text, refusal_message text, refusal_hint text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_tenant_id uuid;
  v_user_id uuid;
  v_decision app_public.rate_limit_decision;
begin
  -- Nothing waits for the disk here. A crash of the server can lose the last moments' notes, but only of requests that
  -- wrote nothing: the commit of one that did brings all that was written before it to the disk.
  perform set_config('synchronous_commit', 'off', true);
  -- passed on whole: what a request's identity is made of is authenticate's alone
  select to_jsonb(a), a.tenant_id, a.user_id into identity, v_tenant_id, v_user_id
    from app_private.authenticate(begin_request.claims, begin_request.requested_tenant) a;
  if v_tenant_id is null then
    return next;
    return;
  end if;

  v_decision := app_private.check_rate_limit(v_tenant_id, v_user_id, null, begin_request.api_key_id);
  if v_decision.config_id is not null then
    limit_name := v_decision.limit_scope || '-' || v_decision.limit_type;
    limit_value := v_decision.limit_value;
    window_seconds := v_decision.window_seconds;
    remaining := v_decision.remaining;
    reset_after_seconds := ceil(extract(epoch from v_decision.reset_at - clock_timestamp()));
  end if;
  if not v_decision.is_allowed then
    retry_after_seconds := ceil(v_decision.retry_after_ms / 1000.0);
    refusal_code := case v_decision.action when 'queue' then 'RL602' else 'RL601' end;
    return next;
    return;
  end if;
  begin
    perform from app_private.use_quota(v_tenant_id, 'api_calls', 1, v_user_id, null, begin_request.api_key_id);
  exception when sqlstate 'QT601' then
    get stacked diagnostics refusal_code = returned_sqlstate, refusal_message = message_text, refusal_hint = pg_exception_hint;
    return next;
    return;
  end;
  insert into app_private.api_call_buffer (tenant_id, user_id, api_key_id, called_at)
  values (v_tenant_id, v_user_id, begin_request.api_key_id, app_hidden.clock());
  return next;
end
$$;

ALTER FUNCTION app_private.begin_request(claims jsonb, requested_tenant text, api_key_id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.begin_request(claims jsonb, requested_tenant text, api_key_id uuid) IS 'Authentication (identity is the row of app_private.authenticate, whose errors it passes on), rate limits, the quota of api_calls and metering of one request. refusal_code says that it may not pass: RL601 (refused), RL602 (refused, to be queued), QT601 (no calls left). For the server, as a transaction of its own.';

CREATE FUNCTION app_private.block_limits(average_length double precision, k1 double precision, b double precision) RETURNS TABLE(block_ids bigint[], slack double precision, chunk_count integer, dimension integer)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select array_agg(block.id order by block.chunk_count desc, block.id),
           -- (tf + stored norm) / (tf + norm) lies between its value at tf = 1 and 1 and is monotonic in the length, so its
           -- extremes are at the ends; single precision adds less than 1e-5
           1.00001 * max(greatest(1,
             (1 + app_private.search_length_norm(block.min_length, block.average_length, block.k1, block.b))
               / (1 + app_private.search_length_norm(block.min_length, block_limits.average_length, block_limits.k1, block_limits.b)),
             (1 + app_private.search_length_norm(block.max_length, block.average_length, block.k1, block.b))
               / (1 + app_private.search_length_norm(block.max_length, block_limits.average_length, block_limits.k1, block_limits.b)))),
           sum(block.chunk_count)::int, max(block.chunk_count)
      from app_private.search_blocks block
     where block.tenant_id = app_hidden.current_tenant_id();
end
$$;

ALTER FUNCTION app_private.block_limits(average_length double precision, k1 double precision, b double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.block_limits(average_length double precision, k1 double precision, b double precision) IS 'The blocks, largest first; at most how many times a true impact exceeds a stored one, now that the average length, k1 or b are others; how many chunks there are, and in the largest block.';

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

CREATE TABLE app_private.search_blocks (
    tenant_id uuid NOT NULL,
    id bigint NOT NULL,
    chunk_ids bigint[] NOT NULL,
    chunk_count integer NOT NULL,
    removed_count integer DEFAULT 0 NOT NULL,
    total_length bigint NOT NULL,
    min_length integer NOT NULL,
    max_length integer NOT NULL,
    k1 double precision NOT NULL,
    b double precision NOT NULL,
    average_length double precision NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT chunk_count_is_what_a_vector_holds CHECK ((((chunk_count >= 1) AND (chunk_count <= 16000)) AND (chunk_count = cardinality(chunk_ids)))),
    CONSTRAINT removed_count_is_in_range CHECK (((removed_count >= 0) AND (removed_count <= chunk_count)))
);

ALTER TABLE ONLY app_private.search_blocks FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_blocks OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.search_blocks IS 'Up to 16,000 chunks each, which the postings know by their positions.';

CREATE TABLE app_private.search_postings (
    tenant_id uuid NOT NULL,
    term text NOT NULL COLLATE pg_catalog."C",
    block_id bigint NOT NULL,
    document_count integer NOT NULL,
    idf double precision NOT NULL,
    impacts public.sparsevec NOT NULL
);

ALTER TABLE ONLY app_private.search_postings FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_postings OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.search_postings IS 'Terms that at least 64 chunks of a block have: their impacts (idf · tf / (tf + length norm)) by position.';

CREATE TABLE app_private.search_rare_postings (
    tenant_id uuid NOT NULL,
    block_id bigint NOT NULL,
    last_term text NOT NULL COLLATE pg_catalog."C",
    terms text[] NOT NULL COLLATE pg_catalog."C",
    ends smallint[] NOT NULL,
    positions smallint[] NOT NULL,
    impacts smallint[] NOT NULL
);

ALTER TABLE ONLY app_private.search_rare_postings FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_rare_postings OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.search_rare_postings IS 'The other terms of a block, some dozens a row: positions and impacts (tf / (tf + length norm), in 1/32767, rounded up).';

CREATE FUNCTION app_private.block_totals(block_ids bigint[], terms text[], weights double precision[], scale double precision, rare_terms text[]) RETURNS TABLE(block_id bigint, chunk_count integer, total public.vector)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT b.id,
     b.chunk_count,
     t.total
    FROM (app_private.search_blocks b
      CROSS JOIN LATERAL ( SELECT app_private.vector_total(part.total) AS total
            FROM ( SELECT
                         CASE
                             WHEN (r.ratio > (0.9)::double precision) THEN (p.impacts)::public.vector
                             ELSE ((p.impacts)::public.vector OPERATOR(public.*) app_private.constant_vector(r.ratio, b.chunk_count))
                         END AS total
                    FROM ((UNNEST(block_totals.terms, block_totals.weights) q(term, weight)
                      JOIN app_private.search_postings p ON (((p.tenant_id = app_hidden.current_tenant_id()) AND (p.term = (q.term COLLATE "C")) AND (p.block_id = b.id))))
                      CROSS JOIN LATERAL ( SELECT ((q.weight / p.idf) / block_totals.scale) AS ratio) r)
                 UNION ALL
                  SELECT ((((('{'::text || string_agg((("position".at || ':'::text) || ("position".total)::real), ','::text)) || '}/'::text) || b.chunk_count))::public.sparsevec)::public.vector AS vector
                    FROM ( SELECT u."position" AS at,
                             (sum(((u.impact)::double precision * q.weight)) / block_totals.scale) AS total
                            FROM (((( SELECT t_1.term,
                                     (block_totals.weights)[array_position(block_totals.terms, t_1.term)] AS weight
                                    FROM unnest(block_totals.rare_terms) t_1(term)) q
                              CROSS JOIN LATERAL ( SELECT r_1.terms,
                                     r_1.ends,
                                     r_1.positions,
                                     r_1.impacts
                                    FROM app_private.search_rare_postings r_1
                                   WHERE ((r_1.tenant_id = app_hidden.current_tenant_id()) AND (r_1.block_id = b.id) AND (r_1.last_term >= (q.term COLLATE "C")))
                                   ORDER BY r_1.last_term
                                  LIMIT 1) r)
                              CROSS JOIN LATERAL ( SELECT array_position(r.terms, (q.term COLLATE "C")) AS at) a)
                              CROSS JOIN LATERAL UNNEST(r.positions[(COALESCE((r.ends[(a.at - 1)])::integer, 0) + 1):r.ends[a.at]], r.impacts[(COALESCE((r.ends[(a.at - 1)])::integer, 0) + 1):r.ends[a.at]]) u("position", impact))
                           WHERE (a.at IS NOT NULL)
                           GROUP BY u."position") "position") part) t)
   WHERE ((b.tenant_id = app_hidden.current_tenant_id()) AND (b.id = ANY (block_totals.block_ids)) AND (t.total IS NOT NULL));
END;

ALTER FUNCTION app_private.block_totals(block_ids bigint[], terms text[], weights double precision[], scale double precision, rare_terms text[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.block_totals(block_ids bigint[], terms text[], weights double precision[], scale double precision, rare_terms text[]) IS 'The scores of all chunks of these blocks, by position and divided by scale, never below the truth by more than the slack; without the blocks that have none of the terms. weights: idf · (k1 + 1) · the term''s weight in the question; scale: the largest weight over a stored idf.';

CREATE FUNCTION app_private.bm25_ranking(terms text[], term_weights double precision[], scope app_private.search_scope, depth integer) RETURNS TABLE(chunk_id bigint, score double precision, rank integer)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET jit TO 'off'
    AS $$
#variable_conflict use_column
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_average_length double precision;
  v_total_docs int;
  v_k1 double precision;
  v_b double precision;
  v_weights double precision[];
  v_rare_terms text[];
  v_unmerged_ids bigint[] := app_private.unmerged_chunk_ids();
  -- by how much the truth can exceed what a block has stored
  v_slack double precision;
  v_sample vector;
  v_block_ids bigint[];
  v_merged int;
  v_dimension int;
  -- vectors are added up without multiplying them by their weights, which takes four times as long: the stored impacts
  -- have the block's own idf in them, and scale is the most by which a weight exceeds it
  v_scale double precision;
  v_wanted double precision := 1.5 * bm25_ranking.depth + 20;
  v_threshold double precision;
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
  select array_agg(w.weight * (v_k1 + 1) * app_private.search_idf(f.document_count, v_total_docs) order by f.i),
         array_agg(w.term order by f.i) filter (where f.is_rare_somewhere)
    into v_weights, v_rare_terms
    from app_private.term_statistics(bm25_ranking.terms, v_unmerged_ids) with ordinality as f (document_count, is_rare_somewhere, i)
    join unnest(bm25_ranking.terms, bm25_ranking.term_weights) with ordinality as w (term, weight, i) using (i);

  -- the chunks in scope when they are few, else those that no block has yet, each from its own text
  select array_agg(s.chunk_id order by s.score desc, s.chunk_id), array_agg(s.score order by s.score desc, s.chunk_id)
    into v_chunk_ids, v_scores
    from app_private.bm25_scores(
      coalesce((scope).chunk_ids, v_unmerged_ids),
      bm25_ranking.terms, v_weights, v_average_length, v_k1, v_b, scope) s;

  if (scope).chunk_ids is null then
    select l.block_ids, l.slack, l.chunk_count, l.dimension into v_block_ids, v_slack, v_merged, v_dimension
      from app_private.block_limits(v_average_length, v_k1, v_b) l;
  end if;

  if v_merged > 0 then
    select coalesce(max(w.weight / p.idf), 1) into v_scale
      from app_private.search_postings p
      join unnest(bm25_ranking.terms, v_weights) as w (term, weight) on w.term = p.term
     where p.tenant_id = v_tenant_id and p.term = any (bm25_ranking.terms);
    -- stored impacts are in 1/32767
    v_slack := v_slack * v_scale / 32767;
    select t.total into v_sample
      from app_private.block_totals(v_block_ids[1:1], bm25_ranking.terms, v_weights, v_scale, v_rare_terms) t;

    loop
      -- of the sample's scores at least a few, or chance decides
      v_threshold := app_private.threshold(v_sample, greatest(4, v_wanted * v_dimension / v_merged), (
        select 32767 * sum(w) / v_scale from unnest(v_weights) as w));
      v_hits := array(
        select h from app_private.positions_above(
            v_threshold, v_block_ids, bm25_ranking.terms, v_weights, v_scale, v_rare_terms, v_dimension) h
         order by h.bound desc);
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
      -- whatever was left out scores at most the threshold times the slack
      exit when v_threshold <= 0 or coalesce(v_last > v_threshold * v_slack, false);
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
      from app_public.document_chunks c
     cross join lateral (
       select sum(bm25_scores.weights[array_position(bm25_scores.terms, l.lexeme)] * cardinality(l.positions)
                / (cardinality(l.positions) + n.norm)) as score
         from app_private.search_length_norm(c.document_length, bm25_scores.average_length, bm25_scores.k1, bm25_scores.b) as n (norm),
              unnest(c.content_tsvector) l
        where l.lexeme = any (bm25_scores.terms)) s
     where c.tenant_id = app_hidden.current_tenant_id() and c.id = any (bm25_scores.chunk_ids)
       and c.content_tsvector @@ v_any_term
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
    SET work_mem TO '64MB'
    SET jit TO 'off'
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
      tenant_id, chunk_ids, chunk_count, total_length, min_length, max_length, k1, b, average_length)
    select v_tenant_id, array_agg(id order by position), count(*), sum(document_length), min(document_length), max(document_length),
           v_k1, v_b, v_average_length
      from batch having count(*) > 0
    returning id, chunk_count
  ), posting as (
    -- impacts in 1/32767, rounded up: a bound must not be below the truth
    select l.lexeme as term, c.position::smallint as position,
           ceil(32767 * cardinality(l.positions) / (cardinality(l.positions) + c.norm))::smallint as impact
      from batch c, unnest(c.content_tsvector) l
  ), term as materialized (
    select term, count(*)::int as document_count, array_agg(position) as positions, array_agg(impact) as impacts
      from posting group by term
  ), frequent as (
    insert into app_private.search_postings (tenant_id, term, block_id, document_count, idf, impacts)
    select v_tenant_id, t.term, b.id, t.document_count, i.idf, app_private.sparse_impacts(t.positions, t.impacts, i.idf, b.chunk_count)
      from term t, block b, app_private.search_idf(t.document_count, b.chunk_count) as i (idf)
     where t.document_count >= 64
  ), listed as (
    select term, document_count, positions, impacts, sum(document_count) over (order by term collate "C") as upto
      from term where document_count < 64
  ), rare as (
    insert into app_private.search_rare_postings (tenant_id, block_id, last_term, terms, ends, positions, impacts)
    select v_tenant_id, (select id from block), max(l.term collate "C"), array_agg(l.term order by l.upto),
           array_agg((l.upto - l.start)::smallint order by l.upto),
           app_private.array_concat(l.positions order by l.upto), app_private.array_concat(l.impacts order by l.upto)
      from (select (upto - 1) / 200 as row_number, term, positions, impacts, upto,
                   min(upto - document_count) over (partition by (upto - 1) / 200) as start
              from listed) l
     group by l.row_number
  ), vocabulary as (
    insert into app_private.search_terms (tenant_id, term)
    select v_tenant_id, t.term from term t
     where not exists (
       select from app_private.search_terms v where v.tenant_id = v_tenant_id and v.term = t.term collate "C" offset 0)
     order by t.term collate "C"
  )
  select count(*) into v_count from batch;
  return v_count;
end
$$;

ALTER FUNCTION app_private.build_block(chunk_ids bigint[], old_block_ids bigint[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.build_block(chunk_ids bigint[], old_block_ids bigint[]) IS 'Makes one block of these chunks, in place of the blocks they were in; returns how many there are.';

CREATE FUNCTION app_private.change_count(tenant_id uuid, quota_type text, delta numeric, user_id uuid, scope text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if change_count.delta <> 0 then
    perform from app_private.use_quota(
      change_count.tenant_id, change_count.quota_type, change_count.delta, change_count.user_id, scope => change_count.scope);
  end if;
end
$$;

ALTER FUNCTION app_private.change_count(tenant_id uuid, quota_type text, delta numeric, user_id uuid, scope text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.change_count(tenant_id uuid, quota_type text, delta numeric, user_id uuid, scope text) IS 'Adds to what is counted of a tenant and a user. QT601: more than the limit.';

CREATE FUNCTION app_private.check_rate_limit(tenant_id uuid, user_id uuid DEFAULT NULL::uuid, agent_id uuid DEFAULT NULL::uuid, api_key_id uuid DEFAULT NULL::uuid, requests double precision DEFAULT 1, tokens double precision DEFAULT 0, cost double precision DEFAULT 0) RETURNS app_public.rate_limit_decision
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  -- not the transaction's start: a long one must not use up a window of the past
  v_now timestamptz := case when coalesce(current_setting('rowhouse.clock', true), '') = '' then clock_timestamp() else app_hidden.clock() end;
  v_rule record;
  v_answer app_public.rate_limit_decision;
  v_decision app_public.rate_limit_decision;
  v_is_warning boolean;
  v_refused text[];
begin
  -- in the order of the key, which is the order of locking
  for v_rule in
    select r.*
      from (select r.*,
                   case r.limit_scope when 'tenant' then r.tenant_id when 'user' then user_id when 'agent' then agent_id else api_key_id end as subject_id,
                   case r.limit_type when 'requests' then requests when 'tokens' then tokens else cost * 100 end as amount
              from app_private.rate_limit_rules r
             where r.tenant_id = check_rate_limit.tenant_id) r
     where coalesce(r.scope_id, r.subject_id) = r.subject_id and r.subject_id <> all (r.except_scope_ids)
       and (r.amount > 0 or requests = 0 and tokens = 0 and cost = 0)
     order by r.config_id, r.window_seconds
  loop
    update app_public.rate_limit_usage u set usage_count = u.usage_count + v_rule.amount, is_exceeded = false, updated_at = v_now
     where u.tenant_id = v_rule.tenant_id and u.config_id = v_rule.config_id and u.scope_id = v_rule.subject_id
       and u.window_seconds = v_rule.window_seconds
       and u.window_end > v_now and u.usage_count + v_rule.amount <= v_rule.limit_value
    returning true, null, u.usage_count >= v_rule.warning_value, v_rule.limit_scope, v_rule.limit_type, v_rule.window_seconds,
              v_rule.limit_value, v_rule.limit_value - u.usage_count, u.window_end + make_interval(secs => v_rule.window_seconds), 0, v_rule.config_id
         into v_answer;
    if not found then
      v_answer := app_private.use_rate_window(
        (select r from app_private.rate_limit_rules r
          where r.tenant_id = v_rule.tenant_id and r.config_id = v_rule.config_id and r.window_seconds = v_rule.window_seconds),
        v_rule.subject_id, v_rule.amount, v_now);
      if not v_answer.is_allowed then
        v_refused := v_refused || (v_rule.config_id::text || v_rule.window_seconds);
      end if;
    end if;
    if v_decision.config_id is null then
      v_decision := v_answer;
    else
      -- told is the refusal that lasts longest, else the limit that is nearest to its end
      v_is_warning := v_decision.is_warning or v_answer.is_warning;
      if (case
           when v_answer.is_allowed <> v_decision.is_allowed then v_decision.is_allowed
           when v_answer.is_allowed then v_answer.remaining / v_answer.limit_value < v_decision.remaining / v_decision.limit_value
           else coalesce(v_answer.retry_after_ms, 'Infinity'::double precision) > coalesce(v_decision.retry_after_ms, 'Infinity'::double precision)
         end) then
        v_decision := v_answer;
      end if;
      v_decision.is_warning := v_is_warning;
    end if;
  end loop;

  if v_decision.config_id is null then
    v_decision.is_allowed := true;
    v_decision.is_warning := false;
  elsif v_refused is not null then
    -- all or nothing: what others have given is taken back; their rows are still locked
    update app_public.rate_limit_usage u
       set usage_count = greatest(u.usage_count - case r.limit_type when 'requests' then requests when 'tokens' then tokens else cost * 100 end, u.past_count)
      from app_private.rate_limit_rules r
     where r.tenant_id = check_rate_limit.tenant_id
       and u.tenant_id = r.tenant_id and u.config_id = r.config_id and u.window_seconds = r.window_seconds
       and u.scope_id = case r.limit_scope when 'tenant' then r.tenant_id when 'user' then user_id when 'agent' then agent_id else api_key_id end
       and coalesce(r.scope_id, u.scope_id) = u.scope_id and u.scope_id <> all (r.except_scope_ids)
       and (r.config_id::text || r.window_seconds) <> all (v_refused);
  end if;
  return v_decision;
end
$$;

ALTER FUNCTION app_private.check_rate_limit(tenant_id uuid, user_id uuid, agent_id uuid, api_key_id uuid, requests double precision, tokens double precision, cost double precision) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.check_rate_limit(tenant_id uuid, user_id uuid, agent_id uuid, api_key_id uuid, requests double precision, tokens double precision, cost double precision) IS 'Decides by all limits of a tenant, user, agent and API key at once, and counts requests, tokens and cost (US dollars) in each of them or, when one refuses, in none. All amounts 0: only asks. Run it in a transaction of its own, so that what fails later has counted nevertheless and nobody waits for it.';

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

CREATE FUNCTION app_private.check_use(quota_type text, amount numeric, agent_id uuid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.require_role('member');
  if check_use.quota_type is null or check_use.quota_type not in ('api_calls', 'tokens', 'cost') then
    perform app_private.raise_error('QT402', 'quota_type must be api_calls, tokens or cost.',
      'Users, agents, documents and storage are counted by themselves.');
  end if;
  -- not a number compares as larger than any
  if check_use.amount is null or not (check_use.amount > 0 and check_use.amount < 1e18)
    or check_use.quota_type <> 'cost' and check_use.amount <> trunc(check_use.amount) then
    perform app_private.raise_error('QT403', 'amount must be a positive number, and whole but for a cost.', 'Costs are in US dollars.');
  end if;
  if check_use.agent_id is not null
    and not exists (select from app_public.agents a where a.id = check_use.agent_id and a.deleted_at is null) then
    perform app_private.raise_error('QT302', 'There is no such user or agent in this tenant.', 'List the agents of this tenant.');
  end if;
end
$$;

ALTER FUNCTION app_private.check_use(quota_type text, amount numeric, agent_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.check_use(quota_type text, amount numeric, agent_id uuid) IS 'ID202, QT402, QT403, QT302: what cannot be used.';

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

CREATE FUNCTION app_private.chunks_at(hits app_private.search_position[]) RETURNS bigint[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    -- the ids of a block are read once, not once a hit
    select array_agg(block.ids[p])
      from (select block_id, array_agg(position) as positions from unnest(chunks_at.hits) group by block_id) h
     cross join lateral (
       select b.chunk_ids || '{}'::bigint[] as ids from app_private.search_blocks b
        where b.tenant_id = app_hidden.current_tenant_id() and b.id = h.block_id
       offset 0) block
     cross join unnest(h.positions) p);
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

CREATE FUNCTION app_private.counted_usage(tenant_ids uuid[], quota_type text, user_id uuid DEFAULT NULL::uuid) RETURNS numeric
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  case counted_usage.quota_type
    when 'users' then
      return (select count(*) from app_public.user_tenants m where m.tenant_id = any (counted_usage.tenant_ids) and m.status = 'active');
    when 'agents' then
      return (select count(*) from app_public.agents a
               where a.tenant_id = any (counted_usage.tenant_ids) and a.deleted_at is null
                 and (counted_usage.user_id is null or a.owner_id = counted_usage.user_id));
    when 'documents' then
      return (select count(*) from app_public.documents d
               where d.tenant_id = any (counted_usage.tenant_ids)
                 and (counted_usage.user_id is null or d.created_by_user_id = counted_usage.user_id));
    when 'storage' then
      return (select coalesce(sum(d.size_bytes), 0) from app_public.documents d
               where d.tenant_id = any (counted_usage.tenant_ids)
                 and (counted_usage.user_id is null or d.created_by_user_id = counted_usage.user_id));
  end case;
end
$$;

ALTER FUNCTION app_private.counted_usage(tenant_ids uuid[], quota_type text, user_id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.counted_usage(tenant_ids uuid[], quota_type text, user_id uuid) IS 'What a count quota counts, read from the rows themselves: active members, agents that are not deleted, documents, bytes of documents.';

CREATE TABLE app_public.quota_tracking (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    quota_type text NOT NULL,
    quota_scope text NOT NULL,
    scope_id uuid NOT NULL,
    includes_subtree boolean NOT NULL,
    period text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    quota_limit numeric,
    hard_limit numeric,
    included_amount numeric,
    alert_threshold_percentage numeric DEFAULT 80 NOT NULL,
    current_usage numeric DEFAULT 0 NOT NULL,
    reserved numeric DEFAULT 0 NOT NULL,
    is_exceeded boolean GENERATED ALWAYS AS (COALESCE((current_usage > quota_limit), false)) STORED NOT NULL,
    overage numeric GENERATED ALWAYS AS (COALESCE(GREATEST((current_usage - included_amount), (0)::numeric), (0)::numeric)) STORED NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT current_usage_is_not_negative CHECK (((current_usage >= (0)::numeric) AND (current_usage < 'Infinity'::numeric))),
    CONSTRAINT period_ends_after_it_starts CHECK ((period_end > period_start)),
    CONSTRAINT reserved_is_not_negative CHECK (((reserved >= (0)::numeric) AND (reserved < 'Infinity'::numeric)))
)
WITH (fillfactor='70');

ALTER TABLE ONLY app_public.quota_tracking FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.quota_tracking OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.quota_tracking IS '@behavior -insert -update -delete
What is used of each limit, a row for each period. Changed by one conditional update in the transaction that uses something.';

COMMENT ON COLUMN app_public.quota_tracking.quota_type IS 'As in usage_quotas.';

COMMENT ON COLUMN app_public.quota_tracking.quota_scope IS 'tenant, user, agent or api_key.';

COMMENT ON COLUMN app_public.quota_tracking.scope_id IS 'Whose use is counted: the tenant, user, agent or API key.';

COMMENT ON COLUMN app_public.quota_tracking.includes_subtree IS 'Whether the tenants below count as well.';

COMMENT ON COLUMN app_public.quota_tracking.period IS 'none, day, month or billing.';

COMMENT ON COLUMN app_public.quota_tracking.period_start IS 'First day of the period in the tenant''s time zone; -infinity where there is none.';

COMMENT ON COLUMN app_public.quota_tracking.period_end IS 'The day after its last; infinity where there is none.';

COMMENT ON COLUMN app_public.quota_tracking.quota_limit IS 'The strictest limit, hard or soft; null when there is none any more. Past periods keep theirs.';

COMMENT ON COLUMN app_public.quota_tracking.hard_limit IS 'The strictest hard limit: current_usage and reserved together never pass it.';

COMMENT ON COLUMN app_public.quota_tracking.included_amount IS 'The limit beyond which use is sold as overage; null when none is sold.';

COMMENT ON COLUMN app_public.quota_tracking.alert_threshold_percentage IS 'As in usage_quotas, of the strictest limit.';

COMMENT ON COLUMN app_public.quota_tracking.current_usage IS 'What there is, or has been used in the period.';

COMMENT ON COLUMN app_public.quota_tracking.reserved IS 'What reservations hold.';

COMMENT ON COLUMN app_public.quota_tracking.is_exceeded IS 'Whether more is used than the limit, as a soft limit or one that was lowered allows.';

COMMENT ON COLUMN app_public.quota_tracking.overage IS 'What is used beyond included_amount, to be billed.';

COMMENT ON COLUMN app_public.quota_tracking.created_at IS 'When the counter began.';

COMMENT ON COLUMN app_public.quota_tracking.updated_at IS 'When it last changed.';

CREATE FUNCTION app_private.counters_wanted(tenant_id uuid, quota_type text) RETURNS SETOF app_public.quota_tracking
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_chain uuid[] := array[counters_wanted.tenant_id];
  v_user_ids uuid[] := '{}';
  v_limit record;
  v_counter app_public.quota_tracking;
begin
  -- whom a limit for users concerns: those it names, and those who have something already
  if exists (select from app_public.usage_quotas q
              where q.tenant_id = counters_wanted.tenant_id and q.quota_type = counters_wanted.quota_type and q.quota_scope = 'user') then
    v_user_ids := array(
      select q.scope_id from app_public.usage_quotas q
       where q.tenant_id = counters_wanted.tenant_id and q.quota_type = counters_wanted.quota_type and q.scope_id is not null
      union
      select a.owner_id from app_public.agents a
       where counters_wanted.quota_type = 'agents' and a.tenant_id = counters_wanted.tenant_id and a.owner_id is not null
      union
      select d.created_by_user_id from app_public.documents d
       where counters_wanted.quota_type in ('documents', 'storage') and d.tenant_id = counters_wanted.tenant_id
         and d.created_by_user_id is not null
      order by 1);
  end if;
  for v_limit in
    select l.* from app_private.quota_limits(v_chain, counters_wanted.tenant_id, counters_wanted.quota_type) l
    union all
    select l.* from unnest(v_user_ids) as u (id),
           app_private.quota_limits(v_chain, counters_wanted.tenant_id, counters_wanted.quota_type, u.id) l
     where l.quota_scope = 'user'
  loop
    v_counter := null;
    v_counter.tenant_id := counters_wanted.tenant_id;
    v_counter.quota_type := counters_wanted.quota_type;
    v_counter.quota_scope := v_limit.quota_scope;
    v_counter.scope_id := v_limit.scope_id;
    v_counter.includes_subtree := v_limit.includes_subtree;
    v_counter.period := v_limit.period;
    v_counter.period_start := '-infinity';
    v_counter.period_end := 'infinity';
    v_counter.quota_limit := v_limit.quota_limit;
    v_counter.hard_limit := v_limit.hard_limit;
    v_counter.included_amount := v_limit.included_amount;
    v_counter.alert_threshold_percentage := v_limit.alert_threshold_percentage;
    v_counter.current_usage := app_private.counted_usage(
      case when v_limit.includes_subtree then app_private.quota_subtree(counters_wanted.tenant_id) else v_chain end,
      counters_wanted.quota_type, case v_limit.quota_scope when 'user' then v_limit.scope_id end);
    return next v_counter;
  end loop;
end
$$;

ALTER FUNCTION app_private.counters_wanted(tenant_id uuid, quota_type text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.counters_wanted(tenant_id uuid, quota_type text) IS 'The counters of a count quota as they must be: one for each thing that is limited, with what there is of it.';

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

CREATE FUNCTION app_private.enter_quota_chain(tenant_id uuid, quota_type text) RETURNS uuid[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_chain uuid[] := app_private.quota_chain(enter_quota_chain.tenant_id);
  v_locked uuid[];
  v_id uuid;
begin
  -- waiting for a lock may have been waiting for the tenant to be moved
  while v_locked is distinct from v_chain loop
    foreach v_id in array v_chain loop
      perform pg_advisory_xact_lock_shared(app_private.quota_lock_key(v_id, enter_quota_chain.quota_type));
    end loop;
    v_locked := v_chain;
    if cardinality(v_chain) = 0 then
      return v_chain;
    end if;
    v_chain := app_private.quota_chain(enter_quota_chain.tenant_id);
  end loop;
  return v_chain;
end
$$;

ALTER FUNCTION app_private.enter_quota_chain(tenant_id uuid, quota_type text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.enter_quota_chain(tenant_id uuid, quota_type text) IS 'Begins a use: until this transaction ends no limit of this type changes for the tenant and those above it. Returns them.';

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

CREATE FUNCTION app_private.expire_holds(counter app_public.quota_tracking) RETURNS numeric
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_amount numeric;
begin
  with expired as (
    delete from app_private.quota_holds h
     where h.tenant_id = (counter).tenant_id and h.counter_id = (counter).id and h.expires_at <= app_hidden.clock()
    returning h.amount
  )
  select coalesce(sum(amount), 0) into v_amount from expired;
  if v_amount > 0 then
    update app_public.quota_tracking c set reserved = c.reserved - v_amount
     where c.tenant_id = (counter).tenant_id and c.id = (counter).id;
  end if;
  return v_amount;
end
$$;

ALTER FUNCTION app_private.expire_holds(counter app_public.quota_tracking) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.expire_holds(counter app_public.quota_tracking) IS 'Gives back what expired reservations hold of a counter, whose row the caller has locked; returns how much.';

CREATE FUNCTION app_private.expire_reservations(most integer DEFAULT 1000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_counter app_public.quota_tracking;
  v_count int := 0;
begin
  for v_counter in
    select c.* from app_public.quota_tracking c
     where c.reserved > 0
       and exists (select from app_private.quota_holds h
                    where h.tenant_id = c.tenant_id and h.counter_id = c.id and h.expires_at <= app_hidden.clock())
     order by c.tenant_id, c.quota_type, c.quota_scope, c.scope_id, c.includes_subtree, c.period, c.period_start
     limit expire_reservations.most
       for update skip locked
  loop
    if app_private.expire_holds(v_counter) > 0 then
      v_count := v_count + 1;
    end if;
  end loop;
  delete from app_public.quota_reservations r where r.expires_at < app_hidden.clock() - interval '30 days';
  return v_count;
end
$$;

ALTER FUNCTION app_private.expire_reservations(most integer) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.expire_reservations(most integer) IS 'Gives back what expired reservations hold, and forgets reservations that ended 30 days ago; returns how many counters changed. Counters in use are left for the next time: whoever needs the room takes it itself.';

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
  v_frequencies := array(select f.document_count from app_private.term_statistics((question).terms, app_private.unmerged_chunk_ids()) f);
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

CREATE FUNCTION app_private.forget_rate_windows() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_count int;
begin
  delete from app_public.rate_limit_usage u
   where u.window_end + make_interval(secs => u.window_seconds) < app_hidden.clock();
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

ALTER FUNCTION app_private.forget_rate_windows() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.forget_rate_windows() IS 'Removes the state of windows that everything has left; returns how many.';

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

CREATE TABLE app_public.quota_reservations (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    quota_type text NOT NULL,
    amount numeric NOT NULL,
    user_id uuid,
    agent_id uuid,
    api_key_id uuid,
    expires_at timestamp with time zone NOT NULL,
    hold_count integer DEFAULT 0 NOT NULL,
    settled_amount numeric,
    settled_at timestamp with time zone,
    released_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT amount_is_positive CHECK (((amount > (0)::numeric) AND (amount < '1000000000000000000'::numeric))),
    CONSTRAINT ends_once CHECK (((settled_at IS NULL) OR (released_at IS NULL))),
    CONSTRAINT quota_type_is_metered CHECK ((quota_type = ANY (ARRAY['api_calls'::text, 'tokens'::text, 'cost'::text]))),
    CONSTRAINT settled_amount_is_not_negative CHECK ((settled_amount >= (0)::numeric)),
    CONSTRAINT settled_has_an_amount CHECK (((settled_at IS NULL) = (settled_amount IS NULL)))
);

ALTER TABLE ONLY app_public.quota_reservations FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.quota_reservations OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.quota_reservations IS '@behavior -insert -update -delete
What calls that are under way may use at most, held until they are settled, released or expired. You see your own; who may view analytics sees all.';

COMMENT ON COLUMN app_public.quota_reservations.quota_type IS 'api_calls, tokens or cost (US dollars).';

COMMENT ON COLUMN app_public.quota_reservations.amount IS 'The most that may be used.';

COMMENT ON COLUMN app_public.quota_reservations.agent_id IS 'The agent whose quotas count as well.';

COMMENT ON COLUMN app_public.quota_reservations.api_key_id IS 'The API key whose quotas count as well.';

COMMENT ON COLUMN app_public.quota_reservations.expires_at IS 'When it gives back what it holds by itself.';

COMMENT ON COLUMN app_public.quota_reservations.hold_count IS '@behavior -*
In how many counters it holds something.';

COMMENT ON COLUMN app_public.quota_reservations.settled_amount IS 'What was used, at most amount; null until it is settled.';

COMMENT ON COLUMN app_public.quota_reservations.settled_at IS 'When it was settled.';

COMMENT ON COLUMN app_public.quota_reservations.released_at IS 'When it was given back unused.';

COMMENT ON COLUMN app_public.quota_reservations.created_at IS 'When it was made.';

CREATE FUNCTION app_private.hold_quota(reservation app_public.quota_reservations) RETURNS SETOF app_public.quota_status
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select * from app_private.use_quota(
      (reservation).tenant_id, (reservation).quota_type, (reservation).amount, (reservation).user_id, (reservation).agent_id,
      (reservation).api_key_id, (reservation).id, (reservation).expires_at);
end
$$;

ALTER FUNCTION app_private.hold_quota(reservation app_public.quota_reservations) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.hold_quota(reservation app_public.quota_reservations) IS 'Holds the amount of a reservation in every counter whose limit holds. QT601: one of them is full.';

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
    select b.id as block_id, r.document_length, r.terms
      from app_private.search_blocks b, unnest(b.chunk_ids) as u (chunk_id)
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
      select u.chunk_id from app_private.search_blocks b, unnest(b.chunk_ids) as u (chunk_id)
       where b.tenant_id = merge_search_index.tenant_id and b.id = any (v_block_ids)),
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

CREATE FUNCTION app_private.move_count(tenant_id uuid, quota_type text, amount numeric, old_user_id uuid, new_user_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- the tenant has as many as before, so only the two users' counters change
  if old_user_id is distinct from new_user_id then
    perform app_private.change_count(move_count.tenant_id, move_count.quota_type, -move_count.amount, move_count.old_user_id, 'user');
    perform app_private.change_count(move_count.tenant_id, move_count.quota_type, move_count.amount, move_count.new_user_id, 'user');
  end if;
end
$$;

ALTER FUNCTION app_private.move_count(tenant_id uuid, quota_type text, amount numeric, old_user_id uuid, new_user_id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.move_count(tenant_id uuid, quota_type text, amount numeric, old_user_id uuid, new_user_id uuid) IS 'What is counted changes hands within a tenant. QT601: more than the limit of the one who gets it.';

CREATE FUNCTION app_private.note_quota_alerts(counter app_public.quota_tracking, usage_before numeric) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into app_public.quota_alerts (
    tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, threshold_percentage, quota_limit, usage_at_alert)
  select (counter).tenant_id, (counter).quota_type, (counter).quota_scope, (counter).scope_id, (counter).includes_subtree,
         (counter).period, (counter).period_start, threshold, (counter).quota_limit, (counter).current_usage
    from unnest(array[(counter).alert_threshold_percentage, 100]) as threshold
   where (counter).quota_limit > 0 and note_quota_alerts.usage_before * 100 < threshold * (counter).quota_limit
     and (counter).current_usage * 100 >= threshold * (counter).quota_limit
   order by threshold
  on conflict do nothing;
end
$$;

ALTER FUNCTION app_private.note_quota_alerts(counter app_public.quota_tracking, usage_before numeric) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.note_quota_alerts(counter app_public.quota_tracking, usage_before numeric) IS 'Writes an alert for each threshold that a counter has just passed, once a threshold and period.';

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

CREATE FUNCTION app_private.own_reservation(reservation_id uuid) RETURNS app_public.quota_reservations
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_reservation app_public.quota_reservations;
begin
  perform app_private.require_role('member');
  select * into v_reservation from app_public.quota_reservations r
   where r.tenant_id = app_hidden.current_tenant_id() and r.id = own_reservation.reservation_id
     and (r.user_id = app_hidden.current_user_id() or app_hidden.has_permission('can_manage_settings'))
     for update;
  if not found then
    perform app_private.raise_error('QT301', 'There is no such reservation.', 'reserve_usage makes one.');
  end if;
  return v_reservation;
end
$$;

ALTER FUNCTION app_private.own_reservation(reservation_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.own_reservation(reservation_id uuid) IS 'A reservation you may end, locked. QT301: there is none.';

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

CREATE FUNCTION app_private.positions_above(threshold double precision, block_ids bigint[], terms text[], weights double precision[], scale double precision, rare_terms text[], dimension integer) RETURNS SETOF app_private.search_position
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
declare
  v_floor vector := app_private.constant_vector(positions_above.threshold, positions_above.dimension);
begin
  return query
    select scored.block_id, hit.position, positions_above.threshold + vector_norm(subvector(scored.excess, hit.position, 1))
      from (
        select block.block_id, block.excess, binary_quantize(block.excess) as bits
          from (
            select t.block_id,
                   t.total - case when t.chunk_count = positions_above.dimension then v_floor else subvector(v_floor, 1, t.chunk_count) end as excess
              from app_private.block_totals(positions_above.block_ids, positions_above.terms, positions_above.weights,
                                            positions_above.scale, positions_above.rare_terms) t
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

ALTER FUNCTION app_private.positions_above(threshold double precision, block_ids bigint[], terms text[], weights double precision[], scale double precision, rare_terms text[], dimension integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.positions_above(threshold double precision, block_ids bigint[], terms text[], weights double precision[], scale double precision, rare_terms text[], dimension integer) IS 'Where the blocks'' stored scores exceed the threshold, and those scores, both divided by scale. dimension: size of the largest block.';

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

CREATE FUNCTION app_private.quota_chain(tenant_id uuid) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_parent_id uuid;
begin
  select t.parent_tenant_id into v_parent_id from app_public.tenants t where t.id = quota_chain.tenant_id;
  if not found then
    return '{}';
  elsif v_parent_id is null then
    return array[quota_chain.tenant_id];
  end if;
  return array(
    with recursive above (id) as (
      select quota_chain.tenant_id
      union  -- ends even if the hierarchy were a circle
      select t.parent_tenant_id from above a join app_public.tenants t on t.id = a.id where t.parent_tenant_id is not null
    )
    select id from above order by id);
end
$$;

ALTER FUNCTION app_private.quota_chain(tenant_id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.quota_chain(tenant_id uuid) IS 'A tenant and those above it, in the order in which their locks are taken; empty when it is being deleted.';

CREATE FUNCTION app_private.quota_limits(chain uuid[], tenant_id uuid, quota_type text, user_id uuid DEFAULT NULL::uuid, agent_id uuid DEFAULT NULL::uuid, api_key_id uuid DEFAULT NULL::uuid) RETURNS TABLE(owner_id uuid, quota_scope text, scope_id uuid, includes_subtree boolean, period text, quota_limit numeric, hard_limit numeric, included_amount numeric, alert_threshold_percentage numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    with applicable as (
      select q.*, s.subject_id
        from app_public.usage_quotas q,
             lateral (select case q.quota_scope
               when 'tenant' then q.tenant_id when 'user' then quota_limits.user_id
               when 'agent' then quota_limits.agent_id else quota_limits.api_key_id end) as s (subject_id)
       where q.tenant_id = any (quota_limits.chain) and q.quota_type = quota_limits.quota_type
         and (q.applies_to_subtree or q.tenant_id = quota_limits.tenant_id)
         and s.subject_id is not null and coalesce(q.scope_id, s.subject_id) = s.subject_id
         -- the users of another tenant are not this quota's
         and (q.quota_scope = 'tenant' or q.tenant_id = quota_limits.tenant_id)
    ), effective as (
      -- one that names somebody replaces one for each; an override replaces the tenant's settings, those the plan.
      -- What the tenant set itself adds to all that and can lift nothing.
      select distinct on (a.tenant_id, a.quota_scope, a.subject_id, a.applies_to_subtree, a.period, a.is_hard_limit, a.source = 'own') a.*
        from applicable a
       order by a.tenant_id, a.quota_scope, a.subject_id, a.applies_to_subtree, a.period, a.is_hard_limit, a.source = 'own',
                a.scope_id is null, array_position(array['own', 'override', 'tenant', 'plan'], a.source)
    )
    select e.tenant_id, e.quota_scope, e.subject_id, e.applies_to_subtree, e.period,
           min(e.quota_limit), min(e.quota_limit) filter (where e.is_hard_limit), min(e.quota_limit) filter (where e.overage_allowed),
           (array_agg(e.alert_threshold_percentage order by e.quota_limit))[1]
      from effective e
     where e.quota_limit is not null
     group by e.tenant_id, e.quota_scope, e.subject_id, e.applies_to_subtree, e.period
     order by e.tenant_id, e.quota_scope, e.subject_id, e.applies_to_subtree, e.period;
end
$$;

ALTER FUNCTION app_private.quota_limits(chain uuid[], tenant_id uuid, quota_type text, user_id uuid, agent_id uuid, api_key_id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.quota_limits(chain uuid[], tenant_id uuid, quota_type text, user_id uuid, agent_id uuid, api_key_id uuid) IS 'The limits that hold for a use, one row a counter, the strictest of each, in the order in which counters are locked.';

CREATE FUNCTION app_private.quota_lock_key(tenant_id uuid, quota_type text) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return hashtextextended(quota_lock_key.tenant_id || quota_lock_key.quota_type, 9);
end
$$;

ALTER FUNCTION app_private.quota_lock_key(tenant_id uuid, quota_type text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.quota_lock_key(tenant_id uuid, quota_type text) IS 'The advisory lock of a quota: uses share it until they commit, setting the limit or moving the tenant takes it alone.';

CREATE FUNCTION app_private.quota_period(tenant_id uuid, period text, at timestamp with time zone) RETURNS daterange
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_timezone text;
  v_anchor timestamptz;
  v_local timestamp;
  v_range tstzrange;
begin
  if quota_period.period = 'none' then
    return daterange('-infinity', 'infinity');
  end if;
  select t.timezone, coalesce(t.subscription_started_at, t.created_at) into v_timezone, v_anchor
    from app_public.tenants t where t.id = quota_period.tenant_id;
  v_local := quota_period.at at time zone v_timezone;
  case quota_period.period
    when 'day' then
      return daterange(v_local::date, v_local::date + 1);
    when 'month' then
      return daterange(date_trunc('month', v_local)::date, (date_trunc('month', v_local) + interval '1 month')::date);
    when 'billing' then
      v_range := app_hidden.billing_period(quota_period.at, (v_anchor at time zone v_timezone)::date, v_timezone);
      return daterange((lower(v_range) at time zone v_timezone)::date, (upper(v_range) at time zone v_timezone)::date);
  end case;
end
$$;

ALTER FUNCTION app_private.quota_period(tenant_id uuid, period text, at timestamp with time zone) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.quota_period(tenant_id uuid, period text, at timestamp with time zone) IS 'The local days of the period an instant falls into: none (for ever), day, month, or billing (a month from the day of the subscription''s start, or of the tenant''s).';

CREATE FUNCTION app_private.quota_subtree(tenant_id uuid) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return array(
    with recursive below (id) as (
      select quota_subtree.tenant_id
      union
      select t.id from below b join app_public.tenants t on t.parent_tenant_id = b.id
    )
    select id from below order by id);
end
$$;

ALTER FUNCTION app_private.quota_subtree(tenant_id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.quota_subtree(tenant_id uuid) IS 'A tenant and those below it.';

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

CREATE TABLE app_private.rate_limit_rules (
    tenant_id uuid NOT NULL,
    config_id uuid NOT NULL,
    window_seconds integer NOT NULL,
    limit_scope text NOT NULL,
    scope_id uuid,
    except_scope_ids uuid[] NOT NULL,
    limit_type text NOT NULL,
    limit_value double precision NOT NULL,
    on_limit_action text NOT NULL,
    warning_value double precision NOT NULL
);

ALTER TABLE ONLY app_private.rate_limit_rules FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.rate_limit_rules OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.rate_limit_rules IS 'The rate limits that hold, one row a window, derived from rate_limit_config.';

CREATE FUNCTION app_private.rate_limit_rules_wanted(tenant_ids uuid[]) RETURNS SETOF app_private.rate_limit_rules
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    with candidate as (
      select t.id as for_tenant_id, c.*,
             case when c.is_default then 1 when c.source = 'plan' then 2 when c.source = 'override' then 3 end as rank
        from app_public.tenants t
        join app_public.rate_limit_config c on c.is_active and (c.tenant_id = t.id or c.is_default)
       where t.id = any (rate_limit_rules_wanted.tenant_ids)
    ), effective as (
      -- a plan replaces the platform's default, an override both; what a tenant set itself adds and lifts nothing
      select distinct on (for_tenant_id, limit_scope, scope_id, limit_type, is_hard_limit, rank is null, case when rank is null then id end) *
        from candidate
       order by for_tenant_id, limit_scope, scope_id, limit_type, is_hard_limit, rank is null, case when rank is null then id end, rank desc
    )
    select e.for_tenant_id, e.id, w.seconds, e.limit_scope, e.scope_id,
           -- a limit for each steps back for those who have one of their own, of the same making
           case when e.scope_id is null and e.limit_scope <> 'tenant' then array(
             select distinct x.scope_id from effective x
              where x.for_tenant_id = e.for_tenant_id and x.limit_scope = e.limit_scope and x.limit_type = e.limit_type
                and x.is_hard_limit = e.is_hard_limit and (x.rank is null) = (e.rank is null) and x.scope_id is not null)
             else '{}' end,
           e.limit_type, w.allowed::double precision, e.on_limit_action, w.allowed::double precision * e.warning_threshold_percent / 100
      from effective e,
           lateral (values (60, e.per_minute), (3600, e.per_hour), (86400, e.per_day), (2592000, e.per_month)) as w (seconds, allowed)
     where w.allowed is not null;
end
$$;

ALTER FUNCTION app_private.rate_limit_rules_wanted(tenant_ids uuid[]) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.rate_limit_rules_wanted(tenant_ids uuid[]) IS 'The rate limits that hold for these tenants, from what is configured for them and by default.';

CREATE FUNCTION app_private.rate_window_steps() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 20;

ALTER FUNCTION app_private.rate_window_steps() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.rate_window_steps() IS 'Into how many buckets a rate limit''s window is cut.';

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

CREATE FUNCTION app_private.recount_quotas(tenant_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.refresh_quota_counters(recount_quotas.tenant_id, t) from unnest(array['agents', 'documents', 'storage', 'users']) t;
end
$$;

ALTER FUNCTION app_private.recount_quotas(tenant_id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.recount_quotas(tenant_id uuid) IS 'Counts anew what a tenant''s count quotas count: the cure for what verify_quotas finds. For administrators in psql.';

CREATE FUNCTION app_private.refresh_quota_counters(tenant_id uuid, quota_type text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_wanted app_public.quota_tracking[];
  v_counter app_public.quota_tracking;
begin
  perform pg_advisory_xact_lock(app_private.quota_lock_key(refresh_quota_counters.tenant_id, refresh_quota_counters.quota_type));

  if app_hidden.is_count_quota(refresh_quota_counters.quota_type) then
    v_wanted := array(select w from app_private.counters_wanted(refresh_quota_counters.tenant_id, refresh_quota_counters.quota_type) w);
    delete from app_public.quota_tracking c
     where c.tenant_id = refresh_quota_counters.tenant_id and c.quota_type = refresh_quota_counters.quota_type
       and not exists (
         select from unnest(v_wanted) w
          where w.quota_scope = c.quota_scope and w.scope_id = c.scope_id and w.includes_subtree = c.includes_subtree);
    insert into app_public.quota_tracking as c (
      tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, period_end,
      quota_limit, hard_limit, included_amount, alert_threshold_percentage, current_usage)
    select tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, period_end,
           quota_limit, hard_limit, included_amount, alert_threshold_percentage, current_usage
      from unnest(v_wanted)
    on conflict (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start) do update
       set quota_limit = excluded.quota_limit, hard_limit = excluded.hard_limit, included_amount = excluded.included_amount,
           alert_threshold_percentage = excluded.alert_threshold_percentage, current_usage = excluded.current_usage;
  else
    -- past periods keep the limits they had; a counter without a limit goes on when there is one again
    update app_public.quota_tracking c
       set quota_limit = l.quota_limit, hard_limit = l.hard_limit, included_amount = l.included_amount,
           alert_threshold_percentage = coalesce(l.alert_threshold_percentage, c.alert_threshold_percentage)
      from app_public.quota_tracking o
      left join lateral app_private.quota_limits(
        array[o.tenant_id], o.tenant_id, o.quota_type,
        case o.quota_scope when 'user' then o.scope_id end, case o.quota_scope when 'agent' then o.scope_id end,
        case o.quota_scope when 'api_key' then o.scope_id end) l
        on l.quota_scope = o.quota_scope and l.includes_subtree = o.includes_subtree and l.period = o.period
     where o.tenant_id = refresh_quota_counters.tenant_id and o.quota_type = refresh_quota_counters.quota_type
       and lower(app_private.quota_period(o.tenant_id, o.period, app_hidden.clock())) = o.period_start
       and c.tenant_id = o.tenant_id and c.id = o.id;
  end if;

  for v_counter in
    select * from app_public.quota_tracking c
     where c.tenant_id = refresh_quota_counters.tenant_id and c.quota_type = refresh_quota_counters.quota_type
       and lower(app_private.quota_period(c.tenant_id, c.period, app_hidden.clock())) = c.period_start
  loop
    perform app_private.note_quota_alerts(v_counter, -1);
  end loop;
end
$$;

ALTER FUNCTION app_private.refresh_quota_counters(tenant_id uuid, quota_type text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.refresh_quota_counters(tenant_id uuid, quota_type text) IS 'Brings a tenant''s counters of a type in line with its limits and, for counts, with what there is. Waits for uses that are under way.';

CREATE FUNCTION app_private.refresh_rate_limit_rules(tenant_ids uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- one at a time: two changes that do not see each other would each leave the other out
  perform pg_advisory_xact_lock(hashtextextended('rate_limit_rules', 9));
  delete from app_private.rate_limit_rules r where r.tenant_id = any (refresh_rate_limit_rules.tenant_ids);
  insert into app_private.rate_limit_rules select * from app_private.rate_limit_rules_wanted(refresh_rate_limit_rules.tenant_ids);
end
$$;

ALTER FUNCTION app_private.refresh_rate_limit_rules(tenant_ids uuid[]) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.refresh_rate_limit_rules(tenant_ids uuid[]) IS 'Works out anew which rate limits hold for these tenants.';

CREATE FUNCTION app_private.refuse_quota(counter app_public.quota_tracking, tenant_id uuid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.raise_error('QT601',
    format('The quota of %s is used up: %s may have %s%s.',
      replace((counter).quota_type, '_', ' '),
      case
        when (counter).tenant_id <> refuse_quota.tenant_id then 'an organization above this tenant, with all below it,'
        when (counter).includes_subtree then 'this tenant with those below it'
        else 'this ' || case (counter).quota_scope when 'api_key' then 'API key' else (counter).quota_scope end
      end,
      trim_scale((counter).hard_limit) || case (counter).quota_type when 'storage' then ' bytes' when 'cost' then ' US dollars' else '' end,
      case (counter).period when 'day' then ' a day' when 'month' then ' a month' when 'billing' then ' a billing period' else '' end),
    case (counter).period
      when 'none' then 'Delete what is no longer needed, or ask for a higher limit.'
      else format('It begins anew on %s; or ask for a higher limit.', (counter).period_end)
    end);
end
$$;

ALTER FUNCTION app_private.refuse_quota(counter app_public.quota_tracking, tenant_id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.refuse_quota(counter app_public.quota_tracking, tenant_id uuid) IS 'QT601, naming type, scope and limit.';

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

CREATE FUNCTION app_private.search_idf(document_count integer, total_docs integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ln(((1)::double precision + ((((total_docs - document_count))::double precision + (0.5)::double precision) / ((document_count)::double precision + (0.5)::double precision))));

ALTER FUNCTION app_private.search_idf(document_count integer, total_docs integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.search_idf(document_count integer, total_docs integer) IS 'Lucene''s inverse document frequency: ln(1 + (N - df + 0.5) / (df + 0.5)).';

CREATE FUNCTION app_private.search_length_norm(document_length integer, average_length double precision, k1 double precision, b double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (k1 * (((1)::double precision - b) + ((b * (document_length)::double precision) / GREATEST(average_length, (1)::double precision))));

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
      select count(*), sum(c.document_length)
        from app_public.document_chunks c
       where c.tenant_id = app_hidden.current_tenant_id() and c.id = any ((select app_private.unmerged_chunk_ids())::bigint[])
      union all
      select -count(*), -sum(r.document_length)
        from app_private.pending_removals() r
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

CREATE FUNCTION app_private.settle_holds(reservation app_public.quota_reservations, actual numeric) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_counter app_public.quota_tracking;
  v_amount numeric;
  v_found int := 0;
  v_counters app_public.quota_tracking[] := '{}';
begin
  -- the counters in their order of locking; then the holds, which change under these locks only
  for v_counter in
    select c.* from app_public.quota_tracking c
     where (c.tenant_id, c.id) in (select h.tenant_id, h.counter_id from app_private.quota_holds h
                                    where h.reservation_id = (reservation).id and h.reservation_tenant_id = (reservation).tenant_id)
     order by c.tenant_id, c.quota_type, c.quota_scope, c.scope_id, c.includes_subtree, c.period, c.period_start
       for update
  loop
    delete from app_private.quota_holds h
     where h.tenant_id = v_counter.tenant_id and h.counter_id = v_counter.id and h.reservation_id = (reservation).id
    returning h.amount into v_amount;
    if found then
      v_found := v_found + 1;
      update app_public.quota_tracking c set reserved = c.reserved - v_amount
       where c.tenant_id = v_counter.tenant_id and c.id = v_counter.id;
      v_counters := v_counters || v_counter;
    end if;
  end loop;

  if v_found < (reservation).hold_count then
    -- it expired and others may have used what it held: it must find room again
    if settle_holds.actual > 0 then
      perform from app_private.use_quota(
        (reservation).tenant_id, (reservation).quota_type, settle_holds.actual, (reservation).user_id, (reservation).agent_id,
        (reservation).api_key_id);
    end if;
    return;
  end if;
  foreach v_counter in array v_counters loop
    update app_public.quota_tracking c set current_usage = c.current_usage + settle_holds.actual
     where c.tenant_id = v_counter.tenant_id and c.id = v_counter.id
    returning * into v_counter;
    perform app_private.note_quota_alerts(v_counter, v_counter.current_usage - settle_holds.actual);
  end loop;
end
$$;

ALTER FUNCTION app_private.settle_holds(reservation app_public.quota_reservations, actual numeric) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.settle_holds(reservation app_public.quota_reservations, actual numeric) IS 'Turns what a reservation holds into what was used. QT601: it had expired, and there is no room any more.';

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

CREATE FUNCTION app_private.sparse_impacts(positions smallint[], impacts smallint[], idf double precision, dimension integer) RETURNS public.sparsevec
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- whole numbers, which are read twice as fast as fractions and added up without rounding
  return ('{' || (
    select string_agg(p || ':' || ceil(i * sparse_impacts.idf)::int, ',')
      from unnest(sparse_impacts.positions, sparse_impacts.impacts) as u (p, i)) || '}/' || sparse_impacts.dimension)::public.sparsevec;
end
$$;

ALTER FUNCTION app_private.sparse_impacts(positions smallint[], impacts smallint[], idf double precision, dimension integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.sparse_impacts(positions smallint[], impacts smallint[], idf double precision, dimension integer) IS 'A vector over the positions of a block: impact times idf, rounded up, and 0 where the term does not occur.';

CREATE FUNCTION app_private.status_of_counter(counter app_public.quota_tracking) RETURNS app_public.quota_status
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return row (
    (counter).quota_type, (counter).quota_scope, (counter).scope_id, (counter).includes_subtree, (counter).period,
    nullif((counter).period_start, '-infinity'), nullif((counter).period_end, 'infinity'),
    (counter).quota_limit, (counter).hard_limit, (counter).current_usage, (counter).reserved,
    greatest((counter).quota_limit - (counter).current_usage - (counter).reserved, 0),
    coalesce((counter).current_usage * 100 >= (counter).alert_threshold_percentage * (counter).quota_limit, false),
    coalesce((counter).current_usage > (counter).quota_limit, false))::app_public.quota_status;
end
$$;

ALTER FUNCTION app_private.status_of_counter(counter app_public.quota_tracking) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.status_of_counter(counter app_public.quota_tracking) IS 'A counter as the API shows it.';

CREATE FUNCTION app_private.store_api_calls() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_taken record;
  v_count bigint := 0;
begin
  for v_taken in
    select c.tenant_id, sum(c.calls) as calls, jsonb_agg(jsonb_build_object(
             -- an identity of the buffer, which gives each number once
             'idempotency_key', 'api_calls:' || c.first_id, 'usage_type', 'api_call', 'quantity', c.calls,
             'occurred_at', c.called_from, 'user_id', c.user_id, 'api_key_id', c.api_key_id)) as events
      -- a sum stands for at least one request, so no list is longer than what is recorded at once
      from app_private.take_api_calls(10000) c
     group by c.tenant_id
     order by c.tenant_id
  loop
    perform from app_private.record_tenant_usage(v_taken.tenant_id, v_taken.events);
    v_count := v_count + v_taken.calls;
  end loop;
  return v_count;
end
$$;

ALTER FUNCTION app_private.store_api_calls() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.store_api_calls() IS 'Books up to 10,000 served requests as usage events of type api_call and returns how many. Taken and booked in one transaction: each request once.';

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

CREATE FUNCTION app_private.take_api_calls(most integer DEFAULT 100000) RETURNS TABLE(tenant_id uuid, user_id uuid, api_key_id uuid, called_from timestamp with time zone, first_id bigint, last_id bigint, calls bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    with batch as (
      select b.tenant_id, b.id from app_private.api_call_buffer b order by b.tenant_id, b.id limit take_api_calls.most
         for update skip locked
    ), taken as (
      delete from app_private.api_call_buffer b using batch t where b.tenant_id = t.tenant_id and b.id = t.id
      returning b.*
    )
    select t.tenant_id, t.user_id, t.api_key_id, date_trunc('minute', t.called_at), min(t.id), max(t.id), count(*)
      from taken t
     group by t.tenant_id, t.user_id, t.api_key_id, date_trunc('minute', t.called_at)
     order by 1, 4, 2, 3;
end
$$;

ALTER FUNCTION app_private.take_api_calls(most integer) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.take_api_calls(most integer) IS 'Takes served requests out of their buffer, summed by tenant, user, API key and minute. Whoever calls it books them in the same transaction: each request is taken once, and comes back when that fails.';

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
        from app_public.document_chunks c
       cross join unnest(c.content_tsvector) l
       where c.tenant_id = app_hidden.current_tenant_id() and c.id = any ((select app_private.unmerged_chunk_ids())::bigint[])
      union all
      select l.lexeme, -1 from app_private.pending_removals() r, unnest(r.terms) l
    ) as found (term, n)
   group by found.term
  having sum(found.n) <> 0;
$$;

ALTER FUNCTION app_private.term_document_counts() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.term_document_counts() IS 'In how many chunks of this tenant each term of the vocabulary occurs, from the index.';

CREATE FUNCTION app_private.term_statistics(terms text[], unmerged_ids bigint[]) RETURNS TABLE(document_count integer, is_rare_somewhere boolean)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  -- not in the query, which would read it anew for each chunk
  v_any_term tsquery := app_private.any_term(term_statistics.terms);
begin
  return query
    with block as materialized (
      select b.id from app_private.search_blocks b where b.tenant_id = app_hidden.current_tenant_id()
    ), term as materialized (
      select t.term, t.i, f.n, f.blocks < (select count(*) from block) as is_rare_somewhere
        from unnest(term_statistics.terms) with ordinality as t (term, i)
       cross join lateral (
         select coalesce(sum(p.document_count), 0) as n, count(*) as blocks
           from app_private.search_postings p
          where p.tenant_id = app_hidden.current_tenant_id() and p.term = t.term collate "C") f
    ), found as (
      select term, n from term
      union all
      select t.term, r.ends[a.at] - coalesce(r.ends[a.at - 1], 0)
        from term t
       cross join block b
       cross join lateral (
         select r.terms, r.ends from app_private.search_rare_postings r
          where r.tenant_id = app_hidden.current_tenant_id() and r.block_id = b.id and r.last_term >= t.term collate "C"
          order by r.last_term limit 1) r
       cross join lateral (select array_position(r.terms, t.term collate "C") as at) a
       where t.is_rare_somewhere and a.at is not null
      union all
      select r.term, -r.document_count
        from app_private.search_removals r
       where r.tenant_id = app_hidden.current_tenant_id() and r.term = any (term_statistics.terms)
      union all
      select l.lexeme, 1
        from app_public.document_chunks c
       cross join unnest(c.content_tsvector) l
       where c.tenant_id = app_hidden.current_tenant_id() and c.id = any (term_statistics.unmerged_ids)
         and c.content_tsvector @@ v_any_term
         and l.lexeme = any (term_statistics.terms)
      union all
      select l.lexeme, -1
        from app_private.pending_removals() r, unnest(r.terms) l
       where l.lexeme = any (term_statistics.terms)
    ), counted as (
      select term, sum(n)::int as n from found group by term
    )
    select c.n, t.is_rare_somewhere
      from term t
      join counted c using (term)
     order by t.i;
end
$$;

ALTER FUNCTION app_private.term_statistics(terms text[], unmerged_ids bigint[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.term_statistics(terms text[], unmerged_ids bigint[]) IS 'For each term, in its order: in how many chunks of this tenant it occurs, as of this snapshot, and whether it is rare in at least one block.';

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

CREATE FUNCTION app_private.tg_agents__count_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if old.deleted_at is null and new.deleted_at is null and old.tenant_id = new.tenant_id then
    perform app_private.move_count(new.tenant_id, 'agents', 1, old.owner_id, new.owner_id);
    return null;
  end if;
  if old.deleted_at is null then
    perform app_private.change_count(old.tenant_id, 'agents', -1, old.owner_id);
  end if;
  if new.deleted_at is null then
    perform app_private.change_count(new.tenant_id, 'agents', 1, new.owner_id);
  end if;
  return null;
end
$$;

ALTER FUNCTION app_private.tg_agents__count_change() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_agents__count_change() IS 'Counts agents that are deleted, restored or change their owner. QT601: more than the quota.';

CREATE FUNCTION app_private.tg_agents__count_rows() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.change_count(r.tenant_id, 'agents', case tg_op when 'INSERT' then r.number else -r.number end, r.owner_id)
    from (select c.tenant_id, c.owner_id, count(*) as number from changed_rows c where c.deleted_at is null
           group by c.tenant_id, c.owner_id order by c.tenant_id, c.owner_id) r;
  return null;
end
$$;

ALTER FUNCTION app_private.tg_agents__count_rows() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_agents__count_rows() IS 'Counts agents that come and go. QT601: more than the quota.';

CREATE FUNCTION app_private.tg_documents__count_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.move_count(new.tenant_id, 'documents', 1, old.created_by_user_id, new.created_by_user_id);
  perform app_private.move_count(new.tenant_id, 'storage', old.size_bytes, old.created_by_user_id, new.created_by_user_id);
  perform app_private.change_count(new.tenant_id, 'storage', new.size_bytes - old.size_bytes, new.created_by_user_id);
  return null;
end
$$;

ALTER FUNCTION app_private.tg_documents__count_change() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_documents__count_change() IS 'Counts the bytes of documents that are replaced by larger or smaller ones, and documents that change hands. QT601: more than the quota.';

CREATE FUNCTION app_private.tg_documents__count_rows() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_sign int := case tg_op when 'INSERT' then 1 else -1 end;
begin
  -- first all the one type, then the other: the same order in every statement
  perform app_private.change_count(r.tenant_id, r.quota_type, v_sign * r.amount, r.created_by_user_id)
    from (select c.tenant_id, t.quota_type, c.created_by_user_id, sum(case t.quota_type when 'storage' then c.size_bytes else 1 end) as amount
            from changed_rows c, unnest(array['documents', 'storage']) as t (quota_type)
           group by 1, 2, 3 order by 1, 2, 3) r;
  return null;
end
$$;

ALTER FUNCTION app_private.tg_documents__count_rows() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_documents__count_rows() IS 'Counts documents that come and go, and their bytes. QT601: more than the quota.';

CREATE FUNCTION app_private.tg_rate_limit_config__check_scope() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if new.limit_scope = 'user' and new.scope_id is not null
      and not exists (select from app_public.user_tenants m where m.tenant_id = new.tenant_id and m.user_id = new.scope_id)
    or new.limit_scope = 'agent' and new.scope_id is not null
      and not exists (select from app_public.agents a where a.tenant_id = new.tenant_id and a.id = new.scope_id) then
    perform app_private.raise_error('RL301', 'There is no such user or agent in this tenant.', 'Name one of its members or agents, or nobody for each of them.');
  end if;
  if new.is_default and not exists (select from app_public.tenants t where t.id = new.tenant_id and t.type = 'platform') then
    perform app_private.raise_error('RL401', 'Only the platform''s own tenant can hold defaults.', 'Set is_default in the tenant of type platform.');
  end if;
  return new;
end
$$;

ALTER FUNCTION app_private.tg_rate_limit_config__check_scope() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_rate_limit_config__check_scope() IS 'RL301: the user or agent a limit names is not of its tenant; RL401: a default outside of the platform''s tenant.';

CREATE FUNCTION app_private.tg_rate_limit_config__refresh_rules() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.refresh_rate_limit_rules(
    case when coalesce(new.is_default, false) or coalesce(old.is_default, false) then array(select t.id from app_public.tenants t)
         else array[coalesce(new.tenant_id, old.tenant_id)] end);
  return null;
end
$$;

ALTER FUNCTION app_private.tg_rate_limit_config__refresh_rules() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_rate_limit_config__refresh_rules() IS 'Rate limits hold from the commit that sets them.';

CREATE FUNCTION app_private.tg_tenants__move_counts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_new_parent_id uuid := case tg_op when 'UPDATE' then new.parent_tenant_id end;
  v_left uuid[] := case when old.parent_tenant_id is null then '{}' else app_private.quota_chain(old.parent_tenant_id) end;
  v_entered uuid[] := case when v_new_parent_id is null then '{}' else app_private.quota_chain(v_new_parent_id) end;
  v_type text;
  v_id uuid;
  v_amount numeric;
  v_counter app_public.quota_tracking;
begin
  if old.parent_tenant_id is not distinct from v_new_parent_id then
    return coalesce(new, old);
  end if;
  foreach v_type in array array['agents', 'documents', 'storage', 'users'] loop
    for v_id in select distinct id from unnest(v_left || v_entered) as id order by 1 loop
      perform pg_advisory_xact_lock_shared(app_private.quota_lock_key(v_id, v_type));
    end loop;
    -- nothing below comes or goes until this is done
    perform pg_advisory_xact_lock(app_private.quota_lock_key(old.id, v_type));
    v_amount := null;
    for v_counter in
      select * from app_public.quota_tracking c
       where c.tenant_id = any (v_left || v_entered) and not (c.tenant_id = any (v_left) and c.tenant_id = any (v_entered))
         and c.quota_type = v_type and c.includes_subtree
       order by c.tenant_id
         for update
    loop
      v_amount := coalesce(v_amount, app_private.counted_usage(app_private.quota_subtree(old.id), v_type));
      if v_counter.tenant_id = any (v_entered) and v_amount > 0 and v_counter.current_usage + v_amount > v_counter.hard_limit then
        perform app_private.refuse_quota(v_counter, old.id);
      end if;
      update app_public.quota_tracking c
         set current_usage = greatest(c.current_usage + case when c.tenant_id = any (v_entered) then v_amount else -v_amount end, 0)
       where c.tenant_id = v_counter.tenant_id and c.id = v_counter.id;
    end loop;
  end loop;
  return coalesce(new, old);
end
$$;

ALTER FUNCTION app_private.tg_tenants__move_counts() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_tenants__move_counts() IS 'What a tenant and those below it have counts for the tenants above it, wherever it is moved, until it is deleted. QT601: more than the quota of one it would come under.';

CREATE FUNCTION app_private.tg_tenants__set_quotas() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_wrong text;
begin
  if tg_op = 'UPDATE' and old.quotas = new.quotas then
    return null;
  end if;
  select string_agg(key, ', ' order by key) into v_wrong
    from jsonb_each(new.quotas) as q (key, value)
   where key not in ('max_users', 'max_agents', 'max_documents', 'max_api_calls_per_month', 'max_storage_gb')
      or jsonb_typeof(value) not in ('number', 'null')
      -- compared as JSON, because a number may be too large for a cast
      or jsonb_typeof(value) = 'number' and not (value >= '0' and value <= '1000000000000');
  if v_wrong is not null then
    perform app_private.raise_error('QT401', format('These quotas are not known, or not numbers from 0 on: %s.', v_wrong),
      'Known are max_users, max_agents, max_documents, max_api_calls_per_month, max_storage_gb; null means unlimited.');
  end if;

  delete from app_public.usage_quotas q
   where q.tenant_id = new.id and q.source = 'tenant'
     and not new.quotas ? case q.quota_type when 'api_calls' then 'max_api_calls_per_month' when 'storage' then 'max_storage_gb'
                            else 'max_' || q.quota_type end;
  insert into app_public.usage_quotas as q (tenant_id, quota_type, period, quota_limit, source)
  select new.id, k.quota_type, case k.quota_type when 'api_calls' then 'billing' else 'none' end,
         trunc((new.quotas ->> k.key)::numeric * case k.quota_type when 'storage' then 1073741824 else 1 end), 'tenant'
    from (values ('agents', 'max_agents'), ('api_calls', 'max_api_calls_per_month'), ('documents', 'max_documents'),
                 ('storage', 'max_storage_gb'), ('users', 'max_users')) as k (quota_type, key)
   where new.quotas ? k.key
   order by k.quota_type
  on conflict (tenant_id, quota_type, quota_scope, scope_id, period, applies_to_subtree, is_hard_limit, source) do update
     set quota_limit = excluded.quota_limit
   where q.quota_limit is distinct from excluded.quota_limit;
  return null;
end
$$;

ALTER FUNCTION app_private.tg_tenants__set_quotas() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_tenants__set_quotas() IS 'Makes tenants.quotas hold, as rows of usage_quotas. QT401: a key is unknown or its value is not a number from 0 on or null.';

CREATE FUNCTION app_private.tg_tenants__set_rate_limits() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- without defaults there is nothing to work out, and new tenants do not wait for each other
  if exists (select from app_public.rate_limit_config c where c.is_default) then
    perform app_private.refresh_rate_limit_rules(array[new.id]);
  end if;
  return null;
end
$$;

ALTER FUNCTION app_private.tg_tenants__set_rate_limits() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_tenants__set_rate_limits() IS 'The platform''s default rate limits hold for a new tenant at once.';

CREATE FUNCTION app_private.tg_usage_quotas__check_scope() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if new.quota_scope = 'user' and new.scope_id is not null
      and not exists (select from app_public.user_tenants m where m.tenant_id = new.tenant_id and m.user_id = new.scope_id)
    or new.quota_scope = 'agent' and new.scope_id is not null
      and not exists (select from app_public.agents a where a.tenant_id = new.tenant_id and a.id = new.scope_id) then
    perform app_private.raise_error('QT302', 'There is no such user or agent in this tenant.', 'Name one of its members or agents, or nobody for each of them.');
  end if;
  return new;
end
$$;

ALTER FUNCTION app_private.tg_usage_quotas__check_scope() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_usage_quotas__check_scope() IS 'QT302: the user or agent a quota names is not of its tenant.';

CREATE FUNCTION app_private.tg_usage_quotas__refresh_counters() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_changed record;
begin
  for v_changed in
    select distinct c.tenant_id, c.quota_type
      from (select old.tenant_id, old.quota_type where tg_op <> 'INSERT'
            union all select new.tenant_id, new.quota_type where tg_op <> 'DELETE') c
      -- of a tenant that is being deleted nothing is left to count
      join app_public.tenants t on t.id = c.tenant_id
     order by 1, 2
  loop
    perform app_private.refresh_quota_counters(v_changed.tenant_id, v_changed.quota_type);
  end loop;
  return null;
end
$$;

ALTER FUNCTION app_private.tg_usage_quotas__refresh_counters() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_usage_quotas__refresh_counters() IS 'Counters follow their limits at once.';

CREATE FUNCTION app_private.tg_user_tenants__count_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if old.status = 'active' then
    perform app_private.change_count(old.tenant_id, 'users', -1, null);
  end if;
  if new.status = 'active' then
    perform app_private.change_count(new.tenant_id, 'users', 1, null);
  end if;
  return null;
end
$$;

ALTER FUNCTION app_private.tg_user_tenants__count_change() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_user_tenants__count_change() IS 'Counts members that become active or cease to be. QT601: more than the quota.';

CREATE FUNCTION app_private.tg_user_tenants__count_rows() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.change_count(r.tenant_id, 'users', case tg_op when 'INSERT' then r.number else -r.number end, null)
    from (select c.tenant_id, count(*) as number from changed_rows c where c.status = 'active' group by c.tenant_id order by c.tenant_id) r;
  return null;
end
$$;

ALTER FUNCTION app_private.tg_user_tenants__count_rows() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_user_tenants__count_rows() IS 'Counts active members that come and go. QT601: more than the quota.';

CREATE FUNCTION app_private.threshold(scores public.vector, wanted double precision, highest double precision) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
declare
  v_low double precision := 0;
  v_high double precision := threshold.highest;
  v_middle double precision;
  v_dimension int := vector_dims(threshold.scores);
begin
  if threshold.scores is null then
    return 0;
  end if;
  -- ten halvings are finer than the scores of a sample lie apart
  for i in 1..10 loop
    v_middle := (v_low + v_high) / 2;
    if bit_count(binary_quantize(threshold.scores - app_private.constant_vector(v_middle, v_dimension))) >= threshold.wanted then
      v_low := v_middle;
    else
      v_high := v_middle;
    end if;
  end loop;
  return v_low;
end
$$;

ALTER FUNCTION app_private.threshold(scores public.vector, wanted double precision, highest double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.threshold(scores public.vector, wanted double precision, highest double precision) IS 'A score that at least so many of these exceed, as high as ten halvings from the highest find it; 0 when there are not so many.';

CREATE FUNCTION app_private.tsquery_term(term text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((''''::text || replace(replace(term, '\'::text, '\\'::text), ''''::text, ''''''::text)) || ''''::text);

ALTER FUNCTION app_private.tsquery_term(term text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tsquery_term(term text) IS 'A lexeme as it is written in a tsquery.';

CREATE FUNCTION app_private.unknown_terms(terms text[]) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select array(
      select t from unnest(unknown_terms.terms) t
       where length(t) between 4 and 40 and t !~ '[0-9]'
         and not exists (
           select from app_private.search_terms v where v.tenant_id = app_hidden.current_tenant_id() and v.term = t collate "C")
         and not exists (
           select from app_public.document_chunks c
            where c.tenant_id = app_hidden.current_tenant_id() and c.id = any ((select app_private.unmerged_chunk_ids())::bigint[])
              and c.content_tsvector @@ app_private.tsquery_term(t)::tsquery)));
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
      from app_public.document_chunks c
     cross join unnest(c.content_tsvector) l
     where c.tenant_id = app_hidden.current_tenant_id() and c.id = any (array(
       select chunk_id from app_private.search_changes
        where tenant_id = app_hidden.current_tenant_id() and kind = 'added'
        order by chunk_id desc limit 2000));
end
$$;

ALTER FUNCTION app_private.unmerged_terms() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.unmerged_terms() IS 'The vocabulary of the chunks that no block has yet.';

CREATE FUNCTION app_private.use_quota(tenant_id uuid, quota_type text, amount numeric, user_id uuid DEFAULT NULL::uuid, agent_id uuid DEFAULT NULL::uuid, api_key_id uuid DEFAULT NULL::uuid, reservation_id uuid DEFAULT NULL::uuid, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, scope text DEFAULT NULL::text) RETURNS SETOF app_public.quota_status
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_chain uuid[] := app_private.enter_quota_chain(use_quota.tenant_id, use_quota.quota_type);
  v_used numeric := case when use_quota.reservation_id is null then use_quota.amount else 0 end;
  v_held numeric := use_quota.amount - v_used;
  v_limit record;
  v_period daterange;
  v_counter app_public.quota_tracking;
begin
  for v_limit in
    select * from app_private.quota_limits(
      v_chain, use_quota.tenant_id, use_quota.quota_type, use_quota.user_id, use_quota.agent_id, use_quota.api_key_id) l
     where use_quota.scope is null or l.quota_scope = use_quota.scope
  loop
    v_period := app_private.quota_period(v_limit.owner_id, v_limit.period, app_hidden.clock());
    loop
      update app_public.quota_tracking c
         set current_usage = greatest(c.current_usage + v_used, 0), reserved = c.reserved + v_held
       where c.tenant_id = v_limit.owner_id and c.quota_type = use_quota.quota_type and c.quota_scope = v_limit.quota_scope
         and c.scope_id = v_limit.scope_id and c.includes_subtree = v_limit.includes_subtree
         and c.period = v_limit.period and c.period_start = lower(v_period)
         and (use_quota.amount <= 0 or c.hard_limit is null or c.current_usage + c.reserved + use_quota.amount <= c.hard_limit)
      returning * into v_counter;
      exit when found;

      select * into v_counter from app_public.quota_tracking c
       where c.tenant_id = v_limit.owner_id and c.quota_type = use_quota.quota_type and c.quota_scope = v_limit.quota_scope
         and c.scope_id = v_limit.scope_id and c.includes_subtree = v_limit.includes_subtree
         and c.period = v_limit.period and c.period_start = lower(v_period)
         for update;
      if found then
        -- the row is locked now: either something has been given back, or it is full
        if app_private.expire_holds(v_counter) = 0
          and v_counter.current_usage + v_counter.reserved + use_quota.amount > v_counter.hard_limit then
          perform app_private.refuse_quota(v_counter, use_quota.tenant_id);
        end if;
      else
        -- the first use of a period, or of somebody who had nothing when the limit was set (see refresh_quota_counters)
        insert into app_public.quota_tracking (
          tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, period_end,
          quota_limit, hard_limit, included_amount, alert_threshold_percentage)
        values (
          v_limit.owner_id, use_quota.quota_type, v_limit.quota_scope, v_limit.scope_id, v_limit.includes_subtree, v_limit.period,
          lower(v_period), upper(v_period),
          v_limit.quota_limit, v_limit.hard_limit, v_limit.included_amount, v_limit.alert_threshold_percentage)
        on conflict do nothing;
      end if;
    end loop;

    if v_held > 0 then
      insert into app_private.quota_holds (tenant_id, counter_id, reservation_tenant_id, reservation_id, amount, expires_at)
      values (v_counter.tenant_id, v_counter.id, use_quota.tenant_id, use_quota.reservation_id, v_held, use_quota.expires_at);
    elsif v_used > 0 then
      perform app_private.note_quota_alerts(v_counter, v_counter.current_usage - v_used);
    end if;
    return next app_private.status_of_counter(v_counter);
  end loop;
end
$$;

ALTER FUNCTION app_private.use_quota(tenant_id uuid, quota_type text, amount numeric, user_id uuid, agent_id uuid, api_key_id uuid, reservation_id uuid, expires_at timestamp with time zone, scope text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.use_quota(tenant_id uuid, quota_type text, amount numeric, user_id uuid, agent_id uuid, api_key_id uuid, reservation_id uuid, expires_at timestamp with time zone, scope text) IS 'Takes an amount from every counter whose limit holds, or holds it there for a reservation; a negative amount gives back. Returns the counters. QT601: one of them is full.';

CREATE FUNCTION app_private.use_rate_window(rule app_private.rate_limit_rules, subject_id uuid, amount double precision, at timestamp with time zone) RETURNS app_public.rate_limit_decision
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_steps constant int := app_private.rate_window_steps();
  v_step constant interval := make_interval(secs => (rule).window_seconds) / v_steps;
  v_seconds constant double precision := (rule).window_seconds / v_steps::double precision;
  -- where the bucket of this instant ends
  v_end constant timestamptz := to_timestamp((floor(extract(epoch from at)::double precision / v_seconds) + 1) * v_seconds);
  v_usage app_public.rate_limit_usage;
  v_buckets double precision[];
  v_passed int;
  v_left double precision;
  v_fits boolean;
  v_retry_after_ms bigint := 0;
begin
  loop
    select * into v_usage from app_public.rate_limit_usage u
     where u.tenant_id = (rule).tenant_id and u.config_id = (rule).config_id and u.scope_id = subject_id
       and u.window_seconds = (rule).window_seconds
       for update;
    exit when found;
    insert into app_public.rate_limit_usage (tenant_id, config_id, scope_id, window_seconds, past_buckets, window_start, window_end)
    values ((rule).tenant_id, (rule).config_id, subject_id, (rule).window_seconds, array_fill(0::double precision, array[v_steps]),
            v_end - v_step * (v_steps + 1), v_end)
    on conflict do nothing;
  end loop;

  -- oldest first, the newest last; what has passed falls off the front
  v_buckets := v_usage.past_buckets || (v_usage.usage_count - v_usage.past_count);
  if at >= v_usage.window_end then
    v_passed := least(round(extract(epoch from v_end - v_usage.window_end)::double precision / v_seconds), v_steps + 1);
    v_usage.window_end := v_end;
    v_buckets := v_buckets[v_passed + 1:] || array_fill(0::double precision, array[v_passed]);
  end if;
  v_usage.past_buckets := v_buckets[:v_steps];
  v_usage.past_count := (select sum(b) from unnest(v_usage.past_buckets) as b);
  v_usage.usage_count := v_usage.past_count + v_buckets[v_steps + 1];

  v_fits := v_usage.usage_count + amount <= (rule).limit_value;
  if not v_fits then
    -- it fits once so many of the oldest buckets have left that the rest leaves room
    v_retry_after_ms := null;
    v_left := v_usage.usage_count + amount;
    for i in 1 .. v_steps + 1 loop
      v_left := v_left - v_buckets[i];
      if v_left <= (rule).limit_value then
        v_retry_after_ms := ceil(extract(epoch from v_usage.window_end + v_step * (i - 1) - at) * 1000);
        exit;
      end if;
    end loop;
  end if;
  if v_fits or (rule).on_limit_action in ('throttle', 'warn') then
    -- a soft limit counts what goes beyond it
    v_usage.usage_count := v_usage.usage_count + amount;
  end if;
  update app_public.rate_limit_usage u
     set usage_count = v_usage.usage_count, past_count = v_usage.past_count, past_buckets = v_usage.past_buckets,
         window_start = v_usage.window_end - v_step * (v_steps + 1), window_end = v_usage.window_end,
         is_exceeded = not v_fits, exceeded_at = case when v_fits then u.exceeded_at else at end, updated_at = at
   where u.tenant_id = (rule).tenant_id and u.config_id = (rule).config_id and u.scope_id = subject_id
     and u.window_seconds = (rule).window_seconds;
  return row (
    v_fits or (rule).on_limit_action in ('throttle', 'warn'), case when not v_fits then (rule).on_limit_action end,
    v_usage.usage_count >= (rule).warning_value, (rule).limit_scope, (rule).limit_type, (rule).window_seconds, (rule).limit_value,
    greatest((rule).limit_value - v_usage.usage_count, 0), v_usage.window_end + make_interval(secs => (rule).window_seconds),
    v_retry_after_ms, (rule).config_id)::app_public.rate_limit_decision;
end
$$;

ALTER FUNCTION app_private.use_rate_window(rule app_private.rate_limit_rules, subject_id uuid, amount double precision, at timestamp with time zone) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.use_rate_window(rule app_private.rate_limit_rules, subject_id uuid, amount double precision, at timestamp with time zone) IS 'Counts an amount in one window if it fits or the limit is soft, and says what the limit says; retry_after_ms is null when it never fits.';

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

CREATE FUNCTION app_private.verify_quotas() RETURNS TABLE(tenant_id uuid, quota_type text, quota_scope text, scope_id uuid, includes_subtree boolean, what text, is_value numeric, should_be numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select c.tenant_id, c.quota_type, c.quota_scope, c.scope_id, c.includes_subtree, 'current_usage', c.current_usage, r.used
      from app_public.quota_tracking c,
           lateral (select app_private.counted_usage(
             case when c.includes_subtree then app_private.quota_subtree(c.tenant_id) else array[c.tenant_id] end,
             c.quota_type, case c.quota_scope when 'user' then c.scope_id end) as used) r
     where app_hidden.is_count_quota(c.quota_type) and c.current_usage <> r.used
    union all
    select c.tenant_id, c.quota_type, c.quota_scope, c.scope_id, c.includes_subtree, 'reserved', c.reserved, h.held
      from app_public.quota_tracking c,
           lateral (select coalesce(sum(amount), 0) as held from app_private.quota_holds h
                     where h.tenant_id = c.tenant_id and h.counter_id = c.id) h
     where c.reserved <> h.held
    union all
    -- a limit of a tenant's count that has no counter would not hold
    select w.tenant_id, w.quota_type, w.quota_scope, w.scope_id, w.includes_subtree, 'current_usage', null, w.current_usage
      from (select distinct q.tenant_id, q.quota_type from app_public.usage_quotas q where app_hidden.is_count_quota(q.quota_type)) q,
           lateral app_private.counters_wanted(q.tenant_id, q.quota_type) w
     where w.current_usage > 0 and not exists (
       select from app_public.quota_tracking c
        where c.tenant_id = w.tenant_id and c.quota_type = w.quota_type and c.quota_scope = w.quota_scope
          and c.scope_id = w.scope_id and c.includes_subtree = w.includes_subtree);
end
$$;

ALTER FUNCTION app_private.verify_quotas() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.verify_quotas() IS 'Counters that differ from what they count, or from what their reservations hold; normally none. recount_quotas mends a count. For administrators in psql.';

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

CREATE TABLE app_public.quota_alerts (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    quota_type text NOT NULL,
    quota_scope text NOT NULL,
    scope_id uuid NOT NULL,
    includes_subtree boolean NOT NULL,
    period text NOT NULL,
    period_start date NOT NULL,
    threshold_percentage numeric NOT NULL,
    quota_limit numeric NOT NULL,
    usage_at_alert numeric NOT NULL,
    acknowledged_at timestamp with time zone,
    acknowledged_by_user_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_public.quota_alerts FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.quota_alerts OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.quota_alerts IS '@behavior -insert -update -delete
That a threshold of a limit was passed: once a threshold and period. You see your own; who may view analytics sees all.';

COMMENT ON COLUMN app_public.quota_alerts.quota_type IS 'As in usage_quotas.';

COMMENT ON COLUMN app_public.quota_alerts.quota_scope IS 'tenant, user, agent or api_key.';

COMMENT ON COLUMN app_public.quota_alerts.scope_id IS 'Whose use it is: the tenant, user, agent or API key.';

COMMENT ON COLUMN app_public.quota_alerts.includes_subtree IS 'Whether the tenants below count as well.';

COMMENT ON COLUMN app_public.quota_alerts.period IS 'none, day, month or billing.';

COMMENT ON COLUMN app_public.quota_alerts.period_start IS 'First day of the period; -infinity where there is none.';

COMMENT ON COLUMN app_public.quota_alerts.threshold_percentage IS 'The threshold, in percent of the limit.';

COMMENT ON COLUMN app_public.quota_alerts.quota_limit IS 'The limit at that moment.';

COMMENT ON COLUMN app_public.quota_alerts.usage_at_alert IS 'What was used at that moment.';

COMMENT ON COLUMN app_public.quota_alerts.acknowledged_at IS 'When somebody said that they have seen it (acknowledge_quota_alert).';

COMMENT ON COLUMN app_public.quota_alerts.acknowledged_by_user_id IS 'Who that was.';

COMMENT ON COLUMN app_public.quota_alerts.created_at IS 'When it was passed.';

CREATE FUNCTION app_public.acknowledge_quota_alert(id uuid) RETURNS app_public.quota_alerts
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_alert app_public.quota_alerts;
begin
  perform app_private.require_permission('can_manage_settings');
  update app_public.quota_alerts a
     set acknowledged_at = coalesce(a.acknowledged_at, clock_timestamp()),
         acknowledged_by_user_id = case when a.acknowledged_at is null then app_hidden.current_user_id() else a.acknowledged_by_user_id end
   where a.tenant_id = app_hidden.current_tenant_id() and a.id = acknowledge_quota_alert.id
  returning * into v_alert;
  if not found then
    perform app_private.raise_error('QT303', 'There is no such alert.', 'List the quota alerts of this tenant.');
  end if;
  return v_alert;
end
$$;

ALTER FUNCTION app_public.acknowledge_quota_alert(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.acknowledge_quota_alert(id uuid) IS '@resultFieldName alert
Says that you have seen an alert; the first to do so is kept. Who may manage settings. QT303: no such alert; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision DEFAULT 1.2, b double precision DEFAULT 0.75) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((term_freq IS NULL) OR (doc_freq IS NULL) OR (total_docs IS NULL) OR (doc_length IS NULL) OR (avg_doc_length IS NULL) OR (term_freq <= (0)::double precision) OR (avg_doc_length <= (0)::double precision)) THEN (0)::double precision ELSE (((ln(((1)::double precision + ((((total_docs - doc_freq))::double precision + (0.5)::double precision) / ((doc_freq)::double precision + (0.5)::double precision)))) * term_freq) * (k1 + (1)::double precision)) / (term_freq + (k1 * (((1)::double precision - b) + ((b * (doc_length)::double precision) / avg_doc_length))))) END;

ALTER FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) IS 'BM25 of one term in one document (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009) with Lucene''s idf, ln(1 + (N - df + 0.5) / (df + 0.5)), which is never negative. 0 when the term does not occur or the collection is empty.';

CREATE FUNCTION app_public.check_rate_limit(agent_id uuid DEFAULT NULL::uuid, requests integer DEFAULT 1, tokens bigint DEFAULT 0, cost numeric DEFAULT 0) RETURNS app_public.rate_limit_decision
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_decision app_public.rate_limit_decision;
begin
  perform app_private.require_role('member');
  if not coalesce(requests >= 0 and tokens >= 0 and cost >= 0 and cost < 1e12, false) then
    perform app_private.raise_error('RL402', 'requests, tokens and cost must be numbers from 0 on.', 'Costs are in US dollars; all 0 only asks.');
  end if;
  if check_rate_limit.agent_id is not null
    and not exists (select from app_public.agents a where a.id = check_rate_limit.agent_id and a.deleted_at is null) then
    perform app_private.raise_error('RL301', 'There is no such user or agent in this tenant.', 'List the agents of this tenant.');
  end if;
  v_decision := app_private.check_rate_limit(
    app_hidden.current_tenant_id(), app_hidden.current_user_id(), check_rate_limit.agent_id, null, requests, tokens, cost::double precision);
  -- a caller that does not look at the answer is stopped all the same
  if not v_decision.is_allowed and v_decision.action = 'block' and (requests > 0 or tokens > 0 or cost > 0) then
    perform app_private.raise_error('RL601', 'Too many requests, tokens or cost at once.',
      case when v_decision.retry_after_ms is null then 'This is more than the limit itself; ask for less at once.'
           else format('Try again in %s s.', ceil(v_decision.retry_after_ms / 1000.0)) end);
  end if;
  return v_decision;
end
$$;

ALTER FUNCTION app_public.check_rate_limit(agent_id uuid, requests integer, tokens bigint, cost numeric) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.check_rate_limit(agent_id uuid, requests integer, tokens bigint, cost numeric) IS '@resultFieldName decision
Asks all rate limits of this tenant, of you and of the agent at once whether requests, tokens and cost (US dollars) may pass now, and counts them in all or, when one refuses, in none. All 0 only asks. isAllowed false with action queue: try again after retryAfterMs. action throttle: allowed, but wait retryAfterMs before the next; warn: allowed beyond the limit. Members. RL601: refused by a limit whose action is block; RL402: not an amount; RL301: no such agent; ID202: your role does not allow it.';

CREATE FUNCTION app_public.consume_quota(quota_type text, amount numeric, agent_id uuid DEFAULT NULL::uuid) RETURNS SETOF app_public.quota_status
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.check_use(consume_quota.quota_type, consume_quota.amount, consume_quota.agent_id);
  return query
    select * from app_private.use_quota(
      app_hidden.current_tenant_id(), consume_quota.quota_type, consume_quota.amount, app_hidden.current_user_id(), consume_quota.agent_id) q
     -- a tenant does not see those above it
     where q.quota_scope <> 'tenant' or q.scope_id = app_hidden.current_tenant_id();
end
$$;

ALTER FUNCTION app_public.consume_quota(quota_type text, amount numeric, agent_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.consume_quota(quota_type text, amount numeric, agent_id uuid) IS '@resultFieldName quotas
Takes an amount of api_calls, tokens or cost (US dollars) from all quotas that hold for you, the agent, this tenant and those above it, or from none. Returns what is left of those of this tenant; nothing when there is no limit. Members. QT601: a hard limit has no room, the message says which; QT402: not a type that is consumed; QT403: not an amount; QT302: no such agent; ID202: your role does not allow it.';

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

COMMENT ON COLUMN app_public.document_chunks.content_tsvector IS '@behavior -*
The document''s title (weight A) and the chunk, as the text-search configuration of the source''s language reads them.';

COMMENT ON COLUMN app_public.document_chunks.document_length IS 'Length for BM25: tokens of content_tsvector.';

COMMENT ON COLUMN app_public.document_chunks.created_at IS 'When it was cut.';

CREATE FUNCTION app_public.document_chunks_idf_scores(chunk app_public.document_chunks) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(jsonb_object_agg(u.term, app_private.search_idf(f.document_count, t.total_docs)), '{}')
    from app_public.document_chunks c
   cross join app_private.search_totals() t
   cross join lateral (select tsvector_to_array(c.content_tsvector) as terms) v
   cross join lateral app_private.term_statistics(v.terms, app_private.unmerged_chunk_ids()) with ordinality as f (document_count, is_rare_somewhere, i)
   cross join lateral unnest(v.terms) with ordinality as u (term, i)
   where c.tenant_id = app_hidden.current_tenant_id() and c.id = (chunk).id and u.i = f.i;
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

CREATE FUNCTION app_public.my_quotas(agent_id uuid DEFAULT NULL::uuid) RETURNS SETOF app_public.quota_status
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
begin
  return query
    select t.quota_type, l.quota_scope, l.scope_id, l.includes_subtree, l.period, nullif(lower(p), '-infinity'), nullif(upper(p), 'infinity'),
           l.quota_limit, l.hard_limit, coalesce(c.current_usage, 0), coalesce(c.reserved, 0),
           greatest(l.quota_limit - coalesce(c.current_usage + c.reserved, 0), 0),
           coalesce(c.current_usage, 0) * 100 >= l.alert_threshold_percentage * l.quota_limit,
           coalesce(c.current_usage, 0) > l.quota_limit
      from unnest(array['users', 'agents', 'documents', 'storage', 'api_calls', 'tokens', 'cost']) with ordinality as t (quota_type, n)
     -- of the tenants above only their own people see limits and use
     cross join lateral app_private.quota_limits(array[v_tenant_id], v_tenant_id, t.quota_type, app_hidden.current_user_id(), my_quotas.agent_id) l
     cross join lateral app_private.quota_period(l.owner_id, l.period, app_hidden.clock()) p
      left join app_public.quota_tracking c
        on c.tenant_id = l.owner_id and c.quota_type = t.quota_type and c.quota_scope = l.quota_scope and c.scope_id = l.scope_id
       and c.includes_subtree = l.includes_subtree and c.period = l.period and c.period_start = lower(p)
     order by t.n, l.quota_scope, l.includes_subtree, l.period;
end
$$;

ALTER FUNCTION app_public.my_quotas(agent_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.my_quotas(agent_id uuid) IS 'Every limit that holds for you in this tenant (and for the agent, when one is named), with what is used of it in the period at hand.';

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

CREATE FUNCTION app_public.quota_reservations_status(reservation app_public.quota_reservations) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return case
    when (reservation).settled_at is not null then 'settled'
    when (reservation).released_at is not null then 'released'
    when (reservation).expires_at <= app_hidden.clock() then 'expired'
    else 'held'
  end;
end
$$;

ALTER FUNCTION app_public.quota_reservations_status(reservation app_public.quota_reservations) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.quota_reservations_status(reservation app_public.quota_reservations) IS 'held, settled, released or expired.';

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

CREATE FUNCTION app_public.release_usage(reservation_id uuid) RETURNS app_public.quota_reservations
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_reservation app_public.quota_reservations := app_private.own_reservation(release_usage.reservation_id);
begin
  if v_reservation.settled_at is not null then
    perform app_private.raise_error('QT501', 'The reservation has been settled with another amount, or released.', 'Reserve anew for another call.');
  elsif v_reservation.released_at is null then
    perform app_private.settle_holds(v_reservation, 0);
    update app_public.quota_reservations r set released_at = app_hidden.clock()
     where r.tenant_id = v_reservation.tenant_id and r.id = v_reservation.id
    returning * into v_reservation;
  end if;
  return v_reservation;
end
$$;

ALTER FUNCTION app_public.release_usage(reservation_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.release_usage(reservation_id uuid) IS '@resultFieldName reservation
Gives back all that was reserved, for a call that was not made. Again is no error. Whoever reserved, or who may manage settings. QT501: it has been settled; QT301: no such reservation; ID202: your role does not allow it.';

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

CREATE FUNCTION app_public.reserve_usage(quota_type text, amount numeric, ttl_seconds integer DEFAULT 600, agent_id uuid DEFAULT NULL::uuid) RETURNS app_public.quota_reservations
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_reservation app_public.quota_reservations;
  v_hold_count int;
begin
  perform app_private.check_use(reserve_usage.quota_type, reserve_usage.amount, reserve_usage.agent_id);
  if reserve_usage.ttl_seconds is null or reserve_usage.ttl_seconds not between 1 and 86400 then
    perform app_private.raise_error('QT404', 'ttl_seconds must be from 1 to 86400.', 'Ten minutes are enough for most calls.');
  end if;
  v_reservation.tenant_id := app_hidden.current_tenant_id();
  v_reservation.id := gen_random_uuid();
  v_reservation.quota_type := reserve_usage.quota_type;
  v_reservation.amount := reserve_usage.amount;
  v_reservation.user_id := app_hidden.current_user_id();
  v_reservation.agent_id := reserve_usage.agent_id;
  v_reservation.expires_at := app_hidden.clock() + make_interval(secs => reserve_usage.ttl_seconds);
  select count(*) into v_hold_count from app_private.hold_quota(v_reservation);
  insert into app_public.quota_reservations (tenant_id, id, quota_type, amount, user_id, agent_id, expires_at, hold_count)
  values (v_reservation.tenant_id, v_reservation.id, v_reservation.quota_type, v_reservation.amount, v_reservation.user_id,
          v_reservation.agent_id, v_reservation.expires_at, v_hold_count)
  returning * into v_reservation;
  return v_reservation;
end
$$;

ALTER FUNCTION app_public.reserve_usage(quota_type text, amount numeric, ttl_seconds integer, agent_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.reserve_usage(quota_type text, amount numeric, ttl_seconds integer, agent_id uuid) IS '@resultFieldName reservation
Holds an amount of api_calls, tokens or cost (US dollars) for a call that is about to be made: the most it may use, such as the prompt''s tokens and max_tokens. Settle it with what was used, or release it; after ttl_seconds (1 to 86400, default 600) it gives back by itself. Members. QT601: a hard limit has no room, the message says which; QT402: not a type that is consumed; QT403: not an amount; QT404: ttl_seconds out of range; QT302: no such agent; ID202: your role does not allow it.';

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

CREATE FUNCTION app_public.settle_usage(reservation_id uuid, actual numeric) RETURNS app_public.quota_reservations
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_reservation app_public.quota_reservations := app_private.own_reservation(settle_usage.reservation_id);
begin
  if settle_usage.actual is null or not (settle_usage.actual >= 0 and settle_usage.actual < 1e18)
    or v_reservation.quota_type <> 'cost' and settle_usage.actual <> trunc(settle_usage.actual) then
    perform app_private.raise_error('QT403', 'amount must be a positive number, and whole but for a cost.', 'Costs are in US dollars.');
  end if;
  if v_reservation.settled_at is not null and v_reservation.settled_amount = settle_usage.actual then
    return v_reservation;
  elsif v_reservation.settled_at is not null or v_reservation.released_at is not null then
    perform app_private.raise_error('QT501', 'The reservation has been settled with another amount, or released.', 'Reserve anew for another call.');
  elsif settle_usage.actual > v_reservation.amount then
    perform app_private.raise_error('QT405', 'More was used than was reserved.',
      'Settle what was reserved and consume the rest; reserve the most a call may use.');
  end if;
  perform app_private.settle_holds(v_reservation, settle_usage.actual);
  update app_public.quota_reservations r set settled_amount = settle_usage.actual, settled_at = app_hidden.clock()
   where r.tenant_id = v_reservation.tenant_id and r.id = v_reservation.id
  returning * into v_reservation;
  return v_reservation;
end
$$;

ALTER FUNCTION app_public.settle_usage(reservation_id uuid, actual numeric) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.settle_usage(reservation_id uuid, actual numeric) IS '@resultFieldName reservation
Says what a call really used, from 0 to what was reserved, in the period it was reserved in; the rest is free at once. Again with the same amount is no error. Whoever reserved, or who may manage settings. QT405: more than was reserved, which stays held; QT601: it had expired and there is no room any more; QT501: settled otherwise or released; QT403: not an amount; QT301: no such reservation; ID202: your role does not allow it.';

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

CREATE TABLE app_private.api_call_buffer (
    tenant_id uuid NOT NULL,
    id bigint NOT NULL,
    user_id uuid,
    api_key_id uuid,
    called_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY app_private.api_call_buffer FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.api_call_buffer OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.api_call_buffer IS 'Requests that were served and are not yet booked as usage.';

ALTER TABLE app_private.api_call_buffer ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app_private.api_call_buffer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

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

CREATE TABLE app_private.quota_holds (
    tenant_id uuid NOT NULL,
    counter_id uuid NOT NULL,
    reservation_tenant_id uuid NOT NULL,
    reservation_id uuid NOT NULL,
    amount numeric NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT amount_is_positive CHECK ((amount > (0)::numeric))
);

ALTER TABLE ONLY app_private.quota_holds FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.quota_holds OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.quota_holds IS 'What a reservation holds of each counter; changed only while the counter''s row is locked.';

ALTER TABLE app_private.search_blocks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app_private.search_blocks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE app_private.search_removals (
    tenant_id uuid NOT NULL,
    term text NOT NULL COLLATE pg_catalog."C",
    block_id bigint NOT NULL,
    document_count integer NOT NULL
);

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

CREATE TABLE app_public.rate_limit_config (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    limit_scope text DEFAULT 'tenant'::text NOT NULL,
    scope_id uuid,
    limit_type text DEFAULT 'requests'::text NOT NULL,
    per_minute integer,
    per_hour integer,
    per_day integer,
    per_month integer,
    on_limit_action text DEFAULT 'block'::text NOT NULL,
    is_hard_limit boolean GENERATED ALWAYS AS ((on_limit_action = ANY (ARRAY['block'::text, 'queue'::text]))) STORED NOT NULL,
    warning_threshold_percent integer DEFAULT 80 NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    is_default boolean DEFAULT false NOT NULL,
    source text DEFAULT 'own'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT default_names_nobody CHECK (((NOT is_default) OR (scope_id IS NULL))),
    CONSTRAINT limit_scope_is_known CHECK ((limit_scope = ANY (ARRAY['tenant'::text, 'user'::text, 'agent'::text, 'api_key'::text]))),
    CONSTRAINT limit_type_is_known CHECK ((limit_type = ANY (ARRAY['requests'::text, 'tokens'::text, 'cost'::text]))),
    CONSTRAINT limits_are_positive CHECK (((per_minute > 0) AND (per_hour > 0) AND (per_day > 0) AND (per_month > 0))),
    CONSTRAINT on_limit_action_is_known CHECK ((on_limit_action = ANY (ARRAY['block'::text, 'throttle'::text, 'warn'::text, 'queue'::text]))),
    CONSTRAINT scope_of_the_tenant_has_no_id CHECK (((limit_scope <> 'tenant'::text) OR (scope_id IS NULL))),
    CONSTRAINT source_is_known CHECK ((source = ANY (ARRAY['plan'::text, 'override'::text, 'own'::text]))),
    CONSTRAINT there_is_a_limit CHECK ((num_nonnulls(per_minute, per_hour, per_day, per_month) > 0)),
    CONSTRAINT warning_threshold_is_a_percentage CHECK (((warning_threshold_percent >= 0) AND (warning_threshold_percent <= 100)))
);

ALTER TABLE ONLY app_public.rate_limit_config FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.rate_limit_config OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.rate_limit_config IS 'How fast requests, tokens and cost may come. All that concern a use decide together. Everyone reads them; who may manage settings sets the tenant''s own, which can only limit it further.';

COMMENT ON COLUMN app_public.rate_limit_config.limit_scope IS 'Whose use is limited: tenant, user, agent or api_key.';

COMMENT ON COLUMN app_public.rate_limit_config.scope_id IS 'The user, agent or API key; null for each of them on its own, unless it is named in a row of its own. Always null for the tenant.';

COMMENT ON COLUMN app_public.rate_limit_config.limit_type IS 'requests, tokens or cost (in US cents).';

COMMENT ON COLUMN app_public.rate_limit_config.per_minute IS 'Most in any 60 seconds; null for no such limit.';

COMMENT ON COLUMN app_public.rate_limit_config.per_hour IS 'Most in any hour; null for no such limit.';

COMMENT ON COLUMN app_public.rate_limit_config.per_day IS 'Most in any 24 hours; null for no such limit.';

COMMENT ON COLUMN app_public.rate_limit_config.per_month IS 'Most in any 30 days; null for no such limit. Months of the calendar are quotas.';

COMMENT ON COLUMN app_public.rate_limit_config.on_limit_action IS 'What happens beyond the limit: block (refused), queue (refused, to be tried again by the caller), throttle (allowed, the caller should wait) or warn (allowed).';

COMMENT ON COLUMN app_public.rate_limit_config.is_hard_limit IS 'Whether it refuses: block and queue do.';

COMMENT ON COLUMN app_public.rate_limit_config.warning_threshold_percent IS 'From how many percent of the limit on a decision carries a warning, 0 to 100, by default 80.';

COMMENT ON COLUMN app_public.rate_limit_config.is_active IS 'Whether it holds.';

COMMENT ON COLUMN app_public.rate_limit_config.is_default IS 'Whether it holds for every tenant that has nothing else of that kind from its plan. Of the platform''s tenant only.';

COMMENT ON COLUMN app_public.rate_limit_config.source IS 'Who set it: plan, or override (platform staff), which replaces the plan''s for the same thing; or own, which adds to them.';

COMMENT ON COLUMN app_public.rate_limit_config.created_at IS 'When it was set.';

COMMENT ON COLUMN app_public.rate_limit_config.updated_at IS 'When it last changed.';

CREATE UNLOGGED TABLE app_public.rate_limit_usage (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    config_id uuid NOT NULL,
    scope_id uuid NOT NULL,
    window_seconds integer NOT NULL,
    usage_count double precision DEFAULT 0 NOT NULL,
    past_count double precision DEFAULT 0 NOT NULL,
    past_buckets double precision[] NOT NULL,
    window_start timestamp with time zone NOT NULL,
    window_end timestamp with time zone NOT NULL,
    is_exceeded boolean DEFAULT false NOT NULL,
    exceeded_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE ONLY app_public.rate_limit_usage FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.rate_limit_usage OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.rate_limit_usage IS '@behavior -insert -update -delete +query:resource:connection
The sliding windows at hand. A crash of the database forgets them and nothing else. You see your own; who may view analytics sees all.';

COMMENT ON COLUMN app_public.rate_limit_usage.config_id IS 'The limit.';

COMMENT ON COLUMN app_public.rate_limit_usage.scope_id IS 'Whose use it is: the tenant, user, agent or API key.';

COMMENT ON COLUMN app_public.rate_limit_usage.window_seconds IS 'Length of the window: 60, 3600, 86400 or 2592000.';

COMMENT ON COLUMN app_public.rate_limit_usage.usage_count IS 'What was used between window_start and the last use, in units of the limit.';

COMMENT ON COLUMN app_public.rate_limit_usage.past_count IS '@behavior -*
The part of usage_count that is in past_buckets.';

COMMENT ON COLUMN app_public.rate_limit_usage.past_buckets IS '@behavior -*
Use in the twentieths of the window before the newest, oldest first.';

COMMENT ON COLUMN app_public.rate_limit_usage.window_start IS 'Start of the oldest twentieth that counts.';

COMMENT ON COLUMN app_public.rate_limit_usage.window_end IS 'End of the newest twentieth.';

COMMENT ON COLUMN app_public.rate_limit_usage.is_exceeded IS 'Whether the last use was beyond the limit.';

COMMENT ON COLUMN app_public.rate_limit_usage.exceeded_at IS 'When a use was last beyond the limit.';

COMMENT ON COLUMN app_public.rate_limit_usage.created_at IS 'When this window was first used.';

COMMENT ON COLUMN app_public.rate_limit_usage.updated_at IS 'When it was last used.';

CREATE TABLE app_public.usage_quotas (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    quota_type text NOT NULL,
    quota_scope text DEFAULT 'tenant'::text NOT NULL,
    scope_id uuid,
    period text NOT NULL,
    quota_limit numeric,
    is_hard_limit boolean DEFAULT true NOT NULL,
    overage_allowed boolean DEFAULT false NOT NULL,
    alert_threshold_percentage numeric DEFAULT 80 NOT NULL,
    applies_to_subtree boolean DEFAULT false NOT NULL,
    source text DEFAULT 'own'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT alert_threshold_is_a_percentage CHECK (((alert_threshold_percentage > (0)::numeric) AND (alert_threshold_percentage <= (100)::numeric))),
    CONSTRAINT hard_limit_has_no_overage CHECK ((NOT (is_hard_limit AND overage_allowed))),
    CONSTRAINT only_a_tenant_has_a_subtree CHECK (((NOT applies_to_subtree) OR (quota_scope = 'tenant'::text))),
    CONSTRAINT period_fits_the_type CHECK (
CASE
    WHEN app_hidden.is_count_quota(quota_type) THEN (period = 'none'::text)
    ELSE (period = ANY (ARRAY['day'::text, 'month'::text, 'billing'::text]))
END),
    CONSTRAINT quota_limit_is_an_amount CHECK (((quota_limit >= (0)::numeric) AND (quota_limit < '1000000000000000000'::numeric) AND ((quota_type = 'cost'::text) OR (quota_limit = trunc(quota_limit))))),
    CONSTRAINT quota_scope_is_known CHECK ((quota_scope = ANY (ARRAY['tenant'::text, 'user'::text, 'agent'::text, 'api_key'::text]))),
    CONSTRAINT quota_type_is_known CHECK ((quota_type = ANY (ARRAY['users'::text, 'agents'::text, 'documents'::text, 'storage'::text, 'api_calls'::text, 'tokens'::text, 'cost'::text]))),
    CONSTRAINT scope_fits_what_is_counted CHECK (((NOT app_hidden.is_count_quota(quota_type)) OR (quota_scope = 'tenant'::text) OR ((quota_scope = 'user'::text) AND (quota_type <> 'users'::text)))),
    CONSTRAINT scope_of_the_tenant_has_no_id CHECK (((quota_scope <> 'tenant'::text) OR (scope_id IS NULL))),
    CONSTRAINT source_is_known CHECK ((source = ANY (ARRAY['plan'::text, 'tenant'::text, 'override'::text, 'own'::text])))
);

ALTER TABLE ONLY app_public.usage_quotas FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.usage_quotas OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.usage_quotas IS 'Limits of what there may be (users, agents, documents, storage) or be used in a period (api_calls, tokens, cost). The strictest that holds decides. Everyone reads them; who may manage settings sets the tenant''s own, which can only limit it further.';

COMMENT ON COLUMN app_public.usage_quotas.quota_type IS 'users (active members), agents (not deleted), documents, storage (bytes of documents), api_calls, tokens or cost (US dollars).';

COMMENT ON COLUMN app_public.usage_quotas.quota_scope IS 'Whose use is limited: tenant, user, agent or api_key.';

COMMENT ON COLUMN app_public.usage_quotas.scope_id IS 'The user, agent or API key; null for each of them on its own, unless it is named in a row of the same source. Always null for the tenant.';

COMMENT ON COLUMN app_public.usage_quotas.period IS 'none for what is counted; day, month (of the calendar) or billing (a month from the day the subscription, or the tenant, began) for what is used, in the tenant''s time zone.';

COMMENT ON COLUMN app_public.usage_quotas.quota_limit IS 'The limit, in units of the type, from 0 on; whole but for a cost. null: unlimited, to lift one of lower source.';

COMMENT ON COLUMN app_public.usage_quotas.is_hard_limit IS 'Whether a use beyond the limit is refused (QT601). A soft limit only warns, by alerts.';

COMMENT ON COLUMN app_public.usage_quotas.overage_allowed IS 'Whether use beyond a soft limit is sold: it is counted as overage. Set by plans and platform staff.';

COMMENT ON COLUMN app_public.usage_quotas.alert_threshold_percentage IS 'At how many percent of the limit an alert is written, once a period; above 0, at most 100, by default 80. Another is written at 100.';

COMMENT ON COLUMN app_public.usage_quotas.applies_to_subtree IS 'Whether the use of all tenants below this one counts as well.';

COMMENT ON COLUMN app_public.usage_quotas.source IS 'Who set it: plan, tenant (from tenants.quotas) or override (platform staff), each replacing the one before for the same thing; or own, which adds to them.';

COMMENT ON COLUMN app_public.usage_quotas.created_at IS 'When it was set.';

COMMENT ON COLUMN app_public.usage_quotas.updated_at IS 'When it last changed.';

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_private.analyst_tenants
    ADD CONSTRAINT analyst_tenants_pkey PRIMARY KEY (tenant_id, login);

ALTER TABLE ONLY app_private.api_call_buffer
    ADD CONSTRAINT api_call_buffer_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_private.document_files
    ADD CONSTRAINT document_files_pkey PRIMARY KEY (tenant_id, document_id);

ALTER TABLE ONLY app_private.quota_holds
    ADD CONSTRAINT quota_holds_pkey PRIMARY KEY (tenant_id, counter_id, reservation_id);

ALTER TABLE ONLY app_private.rate_limit_rules
    ADD CONSTRAINT rate_limit_rules_pkey PRIMARY KEY (tenant_id, config_id, window_seconds);

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

ALTER TABLE ONLY app_public.quota_alerts
    ADD CONSTRAINT quota_alerts_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.quota_reservations
    ADD CONSTRAINT quota_reservations_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.quota_tracking
    ADD CONSTRAINT quota_tracking_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_tenant_id_id_key UNIQUE (tenant_id, id);

COMMENT ON CONSTRAINT rag_knowledge_sources_tenant_id_id_key ON app_public.rag_knowledge_sources IS '@behavior -single -update -delete';

ALTER TABLE ONLY app_public.rate_limit_config
    ADD CONSTRAINT rate_limit_config_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.rate_limit_usage
    ADD CONSTRAINT rate_limit_usage_pkey PRIMARY KEY (tenant_id, config_id, scope_id, window_seconds);

ALTER TABLE ONLY app_public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.usage_quotas
    ADD CONSTRAINT usage_quotas_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.user_profiles
    ADD CONSTRAINT user_profiles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_tenant_id_user_id_key UNIQUE (tenant_id, user_id);

CREATE INDEX admin_access_log_admin_user_id_idx ON app_private.admin_access_log USING btree (admin_user_id);

CREATE INDEX analyst_tenants_login_idx ON app_private.analyst_tenants USING btree (login);

CREATE INDEX query_log_buffer_tenant_id_idx ON app_private.query_log_buffer USING btree (tenant_id);

CREATE INDEX quota_holds_reservation_id_idx ON app_private.quota_holds USING btree (reservation_id);

CREATE INDEX quota_holds_tenant_id_counter_id_expires_at_idx ON app_private.quota_holds USING btree (tenant_id, counter_id, expires_at);

CREATE INDEX rate_limit_rules_config_id_idx ON app_private.rate_limit_rules USING btree (config_id);

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

CREATE INDEX quota_alerts_acknowledged_by_user_id_idx ON app_public.quota_alerts USING btree (acknowledged_by_user_id);

CREATE UNIQUE INDEX quota_alerts_tenant_id_quota_type_quota_scope_scope_id_incl_idx ON app_public.quota_alerts USING btree (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, threshold_percentage, quota_limit);

CREATE INDEX quota_reservations_expires_at_idx ON app_public.quota_reservations USING btree (expires_at);

CREATE UNIQUE INDEX quota_tracking_tenant_id_quota_type_quota_scope_scope_id_in_idx ON app_public.quota_tracking USING btree (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start);

CREATE INDEX rag_knowledge_sources_created_by_user_id_idx ON app_public.rag_knowledge_sources USING btree (created_by_user_id);

CREATE INDEX rag_knowledge_sources_embedding_model_idx ON app_public.rag_knowledge_sources USING btree (embedding_model);

CREATE UNIQUE INDEX rag_knowledge_sources_tenant_id_name_key ON app_public.rag_knowledge_sources USING btree (tenant_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX rate_limit_config_is_default_idx ON app_public.rate_limit_config USING btree (is_default) WHERE is_default;

CREATE UNIQUE INDEX rate_limit_config_tenant_id_limit_scope_scope_id_limit_type_idx ON app_public.rate_limit_config USING btree (tenant_id, limit_scope, scope_id, limit_type, source, is_hard_limit, is_default) NULLS NOT DISTINCT;

CREATE INDEX rate_limit_usage_config_id_idx ON app_public.rate_limit_usage USING btree (config_id);

CREATE INDEX tenants_account_manager_id_idx ON app_public.tenants USING btree (account_manager_id);

CREATE UNIQUE INDEX tenants_domain_key ON app_public.tenants USING btree (lower(domain));

CREATE UNIQUE INDEX tenants_one_platform_key ON app_public.tenants USING btree (type) WHERE (type = 'platform'::text);

CREATE INDEX tenants_parent_tenant_id_idx ON app_public.tenants USING btree (parent_tenant_id);

CREATE UNIQUE INDEX tenants_slug_key ON app_public.tenants USING btree (slug);

CREATE UNIQUE INDEX usage_quotas_tenant_id_quota_type_quota_scope_scope_id_peri_idx ON app_public.usage_quotas USING btree (tenant_id, quota_type, quota_scope, scope_id, period, applies_to_subtree, is_hard_limit, source) NULLS NOT DISTINCT;

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

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.quota_tracking FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.rag_knowledge_sources FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.rate_limit_config FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.usage_quotas FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.user_profiles FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.user_tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _200_check_scope BEFORE INSERT OR UPDATE ON app_public.rate_limit_config FOR EACH ROW EXECUTE FUNCTION app_private.tg_rate_limit_config__check_scope();

CREATE TRIGGER _200_check_scope BEFORE INSERT OR UPDATE ON app_public.usage_quotas FOR EACH ROW EXECUTE FUNCTION app_private.tg_usage_quotas__check_scope();

CREATE TRIGGER _500_drop_search_index AFTER DELETE ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__drop_search_index();

CREATE TRIGGER _500_list_added_chunks AFTER INSERT ON app_public.document_chunks REFERENCING NEW TABLE AS added_chunks FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg__list_added_chunks();

CREATE TRIGGER _500_list_removed_chunks AFTER DELETE ON app_public.document_chunks REFERENCING OLD TABLE AS removed_chunks FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg__list_removed_chunks();

CREATE TRIGGER _500_refuse_change BEFORE UPDATE OF tenant_id, id, content, content_tsvector, document_length ON app_public.document_chunks FOR EACH ROW EXECUTE FUNCTION app_private.tg__refuse_chunk_change();

CREATE TRIGGER _600_count_added AFTER INSERT ON app_public.agents REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_agents__count_rows();

CREATE TRIGGER _600_count_added AFTER INSERT ON app_public.documents REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_documents__count_rows();

CREATE TRIGGER _600_count_added AFTER INSERT ON app_public.user_tenants REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_user_tenants__count_rows();

CREATE TRIGGER _600_count_changed AFTER UPDATE ON app_public.agents FOR EACH ROW WHEN ((((old.deleted_at IS NULL) <> (new.deleted_at IS NULL)) OR (old.owner_id IS DISTINCT FROM new.owner_id) OR (old.tenant_id <> new.tenant_id))) EXECUTE FUNCTION app_private.tg_agents__count_change();

CREATE TRIGGER _600_count_changed AFTER UPDATE ON app_public.documents FOR EACH ROW WHEN (((old.size_bytes <> new.size_bytes) OR (old.created_by_user_id IS DISTINCT FROM new.created_by_user_id))) EXECUTE FUNCTION app_private.tg_documents__count_change();

CREATE TRIGGER _600_count_changed AFTER UPDATE ON app_public.user_tenants FOR EACH ROW WHEN ((((old.status = 'active'::text) <> (new.status = 'active'::text)) OR (old.tenant_id <> new.tenant_id))) EXECUTE FUNCTION app_private.tg_user_tenants__count_change();

CREATE TRIGGER _600_count_removed AFTER DELETE ON app_public.agents REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_agents__count_rows();

CREATE TRIGGER _600_count_removed AFTER DELETE ON app_public.documents REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_documents__count_rows();

CREATE TRIGGER _600_count_removed AFTER DELETE ON app_public.user_tenants REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_user_tenants__count_rows();

CREATE TRIGGER _600_refresh_counters AFTER INSERT OR DELETE OR UPDATE ON app_public.usage_quotas FOR EACH ROW EXECUTE FUNCTION app_private.tg_usage_quotas__refresh_counters();

CREATE TRIGGER _600_refresh_rules AFTER INSERT OR DELETE OR UPDATE ON app_public.rate_limit_config FOR EACH ROW EXECUTE FUNCTION app_private.tg_rate_limit_config__refresh_rules();

CREATE TRIGGER _600_set_quotas AFTER INSERT OR UPDATE OF quotas ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg_tenants__set_quotas();

CREATE TRIGGER _610_leave_counts BEFORE DELETE ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg_tenants__move_counts();

CREATE TRIGGER _610_move_counts AFTER UPDATE OF parent_tenant_id ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg_tenants__move_counts();

CREATE TRIGGER _620_set_rate_limits AFTER INSERT ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg_tenants__set_rate_limits();

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_admin_user_id_fkey FOREIGN KEY (admin_user_id) REFERENCES app_public.user_profiles(id);

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.analyst_tenants
    ADD CONSTRAINT analyst_tenants_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.api_call_buffer
    ADD CONSTRAINT api_call_buffer_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.document_files
    ADD CONSTRAINT document_files_tenant_id_document_id_fkey FOREIGN KEY (tenant_id, document_id) REFERENCES app_public.documents(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.quota_holds
    ADD CONSTRAINT quota_holds_tenant_id_counter_id_fkey FOREIGN KEY (tenant_id, counter_id) REFERENCES app_public.quota_tracking(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.rate_limit_rules
    ADD CONSTRAINT rate_limit_rules_config_id_fkey FOREIGN KEY (config_id) REFERENCES app_public.rate_limit_config(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.rate_limit_rules
    ADD CONSTRAINT rate_limit_rules_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

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

ALTER TABLE ONLY app_public.quota_alerts
    ADD CONSTRAINT quota_alerts_acknowledged_by_user_id_fkey FOREIGN KEY (acknowledged_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL (acknowledged_by_user_id);

ALTER TABLE ONLY app_public.quota_alerts
    ADD CONSTRAINT quota_alerts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.quota_reservations
    ADD CONSTRAINT quota_reservations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.quota_tracking
    ADD CONSTRAINT quota_tracking_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_embedding_model_fkey FOREIGN KEY (embedding_model) REFERENCES app_public.llm_models(name) ON UPDATE CASCADE;

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.rate_limit_config
    ADD CONSTRAINT rate_limit_config_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.rate_limit_usage
    ADD CONSTRAINT rate_limit_usage_config_id_fkey FOREIGN KEY (config_id) REFERENCES app_public.rate_limit_config(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.rate_limit_usage
    ADD CONSTRAINT rate_limit_usage_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.tenants
    ADD CONSTRAINT tenants_account_manager_id_fkey FOREIGN KEY (account_manager_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.tenants
    ADD CONSTRAINT tenants_parent_tenant_id_fkey FOREIGN KEY (parent_tenant_id) REFERENCES app_public.tenants(id);

ALTER TABLE ONLY app_public.usage_quotas
    ADD CONSTRAINT usage_quotas_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_invited_by_user_id_fkey FOREIGN KEY (invited_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_public.user_profiles(id) ON DELETE CASCADE;

ALTER TABLE app_private.admin_access_log ENABLE ROW LEVEL SECURITY;

CREATE POLICY all_owner ON app_private.admin_access_log TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.analyst_tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.api_call_buffer TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.document_files TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.query_log_buffer TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.quota_holds TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.rate_limit_rules TO rowhouse_owner USING (true) WITH CHECK (true);

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

CREATE POLICY all_platform ON app_private.api_call_buffer TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.document_files TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.query_log_buffer TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.quota_holds TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.rate_limit_rules TO rowhouse_platform USING (true) WITH CHECK (true);

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

ALTER TABLE app_private.api_call_buffer ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.document_files ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.query_log_buffer ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.quota_holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.rate_limit_rules ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_blocks ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_postings ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_rare_postings ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_removals ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_terms ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.source_query_statistics ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app_private.admin_access_log AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.analyst_tenants AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.api_call_buffer AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.document_files AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.query_log_buffer AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.quota_holds AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.rate_limit_rules AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

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

CREATE POLICY all_admin ON app_public.rate_limit_config TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.usage_quotas TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agent_knowledge_sources TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.document_chunks TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.documents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.embeddings TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_models TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_providers TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.query_logs TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.quota_alerts TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.quota_reservations TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.quota_tracking TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.rag_knowledge_sources TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.rate_limit_config TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.rate_limit_usage TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.usage_quotas TO rowhouse_owner USING (true) WITH CHECK (true);

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

CREATE POLICY all_platform ON app_public.quota_alerts TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.quota_reservations TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.quota_tracking TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.rag_knowledge_sources TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.rate_limit_config TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.rate_limit_usage TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.usage_quotas TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.user_profiles TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.user_tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY delete_manager ON app_public.rate_limit_config FOR DELETE TO rowhouse_user USING (((source = 'own'::text) AND (NOT is_default) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission)));

CREATE POLICY delete_manager ON app_public.usage_quotas FOR DELETE TO rowhouse_user USING (((source = 'own'::text) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission)));

CREATE POLICY delete_member ON app_public.agent_knowledge_sources FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_role('member'::text) AS has_role));

ALTER TABLE app_public.document_chunks ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.documents ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.embeddings ENABLE ROW LEVEL SECURITY;

CREATE POLICY insert_manager ON app_public.rate_limit_config FOR INSERT TO rowhouse_user WITH CHECK (((source = 'own'::text) AND (NOT is_default) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission)));

CREATE POLICY insert_manager ON app_public.usage_quotas FOR INSERT TO rowhouse_user WITH CHECK (((source = 'own'::text) AND (NOT overage_allowed) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission)));

CREATE POLICY insert_member ON app_public.agent_knowledge_sources FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_role('member'::text) AS has_role));

CREATE POLICY insert_member ON app_public.agents FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_role('member'::text) AS has_role));

CREATE POLICY insert_member ON app_public.rag_knowledge_sources FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_role('member'::text) AS has_role));

ALTER TABLE app_public.llm_models ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_providers ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.query_logs ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.quota_alerts ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.quota_reservations ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.quota_tracking ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.rag_knowledge_sources ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.rate_limit_config ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.rate_limit_usage ENABLE ROW LEVEL SECURITY;

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

CREATE POLICY select_member ON app_public.quota_alerts FOR SELECT TO rowhouse_user USING ((((quota_scope = 'user'::text) AND (scope_id = ( SELECT app_hidden.current_user_id() AS current_user_id))) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.quota_reservations FOR SELECT TO rowhouse_user USING (((user_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.quota_tracking FOR SELECT TO rowhouse_user USING (((quota_scope <> 'user'::text) OR (scope_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.rag_knowledge_sources FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_role('admin'::text) AS has_role)));

CREATE POLICY select_member ON app_public.rate_limit_config FOR SELECT TO rowhouse_user USING (((limit_scope <> 'user'::text) OR (scope_id IS NULL) OR (scope_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.rate_limit_usage FOR SELECT TO rowhouse_user USING (((scope_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.tenants FOR SELECT TO rowhouse_user USING ((id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY select_member ON app_public.usage_quotas FOR SELECT TO rowhouse_user USING (((quota_scope <> 'user'::text) OR (scope_id IS NULL) OR (scope_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.user_profiles FOR SELECT TO rowhouse_user USING (((id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR (id IN ( SELECT user_tenants.user_id
   FROM app_public.user_tenants))));

CREATE POLICY select_member ON app_public.user_tenants FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY tenant_isolation ON app_public.agent_knowledge_sources AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.agents AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.document_chunks AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.documents AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.embeddings AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.query_logs AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.quota_alerts AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.quota_reservations AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.quota_tracking AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.rag_knowledge_sources AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.rate_limit_config AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.rate_limit_usage AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.usage_quotas AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.user_tenants AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

ALTER TABLE app_public.tenants ENABLE ROW LEVEL SECURITY;

CREATE POLICY update_admin ON app_public.tenants FOR UPDATE TO rowhouse_user USING (((id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)) AND ( SELECT app_hidden.has_role('admin'::text) AS has_role)));

CREATE POLICY update_manager ON app_public.rate_limit_config FOR UPDATE TO rowhouse_user USING (((source = 'own'::text) AND (NOT is_default) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission))) WITH CHECK (((source = 'own'::text) AND (NOT is_default) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission)));

CREATE POLICY update_manager ON app_public.usage_quotas FOR UPDATE TO rowhouse_user USING (((source = 'own'::text) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission))) WITH CHECK (((source = 'own'::text) AND (NOT overage_allowed) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission)));

CREATE POLICY update_member ON app_public.agents FOR UPDATE TO rowhouse_user USING ((( SELECT app_hidden.has_role('member'::text) AS has_role) AND (deleted_at IS NULL)));

CREATE POLICY update_member ON app_public.rag_knowledge_sources FOR UPDATE TO rowhouse_user USING ((( SELECT app_hidden.has_role('member'::text) AS has_role) AND (deleted_at IS NULL)));

CREATE POLICY update_self ON app_public.user_profiles FOR UPDATE TO rowhouse_user USING ((id = ( SELECT app_hidden.current_user_id() AS current_user_id)));

ALTER TABLE app_public.usage_quotas ENABLE ROW LEVEL SECURITY;

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
GRANT ALL ON FUNCTION app_hidden.billing_period(at timestamp with time zone, anchor_on date, timezone text, months integer) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.billing_period(at timestamp with time zone, anchor_on date, timezone text, months integer) TO rowhouse_platform;

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

REVOKE ALL ON FUNCTION app_hidden.is_count_quota(quota_type text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_count_quota(quota_type text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_count_quota(quota_type text) TO rowhouse_platform;

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

REVOKE ALL ON FUNCTION app_private.begin_request(claims jsonb, requested_tenant text, api_key_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.begin_request(claims jsonb, requested_tenant text, api_key_id uuid) TO rowhouse_authenticator;

REVOKE ALL ON FUNCTION app_private.block_limits(average_length double precision, k1 double precision, b double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.constant_vector(value double precision, dimension integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.vector_total(public.vector) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_blocks TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_postings TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_rare_postings TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.block_totals(block_ids bigint[], terms text[], weights double precision[], scale double precision, rare_terms text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.bm25_ranking(terms text[], term_weights double precision[], scope app_private.search_scope, depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.bm25_scores(chunk_ids bigint[], terms text[], weights double precision[], average_length double precision, k1 double precision, b double precision, scope app_private.search_scope) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.build_block(chunk_ids bigint[], old_block_ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.change_count(tenant_id uuid, quota_type text, delta numeric, user_id uuid, scope text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.check_rate_limit(tenant_id uuid, user_id uuid, agent_id uuid, api_key_id uuid, requests double precision, tokens double precision, cost double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.check_rate_limit(tenant_id uuid, user_id uuid, agent_id uuid, api_key_id uuid, requests double precision, tokens double precision, cost double precision) TO rowhouse_owner;
GRANT ALL ON FUNCTION app_private.check_rate_limit(tenant_id uuid, user_id uuid, agent_id uuid, api_key_id uuid, requests double precision, tokens double precision, cost double precision) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.check_search_arguments(query text, mode app_public.search_mode, "limit" integer, skip integer, rrf_k integer, fusion app_public.fusion_method, metadata jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.check_use(quota_type text, amount numeric, agent_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.chunks_at(hits app_private.search_position[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.counted_usage(tenant_ids uuid[], quota_type text, user_id uuid) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.quota_tracking TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.quota_tracking TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.counters_wanted(tenant_id uuid, quota_type text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.delete_tenant(slug text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.document_error(item jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.embed_builtin(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.embed_builtin(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) TO rowhouse_owner;
GRANT ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.enqueue_stage(stage app_hidden.processing_stage, tenant_id uuid, document_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.enter_quota_chain(tenant_id uuid, quota_type text) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.enter_tenant(IN tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.exact_vector_ranking(model_id uuid, query_embedding public.vector, scope app_private.search_scope, depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.expire_holds(counter app_public.quota_tracking) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.expire_reservations(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.expire_reservations(most integer) TO rowhouse_worker;

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

REVOKE ALL ON FUNCTION app_private.forget_rate_windows() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.forget_rate_windows() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.fused_score(fusion app_public.fusion_method, vector_weight double precision, rrf_k integer, bm25_rank integer, vector_rank integer, bm25_score double precision, vector_score double precision, highest_bm25_score double precision, lowest_vector_score double precision, highest_vector_score double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.global_tables() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.grant_analyst_access(login name, tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.has_many_vectors(model_id uuid) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.quota_reservations TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.quota_reservations TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.hold_quota(reservation app_public.quota_reservations) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.hold_quota(reservation app_public.quota_reservations) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.identify(claims jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

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

REVOKE ALL ON FUNCTION app_private.move_count(tenant_id uuid, quota_type text, amount numeric, old_user_id uuid, new_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.note_quota_alerts(counter app_public.quota_tracking, usage_before numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.operator_identity(tenant text, email text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.operator_identity(tenant text, email text) TO rowhouse_authenticator;

REVOKE ALL ON FUNCTION app_private.own_reservation(reservation_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.parse_question(query text, source_ids uuid[], title_boost double precision) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_changes TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.pending_removals() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.positions_above(threshold double precision, block_ids bigint[], terms text[], weights double precision[], scale double precision, rare_terms text[], dimension integer) FROM PUBLIC;

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

REVOKE ALL ON FUNCTION app_private.quota_chain(tenant_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.quota_chain(tenant_id uuid) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.quota_limits(chain uuid[], tenant_id uuid, quota_type text, user_id uuid, agent_id uuid, api_key_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.quota_limits(chain uuid[], tenant_id uuid, quota_type text, user_id uuid, agent_id uuid, api_key_id uuid) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.quota_lock_key(tenant_id uuid, quota_type text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.quota_period(tenant_id uuid, period text, at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.quota_period(tenant_id uuid, period text, at timestamp with time zone) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.quota_subtree(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) TO rowhouse_platform;
GRANT ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) TO rowhouse_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.rate_limit_rules TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.rate_limit_rules_wanted(tenant_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.rate_window_steps() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.recount_quotas(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.refresh_quota_counters(tenant_id uuid, quota_type text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.refresh_rate_limit_rules(tenant_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.refuse_quota(counter app_public.quota_tracking, tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.release_dead_workers(alive_worker_ids text[], silent_for interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.require_permission(permission text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.require_permission(permission text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.require_role(minimum text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.resume_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.revoke_analyst_access(login name, tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.scope_of(source_ids uuid[], document_ids uuid[], created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, text_filter tsquery) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_idf(document_count integer, total_docs integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_length_norm(document_length integer, average_length double precision, k1 double precision, b double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_model(embedding_model text, source_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_totals() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.searchable_sources(source_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.secure_global_table(IN target regclass) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.secure_tenant_table(IN target regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.security_gaps() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.settle_holds(reservation app_public.quota_reservations, actual numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.settle_holds(reservation app_public.quota_reservations, actual numeric) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.similar_terms(term text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.snippet(content text, terms text[], config regconfig) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.sources_in_scope(source_ids uuid[], agent_id uuid, tags text[], category text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.sparse_impacts(positions smallint[], impacts smallint[], idf double precision, dimension integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.status_of_counter(counter app_public.quota_tracking) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.status_of_counter(counter app_public.quota_tracking) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.store_api_calls() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_api_calls() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.store_query_logs() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_query_logs() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.take_api_calls(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.take_api_calls(most integer) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tenants_to_merge(minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tenants_to_merge(minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.term_document_counts() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.term_statistics(terms text[], unmerged_ids bigint[]) FROM PUBLIC;

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

REVOKE ALL ON FUNCTION app_private.tg_agents__count_change() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_agents__count_change() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_agents__count_rows() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_agents__count_rows() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_documents__count_change() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_documents__count_change() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_documents__count_rows() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_documents__count_rows() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_rate_limit_config__check_scope() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_rate_limit_config__check_scope() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_rate_limit_config__refresh_rules() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_rate_limit_config__refresh_rules() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_tenants__move_counts() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_tenants__move_counts() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_tenants__set_quotas() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_tenants__set_quotas() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_tenants__set_rate_limits() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_tenants__set_rate_limits() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_usage_quotas__check_scope() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_usage_quotas__check_scope() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_usage_quotas__refresh_counters() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_usage_quotas__refresh_counters() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_user_tenants__count_change() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_user_tenants__count_change() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_user_tenants__count_rows() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_user_tenants__count_rows() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.threshold(scores public.vector, wanted double precision, highest double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tsquery_term(term text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unknown_terms(terms text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unmerged_chunk_ids() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unmerged_terms() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.use_quota(tenant_id uuid, quota_type text, amount numeric, user_id uuid, agent_id uuid, api_key_id uuid, reservation_id uuid, expires_at timestamp with time zone, scope text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.use_quota(tenant_id uuid, quota_type text, amount numeric, user_id uuid, agent_id uuid, api_key_id uuid, reservation_id uuid, expires_at timestamp with time zone, scope text) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.use_rate_window(rule app_private.rate_limit_rules, subject_id uuid, amount double precision, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.vector_expression(model app_public.llm_models, argument text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.vector_index_is_ready(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_is_ready(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_index_name(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_name(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) TO rowhouse_worker;
GRANT ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.verify_quotas() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.with_terms(terms jsonb, more text[], weight double precision, written_as text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.writable_source(source_id uuid) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.quota_alerts TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.quota_alerts TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_public.acknowledge_quota_alert(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.acknowledge_quota_alert(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) TO rowhouse_user;
GRANT ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_public.check_rate_limit(agent_id uuid, requests integer, tokens bigint, cost numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.check_rate_limit(agent_id uuid, requests integer, tokens bigint, cost numeric) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.consume_quota(quota_type text, amount numeric, agent_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.consume_quota(quota_type text, amount numeric, agent_id uuid) TO rowhouse_user;

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

GRANT SELECT ON TABLE app_public.document_chunks TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.document_chunks TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_public.document_chunks_idf_scores(chunk app_public.document_chunks) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.document_chunks_idf_scores(chunk app_public.document_chunks) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.document_chunks_term_frequencies(chunk app_public.document_chunks) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.document_chunks_term_frequencies(chunk app_public.document_chunks) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.documents_chunk_count(document app_public.documents) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.documents_chunk_count(document app_public.documents) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.my_quotas(agent_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.my_quotas(agent_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.my_tenants() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.my_tenants() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.quota_reservations_status(reservation app_public.quota_reservations) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.quota_reservations_status(reservation app_public.quota_reservations) TO rowhouse_user;

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

REVOKE ALL ON FUNCTION app_public.release_usage(reservation_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.release_usage(reservation_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.reprocess_knowledge_source(source_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.reprocess_knowledge_source(source_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.reserve_usage(quota_type text, amount numeric, ttl_seconds integer, agent_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.reserve_usage(quota_type text, amount numeric, ttl_seconds integer, agent_id uuid) TO rowhouse_user;

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

REVOKE ALL ON FUNCTION app_public.settle_usage(reservation_id uuid, actual numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.settle_usage(reservation_id uuid, actual numeric) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_private.array_concat(anycompatiblearray) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.admin_access_log TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.analyst_tenants TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.api_call_buffer TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.document_files TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.query_log_buffer TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.quota_holds TO rowhouse_platform;

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

GRANT SELECT,DELETE ON TABLE app_public.rate_limit_config TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.rate_limit_config TO rowhouse_platform;

GRANT INSERT(limit_scope) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT INSERT(scope_id) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT INSERT(limit_type) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT INSERT(per_minute),UPDATE(per_minute) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT INSERT(per_hour),UPDATE(per_hour) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT INSERT(per_day),UPDATE(per_day) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT INSERT(per_month),UPDATE(per_month) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT INSERT(on_limit_action),UPDATE(on_limit_action) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT INSERT(warning_threshold_percent),UPDATE(warning_threshold_percent) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT INSERT(is_active),UPDATE(is_active) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT INSERT(is_default) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT INSERT(source) ON TABLE app_public.rate_limit_config TO rowhouse_user;

GRANT SELECT ON TABLE app_public.rate_limit_usage TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.rate_limit_usage TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_public.usage_quotas TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.usage_quotas TO rowhouse_platform;

GRANT INSERT(quota_type) ON TABLE app_public.usage_quotas TO rowhouse_user;

GRANT INSERT(quota_scope) ON TABLE app_public.usage_quotas TO rowhouse_user;

GRANT INSERT(scope_id) ON TABLE app_public.usage_quotas TO rowhouse_user;

GRANT INSERT(period) ON TABLE app_public.usage_quotas TO rowhouse_user;

GRANT INSERT(quota_limit),UPDATE(quota_limit) ON TABLE app_public.usage_quotas TO rowhouse_user;

GRANT INSERT(is_hard_limit),UPDATE(is_hard_limit) ON TABLE app_public.usage_quotas TO rowhouse_user;

GRANT INSERT(overage_allowed),UPDATE(overage_allowed) ON TABLE app_public.usage_quotas TO rowhouse_user;

GRANT INSERT(alert_threshold_percentage),UPDATE(alert_threshold_percentage) ON TABLE app_public.usage_quotas TO rowhouse_user;

GRANT INSERT(applies_to_subtree) ON TABLE app_public.usage_quotas TO rowhouse_user;

GRANT INSERT(source) ON TABLE app_public.usage_quotas TO rowhouse_user;

