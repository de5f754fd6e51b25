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

CREATE TYPE app_public.member_role AS ENUM (
    'viewer',
    'contributor',
    'moderator',
    'admin',
    'owner'
);

ALTER TYPE app_public.member_role OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.member_role IS 'What a member of a workspace may do, each what the earlier ones may: viewer reads; contributor adds things and changes them; moderator also manages members below their own role, as all above do; admin edits and archives the workspace; owner manages everyone, deletes and transfers it. The tenant''s owners count as owners of every workspace.';

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

CREATE TYPE app_public.resource_kind AS ENUM (
    'agent',
    'tool',
    'prompt',
    'workflow',
    'knowledge_source'
);

ALTER TYPE app_public.resource_kind OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.resource_kind IS 'The kinds of things in the catalogue.';

CREATE TYPE app_public.received_share AS (
	share_id uuid,
	resource_kind app_public.resource_kind,
	resource_id uuid,
	resource_name text,
	sharing_mode text,
	from_tenant_slug text,
	from_tenant_name text,
	grantee_user_id uuid,
	grantee_workspace_id uuid,
	shared_at timestamp with time zone,
	expires_at timestamp with time zone,
	declined_at timestamp with time zone
);

ALTER TYPE app_public.received_share OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.received_share IS 'Something another tenant shares with this one.';

COMMENT ON COLUMN app_public.received_share.share_id IS 'The grant, for decline_share and accept_share; null for what is shared with a subtree or the platform.';

COMMENT ON COLUMN app_public.received_share.resource_kind IS 'What kind of thing it is.';

COMMENT ON COLUMN app_public.received_share.resource_id IS 'Its id, to read it by.';

COMMENT ON COLUMN app_public.received_share.resource_name IS 'Its name.';

COMMENT ON COLUMN app_public.received_share.sharing_mode IS 'selected, subtree or platform.';

COMMENT ON COLUMN app_public.received_share.from_tenant_slug IS 'The slug of the tenant it belongs to.';

COMMENT ON COLUMN app_public.received_share.from_tenant_name IS 'The name of the tenant it belongs to.';

COMMENT ON COLUMN app_public.received_share.grantee_user_id IS 'The one person it is for, null when it is not so narrow.';

COMMENT ON COLUMN app_public.received_share.grantee_workspace_id IS 'The workspace whose members it is for, null when it is not so narrow.';

COMMENT ON COLUMN app_public.received_share.shared_at IS 'When it was granted.';

COMMENT ON COLUMN app_public.received_share.expires_at IS 'Until when, null without end.';

COMMENT ON COLUMN app_public.received_share.declined_at IS 'When this tenant declined it, null when it did not.';

CREATE TYPE app_public.rendered_prompt AS (
	system text,
	prompt text
);

ALTER TYPE app_public.rendered_prompt OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.rendered_prompt IS 'A prompt with its variables filled.';

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

CREATE TYPE app_public.sharing_action AS ENUM (
    'mode_changed',
    'granted',
    'expiry_changed',
    'revoked',
    'declined',
    'accepted',
    'copied'
);

ALTER TYPE app_public.sharing_action OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.sharing_action IS 'What happened to who may use a resource.';

CREATE TYPE app_public.vector_quantization AS ENUM (
    'none',
    'halfvec',
    'binary'
);

ALTER TYPE app_public.vector_quantization OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.vector_quantization IS 'How a vector index stores vectors.';

CREATE TYPE app_public.workflow_type AS ENUM (
    'sequential',
    'parallel',
    'conditional',
    'loop',
    'map_reduce',
    'scatter_gather'
);

ALTER TYPE app_public.workflow_type OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.workflow_type IS 'How the steps of a workflow follow each other.';

CREATE TYPE app_public.workspace_visibility AS ENUM (
    'private',
    'team',
    'organization',
    'public'
);

ALTER TYPE app_public.workspace_visibility OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.workspace_visibility IS 'Who of the tenant sees a workspace; nobody outside of it ever does. private: its members and the tenant''s owners. team: everyone sees that it is there, only members what is in it. organization: everyone reads it, as a viewer does. public: as organization, and everyone can join by themselves (join_workspace).';

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

CREATE FUNCTION app_hidden.is_color(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((value ~ '^#[0-9a-f]{6}$'::text) OR (value ~ '^[a-z][a-z0-9-]{0,49}$'::text));

ALTER FUNCTION app_hidden.is_color(value text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_color(value text) IS 'A colour as #rrggbb or by the name of a theme''s colour, lower case.';

CREATE FUNCTION app_hidden.is_email(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((value ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$'::text) AND (value = lower(value)) AND (length(value) <= 254));

ALTER FUNCTION app_hidden.is_email(value text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_email(value text) IS 'A plausible e-mail address, stored lower-cased, at most 254 characters.';

CREATE FUNCTION app_hidden.is_image_url(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((length(value) <= 100000) AND ((value ~ '^https?://[^/?#@\s]+([/?#]\S*)?$'::text) OR (value ~ '^/[^/\s]\S*$'::text) OR (value ~ '^data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+=*$'::text)));

ALTER FUNCTION app_hidden.is_image_url(value text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_image_url(value text) IS 'Where a picture is: an http address, a path on the front end''s own site, or the picture itself as a data address.';

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

CREATE FUNCTION app_hidden.is_semantic_version(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value ~ '^\d{1,9}\.\d{1,9}\.\d{1,9}(-[0-9A-Za-z.-]{1,50})?$'::text);

ALTER FUNCTION app_hidden.is_semantic_version(value text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_semantic_version(value text) IS 'Major, minor and patch, such as 1.4.0 or 2.0.0-beta.1.';

CREATE FUNCTION app_hidden.is_slug(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (value ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$'::text);

ALTER FUNCTION app_hidden.is_slug(value text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_slug(value text) IS 'Lower-case letters, digits and inner hyphens, at most 63: fit for a host name.';

CREATE FUNCTION app_hidden.is_visible_resource(kind text, id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_is_visible boolean;
begin
  execute format('select exists (select from %s r where r.id = $1 and r.tenant_id = $2 and r.deleted_at is null)',
                 app_private.resource_table(is_visible_resource.kind::app_public.resource_kind))
    into v_is_visible using is_visible_resource.id, app_hidden.current_tenant_id();
  return v_is_visible or coalesce(is_visible_resource.id = any (app_hidden.shared_resource_ids(is_visible_resource.kind)), false);
end
$_$;

ALTER FUNCTION app_hidden.is_visible_resource(kind text, id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_visible_resource(kind text, id uuid) IS 'Whether a resource is there for this request and not deleted: the tenant''s own, or shared with it. What refers to resources asks this, so that one that may not be seen is as good as none.';

CREATE FUNCTION app_hidden.my_deleted_workspace_ids() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return coalesce((
    select array_agg(w.id)
      from app_public.workspaces w
     where w.tenant_id = app_hidden.current_tenant_id() and w.deleted_at is not null
       and app_public.workspaces_my_role(w) = 'owner'), '{}');
end
$$;

ALTER FUNCTION app_hidden.my_deleted_workspace_ids() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.my_deleted_workspace_ids() IS 'The deleted workspaces you may restore.';

CREATE FUNCTION app_hidden.my_project_ids(minimum text DEFAULT 'observer'::text) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_ladder constant text[] := array['observer', 'member', 'lead'];
begin
  if not app_hidden.has_role('viewer') then
    return '{}';
  end if;
  return coalesce((
    select array_agg(m.project_id)
      from app_public.project_members m
     where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = app_hidden.current_user_id()
       and array_position(v_ladder, m.role) >= array_position(v_ladder, my_project_ids.minimum)), '{}');
end
$$;

ALTER FUNCTION app_hidden.my_project_ids(minimum text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.my_project_ids(minimum text) IS 'The projects you are a member of with at least this role (observer, member, lead), deleted ones as well. For policies.';

CREATE FUNCTION app_hidden.my_workspace_ids(minimum app_public.member_role DEFAULT 'viewer'::app_public.member_role) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_is_tenant_owner boolean := app_hidden.has_role('owner');
begin
  if not app_hidden.has_role('viewer') then
    return '{}';
  end if;
  return coalesce((
    select array_agg(w.id)
      from app_public.workspaces w
      left join app_public.workspace_members m
        on m.tenant_id = w.tenant_id and m.workspace_id = w.id and m.user_id = app_hidden.current_user_id()
     where w.tenant_id = app_hidden.current_tenant_id() and w.deleted_at is null
       -- an archived workspace can be read, and nothing else
       and (w.archived_at is null or my_workspace_ids.minimum = 'viewer')
       and case
             when v_is_tenant_owner then 'owner'
             when m.role is not null then m.role
             when w.visibility in ('organization', 'public') then 'viewer'
           end >= my_workspace_ids.minimum), '{}');
end
$$;

ALTER FUNCTION app_hidden.my_workspace_ids(minimum app_public.member_role) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.my_workspace_ids(minimum app_public.member_role) IS 'The workspaces in which your role is at least this one, without deleted ones and, above viewer, without archived ones. For policies: workspace_id = any ((select app_hidden.my_workspace_ids(''contributor''))::uuid[]).';

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

CREATE FUNCTION app_hidden.placeholder_names(template text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(array_agg(distinct m[1]) filter (where m[1] is not null), '{}')
    from regexp_matches(template, app_hidden.placeholder_pattern(), 'g') as m;
$$;

ALTER FUNCTION app_hidden.placeholder_names(template text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.placeholder_names(template text) IS 'The variables a text uses, each once, in the order of the alphabet.';

CREATE FUNCTION app_hidden.placeholder_pattern() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select '\\\{\{|\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,62})\s*\}\}';
$$;

ALTER FUNCTION app_hidden.placeholder_pattern() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.placeholder_pattern() IS 'What is not plain text in a prompt: escaped braces, or a variable, whose name is the first group.';

CREATE FUNCTION app_hidden.query_embedding_model(query text, embedding_model text, source_ids uuid[], agent_id uuid, tags text[], category text) RETURNS TABLE(input text, base_url text, api_key_variable text, model_name text, dimension integer, batch_size integer, timeout_ms integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_model app_public.llm_models := app_private.search_model(
    query_embedding_model.embedding_model,
    (select p.model_names
       from app_private.search_parts(
         query_embedding_model.source_ids, query_embedding_model.agent_id, query_embedding_model.tags, query_embedding_model.category) p
      limit 1));
begin
  return query
    -- what is embedded of a question is the same for all sources
    select (app_private.parse_question(query_embedding_model.query, '{}')).plain,
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

CREATE FUNCTION app_hidden.shared_resource_ids(kind text) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
begin
  return case shared_resource_ids.kind
    when 'agent' then array(select distinct s.id from app_private.shared_agents() s)
    when 'tool' then array(select distinct s.id from app_private.shared_tools() s)
    when 'prompt' then array(select distinct s.id from app_private.shared_prompts() s)
    when 'workflow' then array(select distinct s.id from app_private.shared_workflows() s)
    when 'knowledge_source' then array(select distinct s.id from app_private.shared_knowledge_sources() s)
  end;
end
$$;

ALTER FUNCTION app_hidden.shared_resource_ids(kind text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_hidden.shared_resource_ids(kind text) IS 'The resources of a kind that other tenants share with the tenant and user of the request. What the wall of shareable tables lets through besides the tenant''s own.';

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

CREATE FUNCTION app_private.ancestor_tenant_ids(tenant_id uuid) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return array(
    with recursive ancestors (id, level) as (
      select t.parent_tenant_id, 1 from app_public.tenants t where t.id = ancestor_tenant_ids.tenant_id
      union all
      select t.parent_tenant_id, a.level + 1 from ancestors a join app_public.tenants t on t.id = a.id where a.level < 100
    )
    select id from ancestors where id is not null);
end
$$;

ALTER FUNCTION app_private.ancestor_tenant_ids(tenant_id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.ancestor_tenant_ids(tenant_id uuid) IS 'The tenants above a tenant, by parent_tenant_id.';

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

CREATE FUNCTION app_private.authentication_faults(type text, config jsonb) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_faults text[] := app_private.object_faults(config, case authentication_faults.type
    when 'api_key' then '{"in": "string!", "name": "name!", "secret_name": "string!"}'::jsonb
    when 'bearer' then '{"secret_name": "string!"}'
    when 'basic' then '{"username": "name!", "secret_name": "string!"}'
    when 'oauth2_client' then '{"token_url": "string!", "client_id": "name!", "secret_name": "string!", "scopes": "strings"}'
    else '{}'
  end);
begin
  if cardinality(v_faults) > 0 then
    return v_faults;
  end if;
  if config ->> 'secret_name' !~ '^[a-z][a-z0-9_-]{0,62}$' then
    v_faults := v_faults || 'secret_name is no name of a secret (lower-case letters, digits, _ and -, at most 63)'::text;
  end if;
  if authentication_faults.type = 'api_key' and config ->> 'in' not in ('header', 'query') then
    v_faults := v_faults || 'in is neither header nor query'::text;
  end if;
  return v_faults || app_private.url_faults(config ->> 'token_url', 'token_url');
end
$_$;

ALTER FUNCTION app_private.authentication_faults(type text, config jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.authentication_faults(type text, config jsonb) IS 'What is wrong with a tool''s authentication_config for its authentication_type.';

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

CREATE TABLE app_public.institutions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    name text NOT NULL,
    type text DEFAULT 'other'::text NOT NULL,
    country_code text,
    website text,
    verified_at timestamp with time zone,
    is_verified boolean GENERATED ALWAYS AS ((verified_at IS NOT NULL)) STORED NOT NULL,
    verified_by_user_id uuid,
    created_by_user_id uuid DEFAULT app_hidden.current_user_id(),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT country_code_is_iso_3166 CHECK ((country_code ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT type_is_known CHECK ((type = ANY (ARRAY['hospital'::text, 'university'::text, 'research_institute'::text, 'company'::text, 'government'::text, 'nonprofit'::text, 'other'::text]))),
    CONSTRAINT website_is_http CHECK (((website ~ '^https?://\S+$'::text) AND (length(website) <= 2000)))
);

ALTER TABLE ONLY app_public.institutions FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.institutions OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.institutions IS '@behavior -delete
An organization outside of this tenant that its people belong to: a hospital, a university, a company. Members add one and edit their own until it is verified; admins edit, verify and delete. 23505: there is one of that name in that country.';

COMMENT ON COLUMN app_public.institutions.name IS 'Name, unique together with its country (capitals aside) among those not deleted; at most 255 characters.';

COMMENT ON COLUMN app_public.institutions.type IS 'hospital, university, research_institute, company, government, nonprofit or other.';

COMMENT ON COLUMN app_public.institutions.country_code IS 'ISO 3166-1 alpha-2, upper case.';

COMMENT ON COLUMN app_public.institutions.website IS 'Address of its website, http or https.';

COMMENT ON COLUMN app_public.institutions.verified_at IS 'When an admin vouched for it (verify_institution), null when nobody has.';

COMMENT ON COLUMN app_public.institutions.is_verified IS 'Whether an admin has vouched for it.';

COMMENT ON COLUMN app_public.institutions.verified_by_user_id IS 'Who vouched for it.';

COMMENT ON COLUMN app_public.institutions.created_by_user_id IS 'Who added it; null when that person is gone.';

COMMENT ON COLUMN app_public.institutions.created_at IS 'When it was added.';

COMMENT ON COLUMN app_public.institutions.updated_at IS 'When it last changed.';

COMMENT ON COLUMN app_public.institutions.deleted_at IS 'When it was deleted, null when it is not; then only admins see it.';

CREATE FUNCTION app_private.changed_institution(id uuid, is_deleted boolean) RETURNS app_public.institutions
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_institution app_public.institutions;
begin
  perform app_private.require_role('admin');
  select * into v_institution from app_public.institutions i
   where i.tenant_id = app_hidden.current_tenant_id() and i.id = changed_institution.id
     and (i.deleted_at is not null) = changed_institution.is_deleted
     for no key update;
  if not found and changed_institution.is_deleted then
    perform app_private.raise_error('WS307', 'There is no deleted institution with this id.', 'It was never deleted, or never there.');
  elsif not found then
    perform app_private.raise_error('WS306', 'There is no such institution.', 'List the institutions of this tenant.');
  end if;
  return v_institution;
end
$$;

ALTER FUNCTION app_private.changed_institution(id uuid, is_deleted boolean) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.changed_institution(id uuid, is_deleted boolean) IS 'The institution, locked for a change by an admin. WS306: it is not there; WS307: it is not among the deleted ones; ID202: you are not an admin.';

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

CREATE FUNCTION app_private.columns_of_the_tenant() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array['department_id', 'business_function_id', 'role_id', 'tool_category_id', 'billing_code', 'budget_allocation_id'];
$$;

ALTER FUNCTION app_private.columns_of_the_tenant() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.columns_of_the_tenant() IS 'Columns that mean something in their tenant only: a copy for another tenant does without them.';

CREATE FUNCTION app_private.copy_resource(kind app_public.resource_kind, id uuid, name text) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_table regclass := app_private.resource_table(copy_resource.kind);
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_original jsonb;
  v_is_own boolean;
  v_columns text;
  v_name text;
  v_constraint text;
  v_id uuid;
begin
  perform app_private.require_permission(app_private.resource_permission(copy_resource.kind, 'create'));
  v_original := app_private.resource_to_copy(copy_resource.kind, copy_resource.id);
  v_is_own := (v_original ->> 'tenant_id')::uuid = v_tenant_id;
  select string_agg(quote_ident(attname), ', ' order by attnum) into v_columns
    from pg_attribute
   where attrelid = v_table and attnum > 0 and not attisdropped and attgenerated = ''
     and attname <> all (app_private.uncopied_columns() || case when not v_is_own then app_private.columns_of_the_tenant() end);

  -- the name that was asked for, or the first free one of: Name, Name (copy), Name (copy 2) …
  for v_attempt in 0 .. 1000 loop
    v_name := coalesce(copy_resource.name, left(v_original ->> 'name', 240)
      || case v_attempt when 0 then '' when 1 then ' (copy)' else format(' (copy %s)', v_attempt) end);
    begin
      execute format(
        'insert into %1$s (%2$s, tenant_id, name, copied_from_id) select %2$s, $2, $3, $4 from jsonb_populate_record(null::%1$s, $1) returning id',
        v_table, v_columns)
        into v_id using v_original, v_tenant_id, v_name, copy_resource.id;
      exit;
    exception when unique_violation then
      get stacked diagnostics v_constraint = constraint_name;
      if v_constraint not like '%\_name\_key' then
        raise;
      elsif copy_resource.name is not null or v_attempt = 1000 then
        perform app_private.raise_error('RS563', 'The name is taken.', 'Give the copy another name, or none.');
      end if;
    end;
  end loop;

  if copy_resource.kind = 'agent' then
    -- what it works with, as far as this tenant may use it too; how a tool is configured is the owner's business
    insert into app_public.agent_tools (tenant_id, agent_id, tool_id, sort_order, config)
    select v_tenant_id, v_id, u.tool_id::uuid, u.n, coalesce(t.config, '{}')
      from jsonb_array_elements_text(v_original -> 'tool_ids') with ordinality as u (tool_id, n)
      left join app_public.agent_tools t
        on t.tenant_id = v_tenant_id and t.agent_id = copy_resource.id and t.tool_id = u.tool_id::uuid
     where app_hidden.is_visible_resource('tool', u.tool_id::uuid);
    insert into app_public.agent_knowledge_sources (tenant_id, agent_id, source_id)
    select v_tenant_id, v_id, u.source_id::uuid
      from jsonb_array_elements_text(v_original -> 'knowledge_source_ids') as u (source_id)
     where app_hidden.is_visible_resource('knowledge_source', u.source_id::uuid);
  end if;
  return v_id;
end
$_$;

ALTER FUNCTION app_private.copy_resource(kind app_public.resource_kind, id uuid, name text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.copy_resource(kind app_public.resource_kind, id uuid, name text) IS 'Makes a private copy of a visible resource in this tenant. RS301: there is none; RS563: the name is taken; ID203: your permissions do not allow it.';

CREATE FUNCTION app_private.credential_paths(value jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with recursive parts (path, key, part) as (
    select ''::text, null::text, credential_paths.value
    union all
    select p.path || case when p.path = '' then '' else '.' end || inner_part.key, inner_part.key, inner_part.part
      from parts p
     cross join lateral (
       select e.key, e.value as part from jsonb_each(case jsonb_typeof(p.part) when 'object' then p.part else '{}' end) e
       union all
       select (e.n - 1)::text, e.value from jsonb_array_elements(case jsonb_typeof(p.part) when 'array' then p.part else '[]' end) with ordinality e (value, n)
     ) as inner_part
  )
  select coalesce(array_agg(left(path, 100) order by path), '{}')
    from parts where jsonb_typeof(part) = 'string' and app_private.is_credential_name(key);
$$;

ALTER FUNCTION app_private.credential_paths(value jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.credential_paths(value jsonb) IS 'Where a JSON value holds a text under the name of a credential.';

CREATE FUNCTION app_private.delete_resource(kind app_public.resource_kind, id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_count int;
begin
  perform app_private.require_permission(app_private.resource_permission(delete_resource.kind, 'delete'));
  execute format(
    'update %s r set deleted_at = clock_timestamp() where r.id = $1 and r.tenant_id = $2 and r.deleted_at is null',
    app_private.resource_table(delete_resource.kind))
    using delete_resource.id, app_hidden.current_tenant_id();
  get diagnostics v_count = row_count;
  if v_count = 0 then
    perform app_private.raise_error('RS301', format('There is no such %s.', replace(delete_resource.kind::text, '_', ' ')),
      'List those of this tenant.');
  end if;
end
$_$;

ALTER FUNCTION app_private.delete_resource(kind app_public.resource_kind, id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.delete_resource(kind app_public.resource_kind, id uuid) IS 'Marks a resource as deleted. RS301: there is no such; ID203: your permissions do not allow it.';

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
    max_output_tokens integer,
    max_temperature numeric(3,2) DEFAULT 2 NOT NULL,
    input_modalities text[] DEFAULT '{text}'::text[] NOT NULL,
    output_modalities text[] DEFAULT '{text}'::text[] NOT NULL,
    supports_function_calling boolean,
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
    CONSTRAINT input_modalities_are_known CHECK ((input_modalities <@ ARRAY['text'::text, 'image'::text, 'audio'::text, 'video'::text, 'document'::text])),
    CONSTRAINT max_output_tokens_is_positive CHECK ((max_output_tokens > 0)),
    CONSTRAINT max_retries_is_in_range CHECK (((max_retries >= 0) AND (max_retries <= 20))),
    CONSTRAINT max_temperature_is_in_range CHECK (((max_temperature >= (0)::numeric) AND (max_temperature <= (2)::numeric))),
    CONSTRAINT name_is_a_name CHECK (((length(name) <= 100) AND app_hidden.is_name(name))),
    CONSTRAINT output_modalities_are_known CHECK ((output_modalities <@ ARRAY['text'::text, 'image'::text, 'audio'::text, 'video'::text])),
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

COMMENT ON COLUMN app_public.llm_models.max_output_tokens IS 'Most tokens it can answer with; null when unknown.';

COMMENT ON COLUMN app_public.llm_models.max_temperature IS 'Highest temperature its provider takes, 0 to 2.';

COMMENT ON COLUMN app_public.llm_models.input_modalities IS 'What it reads: text, image, audio, video, document.';

COMMENT ON COLUMN app_public.llm_models.output_modalities IS 'What it answers with: text, image, audio, video.';

COMMENT ON COLUMN app_public.llm_models.supports_function_calling IS 'Whether it can call functions; null when unknown.';

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

CREATE FUNCTION app_private.fill_template(template text, variables jsonb) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_texts text[] := regexp_split_to_array(template, app_hidden.placeholder_pattern());
  v_names text[] := array(select coalesce(m[1], '') from regexp_matches(template, app_hidden.placeholder_pattern(), 'g') m);
begin
  -- counted before it is built: a short text can repeat a long value very often
  if (select coalesce(sum(length(variables ->> n)), 0) from unnest(v_names) n) > 1000000 then
    perform app_private.raise_error('RS620', 'The filled prompt would be longer than a million characters.', 'Give shorter values.');
  end if;
  return (
    select string_agg(t.part || case t.name when '' then '{{' else coalesce(variables ->> t.name, '') end, '' order by t.n)
      from unnest(v_texts, v_names) with ordinality as t (part, name, n));
end
$$;

ALTER FUNCTION app_private.fill_template(template text, variables jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.fill_template(template text, variables jsonb) IS 'Puts values for the variables of a text; an array or object is written as JSON. RS620: the outcome is too long.';

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

CREATE FUNCTION app_private.grantee_of(share_id uuid) RETURNS TABLE(slug text, name text, user_email text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select t.slug, t.name, u.email
      from app_public.resource_shares s
      join app_public.tenants t on t.id = s.grantee_tenant_id
      left join app_public.user_profiles u on u.id = s.grantee_user_id
     where s.id = grantee_of.share_id and s.tenant_id = app_hidden.current_tenant_id();
end
$$;

ALTER FUNCTION app_private.grantee_of(share_id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.grantee_of(share_id uuid) IS 'The names of whom this tenant granted a share to.';

CREATE FUNCTION app_private.graph_faults(definition jsonb) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_ids text[];
  v_is_loop boolean[];
  v_from int[];
  v_to int[];
  v_first int[];       -- where a node's edges begin; they are in the order of v_from
  v_waits_for int[];   -- edges from nodes not yet put in order, without those of loops
  v_queue int[];
  v_seen boolean[];
  v_head int := 1;
  v_node int;
  v_edge int;
  v_target int;
  v_count int;
begin
  select array_agg(node ->> 'id' order by n), array_agg(node ->> 'type' = 'loop' order by n) into v_ids, v_is_loop
    from jsonb_array_elements(definition -> 'nodes') with ordinality as e (node, n);
  v_count := cardinality(v_ids);
  select coalesce(array_agg(f.n order by f.n, t.n), '{}'), coalesce(array_agg(t.n order by f.n, t.n), '{}') into v_from, v_to
    from jsonb_array_elements(definition -> 'edges') as edge
    join unnest(v_ids) with ordinality as f (id, n) on f.id = edge ->> 'from'
    join unnest(v_ids) with ordinality as t (id, n) on t.id = edge ->> 'to';
  select array_agg((select count(*) from unnest(v_from) x where x < g) + 1 order by g) into v_first from generate_series(1, v_count + 1) g;

  -- from the start, or from every node nothing leads to, all nodes must be reached
  v_queue := case when definition ? 'start' then array[array_position(v_ids, definition ->> 'start')]
    else array(select g from generate_series(1, v_count) g where g <> all (v_to) order by g) end;
  if cardinality(v_queue) = 0 then
    return array['no node is the start: an edge leads to each of them'];
  end if;
  v_seen := array_fill(false, array[v_count]);
  foreach v_node in array v_queue loop
    v_seen[v_node] := true;
  end loop;
  while v_head <= cardinality(v_queue) loop
    v_node := v_queue[v_head];
    v_head := v_head + 1;
    for v_edge in v_first[v_node] .. v_first[v_node + 1] - 1 loop
      v_target := v_to[v_edge];
      if not v_seen[v_target] then
        v_seen[v_target] := true;
        v_queue := v_queue || v_target;
      end if;
    end loop;
  end loop;
  if cardinality(v_queue) < v_count then
    return array(
      select format('node %s cannot be reached', v_ids[g]) from generate_series(1, v_count) g where not v_seen[g] order by g);
  end if;

  -- Kahn's order of the nodes that are no loops: what cannot be put in order is, or follows, a cycle without a loop node
  v_waits_for := array(
    select (select count(*) from unnest(v_from, v_to) as e (f, t) where e.t = g and not v_is_loop[e.f]) from generate_series(1, v_count) g order by g);
  v_queue := array(select g from generate_series(1, v_count) g where not v_is_loop[g] and v_waits_for[g] = 0 order by g);
  v_head := 1;
  while v_head <= cardinality(v_queue) loop
    v_node := v_queue[v_head];
    v_head := v_head + 1;
    for v_edge in v_first[v_node] .. v_first[v_node + 1] - 1 loop
      v_target := v_to[v_edge];
      v_waits_for[v_target] := v_waits_for[v_target] - 1;
      if v_waits_for[v_target] = 0 and not v_is_loop[v_target] then
        v_queue := v_queue || v_target;
      end if;
    end loop;
  end loop;
  v_node := (select min(g) from generate_series(1, v_count) g where not v_is_loop[g] and v_waits_for[g] > 0);
  if v_node is null then
    return '{}';
  end if;
  -- upstream as often as there are nodes ends on the cycle itself
  for v_edge in 1 .. v_count loop
    v_node := (select min(e.f) from unnest(v_from, v_to) as e (f, t) where e.t = v_node and not v_is_loop[e.f] and v_waits_for[e.f] > 0);
  end loop;
  return array[format('node %s is on a cycle that has no loop node', v_ids[v_node])];
end
$$;

ALTER FUNCTION app_private.graph_faults(definition jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.graph_faults(definition jsonb) IS 'Nodes that cannot be reached, or a node on a cycle that no loop node is on.';

CREATE FUNCTION app_private.has_grants(kind app_public.resource_kind, id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return exists (
    select from app_public.resource_shares s
     where s.tenant_id = app_hidden.current_tenant_id() and s.resource_kind = has_grants.kind and s.resource_id = has_grants.id);
end
$$;

ALTER FUNCTION app_private.has_grants(kind app_public.resource_kind, id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.has_grants(kind app_public.resource_kind, id uuid) IS 'Whether a resource of this tenant was granted to anyone, expired grants included.';

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

CREATE FUNCTION app_private.header_faults(headers jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select coalesce(array_agg(left(h.name, 100) || ' ' || f.fault order by h.name), '{}')
    from jsonb_each(headers) as h (name, value)
   cross join lateral (
     select case
       -- a field name as RFC 9110 has it
       when h.name !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]{1,100}$' then 'is no name of a header'
       when app_private.is_credential_name(h.name) or h.value #>> '{}' ~* '^(bearer|basic)\s' then 'holds a credential'
       when jsonb_typeof(h.value) <> 'string' or length(h.value #>> '{}') > 2000 or h.value #>> '{}' ~ '[\x01-\x08\x0a-\x1f\x7f]'
         then 'is not one line of text'
     end as fault) as f
   where f.fault is not null;
$_$;

ALTER FUNCTION app_private.header_faults(headers jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.header_faults(headers jsonb) IS 'What is wrong with a tool''s headers.';

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

CREATE FUNCTION app_private.is_credential_name(name text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select n ~ '^(proxy-)?authorization$|^(set-)?cookie$|^(x-)?(api-?key|auth)$|(^|-)(token|key|secret|password|passwd|credentials?)$'
     and n !~ '^(x-)?(idempotency|primary|foreign|sort|partition|public|cache)-key$'
    from lower(regexp_replace(replace(trim(is_credential_name.name), '_', '-'), '([a-z0-9])([A-Z])', '\1-\2', 'g')) as n;
$_$;

ALTER FUNCTION app_private.is_credential_name(name text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.is_credential_name(name text) IS 'Whether a header, parameter or key of this name would hold a credential: authorization, cookie, x-api-key, whatever ends in -token, -key, -secret or -password, in any spelling.';

CREATE FUNCTION app_private.json_is(value jsonb, type text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select case json_is.type
    when 'any' then true
    when 'name' then jsonb_typeof(value) = 'string' and app_hidden.is_name(value #>> '{}')
    when 'integer' then jsonb_typeof(value) = 'number' and (value #>> '{}') ~ '^-?[0-9]{1,9}$'
    when 'uuid' then jsonb_typeof(value) = 'string' and (value #>> '{}') ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
    when 'strings' then jsonb_typeof(value) = 'array' and not jsonb_path_exists(value, 'strict $[*] ? (@.type() != "string")')
    else jsonb_typeof(value) = json_is.type
  end;
$_$;

ALTER FUNCTION app_private.json_is(value jsonb, type text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.json_is(value jsonb, type text) IS 'Whether a value is of a type: JSON''s own, or name, integer (of up to nine digits), uuid, strings (an array of them), any.';

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

CREATE FUNCTION app_private.lock_own_resource(kind app_public.resource_kind, id uuid, is_to_be_shared boolean) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_mode text;
  v_is_on boolean;
begin
  perform app_private.require_permission('can_share_resources');
  if lock_own_resource.kind is not null then
    execute format(
      'select r.sharing_mode, %s and r.status::text in (''active'', ''deprecated'') from %s r
        where r.id = $1 and r.tenant_id = $2 and (r.deleted_at is null or not $3)
          for no key update',
      app_private.resource_switch(lock_own_resource.kind), app_private.resource_table(lock_own_resource.kind))
      into v_mode, v_is_on
      using lock_own_resource.id, app_hidden.current_tenant_id(), lock_own_resource.is_to_be_shared;
  end if;
  if v_mode is null then
    perform app_private.raise_error('RS301', 'There is no such resource in this tenant.',
      'List those of this tenant. What others share with you is theirs to share.');
  end if;
  if lock_own_resource.is_to_be_shared then
    if not (select app_private.tenant_allows(t.resource_access_config, 'sharing.can_share_resources')
              from app_public.tenants t where t.id = app_hidden.current_tenant_id()) then
      perform app_private.raise_error('RS261', 'This tenant does not share resources.',
        'Its resource_access_config switches sharing.can_share_resources off.');
    end if;
    if not v_is_on then
      perform app_private.raise_error('RS561', 'It is switched off, or neither active nor deprecated: nobody it is shared with would see it.',
        'Switch it on and make it active, then share it.');
    end if;
  end if;
  return v_mode;
end
$_$;

ALTER FUNCTION app_private.lock_own_resource(kind app_public.resource_kind, id uuid, is_to_be_shared boolean) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.lock_own_resource(kind app_public.resource_kind, id uuid, is_to_be_shared boolean) IS 'The sharing_mode of a resource of this tenant, its row locked until the end of the transaction. ID203: you may not share; RS301: there is none; and where it is to be shared: RS261: the tenant may not; RS561: it is not on.';

CREATE TABLE app_public.projects (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    workspace_id uuid,
    name text NOT NULL,
    key text,
    description text,
    status text DEFAULT 'planned'::text NOT NULL,
    is_private boolean DEFAULT false NOT NULL,
    starts_on date,
    ends_on date,
    owner_id uuid DEFAULT app_hidden.current_user_id(),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT dates_are_finite CHECK ((isfinite(starts_on) AND isfinite(ends_on))),
    CONSTRAINT description_is_not_too_long CHECK ((length(description) <= 10000)),
    CONSTRAINT ends_on_is_not_before_starts_on CHECK ((ends_on >= starts_on)),
    CONSTRAINT key_is_a_short_code CHECK ((key ~ '^[A-Z][A-Z0-9]{1,9}$'::text)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['planned'::text, 'active'::text, 'on_hold'::text, 'completed'::text, 'archived'::text])))
);

ALTER TABLE ONLY app_public.projects FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.projects OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.projects IS '@behavior -insert -delete
Work with a goal, that cost can be attributed to. Made by create_project; leads and the tenant''s admins edit it. Seen by everyone who reads the workspace it is in (without one, by the whole tenant), by its members, and by the tenant''s owners.';

COMMENT ON COLUMN app_public.projects.workspace_id IS 'The workspace it is in, null when it is in none; changed by move_project.';

COMMENT ON COLUMN app_public.projects.name IS 'Name, at most 255 characters.';

COMMENT ON COLUMN app_public.projects.key IS 'Short code for lists and cost reports: 2 to 10 upper-case letters and digits, a letter first; unique among the tenant''s projects that are not deleted.';

COMMENT ON COLUMN app_public.projects.description IS 'What it is about, at most 10,000 characters.';

COMMENT ON COLUMN app_public.projects.status IS 'planned, active, on_hold, completed or archived.';

COMMENT ON COLUMN app_public.projects.is_private IS 'Whether only its members and the tenant''s owners see it. Who would lose sight of it cannot set this (42501).';

COMMENT ON COLUMN app_public.projects.starts_on IS 'First day.';

COMMENT ON COLUMN app_public.projects.ends_on IS 'Last day, not before the first.';

COMMENT ON COLUMN app_public.projects.owner_id IS 'The member who answers for it; by default its creator. Gives no rights by itself. WS401: not an active member of the tenant.';

COMMENT ON COLUMN app_public.projects.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.projects.updated_at IS 'When it last changed.';

COMMENT ON COLUMN app_public.projects.deleted_at IS 'When it was deleted, null when it is not; then only those who may restore it see it.';

CREATE FUNCTION app_private.locked_project(id uuid) RETURNS app_public.projects
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_project app_public.projects;
  v_role text;
begin
  select * into v_project from app_public.projects p
   where p.tenant_id = app_hidden.current_tenant_id() and p.id = locked_project.id and p.deleted_at is null
     for no key update;
  v_role := app_public.projects_my_role(v_project);
  if v_project.id is null or v_role is null then
    perform app_private.raise_error('WS304', 'There is no such project.', 'List the projects of this tenant.');
  elsif v_role <> 'lead' then
    perform app_private.raise_error('WS203', 'Only leads of the project can do this.', 'Ask a lead of the project or an admin of the tenant.');
  end if;
  return v_project;
end
$$;

ALTER FUNCTION app_private.locked_project(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.locked_project(id uuid) IS 'The project, locked until the end of the transaction. WS304: it is not there, or hidden from you; WS203: you do not lead it.';

CREATE TABLE app_public.workspaces (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    name text NOT NULL,
    description text,
    icon text,
    visibility app_public.workspace_visibility DEFAULT 'private'::app_public.workspace_visibility NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_by_user_id uuid DEFAULT app_hidden.current_user_id(),
    archived_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT description_is_not_too_long CHECK ((length(description) <= 10000)),
    CONSTRAINT icon_is_a_name CHECK (app_hidden.is_name(icon)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT settings_is_an_object CHECK ((jsonb_typeof(settings) = 'object'::text))
);

ALTER TABLE ONLY app_public.workspaces FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.workspaces OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.workspaces IS '@behavior -insert -delete
A room of this tenant for people who work together. Made by create_workspace; its admins edit it. Deleted ones are seen by those who may restore them.';

COMMENT ON COLUMN app_public.workspaces.name IS 'Name, unique among the tenant''s workspaces that are not deleted, also those you cannot see; at most 255 characters.';

COMMENT ON COLUMN app_public.workspaces.description IS 'What it is for, at most 10,000 characters.';

COMMENT ON COLUMN app_public.workspaces.icon IS 'Name of an icon, at most 255 characters.';

COMMENT ON COLUMN app_public.workspaces.visibility IS 'private, team, organization or public: see the type.';

COMMENT ON COLUMN app_public.workspaces.settings IS 'Settings of front ends, an object.';

COMMENT ON COLUMN app_public.workspaces.created_by_user_id IS 'Who created it; null when that person is gone.';

COMMENT ON COLUMN app_public.workspaces.archived_at IS 'When it became read-only (archive_workspace), null when it is not.';

COMMENT ON COLUMN app_public.workspaces.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.workspaces.updated_at IS 'When it last changed.';

COMMENT ON COLUMN app_public.workspaces.deleted_at IS 'When it was deleted, null when it is not.';

CREATE FUNCTION app_private.locked_workspace(id uuid, minimum app_public.member_role) RETURNS app_public.workspaces
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces;
  v_role app_public.member_role;
begin
  select * into v_workspace from app_public.workspaces w
   where w.tenant_id = app_hidden.current_tenant_id() and w.id = locked_workspace.id and w.deleted_at is null
     for no key update;
  v_role := app_public.workspaces_my_role(v_workspace);
  if v_workspace.id is null
    or v_role is null and (v_workspace.visibility = 'private' or not app_hidden.has_role('viewer'))
  then
    perform app_private.raise_error('WS301', 'There is no such workspace.', 'List the workspaces of this tenant.');
  elsif locked_workspace.minimum is not null and (v_role >= locked_workspace.minimum) is not true then
    perform app_private.raise_error('WS201', 'Your role in this workspace does not allow this.',
      format('This needs the role %s; ask an owner of the workspace.', locked_workspace.minimum));
  end if;
  return v_workspace;
end
$$;

ALTER FUNCTION app_private.locked_workspace(id uuid, minimum app_public.member_role) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.locked_workspace(id uuid, minimum app_public.member_role) IS 'The workspace, locked until the end of the transaction; with a null minimum it is enough to see that it exists. WS301: it is not there, or hidden from you; WS201: your role in it is lower.';

CREATE TABLE app_public.workspace_members (
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role app_public.member_role DEFAULT 'viewer'::app_public.member_role NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_public.workspace_members FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.workspace_members OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.workspace_members IS '@behavior -insert -update -delete
Who belongs to a workspace, and in which role; seen by those who read the workspace. Counts only while the person is an active member of the tenant. Written by add_workspace_member, change_workspace_member, remove_workspace_member, join_workspace, leave_workspace and transfer_workspace.';

COMMENT ON COLUMN app_public.workspace_members.workspace_id IS 'The workspace.';

COMMENT ON COLUMN app_public.workspace_members.role IS 'viewer, contributor, moderator, admin or owner.';

COMMENT ON COLUMN app_public.workspace_members.created_at IS 'When the person became a member.';

COMMENT ON COLUMN app_public.workspace_members.updated_at IS 'When the membership last changed.';

CREATE FUNCTION app_private.locked_workspace_member(workspace app_public.workspaces, user_id uuid) RETURNS app_public.workspace_members
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_member app_public.workspace_members;
begin
  select * into v_member from app_public.workspace_members m
   where m.tenant_id = (locked_workspace_member.workspace).tenant_id
     and m.workspace_id = (locked_workspace_member.workspace).id
     and m.user_id = locked_workspace_member.user_id
     for update;
  if not found then
    perform app_private.raise_error('WS303', 'This person is not a member of the workspace.', 'List the members of the workspace.');
  end if;
  return v_member;
end
$$;

ALTER FUNCTION app_private.locked_workspace_member(workspace app_public.workspaces, user_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.locked_workspace_member(workspace app_public.workspaces, user_id uuid) IS 'This person''s membership of a workspace that is locked. WS303: there is none.';

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

CREATE FUNCTION app_private.node_faults(node jsonb, place text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_common constant jsonb := '{"id": "string!", "type": "string!", "name": "name", "description": "string", "config": "object"}';
  v_shape jsonb;
begin
  if jsonb_typeof(node) <> 'object' or jsonb_typeof(node -> 'id') is distinct from 'string' or node ->> 'id' !~ '^[A-Za-z0-9_.-]{1,100}$' then
    return array[place || ' has no id (letters, digits, _, - and ., at most 100)'];
  end if;
  v_shape := case node ->> 'type'
    when 'start' then '{}'
    when 'end' then '{}'
    -- an agent by its id, or by a role that agent_roles gives to one
    when 'agent' then '{"agent_id": "uuid", "role": "name", "prompt_id": "uuid"}'
    when 'tool' then '{"tool_id": "uuid!", "agent_id": "uuid"}'
    when 'prompt' then '{"prompt_id": "uuid!", "agent_id": "uuid"}'
    when 'condition' then '{"expression": "string"}'
    when 'parallel' then '{"max_concurrency": "integer"}'
    when 'loop' then '{"max_iterations": "integer!", "expression": "string"}'
    when 'human' then '{"role": "name", "instructions": "string"}'
  end;
  if v_shape is null then
    return array[place || ' is of no type there is (start, agent, tool, prompt, condition, parallel, loop, human, end)'];
  end if;
  return app_private.object_faults(node, v_common || v_shape, place)
      || case when node ->> 'type' = 'agent' and (node ? 'agent_id') = (node ? 'role')
           then array[place || ' needs either agent_id or role'] else '{}' end
      -- without a bound a loop may never end
      || case when node ->> 'type' = 'loop' and app_private.json_is(node -> 'max_iterations', 'integer')
                and (node ->> 'max_iterations')::int not between 1 and 10000
           then array[place || '.max_iterations is not between 1 and 10000'] else '{}' end
      || case when node ->> 'type' = 'parallel' and app_private.json_is(node -> 'max_concurrency', 'integer')
                and (node ->> 'max_concurrency')::int not between 1 and 1000
           then array[place || '.max_concurrency is not between 1 and 1000'] else '{}' end;
end
$_$;

ALTER FUNCTION app_private.node_faults(node jsonb, place text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.node_faults(node jsonb, place text) IS 'What is wrong with one node of a workflow, by itself.';

CREATE FUNCTION app_private.object_faults(value jsonb, shape jsonb, place text DEFAULT ''::text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_prefix text := case place when '' then '' else place || '.' end;
  v_faults text[] := '{}';
  v_key text;
  v_type text;
begin
  if jsonb_typeof(object_faults.value) is distinct from 'object' then
    return array[coalesce(nullif(place, ''), 'it') || ' is not an object'];
  end if;
  for v_key in select k from jsonb_object_keys(object_faults.value) k where not shape ? k loop
    v_faults := v_faults || (v_prefix || left(v_key, 100) || ' is not known');
  end loop;
  for v_key, v_type in select s.key, rtrim(s.value, '!') from jsonb_each_text(shape) s loop
    if not object_faults.value ? v_key then
      if shape ->> v_key like '%!' then
        v_faults := v_faults || (v_prefix || v_key || ' is missing');
      end if;
    elsif not app_private.json_is(object_faults.value -> v_key, v_type) then
      v_faults := v_faults || (v_prefix || v_key || ' is not of type ' || v_type);
    end if;
  end loop;
  return v_faults;
end
$$;

ALTER FUNCTION app_private.object_faults(value jsonb, shape jsonb, place text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.object_faults(value jsonb, shape jsonb, place text) IS 'What is wrong with an object against a shape such as {"name": "string!", "scopes": "strings"}: keys that are unknown, missing or of another type.';

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

CREATE FUNCTION app_private.parse_question(query text, source_ids uuid[], title_boost double precision DEFAULT 1, reads_misspelt boolean DEFAULT true) RETURNS app_private.search_question
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
  if parse_question.reads_misspelt then
    v_unknown := app_private.unknown_terms(array(select jsonb_object_keys(v_known)));
  end if;
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

ALTER FUNCTION app_private.parse_question(query text, source_ids uuid[], title_boost double precision, reads_misspelt boolean) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.parse_question(query text, source_ids uuid[], title_boost double precision, reads_misspelt boolean) IS 'Reads a question in every language of the sources it goes to. Words that no text has are read as similar ones only where all texts are the asker''s: elsewhere it would tell which words there are. terms is null when it says nothing but stop words or exclusions. SR416: too many words.';

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
    processing_status app_public.processing_status DEFAULT 'pending'::app_public.processing_status NOT NULL,
    processing_started_at timestamp with time zone,
    processing_completed_at timestamp with time zone,
    processing_error text,
    total_chunks integer DEFAULT 0 NOT NULL,
    extracted_metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    publication_date date,
    author text,
    source_organization text,
    status text DEFAULT 'active'::text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    created_by_user_id uuid DEFAULT app_hidden.current_user_id(),
    last_synced_at timestamp with time zone,
    query_count bigint DEFAULT 0 NOT NULL,
    hit_count bigint DEFAULT 0 NOT NULL,
    relevance_sum double precision DEFAULT 0 NOT NULL,
    avg_relevance_score numeric(5,4) GENERATED ALWAYS AS (round(((relevance_sum / (NULLIF(hit_count, 0))::double precision))::numeric, 4)) STORED,
    last_queried_at timestamp with time zone,
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

COMMENT ON COLUMN app_public.rag_knowledge_sources.processing_status IS 'How far its documents are: pending (none yet, or all wait), processing, completed, or failed (some did, and nothing is being processed). As of a minute ago; processingCounts is of now.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.processing_started_at IS 'When the first of its documents began to be processed; as of a minute ago.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.processing_completed_at IS 'When the last of its documents was completed, null while some are not; as of a minute ago.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.processing_error IS 'Why the document that failed last did; null when none is failed. As of a minute ago.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.total_chunks IS 'How many chunks its documents were cut into, as of a minute ago; chunkCount is of now.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.extracted_metadata IS 'Metadata found in the files: an object.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.publication_date IS 'When it was published.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.author IS 'Who wrote it.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.source_organization IS 'Which organization published it.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.status IS 'active, inactive or archived; only active sources are searched.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.enabled IS 'Whether it is searched.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.created_by_user_id IS 'The member who created it.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.last_synced_at IS 'When it was last brought up to date with where it comes from.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.query_count IS 'How many searches found something in it, as of a minute ago.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.hit_count IS 'How many of its chunks searches found, as of a minute ago.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.relevance_sum IS '@behavior -*
Sum of the relevances of its hits.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.avg_relevance_score IS 'Mean relevance of its hits, 0 to 1: a hit''s score over the best score of its search. As of a minute ago.';

COMMENT ON COLUMN app_public.rag_knowledge_sources.last_queried_at IS 'When a search last found something in it, as of a minute ago.';

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

CREATE FUNCTION app_private.ranked_part(source_ids uuid[], query text, is_own boolean, mode app_public.search_mode, depth integer, model app_public.llm_models, query_embedding public.vector, document_ids uuid[], created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, OUT question app_private.search_question, OUT chunk_ids bigint[], OUT bm25_scores double precision[], OUT vector_scores double precision[]) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
declare
  v_scope app_private.search_scope;
  v_embedding vector;
begin
  question := app_private.parse_question(
    ranked_part.query, ranked_part.source_ids, (select s.title_boost from app_hidden.search_settings() s), ranked_part.is_own);
  if question.terms is null then
    return;
  end if;
  v_scope := app_private.scope_of(
    ranked_part.source_ids, ranked_part.document_ids, ranked_part.created_after, ranked_part.created_before, ranked_part.metadata,
    question.text_filter);
  if ranked_part.mode <> 'bm25' then
    v_embedding := app_private.question_vector(model, question, ranked_part.query_embedding);
  end if;
  select array_agg(chunk_id order by chunk_id), array_agg(b.score order by chunk_id), array_agg(v.score order by chunk_id)
    into chunk_ids, bm25_scores, vector_scores
    from (select * from app_private.bm25_ranking(question.terms, question.weights, v_scope, ranked_part.depth)
           where ranked_part.mode <> 'vector') b
    full join (select * from app_private.vector_ranking(model, v_embedding, v_scope, ranked_part.depth)
                where ranked_part.mode <> 'bm25') v using (chunk_id);
end
$$;

ALTER FUNCTION app_private.ranked_part(source_ids uuid[], query text, is_own boolean, mode app_public.search_mode, depth integer, model app_public.llm_models, query_embedding public.vector, document_ids uuid[], created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, OUT question app_private.search_question, OUT chunk_ids bigint[], OUT bm25_scores double precision[], OUT vector_scores double precision[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.ranked_part(source_ids uuid[], query text, is_own boolean, mode app_public.search_mode, depth integer, model app_public.llm_models, query_embedding public.vector, document_ids uuid[], created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, OUT question app_private.search_question, OUT chunk_ids bigint[], OUT bm25_scores double precision[], OUT vector_scores double precision[]) IS 'The best chunks of these sources of the tenant of the context, to a depth by words and to one by vectors, and the question as its texts read it. SR409 to SR411, SR416 as search.';

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

CREATE TABLE app_public.resource_shares (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    resource_kind app_public.resource_kind NOT NULL,
    resource_id uuid NOT NULL,
    grantee_tenant_id uuid NOT NULL,
    grantee_user_id uuid,
    grantee_workspace_id uuid,
    expires_at timestamp with time zone,
    declined_at timestamp with time zone,
    created_by_user_id uuid DEFAULT app_hidden.current_user_id(),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT grantee_is_another_tenant CHECK ((grantee_tenant_id <> tenant_id)),
    CONSTRAINT grantee_is_narrowed_once CHECK ((num_nonnulls(grantee_user_id, grantee_workspace_id) <= 1))
);

ALTER TABLE ONLY app_public.resource_shares FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.resource_shares OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.resource_shares IS '@behavior -insert -update -delete
Who beyond this tenant may use which of its resources: another tenant, or one member or workspace of it. share_resource and revoke_share write it; received_shares is the other side.';

COMMENT ON COLUMN app_public.resource_shares.resource_kind IS 'What kind of thing is shared.';

COMMENT ON COLUMN app_public.resource_shares.resource_id IS 'What is shared.';

COMMENT ON COLUMN app_public.resource_shares.grantee_tenant_id IS 'The tenant it is shared with.';

COMMENT ON COLUMN app_public.resource_shares.grantee_user_id IS 'The one member it is shared with, null when it is not so narrow.';

COMMENT ON COLUMN app_public.resource_shares.grantee_workspace_id IS 'The workspace whose members it is shared with, null when it is not so narrow.';

COMMENT ON COLUMN app_public.resource_shares.expires_at IS 'Until when, null without end.';

COMMENT ON COLUMN app_public.resource_shares.declined_at IS 'When the other side declined it, null when it did not.';

COMMENT ON COLUMN app_public.resource_shares.created_by_user_id IS 'Who shared it.';

COMMENT ON COLUMN app_public.resource_shares.created_at IS 'When it was shared.';

COMMENT ON COLUMN app_public.resource_shares.updated_at IS 'When the share last changed.';

CREATE FUNCTION app_private.record_sharing(kind app_public.resource_kind, tenant_id uuid, resource_id uuid, action app_public.sharing_action, from_mode text DEFAULT NULL::text, to_mode text DEFAULT NULL::text, other_tenant_id uuid DEFAULT NULL::uuid, share app_public.resource_shares DEFAULT NULL::app_public.resource_shares) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_name text;
begin
  execute format('select r.name from %s r where r.id = $1', app_private.resource_table(record_sharing.kind))
    into v_name using record_sharing.resource_id;
  insert into app_public.resource_sharing_audit (
    tenant_id, action, user_id, resource_kind, resource_id, resource_name, from_mode, to_mode,
    other_tenant_id, other_tenant_slug, grantee_user_id, grantee_workspace_id, expires_at)
  select t.id, record_sharing.action,
         -- people of the other side stay unknown
         case when t.id = app_hidden.current_tenant_id() then app_hidden.current_user_id() end,
         record_sharing.kind, record_sharing.resource_id, coalesce(v_name, ''), record_sharing.from_mode, record_sharing.to_mode,
         record_sharing.other_tenant_id, o.slug, (share).grantee_user_id, (share).grantee_workspace_id, (share).expires_at
    -- of a tenant that is deleted nothing is left to record
    from app_public.tenants t
    left join app_public.tenants o on o.id = record_sharing.other_tenant_id
   where t.id = record_sharing.tenant_id;
end
$_$;

ALTER FUNCTION app_private.record_sharing(kind app_public.resource_kind, tenant_id uuid, resource_id uuid, action app_public.sharing_action, from_mode text, to_mode text, other_tenant_id uuid, share app_public.resource_shares) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.record_sharing(kind app_public.resource_kind, tenant_id uuid, resource_id uuid, action app_public.sharing_action, from_mode text, to_mode text, other_tenant_id uuid, share app_public.resource_shares) IS 'Writes to the audit of the tenant that owns a resource.';

CREATE FUNCTION app_private.refresh_sources() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_source_ids uuid[];
begin
  -- First the notes, then the documents, in a statement of its own: it sees at least what the notes speak of. Whatever
  -- is committed later has a note of its own.
  with noted as (delete from app_private.changed_sources returning source_id)
  select array_agg(distinct source_id) into v_source_ids from noted;
  perform from app_public.rag_knowledge_sources s where s.id = any (v_source_ids) order by s.id for no key update;
  update app_public.rag_knowledge_sources s
     set processing_status = case
           when d.total = d.pending then 'pending'
           when d.pending + d.processing > 0 then 'processing'
           when d.failed > 0 then 'failed'
           else 'completed' end::app_public.processing_status,
         processing_started_at = d.started_at,
         processing_completed_at = case when d.total > 0 and d.total = d.completed then d.completed_at end,
         processing_error = d.error,
         total_chunks = (select count(*) from app_public.document_chunks c where c.tenant_id = s.tenant_id and c.source_id = s.id)
    from (
      select t.id, count(d.id) as total, min(d.processing_started_at) as started_at, max(d.processing_completed_at) as completed_at,
             count(*) filter (where d.processing_status = 'pending') as pending,
             count(*) filter (where d.processing_status = 'processing') as processing,
             count(*) filter (where d.processing_status = 'completed') as completed,
             count(*) filter (where d.processing_status = 'failed') as failed,
             (array_agg(d.processing_error order by d.updated_at desc) filter (where d.processing_status = 'failed'))[1] as error
        from app_public.rag_knowledge_sources t
        left join app_public.documents d on d.tenant_id = t.tenant_id and d.source_id = t.id
       where t.id = any (v_source_ids)
       group by t.id
    ) as d
   where s.id = d.id;
  return coalesce(cardinality(v_source_ids), 0);
end
$$;

ALTER FUNCTION app_private.refresh_sources() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.refresh_sources() IS 'Writes down how far the sources are whose documents have changed since it last did; returns how many. Twice at once does nothing twice.';

CREATE FUNCTION app_private.refuse_faults(code text, what text, faults text[], hint text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if cardinality(faults) > 0 then
    perform app_private.raise_error(code, what || ': ' || array_to_string(faults[1:20], '; ') || '.', hint);
  end if;
end
$$;

ALTER FUNCTION app_private.refuse_faults(code text, what text, faults text[], hint text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.refuse_faults(code text, what text, faults text[], hint text) IS 'Raises an error that names the faults, at most twenty; none, no error.';

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

CREATE FUNCTION app_private.require_active_member(user_id uuid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not exists (
    select from app_public.user_tenants t
     where t.tenant_id = app_hidden.current_tenant_id() and t.user_id = require_active_member.user_id and t.status = 'active'
  ) then
    perform app_private.raise_error('WS401', 'This person is not an active member of this tenant.', 'Invite the person to the tenant first.');
  end if;
end
$$;

ALTER FUNCTION app_private.require_active_member(user_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.require_active_member(user_id uuid) IS 'WS401 unless this person is an active member of this tenant.';

CREATE FUNCTION app_private.require_another_owner(workspace app_public.workspaces, user_id uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- the rows are locked for callers in repeatable read, whose snapshot may still show an owner who has left
  perform from app_public.workspace_members m
     join app_public.user_tenants t on t.tenant_id = m.tenant_id and t.user_id = m.user_id and t.status = 'active'
    where m.tenant_id = (require_another_owner.workspace).tenant_id and m.workspace_id = (require_another_owner.workspace).id
      and m.role = 'owner' and m.user_id <> require_another_owner.user_id
    order by m.user_id
      for update of m;
  if not found then
    perform app_private.raise_error('WS502', 'A workspace keeps at least one owner.', 'Make someone else an owner first, with transfer_workspace.');
  end if;
end
$$;

ALTER FUNCTION app_private.require_another_owner(workspace app_public.workspaces, user_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.require_another_owner(workspace app_public.workspaces, user_id uuid) IS 'WS502 when nobody but this person owns the workspace and is an active member of the tenant.';

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

CREATE FUNCTION app_private.require_power_over(workspace app_public.workspaces, role app_public.member_role) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_role app_public.member_role := app_public.workspaces_my_role(require_power_over.workspace);
begin
  if (v_role = 'owner' or v_role >= 'moderator' and v_role > require_power_over.role) is not true then
    perform app_private.raise_error('WS201', 'Your role in this workspace does not allow this.',
      'You manage roles below your own; ask an owner of the workspace.');
  end if;
end
$$;

ALTER FUNCTION app_private.require_power_over(workspace app_public.workspaces, role app_public.member_role) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.require_power_over(workspace app_public.workspaces, role app_public.member_role) IS 'WS201 unless you manage members of this role.';

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

CREATE FUNCTION app_private.resource_permission(kind app_public.resource_kind, deed text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case kind
    when 'agent' then format('can_%s_agents', deed)
    when 'knowledge_source' then 'can_manage_knowledge'
    else format('can_%s_resources', deed)
  end;
$$;

ALTER FUNCTION app_private.resource_permission(kind app_public.resource_kind, deed text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.resource_permission(kind app_public.resource_kind, deed text) IS 'The permission that allows to create, edit or delete a resource of a kind.';

CREATE FUNCTION app_private.resource_switch(kind app_public.resource_kind) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case resource_switch.kind when 'agent' then 'r.is_active' when 'prompt' then 'true' else 'r.enabled' end;
$$;

ALTER FUNCTION app_private.resource_switch(kind app_public.resource_kind) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.resource_switch(kind app_public.resource_kind) IS 'The switch of a kind, as SQL of the row r. A resource is on when its switch is and its status is active or deprecated.';

CREATE FUNCTION app_private.resource_table(kind app_public.resource_kind) RETURNS regclass
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case kind
    when 'agent' then 'app_public.agents'
    when 'tool' then 'app_public.tools'
    when 'prompt' then 'app_public.prompts'
    when 'workflow' then 'app_public.workflows'
    when 'knowledge_source' then 'app_public.rag_knowledge_sources'
  end::regclass;
$$;

ALTER FUNCTION app_private.resource_table(kind app_public.resource_kind) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.resource_table(kind app_public.resource_kind) IS 'The table that holds resources of a kind.';

CREATE FUNCTION app_private.resource_to_copy(kind app_public.resource_kind, id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_resource jsonb := app_private.visible_resource(resource_to_copy.kind, resource_to_copy.id);
begin
  if v_resource is not null then
    -- Whoever revokes holds the resource's row: wait, then look again. The grants are locked for callers in repeatable
    -- read, who would still see one that is gone.
    execute format('select from %s r where r.id = $1 for share', app_private.resource_table(resource_to_copy.kind))
      using resource_to_copy.id;
    perform from app_public.resource_shares s
      where s.resource_kind = resource_to_copy.kind and s.resource_id = resource_to_copy.id
        and s.grantee_tenant_id = app_hidden.current_tenant_id()
      order by s.id for share;
    v_resource := app_private.visible_resource(resource_to_copy.kind, resource_to_copy.id);
  end if;
  if v_resource is null then
    perform app_private.raise_error('RS301', format('There is no such %s.', replace(resource_to_copy.kind::text, '_', ' ')),
      'List those of this tenant, and those shared with it.');
  end if;
  if resource_to_copy.kind = 'agent' then
    v_resource := v_resource || jsonb_build_object('knowledge_source_ids', array(
      select a.source_id from app_public.agent_knowledge_sources a
       where a.tenant_id = (v_resource ->> 'tenant_id')::uuid and a.agent_id = resource_to_copy.id
       order by a.created_at, a.source_id));
  end if;
  return v_resource;
end
$_$;

ALTER FUNCTION app_private.resource_to_copy(kind app_public.resource_kind, id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.resource_to_copy(kind app_public.resource_kind, id uuid) IS 'A resource the request sees, as JSON and, of an agent, with knowledge_source_ids; nobody can revoke it before the transaction ends. RS301: there is none.';

CREATE FUNCTION app_private.restore_resource(kind app_public.resource_kind, id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_kind text := replace(restore_resource.kind::text, '_', ' ');
  v_count int;
begin
  perform app_private.require_permission(app_private.resource_permission(restore_resource.kind, 'delete'));
  execute format(
    'update %s r set deleted_at = null where r.id = $1 and r.tenant_id = $2 and r.deleted_at is not null',
    app_private.resource_table(restore_resource.kind))
    using restore_resource.id, app_hidden.current_tenant_id();
  get diagnostics v_count = row_count;
  if v_count = 0 then
    perform app_private.raise_error('RS302', format('There is no deleted %s with this id.', v_kind), 'It was never deleted, or never there.');
  end if;
exception when unique_violation then
  perform app_private.raise_error('RS520', format('Another %s has taken its name by now.', v_kind), 'Rename that one, then restore this one.');
end
$_$;

ALTER FUNCTION app_private.restore_resource(kind app_public.resource_kind, id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.restore_resource(kind app_public.resource_kind, id uuid) IS 'Brings a deleted resource back. RS302: no deleted one has this id; RS520: its name is taken; ID203: your permissions do not allow it.';

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

CREATE FUNCTION app_private.retry_faults(config jsonb) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_faults text[] := app_private.object_faults(config, '{"max_attempts": "integer", "backoff": "string", "delay_ms": "integer"}');
begin
  if cardinality(v_faults) > 0 then
    return v_faults;
  end if;
  if (config ->> 'max_attempts')::int not between 0 and 20 then
    v_faults := v_faults || 'max_attempts is not between 0 and 20'::text;
  end if;
  if config ->> 'backoff' not in ('constant', 'linear', 'exponential') then
    v_faults := v_faults || 'backoff is not constant, linear or exponential'::text;
  end if;
  if (config ->> 'delay_ms')::int not between 0 and 600000 then
    v_faults := v_faults || 'delay_ms is not between 0 and 600000'::text;
  end if;
  return v_faults;
end
$$;

ALTER FUNCTION app_private.retry_faults(config jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.retry_faults(config jsonb) IS 'What is wrong with a tool''s retry_config.';

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

CREATE FUNCTION app_private.search_model(embedding_model text, model_names text[]) RETURNS app_public.llm_models
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_names text[] := case when search_model.embedding_model is null then search_model.model_names else array[search_model.embedding_model] end;
  v_model app_public.llm_models;
begin
  if cardinality(v_names) > 1 then
    perform app_private.raise_error('SR402', format('The sources use several embedding models: %s.', array_to_string(v_names, ', ')),
      'Name one as embedding_model, or search the sources of one model by source_ids.');
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

ALTER FUNCTION app_private.search_model(embedding_model text, model_names text[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.search_model(embedding_model text, model_names text[]) IS 'The embedding model of a search: the one named, or the only one of those its sources use; null when there is none. SR402: they use several; SR403: no such model.';

CREATE FUNCTION app_private.search_parts(source_ids uuid[], agent_id uuid, tags text[], category text) RETURNS TABLE(tenant_id uuid, ids uuid[], model_names text[])
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select app_hidden.current_tenant_id(), array_agg(s.id order by s.id), array_agg(distinct s.embedding_model)
      from app_private.searchable_sources(app_private.sources_in_scope(
        search_parts.source_ids, search_parts.agent_id, search_parts.tags, search_parts.category)) s
    having count(*) > 0;
  return query
    select p.* from app_private.shared_search_parts(
      search_parts.source_ids, search_parts.agent_id, search_parts.tags, search_parts.category) p;
end
$$;

ALTER FUNCTION app_private.search_parts(source_ids uuid[], agent_id uuid, tags text[], category text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.search_parts(source_ids uuid[], agent_id uuid, tags text[], category text) IS 'The tenants a search goes to, that of the request first, with the sources in scope. The first row''s model_names are the embedding models to choose from: those of this tenant''s sources, for what others share must not decide how one''s own are searched; of all shared ones where it has none in scope.';

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

CREATE PROCEDURE app_private.secure_shareable_table(IN target regclass, IN kind text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  call app_private.secure_tenant_table(target);
  execute format('alter policy tenant_isolation on %s to rowhouse_owner, rowhouse_authenticator, rowhouse_worker', target);
  execute format('drop policy if exists tenant_isolation_with_shares on %s', target);
  execute format(
    'create policy tenant_isolation_with_shares on %s as restrictive for all to rowhouse_user
      using (tenant_id = (select app_hidden.current_tenant_id()) or id = any ((select app_hidden.shared_resource_ids(%L))::uuid[]))
      with check (tenant_id = (select app_hidden.current_tenant_id()))', target, kind);
  execute format('drop policy if exists tenant_isolation_of_updates on %s', target);
  execute format(
    'create policy tenant_isolation_of_updates on %s as restrictive for update to rowhouse_user
      using (tenant_id = (select app_hidden.current_tenant_id()))', target);
  execute format('drop policy if exists tenant_isolation_of_deletes on %s', target);
  execute format(
    'create policy tenant_isolation_of_deletes on %s as restrictive for delete to rowhouse_user
      using (tenant_id = (select app_hidden.current_tenant_id()))', target);
end
$$;

ALTER PROCEDURE app_private.secure_shareable_table(IN target regclass, IN kind text) OWNER TO rowhouse_owner;

COMMENT ON PROCEDURE app_private.secure_shareable_table(IN target regclass, IN kind text) IS 'Walls a table of shareable resources in: as secure_tenant_table, but users also read rows that are shared with them. RH901, RH902.';

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
    select c.oid, c.oid::regclass::text as name, c.relrowsecurity, c.relforcerowsecurity, c.relkind, c.reloptions, n.nspname,
           c.oid in (select app_private.resource_table(k) from unnest(enum_range(null::app_public.resource_kind)) k) as is_shareable
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('app_public', 'app_hidden', 'app_private')
  )
  select name, 'row level security is not enabled and forced'
    from tables where relkind in ('r', 'p') and not (relrowsecurity and relforcerowsecurity)
  union all
  select name, 'has no wall (call app_private.secure_tenant_table, or name it in app_private.global_tables)'
    from tables t
   where relkind in ('r', 'p') and oid <> all (app_private.global_tables())
     and exists (
       select from unnest(array['rowhouse_owner', 'rowhouse_authenticator', 'rowhouse_user', 'rowhouse_worker']::regrole[]) as walled
        where not exists (
          select from pg_policy p where p.polrelid = t.oid and not p.polpermissive and p.polcmd = '*' and walled = any (p.polroles)
            and (p.polname = 'tenant_isolation' or p.polname = 'tenant_isolation_with_shares' and t.is_shareable)))
  union all
  select name, 'others could change what is shared with them (call app_private.secure_shareable_table)'
    from tables t
   where is_shareable and (
     select count(*) from pg_policy p
      where p.polrelid = t.oid and not p.polpermissive and p.polroles = array['rowhouse_user'::regrole::oid]
        and (p.polname, p.polcmd) in (('tenant_isolation_of_updates', 'w'), ('tenant_isolation_of_deletes', 'd'))) < 2
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

CREATE FUNCTION app_private.set_declined(share_id uuid, declined_at timestamp with time zone) RETURNS app_public.received_share
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_share app_public.resource_shares;
  v_received app_public.received_share;
begin
  select r.* into v_received from app_public.received_shares() r where r.share_id = set_declined.share_id;
  select s.* into v_share from app_public.resource_shares s where s.id = v_received.share_id for no key update;
  if v_share.id is null then
    perform app_private.raise_error('RS362', 'There is no such share.', 'received_shares lists them.');
  end if;
  if v_share.grantee_user_id is distinct from app_hidden.current_user_id() then
    perform app_private.require_permission('can_manage_settings');
  end if;
  if (v_share.declined_at is null) <> (set_declined.declined_at is null) then
    update app_public.resource_shares s set declined_at = set_declined.declined_at where s.id = v_share.id;
    v_received.declined_at := set_declined.declined_at;
  end if;
  return v_received;
end
$$;

ALTER FUNCTION app_private.set_declined(share_id uuid, declined_at timestamp with time zone) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.set_declined(share_id uuid, declined_at timestamp with time zone) IS 'Declines a received share, or takes that back. RS362: none was received; ID203: it is not for you alone, and you do not manage this tenant''s settings.';

CREATE FUNCTION app_private.set_mode(kind app_public.resource_kind, id uuid, mode text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
begin
  execute format('update %s r set sharing_mode = $1 where r.id = $2 and r.tenant_id = $3 and r.sharing_mode <> $1',
    app_private.resource_table(set_mode.kind))
    using set_mode.mode, set_mode.id, app_hidden.current_tenant_id();
end
$_$;

ALTER FUNCTION app_private.set_mode(kind app_public.resource_kind, id uuid, mode text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.set_mode(kind app_public.resource_kind, id uuid, mode text) IS 'Writes the sharing_mode of a locked resource of this tenant.';

CREATE FUNCTION app_private.share_grantee(tenant_slug text, user_email text, workspace_id uuid) RETURNS TABLE(tenant_id uuid, user_id uuid, of_workspace_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
    select t.id, m.user_id, w.id
      from app_public.tenants t
      left join (app_public.user_tenants m
        join app_public.user_profiles u on u.id = m.user_id and u.email = lower(trim(share_grantee.user_email))
          and u.is_active and u.deleted_at is null)
        on m.tenant_id = t.id and m.status = 'active'
      left join app_public.workspaces w on w.tenant_id = t.id and w.id = share_grantee.workspace_id and w.deleted_at is null
     where t.slug = lower(trim(share_grantee.tenant_slug)) and t.status in ('trial', 'active')
       and app_private.tenant_allows(t.resource_access_config, 'sharing.can_receive_shared')
       and (share_grantee.user_email is null) = (m.user_id is null)
       and (share_grantee.workspace_id is null) = (w.id is null);
end
$$;

ALTER FUNCTION app_private.share_grantee(tenant_slug text, user_email text, workspace_id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.share_grantee(tenant_slug text, user_email text, workspace_id uuid) IS 'Whom a grant would be for: a tenant that may receive, and the active member or the workspace of it when one is named. Nothing when any of it is not there.';

CREATE FUNCTION app_private.shared_agents(is_overview boolean DEFAULT false) RETURNS TABLE(id uuid, tenant_id uuid, name text, sharing_mode text, share_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
      #variable_conflict use_column
      declare
        v_tenant_id uuid := app_hidden.current_tenant_id();
        v_user_id uuid := app_hidden.current_user_id();
        v_config jsonb;
        v_has_parent boolean;
        v_ancestor_ids uuid[] := '{}';
        v_sees_all boolean := shared_agents.is_overview and app_hidden.has_permission('can_manage_settings');
      begin
        select t.resource_access_config, t.parent_tenant_id is not null into v_config, v_has_parent
          from app_public.tenants t where t.id = v_tenant_id;
        if not found or not app_private.tenant_allows(v_config, 'sharing.can_receive_shared') then
          return;
        end if;
        if v_has_parent then
          v_ancestor_ids := app_private.ancestor_tenant_ids(v_tenant_id);
        end if;
        return query
          with candidates as (
            select r.id, r.tenant_id, r.name, r.sharing_mode, s.id as share_id, r.status::text as status, r.is_active as is_on
              from app_public.resource_shares s
              join app_public.agents r on r.id = s.resource_id and r.tenant_id = s.tenant_id and r.sharing_mode <> 'private' and r.deleted_at is null
             where s.grantee_tenant_id = v_tenant_id and s.resource_kind = 'agent'
               and (s.expires_at is null or s.expires_at > app_hidden.clock())
               and (s.declined_at is null or is_overview)
               and (v_sees_all
                 or num_nonnulls(s.grantee_user_id, s.grantee_workspace_id) = 0
                 or s.grantee_user_id = v_user_id
                 or exists (
                   select from app_public.workspace_members m
                     join app_public.workspaces w on w.tenant_id = m.tenant_id and w.id = m.workspace_id and w.deleted_at is null
                    where m.tenant_id = v_tenant_id and m.workspace_id = s.grantee_workspace_id and m.user_id = v_user_id))
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, r.is_active
              from app_public.agents r
             where r.sharing_mode = 'subtree' and r.deleted_at is null and r.tenant_id = any (v_ancestor_ids)
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, r.is_active
              from app_public.agents r
             where r.sharing_mode = 'platform' and r.deleted_at is null and r.tenant_id <> v_tenant_id
               and app_private.tenant_allows(v_config, 'shared_resources.agents')
          )
          select c.id, c.tenant_id, c.name, c.sharing_mode, c.share_id
            from candidates c
            join app_public.tenants o on o.id = c.tenant_id and o.status in ('trial', 'active')
           where c.is_on and c.status in ('active', 'deprecated')
             and app_private.tenant_allows(o.resource_access_config, 'sharing.can_share_resources');
      end
      $$;

ALTER FUNCTION app_private.shared_agents(is_overview boolean) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.shared_agents(is_overview boolean) IS 'The agents of other tenants that are shared with the tenant and user of the request, one once for each way it came. The overview has what was declined as well, and, for who has can_manage_settings, what was shared with single users and workspaces.';

CREATE FUNCTION app_private.shared_knowledge_sources(is_overview boolean DEFAULT false) RETURNS TABLE(id uuid, tenant_id uuid, name text, sharing_mode text, share_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
      #variable_conflict use_column
      declare
        v_tenant_id uuid := app_hidden.current_tenant_id();
        v_user_id uuid := app_hidden.current_user_id();
        v_config jsonb;
        v_has_parent boolean;
        v_ancestor_ids uuid[] := '{}';
        v_sees_all boolean := shared_knowledge_sources.is_overview and app_hidden.has_permission('can_manage_settings');
      begin
        select t.resource_access_config, t.parent_tenant_id is not null into v_config, v_has_parent
          from app_public.tenants t where t.id = v_tenant_id;
        if not found or not app_private.tenant_allows(v_config, 'sharing.can_receive_shared') then
          return;
        end if;
        if v_has_parent then
          v_ancestor_ids := app_private.ancestor_tenant_ids(v_tenant_id);
        end if;
        return query
          with candidates as (
            select r.id, r.tenant_id, r.name, r.sharing_mode, s.id as share_id, r.status::text as status, r.enabled as is_on
              from app_public.resource_shares s
              join app_public.rag_knowledge_sources r on r.id = s.resource_id and r.tenant_id = s.tenant_id and r.sharing_mode <> 'private' and r.deleted_at is null
             where s.grantee_tenant_id = v_tenant_id and s.resource_kind = 'knowledge_source'
               and (s.expires_at is null or s.expires_at > app_hidden.clock())
               and (s.declined_at is null or is_overview)
               and (v_sees_all
                 or num_nonnulls(s.grantee_user_id, s.grantee_workspace_id) = 0
                 or s.grantee_user_id = v_user_id
                 or exists (
                   select from app_public.workspace_members m
                     join app_public.workspaces w on w.tenant_id = m.tenant_id and w.id = m.workspace_id and w.deleted_at is null
                    where m.tenant_id = v_tenant_id and m.workspace_id = s.grantee_workspace_id and m.user_id = v_user_id))
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, r.enabled
              from app_public.rag_knowledge_sources r
             where r.sharing_mode = 'subtree' and r.deleted_at is null and r.tenant_id = any (v_ancestor_ids)
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, r.enabled
              from app_public.rag_knowledge_sources r
             where r.sharing_mode = 'platform' and r.deleted_at is null and r.tenant_id <> v_tenant_id
               and app_private.tenant_allows(v_config, 'shared_resources.rag')
          )
          select c.id, c.tenant_id, c.name, c.sharing_mode, c.share_id
            from candidates c
            join app_public.tenants o on o.id = c.tenant_id and o.status in ('trial', 'active')
           where c.is_on and c.status in ('active', 'deprecated')
             and app_private.tenant_allows(o.resource_access_config, 'sharing.can_share_resources');
      end
      $$;

ALTER FUNCTION app_private.shared_knowledge_sources(is_overview boolean) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.shared_knowledge_sources(is_overview boolean) IS 'The knowledge sources of other tenants that are shared with the tenant and user of the request, one once for each way it came. The overview has what was declined as well, and, for who has can_manage_settings, what was shared with single users and workspaces.';

CREATE FUNCTION app_private.shared_prompts(is_overview boolean DEFAULT false) RETURNS TABLE(id uuid, tenant_id uuid, name text, sharing_mode text, share_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
      #variable_conflict use_column
      declare
        v_tenant_id uuid := app_hidden.current_tenant_id();
        v_user_id uuid := app_hidden.current_user_id();
        v_config jsonb;
        v_has_parent boolean;
        v_ancestor_ids uuid[] := '{}';
        v_sees_all boolean := shared_prompts.is_overview and app_hidden.has_permission('can_manage_settings');
      begin
        select t.resource_access_config, t.parent_tenant_id is not null into v_config, v_has_parent
          from app_public.tenants t where t.id = v_tenant_id;
        if not found or not app_private.tenant_allows(v_config, 'sharing.can_receive_shared') then
          return;
        end if;
        if v_has_parent then
          v_ancestor_ids := app_private.ancestor_tenant_ids(v_tenant_id);
        end if;
        return query
          with candidates as (
            select r.id, r.tenant_id, r.name, r.sharing_mode, s.id as share_id, r.status::text as status, true as is_on
              from app_public.resource_shares s
              join app_public.prompts r on r.id = s.resource_id and r.tenant_id = s.tenant_id and r.sharing_mode <> 'private' and r.deleted_at is null
             where s.grantee_tenant_id = v_tenant_id and s.resource_kind = 'prompt'
               and (s.expires_at is null or s.expires_at > app_hidden.clock())
               and (s.declined_at is null or is_overview)
               and (v_sees_all
                 or num_nonnulls(s.grantee_user_id, s.grantee_workspace_id) = 0
                 or s.grantee_user_id = v_user_id
                 or exists (
                   select from app_public.workspace_members m
                     join app_public.workspaces w on w.tenant_id = m.tenant_id and w.id = m.workspace_id and w.deleted_at is null
                    where m.tenant_id = v_tenant_id and m.workspace_id = s.grantee_workspace_id and m.user_id = v_user_id))
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, true
              from app_public.prompts r
             where r.sharing_mode = 'subtree' and r.deleted_at is null and r.tenant_id = any (v_ancestor_ids)
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, true
              from app_public.prompts r
             where r.sharing_mode = 'platform' and r.deleted_at is null and r.tenant_id <> v_tenant_id
               and app_private.tenant_allows(v_config, 'shared_resources.prompts')
          )
          select c.id, c.tenant_id, c.name, c.sharing_mode, c.share_id
            from candidates c
            join app_public.tenants o on o.id = c.tenant_id and o.status in ('trial', 'active')
           where c.is_on and c.status in ('active', 'deprecated')
             and app_private.tenant_allows(o.resource_access_config, 'sharing.can_share_resources');
      end
      $$;

ALTER FUNCTION app_private.shared_prompts(is_overview boolean) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.shared_prompts(is_overview boolean) IS 'The prompts of other tenants that are shared with the tenant and user of the request, one once for each way it came. The overview has what was declined as well, and, for who has can_manage_settings, what was shared with single users and workspaces.';

CREATE FUNCTION app_private.shared_search_parts(source_ids uuid[], agent_id uuid, tags text[], category text) RETURNS TABLE(tenant_id uuid, ids uuid[], model_names text[])
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_shared_ids uuid[] := app_hidden.shared_resource_ids('knowledge_source');
begin
  -- all that most tenants' searches cost more for the sake of sharing
  if cardinality(v_shared_ids) = 0 then
    return;
  end if;
  return query
    with in_scope as (
      select s.tenant_id, s.id, s.embedding_model
        from app_public.rag_knowledge_sources s
       where s.id = any (v_shared_ids)
         and (shared_search_parts.source_ids is null or s.id = any (shared_search_parts.source_ids))
         and (shared_search_parts.tags is null or s.tags && shared_search_parts.tags)
         and (shared_search_parts.category is null or s.category = shared_search_parts.category)
         -- assigned here, or by the tenant that shares the agent as well
         and (shared_search_parts.agent_id is null or exists (
           select from app_public.agent_knowledge_sources a
            where a.agent_id = shared_search_parts.agent_id and a.source_id = s.id
              and (a.tenant_id = app_hidden.current_tenant_id() or a.agent_id = any (app_hidden.shared_resource_ids('agent')))))
         -- an empty source costs no search
         and exists (select from app_public.document_chunks c where c.tenant_id = s.tenant_id and c.source_id = s.id)
    )
    select i.tenant_id, array_agg(i.id order by i.id), array(select distinct j.embedding_model from in_scope j order by 1)
      from in_scope i
     group by i.tenant_id
     order by i.tenant_id;
end
$$;

ALTER FUNCTION app_private.shared_search_parts(source_ids uuid[], agent_id uuid, tags text[], category text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.shared_search_parts(source_ids uuid[], agent_id uuid, tags text[], category text) IS 'The sources of other tenants a search goes to, by tenant: shared with the request, with something in them, and in scope as app_private.sources_in_scope has it; and the embedding models that all of them use.';

CREATE FUNCTION app_private.shared_tools(is_overview boolean DEFAULT false) RETURNS TABLE(id uuid, tenant_id uuid, name text, sharing_mode text, share_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
      #variable_conflict use_column
      declare
        v_tenant_id uuid := app_hidden.current_tenant_id();
        v_user_id uuid := app_hidden.current_user_id();
        v_config jsonb;
        v_has_parent boolean;
        v_ancestor_ids uuid[] := '{}';
        v_sees_all boolean := shared_tools.is_overview and app_hidden.has_permission('can_manage_settings');
      begin
        select t.resource_access_config, t.parent_tenant_id is not null into v_config, v_has_parent
          from app_public.tenants t where t.id = v_tenant_id;
        if not found or not app_private.tenant_allows(v_config, 'sharing.can_receive_shared') then
          return;
        end if;
        if v_has_parent then
          v_ancestor_ids := app_private.ancestor_tenant_ids(v_tenant_id);
        end if;
        return query
          with candidates as (
            select r.id, r.tenant_id, r.name, r.sharing_mode, s.id as share_id, r.status::text as status, r.enabled as is_on
              from app_public.resource_shares s
              join app_public.tools r on r.id = s.resource_id and r.tenant_id = s.tenant_id and r.sharing_mode <> 'private' and r.deleted_at is null
             where s.grantee_tenant_id = v_tenant_id and s.resource_kind = 'tool'
               and (s.expires_at is null or s.expires_at > app_hidden.clock())
               and (s.declined_at is null or is_overview)
               and (v_sees_all
                 or num_nonnulls(s.grantee_user_id, s.grantee_workspace_id) = 0
                 or s.grantee_user_id = v_user_id
                 or exists (
                   select from app_public.workspace_members m
                     join app_public.workspaces w on w.tenant_id = m.tenant_id and w.id = m.workspace_id and w.deleted_at is null
                    where m.tenant_id = v_tenant_id and m.workspace_id = s.grantee_workspace_id and m.user_id = v_user_id))
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, r.enabled
              from app_public.tools r
             where r.sharing_mode = 'subtree' and r.deleted_at is null and r.tenant_id = any (v_ancestor_ids)
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, r.enabled
              from app_public.tools r
             where r.sharing_mode = 'platform' and r.deleted_at is null and r.tenant_id <> v_tenant_id
               and app_private.tenant_allows(v_config, 'shared_resources.tools')
          )
          select c.id, c.tenant_id, c.name, c.sharing_mode, c.share_id
            from candidates c
            join app_public.tenants o on o.id = c.tenant_id and o.status in ('trial', 'active')
           where c.is_on and c.status in ('active', 'deprecated')
             and app_private.tenant_allows(o.resource_access_config, 'sharing.can_share_resources');
      end
      $$;

ALTER FUNCTION app_private.shared_tools(is_overview boolean) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.shared_tools(is_overview boolean) IS 'The tools of other tenants that are shared with the tenant and user of the request, one once for each way it came. The overview has what was declined as well, and, for who has can_manage_settings, what was shared with single users and workspaces.';

CREATE FUNCTION app_private.shared_workflows(is_overview boolean DEFAULT false) RETURNS TABLE(id uuid, tenant_id uuid, name text, sharing_mode text, share_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
      #variable_conflict use_column
      declare
        v_tenant_id uuid := app_hidden.current_tenant_id();
        v_user_id uuid := app_hidden.current_user_id();
        v_config jsonb;
        v_has_parent boolean;
        v_ancestor_ids uuid[] := '{}';
        v_sees_all boolean := shared_workflows.is_overview and app_hidden.has_permission('can_manage_settings');
      begin
        select t.resource_access_config, t.parent_tenant_id is not null into v_config, v_has_parent
          from app_public.tenants t where t.id = v_tenant_id;
        if not found or not app_private.tenant_allows(v_config, 'sharing.can_receive_shared') then
          return;
        end if;
        if v_has_parent then
          v_ancestor_ids := app_private.ancestor_tenant_ids(v_tenant_id);
        end if;
        return query
          with candidates as (
            select r.id, r.tenant_id, r.name, r.sharing_mode, s.id as share_id, r.status::text as status, r.enabled as is_on
              from app_public.resource_shares s
              join app_public.workflows r on r.id = s.resource_id and r.tenant_id = s.tenant_id and r.sharing_mode <> 'private' and r.deleted_at is null
             where s.grantee_tenant_id = v_tenant_id and s.resource_kind = 'workflow'
               and (s.expires_at is null or s.expires_at > app_hidden.clock())
               and (s.declined_at is null or is_overview)
               and (v_sees_all
                 or num_nonnulls(s.grantee_user_id, s.grantee_workspace_id) = 0
                 or s.grantee_user_id = v_user_id
                 or exists (
                   select from app_public.workspace_members m
                     join app_public.workspaces w on w.tenant_id = m.tenant_id and w.id = m.workspace_id and w.deleted_at is null
                    where m.tenant_id = v_tenant_id and m.workspace_id = s.grantee_workspace_id and m.user_id = v_user_id))
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, r.enabled
              from app_public.workflows r
             where r.sharing_mode = 'subtree' and r.deleted_at is null and r.tenant_id = any (v_ancestor_ids)
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, r.enabled
              from app_public.workflows r
             where r.sharing_mode = 'platform' and r.deleted_at is null and r.tenant_id <> v_tenant_id
               and app_private.tenant_allows(v_config, 'shared_resources.workflows')
          )
          select c.id, c.tenant_id, c.name, c.sharing_mode, c.share_id
            from candidates c
            join app_public.tenants o on o.id = c.tenant_id and o.status in ('trial', 'active')
           where c.is_on and c.status in ('active', 'deprecated')
             and app_private.tenant_allows(o.resource_access_config, 'sharing.can_share_resources');
      end
      $$;

ALTER FUNCTION app_private.shared_workflows(is_overview boolean) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.shared_workflows(is_overview boolean) IS 'The workflows of other tenants that are shared with the tenant and user of the request, one once for each way it came. The overview has what was declined as well, and, for who has can_manage_settings, what was shared with single users and workspaces.';

CREATE FUNCTION app_private.shown_part(hits app_public.search_hit[], question app_private.search_question, explain boolean, mode app_public.search_mode, fusion app_public.fusion_method, rrf_k integer, model app_public.llm_models) RETURNS app_public.search_hit[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_hits app_public.search_hit[];
begin
  v_hits := array(
    select row (h.rank, h.score, h.bm25_score, h.bm25_rank, h.vector_score, h.vector_rank,
             c.source_id, c.document_id, c.id, d.title, c.content,
             app_private.snippet(c.content, question.terms, app_hidden.text_search_config(s.language)),
             null)::app_public.search_hit
      from unnest(shown_part.hits) h
      join app_public.document_chunks c on c.tenant_id = app_hidden.current_tenant_id() and c.id = h.chunk_id
      join app_public.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
      join app_public.rag_knowledge_sources s on s.tenant_id = c.tenant_id and s.id = c.source_id);
  if shown_part.explain then
    v_hits := app_private.explained(v_hits, question, shown_part.mode, shown_part.fusion, shown_part.rrf_k, model);
  end if;
  return v_hits;
end
$$;

ALTER FUNCTION app_private.shown_part(hits app_public.search_hit[], question app_private.search_question, explain boolean, mode app_public.search_mode, fusion app_public.fusion_method, rrf_k integer, model app_public.llm_models) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.shown_part(hits app_public.search_hit[], question app_private.search_question, explain boolean, mode app_public.search_mode, fusion app_public.fusion_method, rrf_k integer, model app_public.llm_models) IS 'Hits in the tenant of the context with their texts and, when asked for, how their scores came about.';

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

CREATE FUNCTION app_private.step_faults(steps jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case when jsonb_array_length(steps) > 500 then array['there are more than 500'] else array(
    select f.fault from jsonb_array_elements(steps) with ordinality as e (step, n)
     cross join unnest(app_private.object_faults(e.step,
       '{"id": "name", "name": "name!", "description": "string", "node": "name", "role": "name", "agent_id": "uuid", "tool_id": "uuid", "prompt_id": "uuid", "config": "object"}',
       'step #' || e.n)) as f (fault)
     order by e.n) end;
$$;

ALTER FUNCTION app_private.step_faults(steps jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.step_faults(steps jsonb) IS 'What is wrong with a workflow''s steps.';

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
    select m.tenant_id, u.source_id, count(*) as queries, sum(u.hit_count) as hits, sum(u.relevance * u.hit_count) as relevances,
           max(m.created_at) as last_at
      from moved m, unnest(m.source_ids, m.source_hit_counts, m.source_relevances) as u (source_id, hit_count, relevance)
     group by m.tenant_id, u.source_id
  ), kept as (
    update app_public.rag_knowledge_sources s
       set query_count = s.query_count + c.queries, hit_count = s.hit_count + c.hits,
           relevance_sum = s.relevance_sum + coalesce(c.relevances, 0), last_queried_at = greatest(s.last_queried_at, c.last_at)
      from counted c
     where s.tenant_id = c.tenant_id and s.id = c.source_id
  )
  select count(*)::int from moved;
$$;

ALTER FUNCTION app_private.store_query_logs() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.store_query_logs() IS 'Moves what searches wrote into the buffer to query_logs and counts it for each source; returns how many searches. Each is moved once: the row''s lock decides between two workers.';

CREATE FUNCTION app_private.tenant_allows(config jsonb, key text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((config #> string_to_array(key, '.'::text)) IS DISTINCT FROM 'false'::jsonb);

ALTER FUNCTION app_private.tenant_allows(config jsonb, key text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tenant_allows(config jsonb, key text) IS 'Whether a tenant''s resource_access_config leaves this on, such as sharing.can_receive_shared: everything is on that is not switched off.';

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

CREATE FUNCTION app_private.tg__audit_copy() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_owner_id uuid;
begin
  execute format('select r.tenant_id from %s r where r.id = $1', app_private.resource_table(tg_argv[0]::app_public.resource_kind))
    into v_owner_id using new.copied_from_id;
  if v_owner_id <> new.tenant_id then
    perform app_private.record_sharing(tg_argv[0]::app_public.resource_kind, v_owner_id, new.copied_from_id, 'copied',
      other_tenant_id => new.tenant_id);
  end if;
  return null;
end
$_$;

ALTER FUNCTION app_private.tg__audit_copy() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg__audit_copy() IS 'Records in the owner''s audit that another tenant made a copy.';

CREATE FUNCTION app_private.tg__audit_sharing_mode() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.record_sharing(tg_argv[0]::app_public.resource_kind, new.tenant_id, new.id, 'mode_changed',
    case tg_op when 'UPDATE' then to_jsonb(old) ->> 'sharing_mode' else 'private' end, new.sharing_mode);
  return null;
end
$$;

ALTER FUNCTION app_private.tg__audit_sharing_mode() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg__audit_sharing_mode() IS 'Records that a resource came to another sharing_mode, whoever wrote it.';

CREATE FUNCTION app_private.tg__check_model_settings() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_settings jsonb := to_jsonb(new);
  v_model app_public.llm_models;
  v_faults text[] := '{}';
begin
  if new.model_id is null then
    return new;
  end if;
  select * into v_model from app_public.llm_models m where m.id = new.model_id;
  if v_model.kind <> 'chat' then
    perform app_private.raise_error('RS421', 'The model makes vectors, not answers.', 'Choose a model of kind chat.');
  end if;
  if new.temperature > v_model.max_temperature then
    v_faults := v_faults || format('temperature is at most %s', v_model.max_temperature);
  end if;
  if new.max_tokens > v_model.max_output_tokens then
    v_faults := v_faults || format('max_tokens is at most %s', v_model.max_output_tokens);
  end if;
  if (v_settings ->> 'context_window_size')::int > v_model.context_window_size then
    v_faults := v_faults || format('context_window_size is at most %s', v_model.context_window_size);
  end if;
  if (v_settings ->> 'function_calling_enabled')::boolean and not v_model.supports_function_calling then
    v_faults := v_faults || 'it cannot call functions'::text;
  end if;
  perform app_private.refuse_faults('RS422', 'The model does not take these settings', v_faults, 'Change them, or choose another model.');
  return new;
end
$$;

ALTER FUNCTION app_private.tg__check_model_settings() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg__check_model_settings() IS 'Settings are those the chosen model takes. RS421: it is no chat model; RS422: what is out of its range.';

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

CREATE FUNCTION app_private.tg__note_activation() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  -- the switch has another name in each table; old does not exist on insert
  v_is_on boolean := (to_jsonb(new) ->> tg_argv[0])::boolean and new.status::text in ('active', 'deprecated');
  v_was_on boolean := false;
begin
  if tg_op = 'UPDATE' then
    v_was_on := (to_jsonb(old) ->> tg_argv[0])::boolean and old.status::text in ('active', 'deprecated');
  end if;
  if v_is_on and not v_was_on then
    new.activated_at := now();
  elsif v_was_on and not v_is_on then
    new.deactivated_at := now();
  end if;
  return new;
end
$$;

ALTER FUNCTION app_private.tg__note_activation() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg__note_activation() IS 'Keeps activated_at and deactivated_at: a thing is on when its switch is and its status is active or deprecated.';

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

CREATE FUNCTION app_private.tg__refuse_credentials() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.refuse_faults('RS427', tg_argv[0] || ' is read by everyone who may read its row, and holds credentials',
    app_private.credential_paths(to_jsonb(new) -> tg_argv[0]), 'Store the secret, and give its name as secret_name.');
  return new;
end
$$;

ALTER FUNCTION app_private.tg__refuse_credentials() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg__refuse_credentials() IS 'Keeps secrets out of a column of JSON. RS427: the keys that hold them.';

CREATE FUNCTION app_private.tg__require_active_member() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.require_active_member(new.user_id);
  return null;
end
$$;

ALTER FUNCTION app_private.tg__require_active_member() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg__require_active_member() IS 'WS401 unless user_id is an active member of this tenant.';

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

CREATE FUNCTION app_private.tg_agent_knowledge_sources__check_source() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- outside of a tenant's request (administrators, seeds) the foreign key is all there is to ask
  if new.tenant_id = app_hidden.current_tenant_id() and not app_hidden.is_visible_resource('knowledge_source', new.source_id) then
    perform app_private.raise_error('RS303', 'There is no such knowledge source.', 'List the sources of this tenant, and those shared with it.');
  end if;
  return new;
end
$$;

ALTER FUNCTION app_private.tg_agent_knowledge_sources__check_source() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_agent_knowledge_sources__check_source() IS 'An agent gets sources its tenant sees. RS303: there is no such source, or it is not for you to see: one error for both.';

CREATE FUNCTION app_private.tg_agent_tools__check_tool() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- outside of a tenant's request (administrators, seeds) the foreign key is all there is to ask
  if new.tenant_id = app_hidden.current_tenant_id() and not app_hidden.is_visible_resource('tool', new.tool_id) then
    perform app_private.raise_error('RS303', 'There is no such tool.', 'List the tools of this tenant, and those shared with it.');
  end if;
  return new;
end
$$;

ALTER FUNCTION app_private.tg_agent_tools__check_tool() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_agent_tools__check_tool() IS 'An agent gets tools its tenant sees. RS303: there is no such tool, or it is not for you to see: one error for both.';

CREATE FUNCTION app_private.tg_agent_tools__keep_tool_ids() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- Lock first, read in a statement of its own: its snapshot then has what whoever held the lock has committed.
  perform from app_public.agents a
    where (a.tenant_id, a.id) in (select c.tenant_id, c.agent_id from changed c) order by a.id for no key update;
  update app_public.agents a
     set tool_ids = coalesce((
           select array_agg(t.tool_id order by t.sort_order, t.tool_id) from app_public.agent_tools t
            where t.tenant_id = a.tenant_id and t.agent_id = a.id), '{}')
   where (a.tenant_id, a.id) in (select c.tenant_id, c.agent_id from changed c);
  return null;
end
$$;

ALTER FUNCTION app_private.tg_agent_tools__keep_tool_ids() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_agent_tools__keep_tool_ids() IS 'Keeps agents.tool_ids as agent_tools says.';

CREATE FUNCTION app_private.tg_documents__note_changed_sources() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into app_private.changed_sources (tenant_id, source_id) select distinct c.tenant_id, c.source_id from changed c;
  return null;
end
$$;

ALTER FUNCTION app_private.tg_documents__note_changed_sources() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_documents__note_changed_sources() IS 'Notes the sources whose documents came or went.';

CREATE FUNCTION app_private.tg_documents__note_source_progress() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into app_private.changed_sources (tenant_id, source_id)
  select distinct n.tenant_id, n.source_id
    from new_documents n join old_documents o on o.tenant_id = n.tenant_id and o.id = n.id
   where n.processing_status <> o.processing_status;
  return null;
end
$$;

ALTER FUNCTION app_private.tg_documents__note_source_progress() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_documents__note_source_progress() IS 'Notes the sources whose documents have come to another processing_status.';

CREATE FUNCTION app_private.tg_projects__require_active_owner() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.require_active_member(new.owner_id);
  return null;
end
$$;

ALTER FUNCTION app_private.tg_projects__require_active_owner() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_projects__require_active_owner() IS 'WS401 unless the new owner_id is an active member of this tenant.';

CREATE FUNCTION app_private.tg_prompts__check() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_used text[] := app_hidden.placeholder_names(concat_ws(e'\n', new.prompt_text, new.system_prompt));
  v_declared text[];
begin
  if jsonb_typeof(new.input_variables) <> 'object' then
    return new; -- left to the table's check
  end if;
  perform app_private.refuse_faults('RS429', 'input_variables are not as they must be', app_private.variable_faults(new.input_variables));
  if regexp_replace(concat_ws(e'\n', new.prompt_text, new.system_prompt), app_hidden.placeholder_pattern(), ' ', 'g') ~ '\{\{' then
    perform app_private.raise_error('RS430', 'The text has {{ that begins no variable.',
      'Write {{name}} for a variable, and \{{ for the braces themselves.');
  end if;
  v_declared := array(select k from jsonb_object_keys(new.input_variables) k order by k);
  -- a declared variable that no text uses is taken for a slip of the pen: what is given for it would go nowhere
  perform app_private.refuse_faults('RS430', 'Texts and input_variables do not agree',
    array(select u || ' is used, but not declared' from unnest(v_used) u where u <> all (v_declared))
    || array(select d || ' is declared, but not used' from unnest(v_declared) d where d <> all (v_used)),
    'Declare each {{name}} of prompt_text and system_prompt in input_variables, and nothing else.');
  if jsonb_typeof(new.model_requirements) = 'object' then
    perform app_private.refuse_faults('RS429', 'model_requirements are not as they must be', app_private.object_faults(new.model_requirements,
      '{"min_context_window": "integer", "supports_functions": "boolean", "supports_multimodal": "boolean", "min_output_tokens": "integer", "modalities": "strings"}'));
  end if;
  return new;
end
$$;

ALTER FUNCTION app_private.tg_prompts__check() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_prompts__check() IS 'A prompt can be rendered. RS429: input_variables or model_requirements; RS430: variables of the texts and those declared differ.';

CREATE FUNCTION app_private.tg_resource_shares__audit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_share app_public.resource_shares := coalesce(new, old);
begin
  perform app_private.record_sharing(v_share.resource_kind, v_share.tenant_id, v_share.resource_id, action,
      other_tenant_id => v_share.grantee_tenant_id, share => v_share)
    from unnest(case tg_op
      when 'INSERT' then array['granted']
      when 'DELETE' then array['revoked']
      else array_remove(array[
        case when old.expires_at is distinct from new.expires_at then 'expiry_changed' end,
        case when old.declined_at is null and new.declined_at is not null then 'declined'
             when old.declined_at is not null and new.declined_at is null then 'accepted' end], null)
    end::app_public.sharing_action[]) as action;
  return null;
end
$$;

ALTER FUNCTION app_private.tg_resource_shares__audit() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_resource_shares__audit() IS 'Records that a grant was given, changed, declined, accepted or taken back, whoever wrote it.';

CREATE FUNCTION app_private.tg_resource_sharing_audit__append_only() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- Not a definer function, so that it sees who deletes: retention is a function of the platform. With its tenant a row
  -- goes as well.
  if tg_op = 'DELETE' and (current_user = 'rowhouse_platform' or not exists (select from app_public.tenants t where t.id = old.tenant_id)) then
    return old;
  end if;
  perform app_private.raise_error('RS961', 'The audit of sharing is never changed.', 'Retention removes what is old.');
end
$$;

ALTER FUNCTION app_private.tg_resource_sharing_audit__append_only() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_resource_sharing_audit__append_only() IS 'Keeps the audit as it was written. RS961.';

CREATE FUNCTION app_private.tg_tag_assignments__check_item() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if new.tenant_id = app_hidden.current_tenant_id() and not app_hidden.is_visible_resource(new.item_type::text, new.item_id) then
    perform app_private.raise_error('RS303', format('There is no such %s.', replace(new.item_type::text, '_', ' ')),
      'Tag what you see in lists.');
  end if;
  return new;
end
$$;

ALTER FUNCTION app_private.tg_tag_assignments__check_item() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_tag_assignments__check_item() IS 'Only what one sees can be tagged. RS303: there is no such item, or it is not for you to see: one error for both.';

CREATE FUNCTION app_private.tg_tool_categories__refuse_cycle() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_ancestor uuid := new.parent_id;
  v_level int := 0;
begin
  while v_ancestor is not null loop
    v_level := v_level + 1;
    if v_ancestor = new.id or v_level > 20 then
      perform app_private.raise_error('RS435', 'A category cannot be below itself, nor deeper than 20 levels.', 'Choose another parent.');
    end if;
    -- the lock is for repeatable read, which still sees the tree as it was before another's move: it fails here then
    select c.parent_id into v_ancestor from app_public.tool_categories c
     where c.tenant_id = new.tenant_id and c.id = v_ancestor for key share;
  end loop;
  return new;
end
$$;

ALTER FUNCTION app_private.tg_tool_categories__refuse_cycle() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg_tool_categories__refuse_cycle() IS 'Keeps categories a tree. RS435: it would become a circle, or too deep.';

CREATE FUNCTION app_private.tg_tool_categories__take_turns() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform pg_advisory_xact_lock(hashtextextended('tool_categories ' || coalesce(app_hidden.current_tenant_id()::text, ''), 0));
  return null;
end
$$;

ALTER FUNCTION app_private.tg_tool_categories__take_turns() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_tool_categories__take_turns() IS 'Lets one transaction at a time change a tenant''s tree of categories.';

CREATE FUNCTION app_private.tg_tools__check() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- what is no object is left to the table's checks
  if jsonb_typeof(new.headers) = 'object' then
    perform app_private.refuse_faults('RS423', 'headers are not as they must be', app_private.header_faults(new.headers),
      'Credentials are sent by authentication_config, which names a stored secret.');
  end if;
  if jsonb_typeof(new.authentication_config) = 'object' then
    perform app_private.refuse_faults('RS424', format('authentication_config is not as %s needs it', left(new.authentication_type, 50)),
      app_private.authentication_faults(new.authentication_type, new.authentication_config),
      'Store the secret, and give its name as secret_name.');
  end if;
  perform app_private.refuse_faults('RS425', 'The address is not as it must be', app_private.url_faults(new.endpoint_url, 'endpoint_url'),
    'Credentials are sent by authentication_config, which names a stored secret.');
  if jsonb_typeof(new.retry_config) = 'object' then
    perform app_private.refuse_faults('RS426', 'retry_config is not as it must be', app_private.retry_faults(new.retry_config));
  end if;
  return new;
end
$$;

ALTER FUNCTION app_private.tg_tools__check() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_tools__check() IS 'A tool can be called and holds no secret. RS423: headers; RS424: authentication_config; RS425: endpoint_url; RS426: retry_config.';

CREATE FUNCTION app_private.tg_workflows__check() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_references record;
  v_faults text[] := '{}';
  v_nodes jsonb;
begin
  if jsonb_typeof(new.steps) <> 'array' or jsonb_typeof(new.agent_roles) <> 'object' then
    return new; -- left to the table's checks
  end if;
  if pg_column_size(new.workflow_definition) + pg_column_size(new.steps) + pg_column_size(new.agent_roles) > 1000000 then
    perform app_private.raise_error('RS621', 'The workflow is larger than a megabyte.', 'Cut it into several workflows.');
  end if;
  perform app_private.refuse_faults('RS432', 'workflow_definition is not as it must be', app_private.workflow_faults(new.workflow_definition));
  perform app_private.refuse_faults('RS432', 'workflow_definition is not as it must be', app_private.graph_faults(new.workflow_definition),
    'A cycle needs a node of type loop, and every node a way from the start.');
  perform app_private.refuse_faults('RS433', 'steps are not as they must be', app_private.step_faults(new.steps));
  v_nodes := new.workflow_definition -> 'nodes';
  perform app_private.refuse_faults('RS433', 'agent_roles and what refers to them are not as they must be',
    array(select left(r.key, 100) || ' is not the id of an agent' from jsonb_each(new.agent_roles) r
           where not app_private.json_is(r.value, 'uuid') order by r.key)
    || array(select format('node %s has the role %s, which agent_roles gives to no agent', n ->> 'id', n ->> 'role')
               from jsonb_array_elements(v_nodes) n
              where n ->> 'type' = 'agent' and not new.agent_roles ? (n ->> 'role'))
    || array(select format('step #%s refers to node %s, which is not there', s.n, s.step ->> 'node')
               from jsonb_array_elements(new.steps) with ordinality as s (step, n)
              where s.step ? 'node' and not v_nodes @> jsonb_build_array(jsonb_build_object('id', s.step -> 'node'))));

  new.agent_ids := '{}';
  for v_references in
    select r.kind, r.id, min(r.place) as place
      from (
        select k.kind, (n ->> (k.kind || '_id'))::uuid, 'node ' || (n ->> 'id')
          from jsonb_array_elements(v_nodes) n, unnest(array['agent', 'tool', 'prompt']) as k (kind) where n ? (k.kind || '_id')
        union all
        select k.kind, (s.step ->> (k.kind || '_id'))::uuid, 'step #' || s.n
          from jsonb_array_elements(new.steps) with ordinality as s (step, n), unnest(array['agent', 'tool', 'prompt']) as k (kind)
         where s.step ? (k.kind || '_id')
        union all
        select 'agent', value::uuid, 'role ' || key from jsonb_each_text(new.agent_roles)
      ) as r (kind, id, place)
     group by r.kind, r.id
     order by r.kind, r.id
  loop
    if v_references.kind = 'agent' then
      new.agent_ids := new.agent_ids || v_references.id;
    end if;
    -- outside of a tenant's request (administrators, seeds) nobody's eyes are asked
    if new.tenant_id = app_hidden.current_tenant_id() and not app_hidden.is_visible_resource(v_references.kind, v_references.id) then
      v_faults := v_faults || format('%s refers to a %s that is not there', v_references.place, v_references.kind);
    end if;
  end loop;
  perform app_private.refuse_faults('RS434', 'The workflow refers to what you do not have', v_faults,
    'List the agents, tools and prompts of this tenant, and those shared with it.');
  return new;
end
$$;

ALTER FUNCTION app_private.tg_workflows__check() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_workflows__check() IS 'A workflow can be run, and agent_ids are the agents it needs. RS432: workflow_definition; RS433: steps or agent_roles; RS434: what it refers to is not there; RS621: it is too large.';

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

CREATE FUNCTION app_private.uncopied_columns() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array[
    -- what makes it this one
    'id', 'tenant_id', 'name', 'copied_from_id', 'owner_id', 'created_by_user_id', 'created_at', 'updated_at', 'deleted_at',
    -- who sees it
    'sharing_mode', 'resource_type',
    -- what it went through
    'version', 'previous_version_id', 'is_latest_version', 'changelog', 'published_at', 'validation_status',
    'activated_at', 'deactivated_at', 'last_seen_at',
    -- kept from logs, ratings and join tables
    'tool_ids', 'agent_ids', 'usage_count', 'success_rate', 'avg_response_time_ms', 'rating', 'feedback_count', 'error_count',
    'last_error_at', 'last_success_at', 'performance_score', 'last_used_at', 'execution_count', 'success_count',
    'failure_count', 'avg_execution_time_ms', 'last_executed_at'
  ];
$$;

ALTER FUNCTION app_private.uncopied_columns() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.uncopied_columns() IS 'Columns a copy does not take over: everything else is copied, so a new column is part of copies unless it is named here.';

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

CREATE FUNCTION app_private.url_faults(url text, place text) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select case when url !~ '^https?://[^/?#@\s]+([/?#]\S*)?$' or length(url) > 2000
           then array[place || ' is not an http address without user and password'] else '{}' end
      || array(
           select format('%s has the parameter %s, which holds a credential', place, left(split_part(parameter, '=', 1), 50))
             from unnest(regexp_split_to_array(substring(url from '\?([^#]*)'), '[&;]')) as parameter
            where app_private.is_credential_name(split_part(parameter, '=', 1)));
$_$;

ALTER FUNCTION app_private.url_faults(url text, place text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.url_faults(url text, place text) IS 'What is wrong with the address of an endpoint; a null address has no faults.';

CREATE FUNCTION app_private.variable_faults(variables jsonb) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_types constant text[] := array['string', 'number', 'boolean', 'array', 'object'];
  v_faults text[] := '{}';
  v_found text[];
  v_name text;
  v_variable jsonb;
  v_type text;
begin
  if (select count(*) from jsonb_object_keys(variables)) > 100 then
    return array['there are more than 100'];
  end if;
  for v_name, v_variable in select * from jsonb_each(variables) loop
    if v_name !~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$' then
      v_faults := v_faults || (left(v_name, 63) || ' is no name of a variable (letters, digits and _)');
      continue;
    end if;
    if jsonb_typeof(v_variable) = 'string' then
      v_variable := jsonb_build_object('type', v_variable);
    else
      v_found := app_private.object_faults(v_variable,
        '{"type": "string!", "required": "boolean", "default": "any", "description": "string", "enum": "array"}', v_name);
      if cardinality(v_found) > 0 then
        v_faults := v_faults || v_found;
        continue;
      end if;
    end if;
    v_type := v_variable ->> 'type';
    if v_type <> all (v_types) then
      v_faults := v_faults || format('%s is of no type there is (%s)', v_name, array_to_string(v_types, ', '));
      continue;
    end if;
    if v_variable ? 'enum' and (jsonb_array_length(v_variable -> 'enum') = 0 or exists (
         select from jsonb_array_elements(v_variable -> 'enum') e where jsonb_typeof(e) <> v_type)) then
      v_faults := v_faults || format('%s.enum is empty or has values that are not of type %s', v_name, v_type);
    end if;
    if v_variable ? 'default' and (jsonb_typeof(v_variable -> 'default') <> v_type
         or v_variable ? 'enum' and v_variable -> 'default' not in (select jsonb_array_elements(v_variable -> 'enum'))) then
      v_faults := v_faults || format('%s.default is not a value the variable may have', v_name);
    end if;
  end loop;
  return v_faults;
end
$_$;

ALTER FUNCTION app_private.variable_faults(variables jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.variable_faults(variables jsonb) IS 'What is wrong with a prompt''s input_variables.';

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

CREATE FUNCTION app_private.visible_resource(kind app_public.resource_kind, id uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_table regclass := app_private.resource_table(visible_resource.kind);
  v_resource jsonb;
begin
  execute format('select to_jsonb(r) from %s r where r.id = $1 and r.tenant_id = $2 and r.deleted_at is null', v_table)
    into v_resource using visible_resource.id, app_hidden.current_tenant_id();
  if v_resource is null and visible_resource.id = any (app_hidden.shared_resource_ids(visible_resource.kind::text)) then
    execute format('select to_jsonb(r) from %s r where r.id = $1', v_table) into v_resource using visible_resource.id;
  end if;
  return v_resource;
end
$_$;

ALTER FUNCTION app_private.visible_resource(kind app_public.resource_kind, id uuid) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.visible_resource(kind app_public.resource_kind, id uuid) IS 'A resource of this tenant, or one that is shared with it, as JSON; null when there is none or it is deleted. For definer functions, which by themselves see no shared row.';

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

CREATE FUNCTION app_private.workflow_faults(definition jsonb) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_faults text[] := app_private.object_faults(definition, '{"nodes": "array!", "edges": "array!", "start": "string", "metadata": "object"}');
  v_ids text[];
begin
  if cardinality(v_faults) > 0 then
    return v_faults;
  end if;
  if jsonb_array_length(definition -> 'nodes') not between 1 and 500 or jsonb_array_length(definition -> 'edges') > 2000 then
    return array['it must have 1 to 500 nodes and at most 2000 edges'];
  end if;
  select coalesce(array_agg(f.fault order by e.n), '{}') into v_faults
    from jsonb_array_elements(definition -> 'nodes') with ordinality as e (node, n)
   cross join unnest(app_private.node_faults(e.node, 'node ' || case
     when jsonb_typeof(e.node -> 'id') = 'string' then left(e.node ->> 'id', 100) else '#' || e.n end)) as f (fault);
  v_faults := v_faults || array(
    select 'edge #' || e.n || '.' || f.fault
      from jsonb_array_elements(definition -> 'edges') with ordinality as e (edge, n)
     cross join unnest(app_private.object_faults(e.edge, '{"from": "string!", "to": "string!", "condition": "string"}')) as f (fault)
     order by e.n);
  if cardinality(v_faults) > 0 then
    return v_faults;
  end if;

  v_ids := array(select node ->> 'id' from jsonb_array_elements(definition -> 'nodes') with ordinality as e (node, n) order by n);
  return array(select format('node %s comes more than once', id) from unnest(v_ids) id group by id having count(*) > 1 order by id)
      || array(
           select distinct format('an edge refers to node %s, which is not there', left(x.id, 100))
             from jsonb_array_elements(definition -> 'edges') as edge, unnest(array[edge ->> 'from', edge ->> 'to']) as x (id)
            where x.id <> all (v_ids) order by 1)
      || array(
           select distinct format('the edge from node %s to node %s comes twice', edge ->> 'from', edge ->> 'to')
             from jsonb_array_elements(definition -> 'edges') as edge
            group by edge ->> 'from', edge ->> 'to', edge ->> 'condition' having count(*) > 1 order by 1)
      || case when definition ->> 'start' <> all (v_ids)
           then array[format('start is node %s, which is not there', left(definition ->> 'start', 100))] else '{}' end
      || array(
           select case e.node ->> 'type' when 'start' then format('node %s is a start, and an edge leads to it', e.node ->> 'id')
                    else format('node %s is an end, and an edge leads from it', e.node ->> 'id') end
             from jsonb_array_elements(definition -> 'nodes') with ordinality as e (node, n)
            where exists (
              select from jsonb_array_elements(definition -> 'edges') as edge
               where e.node ->> 'type' = 'start' and edge ->> 'to' = e.node ->> 'id'
                  or e.node ->> 'type' = 'end' and edge ->> 'from' = e.node ->> 'id')
            order by e.n);
end
$$;

ALTER FUNCTION app_private.workflow_faults(definition jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.workflow_faults(definition jsonb) IS 'What is wrong with a workflow_definition: keys, node types, ids that come twice, edges to nowhere. How the graph hangs together is graph_faults.';

CREATE FUNCTION app_private.writable_source(source_id uuid) RETURNS app_public.rag_knowledge_sources
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_source app_public.rag_knowledge_sources;
begin
  perform app_private.require_permission('can_manage_knowledge');
  select * into v_source from app_public.rag_knowledge_sources s where s.id = writable_source.source_id and s.deleted_at is null;
  if not found then
    perform app_private.raise_error('KN301', 'There is no such knowledge source.', 'List the knowledge sources of this tenant.');
  end if;
  return v_source;
end
$$;

ALTER FUNCTION app_private.writable_source(source_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.writable_source(source_id uuid) IS 'A source you may add documents to. KN301: there is no such source; ID203: your permissions do not allow it.';

CREATE FUNCTION app_private.writable_workspace(id uuid) RETURNS app_public.workspaces
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(writable_workspace.id, 'contributor');
begin
  if v_workspace.archived_at is not null then
    perform app_private.raise_error('WS503', 'This workspace is archived.', 'Ask an admin of the workspace to take it up again.');
  end if;
  return v_workspace;
end
$$;

ALTER FUNCTION app_private.writable_workspace(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.writable_workspace(id uuid) IS 'The workspace, locked, when you may add things to it. WS301: it is not there; WS201: you are not a contributor; WS503: it is archived.';

CREATE FUNCTION app_public.accept_share(share_id uuid) RETURNS app_public.received_share
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select app_private.set_declined(accept_share.share_id, null);
$$;

ALTER FUNCTION app_public.accept_share(share_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.accept_share(share_id uuid) IS '@resultFieldName receivedShare
Takes decline_share back; what was not declined needs no acceptance. can_manage_settings, or it was shared with you alone. RS362: no such share was received; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.add_workspace_member(workspace_id uuid, user_id uuid, role app_public.member_role DEFAULT 'viewer'::app_public.member_role) RETURNS app_public.workspace_members
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(add_workspace_member.workspace_id, 'moderator');
  v_role app_public.member_role := coalesce(add_workspace_member.role, 'viewer');
  v_member app_public.workspace_members;
begin
  perform app_private.require_power_over(v_workspace, v_role);
  perform app_private.require_active_member(add_workspace_member.user_id);
  insert into app_public.workspace_members (workspace_id, user_id, role)
  values (v_workspace.id, add_workspace_member.user_id, v_role)
  on conflict on constraint workspace_members_pkey do nothing
  returning * into v_member;
  if not found then
    perform app_private.raise_error('WS501', 'This person is a member of the workspace already.', 'Change the role with change_workspace_member.');
  end if;
  return v_member;
end
$$;

ALTER FUNCTION app_public.add_workspace_member(workspace_id uuid, user_id uuid, role app_public.member_role) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.add_workspace_member(workspace_id uuid, user_id uuid, role app_public.member_role) IS '@resultFieldName member
Makes an active member of the tenant a member of a workspace, by default a viewer. From moderator on, for roles below your own; owners give any. WS301: no such workspace; WS201: your role in it does not allow this; WS401: not an active member of the tenant; WS501: a member already.';

CREATE TABLE app_public.agents (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    sharing_mode text DEFAULT 'private'::text NOT NULL,
    is_shared boolean GENERATED ALWAYS AS ((sharing_mode <> 'private'::text)) STORED NOT NULL,
    resource_type text DEFAULT 'custom'::text NOT NULL,
    copied_from_id uuid,
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
    tool_ids uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    prompt_templates jsonb DEFAULT '[]'::jsonb NOT NULL,
    context_window_size integer,
    supports_multimodal boolean DEFAULT false NOT NULL,
    supported_file_types text[] DEFAULT '{}'::text[] NOT NULL,
    max_file_size_mb integer,
    owner_id uuid DEFAULT app_hidden.current_user_id(),
    department_id uuid,
    business_function_id uuid,
    role_id uuid,
    cost_per_query numeric,
    billing_code text,
    budget_allocation_id uuid,
    approval_required boolean DEFAULT false NOT NULL,
    usage_count bigint DEFAULT 0 NOT NULL,
    success_rate numeric(5,2),
    avg_response_time_ms integer,
    rating numeric(3,2),
    feedback_count integer DEFAULT 0 NOT NULL,
    error_count bigint DEFAULT 0 NOT NULL,
    last_error_at timestamp with time zone,
    last_success_at timestamp with time zone,
    performance_score numeric(5,2),
    analytics_enabled boolean DEFAULT true NOT NULL,
    version text DEFAULT '1.0.0'::text NOT NULL,
    previous_version_id uuid,
    is_latest_version boolean DEFAULT true NOT NULL,
    changelog text,
    published_at timestamp with time zone,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
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
    CONSTRAINT metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT performance_score_is_a_percentage CHECK (((performance_score >= (0)::numeric) AND (performance_score <= (100)::numeric))),
    CONSTRAINT presence_penalty_is_in_range CHECK (((presence_penalty >= ('-2'::integer)::numeric) AND (presence_penalty <= (2)::numeric))),
    CONSTRAINT prompt_templates_is_an_array CHECK ((jsonb_typeof(prompt_templates) = 'array'::text)),
    CONSTRAINT rating_is_1_to_5 CHECK (((rating >= (1)::numeric) AND (rating <= (5)::numeric))),
    CONSTRAINT required_expertise_level_is_known CHECK ((required_expertise_level = ANY (ARRAY['beginner'::text, 'intermediate'::text, 'expert'::text]))),
    CONSTRAINT resource_type_is_known CHECK ((resource_type = ANY (ARRAY['custom'::text, 'platform'::text]))),
    CONSTRAINT response_format_is_known CHECK ((response_format = ANY (ARRAY['json'::text, 'text'::text, 'structured'::text]))),
    CONSTRAINT sharing_mode_is_known CHECK ((sharing_mode = ANY (ARRAY['private'::text, 'selected'::text, 'subtree'::text, 'platform'::text]))),
    CONSTRAINT stop_sequences_are_few CHECK ((cardinality(stop_sequences) <= 16)),
    CONSTRAINT success_rate_is_a_percentage CHECK (((success_rate >= (0)::numeric) AND (success_rate <= (100)::numeric))),
    CONSTRAINT temperature_is_in_range CHECK (((temperature >= (0)::numeric) AND (temperature <= (2)::numeric))),
    CONSTRAINT tier_is_1_to_3 CHECK ((tier = ANY (ARRAY[1, 2, 3]))),
    CONSTRAINT timeout_seconds_is_in_range CHECK (((timeout_seconds >= 1) AND (timeout_seconds <= 3600))),
    CONSTRAINT tools_is_an_array CHECK ((jsonb_typeof(tools) = 'array'::text)),
    CONSTRAINT top_p_is_a_probability CHECK (((top_p >= (0)::numeric) AND (top_p <= (1)::numeric))),
    CONSTRAINT validation_status_is_known CHECK ((validation_status = ANY (ARRAY['validated'::text, 'pending'::text, 'failed'::text]))),
    CONSTRAINT version_is_semantic CHECK (app_hidden.is_semantic_version(version))
);

ALTER TABLE ONLY app_public.agents FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.agents OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.agents IS '@behavior -delete
An agent of this tenant. can_create_agents and can_edit_agents to write; can_delete_agents for delete_agent and restore_agent.';

COMMENT ON COLUMN app_public.agents.sharing_mode IS 'Who beyond this tenant may use it: private (nobody), selected (whom it was shared with), subtree (tenants below this one) or platform (all).';

COMMENT ON COLUMN app_public.agents.is_shared IS 'Whether anyone beyond this tenant may use it.';

COMMENT ON COLUMN app_public.agents.resource_type IS 'custom, or platform for those that the platform provides.';

COMMENT ON COLUMN app_public.agents.copied_from_id IS 'The agent it was copied from.';

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

COMMENT ON COLUMN app_public.agents.tool_ids IS 'The tools it works with, in their order; kept from agent_tools.';

COMMENT ON COLUMN app_public.agents.prompt_templates IS 'Saved prompt templates: an array.';

COMMENT ON COLUMN app_public.agents.context_window_size IS 'Most tokens of context.';

COMMENT ON COLUMN app_public.agents.supports_multimodal IS 'Whether it takes images or audio.';

COMMENT ON COLUMN app_public.agents.supported_file_types IS 'File types it takes, such as pdf, docx, csv.';

COMMENT ON COLUMN app_public.agents.max_file_size_mb IS 'Largest file it takes, in megabytes.';

COMMENT ON COLUMN app_public.agents.owner_id IS 'The member who owns it; by default its creator.';

COMMENT ON COLUMN app_public.agents.department_id IS 'The department it belongs to.';

COMMENT ON COLUMN app_public.agents.business_function_id IS 'The business function it serves.';

COMMENT ON COLUMN app_public.agents.role_id IS 'The organizational role it stands for.';

COMMENT ON COLUMN app_public.agents.cost_per_query IS 'Cost of one query in US dollars.';

COMMENT ON COLUMN app_public.agents.billing_code IS 'Code for internal billing.';

COMMENT ON COLUMN app_public.agents.budget_allocation_id IS 'The budget its cost counts against.';

COMMENT ON COLUMN app_public.agents.approval_required IS 'Whether its use needs an approval.';

COMMENT ON COLUMN app_public.agents.usage_count IS 'How often it was used; kept from the logs.';

COMMENT ON COLUMN app_public.agents.success_rate IS 'Share of uses that succeeded, in percent; kept from the logs.';

COMMENT ON COLUMN app_public.agents.avg_response_time_ms IS 'Mean milliseconds until its answer; kept from the logs.';

COMMENT ON COLUMN app_public.agents.rating IS 'Mean rating of its users, 1 to 5; kept from their ratings.';

COMMENT ON COLUMN app_public.agents.feedback_count IS 'How many rated it; kept from their ratings.';

COMMENT ON COLUMN app_public.agents.error_count IS 'How often it failed; kept from the logs.';

COMMENT ON COLUMN app_public.agents.last_error_at IS 'When it last failed; kept from the logs.';

COMMENT ON COLUMN app_public.agents.last_success_at IS 'When it last succeeded; kept from the logs.';

COMMENT ON COLUMN app_public.agents.performance_score IS 'Score of its performance, 0 to 100; kept from the logs.';

COMMENT ON COLUMN app_public.agents.analytics_enabled IS 'Whether its use is analysed.';

COMMENT ON COLUMN app_public.agents.version IS 'Semantic version.';

COMMENT ON COLUMN app_public.agents.previous_version_id IS 'The version before this one.';

COMMENT ON COLUMN app_public.agents.is_latest_version IS 'Whether this is the latest version.';

COMMENT ON COLUMN app_public.agents.changelog IS 'What changed in this version.';

COMMENT ON COLUMN app_public.agents.published_at IS 'When this version was published.';

COMMENT ON COLUMN app_public.agents.metadata IS 'Whatever else is to be known about it: an object.';

COMMENT ON COLUMN app_public.agents.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.agents.updated_at IS 'When it last changed.';

CREATE FUNCTION app_public.agents_shared_with(resource app_public.agents) RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select array(
          select distinct s.grantee_tenant_id from app_public.resource_shares s
           where s.tenant_id = app_hidden.current_tenant_id() and s.resource_kind = 'agent' and s.resource_id = (resource).id
             and (s.expires_at is null or s.expires_at > app_hidden.clock())
           order by 1);
      $$;

ALTER FUNCTION app_public.agents_shared_with(resource app_public.agents) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.agents_shared_with(resource app_public.agents) IS 'The tenants that hold a share of it which has not expired; resource_shares has the details. Empty for those it is shared with: that is the owner''s business.';

CREATE FUNCTION app_public.archive_workspace(id uuid) RETURNS app_public.workspaces
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(archive_workspace.id, 'admin');
begin
  if v_workspace.archived_at is null then
    update app_public.workspaces w set archived_at = clock_timestamp() where w.id = v_workspace.id returning * into v_workspace;
  end if;
  return v_workspace;
end
$$;

ALTER FUNCTION app_public.archive_workspace(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.archive_workspace(id uuid) IS '@resultFieldName workspace
Makes a workspace read-only; unarchive_workspace takes it up again. People can still be removed and leave. Doing it twice is no error. Admins of the workspace. WS301: no such workspace; WS201: your role in it does not allow this.';

CREATE FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision DEFAULT 1.2, b double precision DEFAULT 0.75) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((term_freq IS NULL) OR (doc_freq IS NULL) OR (total_docs IS NULL) OR (doc_length IS NULL) OR (avg_doc_length IS NULL) OR (term_freq <= (0)::double precision) OR (avg_doc_length <= (0)::double precision)) THEN (0)::double precision ELSE (((ln(((1)::double precision + ((((total_docs - doc_freq))::double precision + (0.5)::double precision) / ((doc_freq)::double precision + (0.5)::double precision)))) * term_freq) * (k1 + (1)::double precision)) / (term_freq + (k1 * (((1)::double precision - b) + ((b * (doc_length)::double precision) / avg_doc_length))))) END;

ALTER FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) IS 'BM25 of one term in one document (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009) with Lucene''s idf, ln(1 + (N - df + 0.5) / (df + 0.5)), which is never negative. 0 when the term does not occur or the collection is empty.';

CREATE FUNCTION app_public.change_workspace_member(workspace_id uuid, user_id uuid, role app_public.member_role) RETURNS app_public.workspace_members
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(change_workspace_member.workspace_id, 'viewer');
  v_member app_public.workspace_members;
begin
  if change_workspace_member.role is null then
    perform app_private.raise_error('WS402', 'No role is given.', 'Name one: viewer, contributor, moderator, admin or owner.');
  end if;
  -- stepping down is everyone's own business
  if change_workspace_member.user_id is distinct from app_hidden.current_user_id() then
    perform app_private.require_power_over(v_workspace, 'viewer');
  end if;
  v_member := app_private.locked_workspace_member(v_workspace, change_workspace_member.user_id);
  if v_member.user_id <> app_hidden.current_user_id() or change_workspace_member.role > v_member.role then
    perform app_private.require_power_over(v_workspace, greatest(v_member.role, change_workspace_member.role));
  end if;
  if v_member.role = 'owner' and change_workspace_member.role < 'owner' then
    perform app_private.require_another_owner(v_workspace, v_member.user_id);
  end if;
  update app_public.workspace_members m set role = change_workspace_member.role
   where m.tenant_id = v_member.tenant_id and m.workspace_id = v_member.workspace_id and m.user_id = v_member.user_id
  returning * into v_member;
  return v_member;
end
$$;

ALTER FUNCTION app_public.change_workspace_member(workspace_id uuid, user_id uuid, role app_public.member_role) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.change_workspace_member(workspace_id uuid, user_id uuid, role app_public.member_role) IS '@resultFieldName member
Gives a member of a workspace another role: from moderator on, where both roles are below your own; owners change any; everyone may step down. WS301: no such workspace; WS201: your role in it does not allow this; WS303: not a member; WS402: no role is given; WS502: the last owner cannot be demoted.';

CREATE FUNCTION app_public.copy_agent(id uuid, name text DEFAULT NULL::text) RETURNS app_public.agents
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
      declare
        v_copy_id uuid := app_private.copy_resource('agent', copy_agent.id, copy_agent.name);
        v_copy app_public.agents;
      begin
        select r.* into v_copy from app_public.agents r where r.id = v_copy_id;
        return v_copy;
      end
      $$;

ALTER FUNCTION app_public.copy_agent(id uuid, name text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.copy_agent(id uuid, name text) IS '@resultFieldName agent
Copies a agent of this tenant, or one that is shared with it, to a private one of this tenant; the original stays as it is, and copied_from_id names it. The copy has the tools and knowledge sources that this tenant may use. A knowledge source itself cannot be copied: search it where it is. Without a name it keeps the original''s, or gets (copy) after it where that is taken. can_create_agents. RS301: there is no such agent; RS563: the name is taken; ID203: your permissions do not allow it.';

CREATE TABLE app_public.prompts (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    sharing_mode text DEFAULT 'private'::text NOT NULL,
    is_shared boolean GENERATED ALWAYS AS ((sharing_mode <> 'private'::text)) STORED NOT NULL,
    resource_type text DEFAULT 'custom'::text NOT NULL,
    copied_from_id uuid,
    name text NOT NULL,
    display_name text,
    description text,
    category text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    prompt_text text NOT NULL,
    system_prompt text,
    input_variables jsonb DEFAULT '{}'::jsonb NOT NULL,
    output_format text DEFAULT 'text'::text NOT NULL,
    model_requirements jsonb DEFAULT '{}'::jsonb NOT NULL,
    temperature numeric(3,2),
    max_tokens integer,
    status text DEFAULT 'active'::text NOT NULL,
    version text DEFAULT '1.0.0'::text NOT NULL,
    created_by_user_id uuid DEFAULT app_hidden.current_user_id(),
    usage_count bigint DEFAULT 0 NOT NULL,
    rating numeric(3,2),
    success_rate numeric(5,2),
    last_used_at timestamp with time zone,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT display_name_is_a_name CHECK (app_hidden.is_name(display_name)),
    CONSTRAINT input_variables_is_an_object CHECK ((jsonb_typeof(input_variables) = 'object'::text)),
    CONSTRAINT max_tokens_is_positive CHECK ((max_tokens > 0)),
    CONSTRAINT metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT model_requirements_is_an_object CHECK ((jsonb_typeof(model_requirements) = 'object'::text)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT output_format_is_known CHECK ((output_format = ANY (ARRAY['text'::text, 'json'::text, 'markdown'::text, 'structured'::text]))),
    CONSTRAINT prompt_text_is_in_range CHECK (((prompt_text ~ '\S'::text) AND (length(prompt_text) <= 100000))),
    CONSTRAINT rating_is_1_to_5 CHECK (((rating >= (1)::numeric) AND (rating <= (5)::numeric))),
    CONSTRAINT resource_type_is_known CHECK ((resource_type = ANY (ARRAY['custom'::text, 'platform'::text]))),
    CONSTRAINT sharing_mode_is_known CHECK ((sharing_mode = ANY (ARRAY['private'::text, 'selected'::text, 'subtree'::text, 'platform'::text]))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['draft'::text, 'active'::text, 'inactive'::text, 'deprecated'::text, 'archived'::text]))),
    CONSTRAINT success_rate_is_a_percentage CHECK (((success_rate >= (0)::numeric) AND (success_rate <= (100)::numeric))),
    CONSTRAINT system_prompt_is_in_range CHECK ((length(system_prompt) <= 100000)),
    CONSTRAINT temperature_is_in_range CHECK (((temperature >= (0)::numeric) AND (temperature <= (2)::numeric))),
    CONSTRAINT version_is_semantic CHECK (app_hidden.is_semantic_version(version))
);

ALTER TABLE ONLY app_public.prompts FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.prompts OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.prompts IS '@behavior -delete
A text to be filled with values: see render_prompt. can_create_resources and can_edit_resources to write; can_delete_resources for delete_prompt and restore_prompt.';

COMMENT ON COLUMN app_public.prompts.sharing_mode IS 'Who beyond this tenant may use it: private (nobody), selected (whom it was shared with), subtree (tenants below this one) or platform (all).';

COMMENT ON COLUMN app_public.prompts.is_shared IS 'Whether anyone beyond this tenant may use it.';

COMMENT ON COLUMN app_public.prompts.resource_type IS 'custom, or platform for those that the platform provides.';

COMMENT ON COLUMN app_public.prompts.copied_from_id IS 'The prompt it was copied from.';

COMMENT ON COLUMN app_public.prompts.name IS 'Name, unique among the tenant''s prompts that are not deleted; at most 255 characters.';

COMMENT ON COLUMN app_public.prompts.display_name IS 'Name to show.';

COMMENT ON COLUMN app_public.prompts.description IS 'What it is for.';

COMMENT ON COLUMN app_public.prompts.category IS 'Category to filter by, such as Regulatory or Medical Writing.';

COMMENT ON COLUMN app_public.prompts.tags IS 'Words to filter by.';

COMMENT ON COLUMN app_public.prompts.prompt_text IS 'What is asked. {{name}} stands for the variable of this name. At most 100,000 characters.';

COMMENT ON COLUMN app_public.prompts.system_prompt IS 'The instructions that go before; {{name}} as in prompt_text.';

COMMENT ON COLUMN app_public.prompts.input_variables IS 'The variables: {"name": "string"}, or {"name": {"type", "required", "default", "description", "enum"}}; types are string, number, boolean, array and object.';

COMMENT ON COLUMN app_public.prompts.output_format IS 'text, json, markdown or structured.';

COMMENT ON COLUMN app_public.prompts.model_requirements IS 'What a model must offer, such as {"min_context_window": 8000, "supports_functions": true}.';

COMMENT ON COLUMN app_public.prompts.temperature IS 'Sampling temperature, 0 to 2; null for the model''s default.';

COMMENT ON COLUMN app_public.prompts.max_tokens IS 'Most tokens of an answer.';

COMMENT ON COLUMN app_public.prompts.status IS 'draft, active, inactive, deprecated or archived.';

COMMENT ON COLUMN app_public.prompts.version IS 'Semantic version.';

COMMENT ON COLUMN app_public.prompts.created_by_user_id IS 'Who created it.';

COMMENT ON COLUMN app_public.prompts.usage_count IS 'How often it was used; kept from the logs.';

COMMENT ON COLUMN app_public.prompts.rating IS 'Mean rating of its users, 1 to 5; kept from their ratings.';

COMMENT ON COLUMN app_public.prompts.success_rate IS 'Share of uses that succeeded, in percent; kept from the logs.';

COMMENT ON COLUMN app_public.prompts.last_used_at IS 'When it was last used; kept from the logs.';

COMMENT ON COLUMN app_public.prompts.metadata IS 'Whatever else is to be known about it: an object.';

COMMENT ON COLUMN app_public.prompts.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.prompts.updated_at IS 'When it last changed.';

COMMENT ON COLUMN app_public.prompts.deleted_at IS 'When it was deleted, null when it is not.';

CREATE FUNCTION app_public.copy_prompt(id uuid, name text DEFAULT NULL::text) RETURNS app_public.prompts
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
      declare
        v_copy_id uuid := app_private.copy_resource('prompt', copy_prompt.id, copy_prompt.name);
        v_copy app_public.prompts;
      begin
        select r.* into v_copy from app_public.prompts r where r.id = v_copy_id;
        return v_copy;
      end
      $$;

ALTER FUNCTION app_public.copy_prompt(id uuid, name text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.copy_prompt(id uuid, name text) IS '@resultFieldName prompt
Copies a prompt of this tenant, or one that is shared with it, to a private one of this tenant; the original stays as it is, and copied_from_id names it. Without a name it keeps the original''s, or gets (copy) after it where that is taken. can_create_resources. RS301: there is no such prompt; RS563: the name is taken; ID203: your permissions do not allow it.';

CREATE TABLE app_public.tools (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    sharing_mode text DEFAULT 'private'::text NOT NULL,
    is_shared boolean GENERATED ALWAYS AS ((sharing_mode <> 'private'::text)) STORED NOT NULL,
    resource_type text DEFAULT 'custom'::text NOT NULL,
    copied_from_id uuid,
    name text NOT NULL,
    display_name text,
    description text,
    icon text,
    tool_type text NOT NULL,
    category text,
    tool_category_id uuid,
    endpoint_url text,
    http_method text,
    headers jsonb DEFAULT '{}'::jsonb NOT NULL,
    authentication_type text DEFAULT 'none'::text NOT NULL,
    authentication_config jsonb DEFAULT '{}'::jsonb NOT NULL,
    request_schema jsonb DEFAULT '{}'::jsonb NOT NULL,
    response_schema jsonb DEFAULT '{}'::jsonb NOT NULL,
    timeout_seconds integer DEFAULT 30 NOT NULL,
    retry_config jsonb DEFAULT '{}'::jsonb NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    activated_at timestamp with time zone,
    deactivated_at timestamp with time zone,
    version text DEFAULT '1.0.0'::text NOT NULL,
    created_by_user_id uuid DEFAULT app_hidden.current_user_id(),
    usage_count bigint DEFAULT 0 NOT NULL,
    success_rate numeric(5,2),
    avg_response_time_ms integer,
    last_used_at timestamp with time zone,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT authentication_config_is_an_object CHECK ((jsonb_typeof(authentication_config) = 'object'::text)),
    CONSTRAINT authentication_type_is_known CHECK ((authentication_type = ANY (ARRAY['none'::text, 'api_key'::text, 'bearer'::text, 'basic'::text, 'oauth2_client'::text]))),
    CONSTRAINT called_tool_has_an_endpoint CHECK (((tool_type <> ALL (ARRAY['api'::text, 'webhook'::text])) OR (endpoint_url IS NOT NULL))),
    CONSTRAINT display_name_is_a_name CHECK (app_hidden.is_name(display_name)),
    CONSTRAINT endpoint_url_is_http CHECK (((length(endpoint_url) <= 2000) AND (endpoint_url ~ '^https?://[^/?#@\s]+([/?#]\S*)?$'::text))),
    CONSTRAINT headers_is_an_object CHECK ((jsonb_typeof(headers) = 'object'::text)),
    CONSTRAINT http_method_is_known CHECK ((http_method = ANY (ARRAY['GET'::text, 'HEAD'::text, 'POST'::text, 'PUT'::text, 'PATCH'::text, 'DELETE'::text]))),
    CONSTRAINT metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT request_schema_is_an_object CHECK (((jsonb_typeof(request_schema) = 'object'::text) AND (pg_column_size(request_schema) <= 1000000))),
    CONSTRAINT resource_type_is_known CHECK ((resource_type = ANY (ARRAY['custom'::text, 'platform'::text]))),
    CONSTRAINT response_schema_is_an_object CHECK (((jsonb_typeof(response_schema) = 'object'::text) AND (pg_column_size(response_schema) <= 1000000))),
    CONSTRAINT retry_config_is_an_object CHECK ((jsonb_typeof(retry_config) = 'object'::text)),
    CONSTRAINT sharing_mode_is_known CHECK ((sharing_mode = ANY (ARRAY['private'::text, 'selected'::text, 'subtree'::text, 'platform'::text]))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['draft'::text, 'active'::text, 'inactive'::text, 'deprecated'::text, 'archived'::text]))),
    CONSTRAINT success_rate_is_a_percentage CHECK (((success_rate >= (0)::numeric) AND (success_rate <= (100)::numeric))),
    CONSTRAINT timeout_seconds_is_in_range CHECK (((timeout_seconds >= 1) AND (timeout_seconds <= 3600))),
    CONSTRAINT tool_type_is_known CHECK ((tool_type = ANY (ARRAY['api'::text, 'function'::text, 'integration'::text, 'webhook'::text]))),
    CONSTRAINT version_is_semantic CHECK (app_hidden.is_semantic_version(version))
);

ALTER TABLE ONLY app_public.tools FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.tools OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.tools IS '@behavior -delete
Something agents can call. It never holds a secret: authentication_config names one. can_create_resources and can_edit_resources to write; can_delete_resources for delete_tool and restore_tool.';

COMMENT ON COLUMN app_public.tools.sharing_mode IS 'Who beyond this tenant may use it: private (nobody), selected (whom it was shared with), subtree (tenants below this one) or platform (all).';

COMMENT ON COLUMN app_public.tools.is_shared IS 'Whether anyone beyond this tenant may use it.';

COMMENT ON COLUMN app_public.tools.resource_type IS 'custom, or platform for those that the platform provides.';

COMMENT ON COLUMN app_public.tools.copied_from_id IS 'The tool it was copied from.';

COMMENT ON COLUMN app_public.tools.name IS 'Name, unique among the tenant''s tools that are not deleted; at most 255 characters.';

COMMENT ON COLUMN app_public.tools.display_name IS 'Name to show.';

COMMENT ON COLUMN app_public.tools.description IS 'What it is for.';

COMMENT ON COLUMN app_public.tools.icon IS 'Name of an icon.';

COMMENT ON COLUMN app_public.tools.tool_type IS 'api, function, integration or webhook.';

COMMENT ON COLUMN app_public.tools.category IS 'Category to filter by, such as Regulatory or Clinical Research.';

COMMENT ON COLUMN app_public.tools.tool_category_id IS 'Its place in the tree of categories.';

COMMENT ON COLUMN app_public.tools.endpoint_url IS 'Address that is called; api and webhook need one. Holds no user, password or key.';

COMMENT ON COLUMN app_public.tools.http_method IS 'GET, HEAD, POST, PUT, PATCH or DELETE.';

COMMENT ON COLUMN app_public.tools.headers IS 'Headers sent with each call: {"name": "value"}. Names of credentials are refused.';

COMMENT ON COLUMN app_public.tools.authentication_type IS 'none, api_key, bearer, basic or oauth2_client.';

COMMENT ON COLUMN app_public.tools.authentication_config IS 'What the type of authentication needs; secret_name names a stored secret. api_key: in (header or query), name, secret_name. bearer: secret_name. basic: username, secret_name. oauth2_client: token_url, client_id, secret_name, scopes.';

COMMENT ON COLUMN app_public.tools.request_schema IS 'JSON Schema of what it takes.';

COMMENT ON COLUMN app_public.tools.response_schema IS 'JSON Schema of what it returns.';

COMMENT ON COLUMN app_public.tools.timeout_seconds IS 'Seconds until a call is given up, 1 to 3,600.';

COMMENT ON COLUMN app_public.tools.retry_config IS 'How a failed call is tried again: max_attempts (0 to 20), backoff (constant, linear or exponential), delay_ms (0 to 600,000).';

COMMENT ON COLUMN app_public.tools.status IS 'draft, active, inactive, deprecated or archived.';

COMMENT ON COLUMN app_public.tools.enabled IS 'Whether it may be called.';

COMMENT ON COLUMN app_public.tools.activated_at IS 'When it was last switched on.';

COMMENT ON COLUMN app_public.tools.deactivated_at IS 'When it was last switched off.';

COMMENT ON COLUMN app_public.tools.version IS 'Semantic version.';

COMMENT ON COLUMN app_public.tools.created_by_user_id IS 'Who created it.';

COMMENT ON COLUMN app_public.tools.usage_count IS 'How often it was called; kept from the logs.';

COMMENT ON COLUMN app_public.tools.success_rate IS 'Share of calls that succeeded, in percent; kept from the logs.';

COMMENT ON COLUMN app_public.tools.avg_response_time_ms IS 'Mean milliseconds of a call; kept from the logs.';

COMMENT ON COLUMN app_public.tools.last_used_at IS 'When it was last called; kept from the logs.';

COMMENT ON COLUMN app_public.tools.metadata IS 'Whatever else is to be known about it: an object.';

COMMENT ON COLUMN app_public.tools.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.tools.updated_at IS 'When it last changed.';

COMMENT ON COLUMN app_public.tools.deleted_at IS 'When it was deleted, null when it is not.';

CREATE FUNCTION app_public.copy_tool(id uuid, name text DEFAULT NULL::text) RETURNS app_public.tools
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
      declare
        v_copy_id uuid := app_private.copy_resource('tool', copy_tool.id, copy_tool.name);
        v_copy app_public.tools;
      begin
        select r.* into v_copy from app_public.tools r where r.id = v_copy_id;
        return v_copy;
      end
      $$;

ALTER FUNCTION app_public.copy_tool(id uuid, name text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.copy_tool(id uuid, name text) IS '@resultFieldName tool
Copies a tool of this tenant, or one that is shared with it, to a private one of this tenant; the original stays as it is, and copied_from_id names it. Secrets are not copied, for a tool has none: store one of your own under its secret_name. Without a name it keeps the original''s, or gets (copy) after it where that is taken. can_create_resources. RS301: there is no such tool; RS563: the name is taken; ID203: your permissions do not allow it.';

CREATE TABLE app_public.workflows (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    sharing_mode text DEFAULT 'private'::text NOT NULL,
    is_shared boolean GENERATED ALWAYS AS ((sharing_mode <> 'private'::text)) STORED NOT NULL,
    resource_type text DEFAULT 'custom'::text NOT NULL,
    copied_from_id uuid,
    name text NOT NULL,
    display_name text,
    description text,
    category text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    icon text,
    workflow_type app_public.workflow_type DEFAULT 'sequential'::app_public.workflow_type NOT NULL,
    workflow_definition jsonb NOT NULL,
    steps jsonb DEFAULT '[]'::jsonb NOT NULL,
    input_schema jsonb DEFAULT '{}'::jsonb NOT NULL,
    output_schema jsonb DEFAULT '{}'::jsonb NOT NULL,
    agent_ids uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    agent_roles jsonb DEFAULT '{}'::jsonb NOT NULL,
    timeout_seconds integer DEFAULT 300 NOT NULL,
    max_retries integer DEFAULT 3 NOT NULL,
    error_handling text DEFAULT 'stop'::text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    version text DEFAULT '1.0.0'::text NOT NULL,
    created_by_user_id uuid DEFAULT app_hidden.current_user_id(),
    execution_count bigint DEFAULT 0 NOT NULL,
    success_count bigint DEFAULT 0 NOT NULL,
    failure_count bigint DEFAULT 0 NOT NULL,
    avg_execution_time_ms bigint,
    last_executed_at timestamp with time zone,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT agent_roles_is_an_object CHECK ((jsonb_typeof(agent_roles) = 'object'::text)),
    CONSTRAINT display_name_is_a_name CHECK (app_hidden.is_name(display_name)),
    CONSTRAINT error_handling_is_known CHECK ((error_handling = ANY (ARRAY['stop'::text, 'continue'::text, 'retry'::text, 'skip'::text]))),
    CONSTRAINT input_schema_is_an_object CHECK (((jsonb_typeof(input_schema) = 'object'::text) AND (pg_column_size(input_schema) <= 1000000))),
    CONSTRAINT max_retries_is_in_range CHECK (((max_retries >= 0) AND (max_retries <= 20))),
    CONSTRAINT metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT output_schema_is_an_object CHECK (((jsonb_typeof(output_schema) = 'object'::text) AND (pg_column_size(output_schema) <= 1000000))),
    CONSTRAINT resource_type_is_known CHECK ((resource_type = ANY (ARRAY['custom'::text, 'platform'::text]))),
    CONSTRAINT sharing_mode_is_known CHECK ((sharing_mode = ANY (ARRAY['private'::text, 'selected'::text, 'subtree'::text, 'platform'::text]))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['draft'::text, 'active'::text, 'inactive'::text, 'deprecated'::text, 'archived'::text]))),
    CONSTRAINT steps_is_an_array CHECK ((jsonb_typeof(steps) = 'array'::text)),
    CONSTRAINT timeout_seconds_is_in_range CHECK (((timeout_seconds >= 1) AND (timeout_seconds <= 86400))),
    CONSTRAINT version_is_semantic CHECK (app_hidden.is_semantic_version(version)),
    CONSTRAINT workflow_definition_is_an_object CHECK ((jsonb_typeof(workflow_definition) = 'object'::text))
);

ALTER TABLE ONLY app_public.workflows FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.workflows OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.workflows IS '@behavior -delete
Steps that agents, tools and prompts do together. can_create_resources and can_edit_resources to write; can_delete_resources for delete_workflow and restore_workflow.';

COMMENT ON COLUMN app_public.workflows.sharing_mode IS 'Who beyond this tenant may use it: private (nobody), selected (whom it was shared with), subtree (tenants below this one) or platform (all).';

COMMENT ON COLUMN app_public.workflows.is_shared IS 'Whether anyone beyond this tenant may use it.';

COMMENT ON COLUMN app_public.workflows.resource_type IS 'custom, or platform for those that the platform provides.';

COMMENT ON COLUMN app_public.workflows.copied_from_id IS 'The workflow it was copied from.';

COMMENT ON COLUMN app_public.workflows.name IS 'Name, unique among the tenant''s workflows that are not deleted; at most 255 characters.';

COMMENT ON COLUMN app_public.workflows.display_name IS 'Name to show.';

COMMENT ON COLUMN app_public.workflows.description IS 'What it is for.';

COMMENT ON COLUMN app_public.workflows.category IS 'Category to filter by.';

COMMENT ON COLUMN app_public.workflows.tags IS 'Words to filter by.';

COMMENT ON COLUMN app_public.workflows.icon IS 'Name of an icon.';

COMMENT ON COLUMN app_public.workflows.workflow_type IS 'How its steps follow each other.';

COMMENT ON COLUMN app_public.workflows.workflow_definition IS 'The graph: {"nodes": [{"id", "type", …}], "edges": [{"from", "to", "condition"}], "start"}.';

COMMENT ON COLUMN app_public.workflows.steps IS 'Steps for people to read: [{"name", "description", "agent_id", …}].';

COMMENT ON COLUMN app_public.workflows.input_schema IS 'JSON Schema of what it takes.';

COMMENT ON COLUMN app_public.workflows.output_schema IS 'JSON Schema of what it returns.';

COMMENT ON COLUMN app_public.workflows.agent_ids IS 'The agents it needs; kept from the definition, the steps and the roles.';

COMMENT ON COLUMN app_public.workflows.agent_roles IS 'Agents by the role they play: {"reviewer": agent id}.';

COMMENT ON COLUMN app_public.workflows.timeout_seconds IS 'Seconds until a run is given up, 1 to 86,400.';

COMMENT ON COLUMN app_public.workflows.max_retries IS 'How often a failed step is tried again, 0 to 20.';

COMMENT ON COLUMN app_public.workflows.error_handling IS 'What follows when a step fails: stop, continue, retry or skip.';

COMMENT ON COLUMN app_public.workflows.status IS 'draft, active, inactive, deprecated or archived.';

COMMENT ON COLUMN app_public.workflows.enabled IS 'Whether it may be run.';

COMMENT ON COLUMN app_public.workflows.version IS 'Semantic version.';

COMMENT ON COLUMN app_public.workflows.created_by_user_id IS 'Who created it.';

COMMENT ON COLUMN app_public.workflows.execution_count IS 'How often it ran; kept from the logs.';

COMMENT ON COLUMN app_public.workflows.success_count IS 'How many runs succeeded; kept from the logs.';

COMMENT ON COLUMN app_public.workflows.failure_count IS 'How many runs failed; kept from the logs.';

COMMENT ON COLUMN app_public.workflows.avg_execution_time_ms IS 'Mean milliseconds of a run; kept from the logs.';

COMMENT ON COLUMN app_public.workflows.last_executed_at IS 'When it last ran; kept from the logs.';

COMMENT ON COLUMN app_public.workflows.metadata IS 'Whatever else is to be known about it: an object.';

COMMENT ON COLUMN app_public.workflows.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.workflows.updated_at IS 'When it last changed.';

COMMENT ON COLUMN app_public.workflows.deleted_at IS 'When it was deleted, null when it is not.';

CREATE FUNCTION app_public.copy_workflow(id uuid, name text DEFAULT NULL::text) RETURNS app_public.workflows
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
      declare
        v_copy_id uuid := app_private.copy_resource('workflow', copy_workflow.id, copy_workflow.name);
        v_copy app_public.workflows;
      begin
        select r.* into v_copy from app_public.workflows r where r.id = v_copy_id;
        return v_copy;
      end
      $$;

ALTER FUNCTION app_public.copy_workflow(id uuid, name text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.copy_workflow(id uuid, name text) IS '@resultFieldName workflow
Copies a workflow of this tenant, or one that is shared with it, to a private one of this tenant; the original stays as it is, and copied_from_id names it. It refers to the same agents, tools and prompts, which must be shared as well. Without a name it keeps the original''s, or gets (copy) after it where that is taken. can_create_resources. RS301: there is no such workflow; RS563: the name is taken; RS434: it refers to what is not shared with this tenant; ID203: your permissions do not allow it.';

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
Adds 1 to 500 documents to a source: [{"externalId", "text", "title"?, "metadata"?}], text up to 10 million characters. A receipt for each: created, replaced (same externalId, other content), unchanged, retried (unchanged, but its processing had failed) or refused with the error; a refused one does not stop the others. Processing follows in the background. can_manage_knowledge. KN301: no such source; KN401: not an array of 1 to 500; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.create_project(name text, key text DEFAULT NULL::text, description text DEFAULT NULL::text, workspace_id uuid DEFAULT NULL::uuid, is_private boolean DEFAULT false, starts_on date DEFAULT NULL::date, ends_on date DEFAULT NULL::date, status text DEFAULT 'planned'::text) RETURNS app_public.projects
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_project app_public.projects;
begin
  perform app_private.require_permission('can_create_projects');
  perform app_private.require_active_member(app_hidden.current_user_id());
  if create_project.workspace_id is not null then
    perform app_private.writable_workspace(create_project.workspace_id);
  end if;
  insert into app_public.projects (name, key, description, workspace_id, is_private, starts_on, ends_on, status)
  values (create_project.name, create_project.key, create_project.description, create_project.workspace_id,
          coalesce(create_project.is_private, false), create_project.starts_on, create_project.ends_on,
          coalesce(create_project.status, 'planned'))
  returning * into v_project;
  insert into app_public.project_members (project_id, user_id, role)
  values (v_project.id, app_hidden.current_user_id(), 'lead');
  return v_project;
end
$$;

ALTER FUNCTION app_public.create_project(name text, key text, description text, workspace_id uuid, is_private boolean, starts_on date, ends_on date, status text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.create_project(name text, key text, description text, workspace_id uuid, is_private boolean, starts_on date, ends_on date, status text) IS '@resultFieldName project
Creates a project and makes you its lead; in a workspace, contributors do. ID203: you lack can_create_projects; WS301: no such workspace; WS201: your role in it does not allow this; WS401: you are not a member of this tenant; WS503: the workspace is archived; 23505: the key is taken; 23514: a value is out of range.';

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

CREATE FUNCTION app_public.create_workspace(name text, description text DEFAULT NULL::text, icon text DEFAULT NULL::text, visibility app_public.workspace_visibility DEFAULT 'private'::app_public.workspace_visibility, settings jsonb DEFAULT '{}'::jsonb) RETURNS app_public.workspaces
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces;
begin
  perform app_private.require_role('member');
  -- platform staff may act here and yet belong to another tenant: a workspace needs an owner of this one
  perform app_private.require_active_member(app_hidden.current_user_id());
  insert into app_public.workspaces (name, description, icon, visibility, settings)
  values (create_workspace.name, create_workspace.description, create_workspace.icon,
          coalesce(create_workspace.visibility, 'private'), coalesce(create_workspace.settings, '{}'))
  returning * into v_workspace;
  insert into app_public.workspace_members (workspace_id, user_id, role)
  values (v_workspace.id, app_hidden.current_user_id(), 'owner');
  return v_workspace;
end
$$;

ALTER FUNCTION app_public.create_workspace(name text, description text, icon text, visibility app_public.workspace_visibility, settings jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.create_workspace(name text, description text, icon text, visibility app_public.workspace_visibility, settings jsonb) IS '@resultFieldName workspace
Creates a workspace and makes you its owner. Members of the tenant. ID202: your role in the tenant does not allow it; WS401: you are not a member of this tenant; 23505: the name is taken; 23514: a value is out of range.';

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

CREATE FUNCTION app_public.decline_share(share_id uuid) RETURNS app_public.received_share
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select app_private.set_declined(decline_share.share_id, clock_timestamp());
$$;

ALTER FUNCTION app_public.decline_share(share_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.decline_share(share_id uuid) IS '@resultFieldName receivedShare
Hides what another tenant shares with this one, from everyone it was for; accept_share takes that back. can_manage_settings, or it was shared with you alone. RS362: no such share was received; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.delete_agent(id uuid) RETURNS app_public.agents
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select app_private.delete_resource('agent', delete_agent.id);
        select * from app_public.agents r where r.id = delete_agent.id;
      $$;

ALTER FUNCTION app_public.delete_agent(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_agent(id uuid) IS '@resultFieldName agent
Deletes a agent; restore_agent brings it back. It is found no more, at once, and its name can be used again. can_delete_agents. RS301: there is no such; ID203: your permissions do not allow it.';

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
  perform app_private.require_permission('can_manage_knowledge');
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
Deletes a document with its chunks, vectors and postings, at once and for good. can_manage_knowledge. KN302: there is no such document; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.delete_institution(id uuid) RETURNS app_public.institutions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_institution app_public.institutions := app_private.changed_institution(delete_institution.id, false);
begin
  update app_public.institutions i set deleted_at = clock_timestamp() where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;

ALTER FUNCTION app_public.delete_institution(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_institution(id uuid) IS '@resultFieldName institution
Deletes an institution with its affiliations; restore_institution brings them back. Its name can be used again. Admins. WS306: no such institution; ID202: your role does not allow it.';

CREATE FUNCTION app_public.delete_knowledge_source(id uuid) RETURNS app_public.rag_knowledge_sources
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select app_private.delete_resource('knowledge_source', delete_knowledge_source.id);
        select * from app_public.rag_knowledge_sources r where r.id = delete_knowledge_source.id;
      $$;

ALTER FUNCTION app_public.delete_knowledge_source(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_knowledge_source(id uuid) IS '@resultFieldName knowledgeSource
Deletes a knowledge source; restore_knowledge_source brings it back. It is found no more, at once, and its name can be used again. can_manage_knowledge. RS301: there is no such; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.delete_project(id uuid) RETURNS app_public.projects
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_project app_public.projects := app_private.locked_project(delete_project.id);
begin
  update app_public.projects p set deleted_at = clock_timestamp() where p.id = v_project.id returning * into v_project;
  return v_project;
end
$$;

ALTER FUNCTION app_public.delete_project(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_project(id uuid) IS '@resultFieldName project
Deletes a project; restore_project brings it back with its members. Its key can be used again. Leads and admins of the tenant. WS304: no such project; WS203: you do not lead it.';

CREATE FUNCTION app_public.delete_prompt(id uuid) RETURNS app_public.prompts
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select app_private.delete_resource('prompt', delete_prompt.id);
        select * from app_public.prompts r where r.id = delete_prompt.id;
      $$;

ALTER FUNCTION app_public.delete_prompt(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_prompt(id uuid) IS '@resultFieldName prompt
Deletes a prompt; restore_prompt brings it back. It is found no more, at once, and its name can be used again. can_delete_resources. RS301: there is no such; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.delete_tool(id uuid) RETURNS app_public.tools
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select app_private.delete_resource('tool', delete_tool.id);
        select * from app_public.tools r where r.id = delete_tool.id;
      $$;

ALTER FUNCTION app_public.delete_tool(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_tool(id uuid) IS '@resultFieldName tool
Deletes a tool; restore_tool brings it back. It is found no more, at once, and its name can be used again. can_delete_resources. RS301: there is no such; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.delete_workflow(id uuid) RETURNS app_public.workflows
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select app_private.delete_resource('workflow', delete_workflow.id);
        select * from app_public.workflows r where r.id = delete_workflow.id;
      $$;

ALTER FUNCTION app_public.delete_workflow(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_workflow(id uuid) IS '@resultFieldName workflow
Deletes a workflow; restore_workflow brings it back. It is found no more, at once, and its name can be used again. can_delete_resources. RS301: there is no such; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.delete_workspace(id uuid) RETURNS app_public.workspaces
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(delete_workspace.id, 'owner');
begin
  update app_public.workspaces w set deleted_at = clock_timestamp() where w.id = v_workspace.id returning * into v_workspace;
  return v_workspace;
end
$$;

ALTER FUNCTION app_public.delete_workspace(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_workspace(id uuid) IS '@resultFieldName workspace
Deletes a workspace: nobody has access through it any more, at once; restore_workspace brings it back with its members. Its name can be used again. Owners of the workspace. WS301: no such workspace; WS201: your role in it does not allow this.';

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

CREATE FUNCTION app_public.join_workspace(workspace_id uuid) RETURNS app_public.workspace_members
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(join_workspace.workspace_id, null);
  v_member app_public.workspace_members;
begin
  select * into v_member from app_public.workspace_members m
   where m.tenant_id = v_workspace.tenant_id and m.workspace_id = v_workspace.id and m.user_id = app_hidden.current_user_id();
  if found then
    return v_member;
  elsif v_workspace.visibility <> 'public' then
    perform app_private.raise_error('WS202', 'This workspace cannot be joined by oneself.', 'Ask a moderator of the workspace to add you.');
  elsif v_workspace.archived_at is not null then
    perform app_private.raise_error('WS503', 'This workspace is archived.', 'Ask an admin of the workspace to take it up again.');
  end if;
  perform app_private.require_active_member(app_hidden.current_user_id());
  insert into app_public.workspace_members (workspace_id, user_id, role)
  values (v_workspace.id, app_hidden.current_user_id(),
          case when app_hidden.has_role('member') then 'contributor' else 'viewer' end::app_public.member_role)
  returning * into v_member;
  return v_member;
end
$$;

ALTER FUNCTION app_public.join_workspace(workspace_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.join_workspace(workspace_id uuid) IS '@resultFieldName member
Makes you a member of a public workspace: a contributor, or a viewer when you are a viewer in the tenant. When you are a member already, nothing changes. WS301: no such workspace; WS202: it is not public; WS401: you are not a member of this tenant; WS503: it is archived.';

CREATE FUNCTION app_public.leave_workspace(workspace_id uuid) RETURNS app_public.workspace_members
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return app_public.remove_workspace_member(leave_workspace.workspace_id, app_hidden.current_user_id());
end
$$;

ALTER FUNCTION app_public.leave_workspace(workspace_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.leave_workspace(workspace_id uuid) IS '@resultFieldName member
Ends your own membership of a workspace. WS301: no such workspace; WS201, WS303: you are not a member; WS502: the last owner cannot leave.';

CREATE FUNCTION app_public.move_project(id uuid, workspace_id uuid DEFAULT NULL::uuid) RETURNS app_public.projects
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_project app_public.projects;
begin
  -- workspaces are locked before projects, here as in create_project
  if move_project.workspace_id is not null then
    perform app_private.writable_workspace(move_project.workspace_id);
  end if;
  v_project := app_private.locked_project(move_project.id);
  update app_public.projects p set workspace_id = move_project.workspace_id where p.id = v_project.id returning * into v_project;
  return v_project;
end
$$;

ALTER FUNCTION app_public.move_project(id uuid, workspace_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.move_project(id uuid, workspace_id uuid) IS '@resultFieldName project
Moves a project into a workspace you contribute to, or, without one, out of its workspace. Leads and admins of the tenant. WS304: no such project; WS203: you do not lead it; WS301: no such workspace; WS201: your role in it does not allow this; WS503: it is archived.';

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

CREATE FUNCTION app_public.my_workspaces() RETURNS SETOF app_public.workspaces
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select w.*
      from app_public.workspace_members m
      join app_public.workspaces w on w.tenant_id = m.tenant_id and w.id = m.workspace_id and w.deleted_at is null
     where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = app_hidden.current_user_id()
       and app_hidden.has_role('viewer')
     order by w.archived_at is not null, w.name, w.id;
end
$$;

ALTER FUNCTION app_public.my_workspaces() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.my_workspaces() IS 'The workspaces of this tenant you are a member of, archived ones last. workspaces lists all you can see.';

CREATE FUNCTION app_public.projects_my_role(project app_public.projects) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_role text;
begin
  if not app_hidden.has_role('viewer') then
    return null;
  elsif app_hidden.has_role('owner') then
    return 'lead';
  end if;
  select m.role into v_role
    from app_public.project_members m
   where m.tenant_id = app_hidden.current_tenant_id() and m.project_id = (projects_my_role.project).id
     and m.user_id = app_hidden.current_user_id();
  -- the same as the policy select_member, for one row
  if not (projects_my_role.project).is_private and (
    (projects_my_role.project).workspace_id is null
    or (projects_my_role.project).workspace_id = any (app_hidden.my_workspace_ids())) then
    v_role := case when app_hidden.has_role('admin') then 'lead' else coalesce(v_role, 'observer') end;
  end if;
  return v_role;
end
$$;

ALTER FUNCTION app_public.projects_my_role(project app_public.projects) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.projects_my_role(project app_public.projects) IS 'What you may do in the project: the role of your membership, observer where you may only read, lead for the tenant''s owners, and for its admins where the project is not private.';

CREATE FUNCTION app_public.prompts_shared_with(resource app_public.prompts) RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select array(
          select distinct s.grantee_tenant_id from app_public.resource_shares s
           where s.tenant_id = app_hidden.current_tenant_id() and s.resource_kind = 'prompt' and s.resource_id = (resource).id
             and (s.expires_at is null or s.expires_at > app_hidden.clock())
           order by 1);
      $$;

ALTER FUNCTION app_public.prompts_shared_with(resource app_public.prompts) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.prompts_shared_with(resource app_public.prompts) IS 'The tenants that hold a share of it which has not expired; resource_shares has the details. Empty for those it is shared with: that is the owner''s business.';

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

CREATE FUNCTION app_public.rag_knowledge_sources_shared_with(resource app_public.rag_knowledge_sources) RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select array(
          select distinct s.grantee_tenant_id from app_public.resource_shares s
           where s.tenant_id = app_hidden.current_tenant_id() and s.resource_kind = 'knowledge_source' and s.resource_id = (resource).id
             and (s.expires_at is null or s.expires_at > app_hidden.clock())
           order by 1);
      $$;

ALTER FUNCTION app_public.rag_knowledge_sources_shared_with(resource app_public.rag_knowledge_sources) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.rag_knowledge_sources_shared_with(resource app_public.rag_knowledge_sources) IS 'The tenants that hold a share of it which has not expired; resource_shares has the details. Empty for those it is shared with: that is the owner''s business.';

CREATE FUNCTION app_public.received_shares() RETURNS SETOF app_public.received_share
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select r.share_id, r.kind, r.id, r.name, r.sharing_mode, t.slug, t.name,
           s.grantee_user_id, s.grantee_workspace_id, s.created_at, s.expires_at, s.declined_at
      from (
        select 'agent'::app_public.resource_kind as kind, a.* from app_private.shared_agents(true) a
        union all select 'tool', a.* from app_private.shared_tools(true) a
        union all select 'prompt', a.* from app_private.shared_prompts(true) a
        union all select 'workflow', a.* from app_private.shared_workflows(true) a
        union all select 'knowledge_source', a.* from app_private.shared_knowledge_sources(true) a
      ) as r
      join app_public.tenants t on t.id = r.tenant_id
      left join app_public.resource_shares s on s.id = r.share_id
     order by r.kind, r.name, r.id, r.share_id;
end
$$;

ALTER FUNCTION app_public.received_shares() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_public.received_shares() IS 'What other tenants share with this one and you may use, by which tenant and how long, and grants that were declined. One resource comes once for each way it reached you. With can_manage_settings also what is shared with single people and workspaces of this tenant.';

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

CREATE FUNCTION app_public.remove_workspace_member(workspace_id uuid, user_id uuid) RETURNS app_public.workspace_members
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(remove_workspace_member.workspace_id, 'viewer');
  v_member app_public.workspace_members;
begin
  if remove_workspace_member.user_id is distinct from app_hidden.current_user_id() then
    perform app_private.require_power_over(v_workspace, 'viewer');
  end if;
  v_member := app_private.locked_workspace_member(v_workspace, remove_workspace_member.user_id);
  if v_member.user_id <> app_hidden.current_user_id() then
    perform app_private.require_power_over(v_workspace, v_member.role);
  end if;
  if v_member.role = 'owner' then
    perform app_private.require_another_owner(v_workspace, v_member.user_id);
  end if;
  delete from app_public.workspace_members m
   where m.tenant_id = v_member.tenant_id and m.workspace_id = v_member.workspace_id and m.user_id = v_member.user_id;
  return v_member;
end
$$;

ALTER FUNCTION app_public.remove_workspace_member(workspace_id uuid, user_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.remove_workspace_member(workspace_id uuid, user_id uuid) IS '@resultFieldName member
Removes a member from a workspace: from moderator on, members below your own role; owners remove anyone. WS301: no such workspace; WS201: your role in it does not allow this; WS303: not a member; WS502: the last owner cannot be removed.';

CREATE FUNCTION app_public.render_prompt(prompt_id uuid, variables jsonb DEFAULT '{}'::jsonb) RETURNS app_public.rendered_prompt
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_prompt app_public.prompts;
  v_given jsonb := coalesce(nullif(render_prompt.variables, 'null'), '{}');
  v_values jsonb := '{}';
  v_faults text[] := '{}';
  v_name text;
  v_variable jsonb;
  v_value jsonb;
begin
  v_prompt := jsonb_populate_record(null::app_public.prompts, app_private.visible_resource('prompt', render_prompt.prompt_id));
  if v_prompt.id is null then
    perform app_private.raise_error('RS301', 'There is no such prompt.', 'List the prompts of this tenant, and those shared with it.');
  end if;
  if jsonb_typeof(v_given) <> 'object' then
    perform app_private.raise_error('RS431', 'variables must be an object.', 'Give them as {"name": value}.');
  end if;
  for v_name, v_variable in select * from jsonb_each(v_prompt.input_variables) loop
    if jsonb_typeof(v_variable) = 'string' then
      v_variable := jsonb_build_object('type', v_variable);
    end if;
    v_value := coalesce(nullif(v_given -> v_name, 'null'), v_variable -> 'default');
    if v_value is null then
      if coalesce((v_variable ->> 'required')::boolean, true) then
        v_faults := v_faults || format('%s is missing', v_name);
      end if;
    elsif jsonb_typeof(v_value) <> v_variable ->> 'type' then
      v_faults := v_faults || format('%s is not of type %s', v_name, v_variable ->> 'type');
    elsif v_variable ? 'enum' and v_value not in (select jsonb_array_elements(v_variable -> 'enum')) then
      v_faults := v_faults || format('%s is none of the values it may have', v_name);
    else
      v_values := v_values || jsonb_build_object(v_name, v_value);
    end if;
  end loop;
  v_faults := v_faults || array(
    select left(k, 100) || ' is no variable of this prompt' from jsonb_object_keys(v_given) k where not v_prompt.input_variables ? k);
  perform app_private.refuse_faults('RS431', 'The prompt cannot be filled', v_faults, 'See the prompt''s input_variables.');
  return row (app_private.fill_template(v_prompt.system_prompt, v_values), app_private.fill_template(v_prompt.prompt_text, v_values))
    ::app_public.rendered_prompt;
end
$$;

ALTER FUNCTION app_public.render_prompt(prompt_id uuid, variables jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.render_prompt(prompt_id uuid, variables jsonb) IS 'Fills a prompt''s variables, {"name": value}, and returns its two texts. Values go in as they are; one that is left out takes its default, or nothing when it is not required. RS301: there is no such prompt; RS431: names all that is missing, wrongly typed or unknown; RS620: the outcome is too long.';

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
Cuts, embeds and indexes all documents of a source again, as is needed when its chunk size, overlap, language or embedding model has changed; returns how many. Until a document is done it is not found. can_manage_knowledge. KN301: no such source; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.resource_shares_grantee_tenant_name(share app_public.resource_shares) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select g.name from app_private.grantee_of((share).id) g;
$$;

ALTER FUNCTION app_public.resource_shares_grantee_tenant_name(share app_public.resource_shares) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.resource_shares_grantee_tenant_name(share app_public.resource_shares) IS 'The name of the tenant it is shared with.';

CREATE FUNCTION app_public.resource_shares_grantee_tenant_slug(share app_public.resource_shares) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select g.slug from app_private.grantee_of((share).id) g;
$$;

ALTER FUNCTION app_public.resource_shares_grantee_tenant_slug(share app_public.resource_shares) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.resource_shares_grantee_tenant_slug(share app_public.resource_shares) IS 'The slug of the tenant it is shared with.';

CREATE FUNCTION app_public.resource_shares_grantee_user_email(share app_public.resource_shares) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select g.user_email from app_private.grantee_of((share).id) g;
$$;

ALTER FUNCTION app_public.resource_shares_grantee_user_email(share app_public.resource_shares) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.resource_shares_grantee_user_email(share app_public.resource_shares) IS 'The e-mail of the one member it is shared with, null when it is not so narrow.';

CREATE FUNCTION app_public.resource_shares_resource_name(share app_public.resource_shares) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_name text;
begin
  execute format('select r.name from %s r where r.id = $1 and r.tenant_id = $2', app_private.resource_table((share).resource_kind))
    into v_name using (share).resource_id, app_hidden.current_tenant_id();
  return v_name;
end
$_$;

ALTER FUNCTION app_public.resource_shares_resource_name(share app_public.resource_shares) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.resource_shares_resource_name(share app_public.resource_shares) IS 'The name of what is shared.';

CREATE FUNCTION app_public.restore_agent(id uuid) RETURNS app_public.agents
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select app_private.restore_resource('agent', restore_agent.id);
        select * from app_public.agents r where r.id = restore_agent.id;
      $$;

ALTER FUNCTION app_public.restore_agent(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.restore_agent(id uuid) IS '@resultFieldName agent
Brings a deleted agent back, with all it had. can_delete_agents. RS302: no deleted one has this id; RS520: its name is taken by now; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.restore_institution(id uuid) RETURNS app_public.institutions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_institution app_public.institutions := app_private.changed_institution(restore_institution.id, true);
begin
  update app_public.institutions i set deleted_at = null where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;

ALTER FUNCTION app_public.restore_institution(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.restore_institution(id uuid) IS '@resultFieldName institution
Brings a deleted institution back with its affiliations. Admins. WS307: no deleted institution has this id; 23505: its name is taken by now; ID202: your role does not allow it.';

CREATE FUNCTION app_public.restore_knowledge_source(id uuid) RETURNS app_public.rag_knowledge_sources
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select app_private.restore_resource('knowledge_source', restore_knowledge_source.id);
        select * from app_public.rag_knowledge_sources r where r.id = restore_knowledge_source.id;
      $$;

ALTER FUNCTION app_public.restore_knowledge_source(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.restore_knowledge_source(id uuid) IS '@resultFieldName knowledgeSource
Brings a deleted knowledge source back, with all it had. can_manage_knowledge. RS302: no deleted one has this id; RS520: its name is taken by now; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.restore_project(id uuid) RETURNS app_public.projects
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_project app_public.projects;
begin
  update app_public.projects p set deleted_at = null
   where p.tenant_id = app_hidden.current_tenant_id() and p.id = restore_project.id and p.deleted_at is not null
     and app_public.projects_my_role(p) = 'lead'
  returning * into v_project;
  if not found then
    perform app_private.raise_error('WS305', 'There is no deleted project with this id that you lead.',
      'It was never deleted, or another lead must restore it.');
  end if;
  return v_project;
end
$$;

ALTER FUNCTION app_public.restore_project(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.restore_project(id uuid) IS '@resultFieldName project
Brings a deleted project back with its members. Leads and admins of the tenant. WS305: no deleted project that you lead has this id; 23505: its key is taken by now.';

CREATE FUNCTION app_public.restore_prompt(id uuid) RETURNS app_public.prompts
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select app_private.restore_resource('prompt', restore_prompt.id);
        select * from app_public.prompts r where r.id = restore_prompt.id;
      $$;

ALTER FUNCTION app_public.restore_prompt(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.restore_prompt(id uuid) IS '@resultFieldName prompt
Brings a deleted prompt back, with all it had. can_delete_resources. RS302: no deleted one has this id; RS520: its name is taken by now; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.restore_tool(id uuid) RETURNS app_public.tools
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select app_private.restore_resource('tool', restore_tool.id);
        select * from app_public.tools r where r.id = restore_tool.id;
      $$;

ALTER FUNCTION app_public.restore_tool(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.restore_tool(id uuid) IS '@resultFieldName tool
Brings a deleted tool back, with all it had. can_delete_resources. RS302: no deleted one has this id; RS520: its name is taken by now; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.restore_workflow(id uuid) RETURNS app_public.workflows
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select app_private.restore_resource('workflow', restore_workflow.id);
        select * from app_public.workflows r where r.id = restore_workflow.id;
      $$;

ALTER FUNCTION app_public.restore_workflow(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.restore_workflow(id uuid) IS '@resultFieldName workflow
Brings a deleted workflow back, with all it had. can_delete_resources. RS302: no deleted one has this id; RS520: its name is taken by now; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.restore_workspace(id uuid) RETURNS app_public.workspaces
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces;
begin
  update app_public.workspaces w set deleted_at = null
   where w.id = restore_workspace.id and w.id = any (app_hidden.my_deleted_workspace_ids()) and w.deleted_at is not null
  returning * into v_workspace;
  if not found then
    perform app_private.raise_error('WS302', 'There is no deleted workspace with this id that you own.',
      'It was never deleted, or another owner must restore it.');
  end if;
  return v_workspace;
end
$$;

ALTER FUNCTION app_public.restore_workspace(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.restore_workspace(id uuid) IS '@resultFieldName workspace
Brings a deleted workspace back with its members. Owners of the workspace. WS302: no deleted workspace of yours has this id; 23505: its name is taken by now.';

CREATE FUNCTION app_public.retry_document(id uuid) RETURNS app_public.documents
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_document app_public.documents;
begin
  perform app_private.require_permission('can_manage_knowledge');
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
Processes a failed document again, from the stage where it failed; does nothing to one that has not. can_manage_knowledge. KN302: there is no such document; ID203: your permissions do not allow it.';

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
Processes all failed documents of a source again and returns how many. can_manage_knowledge. KN301: no such source; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.revoke_share(id uuid) RETURNS app_public.resource_shares
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_share app_public.resource_shares;
  v_mode text;
begin
  perform app_private.require_permission('can_share_resources');
  select * into v_share from app_public.resource_shares s where s.tenant_id = app_hidden.current_tenant_id() and s.id = revoke_share.id;
  if found then
    v_mode := app_private.lock_own_resource(v_share.resource_kind, v_share.resource_id, false);
    delete from app_public.resource_shares s where s.tenant_id = v_share.tenant_id and s.id = v_share.id returning * into v_share;
  end if;
  if not found then
    perform app_private.raise_error('RS362', 'There is no such share.', 'List the shares of this tenant.');
  end if;
  if v_mode = 'selected' and not app_private.has_grants(v_share.resource_kind, v_share.resource_id) then
    perform app_private.set_mode(v_share.resource_kind, v_share.resource_id, 'private');
  end if;
  return v_share;
end
$$;

ALTER FUNCTION app_public.revoke_share(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.revoke_share(id uuid) IS '@resultFieldName share
Takes a share back, at once: with the next statement the grantee finds the resource neither in lists nor by its id nor in searches. Copies that were made stay. With its last share a selected resource becomes private. can_share_resources. RS362: there is no such share; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.revoke_shares(kind app_public.resource_kind, resource_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_mode text := app_private.lock_own_resource(revoke_shares.kind, revoke_shares.resource_id, false);
  v_count int;
begin
  delete from app_public.resource_shares s
   where s.tenant_id = app_hidden.current_tenant_id() and s.resource_kind = revoke_shares.kind and s.resource_id = revoke_shares.resource_id;
  get diagnostics v_count = row_count;
  if v_mode = 'selected' then
    perform app_private.set_mode(revoke_shares.kind, revoke_shares.resource_id, 'private');
  end if;
  return v_count;
end
$$;

ALTER FUNCTION app_public.revoke_shares(kind app_public.resource_kind, resource_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.revoke_shares(kind app_public.resource_kind, resource_id uuid) IS '@resultFieldName count
Takes back all shares of a resource and returns how many; a selected one becomes private. What is shared with the subtree or the platform stays so: set_sharing_mode ends that. can_share_resources. RS301: no such resource; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.search(query text, mode app_public.search_mode DEFAULT 'hybrid'::app_public.search_mode, "limit" integer DEFAULT 10, source_ids uuid[] DEFAULT NULL::uuid[], embedding_model text DEFAULT NULL::text, query_embedding public.vector DEFAULT NULL::public.vector, rrf_k integer DEFAULT 60, skip integer DEFAULT 0, document_ids uuid[] DEFAULT NULL::uuid[], agent_id uuid DEFAULT NULL::uuid, tags text[] DEFAULT NULL::text[], category text DEFAULT NULL::text, created_after timestamp with time zone DEFAULT NULL::timestamp with time zone, created_before timestamp with time zone DEFAULT NULL::timestamp with time zone, metadata jsonb DEFAULT NULL::jsonb, fusion app_public.fusion_method DEFAULT 'rrf'::app_public.fusion_method, explain boolean DEFAULT false) RETURNS SETOF app_public.search_hit
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET jit TO 'off'
    AS $$
#variable_conflict use_column
declare
  v_started_at constant timestamptz := clock_timestamp();
  v_tenant_id constant uuid := app_hidden.current_tenant_id();
  v_end int;
  v_depth int;
  v_model app_public.llm_models;
  v_part record;
  v_ranked record;
  v_tenant_ids uuid[] := '{}';
  v_questions app_private.search_question[] := '{}';
  -- of each candidate: its part, its chunk, its scores
  v_parts int[] := '{}';
  v_chunk_ids bigint[] := '{}';
  v_bm25_scores double precision[] := '{}';
  v_vector_scores double precision[] := '{}';
  v_top_parts int[];
  v_top app_public.search_hit[];
  v_hits app_public.search_hit[] := '{}';
begin
  perform app_private.check_search_arguments(
    search.query, search.mode, search."limit", search.skip, search.rrf_k, search.fusion, search.metadata);
  v_end := search.skip + search."limit";
  -- both rankings are read to one depth, the same for all pages of a hundred, a thousand or ten thousand
  v_depth := case when search.mode <> 'hybrid' then v_end when v_end <= 100 then 100 when v_end <= 1000 then 1000 else 10000 end;

  for v_part in
    select p.* from app_private.search_parts(search.source_ids, search.agent_id, search.tags, search.category) p
  loop
    -- the first part's for all of them, because there is one vector of the question
    if v_model.id is null and search.mode <> 'bm25' then
      v_model := app_private.search_model(search.embedding_model, v_part.model_names);
    end if;
    perform set_config('rowhouse.tenant_id', v_part.tenant_id::text, true);
    v_ranked := app_private.ranked_part(
      v_part.ids, search.query, v_part.tenant_id = v_tenant_id, search.mode, v_depth,
      v_model, search.query_embedding, search.document_ids, search.created_after, search.created_before, search.metadata);
    perform set_config('rowhouse.tenant_id', v_tenant_id::text, true);
    if v_ranked.chunk_ids is not null then
      v_tenant_ids := v_tenant_ids || v_part.tenant_id;
      v_questions := v_questions || v_ranked.question;
      v_parts := v_parts || array_fill(cardinality(v_tenant_ids), array[cardinality(v_ranked.chunk_ids)]);
      v_chunk_ids := v_chunk_ids || v_ranked.chunk_ids;
      v_bm25_scores := v_bm25_scores || v_ranked.bm25_scores;
      v_vector_scores := v_vector_scores || v_ranked.vector_scores;
    end if;
  end loop;

  -- Scores of all parts are compared as they are, and ranks are those among all parts: as if each part had been read to
  -- the depth, and then the best of them taken to that depth again.
  with ranked as (
    select u.part, u.chunk_id, u.bm25, u.similarity,
           row_number() over (order by u.bm25 desc nulls last, u.chunk_id, u.part) as bm25_rank,
           row_number() over (order by u.similarity desc nulls last, u.chunk_id, u.part) as vector_rank
      from unnest(v_parts, v_chunk_ids, v_bm25_scores, v_vector_scores) as u (part, chunk_id, bm25, similarity)
  ), best as (
    select part, chunk_id,
           case when bm25_rank <= v_depth then bm25 end as bm25,
           case when bm25_rank <= v_depth and bm25 is not null then bm25_rank::int end as bm25_rank,
           case when vector_rank <= v_depth then similarity end as similarity,
           case when vector_rank <= v_depth and similarity is not null then vector_rank::int end as vector_rank
      from ranked
  ), fused as (
    select b.*,
           case search.mode
             when 'bm25' then b.bm25
             when 'vector' then b.similarity
             else app_private.fused_score(search.fusion, v_model.fusion_weight, search.rrf_k, b.bm25_rank, b.vector_rank, b.bm25,
               b.similarity, max(b.bm25) over (), min(b.similarity) over (), max(b.similarity) over ())
           end as score
      from best b
     where num_nonnulls(b.bm25, b.similarity) > 0
  ), top as (
    select f.*, row_number() over (order by f.score desc, f.chunk_id, f.part) as position
      from fused f order by f.score desc, f.chunk_id, f.part limit search."limit" offset search.skip
  )
  select array_agg(part order by position),
         array_agg(row (position, score, bm25, bm25_rank, similarity, vector_rank, null, null, chunk_id, null, null, null, null)
           ::app_public.search_hit order by position)
    into v_top_parts, v_top
    from top;
  for v_index in 1 .. cardinality(v_tenant_ids) loop
    if v_index = any (v_top_parts) then
      perform set_config('rowhouse.tenant_id', v_tenant_ids[v_index]::text, true);
      v_hits := v_hits || app_private.shown_part(
        array(select row (h.rank, h.score, h.bm25_score, h.bm25_rank, h.vector_score, h.vector_rank, null, null, h.chunk_id, null, null, null, null)::app_public.search_hit
                from unnest(v_top) with ordinality as h where v_top_parts[h.ordinality] = v_index),
        v_questions[v_index], search.explain, search.mode, search.fusion, search.rrf_k, v_model);
      perform set_config('rowhouse.tenant_id', v_tenant_id::text, true);
    end if;
  end loop;
  v_hits := array(select h from unnest(v_hits) h order by h.rank);

  perform app_private.log_query(
    search.query, (select s.log_queries from app_hidden.search_settings() s), search.mode, search.agent_id, v_started_at, v_hits);
  return query select * from unnest(v_hits);
end
$$;

ALTER FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer, skip integer, document_ids uuid[], agent_id uuid, tags text[], category text, created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, fusion app_public.fusion_method, explain boolean) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer, skip integer, document_ids uuid[], agent_id uuid, tags text[], category text, created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, fusion app_public.fusion_method, explain boolean) IS 'Searches the knowledge of this tenant and what others share with it, best first. The query: words rank and need not all occur; "phrases" and title:words must occur; -words must not; word* stands for the words that begin so; a word that no text has is read as those spelt almost like it. mode bm25 ranks by words, exactly; vector by nearness of meaning as the embedding model sees it; hybrid fuses both, by fusion rrf (weighted reciprocal rank, rrf_k 60 by default) or convex (weighted mean of normalised scores), with the weight of the embedding model, over the first 100 of each ranking (1,000 or 10,000 when the page lies beyond). limit 1 to 1000, default 10; skip 0 to 9000, for the pages that follow. Filters: source_ids, document_ids, agent_id (the sources assigned to it), tags (any of a source''s), category (of the source), created_after and created_before (of the document, from and until before), metadata (of the document, contained). Statistics stay those of the whole tenant; a shared source is ranked by its owner''s, and scores are compared as they are. query_embedding saves embedding the query. explain fills explanation. A query of stop words or exclusions only has no hits. SR402: several embedding models, name one; SR403: no such model; SR404 to SR416: an argument is out of range.';

CREATE FUNCTION app_public.search_hit_document(hit app_public.search_hit) RETURNS app_public.documents
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select * from app_public.documents d where d.tenant_id = app_hidden.current_tenant_id() and d.id = (hit).document_id;
$$;

ALTER FUNCTION app_public.search_hit_document(hit app_public.search_hit) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.search_hit_document(hit app_public.search_hit) IS '@behavior typeField -queryField
The document the chunk is of; null when its source is shared by another tenant, which lends passages and no documents.';

CREATE FUNCTION app_public.search_hit_source(hit app_public.search_hit) RETURNS app_public.rag_knowledge_sources
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.*
    from app_private.visible_resource('knowledge_source', (hit).source_id) as v
   cross join jsonb_populate_record(null::app_public.rag_knowledge_sources, v) as s
   where v is not null;
$$;

ALTER FUNCTION app_public.search_hit_source(hit app_public.search_hit) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.search_hit_source(hit app_public.search_hit) IS '@behavior typeField -queryField
The knowledge source the document belongs to.';

CREATE FUNCTION app_public.set_agent_tools(agent_id uuid, tool_ids uuid[]) RETURNS app_public.agents
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_agent app_public.agents;
  v_tenant_id uuid := app_hidden.current_tenant_id();
begin
  perform app_private.require_permission('can_edit_agents');
  if set_agent_tools.tool_ids is null or array_position(set_agent_tools.tool_ids, null) is not null
    or cardinality(set_agent_tools.tool_ids) > 100
    or cardinality(set_agent_tools.tool_ids) <> (select count(distinct t) from unnest(set_agent_tools.tool_ids) t) then
    perform app_private.raise_error('RS428', 'tool_ids must be up to 100 ids, each of them once.', 'Send each tool once, in the order they are to have.');
  end if;
  -- the lock keeps two lists from being mixed
  perform from app_public.agents a
    where a.tenant_id = v_tenant_id and a.id = set_agent_tools.agent_id and a.deleted_at is null for no key update;
  if not found then
    perform app_private.raise_error('RS301', 'There is no such agent.', 'List the agents of this tenant.');
  end if;
  delete from app_public.agent_tools t
   where t.tenant_id = v_tenant_id and t.agent_id = set_agent_tools.agent_id and t.tool_id <> all (set_agent_tools.tool_ids);
  insert into app_public.agent_tools as t (tenant_id, agent_id, tool_id, sort_order)
  select v_tenant_id, set_agent_tools.agent_id, u.tool_id, u.n
    from unnest(set_agent_tools.tool_ids) with ordinality as u (tool_id, n)
  on conflict on constraint agent_tools_pkey do update set sort_order = excluded.sort_order;
  select * into v_agent from app_public.agents a where a.tenant_id = v_tenant_id and a.id = set_agent_tools.agent_id;
  return v_agent;
end
$$;

ALTER FUNCTION app_public.set_agent_tools(agent_id uuid, tool_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.set_agent_tools(agent_id uuid, tool_ids uuid[]) IS '@resultFieldName agent
Gives an agent exactly these tools, in this order; what is configured of those it keeps stays. can_edit_agents. RS301: there is no such agent; RS303: there is no such tool; RS428: an id comes twice, is null, or there are more than 100; ID203: your permissions do not allow it.';

CREATE TABLE app_public.institution_members (
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    institution_id uuid NOT NULL,
    user_id uuid DEFAULT app_hidden.current_user_id() NOT NULL,
    title text,
    department text,
    is_primary boolean DEFAULT false NOT NULL,
    starts_on date,
    ends_on date,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT dates_are_finite CHECK ((isfinite(starts_on) AND isfinite(ends_on))),
    CONSTRAINT department_is_a_name CHECK (app_hidden.is_name(department)),
    CONSTRAINT ends_on_is_not_before_starts_on CHECK ((ends_on >= starts_on)),
    CONSTRAINT title_is_a_name CHECK (app_hidden.is_name(title))
);

ALTER TABLE ONLY app_public.institution_members FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.institution_members OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.institution_members IS 'That a person of this tenant belongs to an institution. Everyone states their own; holders of can_manage_users state anyone''s. 42501: no such institution, or not your own affiliation; 23505: stated already, or another one is primary (set_primary_institution changes that).';

COMMENT ON COLUMN app_public.institution_members.institution_id IS 'The institution.';

COMMENT ON COLUMN app_public.institution_members.title IS 'The person''s position there.';

COMMENT ON COLUMN app_public.institution_members.department IS 'The department there.';

COMMENT ON COLUMN app_public.institution_members.is_primary IS 'Whether it is the one to name first; at most one for each person in a tenant.';

COMMENT ON COLUMN app_public.institution_members.starts_on IS 'First day.';

COMMENT ON COLUMN app_public.institution_members.ends_on IS 'Last day, not before the first; null while it lasts.';

COMMENT ON COLUMN app_public.institution_members.created_at IS 'When it was stated.';

COMMENT ON COLUMN app_public.institution_members.updated_at IS 'When it last changed.';

CREATE FUNCTION app_public.set_primary_institution(institution_id uuid, user_id uuid DEFAULT NULL::uuid) RETURNS app_public.institution_members
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid := coalesce(set_primary_institution.user_id, app_hidden.current_user_id());
  v_member app_public.institution_members;
begin
  if v_user_id <> app_hidden.current_user_id() then
    perform app_private.require_permission('can_manage_users');
  end if;
  -- all of the person's, so that two who choose at once choose one after the other
  perform from app_public.institution_members m
    where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = v_user_id
    order by m.institution_id
      for update;
  update app_public.institution_members m set is_primary = false
   where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = v_user_id
     and m.is_primary and m.institution_id <> set_primary_institution.institution_id;
  update app_public.institution_members m set is_primary = true
    from app_public.institutions i
   where i.tenant_id = m.tenant_id and i.id = m.institution_id and i.deleted_at is null
     and m.tenant_id = app_hidden.current_tenant_id() and m.user_id = v_user_id
     and m.institution_id = set_primary_institution.institution_id
  returning m.* into v_member;
  if not found then
    perform app_private.raise_error('WS308', 'This person is not affiliated with such an institution.', 'Create the affiliation first.');
  end if;
  return v_member;
end
$$;

ALTER FUNCTION app_public.set_primary_institution(institution_id uuid, user_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.set_primary_institution(institution_id uuid, user_id uuid) IS '@resultFieldName institutionMember
Makes an affiliation the primary one, in place of the one that was: your own, or with can_manage_users another person''s. WS308: the person is not affiliated with it; ID203: you lack can_manage_users.';

CREATE FUNCTION app_public.set_sharing_mode(kind app_public.resource_kind, resource_id uuid, mode text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.lock_own_resource(set_sharing_mode.kind, set_sharing_mode.resource_id, set_sharing_mode.mode is distinct from 'private');
  if coalesce(set_sharing_mode.mode not in ('private', 'selected', 'subtree', 'platform'), true) then
    perform app_private.raise_error('RS464', 'mode must be private, selected, subtree or platform.', 'Name one of these.');
  end if;
  if set_sharing_mode.mode = 'platform' and not app_hidden.is_platform_admin()
    and not exists (select from app_public.tenants t where t.id = app_hidden.current_tenant_id() and t.type = 'platform') then
    perform app_private.raise_error('RS262', 'Only the platform shares with every tenant.',
      'Share it with the tenants that need it, or with those below yours by mode subtree.');
  end if;
  if set_sharing_mode.mode = 'private' then
    perform app_public.revoke_shares(set_sharing_mode.kind, set_sharing_mode.resource_id);
  elsif set_sharing_mode.mode = 'selected' and not app_private.has_grants(set_sharing_mode.kind, set_sharing_mode.resource_id) then
    perform app_private.raise_error('RS562', 'Nobody is selected.', 'share_resource shares it with someone.');
  end if;
  perform app_private.set_mode(set_sharing_mode.kind, set_sharing_mode.resource_id, set_sharing_mode.mode);
  return set_sharing_mode.mode;
end
$$;

ALTER FUNCTION app_public.set_sharing_mode(kind app_public.resource_kind, resource_id uuid, mode text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.set_sharing_mode(kind app_public.resource_kind, resource_id uuid, mode text) IS '@resultFieldName sharingMode
Says who beyond this tenant may use a resource: private nobody, which takes all shares back; selected those it was shared with (share_resource does that by itself); subtree all tenants below this one, as the hierarchy is at any moment; platform every tenant, for the platform tenant and its staff only. Shares hold in every mode but private. can_share_resources. RS301: no such resource; RS261: this tenant shares nothing; RS262: platform is not for you; RS464: no such mode; RS561: it is not switched on and active; RS562: nobody is selected; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.share_resource(kind app_public.resource_kind, resource_id uuid, tenant_slug text, user_email text DEFAULT NULL::text, workspace_id uuid DEFAULT NULL::uuid, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS app_public.resource_shares
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_mode text := app_private.lock_own_resource(share_resource.kind, share_resource.resource_id, true);
  v_grantee record;
  v_share app_public.resource_shares;
begin
  if share_resource.expires_at <= app_hidden.clock() then
    perform app_private.raise_error('RS461', 'expires_at has passed.', 'Give a time to come, or none.');
  end if;
  if num_nonnulls(share_resource.user_email, share_resource.workspace_id) > 1 then
    perform app_private.raise_error('RS462', 'A share is for a user or for a workspace, not for both.', 'Share twice.');
  end if;
  if lower(trim(share_resource.tenant_slug)) = (select t.slug from app_public.tenants t where t.id = app_hidden.current_tenant_id()) then
    perform app_private.raise_error('RS463', 'This tenant''s own members see it already.', 'Name another tenant.');
  end if;
  select * into v_grantee
    from app_private.share_grantee(share_resource.tenant_slug, share_resource.user_email, share_resource.workspace_id);
  if not found then
    perform app_private.raise_error('RS361', 'There is no such tenant, member or workspace to share with, or it receives nothing.',
      'Ask them for the slug of their tenant, the member''s e-mail or the id of the workspace.');
  end if;
  insert into app_public.resource_shares as s (
    resource_kind, resource_id, grantee_tenant_id, grantee_user_id, grantee_workspace_id, expires_at)
  values (share_resource.kind, share_resource.resource_id, v_grantee.tenant_id, v_grantee.user_id, v_grantee.of_workspace_id,
          share_resource.expires_at)
  on conflict (tenant_id, resource_kind, resource_id, grantee_tenant_id, grantee_user_id, grantee_workspace_id)
    do update set expires_at = excluded.expires_at
  returning * into v_share;
  if v_mode = 'private' then
    perform app_private.set_mode(share_resource.kind, share_resource.resource_id, 'selected');
  end if;
  return v_share;
end
$$;

ALTER FUNCTION app_public.share_resource(kind app_public.resource_kind, resource_id uuid, tenant_slug text, user_email text, workspace_id uuid, expires_at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.share_resource(kind app_public.resource_kind, resource_id uuid, tenant_slug text, user_email text, workspace_id uuid, expires_at timestamp with time zone) IS '@resultFieldName share
Shares a resource of this tenant with another tenant, named by its slug, or with one member (by e-mail) or one workspace of it, until it is revoked or expires. They can use and copy it, not change it or share it on. Sharing it again with the same grantee only changes expires_at. A private resource becomes selected; with subtree or platform the grant holds besides. can_share_resources. RS301: no such resource; RS261: this tenant shares nothing; RS361: no such grantee, or it receives nothing, one error for both; RS461: expires_at has passed; RS462: both a member and a workspace; RS463: it is this tenant; RS561: it is not switched on and active; ID203: your permissions do not allow it.';

CREATE TABLE app_public.tool_categories (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    parent_id uuid,
    name text NOT NULL,
    slug text NOT NULL,
    description text,
    icon text,
    sort_order integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT category_is_not_its_own_parent CHECK ((parent_id <> id)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT slug_is_a_slug CHECK (app_hidden.is_slug(slug))
);

ALTER TABLE ONLY app_public.tool_categories FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.tool_categories OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.tool_categories IS 'A tree of categories for tools. can_create_resources, can_edit_resources and can_delete_resources.';

COMMENT ON COLUMN app_public.tool_categories.parent_id IS 'The category above; null at the top.';

COMMENT ON COLUMN app_public.tool_categories.name IS 'Name to show.';

COMMENT ON COLUMN app_public.tool_categories.slug IS 'Name in paths, unique under one parent.';

COMMENT ON COLUMN app_public.tool_categories.description IS 'What belongs here.';

COMMENT ON COLUMN app_public.tool_categories.icon IS 'Name of an icon.';

COMMENT ON COLUMN app_public.tool_categories.sort_order IS 'Position among its siblings, ascending.';

COMMENT ON COLUMN app_public.tool_categories.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.tool_categories.updated_at IS 'When it last changed.';

CREATE FUNCTION app_public.tool_categories_level(category app_public.tool_categories) RETURNS integer
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select cardinality(string_to_array(app_public.tool_categories_path(category), '/')) - 1;
$$;

ALTER FUNCTION app_public.tool_categories_level(category app_public.tool_categories) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.tool_categories_level(category app_public.tool_categories) IS 'How deep the category is: 0 at the top.';

CREATE FUNCTION app_public.tool_categories_path(category app_public.tool_categories) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with recursive up (id, slug, parent_id, depth) as (
    select (category).id, (category).slug, (category).parent_id, 1
    union all
    select c.id, c.slug, c.parent_id, up.depth + 1
      from up join app_public.tool_categories c on c.tenant_id = (category).tenant_id and c.id = up.parent_id
  )
  select string_agg(slug, '/' order by depth desc) from up;
$$;

ALTER FUNCTION app_public.tool_categories_path(category app_public.tool_categories) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.tool_categories_path(category app_public.tool_categories) IS 'The slugs from the root down to the category, such as search/literature.';

CREATE FUNCTION app_public.tools_shared_with(resource app_public.tools) RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select array(
          select distinct s.grantee_tenant_id from app_public.resource_shares s
           where s.tenant_id = app_hidden.current_tenant_id() and s.resource_kind = 'tool' and s.resource_id = (resource).id
             and (s.expires_at is null or s.expires_at > app_hidden.clock())
           order by 1);
      $$;

ALTER FUNCTION app_public.tools_shared_with(resource app_public.tools) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.tools_shared_with(resource app_public.tools) IS 'The tenants that hold a share of it which has not expired; resource_shares has the details. Empty for those it is shared with: that is the owner''s business.';

CREATE FUNCTION app_public.transfer_workspace(workspace_id uuid, user_id uuid) RETURNS app_public.workspace_members
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(transfer_workspace.workspace_id, 'owner');
  v_member app_public.workspace_members;
begin
  perform app_private.require_active_member(transfer_workspace.user_id);
  insert into app_public.workspace_members as m (workspace_id, user_id, role)
  values (v_workspace.id, transfer_workspace.user_id, 'owner')
  on conflict on constraint workspace_members_pkey do update set role = 'owner'
  returning * into v_member;
  update app_public.workspace_members m set role = 'admin'
   where m.tenant_id = v_workspace.tenant_id and m.workspace_id = v_workspace.id and m.role = 'owner'
     and m.user_id = app_hidden.current_user_id() and m.user_id <> v_member.user_id;
  return v_member;
end
$$;

ALTER FUNCTION app_public.transfer_workspace(workspace_id uuid, user_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.transfer_workspace(workspace_id uuid, user_id uuid) IS '@resultFieldName member
Makes an active member of the tenant an owner of the workspace, and you an admin of it. Owners of the workspace. WS301: no such workspace; WS201: your role in it does not allow this; WS401: not an active member of the tenant.';

CREATE FUNCTION app_public.unarchive_workspace(id uuid) RETURNS app_public.workspaces
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_workspace app_public.workspaces := app_private.locked_workspace(unarchive_workspace.id, 'admin');
begin
  if v_workspace.archived_at is not null then
    update app_public.workspaces w set archived_at = null where w.id = v_workspace.id returning * into v_workspace;
  end if;
  return v_workspace;
end
$$;

ALTER FUNCTION app_public.unarchive_workspace(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.unarchive_workspace(id uuid) IS '@resultFieldName workspace
Takes an archived workspace up again. Doing it twice is no error. Admins of the workspace. WS301: no such workspace; WS201: your role in it does not allow this.';

CREATE FUNCTION app_public.unverify_institution(id uuid) RETURNS app_public.institutions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_institution app_public.institutions := app_private.changed_institution(unverify_institution.id, false);
begin
  update app_public.institutions i set verified_at = null, verified_by_user_id = null
   where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;

ALTER FUNCTION app_public.unverify_institution(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.unverify_institution(id uuid) IS '@resultFieldName institution
Takes verify_institution back. Admins. WS306: no such institution; ID202: your role does not allow it.';

CREATE FUNCTION app_public.update_document(id uuid, title text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb) RETURNS app_public.documents
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_document app_public.documents;
  v_is_renamed boolean;
begin
  perform app_private.require_permission('can_manage_knowledge');
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
Changes the title or the metadata of a document; what is left out stays. A new title is searchable once the document has been processed again. To change its text, give it again under the same externalId. can_manage_knowledge. KN302: there is no such document; 23514: a value is out of range; ID203: your permissions do not allow it.';

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
Adds one file to a source: .md, .txt, .html, .pdf, .csv or .json, at most 50 MB, its bytes in Base64. external_id (by default the file''s name) tells it apart within the source: the same one again replaces the document when it has changed, and the receipt says what happened. The file is parsed in the background; watch the document''s processing_status. can_manage_knowledge. KN301: no such source; KN402, KN403, KN404, KN405: an argument is not as it must be; ID203: your permissions do not allow it.';

CREATE FUNCTION app_public.verify_institution(id uuid) RETURNS app_public.institutions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_institution app_public.institutions := app_private.changed_institution(verify_institution.id, false);
begin
  if v_institution.verified_at is null then
    update app_public.institutions i set verified_at = clock_timestamp(), verified_by_user_id = app_hidden.current_user_id()
     where i.id = v_institution.id returning * into v_institution;
  end if;
  return v_institution;
end
$$;

ALTER FUNCTION app_public.verify_institution(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.verify_institution(id uuid) IS '@resultFieldName institution
Vouches that an institution is what it says; from then on only admins edit it. unverify_institution takes it back. Doing it twice keeps the first. Admins. WS306: no such institution; ID202: your role does not allow it.';

CREATE FUNCTION app_public.workflows_shared_with(resource app_public.workflows) RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
        select array(
          select distinct s.grantee_tenant_id from app_public.resource_shares s
           where s.tenant_id = app_hidden.current_tenant_id() and s.resource_kind = 'workflow' and s.resource_id = (resource).id
             and (s.expires_at is null or s.expires_at > app_hidden.clock())
           order by 1);
      $$;

ALTER FUNCTION app_public.workflows_shared_with(resource app_public.workflows) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.workflows_shared_with(resource app_public.workflows) IS 'The tenants that hold a share of it which has not expired; resource_shares has the details. Empty for those it is shared with: that is the owner''s business.';

CREATE FUNCTION app_public.workspaces_my_role(workspace app_public.workspaces) RETURNS app_public.member_role
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not app_hidden.has_role('viewer') then
    return null;
  elsif app_hidden.has_role('owner') then
    return 'owner';
  end if;
  return coalesce(
    (select m.role
       from app_public.workspace_members m
      where m.tenant_id = app_hidden.current_tenant_id() and m.workspace_id = (workspaces_my_role.workspace).id
        and m.user_id = app_hidden.current_user_id()),
    case when (workspaces_my_role.workspace).visibility in ('organization', 'public') then 'viewer'::app_public.member_role end);
end
$$;

ALTER FUNCTION app_public.workspaces_my_role(workspace app_public.workspaces) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.workspaces_my_role(workspace app_public.workspaces) IS 'What you may do in the workspace: the role of your membership, viewer where everyone of the tenant may read, owner for the tenant''s owners; null when you only see that it exists.';

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

CREATE TABLE app_private.changed_sources (
    tenant_id uuid NOT NULL,
    id bigint NOT NULL,
    source_id uuid NOT NULL
);

ALTER TABLE ONLY app_private.changed_sources FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.changed_sources OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.changed_sources IS 'Sources whose statistics (processing_status and so on) are to be computed again.';

ALTER TABLE app_private.changed_sources ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app_private.changed_sources_id_seq
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

CREATE TABLE app_public.agent_industry_mapping (
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    agent_id uuid NOT NULL,
    industry text NOT NULL,
    relevance_score numeric(5,4) DEFAULT 1 NOT NULL,
    performance_score numeric(5,2),
    is_primary boolean DEFAULT false NOT NULL,
    notes text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT industry_is_a_slug CHECK (app_hidden.is_slug(industry)),
    CONSTRAINT performance_score_is_a_percentage CHECK (((performance_score >= (0)::numeric) AND (performance_score <= (100)::numeric))),
    CONSTRAINT relevance_score_is_a_share CHECK (((relevance_score >= (0)::numeric) AND (relevance_score <= (1)::numeric)))
);

ALTER TABLE ONLY app_public.agent_industry_mapping FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.agent_industry_mapping OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.agent_industry_mapping IS '@name agent_industries
In which industries an agent is good. can_edit_agents.';

COMMENT ON COLUMN app_public.agent_industry_mapping.agent_id IS 'The agent.';

COMMENT ON COLUMN app_public.agent_industry_mapping.industry IS 'The industry, as a slug such as medical-devices.';

COMMENT ON COLUMN app_public.agent_industry_mapping.relevance_score IS 'How well the agent fits, 0 to 1.';

COMMENT ON COLUMN app_public.agent_industry_mapping.performance_score IS 'How well it did, 0 to 100.';

COMMENT ON COLUMN app_public.agent_industry_mapping.is_primary IS 'Whether it is the agent''s main industry; at most one is.';

COMMENT ON COLUMN app_public.agent_industry_mapping.notes IS 'Remarks.';

COMMENT ON COLUMN app_public.agent_industry_mapping.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.agent_industry_mapping.updated_at IS 'When it last changed.';

CREATE TABLE app_public.agent_knowledge_sources (
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    agent_id uuid NOT NULL,
    source_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_public.agent_knowledge_sources FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.agent_knowledge_sources OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.agent_knowledge_sources IS 'Which knowledge sources an agent works with, of this tenant or shared with it; a search with agent_id looks into these. Members assign and take away.';

COMMENT ON COLUMN app_public.agent_knowledge_sources.tenant_id IS 'The tenant.';

COMMENT ON COLUMN app_public.agent_knowledge_sources.agent_id IS 'The agent.';

COMMENT ON COLUMN app_public.agent_knowledge_sources.source_id IS 'The knowledge source.';

COMMENT ON COLUMN app_public.agent_knowledge_sources.created_at IS 'When it was assigned.';

CREATE TABLE app_public.agent_persona_mapping (
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    agent_id uuid NOT NULL,
    persona_id uuid NOT NULL,
    relevance_score numeric(5,4) DEFAULT 1 NOT NULL,
    performance_score numeric(5,2),
    is_primary boolean DEFAULT false NOT NULL,
    notes text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT performance_score_is_a_percentage CHECK (((performance_score >= (0)::numeric) AND (performance_score <= (100)::numeric))),
    CONSTRAINT relevance_score_is_a_share CHECK (((relevance_score >= (0)::numeric) AND (relevance_score <= (1)::numeric)))
);

ALTER TABLE ONLY app_public.agent_persona_mapping FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.agent_persona_mapping OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.agent_persona_mapping IS '@name agent_personas
For which personas an agent is good. can_edit_agents.';

COMMENT ON COLUMN app_public.agent_persona_mapping.agent_id IS 'The agent.';

COMMENT ON COLUMN app_public.agent_persona_mapping.persona_id IS 'The persona.';

COMMENT ON COLUMN app_public.agent_persona_mapping.relevance_score IS 'How well the agent fits, 0 to 1.';

COMMENT ON COLUMN app_public.agent_persona_mapping.performance_score IS 'How well it did, 0 to 100.';

COMMENT ON COLUMN app_public.agent_persona_mapping.is_primary IS 'Whether it is the agent''s main persona; at most one is.';

COMMENT ON COLUMN app_public.agent_persona_mapping.notes IS 'Remarks.';

COMMENT ON COLUMN app_public.agent_persona_mapping.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.agent_persona_mapping.updated_at IS 'When it last changed.';

CREATE TABLE app_public.agent_tools (
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    agent_id uuid NOT NULL,
    tool_id uuid NOT NULL,
    sort_order integer DEFAULT 0 NOT NULL,
    config jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT config_is_an_object CHECK ((jsonb_typeof(config) = 'object'::text))
);

ALTER TABLE ONLY app_public.agent_tools FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.agent_tools OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.agent_tools IS 'Which tools an agent works with: the tenant''s own, or ones shared with it. can_edit_agents.';

COMMENT ON COLUMN app_public.agent_tools.agent_id IS 'The agent.';

COMMENT ON COLUMN app_public.agent_tools.tool_id IS 'The tool.';

COMMENT ON COLUMN app_public.agent_tools.sort_order IS 'Position among the agent''s tools, ascending.';

COMMENT ON COLUMN app_public.agent_tools.config IS 'How this agent uses the tool: an object.';

COMMENT ON COLUMN app_public.agent_tools.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.agent_tools.updated_at IS 'When it last changed.';

CREATE TABLE app_public.avatars (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    name text NOT NULL,
    image_url text NOT NULL,
    category text,
    license text,
    sort_order integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT image_url_is_an_image CHECK (app_hidden.is_image_url(image_url)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name))
);

ALTER TABLE ONLY app_public.avatars FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.avatars OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.avatars IS 'Pictures for agents and personas to choose from. can_create_resources, can_edit_resources and can_delete_resources.';

COMMENT ON COLUMN app_public.avatars.name IS 'Name, unique in the tenant.';

COMMENT ON COLUMN app_public.avatars.image_url IS 'Where the picture is: an http address, a path on the front end''s own site, or a data address.';

COMMENT ON COLUMN app_public.avatars.category IS 'Category to filter by.';

COMMENT ON COLUMN app_public.avatars.license IS 'Under which terms it may be used.';

COMMENT ON COLUMN app_public.avatars.sort_order IS 'Position in lists, ascending.';

COMMENT ON COLUMN app_public.avatars.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.avatars.updated_at IS 'When it last changed.';

CREATE TABLE app_public.business_functions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    name text NOT NULL,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name))
);

ALTER TABLE ONLY app_public.business_functions FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.business_functions OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.business_functions IS 'Business functions of the organization, such as regulatory affairs. can_manage_settings.';

COMMENT ON COLUMN app_public.business_functions.name IS 'Name, unique in the tenant.';

COMMENT ON COLUMN app_public.business_functions.description IS 'What it covers.';

COMMENT ON COLUMN app_public.business_functions.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.business_functions.updated_at IS 'When it last changed.';

CREATE TABLE app_public.departments (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    name text NOT NULL,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name))
);

ALTER TABLE ONLY app_public.departments FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.departments OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.departments IS 'Departments of the organization. can_manage_settings.';

COMMENT ON COLUMN app_public.departments.name IS 'Name, unique in the tenant.';

COMMENT ON COLUMN app_public.departments.description IS 'What it does.';

COMMENT ON COLUMN app_public.departments.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.departments.updated_at IS 'When it last changed.';

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

CREATE TABLE app_public.icons (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    name text NOT NULL,
    image_url text NOT NULL,
    category text,
    license text,
    sort_order integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT image_url_is_an_image CHECK (app_hidden.is_image_url(image_url)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name))
);

ALTER TABLE ONLY app_public.icons FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.icons OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.icons IS 'Icons to choose from. can_create_resources, can_edit_resources and can_delete_resources.';

COMMENT ON COLUMN app_public.icons.name IS 'Name, unique in the tenant.';

COMMENT ON COLUMN app_public.icons.image_url IS 'Where the picture is: an http address, a path on the front end''s own site, or a data address.';

COMMENT ON COLUMN app_public.icons.category IS 'Category to filter by.';

COMMENT ON COLUMN app_public.icons.license IS 'Under which terms it may be used.';

COMMENT ON COLUMN app_public.icons.sort_order IS 'Position in lists, ascending.';

COMMENT ON COLUMN app_public.icons.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.icons.updated_at IS 'When it last changed.';

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

CREATE TABLE app_public.model_configurations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    name text NOT NULL,
    description text,
    model_id uuid NOT NULL,
    temperature numeric(3,2),
    top_p numeric(3,2),
    max_tokens integer,
    frequency_penalty numeric(3,2),
    presence_penalty numeric(3,2),
    response_format text,
    stop_sequences text[],
    is_default boolean DEFAULT false NOT NULL,
    created_by_user_id uuid DEFAULT app_hidden.current_user_id(),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT frequency_penalty_is_in_range CHECK (((frequency_penalty >= ('-2'::integer)::numeric) AND (frequency_penalty <= (2)::numeric))),
    CONSTRAINT max_tokens_is_positive CHECK ((max_tokens > 0)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT presence_penalty_is_in_range CHECK (((presence_penalty >= ('-2'::integer)::numeric) AND (presence_penalty <= (2)::numeric))),
    CONSTRAINT response_format_is_known CHECK ((response_format = ANY (ARRAY['json'::text, 'text'::text, 'structured'::text]))),
    CONSTRAINT stop_sequences_are_few CHECK ((cardinality(stop_sequences) <= 16)),
    CONSTRAINT temperature_is_in_range CHECK (((temperature >= (0)::numeric) AND (temperature <= (2)::numeric))),
    CONSTRAINT top_p_is_a_probability CHECK (((top_p >= (0)::numeric) AND (top_p <= (1)::numeric)))
);

ALTER TABLE ONLY app_public.model_configurations FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.model_configurations OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.model_configurations IS 'Named sets of parameters for a model, to choose from. At most one is the tenant''s default. can_create_resources, can_edit_resources and can_delete_resources.';

COMMENT ON COLUMN app_public.model_configurations.name IS 'Name, unique in the tenant.';

COMMENT ON COLUMN app_public.model_configurations.description IS 'What it is for.';

COMMENT ON COLUMN app_public.model_configurations.model_id IS 'The chat model it is for.';

COMMENT ON COLUMN app_public.model_configurations.temperature IS 'Sampling temperature, 0 to 2; null for the model''s default.';

COMMENT ON COLUMN app_public.model_configurations.top_p IS 'Nucleus sampling, 0 to 1.';

COMMENT ON COLUMN app_public.model_configurations.max_tokens IS 'Most tokens of an answer.';

COMMENT ON COLUMN app_public.model_configurations.frequency_penalty IS 'Frequency penalty, -2 to 2.';

COMMENT ON COLUMN app_public.model_configurations.presence_penalty IS 'Presence penalty, -2 to 2.';

COMMENT ON COLUMN app_public.model_configurations.response_format IS 'json, text or structured.';

COMMENT ON COLUMN app_public.model_configurations.stop_sequences IS 'Texts at which an answer ends, at most 16.';

COMMENT ON COLUMN app_public.model_configurations.is_default IS 'Whether it is the tenant''s default.';

COMMENT ON COLUMN app_public.model_configurations.created_by_user_id IS 'Who created it.';

COMMENT ON COLUMN app_public.model_configurations.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.model_configurations.updated_at IS 'When it last changed.';

CREATE TABLE app_public.organizational_roles (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    name text NOT NULL,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name))
);

ALTER TABLE ONLY app_public.organizational_roles FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.organizational_roles OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.organizational_roles IS 'Roles people have in the organization, such as medical writer; permissions are another matter. can_manage_settings.';

COMMENT ON COLUMN app_public.organizational_roles.name IS 'Name, unique in the tenant.';

COMMENT ON COLUMN app_public.organizational_roles.description IS 'What the role does.';

COMMENT ON COLUMN app_public.organizational_roles.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.organizational_roles.updated_at IS 'When it last changed.';

CREATE TABLE app_public.personas (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    name text NOT NULL,
    description text,
    avatar_url text,
    goals text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT avatar_url_is_an_image CHECK (app_hidden.is_image_url(avatar_url)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name))
);

ALTER TABLE ONLY app_public.personas FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.personas OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.personas IS 'Kinds of people agents are made for. can_create_resources, can_edit_resources and can_delete_resources.';

COMMENT ON COLUMN app_public.personas.name IS 'Name, unique in the tenant.';

COMMENT ON COLUMN app_public.personas.description IS 'Who that is.';

COMMENT ON COLUMN app_public.personas.avatar_url IS 'Address of a picture.';

COMMENT ON COLUMN app_public.personas.goals IS 'What they want to get done.';

COMMENT ON COLUMN app_public.personas.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.personas.updated_at IS 'When it last changed.';

CREATE TABLE app_public.project_members (
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    project_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text DEFAULT 'member'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT role_is_known CHECK ((role = ANY (ARRAY['observer'::text, 'member'::text, 'lead'::text])))
);

ALTER TABLE ONLY app_public.project_members FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.project_members OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.project_members IS 'Who works on a project. Leads and the tenant''s admins add, change and remove members, and everyone may leave by deleting their own row. Counts only while the person is an active member of the tenant. WS401: the person is not an active member; 42501: no such project, or you do not lead it; 23505: a member already.';

COMMENT ON COLUMN app_public.project_members.project_id IS 'The project.';

COMMENT ON COLUMN app_public.project_members.role IS 'observer (reads), member (works on it) or lead (edits it and its members).';

COMMENT ON COLUMN app_public.project_members.created_at IS 'When the person became a member.';

COMMENT ON COLUMN app_public.project_members.updated_at IS 'When the membership last changed.';

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

CREATE TABLE app_public.resource_sharing_audit (
    tenant_id uuid NOT NULL,
    id bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    action app_public.sharing_action NOT NULL,
    user_id uuid,
    resource_kind app_public.resource_kind NOT NULL,
    resource_id uuid NOT NULL,
    resource_name text NOT NULL,
    from_mode text,
    to_mode text,
    other_tenant_id uuid,
    other_tenant_slug text,
    grantee_user_id uuid,
    grantee_workspace_id uuid,
    expires_at timestamp with time zone
);

ALTER TABLE ONLY app_public.resource_sharing_audit FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.resource_sharing_audit OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.resource_sharing_audit IS '@behavior -insert -update -delete
@foreignKey (user_id) references app_public.user_profiles (id)
Every change of who may use this tenant''s resources, and copies that others made; never changed. can_view_audit.';

COMMENT ON COLUMN app_public.resource_sharing_audit.occurred_at IS 'When it happened.';

COMMENT ON COLUMN app_public.resource_sharing_audit.action IS 'mode_changed, granted, expiry_changed, revoked, declined, accepted or copied.';

COMMENT ON COLUMN app_public.resource_sharing_audit.user_id IS 'Who did it; null when it was the other tenant, or an administrator in psql.';

COMMENT ON COLUMN app_public.resource_sharing_audit.resource_kind IS 'What kind of thing it is.';

COMMENT ON COLUMN app_public.resource_sharing_audit.resource_id IS 'The resource.';

COMMENT ON COLUMN app_public.resource_sharing_audit.resource_name IS 'Its name at that time.';

COMMENT ON COLUMN app_public.resource_sharing_audit.from_mode IS 'The sharing_mode before, for mode_changed.';

COMMENT ON COLUMN app_public.resource_sharing_audit.to_mode IS 'The sharing_mode since, for mode_changed.';

COMMENT ON COLUMN app_public.resource_sharing_audit.other_tenant_id IS 'The tenant of the grant, or the one that made the copy.';

COMMENT ON COLUMN app_public.resource_sharing_audit.other_tenant_slug IS 'Its slug at that time.';

COMMENT ON COLUMN app_public.resource_sharing_audit.grantee_user_id IS 'The one member of the grant, null when it was not so narrow.';

COMMENT ON COLUMN app_public.resource_sharing_audit.grantee_workspace_id IS 'The workspace of the grant, null when it was not so narrow.';

COMMENT ON COLUMN app_public.resource_sharing_audit.expires_at IS 'Until when the grant was to hold.';

ALTER TABLE app_public.resource_sharing_audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app_public.resource_sharing_audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE app_public.tag_assignments (
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    item_type app_public.resource_kind NOT NULL,
    item_id uuid NOT NULL,
    tag_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_public.tag_assignments FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.tag_assignments OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.tag_assignments IS 'Which items carry a tag. Who may edit the item may tag it.';

COMMENT ON COLUMN app_public.tag_assignments.item_type IS 'Kind of the item.';

COMMENT ON COLUMN app_public.tag_assignments.item_id IS 'The item.';

COMMENT ON COLUMN app_public.tag_assignments.tag_id IS 'The tag.';

COMMENT ON COLUMN app_public.tag_assignments.created_at IS 'When it was tagged.';

CREATE TABLE app_public.tags (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid DEFAULT app_hidden.current_tenant_id() NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    color text,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT color_is_a_color CHECK (app_hidden.is_color(color)),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT slug_is_a_slug CHECK (app_hidden.is_slug(slug))
);

ALTER TABLE ONLY app_public.tags FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.tags OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.tags IS 'Tags for anything in the catalogue. can_create_resources, can_edit_resources and can_delete_resources.';

COMMENT ON COLUMN app_public.tags.name IS 'Name to show.';

COMMENT ON COLUMN app_public.tags.slug IS 'Name in addresses, unique in the tenant.';

COMMENT ON COLUMN app_public.tags.color IS 'Colour as #rrggbb, or the name of a theme''s colour.';

COMMENT ON COLUMN app_public.tags.description IS 'What it marks.';

COMMENT ON COLUMN app_public.tags.created_at IS 'When it was created.';

COMMENT ON COLUMN app_public.tags.updated_at IS 'When it last changed.';

CREATE VIEW app_public.tool_tag_assignments WITH (security_invoker='true') AS
 SELECT a.tenant_id,
    a.item_id AS tool_id,
    a.tag_id,
    a.created_at
   FROM app_public.tag_assignments a
  WHERE (a.item_type = 'tool'::app_public.resource_kind);

ALTER TABLE app_public.tool_tag_assignments OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.tool_tag_assignments IS '@primaryKey tool_id,tag_id
@foreignKey (tool_id) references app_public.tools (id)
@foreignKey (tag_id) references app_public.tags (id)
Which tools carry which tags: the tools'' part of tag_assignments, where they are made and removed.';

CREATE VIEW app_public.tool_tags AS
SELECT
    NULL::uuid AS tenant_id,
    NULL::uuid AS id,
    NULL::text AS name,
    NULL::text AS slug,
    NULL::text AS color,
    NULL::text AS description,
    NULL::bigint AS tool_count;

ALTER TABLE app_public.tool_tags OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.tool_tags IS '@primaryKey id
The tags that tools carry, and how many do.';

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_private.analyst_tenants
    ADD CONSTRAINT analyst_tenants_pkey PRIMARY KEY (tenant_id, login);

ALTER TABLE ONLY app_private.changed_sources
    ADD CONSTRAINT changed_sources_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_private.document_files
    ADD CONSTRAINT document_files_pkey PRIMARY KEY (tenant_id, document_id);

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

ALTER TABLE ONLY app_private.user_identities
    ADD CONSTRAINT user_identities_pkey PRIMARY KEY (issuer, subject);

ALTER TABLE ONLY app_private.worker_heartbeats
    ADD CONSTRAINT worker_heartbeats_pkey PRIMARY KEY (worker_id);

ALTER TABLE ONLY app_public.agent_industry_mapping
    ADD CONSTRAINT agent_industry_mapping_pkey PRIMARY KEY (tenant_id, agent_id, industry);

ALTER TABLE ONLY app_public.agent_knowledge_sources
    ADD CONSTRAINT agent_knowledge_sources_pkey PRIMARY KEY (tenant_id, agent_id, source_id);

ALTER TABLE ONLY app_public.agent_persona_mapping
    ADD CONSTRAINT agent_persona_mapping_pkey PRIMARY KEY (tenant_id, agent_id, persona_id);

ALTER TABLE ONLY app_public.agent_tools
    ADD CONSTRAINT agent_tools_pkey PRIMARY KEY (tenant_id, agent_id, tool_id);

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.avatars
    ADD CONSTRAINT avatars_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.avatars
    ADD CONSTRAINT avatars_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.avatars
    ADD CONSTRAINT avatars_tenant_id_name_key UNIQUE (tenant_id, name);

ALTER TABLE ONLY app_public.business_functions
    ADD CONSTRAINT business_functions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.business_functions
    ADD CONSTRAINT business_functions_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.business_functions
    ADD CONSTRAINT business_functions_tenant_id_name_key UNIQUE (tenant_id, name);

ALTER TABLE ONLY app_public.departments
    ADD CONSTRAINT departments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.departments
    ADD CONSTRAINT departments_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.departments
    ADD CONSTRAINT departments_tenant_id_name_key UNIQUE (tenant_id, name);

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

ALTER TABLE ONLY app_public.icons
    ADD CONSTRAINT icons_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.icons
    ADD CONSTRAINT icons_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.icons
    ADD CONSTRAINT icons_tenant_id_name_key UNIQUE (tenant_id, name);

ALTER TABLE ONLY app_public.institution_members
    ADD CONSTRAINT institution_members_pkey PRIMARY KEY (tenant_id, institution_id, user_id);

ALTER TABLE ONLY app_public.institutions
    ADD CONSTRAINT institutions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.institutions
    ADD CONSTRAINT institutions_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.llm_models
    ADD CONSTRAINT llm_models_name_key UNIQUE (name);

ALTER TABLE ONLY app_public.llm_models
    ADD CONSTRAINT llm_models_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.llm_providers
    ADD CONSTRAINT llm_providers_name_key UNIQUE (name);

ALTER TABLE ONLY app_public.llm_providers
    ADD CONSTRAINT llm_providers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.model_configurations
    ADD CONSTRAINT model_configurations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.model_configurations
    ADD CONSTRAINT model_configurations_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.model_configurations
    ADD CONSTRAINT model_configurations_tenant_id_name_key UNIQUE (tenant_id, name);

ALTER TABLE ONLY app_public.organizational_roles
    ADD CONSTRAINT organizational_roles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.organizational_roles
    ADD CONSTRAINT organizational_roles_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.organizational_roles
    ADD CONSTRAINT organizational_roles_tenant_id_name_key UNIQUE (tenant_id, name);

ALTER TABLE ONLY app_public.personas
    ADD CONSTRAINT personas_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.personas
    ADD CONSTRAINT personas_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.personas
    ADD CONSTRAINT personas_tenant_id_name_key UNIQUE (tenant_id, name);

ALTER TABLE ONLY app_public.project_members
    ADD CONSTRAINT project_members_pkey PRIMARY KEY (tenant_id, project_id, user_id);

ALTER TABLE ONLY app_public.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.projects
    ADD CONSTRAINT projects_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.prompts
    ADD CONSTRAINT prompts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.prompts
    ADD CONSTRAINT prompts_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.query_logs
    ADD CONSTRAINT query_logs_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_tenant_id_id_key UNIQUE (tenant_id, id);

COMMENT ON CONSTRAINT rag_knowledge_sources_tenant_id_id_key ON app_public.rag_knowledge_sources IS '@behavior -single -update -delete';

ALTER TABLE ONLY app_public.resource_shares
    ADD CONSTRAINT resource_shares_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.resource_shares
    ADD CONSTRAINT resource_shares_tenant_id_resource_kind_resource_id_grantee_key UNIQUE NULLS NOT DISTINCT (tenant_id, resource_kind, resource_id, grantee_tenant_id, grantee_user_id, grantee_workspace_id);

ALTER TABLE ONLY app_public.resource_sharing_audit
    ADD CONSTRAINT resource_sharing_audit_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.tag_assignments
    ADD CONSTRAINT tag_assignments_pkey PRIMARY KEY (tenant_id, item_type, item_id, tag_id);

ALTER TABLE ONLY app_public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.tags
    ADD CONSTRAINT tags_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.tags
    ADD CONSTRAINT tags_tenant_id_slug_key UNIQUE (tenant_id, slug);

ALTER TABLE ONLY app_public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.tool_categories
    ADD CONSTRAINT tool_categories_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.tool_categories
    ADD CONSTRAINT tool_categories_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.tool_categories
    ADD CONSTRAINT tool_categories_tenant_id_parent_id_slug_key UNIQUE NULLS NOT DISTINCT (tenant_id, parent_id, slug);

ALTER TABLE ONLY app_public.tools
    ADD CONSTRAINT tools_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.tools
    ADD CONSTRAINT tools_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.user_profiles
    ADD CONSTRAINT user_profiles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_tenant_id_user_id_key UNIQUE (tenant_id, user_id);

ALTER TABLE ONLY app_public.workflows
    ADD CONSTRAINT workflows_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.workflows
    ADD CONSTRAINT workflows_tenant_id_id_key UNIQUE (tenant_id, id);

ALTER TABLE ONLY app_public.workspace_members
    ADD CONSTRAINT workspace_members_pkey PRIMARY KEY (tenant_id, workspace_id, user_id);

ALTER TABLE ONLY app_public.workspaces
    ADD CONSTRAINT workspaces_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.workspaces
    ADD CONSTRAINT workspaces_tenant_id_id_key UNIQUE (tenant_id, id);

CREATE INDEX admin_access_log_admin_user_id_idx ON app_private.admin_access_log USING btree (admin_user_id);

CREATE INDEX analyst_tenants_login_idx ON app_private.analyst_tenants USING btree (login);

CREATE INDEX query_log_buffer_tenant_id_idx ON app_private.query_log_buffer USING btree (tenant_id);

CREATE INDEX search_postings_tenant_id_block_id_idx ON app_private.search_postings USING btree (tenant_id, block_id);

CREATE INDEX search_removals_tenant_id_block_id_idx ON app_private.search_removals USING btree (tenant_id, block_id);

CREATE INDEX search_terms_trigrams ON app_private.search_terms USING gin (tenant_id, term public.gin_trgm_ops) WITH (gin_pending_list_limit='256') WHERE (((length(term) >= 4) AND (length(term) <= 40)) AND (term !~ '[0-9]'::text));

CREATE INDEX user_identities_user_id_idx ON app_private.user_identities USING btree (user_id);

CREATE UNIQUE INDEX agent_industry_mapping_one_primary_key ON app_public.agent_industry_mapping USING btree (tenant_id, agent_id) WHERE is_primary;

CREATE INDEX agent_knowledge_sources_source_id_idx ON app_public.agent_knowledge_sources USING btree (source_id);

CREATE UNIQUE INDEX agent_persona_mapping_one_primary_key ON app_public.agent_persona_mapping USING btree (tenant_id, agent_id) WHERE is_primary;

CREATE INDEX agent_persona_mapping_tenant_id_persona_id_idx ON app_public.agent_persona_mapping USING btree (tenant_id, persona_id);

CREATE INDEX agent_tools_tool_id_idx ON app_public.agent_tools USING btree (tool_id);

CREATE INDEX agents_copied_from_id_idx ON app_public.agents USING btree (copied_from_id);

CREATE INDEX agents_model_id_idx ON app_public.agents USING btree (model_id);

CREATE INDEX agents_owner_id_idx ON app_public.agents USING btree (owner_id);

CREATE INDEX agents_sharing_mode_tenant_id_idx ON app_public.agents USING btree (sharing_mode, tenant_id) WHERE ((sharing_mode = ANY (ARRAY['subtree'::text, 'platform'::text])) AND (deleted_at IS NULL));

CREATE INDEX agents_tenant_id_business_function_id_idx ON app_public.agents USING btree (tenant_id, business_function_id);

CREATE INDEX agents_tenant_id_department_id_idx ON app_public.agents USING btree (tenant_id, department_id);

CREATE UNIQUE INDEX agents_tenant_id_name_key ON app_public.agents USING btree (tenant_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX agents_tenant_id_role_id_idx ON app_public.agents USING btree (tenant_id, role_id);

CREATE INDEX agents_tenant_id_sort_order_name_idx ON app_public.agents USING btree (tenant_id, sort_order, name);

CREATE INDEX document_chunks_tenant_id_source_id_idx ON app_public.document_chunks USING btree (tenant_id, source_id);

CREATE INDEX documents_created_by_user_id_idx ON app_public.documents USING btree (created_by_user_id);

CREATE INDEX documents_tenant_id_metadata_idx ON app_public.documents USING gin (tenant_id, metadata jsonb_path_ops);

CREATE INDEX documents_tenant_id_source_id_processing_status_idx ON app_public.documents USING btree (tenant_id, source_id, processing_status);

CREATE INDEX embeddings_agent_id_idx ON app_public.embeddings USING btree (agent_id);

CREATE INDEX embeddings_model_id_idx ON app_public.embeddings USING btree (model_id);

CREATE INDEX embeddings_tenant_id_chunk_id_idx ON app_public.embeddings USING btree (tenant_id, chunk_id);

CREATE UNIQUE INDEX institution_members_one_primary_key ON app_public.institution_members USING btree (tenant_id, user_id) WHERE is_primary;

CREATE INDEX institution_members_tenant_id_user_id_idx ON app_public.institution_members USING btree (tenant_id, user_id);

CREATE INDEX institution_members_user_id_idx ON app_public.institution_members USING btree (user_id);

CREATE INDEX institutions_created_by_user_id_idx ON app_public.institutions USING btree (created_by_user_id);

CREATE UNIQUE INDEX institutions_tenant_id_name_country_code_key ON app_public.institutions USING btree (tenant_id, lower(name), country_code) NULLS NOT DISTINCT WHERE (deleted_at IS NULL);

CREATE INDEX institutions_verified_by_user_id_idx ON app_public.institutions USING btree (verified_by_user_id);

CREATE INDEX llm_models_provider_id_idx ON app_public.llm_models USING btree (provider_id);

CREATE INDEX model_configurations_created_by_user_id_idx ON app_public.model_configurations USING btree (created_by_user_id);

CREATE INDEX model_configurations_model_id_idx ON app_public.model_configurations USING btree (model_id);

CREATE UNIQUE INDEX model_configurations_one_default_key ON app_public.model_configurations USING btree (tenant_id) WHERE is_default;

CREATE INDEX project_members_tenant_id_user_id_idx ON app_public.project_members USING btree (tenant_id, user_id);

CREATE INDEX project_members_user_id_idx ON app_public.project_members USING btree (user_id);

CREATE INDEX projects_owner_id_idx ON app_public.projects USING btree (owner_id);

CREATE UNIQUE INDEX projects_tenant_id_key_key ON app_public.projects USING btree (tenant_id, key) WHERE (deleted_at IS NULL);

CREATE INDEX projects_tenant_id_workspace_id_idx ON app_public.projects USING btree (tenant_id, workspace_id);

CREATE INDEX prompts_copied_from_id_idx ON app_public.prompts USING btree (copied_from_id);

CREATE INDEX prompts_created_by_user_id_idx ON app_public.prompts USING btree (created_by_user_id);

CREATE INDEX prompts_sharing_mode_tenant_id_idx ON app_public.prompts USING btree (sharing_mode, tenant_id) WHERE ((sharing_mode = ANY (ARRAY['subtree'::text, 'platform'::text])) AND (deleted_at IS NULL));

CREATE UNIQUE INDEX prompts_tenant_id_name_key ON app_public.prompts USING btree (tenant_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX query_logs_tenant_id_created_at_idx ON app_public.query_logs USING btree (tenant_id, created_at);

CREATE INDEX rag_knowledge_sources_created_by_user_id_idx ON app_public.rag_knowledge_sources USING btree (created_by_user_id);

CREATE INDEX rag_knowledge_sources_embedding_model_idx ON app_public.rag_knowledge_sources USING btree (embedding_model);

CREATE INDEX rag_knowledge_sources_sharing_mode_tenant_id_idx ON app_public.rag_knowledge_sources USING btree (sharing_mode, tenant_id) WHERE ((sharing_mode = ANY (ARRAY['subtree'::text, 'platform'::text])) AND (deleted_at IS NULL));

CREATE UNIQUE INDEX rag_knowledge_sources_tenant_id_name_key ON app_public.rag_knowledge_sources USING btree (tenant_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX resource_shares_created_by_user_id_idx ON app_public.resource_shares USING btree (created_by_user_id);

CREATE INDEX resource_shares_grantee_tenant_id_grantee_user_id_idx ON app_public.resource_shares USING btree (grantee_tenant_id, grantee_user_id);

CREATE INDEX resource_shares_grantee_tenant_id_grantee_workspace_id_idx ON app_public.resource_shares USING btree (grantee_tenant_id, grantee_workspace_id);

CREATE INDEX resource_shares_grantee_tenant_id_resource_kind_idx ON app_public.resource_shares USING btree (grantee_tenant_id, resource_kind);

CREATE INDEX resource_sharing_audit_tenant_id_resource_kind_resource_id_idx ON app_public.resource_sharing_audit USING btree (tenant_id, resource_kind, resource_id);

CREATE INDEX tag_assignments_tenant_id_tag_id_idx ON app_public.tag_assignments USING btree (tenant_id, tag_id);

CREATE INDEX tenants_account_manager_id_idx ON app_public.tenants USING btree (account_manager_id);

CREATE UNIQUE INDEX tenants_domain_key ON app_public.tenants USING btree (lower(domain));

CREATE UNIQUE INDEX tenants_one_platform_key ON app_public.tenants USING btree (type) WHERE (type = 'platform'::text);

CREATE INDEX tenants_parent_tenant_id_idx ON app_public.tenants USING btree (parent_tenant_id);

CREATE UNIQUE INDEX tenants_slug_key ON app_public.tenants USING btree (slug);

CREATE INDEX tool_categories_tenant_id_parent_id_idx ON app_public.tool_categories USING btree (tenant_id, parent_id);

CREATE INDEX tools_copied_from_id_idx ON app_public.tools USING btree (copied_from_id);

CREATE INDEX tools_created_by_user_id_idx ON app_public.tools USING btree (created_by_user_id);

CREATE INDEX tools_sharing_mode_tenant_id_idx ON app_public.tools USING btree (sharing_mode, tenant_id) WHERE ((sharing_mode = ANY (ARRAY['subtree'::text, 'platform'::text])) AND (deleted_at IS NULL));

CREATE UNIQUE INDEX tools_tenant_id_name_key ON app_public.tools USING btree (tenant_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX tools_tenant_id_tool_category_id_idx ON app_public.tools USING btree (tenant_id, tool_category_id);

CREATE UNIQUE INDEX user_profiles_email_key ON app_public.user_profiles USING btree (email) WHERE (deleted_at IS NULL);

CREATE INDEX user_tenants_invited_by_user_id_idx ON app_public.user_tenants USING btree (invited_by_user_id);

CREATE INDEX user_tenants_user_id_idx ON app_public.user_tenants USING btree (user_id);

CREATE INDEX workflows_copied_from_id_idx ON app_public.workflows USING btree (copied_from_id);

CREATE INDEX workflows_created_by_user_id_idx ON app_public.workflows USING btree (created_by_user_id);

CREATE INDEX workflows_sharing_mode_tenant_id_idx ON app_public.workflows USING btree (sharing_mode, tenant_id) WHERE ((sharing_mode = ANY (ARRAY['subtree'::text, 'platform'::text])) AND (deleted_at IS NULL));

CREATE INDEX workflows_tenant_id_agent_ids_idx ON app_public.workflows USING gin (tenant_id, agent_ids);

CREATE UNIQUE INDEX workflows_tenant_id_name_key ON app_public.workflows USING btree (tenant_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX workspace_members_tenant_id_user_id_idx ON app_public.workspace_members USING btree (tenant_id, user_id);

CREATE INDEX workspace_members_user_id_idx ON app_public.workspace_members USING btree (user_id);

CREATE INDEX workspaces_created_by_user_id_idx ON app_public.workspaces USING btree (created_by_user_id);

CREATE UNIQUE INDEX workspaces_tenant_id_name_key ON app_public.workspaces USING btree (tenant_id, name) WHERE (deleted_at IS NULL);

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

CREATE OR REPLACE VIEW app_public.tool_tags WITH (security_invoker='true') AS
 SELECT t.tenant_id,
    t.id,
    t.name,
    t.slug,
    t.color,
    t.description,
    count(a.tool_id) AS tool_count
   FROM (app_public.tags t
     JOIN app_public.tool_tag_assignments a ON (((a.tenant_id = t.tenant_id) AND (a.tag_id = t.id))))
  GROUP BY t.id;

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.agent_industry_mapping FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.agent_persona_mapping FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.agent_tools FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE OF id, tenant_id, sharing_mode, resource_type, copied_from_id, name, display_name, description, avatar_url, icon, color_scheme, badge_text, badge_color, sort_order, status, tier, lifecycle_stage, validation_status, is_active, activated_at, deactivated_at, deleted_at, model_id, system_prompt, temperature, max_tokens, top_p, frequency_penalty, presence_penalty, response_format, stop_sequences, streaming_enabled, function_calling_enabled, parallel_function_calls, max_retry_attempts, timeout_seconds, primary_category, subcategory, specialty, therapeutic_areas, regulatory_domains, industry_focus, use_cases, target_audience, required_expertise_level, compliance_frameworks, certifications, geographic_scope, knowledge_domains, tools, prompt_templates, context_window_size, supports_multimodal, supported_file_types, max_file_size_mb, owner_id, department_id, business_function_id, role_id, cost_per_query, billing_code, budget_allocation_id, approval_required, analytics_enabled, version, previous_version_id, changelog, published_at, metadata, created_at, updated_at ON app_public.agents FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.avatars FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.business_functions FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.departments FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.documents FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.icons FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.institution_members FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.institutions FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.llm_models FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.llm_providers FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.model_configurations FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.organizational_roles FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.personas FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.project_members FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.projects FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE OF id, tenant_id, sharing_mode, resource_type, copied_from_id, name, display_name, description, category, tags, prompt_text, system_prompt, input_variables, output_format, model_requirements, temperature, max_tokens, status, version, created_by_user_id, metadata, created_at, updated_at, deleted_at ON app_public.prompts FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE OF id, tenant_id, sharing_mode, resource_type, name, display_name, description, category, tags, source_type, source_url, source_config, file_path, file_type, file_size_bytes, page_count, embedding_model, chunk_size, chunk_overlap, language, vector_store_id, extracted_metadata, publication_date, author, source_organization, status, enabled, created_by_user_id, last_synced_at, metadata, created_at, updated_at, deleted_at ON app_public.rag_knowledge_sources FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.resource_shares FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.tags FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.tool_categories FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE OF id, tenant_id, sharing_mode, resource_type, copied_from_id, name, display_name, description, icon, tool_type, category, tool_category_id, endpoint_url, http_method, headers, authentication_type, authentication_config, request_schema, response_schema, timeout_seconds, retry_config, status, enabled, activated_at, deactivated_at, version, created_by_user_id, metadata, created_at, updated_at, deleted_at ON app_public.tools FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.user_profiles FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.user_tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE OF id, tenant_id, sharing_mode, resource_type, copied_from_id, name, display_name, description, category, tags, icon, workflow_type, workflow_definition, steps, input_schema, output_schema, agent_roles, timeout_seconds, max_retries, error_handling, status, enabled, version, created_by_user_id, metadata, created_at, updated_at, deleted_at ON app_public.workflows FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.workspace_members FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.workspaces FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _200_append_only BEFORE DELETE OR UPDATE ON app_public.resource_sharing_audit FOR EACH ROW EXECUTE FUNCTION app_private.tg_resource_sharing_audit__append_only();

CREATE TRIGGER _200_note_activation BEFORE INSERT OR UPDATE OF status, is_active ON app_public.agents FOR EACH ROW EXECUTE FUNCTION app_private.tg__note_activation('is_active');

CREATE TRIGGER _200_note_activation BEFORE INSERT OR UPDATE OF status, enabled ON app_public.tools FOR EACH ROW EXECUTE FUNCTION app_private.tg__note_activation('enabled');

CREATE TRIGGER _200_require_active_member AFTER INSERT ON app_public.project_members FOR EACH ROW EXECUTE FUNCTION app_private.tg__require_active_member();

CREATE TRIGGER _200_require_active_owner AFTER UPDATE OF owner_id ON app_public.projects FOR EACH ROW WHEN (((new.owner_id IS DISTINCT FROM old.owner_id) AND (new.owner_id IS NOT NULL))) EXECUTE FUNCTION app_private.tg_projects__require_active_owner();

CREATE TRIGGER _200_take_turns BEFORE INSERT OR UPDATE OF parent_id ON app_public.tool_categories FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_tool_categories__take_turns();

CREATE TRIGGER _210_append_only BEFORE TRUNCATE ON app_public.resource_sharing_audit FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_resource_sharing_audit__append_only();

CREATE TRIGGER _300_check BEFORE INSERT OR UPDATE OF prompt_text, system_prompt, input_variables, model_requirements ON app_public.prompts FOR EACH ROW EXECUTE FUNCTION app_private.tg_prompts__check();

CREATE TRIGGER _300_check BEFORE INSERT OR UPDATE OF headers, authentication_type, authentication_config, endpoint_url, retry_config ON app_public.tools FOR EACH ROW EXECUTE FUNCTION app_private.tg_tools__check();

CREATE TRIGGER _300_check BEFORE INSERT OR UPDATE OF workflow_definition, steps, agent_roles ON app_public.workflows FOR EACH ROW EXECUTE FUNCTION app_private.tg_workflows__check();

CREATE TRIGGER _300_check_item BEFORE INSERT ON app_public.tag_assignments FOR EACH ROW EXECUTE FUNCTION app_private.tg_tag_assignments__check_item();

CREATE TRIGGER _300_check_model_settings BEFORE INSERT OR UPDATE OF model_id, temperature, max_tokens, context_window_size, function_calling_enabled ON app_public.agents FOR EACH ROW EXECUTE FUNCTION app_private.tg__check_model_settings();

CREATE TRIGGER _300_check_model_settings BEFORE INSERT OR UPDATE OF model_id, temperature, max_tokens ON app_public.model_configurations FOR EACH ROW EXECUTE FUNCTION app_private.tg__check_model_settings();

CREATE TRIGGER _300_check_source BEFORE INSERT ON app_public.agent_knowledge_sources FOR EACH ROW EXECUTE FUNCTION app_private.tg_agent_knowledge_sources__check_source();

CREATE TRIGGER _300_check_tool BEFORE INSERT ON app_public.agent_tools FOR EACH ROW EXECUTE FUNCTION app_private.tg_agent_tools__check_tool();

CREATE TRIGGER _300_refuse_credentials BEFORE INSERT OR UPDATE OF config ON app_public.agent_tools FOR EACH ROW EXECUTE FUNCTION app_private.tg__refuse_credentials('config');

CREATE TRIGGER _300_refuse_credentials BEFORE INSERT OR UPDATE OF tools ON app_public.agents FOR EACH ROW EXECUTE FUNCTION app_private.tg__refuse_credentials('tools');

CREATE TRIGGER _300_refuse_credentials BEFORE INSERT OR UPDATE OF source_config ON app_public.rag_knowledge_sources FOR EACH ROW EXECUTE FUNCTION app_private.tg__refuse_credentials('source_config');

CREATE TRIGGER _300_refuse_cycle BEFORE INSERT OR UPDATE OF parent_id ON app_public.tool_categories FOR EACH ROW EXECUTE FUNCTION app_private.tg_tool_categories__refuse_cycle();

CREATE TRIGGER _500_audit AFTER INSERT OR DELETE OR UPDATE ON app_public.resource_shares FOR EACH ROW EXECUTE FUNCTION app_private.tg_resource_shares__audit();

CREATE TRIGGER _500_audit_sharing_of_added AFTER INSERT ON app_public.agents FOR EACH ROW WHEN ((new.sharing_mode <> 'private'::text)) EXECUTE FUNCTION app_private.tg__audit_sharing_mode('agent');

CREATE TRIGGER _500_audit_sharing_of_added AFTER INSERT ON app_public.prompts FOR EACH ROW WHEN ((new.sharing_mode <> 'private'::text)) EXECUTE FUNCTION app_private.tg__audit_sharing_mode('prompt');

CREATE TRIGGER _500_audit_sharing_of_added AFTER INSERT ON app_public.rag_knowledge_sources FOR EACH ROW WHEN ((new.sharing_mode <> 'private'::text)) EXECUTE FUNCTION app_private.tg__audit_sharing_mode('knowledge_source');

CREATE TRIGGER _500_audit_sharing_of_added AFTER INSERT ON app_public.tools FOR EACH ROW WHEN ((new.sharing_mode <> 'private'::text)) EXECUTE FUNCTION app_private.tg__audit_sharing_mode('tool');

CREATE TRIGGER _500_audit_sharing_of_added AFTER INSERT ON app_public.workflows FOR EACH ROW WHEN ((new.sharing_mode <> 'private'::text)) EXECUTE FUNCTION app_private.tg__audit_sharing_mode('workflow');

CREATE TRIGGER _500_drop_search_index AFTER DELETE ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__drop_search_index();

CREATE TRIGGER _500_keep_tool_ids_of_added AFTER INSERT ON app_public.agent_tools REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_agent_tools__keep_tool_ids();

CREATE TRIGGER _500_keep_tool_ids_of_ordered AFTER UPDATE ON app_public.agent_tools REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_agent_tools__keep_tool_ids();

CREATE TRIGGER _500_keep_tool_ids_of_removed AFTER DELETE ON app_public.agent_tools REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_agent_tools__keep_tool_ids();

CREATE TRIGGER _500_list_added_chunks AFTER INSERT ON app_public.document_chunks REFERENCING NEW TABLE AS added_chunks FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg__list_added_chunks();

CREATE TRIGGER _500_list_removed_chunks AFTER DELETE ON app_public.document_chunks REFERENCING OLD TABLE AS removed_chunks FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg__list_removed_chunks();

CREATE TRIGGER _500_note_changed_sources_of_added AFTER INSERT ON app_public.documents REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_documents__note_changed_sources();

CREATE TRIGGER _500_note_changed_sources_of_removed AFTER DELETE ON app_public.documents REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_documents__note_changed_sources();

CREATE TRIGGER _500_note_source_progress AFTER UPDATE ON app_public.documents REFERENCING OLD TABLE AS old_documents NEW TABLE AS new_documents FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg_documents__note_source_progress();

CREATE TRIGGER _500_refuse_change BEFORE UPDATE OF tenant_id, id, content, content_tsvector, document_length ON app_public.document_chunks FOR EACH ROW EXECUTE FUNCTION app_private.tg__refuse_chunk_change();

CREATE TRIGGER _510_audit_sharing_mode AFTER UPDATE OF sharing_mode ON app_public.agents FOR EACH ROW WHEN ((old.sharing_mode <> new.sharing_mode)) EXECUTE FUNCTION app_private.tg__audit_sharing_mode('agent');

CREATE TRIGGER _510_audit_sharing_mode AFTER UPDATE OF sharing_mode ON app_public.prompts FOR EACH ROW WHEN ((old.sharing_mode <> new.sharing_mode)) EXECUTE FUNCTION app_private.tg__audit_sharing_mode('prompt');

CREATE TRIGGER _510_audit_sharing_mode AFTER UPDATE OF sharing_mode ON app_public.rag_knowledge_sources FOR EACH ROW WHEN ((old.sharing_mode <> new.sharing_mode)) EXECUTE FUNCTION app_private.tg__audit_sharing_mode('knowledge_source');

CREATE TRIGGER _510_audit_sharing_mode AFTER UPDATE OF sharing_mode ON app_public.tools FOR EACH ROW WHEN ((old.sharing_mode <> new.sharing_mode)) EXECUTE FUNCTION app_private.tg__audit_sharing_mode('tool');

CREATE TRIGGER _510_audit_sharing_mode AFTER UPDATE OF sharing_mode ON app_public.workflows FOR EACH ROW WHEN ((old.sharing_mode <> new.sharing_mode)) EXECUTE FUNCTION app_private.tg__audit_sharing_mode('workflow');

CREATE TRIGGER _520_audit_copy AFTER INSERT ON app_public.agents FOR EACH ROW WHEN ((new.copied_from_id IS NOT NULL)) EXECUTE FUNCTION app_private.tg__audit_copy('agent');

CREATE TRIGGER _520_audit_copy AFTER INSERT ON app_public.prompts FOR EACH ROW WHEN ((new.copied_from_id IS NOT NULL)) EXECUTE FUNCTION app_private.tg__audit_copy('prompt');

CREATE TRIGGER _520_audit_copy AFTER INSERT ON app_public.tools FOR EACH ROW WHEN ((new.copied_from_id IS NOT NULL)) EXECUTE FUNCTION app_private.tg__audit_copy('tool');

CREATE TRIGGER _520_audit_copy AFTER INSERT ON app_public.workflows FOR EACH ROW WHEN ((new.copied_from_id IS NOT NULL)) EXECUTE FUNCTION app_private.tg__audit_copy('workflow');

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_admin_user_id_fkey FOREIGN KEY (admin_user_id) REFERENCES app_public.user_profiles(id);

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.analyst_tenants
    ADD CONSTRAINT analyst_tenants_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.document_files
    ADD CONSTRAINT document_files_tenant_id_document_id_fkey FOREIGN KEY (tenant_id, document_id) REFERENCES app_public.documents(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.search_blocks
    ADD CONSTRAINT search_blocks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.search_postings
    ADD CONSTRAINT search_postings_tenant_id_block_id_fkey FOREIGN KEY (tenant_id, block_id) REFERENCES app_private.search_blocks(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.search_rare_postings
    ADD CONSTRAINT search_rare_postings_tenant_id_block_id_fkey FOREIGN KEY (tenant_id, block_id) REFERENCES app_private.search_blocks(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.search_removals
    ADD CONSTRAINT search_removals_tenant_id_block_id_fkey FOREIGN KEY (tenant_id, block_id) REFERENCES app_private.search_blocks(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.user_identities
    ADD CONSTRAINT user_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_public.user_profiles(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.agent_industry_mapping
    ADD CONSTRAINT agent_industry_mapping_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES app_public.agents(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.agent_knowledge_sources
    ADD CONSTRAINT agent_knowledge_sources_source_id_fkey FOREIGN KEY (source_id) REFERENCES app_public.rag_knowledge_sources(id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT agent_knowledge_sources_source_id_fkey ON app_public.agent_knowledge_sources IS '@fieldName source
@foreignFieldName agentAssignments
The knowledge source.';

ALTER TABLE ONLY app_public.agent_knowledge_sources
    ADD CONSTRAINT agent_knowledge_sources_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES app_public.agents(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT agent_knowledge_sources_tenant_id_agent_id_fkey ON app_public.agent_knowledge_sources IS '@fieldName agent
@foreignFieldName knowledgeSourceAssignments
The agent.';

ALTER TABLE ONLY app_public.agent_persona_mapping
    ADD CONSTRAINT agent_persona_mapping_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES app_public.agents(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.agent_persona_mapping
    ADD CONSTRAINT agent_persona_mapping_tenant_id_persona_id_fkey FOREIGN KEY (tenant_id, persona_id) REFERENCES app_public.personas(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.agent_tools
    ADD CONSTRAINT agent_tools_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES app_public.agents(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.agent_tools
    ADD CONSTRAINT agent_tools_tool_id_fkey FOREIGN KEY (tool_id) REFERENCES app_public.tools(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_copied_from_id_fkey FOREIGN KEY (copied_from_id) REFERENCES app_public.agents(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_model_id_fkey FOREIGN KEY (model_id) REFERENCES app_public.llm_models(id);

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_tenant_id_business_function_id_fkey FOREIGN KEY (tenant_id, business_function_id) REFERENCES app_public.business_functions(tenant_id, id) ON DELETE SET NULL (business_function_id);

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_tenant_id_department_id_fkey FOREIGN KEY (tenant_id, department_id) REFERENCES app_public.departments(tenant_id, id) ON DELETE SET NULL (department_id);

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.agents
    ADD CONSTRAINT agents_tenant_id_role_id_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES app_public.organizational_roles(tenant_id, id) ON DELETE SET NULL (role_id);

ALTER TABLE ONLY app_public.avatars
    ADD CONSTRAINT avatars_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.business_functions
    ADD CONSTRAINT business_functions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.departments
    ADD CONSTRAINT departments_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

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

ALTER TABLE ONLY app_public.icons
    ADD CONSTRAINT icons_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.institution_members
    ADD CONSTRAINT institution_members_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.institution_members
    ADD CONSTRAINT institution_members_tenant_id_institution_id_fkey FOREIGN KEY (tenant_id, institution_id) REFERENCES app_public.institutions(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT institution_members_tenant_id_institution_id_fkey ON app_public.institution_members IS '@fieldName institution
@foreignFieldName members';

ALTER TABLE ONLY app_public.institution_members
    ADD CONSTRAINT institution_members_tenant_id_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES app_public.user_tenants(tenant_id, user_id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT institution_members_tenant_id_user_id_fkey ON app_public.institution_members IS '@fieldName membership
@foreignFieldName affiliations';

ALTER TABLE ONLY app_public.institution_members
    ADD CONSTRAINT institution_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_public.user_profiles(id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT institution_members_user_id_fkey ON app_public.institution_members IS '@fieldName user
@foreignFieldName affiliations';

ALTER TABLE ONLY app_public.institutions
    ADD CONSTRAINT institutions_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.institutions
    ADD CONSTRAINT institutions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.institutions
    ADD CONSTRAINT institutions_verified_by_user_id_fkey FOREIGN KEY (verified_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.llm_models
    ADD CONSTRAINT llm_models_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES app_public.llm_providers(id);

ALTER TABLE ONLY app_public.model_configurations
    ADD CONSTRAINT model_configurations_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.model_configurations
    ADD CONSTRAINT model_configurations_model_id_fkey FOREIGN KEY (model_id) REFERENCES app_public.llm_models(id);

ALTER TABLE ONLY app_public.model_configurations
    ADD CONSTRAINT model_configurations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.organizational_roles
    ADD CONSTRAINT organizational_roles_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.personas
    ADD CONSTRAINT personas_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.project_members
    ADD CONSTRAINT project_members_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.project_members
    ADD CONSTRAINT project_members_tenant_id_project_id_fkey FOREIGN KEY (tenant_id, project_id) REFERENCES app_public.projects(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT project_members_tenant_id_project_id_fkey ON app_public.project_members IS '@fieldName project
@foreignFieldName members';

ALTER TABLE ONLY app_public.project_members
    ADD CONSTRAINT project_members_tenant_id_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES app_public.user_tenants(tenant_id, user_id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT project_members_tenant_id_user_id_fkey ON app_public.project_members IS '@fieldName membership
@foreignFieldName projectMemberships';

ALTER TABLE ONLY app_public.project_members
    ADD CONSTRAINT project_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_public.user_profiles(id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT project_members_user_id_fkey ON app_public.project_members IS '@fieldName user
@foreignFieldName projectMemberships';

ALTER TABLE ONLY app_public.projects
    ADD CONSTRAINT projects_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.projects
    ADD CONSTRAINT projects_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.projects
    ADD CONSTRAINT projects_tenant_id_workspace_id_fkey FOREIGN KEY (tenant_id, workspace_id) REFERENCES app_public.workspaces(tenant_id, id);

COMMENT ON CONSTRAINT projects_tenant_id_workspace_id_fkey ON app_public.projects IS '@fieldName workspace
@foreignFieldName projects';

ALTER TABLE ONLY app_public.prompts
    ADD CONSTRAINT prompts_copied_from_id_fkey FOREIGN KEY (copied_from_id) REFERENCES app_public.prompts(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.prompts
    ADD CONSTRAINT prompts_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.prompts
    ADD CONSTRAINT prompts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.query_logs
    ADD CONSTRAINT query_logs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_embedding_model_fkey FOREIGN KEY (embedding_model) REFERENCES app_public.llm_models(name) ON UPDATE CASCADE;

ALTER TABLE ONLY app_public.rag_knowledge_sources
    ADD CONSTRAINT rag_knowledge_sources_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.resource_shares
    ADD CONSTRAINT resource_shares_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.resource_shares
    ADD CONSTRAINT resource_shares_grantee_tenant_id_fkey FOREIGN KEY (grantee_tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.resource_shares
    ADD CONSTRAINT resource_shares_grantee_tenant_id_grantee_user_id_fkey FOREIGN KEY (grantee_tenant_id, grantee_user_id) REFERENCES app_public.user_tenants(tenant_id, user_id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.resource_shares
    ADD CONSTRAINT resource_shares_grantee_tenant_id_grantee_workspace_id_fkey FOREIGN KEY (grantee_tenant_id, grantee_workspace_id) REFERENCES app_public.workspaces(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.resource_shares
    ADD CONSTRAINT resource_shares_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.resource_sharing_audit
    ADD CONSTRAINT resource_sharing_audit_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.tag_assignments
    ADD CONSTRAINT tag_assignments_tenant_id_tag_id_fkey FOREIGN KEY (tenant_id, tag_id) REFERENCES app_public.tags(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.tags
    ADD CONSTRAINT tags_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.tenants
    ADD CONSTRAINT tenants_account_manager_id_fkey FOREIGN KEY (account_manager_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.tenants
    ADD CONSTRAINT tenants_parent_tenant_id_fkey FOREIGN KEY (parent_tenant_id) REFERENCES app_public.tenants(id);

ALTER TABLE ONLY app_public.tool_categories
    ADD CONSTRAINT tool_categories_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.tool_categories
    ADD CONSTRAINT tool_categories_tenant_id_parent_id_fkey FOREIGN KEY (tenant_id, parent_id) REFERENCES app_public.tool_categories(tenant_id, id);

ALTER TABLE ONLY app_public.tools
    ADD CONSTRAINT tools_copied_from_id_fkey FOREIGN KEY (copied_from_id) REFERENCES app_public.tools(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.tools
    ADD CONSTRAINT tools_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.tools
    ADD CONSTRAINT tools_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.tools
    ADD CONSTRAINT tools_tenant_id_tool_category_id_fkey FOREIGN KEY (tenant_id, tool_category_id) REFERENCES app_public.tool_categories(tenant_id, id) ON DELETE SET NULL (tool_category_id);

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_invited_by_user_id_fkey FOREIGN KEY (invited_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_public.user_profiles(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.workflows
    ADD CONSTRAINT workflows_copied_from_id_fkey FOREIGN KEY (copied_from_id) REFERENCES app_public.workflows(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.workflows
    ADD CONSTRAINT workflows_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.workflows
    ADD CONSTRAINT workflows_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.workspace_members
    ADD CONSTRAINT workspace_members_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.workspace_members
    ADD CONSTRAINT workspace_members_tenant_id_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES app_public.user_tenants(tenant_id, user_id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT workspace_members_tenant_id_user_id_fkey ON app_public.workspace_members IS '@fieldName membership
@foreignFieldName workspaceMemberships';

ALTER TABLE ONLY app_public.workspace_members
    ADD CONSTRAINT workspace_members_tenant_id_workspace_id_fkey FOREIGN KEY (tenant_id, workspace_id) REFERENCES app_public.workspaces(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT workspace_members_tenant_id_workspace_id_fkey ON app_public.workspace_members IS '@fieldName workspace
@foreignFieldName members';

ALTER TABLE ONLY app_public.workspace_members
    ADD CONSTRAINT workspace_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES app_public.user_profiles(id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT workspace_members_user_id_fkey ON app_public.workspace_members IS '@fieldName user
@foreignFieldName workspaceMemberships';

ALTER TABLE ONLY app_public.workspaces
    ADD CONSTRAINT workspaces_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.workspaces
    ADD CONSTRAINT workspaces_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE app_private.admin_access_log ENABLE ROW LEVEL SECURITY;

CREATE POLICY all_owner ON app_private.admin_access_log TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.analyst_tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.changed_sources TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.document_files TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.query_log_buffer TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_blocks TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_changes TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_postings TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_rare_postings TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_removals TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.search_terms TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.user_identities TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.worker_heartbeats TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.admin_access_log TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.analyst_tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.changed_sources TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.document_files TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.query_log_buffer TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_blocks TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_changes TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_postings TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_rare_postings TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_removals TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.search_terms TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.user_identities TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.worker_heartbeats TO rowhouse_platform USING (true) WITH CHECK (true);

ALTER TABLE app_private.analyst_tenants ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.changed_sources ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.document_files ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.query_log_buffer ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_blocks ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_postings ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_rare_postings ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_removals ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_terms ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app_private.admin_access_log AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.analyst_tenants AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.changed_sources AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.document_files AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.query_log_buffer AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_blocks AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_changes AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_postings AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_rare_postings AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_removals AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.search_terms AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

ALTER TABLE app_private.user_identities ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.worker_heartbeats ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.agent_industry_mapping ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.agent_knowledge_sources ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.agent_persona_mapping ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.agent_tools ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.agents ENABLE ROW LEVEL SECURITY;

CREATE POLICY all_admin ON app_public.llm_models TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.llm_providers TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agent_industry_mapping TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agent_knowledge_sources TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agent_persona_mapping TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agent_tools TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.avatars TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.business_functions TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.departments TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.document_chunks TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.documents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.embeddings TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.icons TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.institution_members TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.institutions TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_models TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_providers TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.model_configurations TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.organizational_roles TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.personas TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.project_members TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.projects TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.prompts TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.query_logs TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.rag_knowledge_sources TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.resource_shares TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.resource_sharing_audit TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.tag_assignments TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.tags TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.tool_categories TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.tools TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.user_profiles TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.user_tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.workflows TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.workspace_members TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.workspaces TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.agent_industry_mapping TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.agent_knowledge_sources TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.agent_persona_mapping TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.agent_tools TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.agents TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.avatars TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.business_functions TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.departments TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.document_chunks TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.documents TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.embeddings TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.icons TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.institution_members TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.institutions TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.llm_models TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.llm_providers TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.model_configurations TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.organizational_roles TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.personas TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.project_members TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.projects TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.prompts TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.query_logs TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.rag_knowledge_sources TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.resource_shares TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.resource_sharing_audit TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.tag_assignments TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.tags TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.tool_categories TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.tools TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.user_profiles TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.user_tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.workflows TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.workspace_members TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.workspaces TO rowhouse_platform USING (true) WITH CHECK (true);

ALTER TABLE app_public.avatars ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.business_functions ENABLE ROW LEVEL SECURITY;

CREATE POLICY delete_lead ON app_public.project_members FOR DELETE TO rowhouse_user USING ((((project_id = ANY (( SELECT app_hidden.my_project_ids('lead'::text) AS my_project_ids)::uuid[])) OR ( SELECT app_hidden.has_role('admin'::text) AS has_role) OR (user_id = ( SELECT app_hidden.current_user_id() AS current_user_id))) AND (project_id IN ( SELECT projects.id
   FROM app_public.projects
  WHERE (projects.deleted_at IS NULL)))));

CREATE POLICY delete_permitted ON app_public.agent_industry_mapping FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.agent_knowledge_sources FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.agent_persona_mapping FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.agent_tools FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.avatars FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_delete_resources'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.business_functions FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.departments FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.icons FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_delete_resources'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.model_configurations FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_delete_resources'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.organizational_roles FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.personas FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_delete_resources'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.tag_assignments FOR DELETE TO rowhouse_user USING (((( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission) AND (item_type = 'agent'::app_public.resource_kind)) OR (( SELECT app_hidden.has_permission('can_manage_knowledge'::text) AS has_permission) AND (item_type = 'knowledge_source'::app_public.resource_kind)) OR (( SELECT app_hidden.has_permission('can_edit_resources'::text) AS has_permission) AND (item_type = ANY (ARRAY['tool'::app_public.resource_kind, 'prompt'::app_public.resource_kind, 'workflow'::app_public.resource_kind])))));

CREATE POLICY delete_permitted ON app_public.tags FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_delete_resources'::text) AS has_permission));

CREATE POLICY delete_permitted ON app_public.tool_categories FOR DELETE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_delete_resources'::text) AS has_permission));

CREATE POLICY delete_self ON app_public.institution_members FOR DELETE TO rowhouse_user USING ((((user_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_manage_users'::text) AS has_permission)) AND (institution_id IN ( SELECT institutions.id
   FROM app_public.institutions
  WHERE (institutions.deleted_at IS NULL)))));

ALTER TABLE app_public.departments ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.document_chunks ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.documents ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.embeddings ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.icons ENABLE ROW LEVEL SECURITY;

CREATE POLICY insert_lead ON app_public.project_members FOR INSERT TO rowhouse_user WITH CHECK ((((project_id = ANY (( SELECT app_hidden.my_project_ids('lead'::text) AS my_project_ids)::uuid[])) OR ( SELECT app_hidden.has_role('admin'::text) AS has_role)) AND (project_id IN ( SELECT projects.id
   FROM app_public.projects
  WHERE (projects.deleted_at IS NULL)))));

CREATE POLICY insert_member ON app_public.institutions FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_role('member'::text) AS has_role));

CREATE POLICY insert_permitted ON app_public.agent_industry_mapping FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.agent_knowledge_sources FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.agent_persona_mapping FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.agent_tools FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.agents FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_create_agents'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.avatars FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_create_resources'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.business_functions FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.departments FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.icons FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_create_resources'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.model_configurations FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_create_resources'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.organizational_roles FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.personas FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_create_resources'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.prompts FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_create_resources'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.rag_knowledge_sources FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_manage_knowledge'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.tag_assignments FOR INSERT TO rowhouse_user WITH CHECK (((( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission) AND (item_type = 'agent'::app_public.resource_kind)) OR (( SELECT app_hidden.has_permission('can_manage_knowledge'::text) AS has_permission) AND (item_type = 'knowledge_source'::app_public.resource_kind)) OR (( SELECT app_hidden.has_permission('can_edit_resources'::text) AS has_permission) AND (item_type = ANY (ARRAY['tool'::app_public.resource_kind, 'prompt'::app_public.resource_kind, 'workflow'::app_public.resource_kind])))));

CREATE POLICY insert_permitted ON app_public.tags FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_create_resources'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.tool_categories FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_create_resources'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.tools FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_create_resources'::text) AS has_permission));

CREATE POLICY insert_permitted ON app_public.workflows FOR INSERT TO rowhouse_user WITH CHECK (( SELECT app_hidden.has_permission('can_create_resources'::text) AS has_permission));

CREATE POLICY insert_self ON app_public.institution_members FOR INSERT TO rowhouse_user WITH CHECK ((((user_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_manage_users'::text) AS has_permission)) AND (institution_id IN ( SELECT institutions.id
   FROM app_public.institutions
  WHERE (institutions.deleted_at IS NULL)))));

ALTER TABLE app_public.institution_members ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.institutions ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_models ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_providers ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.model_configurations ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.organizational_roles ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.personas ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.project_members ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.projects ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.prompts ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.query_logs ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.rag_knowledge_sources ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.resource_shares ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.resource_sharing_audit ENABLE ROW LEVEL SECURITY;

CREATE POLICY select_admin ON app_public.query_logs FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_role('admin'::text) AS has_role));

CREATE POLICY select_analyst ON app_public.documents FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.query_logs FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.rag_knowledge_sources FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.tenants FOR SELECT TO rowhouse_analyst USING ((id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_everyone ON app_public.llm_models FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_everyone ON app_public.llm_providers FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.agent_industry_mapping FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.agent_knowledge_sources FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.agent_persona_mapping FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.agent_tools FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.agents FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_permission('can_delete_agents'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.avatars FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.business_functions FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.departments FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.document_chunks FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.documents FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.embeddings FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.icons FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.institution_members FOR SELECT TO rowhouse_user USING ((institution_id IN ( SELECT institutions.id
   FROM app_public.institutions)));

CREATE POLICY select_member ON app_public.institutions FOR SELECT TO rowhouse_user USING (
CASE
    WHEN (deleted_at IS NULL) THEN ( SELECT app_hidden.has_role('viewer'::text) AS has_role)
    ELSE ( SELECT app_hidden.has_role('admin'::text) AS has_role)
END);

CREATE POLICY select_member ON app_public.model_configurations FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.organizational_roles FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.personas FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.project_members FOR SELECT TO rowhouse_user USING ((project_id IN ( SELECT projects.id
   FROM app_public.projects)));

CREATE POLICY select_member ON app_public.projects FOR SELECT TO rowhouse_user USING ((
CASE
    WHEN (deleted_at IS NULL) THEN (((NOT is_private) AND ( SELECT app_hidden.has_role('viewer'::text) AS has_role) AND ((workspace_id IS NULL) OR (workspace_id = ANY (( SELECT app_hidden.my_workspace_ids() AS my_workspace_ids)::uuid[])))) OR (id = ANY (( SELECT app_hidden.my_project_ids() AS my_project_ids)::uuid[])))
    ELSE (((NOT is_private) AND ( SELECT app_hidden.has_role('admin'::text) AS has_role) AND ((workspace_id IS NULL) OR (workspace_id = ANY (( SELECT app_hidden.my_workspace_ids() AS my_workspace_ids)::uuid[])))) OR (id = ANY (( SELECT app_hidden.my_project_ids('lead'::text) AS my_project_ids)::uuid[])))
END OR ( SELECT app_hidden.has_role('owner'::text) AS has_role)));

CREATE POLICY select_member ON app_public.prompts FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_permission('can_delete_resources'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.rag_knowledge_sources FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_permission('can_manage_knowledge'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.resource_shares FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.tag_assignments FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.tags FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.tenants FOR SELECT TO rowhouse_user USING ((id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY select_member ON app_public.tool_categories FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.tools FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_permission('can_delete_resources'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.user_profiles FOR SELECT TO rowhouse_user USING (((id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR (id IN ( SELECT user_tenants.user_id
   FROM app_public.user_tenants))));

CREATE POLICY select_member ON app_public.user_tenants FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.workflows FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_permission('can_delete_resources'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.workspace_members FOR SELECT TO rowhouse_user USING ((workspace_id = ANY (( SELECT app_hidden.my_workspace_ids() AS my_workspace_ids)::uuid[])));

CREATE POLICY select_member ON app_public.workspaces FOR SELECT TO rowhouse_user USING (
CASE
    WHEN (deleted_at IS NULL) THEN (((visibility <> 'private'::app_public.workspace_visibility) AND ( SELECT app_hidden.has_role('viewer'::text) AS has_role)) OR (id = ANY (( SELECT app_hidden.my_workspace_ids() AS my_workspace_ids)::uuid[])))
    ELSE (id = ANY (( SELECT app_hidden.my_deleted_workspace_ids() AS my_deleted_workspace_ids)::uuid[]))
END);

CREATE POLICY select_permitted ON app_public.resource_sharing_audit FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_view_audit'::text) AS has_permission));

ALTER TABLE app_public.tag_assignments ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.tags ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app_public.agent_industry_mapping AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.agent_knowledge_sources AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.agent_persona_mapping AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.agent_tools AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.agents AS RESTRICTIVE TO rowhouse_owner, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.avatars AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.business_functions AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.departments AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.document_chunks AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.documents AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.embeddings AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.icons AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.institution_members AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.institutions AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.model_configurations AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.organizational_roles AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.personas AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.project_members AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.projects AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.prompts AS RESTRICTIVE TO rowhouse_owner, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.query_logs AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.rag_knowledge_sources AS RESTRICTIVE TO rowhouse_owner, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.resource_shares AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.resource_sharing_audit AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.tag_assignments AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.tags AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.tool_categories AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.tools AS RESTRICTIVE TO rowhouse_owner, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.user_tenants AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.workflows AS RESTRICTIVE TO rowhouse_owner, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.workspace_members AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.workspaces AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_of_deletes ON app_public.agents AS RESTRICTIVE FOR DELETE TO rowhouse_user USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_of_deletes ON app_public.prompts AS RESTRICTIVE FOR DELETE TO rowhouse_user USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_of_deletes ON app_public.rag_knowledge_sources AS RESTRICTIVE FOR DELETE TO rowhouse_user USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_of_deletes ON app_public.tools AS RESTRICTIVE FOR DELETE TO rowhouse_user USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_of_deletes ON app_public.workflows AS RESTRICTIVE FOR DELETE TO rowhouse_user USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_of_updates ON app_public.agents AS RESTRICTIVE FOR UPDATE TO rowhouse_user USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_of_updates ON app_public.prompts AS RESTRICTIVE FOR UPDATE TO rowhouse_user USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_of_updates ON app_public.rag_knowledge_sources AS RESTRICTIVE FOR UPDATE TO rowhouse_user USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_of_updates ON app_public.tools AS RESTRICTIVE FOR UPDATE TO rowhouse_user USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_of_updates ON app_public.workflows AS RESTRICTIVE FOR UPDATE TO rowhouse_user USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_with_shares ON app_public.agents AS RESTRICTIVE TO rowhouse_user USING (((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)) OR (id = ANY (( SELECT app_hidden.shared_resource_ids('agent'::text) AS shared_resource_ids)::uuid[])))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_with_shares ON app_public.prompts AS RESTRICTIVE TO rowhouse_user USING (((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)) OR (id = ANY (( SELECT app_hidden.shared_resource_ids('prompt'::text) AS shared_resource_ids)::uuid[])))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_with_shares ON app_public.rag_knowledge_sources AS RESTRICTIVE TO rowhouse_user USING (((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)) OR (id = ANY (( SELECT app_hidden.shared_resource_ids('knowledge_source'::text) AS shared_resource_ids)::uuid[])))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_with_shares ON app_public.tools AS RESTRICTIVE TO rowhouse_user USING (((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)) OR (id = ANY (( SELECT app_hidden.shared_resource_ids('tool'::text) AS shared_resource_ids)::uuid[])))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation_with_shares ON app_public.workflows AS RESTRICTIVE TO rowhouse_user USING (((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)) OR (id = ANY (( SELECT app_hidden.shared_resource_ids('workflow'::text) AS shared_resource_ids)::uuid[])))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

ALTER TABLE app_public.tenants ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.tool_categories ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.tools ENABLE ROW LEVEL SECURITY;

CREATE POLICY update_admin ON app_public.tenants FOR UPDATE TO rowhouse_user USING (((id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)) AND ( SELECT app_hidden.has_role('admin'::text) AS has_role)));

CREATE POLICY update_admin ON app_public.workspaces FOR UPDATE TO rowhouse_user USING ((id = ANY (( SELECT app_hidden.my_workspace_ids('admin'::app_public.member_role) AS my_workspace_ids)::uuid[])));

CREATE POLICY update_creator ON app_public.institutions FOR UPDATE TO rowhouse_user USING (((deleted_at IS NULL) AND (( SELECT app_hidden.has_role('admin'::text) AS has_role) OR ((verified_at IS NULL) AND (created_by_user_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) AND ( SELECT app_hidden.has_role('member'::text) AS has_role)))));

CREATE POLICY update_lead ON app_public.project_members FOR UPDATE TO rowhouse_user USING ((((project_id = ANY (( SELECT app_hidden.my_project_ids('lead'::text) AS my_project_ids)::uuid[])) OR ( SELECT app_hidden.has_role('admin'::text) AS has_role)) AND (project_id IN ( SELECT projects.id
   FROM app_public.projects
  WHERE (projects.deleted_at IS NULL)))));

CREATE POLICY update_lead ON app_public.projects FOR UPDATE TO rowhouse_user USING (((deleted_at IS NULL) AND ((id = ANY (( SELECT app_hidden.my_project_ids('lead'::text) AS my_project_ids)::uuid[])) OR ((NOT is_private) AND ( SELECT app_hidden.has_role('admin'::text) AS has_role) AND ((workspace_id IS NULL) OR (workspace_id = ANY (( SELECT app_hidden.my_workspace_ids() AS my_workspace_ids)::uuid[])))) OR ( SELECT app_hidden.has_role('owner'::text) AS has_role))));

CREATE POLICY update_permitted ON app_public.agent_industry_mapping FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.agent_persona_mapping FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.agent_tools FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.agents FOR UPDATE TO rowhouse_user USING ((( SELECT app_hidden.has_permission('can_edit_agents'::text) AS has_permission) AND (deleted_at IS NULL)));

CREATE POLICY update_permitted ON app_public.avatars FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_resources'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.business_functions FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.departments FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.icons FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_resources'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.model_configurations FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_resources'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.organizational_roles FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.personas FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_resources'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.prompts FOR UPDATE TO rowhouse_user USING ((( SELECT app_hidden.has_permission('can_edit_resources'::text) AS has_permission) AND (deleted_at IS NULL)));

CREATE POLICY update_permitted ON app_public.rag_knowledge_sources FOR UPDATE TO rowhouse_user USING ((( SELECT app_hidden.has_permission('can_manage_knowledge'::text) AS has_permission) AND (deleted_at IS NULL)));

CREATE POLICY update_permitted ON app_public.tags FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_resources'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.tool_categories FOR UPDATE TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_edit_resources'::text) AS has_permission));

CREATE POLICY update_permitted ON app_public.tools FOR UPDATE TO rowhouse_user USING ((( SELECT app_hidden.has_permission('can_edit_resources'::text) AS has_permission) AND (deleted_at IS NULL)));

CREATE POLICY update_permitted ON app_public.workflows FOR UPDATE TO rowhouse_user USING ((( SELECT app_hidden.has_permission('can_edit_resources'::text) AS has_permission) AND (deleted_at IS NULL)));

CREATE POLICY update_self ON app_public.institution_members FOR UPDATE TO rowhouse_user USING ((((user_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_manage_users'::text) AS has_permission)) AND (institution_id IN ( SELECT institutions.id
   FROM app_public.institutions
  WHERE (institutions.deleted_at IS NULL)))));

CREATE POLICY update_self ON app_public.user_profiles FOR UPDATE TO rowhouse_user USING ((id = ( SELECT app_hidden.current_user_id() AS current_user_id)));

ALTER TABLE app_public.user_profiles ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.user_tenants ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.workflows ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.workspace_members ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.workspaces ENABLE ROW LEVEL SECURITY;

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

REVOKE ALL ON FUNCTION app_hidden.is_color(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_color(value text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_color(value text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.is_email(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_email(value text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_email(value text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.is_image_url(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_image_url(value text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_image_url(value text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.is_name(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_name(value text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_name(value text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.is_platform_admin() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_platform_admin() TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_platform_admin() TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.is_semantic_version(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_semantic_version(value text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_semantic_version(value text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.is_slug(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_slug(value text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_slug(value text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.is_visible_resource(kind text, id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_visible_resource(kind text, id uuid) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_visible_resource(kind text, id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.my_deleted_workspace_ids() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.my_deleted_workspace_ids() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_hidden.my_project_ids(minimum text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.my_project_ids(minimum text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_hidden.my_workspace_ids(minimum app_public.member_role) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.my_workspace_ids(minimum app_public.member_role) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_hidden.pieces(sentence text, max_length integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.placeholder_names(template text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.placeholder_names(template text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.placeholder_names(template text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.placeholder_pattern() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.placeholder_pattern() TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.placeholder_pattern() TO rowhouse_platform;

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

REVOKE ALL ON FUNCTION app_hidden.shared_resource_ids(kind text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.shared_resource_ids(kind text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.shared_resource_ids(kind text) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_hidden.text_search_config(language text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.token_count(vector tsvector) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.alive_workers(silent_for interval) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.alive_workers(silent_for interval) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.ancestor_tenant_ids(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.any_term(terms text[]) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.assert_secured() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.authenticate(claims jsonb, requested_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.authenticate(claims jsonb, requested_tenant text) TO rowhouse_authenticator;

REVOKE ALL ON FUNCTION app_private.authentication_faults(type text, config jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.begin_parsing(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.begin_parsing(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

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

GRANT SELECT ON TABLE app_public.institutions TO rowhouse_user;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.institutions TO rowhouse_user;

GRANT INSERT(type),UPDATE(type) ON TABLE app_public.institutions TO rowhouse_user;

GRANT INSERT(country_code),UPDATE(country_code) ON TABLE app_public.institutions TO rowhouse_user;

GRANT INSERT(website),UPDATE(website) ON TABLE app_public.institutions TO rowhouse_user;

REVOKE ALL ON FUNCTION app_private.changed_institution(id uuid, is_deleted boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.check_search_arguments(query text, mode app_public.search_mode, "limit" integer, skip integer, rrf_k integer, fusion app_public.fusion_method, metadata jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.chunks_at(hits app_private.search_position[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.columns_of_the_tenant() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.copy_resource(kind app_public.resource_kind, id uuid, name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.credential_paths(value jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.delete_resource(kind app_public.resource_kind, id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.delete_tenant(slug text) FROM PUBLIC;

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

REVOKE ALL ON FUNCTION app_private.fill_template(template text, variables jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.finish_embedding(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.finish_embedding(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.finish_parsing(tenant_id uuid, document_id uuid, title text, content text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.finish_parsing(tenant_id uuid, document_id uuid, title text, content text, metadata jsonb) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.fused_score(fusion app_public.fusion_method, vector_weight double precision, rrf_k integer, bm25_rank integer, vector_rank integer, bm25_score double precision, vector_score double precision, highest_bm25_score double precision, lowest_vector_score double precision, highest_vector_score double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.global_tables() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.grant_analyst_access(login name, tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.grantee_of(share_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.grantee_of(share_id uuid) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.graph_faults(definition jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.has_grants(kind app_public.resource_kind, id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.has_many_vectors(model_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.header_faults(headers jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.identify(claims jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.indexed_vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.is_credential_name(name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.json_is(value jsonb, type text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.list_tenants() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.lock_own_resource(kind app_public.resource_kind, id uuid, is_to_be_shared boolean) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.projects TO rowhouse_user;

GRANT UPDATE(name) ON TABLE app_public.projects TO rowhouse_user;

GRANT UPDATE(key) ON TABLE app_public.projects TO rowhouse_user;

GRANT UPDATE(description) ON TABLE app_public.projects TO rowhouse_user;

GRANT UPDATE(status) ON TABLE app_public.projects TO rowhouse_user;

GRANT UPDATE(is_private) ON TABLE app_public.projects TO rowhouse_user;

GRANT UPDATE(starts_on) ON TABLE app_public.projects TO rowhouse_user;

GRANT UPDATE(ends_on) ON TABLE app_public.projects TO rowhouse_user;

GRANT UPDATE(owner_id) ON TABLE app_public.projects TO rowhouse_user;

REVOKE ALL ON FUNCTION app_private.locked_project(id uuid) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.workspaces TO rowhouse_user;
GRANT SELECT ON TABLE app_public.workspaces TO rowhouse_platform;

GRANT UPDATE(name) ON TABLE app_public.workspaces TO rowhouse_user;

GRANT UPDATE(description) ON TABLE app_public.workspaces TO rowhouse_user;

GRANT UPDATE(icon) ON TABLE app_public.workspaces TO rowhouse_user;

GRANT UPDATE(visibility) ON TABLE app_public.workspaces TO rowhouse_user;

GRANT UPDATE(settings) ON TABLE app_public.workspaces TO rowhouse_user;

REVOKE ALL ON FUNCTION app_private.locked_workspace(id uuid, minimum app_public.member_role) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.workspace_members TO rowhouse_user;
GRANT SELECT ON TABLE app_public.workspace_members TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.locked_workspace_member(workspace app_public.workspaces, user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.log_query(query text, keep text, mode app_public.search_mode, agent_id uuid, started_at timestamp with time zone, hits app_public.search_hit[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.merge_candidates(chunk_count integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.merge_is_due(tenant_id uuid, minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.merge_is_due(tenant_id uuid, minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.merge_removals() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.merge_search_index(tenant_id uuid, minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.merge_search_index(tenant_id uuid, minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.models_to_index(minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.models_to_index(minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.node_faults(node jsonb, place text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.object_faults(value jsonb, shape jsonb, place text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.operator_identity(tenant text, email text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.operator_identity(tenant text, email text) TO rowhouse_authenticator;

REVOKE ALL ON FUNCTION app_private.parse_question(query text, source_ids uuid[], title_boost double precision, reads_misspelt boolean) FROM PUBLIC;

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

REVOKE ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) TO rowhouse_platform;
GRANT ALL ON FUNCTION app_private.raise_error(code text, message text, hint text, detail text) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.ranked_part(source_ids uuid[], query text, is_own boolean, mode app_public.search_mode, depth integer, model app_public.llm_models, query_embedding public.vector, document_ids uuid[], created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, OUT question app_private.search_question, OUT chunk_ids bigint[], OUT bm25_scores double precision[], OUT vector_scores double precision[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) TO rowhouse_worker;

GRANT SELECT ON TABLE app_public.resource_shares TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.resource_shares TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.record_sharing(kind app_public.resource_kind, tenant_id uuid, resource_id uuid, action app_public.sharing_action, from_mode text, to_mode text, other_tenant_id uuid, share app_public.resource_shares) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.refresh_sources() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.refresh_sources() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.refuse_faults(code text, what text, faults text[], hint text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.release_dead_workers(alive_worker_ids text[], silent_for interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.require_active_member(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.require_another_owner(workspace app_public.workspaces, user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.require_permission(permission text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.require_permission(permission text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.require_power_over(workspace app_public.workspaces, role app_public.member_role) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.require_role(minimum text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.resource_permission(kind app_public.resource_kind, deed text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.resource_switch(kind app_public.resource_kind) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.resource_switch(kind app_public.resource_kind) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.resource_table(kind app_public.resource_kind) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.resource_table(kind app_public.resource_kind) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.resource_to_copy(kind app_public.resource_kind, id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.resource_to_copy(kind app_public.resource_kind, id uuid) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.restore_resource(kind app_public.resource_kind, id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.resume_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.retry_faults(config jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.revoke_analyst_access(login name, tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.scope_of(source_ids uuid[], document_ids uuid[], created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, text_filter tsquery) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_idf(document_count integer, total_docs integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_length_norm(document_length integer, average_length double precision, k1 double precision, b double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_model(embedding_model text, model_names text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_parts(source_ids uuid[], agent_id uuid, tags text[], category text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_totals() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.searchable_sources(source_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.secure_global_table(IN target regclass) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.secure_shareable_table(IN target regclass, IN kind text) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.secure_tenant_table(IN target regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.security_gaps() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.set_declined(share_id uuid, declined_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.set_declined(share_id uuid, declined_at timestamp with time zone) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.set_mode(kind app_public.resource_kind, id uuid, mode text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.share_grantee(tenant_slug text, user_email text, workspace_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.share_grantee(tenant_slug text, user_email text, workspace_id uuid) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.shared_agents(is_overview boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.shared_knowledge_sources(is_overview boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.shared_prompts(is_overview boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.shared_search_parts(source_ids uuid[], agent_id uuid, tags text[], category text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.shared_search_parts(source_ids uuid[], agent_id uuid, tags text[], category text) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.shared_tools(is_overview boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.shared_workflows(is_overview boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.shown_part(hits app_public.search_hit[], question app_private.search_question, explain boolean, mode app_public.search_mode, fusion app_public.fusion_method, rrf_k integer, model app_public.llm_models) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.similar_terms(term text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.snippet(content text, terms text[], config regconfig) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.sources_in_scope(source_ids uuid[], agent_id uuid, tags text[], category text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.sparse_impacts(positions smallint[], impacts smallint[], idf double precision, dimension integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.step_faults(steps jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.store_query_logs() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_query_logs() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.tenant_allows(config jsonb, key text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tenant_allows(config jsonb, key text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.tenants_to_merge(minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tenants_to_merge(minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.term_document_counts() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.term_statistics(terms text[], unmerged_ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.terms_with_prefix(prefix text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.text_condition(config regconfig, text text, is_title boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__audit_copy() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__audit_copy() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg__audit_sharing_mode() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__audit_sharing_mode() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg__check_model_settings() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__drop_search_index() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__drop_search_index() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg__list_added_chunks() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__list_added_chunks() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg__list_removed_chunks() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__list_removed_chunks() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg__note_activation() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__refuse_chunk_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__refuse_credentials() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__require_active_member() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__set_updated_at() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__set_updated_at() TO rowhouse_platform;
GRANT ALL ON FUNCTION app_private.tg__set_updated_at() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.tg_agent_knowledge_sources__check_source() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_agent_tools__check_tool() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_agent_tools__keep_tool_ids() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_agent_tools__keep_tool_ids() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_documents__note_changed_sources() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_documents__note_changed_sources() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_documents__note_source_progress() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_documents__note_source_progress() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_projects__require_active_owner() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_prompts__check() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_resource_shares__audit() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_resource_shares__audit() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_resource_sharing_audit__append_only() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_tag_assignments__check_item() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_tool_categories__refuse_cycle() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_tool_categories__refuse_cycle() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_tool_categories__take_turns() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_tools__check() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_workflows__check() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.threshold(scores public.vector, wanted double precision, highest double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tsquery_term(term text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.uncopied_columns() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unknown_terms(terms text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unmerged_chunk_ids() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unmerged_terms() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.url_faults(url text, place text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.variable_faults(variables jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.vector_expression(model app_public.llm_models, argument text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.vector_index_is_ready(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_is_ready(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_index_name(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_name(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) TO rowhouse_worker;
GRANT ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.visible_resource(kind app_public.resource_kind, id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.visible_resource(kind app_public.resource_kind, id uuid) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.with_terms(terms jsonb, more text[], weight double precision, written_as text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.workflow_faults(definition jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.writable_source(source_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.writable_workspace(id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_public.accept_share(share_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.accept_share(share_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.add_workspace_member(workspace_id uuid, user_id uuid, role app_public.member_role) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.add_workspace_member(workspace_id uuid, user_id uuid, role app_public.member_role) TO rowhouse_user;

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

GRANT INSERT(department_id),UPDATE(department_id) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(business_function_id),UPDATE(business_function_id) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(role_id),UPDATE(role_id) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(cost_per_query),UPDATE(cost_per_query) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(billing_code),UPDATE(billing_code) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(budget_allocation_id),UPDATE(budget_allocation_id) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(approval_required),UPDATE(approval_required) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(analytics_enabled),UPDATE(analytics_enabled) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(version),UPDATE(version) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(changelog),UPDATE(changelog) ON TABLE app_public.agents TO rowhouse_user;

GRANT INSERT(metadata),UPDATE(metadata) ON TABLE app_public.agents TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.agents_shared_with(resource app_public.agents) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.agents_shared_with(resource app_public.agents) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.archive_workspace(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.archive_workspace(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) TO rowhouse_user;
GRANT ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_public.change_workspace_member(workspace_id uuid, user_id uuid, role app_public.member_role) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.change_workspace_member(workspace_id uuid, user_id uuid, role app_public.member_role) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.copy_agent(id uuid, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.copy_agent(id uuid, name text) TO rowhouse_user;

GRANT SELECT ON TABLE app_public.prompts TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.prompts TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(display_name),UPDATE(display_name) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(category),UPDATE(category) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(tags),UPDATE(tags) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(prompt_text),UPDATE(prompt_text) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(system_prompt),UPDATE(system_prompt) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(input_variables),UPDATE(input_variables) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(output_format),UPDATE(output_format) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(model_requirements),UPDATE(model_requirements) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(temperature),UPDATE(temperature) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(max_tokens),UPDATE(max_tokens) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(status),UPDATE(status) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(version),UPDATE(version) ON TABLE app_public.prompts TO rowhouse_user;

GRANT INSERT(metadata),UPDATE(metadata) ON TABLE app_public.prompts TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.copy_prompt(id uuid, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.copy_prompt(id uuid, name text) TO rowhouse_user;

GRANT SELECT ON TABLE app_public.tools TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.tools TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(display_name),UPDATE(display_name) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(icon),UPDATE(icon) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(tool_type),UPDATE(tool_type) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(category),UPDATE(category) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(tool_category_id),UPDATE(tool_category_id) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(endpoint_url),UPDATE(endpoint_url) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(http_method),UPDATE(http_method) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(headers),UPDATE(headers) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(authentication_type),UPDATE(authentication_type) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(authentication_config),UPDATE(authentication_config) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(request_schema),UPDATE(request_schema) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(response_schema),UPDATE(response_schema) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(timeout_seconds),UPDATE(timeout_seconds) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(retry_config),UPDATE(retry_config) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(status),UPDATE(status) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(enabled),UPDATE(enabled) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(version),UPDATE(version) ON TABLE app_public.tools TO rowhouse_user;

GRANT INSERT(metadata),UPDATE(metadata) ON TABLE app_public.tools TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.copy_tool(id uuid, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.copy_tool(id uuid, name text) TO rowhouse_user;

GRANT SELECT ON TABLE app_public.workflows TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.workflows TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(display_name),UPDATE(display_name) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(category),UPDATE(category) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(tags),UPDATE(tags) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(icon),UPDATE(icon) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(workflow_type),UPDATE(workflow_type) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(workflow_definition),UPDATE(workflow_definition) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(steps),UPDATE(steps) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(input_schema),UPDATE(input_schema) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(output_schema),UPDATE(output_schema) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(agent_roles),UPDATE(agent_roles) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(timeout_seconds),UPDATE(timeout_seconds) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(max_retries),UPDATE(max_retries) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(error_handling),UPDATE(error_handling) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(status),UPDATE(status) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(enabled),UPDATE(enabled) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(version),UPDATE(version) ON TABLE app_public.workflows TO rowhouse_user;

GRANT INSERT(metadata),UPDATE(metadata) ON TABLE app_public.workflows TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.copy_workflow(id uuid, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.copy_workflow(id uuid, name text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.create_documents(source_id uuid, documents jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.create_documents(source_id uuid, documents jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.create_project(name text, key text, description text, workspace_id uuid, is_private boolean, starts_on date, ends_on date, status text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.create_project(name text, key text, description text, workspace_id uuid, is_private boolean, starts_on date, ends_on date, status text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.create_tenant(slug text, name text, owner_email text, owner_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.create_tenant(slug text, name text, owner_email text, owner_name text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.create_workspace(name text, description text, icon text, visibility app_public.workspace_visibility, settings jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.create_workspace(name text, description text, icon text, visibility app_public.workspace_visibility, settings jsonb) TO rowhouse_user;

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

REVOKE ALL ON FUNCTION app_public.decline_share(share_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.decline_share(share_id uuid) TO rowhouse_user;

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

REVOKE ALL ON FUNCTION app_public.delete_institution(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_institution(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.delete_knowledge_source(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_knowledge_source(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.delete_project(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_project(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.delete_prompt(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_prompt(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.delete_tool(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_tool(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.delete_workflow(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_workflow(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.delete_workspace(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_workspace(id uuid) TO rowhouse_user;

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

REVOKE ALL ON FUNCTION app_public.join_workspace(workspace_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.join_workspace(workspace_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.leave_workspace(workspace_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.leave_workspace(workspace_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.move_project(id uuid, workspace_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.move_project(id uuid, workspace_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.my_tenants() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.my_tenants() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.my_workspaces() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.my_workspaces() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.projects_my_role(project app_public.projects) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.projects_my_role(project app_public.projects) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.prompts_shared_with(resource app_public.prompts) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.prompts_shared_with(resource app_public.prompts) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.rag_knowledge_sources_chunk_count(source app_public.rag_knowledge_sources) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.rag_knowledge_sources_processing_counts(source app_public.rag_knowledge_sources) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.rag_knowledge_sources_processing_counts(source app_public.rag_knowledge_sources) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.rag_knowledge_sources_shared_with(resource app_public.rag_knowledge_sources) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.rag_knowledge_sources_shared_with(resource app_public.rag_knowledge_sources) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.received_shares() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.received_shares() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.reciprocal_rank_fusion(vector_scores double precision[], text_scores double precision[], k integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.reciprocal_rank_fusion(vector_scores double precision[], text_scores double precision[], k integer) TO rowhouse_user;
GRANT ALL ON FUNCTION app_public.reciprocal_rank_fusion(vector_scores double precision[], text_scores double precision[], k integer) TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_public.remove_workspace_member(workspace_id uuid, user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.remove_workspace_member(workspace_id uuid, user_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.render_prompt(prompt_id uuid, variables jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.render_prompt(prompt_id uuid, variables jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.reprocess_knowledge_source(source_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.reprocess_knowledge_source(source_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.resource_shares_grantee_tenant_name(share app_public.resource_shares) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.resource_shares_grantee_tenant_name(share app_public.resource_shares) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.resource_shares_grantee_tenant_slug(share app_public.resource_shares) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.resource_shares_grantee_tenant_slug(share app_public.resource_shares) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.resource_shares_grantee_user_email(share app_public.resource_shares) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.resource_shares_grantee_user_email(share app_public.resource_shares) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.resource_shares_resource_name(share app_public.resource_shares) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.resource_shares_resource_name(share app_public.resource_shares) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_agent(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_agent(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_institution(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_institution(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_knowledge_source(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_knowledge_source(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_project(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_project(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_prompt(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_prompt(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_tool(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_tool(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_workflow(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_workflow(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_workspace(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_workspace(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.retry_document(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.retry_document(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.retry_documents(source_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.retry_documents(source_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.revoke_share(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.revoke_share(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.revoke_shares(kind app_public.resource_kind, resource_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.revoke_shares(kind app_public.resource_kind, resource_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer, skip integer, document_ids uuid[], agent_id uuid, tags text[], category text, created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, fusion app_public.fusion_method, explain boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.search(query text, mode app_public.search_mode, "limit" integer, source_ids uuid[], embedding_model text, query_embedding public.vector, rrf_k integer, skip integer, document_ids uuid[], agent_id uuid, tags text[], category text, created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, fusion app_public.fusion_method, explain boolean) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.search_hit_document(hit app_public.search_hit) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.search_hit_document(hit app_public.search_hit) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.search_hit_source(hit app_public.search_hit) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.search_hit_source(hit app_public.search_hit) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.set_agent_tools(agent_id uuid, tool_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.set_agent_tools(agent_id uuid, tool_ids uuid[]) TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.institution_members TO rowhouse_user;

GRANT INSERT(institution_id) ON TABLE app_public.institution_members TO rowhouse_user;

GRANT INSERT(user_id) ON TABLE app_public.institution_members TO rowhouse_user;

GRANT INSERT(title),UPDATE(title) ON TABLE app_public.institution_members TO rowhouse_user;

GRANT INSERT(department),UPDATE(department) ON TABLE app_public.institution_members TO rowhouse_user;

GRANT INSERT(is_primary),UPDATE(is_primary) ON TABLE app_public.institution_members TO rowhouse_user;

GRANT INSERT(starts_on),UPDATE(starts_on) ON TABLE app_public.institution_members TO rowhouse_user;

GRANT INSERT(ends_on),UPDATE(ends_on) ON TABLE app_public.institution_members TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.set_primary_institution(institution_id uuid, user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.set_primary_institution(institution_id uuid, user_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.set_sharing_mode(kind app_public.resource_kind, resource_id uuid, mode text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.set_sharing_mode(kind app_public.resource_kind, resource_id uuid, mode text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.share_resource(kind app_public.resource_kind, resource_id uuid, tenant_slug text, user_email text, workspace_id uuid, expires_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.share_resource(kind app_public.resource_kind, resource_id uuid, tenant_slug text, user_email text, workspace_id uuid, expires_at timestamp with time zone) TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.tool_categories TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.tool_categories TO rowhouse_platform;

GRANT INSERT(parent_id),UPDATE(parent_id) ON TABLE app_public.tool_categories TO rowhouse_user;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.tool_categories TO rowhouse_user;

GRANT INSERT(slug),UPDATE(slug) ON TABLE app_public.tool_categories TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.tool_categories TO rowhouse_user;

GRANT INSERT(icon),UPDATE(icon) ON TABLE app_public.tool_categories TO rowhouse_user;

GRANT INSERT(sort_order),UPDATE(sort_order) ON TABLE app_public.tool_categories TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.tool_categories_level(category app_public.tool_categories) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.tool_categories_level(category app_public.tool_categories) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.tool_categories_path(category app_public.tool_categories) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.tool_categories_path(category app_public.tool_categories) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.tools_shared_with(resource app_public.tools) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.tools_shared_with(resource app_public.tools) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.transfer_workspace(workspace_id uuid, user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.transfer_workspace(workspace_id uuid, user_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.unarchive_workspace(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.unarchive_workspace(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.unverify_institution(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.unverify_institution(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.verify_institution(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.verify_institution(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.workflows_shared_with(resource app_public.workflows) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.workflows_shared_with(resource app_public.workflows) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.workspaces_my_role(workspace app_public.workspaces) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.workspaces_my_role(workspace app_public.workspaces) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_private.array_concat(anycompatiblearray) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.admin_access_log TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.analyst_tenants TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.changed_sources TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.document_files TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.query_log_buffer TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_removals TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_terms TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.user_identities TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_public.agent_industry_mapping TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.agent_industry_mapping TO rowhouse_platform;

GRANT INSERT(agent_id) ON TABLE app_public.agent_industry_mapping TO rowhouse_user;

GRANT INSERT(industry) ON TABLE app_public.agent_industry_mapping TO rowhouse_user;

GRANT INSERT(relevance_score),UPDATE(relevance_score) ON TABLE app_public.agent_industry_mapping TO rowhouse_user;

GRANT INSERT(performance_score),UPDATE(performance_score) ON TABLE app_public.agent_industry_mapping TO rowhouse_user;

GRANT INSERT(is_primary),UPDATE(is_primary) ON TABLE app_public.agent_industry_mapping TO rowhouse_user;

GRANT INSERT(notes),UPDATE(notes) ON TABLE app_public.agent_industry_mapping TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.agent_knowledge_sources TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.agent_knowledge_sources TO rowhouse_platform;

GRANT INSERT(agent_id) ON TABLE app_public.agent_knowledge_sources TO rowhouse_user;

GRANT INSERT(source_id) ON TABLE app_public.agent_knowledge_sources TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.agent_persona_mapping TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.agent_persona_mapping TO rowhouse_platform;

GRANT INSERT(agent_id) ON TABLE app_public.agent_persona_mapping TO rowhouse_user;

GRANT INSERT(persona_id) ON TABLE app_public.agent_persona_mapping TO rowhouse_user;

GRANT INSERT(relevance_score),UPDATE(relevance_score) ON TABLE app_public.agent_persona_mapping TO rowhouse_user;

GRANT INSERT(performance_score),UPDATE(performance_score) ON TABLE app_public.agent_persona_mapping TO rowhouse_user;

GRANT INSERT(is_primary),UPDATE(is_primary) ON TABLE app_public.agent_persona_mapping TO rowhouse_user;

GRANT INSERT(notes),UPDATE(notes) ON TABLE app_public.agent_persona_mapping TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.agent_tools TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.agent_tools TO rowhouse_platform;

GRANT INSERT(agent_id) ON TABLE app_public.agent_tools TO rowhouse_user;

GRANT INSERT(tool_id) ON TABLE app_public.agent_tools TO rowhouse_user;

GRANT INSERT(sort_order),UPDATE(sort_order) ON TABLE app_public.agent_tools TO rowhouse_user;

GRANT INSERT(config),UPDATE(config) ON TABLE app_public.agent_tools TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.avatars TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.avatars TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.avatars TO rowhouse_user;

GRANT INSERT(image_url),UPDATE(image_url) ON TABLE app_public.avatars TO rowhouse_user;

GRANT INSERT(category),UPDATE(category) ON TABLE app_public.avatars TO rowhouse_user;

GRANT INSERT(license),UPDATE(license) ON TABLE app_public.avatars TO rowhouse_user;

GRANT INSERT(sort_order),UPDATE(sort_order) ON TABLE app_public.avatars TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.business_functions TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.business_functions TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.business_functions TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.business_functions TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.departments TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.departments TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.departments TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.departments TO rowhouse_user;

GRANT SELECT ON TABLE app_public.embedding_statistics TO rowhouse_user;

GRANT SELECT ON TABLE app_public.embeddings TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.embeddings TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_public.icons TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.icons TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.icons TO rowhouse_user;

GRANT INSERT(image_url),UPDATE(image_url) ON TABLE app_public.icons TO rowhouse_user;

GRANT INSERT(category),UPDATE(category) ON TABLE app_public.icons TO rowhouse_user;

GRANT INSERT(license),UPDATE(license) ON TABLE app_public.icons TO rowhouse_user;

GRANT INSERT(sort_order),UPDATE(sort_order) ON TABLE app_public.icons TO rowhouse_user;

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

GRANT SELECT,DELETE ON TABLE app_public.model_configurations TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.model_configurations TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.model_configurations TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.model_configurations TO rowhouse_user;

GRANT INSERT(model_id),UPDATE(model_id) ON TABLE app_public.model_configurations TO rowhouse_user;

GRANT INSERT(temperature),UPDATE(temperature) ON TABLE app_public.model_configurations TO rowhouse_user;

GRANT INSERT(top_p),UPDATE(top_p) ON TABLE app_public.model_configurations TO rowhouse_user;

GRANT INSERT(max_tokens),UPDATE(max_tokens) ON TABLE app_public.model_configurations TO rowhouse_user;

GRANT INSERT(frequency_penalty),UPDATE(frequency_penalty) ON TABLE app_public.model_configurations TO rowhouse_user;

GRANT INSERT(presence_penalty),UPDATE(presence_penalty) ON TABLE app_public.model_configurations TO rowhouse_user;

GRANT INSERT(response_format),UPDATE(response_format) ON TABLE app_public.model_configurations TO rowhouse_user;

GRANT INSERT(stop_sequences),UPDATE(stop_sequences) ON TABLE app_public.model_configurations TO rowhouse_user;

GRANT INSERT(is_default),UPDATE(is_default) ON TABLE app_public.model_configurations TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.organizational_roles TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.organizational_roles TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.organizational_roles TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.organizational_roles TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.personas TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.personas TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.personas TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.personas TO rowhouse_user;

GRANT INSERT(avatar_url),UPDATE(avatar_url) ON TABLE app_public.personas TO rowhouse_user;

GRANT INSERT(goals),UPDATE(goals) ON TABLE app_public.personas TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.project_members TO rowhouse_user;

GRANT INSERT(project_id) ON TABLE app_public.project_members TO rowhouse_user;

GRANT INSERT(user_id) ON TABLE app_public.project_members TO rowhouse_user;

GRANT INSERT(role),UPDATE(role) ON TABLE app_public.project_members TO rowhouse_user;

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

GRANT SELECT ON TABLE app_public.resource_sharing_audit TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.resource_sharing_audit TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_public.tag_assignments TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.tag_assignments TO rowhouse_platform;

GRANT INSERT(item_type) ON TABLE app_public.tag_assignments TO rowhouse_user;

GRANT INSERT(item_id) ON TABLE app_public.tag_assignments TO rowhouse_user;

GRANT INSERT(tag_id) ON TABLE app_public.tag_assignments TO rowhouse_user;

GRANT SELECT,DELETE ON TABLE app_public.tags TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.tags TO rowhouse_platform;

GRANT INSERT(name),UPDATE(name) ON TABLE app_public.tags TO rowhouse_user;

GRANT INSERT(slug),UPDATE(slug) ON TABLE app_public.tags TO rowhouse_user;

GRANT INSERT(color),UPDATE(color) ON TABLE app_public.tags TO rowhouse_user;

GRANT INSERT(description),UPDATE(description) ON TABLE app_public.tags TO rowhouse_user;

GRANT SELECT ON TABLE app_public.tool_tag_assignments TO rowhouse_user;

GRANT SELECT ON TABLE app_public.tool_tags TO rowhouse_user;

