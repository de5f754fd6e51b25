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

CREATE TYPE app_private.model_price AS (
	model_id uuid,
	price_id uuid,
	is_override boolean,
	valid_from timestamp with time zone,
	valid_to timestamp with time zone,
	input_usd_per_million numeric,
	cached_input_usd_per_million numeric,
	output_usd_per_million numeric,
	reasoning_usd_per_million numeric
);

ALTER TYPE app_private.model_price OWNER TO rowhouse_owner;

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

CREATE TYPE app_public.usage_outcome AS ENUM (
    'success',
    'error',
    'abandoned'
);

ALTER TYPE app_public.usage_outcome OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.usage_outcome IS 'How something that was used ended: success, error, or abandoned by its user.';

CREATE TYPE app_private.usage_input AS (
	idempotency_key text,
	usage_type text,
	quantity numeric,
	occurred_at timestamp with time zone,
	user_id uuid,
	agent_id uuid,
	project_id uuid,
	api_key_id uuid,
	model_id uuid,
	feature_name text,
	outcome app_public.usage_outcome,
	duration_ms integer,
	metadata jsonb
);

ALTER TYPE app_private.usage_input OWNER TO rowhouse_owner;

CREATE TYPE app_public.agent_status_enum AS ENUM (
    'active',
    'inactive',
    'draft',
    'archived',
    'deprecated'
);

ALTER TYPE app_public.agent_status_enum OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.agent_status_enum IS 'Where an agent stands: draft, active, inactive, deprecated (still works, not for new uses) or archived.';

CREATE TYPE app_public.billing_cycle_enum AS ENUM (
    'monthly',
    'annual'
);

ALTER TYPE app_public.billing_cycle_enum OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.billing_cycle_enum IS 'How long a period is: monthly or annual.';

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

CREATE TYPE app_public.entitlement_kind_enum AS ENUM (
    'feature',
    'quota'
);

ALTER TYPE app_public.entitlement_kind_enum OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.entitlement_kind_enum IS 'feature (on or off) or quota (a limit).';

CREATE TYPE app_public.fusion_method AS ENUM (
    'rrf',
    'convex'
);

ALTER TYPE app_public.fusion_method OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.fusion_method IS 'How hybrid search fuses its two rankings: rrf (by ranks) or convex (by normalised scores).';

CREATE TYPE app_public.invoice_line_kind_enum AS ENUM (
    'recurring',
    'usage',
    'overage',
    'proration',
    'adjustment',
    'credit'
);

ALTER TYPE app_public.invoice_line_kind_enum OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.invoice_line_kind_enum IS 'What a line of an invoice is.';

CREATE TYPE app_public.invoice_status_enum AS ENUM (
    'draft',
    'finalised',
    'paid',
    'void',
    'uncollectible'
);

ALTER TYPE app_public.invoice_status_enum OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.invoice_status_enum IS 'Where an invoice stands.';

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

CREATE TYPE app_public.llm_usage_receipt AS (
	id uuid,
	occurred_at timestamp with time zone,
	batch_id bigint,
	prompt_tokens bigint,
	completion_tokens bigint,
	total_tokens bigint,
	input_cost numeric,
	output_cost numeric,
	total_cost numeric,
	price_id uuid,
	is_repeated boolean
);

ALTER TYPE app_public.llm_usage_receipt OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.llm_usage_receipt IS 'What became of a call that was recorded.';

COMMENT ON COLUMN app_public.llm_usage_receipt.batch_id IS 'The batch of its events in usageEvents.';

COMMENT ON COLUMN app_public.llm_usage_receipt.total_cost IS 'USD, not rounded; null while the model has no price.';

COMMENT ON COLUMN app_public.llm_usage_receipt.price_id IS 'The price it was rated by.';

COMMENT ON COLUMN app_public.llm_usage_receipt.is_repeated IS 'Whether it had been recorded before: this call stored nothing.';

CREATE TYPE app_public.payment_status_enum AS ENUM (
    'pending',
    'succeeded',
    'failed'
);

ALTER TYPE app_public.payment_status_enum OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.payment_status_enum IS 'Where a payment or refund stands.';

CREATE TYPE app_public.price_model_enum AS ENUM (
    'flat',
    'per_unit',
    'tiered',
    'volume',
    'package'
);

ALTER TYPE app_public.price_model_enum OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.price_model_enum IS 'How a quantity becomes a price.';

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

CREATE TYPE app_public.subscription_status_enum AS ENUM (
    'trialing',
    'active',
    'past_due',
    'paused',
    'cancelled',
    'expired'
);

ALTER TYPE app_public.subscription_status_enum OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.subscription_status_enum IS 'Where a subscription stands.';

CREATE TYPE app_public.tracking_period AS ENUM (
    'minute',
    'hour',
    'day',
    'month'
);

ALTER TYPE app_public.tracking_period OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.tracking_period IS 'minute, hour, day or month.';

CREATE TYPE app_public.usage_receipt AS (
	idempotency_key text,
	batch_id bigint,
	ordinal integer,
	occurred_at timestamp with time zone,
	is_repeated boolean
);

ALTER TYPE app_public.usage_receipt OWNER TO rowhouse_owner;

COMMENT ON TYPE app_public.usage_receipt IS 'What became of an event that was recorded.';

COMMENT ON COLUMN app_public.usage_receipt.idempotency_key IS 'The key it was recorded under.';

COMMENT ON COLUMN app_public.usage_receipt.batch_id IS 'With ordinal: where the event is in usageEvents.';

COMMENT ON COLUMN app_public.usage_receipt.ordinal IS 'Its place in its batch, from 1.';

COMMENT ON COLUMN app_public.usage_receipt.occurred_at IS 'When it was used.';

COMMENT ON COLUMN app_public.usage_receipt.is_repeated IS 'Whether it had been recorded before: this call stored nothing.';

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

CREATE FUNCTION app_hidden.are_price_tiers(tiers jsonb) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tier jsonb;
  v_from numeric := 0;
  v_is_last boolean := false;
begin
  if jsonb_typeof(are_price_tiers.tiers) <> 'array' or jsonb_array_length(are_price_tiers.tiers) not between 1 and 100 then
    return false;
  end if;
  for v_tier in select value from jsonb_array_elements(are_price_tiers.tiers) loop
    if v_is_last or jsonb_typeof(v_tier) <> 'object'
       or exists (select from jsonb_object_keys(v_tier) as key where key not in ('upTo', 'unitAmount', 'flatAmount'))
       or jsonb_typeof(v_tier -> 'unitAmount') is distinct from 'number'
       or coalesce(jsonb_typeof(v_tier -> 'flatAmount'), 'number') <> 'number'
       or (v_tier ->> 'unitAmount')::numeric not between 0 and 1000000000
       or coalesce((v_tier ->> 'flatAmount')::numeric, 0) not between 0 and 1000000000 then
      return false;
    end if;
    if coalesce(jsonb_typeof(v_tier -> 'upTo'), 'null') = 'null' then
      v_is_last := true;
    elsif jsonb_typeof(v_tier -> 'upTo') <> 'number' or (v_tier ->> 'upTo')::numeric <= v_from then
      return false;
    else
      v_from := (v_tier ->> 'upTo')::numeric;
    end if;
  end loop;
  return v_is_last;
end
$$;

ALTER FUNCTION app_hidden.are_price_tiers(tiers jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.are_price_tiers(tiers jsonb) IS 'An array of 1 to 100 tiers {"upTo": 1000, "unitAmount": 0.01, "flatAmount": 0}: upTo rises and is missing in the last one only; amounts are from 0 to 1,000,000,000.';

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

CREATE FUNCTION app_hidden.is_money(amount numeric) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((amount > ('-1000000000000'::bigint)::numeric) AND (amount < ('1000000000000'::bigint)::numeric));

ALTER FUNCTION app_hidden.is_money(amount numeric) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.is_money(amount numeric) IS 'A finite amount below a million million, of either sign.';

CREATE FUNCTION app_hidden.usage_charge(model app_public.price_model_enum, quantity numeric, included_quantity numeric, unit_amount numeric, package_size numeric, tiers jsonb) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_quantity numeric := greatest(usage_charge.quantity - usage_charge.included_quantity, 0);
  v_charge numeric := 0;
  v_from numeric := 0;
  v_to numeric;
  v_tier jsonb;
begin
  if v_quantity = 0 then
    return 0;
  end if;
  case usage_charge.model
    when 'flat' then
      return usage_charge.unit_amount;
    when 'per_unit' then
      return v_quantity * usage_charge.unit_amount;
    when 'package' then
      -- div(), because a quotient in numeric is rounded and ceil() of it could be one package too few
      return usage_charge.unit_amount
        * (div(v_quantity, usage_charge.package_size) + case when mod(v_quantity, usage_charge.package_size) > 0 then 1 else 0 end);
    when 'tiered' then
      for v_tier in select value from jsonb_array_elements(usage_charge.tiers) loop
        v_to := coalesce((v_tier ->> 'upTo')::numeric, v_quantity);
        v_charge := v_charge
          + (least(v_quantity, v_to) - v_from) * (v_tier ->> 'unitAmount')::numeric
          + coalesce((v_tier ->> 'flatAmount')::numeric, 0);
        exit when v_quantity <= v_to;
        v_from := v_to;
      end loop;
      return v_charge;
    when 'volume' then
      for v_tier in select value from jsonb_array_elements(usage_charge.tiers) loop
        exit when v_tier ->> 'upTo' is null or v_quantity <= (v_tier ->> 'upTo')::numeric;
      end loop;
      return v_quantity * (v_tier ->> 'unitAmount')::numeric + coalesce((v_tier ->> 'flatAmount')::numeric, 0);
  end case;
end
$$;

ALTER FUNCTION app_hidden.usage_charge(model app_public.price_model_enum, quantity numeric, included_quantity numeric, unit_amount numeric, package_size numeric, tiers jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.usage_charge(model app_public.price_model_enum, quantity numeric, included_quantity numeric, unit_amount numeric, package_size numeric, tiers jsonb) IS 'What a quantity costs, unrounded, after the included quantity: flat once for any use; per_unit each; tiered each unit at the price of the tier it falls into (graduated); volume all units at the price of the tier the last falls into; package each begun package. The flatAmount of a tier is added once when the tier is reached.';

CREATE TABLE app_public.plan_price_components (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    price_id uuid NOT NULL,
    usage_type text NOT NULL,
    model app_public.price_model_enum NOT NULL,
    unit_amount numeric,
    package_size numeric,
    tiers jsonb,
    included_quantity numeric DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT included_quantity_is_not_negative CHECK (((included_quantity >= (0)::numeric) AND (included_quantity < '1000000000000000000'::numeric))),
    CONSTRAINT package_size_belongs_to_the_model CHECK (((package_size IS NULL) = (model <> 'package'::app_public.price_model_enum))),
    CONSTRAINT package_size_is_positive CHECK (((package_size > (0)::numeric) AND app_hidden.is_money(package_size))),
    CONSTRAINT tiers_are_tiers CHECK (app_hidden.are_price_tiers(tiers)),
    CONSTRAINT tiers_belong_to_the_model CHECK (((tiers IS NULL) = (model <> ALL (ARRAY['tiered'::app_public.price_model_enum, 'volume'::app_public.price_model_enum])))),
    CONSTRAINT unit_amount_belongs_to_the_model CHECK (((unit_amount IS NULL) = (model = ANY (ARRAY['tiered'::app_public.price_model_enum, 'volume'::app_public.price_model_enum])))),
    CONSTRAINT unit_amount_is_in_range CHECK (((unit_amount >= (0)::numeric) AND (unit_amount <= (1000000000)::numeric)))
);

ALTER TABLE ONLY app_public.plan_price_components FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.plan_price_components OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.plan_price_components IS 'What use costs besides a price''s fixed amount, by type of use. Fixed once somebody has subscribed.';

COMMENT ON COLUMN app_public.plan_price_components.price_id IS 'The price it belongs to.';

COMMENT ON COLUMN app_public.plan_price_components.usage_type IS 'What is used, a name of usage_types.';

COMMENT ON COLUMN app_public.plan_price_components.model IS 'flat (once for any use), per_unit, tiered (graduated), volume (all at the last tier''s price) or package (each begun package).';

COMMENT ON COLUMN app_public.plan_price_components.unit_amount IS 'Price of a unit (per_unit), a package, or all of it (flat); 0 to 1,000,000,000. With an included quantity this is the overage price.';

COMMENT ON COLUMN app_public.plan_price_components.package_size IS 'Units of a package.';

COMMENT ON COLUMN app_public.plan_price_components.tiers IS 'For tiered and volume: an array of {"upTo", "unitAmount", "flatAmount"}, rising, the last without upTo.';

COMMENT ON COLUMN app_public.plan_price_components.included_quantity IS 'Units of a period that cost nothing.';

COMMENT ON COLUMN app_public.plan_price_components.created_at IS 'When it was made.';

CREATE FUNCTION app_hidden.component_charge(component app_public.plan_price_components, quantity numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN app_hidden.usage_charge((component).model, quantity, (component).included_quantity, (component).unit_amount, (component).package_size, (component).tiers);

ALTER FUNCTION app_hidden.component_charge(component app_public.plan_price_components, quantity numeric) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.component_charge(component app_public.plan_price_components, quantity numeric) IS 'What a quantity costs by this component of a price, unrounded.';

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

CREATE FUNCTION app_hidden.derived_id(key text) RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (substr(encode(sha256(convert_to(key, 'UTF8'::name)), 'hex'::text), 1, 32))::uuid;

ALTER FUNCTION app_hidden.derived_id(key text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.derived_id(key text) IS 'The id of a row of a report: the same for the same key.';

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

CREATE FUNCTION app_hidden.local_days(starts timestamp with time zone, ends timestamp with time zone, timezone text) RETURNS integer
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (((ends AT TIME ZONE timezone))::date - ((starts AT TIME ZONE timezone))::date);

ALTER FUNCTION app_hidden.local_days(starts timestamp with time zone, ends timestamp with time zone, timezone text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.local_days(starts timestamp with time zone, ends timestamp with time zone, timezone text) IS 'Calendar days from one instant to another in a time zone: a day is one day, also when the clocks change on it.';

CREATE FUNCTION app_hidden.minor_units(currency text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (currency = ANY (ARRAY['JPY'::text, 'KRW'::text, 'CLP'::text, 'VND'::text])) THEN 0 WHEN (currency = ANY (ARRAY['USD'::text, 'EUR'::text, 'GBP'::text, 'CHF'::text, 'CAD'::text, 'AUD'::text, 'NZD'::text, 'SEK'::text, 'NOK'::text, 'DKK'::text, 'PLN'::text, 'CZK'::text, 'HUF'::text, 'RON'::text, 'SGD'::text, 'HKD'::text, 'INR'::text, 'BRL'::text, 'MXN'::text, 'ZAR'::text, 'ILS'::text, 'AED'::text, 'SAR'::text, 'CNY'::text])) THEN 2 WHEN (currency = ANY (ARRAY['BHD'::text, 'KWD'::text, 'OMR'::text, 'JOD'::text, 'TND'::text])) THEN 3 ELSE NULL::integer END;

ALTER FUNCTION app_hidden.minor_units(currency text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.minor_units(currency text) IS 'Decimal places of a currency (ISO 4217, upper case): 2 for EUR, 0 for JPY, 3 for KWD; null for one that is not known here.';

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

CREATE FUNCTION app_hidden.round_money(amount numeric, currency text) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN round(amount, app_hidden.minor_units(currency));

ALTER FUNCTION app_hidden.round_money(amount numeric, currency text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.round_money(amount numeric, currency text) IS 'An amount as it can be paid: rounded half away from zero to the decimal places of its currency.';

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

CREATE FUNCTION app_hidden.share_of(amount numeric, days integer, period_days integer, currency text) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN app_hidden.round_money(((amount * (days)::numeric) / (period_days)::numeric), currency);

ALTER FUNCTION app_hidden.share_of(amount numeric, days integer, period_days integer, currency text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_hidden.share_of(amount numeric, days integer, period_days integer, currency text) IS 'So many days'' share of a period''s amount, rounded to the currency.';

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

CREATE FUNCTION app_private.add_to_agents(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) RETURNS uuid[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_agent_ids uuid[];
begin
  with added as (
    insert into app_private.usage_agents as a
    select * from app_private.usage_by_agent(add_to_agents.batch_ids, add_to_agents.from_at, add_to_agents.to_at)
    on conflict (tenant_id, agent_id) do update
       set call_count = a.call_count + excluded.call_count, duration_ms = a.duration_ms + excluded.duration_ms,
           timed_count = a.timed_count + excluded.timed_count, success_count = a.success_count + excluded.success_count,
           error_count = a.error_count + excluded.error_count,
           last_success_at = greatest(a.last_success_at, excluded.last_success_at),
           last_error_at = greatest(a.last_error_at, excluded.last_error_at)
    returning agent_id
  )
  select array_agg(agent_id) into v_agent_ids from added;
  return v_agent_ids;
end
$$;

ALTER FUNCTION app_private.add_to_agents(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.add_to_agents(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) IS 'Adds calls to the totals of their agents; returns which agents those are.';

CREATE FUNCTION app_private.add_to_rollups(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone, timezone text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into app_private.usage_minutes as m
  select * from app_private.usage_by_minute(add_to_rollups.batch_ids, add_to_rollups.from_at, add_to_rollups.to_at)
  on conflict (tenant_id, minute, user_id, agent_id, api_key_id) do update
     set request_count = m.request_count + excluded.request_count, token_count = m.token_count + excluded.token_count,
         cost = m.cost + excluded.cost, consultation_count = m.consultation_count + excluded.consultation_count,
         panel_count = m.panel_count + excluded.panel_count, workflow_count = m.workflow_count + excluded.workflow_count,
         tool_call_count = m.tool_call_count + excluded.tool_call_count, duration_ms = m.duration_ms + excluded.duration_ms,
         timed_count = m.timed_count + excluded.timed_count, success_count = m.success_count + excluded.success_count,
         error_count = m.error_count + excluded.error_count;

  insert into app_private.usage_days as d
  select * from app_private.usage_by_day(add_to_rollups.batch_ids, add_to_rollups.from_at, add_to_rollups.to_at, add_to_rollups.timezone)
  on conflict (tenant_id, used_on, usage_type, user_id, agent_id, api_key_id, project_id, model_id, feature_name) do update
     set event_count = d.event_count + excluded.event_count, quantity = d.quantity + excluded.quantity, cost = d.cost + excluded.cost,
         duration_ms = d.duration_ms + excluded.duration_ms, timed_count = d.timed_count + excluded.timed_count,
         success_count = d.success_count + excluded.success_count, error_count = d.error_count + excluded.error_count,
         abandon_count = d.abandon_count + excluded.abandon_count,
         last_success_at = greatest(d.last_success_at, excluded.last_success_at),
         last_error_at = greatest(d.last_error_at, excluded.last_error_at);
end
$$;

ALTER FUNCTION app_private.add_to_rollups(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone, timezone text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.add_to_rollups(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone, timezone text) IS 'Adds events to the roll-ups by minute and by day: those of these batches, or all of these times that no longer wait.';

CREATE FUNCTION app_private.adjustment_amount(component app_public.plan_price_components, quantity_before numeric, quantity numeric, currency text) RETURNS numeric
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  -- each rounded as a line is, so that all lines of a period together are the rounded price of its whole quantity
  select app_hidden.round_money(app_hidden.component_charge(component, quantity), currency)
       - app_hidden.round_money(app_hidden.component_charge(component, quantity_before), currency);
$$;

ALTER FUNCTION app_private.adjustment_amount(component app_public.plan_price_components, quantity_before numeric, quantity numeric, currency text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.adjustment_amount(component app_public.plan_price_components, quantity_before numeric, quantity numeric, currency text) IS 'What a period costs with the late events, less what was billed.';

CREATE TABLE app_public.invoice_lines (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    invoice_id uuid NOT NULL,
    line_number integer NOT NULL,
    kind app_public.invoice_line_kind_enum NOT NULL,
    description text NOT NULL,
    amount numeric NOT NULL,
    price_id uuid,
    component_id uuid,
    usage_type text,
    quantity numeric,
    quantity_before numeric,
    days integer,
    period_days integer,
    service_start timestamp with time zone,
    service_end timestamp with time zone,
    basis_start timestamp with time zone,
    basis_end timestamp with time zone,
    counted_until bigint,
    is_manual boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT amount_is_money CHECK (app_hidden.is_money(amount)),
    CONSTRAINT description_is_short CHECK (((description ~ '\S'::text) AND (length(description) <= 500)))
);

ALTER TABLE ONLY app_public.invoice_lines FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.invoice_lines OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.invoice_lines IS '@behavior -insert -update -delete -single
Lines of invoices, each rounded to the currency half away from zero. For those with can_manage_billing; explain_invoice recomputes them.';

COMMENT ON COLUMN app_public.invoice_lines.invoice_id IS 'The invoice.';

COMMENT ON COLUMN app_public.invoice_lines.line_number IS 'Place on it, from 1.';

COMMENT ON COLUMN app_public.invoice_lines.kind IS 'recurring, usage, overage (beyond an included quantity), proration, adjustment (use that was recorded late, or by hand) or credit.';

COMMENT ON COLUMN app_public.invoice_lines.description IS 'What it says.';

COMMENT ON COLUMN app_public.invoice_lines.amount IS 'Net amount in the invoice''s currency; negative credits.';

COMMENT ON COLUMN app_public.invoice_lines.price_id IS 'The version of the price it was made by.';

COMMENT ON COLUMN app_public.invoice_lines.component_id IS 'The component of that price.';

COMMENT ON COLUMN app_public.invoice_lines.usage_type IS 'What was used.';

COMMENT ON COLUMN app_public.invoice_lines.quantity IS 'Units used; 1 or -1 for a plan''s price.';

COMMENT ON COLUMN app_public.invoice_lines.quantity_before IS 'Units billed before, for an adjustment.';

COMMENT ON COLUMN app_public.invoice_lines.days IS 'Days it is for.';

COMMENT ON COLUMN app_public.invoice_lines.period_days IS 'Days of the period they are a share of.';

COMMENT ON COLUMN app_public.invoice_lines.service_start IS 'From when it is for.';

COMMENT ON COLUMN app_public.invoice_lines.service_end IS 'Until when it is for.';

COMMENT ON COLUMN app_public.invoice_lines.basis_start IS 'Start of the period that the days are a share of.';

COMMENT ON COLUMN app_public.invoice_lines.basis_end IS 'End of that period.';

COMMENT ON COLUMN app_public.invoice_lines.counted_until IS '@behavior -*
The last batch of events an adjustment counted.';

COMMENT ON COLUMN app_public.invoice_lines.is_manual IS 'Whether staff wrote it.';

COMMENT ON COLUMN app_public.invoice_lines.created_at IS 'When it was made.';

CREATE FUNCTION app_private.adjustment_lines(tenant_id uuid, except_invoice_id uuid, until_batch bigint) RETURNS SETOF app_public.invoice_lines
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_billed record;
  v_component app_public.plan_price_components;
  v_currency text;
  v_late numeric;
  v_line app_public.invoice_lines;
begin
  for v_billed in
    select l.component_id, l.usage_type, l.service_start, l.service_end, l.price_id,
           max(l.quantity) filter (where l.kind <> 'adjustment') as base,
           max(l.quantity) as billed
      from app_public.invoice_lines l
      join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
     where l.tenant_id = adjustment_lines.tenant_id and l.component_id is not null
       and i.status <> 'draft' and i.id is distinct from adjustment_lines.except_invoice_id
       -- what was billed in another currency cannot be adjusted in this one
       and i.currency = (select p.currency from app_public.billing_profiles p where p.tenant_id = adjustment_lines.tenant_id)
       and exists (
         select from app_public.usage_events e
          where e.tenant_id = adjustment_lines.tenant_id and e.usage_type = l.usage_type and e.adjusts_period is not null
            and e.occurred_at >= l.service_start and e.occurred_at < l.service_end)
     group by l.component_id, l.usage_type, l.service_start, l.service_end, l.price_id
     order by l.service_start, l.usage_type
  loop
    v_late := app_private.late_usage(adjustment_lines.tenant_id, v_billed.usage_type,
      tstzrange(v_billed.service_start, v_billed.service_end), adjustment_lines.until_batch);
    continue when v_billed.base + v_late = v_billed.billed;
    select * into v_component from app_public.plan_price_components c where c.id = v_billed.component_id;
    select p.currency into v_currency from app_public.plan_prices p where p.id = v_billed.price_id;
    v_line := null;
    v_line.kind := 'adjustment';
    v_line.price_id := v_billed.price_id;
    v_line.component_id := v_billed.component_id;
    v_line.usage_type := v_billed.usage_type;
    v_line.quantity := v_billed.base + v_late;
    v_line.quantity_before := v_billed.billed;
    v_line.counted_until := adjustment_lines.until_batch;
    v_line.service_start := v_billed.service_start;
    v_line.service_end := v_billed.service_end;
    v_line.amount := app_private.adjustment_amount(v_component, v_line.quantity_before, v_line.quantity, v_currency);
    v_line.description := 'Recorded late: ' || app_private.usage_description(v_component, v_line.quantity)
      || format(' (%s billed before)', trim_scale(v_line.quantity_before));
    return next v_line;
  end loop;
end
$$;

ALTER FUNCTION app_private.adjustment_lines(tenant_id uuid, except_invoice_id uuid, until_batch bigint) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.adjustment_lines(tenant_id uuid, except_invoice_id uuid, until_batch bigint) IS 'What was used in periods that had been billed already and was recorded after that, up to a batch (null: all there is).';

CREATE FUNCTION app_private.advance_subscription(tenant_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := app_hidden.clock();
  v_old app_public.subscriptions;
  v_new app_public.subscriptions;
  v_is_free boolean;
begin
  loop
    select * into v_old from app_public.subscriptions s
     where s.tenant_id = advance_subscription.tenant_id and s.status in ('trialing', 'active', 'past_due')
       and s.current_period_end <= v_now
       for update;
    exit when not found;
    if v_old.status = 'trialing' then
      v_is_free := (app_private.plan_price_at(v_old.plan_id, v_old.currency, v_old.billing_cycle, v_old.trial_ends_at)).amount = 0;
      if v_old.cancel_at_period_end then
        perform app_private.end_subscription(v_old, 'cancelled', v_old.trial_ends_at);
      elsif v_is_free or app_private.can_be_charged(v_old.tenant_id) then
        v_new := app_private.begin_period(v_old, v_old.trial_ends_at, (v_old.trial_ends_at at time zone v_old.timezone)::date, 'active');
        perform app_private.bill_period(v_new, null);
      else
        perform app_private.notify_billing(v_old.tenant_id, 'trial_expired', v_old.id::text,
          'The trial has ended without a payment method.', v_old.id);
        perform app_private.end_subscription(v_old, 'expired', v_old.trial_ends_at);
      end if;
    elsif v_old.cancel_at_period_end then
      perform app_private.bill_end(v_old, v_old.current_period_end, false);
      perform app_private.end_subscription(v_old, 'cancelled', v_old.current_period_end);
    else
      v_new := app_private.begin_period(v_old, v_old.current_period_end,
        -- another cycle counts from its own first day
        case when coalesce(v_old.pending_billing_cycle, v_old.billing_cycle) <> v_old.billing_cycle
          then (v_old.current_period_end at time zone v_old.timezone)::date else v_old.anchor_on end,
        v_old.status);
      perform app_private.bill_period(v_new, v_old);
      perform app_private.notify_billing(v_new.tenant_id, 'subscription_renewed', v_new.id || '/' || v_new.period_number,
        'A new period has begun.', v_new.id);
    end if;
  end loop;
end
$$;

ALTER FUNCTION app_private.advance_subscription(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.advance_subscription(tenant_id uuid) IS 'Brings a subscription to the present: ends trials, renews, makes planned changes and cancellations, period by period.';

CREATE TABLE app_private.usage_agents (
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    call_count bigint NOT NULL,
    duration_ms bigint NOT NULL,
    timed_count bigint NOT NULL,
    success_count bigint NOT NULL,
    error_count bigint NOT NULL,
    last_success_at timestamp with time zone,
    last_error_at timestamp with time zone
);

ALTER TABLE ONLY app_private.usage_agents FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_agents OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.usage_agents IS 'All calls of each agent.';

CREATE FUNCTION app_private.agent_totals_of_days() RETURNS SETOF app_private.usage_agents
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select d.tenant_id, d.agent_id, sum(d.event_count)::bigint, sum(d.duration_ms)::bigint, sum(d.timed_count)::bigint,
           sum(d.success_count)::bigint, sum(d.error_count)::bigint, max(d.last_success_at), max(d.last_error_at)
      from app_private.usage_days d
     where d.tenant_id = app_hidden.current_tenant_id() and d.agent_id is not null and d.usage_type = 'llm_call'
     group by d.tenant_id, d.agent_id;
end
$$;

ALTER FUNCTION app_private.agent_totals_of_days() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.agent_totals_of_days() IS 'The totals of the tenant''s agents as the roll-up by day has them.';

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

CREATE FUNCTION app_private.apply_detachment(provider text, method jsonb) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := app_private.tenant_of_provider_object(apply_detachment.provider, method ->> 'id');
  v_method app_public.payment_methods;
begin
  if v_tenant_id is null then
    return 'unknown';
  end if;
  call app_private.enter_tenant(v_tenant_id);
  perform app_private.lock_billing(v_tenant_id);
  select * into v_method from app_public.payment_methods m
   where m.tenant_id = v_tenant_id and m.provider = apply_detachment.provider and m.provider_method_id = method ->> 'id';
  if v_method.is_default then
    perform app_private.make_default(v_tenant_id, null);
  end if;
  update app_public.payment_methods m set status = 'detached', is_default = false
   where m.tenant_id = v_tenant_id and m.id = v_method.id;
  return 'applied';
end
$$;

ALTER FUNCTION app_private.apply_detachment(provider text, method jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.apply_detachment(provider text, method jsonb) IS 'A payment method was taken off at the provider: it is not charged any more.';

CREATE FUNCTION app_private.apply_entitlements(tenant_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_subscription app_public.subscriptions;
  v_features jsonb;
  v_quotas jsonb;
begin
  -- a hard limit that has a short form goes to the tenant's row, from where quotas read it; the others straight to quotas
  select coalesce(jsonb_object_agg(e.key, e.is_enabled) filter (where e.kind = 'feature'), '{}'),
         coalesce(jsonb_object_agg(k.short_key, e.quota_limit) filter (where k.short_key is not null and not e.overage_allowed), '{}')
    into v_features, v_quotas
    from app_private.entitlements_of(apply_entitlements.tenant_id) e
    left join (values ('users', 'max_users'), ('agents', 'max_agents'), ('documents', 'max_documents'),
                      ('storage_gb', 'max_storage_gb'), ('api_calls', 'max_api_calls_per_month')) as k (key, short_key)
      on e.kind = 'quota' and k.key = e.key;
  perform app_private.apply_plan_quotas(apply_entitlements.tenant_id);
  -- the live one, or the last there was
  select * into v_subscription from app_public.subscriptions s
   where s.tenant_id = apply_entitlements.tenant_id order by s.ended_at desc nulls first, s.created_at desc limit 1;
  update app_public.tenants t
     set features = v_features,
         quotas = v_quotas,
         subscription_tier = coalesce((select p.tier from app_public.plans p
                                        where p.id = app_private.entitled_plan(apply_entitlements.tenant_id)), t.subscription_tier),
         subscription_status = case v_subscription.status
           when 'trialing' then 'trial' when 'active' then 'active' when 'past_due' then 'active' when 'paused' then 'suspended'
           when 'cancelled' then 'cancelled' when 'expired' then 'inactive' else t.subscription_status end,
         trial_ends_at = v_subscription.trial_ends_at,
         -- the day its periods are counted from, which is what quotas go by
         subscription_started_at = case when v_subscription.status = 'trialing' then v_subscription.started_at
           else v_subscription.anchor_on::timestamp at time zone v_subscription.timezone end,
         subscription_ends_at = coalesce(v_subscription.ended_at,
           case when v_subscription.cancel_at_period_end then v_subscription.current_period_end end),
         billing_cycle = v_subscription.billing_cycle::text,
         next_billing_date = case when v_subscription.status in ('trialing', 'active', 'past_due') and not v_subscription.cancel_at_period_end
           then v_subscription.current_period_end end
   where t.id = apply_entitlements.tenant_id;
end
$$;

ALTER FUNCTION app_private.apply_entitlements(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.apply_entitlements(tenant_id uuid) IS 'Writes what a tenant is entitled to, and where its subscription stands, to the tenant''s row. Called at every change of a subscription or an override.';

CREATE TABLE app_public.invoices (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    series text DEFAULT 'invoice'::text NOT NULL,
    reason text NOT NULL,
    status app_public.invoice_status_enum DEFAULT 'draft'::app_public.invoice_status_enum NOT NULL,
    issuer_id uuid NOT NULL,
    number text,
    sequence_number bigint,
    subscription_id uuid,
    credited_invoice_id uuid,
    currency text NOT NULL,
    timezone text NOT NULL,
    period_number integer,
    period_start timestamp with time zone,
    period_end timestamp with time zone,
    usage_start timestamp with time zone,
    usage_end timestamp with time zone,
    usage_price_id uuid,
    issued_by jsonb DEFAULT '{}'::jsonb NOT NULL,
    billed_to jsonb DEFAULT '{}'::jsonb NOT NULL,
    tax_mode text DEFAULT 'none'::text NOT NULL,
    tax_rate numeric DEFAULT 0 NOT NULL,
    subtotal numeric DEFAULT 0 NOT NULL,
    tax numeric DEFAULT 0 NOT NULL,
    total numeric DEFAULT 0 NOT NULL,
    amount_credited numeric DEFAULT 0 NOT NULL,
    amount_paid numeric DEFAULT 0 NOT NULL,
    amount_due numeric GENERATED ALWAYS AS (
CASE
    WHEN (status = ANY (ARRAY['finalised'::app_public.invoice_status_enum, 'uncollectible'::app_public.invoice_status_enum])) THEN ((GREATEST(total, (0)::numeric) - amount_credited) - amount_paid)
    ELSE (0)::numeric
END) STORED NOT NULL,
    collection_method text DEFAULT 'automatic'::text NOT NULL,
    is_charge_requested boolean DEFAULT false NOT NULL,
    attempt_count integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone,
    finalise_at timestamp with time zone,
    finalised_at timestamp with time zone,
    due_at timestamp with time zone,
    paid_at timestamp with time zone,
    voided_at timestamp with time zone,
    void_reason text,
    uncollectible_at timestamp with time zone,
    memo text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT correction_is_a_credit_note CHECK ((((series = 'credit_note'::text) = (credited_invoice_id IS NOT NULL)) AND ((series = 'credit_note'::text) = (reason = 'correction'::text)))),
    CONSTRAINT currency_is_known CHECK ((app_hidden.minor_units(currency) IS NOT NULL)),
    CONSTRAINT memo_is_short CHECK ((length(memo) <= 1000)),
    CONSTRAINT number_comes_with_finalisation CHECK ((((number IS NULL) = (status = 'draft'::app_public.invoice_status_enum)) AND ((sequence_number IS NULL) = (status = 'draft'::app_public.invoice_status_enum)) AND ((finalised_at IS NULL) = (status = 'draft'::app_public.invoice_status_enum)))),
    CONSTRAINT paid_is_settled CHECK (((status <> 'paid'::app_public.invoice_status_enum) OR ((amount_credited + amount_paid) = GREATEST(total, (0)::numeric)))),
    CONSTRAINT period_of_a_subscription CHECK (((reason <> ALL (ARRAY['period'::text, 'end'::text])) OR ((subscription_id IS NOT NULL) AND (period_number IS NOT NULL)))),
    CONSTRAINT reason_is_known CHECK ((reason = ANY (ARRAY['period'::text, 'change'::text, 'end'::text, 'manual'::text, 'correction'::text]))),
    CONSTRAINT series_is_known CHECK ((series = ANY (ARRAY['invoice'::text, 'credit_note'::text]))),
    CONSTRAINT settled_is_not_more_than_total CHECK (((amount_credited >= (0)::numeric) AND (amount_paid >= (0)::numeric) AND ((amount_credited + amount_paid) <= GREATEST(total, (0)::numeric)))),
    CONSTRAINT total_is_subtotal_and_tax CHECK (((total = (subtotal + tax)) AND app_hidden.is_money(total))),
    CONSTRAINT usage_has_a_price CHECK ((((usage_start IS NULL) = (usage_price_id IS NULL)) AND ((usage_start IS NULL) = (usage_end IS NULL)))),
    CONSTRAINT void_has_a_reason CHECK ((((status = 'void'::app_public.invoice_status_enum) = (void_reason IS NOT NULL)) AND (length(void_reason) <= 1000)))
);

ALTER TABLE ONLY app_public.invoices FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.invoices OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.invoices IS '@behavior -insert -update -delete -single
Invoices and credit notes of this tenant. Once finalised they never change; only their way to being paid goes on. For those with can_manage_billing.';

COMMENT ON COLUMN app_public.invoices.series IS 'invoice or credit_note.';

COMMENT ON COLUMN app_public.invoices.reason IS 'period (the plan in advance, use in arrears), change (an upgrade), end (of a subscription or pause), manual or correction (a credit note).';

COMMENT ON COLUMN app_public.invoices.status IS 'draft, finalised (to be paid), paid, void or uncollectible.';

COMMENT ON COLUMN app_public.invoices.issuer_id IS 'Who bills.';

COMMENT ON COLUMN app_public.invoices.number IS 'Its number, without gaps for each issuer and series; null while a draft.';

COMMENT ON COLUMN app_public.invoices.sequence_number IS 'The number as a number.';

COMMENT ON COLUMN app_public.invoices.subscription_id IS 'The subscription it bills.';

COMMENT ON COLUMN app_public.invoices.credited_invoice_id IS 'The invoice that this credit note credits.';

COMMENT ON COLUMN app_public.invoices.currency IS 'ISO 4217.';

COMMENT ON COLUMN app_public.invoices.timezone IS 'IANA time zone of its days.';

COMMENT ON COLUMN app_public.invoices.period_number IS 'Number of the subscription''s period.';

COMMENT ON COLUMN app_public.invoices.period_start IS 'Start of the period it was made in.';

COMMENT ON COLUMN app_public.invoices.period_end IS 'End of that period.';

COMMENT ON COLUMN app_public.invoices.usage_start IS 'From when use is billed.';

COMMENT ON COLUMN app_public.invoices.usage_end IS 'Until when use is billed.';

COMMENT ON COLUMN app_public.invoices.usage_price_id IS 'The price the use is billed by.';

COMMENT ON COLUMN app_public.invoices.issued_by IS 'Who billed, as it was then: name, address, taxNumber, footer.';

COMMENT ON COLUMN app_public.invoices.billed_to IS 'Who was billed, as it was then: name, address, country, taxNumber, email.';

COMMENT ON COLUMN app_public.invoices.tax_mode IS 'standard, reverse_charge or none.';

COMMENT ON COLUMN app_public.invoices.tax_rate IS 'Share of the subtotal.';

COMMENT ON COLUMN app_public.invoices.subtotal IS 'Sum of the lines, net.';

COMMENT ON COLUMN app_public.invoices.tax IS 'Tax on the subtotal, rounded half away from zero.';

COMMENT ON COLUMN app_public.invoices.total IS 'Subtotal and tax; negative on credit notes, and on invoices that credit more than they charge.';

COMMENT ON COLUMN app_public.invoices.amount_credited IS 'What credit and credit notes settled of it.';

COMMENT ON COLUMN app_public.invoices.amount_paid IS 'What payments settled of it.';

COMMENT ON COLUMN app_public.invoices.amount_due IS 'What is still owed.';

COMMENT ON COLUMN app_public.invoices.collection_method IS 'automatic or invoice.';

COMMENT ON COLUMN app_public.invoices.is_charge_requested IS 'Whether pay_invoice asked for a charge that has not begun.';

COMMENT ON COLUMN app_public.invoices.attempt_count IS 'How often payment was missed.';

COMMENT ON COLUMN app_public.invoices.next_attempt_at IS 'When it is charged next, or is overdue.';

COMMENT ON COLUMN app_public.invoices.finalise_at IS 'When the draft is made final by itself.';

COMMENT ON COLUMN app_public.invoices.finalised_at IS 'When it became final.';

COMMENT ON COLUMN app_public.invoices.due_at IS 'When it has to be paid.';

COMMENT ON COLUMN app_public.invoices.paid_at IS 'When nothing was due any more.';

COMMENT ON COLUMN app_public.invoices.voided_at IS 'When it was voided.';

COMMENT ON COLUMN app_public.invoices.void_reason IS 'Why it was voided.';

COMMENT ON COLUMN app_public.invoices.uncollectible_at IS 'When payment was given up on.';

COMMENT ON COLUMN app_public.invoices.memo IS 'A note on the document, at most 1,000 characters.';

COMMENT ON COLUMN app_public.invoices.created_at IS 'When it was made.';

COMMENT ON COLUMN app_public.invoices.updated_at IS 'When it last changed.';

CREATE TABLE app_public.payments (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    invoice_id uuid NOT NULL,
    provider text NOT NULL,
    status app_public.payment_status_enum DEFAULT 'pending'::app_public.payment_status_enum NOT NULL,
    currency text NOT NULL,
    amount numeric NOT NULL,
    payment_method_id uuid,
    provider_payment_id text,
    reference text,
    failure_code text,
    failure_message text,
    attempted_at timestamp with time zone NOT NULL,
    succeeded_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT amount_is_positive CHECK (((amount > (0)::numeric) AND app_hidden.is_money(amount))),
    CONSTRAINT provider_is_known CHECK ((provider = ANY (ARRAY['manual'::text, 'stripe'::text]))),
    CONSTRAINT reference_is_short CHECK ((length(reference) <= 200)),
    CONSTRAINT succeeded_at_comes_with_success CHECK (((succeeded_at IS NOT NULL) = (status = 'succeeded'::app_public.payment_status_enum)))
);

ALTER TABLE ONLY app_public.payments FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.payments OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.payments IS '@behavior -insert -update -delete -single
Payments of invoices, tried and done. For those with can_manage_billing.';

COMMENT ON COLUMN app_public.payments.invoice_id IS 'The invoice.';

COMMENT ON COLUMN app_public.payments.provider IS 'manual (noted by staff) or stripe.';

COMMENT ON COLUMN app_public.payments.status IS 'pending, succeeded or failed.';

COMMENT ON COLUMN app_public.payments.currency IS 'ISO 4217.';

COMMENT ON COLUMN app_public.payments.amount IS 'In the currency, tax included.';

COMMENT ON COLUMN app_public.payments.payment_method_id IS 'What was charged.';

COMMENT ON COLUMN app_public.payments.provider_payment_id IS 'The provider''s key of it.';

COMMENT ON COLUMN app_public.payments.reference IS 'Staff''s reference, once an invoice.';

COMMENT ON COLUMN app_public.payments.failure_code IS 'The provider''s code for why it failed.';

COMMENT ON COLUMN app_public.payments.failure_message IS 'The provider''s words for it.';

COMMENT ON COLUMN app_public.payments.attempted_at IS 'When it was tried.';

COMMENT ON COLUMN app_public.payments.succeeded_at IS 'When it succeeded.';

COMMENT ON COLUMN app_public.payments.created_at IS 'When it was made.';

COMMENT ON COLUMN app_public.payments.updated_at IS 'When it last changed.';

CREATE FUNCTION app_private.apply_payment(invoice app_public.invoices, payment app_public.payments) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_applied numeric := least((apply_payment.payment).amount, (apply_payment.invoice).amount_due);
begin
  if v_applied > 0 then
    perform app_private.settle((apply_payment.invoice).tenant_id, (apply_payment.invoice).id, v_applied, 0);
  end if;
  if (apply_payment.payment).amount > v_applied then
    -- paid twice, or credited meanwhile: it is theirs and pays what comes next
    insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id, occurred_at)
    values ((apply_payment.payment).tenant_id, (apply_payment.payment).currency, (apply_payment.payment).amount - v_applied,
            'overpayment', (apply_payment.invoice).id, app_hidden.clock());
  end if;
  update app_public.tenants t set last_payment_at = app_hidden.clock() where t.id = (apply_payment.payment).tenant_id;
  perform app_private.notify_billing((apply_payment.payment).tenant_id, 'payment_succeeded', (apply_payment.payment).id::text,
    format('The payment for %s has arrived.', (apply_payment.invoice).number), (apply_payment.invoice).subscription_id, (apply_payment.invoice).id);
  perform app_private.follow_payment((apply_payment.payment).tenant_id);
end
$$;

ALTER FUNCTION app_private.apply_payment(invoice app_public.invoices, payment app_public.payments) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.apply_payment(invoice app_public.invoices, payment app_public.payments) IS 'Counts a payment towards its invoice; what is too much becomes credit.';

CREATE FUNCTION app_private.apply_payment_intent(type text, intent jsonb) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := app_private.uuid_or_null(intent #>> '{metadata,tenant_id}');
  v_payment app_public.payments;
  v_outcome text := case type
    when 'payment_intent.succeeded' then 'succeeded' when 'payment_intent.payment_failed' then 'failed'
    when 'payment_intent.canceled' then 'failed' when 'payment_intent.processing' then 'processing' end;
begin
  if v_outcome is null then
    return 'ignored';
  end if;
  if v_tenant_id is null then
    return 'unknown';
  end if;
  call app_private.enter_tenant(v_tenant_id);
  select * into v_payment from app_public.payments p
   where p.tenant_id = v_tenant_id and p.id = app_private.uuid_or_null(intent #>> '{metadata,payment_id}');
  if not found or v_payment.provider_payment_id <> intent ->> 'id' or v_payment.currency <> upper(intent ->> 'currency')
     or v_outcome = 'succeeded'
        and (intent ->> 'amount_received')::numeric is distinct from v_payment.amount * 10 ^ app_hidden.minor_units(v_payment.currency) then
    return 'unknown';
  end if;
  perform app_private.finish_payment(v_tenant_id, v_payment.id, v_outcome, intent ->> 'id',
    coalesce(intent #>> '{last_payment_error,decline_code}', intent #>> '{last_payment_error,code}', intent ->> 'cancellation_reason'),
    intent #>> '{last_payment_error,message}');
  return 'applied';
end
$$;

ALTER FUNCTION app_private.apply_payment_intent(type text, intent jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.apply_payment_intent(type text, intent jsonb) IS 'A charge went on. It is found by the metadata we gave it; another amount, currency or charge than ours is unknown.';

CREATE FUNCTION app_private.apply_plan_quotas(tenant_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_limit record;
  v_kept uuid[] := '{}';
  v_id uuid;
begin
  for v_limit in
    select case e.key when 'storage_gb' then 'storage' else e.key end as quota_type,
           e.quota_limit * case e.key when 'storage_gb' then 1073741824 else 1 end as quota_limit,
           case when e.key in ('api_calls', 'tokens', 'cost') then 'billing' else 'none' end as period, e.overage_allowed
      from app_private.entitlements_of(apply_plan_quotas.tenant_id) e
     where e.kind = 'quota' and (e.overage_allowed or e.key in ('tokens', 'cost'))
     order by 1
  loop
    insert into app_public.usage_quotas as q (tenant_id, quota_type, period, quota_limit, is_hard_limit, overage_allowed, source)
    values (apply_plan_quotas.tenant_id, v_limit.quota_type, v_limit.period, v_limit.quota_limit, not v_limit.overage_allowed,
            v_limit.overage_allowed, 'plan')
    on conflict (tenant_id, quota_type, quota_scope, scope_id, period, applies_to_subtree, is_hard_limit, source) do update
       set quota_limit = excluded.quota_limit, overage_allowed = excluded.overage_allowed
    returning q.id into v_id;
    v_kept := v_kept || v_id;
  end loop;
  delete from app_public.usage_quotas q
   where q.tenant_id = apply_plan_quotas.tenant_id and q.source = 'plan' and q.id <> all (v_kept);
end
$$;

ALTER FUNCTION app_private.apply_plan_quotas(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.apply_plan_quotas(tenant_id uuid) IS 'Keeps the quotas that a tenant''s plan or overrides give it and that tenants.quotas cannot say: tokens, cost, and those beyond which use goes on and is billed.';

CREATE FUNCTION app_private.apply_refund(provider text, refund jsonb) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := coalesce(app_private.uuid_or_null(refund #>> '{metadata,tenant_id}'),
    app_private.tenant_of_provider_object(apply_refund.provider, refund ->> 'payment_intent'));
  v_outcome text := case refund ->> 'status'
    when 'succeeded' then 'succeeded' when 'failed' then 'failed' when 'canceled' then 'failed' else 'processing' end;
  v_payment app_public.payments;
  v_refund app_public.refunds;
  v_amount numeric;
begin
  if v_tenant_id is null then
    return 'unknown';
  end if;
  call app_private.enter_tenant(v_tenant_id);
  perform app_private.lock_billing(v_tenant_id);
  select * into v_refund from app_public.refunds r
   where r.tenant_id = v_tenant_id
     and (r.provider_refund_id = refund ->> 'id' or r.id = app_private.uuid_or_null(refund #>> '{metadata,refund_id}'));
  if not found then
    -- made in the provider's own pages
    select * into v_payment from app_public.payments p
     where p.tenant_id = v_tenant_id and p.provider = apply_refund.provider and p.provider_payment_id = refund ->> 'payment_intent'
       and p.status = 'succeeded';
    v_amount := (refund ->> 'amount')::numeric / 10 ^ app_hidden.minor_units(v_payment.currency);
    if v_payment.id is null or v_outcome = 'failed' or v_amount is null or v_amount <= 0
       or v_amount > app_private.creditable(v_tenant_id, v_payment.invoice_id) then
      return 'unknown';
    end if;
    insert into app_public.refunds (tenant_id, payment_id, amount, reason, provider_refund_id)
    values (v_tenant_id, v_payment.id, v_amount, 'Refunded at the payment provider', refund ->> 'id') returning * into v_refund;
  end if;
  perform app_private.finish_refund(v_tenant_id, v_refund.id, v_outcome, refund ->> 'id', refund ->> 'failure_reason');
  return 'applied';
end
$$;

ALTER FUNCTION app_private.apply_refund(provider text, refund jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.apply_refund(provider text, refund jsonb) IS 'A refund went on, ours or one made in the provider''s own pages. One of more than is left of the invoice is unknown: staff look at it.';

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

CREATE TABLE app_public.billing_profiles (
    tenant_id uuid NOT NULL,
    legal_name text,
    email text,
    address text,
    country_code text,
    tax_number text,
    tax_mode text DEFAULT 'standard'::text NOT NULL,
    tax_rate numeric DEFAULT 0 NOT NULL,
    collection_method text DEFAULT 'automatic'::text NOT NULL,
    currency text DEFAULT 'USD'::text NOT NULL,
    issuer_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT address_is_short CHECK ((length(address) <= 1000)),
    CONSTRAINT collection_method_is_known CHECK ((collection_method = ANY (ARRAY['automatic'::text, 'invoice'::text]))),
    CONSTRAINT country_code_is_iso_3166 CHECK ((country_code ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT currency_is_known CHECK ((app_hidden.minor_units(currency) IS NOT NULL)),
    CONSTRAINT email_is_an_email CHECK (app_hidden.is_email(email)),
    CONSTRAINT legal_name_is_a_name CHECK (app_hidden.is_name(legal_name)),
    CONSTRAINT tax_mode_is_known CHECK ((tax_mode = ANY (ARRAY['standard'::text, 'reverse_charge'::text, 'none'::text]))),
    CONSTRAINT tax_number_is_short CHECK ((length(tax_number) <= 50)),
    CONSTRAINT tax_rate_is_a_share CHECK (((tax_rate >= (0)::numeric) AND (tax_rate < (1)::numeric)))
);

ALTER TABLE ONLY app_public.billing_profiles FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.billing_profiles OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.billing_profiles IS '@behavior -insert -update -delete -single
Who is billed in this tenant, and how. Change it with update_billing_profile. For those with can_manage_billing.';

COMMENT ON COLUMN app_public.billing_profiles.legal_name IS 'Name on the invoice.';

COMMENT ON COLUMN app_public.billing_profiles.email IS 'Where invoices go, lower case.';

COMMENT ON COLUMN app_public.billing_profiles.address IS 'Address on the invoice, at most 1,000 characters.';

COMMENT ON COLUMN app_public.billing_profiles.country_code IS 'ISO 3166-1 alpha-2.';

COMMENT ON COLUMN app_public.billing_profiles.tax_number IS 'Tax number, such as a VAT id.';

COMMENT ON COLUMN app_public.billing_profiles.tax_mode IS 'standard, reverse_charge (the one who is billed owes the tax) or none.';

COMMENT ON COLUMN app_public.billing_profiles.tax_rate IS 'Share of the subtotal, 0.19 for 19 %; for standard.';

COMMENT ON COLUMN app_public.billing_profiles.collection_method IS 'automatic (the payment method is charged) or invoice (they pay by themselves).';

COMMENT ON COLUMN app_public.billing_profiles.currency IS 'ISO 4217.';

COMMENT ON COLUMN app_public.billing_profiles.issuer_id IS 'Who bills it.';

COMMENT ON COLUMN app_public.billing_profiles.created_at IS 'When it was made.';

COMMENT ON COLUMN app_public.billing_profiles.updated_at IS 'When it last changed.';

CREATE FUNCTION app_private.begin_billing() RETURNS app_public.billing_profiles
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.require_permission('can_manage_billing');
  return app_private.lock_billing(app_hidden.current_tenant_id());
end
$$;

ALTER FUNCTION app_private.begin_billing() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.begin_billing() IS 'What every billing function of the API begins with: ID203 without the permission can_manage_billing, then the lock.';

CREATE FUNCTION app_private.begin_overview(OUT period tstzrange, OUT first_day date, OUT last_day date) RETURNS record
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.require_permission('can_view_analytics');
  period := app_private.overview_period(app_hidden.current_tenant_id());
  select (lower(period) at time zone t.timezone)::date, ((upper(period) - interval '1 microsecond') at time zone t.timezone)::date
    into first_day, last_day
    from app_public.tenants t where t.id = app_hidden.current_tenant_id();
end
$$;

ALTER FUNCTION app_private.begin_overview(OUT period tstzrange, OUT first_day date, OUT last_day date) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.begin_overview(OUT period tstzrange, OUT first_day date, OUT last_day date) IS 'The period that usage is shown for, as times and as days of the tenant''s time zone. ID203 without the permission can_view_analytics.';

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

CREATE FUNCTION app_private.begin_payment(tenant_id uuid, invoice_id uuid) RETURNS TABLE(payment_id uuid, provider text, amount_minor bigint, currency text, customer_id text, provider_method_id text, invoice_number text, attempted_at timestamp with time zone, is_repeated boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz := app_hidden.clock();
  v_invoice app_public.invoices;
  v_method app_public.payment_methods;
  v_payment app_public.payments;
  v_customer_id text;
  v_is_repeated boolean;
begin
  call app_private.enter_tenant(begin_payment.tenant_id);
  perform app_private.lock_billing(begin_payment.tenant_id);
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = begin_payment.tenant_id and i.id = begin_payment.invoice_id for update;
  if not found or v_invoice.amount_due <= 0 or v_invoice.next_attempt_at is null or v_invoice.next_attempt_at > v_now then
    return;
  end if;
  select * into v_payment from app_public.payments p
   where p.tenant_id = begin_payment.tenant_id and p.invoice_id = v_invoice.id and p.status = 'pending';
  v_is_repeated := found;
  if not v_is_repeated then
    select * into v_method from app_public.payment_methods m where m.tenant_id = begin_payment.tenant_id and m.is_default;
    if not found or v_invoice.collection_method = 'invoice' and not v_invoice.is_charge_requested then
      -- nobody to ask: what is not paid by now is overdue
      perform app_private.payment_missed(v_invoice, null);
      return;
    end if;
    insert into app_public.payments (tenant_id, invoice_id, provider, currency, amount, payment_method_id, attempted_at)
    values (begin_payment.tenant_id, v_invoice.id, v_method.provider, v_invoice.currency, v_invoice.amount_due, v_method.id, v_now)
    returning * into v_payment;
  else
    select * into v_method from app_public.payment_methods m
     where m.tenant_id = begin_payment.tenant_id and m.id = v_payment.payment_method_id;
  end if;
  -- a lease: if this worker dies, another one asks again
  update app_public.invoices i set next_attempt_at = v_now + interval '1 hour', is_charge_requested = false
   where i.tenant_id = begin_payment.tenant_id and i.id = v_invoice.id;
  select c.customer_id into v_customer_id from app_private.payment_customers c
   where c.tenant_id = begin_payment.tenant_id and c.provider = v_payment.provider;
  return query select v_payment.id, v_payment.provider,
    (v_payment.amount * 10 ^ app_hidden.minor_units(v_payment.currency))::bigint, v_payment.currency, v_customer_id,
    v_method.provider_method_id, v_invoice.number, v_payment.attempted_at, v_is_repeated;
end
$$;

ALTER FUNCTION app_private.begin_payment(tenant_id uuid, invoice_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.begin_payment(tenant_id uuid, invoice_id uuid) IS 'Writes a charge down and returns what the provider must be asked; the one that is under way, if there is one; nothing when nothing is due.';

CREATE TABLE app_public.subscriptions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    price_id uuid NOT NULL,
    billing_cycle app_public.billing_cycle_enum NOT NULL,
    currency text NOT NULL,
    status app_public.subscription_status_enum NOT NULL,
    timezone text NOT NULL,
    anchor_on date NOT NULL,
    started_at timestamp with time zone NOT NULL,
    trial_ends_at timestamp with time zone,
    period_number integer DEFAULT 1 NOT NULL,
    current_period_start timestamp with time zone NOT NULL,
    current_period_end timestamp with time zone NOT NULL,
    usage_since timestamp with time zone NOT NULL,
    cancel_at_period_end boolean DEFAULT false NOT NULL,
    pending_plan_id uuid,
    pending_billing_cycle app_public.billing_cycle_enum,
    paused_at timestamp with time zone,
    past_due_at timestamp with time zone,
    ended_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT cancelled_is_not_changed CHECK (((NOT cancel_at_period_end) OR (pending_plan_id IS NULL))),
    CONSTRAINT ended_is_over CHECK (((ended_at IS NOT NULL) = (status = ANY (ARRAY['cancelled'::app_public.subscription_status_enum, 'expired'::app_public.subscription_status_enum])))),
    CONSTRAINT past_due_since CHECK (((past_due_at IS NOT NULL) = (status = 'past_due'::app_public.subscription_status_enum))),
    CONSTRAINT paused_since CHECK (((paused_at IS NOT NULL) = (status = 'paused'::app_public.subscription_status_enum))),
    CONSTRAINT pending_change_is_whole CHECK (((pending_plan_id IS NULL) = (pending_billing_cycle IS NULL))),
    CONSTRAINT period_is_not_empty CHECK ((current_period_start < current_period_end)),
    CONSTRAINT trial_has_an_end CHECK (((status <> 'trialing'::app_public.subscription_status_enum) OR (trial_ends_at IS NOT NULL)))
);

ALTER TABLE ONLY app_public.subscriptions FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.subscriptions OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.subscriptions IS '@name plan_subscription
@behavior -insert -update -delete
The plans this tenant has and had; at most one has not ended. start_subscription, change_plan, cancel_subscription, pause_subscription and resume_subscription change it.';

COMMENT ON COLUMN app_public.subscriptions.plan_id IS 'The plan.';

COMMENT ON COLUMN app_public.subscriptions.price_id IS 'The version of its price that holds in this period.';

COMMENT ON COLUMN app_public.subscriptions.billing_cycle IS 'monthly or annual.';

COMMENT ON COLUMN app_public.subscriptions.currency IS 'ISO 4217; that of the billing profile at the start.';

COMMENT ON COLUMN app_public.subscriptions.status IS 'trialing, active, past_due (a payment failed), paused, cancelled or expired (a trial that nobody paid for).';

COMMENT ON COLUMN app_public.subscriptions.timezone IS 'IANA time zone in which its days and periods are counted; the tenant''s at the start.';

COMMENT ON COLUMN app_public.subscriptions.anchor_on IS 'The day its periods are counted from.';

COMMENT ON COLUMN app_public.subscriptions.started_at IS 'When it began.';

COMMENT ON COLUMN app_public.subscriptions.trial_ends_at IS 'When the trial ends or ended, null without one.';

COMMENT ON COLUMN app_public.subscriptions.period_number IS 'Number of the period, from 1.';

COMMENT ON COLUMN app_public.subscriptions.current_period_start IS 'Start of the period.';

COMMENT ON COLUMN app_public.subscriptions.current_period_end IS 'End of the period; of the trial while there is one.';

COMMENT ON COLUMN app_public.subscriptions.usage_since IS 'From when use has not been billed yet.';

COMMENT ON COLUMN app_public.subscriptions.cancel_at_period_end IS 'Whether it ends with the period.';

COMMENT ON COLUMN app_public.subscriptions.pending_plan_id IS 'The plan it changes to at the end of the period.';

COMMENT ON COLUMN app_public.subscriptions.pending_billing_cycle IS 'The cycle it changes to then.';

COMMENT ON COLUMN app_public.subscriptions.paused_at IS 'Since when it is paused.';

COMMENT ON COLUMN app_public.subscriptions.past_due_at IS 'Since when a payment is missed.';

COMMENT ON COLUMN app_public.subscriptions.ended_at IS 'When it ended, null while it lives.';

COMMENT ON COLUMN app_public.subscriptions.created_at IS 'When it was made.';

COMMENT ON COLUMN app_public.subscriptions.updated_at IS 'When it last changed.';

CREATE FUNCTION app_private.begin_period(subscription app_public.subscriptions, at timestamp with time zone, anchor_on date, status app_public.subscription_status_enum) RETURNS app_public.subscriptions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_next app_public.subscriptions := begin_period.subscription;
  v_period tstzrange;
begin
  v_next.anchor_on := begin_period.anchor_on;
  v_next.plan_id := coalesce(v_next.pending_plan_id, v_next.plan_id);
  v_next.billing_cycle := coalesce(v_next.pending_billing_cycle, v_next.billing_cycle);
  v_next.price_id := (app_private.plan_price_at(v_next.plan_id, v_next.currency, v_next.billing_cycle, begin_period.at)).id;
  v_period := app_private.subscription_period(v_next, begin_period.at);
  update app_public.subscriptions s
     set status = begin_period.status, plan_id = v_next.plan_id, billing_cycle = v_next.billing_cycle, price_id = v_next.price_id,
         period_number = s.period_number + 1, anchor_on = v_next.anchor_on, current_period_start = lower(v_period), current_period_end = upper(v_period),
         usage_since = begin_period.at, pending_plan_id = null, pending_billing_cycle = null, paused_at = null,
         past_due_at = case begin_period.status when 'past_due' then s.past_due_at end
   where s.id = v_next.id
  returning * into v_next;
  return v_next;
end
$$;

ALTER FUNCTION app_private.begin_period(subscription app_public.subscriptions, at timestamp with time zone, anchor_on date, status app_public.subscription_status_enum) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.begin_period(subscription app_public.subscriptions, at timestamp with time zone, anchor_on date, status app_public.subscription_status_enum) IS 'Moves a subscription into the period that begins at an instant, with the change that was planned for it and the price of that time.';

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

CREATE FUNCTION app_private.begin_usage() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- with an older snapshot, the period that has just become final would still look open
  if current_setting('transaction_isolation') <> 'read committed' then
    perform app_private.raise_error('MT411', 'Usage is recorded at the isolation level read committed.', 'Record it in a transaction of its own.');
  end if;
  perform pg_advisory_xact_lock_shared(app_private.metering_lock('record'), hashtext(app_hidden.current_tenant_id()::text));
  return nextval('app_private.usage_batches');
end
$$;

ALTER FUNCTION app_private.begin_usage() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.begin_usage() IS 'Opens a batch: no period of the tenant becomes final before this transaction ends. MT411: the isolation level is not read committed.';

CREATE FUNCTION app_private.bill_end(subscription app_public.subscriptions, at timestamp with time zone, credit_unused boolean) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_usage tstzrange := case when (bill_end.subscription).usage_since < bill_end.at
    then tstzrange((bill_end.subscription).usage_since, bill_end.at) end;
  v_lines app_public.invoice_lines[] := '{}';
  v_invoice app_public.invoices;
begin
  if bill_end.credit_unused then
    v_lines := array(select l from app_private.unused_line(bill_end.subscription, bill_end.at) l);
  end if;
  if v_usage is not null and not app_private.has_usage_to_bill((bill_end.subscription).tenant_id, (bill_end.subscription).price_id) then
    v_usage := null;
  end if;
  if v_lines = '{}' and v_usage is null then
    return null;
  end if;
  v_invoice := app_private.draft_invoice((bill_end.subscription).tenant_id, 'end', bill_end.subscription, v_usage, (bill_end.subscription).price_id);
  perform app_private.insert_lines(v_invoice, v_lines);
  if bill_end.at < (bill_end.subscription).current_period_end or v_usage is null then
    return app_private.finalise(v_invoice.tenant_id, v_invoice.id);
  end if;
  perform app_private.refresh_usage(v_invoice, null);
  return v_invoice;
end
$$;

ALTER FUNCTION app_private.bill_end(subscription app_public.subscriptions, at timestamp with time zone, credit_unused boolean) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.bill_end(subscription app_public.subscriptions, at timestamp with time zone, credit_unused boolean) IS 'The last invoice of a period without a next one: what was used, and a credit for unused days. None when there is nothing to bill.';

CREATE FUNCTION app_private.bill_period(subscription app_public.subscriptions, ended app_public.subscriptions) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_price app_public.plan_prices;
  v_basis constant tstzrange := tstzrange((bill_period.subscription).current_period_start, (bill_period.subscription).current_period_end);
  v_usage tstzrange := case when (bill_period.ended).usage_since < (bill_period.ended).current_period_end
    then tstzrange((bill_period.ended).usage_since, (bill_period.ended).current_period_end) end;
  v_lines app_public.invoice_lines[] := '{}';
  v_invoice app_public.invoices;
begin
  select * into v_price from app_public.plan_prices p where p.id = (bill_period.subscription).price_id;
  if v_price.amount > 0 then
    v_lines := array[app_private.recurring_line(v_price, 'recurring', 1, v_basis, v_basis, (bill_period.subscription).timezone)];
  end if;
  if v_usage is not null and not app_private.has_usage_to_bill((bill_period.ended).tenant_id, (bill_period.ended).price_id) then
    v_usage := null;
  end if;
  if v_lines = '{}' and v_usage is null then
    return null;
  end if;
  v_invoice := app_private.draft_invoice((bill_period.subscription).tenant_id, 'period', bill_period.subscription, v_usage, (bill_period.ended).price_id);
  perform app_private.insert_lines(v_invoice, v_lines);
  if v_usage is null then
    v_invoice := app_private.finalise(v_invoice.tenant_id, v_invoice.id);
  else
    perform app_private.refresh_usage(v_invoice, null);
  end if;
  return v_invoice;
end
$$;

ALTER FUNCTION app_private.bill_period(subscription app_public.subscriptions, ended app_public.subscriptions) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.bill_period(subscription app_public.subscriptions, ended app_public.subscriptions) IS 'The invoice at the beginning of a period: the plan''s price in advance, and the usage of the period that has ended, if there was one. None when there is nothing to bill.';

CREATE FUNCTION app_private.billable_usage(tenant_id uuid, usage_type text, period tstzrange) RETURNS numeric
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_quantity numeric;
begin
  select coalesce(sum(e.quantity), 0) into v_quantity
    from app_public.usage_events e
   where e.tenant_id = billable_usage.tenant_id and e.usage_type = billable_usage.usage_type
     and e.occurred_at >= lower(billable_usage.period) and e.occurred_at < upper(billable_usage.period)
     and e.adjusts_period is null;
  return v_quantity;
end
$$;

ALTER FUNCTION app_private.billable_usage(tenant_id uuid, usage_type text, period tstzrange) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.billable_usage(tenant_id uuid, usage_type text, period tstzrange) IS 'What was used in a period, without what was recorded after the period had been finalised.';

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

CREATE FUNCTION app_private.can_be_charged(tenant_id uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (select from app_public.billing_profiles p
                  where p.tenant_id = can_be_charged.tenant_id and p.collection_method = 'invoice')
      or exists (select from app_public.payment_methods m where m.tenant_id = can_be_charged.tenant_id and m.is_default);
$$;

ALTER FUNCTION app_private.can_be_charged(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.can_be_charged(tenant_id uuid) IS 'Whether a tenant has a payment method, or pays by invoice.';

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

CREATE TABLE app_public.plan_prices (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    plan_id uuid NOT NULL,
    currency text NOT NULL,
    billing_cycle app_public.billing_cycle_enum NOT NULL,
    amount numeric NOT NULL,
    valid_from timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT amount_is_not_negative CHECK (((amount >= (0)::numeric) AND app_hidden.is_money(amount))),
    CONSTRAINT currency_is_known CHECK ((app_hidden.minor_units(currency) IS NOT NULL)),
    CONSTRAINT valid_from_is_finite CHECK (isfinite(valid_from))
);

ALTER TABLE ONLY app_public.plan_prices FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.plan_prices OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.plan_prices IS 'Versions of a plan''s price: per currency and cycle the last one that has begun is in force and never changes; a new one holds from each subscription''s next period.';

COMMENT ON COLUMN app_public.plan_prices.plan_id IS 'The plan.';

COMMENT ON COLUMN app_public.plan_prices.currency IS 'ISO 4217, upper case.';

COMMENT ON COLUMN app_public.plan_prices.billing_cycle IS 'monthly or annual.';

COMMENT ON COLUMN app_public.plan_prices.amount IS 'Price of one period in the currency, in advance and net of tax, 0 to below a million million.';

COMMENT ON COLUMN app_public.plan_prices.valid_from IS 'From when it is sold.';

COMMENT ON COLUMN app_public.plan_prices.created_at IS 'When it was made.';

CREATE FUNCTION app_private.change_lines(subscription app_public.subscriptions, price app_public.plan_prices, at timestamp with time zone) RETURNS SETOF app_public.invoice_lines
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_zone constant text := (change_lines.subscription).timezone;
  v_basis constant tstzrange := tstzrange((change_lines.subscription).current_period_start, (change_lines.subscription).current_period_end);
  -- the day of the change belongs to the new plan
  v_rest constant tstzrange := tstzrange(
    greatest(app_private.local_midnight(change_lines.at, v_zone), lower(v_basis)), upper(v_basis));
  v_old app_public.plan_prices;
begin
  select * into v_old from app_public.plan_prices p where p.id = (change_lines.subscription).price_id;
  if v_old.amount > 0 then
    return next app_private.recurring_line(v_old, 'proration', -1, v_rest, v_basis, v_zone);
  end if;
  if (change_lines.price).amount > 0 then
    return next app_private.recurring_line(change_lines.price, 'proration', 1, v_rest, v_basis, v_zone);
  end if;
end
$$;

ALTER FUNCTION app_private.change_lines(subscription app_public.subscriptions, price app_public.plan_prices, at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.change_lines(subscription app_public.subscriptions, price app_public.plan_prices, at timestamp with time zone) IS 'An upgrade within a period: the rest of it is credited at the old price and charged at the new one.';

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
       set usage_count = greatest(u.usage_count - r.amount, u.past_count)
      from (select r.*, case r.limit_type when 'requests' then requests when 'tokens' then tokens else cost * 100 end as amount
              from app_private.rate_limit_rules r
             where r.tenant_id = check_rate_limit.tenant_id) r
     where u.tenant_id = r.tenant_id and u.config_id = r.config_id and u.window_seconds = r.window_seconds
       and u.scope_id = case r.limit_scope when 'tenant' then r.tenant_id when 'user' then user_id when 'agent' then agent_id else api_key_id end
       and coalesce(r.scope_id, u.scope_id) = u.scope_id and u.scope_id <> all (r.except_scope_ids)
       and r.amount > 0 and (r.config_id::text || r.window_seconds) <> all (v_refused);
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

CREATE FUNCTION app_private.check_usage(inputs app_private.usage_input[], OUT first_at timestamp with time zone, OUT last_at timestamp with time zone) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := app_hidden.clock();
  v_user_id uuid := app_hidden.current_user_id();
  v_api_key_id uuid := app_private.request_api_key_id();
  v_models uuid[] := array(select id from app_public.llm_models);
  -- null when nobody asks, that is, when a task records: it knows for whom
  v_is_request boolean := v_user_id is not null;
  v_members uuid[];
  v_place bigint;
  v_problem text;
begin
  if v_is_request and app_hidden.has_role('admin') then
    v_members := array(select user_id from app_public.user_tenants where tenant_id = app_hidden.current_tenant_id());
  end if;
  select min(checked.at), max(checked.at), min(checked.place) filter (where checked.problem is not null),
         (array_agg(checked.problem order by checked.place) filter (where checked.problem is not null))[1]
    into first_at, last_at, v_place, v_problem
    from (
      select i.place, coalesce(i.occurred_at, v_now) as at,
             case
               when i.idempotency_key is null or length(i.idempotency_key) not between 1 and 255 then 'key'
               when t.name is null then 'type'
               -- NaN is above every number; more decimals than 12 are nobody's measurement
               when i.quantity is null or i.quantity <= 0 or i.quantity > t.max_quantity or scale(i.quantity) > 12
                 or t.is_whole and i.quantity <> trunc(i.quantity) then 'quantity'
               when i.occurred_at < v_now - interval '400 days' then 'past'
               when i.occurred_at > v_now + interval '1 hour' then 'future'
               when i.model_id <> all (v_models) then 'model'
               when i.metadata is not null and i.metadata <> '{}'
                 and (jsonb_typeof(i.metadata) <> 'object' or octet_length(i.metadata::text) > 8192) then 'metadata'
               when i.feature_name is not null and (length(i.feature_name) > 100 or not app_hidden.is_name(i.feature_name)) then 'feature'
               when i.duration_ms < 0 or i.duration_ms > 2592000000 then 'duration'
               when v_is_request and v_members is null
                 and (i.user_id <> v_user_id or i.api_key_id is not null and i.api_key_id is distinct from v_api_key_id) then 'someone_else'
               when i.user_id <> v_user_id and i.user_id <> all (v_members) then 'user'
             end as problem
        from unnest(check_usage.inputs) with ordinality as i (
               idempotency_key, usage_type, quantity, occurred_at, user_id, agent_id, project_id, api_key_id, model_id,
               feature_name, outcome, duration_ms, metadata, place)
        left join app_public.usage_types t on t.name = i.usage_type
    ) as checked;
  if v_problem is not null then
    perform app_private.refuse_usage(v_problem, v_place, cardinality(check_usage.inputs));
  end if;
end
$$;

ALTER FUNCTION app_private.check_usage(inputs app_private.usage_input[], OUT first_at timestamp with time zone, OUT last_at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.check_usage(inputs app_private.usage_input[], OUT first_at timestamp with time zone, OUT last_at timestamp with time zone) IS 'Refuses a batch with an event that cannot be stored (MT201, MT301, MT401 to MT409); returns when its first and its last event were.';

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

CREATE FUNCTION app_private.claim_usage_keys(inputs app_private.usage_input[], batch_id bigint) RETURNS integer[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_now timestamptz := app_hidden.clock();
  v_claimed int[];
  v_place bigint;
begin
  -- nearly always all keys are new, and then a plain insert is twice as fast as one that looks for conflicts
  begin
    insert into app_private.usage_idempotency_keys (tenant_id, key, payload_hash, batch_id, ordinal, occurred_at)
    select v_tenant_id, k.key, k.payload_hash, claim_usage_keys.batch_id, k.place, k.occurred_at
      from app_private.keys_of_usage(claim_usage_keys.inputs, v_now) as k;
    return array(select generate_series(1, cardinality(claim_usage_keys.inputs)));
  exception when unique_violation then
    -- and otherwise what the attempt wrote is undone
    null;
  end;

  with claimed as (
    insert into app_private.usage_idempotency_keys as k (tenant_id, key, payload_hash, batch_id, ordinal, occurred_at)
    select v_tenant_id, i.key, i.payload_hash, claim_usage_keys.batch_id, i.place, i.occurred_at
      from app_private.keys_of_usage(claim_usage_keys.inputs, v_now) as i
    on conflict do nothing
    returning k.ordinal
  )
  select coalesce(array_agg(ordinal), '{}') into v_claimed from claimed;

  if cardinality(v_claimed) < cardinality(claim_usage_keys.inputs) then
    -- a statement of its own sees what the one that was there first has committed meanwhile
    select min(i.place) into v_place
      from app_private.keys_of_usage(claim_usage_keys.inputs, v_now) as i
      join app_private.usage_idempotency_keys k on k.tenant_id = v_tenant_id and k.key = i.key
     where k.payload_hash <> i.payload_hash;
    if v_place is not null then
      perform app_private.raise_error('MT501', case cardinality(claim_usage_keys.inputs)
          when 1 then '' else format('Event %s: ', v_place) end || 'The idempotency key stands for another event already.',
        'Repeat the event exactly as it was first sent, or give it a key of its own.');
    end if;
  end if;
  return v_claimed;
end
$$;

ALTER FUNCTION app_private.claim_usage_keys(inputs app_private.usage_input[], batch_id bigint) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.claim_usage_keys(inputs app_private.usage_input[], batch_id bigint) IS 'Takes the keys of a batch; returns the places of the events whose keys were free. Concurrent callers with the same key: one gets it, the others wait for its commit. MT501: a key stands for another event.';

CREATE TABLE app_public.usage_events (
    tenant_id uuid NOT NULL,
    batch_id bigint NOT NULL,
    ordinal integer NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    usage_type text NOT NULL,
    quantity numeric NOT NULL,
    user_id uuid,
    agent_id uuid,
    project_id uuid,
    api_key_id uuid,
    model_id uuid,
    feature_name text,
    outcome app_public.usage_outcome,
    duration_ms integer,
    cost numeric,
    price_id uuid,
    is_unpriced boolean DEFAULT false NOT NULL,
    adjusts_period tstzrange,
    rerates_batch_id bigint,
    rerates_ordinal integer,
    idempotency_key text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT cost_is_bounded CHECK (((cost > '-1000000000000000'::numeric) AND (cost < '1000000000000000'::numeric))),
    CONSTRAINT cost_names_its_price CHECK (((cost IS NULL) = (price_id IS NULL))),
    CONSTRAINT duration_ms_is_not_negative CHECK ((duration_ms >= 0)),
    CONSTRAINT metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT quantity_is_positive_and_bounded CHECK (((quantity <= '1000000000000000000'::numeric) AND ((quantity > (0)::numeric) OR ((quantity = (0)::numeric) AND (rerates_batch_id IS NOT NULL)))))
)
PARTITION BY RANGE (occurred_at);

ALTER TABLE ONLY app_public.usage_events FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.usage_events OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.usage_events IS '@behavior -insert -update -delete
Everything that was used, once and unchanged; recordUsage writes it. You see your own; the whole tenant''s with can_view_analytics.';

COMMENT ON COLUMN app_public.usage_events.batch_id IS 'The call that recorded it.';

COMMENT ON COLUMN app_public.usage_events.ordinal IS 'Its place in that call, from 1.';

COMMENT ON COLUMN app_public.usage_events.occurred_at IS 'When it was used.';

COMMENT ON COLUMN app_public.usage_events.usage_type IS 'What was used: the name of a usage type.';

COMMENT ON COLUMN app_public.usage_events.quantity IS 'How much, in the unit of its type; above 0 but for corrections of a cost, which have 0.';

COMMENT ON COLUMN app_public.usage_events.agent_id IS 'The agent that used it.';

COMMENT ON COLUMN app_public.usage_events.project_id IS 'The project it was for.';

COMMENT ON COLUMN app_public.usage_events.api_key_id IS 'The API key it came with.';

COMMENT ON COLUMN app_public.usage_events.model_id IS 'The language model.';

COMMENT ON COLUMN app_public.usage_events.feature_name IS 'The feature of the product it belongs to.';

COMMENT ON COLUMN app_public.usage_events.outcome IS 'How it ended, null where that says nothing.';

COMMENT ON COLUMN app_public.usage_events.duration_ms IS 'How long it took, milliseconds.';

COMMENT ON COLUMN app_public.usage_events.cost IS 'What it cost, USD, not rounded: tokens times the price that held then.';

COMMENT ON COLUMN app_public.usage_events.price_id IS 'The price of its cost: a row of llm_model_prices or llm_model_price_overrides.';

COMMENT ON COLUMN app_public.usage_events.is_unpriced IS 'Tokens without a cost, because no price held for their model; rerateUsage shows what they would cost by now.';

COMMENT ON COLUMN app_public.usage_events.adjusts_period IS 'The billing period it belongs to, when that was final before it was recorded: it goes on the next invoice as an adjustment.';

COMMENT ON COLUMN app_public.usage_events.rerates_batch_id IS 'The batch of the event whose cost this one corrects.';

COMMENT ON COLUMN app_public.usage_events.rerates_ordinal IS 'The place of the event whose cost this one corrects.';

COMMENT ON COLUMN app_public.usage_events.idempotency_key IS 'The key it was recorded under, unique within the tenant.';

COMMENT ON COLUMN app_public.usage_events.metadata IS 'Anything else, an object of at most 8 kB.';

COMMENT ON COLUMN app_public.usage_events.recorded_at IS 'When it was recorded.';

CREATE FUNCTION app_private.countable_usage(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) RETURNS SETOF app_public.usage_events
    LANGUAGE plpgsql STABLE
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_custom_plan'
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
begin
  if countable_usage.batch_ids is not null then
    return query
      select e.* from app_public.usage_events e
       where e.tenant_id = v_tenant_id and e.batch_id = any (countable_usage.batch_ids)
         and e.occurred_at >= countable_usage.from_at and e.occurred_at < countable_usage.to_at;
  else
    return query
      select e.* from app_public.usage_events e
       where e.tenant_id = v_tenant_id and e.occurred_at >= countable_usage.from_at and e.occurred_at < countable_usage.to_at
         and not exists (select from app_private.usage_queue q where q.tenant_id = v_tenant_id and q.batch_id = e.batch_id);
  end if;
end
$$;

ALTER FUNCTION app_private.countable_usage(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.countable_usage(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) IS 'Events of the tenant from one instant to another (excluded): those of these batches, or those of all batches that no longer wait in the queue.';

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

CREATE FUNCTION app_private.create_month(parent regclass, key name, leftover regclass, month timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_next constant timestamptz := app_private.month_start(create_month.month + interval '32 days');
  v_name constant text := format('app_private.%I',
    (select relname from pg_class where oid = create_month.parent) || to_char(create_month.month at time zone 'UTC', '_YYYY_MM'));
begin
  if to_regclass(v_name) is not null then
    return false;
  end if;
  -- writers wait before they choose a partition, so none can put a row of this month into the default one meanwhile
  execute format('lock table %s in share row exclusive mode', create_month.parent);
  if to_regclass(v_name) is not null then
    return false;
  end if;
  execute format('create table %s (like %s including defaults including generated including constraints)', v_name, create_month.parent);
  execute format('grant insert on %s to rowhouse_platform', v_name);
  perform app_private.move_leftover(create_month.leftover, v_name::regclass, create_month.key, create_month.month, v_next);
  execute format('revoke insert on %s from rowhouse_platform', v_name);
  execute format('alter table %s attach partition %s for values from (%L) to (%L)', create_month.parent, v_name, create_month.month, v_next);
  call app_private.secure_tenant_table(v_name::regclass);
  execute format('comment on table %s is %L', v_name, 'A month of ' || create_month.parent || '.');
  return true;
end
$$;

ALTER FUNCTION app_private.create_month(parent regclass, key name, leftover regclass, month timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.create_month(parent regclass, key name, leftover regclass, month timestamp with time zone) IS 'Makes the partition of a month and moves what the default partition kept for it; false when it is there already.';

CREATE FUNCTION app_private.create_partitions(months_ahead integer DEFAULT 3) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET lock_timeout TO '5s'
    SET client_min_messages TO 'warning'
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_table record;
  v_month timestamptz;
  v_created int := 0;
begin
  for v_table in select * from app_private.monthly_tables() loop
    for v_month in
      select app_private.month_start(app_hidden.clock() + make_interval(months => ahead))
        from generate_series(0, create_partitions.months_ahead) as ahead
      union
      select * from app_private.leftover_months(v_table.leftover, v_table.key)
      order by 1
    loop
      if app_private.create_month(v_table.parent, v_table.key, v_table.leftover, v_month) then
        v_created := v_created + 1;
      end if;
    end loop;
  end loop;
  return v_created;
end
$$;

ALTER FUNCTION app_private.create_partitions(months_ahead integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.create_partitions(months_ahead integer) IS 'Makes the partitions of this month and the next ones, and of every month that the default partitions have rows of; returns how many. Doing it twice is harmless.';

CREATE FUNCTION app_private.credit_balance(tenant_id uuid) RETURNS numeric
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(sum(e.amount), 0)
    from app_public.credit_entries e join app_public.billing_profiles p on p.tenant_id = e.tenant_id and p.currency = e.currency
   where e.tenant_id = credit_balance.tenant_id;
$$;

ALTER FUNCTION app_private.credit_balance(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.credit_balance(tenant_id uuid) IS 'What a tenant has paid or been credited in its currency and no invoice has used yet.';

CREATE FUNCTION app_private.creditable(tenant_id uuid, invoice_id uuid) RETURNS numeric
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select i.total
       + (select coalesce(sum(c.total), 0) from app_public.invoices c where c.tenant_id = i.tenant_id and c.credited_invoice_id = i.id)
       - (select coalesce(sum(r.amount), 0) from app_public.refunds r
            join app_public.payments p on p.tenant_id = r.tenant_id and p.id = r.payment_id
           where p.tenant_id = i.tenant_id and p.invoice_id = i.id and r.status = 'pending')
    from app_public.invoices i
   where i.tenant_id = creditable.tenant_id and i.id = creditable.invoice_id;
$$;

ALTER FUNCTION app_private.creditable(tenant_id uuid, invoice_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.creditable(tenant_id uuid, invoice_id uuid) IS 'What of an invoice has neither been credited nor is about to be refunded.';

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

CREATE FUNCTION app_private.draft_invoice(tenant_id uuid, reason text, subscription app_public.subscriptions, usage tstzrange, usage_price_id uuid) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles := app_private.lock_billing(draft_invoice.tenant_id);
  v_invoice app_public.invoices;
begin
  insert into app_public.invoices (
    tenant_id, reason, issuer_id, subscription_id, currency, timezone, period_number, period_start, period_end,
    usage_start, usage_end, usage_price_id, collection_method, finalise_at)
  select v_profile.tenant_id, draft_invoice.reason, v_profile.issuer_id, (draft_invoice.subscription).id,
         coalesce((draft_invoice.subscription).currency, v_profile.currency), coalesce((draft_invoice.subscription).timezone, t.timezone),
         (draft_invoice.subscription).period_number, (draft_invoice.subscription).current_period_start,
         (draft_invoice.subscription).current_period_end, lower(draft_invoice.usage), upper(draft_invoice.usage),
         case when draft_invoice.usage is not null then draft_invoice.usage_price_id end, v_profile.collection_method,
         case when draft_invoice.usage is not null then upper(draft_invoice.usage) + make_interval(hours => i.draft_hours) end
    from app_public.tenants t, app_public.invoice_issuers i
   where t.id = v_profile.tenant_id and i.id = v_profile.issuer_id
  returning * into v_invoice;
  return v_invoice;
end
$$;

ALTER FUNCTION app_private.draft_invoice(tenant_id uuid, reason text, subscription app_public.subscriptions, usage tstzrange, usage_price_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.draft_invoice(tenant_id uuid, reason text, subscription app_public.subscriptions, usage tstzrange, usage_price_id uuid) IS 'An empty draft. One with usage waits issuer.draft_hours after the end of it, so that events which are a little late still come in.';

CREATE FUNCTION app_private.draft_of_staff(invoice_id uuid) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_invoice app_public.invoices;
begin
  perform app_private.require_staff();
  perform app_private.lock_billing(app_hidden.current_tenant_id());
  select * into v_invoice from app_public.invoices i where i.tenant_id = app_hidden.current_tenant_id() and i.id = draft_of_staff.invoice_id;
  if not found then
    perform app_private.raise_error('LB304', 'There is no such invoice.', 'invoices lists those there are.');
  end if;
  if v_invoice.status <> 'draft' then
    perform app_private.raise_error('LB514', 'The invoice is not a draft.', 'It has its number and stays as it is; correct it with a credit note.');
  end if;
  return v_invoice;
end
$$;

ALTER FUNCTION app_private.draft_of_staff(invoice_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.draft_of_staff(invoice_id uuid) IS 'A draft that staff may edit, under the billing lock. LB201, LB304, LB514.';

CREATE FUNCTION app_private.drop_llm_texts() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant record;
  v_dropped int;
  v_total int := 0;
begin
  for v_tenant in
    select t.id, case when t.config -> 'store_llm_texts' = 'true'
                      then coalesce((t.config ->> 'llm_text_retention_days')::int, 30) else 0 end as days
      from app_public.tenants t order by t.id
  loop
    call app_private.enter_tenant(v_tenant.id);
    delete from app_private.llm_texts l
     where l.tenant_id = v_tenant.id and l.occurred_at < app_hidden.clock() - make_interval(days => v_tenant.days);
    get diagnostics v_dropped = row_count;
    v_total := v_total + v_dropped;
  end loop;
  return v_total;
end
$$;

ALTER FUNCTION app_private.drop_llm_texts() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.drop_llm_texts() IS 'Deletes prompts and completions that are older than their tenant keeps them (llm_text_retention_days, 30 unless set; all where store_llm_texts is off); returns how many.';

CREATE FUNCTION app_private.dunning_days() RETURNS integer[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ select array[3, 5, 7] $$;

ALTER FUNCTION app_private.dunning_days() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.dunning_days() IS 'After how many days a failed payment is tried again: the first, second and third time. When the last fails too, the invoice is uncollectible and the subscription is paused.';

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

CREATE FUNCTION app_private.end_subscription(subscription app_public.subscriptions, status app_public.subscription_status_enum, at timestamp with time zone) RETURNS app_public.subscriptions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_subscription app_public.subscriptions;
begin
  update app_public.subscriptions s
     set status = end_subscription.status, ended_at = end_subscription.at, cancel_at_period_end = false, paused_at = null,
         past_due_at = null, pending_plan_id = null, pending_billing_cycle = null
   where s.id = (end_subscription.subscription).id
  returning * into v_subscription;
  perform app_private.notify_billing(v_subscription.tenant_id, 'subscription_ended', v_subscription.id::text,
    'The subscription has ended.', v_subscription.id);
  return v_subscription;
end
$$;

ALTER FUNCTION app_private.end_subscription(subscription app_public.subscriptions, status app_public.subscription_status_enum, at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.end_subscription(subscription app_public.subscriptions, status app_public.subscription_status_enum, at timestamp with time zone) IS 'Ends a subscription for good.';

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

CREATE FUNCTION app_private.entitled_plan(tenant_id uuid) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_plan_id uuid;
begin
  select s.plan_id into v_plan_id from app_public.subscriptions s
   where s.tenant_id = entitled_plan.tenant_id and s.status in ('trialing', 'active', 'past_due');
  if not found then
    select p.id into v_plan_id from app_public.plans p where p.slug = 'free';
  end if;
  return v_plan_id;
end
$$;

ALTER FUNCTION app_private.entitled_plan(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.entitled_plan(tenant_id uuid) IS 'The plan a tenant lives by: that of its running subscription, or the plan free while it has none or is paused.';

CREATE FUNCTION app_private.entitlements_of(tenant_id uuid) RETURNS TABLE(kind app_public.entitlement_kind_enum, key text, is_enabled boolean, quota_limit numeric, overage_allowed boolean, source text, reason text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_plan_id uuid := app_private.entitled_plan(entitlements_of.tenant_id);
begin
  return query
    select distinct on (e.kind, e.key) e.kind, e.key, e.is_enabled, e.quota_limit, e.overage_allowed, e.source, e.reason
      from (
        select o.kind, o.key, o.is_enabled, o.quota_limit, o.overage_allowed, 'override' as source, o.reason, 1 as rank
          from app_public.tenant_entitlement_overrides o where o.tenant_id = entitlements_of.tenant_id
        union all
        select p.kind, p.key, p.is_enabled, p.quota_limit, p.overage_allowed, 'plan', plan.name, 2
          from app_public.plan_entitlements p join app_public.plans plan on plan.id = p.plan_id where p.plan_id = v_plan_id
      ) as e
     order by e.kind, e.key, e.rank;
end
$$;

ALTER FUNCTION app_private.entitlements_of(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.entitlements_of(tenant_id uuid) IS 'What a tenant is entitled to, and whether its plan or an override says so.';

CREATE TABLE app_private.llm_calls (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    provider_id uuid,
    provider text,
    model_id uuid,
    model text NOT NULL,
    model_config_id uuid,
    agent_id uuid,
    agent_name text,
    user_id uuid,
    user_name text,
    project_id uuid,
    api_key_id uuid,
    conversation_id uuid,
    panel_id uuid,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    prompt_tokens bigint GENERATED ALWAYS AS ((input_tokens + cached_input_tokens)) STORED NOT NULL,
    completion_tokens bigint GENERATED ALWAYS AS ((output_tokens + reasoning_tokens)) STORED NOT NULL,
    total_tokens bigint GENERATED ALWAYS AS ((((input_tokens + cached_input_tokens) + output_tokens) + reasoning_tokens)) STORED NOT NULL,
    price_id uuid,
    input_cost numeric,
    output_cost numeric,
    total_cost numeric GENERATED ALWAYS AS ((input_cost + output_cost)) STORED,
    is_priced boolean GENERATED ALWAYS AS ((price_id IS NOT NULL)) STORED NOT NULL,
    response_time_ms integer,
    time_to_first_token_ms integer,
    temperature numeric(3,2),
    max_tokens integer,
    top_p numeric(3,2),
    finish_reason text,
    function_call jsonb,
    success boolean DEFAULT true NOT NULL,
    error_type text,
    error_message text,
    batch_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT costs_name_their_price CHECK ((((input_cost IS NULL) = (price_id IS NULL)) AND ((output_cost IS NULL) = (price_id IS NULL)))),
    CONSTRAINT error_message_is_bounded CHECK ((length(error_message) <= 10000)),
    CONSTRAINT error_type_is_short CHECK ((length(error_type) <= 100)),
    CONSTRAINT finish_reason_is_short CHECK ((length(finish_reason) <= 50)),
    CONSTRAINT max_tokens_is_positive CHECK ((max_tokens > 0)),
    CONSTRAINT response_time_ms_is_not_negative CHECK ((response_time_ms >= 0)),
    CONSTRAINT temperature_is_in_range CHECK (((temperature >= (0)::numeric) AND (temperature <= (2)::numeric))),
    CONSTRAINT time_to_first_token_ms_is_not_negative CHECK ((time_to_first_token_ms >= 0)),
    CONSTRAINT tokens_are_in_range CHECK ((((input_tokens >= 0) AND ((input_tokens)::numeric <= '1000000000'::numeric)) AND ((cached_input_tokens >= 0) AND ((cached_input_tokens)::numeric <= '1000000000'::numeric)) AND ((output_tokens >= 0) AND ((output_tokens)::numeric <= '1000000000'::numeric)) AND ((reasoning_tokens >= 0) AND ((reasoning_tokens)::numeric <= '1000000000'::numeric)))),
    CONSTRAINT top_p_is_a_probability CHECK (((top_p >= (0)::numeric) AND (top_p <= (1)::numeric)))
)
PARTITION BY RANGE (occurred_at);

ALTER TABLE ONLY app_private.llm_calls FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.llm_calls OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.llm_calls IS 'Calls of language models; app_public.llm_usage_logs shows them.';

CREATE FUNCTION app_private.events_of_call(key text, call app_private.llm_calls) RETURNS app_private.usage_input[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return array(
    select row(events_of_call.key, e.usage_type, e.quantity::numeric, (call).occurred_at, (call).user_id, (call).agent_id,
               (call).project_id, (call).api_key_id, (call).model_id, null,
               -- the call has an outcome, its tokens have none
               case when e.usage_type = 'llm_call' then
                 case when (call).success then 'success' else 'error' end end::app_public.usage_outcome,
               case when e.usage_type = 'llm_call' then (call).response_time_ms end, '{}')::app_private.usage_input
      from (values ('llm_call', 1::bigint), ('input_tokens', (call).input_tokens), ('cached_input_tokens', (call).cached_input_tokens),
                   ('output_tokens', (call).output_tokens), ('reasoning_tokens', (call).reasoning_tokens)) as e (usage_type, quantity)
     where e.quantity > 0);
end
$$;

ALTER FUNCTION app_private.events_of_call(key text, call app_private.llm_calls) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.events_of_call(key text, call app_private.llm_calls) IS 'The events a call consists of: itself, and each class of its tokens.';

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

CREATE FUNCTION app_private.finalise(tenant_id uuid, invoice_id uuid) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles := app_private.lock_billing(finalise.tenant_id);
  v_now timestamptz := app_hidden.clock();
  v_invoice app_public.invoices;
  v_credit numeric := 0;
  v_due_at timestamptz;
begin
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = finalise.tenant_id and i.id = finalise.invoice_id for update;
  if not found then
    perform app_private.raise_error('LB304', 'There is no such invoice.', 'invoices lists those there are.');
  end if;
  if v_invoice.status <> 'draft' then
    perform app_private.raise_error('LB514', 'The invoice is not a draft.', 'It has its number and stays as it is; correct it with a credit note.');
  end if;
  if v_invoice.usage_start is not null then
    -- from here to the commit nothing can be recorded into the period; what comes later is an adjustment
    perform app_private.refresh_usage(v_invoice,
      (app_private.finalise_usage_period(tstzrange(v_invoice.usage_start, v_invoice.usage_end))).last_batch_id);
  end if;
  perform app_private.total_invoice(v_invoice.tenant_id, v_invoice.id);
  select * into v_invoice from app_public.invoices i where i.tenant_id = finalise.tenant_id and i.id = finalise.invoice_id;

  if v_invoice.series = 'invoice' and v_invoice.total > 0 then
    v_credit := least(v_invoice.total, greatest(app_private.credit_balance(v_invoice.tenant_id), 0));
  end if;
  select case v_invoice.collection_method when 'invoice' then v_now + make_interval(days => i.payment_terms_days) else v_now end
    into v_due_at from app_public.invoice_issuers i where i.id = v_invoice.issuer_id;
  v_invoice := app_private.take_number(v_invoice, v_now, v_due_at, v_credit);

  if v_credit > 0 then
    insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id, occurred_at)
    values (v_invoice.tenant_id, v_invoice.currency, -v_credit, 'used', v_invoice.id, v_now);
  elsif v_invoice.series = 'invoice' and v_invoice.total < 0 then
    insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id, occurred_at)
    values (v_invoice.tenant_id, v_invoice.currency, -v_invoice.total, 'negative_invoice', v_invoice.id, v_now);
  end if;
  v_invoice := app_private.settle(v_invoice.tenant_id, v_invoice.id, 0, 0);
  perform app_private.enqueue_job('billing__render_invoice',
    json_build_object('tenantId', v_invoice.tenant_id, 'invoiceId', v_invoice.id));
  perform app_private.notify_billing(v_invoice.tenant_id, 'invoice_finalised', v_invoice.id::text,
    format('%s is final.', v_invoice.number), v_invoice.subscription_id, v_invoice.id);
  return v_invoice;
end
$$;

ALTER FUNCTION app_private.finalise(tenant_id uuid, invoice_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.finalise(tenant_id uuid, invoice_id uuid) IS 'Makes a draft final: closes its usage period, computes it once more, gives it the next number of its issuer and uses up credit. LB304: no such invoice; LB514: it is not a draft.';

CREATE TABLE app_private.finalised_periods (
    tenant_id uuid NOT NULL,
    period tstzrange NOT NULL,
    last_batch_id bigint NOT NULL,
    finalised_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT period_is_bounded CHECK (((NOT isempty(period)) AND (NOT lower_inf(period)) AND (NOT upper_inf(period))))
);

ALTER TABLE ONLY app_private.finalised_periods FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.finalised_periods OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.finalised_periods IS 'Billing periods that are final.';

CREATE FUNCTION app_private.finalise_usage_period(period tstzrange) RETURNS app_private.finalised_periods
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_finalised app_private.finalised_periods;
begin
  perform pg_advisory_xact_lock(app_private.metering_lock('record'), hashtext(v_tenant_id::text));
  -- batches take their number after the lock: all up to this one are committed or gone, all others will see this row
  insert into app_private.finalised_periods (tenant_id, period, last_batch_id)
  select v_tenant_id, finalise_usage_period.period, case when s.is_called then s.last_value else 0 end
    from app_private.usage_batches s
  returning * into v_finalised;
  return v_finalised;
end
$$;

ALTER FUNCTION app_private.finalise_usage_period(period tstzrange) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.finalise_usage_period(period tstzrange) IS 'Closes a period of the tenant of the context: events in it that are recorded later have adjusts_period set. For billing, which calls it first and then, in the same transaction, reads the period: its events are those of the period without adjusts_period; the adjustments of an invoice are the events with adjusts_period whose batch_id is above the last_batch_id of the tenant''s finalised period before and not above this one''s. 23P01: it overlaps one that is final.';

CREATE FUNCTION app_private.finish_attaching(tenant_id uuid, payment_method_id uuid, brand text, last4 text, expires_month integer, expires_year integer, failure_message text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  call app_private.enter_tenant(finish_attaching.tenant_id);
  perform app_private.lock_billing(finish_attaching.tenant_id);
  update app_public.payment_methods m
     set status = case when finish_attaching.failure_message is null then 'attached' else 'failed' end,
         brand = finish_attaching.brand, last4 = finish_attaching.last4, expires_month = finish_attaching.expires_month,
         expires_year = finish_attaching.expires_year, failure_message = left(finish_attaching.failure_message, 1000)
   where m.tenant_id = finish_attaching.tenant_id and m.id = finish_attaching.payment_method_id and m.status = 'pending';
  if found and finish_attaching.failure_message is null
     and not exists (select from app_public.payment_methods m where m.tenant_id = finish_attaching.tenant_id and m.is_default) then
    perform app_private.make_default(finish_attaching.tenant_id, finish_attaching.payment_method_id);
  end if;
end
$$;

ALTER FUNCTION app_private.finish_attaching(tenant_id uuid, payment_method_id uuid, brand text, last4 text, expires_month integer, expires_year integer, failure_message text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.finish_attaching(tenant_id uuid, payment_method_id uuid, brand text, last4 text, expires_month integer, expires_year integer, failure_message text) IS 'What the provider said of a payment method: its looks, or why it cannot be used.';

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

CREATE FUNCTION app_private.finish_payment(tenant_id uuid, payment_id uuid, outcome text, provider_payment_id text DEFAULT NULL::text, failure_code text DEFAULT NULL::text, failure_message text DEFAULT NULL::text) RETURNS app_public.payments
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := app_hidden.clock();
  v_payment app_public.payments;
  v_invoice app_public.invoices;
begin
  call app_private.enter_tenant(finish_payment.tenant_id);
  perform app_private.lock_billing(finish_payment.tenant_id);
  select * into v_payment from app_public.payments p
   where p.tenant_id = finish_payment.tenant_id and p.id = finish_payment.payment_id for update;
  if not found then
    perform app_private.raise_error('LB305', 'There is no such payment.', 'payments lists those there are.');
  end if;
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = finish_payment.tenant_id and i.id = v_payment.invoice_id for update;

  if finish_payment.outcome = 'processing' and v_payment.status = 'pending' then
    update app_public.payments p set provider_payment_id = coalesce(finish_payment.provider_payment_id, p.provider_payment_id)
     where p.tenant_id = v_payment.tenant_id and p.id = v_payment.id returning * into v_payment;
    update app_public.invoices i set next_attempt_at = v_now + interval '1 day'
     where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id;
  elsif finish_payment.outcome = 'failed' and v_payment.status = 'pending' then
    update app_public.payments p
       set status = 'failed', provider_payment_id = coalesce(finish_payment.provider_payment_id, p.provider_payment_id),
           failure_code = left(finish_payment.failure_code, 100), failure_message = left(finish_payment.failure_message, 1000)
     where p.tenant_id = v_payment.tenant_id and p.id = v_payment.id returning * into v_payment;
    perform app_private.payment_missed(v_invoice, v_payment.id);
  elsif finish_payment.outcome = 'succeeded' and v_payment.status <> 'succeeded' then
    update app_public.payments p
       set status = 'succeeded', succeeded_at = v_now, failure_code = null, failure_message = null,
           provider_payment_id = coalesce(finish_payment.provider_payment_id, p.provider_payment_id)
     where p.tenant_id = v_payment.tenant_id and p.id = v_payment.id returning * into v_payment;
    perform app_private.apply_payment(v_invoice, v_payment);
  end if;
  return v_payment;
end
$$;

ALTER FUNCTION app_private.finish_payment(tenant_id uuid, payment_id uuid, outcome text, provider_payment_id text, failure_code text, failure_message text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.finish_payment(tenant_id uuid, payment_id uuid, outcome text, provider_payment_id text, failure_code text, failure_message text) IS 'What became of a charge: succeeded, failed or processing. Told twice it changes nothing, and a success is never undone. LB305: no such payment.';

CREATE TABLE app_public.refunds (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    payment_id uuid NOT NULL,
    credit_note_id uuid,
    status app_public.payment_status_enum DEFAULT 'pending'::app_public.payment_status_enum NOT NULL,
    amount numeric NOT NULL,
    reason text,
    provider_refund_id text,
    failure_message text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT amount_is_positive CHECK (((amount > (0)::numeric) AND app_hidden.is_money(amount))),
    CONSTRAINT credit_note_comes_with_success CHECK (((credit_note_id IS NOT NULL) = (status = 'succeeded'::app_public.payment_status_enum))),
    CONSTRAINT reason_is_short CHECK ((length(reason) <= 1000))
);

ALTER TABLE ONLY app_public.refunds FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.refunds OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.refunds IS '@behavior -insert -update -delete -single
Payments that were paid back. For those with can_manage_billing.';

COMMENT ON COLUMN app_public.refunds.payment_id IS 'The payment.';

COMMENT ON COLUMN app_public.refunds.credit_note_id IS 'The credit note that says so, once it is done.';

COMMENT ON COLUMN app_public.refunds.status IS 'pending, succeeded or failed.';

COMMENT ON COLUMN app_public.refunds.amount IS 'In the payment''s currency.';

COMMENT ON COLUMN app_public.refunds.reason IS 'Why, at most 1,000 characters.';

COMMENT ON COLUMN app_public.refunds.provider_refund_id IS 'The provider''s key of it.';

COMMENT ON COLUMN app_public.refunds.failure_message IS 'Why it failed.';

COMMENT ON COLUMN app_public.refunds.created_at IS 'When it was made.';

COMMENT ON COLUMN app_public.refunds.updated_at IS 'When it last changed.';

CREATE FUNCTION app_private.finish_refund(tenant_id uuid, refund_id uuid, outcome text, provider_refund_id text DEFAULT NULL::text, failure_message text DEFAULT NULL::text) RETURNS app_public.refunds
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_refund app_public.refunds;
  v_invoice app_public.invoices;
  v_note app_public.invoices;
begin
  call app_private.enter_tenant(finish_refund.tenant_id);
  perform app_private.lock_billing(finish_refund.tenant_id);
  select * into v_refund from app_public.refunds r
   where r.tenant_id = finish_refund.tenant_id and r.id = finish_refund.refund_id for update;
  if not found then
    perform app_private.raise_error('LB306', 'There is no such refund.', 'refunds lists those there are.');
  end if;
  if finish_refund.outcome = 'failed' and v_refund.status = 'pending' then
    update app_public.refunds r
       set status = 'failed', provider_refund_id = coalesce(finish_refund.provider_refund_id, r.provider_refund_id),
           failure_message = left(finish_refund.failure_message, 1000)
     where r.tenant_id = v_refund.tenant_id and r.id = v_refund.id returning * into v_refund;
  elsif finish_refund.outcome = 'processing' and v_refund.status = 'pending' then
    update app_public.refunds r set provider_refund_id = coalesce(finish_refund.provider_refund_id, r.provider_refund_id)
     where r.tenant_id = v_refund.tenant_id and r.id = v_refund.id returning * into v_refund;
  elsif finish_refund.outcome = 'succeeded' and v_refund.status = 'pending' then
    select i.* into v_invoice from app_public.invoices i
      join app_public.payments p on p.tenant_id = i.tenant_id and p.invoice_id = i.id
     where p.tenant_id = v_refund.tenant_id and p.id = v_refund.payment_id for update of i;
    v_note := app_private.write_credit_note(v_invoice, v_refund.amount, v_refund.reason);
    update app_public.refunds r
       set status = 'succeeded', credit_note_id = v_note.id, provider_refund_id = coalesce(finish_refund.provider_refund_id, r.provider_refund_id)
     where r.tenant_id = v_refund.tenant_id and r.id = v_refund.id returning * into v_refund;
  end if;
  return v_refund;
end
$$;

ALTER FUNCTION app_private.finish_refund(tenant_id uuid, refund_id uuid, outcome text, provider_refund_id text, failure_message text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.finish_refund(tenant_id uuid, refund_id uuid, outcome text, provider_refund_id text, failure_message text) IS 'What became of a refund: succeeded, failed or processing. Told twice it changes nothing. LB306: no such refund.';

CREATE FUNCTION app_private.follow_payment(tenant_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update app_public.subscriptions s set status = 'active', past_due_at = null
   where s.tenant_id = follow_payment.tenant_id and s.status = 'past_due'
     and not exists (
       select from app_public.invoices i
        where i.tenant_id = follow_payment.tenant_id and i.status = 'finalised' and i.attempt_count > 0);
end
$$;

ALTER FUNCTION app_private.follow_payment(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.follow_payment(tenant_id uuid) IS 'A subscription that is past due is active again once no payment for it is missed any more.';

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
    'app_public.llm_model_prices',
    'app_public.usage_types',      -- what can be used means the same for every tenant
    'app_public.plans',            -- what the platform sells
    'app_public.plan_prices',
    'app_public.plan_price_components',
    'app_public.plan_entitlements',
    'app_public.invoice_issuers',
    'app_private.invoice_counters',
    'app_private.invoice_numbers',
    'app_private.payment_events',  -- news that says only inside whose it is
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

CREATE FUNCTION app_private.has_usage_to_bill(tenant_id uuid, price_id uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (select from app_public.plan_price_components c where c.price_id = has_usage_to_bill.price_id)
      or exists (select from app_private.adjustment_lines(has_usage_to_bill.tenant_id, null, null));
$$;

ALTER FUNCTION app_private.has_usage_to_bill(tenant_id uuid, price_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.has_usage_to_bill(tenant_id uuid, price_id uuid) IS 'Whether a price has components, or events of billed periods came late.';

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

CREATE FUNCTION app_private.insert_lines(invoice app_public.invoices, lines app_public.invoice_lines[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into app_public.invoice_lines (
    tenant_id, invoice_id, line_number, kind, description, amount, price_id, component_id, usage_type, quantity, quantity_before,
    days, period_days, service_start, service_end, basis_start, basis_end, counted_until, is_manual)
  select (insert_lines.invoice).tenant_id, (insert_lines.invoice).id,
         coalesce((select max(o.line_number) from app_public.invoice_lines o
                    where o.tenant_id = (insert_lines.invoice).tenant_id and o.invoice_id = (insert_lines.invoice).id), 0) + l.place,
         l.kind, l.description, l.amount, l.price_id, l.component_id, l.usage_type, l.quantity, l.quantity_before, l.days,
         l.period_days, l.service_start, l.service_end, l.basis_start, l.basis_end, l.counted_until, coalesce(l.is_manual, false)
    from unnest(insert_lines.lines) with ordinality as l (
           tenant_id, id, invoice_id, line_number, kind, description, amount, price_id, component_id, usage_type, quantity,
           quantity_before, days, period_days, service_start, service_end, basis_start, basis_end, counted_until, is_manual, created_at, place);
  perform app_private.total_invoice((insert_lines.invoice).tenant_id, (insert_lines.invoice).id);
end
$$;

ALTER FUNCTION app_private.insert_lines(invoice app_public.invoices, lines app_public.invoice_lines[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.insert_lines(invoice app_public.invoices, lines app_public.invoice_lines[]) IS 'Adds lines to a draft, in order.';

CREATE FUNCTION app_private.invoice_number_gaps() RETURNS TABLE(issuer text, series text, sequence_number bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select i.slug, c.series, n
    from app_private.invoice_counters c
    join app_public.invoice_issuers i on i.id = c.issuer_id
   cross join lateral generate_series(1, c.last_number) as n
   where not exists (
     select from app_private.invoice_numbers x
      where x.issuer_id = c.issuer_id and x.series = c.series and x.sequence_number = n);
$$;

ALTER FUNCTION app_private.invoice_number_gaps() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.invoice_number_gaps() IS 'Numbers of invoices and credit notes that are missing; normally none.';

CREATE FUNCTION app_private.invoice_to_render(tenant_id uuid, invoice_id uuid) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_document jsonb;
begin
  call app_private.enter_tenant(invoice_to_render.tenant_id);
  select jsonb_build_object(
           'series', i.series, 'number', i.number, 'currency', i.currency, 'minorUnits', app_hidden.minor_units(i.currency),
           'issuedOn', (i.finalised_at at time zone i.timezone)::date, 'dueOn', (i.due_at at time zone i.timezone)::date,
           'periodStart', (i.period_start at time zone i.timezone)::date,
           -- the last day of it, as people write it
           'periodEnd', (i.period_end at time zone i.timezone)::date - 1,
           'credits', (select c.number from app_public.invoices c where c.tenant_id = i.tenant_id and c.id = i.credited_invoice_id),
           'issuedBy', i.issued_by, 'billedTo', i.billed_to, 'taxMode', i.tax_mode,
           'taxPercent', trim_scale(i.tax_rate * 100)::text, 'memo', i.memo,
           'subtotal', i.subtotal::text, 'tax', i.tax::text, 'total', i.total::text,
           'lines', (
             select coalesce(jsonb_agg(jsonb_build_object('description', l.description, 'amount', l.amount::text,
                      'from', (l.service_start at time zone i.timezone)::date,
                      'until', ((l.service_end - interval '1 microsecond') at time zone i.timezone)::date) order by l.line_number), '[]')
               from app_public.invoice_lines l where l.tenant_id = i.tenant_id and l.invoice_id = i.id))
    into v_document
    from app_public.invoices i
   where i.tenant_id = invoice_to_render.tenant_id and i.id = invoice_to_render.invoice_id and i.status <> 'draft';
  return v_document;
end
$$;

ALTER FUNCTION app_private.invoice_to_render(tenant_id uuid, invoice_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.invoice_to_render(tenant_id uuid, invoice_id uuid) IS 'Everything an invoice shows, amounts as text; null for a draft or none.';

CREATE TABLE app_public.plans (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    description text,
    tier text NOT NULL,
    trial_days integer DEFAULT 0 NOT NULL,
    is_public boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT slug_is_a_slug CHECK (app_hidden.is_slug(slug)),
    CONSTRAINT tier_is_known CHECK ((tier = ANY (ARRAY['free'::text, 'standard'::text, 'professional'::text, 'enterprise'::text]))),
    CONSTRAINT trial_days_is_in_range CHECK (((trial_days >= 0) AND (trial_days <= 365)))
);

ALTER TABLE ONLY app_public.plans FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.plans OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.plans IS 'What tenants can subscribe to. You see the public ones and your own; platform staff edit them.';

COMMENT ON COLUMN app_public.plans.slug IS 'Key: lower-case letters, digits and hyphens, unique.';

COMMENT ON COLUMN app_public.plans.name IS 'Name to show.';

COMMENT ON COLUMN app_public.plans.description IS 'What it is for.';

COMMENT ON COLUMN app_public.plans.tier IS 'free, standard, professional or enterprise: the tenant''s subscription_tier, and what makes a change an upgrade.';

COMMENT ON COLUMN app_public.plans.trial_days IS 'Whole days a tenant''s first subscription is free, 0 to 365.';

COMMENT ON COLUMN app_public.plans.is_public IS 'Whether anyone may choose it; else staff arrange it.';

COMMENT ON COLUMN app_public.plans.created_at IS 'When it was made.';

COMMENT ON COLUMN app_public.plans.updated_at IS 'When it last changed.';

CREATE FUNCTION app_private.is_upgrade(subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tiers constant text[] := array['free', 'standard', 'professional', 'enterprise'];
  v_old_tier text;
  v_old_amount numeric;
begin
  select p.tier into v_old_tier from app_public.plans p where p.id = (is_upgrade.subscription).plan_id;
  if is_upgrade.plan.tier <> v_old_tier then
    return array_position(v_tiers, is_upgrade.plan.tier) > array_position(v_tiers, v_old_tier);
  end if;
  if is_upgrade.price.billing_cycle <> (is_upgrade.subscription).billing_cycle then
    return false;
  end if;
  select p.amount into v_old_amount from app_public.plan_prices p where p.id = (is_upgrade.subscription).price_id;
  return is_upgrade.price.amount > v_old_amount;
end
$$;

ALTER FUNCTION app_private.is_upgrade(subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.is_upgrade(subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices) IS 'Whether a change takes effect at once: to a higher tier, or within the tier and cycle to a higher price. Everything else waits for the end of the period.';

CREATE FUNCTION app_private.keys_of_usage(inputs app_private.usage_input[], now_is timestamp with time zone) RETURNS TABLE(key text, payload_hash bytea, place integer, occurred_at timestamp with time zone)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT i.idempotency_key,
     sha256(record_send(ROW(i.usage_type, trim_scale(i.quantity), i.occurred_at, i.user_id, i.agent_id, i.project_id, i.api_key_id, i.model_id, i.feature_name, (i.outcome)::text, i.duration_ms, (COALESCE(i.metadata, '{}'::jsonb))::text))) AS sha256,
     (i.place)::integer AS place,
     COALESCE(i.occurred_at, keys_of_usage.now_is) AS "coalesce"
    FROM unnest(keys_of_usage.inputs) WITH ORDINALITY i(idempotency_key, usage_type, quantity, occurred_at, user_id, agent_id, project_id, api_key_id, model_id, feature_name, outcome, duration_ms, metadata, place)
   ORDER BY (i.idempotency_key COLLATE "C"), i.place;
END;

ALTER FUNCTION app_private.keys_of_usage(inputs app_private.usage_input[], now_is timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.keys_of_usage(inputs app_private.usage_input[], now_is timestamp with time zone) IS 'The keys of a batch and what they stand for: a hash of the event as it was given.';

CREATE FUNCTION app_private.late_usage(tenant_id uuid, usage_type text, period tstzrange, until_batch bigint) RETURNS numeric
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_quantity numeric;
begin
  select coalesce(sum(e.quantity), 0) into v_quantity
    from app_public.usage_events e
   where e.tenant_id = late_usage.tenant_id and e.usage_type = late_usage.usage_type
     and e.occurred_at >= lower(late_usage.period) and e.occurred_at < upper(late_usage.period)
     and e.adjusts_period is not null
     and e.batch_id <= coalesce(late_usage.until_batch, 9223372036854775807);
  return v_quantity;
end
$$;

ALTER FUNCTION app_private.late_usage(tenant_id uuid, usage_type text, period tstzrange, until_batch bigint) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.late_usage(tenant_id uuid, usage_type text, period tstzrange, until_batch bigint) IS 'What was recorded for a period after it had been finalised, up to a batch.';

CREATE FUNCTION app_private.leftover_months(leftover regclass, key name) RETURNS SETOF timestamp with time zone
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query execute format('select distinct app_private.month_start(%I) from %s', leftover_months.key, leftover_months.leftover);
end
$$;

ALTER FUNCTION app_private.leftover_months(leftover regclass, key name) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.leftover_months(leftover regclass, key name) IS 'The months of which a default partition has rows.';

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

CREATE FUNCTION app_private.live_subscription(tenant_id uuid) RETURNS app_public.subscriptions
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_subscription app_public.subscriptions;
begin
  select * into v_subscription from app_public.subscriptions s
   where s.tenant_id = live_subscription.tenant_id and s.ended_at is null;
  if not found then
    perform app_private.raise_error('LB303', 'This tenant has no subscription.', 'Start one with start_subscription.');
  end if;
  return v_subscription;
end
$$;

ALTER FUNCTION app_private.live_subscription(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.live_subscription(tenant_id uuid) IS 'The subscription of a tenant that has not ended. LB303: there is none.';

CREATE FUNCTION app_private.local_midnight(at timestamp with time zone, timezone text) RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (local_midnight.at at time zone local_midnight.timezone)::date::timestamp at time zone local_midnight.timezone;
$$;

ALTER FUNCTION app_private.local_midnight(at timestamp with time zone, timezone text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.local_midnight(at timestamp with time zone, timezone text) IS 'The beginning of the day of an instant in a time zone.';

CREATE FUNCTION app_private.lock_billing(tenant_id uuid) RETURNS app_public.billing_profiles
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles;
begin
  insert into app_public.billing_profiles (tenant_id, legal_name, email, country_code, issuer_id)
  select t.id, t.name, t.primary_contact_email, t.country_code, i.id
    from app_public.tenants t, app_public.invoice_issuers i
   where t.id = lock_billing.tenant_id and i.slug = 'default'
  on conflict on constraint billing_profiles_pkey do nothing;
  select * into v_profile from app_public.billing_profiles p where p.tenant_id = lock_billing.tenant_id for update;
  if not found then
    perform app_private.raise_error('LB309', 'There is no such tenant, or nobody who bills it.', 'Add the invoice issuer with the slug default.');
  end if;
  return v_profile;
end
$$;

ALTER FUNCTION app_private.lock_billing(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.lock_billing(tenant_id uuid) IS 'Locks a tenant''s billing until the transaction ends, making its profile when there is none. LB309: no such tenant or no issuer.';

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

CREATE FUNCTION app_private.make_default(tenant_id uuid, id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update app_public.payment_methods m set is_default = false where m.tenant_id = make_default.tenant_id and m.is_default;
  update app_public.payment_methods m set is_default = true
   where m.tenant_id = make_default.tenant_id and m.id = make_default.id and m.status = 'attached';
  update app_public.tenants t
     set payment_method_id = (select m.provider_method_id from app_public.payment_methods m
                               where m.tenant_id = make_default.tenant_id and m.is_default)
   where t.id = make_default.tenant_id;
end
$$;

ALTER FUNCTION app_private.make_default(tenant_id uuid, id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.make_default(tenant_id uuid, id uuid) IS 'Makes a payment method the default; none with null.';

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

CREATE FUNCTION app_private.metering_lock(purpose text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select 7269736 + array_position(array['record', 'roll_up', 'rerate'], metering_lock.purpose);
$$;

ALTER FUNCTION app_private.metering_lock(purpose text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.metering_lock(purpose text) IS 'The first key of the advisory locks of metering: record, roll_up or rerate. The second is hashtext of the tenant''s id.';

CREATE TABLE app_public.payment_methods (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    provider text NOT NULL,
    provider_method_id text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    is_default boolean DEFAULT false NOT NULL,
    brand text,
    last4 text,
    expires_month integer,
    expires_year integer,
    failure_message text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT default_is_attached CHECK (((NOT is_default) OR (status = 'attached'::text))),
    CONSTRAINT provider_is_known CHECK ((provider = 'stripe'::text)),
    CONSTRAINT provider_method_id_is_an_identifier CHECK ((provider_method_id ~ '^[A-Za-z0-9_]{1,255}$'::text)),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['pending'::text, 'attached'::text, 'failed'::text, 'detached'::text])))
);

ALTER TABLE ONLY app_public.payment_methods FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.payment_methods OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.payment_methods IS '@behavior -insert -update -delete -single
How this tenant pays: cards and the like, as the provider knows them. add_payment_method, set_default_payment_method, remove_payment_method. For those with can_manage_billing.';

COMMENT ON COLUMN app_public.payment_methods.provider IS 'stripe.';

COMMENT ON COLUMN app_public.payment_methods.provider_method_id IS 'The provider''s key of it.';

COMMENT ON COLUMN app_public.payment_methods.status IS 'pending (being attached), attached, failed or detached.';

COMMENT ON COLUMN app_public.payment_methods.is_default IS 'Whether invoices are charged to it.';

COMMENT ON COLUMN app_public.payment_methods.brand IS 'Such as visa.';

COMMENT ON COLUMN app_public.payment_methods.last4 IS 'Its last four digits.';

COMMENT ON COLUMN app_public.payment_methods.expires_month IS 'Month of expiry, 1 to 12.';

COMMENT ON COLUMN app_public.payment_methods.expires_year IS 'Year of expiry.';

COMMENT ON COLUMN app_public.payment_methods.failure_message IS 'Why it could not be attached.';

COMMENT ON COLUMN app_public.payment_methods.created_at IS 'When it was made.';

COMMENT ON COLUMN app_public.payment_methods.updated_at IS 'When it last changed.';

CREATE FUNCTION app_private.method_of_mine(id uuid) RETURNS app_public.payment_methods
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles := app_private.begin_billing();
  v_method app_public.payment_methods;
begin
  select * into v_method from app_public.payment_methods m
   where m.tenant_id = v_profile.tenant_id and m.id = method_of_mine.id and m.status <> 'detached';
  if not found then
    perform app_private.raise_error('LB307', 'There is no such payment method.', 'payment_methods lists those there are.');
  end if;
  return v_method;
end
$$;

ALTER FUNCTION app_private.method_of_mine(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.method_of_mine(id uuid) IS 'A payment method of this tenant, under the billing lock. LB307: there is none.';

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

CREATE FUNCTION app_private.month_start(at timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select date_trunc('month', at, 'UTC');
$$;

ALTER FUNCTION app_private.month_start(at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.month_start(at timestamp with time zone) IS 'When the month of an instant began, in UTC.';

CREATE FUNCTION app_private.monthly_tables() RETURNS TABLE(parent regclass, key name, leftover regclass)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  values ('app_public.usage_events'::regclass, 'occurred_at'::name, 'app_private.usage_events_default'::regclass),
         ('app_private.llm_calls', 'occurred_at', 'app_private.llm_calls_default'),
         ('app_private.llm_texts', 'occurred_at', 'app_private.llm_texts_default'),
         ('app_private.usage_minutes', 'minute', 'app_private.usage_minutes_default');
$$;

ALTER FUNCTION app_private.monthly_tables() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.monthly_tables() IS 'The tables partitioned by month: what by, and the partition that takes what has no month''s.';

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

CREATE FUNCTION app_private.move_leftover(leftover regclass, target regclass, key name, from_at timestamp with time zone, to_at timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_columns text := (
    select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
     where attrelid = move_leftover.target and attnum > 0 and not attisdropped and attgenerated = '');
  v_moved bigint;
begin
  execute format('with moved as (delete from %1$s where %2$I >= $1 and %2$I < $2 returning %3$s) insert into %4$s (%3$s) select %3$s from moved',
    leftover, key, v_columns, target) using from_at, to_at;
  get diagnostics v_moved = row_count;
  return v_moved;
end
$_$;

ALTER FUNCTION app_private.move_leftover(leftover regclass, target regclass, key name, from_at timestamp with time zone, to_at timestamp with time zone) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.move_leftover(leftover regclass, target regclass, key name, from_at timestamp with time zone, to_at timestamp with time zone) IS 'Moves the rows of a month, of all tenants, from a default partition to the table that becomes the month''s.';

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

CREATE FUNCTION app_private.notify_billing(tenant_id uuid, kind text, subject_key text, message text, subscription_id uuid DEFAULT NULL::uuid, invoice_id uuid DEFAULT NULL::uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into app_public.billing_notices (tenant_id, kind, subject_key, subscription_id, invoice_id, message, occurred_at)
  values (notify_billing.tenant_id, notify_billing.kind, notify_billing.subject_key, notify_billing.subscription_id,
          notify_billing.invoice_id, notify_billing.message, app_hidden.clock())
  on conflict on constraint billing_notices_tenant_id_kind_subject_key_key do nothing;
  return found;
end
$$;

ALTER FUNCTION app_private.notify_billing(tenant_id uuid, kind text, subject_key text, message text, subscription_id uuid, invoice_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.notify_billing(tenant_id uuid, kind text, subject_key text, message text, subscription_id uuid, invoice_id uuid) IS 'Notes something that the tenant''s people must learn of, once a kind and subject_key; returns whether it is new.';

CREATE FUNCTION app_private.only_keys(value jsonb, keys text[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_object_agg(key, value -> key) from unnest(keys) as key;
$$;

ALTER FUNCTION app_private.only_keys(value jsonb, keys text[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.only_keys(value jsonb, keys text[]) IS 'The object with these keys and no others.';

CREATE FUNCTION app_private.open_document(invoice_id uuid) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_invoice app_public.invoices;
begin
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = app_hidden.current_tenant_id() and i.id = open_document.invoice_id and i.series = 'invoice' for update;
  if not found then
    perform app_private.raise_error('LB304', 'There is no such invoice.', 'invoices lists those there are.');
  end if;
  return v_invoice;
end
$$;

ALTER FUNCTION app_private.open_document(invoice_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.open_document(invoice_id uuid) IS 'An invoice of this tenant, locked. LB304: there is none.';

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

CREATE FUNCTION app_private.overview_period(tenant_id uuid) RETURNS tstzrange
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_period tstzrange;
begin
  select tstzrange(s.current_period_start, s.current_period_end) into v_period from app_public.subscriptions s
   where s.tenant_id = overview_period.tenant_id and s.status in ('trialing', 'active', 'past_due');
  if not found then
    select tstzrange(date_trunc('month', app_hidden.clock(), t.timezone),
                     (date_trunc('month', app_hidden.clock() at time zone t.timezone) + interval '1 month') at time zone t.timezone)
      into v_period from app_public.tenants t where t.id = overview_period.tenant_id;
  end if;
  return v_period;
end
$$;

ALTER FUNCTION app_private.overview_period(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.overview_period(tenant_id uuid) IS 'The billing period of a tenant that is under way; without a subscription the calendar month.';

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

CREATE FUNCTION app_private.pause(subscription app_public.subscriptions, at timestamp with time zone) RETURNS app_public.subscriptions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_subscription app_public.subscriptions;
begin
  update app_public.subscriptions s
     set status = 'paused', paused_at = pause.at, past_due_at = null, cancel_at_period_end = false
   where s.id = (pause.subscription).id
  returning * into v_subscription;
  perform app_private.notify_billing(v_subscription.tenant_id, 'subscription_paused', v_subscription.id || '/' || pause.at,
    'The subscription is paused.', v_subscription.id);
  return v_subscription;
end
$$;

ALTER FUNCTION app_private.pause(subscription app_public.subscriptions, at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.pause(subscription app_public.subscriptions, at timestamp with time zone) IS 'Pauses a subscription.';

CREATE FUNCTION app_private.payment_method_job(tenant_id uuid, payment_method_id uuid) RETURNS TABLE(provider text, provider_method_id text, status text, customer_id text, name text, email text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  call app_private.enter_tenant(payment_method_job.tenant_id);
  return query
    select m.provider, m.provider_method_id, m.status, c.customer_id, p.legal_name, p.email
      from app_public.payment_methods m
      join app_public.billing_profiles p on p.tenant_id = m.tenant_id
      left join app_private.payment_customers c on c.tenant_id = m.tenant_id and c.provider = m.provider
     where m.tenant_id = payment_method_job.tenant_id and m.id = payment_method_job.payment_method_id;
end
$$;

ALTER FUNCTION app_private.payment_method_job(tenant_id uuid, payment_method_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.payment_method_job(tenant_id uuid, payment_method_id uuid) IS 'What the task needs to attach or detach a payment method.';

CREATE FUNCTION app_private.payment_missed(invoice app_public.invoices, payment_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := app_hidden.clock();
  v_invoice app_public.invoices;
  v_subscription app_public.subscriptions;
  v_days constant int[] := app_private.dunning_days();
begin
  if (payment_missed.invoice).status <> 'finalised' then
    update app_public.invoices i set next_attempt_at = null
     where i.tenant_id = (payment_missed.invoice).tenant_id and i.id = (payment_missed.invoice).id;
    return;
  end if;
  update app_public.invoices i
     set attempt_count = i.attempt_count + 1,
         status = case when i.attempt_count >= cardinality(v_days) then 'uncollectible'::app_public.invoice_status_enum else i.status end,
         uncollectible_at = case when i.attempt_count >= cardinality(v_days) then v_now end,
         next_attempt_at = v_now + make_interval(days => v_days[i.attempt_count + 1])
   where i.tenant_id = (payment_missed.invoice).tenant_id and i.id = (payment_missed.invoice).id
  returning * into v_invoice;
  perform app_private.notify_billing(v_invoice.tenant_id,
    case when v_invoice.status = 'uncollectible' then 'invoice_uncollectible' when payment_missed.payment_id is null then 'invoice_overdue' else 'payment_failed' end,
    v_invoice.id || '/' || v_invoice.attempt_count,
    format(case when payment_missed.payment_id is null then '%s is overdue.' else 'The payment for %s has failed.' end, v_invoice.number),
    v_invoice.subscription_id, v_invoice.id);

  select * into v_subscription from app_public.subscriptions s
   where s.tenant_id = v_invoice.tenant_id and s.id = v_invoice.subscription_id and s.status in ('active', 'past_due');
  if not found then
    return;
  end if;
  if v_invoice.status = 'uncollectible' then
    -- what was not paid for is not credited either
    perform app_private.bill_end(v_subscription, v_now, false);
    perform app_private.pause(v_subscription, v_now);
  elsif v_subscription.status = 'active' then
    update app_public.subscriptions s set status = 'past_due', past_due_at = v_now where s.id = v_subscription.id;
  end if;
end
$$;

ALTER FUNCTION app_private.payment_missed(invoice app_public.invoices, payment_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.payment_missed(invoice app_public.invoices, payment_id uuid) IS 'Notes a missed payment: the subscription is past due and the next attempt is planned; after the last one the invoice is uncollectible and the subscription paused.';

CREATE FUNCTION app_private.payments_to_collect(at_most integer DEFAULT 1000) RETURNS TABLE(tenant_id uuid, invoice_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select i.tenant_id, i.id from app_public.invoices i
   where i.status in ('finalised', 'uncollectible') and i.next_attempt_at <= app_hidden.clock()
   order by i.next_attempt_at limit payments_to_collect.at_most;
$$;

ALTER FUNCTION app_private.payments_to_collect(at_most integer) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.payments_to_collect(at_most integer) IS 'The invoices whose payment is due to be asked for.';

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

CREATE FUNCTION app_private.place_price(target regclass, model_id uuid, valid_from timestamp with time zone, valid_to timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_next timestamptz;
begin
  -- one at a time per model; the exclusion constraint would refuse a second one anyway
  perform from app_public.llm_models m where m.id = place_price.model_id for no key update;
  if not found then
    perform app_private.raise_error('MT406', 'There is no such model.', 'Read the ids of llm_models.');
  end if;
  if place_price.valid_from is null or not isfinite(place_price.valid_from) or place_price.valid_to <= place_price.valid_from then
    perform app_private.raise_error('MT410', 'A price needs a day it begins on, and ends after it.', 'Leave valid_to out for a price without an end.');
  end if;
  execute format('select min(valid_from) from %s where model_id = $1 and valid_from > $2 and superseded_at is null', target)
    into v_next using place_price.model_id, place_price.valid_from;
  -- it holds until the next price that is planned, and takes the place of the one that holds at its beginning
  execute format('update %s set superseded_at = now() where model_id = $1 and valid_from = $2 and superseded_at is null', target)
    using place_price.model_id, place_price.valid_from;
  execute format('update %s set valid_to = $2 where model_id = $1 and valid_from < $2 and (valid_to is null or valid_to > $2) and superseded_at is null', target)
    using place_price.model_id, place_price.valid_from;
  return least(place_price.valid_to, v_next);
end
$_$;

ALTER FUNCTION app_private.place_price(target regclass, model_id uuid, valid_from timestamp with time zone, valid_to timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.place_price(target regclass, model_id uuid, valid_from timestamp with time zone, valid_to timestamp with time zone) IS 'Makes room for a price in llm_model_prices or llm_model_price_overrides: ends the one that holds at its beginning; returns when the new one ends. MT406: there is no such model; MT410: it ends before it begins.';

CREATE FUNCTION app_private.plan_by_slug(slug text) RETURNS app_public.plans
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_plan app_public.plans;
begin
  select * into v_plan from app_public.plans p
   where p.slug = plan_by_slug.slug and (p.is_public or app_hidden.is_platform_admin());
  if not found then
    perform app_private.raise_error('LB301', 'There is no such plan.', 'plans lists those there are; others are arranged with the platform''s staff.');
  end if;
  return v_plan;
end
$$;

ALTER FUNCTION app_private.plan_by_slug(slug text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.plan_by_slug(slug text) IS 'A plan that the one who asks may choose: a public one, any for staff. LB301: there is none.';

CREATE FUNCTION app_private.plan_price_at(plan_id uuid, currency text, billing_cycle app_public.billing_cycle_enum, at timestamp with time zone) RETURNS app_public.plan_prices
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_price app_public.plan_prices;
begin
  select * into v_price from app_public.plan_prices p
   where p.plan_id = plan_price_at.plan_id and p.currency = plan_price_at.currency and p.billing_cycle = plan_price_at.billing_cycle
     and p.valid_from <= plan_price_at.at
   order by p.valid_from desc limit 1;
  if not found then
    perform app_private.raise_error('LB302', 'The plan has no price in this currency and billing cycle.',
      'plan_prices lists the prices there are.');
  end if;
  return v_price;
end
$$;

ALTER FUNCTION app_private.plan_price_at(plan_id uuid, currency text, billing_cycle app_public.billing_cycle_enum, at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.plan_price_at(plan_id uuid, currency text, billing_cycle app_public.billing_cycle_enum, at timestamp with time zone) IS 'The version of a price that is in force at an instant. LB302: there is none.';

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

CREATE FUNCTION app_private.preview(tenant_id uuid, at timestamp with time zone, lines app_public.invoice_lines[], in_currency text) RETURNS TABLE(kind text, description text, amount numeric, currency text, effective_at timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_rate numeric;
  v_subtotal numeric;
begin
  select case p.tax_mode when 'standard' then p.tax_rate else 0 end into v_rate from app_public.billing_profiles p where p.tenant_id = preview.tenant_id;
  v_rate := coalesce(v_rate, 0);
  select coalesce(sum(l.amount), 0) into v_subtotal from unnest(preview.lines) l;
  return query
    select l.kind::text, l.description, l.amount, preview.in_currency, preview.at from unnest(preview.lines) l
    union all
    values ('subtotal', 'Subtotal', v_subtotal, preview.in_currency, preview.at),
           ('tax', 'Tax', app_hidden.round_money(v_subtotal * v_rate, preview.in_currency), preview.in_currency, preview.at),
           ('total', 'Total', v_subtotal + app_hidden.round_money(v_subtotal * v_rate, preview.in_currency), preview.in_currency, preview.at);
end
$$;

ALTER FUNCTION app_private.preview(tenant_id uuid, at timestamp with time zone, lines app_public.invoice_lines[], in_currency text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.preview(tenant_id uuid, at timestamp with time zone, lines app_public.invoice_lines[], in_currency text) IS 'Lines with subtotal, tax and total.';

CREATE FUNCTION app_private.price_at(prices app_private.model_price[], model_id uuid, at timestamp with time zone) RETURNS app_private.model_price
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_price app_private.model_price;
  v_found app_private.model_price;
begin
  foreach v_price in array coalesce(price_at.prices, '{}') loop
    if v_price.model_id = price_at.model_id and v_price.valid_from <= price_at.at
      and (v_price.valid_to is null or price_at.at < v_price.valid_to)
      and (v_found.price_id is null or v_price.is_override) then
      v_found := v_price;
    end if;
  end loop;
  return v_found;
end
$$;

ALTER FUNCTION app_private.price_at(prices app_private.model_price[], model_id uuid, at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.price_at(prices app_private.model_price[], model_id uuid, at timestamp with time zone) IS 'Which of these prices holds for a model at an instant: the tenant''s own before everybody''s; null when none does.';

CREATE FUNCTION app_private.prices_of_models(model_ids uuid[]) RETURNS SETOF app_private.model_price
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select p.model_id, p.id, true, p.valid_from, p.valid_to,
           p.input_usd_per_million, p.cached_input_usd_per_million, p.output_usd_per_million, p.reasoning_usd_per_million
      from app_public.llm_model_price_overrides p
     where p.tenant_id = app_hidden.current_tenant_id() and p.model_id = any (prices_of_models.model_ids) and p.superseded_at is null
    union all
    select p.model_id, p.id, false, p.valid_from, p.valid_to,
           p.input_usd_per_million, p.cached_input_usd_per_million, p.output_usd_per_million, p.reasoning_usd_per_million
      from app_public.llm_model_prices p
     where p.model_id = any (prices_of_models.model_ids) and p.superseded_at is null;
end
$$;

ALTER FUNCTION app_private.prices_of_models(model_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.prices_of_models(model_ids uuid[]) IS 'The prices that hold for this tenant, its own and everybody''s, of all times.';

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

CREATE FUNCTION app_private.rate_per_token(price app_private.model_price, token_class text) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (CASE token_class WHEN 'input'::text THEN (price).input_usd_per_million WHEN 'cached_input'::text THEN (price).cached_input_usd_per_million WHEN 'output'::text THEN (price).output_usd_per_million WHEN 'reasoning'::text THEN (price).reasoning_usd_per_million ELSE NULL::numeric END * 0.000001);

ALTER FUNCTION app_private.rate_per_token(price app_private.model_price, token_class text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.rate_per_token(price app_private.model_price, token_class text) IS 'USD for one token of a class, exactly.';

CREATE FUNCTION app_private.rate_window_steps() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 20;

ALTER FUNCTION app_private.rate_window_steps() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.rate_window_steps() IS 'Into how many buckets a rate limit''s window is cut.';

CREATE FUNCTION app_private.read_usage(events jsonb) RETURNS app_private.usage_input[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_place bigint;
begin
  if jsonb_typeof(read_usage.events) is distinct from 'array' or jsonb_array_length(read_usage.events) not between 1 and 10000 then
    perform app_private.raise_error('MT412', 'Events are a list of 1 to 10,000 objects.', 'Send several lists.');
  end if;
  select min(place) into v_place
    from jsonb_array_elements(read_usage.events) with ordinality as e (event, place)
   where case jsonb_typeof(event) when 'object' then event - array[
     'idempotency_key', 'usage_type', 'quantity', 'occurred_at', 'user_id', 'agent_id', 'project_id', 'api_key_id',
     'model_id', 'feature_name', 'outcome', 'duration_ms', 'metadata'] <> '{}' else true end;
  if v_place is not null then
    perform app_private.raise_error('MT413', format('Event %s is not an object, or has a field that events do not have.', v_place),
      'Fields: idempotency_key, usage_type, quantity, occurred_at, user_id, agent_id, project_id, api_key_id, model_id, feature_name, outcome, duration_ms, metadata.');
  end if;
  return array(select e from jsonb_populate_recordset(null::app_private.usage_input, read_usage.events) as e);
end
$$;

ALTER FUNCTION app_private.read_usage(events jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.read_usage(events jsonb) IS 'Events from JSON. MT412: not a list of 1 to 10,000; MT413: an event is no object or has an unknown field.';

CREATE FUNCTION app_private.rebuild_rollups(tenant_id uuid, from_on date DEFAULT NULL::date, to_on date DEFAULT NULL::date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_timezone text;
  v_from_at timestamptz;
  v_to_at timestamptz;
begin
  call app_private.enter_tenant(rebuild_rollups.tenant_id);
  perform pg_advisory_xact_lock(app_private.metering_lock('roll_up'), hashtext(rebuild_rollups.tenant_id::text));
  select t.timezone into v_timezone from app_public.tenants t where t.id = rebuild_rollups.tenant_id;
  if not found then
    return;
  end if;
  v_from_at := coalesce(rebuild_rollups.from_on::timestamp at time zone v_timezone, '-infinity');
  v_to_at := coalesce(rebuild_rollups.to_on::timestamp at time zone v_timezone, 'infinity');

  delete from app_private.usage_minutes m
   where m.tenant_id = rebuild_rollups.tenant_id and m.minute >= date_trunc('minute', v_from_at) and m.minute < date_trunc('minute', v_to_at);
  delete from app_private.usage_days d
   where d.tenant_id = rebuild_rollups.tenant_id
     and d.used_on >= coalesce(rebuild_rollups.from_on, '-infinity') and d.used_on < coalesce(rebuild_rollups.to_on, 'infinity');
  perform app_private.add_to_rollups(null, v_from_at, v_to_at, v_timezone);

  -- totals have no period: they follow from all days
  delete from app_private.usage_agents a where a.tenant_id = rebuild_rollups.tenant_id;
  insert into app_private.usage_agents select * from app_private.agent_totals_of_days();
  perform app_private.refresh_agent_statistics(array(select a.agent_id from app_private.usage_agents a where a.tenant_id = rebuild_rollups.tenant_id));

  if rebuild_rollups.from_on is null and rebuild_rollups.to_on is null then
    insert into app_private.usage_rollup_state (tenant_id, timezone) values (rebuild_rollups.tenant_id, v_timezone)
    on conflict (tenant_id) do update set timezone = excluded.timezone, rolled_up_at = now();
  end if;
end
$$;

ALTER FUNCTION app_private.rebuild_rollups(tenant_id uuid, from_on date, to_on date) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.rebuild_rollups(tenant_id uuid, from_on date, to_on date) IS 'Counts a tenant''s events of these days (the last one excluded; all when left out) anew, batches that wait in the queue excepted. Recording goes on meanwhile.';

CREATE FUNCTION app_private.receipt_of_call(call app_private.llm_calls, is_repeated boolean) RETURNS app_public.llm_usage_receipt
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select row((call).id, (call).occurred_at, (call).batch_id, (call).prompt_tokens, (call).completion_tokens, (call).total_tokens,
    (call).input_cost, (call).output_cost, (call).total_cost, (call).price_id, is_repeated)::app_public.llm_usage_receipt;
$$;

ALTER FUNCTION app_private.receipt_of_call(call app_private.llm_calls, is_repeated boolean) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.receipt_of_call(call app_private.llm_calls, is_repeated boolean) IS 'What the caller is told about a call that is stored.';

CREATE FUNCTION app_private.receive_payment_event(provider text, event_id text, type text, occurred_at timestamp with time zone, payload jsonb) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_outcome text;
begin
  insert into app_private.payment_events (provider, event_id, type, payload, outcome, occurred_at)
  values (receive_payment_event.provider, receive_payment_event.event_id, receive_payment_event.type,
          receive_payment_event.payload, 'ignored', receive_payment_event.occurred_at)
  on conflict (provider, event_id) do nothing;
  if not found then
    return 'repeated';
  end if;
  v_outcome := case
    when receive_payment_event.type like 'payment\_intent.%'
      then app_private.apply_payment_intent(receive_payment_event.type, receive_payment_event.payload)
    when receive_payment_event.type in ('refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated')
      then app_private.apply_refund(receive_payment_event.provider, receive_payment_event.payload)
    when receive_payment_event.type = 'payment_method.detached'
      then app_private.apply_detachment(receive_payment_event.provider, receive_payment_event.payload)
    else 'ignored' end;
  update app_private.payment_events e set outcome = v_outcome
   where e.provider = receive_payment_event.provider and e.event_id = receive_payment_event.event_id;
  return v_outcome;
end
$$;

ALTER FUNCTION app_private.receive_payment_event(provider text, event_id text, type text, occurred_at timestamp with time zone, payload jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.receive_payment_event(provider text, event_id text, type text, occurred_at timestamp with time zone, payload jsonb) IS 'Keeps an event whose signature the server has checked, and applies it: applied, ignored (nothing to do with us), unknown (about something we do not have) or repeated. payload is the event''s object. For the server''s login.';

CREATE FUNCTION app_private.recompute_line(line app_public.invoice_lines, invoice app_public.invoices) RETURNS TABLE(amount numeric, explanation text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_price app_public.plan_prices;
  v_component app_public.plan_price_components;
  v_days int;
  v_period_days int;
  v_period constant tstzrange := tstzrange((recompute_line.line).service_start, (recompute_line.line).service_end);
  v_base numeric;
  v_before numeric;
  v_after numeric;
begin
  if (recompute_line.line).is_manual then
    return query select (recompute_line.line).amount, 'written by staff';
  elsif (recompute_line.invoice).series = 'credit_note' then
    return query
      select n.total - n.tax, format('%s less tax of %s', n.total, n.tax) from app_public.invoices n
       where n.tenant_id = (recompute_line.invoice).tenant_id and n.id = (recompute_line.invoice).id;
  elsif (recompute_line.line).kind in ('recurring', 'proration') then
    select * into v_price from app_public.plan_prices p where p.id = (recompute_line.line).price_id;
    v_days := app_hidden.local_days(lower(v_period), upper(v_period), (recompute_line.invoice).timezone);
    v_period_days := app_hidden.local_days((recompute_line.line).basis_start, (recompute_line.line).basis_end, (recompute_line.invoice).timezone);
    return query select (recompute_line.line).quantity * app_hidden.share_of(v_price.amount, v_days, v_period_days, v_price.currency),
      format('%s%s × %s / %s days', case when (recompute_line.line).quantity < 0 then '-' else '' end, v_price.amount, v_days, v_period_days);
  else
    select * into v_component from app_public.plan_price_components c where c.id = (recompute_line.line).component_id;
    v_base := app_private.billable_usage((recompute_line.line).tenant_id, v_component.usage_type, v_period);
    if (recompute_line.line).kind = 'adjustment' then
      v_after := v_base + app_private.late_usage((recompute_line.line).tenant_id, v_component.usage_type, v_period, (recompute_line.line).counted_until);
      v_before := v_base + app_private.late_usage((recompute_line.line).tenant_id, v_component.usage_type, v_period, coalesce((
        select max(l.counted_until) from app_public.invoice_lines l
          join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id and i.status <> 'draft'
         where l.tenant_id = (recompute_line.line).tenant_id and l.component_id = (recompute_line.line).component_id
           and l.kind = 'adjustment' and l.service_start = lower(v_period) and l.counted_until < (recompute_line.line).counted_until), -1));
      return query select app_private.adjustment_amount(v_component, v_before, v_after, (recompute_line.invoice).currency),
        format('%s of %s less that of %s', v_component.model, trim_scale(v_after), trim_scale(v_before));
    else
      return query select app_hidden.round_money(app_hidden.component_charge(v_component, v_base), (recompute_line.invoice).currency),
        format('%s of %s, %s included', v_component.model, trim_scale(v_base), trim_scale(v_component.included_quantity));
    end if;
  end if;
end
$$;

ALTER FUNCTION app_private.recompute_line(line app_public.invoice_lines, invoice app_public.invoices) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.recompute_line(line app_public.invoice_lines, invoice app_public.invoices) IS 'The amount of a line from prices, days and events, and in words how.';

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

CREATE FUNCTION app_private.record_tenant_llm_usage(tenant_id uuid, call jsonb) RETURNS app_public.llm_usage_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  call app_private.enter_tenant(record_tenant_llm_usage.tenant_id);
  perform set_config('rowhouse.user_id', '', true);
  return app_private.store_llm_call(record_tenant_llm_usage.call ->> 'idempotency_key',
    jsonb_populate_record(null::app_private.llm_calls,
      '{"cached_input_tokens": 0, "reasoning_tokens": 0, "success": true}' || record_tenant_llm_usage.call),
    jsonb_populate_record(null::app_private.llm_texts, record_tenant_llm_usage.call));
end
$$;

ALTER FUNCTION app_private.record_tenant_llm_usage(tenant_id uuid, call jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.record_tenant_llm_usage(tenant_id uuid, call jsonb) IS 'record_llm_usage for tasks, which know whose call it was: an object with its arguments. Errors as there.';

CREATE FUNCTION app_private.record_tenant_usage(tenant_id uuid, events jsonb) RETURNS SETOF app_public.usage_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  call app_private.enter_tenant(record_tenant_usage.tenant_id);
  -- nobody asks: the events say whose they are
  perform set_config('rowhouse.user_id', '', true);
  return query select * from app_private.store_usage(app_private.read_usage(record_tenant_usage.events));
end
$$;

ALTER FUNCTION app_private.record_tenant_usage(tenant_id uuid, events jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.record_tenant_usage(tenant_id uuid, events jsonb) IS 'record_usages for tasks, which know whose usage it is. Errors as there.';

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

CREATE FUNCTION app_private.recurring_line(price app_public.plan_prices, kind app_public.invoice_line_kind_enum, sign integer, service tstzrange, basis tstzrange, timezone text) RETURNS app_public.invoice_lines
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_line app_public.invoice_lines;
  v_plan_name text;
begin
  select p.name into v_plan_name from app_public.plans p where p.id = (recurring_line.price).plan_id;
  v_line.kind := recurring_line.kind;
  v_line.price_id := (recurring_line.price).id;
  v_line.quantity := recurring_line.sign;
  v_line.days := app_hidden.local_days(lower(service), upper(service), timezone);
  v_line.period_days := app_hidden.local_days(lower(basis), upper(basis), timezone);
  v_line.service_start := lower(service);
  v_line.service_end := upper(service);
  v_line.basis_start := lower(basis);
  v_line.basis_end := upper(basis);
  v_line.amount := recurring_line.sign
    * app_hidden.share_of((recurring_line.price).amount, v_line.days, v_line.period_days, (recurring_line.price).currency);
  v_line.description := case
    when recurring_line.kind = 'recurring' then format('%s, %s', v_plan_name, (recurring_line.price).billing_cycle)
    when recurring_line.sign < 0 then format('%s: %s unused of %s days', v_plan_name, v_line.days, v_line.period_days)
    else format('%s: %s of %s days', v_plan_name, v_line.days, v_line.period_days) end;
  return v_line;
end
$$;

ALTER FUNCTION app_private.recurring_line(price app_public.plan_prices, kind app_public.invoice_line_kind_enum, sign integer, service tstzrange, basis tstzrange, timezone text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.recurring_line(price app_public.plan_prices, kind app_public.invoice_line_kind_enum, sign integer, service tstzrange, basis tstzrange, timezone text) IS 'A plan''s price for a period, or the share of the days of it: service by basis. sign -1 credits it.';

CREATE FUNCTION app_private.refresh_agent_statistics(agent_ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
begin
  -- the columns come with the catalogue
  if not exists (select from pg_attribute where attrelid = 'app_public.agents'::regclass and attname = 'last_success_at') then
    return;
  end if;
  -- so that it is not looked at before they have come
  execute format($sql$
    update app_public.%I a
       set usage_count = u.call_count, error_count = u.error_count,
           avg_response_time_ms = round(u.duration_ms::numeric / nullif(u.timed_count, 0)),
           success_rate = round(100.0 * u.success_count / nullif(u.success_count + u.error_count, 0), 2),
           last_success_at = u.last_success_at, last_error_at = u.last_error_at
      from app_private.usage_agents u
     where u.tenant_id = $1 and u.agent_id = any ($2) and a.tenant_id = u.tenant_id and a.id = u.agent_id
  $sql$, 'agents') using app_hidden.current_tenant_id(), refresh_agent_statistics.agent_ids;
end
$_$;

ALTER FUNCTION app_private.refresh_agent_statistics(agent_ids uuid[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.refresh_agent_statistics(agent_ids uuid[]) IS 'Copies the totals of these agents of the tenant to usage_count, error_count, success_rate (percent), avg_response_time_ms, last_success_at and last_error_at.';

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

CREATE FUNCTION app_private.refresh_usage(invoice app_public.invoices, until_batch bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from app_public.invoice_lines l
   where l.tenant_id = (refresh_usage.invoice).tenant_id and l.invoice_id = (refresh_usage.invoice).id
     and l.kind in ('usage', 'overage', 'adjustment') and not l.is_manual;
  perform app_private.insert_lines(refresh_usage.invoice, array(
    select l from app_private.usage_lines((refresh_usage.invoice).tenant_id, (refresh_usage.invoice).usage_price_id,
      tstzrange((refresh_usage.invoice).usage_start, (refresh_usage.invoice).usage_end)) l)
    || array(select l from app_private.adjustment_lines((refresh_usage.invoice).tenant_id, (refresh_usage.invoice).id,
      refresh_usage.until_batch) l));
end
$$;

ALTER FUNCTION app_private.refresh_usage(invoice app_public.invoices, until_batch bigint) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.refresh_usage(invoice app_public.invoices, until_batch bigint) IS 'Computes a draft''s usage and adjustments anew: with what is recorded by now, or up to a batch.';

CREATE FUNCTION app_private.refund_to_make(tenant_id uuid, refund_id uuid) RETURNS TABLE(provider text, provider_payment_id text, amount_minor bigint, currency text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  call app_private.enter_tenant(refund_to_make.tenant_id);
  return query
    select p.provider, p.provider_payment_id, (r.amount * 10 ^ app_hidden.minor_units(p.currency))::bigint, p.currency
      from app_public.refunds r join app_public.payments p on p.tenant_id = r.tenant_id and p.id = r.payment_id
     where r.tenant_id = refund_to_make.tenant_id and r.id = refund_to_make.refund_id and r.status = 'pending';
end
$$;

ALTER FUNCTION app_private.refund_to_make(tenant_id uuid, refund_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.refund_to_make(tenant_id uuid, refund_id uuid) IS 'What the provider must be asked to pay back; nothing when that is done.';

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

CREATE FUNCTION app_private.refuse_usage(problem text, place bigint, batch_size integer) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_subject text := case when refuse_usage.batch_size = 1 then '' else format('Event %s: ', refuse_usage.place) end;
begin
  case refuse_usage.problem
    when 'key' then
      perform app_private.raise_error('MT401', v_subject || 'An idempotency key of 1 to 255 characters is needed.',
        'Use a key that stays the same when the call is repeated, such as the id of what was done.');
    when 'type' then
      perform app_private.raise_error('MT402', v_subject || 'The usage type is unknown.', 'Read the names of usage types.');
    when 'quantity' then
      perform app_private.raise_error('MT403', v_subject || 'The quantity is not a positive number within the range of its type.',
        'Counts are whole numbers above 0; see the usage type''s maximum.');
    when 'past' then
      perform app_private.raise_error('MT404', v_subject || 'It lies more than 400 days in the past.', 'Usage is recorded within 400 days.');
    when 'future' then
      perform app_private.raise_error('MT405', v_subject || 'It lies more than an hour in the future.', 'Check the clock of the sender.');
    when 'model' then
      perform app_private.raise_error('MT406', v_subject || 'There is no such model.', 'Read the ids of llm_models.');
    when 'metadata' then
      perform app_private.raise_error('MT407', v_subject || 'Metadata is not an object of at most 8 kB.', 'Keep texts elsewhere and name their id here.');
    when 'feature' then
      perform app_private.raise_error('MT408', v_subject || 'The name of the feature is empty or longer than 100 characters.', 'Use one short name a feature.');
    when 'duration' then
      perform app_private.raise_error('MT409', v_subject || 'The duration is not between 0 and 30 days.', 'Durations are in milliseconds.');
    when 'someone_else' then
      perform app_private.raise_error('MT201', v_subject || 'Usage of another person or API key is recorded by admins only.',
        'Leave user_id and api_key_id out, or ask for the role admin.');
    when 'user' then
      perform app_private.raise_error('MT301', v_subject || 'There is no such member of this tenant.', 'Read the ids of memberships.');
  end case;
end
$$;

ALTER FUNCTION app_private.refuse_usage(problem text, place bigint, batch_size integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.refuse_usage(problem text, place bigint, batch_size integer) IS 'Raises what is wrong with an event, naming its place when it is one of several.';

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

CREATE FUNCTION app_private.remind_of_trial(tenant_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := app_hidden.clock();
  v_subscription app_public.subscriptions;
  v_days int;
begin
  select * into v_subscription from app_public.subscriptions s where s.tenant_id = remind_of_trial.tenant_id and s.status = 'trialing';
  if not found or v_subscription.cancel_at_period_end then
    return;
  end if;
  -- the nearest that is due and was ahead when the trial began; one that was slept through is not caught up on
  select min(d) into v_days from unnest(array[7, 3, 1]) as d
   where v_now >= ((v_subscription.trial_ends_at at time zone v_subscription.timezone) - make_interval(days => d)) at time zone v_subscription.timezone
     and v_subscription.started_at < ((v_subscription.trial_ends_at at time zone v_subscription.timezone) - make_interval(days => d)) at time zone v_subscription.timezone;
  if v_days is not null then
    perform app_private.notify_billing(v_subscription.tenant_id, 'trial_ending', v_subscription.id || '/' || v_days,
      format('The trial ends in %s.', case v_days when 1 then 'one day' else v_days || ' days' end), v_subscription.id);
  end if;
end
$$;

ALTER FUNCTION app_private.remind_of_trial(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.remind_of_trial(tenant_id uuid) IS 'Reminds 7, 3 and 1 days before a trial ends, once each.';

CREATE FUNCTION app_private.request_api_key_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select nullif(current_setting('rowhouse.api_key_id', true), '')::uuid;
$$;

ALTER FUNCTION app_private.request_api_key_id() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.request_api_key_id() IS 'The API key this request came with, or null.';

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

CREATE FUNCTION app_private.require_price_setter() RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not app_hidden.is_platform_admin() then
    perform app_private.raise_error('MT202', 'Only platform staff do this.', 'Ask an administrator of the platform tenant.');
  end if;
end
$$;

ALTER FUNCTION app_private.require_price_setter() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.require_price_setter() IS 'MT202 unless the request is one of platform staff.';

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

CREATE FUNCTION app_private.require_staff() RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not app_hidden.is_platform_admin() then
    perform app_private.raise_error('LB201', 'Only platform staff can do this.', 'Ask the staff of the platform.');
  end if;
end
$$;

ALTER FUNCTION app_private.require_staff() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.require_staff() IS 'LB201 unless the request is one of platform staff.';

CREATE FUNCTION app_private.rerated_usage(from_at timestamp with time zone, to_at timestamp with time zone) RETURNS TABLE(batch_id bigint, ordinal integer, occurred_at timestamp with time zone, usage_type text, model_id uuid, quantity numeric, cost_before numeric, cost_after numeric, price_id uuid)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_prices app_private.model_price[];
begin
  -- price_at goes through these for each event: only what can hold in the time in question
  v_prices := array(
    select p from app_private.prices_of_models(array(select m.id from app_public.llm_models m)) as p
     where tstzrange(p.valid_from, p.valid_to) && tstzrange(rerated_usage.from_at, rerated_usage.to_at));
  return query
    select e.batch_id, e.ordinal, e.occurred_at, e.usage_type, e.model_id, e.quantity,
           case when e.cost is not null or c.cost is not null then coalesce(e.cost, 0) + coalesce(c.cost, 0) end,
           e.quantity * app_private.rate_per_token(p.price, t.token_class), (p.price).price_id
      from app_public.usage_events e
      join app_public.usage_types t on t.name = e.usage_type and t.token_class is not null
      cross join lateral (select app_private.price_at(v_prices, e.model_id, e.occurred_at) as price) as p
      left join lateral (
        select sum(r.cost) as cost from app_public.usage_events r
         where r.tenant_id = v_tenant_id and r.rerates_batch_id = e.batch_id and r.rerates_ordinal = e.ordinal
      ) as c on true
     where e.tenant_id = v_tenant_id and e.occurred_at >= rerated_usage.from_at and e.occurred_at < rerated_usage.to_at
       and e.rerates_batch_id is null and e.model_id is not null
       -- a price that was taken away leaves what was rated by it as it is
       and (p.price).price_id is not null
       and coalesce(e.cost, 0) + coalesce(c.cost, 0) <> e.quantity * app_private.rate_per_token(p.price, t.token_class);
end
$$;

ALTER FUNCTION app_private.rerated_usage(from_at timestamp with time zone, to_at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.rerated_usage(from_at timestamp with time zone, to_at timestamp with time zone) IS 'Events of these times that would cost something else by the prices as they are now, corrections that were made already counted in.';

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

CREATE FUNCTION app_private.roll_up_usage(tenant_id uuid, max_events integer DEFAULT 50000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_timezone text;
  v_counted_in text;
  v_batch_ids bigint[];
  v_from_at timestamptz;
  v_to_at timestamptz;
  v_count int;
begin
  call app_private.enter_tenant(roll_up_usage.tenant_id);
  -- another worker is at it
  if not pg_try_advisory_xact_lock(app_private.metering_lock('roll_up'), hashtext(roll_up_usage.tenant_id::text)) then
    return 0;
  end if;
  select t.timezone, s.timezone into v_timezone, v_counted_in
    from app_public.tenants t left join app_private.usage_rollup_state s on s.tenant_id = t.id
   where t.id = roll_up_usage.tenant_id;
  if not found then
    -- recorded while the tenant was being deleted: nobody will count it
    delete from app_private.usage_queue q where q.tenant_id = roll_up_usage.tenant_id;
    return 0;
  end if;
  if v_counted_in <> v_timezone then
    perform app_private.rebuild_rollups(roll_up_usage.tenant_id);
  end if;

  with waiting as (
    select q.batch_id, sum(q.event_count) over (order by q.batch_id) - q.event_count as before_it
      from (select * from app_private.usage_queue q where q.tenant_id = roll_up_usage.tenant_id
             order by q.batch_id limit roll_up_usage.max_events) as q
  ), taken as (
    delete from app_private.usage_queue q using waiting w
     where q.tenant_id = roll_up_usage.tenant_id and q.batch_id = w.batch_id and w.before_it < roll_up_usage.max_events
    returning q.batch_id, q.first_at, q.last_at, q.event_count
  )
  select array_agg(batch_id), min(first_at), max(last_at) + interval '1 microsecond', coalesce(sum(event_count), 0)
    into v_batch_ids, v_from_at, v_to_at, v_count from taken;
  if v_count > 0 then
    perform app_private.add_to_rollups(v_batch_ids, v_from_at, v_to_at, v_timezone);
    perform app_private.refresh_agent_statistics(app_private.add_to_agents(v_batch_ids, v_from_at, v_to_at));
  end if;
  insert into app_private.usage_rollup_state as s (tenant_id, timezone) values (roll_up_usage.tenant_id, v_timezone)
  on conflict (tenant_id) do update set rolled_up_at = now();
  return v_count;
end
$$;

ALTER FUNCTION app_private.roll_up_usage(tenant_id uuid, max_events integer) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.roll_up_usage(tenant_id uuid, max_events integer) IS 'Adds what a tenant used since the last time to its roll-ups, the oldest batches first, about this many events at most; returns how many. 0 when nothing waits or another worker is at it. Counts the tenant''s days anew when its time zone has changed.';

CREATE FUNCTION app_private.run_billing(tenant_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_id uuid;
  v_count int := 0;
begin
  call app_private.enter_tenant(run_billing.tenant_id);
  perform app_private.lock_billing(run_billing.tenant_id);
  perform app_private.remind_of_trial(run_billing.tenant_id);
  perform app_private.advance_subscription(run_billing.tenant_id);
  -- by the period, so that numbers and adjustments are in its order
  for v_id in
    select i.id from app_public.invoices i
     where i.tenant_id = run_billing.tenant_id and i.status = 'draft' and i.finalise_at <= app_hidden.clock()
     order by i.usage_end, i.id
  loop
    perform app_private.finalise(run_billing.tenant_id, v_id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

ALTER FUNCTION app_private.run_billing(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.run_billing(tenant_id uuid) IS 'Does what is due for a tenant: reminders, renewals, invoices; returns how many drafts were finalised.';

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

CREATE FUNCTION app_private.seed_example_plans() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_plan record;
  v_price record;
  v_id uuid;
begin
  for v_plan in
    select * from (values
      ('free', 'Free', 'Example, change it: to try things out.', 'free', 0),
      ('standard', 'Standard', 'Example, change it: for a team.', 'standard', 14),
      ('professional', 'Professional', 'Example, change it: for a company.', 'professional', 14),
      ('enterprise', 'Enterprise', 'Example, change it: for a group of companies.', 'enterprise', 30)
    ) as p (slug, name, description, tier, trial_days)
  loop
    insert into app_public.plans (slug, name, description, tier, trial_days)
    values (v_plan.slug, v_plan.name, v_plan.description, v_plan.tier, v_plan.trial_days)
    on conflict (slug) do nothing
    returning id into v_id;
    -- what is there is somebody's by now
    continue when not found;
    for v_price in
      select * from (values
        ('free', 'monthly', 0, 1000, null), ('free', 'annual', 0, 12000, null),
        ('standard', 'monthly', 49, 100000, 0.0005), ('standard', 'annual', 490, 1200000, 0.0005),
        ('professional', 'monthly', 199, 1000000, 0.0004), ('professional', 'annual', 1990, 12000000, 0.0004),
        ('enterprise', 'monthly', 999, 10000000, 0.0002), ('enterprise', 'annual', 9990, 120000000, 0.0002)
      ) as p (slug, cycle, amount, calls, overage)
      where p.slug = v_plan.slug
    loop
      with price as (
        insert into app_public.plan_prices (plan_id, currency, billing_cycle, amount, valid_from)
        values (v_id, 'USD', v_price.cycle::app_public.billing_cycle_enum, v_price.amount, '2020-01-01Z')
        returning id
      )
      insert into app_public.plan_price_components (price_id, usage_type, model, unit_amount, included_quantity)
      select id, 'api_call', 'per_unit', v_price.overage, v_price.calls from price where v_price.overage is not null;
    end loop;
    insert into app_public.plan_entitlements (plan_id, kind, key, is_enabled, quota_limit, overage_allowed)
    select v_id, e.kind::app_public.entitlement_kind_enum, e.key, e.is_enabled, e.quota_limit, coalesce(e.overage_allowed, false)
      from (values
        ('free', 'quota', 'api_calls', null::boolean, 1000::numeric, false), ('free', 'quota', 'users', null, 3, false),
        ('free', 'quota', 'agents', null, 3, false), ('free', 'feature', 'custom_branding', false, null, null),
        ('standard', 'quota', 'api_calls', null, 100000, true), ('standard', 'quota', 'users', null, 25, false),
        ('standard', 'quota', 'agents', null, 25, false), ('standard', 'feature', 'custom_branding', false, null, null),
        ('professional', 'quota', 'api_calls', null, 1000000, true), ('professional', 'quota', 'users', null, 250, false),
        ('professional', 'quota', 'agents', null, 250, false), ('professional', 'feature', 'custom_branding', true, null, null),
        ('enterprise', 'quota', 'api_calls', null, 10000000, true), ('enterprise', 'quota', 'users', null, 10000, false),
        ('enterprise', 'quota', 'agents', null, 10000, false), ('enterprise', 'feature', 'custom_branding', true, null, null)
      ) as e (slug, kind, key, is_enabled, quota_limit, overage_allowed)
     where e.slug = v_plan.slug;
  end loop;
end
$$;

ALTER FUNCTION app_private.seed_example_plans() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.seed_example_plans() IS 'Adds the plans free, standard, professional and enterprise with example prices and entitlements, for administrators to change. A plan that is there stays as it is.';

CREATE FUNCTION app_private.settle(tenant_id uuid, invoice_id uuid, paid numeric, credited numeric) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := app_hidden.clock();
  v_invoice app_public.invoices;
begin
  update app_public.invoices i
     set amount_paid = i.amount_paid + settle.paid, amount_credited = i.amount_credited + settle.credited
   where i.tenant_id = settle.tenant_id and i.id = settle.invoice_id
  returning * into v_invoice;
  if v_invoice.status in ('finalised', 'uncollectible') and v_invoice.amount_due = 0 then
    update app_public.invoices i
       set status = 'paid', paid_at = v_now, next_attempt_at = null
     where i.tenant_id = settle.tenant_id and i.id = settle.invoice_id
    returning * into v_invoice;
  end if;
  return v_invoice;
end
$$;

ALTER FUNCTION app_private.settle(tenant_id uuid, invoice_id uuid, paid numeric, credited numeric) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.settle(tenant_id uuid, invoice_id uuid, paid numeric, credited numeric) IS 'Counts a payment or a credit towards an invoice; when nothing is due any more it is paid.';

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

CREATE FUNCTION app_private.settled_subscription(tenant_id uuid) RETURNS app_public.subscriptions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- whoever changes it finds it as it is now, also when the task has not been by yet
  perform app_private.advance_subscription(settled_subscription.tenant_id);
  return app_private.live_subscription(settled_subscription.tenant_id);
end
$$;

ALTER FUNCTION app_private.settled_subscription(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.settled_subscription(tenant_id uuid) IS 'The live subscription, brought to the present. LB303: there is none.';

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

CREATE FUNCTION app_private.store_customer(tenant_id uuid, provider text, customer_id text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_customer_id text;
begin
  call app_private.enter_tenant(store_customer.tenant_id);
  insert into app_private.payment_customers (tenant_id, provider, customer_id)
  values (store_customer.tenant_id, store_customer.provider, store_customer.customer_id)
  on conflict (tenant_id, provider) do nothing;
  select c.customer_id into v_customer_id from app_private.payment_customers c
   where c.tenant_id = store_customer.tenant_id and c.provider = store_customer.provider;
  return v_customer_id;
end
$$;

ALTER FUNCTION app_private.store_customer(tenant_id uuid, provider text, customer_id text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.store_customer(tenant_id uuid, provider text, customer_id text) IS 'Keeps a tenant''s customer key at a provider; the first one stays, and is returned.';

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

CREATE FUNCTION app_private.store_invoice_document(tenant_id uuid, invoice_id uuid, html text, pdf bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  call app_private.enter_tenant(store_invoice_document.tenant_id);
  insert into app_private.invoice_documents (tenant_id, invoice_id, html, pdf)
  values (store_invoice_document.tenant_id, store_invoice_document.invoice_id, store_invoice_document.html, store_invoice_document.pdf)
  on conflict (tenant_id, invoice_id) do update set html = excluded.html, pdf = excluded.pdf, rendered_at = now();
end
$$;

ALTER FUNCTION app_private.store_invoice_document(tenant_id uuid, invoice_id uuid, html text, pdf bytea) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.store_invoice_document(tenant_id uuid, invoice_id uuid, html text, pdf bytea) IS 'Keeps an invoice''s HTML and PDF.';

CREATE TABLE app_private.llm_texts (
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    user_id uuid,
    prompt_text text,
    system_prompt text,
    completion_text text
)
PARTITION BY RANGE (occurred_at);

ALTER TABLE ONLY app_private.llm_texts FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.llm_texts OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.llm_texts IS 'What was said in a call, where and as long as the tenant keeps it.';

CREATE FUNCTION app_private.store_llm_call(key text, call app_private.llm_calls, texts app_private.llm_texts) RETURNS app_public.llm_usage_receipt
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_call app_private.llm_calls := store_llm_call.call;
  v_hash bytea;
  v_events app_private.usage_input[];
  v_price app_private.model_price;
  v_claim app_private.usage_idempotency_keys;
begin
  if v_call.model is null or not app_hidden.is_name(v_call.model) then
    perform app_private.raise_error('MT406', 'The model has no name.', 'Give the name of a model of the catalogue, or the provider''s.');
  end if;
  if v_call.input_tokens is null or v_call.output_tokens is null
    or least(v_call.input_tokens, v_call.cached_input_tokens, v_call.output_tokens, v_call.reasoning_tokens) < 0
    or greatest(v_call.input_tokens, v_call.cached_input_tokens, v_call.output_tokens, v_call.reasoning_tokens) > 1e9 then
    perform app_private.raise_error('MT415', 'A number of tokens is missing, negative or above a thousand million.', 'A call that used none says 0.');
  end if;
  -- as it was given, before anything is looked up that may be otherwise when it is sent again
  v_hash := sha256(record_send(row(
    'llm'::text, v_call.occurred_at, v_call.model, v_call.model_config_id, v_call.agent_id, v_call.agent_name, v_call.user_id,
    v_call.project_id, v_call.api_key_id, v_call.conversation_id, v_call.panel_id, v_call.input_tokens, v_call.cached_input_tokens,
    v_call.output_tokens, v_call.reasoning_tokens, v_call.response_time_ms, v_call.time_to_first_token_ms,
    trim_scale(v_call.temperature), v_call.max_tokens, trim_scale(v_call.top_p), v_call.finish_reason, v_call.function_call::text,
    v_call.success, v_call.error_type, v_call.error_message, texts.prompt_text, texts.system_prompt, texts.completion_text)));

  select m.id, m.name, p.id, p.name into v_call.model_id, v_call.model, v_call.provider_id, v_call.provider
    from app_public.llm_models m join app_public.llm_providers p on p.id = m.provider_id
   where m.name = v_call.model or m.id::text = v_call.model;
  if not found then
    v_call.model := (store_llm_call.call).model;
  end if;
  v_events := app_private.events_of_call(store_llm_call.key, v_call);
  perform app_private.check_usage(v_events);

  v_call.tenant_id := v_tenant_id;
  v_call.batch_id := app_private.begin_usage();
  v_call.occurred_at := coalesce(v_call.occurred_at, app_hidden.clock());
  insert into app_private.usage_idempotency_keys (tenant_id, key, payload_hash, batch_id, ordinal, occurred_at)
  values (v_tenant_id, store_llm_call.key, v_hash, v_call.batch_id, 1, v_call.occurred_at)
  on conflict do nothing;
  if not found then
    select * into v_claim from app_private.usage_idempotency_keys k where k.tenant_id = v_tenant_id and k.key = store_llm_call.key;
    if v_claim.payload_hash <> v_hash then
      perform app_private.raise_error('MT501', 'The idempotency key stands for another event already.',
        'Repeat the event exactly as it was first sent, or give it a key of its own.');
    end if;
    select * into v_call from app_private.llm_calls c
     where c.tenant_id = v_tenant_id and c.occurred_at = v_claim.occurred_at and c.batch_id = v_claim.batch_id;
    return app_private.receipt_of_call(v_call, true);
  end if;

  v_price := app_private.price_at(array(
    select p from app_private.prices_of_models(array[v_call.model_id]) as p), v_call.model_id, v_call.occurred_at);
  v_call.id := gen_random_uuid();
  v_call.user_id := coalesce(v_call.user_id, app_hidden.current_user_id());
  v_call.api_key_id := coalesce(v_call.api_key_id, app_private.request_api_key_id());
  v_call.user_name := (select coalesce(u.full_name, u.email) from app_public.user_profiles u where u.id = v_call.user_id);
  v_call.agent_name := coalesce(
    (select coalesce(a.display_name, a.name) from app_public.agents a where a.tenant_id = v_tenant_id and a.id = v_call.agent_id),
    v_call.agent_name);
  insert into app_private.llm_calls (
    tenant_id, id, occurred_at, provider_id, provider, model_id, model, model_config_id, agent_id, agent_name, user_id, user_name,
    project_id, api_key_id, conversation_id, panel_id, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    price_id, input_cost, output_cost, response_time_ms, time_to_first_token_ms, temperature, max_tokens, top_p,
    finish_reason, function_call, success, error_type, error_message, batch_id)
  values (
    v_tenant_id, v_call.id, v_call.occurred_at, v_call.provider_id, v_call.provider, v_call.model_id, v_call.model,
    v_call.model_config_id, v_call.agent_id, v_call.agent_name, v_call.user_id, v_call.user_name, v_call.project_id,
    v_call.api_key_id, v_call.conversation_id, v_call.panel_id, v_call.input_tokens, v_call.cached_input_tokens,
    v_call.output_tokens, v_call.reasoning_tokens, v_price.price_id,
    v_call.input_tokens * app_private.rate_per_token(v_price, 'input')
      + v_call.cached_input_tokens * app_private.rate_per_token(v_price, 'cached_input'),
    v_call.output_tokens * app_private.rate_per_token(v_price, 'output')
      + v_call.reasoning_tokens * app_private.rate_per_token(v_price, 'reasoning'),
    v_call.response_time_ms, v_call.time_to_first_token_ms, v_call.temperature, v_call.max_tokens, v_call.top_p,
    v_call.finish_reason, v_call.function_call, v_call.success, v_call.error_type, v_call.error_message, v_call.batch_id)
  returning * into v_call;

  if (texts.prompt_text, texts.system_prompt, texts.completion_text) is distinct from (null::text, null::text, null::text)
    and exists (select from app_public.tenants t where t.id = v_tenant_id and t.config -> 'store_llm_texts' = 'true') then
    insert into app_private.llm_texts (tenant_id, call_id, occurred_at, user_id, prompt_text, system_prompt, completion_text)
    values (v_tenant_id, v_call.id, v_call.occurred_at, v_call.user_id, texts.prompt_text, texts.system_prompt, texts.completion_text);
  end if;
  perform app_private.write_usage(app_private.events_of_call(store_llm_call.key, v_call),
    array(select generate_series(1, cardinality(v_events))), v_call.batch_id, v_call.occurred_at, v_call.occurred_at);
  return app_private.receipt_of_call(v_call, false);
end
$$;

ALTER FUNCTION app_private.store_llm_call(key text, call app_private.llm_calls, texts app_private.llm_texts) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.store_llm_call(key text, call app_private.llm_calls, texts app_private.llm_texts) IS 'Stores a call, its texts where the tenant keeps them, and its events, or finds what its key stands for.';

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

CREATE FUNCTION app_private.store_usage(inputs app_private.usage_input[]) RETURNS SETOF app_public.usage_receipt
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := app_hidden.clock();
  v_batch_id bigint;
  v_places int[];
  v_first_at timestamptz;
  v_last_at timestamptz;
begin
  select c.first_at, c.last_at into v_first_at, v_last_at from app_private.check_usage(store_usage.inputs) c;
  v_batch_id := app_private.begin_usage();
  v_places := app_private.claim_usage_keys(store_usage.inputs, v_batch_id);
  if v_places <> '{}' then
    perform app_private.write_usage(store_usage.inputs, v_places, v_batch_id, v_first_at, v_last_at);
  end if;

  if cardinality(v_places) = cardinality(store_usage.inputs) then
    return query
      select i.idempotency_key, v_batch_id, i.place::int, coalesce(i.occurred_at, v_now), false
        from unnest(store_usage.inputs) with ordinality as i (
               idempotency_key, usage_type, quantity, occurred_at, user_id, agent_id, project_id, api_key_id, model_id,
               feature_name, outcome, duration_ms, metadata, place);
  else
    return query
      select k.key, k.batch_id, k.ordinal, k.occurred_at, (k.batch_id, k.ordinal) is distinct from (v_batch_id, i.place::int)
        from unnest(store_usage.inputs) with ordinality as i (
               idempotency_key, usage_type, quantity, occurred_at, user_id, agent_id, project_id, api_key_id, model_id,
               feature_name, outcome, duration_ms, metadata, place)
        join app_private.usage_idempotency_keys k on k.tenant_id = app_hidden.current_tenant_id() and k.key = i.idempotency_key
       order by i.place;
  end if;
end
$$;

ALTER FUNCTION app_private.store_usage(inputs app_private.usage_input[]) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.store_usage(inputs app_private.usage_input[]) IS 'Stores a batch for the tenant, user and API key of the context, whole or not at all; returns a receipt for each event, in their order.';

CREATE FUNCTION app_private.subscription_period(subscription app_public.subscriptions, at timestamp with time zone) RETURNS tstzrange
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select app_hidden.billing_period(subscription_period.at, (subscription).anchor_on, (subscription).timezone,
    case (subscription).billing_cycle when 'annual' then 12 else 1 end);
$$;

ALTER FUNCTION app_private.subscription_period(subscription app_public.subscriptions, at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.subscription_period(subscription app_public.subscriptions, at timestamp with time zone) IS 'The billing period of a subscription that an instant falls into.';

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

CREATE FUNCTION app_private.take_number(invoice app_public.invoices, at timestamp with time zone, due_at timestamp with time zone, credit numeric) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_invoice app_public.invoices;
  v_number bigint;
begin
  -- the row stays locked until the commit: the next one waits, and gets the same number if this one is rolled back
  insert into app_private.invoice_counters as c (issuer_id, series, last_number)
  values ((take_number.invoice).issuer_id, (take_number.invoice).series, 1)
  on conflict (issuer_id, series) do update set last_number = c.last_number + 1
  returning c.last_number into v_number;
  insert into app_private.invoice_numbers (issuer_id, series, sequence_number, document_id, issued_at)
  values ((take_number.invoice).issuer_id, (take_number.invoice).series, v_number, (take_number.invoice).id, take_number.at);
  update app_public.invoices i
     set status = 'finalised',
         number = case i.series when 'invoice' then s.number_prefix else s.credit_note_prefix end || lpad(v_number::text, greatest(6, length(v_number::text)), '0'),
         sequence_number = v_number,
         issued_by = jsonb_build_object('name', s.name, 'address', s.address, 'taxNumber', s.tax_number, 'footer', s.footer),
         billed_to = jsonb_build_object('name', p.legal_name, 'address', p.address, 'country', p.country_code,
                                        'taxNumber', p.tax_number, 'email', p.email),
         finalised_at = take_number.at,
         due_at = take_number.due_at,
         amount_credited = take_number.credit,
         next_attempt_at = case when i.series = 'invoice' and i.total > take_number.credit then take_number.due_at end,
         finalise_at = null
    from app_public.invoice_issuers s, app_public.billing_profiles p
   where i.tenant_id = (take_number.invoice).tenant_id and i.id = (take_number.invoice).id
     and s.id = i.issuer_id and p.tenant_id = i.tenant_id
  returning i.* into v_invoice;
  return v_invoice;
end
$$;

ALTER FUNCTION app_private.take_number(invoice app_public.invoices, at timestamp with time zone, due_at timestamp with time zone, credit numeric) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.take_number(invoice app_public.invoices, at timestamp with time zone, due_at timestamp with time zone, credit numeric) IS 'Gives a document the next number of its issuer and series, without gaps, and freezes it.';

CREATE FUNCTION app_private.tenant_of_provider_object(provider text, object_id text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select p.tenant_id from app_public.payments p
   where p.provider = tenant_of_provider_object.provider and p.provider_payment_id = tenant_of_provider_object.object_id
  union all
  select m.tenant_id from app_public.payment_methods m
   where m.provider = tenant_of_provider_object.provider and m.provider_method_id = tenant_of_provider_object.object_id
  limit 1;
$$;

ALTER FUNCTION app_private.tenant_of_provider_object(provider text, object_id text) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tenant_of_provider_object(provider text, object_id text) IS 'Whose a provider''s payment or payment method is; for events that name nothing else.';

CREATE FUNCTION app_private.tenants_to_bill(after uuid DEFAULT NULL::uuid, at_most integer DEFAULT 1000) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select t.tenant_id from (
    select s.tenant_id from app_public.subscriptions s
     where s.status in ('trialing', 'active', 'past_due') and s.current_period_end <= app_hidden.clock()
    union
    select s.tenant_id from app_public.subscriptions s
     where s.status = 'trialing' and s.trial_ends_at <= app_hidden.clock() + interval '8 days'
    union
    select i.tenant_id from app_public.invoices i
     where i.status = 'draft' and i.finalise_at <= app_hidden.clock()
  ) as t
  where tenants_to_bill.after is null or t.tenant_id > tenants_to_bill.after
  order by t.tenant_id limit tenants_to_bill.at_most;
$$;

ALTER FUNCTION app_private.tenants_to_bill(after uuid, at_most integer) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tenants_to_bill(after uuid, at_most integer) IS 'The tenants whose subscription or drafts have something due, or whose trial ends soon, page by page.';

CREATE FUNCTION app_private.tenants_to_merge(minimum integer DEFAULT 1000) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select tenant_id from app_private.search_changes group by tenant_id having count(*) >= tenants_to_merge.minimum order by tenant_id;
$$;

ALTER FUNCTION app_private.tenants_to_merge(minimum integer) OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tenants_to_merge(minimum integer) IS 'The tenants whose search index has at least this many changes to merge.';

CREATE FUNCTION app_private.tenants_to_roll_up() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select q.tenant_id from app_private.usage_queue q group by q.tenant_id
  union
  -- those that moved to another time zone
  select s.tenant_id from app_private.usage_rollup_state s join app_public.tenants t on t.id = s.tenant_id and t.timezone <> s.timezone
  order by 1;
$$;

ALTER FUNCTION app_private.tenants_to_roll_up() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tenants_to_roll_up() IS 'The tenants with usage that the roll-ups have not seen.';

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

CREATE FUNCTION app_private.tg__apply_entitlements() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := case tg_op when 'DELETE' then old.tenant_id else new.tenant_id end;
  v_context text := coalesce(current_setting('rowhouse.tenant_id', true), '');
begin
  if not exists (select from app_public.tenants t where t.id = v_tenant_id) then
    -- it is being deleted with all it has
    return null;
  end if;
  -- whoever writes from outside of any tenant (a superuser, the end of a tenant) leaves the context as it was
  call app_private.enter_tenant(v_tenant_id);
  perform app_private.apply_entitlements(v_tenant_id);
  perform set_config('rowhouse.tenant_id', v_context, true);
  return null;
end
$$;

ALTER FUNCTION app_private.tg__apply_entitlements() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg__apply_entitlements() IS 'Lets the tenant''s row follow a change of its subscription or overrides.';

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

CREATE FUNCTION app_private.tg__drop_usage() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from app_public.usage_events where tenant_id = old.id;
  delete from app_private.usage_idempotency_keys where tenant_id = old.id;
  delete from app_private.usage_queue where tenant_id = old.id;
  delete from app_private.llm_calls where tenant_id = old.id;
  delete from app_private.llm_texts where tenant_id = old.id;
  delete from app_private.usage_minutes where tenant_id = old.id;
  delete from app_private.usage_days where tenant_id = old.id;
  delete from app_private.usage_agents where tenant_id = old.id;
  return null;
end
$$;

ALTER FUNCTION app_private.tg__drop_usage() OWNER TO rowhouse_platform;

COMMENT ON FUNCTION app_private.tg__drop_usage() IS 'Removes what a deleted tenant used: these tables have no foreign key, because checking one for each row would cost more than writing it.';

CREATE FUNCTION app_private.tg__forbid_truncate() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.raise_error('LB515', 'What was billed cannot be emptied.', 'Delete drafts one by one; delete a tenant as a whole.');
  return null;
end
$$;

ALTER FUNCTION app_private.tg__forbid_truncate() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg__forbid_truncate() IS 'LB515, always.';

CREATE FUNCTION app_private.tg__keep_price() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.raise_error('MT901', 'A price is not changed once it is set.', 'Set another one from a date on.');
  return null;
end
$$;

ALTER FUNCTION app_private.tg__keep_price() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg__keep_price() IS 'Keeps what costs were computed by: of a price only its end changes. MT901.';

CREATE FUNCTION app_private.tg__keep_usage() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.raise_error('MT902', 'What was used is not rewritten.', 'Record a correction instead.');
  return null;
end
$$;

ALTER FUNCTION app_private.tg__keep_usage() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg__keep_usage() IS 'Keeps events and calls as they were recorded. MT902.';

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

CREATE FUNCTION app_private.tg_invoice_lines__keep_final() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_row app_public.invoice_lines;
begin
  foreach v_row in array case tg_op when 'INSERT' then array[new] when 'DELETE' then array[old] else array[old, new] end loop
    -- locked, so that the invoice is not finalised beside us; gone when the tenant or the draft goes as a whole
    perform from app_public.invoices i where i.tenant_id = v_row.tenant_id and i.id = v_row.invoice_id for share;
    if exists (select from app_public.invoices i
                where i.tenant_id = v_row.tenant_id and i.id = v_row.invoice_id and i.status <> 'draft')
       and exists (select from app_public.tenants t where t.id = v_row.tenant_id) then
      perform app_private.raise_error('LB515', 'The lines of a finalised invoice cannot be changed.', 'Correct it with a credit note.');
    end if;
  end loop;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

ALTER FUNCTION app_private.tg_invoice_lines__keep_final() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_invoice_lines__keep_final() IS 'LB515: the invoice is final.';

CREATE FUNCTION app_private.tg_invoices__keep_final() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_moving constant text[] := array['status', 'amount_credited', 'amount_paid', 'amount_due', 'is_charge_requested', 'attempt_count', 'next_attempt_at',
    'paid_at', 'voided_at', 'void_reason', 'uncollectible_at', 'updated_at'];
begin
  if tg_op = 'INSERT' then
    if new.status <> 'draft' then
      perform app_private.raise_error('LB516', 'An invoice begins as a draft.', 'Insert a draft and finalise it.');
    end if;
    return new;
  end if;
  if tg_op = 'DELETE' then
    -- with its whole tenant a document may go; its number stays taken in app_private.invoice_numbers
    if old.status <> 'draft' and exists (select from app_public.tenants t where t.id = old.tenant_id) then
      perform app_private.raise_error('LB515', 'A finalised invoice cannot be changed or deleted.', 'Correct it with a credit note, or void it.');
    end if;
    return old;
  end if;

  if old.status = 'draft' then
    if new.status = 'finalised' then
      if new.subtotal is distinct from (select coalesce(sum(l.amount), 0) from app_public.invoice_lines l
                                         where l.tenant_id = new.tenant_id and l.invoice_id = new.id) then
        perform app_private.raise_error('LB901', 'The lines do not make the subtotal.', 'Finalise it with finalise_invoice.');
      end if;
      if not exists (select from app_private.invoice_numbers n
                      where n.document_id = new.id and n.issuer_id = new.issuer_id and n.series = new.series
                        and n.sequence_number = new.sequence_number) then
        perform app_private.raise_error('LB902', 'The number was not issued to this invoice.', 'Finalise it with finalise_invoice.');
      end if;
    elsif new.status <> 'draft' then
      perform app_private.raise_error('LB516', 'An invoice cannot go from its state to this one.', 'Finalise the draft first, or delete it.');
    end if;
    return new;
  end if;

  if to_jsonb(new) - v_moving <> to_jsonb(old) - v_moving then
    perform app_private.raise_error('LB515', 'A finalised invoice cannot be changed or deleted.', 'Correct it with a credit note, or void it.');
  end if;
  if new.status <> old.status and not (
       old.status = 'finalised' and new.status in ('paid', 'void', 'uncollectible')
       or old.status = 'uncollectible' and new.status in ('paid', 'void')) then
    perform app_private.raise_error('LB516', 'An invoice cannot go from its state to this one.',
      'finalised may become paid, void or uncollectible; uncollectible may still be paid or voided.');
  end if;
  if new.amount_paid < old.amount_paid or new.amount_credited < old.amount_credited
     or new.status = 'void' and new.amount_paid > 0
     or old.status in ('paid', 'void') and (new.amount_paid <> old.amount_paid or new.amount_credited <> old.amount_credited) then
    perform app_private.raise_error('LB516', 'What was paid or credited cannot be taken back from an invoice.', 'Refund the payment instead.');
  end if;
  return new;
end
$$;

ALTER FUNCTION app_private.tg_invoices__keep_final() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_invoices__keep_final() IS 'LB515: it is final; LB516: no such step; LB901, LB902: it was not finalised by the function for that.';

CREATE FUNCTION app_private.tg_plan_price_components__keep_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_price_ids uuid[] := case tg_op when 'INSERT' then array[new.price_id] when 'DELETE' then array[old.price_id]
                        else array[old.price_id, new.price_id] end;
begin
  -- a price may be completed until somebody has subscribed to it, and after that it is what they were sold. The lock
  -- makes a subscription that is just being made wait, or us for it
  perform from app_public.plan_prices p where p.id = any (v_price_ids) for update;
  if exists (select from app_public.subscriptions s where s.price_id = any (v_price_ids))
     or exists (select from app_public.invoice_lines l where l.price_id = any (v_price_ids)) then
    perform app_private.raise_error('LB502', 'The price has subscribers: its components cannot be changed.',
      'Add a price of the same plan, currency and cycle with a later valid_from.');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

ALTER FUNCTION app_private.tg_plan_price_components__keep_history() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_plan_price_components__keep_history() IS 'LB502: someone has subscribed to the price.';

CREATE FUNCTION app_private.tg_plan_prices__keep_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if tg_op <> 'INSERT' and old.valid_from <= app_hidden.clock() then
    -- valid_from of a row that was made for the first moment of an installation may lie anywhere in the past
    perform app_private.raise_error('LB501', 'A price that is in force cannot be changed or deleted.',
      'Add a price of the same plan, currency and cycle with a later valid_from.');
  end if;
  if tg_op <> 'DELETE' and new.valid_from < app_hidden.clock() and exists (
    select from app_public.plan_prices p
     where p.plan_id = new.plan_id and p.currency = new.currency and p.billing_cycle = new.billing_cycle and p.id <> new.id) then
    perform app_private.raise_error('LB401', 'A new version of a price cannot begin in the past.', 'Give valid_from a later time.');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

ALTER FUNCTION app_private.tg_plan_prices__keep_history() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_plan_prices__keep_history() IS 'LB501: the price is in force; LB401: a later version would begin in the past.';

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

CREATE FUNCTION app_private.tg_subscriptions__keep_states() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if tg_op = 'INSERT' then
    if new.status not in ('trialing', 'active') then
      perform app_private.raise_error('LB504', 'A subscription begins as trialing or active.', 'Start it, then change it.');
    end if;
    return new;
  end if;
  -- that it stays with its tenant is the wall's
  if new.id <> old.id or new.currency <> old.currency or new.started_at <> old.started_at
     or new.timezone <> old.timezone then
    perform app_private.raise_error('LB505', 'The currency, time zone and start of a subscription never change.',
      'Cancel it and start another.');
  end if;
  if old.status in ('cancelled', 'expired') then
    perform app_private.raise_error('LB506', 'The subscription has ended.', 'Start a new one.');
  end if;
  if new.status <> old.status and not (case old.status
       when 'trialing' then new.status in ('active', 'cancelled', 'expired')
       when 'active' then new.status in ('past_due', 'paused', 'cancelled')
       when 'past_due' then new.status in ('active', 'paused', 'cancelled')
       when 'paused' then new.status in ('active', 'cancelled')
       else false end) then
    perform app_private.raise_error('LB504', 'A subscription cannot go from its state to this one.',
      'docs/billing.md shows the states and the steps between them.');
  end if;
  return new;
end
$$;

ALTER FUNCTION app_private.tg_subscriptions__keep_states() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.tg_subscriptions__keep_states() IS 'LB504: no such step; LB505: a fact of the subscription would change; LB506: it has ended.';

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

CREATE FUNCTION app_private.total_invoice(tenant_id uuid, invoice_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles;
  v_subtotal numeric;
  v_rate numeric;
begin
  select * into v_profile from app_public.billing_profiles p where p.tenant_id = total_invoice.tenant_id;
  v_rate := case v_profile.tax_mode when 'standard' then v_profile.tax_rate else 0 end;
  select coalesce(sum(l.amount), 0) into v_subtotal from app_public.invoice_lines l
   where l.tenant_id = total_invoice.tenant_id and l.invoice_id = total_invoice.invoice_id;
  update app_public.invoices i
     set tax_mode = v_profile.tax_mode, tax_rate = v_rate, subtotal = v_subtotal,
         tax = app_hidden.round_money(v_subtotal * v_rate, i.currency),
         total = v_subtotal + app_hidden.round_money(v_subtotal * v_rate, i.currency)
   where i.tenant_id = total_invoice.tenant_id and i.id = total_invoice.invoice_id;
end
$$;

ALTER FUNCTION app_private.total_invoice(tenant_id uuid, invoice_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.total_invoice(tenant_id uuid, invoice_id uuid) IS 'Sums a draft up: rounded lines make the subtotal, and the tax of the subtotal is rounded once.';

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

CREATE FUNCTION app_private.unused_line(subscription app_public.subscriptions, at timestamp with time zone) RETURNS SETOF app_public.invoice_lines
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_price app_public.plan_prices;
begin
  select * into v_price from app_public.plan_prices p where p.id = (unused_line.subscription).price_id;
  if v_price.amount > 0 and unused_line.at < (unused_line.subscription).current_period_end then
    return next app_private.recurring_line(v_price, 'proration', -1,
      tstzrange(greatest(app_private.local_midnight(unused_line.at, (unused_line.subscription).timezone),
                         (unused_line.subscription).current_period_start), (unused_line.subscription).current_period_end),
      tstzrange((unused_line.subscription).current_period_start, (unused_line.subscription).current_period_end),
      (unused_line.subscription).timezone);
  end if;
end
$$;

ALTER FUNCTION app_private.unused_line(subscription app_public.subscriptions, at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.unused_line(subscription app_public.subscriptions, at timestamp with time zone) IS 'The credit for the days of a period that are left when a subscription ends or pauses early.';

CREATE FUNCTION app_private.upgrade_now(subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices, at timestamp with time zone) RETURNS app_public.subscriptions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_old app_public.subscriptions := upgrade_now.subscription;
  v_new app_public.subscriptions;
  v_invoice app_public.invoices;
begin
  if upgrade_now.price.billing_cycle = v_old.billing_cycle then
    -- the period goes on; its usage is priced by the plan it ends with
    v_invoice := app_private.draft_invoice(v_old.tenant_id, 'change', v_old, null, null);
    perform app_private.insert_lines(v_invoice, array(
      select l from app_private.change_lines(v_old, upgrade_now.price, upgrade_now.at) l));
    update app_public.subscriptions s
       set plan_id = (upgrade_now.plan).id, price_id = (upgrade_now.price).id, pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_old.id returning * into v_new;
    perform app_private.finalise(v_invoice.tenant_id, v_invoice.id);
  else
    -- another cycle is another period: the old one ends here and now
    perform app_private.bill_end(v_old, upgrade_now.at, true);
    update app_public.subscriptions s
       set pending_plan_id = (upgrade_now.plan).id, pending_billing_cycle = (upgrade_now.price).billing_cycle
     where s.id = v_old.id returning * into v_new;
    v_new := app_private.begin_period(v_new, upgrade_now.at, (upgrade_now.at at time zone v_old.timezone)::date, 'active');
    perform app_private.bill_period(v_new, null);
  end if;
  return v_new;
end
$$;

ALTER FUNCTION app_private.upgrade_now(subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices, at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.upgrade_now(subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices, at timestamp with time zone) IS 'Moves an active subscription to a higher plan at once, with its invoice.';

CREATE FUNCTION app_private.usage_by_agent(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) RETURNS SETOF app_private.usage_agents
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select e.tenant_id, e.agent_id, count(*), coalesce(sum(e.duration_ms), 0)::bigint, count(e.duration_ms),
           count(*) filter (where e.outcome = 'success'), count(*) filter (where e.outcome = 'error'),
           max(e.occurred_at) filter (where e.outcome = 'success'), max(e.occurred_at) filter (where e.outcome = 'error')
      from app_private.countable_usage(usage_by_agent.batch_ids, usage_by_agent.from_at, usage_by_agent.to_at) e
     where e.agent_id is not null and e.usage_type = 'llm_call'
     group by 1, 2;
end
$$;

ALTER FUNCTION app_private.usage_by_agent(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.usage_by_agent(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) IS 'The calls of language models among those events, by agent.';

CREATE TABLE app_private.usage_days (
    tenant_id uuid NOT NULL,
    used_on date NOT NULL,
    usage_type text NOT NULL,
    user_id uuid,
    agent_id uuid,
    api_key_id uuid,
    project_id uuid,
    model_id uuid,
    feature_name text,
    event_count bigint NOT NULL,
    quantity numeric NOT NULL,
    cost numeric NOT NULL,
    duration_ms bigint NOT NULL,
    timed_count bigint NOT NULL,
    success_count bigint NOT NULL,
    error_count bigint NOT NULL,
    abandon_count bigint NOT NULL,
    last_success_at timestamp with time zone,
    last_error_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_private.usage_days FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_days OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.usage_days IS 'Usage by day of the tenant''s calendar and all dimensions.';

CREATE FUNCTION app_private.usage_by_day(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone, timezone text) RETURNS SETOF app_private.usage_days
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select e.tenant_id, (e.occurred_at at time zone usage_by_day.timezone)::date, e.usage_type, e.user_id, e.agent_id, e.api_key_id,
           e.project_id, e.model_id, e.feature_name,
           count(*) filter (where e.rerates_batch_id is null), sum(e.quantity), coalesce(sum(e.cost), 0),
           coalesce(sum(e.duration_ms), 0), count(e.duration_ms),
           count(*) filter (where e.outcome = 'success'), count(*) filter (where e.outcome = 'error'),
           count(*) filter (where e.outcome = 'abandoned'),
           max(e.occurred_at) filter (where e.outcome = 'success'), max(e.occurred_at) filter (where e.outcome = 'error'), now(), now()
      from app_private.countable_usage(usage_by_day.batch_ids, usage_by_day.from_at, usage_by_day.to_at) e
     group by 1, 2, 3, 4, 5, 6, 7, 8, 9;
end
$$;

ALTER FUNCTION app_private.usage_by_day(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone, timezone text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.usage_by_day(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone, timezone text) IS 'Those events by calendar day and all dimensions.';

CREATE TABLE app_private.usage_minutes (
    tenant_id uuid NOT NULL,
    minute timestamp with time zone NOT NULL,
    user_id uuid,
    agent_id uuid,
    api_key_id uuid,
    request_count numeric NOT NULL,
    token_count numeric NOT NULL,
    cost numeric NOT NULL,
    consultation_count numeric NOT NULL,
    panel_count numeric NOT NULL,
    workflow_count numeric NOT NULL,
    tool_call_count numeric NOT NULL,
    duration_ms bigint NOT NULL,
    timed_count bigint NOT NULL,
    success_count bigint NOT NULL,
    error_count bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
)
PARTITION BY RANGE (minute);

ALTER TABLE ONLY app_private.usage_minutes FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_minutes OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.usage_minutes IS 'Usage by minute, user, agent and API key.';

CREATE FUNCTION app_private.usage_by_minute(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) RETURNS SETOF app_private.usage_minutes
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return query
    select e.tenant_id, date_trunc('minute', e.occurred_at), e.user_id, e.agent_id, e.api_key_id,
           coalesce(sum(e.quantity) filter (where e.usage_type in ('api_call', 'llm_call')), 0),
           coalesce(sum(e.quantity) filter (where t.token_class is not null), 0),
           coalesce(sum(e.cost), 0),
           coalesce(sum(e.quantity) filter (where e.usage_type = 'consultation'), 0),
           coalesce(sum(e.quantity) filter (where e.usage_type = 'panel'), 0),
           coalesce(sum(e.quantity) filter (where e.usage_type = 'workflow_run'), 0),
           coalesce(sum(e.quantity) filter (where e.usage_type = 'tool_call'), 0),
           coalesce(sum(e.duration_ms), 0), count(e.duration_ms),
           count(*) filter (where e.outcome = 'success'), count(*) filter (where e.outcome = 'error'), now(), now()
      from app_private.countable_usage(usage_by_minute.batch_ids, usage_by_minute.from_at, usage_by_minute.to_at) e
      join app_public.usage_types t on t.name = e.usage_type
     group by 1, 2, 3, 4, 5;
end
$$;

ALTER FUNCTION app_private.usage_by_minute(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.usage_by_minute(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) IS 'Those events by minute, user, agent and API key.';

CREATE FUNCTION app_private.usage_description(component app_public.plan_price_components, quantity numeric) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_name text;
begin
  select t.display_name into v_name from app_public.usage_types t where t.name = (usage_description.component).usage_type;
  return v_name || ': ' || trim_scale(usage_description.quantity)
    || case when (usage_description.component).included_quantity > 0
         then ' used, ' || trim_scale((usage_description.component).included_quantity) || ' included' else '' end;
end
$$;

ALTER FUNCTION app_private.usage_description(component app_public.plan_price_components, quantity numeric) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.usage_description(component app_public.plan_price_components, quantity numeric) IS 'What a line of usage says.';

CREATE FUNCTION app_private.usage_lines(tenant_id uuid, price_id uuid, period tstzrange) RETURNS SETOF app_public.invoice_lines
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_component app_public.plan_price_components;
  v_currency text;
  v_line app_public.invoice_lines;
begin
  select p.currency into v_currency from app_public.plan_prices p where p.id = usage_lines.price_id;
  for v_component in
    select * from app_public.plan_price_components c where c.price_id = usage_lines.price_id order by c.usage_type
  loop
    v_line := null;
    v_line.kind := case when v_component.included_quantity > 0 then 'overage' else 'usage' end;
    v_line.price_id := usage_lines.price_id;
    v_line.component_id := v_component.id;
    v_line.usage_type := v_component.usage_type;
    v_line.quantity := app_private.billable_usage(usage_lines.tenant_id, v_component.usage_type, usage_lines.period);
    v_line.service_start := lower(usage_lines.period);
    v_line.service_end := upper(usage_lines.period);
    v_line.amount := app_hidden.round_money(app_hidden.component_charge(v_component, v_line.quantity), v_currency);
    v_line.description := app_private.usage_description(v_component, v_line.quantity);
    return next v_line;
  end loop;
end
$$;

ALTER FUNCTION app_private.usage_lines(tenant_id uuid, price_id uuid, period tstzrange) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.usage_lines(tenant_id uuid, price_id uuid, period tstzrange) IS 'A line for each component of a price, also where nothing was used. overage where the price includes a quantity, usage elsewhere.';

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

CREATE FUNCTION app_private.uuid_or_null(value text) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select case when value ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then value::uuid end;
$_$;

ALTER FUNCTION app_private.uuid_or_null(value text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.uuid_or_null(value text) IS 'A uuid as we write one, null for anything else.';

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

CREATE FUNCTION app_private.verify_billing(tenant_id uuid) RETURNS TABLE(what text, expected numeric, actual numeric)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  call app_private.enter_tenant(verify_billing.tenant_id);
  return query
    select f.what, f.expected, f.actual from (
      -- money: what was billed and not voided is what was paid, what is owed, less what is waiting as credit
      select 'balance' as what,
             (select coalesce(sum(i.total), 0) from app_public.invoices i
               where i.tenant_id = verify_billing.tenant_id and i.status not in ('draft', 'void')) as expected,
             (select coalesce(sum(p.amount), 0) from app_public.payments p where p.tenant_id = verify_billing.tenant_id and p.status = 'succeeded')
             - (select coalesce(sum(r.amount), 0) from app_public.refunds r where r.tenant_id = verify_billing.tenant_id and r.status = 'succeeded')
             + (select coalesce(sum(i.amount_due), 0) from app_public.invoices i where i.tenant_id = verify_billing.tenant_id)
             - (select coalesce(sum(e.amount), 0) from app_public.credit_entries e
                 where e.tenant_id = verify_billing.tenant_id and e.reason <> 'goodwill')
             as actual
      union all
      -- lines: each as it is computed again
      select format('%s line %s', i.number, l.line_number), r.amount, l.amount
        from app_public.invoices i
        join app_public.invoice_lines l on l.tenant_id = i.tenant_id and l.invoice_id = i.id
        cross join lateral app_private.recompute_line(l, i) r
       where i.tenant_id = verify_billing.tenant_id and i.status <> 'draft'
      union all
      -- usage: what invoices counted of each component is what was recorded until then
      select format('usage %s from %s', u.usage_type, u.service_start),
             app_private.billable_usage(verify_billing.tenant_id, u.usage_type, tstzrange(u.service_start, u.service_end))
             + app_private.late_usage(verify_billing.tenant_id, u.usage_type, tstzrange(u.service_start, u.service_end), coalesce(u.counted_until, -1)),
             u.quantity
        from (
          select distinct on (l.component_id, l.service_start) l.usage_type, l.service_start, l.service_end, l.quantity, l.counted_until
            from app_public.invoice_lines l join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id and i.status <> 'draft'
           where l.tenant_id = verify_billing.tenant_id and l.component_id is not null
           order by l.component_id, l.service_start, l.quantity desc, l.counted_until desc nulls last) as u
    ) as f
   where f.expected is distinct from f.actual;
end
$$;

ALTER FUNCTION app_private.verify_billing(tenant_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.verify_billing(tenant_id uuid) IS 'Where the books of a tenant do not agree: money, lines, usage; normally nothing. For administrators in psql and for tests.';

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

CREATE FUNCTION app_private.write_credit_note(invoice app_public.invoices, amount numeric, memo text) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_credited numeric;
  v_credited_tax numeric;
  v_tax numeric;
  v_note app_public.invoices;
  v_line app_public.invoice_lines;
begin
  select coalesce(-sum(c.total), 0), coalesce(-sum(c.tax), 0) into v_credited, v_credited_tax
    from app_public.invoices c
   where c.tenant_id = (write_credit_note.invoice).tenant_id and c.credited_invoice_id = (write_credit_note.invoice).id;
  if amount is null or amount <= 0 or not app_hidden.is_money(amount) or amount <> app_hidden.round_money(amount, (write_credit_note.invoice).currency) then
    perform app_private.raise_error('LB402', 'The amount is not one that can be paid in this currency.', 'Give an amount with the currency''s decimal places.');
  end if;
  -- with the currency's decimal places, however it was typed
  amount := app_hidden.round_money(amount, (write_credit_note.invoice).currency);
  if amount > (write_credit_note.invoice).total - v_credited then
    perform app_private.raise_error('LB601', 'This is more than what is left of the invoice.', 'Credit at most its total less what was credited before.');
  end if;
  -- the last one takes what is left of the tax, so that together they reverse it to the cent
  v_tax := case when amount = (write_credit_note.invoice).total - v_credited then (write_credit_note.invoice).tax - v_credited_tax
    else app_hidden.round_money(amount * (write_credit_note.invoice).tax / (write_credit_note.invoice).total, (write_credit_note.invoice).currency) end;
  insert into app_public.invoices (
    tenant_id, series, reason, issuer_id, credited_invoice_id, currency, timezone, collection_method, memo)
  values (
    (write_credit_note.invoice).tenant_id, 'credit_note', 'correction', (write_credit_note.invoice).issuer_id,
    (write_credit_note.invoice).id, (write_credit_note.invoice).currency, (write_credit_note.invoice).timezone,
    (write_credit_note.invoice).collection_method, write_credit_note.memo)
  returning * into v_note;
  v_line.kind := 'credit';
  v_line.description := 'Credit of ' || (write_credit_note.invoice).number;
  v_line.amount := -(amount - v_tax);
  perform app_private.insert_lines(v_note, array[v_line]);
  update app_public.invoices i
     set tax_mode = (write_credit_note.invoice).tax_mode, tax_rate = (write_credit_note.invoice).tax_rate,
         subtotal = -(amount - v_tax), tax = -v_tax, total = -amount
   where i.tenant_id = v_note.tenant_id and i.id = v_note.id returning * into v_note;
  v_note := app_private.take_number(v_note, app_hidden.clock(), null, 0);
  v_note := app_private.settle(v_note.tenant_id, v_note.id, 0, 0);
  perform app_private.enqueue_job('billing__render_invoice', json_build_object('tenantId', v_note.tenant_id, 'invoiceId', v_note.id));
  return v_note;
end
$$;

ALTER FUNCTION app_private.write_credit_note(invoice app_public.invoices, amount numeric, memo text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.write_credit_note(invoice app_public.invoices, amount numeric, memo text) IS 'A finalised credit note over part of an invoice, tax in proportion. LB402: not an amount of the currency; LB601: more than is left.';

CREATE FUNCTION app_private.write_usage(inputs app_private.usage_input[], places integer[], batch_id bigint, first_at timestamp with time zone, last_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_now timestamptz := app_hidden.clock();
  v_user_id uuid := app_hidden.current_user_id();
  v_api_key_id uuid := app_private.request_api_key_id();
  v_prices app_private.model_price[];
  v_periods tstzrange[];
  v_is_whole constant boolean := cardinality(write_usage.places) = cardinality(write_usage.inputs);
begin
  v_prices := array(
    select p from app_private.prices_of_models(array(
      select distinct i.model_id from unnest(write_usage.inputs) i where i.model_id is not null)) as p);
  v_periods := array(
    select period from app_private.finalised_periods
     where tenant_id = v_tenant_id and period && tstzrange(write_usage.first_at, write_usage.last_at, '[]'));

  insert into app_public.usage_events (
    tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity, user_id, agent_id, project_id, api_key_id, model_id,
    feature_name, outcome, duration_ms, cost, price_id, is_unpriced, adjusts_period, idempotency_key, metadata)
  select v_tenant_id, write_usage.batch_id, i.place, coalesce(i.occurred_at, v_now), i.usage_type, i.quantity,
         coalesce(i.user_id, v_user_id), i.agent_id, i.project_id, coalesce(i.api_key_id, v_api_key_id), i.model_id,
         i.feature_name, i.outcome, i.duration_ms,
         i.quantity * app_private.rate_per_token(p, t.token_class), p.price_id, t.token_class is not null and p.price_id is null,
         case when v_periods <> '{}' then
           (select period from unnest(v_periods) as period where period @> coalesce(i.occurred_at, v_now)) end,
         i.idempotency_key, coalesce(i.metadata, '{}')
    from unnest(write_usage.inputs) with ordinality as i (
           idempotency_key, usage_type, quantity, occurred_at, user_id, agent_id, project_id, api_key_id, model_id,
           feature_name, outcome, duration_ms, metadata, place)
    join app_public.usage_types t on t.name = i.usage_type
    -- the rule of app_private.price_at, without a call a row
    left join lateral (
      select c.* from unnest(v_prices) as c
       where t.token_class is not null and c.model_id = i.model_id and c.valid_from <= coalesce(i.occurred_at, v_now)
         and (c.valid_to is null or coalesce(i.occurred_at, v_now) < c.valid_to)
       order by c.is_override desc limit 1
    ) as p on true
   where v_is_whole or i.place in (select unnest(write_usage.places));

  insert into app_private.usage_queue (tenant_id, batch_id, event_count, first_at, last_at)
  values (v_tenant_id, write_usage.batch_id, cardinality(write_usage.places), write_usage.first_at, write_usage.last_at);
end
$$;

ALTER FUNCTION app_private.write_usage(inputs app_private.usage_input[], places integer[], batch_id bigint, first_at timestamp with time zone, last_at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_private.write_usage(inputs app_private.usage_input[], places integer[], batch_id bigint, first_at timestamp with time zone, last_at timestamp with time zone) IS 'Stores the events of a batch that are at these places, with their costs, and tells the roll-ups.';

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

CREATE TABLE app_public.credit_entries (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    currency text NOT NULL,
    amount numeric NOT NULL,
    reason text NOT NULL,
    memo text,
    invoice_id uuid,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT amount_is_money CHECK (((amount <> (0)::numeric) AND app_hidden.is_money(amount))),
    CONSTRAINT memo_is_short CHECK ((length(memo) <= 1000)),
    CONSTRAINT reason_is_known CHECK ((reason = ANY (ARRAY['negative_invoice'::text, 'credit_note'::text, 'overpayment'::text, 'goodwill'::text, 'used'::text, 'released'::text])))
);

ALTER TABLE ONLY app_public.credit_entries FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.credit_entries OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.credit_entries IS '@behavior -insert -update -delete -single
The account of credit: what came in is positive, what invoices used is negative. Its sum is billingProfile.creditBalance. For those with can_manage_billing.';

COMMENT ON COLUMN app_public.credit_entries.currency IS 'ISO 4217.';

COMMENT ON COLUMN app_public.credit_entries.amount IS 'In the currency.';

COMMENT ON COLUMN app_public.credit_entries.reason IS 'negative_invoice, credit_note, overpayment, goodwill, used (by an invoice) or released (by one that was voided).';

COMMENT ON COLUMN app_public.credit_entries.memo IS 'Why, for goodwill.';

COMMENT ON COLUMN app_public.credit_entries.invoice_id IS 'The document it comes from or went to.';

COMMENT ON COLUMN app_public.credit_entries.occurred_at IS 'When.';

COMMENT ON COLUMN app_public.credit_entries.created_at IS 'When it was made.';

CREATE FUNCTION app_public.add_credit(amount numeric, memo text) RETURNS app_public.credit_entries
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles;
  v_entry app_public.credit_entries;
begin
  perform app_private.require_staff();
  v_profile := app_private.lock_billing(app_hidden.current_tenant_id());
  if add_credit.amount is null or add_credit.amount = 0 or not app_hidden.is_money(add_credit.amount)
     or add_credit.amount <> app_hidden.round_money(add_credit.amount, v_profile.currency)
     or app_private.credit_balance(v_profile.tenant_id) + add_credit.amount < 0 then
    perform app_private.raise_error('LB402', 'The amount is not one that can be paid in this currency.',
      'Give an amount with the currency''s decimal places; credit cannot fall below zero.');
  end if;
  insert into app_public.credit_entries (tenant_id, currency, amount, reason, memo, occurred_at)
  values (v_profile.tenant_id, v_profile.currency, app_hidden.round_money(add_credit.amount, v_profile.currency), 'goodwill', add_credit.memo, app_hidden.clock())
  returning * into v_entry;
  return v_entry;
end
$$;

ALTER FUNCTION app_public.add_credit(amount numeric, memo text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.add_credit(amount numeric, memo text) IS '@resultFieldName creditEntry
Gives this tenant credit that its next invoices use up; a negative amount takes unused credit back. Platform staff. LB201: you are not; LB402: the amount cannot be paid in the currency or is more than there is.';

CREATE FUNCTION app_public.add_invoice_line(invoice_id uuid, description text, amount numeric, kind app_public.invoice_line_kind_enum DEFAULT 'adjustment'::app_public.invoice_line_kind_enum) RETURNS app_public.invoice_lines
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_invoice app_public.invoices := app_private.draft_of_staff(add_invoice_line.invoice_id);
  v_line app_public.invoice_lines;
begin
  if add_invoice_line.kind not in ('adjustment', 'credit') or (add_invoice_line.kind = 'credit') and add_invoice_line.amount >= 0 then
    perform app_private.raise_error('LB404', 'A line written by hand is an adjustment, or a credit with a negative amount.', 'Give one of these.');
  end if;
  if add_invoice_line.amount is null or not app_hidden.is_money(add_invoice_line.amount)
     or add_invoice_line.amount <> app_hidden.round_money(add_invoice_line.amount, v_invoice.currency) then
    perform app_private.raise_error('LB402', 'The amount is not one that can be paid in this currency.', 'Give an amount with the currency''s decimal places.');
  end if;
  v_line.kind := add_invoice_line.kind;
  v_line.description := add_invoice_line.description;
  v_line.amount := app_hidden.round_money(add_invoice_line.amount, v_invoice.currency);
  v_line.is_manual := true;
  perform app_private.insert_lines(v_invoice, array[v_line]);
  select * into v_line from app_public.invoice_lines l
   where l.tenant_id = v_invoice.tenant_id and l.invoice_id = v_invoice.id order by l.line_number desc limit 1;
  return v_line;
end
$$;

ALTER FUNCTION app_public.add_invoice_line(invoice_id uuid, description text, amount numeric, kind app_public.invoice_line_kind_enum) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.add_invoice_line(invoice_id uuid, description text, amount numeric, kind app_public.invoice_line_kind_enum) IS '@resultFieldName invoiceLine
Adds a line to a draft: an adjustment of either sign, or a credit (negative). Net of tax. Platform staff. LB201: you are not; LB304: no such invoice; LB402: not an amount of the currency; LB404: the kind or its sign; LB514: it is not a draft.';

CREATE FUNCTION app_public.add_payment_method(provider_method_id text, provider text DEFAULT 'stripe'::text) RETURNS app_public.payment_methods
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles := app_private.begin_billing();
  v_method app_public.payment_methods;
begin
  insert into app_public.payment_methods as m (tenant_id, provider, provider_method_id)
  values (v_profile.tenant_id, add_payment_method.provider, add_payment_method.provider_method_id)
  on conflict on constraint payment_methods_tenant_id_provider_provider_method_id_key
    do update set status = case m.status when 'attached' then m.status else 'pending' end, failure_message = null
  returning * into v_method;
  if v_method.status = 'pending' then
    perform app_private.enqueue_job('billing__attach_payment_method',
      json_build_object('tenantId', v_method.tenant_id, 'paymentMethodId', v_method.id), 'attach/' || v_method.id);
  end if;
  return v_method;
end
$$;

ALTER FUNCTION app_public.add_payment_method(provider_method_id text, provider text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.add_payment_method(provider_method_id text, provider text) IS '@resultFieldName paymentMethod
Adds a payment method by the key that the provider''s own library gave the front end (pm_…). It is attached in the background (status), and becomes the default when there is none. Again, it is tried again. Needs can_manage_billing. 23514: not a key, or no such provider; ID203: you lack the permission.';

CREATE FUNCTION app_public.apply_rerate(from_at timestamp with time zone, to_at timestamp with time zone) RETURNS numeric
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_batch_id bigint;
  v_count int;
  v_difference numeric;
  v_first_at timestamptz;
  v_last_at timestamptz;
begin
  perform app_private.require_price_setter();
  -- one at a time: the second finds nothing left to correct
  perform pg_advisory_xact_lock(app_private.metering_lock('rerate'), hashtext(v_tenant_id::text));
  v_batch_id := app_private.begin_usage();
  with corrections as (
    insert into app_public.usage_events (
      tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity, user_id, agent_id, project_id, api_key_id, model_id,
      feature_name, cost, price_id, adjusts_period, rerates_batch_id, rerates_ordinal)
    select v_tenant_id, v_batch_id, row_number() over (order by e.batch_id, e.ordinal), e.occurred_at, e.usage_type, 0, e.user_id,
           e.agent_id, e.project_id, e.api_key_id, e.model_id, e.feature_name,
           r.cost_after - coalesce(r.cost_before, 0), r.price_id,
           (select f.period from app_private.finalised_periods f where f.tenant_id = v_tenant_id and f.period @> e.occurred_at),
           e.batch_id, e.ordinal
      from app_private.rerated_usage(apply_rerate.from_at, apply_rerate.to_at) r
      join app_public.usage_events e on e.tenant_id = v_tenant_id and e.batch_id = r.batch_id and e.ordinal = r.ordinal
       and e.occurred_at = r.occurred_at
    returning cost, occurred_at
  )
  select count(*), sum(c.cost), min(c.occurred_at), max(c.occurred_at) into v_count, v_difference, v_first_at, v_last_at from corrections c;
  if v_count > 0 then
    insert into app_private.usage_queue (tenant_id, batch_id, event_count, first_at, last_at)
    values (v_tenant_id, v_batch_id, v_count, v_first_at, v_last_at);
  end if;
  return coalesce(v_difference, 0);
end
$$;

ALTER FUNCTION app_public.apply_rerate(from_at timestamp with time zone, to_at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.apply_rerate(from_at timestamp with time zone, to_at timestamp with time zone) IS '@resultFieldName difference
Makes the corrections that rerateUsage shows, as events of their own, and returns what they add up to; what was recorded stays as it was, and in a period that is final they become adjustments. Doing it twice corrects once. Platform staff only. MT202: you are not; MT411: the isolation level is not read committed.';

CREATE FUNCTION app_public.billing_profiles_credit_balance(profile app_public.billing_profiles) RETURNS numeric
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select app_private.credit_balance(profile.tenant_id);
$$;

ALTER FUNCTION app_public.billing_profiles_credit_balance(profile app_public.billing_profiles) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.billing_profiles_credit_balance(profile app_public.billing_profiles) IS 'Credit in the profile''s currency that the next invoices use up.';

CREATE FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision DEFAULT 1.2, b double precision DEFAULT 0.75) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((term_freq IS NULL) OR (doc_freq IS NULL) OR (total_docs IS NULL) OR (doc_length IS NULL) OR (avg_doc_length IS NULL) OR (term_freq <= (0)::double precision) OR (avg_doc_length <= (0)::double precision)) THEN (0)::double precision ELSE (((ln(((1)::double precision + ((((total_docs - doc_freq))::double precision + (0.5)::double precision) / ((doc_freq)::double precision + (0.5)::double precision)))) * term_freq) * (k1 + (1)::double precision)) / (term_freq + (k1 * (((1)::double precision - b) + ((b * (doc_length)::double precision) / avg_doc_length))))) END;

ALTER FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) IS 'BM25 of one term in one document (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009) with Lucene''s idf, ln(1 + (N - df + 0.5) / (df + 0.5)), which is never negative. 0 when the term does not occur or the collection is empty.';

CREATE FUNCTION app_public.cancel_subscription(at_period_end boolean DEFAULT true) RETURNS app_public.subscriptions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles := app_private.begin_billing();
  v_subscription app_public.subscriptions := app_private.settled_subscription(v_profile.tenant_id);
  v_now timestamptz := app_hidden.clock();
begin
  if coalesce(cancel_subscription.at_period_end, true) and v_subscription.status <> 'paused' then
    update app_public.subscriptions s set cancel_at_period_end = true, pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_subscription.id returning * into v_subscription;
    return v_subscription;
  end if;
  if v_subscription.status in ('active', 'past_due') then
    perform app_private.bill_end(v_subscription, v_now, v_subscription.status = 'active');
  end if;
  return app_private.end_subscription(v_subscription, 'cancelled', v_now);
end
$$;

ALTER FUNCTION app_public.cancel_subscription(at_period_end boolean) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.cancel_subscription(at_period_end boolean) IS '@resultFieldName subscription
Ends the subscription with its period (resume_subscription takes that back), or at once: then what was used is billed and unused days are credited, unless payment is overdue. Needs can_manage_billing. LB303: no subscription; ID203: you lack the permission.';

CREATE FUNCTION app_public.change_plan(plan text, billing_cycle app_public.billing_cycle_enum DEFAULT NULL::app_public.billing_cycle_enum) RETURNS app_public.subscriptions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles := app_private.begin_billing();
  v_subscription app_public.subscriptions := app_private.settled_subscription(v_profile.tenant_id);
  v_plan app_public.plans := app_private.plan_by_slug(change_plan.plan);
  v_cycle app_public.billing_cycle_enum := coalesce(change_plan.billing_cycle, v_subscription.billing_cycle);
  v_now timestamptz := app_hidden.clock();
  v_price app_public.plan_prices := app_private.plan_price_at(v_plan.id, v_subscription.currency, v_cycle, v_now);
begin
  perform from app_public.plan_prices p where p.id = v_price.id for key share;
  if v_subscription.status not in ('trialing', 'active') then
    perform app_private.raise_error('LB509', 'A subscription that is past due or paused cannot be changed.',
      'Pay the open invoices or resume it first; cancelling is always possible.');
  end if;
  if v_subscription.cancel_at_period_end then
    perform app_private.raise_error('LB510', 'The subscription is to end with its period.', 'Take that back with resume_subscription first.');
  end if;
  if v_plan.id = v_subscription.plan_id and v_cycle = v_subscription.billing_cycle then
    -- back to what holds: the planned change is taken back
    update app_public.subscriptions s set pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_subscription.id returning * into v_subscription;
    return v_subscription;
  end if;

  if v_subscription.status = 'trialing' then
    -- nothing is paid yet, so nothing is prorated
    update app_public.subscriptions s
       set plan_id = v_plan.id, billing_cycle = v_cycle, price_id = v_price.id, pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_subscription.id returning * into v_subscription;
  elsif not app_private.is_upgrade(v_subscription, v_plan, v_price) then
    update app_public.subscriptions s set pending_plan_id = v_plan.id, pending_billing_cycle = v_cycle
     where s.id = v_subscription.id returning * into v_subscription;
  else
    if v_price.amount > 0 and not app_private.can_be_charged(v_profile.tenant_id) then
      perform app_private.raise_error('LB508', 'There is no way to be paid yet.',
        'Add a payment method with add_payment_method, or ask the platform''s staff for payment by invoice.');
    end if;
    v_subscription := app_private.upgrade_now(v_subscription, v_plan, v_price, v_now);
  end if;
  return v_subscription;
end
$$;

ALTER FUNCTION app_public.change_plan(plan text, billing_cycle app_public.billing_cycle_enum) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.change_plan(plan text, billing_cycle app_public.billing_cycle_enum) IS '@resultFieldName subscription
Changes to another plan or cycle. An upgrade (a higher tier, or a higher price within it) holds at once: the unused days are credited and the new plan''s are charged. Everything else holds from the end of the period; change back to the current plan to undo it. preview_plan_change shows it beforehand. Needs can_manage_billing. LB301, LB302: no such plan or price; LB303: no subscription; LB508: no way to be paid; LB509: past due or paused; LB510: it is cancelled to the period''s end; ID203: you lack the permission.';

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

CREATE FUNCTION app_public.create_credit_note(invoice_id uuid, amount numeric DEFAULT NULL::numeric, memo text DEFAULT NULL::text) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_invoice app_public.invoices;
  v_amount numeric;
  v_note app_public.invoices;
  v_open numeric;
begin
  perform app_private.require_staff();
  perform app_private.lock_billing(app_hidden.current_tenant_id());
  v_invoice := app_private.open_document(create_credit_note.invoice_id);
  if v_invoice.status not in ('finalised', 'paid', 'uncollectible') or v_invoice.total <= 0 then
    perform app_private.raise_error('LB519', 'Only a final invoice over more than nothing can be credited.', 'Edit or void the invoice instead.');
  end if;
  -- a refund that is under way has its part reserved
  v_amount := coalesce(create_credit_note.amount, app_private.creditable(v_invoice.tenant_id, v_invoice.id));
  if v_amount > app_private.creditable(v_invoice.tenant_id, v_invoice.id) then
    perform app_private.raise_error('LB601', 'This is more than what is left of the invoice.', 'Credit at most its total less what was credited or is being refunded.');
  end if;
  v_note := app_private.write_credit_note(v_invoice, v_amount, create_credit_note.memo);
  -- first what is still owed, the rest is credit for the next invoices
  v_open := least(v_amount, v_invoice.amount_due);
  if v_open > 0 then
    perform app_private.settle(v_invoice.tenant_id, v_invoice.id, 0, v_open);
  end if;
  if v_amount > v_open then
    insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id, occurred_at)
    values (v_note.tenant_id, v_note.currency, v_amount - v_open, 'credit_note', v_note.id, app_hidden.clock());
  end if;
  perform app_private.follow_payment(v_invoice.tenant_id);
  return v_note;
end
$$;

ALTER FUNCTION app_public.create_credit_note(invoice_id uuid, amount numeric, memo text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.create_credit_note(invoice_id uuid, amount numeric, memo text) IS '@resultFieldName creditNote
Credits an invoice, wholly or an amount including tax: what is still owed becomes less, and what was paid becomes credit for the next invoices (refund_payment pays it back instead). Platform staff. LB201: you are not; LB304: no such invoice; LB402: not an amount of the currency; LB519: it is not final; LB601: more than is left.';

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

CREATE FUNCTION app_public.create_invoice(memo text DEFAULT NULL::text) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_invoice app_public.invoices;
begin
  perform app_private.require_staff();
  v_invoice := app_private.draft_invoice(app_hidden.current_tenant_id(), 'manual', null, null, null);
  update app_public.invoices i set memo = create_invoice.memo
   where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id returning * into v_invoice;
  return v_invoice;
end
$$;

ALTER FUNCTION app_public.create_invoice(memo text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.create_invoice(memo text) IS '@resultFieldName invoice
Begins an invoice by hand: add_invoice_line, then finalise_invoice. Platform staff. LB201: you are not.';

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

CREATE FUNCTION app_public.current_subscription() RETURNS app_public.subscriptions
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select * from app_public.subscriptions s
   where s.tenant_id = app_hidden.current_tenant_id() and s.ended_at is null and app_hidden.has_role('viewer');
$$;

ALTER FUNCTION app_public.current_subscription() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.current_subscription() IS 'This tenant''s subscription, null when it has none; subscriptions lists those that ended too. Members.';

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

CREATE FUNCTION app_public.delete_draft_invoice(id uuid) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_invoice app_public.invoices := app_private.draft_of_staff(delete_draft_invoice.id);
begin
  if v_invoice.reason <> 'manual' then
    perform app_private.raise_error('LB517', 'The draft belongs to a subscription and is finalised by itself.', 'Add a credit line to it, or credit it afterwards.');
  end if;
  delete from app_public.invoices i where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id;
  return v_invoice;
end
$$;

ALTER FUNCTION app_public.delete_draft_invoice(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.delete_draft_invoice(id uuid) IS '@resultFieldName invoice
Deletes a draft that was begun by hand. Platform staff. LB201: you are not; LB304: no such invoice; LB514: it is not a draft; LB517: it is a subscription''s.';

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

CREATE TABLE app_public.llm_model_price_overrides (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    model_id uuid NOT NULL,
    input_usd_per_million numeric NOT NULL,
    cached_input_usd_per_million numeric NOT NULL,
    output_usd_per_million numeric NOT NULL,
    reasoning_usd_per_million numeric NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    superseded_at timestamp with time zone,
    created_by_user_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT price_ends_after_it_begins CHECK ((valid_to > valid_from)),
    CONSTRAINT prices_are_in_range CHECK ((((input_usd_per_million >= (0)::numeric) AND (input_usd_per_million <= '1000000000'::numeric)) AND ((cached_input_usd_per_million >= (0)::numeric) AND (cached_input_usd_per_million <= '1000000000'::numeric)) AND ((output_usd_per_million >= (0)::numeric) AND (output_usd_per_million <= '1000000000'::numeric)) AND ((reasoning_usd_per_million >= (0)::numeric) AND (reasoning_usd_per_million <= '1000000000'::numeric))))
);

ALTER TABLE ONLY app_public.llm_model_price_overrides FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_model_price_overrides OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.llm_model_price_overrides IS '@behavior -insert -update -delete
What models cost this tenant instead of what they cost everybody, USD per million tokens, from a date on.';

COMMENT ON COLUMN app_public.llm_model_price_overrides.model_id IS 'The model.';

COMMENT ON COLUMN app_public.llm_model_price_overrides.input_usd_per_million IS 'A million input tokens that were not read from a cache, USD.';

COMMENT ON COLUMN app_public.llm_model_price_overrides.cached_input_usd_per_million IS 'A million input tokens read from a cache, USD.';

COMMENT ON COLUMN app_public.llm_model_price_overrides.output_usd_per_million IS 'A million output tokens, without those for reasoning, USD.';

COMMENT ON COLUMN app_public.llm_model_price_overrides.reasoning_usd_per_million IS 'A million tokens for reasoning, USD.';

COMMENT ON COLUMN app_public.llm_model_price_overrides.valid_from IS 'From when it holds.';

COMMENT ON COLUMN app_public.llm_model_price_overrides.valid_to IS 'Until when it holds, excluded; null without an end.';

COMMENT ON COLUMN app_public.llm_model_price_overrides.superseded_at IS 'When a correction took its place from its beginning on; null while it holds.';

COMMENT ON COLUMN app_public.llm_model_price_overrides.created_by_user_id IS 'Who set it.';

COMMENT ON COLUMN app_public.llm_model_price_overrides.created_at IS 'When it was set.';

CREATE FUNCTION app_public.end_tenant_llm_model_price(model_id uuid, valid_to timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS app_public.llm_model_price_overrides
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_at timestamptz := coalesce(end_tenant_llm_model_price.valid_to, app_hidden.clock());
  v_price app_public.llm_model_price_overrides;
begin
  perform app_private.require_price_setter();
  update app_public.llm_model_price_overrides p set valid_to = v_at
   where p.tenant_id = app_hidden.current_tenant_id() and p.model_id = end_tenant_llm_model_price.model_id
     and p.superseded_at is null and p.valid_from < v_at and (p.valid_to is null or p.valid_to > v_at)
  returning * into v_price;
  if not found then
    perform app_private.raise_error('MT302', 'The tenant has no price of its own for this model at that time.', 'Read llm_model_price_overrides.');
  end if;
  return v_price;
end
$$;

ALTER FUNCTION app_public.end_tenant_llm_model_price(model_id uuid, valid_to timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.end_tenant_llm_model_price(model_id uuid, valid_to timestamp with time zone) IS '@resultFieldName price
Ends a price of the tenant''s own, now or at another instant: from then on the model costs it what it costs everybody. Platform staff only. MT202: you are not; MT302: there is none to end.';

CREATE FUNCTION app_public.entitlements() RETURNS TABLE(kind app_public.entitlement_kind_enum, key text, is_enabled boolean, quota_limit numeric, overage_allowed boolean, source text, reason text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select * from app_private.entitlements_of(app_hidden.current_tenant_id()) where app_hidden.has_role('viewer');
$$;

ALTER FUNCTION app_public.entitlements() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.entitlements() IS 'What this tenant is entitled to and why: features (is_enabled) and quotas (quota_limit, overage_allowed). source is plan or override; reason is the plan''s name or why it was overridden. Members.';

CREATE FUNCTION app_public.explain_invoice(id uuid) RETURNS TABLE(line_number integer, kind text, description text, amount numeric, recomputed numeric, is_equal boolean, explanation text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_invoice app_public.invoices;
  v_line app_public.invoice_lines;
  v_amount numeric;
  v_explanation text;
  v_subtotal numeric := 0;
  v_tax numeric;
begin
  perform app_private.require_permission('can_manage_billing');
  select * into v_invoice from app_public.invoices i where i.tenant_id = app_hidden.current_tenant_id() and i.id = explain_invoice.id;
  if not found then
    perform app_private.raise_error('LB304', 'There is no such invoice.', 'invoices lists those there are.');
  end if;
  for v_line in
    select * from app_public.invoice_lines l where l.tenant_id = v_invoice.tenant_id and l.invoice_id = v_invoice.id order by l.line_number
  loop
    select r.amount, r.explanation into v_amount, v_explanation from app_private.recompute_line(v_line, v_invoice) r;
    v_subtotal := v_subtotal + v_amount;
    return query select v_line.line_number, v_line.kind::text, v_line.description, v_line.amount, v_amount, v_amount = v_line.amount, v_explanation;
  end loop;
  -- a credit note has the tax that is left of its invoice's, or a share of it
  v_tax := case v_invoice.series when 'invoice' then app_hidden.round_money(v_subtotal * v_invoice.tax_rate, v_invoice.currency) else v_invoice.tax end;
  return query values
    (null::int, 'subtotal', 'Subtotal', v_invoice.subtotal, v_subtotal, v_subtotal = v_invoice.subtotal, 'sum of the lines'),
    (null, 'tax', 'Tax', v_invoice.tax, v_tax, v_tax = v_invoice.tax,
     case v_invoice.series when 'invoice' then format('%s × %s', v_subtotal, trim_scale(v_invoice.tax_rate)) else 'in proportion to the invoice' end),
    (null, 'total', 'Total', v_invoice.total, v_subtotal + v_tax, v_subtotal + v_tax = v_invoice.total, 'subtotal and tax');
end
$$;

ALTER FUNCTION app_public.explain_invoice(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.explain_invoice(id uuid) IS 'Each line of an invoice, then subtotal, tax and total: the amount billed beside the one recomputed from prices, days and events, and how. Needs can_manage_billing. LB304: no such invoice; ID203: you lack the permission.';

CREATE FUNCTION app_public.finalise_invoice(id uuid) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.require_staff();
  return app_private.finalise(app_hidden.current_tenant_id(), finalise_invoice.id);
end
$$;

ALTER FUNCTION app_public.finalise_invoice(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.finalise_invoice(id uuid) IS '@resultFieldName invoice
Makes a draft final before the task does. Platform staff. LB201: you are not; LB304: no such invoice; LB514: it is not a draft.';

CREATE FUNCTION app_public.invoice(id uuid) RETURNS app_public.invoices
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select * from app_public.invoices i
   where i.tenant_id = app_hidden.current_tenant_id() and i.id = invoice.id and app_hidden.has_permission('can_manage_billing');
$$;

ALTER FUNCTION app_public.invoice(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.invoice(id uuid) IS 'One invoice or credit note of this tenant. Needs can_manage_billing.';

CREATE FUNCTION app_public.invoices_html(invoice app_public.invoices) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select d.html from app_private.invoice_documents d
   where d.tenant_id = (invoice).tenant_id and d.invoice_id = (invoice).id and app_hidden.has_permission('can_manage_billing');
$$;

ALTER FUNCTION app_public.invoices_html(invoice app_public.invoices) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.invoices_html(invoice app_public.invoices) IS '@behavior -filterBy -orderBy
The document as a page of HTML, null until it is rendered, which takes seconds after it is final.';

CREATE FUNCTION app_public.invoices_pdf_base64(invoice app_public.invoices) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select translate(encode(d.pdf, 'base64'), e'\n', '') from app_private.invoice_documents d
   where d.tenant_id = (invoice).tenant_id and d.invoice_id = (invoice).id and app_hidden.has_permission('can_manage_billing');
$$;

ALTER FUNCTION app_public.invoices_pdf_base64(invoice app_public.invoices) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.invoices_pdf_base64(invoice app_public.invoices) IS '@behavior -filterBy -orderBy
The document as PDF in Base64, null until it is rendered.';

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

CREATE TABLE app_public.tenant_entitlement_overrides (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    kind app_public.entitlement_kind_enum NOT NULL,
    key text NOT NULL,
    is_enabled boolean,
    quota_limit numeric,
    overage_allowed boolean DEFAULT false NOT NULL,
    reason text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT feature_is_on_or_off CHECK (((is_enabled IS NOT NULL) = (kind = 'feature'::app_public.entitlement_kind_enum))),
    CONSTRAINT key_is_a_key CHECK ((key ~ '^[a-z][a-z0-9_]{0,62}$'::text)),
    CONSTRAINT overage_belongs_to_quotas CHECK (((kind = 'quota'::app_public.entitlement_kind_enum) OR (NOT overage_allowed))),
    CONSTRAINT quota_has_a_limit CHECK (((quota_limit IS NOT NULL) = (kind = 'quota'::app_public.entitlement_kind_enum))),
    CONSTRAINT quota_is_known CHECK (((kind = 'feature'::app_public.entitlement_kind_enum) OR (key = ANY (ARRAY['users'::text, 'agents'::text, 'documents'::text, 'storage_gb'::text, 'api_calls'::text, 'tokens'::text, 'cost'::text])))),
    CONSTRAINT quota_limit_is_an_amount CHECK (((quota_limit >= (0)::numeric) AND (quota_limit <= '1000000000000'::numeric) AND ((key = 'cost'::text) OR (quota_limit = trunc(quota_limit))))),
    CONSTRAINT reason_is_short CHECK ((length(reason) <= 1000))
);

ALTER TABLE ONLY app_public.tenant_entitlement_overrides FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.tenant_entitlement_overrides OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.tenant_entitlement_overrides IS '@behavior -insert -update -delete -single
What this tenant gets instead of what its plan says. Staff write it with override_entitlement.';

COMMENT ON COLUMN app_public.tenant_entitlement_overrides.kind IS 'feature or quota.';

COMMENT ON COLUMN app_public.tenant_entitlement_overrides.key IS 'Name of the feature or quota.';

COMMENT ON COLUMN app_public.tenant_entitlement_overrides.is_enabled IS 'Whether the feature is on.';

COMMENT ON COLUMN app_public.tenant_entitlement_overrides.quota_limit IS 'The quota''s limit.';

COMMENT ON COLUMN app_public.tenant_entitlement_overrides.overage_allowed IS 'Whether more may be used, and is billed.';

COMMENT ON COLUMN app_public.tenant_entitlement_overrides.reason IS 'Why, at most 1,000 characters.';

COMMENT ON COLUMN app_public.tenant_entitlement_overrides.created_at IS 'When it was made.';

COMMENT ON COLUMN app_public.tenant_entitlement_overrides.updated_at IS 'When it last changed.';

CREATE FUNCTION app_public.override_entitlement(kind app_public.entitlement_kind_enum, key text, is_enabled boolean DEFAULT NULL::boolean, quota_limit numeric DEFAULT NULL::numeric, overage_allowed boolean DEFAULT false, reason text DEFAULT NULL::text) RETURNS app_public.tenant_entitlement_overrides
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_override app_public.tenant_entitlement_overrides;
begin
  perform app_private.require_staff();
  insert into app_public.tenant_entitlement_overrides as o (tenant_id, kind, key, is_enabled, quota_limit, overage_allowed, reason)
  values (app_hidden.current_tenant_id(), override_entitlement.kind, override_entitlement.key, override_entitlement.is_enabled,
          override_entitlement.quota_limit, override_entitlement.overage_allowed, override_entitlement.reason)
  on conflict on constraint tenant_entitlement_overrides_tenant_id_kind_key_key do update
    set is_enabled = excluded.is_enabled, quota_limit = excluded.quota_limit,
        overage_allowed = excluded.overage_allowed, reason = excluded.reason
  returning * into v_override;
  return v_override;
end
$$;

ALTER FUNCTION app_public.override_entitlement(kind app_public.entitlement_kind_enum, key text, is_enabled boolean, quota_limit numeric, overage_allowed boolean, reason text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.override_entitlement(kind app_public.entitlement_kind_enum, key text, is_enabled boolean, quota_limit numeric, overage_allowed boolean, reason text) IS '@resultFieldName override
Gives this tenant another feature (is_enabled) or quota (quota_limit) than its plan does; again to change it, remove_entitlement_override to take it back. Platform staff. LB201: you are not; 23514: a value does not fit the kind.';

CREATE FUNCTION app_public.pause_subscription() RETURNS app_public.subscriptions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles := app_private.begin_billing();
  v_subscription app_public.subscriptions := app_private.settled_subscription(v_profile.tenant_id);
begin
  if v_subscription.status <> 'active' or v_subscription.cancel_at_period_end then
    perform app_private.raise_error('LB511', 'Only an active subscription that is not to end can be paused.', 'See its status.');
  end if;
  perform app_private.bill_end(v_subscription, app_hidden.clock(), true);
  return app_private.pause(v_subscription, app_hidden.clock());
end
$$;

ALTER FUNCTION app_public.pause_subscription() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.pause_subscription() IS '@resultFieldName subscription
Stops the subscription until resume_subscription: what was used is billed, unused days are credited, and meanwhile the plan free holds. Needs can_manage_billing. LB303: no subscription; LB511: it is not active; ID203: you lack the permission.';

CREATE FUNCTION app_public.pay_invoice(id uuid) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles := app_private.begin_billing();
  v_invoice app_public.invoices := app_private.open_document(pay_invoice.id);
begin
  if v_invoice.amount_due <= 0 then
    perform app_private.raise_error('LB521', 'Nothing is due on this invoice.', 'See its status.');
  end if;
  if not exists (select from app_public.payment_methods m where m.tenant_id = v_profile.tenant_id and m.is_default) then
    perform app_private.raise_error('LB508', 'There is no way to be paid yet.', 'Add a payment method with add_payment_method.');
  end if;
  update app_public.invoices i set next_attempt_at = least(i.next_attempt_at, app_hidden.clock()), is_charge_requested = true
   where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id
     and not exists (select from app_public.payments p where p.tenant_id = i.tenant_id and p.invoice_id = i.id and p.status = 'pending')
  returning * into v_invoice;
  perform app_private.enqueue_job('billing__collect_payments', json_build_object('tenantId', v_profile.tenant_id, 'invoiceId', pay_invoice.id));
  return app_private.open_document(pay_invoice.id);
end
$$;

ALTER FUNCTION app_public.pay_invoice(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.pay_invoice(id uuid) IS '@resultFieldName invoice
Charges the default payment method for what is due, now and in the background; payments shows what became of it. Needs can_manage_billing. LB304: no such invoice; LB508: no payment method; LB521: nothing is due; ID203: you lack the permission.';

CREATE FUNCTION app_public.preview_invoice() RETURNS TABLE(kind text, description text, amount numeric, currency text, effective_at timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz := app_hidden.clock();
  v_old app_public.subscriptions;
  v_new app_public.subscriptions;
  v_price app_public.plan_prices;
  v_period tstzrange;
  v_lines app_public.invoice_lines[] := '{}';
begin
  perform app_private.require_permission('can_manage_billing');
  v_old := app_private.live_subscription(app_hidden.current_tenant_id());
  v_new := v_old;
  v_new.plan_id := coalesce(v_old.pending_plan_id, v_old.plan_id);
  v_new.billing_cycle := coalesce(v_old.pending_billing_cycle, v_old.billing_cycle);
  if v_old.status = 'trialing' then
    v_new.anchor_on := (v_old.trial_ends_at at time zone v_old.timezone)::date;
  end if;
  if v_old.status <> 'paused' and not v_old.cancel_at_period_end then
    v_price := app_private.plan_price_at(v_new.plan_id, v_new.currency, v_new.billing_cycle, v_old.current_period_end);
    v_period := app_private.subscription_period(v_new, v_old.current_period_end);
    if v_price.amount > 0 then
      v_lines := array[app_private.recurring_line(v_price, 'recurring', 1, v_period, v_period, v_new.timezone)];
    end if;
  end if;
  if v_old.status in ('active', 'past_due') and v_old.usage_since < v_now then
    v_lines := v_lines || array(select l from app_private.usage_lines(v_old.tenant_id, v_old.price_id,
      tstzrange(v_old.usage_since, least(v_now, v_old.current_period_end))) l);
  end if;
  v_lines := v_lines || array(select l from app_private.adjustment_lines(v_old.tenant_id, null, null) l);
  return query select * from app_private.preview(v_old.tenant_id, v_old.current_period_end, v_lines, v_old.currency);
end
$$;

ALTER FUNCTION app_public.preview_invoice() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.preview_invoice() IS 'The next invoice as it would be with what was used until now, line by line with subtotal, tax and total, and when it is made. Needs can_manage_billing. LB303: no subscription; ID203: you lack the permission.';

CREATE FUNCTION app_public.preview_plan_change(plan text, billing_cycle app_public.billing_cycle_enum DEFAULT NULL::app_public.billing_cycle_enum) RETURNS TABLE(kind text, description text, amount numeric, currency text, effective_at timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_now timestamptz := app_hidden.clock();
  v_old app_public.subscriptions;
  v_new app_public.subscriptions;
  v_plan app_public.plans;
  v_price app_public.plan_prices;
  v_period tstzrange;
  v_lines app_public.invoice_lines[] := '{}';
  v_at timestamptz;
begin
  perform app_private.require_permission('can_manage_billing');
  v_old := app_private.live_subscription(app_hidden.current_tenant_id());
  v_plan := app_private.plan_by_slug(preview_plan_change.plan);
  v_new := v_old;
  v_new.plan_id := v_plan.id;
  v_new.billing_cycle := coalesce(preview_plan_change.billing_cycle, v_old.billing_cycle);
  v_price := app_private.plan_price_at(v_plan.id, v_old.currency, v_new.billing_cycle, v_now);
  if v_old.status = 'active' and app_private.is_upgrade(v_old, v_plan, v_price) and v_new.billing_cycle = v_old.billing_cycle then
    v_at := v_now;
    v_lines := array(select l from app_private.change_lines(v_old, v_price, v_now) l);
  else
    -- what the first period of it will cost: now when the period begins anew, else when this one ends
    v_at := case when v_old.status = 'active' and app_private.is_upgrade(v_old, v_plan, v_price) then v_now else v_old.current_period_end end;
    if v_at = v_now then
      v_new.anchor_on := (v_now at time zone v_old.timezone)::date;
      v_lines := array(select l from app_private.unused_line(v_old, v_now) l);
      if v_old.usage_since < v_now then
        v_lines := v_lines || array(select l from app_private.usage_lines(v_old.tenant_id, v_old.price_id, tstzrange(v_old.usage_since, v_now)) l);
      end if;
    elsif v_old.status = 'trialing' then
      v_new.anchor_on := (v_at at time zone v_old.timezone)::date;
    end if;
    v_price := app_private.plan_price_at(v_plan.id, v_old.currency, v_new.billing_cycle, v_at);
    v_period := app_private.subscription_period(v_new, v_at);
    if v_price.amount > 0 then
      v_lines := v_lines || app_private.recurring_line(v_price, 'recurring', 1, v_period, v_period, v_old.timezone);
    end if;
  end if;
  return query select * from app_private.preview(v_old.tenant_id, v_at, v_lines, v_old.currency);
end
$$;

ALTER FUNCTION app_public.preview_plan_change(plan text, billing_cycle app_public.billing_cycle_enum) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.preview_plan_change(plan text, billing_cycle app_public.billing_cycle_enum) IS 'What change_plan would bill, and when it would take effect, line by line with subtotal, tax and total. Nothing is changed. Needs can_manage_billing. LB301, LB302: no such plan or price; LB303: no subscription; ID203: you lack the permission.';

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

CREATE FUNCTION app_public.record_llm_usage(idempotency_key text, model text, input_tokens bigint, output_tokens bigint, cached_input_tokens bigint DEFAULT 0, reasoning_tokens bigint DEFAULT 0, prompt_tokens bigint DEFAULT NULL::bigint, completion_tokens bigint DEFAULT NULL::bigint, total_tokens bigint DEFAULT NULL::bigint, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone, agent_id uuid DEFAULT NULL::uuid, agent_name text DEFAULT NULL::text, project_id uuid DEFAULT NULL::uuid, model_config_id uuid DEFAULT NULL::uuid, conversation_id uuid DEFAULT NULL::uuid, panel_id uuid DEFAULT NULL::uuid, response_time_ms integer DEFAULT NULL::integer, time_to_first_token_ms integer DEFAULT NULL::integer, temperature numeric DEFAULT NULL::numeric, max_tokens integer DEFAULT NULL::integer, top_p numeric DEFAULT NULL::numeric, finish_reason text DEFAULT NULL::text, function_call jsonb DEFAULT NULL::jsonb, success boolean DEFAULT true, error_type text DEFAULT NULL::text, error_message text DEFAULT NULL::text, prompt_text text DEFAULT NULL::text, system_prompt text DEFAULT NULL::text, completion_text text DEFAULT NULL::text, user_id uuid DEFAULT NULL::uuid, api_key_id uuid DEFAULT NULL::uuid) RETURNS app_public.llm_usage_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_call app_private.llm_calls;
  v_texts app_private.llm_texts;
begin
  perform app_private.require_role('viewer');
  if record_llm_usage.prompt_tokens <> record_llm_usage.input_tokens + record_llm_usage.cached_input_tokens
    or record_llm_usage.completion_tokens <> record_llm_usage.output_tokens + record_llm_usage.reasoning_tokens
    or record_llm_usage.total_tokens <> record_llm_usage.input_tokens + record_llm_usage.cached_input_tokens
                                      + record_llm_usage.output_tokens + record_llm_usage.reasoning_tokens then
    perform app_private.raise_error('MT414', 'The totals of tokens are not the sums of their classes.',
      'Classes do not overlap: input_tokens without those read from a cache, output_tokens without those for reasoning.');
  end if;

  v_call.occurred_at := record_llm_usage.occurred_at;
  v_call.model := record_llm_usage.model;
  v_call.model_config_id := record_llm_usage.model_config_id;
  v_call.agent_id := record_llm_usage.agent_id;
  v_call.agent_name := record_llm_usage.agent_name;
  v_call.user_id := record_llm_usage.user_id;
  v_call.project_id := record_llm_usage.project_id;
  v_call.api_key_id := record_llm_usage.api_key_id;
  v_call.conversation_id := record_llm_usage.conversation_id;
  v_call.panel_id := record_llm_usage.panel_id;
  v_call.input_tokens := record_llm_usage.input_tokens;
  v_call.cached_input_tokens := coalesce(record_llm_usage.cached_input_tokens, 0);
  v_call.output_tokens := record_llm_usage.output_tokens;
  v_call.reasoning_tokens := coalesce(record_llm_usage.reasoning_tokens, 0);
  v_call.response_time_ms := record_llm_usage.response_time_ms;
  v_call.time_to_first_token_ms := record_llm_usage.time_to_first_token_ms;
  v_call.temperature := record_llm_usage.temperature;
  v_call.max_tokens := record_llm_usage.max_tokens;
  v_call.top_p := record_llm_usage.top_p;
  v_call.finish_reason := record_llm_usage.finish_reason;
  v_call.function_call := record_llm_usage.function_call;
  v_call.success := coalesce(record_llm_usage.success, true);
  v_call.error_type := record_llm_usage.error_type;
  v_call.error_message := record_llm_usage.error_message;
  v_texts.prompt_text := record_llm_usage.prompt_text;
  v_texts.system_prompt := record_llm_usage.system_prompt;
  v_texts.completion_text := record_llm_usage.completion_text;
  return app_private.store_llm_call(record_llm_usage.idempotency_key, v_call, v_texts);
end
$$;

ALTER FUNCTION app_public.record_llm_usage(idempotency_key text, model text, input_tokens bigint, output_tokens bigint, cached_input_tokens bigint, reasoning_tokens bigint, prompt_tokens bigint, completion_tokens bigint, total_tokens bigint, occurred_at timestamp with time zone, agent_id uuid, agent_name text, project_id uuid, model_config_id uuid, conversation_id uuid, panel_id uuid, response_time_ms integer, time_to_first_token_ms integer, temperature numeric, max_tokens integer, top_p numeric, finish_reason text, function_call jsonb, success boolean, error_type text, error_message text, prompt_text text, system_prompt text, completion_text text, user_id uuid, api_key_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.record_llm_usage(idempotency_key text, model text, input_tokens bigint, output_tokens bigint, cached_input_tokens bigint, reasoning_tokens bigint, prompt_tokens bigint, completion_tokens bigint, total_tokens bigint, occurred_at timestamp with time zone, agent_id uuid, agent_name text, project_id uuid, model_config_id uuid, conversation_id uuid, panel_id uuid, response_time_ms integer, time_to_first_token_ms integer, temperature numeric, max_tokens integer, top_p numeric, finish_reason text, function_call jsonb, success boolean, error_type text, error_message text, prompt_text text, system_prompt text, completion_text text, user_id uuid, api_key_id uuid) IS '@resultFieldName receipt
Writes down a call of a language model and what it used, in one go: the call in llmUsageLogs, its tokens and itself in usageEvents. The four classes of tokens do not overlap; totals, when given, must be their sums. The cost follows from the price that holds for the tenant and model at that time, and is null while there is none. A model the catalogue does not know is kept by its name, without a cost. Texts are kept only where the tenant''s settings say store_llm_texts. The agent''s name is read from this tenant''s agents; give it for one that is shared with you. Idempotent, and for whom, as recordUsage. Any active member. ID202: you are none; MT201, MT301: for someone else; MT401 to MT409: a value cannot be; MT414: a total is no sum; MT415: a number of tokens is missing or out of range; MT501: the key stands for another call.';

CREATE FUNCTION app_public.record_payment(invoice_id uuid, amount numeric, reference text DEFAULT NULL::text) RETURNS app_public.payments
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now timestamptz := app_hidden.clock();
  v_invoice app_public.invoices;
  v_payment app_public.payments;
begin
  perform app_private.require_staff();
  perform app_private.lock_billing(app_hidden.current_tenant_id());
  v_invoice := app_private.open_document(record_payment.invoice_id);
  if record_payment.reference is not null then
    select * into v_payment from app_public.payments p
     where p.tenant_id = v_invoice.tenant_id and p.invoice_id = v_invoice.id and p.reference = record_payment.reference;
    if found then
      if v_payment.amount <> record_payment.amount then
        perform app_private.raise_error('LB520', 'This reference was recorded with another amount.', 'Give each payment its own reference.');
      end if;
      return v_payment;
    end if;
  end if;
  if record_payment.amount is null or record_payment.amount <= 0 or not app_hidden.is_money(record_payment.amount)
     or record_payment.amount <> app_hidden.round_money(record_payment.amount, v_invoice.currency) then
    perform app_private.raise_error('LB402', 'The amount is not one that can be paid in this currency.', 'Give an amount with the currency''s decimal places.');
  end if;
  if record_payment.amount > v_invoice.amount_due then
    perform app_private.raise_error('LB602', 'This is more than what is due.', 'Record what is due; give what is too much as credit with add_credit.');
  end if;
  insert into app_public.payments (tenant_id, invoice_id, provider, status, currency, amount, reference, attempted_at, succeeded_at)
  values (v_invoice.tenant_id, v_invoice.id, 'manual', 'succeeded', v_invoice.currency,
          app_hidden.round_money(record_payment.amount, v_invoice.currency), record_payment.reference, v_now, v_now)
  returning * into v_payment;
  perform app_private.apply_payment(v_invoice, v_payment);
  return v_payment;
end
$$;

ALTER FUNCTION app_public.record_payment(invoice_id uuid, amount numeric, reference text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.record_payment(invoice_id uuid, amount numeric, reference text) IS '@resultFieldName payment
Notes a payment that arrived outside, such as a bank transfer. The same reference again returns the first. Platform staff: who is billed does not say what was paid. LB201: you are not; LB304: no such invoice; LB402: not an amount of the currency; LB520: the reference has another amount; LB602: more than is due.';

CREATE FUNCTION app_public.record_usage(idempotency_key text, usage_type text, quantity numeric DEFAULT 1, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone, agent_id uuid DEFAULT NULL::uuid, project_id uuid DEFAULT NULL::uuid, model_id uuid DEFAULT NULL::uuid, feature_name text DEFAULT NULL::text, outcome app_public.usage_outcome DEFAULT NULL::app_public.usage_outcome, duration_ms integer DEFAULT NULL::integer, metadata jsonb DEFAULT '{}'::jsonb, user_id uuid DEFAULT NULL::uuid, api_key_id uuid DEFAULT NULL::uuid) RETURNS app_public.usage_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_receipt app_public.usage_receipt;
begin
  perform app_private.require_role('viewer');
  select * into v_receipt from app_private.store_usage(array[row(
    record_usage.idempotency_key, record_usage.usage_type, record_usage.quantity, record_usage.occurred_at, record_usage.user_id,
    record_usage.agent_id, record_usage.project_id, record_usage.api_key_id, record_usage.model_id, record_usage.feature_name,
    record_usage.outcome, record_usage.duration_ms, record_usage.metadata)::app_private.usage_input]);
  return v_receipt;
end
$$;

ALTER FUNCTION app_public.record_usage(idempotency_key text, usage_type text, quantity numeric, occurred_at timestamp with time zone, agent_id uuid, project_id uuid, model_id uuid, feature_name text, outcome app_public.usage_outcome, duration_ms integer, metadata jsonb, user_id uuid, api_key_id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.record_usage(idempotency_key text, usage_type text, quantity numeric, occurred_at timestamp with time zone, agent_id uuid, project_id uuid, model_id uuid, feature_name text, outcome app_public.usage_outcome, duration_ms integer, metadata jsonb, user_id uuid, api_key_id uuid) IS '@resultFieldName receipt
Writes down one use: how much of which usage type, when, and by what. The idempotency key is permanent: the same call again stores nothing and returns the first receipt, another use under the same key is refused. Tokens of a model with a price get their cost here. Up to 400 days late. For you and the API key you came with; admins name other members and keys. Any active member. ID202: you are none; MT201, MT301: for someone else; MT401 to MT409: a value cannot be; MT501: the key stands for another event.';

CREATE FUNCTION app_public.record_usages(events jsonb) RETURNS SETOF app_public.usage_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.require_role('viewer');
  return query select * from app_private.store_usage(app_private.read_usage(record_usages.events));
end
$$;

ALTER FUNCTION app_public.record_usages(events jsonb) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.record_usages(events jsonb) IS '@resultFieldName receipts
Writes down 1 to 10,000 uses at once, all of them or none: a list of objects with the arguments of recordUsage in snake_case, each with its own idempotency key. Returns their receipts in the same order. Errors name the place of the first event that is refused, from 1. MT412: not such a list; MT413: an unknown field; otherwise as recordUsage.';

CREATE FUNCTION app_public.refund_payment(payment_id uuid, amount numeric DEFAULT NULL::numeric, reason text DEFAULT NULL::text) RETURNS app_public.refunds
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_payment app_public.payments;
  v_refund app_public.refunds;
  v_left numeric;
  v_amount numeric;
begin
  perform app_private.require_staff();
  perform app_private.lock_billing(app_hidden.current_tenant_id());
  select * into v_payment from app_public.payments p
   where p.tenant_id = app_hidden.current_tenant_id() and p.id = refund_payment.payment_id for update;
  if not found then
    perform app_private.raise_error('LB305', 'There is no such payment.', 'payments lists those there are.');
  end if;
  if v_payment.status <> 'succeeded' then
    perform app_private.raise_error('LB522', 'Only a payment that succeeded can be refunded.', 'See its status.');
  end if;
  select v_payment.amount - coalesce(sum(r.amount), 0) into v_left from app_public.refunds r
   where r.tenant_id = v_payment.tenant_id and r.payment_id = v_payment.id and r.status <> 'failed';
  v_left := least(v_left, app_private.creditable(v_payment.tenant_id, v_payment.invoice_id));
  v_amount := coalesce(refund_payment.amount, v_left);
  if v_amount <= 0 and refund_payment.amount is null or v_amount > v_left then
    perform app_private.raise_error('LB601', 'This is more than what is left of the invoice.', 'Refund at most what was paid less what was refunded or credited before.');
  end if;
  if v_amount <= 0 or not app_hidden.is_money(v_amount) or v_amount <> app_hidden.round_money(v_amount, v_payment.currency) then
    perform app_private.raise_error('LB402', 'The amount is not one that can be paid in this currency.', 'Give an amount with the currency''s decimal places.');
  end if;
  insert into app_public.refunds (tenant_id, payment_id, amount, reason)
  values (v_payment.tenant_id, v_payment.id, v_amount, refund_payment.reason) returning * into v_refund;
  if v_payment.provider = 'manual' then
    return app_private.finish_refund(v_refund.tenant_id, v_refund.id, 'succeeded');
  end if;
  perform app_private.enqueue_job('billing__refund_payment', json_build_object('tenantId', v_refund.tenant_id, 'refundId', v_refund.id));
  return v_refund;
end
$$;

ALTER FUNCTION app_public.refund_payment(payment_id uuid, amount numeric, reason text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.refund_payment(payment_id uuid, amount numeric, reason text) IS '@resultFieldName refund
Pays a payment back, wholly or in part, the way it came, and writes a credit note once it is done. A manual one is noted as paid back. Platform staff. LB201: you are not; LB305: no such payment; LB402: not an amount of the currency; LB522: the payment did not succeed; LB601: more than is left.';

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

CREATE FUNCTION app_public.remove_entitlement_override(kind app_public.entitlement_kind_enum, key text) RETURNS app_public.tenant_entitlement_overrides
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_override app_public.tenant_entitlement_overrides;
begin
  perform app_private.require_staff();
  delete from app_public.tenant_entitlement_overrides o
   where o.tenant_id = app_hidden.current_tenant_id() and o.kind = remove_entitlement_override.kind and o.key = remove_entitlement_override.key
  returning * into v_override;
  if not found then
    perform app_private.raise_error('LB308', 'This tenant has no such override.', 'tenant_entitlement_overrides lists those there are.');
  end if;
  return v_override;
end
$$;

ALTER FUNCTION app_public.remove_entitlement_override(kind app_public.entitlement_kind_enum, key text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.remove_entitlement_override(kind app_public.entitlement_kind_enum, key text) IS '@resultFieldName override
Takes an override back: the plan counts again. Platform staff. LB201: you are not; LB308: there is no such override.';

CREATE FUNCTION app_public.remove_invoice_line(id uuid) RETURNS app_public.invoice_lines
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_line app_public.invoice_lines;
begin
  perform app_private.require_staff();
  select * into v_line from app_public.invoice_lines l
   where l.tenant_id = app_hidden.current_tenant_id() and l.id = remove_invoice_line.id and l.is_manual;
  if not found then
    perform app_private.raise_error('LB311', 'There is no such line written by hand.', 'Only lines that were added with add_invoice_line can be removed.');
  end if;
  perform app_private.draft_of_staff(v_line.invoice_id);
  delete from app_public.invoice_lines l where l.tenant_id = v_line.tenant_id and l.id = v_line.id;
  perform app_private.total_invoice(v_line.tenant_id, v_line.invoice_id);
  return v_line;
end
$$;

ALTER FUNCTION app_public.remove_invoice_line(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.remove_invoice_line(id uuid) IS '@resultFieldName invoiceLine
Takes a line that was added by hand out of a draft. Platform staff. LB201: you are not; LB311: no such line; LB514: the invoice is not a draft.';

CREATE FUNCTION app_public.remove_payment_method(id uuid) RETURNS app_public.payment_methods
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_method app_public.payment_methods := app_private.method_of_mine(remove_payment_method.id);
begin
  if v_method.is_default then
    perform app_private.make_default(v_method.tenant_id, null);
  end if;
  update app_public.payment_methods m set status = 'detached', is_default = false
   where m.tenant_id = v_method.tenant_id and m.id = v_method.id returning * into v_method;
  perform app_private.enqueue_job('billing__detach_payment_method',
    json_build_object('tenantId', v_method.tenant_id, 'paymentMethodId', v_method.id));
  return v_method;
end
$$;

ALTER FUNCTION app_public.remove_payment_method(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.remove_payment_method(id uuid) IS '@resultFieldName paymentMethod
Forgets a payment method, here and at the provider; add_payment_method with a new key adds one again. Needs can_manage_billing. LB307: no such payment method; ID203: you lack the permission.';

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

CREATE FUNCTION app_public.rerate_usage(from_at timestamp with time zone, to_at timestamp with time zone) RETURNS TABLE(usage_type text, model_id uuid, model text, event_count bigint, quantity numeric, cost_before numeric, cost_after numeric, difference numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform app_private.require_permission('can_manage_billing');
  return query
    select r.usage_type, r.model_id, m.name, count(*), sum(r.quantity), coalesce(sum(r.cost_before), 0), sum(r.cost_after),
           sum(r.cost_after) - coalesce(sum(r.cost_before), 0)
      from app_private.rerated_usage(rerate_usage.from_at, rerate_usage.to_at) r
      left join app_public.llm_models m on m.id = r.model_id
     group by r.usage_type, r.model_id, m.name
     order by m.name, r.usage_type;
end
$$;

ALTER FUNCTION app_public.rerate_usage(from_at timestamp with time zone, to_at timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.rerate_usage(from_at timestamp with time zone, to_at timestamp with time zone) IS 'What the usage from one instant to another (excluded) would cost by the prices as they are now, where that differs from what it did; changes nothing. For those who manage billing. ID203: you do not.';

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

CREATE FUNCTION app_public.resume_subscription() RETURNS app_public.subscriptions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles := app_private.begin_billing();
  v_subscription app_public.subscriptions := app_private.settled_subscription(v_profile.tenant_id);
  v_now timestamptz := app_hidden.clock();
begin
  if v_subscription.cancel_at_period_end then
    update app_public.subscriptions s set cancel_at_period_end = false where s.id = v_subscription.id returning * into v_subscription;
    return v_subscription;
  end if;
  if v_subscription.status <> 'paused' then
    perform app_private.raise_error('LB512', 'There is nothing to resume.', 'The subscription is neither paused nor to end.');
  end if;
  if exists (select from app_public.invoices i
              where i.tenant_id = v_profile.tenant_id and i.status in ('finalised', 'uncollectible') and i.due_at <= v_now) then
    perform app_private.raise_error('LB513', 'There are invoices to pay first.', 'invoices lists them; pay_invoice charges the payment method.');
  end if;
  v_subscription := app_private.begin_period(v_subscription, v_now, (v_now at time zone v_subscription.timezone)::date, 'active');
  if not app_private.can_be_charged(v_profile.tenant_id)
     and exists (select from app_public.plan_prices p where p.id = v_subscription.price_id and p.amount > 0) then
    perform app_private.raise_error('LB508', 'There is no way to be paid yet.',
      'Add a payment method with add_payment_method, or ask the platform''s staff for payment by invoice.');
  end if;
  perform app_private.bill_period(v_subscription, null);
  return v_subscription;
end
$$;

ALTER FUNCTION app_public.resume_subscription() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.resume_subscription() IS '@resultFieldName subscription
Takes a cancellation to the period''s end back, or ends a pause: a new period begins today. Needs can_manage_billing. LB303: no subscription; LB508: no way to be paid; LB512: nothing to resume; LB513: invoices are overdue; ID203: you lack the permission.';

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

CREATE FUNCTION app_public.set_billing_terms(tax_mode text DEFAULT NULL::text, tax_rate numeric DEFAULT NULL::numeric, collection_method text DEFAULT NULL::text, issuer_slug text DEFAULT NULL::text) RETURNS app_public.billing_profiles
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles;
  v_issuer_id uuid;
begin
  perform app_private.require_staff();
  v_profile := app_private.lock_billing(app_hidden.current_tenant_id());
  select i.id into v_issuer_id from app_public.invoice_issuers i where i.slug = coalesce(set_billing_terms.issuer_slug, 'default');
  if set_billing_terms.issuer_slug is not null and v_issuer_id is null then
    perform app_private.raise_error('LB310', 'There is no such issuer.', 'invoice_issuers lists those there are.');
  end if;
  update app_public.billing_profiles p
     set tax_mode = coalesce(set_billing_terms.tax_mode, p.tax_mode),
         tax_rate = coalesce(set_billing_terms.tax_rate, p.tax_rate),
         collection_method = coalesce(set_billing_terms.collection_method, p.collection_method),
         issuer_id = case when set_billing_terms.issuer_slug is null then p.issuer_id else v_issuer_id end
   where p.tenant_id = v_profile.tenant_id
  returning * into v_profile;
  return v_profile;
end
$$;

ALTER FUNCTION app_public.set_billing_terms(tax_mode text, tax_rate numeric, collection_method text, issuer_slug text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.set_billing_terms(tax_mode text, tax_rate numeric, collection_method text, issuer_slug text) IS '@resultFieldName billingProfile
How this tenant is taxed (tax_mode standard, reverse_charge or none; tax_rate 0.19 for 19 %), collected from (automatic: its payment method is charged; invoice: it pays by itself within the issuer''s terms) and by whom it is billed. Platform staff. LB201: you are not; LB310: no such issuer; 23514: a value is out of range.';

CREATE FUNCTION app_public.set_default_payment_method(id uuid) RETURNS app_public.payment_methods
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_method app_public.payment_methods := app_private.method_of_mine(set_default_payment_method.id);
begin
  if v_method.status <> 'attached' then
    perform app_private.raise_error('LB523', 'The payment method is not attached.', 'See its status and failure_message; add it again.');
  end if;
  perform app_private.make_default(v_method.tenant_id, v_method.id);
  return app_private.method_of_mine(v_method.id);
end
$$;

ALTER FUNCTION app_public.set_default_payment_method(id uuid) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.set_default_payment_method(id uuid) IS '@resultFieldName paymentMethod
Makes this the payment method that invoices are charged to. Needs can_manage_billing. LB307: no such payment method; LB523: it is not attached; ID203: you lack the permission.';

CREATE TABLE app_public.llm_model_prices (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    model_id uuid NOT NULL,
    input_usd_per_million numeric NOT NULL,
    cached_input_usd_per_million numeric NOT NULL,
    output_usd_per_million numeric NOT NULL,
    reasoning_usd_per_million numeric NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    superseded_at timestamp with time zone,
    created_by_user_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT price_ends_after_it_begins CHECK ((valid_to > valid_from)),
    CONSTRAINT prices_are_in_range CHECK ((((input_usd_per_million >= (0)::numeric) AND (input_usd_per_million <= '1000000000'::numeric)) AND ((cached_input_usd_per_million >= (0)::numeric) AND (cached_input_usd_per_million <= '1000000000'::numeric)) AND ((output_usd_per_million >= (0)::numeric) AND (output_usd_per_million <= '1000000000'::numeric)) AND ((reasoning_usd_per_million >= (0)::numeric) AND (reasoning_usd_per_million <= '1000000000'::numeric))))
);

ALTER TABLE ONLY app_public.llm_model_prices FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_model_prices OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.llm_model_prices IS '@behavior -insert -update -delete
What models cost every tenant, USD per million tokens, from a date on. A cost that was computed names its price; later prices do not change it.';

COMMENT ON COLUMN app_public.llm_model_prices.model_id IS 'The model.';

COMMENT ON COLUMN app_public.llm_model_prices.input_usd_per_million IS 'A million input tokens that were not read from a cache, USD.';

COMMENT ON COLUMN app_public.llm_model_prices.cached_input_usd_per_million IS 'A million input tokens read from a cache, USD.';

COMMENT ON COLUMN app_public.llm_model_prices.output_usd_per_million IS 'A million output tokens, without those for reasoning, USD.';

COMMENT ON COLUMN app_public.llm_model_prices.reasoning_usd_per_million IS 'A million tokens for reasoning, USD.';

COMMENT ON COLUMN app_public.llm_model_prices.valid_from IS 'From when it holds.';

COMMENT ON COLUMN app_public.llm_model_prices.valid_to IS 'Until when it holds, excluded; null without an end.';

COMMENT ON COLUMN app_public.llm_model_prices.superseded_at IS 'When a correction took its place from its beginning on; null while it holds.';

COMMENT ON COLUMN app_public.llm_model_prices.created_by_user_id IS 'Who set it.';

COMMENT ON COLUMN app_public.llm_model_prices.created_at IS 'When it was set.';

CREATE FUNCTION app_public.set_llm_model_price(model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric, cached_input_usd_per_million numeric DEFAULT NULL::numeric, reasoning_usd_per_million numeric DEFAULT NULL::numeric, valid_from timestamp with time zone DEFAULT NULL::timestamp with time zone, valid_to timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS app_public.llm_model_prices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_from timestamptz := coalesce(set_llm_model_price.valid_from, app_hidden.clock());
  v_to timestamptz;
  v_price app_public.llm_model_prices;
begin
  perform app_private.require_price_setter();
  v_to := app_private.place_price('app_public.llm_model_prices', set_llm_model_price.model_id, v_from, set_llm_model_price.valid_to);
  insert into app_public.llm_model_prices (
    model_id, input_usd_per_million, output_usd_per_million, cached_input_usd_per_million, reasoning_usd_per_million,
    valid_from, valid_to, created_by_user_id)
  values (
    set_llm_model_price.model_id, set_llm_model_price.input_usd_per_million, set_llm_model_price.output_usd_per_million,
    coalesce(set_llm_model_price.cached_input_usd_per_million, set_llm_model_price.input_usd_per_million),
    coalesce(set_llm_model_price.reasoning_usd_per_million, set_llm_model_price.output_usd_per_million),
    v_from, v_to, app_hidden.current_user_id())
  returning * into v_price;
  return v_price;
end
$$;

ALTER FUNCTION app_public.set_llm_model_price(model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric, cached_input_usd_per_million numeric, reasoning_usd_per_million numeric, valid_from timestamp with time zone, valid_to timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.set_llm_model_price(model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric, cached_input_usd_per_million numeric, reasoning_usd_per_million numeric, valid_from timestamp with time zone, valid_to timestamp with time zone) IS '@resultFieldName price
Sets what a model costs every tenant from valid_from (now) until valid_to or the next price, in USD per million tokens. Cached input costs what input does and reasoning what output does unless said otherwise. A date in the past changes no cost that was computed: rerate_usage shows what would. Platform staff only. MT202: you are not; MT406: no such model; MT410: it ends before it begins; 23514: a price is negative or above 1e9.';

CREATE FUNCTION app_public.set_tenant_llm_model_price(model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric, cached_input_usd_per_million numeric DEFAULT NULL::numeric, reasoning_usd_per_million numeric DEFAULT NULL::numeric, valid_from timestamp with time zone DEFAULT NULL::timestamp with time zone, valid_to timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS app_public.llm_model_price_overrides
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_from timestamptz := coalesce(set_tenant_llm_model_price.valid_from, app_hidden.clock());
  v_to timestamptz;
  v_price app_public.llm_model_price_overrides;
begin
  perform app_private.require_price_setter();
  v_to := app_private.place_price('app_public.llm_model_price_overrides', set_tenant_llm_model_price.model_id, v_from,
    set_tenant_llm_model_price.valid_to);
  insert into app_public.llm_model_price_overrides (
    tenant_id, model_id, input_usd_per_million, output_usd_per_million, cached_input_usd_per_million,
    reasoning_usd_per_million, valid_from, valid_to, created_by_user_id)
  values (
    app_hidden.current_tenant_id(), set_tenant_llm_model_price.model_id, set_tenant_llm_model_price.input_usd_per_million,
    set_tenant_llm_model_price.output_usd_per_million,
    coalesce(set_tenant_llm_model_price.cached_input_usd_per_million, set_tenant_llm_model_price.input_usd_per_million),
    coalesce(set_tenant_llm_model_price.reasoning_usd_per_million, set_tenant_llm_model_price.output_usd_per_million),
    v_from, v_to, app_hidden.current_user_id())
  returning * into v_price;
  return v_price;
end
$$;

ALTER FUNCTION app_public.set_tenant_llm_model_price(model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric, cached_input_usd_per_million numeric, reasoning_usd_per_million numeric, valid_from timestamp with time zone, valid_to timestamp with time zone) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.set_tenant_llm_model_price(model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric, cached_input_usd_per_million numeric, reasoning_usd_per_million numeric, valid_from timestamp with time zone, valid_to timestamp with time zone) IS '@resultFieldName price
Sets what a model costs the tenant you act in, instead of what it costs everybody; otherwise as setLlmModelPrice. Platform staff only. MT202: you are not; MT406: no such model; MT410: it ends before it begins; 23514: a price is negative or above 1e9.';

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

CREATE FUNCTION app_public.start_subscription(plan text, billing_cycle app_public.billing_cycle_enum DEFAULT 'monthly'::app_public.billing_cycle_enum, skip_trial boolean DEFAULT false) RETURNS app_public.subscriptions
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles := app_private.begin_billing();
  v_plan app_public.plans := app_private.plan_by_slug(start_subscription.plan);
  v_price app_public.plan_prices;
  v_now timestamptz := app_hidden.clock();
  v_timezone text;
  v_today date;
  v_has_trial boolean;
  v_period tstzrange;
  v_trial_ends_at timestamptz;
  v_subscription app_public.subscriptions;
begin
  if exists (select from app_public.subscriptions s where s.tenant_id = v_profile.tenant_id and s.ended_at is null) then
    perform app_private.raise_error('LB507', 'This tenant has a subscription already.', 'Change it with change_plan, or cancel it first.');
  end if;
  if start_subscription.billing_cycle is null then
    perform app_private.raise_error('LB403', 'The billing cycle is missing.', 'Give monthly or annual.');
  end if;
  v_price := app_private.plan_price_at(v_plan.id, v_profile.currency, start_subscription.billing_cycle, v_now);
  perform from app_public.plan_prices p where p.id = v_price.id for key share;
  select t.timezone into v_timezone from app_public.tenants t where t.id = v_profile.tenant_id;
  v_today := (v_now at time zone v_timezone)::date;
  -- one trial a tenant, ever
  v_has_trial := v_plan.trial_days > 0 and not coalesce(start_subscription.skip_trial, false) and not exists (
    select from app_public.subscriptions s where s.tenant_id = v_profile.tenant_id and s.trial_ends_at is not null);
  if v_has_trial then
    -- whole days: the rest of the first one comes on top
    v_trial_ends_at := (v_today + v_plan.trial_days + 1)::timestamp at time zone v_timezone;
    v_period := tstzrange(v_now, v_trial_ends_at);
  else
    if v_price.amount > 0 and not app_private.can_be_charged(v_profile.tenant_id) then
      perform app_private.raise_error('LB508', 'There is no way to be paid yet.',
        'Add a payment method with add_payment_method, or ask the platform''s staff for payment by invoice.');
    end if;
    v_period := app_hidden.billing_period(v_now, v_today, v_timezone, case start_subscription.billing_cycle when 'annual' then 12 else 1 end);
  end if;
  insert into app_public.subscriptions (
    tenant_id, plan_id, price_id, billing_cycle, currency, status, timezone, anchor_on, started_at, trial_ends_at,
    current_period_start, current_period_end, usage_since)
  values (
    v_profile.tenant_id, v_plan.id, v_price.id, start_subscription.billing_cycle, v_profile.currency,
    case when v_has_trial then 'trialing' else 'active' end::app_public.subscription_status_enum, v_timezone, v_today, v_now,
    v_trial_ends_at, lower(v_period), upper(v_period), v_now)
  returning * into v_subscription;
  if not v_has_trial then
    perform app_private.bill_period(v_subscription, null);
  end if;
  perform app_private.notify_billing(v_profile.tenant_id, 'subscription_started', v_subscription.id::text,
    format('The subscription to %s has begun.', v_plan.name), v_subscription.id);
  return v_subscription;
end
$$;

ALTER FUNCTION app_public.start_subscription(plan text, billing_cycle app_public.billing_cycle_enum, skip_trial boolean) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.start_subscription(plan text, billing_cycle app_public.billing_cycle_enum, skip_trial boolean) IS '@resultFieldName subscription
Subscribes this tenant to a plan (by slug), with the plan''s trial when the tenant never had one. Without a trial the first invoice is made at once. Needs can_manage_billing. LB301: no such plan; LB302: it has no such price; LB403: no cycle; LB507: there is a subscription; LB508: neither a payment method nor payment by invoice; ID203: you lack the permission.';

CREATE FUNCTION app_public.update_billing_profile(legal_name text DEFAULT NULL::text, email text DEFAULT NULL::text, address text DEFAULT NULL::text, country_code text DEFAULT NULL::text, tax_number text DEFAULT NULL::text, currency text DEFAULT NULL::text) RETURNS app_public.billing_profiles
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_profile app_public.billing_profiles := app_private.begin_billing();
begin
  if update_billing_profile.currency <> v_profile.currency and (
       exists (select from app_public.subscriptions s where s.tenant_id = v_profile.tenant_id and s.ended_at is null)
       or app_private.credit_balance(v_profile.tenant_id) <> 0) then
    perform app_private.raise_error('LB503', 'The currency cannot change while there is a subscription or a credit balance.',
      'Cancel the subscription first, or ask the platform''s staff.');
  end if;
  update app_public.billing_profiles p
     set legal_name = coalesce(update_billing_profile.legal_name, p.legal_name),
         email = coalesce(lower(update_billing_profile.email), p.email),
         address = coalesce(update_billing_profile.address, p.address),
         country_code = coalesce(update_billing_profile.country_code, p.country_code),
         tax_number = coalesce(update_billing_profile.tax_number, p.tax_number),
         currency = coalesce(update_billing_profile.currency, p.currency)
   where p.tenant_id = v_profile.tenant_id
  returning * into v_profile;
  return v_profile;
end
$$;

ALTER FUNCTION app_public.update_billing_profile(legal_name text, email text, address text, country_code text, tax_number text, currency text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.update_billing_profile(legal_name text, email text, address text, country_code text, tax_number text, currency text) IS '@resultFieldName billingProfile
Changes who is billed; what is not given stays. It shows on invoices finalised from now on. Needs can_manage_billing. LB503: the currency is in use; ID203: you lack the permission; 23514: a value is out of range.';

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

CREATE FUNCTION app_public.usage_by_day() RETURNS TABLE(used_on date, metric text, quantity numeric, cost numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_shown record;
begin
  v_shown := app_private.begin_overview();
  return query
    select d.used_on, d.usage_type, sum(d.quantity), sum(d.cost)
      from app_private.usage_days d
     where d.tenant_id = app_hidden.current_tenant_id() and d.used_on between v_shown.first_day and v_shown.last_day
     group by 1, 2 order by 1, 2;
end
$$;

ALTER FUNCTION app_public.usage_by_day() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.usage_by_day() IS 'What this tenant used in the period of usage_overview on each day of its time zone, by type; cost in US dollars. Needs can_view_analytics. ID203: you lack the permission.';

CREATE FUNCTION app_public.usage_by_model() RETURNS TABLE(model_id uuid, model_name text, metric text, quantity numeric, cost numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_shown record;
begin
  v_shown := app_private.begin_overview();
  return query
    select d.model_id, m.name, d.usage_type, sum(d.quantity), sum(d.cost)
      from app_private.usage_days d left join app_public.llm_models m on m.id = d.model_id
     where d.tenant_id = app_hidden.current_tenant_id() and d.used_on between v_shown.first_day and v_shown.last_day
       and d.model_id is not null
     group by 1, 2, 3 order by 2, 3;
end
$$;

ALTER FUNCTION app_public.usage_by_model() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.usage_by_model() IS 'What this tenant used of each model in the period of usage_overview, by type; cost in US dollars; model_name is null for a model that is gone. Needs can_view_analytics. ID203: you lack the permission.';

CREATE FUNCTION app_public.usage_overview() RETURNS TABLE(metric text, display_name text, unit text, used numeric, included numeric, quota_limit numeric, forecast numeric, period_start timestamp with time zone, period_end timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_now timestamptz := app_hidden.clock();
  v_shown record;
  v_elapsed numeric;
begin
  v_shown := app_private.begin_overview();
  v_elapsed := extract(epoch from v_now - lower(v_shown.period)) / extract(epoch from upper(v_shown.period) - lower(v_shown.period));
  return query
    with days as (
      select d.usage_type, sum(d.quantity) as quantity, sum(d.cost) as cost
        from app_private.usage_days d
       where d.tenant_id = v_tenant_id and d.used_on between v_shown.first_day and v_shown.last_day
       group by d.usage_type
    ), components as (
      select c.usage_type, c.included_quantity
        from app_public.subscriptions s join app_public.plan_price_components c on c.price_id = s.price_id
       where s.tenant_id = v_tenant_id and s.ended_at is null
    ), metrics as (
      select t.name as metric, t.display_name, t.unit, coalesce(d.quantity, 0) as used, c.included_quantity as included,
             case t.name when 'api_call' then 'api_calls' end as quota_type
        from app_public.usage_types t left join days d on d.usage_type = t.name left join components c on c.usage_type = t.name
       where d.usage_type is not null or c.usage_type is not null
      union all
      select 'tokens', 'Tokens of language models', 'token', coalesce(sum(d.quantity), 0), null, 'tokens'
        from days d join app_public.usage_types t on t.name = d.usage_type and t.token_class is not null
      union all
      select 'cost', 'Cost of language models', 'USD', coalesce(sum(d.cost), 0), null, 'cost' from days d
    )
    select m.metric, m.display_name, m.unit, m.used, m.included,
           (select min(l.quota_limit) from app_private.quota_limits(array[v_tenant_id], v_tenant_id, m.quota_type) l
             where l.quota_scope = 'tenant' and l.period = 'billing'),
           -- as it went so far; early in a period one busy hour counts for much
           round(case when v_elapsed > 0 then m.used / least(v_elapsed, 1) else m.used end, 2),
           lower(v_shown.period), upper(v_shown.period)
      from metrics m
    union all
    -- what is counted stays as it is
    select c.quota_type, initcap(c.quota_type), case c.quota_type when 'storage' then 'byte' else rtrim(c.quota_type, 's') end,
           c.current_usage, null, c.quota_limit, c.current_usage, lower(v_shown.period), upper(v_shown.period)
      from app_public.quota_tracking c
     where c.tenant_id = v_tenant_id and c.quota_scope = 'tenant' and not c.includes_subtree and c.period = 'none'
     order by 1;
end
$$;

ALTER FUNCTION app_public.usage_overview() OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.usage_overview() IS 'What this tenant used in the billing period under way (without a subscription, in the calendar month), as of the last minute: used; included, what its plan''s price includes; quota_limit, the strictest of its quotas for a billing period; forecast, used divided by the share of the period that has passed. Rows for each type of use that occurred or is priced, for tokens and cost (US dollars) altogether, and for what is counted: users, agents, documents, storage. Needs can_view_analytics. ID203: you lack the permission.';

CREATE FUNCTION app_public.verify_rollups(from_on date DEFAULT NULL::date, to_on date DEFAULT NULL::date) RETURNS TABLE(rollup text, key jsonb, expected jsonb, stored jsonb)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_timezone text;
  v_from_at timestamptz;
  v_to_at timestamptz;
  -- when a row was written is no part of what was counted
  v_times constant text[] := '{created_at,updated_at}';
  v_day constant text[] := '{tenant_id,used_on,usage_type,user_id,agent_id,api_key_id,project_id,model_id,feature_name}';
  v_minute constant text[] := '{tenant_id,minute,user_id,agent_id,api_key_id}';
  v_agent constant text[] := '{tenant_id,agent_id}';
begin
  perform app_private.require_permission('can_view_analytics');
  -- the zone in which the days were counted; when the tenant moves, the next run counts them anew
  select coalesce(s.timezone, t.timezone) into v_timezone
    from app_public.tenants t left join app_private.usage_rollup_state s on s.tenant_id = t.id
   where t.id = v_tenant_id;
  v_from_at := coalesce(verify_rollups.from_on::timestamp at time zone v_timezone, '-infinity');
  v_to_at := coalesce(verify_rollups.to_on::timestamp at time zone v_timezone, 'infinity');

  return query
    with expected as (
      select 'usage_days' as name, v_day as keys, to_jsonb(e) - v_times as row
        from app_private.usage_by_day(null, v_from_at, v_to_at, v_timezone) e
      union all
      select 'usage_minutes', v_minute, to_jsonb(e) - v_times from app_private.usage_by_minute(null, v_from_at, v_to_at) e
      union all
      select 'usage_agents', v_agent, to_jsonb(e) from app_private.agent_totals_of_days() e
    ), found as (
      select 'usage_days' as name, v_day as keys, to_jsonb(d) - v_times as row
        from app_private.usage_days d
       where d.tenant_id = v_tenant_id
         and d.used_on >= coalesce(verify_rollups.from_on, '-infinity') and d.used_on < coalesce(verify_rollups.to_on, 'infinity')
      union all
      select 'usage_minutes', v_minute, to_jsonb(m) - v_times
        from app_private.usage_minutes m
       where m.tenant_id = v_tenant_id and m.minute >= v_from_at and m.minute < v_to_at
      union all
      select 'usage_agents', v_agent, to_jsonb(a) from app_private.usage_agents a where a.tenant_id = v_tenant_id
    )
    select name, key, e.values, f.values
      from (select name, app_private.only_keys(row, keys) as key, row - keys as values from expected) e
      full join (select name, app_private.only_keys(row, keys) as key, row - keys as values from found) f using (name, key)
     where e.values is distinct from f.values
     order by name, key;
end
$$;

ALTER FUNCTION app_public.verify_rollups(from_on date, to_on date) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.verify_rollups(from_on date, to_on date) IS 'Compares what was rolled up with the events it was made of, day by day (the last one excluded; all days when left out): a row for each difference, normally none. Events that the next run will count are left out on both sides. Reads all events of these days. For those with can_view_analytics. ID203: you have it not.';

CREATE FUNCTION app_public.void_invoice(id uuid, reason text) RETURNS app_public.invoices
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_invoice app_public.invoices;
  v_used numeric;
begin
  perform app_private.require_staff();
  perform app_private.lock_billing(app_hidden.current_tenant_id());
  v_invoice := app_private.open_document(void_invoice.id);
  if v_invoice.status not in ('finalised', 'uncollectible') or v_invoice.amount_paid > 0
     or exists (select from app_public.invoices c where c.tenant_id = v_invoice.tenant_id and c.credited_invoice_id = v_invoice.id)
     or exists (select from app_public.payments p where p.tenant_id = v_invoice.tenant_id and p.invoice_id = v_invoice.id and p.status = 'pending') then
    perform app_private.raise_error('LB518', 'Only a finalised invoice that nothing was paid or credited for can be voided.', 'Write a credit note instead.');
  end if;
  v_used := v_invoice.amount_credited;
  update app_public.invoices i
     set status = 'void', voided_at = app_hidden.clock(), void_reason = coalesce(nullif(trim(void_invoice.reason), ''), '-'), next_attempt_at = null
   where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id returning * into v_invoice;
  if v_used > 0 then
    insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id, occurred_at)
    values (v_invoice.tenant_id, v_invoice.currency, v_used, 'released', v_invoice.id, app_hidden.clock());
  end if;
  perform app_private.follow_payment(v_invoice.tenant_id);
  return v_invoice;
end
$$;

ALTER FUNCTION app_public.void_invoice(id uuid, reason text) OWNER TO rowhouse_owner;

COMMENT ON FUNCTION app_public.void_invoice(id uuid, reason text) IS '@resultFieldName invoice
Takes back an invoice that was never paid; it keeps its number, and credit it had used is there again. Platform staff. LB201: you are not; LB304: no such invoice; LB518: it was paid or credited in part, or is not open.';

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

CREATE TABLE app_private.invoice_counters (
    issuer_id uuid NOT NULL,
    series text NOT NULL,
    last_number bigint DEFAULT 0 NOT NULL,
    CONSTRAINT series_is_known CHECK ((series = ANY (ARRAY['invoice'::text, 'credit_note'::text])))
);

ALTER TABLE ONLY app_private.invoice_counters FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.invoice_counters OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.invoice_counters IS 'The last number of each issuer and series; locked while a document takes the next.';

CREATE TABLE app_private.invoice_documents (
    tenant_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    html text NOT NULL,
    pdf bytea NOT NULL,
    rendered_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_private.invoice_documents FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.invoice_documents OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.invoice_documents IS 'Rendered invoices.';

CREATE TABLE app_private.invoice_numbers (
    issuer_id uuid NOT NULL,
    series text NOT NULL,
    sequence_number bigint NOT NULL,
    document_id uuid NOT NULL,
    issued_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY app_private.invoice_numbers FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.invoice_numbers OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.invoice_numbers IS 'Every number ever given, and to which document; also of tenants deleted since.';

CREATE TABLE app_private.llm_calls_default (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    provider_id uuid,
    provider text,
    model_id uuid,
    model text NOT NULL,
    model_config_id uuid,
    agent_id uuid,
    agent_name text,
    user_id uuid,
    user_name text,
    project_id uuid,
    api_key_id uuid,
    conversation_id uuid,
    panel_id uuid,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    prompt_tokens bigint GENERATED ALWAYS AS ((input_tokens + cached_input_tokens)) STORED NOT NULL,
    completion_tokens bigint GENERATED ALWAYS AS ((output_tokens + reasoning_tokens)) STORED NOT NULL,
    total_tokens bigint GENERATED ALWAYS AS ((((input_tokens + cached_input_tokens) + output_tokens) + reasoning_tokens)) STORED NOT NULL,
    price_id uuid,
    input_cost numeric,
    output_cost numeric,
    total_cost numeric GENERATED ALWAYS AS ((input_cost + output_cost)) STORED,
    is_priced boolean GENERATED ALWAYS AS ((price_id IS NOT NULL)) STORED NOT NULL,
    response_time_ms integer,
    time_to_first_token_ms integer,
    temperature numeric(3,2),
    max_tokens integer,
    top_p numeric(3,2),
    finish_reason text,
    function_call jsonb,
    success boolean DEFAULT true NOT NULL,
    error_type text,
    error_message text,
    batch_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT costs_name_their_price CHECK ((((input_cost IS NULL) = (price_id IS NULL)) AND ((output_cost IS NULL) = (price_id IS NULL)))),
    CONSTRAINT error_message_is_bounded CHECK ((length(error_message) <= 10000)),
    CONSTRAINT error_type_is_short CHECK ((length(error_type) <= 100)),
    CONSTRAINT finish_reason_is_short CHECK ((length(finish_reason) <= 50)),
    CONSTRAINT max_tokens_is_positive CHECK ((max_tokens > 0)),
    CONSTRAINT response_time_ms_is_not_negative CHECK ((response_time_ms >= 0)),
    CONSTRAINT temperature_is_in_range CHECK (((temperature >= (0)::numeric) AND (temperature <= (2)::numeric))),
    CONSTRAINT time_to_first_token_ms_is_not_negative CHECK ((time_to_first_token_ms >= 0)),
    CONSTRAINT tokens_are_in_range CHECK ((((input_tokens >= 0) AND ((input_tokens)::numeric <= '1000000000'::numeric)) AND ((cached_input_tokens >= 0) AND ((cached_input_tokens)::numeric <= '1000000000'::numeric)) AND ((output_tokens >= 0) AND ((output_tokens)::numeric <= '1000000000'::numeric)) AND ((reasoning_tokens >= 0) AND ((reasoning_tokens)::numeric <= '1000000000'::numeric)))),
    CONSTRAINT top_p_is_a_probability CHECK (((top_p >= (0)::numeric) AND (top_p <= (1)::numeric)))
);

ALTER TABLE ONLY app_private.llm_calls_default FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.llm_calls_default OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.llm_calls_default IS 'Calls of months that have no partition; the task moves them.';

CREATE TABLE app_private.llm_texts_default (
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    user_id uuid,
    prompt_text text,
    system_prompt text,
    completion_text text
);

ALTER TABLE ONLY app_private.llm_texts_default FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.llm_texts_default OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.llm_texts_default IS 'Texts of months that have no partition; the task moves them.';

CREATE TABLE app_private.payment_customers (
    tenant_id uuid NOT NULL,
    provider text NOT NULL,
    customer_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_private.payment_customers FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.payment_customers OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.payment_customers IS 'By which key a payment provider knows a tenant.';

CREATE TABLE app_private.payment_events (
    provider text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    outcome text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT outcome_is_known CHECK ((outcome = ANY (ARRAY['applied'::text, 'ignored'::text, 'unknown'::text])))
);

ALTER TABLE ONLY app_private.payment_events FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.payment_events OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.payment_events IS 'What payment providers told us, once an event, with what became of it: applied, ignored or unknown.';

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

CREATE SEQUENCE app_private.usage_batches
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE app_private.usage_batches OWNER TO rowhouse_owner;

CREATE TABLE app_private.usage_events_default (
    tenant_id uuid NOT NULL,
    batch_id bigint NOT NULL,
    ordinal integer NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    usage_type text NOT NULL,
    quantity numeric NOT NULL,
    user_id uuid,
    agent_id uuid,
    project_id uuid,
    api_key_id uuid,
    model_id uuid,
    feature_name text,
    outcome app_public.usage_outcome,
    duration_ms integer,
    cost numeric,
    price_id uuid,
    is_unpriced boolean DEFAULT false NOT NULL,
    adjusts_period tstzrange,
    rerates_batch_id bigint,
    rerates_ordinal integer,
    idempotency_key text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT cost_is_bounded CHECK (((cost > '-1000000000000000'::numeric) AND (cost < '1000000000000000'::numeric))),
    CONSTRAINT cost_names_its_price CHECK (((cost IS NULL) = (price_id IS NULL))),
    CONSTRAINT duration_ms_is_not_negative CHECK ((duration_ms >= 0)),
    CONSTRAINT metadata_is_an_object CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    CONSTRAINT quantity_is_positive_and_bounded CHECK (((quantity <= '1000000000000000000'::numeric) AND ((quantity > (0)::numeric) OR ((quantity = (0)::numeric) AND (rerates_batch_id IS NOT NULL)))))
);

ALTER TABLE ONLY app_private.usage_events_default FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_events_default OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.usage_events_default IS 'Events of months that have no partition; the task moves them.';

CREATE TABLE app_private.usage_idempotency_keys (
    tenant_id uuid NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    payload_hash bytea NOT NULL,
    batch_id bigint NOT NULL,
    ordinal integer NOT NULL,
    occurred_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY app_private.usage_idempotency_keys FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_idempotency_keys OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.usage_idempotency_keys IS 'For each idempotency key what it stands for (a hash of the event as it was given) and the event it made. For ever.';

CREATE TABLE app_private.usage_minutes_default (
    tenant_id uuid NOT NULL,
    minute timestamp with time zone NOT NULL,
    user_id uuid,
    agent_id uuid,
    api_key_id uuid,
    request_count numeric NOT NULL,
    token_count numeric NOT NULL,
    cost numeric NOT NULL,
    consultation_count numeric NOT NULL,
    panel_count numeric NOT NULL,
    workflow_count numeric NOT NULL,
    tool_call_count numeric NOT NULL,
    duration_ms bigint NOT NULL,
    timed_count bigint NOT NULL,
    success_count bigint NOT NULL,
    error_count bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_private.usage_minutes_default FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_minutes_default OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.usage_minutes_default IS 'Minutes of months that have no partition; the task moves them.';

CREATE TABLE app_private.usage_queue (
    tenant_id uuid NOT NULL,
    batch_id bigint NOT NULL,
    event_count integer NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY app_private.usage_queue FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_queue OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.usage_queue IS 'Batches that the roll-ups have not counted yet, each with the times of its first and last event.';

CREATE TABLE app_private.usage_rollup_state (
    tenant_id uuid NOT NULL,
    timezone text NOT NULL,
    rolled_up_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY app_private.usage_rollup_state FORCE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_rollup_state OWNER TO rowhouse_owner;

COMMENT ON TABLE app_private.usage_rollup_state IS 'In which time zone a tenant''s days were counted, and when last.';

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

CREATE TABLE app_public.billing_notices (
    tenant_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    kind text NOT NULL,
    subject_key text NOT NULL,
    subscription_id uuid,
    invoice_id uuid,
    message text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT kind_is_known CHECK ((kind = ANY (ARRAY['trial_ending'::text, 'trial_expired'::text, 'subscription_started'::text, 'subscription_renewed'::text, 'subscription_paused'::text, 'subscription_ended'::text, 'invoice_finalised'::text, 'invoice_overdue'::text, 'payment_failed'::text, 'payment_succeeded'::text, 'invoice_uncollectible'::text])))
);

ALTER TABLE ONLY app_public.billing_notices FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.billing_notices OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.billing_notices IS '@behavior -insert -update -delete -single
What happened in this tenant''s billing that people must learn of, each once. For those with can_manage_billing.';

COMMENT ON COLUMN app_public.billing_notices.kind IS 'trial_ending, trial_expired, subscription_started, subscription_renewed, subscription_paused, subscription_ended, invoice_finalised, invoice_overdue, payment_failed, payment_succeeded or invoice_uncollectible.';

COMMENT ON COLUMN app_public.billing_notices.subject_key IS '@behavior -*
What it is once for.';

COMMENT ON COLUMN app_public.billing_notices.subscription_id IS 'The subscription it is about.';

COMMENT ON COLUMN app_public.billing_notices.invoice_id IS 'The invoice it is about.';

COMMENT ON COLUMN app_public.billing_notices.message IS 'In words.';

COMMENT ON COLUMN app_public.billing_notices.occurred_at IS 'When.';

COMMENT ON COLUMN app_public.billing_notices.created_at IS 'When it was made.';

CREATE VIEW app_public.cost_tracking WITH (security_invoker='true') AS
 SELECT app_hidden.derived_id((ROW(d.tenant_id, d.used_on, d.project_id, d.agent_id, d.user_id, d.model_id))::text) AS id,
    d.tenant_id,
    d.used_on,
    d.project_id,
    d.agent_id,
    d.user_id,
    d.model_id,
    COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'llm_call'::text)), (0)::numeric) AS llm_call_count,
    COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'input_tokens'::text)), (0)::numeric) AS input_tokens,
    COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'cached_input_tokens'::text)), (0)::numeric) AS cached_input_tokens,
    COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'output_tokens'::text)), (0)::numeric) AS output_tokens,
    COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'reasoning_tokens'::text)), (0)::numeric) AS reasoning_tokens,
    sum(d.cost) AS total_cost,
    min(d.created_at) AS created_at,
    max(d.updated_at) AS updated_at
   FROM app_private.usage_days d
  GROUP BY d.tenant_id, d.used_on, d.project_id, d.agent_id, d.user_id, d.model_id;

ALTER TABLE app_public.cost_tracking OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.cost_tracking IS '@primaryKey id
What tokens cost, by calendar day of the tenant, project, agent, user and model. A minute behind. You see your own; the whole tenant''s with can_view_analytics.';

COMMENT ON COLUMN app_public.cost_tracking.used_on IS 'The day.';

COMMENT ON COLUMN app_public.cost_tracking.project_id IS 'The project, null for none.';

COMMENT ON COLUMN app_public.cost_tracking.agent_id IS 'The agent, null for none.';

COMMENT ON COLUMN app_public.cost_tracking.model_id IS 'The language model, null for none.';

COMMENT ON COLUMN app_public.cost_tracking.llm_call_count IS 'Calls of the model.';

COMMENT ON COLUMN app_public.cost_tracking.input_tokens IS 'Input tokens that were not read from a cache.';

COMMENT ON COLUMN app_public.cost_tracking.cached_input_tokens IS 'Input tokens read from a cache.';

COMMENT ON COLUMN app_public.cost_tracking.output_tokens IS 'Output tokens, without those for reasoning.';

COMMENT ON COLUMN app_public.cost_tracking.reasoning_tokens IS 'Tokens for reasoning.';

COMMENT ON COLUMN app_public.cost_tracking.total_cost IS 'USD, not rounded, corrections included.';

COMMENT ON COLUMN app_public.cost_tracking.created_at IS 'When it was first counted.';

COMMENT ON COLUMN app_public.cost_tracking.updated_at IS 'When it was last counted.';

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

CREATE VIEW app_public.feature_usage WITH (security_invoker='true') AS
 SELECT app_hidden.derived_id((ROW(d.tenant_id, d.feature_name, d.used_on))::text) AS id,
    d.tenant_id,
    d.feature_name,
    d.used_on AS usage_date,
    sum(d.event_count) AS usage_count,
    (count(DISTINCT d.user_id))::integer AS unique_users,
    round((sum(d.duration_ms) / (1000)::numeric), 3) AS total_duration_seconds,
    sum(d.success_count) AS success_count,
    sum(d.error_count) AS error_count,
    sum(d.abandon_count) AS abandon_count,
    min(d.created_at) AS created_at
   FROM app_private.usage_days d
  WHERE (d.feature_name IS NOT NULL)
  GROUP BY d.tenant_id, d.feature_name, d.used_on;

ALTER TABLE app_public.feature_usage OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.feature_usage IS '@primaryKey id
How the features of the product are used, by calendar day of the tenant. A minute behind. With can_view_analytics the whole tenant''s, else your own.';

COMMENT ON COLUMN app_public.feature_usage.feature_name IS 'The feature.';

COMMENT ON COLUMN app_public.feature_usage.usage_date IS 'The day.';

COMMENT ON COLUMN app_public.feature_usage.usage_count IS 'How often it was used.';

COMMENT ON COLUMN app_public.feature_usage.unique_users IS 'By how many different people.';

COMMENT ON COLUMN app_public.feature_usage.total_duration_seconds IS 'For how long in all, seconds.';

COMMENT ON COLUMN app_public.feature_usage.success_count IS 'Uses that succeeded.';

COMMENT ON COLUMN app_public.feature_usage.error_count IS 'Uses that ended in an error.';

COMMENT ON COLUMN app_public.feature_usage.abandon_count IS 'Uses that were abandoned.';

COMMENT ON COLUMN app_public.feature_usage.created_at IS 'When it was first counted.';

CREATE TABLE app_public.invoice_issuers (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    address text,
    tax_number text,
    number_prefix text DEFAULT 'INV-'::text NOT NULL,
    credit_note_prefix text DEFAULT 'CN-'::text NOT NULL,
    payment_terms_days integer DEFAULT 14 NOT NULL,
    draft_hours integer DEFAULT 1 NOT NULL,
    footer text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT draft_hours_is_in_range CHECK (((draft_hours >= 0) AND (draft_hours <= 720))),
    CONSTRAINT name_is_a_name CHECK (app_hidden.is_name(name)),
    CONSTRAINT payment_terms_days_is_in_range CHECK (((payment_terms_days >= 0) AND (payment_terms_days <= 365))),
    CONSTRAINT prefixes_are_short CHECK (((number_prefix ~ '^[A-Za-z0-9/-]{0,20}$'::text) AND (credit_note_prefix ~ '^[A-Za-z0-9/-]{0,20}$'::text))),
    CONSTRAINT slug_is_a_slug CHECK (app_hidden.is_slug(slug))
);

ALTER TABLE ONLY app_public.invoice_issuers FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.invoice_issuers OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.invoice_issuers IS 'The companies that bill. Platform staff only. Each numbers its documents without gaps.';

COMMENT ON COLUMN app_public.invoice_issuers.slug IS 'Key, unique; the one called default bills whom nobody else does.';

COMMENT ON COLUMN app_public.invoice_issuers.name IS 'Name on the invoice.';

COMMENT ON COLUMN app_public.invoice_issuers.address IS 'Address on the invoice.';

COMMENT ON COLUMN app_public.invoice_issuers.tax_number IS 'Tax number on the invoice.';

COMMENT ON COLUMN app_public.invoice_issuers.number_prefix IS 'What invoice numbers begin with.';

COMMENT ON COLUMN app_public.invoice_issuers.credit_note_prefix IS 'What numbers of credit notes begin with; use another than for invoices.';

COMMENT ON COLUMN app_public.invoice_issuers.payment_terms_days IS 'Days to pay an invoice that is not charged, 0 to 365.';

COMMENT ON COLUMN app_public.invoice_issuers.draft_hours IS 'Hours an invoice with usage stays a draft after the period, so that late events come in, 0 to 720.';

COMMENT ON COLUMN app_public.invoice_issuers.footer IS 'Text below the invoice.';

COMMENT ON COLUMN app_public.invoice_issuers.created_at IS 'When it was made.';

COMMENT ON COLUMN app_public.invoice_issuers.updated_at IS 'When it last changed.';

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

CREATE VIEW app_public.llm_usage_logs WITH (security_invoker='true') AS
 SELECT c.id,
    c.tenant_id,
    c.occurred_at,
    c.provider_id,
    c.provider,
    c.model_id,
    c.model,
    c.model_config_id,
    c.agent_id,
    c.agent_name,
    c.user_id,
    c.user_name,
    c.project_id,
    c.api_key_id,
    c.conversation_id,
    c.panel_id,
    c.input_tokens,
    c.cached_input_tokens,
    c.output_tokens,
    c.reasoning_tokens,
    c.prompt_tokens,
    c.completion_tokens,
    c.total_tokens,
    c.price_id,
    c.is_priced,
    c.input_cost,
    c.output_cost,
    c.total_cost,
    c.response_time_ms,
    c.time_to_first_token_ms,
    c.temperature,
    c.max_tokens,
    c.top_p,
    c.finish_reason,
    c.function_call,
    c.success,
    c.error_type,
    c.error_message,
    c.batch_id,
    x.prompt_text,
    x.system_prompt,
    x.completion_text,
    c.created_at
   FROM (app_private.llm_calls c
     LEFT JOIN app_private.llm_texts x ON (((x.tenant_id = c.tenant_id) AND (x.occurred_at = c.occurred_at) AND (x.call_id = c.id))));

ALTER TABLE app_public.llm_usage_logs OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.llm_usage_logs IS '@primaryKey tenant_id,id
Calls of language models; recordLlmUsage writes them. The names of agent, model and user are those at the time, so that history outlives what it names. You see your own; the whole tenant''s with can_view_analytics, its texts with can_view_audit.';

COMMENT ON COLUMN app_public.llm_usage_logs.occurred_at IS 'When the call was made.';

COMMENT ON COLUMN app_public.llm_usage_logs.provider_id IS 'The provider of the model.';

COMMENT ON COLUMN app_public.llm_usage_logs.provider IS 'Name of the provider at the time.';

COMMENT ON COLUMN app_public.llm_usage_logs.model_id IS 'The model; null when the catalogue did not know it.';

COMMENT ON COLUMN app_public.llm_usage_logs.model IS 'Name of the model at the time.';

COMMENT ON COLUMN app_public.llm_usage_logs.model_config_id IS 'The configuration it was called with, as the caller names it.';

COMMENT ON COLUMN app_public.llm_usage_logs.agent_id IS 'The agent that called it.';

COMMENT ON COLUMN app_public.llm_usage_logs.agent_name IS 'Name of the agent at the time.';

COMMENT ON COLUMN app_public.llm_usage_logs.user_name IS 'Name of the person at the time.';

COMMENT ON COLUMN app_public.llm_usage_logs.project_id IS 'The project it was for.';

COMMENT ON COLUMN app_public.llm_usage_logs.api_key_id IS 'The API key it came with.';

COMMENT ON COLUMN app_public.llm_usage_logs.conversation_id IS 'The conversation it belongs to.';

COMMENT ON COLUMN app_public.llm_usage_logs.panel_id IS 'The panel discussion it belongs to.';

COMMENT ON COLUMN app_public.llm_usage_logs.input_tokens IS 'Input tokens that were not read from a cache.';

COMMENT ON COLUMN app_public.llm_usage_logs.cached_input_tokens IS 'Input tokens read from a cache.';

COMMENT ON COLUMN app_public.llm_usage_logs.output_tokens IS 'Output tokens, without those for reasoning.';

COMMENT ON COLUMN app_public.llm_usage_logs.reasoning_tokens IS 'Tokens for reasoning.';

COMMENT ON COLUMN app_public.llm_usage_logs.prompt_tokens IS 'input_tokens + cached_input_tokens.';

COMMENT ON COLUMN app_public.llm_usage_logs.completion_tokens IS 'output_tokens + reasoning_tokens.';

COMMENT ON COLUMN app_public.llm_usage_logs.total_tokens IS 'prompt_tokens + completion_tokens.';

COMMENT ON COLUMN app_public.llm_usage_logs.price_id IS 'The price its cost was computed by: a row of llm_model_prices or llm_model_price_overrides.';

COMMENT ON COLUMN app_public.llm_usage_logs.is_priced IS 'Whether a price held for the model when it was recorded.';

COMMENT ON COLUMN app_public.llm_usage_logs.input_cost IS 'What the prompt cost, USD, not rounded.';

COMMENT ON COLUMN app_public.llm_usage_logs.output_cost IS 'What the completion cost, USD, not rounded.';

COMMENT ON COLUMN app_public.llm_usage_logs.total_cost IS 'input_cost + output_cost; null while the model has no price.';

COMMENT ON COLUMN app_public.llm_usage_logs.response_time_ms IS 'How long the call took, milliseconds.';

COMMENT ON COLUMN app_public.llm_usage_logs.time_to_first_token_ms IS 'Until the first token came, milliseconds.';

COMMENT ON COLUMN app_public.llm_usage_logs.temperature IS '0 to 2.';

COMMENT ON COLUMN app_public.llm_usage_logs.max_tokens IS 'The most tokens the answer might have.';

COMMENT ON COLUMN app_public.llm_usage_logs.top_p IS '0 to 1.';

COMMENT ON COLUMN app_public.llm_usage_logs.finish_reason IS 'Why it ended: stop, length, function_call, error, or what the provider says.';

COMMENT ON COLUMN app_public.llm_usage_logs.function_call IS 'The function it called, as the provider gives it.';

COMMENT ON COLUMN app_public.llm_usage_logs.success IS 'Whether it succeeded.';

COMMENT ON COLUMN app_public.llm_usage_logs.error_type IS 'The kind of its error.';

COMMENT ON COLUMN app_public.llm_usage_logs.error_message IS 'Its error.';

COMMENT ON COLUMN app_public.llm_usage_logs.batch_id IS 'The batch of its events in usageEvents.';

COMMENT ON COLUMN app_public.llm_usage_logs.prompt_text IS '@behavior -filterBy -orderBy
What was asked, where the tenant keeps it.';

COMMENT ON COLUMN app_public.llm_usage_logs.system_prompt IS '@behavior -filterBy -orderBy
The system prompt, where the tenant keeps it.';

COMMENT ON COLUMN app_public.llm_usage_logs.completion_text IS '@behavior -filterBy -orderBy
The answer, where the tenant keeps it.';

COMMENT ON COLUMN app_public.llm_usage_logs.created_at IS 'When it was recorded.';

CREATE TABLE app_public.plan_entitlements (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    plan_id uuid NOT NULL,
    kind app_public.entitlement_kind_enum NOT NULL,
    key text NOT NULL,
    is_enabled boolean,
    quota_limit numeric,
    overage_allowed boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT feature_is_on_or_off CHECK (((is_enabled IS NOT NULL) = (kind = 'feature'::app_public.entitlement_kind_enum))),
    CONSTRAINT key_is_a_key CHECK ((key ~ '^[a-z][a-z0-9_]{0,62}$'::text)),
    CONSTRAINT overage_belongs_to_quotas CHECK (((kind = 'quota'::app_public.entitlement_kind_enum) OR (NOT overage_allowed))),
    CONSTRAINT quota_has_a_limit CHECK (((quota_limit IS NOT NULL) = (kind = 'quota'::app_public.entitlement_kind_enum))),
    CONSTRAINT quota_is_known CHECK (((kind = 'feature'::app_public.entitlement_kind_enum) OR (key = ANY (ARRAY['users'::text, 'agents'::text, 'documents'::text, 'storage_gb'::text, 'api_calls'::text, 'tokens'::text, 'cost'::text])))),
    CONSTRAINT quota_limit_is_an_amount CHECK (((quota_limit >= (0)::numeric) AND (quota_limit <= '1000000000000'::numeric) AND ((key = 'cost'::text) OR (quota_limit = trunc(quota_limit)))))
);

ALTER TABLE ONLY app_public.plan_entitlements FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.plan_entitlements OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.plan_entitlements IS 'What a plan gives: features that are on or off, and quotas. Resolved into the tenant''s features and quotas.';

COMMENT ON COLUMN app_public.plan_entitlements.plan_id IS 'The plan.';

COMMENT ON COLUMN app_public.plan_entitlements.kind IS 'feature or quota.';

COMMENT ON COLUMN app_public.plan_entitlements.key IS 'Name of the feature or quota: a lower-case word.';

COMMENT ON COLUMN app_public.plan_entitlements.is_enabled IS 'Whether the feature is on.';

COMMENT ON COLUMN app_public.plan_entitlements.quota_limit IS 'The quota''s limit, at least 0.';

COMMENT ON COLUMN app_public.plan_entitlements.overage_allowed IS 'Whether more than the limit may be used, and is billed.';

COMMENT ON COLUMN app_public.plan_entitlements.created_at IS 'When it was made.';

COMMENT ON COLUMN app_public.plan_entitlements.updated_at IS 'When it last changed.';

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

CREATE VIEW app_public.tenant_usage_tracking WITH (security_invoker='true') AS
 SELECT app_hidden.derived_id((ROW(d.tenant_id, d.month))::text) AS id,
    d.tenant_id,
    d.month AS period_start,
    ((d.month + '1 mon'::interval))::date AS period_end,
    (count(DISTINCT d.user_id))::integer AS active_users,
    COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'api_call'::text)), (0)::numeric) AS total_api_calls,
    COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = ANY (ARRAY['input_tokens'::text, 'cached_input_tokens'::text, 'output_tokens'::text, 'reasoning_tokens'::text]))), (0)::numeric) AS total_tokens_used,
    round(((COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'storage_byte_hours'::text)), (0)::numeric) / '1000000000'::numeric) / GREATEST((1)::numeric, (EXTRACT(epoch FROM (LEAST(((d.month + '1 mon'::interval) AT TIME ZONE d.timezone), GREATEST(app_hidden.clock(), max(d.updated_at))) - ((d.month)::timestamp without time zone AT TIME ZONE d.timezone))) / (3600)::numeric))), 6) AS storage_used_gb,
    COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'consultation'::text)), (0)::numeric) AS expert_consultations,
    COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'panel'::text)), (0)::numeric) AS panel_discussions,
    min(d.created_at) AS created_at
   FROM ( SELECT d_1.tenant_id,
            d_1.used_on,
            d_1.usage_type,
            d_1.user_id,
            d_1.agent_id,
            d_1.api_key_id,
            d_1.project_id,
            d_1.model_id,
            d_1.feature_name,
            d_1.event_count,
            d_1.quantity,
            d_1.cost,
            d_1.duration_ms,
            d_1.timed_count,
            d_1.success_count,
            d_1.error_count,
            d_1.abandon_count,
            d_1.last_success_at,
            d_1.last_error_at,
            d_1.created_at,
            d_1.updated_at,
            t.timezone,
            (date_trunc('month'::text, (d_1.used_on)::timestamp without time zone))::date AS month
           FROM (app_private.usage_days d_1
             JOIN app_public.tenants t ON ((t.id = d_1.tenant_id)))) d
  GROUP BY d.tenant_id, d.month, d.timezone;

ALTER TABLE app_public.tenant_usage_tracking OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.tenant_usage_tracking IS '@primaryKey id
Usage by calendar month of the tenant. A minute behind. With can_view_analytics the whole tenant''s, else your own.';

COMMENT ON COLUMN app_public.tenant_usage_tracking.period_start IS 'First day of the month.';

COMMENT ON COLUMN app_public.tenant_usage_tracking.period_end IS 'First day of the next month.';

COMMENT ON COLUMN app_public.tenant_usage_tracking.active_users IS 'How many different people used something.';

COMMENT ON COLUMN app_public.tenant_usage_tracking.total_api_calls IS 'API calls.';

COMMENT ON COLUMN app_public.tenant_usage_tracking.total_tokens_used IS 'Tokens of all classes.';

COMMENT ON COLUMN app_public.tenant_usage_tracking.storage_used_gb IS 'Gigabytes (10⁹ bytes) stored on average, over the part of the month that has passed.';

COMMENT ON COLUMN app_public.tenant_usage_tracking.expert_consultations IS 'Expert consultations.';

COMMENT ON COLUMN app_public.tenant_usage_tracking.panel_discussions IS 'Panel discussions.';

COMMENT ON COLUMN app_public.tenant_usage_tracking.created_at IS 'When it was first counted.';

CREATE VIEW app_public.token_usage_summary WITH (security_invoker='true') AS
 SELECT app_hidden.derived_id((ROW('tokens', m.tenant_id, m.month))::text) AS id,
    m.tenant_id,
    m.month AS period_start,
    ((m.month + '1 mon'::interval))::date AS period_end,
    sum((m.prompt_tokens + m.completion_tokens)) AS total_tokens,
    sum(m.prompt_tokens) AS total_prompt_tokens,
    sum(m.completion_tokens) AS total_completion_tokens,
    sum(m.cost) AS total_cost_usd,
    jsonb_object_agg(COALESCE(m.model, 'unknown'::text), jsonb_build_object('model_id', m.model_id, 'tokens', (m.prompt_tokens + m.completion_tokens), 'prompt_tokens', m.prompt_tokens, 'completion_tokens', m.completion_tokens, 'cost_usd', m.cost)) AS usage_by_model,
    min(m.created_at) AS created_at
   FROM ( SELECT d.tenant_id,
            (date_trunc('month'::text, (d.used_on)::timestamp without time zone))::date AS month,
            d.model_id,
            l.name AS model,
            COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = ANY (ARRAY['input_tokens'::text, 'cached_input_tokens'::text]))), (0)::numeric) AS prompt_tokens,
            COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = ANY (ARRAY['output_tokens'::text, 'reasoning_tokens'::text]))), (0)::numeric) AS completion_tokens,
            sum(d.cost) AS cost,
            min(d.created_at) AS created_at
           FROM (app_private.usage_days d
             LEFT JOIN app_public.llm_models l ON ((l.id = d.model_id)))
          WHERE (d.usage_type = ANY (ARRAY['input_tokens'::text, 'cached_input_tokens'::text, 'output_tokens'::text, 'reasoning_tokens'::text]))
          GROUP BY d.tenant_id, ((date_trunc('month'::text, (d.used_on)::timestamp without time zone))::date), d.model_id, l.name) m
  GROUP BY m.tenant_id, m.month;

ALTER TABLE app_public.token_usage_summary OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.token_usage_summary IS '@primaryKey id
Tokens and their cost by calendar month of the tenant. A minute behind. With can_view_analytics the whole tenant''s, else your own.';

COMMENT ON COLUMN app_public.token_usage_summary.period_start IS 'First day of the month.';

COMMENT ON COLUMN app_public.token_usage_summary.period_end IS 'First day of the next month.';

COMMENT ON COLUMN app_public.token_usage_summary.total_tokens IS 'Tokens of all classes.';

COMMENT ON COLUMN app_public.token_usage_summary.total_prompt_tokens IS 'Input tokens, those read from a cache included.';

COMMENT ON COLUMN app_public.token_usage_summary.total_completion_tokens IS 'Output tokens, those for reasoning included.';

COMMENT ON COLUMN app_public.token_usage_summary.total_cost_usd IS 'USD, not rounded.';

COMMENT ON COLUMN app_public.token_usage_summary.usage_by_model IS 'By name of the model (unknown: none of the catalogue): {model_id, tokens, prompt_tokens, completion_tokens, cost_usd}.';

COMMENT ON COLUMN app_public.token_usage_summary.created_at IS 'When it was first counted.';

CREATE TABLE app_public.usage_types (
    name text NOT NULL,
    display_name text NOT NULL,
    unit text NOT NULL,
    is_whole boolean DEFAULT true NOT NULL,
    max_quantity numeric NOT NULL,
    token_class text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT display_name_is_a_name CHECK (app_hidden.is_name(display_name)),
    CONSTRAINT max_quantity_is_storable CHECK (((max_quantity > (0)::numeric) AND (max_quantity <= '1000000000000000000'::numeric))),
    CONSTRAINT name_is_an_identifier CHECK ((name ~ '^[a-z][a-z0-9_]{0,62}$'::text)),
    CONSTRAINT token_class_is_known CHECK ((token_class = ANY (ARRAY['input'::text, 'cached_input'::text, 'output'::text, 'reasoning'::text])))
);

ALTER TABLE ONLY app_public.usage_types FORCE ROW LEVEL SECURITY;

ALTER TABLE app_public.usage_types OWNER TO rowhouse_owner;

COMMENT ON TABLE app_public.usage_types IS '@behavior -insert -update -delete
What can be used, in which unit. The same for every tenant, so that plans can price it.';

COMMENT ON COLUMN app_public.usage_types.name IS 'Name to record it under, such as output_tokens.';

COMMENT ON COLUMN app_public.usage_types.display_name IS 'Name for people.';

COMMENT ON COLUMN app_public.usage_types.unit IS 'What a quantity of 1 is.';

COMMENT ON COLUMN app_public.usage_types.is_whole IS 'Whether quantities are whole numbers.';

COMMENT ON COLUMN app_public.usage_types.max_quantity IS 'The largest quantity of one event.';

COMMENT ON COLUMN app_public.usage_types.token_class IS 'input, cached_input, output or reasoning for tokens of a language model, whose cost follows from the model''s price.';

COMMENT ON COLUMN app_public.usage_types.created_at IS 'When it was added.';

CREATE VIEW app_public.usage_logs WITH (security_invoker='true') AS
 SELECT e.tenant_id,
    e.batch_id,
    e.ordinal,
    e.occurred_at,
    e.usage_type,
    t.display_name AS usage_type_name,
    e.quantity,
    t.unit,
    e.user_id,
    u.full_name AS user_name,
    e.agent_id,
    a.name AS agent_name,
    e.model_id,
    m.name AS model_name,
    e.project_id,
    e.api_key_id,
    e.feature_name,
    e.outcome,
    e.duration_ms,
    e.cost,
    e.recorded_at
   FROM ((((app_public.usage_events e
     JOIN app_public.usage_types t ON ((t.name = e.usage_type)))
     LEFT JOIN app_public.user_profiles u ON ((u.id = e.user_id)))
     LEFT JOIN app_public.agents a ON ((a.id = e.agent_id)))
     LEFT JOIN app_public.llm_models m ON ((m.id = e.model_id)));

ALTER TABLE app_public.usage_logs OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.usage_logs IS '@primaryKey tenant_id,batch_id,ordinal,occurred_at
Events of usage with the names of what they refer to, as these are now. You see your own; the whole tenant''s with can_view_analytics.';

COMMENT ON COLUMN app_public.usage_logs.usage_type_name IS 'Name of the usage type for people.';

COMMENT ON COLUMN app_public.usage_logs.unit IS 'What a quantity of 1 is.';

COMMENT ON COLUMN app_public.usage_logs.user_name IS 'Name of the person, null when you share no tenant any more.';

COMMENT ON COLUMN app_public.usage_logs.agent_name IS 'Name of the agent, null when there is none, or none that you see.';

COMMENT ON COLUMN app_public.usage_logs.model_name IS 'Name of the language model.';

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

CREATE VIEW app_public.usage_tracking WITH (security_invoker='true') AS
 WITH periods AS (
         SELECT 'minute'::app_public.tracking_period AS tracking_period,
            usage_minutes.tenant_id,
            usage_minutes.minute AS period_start,
            (usage_minutes.minute + '00:01:00'::interval) AS period_end,
            usage_minutes.user_id,
            usage_minutes.agent_id,
            usage_minutes.api_key_id,
            usage_minutes.request_count,
            usage_minutes.token_count,
            usage_minutes.cost,
            usage_minutes.consultation_count,
            usage_minutes.panel_count,
            usage_minutes.workflow_count,
            usage_minutes.tool_call_count,
            (usage_minutes.duration_ms)::numeric AS duration_ms,
            (usage_minutes.timed_count)::numeric AS timed_count,
            (usage_minutes.success_count)::numeric AS success_count,
            (usage_minutes.error_count)::numeric AS error_count,
            usage_minutes.created_at,
            usage_minutes.updated_at
           FROM app_private.usage_minutes
        UNION ALL
         SELECT 'hour'::app_public.tracking_period,
            m.tenant_id,
            m.hour,
            (m.hour + '01:00:00'::interval),
            m.user_id,
            m.agent_id,
            m.api_key_id,
            sum(m.request_count) AS sum,
            sum(m.token_count) AS sum,
            sum(m.cost) AS sum,
            sum(m.consultation_count) AS sum,
            sum(m.panel_count) AS sum,
            sum(m.workflow_count) AS sum,
            sum(m.tool_call_count) AS sum,
            sum(m.duration_ms) AS sum,
            sum(m.timed_count) AS sum,
            sum(m.success_count) AS sum,
            sum(m.error_count) AS sum,
            min(m.created_at) AS min,
            max(m.updated_at) AS max
           FROM ( SELECT m_1.tenant_id,
                    m_1.minute,
                    m_1.user_id,
                    m_1.agent_id,
                    m_1.api_key_id,
                    m_1.request_count,
                    m_1.token_count,
                    m_1.cost,
                    m_1.consultation_count,
                    m_1.panel_count,
                    m_1.workflow_count,
                    m_1.tool_call_count,
                    m_1.duration_ms,
                    m_1.timed_count,
                    m_1.success_count,
                    m_1.error_count,
                    m_1.created_at,
                    m_1.updated_at,
                    date_trunc('hour'::text, m_1.minute, t.timezone) AS hour
                   FROM (app_private.usage_minutes m_1
                     JOIN app_public.tenants t ON ((t.id = m_1.tenant_id)))) m
          GROUP BY m.tenant_id, m.hour, m.user_id, m.agent_id, m.api_key_id
        UNION ALL
         SELECT d.period,
            d.tenant_id,
            ((d.starts_on)::timestamp without time zone AT TIME ZONE d.timezone) AS timezone,
            ((d.ends_on)::timestamp without time zone AT TIME ZONE d.timezone) AS timezone,
            d.user_id,
            d.agent_id,
            d.api_key_id,
            COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = ANY (ARRAY['api_call'::text, 'llm_call'::text]))), (0)::numeric) AS "coalesce",
            COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = ANY (ARRAY['input_tokens'::text, 'cached_input_tokens'::text, 'output_tokens'::text, 'reasoning_tokens'::text]))), (0)::numeric) AS "coalesce",
            sum(d.cost) AS sum,
            COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'consultation'::text)), (0)::numeric) AS "coalesce",
            COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'panel'::text)), (0)::numeric) AS "coalesce",
            COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'workflow_run'::text)), (0)::numeric) AS "coalesce",
            COALESCE(sum(d.quantity) FILTER (WHERE (d.usage_type = 'tool_call'::text)), (0)::numeric) AS "coalesce",
            sum(d.duration_ms) AS sum,
            sum(d.timed_count) AS sum,
            sum(d.success_count) AS sum,
            sum(d.error_count) AS sum,
            min(d.created_at) AS min,
            max(d.updated_at) AS max
           FROM ( SELECT d_1.tenant_id,
                    d_1.used_on,
                    d_1.usage_type,
                    d_1.user_id,
                    d_1.agent_id,
                    d_1.api_key_id,
                    d_1.project_id,
                    d_1.model_id,
                    d_1.feature_name,
                    d_1.event_count,
                    d_1.quantity,
                    d_1.cost,
                    d_1.duration_ms,
                    d_1.timed_count,
                    d_1.success_count,
                    d_1.error_count,
                    d_1.abandon_count,
                    d_1.last_success_at,
                    d_1.last_error_at,
                    d_1.created_at,
                    d_1.updated_at,
                    t.timezone,
                    p.period,
                    p.starts_on,
                    p.ends_on
                   FROM ((app_private.usage_days d_1
                     JOIN app_public.tenants t ON ((t.id = d_1.tenant_id)))
                     CROSS JOIN LATERAL ( SELECT 'day'::app_public.tracking_period AS period,
                            d_1.used_on AS starts_on,
                            (d_1.used_on + 1) AS ends_on
                        UNION ALL
                         SELECT 'month'::app_public.tracking_period,
                            (date_trunc('month'::text, (d_1.used_on)::timestamp without time zone))::date AS date_trunc,
                            ((date_trunc('month'::text, (d_1.used_on)::timestamp without time zone) + '1 mon'::interval))::date AS date) p)) d
          GROUP BY d.period, d.tenant_id, d.timezone, d.starts_on, d.ends_on, d.user_id, d.agent_id, d.api_key_id
        )
 SELECT app_hidden.derived_id((ROW(periods.tenant_id, periods.tracking_period, EXTRACT(epoch FROM periods.period_start), periods.user_id, periods.agent_id, periods.api_key_id))::text) AS id,
    periods.tenant_id,
    periods.tracking_period,
    periods.period_start,
    periods.period_end,
    periods.user_id,
    periods.agent_id,
    periods.api_key_id,
    periods.request_count,
    periods.token_count,
    periods.cost AS total_cost,
    periods.consultation_count,
    periods.panel_count,
    periods.workflow_count,
    periods.tool_call_count,
    (round((periods.duration_ms / NULLIF(periods.timed_count, (0)::numeric))))::integer AS avg_response_time_ms,
    round((((100)::numeric * periods.success_count) / NULLIF((periods.success_count + periods.error_count), (0)::numeric)), 2) AS success_rate,
    (periods.error_count)::bigint AS error_count,
    periods.created_at,
    periods.updated_at
   FROM periods;

ALTER TABLE app_public.usage_tracking OWNER TO rowhouse_owner;

COMMENT ON VIEW app_public.usage_tracking IS '@primaryKey id
Usage by minute, hour, day and month, user, agent and API key; days and months are the tenant''s calendar''s. A minute behind. You see your own; the whole tenant''s with can_view_analytics. Name the tracking_period.';

COMMENT ON COLUMN app_public.usage_tracking.tracking_period IS 'minute, hour, day or month.';

COMMENT ON COLUMN app_public.usage_tracking.period_start IS 'When the period begins.';

COMMENT ON COLUMN app_public.usage_tracking.period_end IS 'When it ends, excluded.';

COMMENT ON COLUMN app_public.usage_tracking.agent_id IS 'The agent, null for what no agent used.';

COMMENT ON COLUMN app_public.usage_tracking.api_key_id IS 'The API key, null for what came without one.';

COMMENT ON COLUMN app_public.usage_tracking.request_count IS 'API calls and calls of language models.';

COMMENT ON COLUMN app_public.usage_tracking.token_count IS 'Tokens of all classes.';

COMMENT ON COLUMN app_public.usage_tracking.total_cost IS 'What the tokens cost, USD, not rounded.';

COMMENT ON COLUMN app_public.usage_tracking.consultation_count IS 'Expert consultations.';

COMMENT ON COLUMN app_public.usage_tracking.panel_count IS 'Panel discussions.';

COMMENT ON COLUMN app_public.usage_tracking.workflow_count IS 'Workflow runs.';

COMMENT ON COLUMN app_public.usage_tracking.tool_call_count IS 'Tool calls.';

COMMENT ON COLUMN app_public.usage_tracking.avg_response_time_ms IS 'Mean duration of what has one, milliseconds.';

COMMENT ON COLUMN app_public.usage_tracking.success_rate IS 'Successes among what succeeded or failed, percent.';

COMMENT ON COLUMN app_public.usage_tracking.error_count IS 'What ended in an error.';

COMMENT ON COLUMN app_public.usage_tracking.created_at IS 'When it was first counted.';

COMMENT ON COLUMN app_public.usage_tracking.updated_at IS 'When it was last counted.';

ALTER TABLE ONLY app_private.llm_calls ATTACH PARTITION app_private.llm_calls_default DEFAULT;

ALTER TABLE ONLY app_private.llm_texts ATTACH PARTITION app_private.llm_texts_default DEFAULT;

ALTER TABLE ONLY app_public.usage_events ATTACH PARTITION app_private.usage_events_default DEFAULT;

ALTER TABLE ONLY app_private.usage_minutes ATTACH PARTITION app_private.usage_minutes_default DEFAULT;

ALTER TABLE ONLY app_private.admin_access_log
    ADD CONSTRAINT admin_access_log_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_private.analyst_tenants
    ADD CONSTRAINT analyst_tenants_pkey PRIMARY KEY (tenant_id, login);

ALTER TABLE ONLY app_private.api_call_buffer
    ADD CONSTRAINT api_call_buffer_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_private.document_files
    ADD CONSTRAINT document_files_pkey PRIMARY KEY (tenant_id, document_id);

ALTER TABLE ONLY app_private.finalised_periods
    ADD CONSTRAINT finalised_periods_do_not_overlap EXCLUDE USING gist (tenant_id WITH =, period WITH &&);

ALTER TABLE ONLY app_private.finalised_periods
    ADD CONSTRAINT finalised_periods_pkey PRIMARY KEY (tenant_id, period);

ALTER TABLE ONLY app_private.invoice_counters
    ADD CONSTRAINT invoice_counters_pkey PRIMARY KEY (issuer_id, series);

ALTER TABLE ONLY app_private.invoice_documents
    ADD CONSTRAINT invoice_documents_pkey PRIMARY KEY (tenant_id, invoice_id);

ALTER TABLE ONLY app_private.invoice_numbers
    ADD CONSTRAINT invoice_numbers_document_id_key UNIQUE (document_id);

ALTER TABLE ONLY app_private.invoice_numbers
    ADD CONSTRAINT invoice_numbers_pkey PRIMARY KEY (issuer_id, series, sequence_number);

ALTER TABLE ONLY app_private.llm_calls
    ADD CONSTRAINT llm_calls_pkey PRIMARY KEY (tenant_id, occurred_at, id);

ALTER TABLE ONLY app_private.llm_calls_default
    ADD CONSTRAINT llm_calls_default_pkey PRIMARY KEY (tenant_id, occurred_at, id);

ALTER TABLE ONLY app_private.llm_texts
    ADD CONSTRAINT llm_texts_pkey PRIMARY KEY (tenant_id, occurred_at, call_id);

ALTER TABLE ONLY app_private.llm_texts_default
    ADD CONSTRAINT llm_texts_default_pkey PRIMARY KEY (tenant_id, occurred_at, call_id);

ALTER TABLE ONLY app_private.payment_customers
    ADD CONSTRAINT payment_customers_pkey PRIMARY KEY (tenant_id, provider);

ALTER TABLE ONLY app_private.payment_events
    ADD CONSTRAINT payment_events_pkey PRIMARY KEY (provider, event_id);

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

ALTER TABLE ONLY app_private.usage_agents
    ADD CONSTRAINT usage_agents_pkey PRIMARY KEY (tenant_id, agent_id);

ALTER TABLE ONLY app_public.usage_events
    ADD CONSTRAINT usage_events_pkey PRIMARY KEY (tenant_id, batch_id, ordinal, occurred_at);

ALTER TABLE ONLY app_private.usage_events_default
    ADD CONSTRAINT usage_events_default_pkey PRIMARY KEY (tenant_id, batch_id, ordinal, occurred_at);

ALTER TABLE ONLY app_private.usage_idempotency_keys
    ADD CONSTRAINT usage_idempotency_keys_pkey PRIMARY KEY (tenant_id, key);

ALTER TABLE ONLY app_private.usage_queue
    ADD CONSTRAINT usage_queue_pkey PRIMARY KEY (tenant_id, batch_id);

ALTER TABLE ONLY app_private.usage_rollup_state
    ADD CONSTRAINT usage_rollup_state_pkey PRIMARY KEY (tenant_id);

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

ALTER TABLE ONLY app_public.billing_notices
    ADD CONSTRAINT billing_notices_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.billing_notices
    ADD CONSTRAINT billing_notices_tenant_id_kind_subject_key_key UNIQUE (tenant_id, kind, subject_key);

ALTER TABLE ONLY app_public.billing_profiles
    ADD CONSTRAINT billing_profiles_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY app_public.credit_entries
    ADD CONSTRAINT credit_entries_pkey PRIMARY KEY (tenant_id, id);

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

ALTER TABLE ONLY app_public.invoice_issuers
    ADD CONSTRAINT invoice_issuers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.invoice_issuers
    ADD CONSTRAINT invoice_issuers_slug_key UNIQUE (slug);

ALTER TABLE ONLY app_public.invoice_lines
    ADD CONSTRAINT invoice_lines_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.invoice_lines
    ADD CONSTRAINT invoice_lines_tenant_id_invoice_id_line_number_key UNIQUE (tenant_id, invoice_id, line_number);

ALTER TABLE ONLY app_public.invoices
    ADD CONSTRAINT invoices_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.llm_model_price_overrides
    ADD CONSTRAINT llm_model_price_overrides_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.llm_model_prices
    ADD CONSTRAINT llm_model_prices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.llm_models
    ADD CONSTRAINT llm_models_name_key UNIQUE (name);

ALTER TABLE ONLY app_public.llm_models
    ADD CONSTRAINT llm_models_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.llm_providers
    ADD CONSTRAINT llm_providers_name_key UNIQUE (name);

ALTER TABLE ONLY app_public.llm_providers
    ADD CONSTRAINT llm_providers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.payment_methods
    ADD CONSTRAINT payment_methods_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.payment_methods
    ADD CONSTRAINT payment_methods_tenant_id_provider_provider_method_id_key UNIQUE (tenant_id, provider, provider_method_id);

ALTER TABLE ONLY app_public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.payments
    ADD CONSTRAINT payments_tenant_id_invoice_id_reference_key UNIQUE (tenant_id, invoice_id, reference);

ALTER TABLE ONLY app_public.payments
    ADD CONSTRAINT payments_tenant_id_provider_provider_payment_id_key UNIQUE (tenant_id, provider, provider_payment_id);

ALTER TABLE ONLY app_public.plan_entitlements
    ADD CONSTRAINT plan_entitlements_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.plan_entitlements
    ADD CONSTRAINT plan_entitlements_plan_id_kind_key_key UNIQUE (plan_id, kind, key);

ALTER TABLE ONLY app_public.plan_price_components
    ADD CONSTRAINT plan_price_components_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.plan_price_components
    ADD CONSTRAINT plan_price_components_price_id_usage_type_key UNIQUE (price_id, usage_type);

ALTER TABLE ONLY app_public.plan_prices
    ADD CONSTRAINT plan_prices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.plan_prices
    ADD CONSTRAINT plan_prices_plan_id_currency_billing_cycle_valid_from_key UNIQUE (plan_id, currency, billing_cycle, valid_from);

ALTER TABLE ONLY app_public.plans
    ADD CONSTRAINT plans_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.plans
    ADD CONSTRAINT plans_slug_key UNIQUE (slug);

ALTER TABLE ONLY app_public.llm_model_price_overrides
    ADD CONSTRAINT price_overrides_do_not_overlap EXCLUDE USING gist (tenant_id WITH =, model_id WITH =, tstzrange(valid_from, valid_to) WITH &&) WHERE ((superseded_at IS NULL));

ALTER TABLE ONLY app_public.llm_model_prices
    ADD CONSTRAINT prices_do_not_overlap EXCLUDE USING gist (model_id WITH =, tstzrange(valid_from, valid_to) WITH &&) WHERE ((superseded_at IS NULL));

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

ALTER TABLE ONLY app_public.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.refunds
    ADD CONSTRAINT refunds_tenant_id_provider_refund_id_key UNIQUE (tenant_id, provider_refund_id);

ALTER TABLE ONLY app_public.subscriptions
    ADD CONSTRAINT subscriptions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.tenant_entitlement_overrides
    ADD CONSTRAINT tenant_entitlement_overrides_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY app_public.tenant_entitlement_overrides
    ADD CONSTRAINT tenant_entitlement_overrides_tenant_id_kind_key_key UNIQUE (tenant_id, kind, key);

ALTER TABLE ONLY app_public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.usage_quotas
    ADD CONSTRAINT usage_quotas_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.usage_types
    ADD CONSTRAINT usage_types_pkey PRIMARY KEY (name);

ALTER TABLE ONLY app_public.user_profiles
    ADD CONSTRAINT user_profiles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY app_public.user_tenants
    ADD CONSTRAINT user_tenants_tenant_id_user_id_key UNIQUE (tenant_id, user_id);

CREATE INDEX admin_access_log_admin_user_id_idx ON app_private.admin_access_log USING btree (admin_user_id);

CREATE INDEX analyst_tenants_login_idx ON app_private.analyst_tenants USING btree (login);

CREATE INDEX llm_calls_tenant_id_conversation_id_idx ON ONLY app_private.llm_calls USING btree (tenant_id, conversation_id) WHERE (conversation_id IS NOT NULL);

CREATE INDEX llm_calls_default_tenant_id_conversation_id_idx ON app_private.llm_calls_default USING btree (tenant_id, conversation_id) WHERE (conversation_id IS NOT NULL);

CREATE INDEX llm_calls_tenant_id_model_id_occurred_at_idx ON ONLY app_private.llm_calls USING btree (tenant_id, model_id, occurred_at);

CREATE INDEX llm_calls_default_tenant_id_model_id_occurred_at_idx ON app_private.llm_calls_default USING btree (tenant_id, model_id, occurred_at);

CREATE INDEX query_log_buffer_tenant_id_idx ON app_private.query_log_buffer USING btree (tenant_id);

CREATE INDEX quota_holds_reservation_id_idx ON app_private.quota_holds USING btree (reservation_id);

CREATE INDEX quota_holds_tenant_id_counter_id_expires_at_idx ON app_private.quota_holds USING btree (tenant_id, counter_id, expires_at);

CREATE INDEX rate_limit_rules_config_id_idx ON app_private.rate_limit_rules USING btree (config_id);

CREATE INDEX search_postings_tenant_id_block_id_idx ON app_private.search_postings USING btree (tenant_id, block_id);

CREATE INDEX search_removals_tenant_id_block_id_idx ON app_private.search_removals USING btree (tenant_id, block_id);

CREATE INDEX search_terms_trigrams ON app_private.search_terms USING gin (tenant_id, term public.gin_trgm_ops) WITH (gin_pending_list_limit='256') WHERE (((length(term) >= 4) AND (length(term) <= 40)) AND (term !~ '[0-9]'::text));

CREATE UNIQUE INDEX usage_days_key ON app_private.usage_days USING btree (tenant_id, used_on, usage_type, user_id, agent_id, api_key_id, project_id, model_id, feature_name) NULLS NOT DISTINCT;

CREATE INDEX usage_events_tenant_id_occurred_at_idx ON ONLY app_public.usage_events USING btree (tenant_id, occurred_at);

CREATE INDEX usage_events_default_tenant_id_occurred_at_idx ON app_private.usage_events_default USING btree (tenant_id, occurred_at);

CREATE INDEX usage_events_tenant_id_rerates_batch_id_idx ON ONLY app_public.usage_events USING btree (tenant_id, rerates_batch_id) WHERE (rerates_batch_id IS NOT NULL);

CREATE INDEX usage_events_default_tenant_id_rerates_batch_id_idx ON app_private.usage_events_default USING btree (tenant_id, rerates_batch_id) WHERE (rerates_batch_id IS NOT NULL);

CREATE UNIQUE INDEX usage_minutes_key ON ONLY app_private.usage_minutes USING btree (tenant_id, minute, user_id, agent_id, api_key_id) NULLS NOT DISTINCT;

CREATE UNIQUE INDEX usage_minutes_default_tenant_id_minute_user_id_agent_id_api_idx ON app_private.usage_minutes_default USING btree (tenant_id, minute, user_id, agent_id, api_key_id) NULLS NOT DISTINCT;

CREATE INDEX user_identities_user_id_idx ON app_private.user_identities USING btree (user_id);

CREATE INDEX agent_knowledge_sources_tenant_id_source_id_idx ON app_public.agent_knowledge_sources USING btree (tenant_id, source_id);

CREATE INDEX agents_model_id_idx ON app_public.agents USING btree (model_id);

CREATE INDEX agents_owner_id_idx ON app_public.agents USING btree (owner_id);

CREATE UNIQUE INDEX agents_tenant_id_name_key ON app_public.agents USING btree (tenant_id, name) WHERE (deleted_at IS NULL);

CREATE INDEX agents_tenant_id_sort_order_name_idx ON app_public.agents USING btree (tenant_id, sort_order, name);

CREATE INDEX billing_notices_subscription_id_idx ON app_public.billing_notices USING btree (subscription_id);

CREATE INDEX billing_profiles_issuer_id_idx ON app_public.billing_profiles USING btree (issuer_id);

CREATE INDEX credit_entries_tenant_id_invoice_id_idx ON app_public.credit_entries USING btree (tenant_id, invoice_id);

CREATE INDEX document_chunks_tenant_id_source_id_idx ON app_public.document_chunks USING btree (tenant_id, source_id);

CREATE INDEX documents_created_by_user_id_idx ON app_public.documents USING btree (created_by_user_id);

CREATE INDEX documents_tenant_id_metadata_idx ON app_public.documents USING gin (tenant_id, metadata jsonb_path_ops);

CREATE INDEX documents_tenant_id_source_id_processing_status_idx ON app_public.documents USING btree (tenant_id, source_id, processing_status);

CREATE INDEX embeddings_agent_id_idx ON app_public.embeddings USING btree (agent_id);

CREATE INDEX embeddings_model_id_idx ON app_public.embeddings USING btree (model_id);

CREATE INDEX embeddings_tenant_id_chunk_id_idx ON app_public.embeddings USING btree (tenant_id, chunk_id);

CREATE INDEX invoice_lines_component_id_idx ON app_public.invoice_lines USING btree (component_id);

CREATE INDEX invoice_lines_price_id_idx ON app_public.invoice_lines USING btree (price_id);

CREATE INDEX invoice_lines_tenant_id_service_start_idx ON app_public.invoice_lines USING btree (tenant_id, service_start) WHERE (kind = ANY (ARRAY['usage'::app_public.invoice_line_kind_enum, 'overage'::app_public.invoice_line_kind_enum, 'adjustment'::app_public.invoice_line_kind_enum]));

CREATE INDEX invoice_lines_usage_type_idx ON app_public.invoice_lines USING btree (usage_type);

CREATE INDEX invoices_issuer_id_idx ON app_public.invoices USING btree (issuer_id);

CREATE UNIQUE INDEX invoices_one_a_period_key ON app_public.invoices USING btree (tenant_id, subscription_id, period_number, reason) WHERE (reason = ANY (ARRAY['period'::text, 'end'::text]));

CREATE INDEX invoices_subscription_id_idx ON app_public.invoices USING btree (subscription_id);

CREATE INDEX invoices_tenant_id_created_at_idx ON app_public.invoices USING btree (tenant_id, created_at);

CREATE INDEX invoices_tenant_id_credited_invoice_id_idx ON app_public.invoices USING btree (tenant_id, credited_invoice_id);

CREATE INDEX invoices_to_collect_idx ON app_public.invoices USING btree (next_attempt_at) WHERE (next_attempt_at IS NOT NULL);

CREATE INDEX invoices_to_finalise_idx ON app_public.invoices USING btree (finalise_at) WHERE ((status = 'draft'::app_public.invoice_status_enum) AND (finalise_at IS NOT NULL));

CREATE INDEX invoices_usage_price_id_idx ON app_public.invoices USING btree (usage_price_id);

CREATE INDEX llm_model_price_overrides_created_by_user_id_idx ON app_public.llm_model_price_overrides USING btree (created_by_user_id);

CREATE INDEX llm_model_price_overrides_model_id_idx ON app_public.llm_model_price_overrides USING btree (model_id);

CREATE INDEX llm_model_price_overrides_tenant_id_model_id_idx ON app_public.llm_model_price_overrides USING btree (tenant_id, model_id);

CREATE INDEX llm_model_prices_created_by_user_id_idx ON app_public.llm_model_prices USING btree (created_by_user_id);

CREATE INDEX llm_model_prices_model_id_idx ON app_public.llm_model_prices USING btree (model_id);

CREATE INDEX llm_models_provider_id_idx ON app_public.llm_models USING btree (provider_id);

CREATE UNIQUE INDEX payment_methods_one_default_key ON app_public.payment_methods USING btree (tenant_id) WHERE is_default;

CREATE INDEX payment_methods_provider_method_id_idx ON app_public.payment_methods USING btree (provider_method_id);

CREATE UNIQUE INDEX payments_one_pending_key ON app_public.payments USING btree (tenant_id, invoice_id) WHERE (status = 'pending'::app_public.payment_status_enum);

CREATE INDEX payments_provider_payment_id_idx ON app_public.payments USING btree (provider_payment_id);

CREATE INDEX payments_tenant_id_payment_method_id_idx ON app_public.payments USING btree (tenant_id, payment_method_id);

CREATE INDEX plan_price_components_usage_type_idx ON app_public.plan_price_components USING btree (usage_type);

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

CREATE INDEX refunds_tenant_id_credit_note_id_idx ON app_public.refunds USING btree (tenant_id, credit_note_id);

CREATE INDEX refunds_tenant_id_payment_id_idx ON app_public.refunds USING btree (tenant_id, payment_id);

CREATE INDEX subscriptions_due_idx ON app_public.subscriptions USING btree (current_period_end) WHERE (status = ANY (ARRAY['trialing'::app_public.subscription_status_enum, 'active'::app_public.subscription_status_enum, 'past_due'::app_public.subscription_status_enum]));

CREATE UNIQUE INDEX subscriptions_one_live_key ON app_public.subscriptions USING btree (tenant_id) WHERE (ended_at IS NULL);

CREATE INDEX subscriptions_pending_plan_id_idx ON app_public.subscriptions USING btree (pending_plan_id);

CREATE INDEX subscriptions_plan_id_idx ON app_public.subscriptions USING btree (plan_id);

CREATE INDEX subscriptions_price_id_idx ON app_public.subscriptions USING btree (price_id);

CREATE INDEX subscriptions_tenant_id_idx ON app_public.subscriptions USING btree (tenant_id);

CREATE INDEX tenants_account_manager_id_idx ON app_public.tenants USING btree (account_manager_id);

CREATE UNIQUE INDEX tenants_domain_key ON app_public.tenants USING btree (lower(domain));

CREATE UNIQUE INDEX tenants_one_platform_key ON app_public.tenants USING btree (type) WHERE (type = 'platform'::text);

CREATE INDEX tenants_parent_tenant_id_idx ON app_public.tenants USING btree (parent_tenant_id);

CREATE UNIQUE INDEX tenants_slug_key ON app_public.tenants USING btree (slug);

CREATE UNIQUE INDEX usage_quotas_tenant_id_quota_type_quota_scope_scope_id_peri_idx ON app_public.usage_quotas USING btree (tenant_id, quota_type, quota_scope, scope_id, period, applies_to_subtree, is_hard_limit, source) NULLS NOT DISTINCT;

CREATE UNIQUE INDEX usage_types_token_class_key ON app_public.usage_types USING btree (token_class);

CREATE UNIQUE INDEX user_profiles_email_key ON app_public.user_profiles USING btree (email) WHERE (deleted_at IS NULL);

CREATE INDEX user_tenants_invited_by_user_id_idx ON app_public.user_tenants USING btree (invited_by_user_id);

CREATE INDEX user_tenants_user_id_idx ON app_public.user_tenants USING btree (user_id);

ALTER INDEX app_private.llm_calls_pkey ATTACH PARTITION app_private.llm_calls_default_pkey;

ALTER INDEX app_private.llm_calls_tenant_id_conversation_id_idx ATTACH PARTITION app_private.llm_calls_default_tenant_id_conversation_id_idx;

ALTER INDEX app_private.llm_calls_tenant_id_model_id_occurred_at_idx ATTACH PARTITION app_private.llm_calls_default_tenant_id_model_id_occurred_at_idx;

ALTER INDEX app_private.llm_texts_pkey ATTACH PARTITION app_private.llm_texts_default_pkey;

ALTER INDEX app_public.usage_events_pkey ATTACH PARTITION app_private.usage_events_default_pkey;

ALTER INDEX app_public.usage_events_tenant_id_occurred_at_idx ATTACH PARTITION app_private.usage_events_default_tenant_id_occurred_at_idx;

ALTER INDEX app_public.usage_events_tenant_id_rerates_batch_id_idx ATTACH PARTITION app_private.usage_events_default_tenant_id_rerates_batch_id_idx;

ALTER INDEX app_private.usage_minutes_key ATTACH PARTITION app_private.usage_minutes_default_tenant_id_minute_user_id_agent_id_api_idx;

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

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_private.usage_days FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_private.usage_minutes FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _200_forbid_truncate BEFORE TRUNCATE ON app_private.invoice_numbers FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg__forbid_truncate();

CREATE TRIGGER _500_keep_usage AFTER UPDATE ON app_private.llm_calls FOR EACH ROW EXECUTE FUNCTION app_private.tg__keep_usage();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.agents FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.billing_profiles FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.documents FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.invoice_issuers FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.invoices FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.llm_models FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.llm_providers FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.payment_methods FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.payments FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.plan_entitlements FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.plans FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.quota_tracking FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.rag_knowledge_sources FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.rate_limit_config FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.refunds FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.subscriptions FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.tenant_entitlement_overrides FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.usage_quotas FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.user_profiles FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _100_set_updated_at BEFORE UPDATE ON app_public.user_tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__set_updated_at();

CREATE TRIGGER _200_check_scope BEFORE INSERT OR UPDATE ON app_public.rate_limit_config FOR EACH ROW EXECUTE FUNCTION app_private.tg_rate_limit_config__check_scope();

CREATE TRIGGER _200_check_scope BEFORE INSERT OR UPDATE ON app_public.usage_quotas FOR EACH ROW EXECUTE FUNCTION app_private.tg_usage_quotas__check_scope();

CREATE TRIGGER _200_forbid_truncate BEFORE TRUNCATE ON app_public.invoice_lines FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg__forbid_truncate();

CREATE TRIGGER _200_forbid_truncate BEFORE TRUNCATE ON app_public.invoices FOR EACH STATEMENT EXECUTE FUNCTION app_private.tg__forbid_truncate();

CREATE TRIGGER _200_keep_final BEFORE INSERT OR DELETE OR UPDATE ON app_public.invoice_lines FOR EACH ROW EXECUTE FUNCTION app_private.tg_invoice_lines__keep_final();

CREATE TRIGGER _200_keep_final BEFORE INSERT OR DELETE OR UPDATE ON app_public.invoices FOR EACH ROW EXECUTE FUNCTION app_private.tg_invoices__keep_final();

CREATE TRIGGER _200_keep_history BEFORE INSERT OR DELETE OR UPDATE ON app_public.plan_price_components FOR EACH ROW EXECUTE FUNCTION app_private.tg_plan_price_components__keep_history();

CREATE TRIGGER _200_keep_history BEFORE INSERT OR DELETE OR UPDATE ON app_public.plan_prices FOR EACH ROW EXECUTE FUNCTION app_private.tg_plan_prices__keep_history();

CREATE TRIGGER _200_keep_states BEFORE INSERT OR UPDATE ON app_public.subscriptions FOR EACH ROW EXECUTE FUNCTION app_private.tg_subscriptions__keep_states();

CREATE TRIGGER _500_apply_entitlements AFTER INSERT OR UPDATE ON app_public.subscriptions FOR EACH ROW EXECUTE FUNCTION app_private.tg__apply_entitlements();

CREATE TRIGGER _500_apply_entitlements AFTER INSERT OR DELETE OR UPDATE ON app_public.tenant_entitlement_overrides FOR EACH ROW EXECUTE FUNCTION app_private.tg__apply_entitlements();

CREATE TRIGGER _500_drop_search_index AFTER DELETE ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__drop_search_index();

CREATE TRIGGER _500_drop_usage AFTER DELETE ON app_public.tenants FOR EACH ROW EXECUTE FUNCTION app_private.tg__drop_usage();

CREATE TRIGGER _500_keep_price AFTER UPDATE OF id, tenant_id, model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, reasoning_usd_per_million, valid_from ON app_public.llm_model_price_overrides FOR EACH ROW EXECUTE FUNCTION app_private.tg__keep_price();

CREATE TRIGGER _500_keep_price AFTER UPDATE OF id, model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, reasoning_usd_per_million, valid_from ON app_public.llm_model_prices FOR EACH ROW EXECUTE FUNCTION app_private.tg__keep_price();

CREATE TRIGGER _500_keep_usage AFTER UPDATE ON app_public.usage_events FOR EACH ROW EXECUTE FUNCTION app_private.tg__keep_usage();

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

ALTER TABLE ONLY app_private.finalised_periods
    ADD CONSTRAINT finalised_periods_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.invoice_counters
    ADD CONSTRAINT invoice_counters_issuer_id_fkey FOREIGN KEY (issuer_id) REFERENCES app_public.invoice_issuers(id);

ALTER TABLE ONLY app_private.invoice_documents
    ADD CONSTRAINT invoice_documents_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.invoice_documents
    ADD CONSTRAINT invoice_documents_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES app_public.invoices(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY app_private.invoice_numbers
    ADD CONSTRAINT invoice_numbers_issuer_id_fkey FOREIGN KEY (issuer_id) REFERENCES app_public.invoice_issuers(id);

ALTER TABLE ONLY app_private.payment_customers
    ADD CONSTRAINT payment_customers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

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

ALTER TABLE ONLY app_private.usage_rollup_state
    ADD CONSTRAINT usage_rollup_state_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

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

ALTER TABLE ONLY app_public.billing_notices
    ADD CONSTRAINT billing_notices_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES app_public.subscriptions(id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT billing_notices_subscription_id_fkey ON app_public.billing_notices IS '@fieldName subscription
@foreignFieldName notices';

ALTER TABLE ONLY app_public.billing_notices
    ADD CONSTRAINT billing_notices_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.billing_profiles
    ADD CONSTRAINT billing_profiles_issuer_id_fkey FOREIGN KEY (issuer_id) REFERENCES app_public.invoice_issuers(id);

COMMENT ON CONSTRAINT billing_profiles_issuer_id_fkey ON app_public.billing_profiles IS '@behavior -manyRelation:resource:list -manyRelation:resource:connection';

ALTER TABLE ONLY app_public.billing_profiles
    ADD CONSTRAINT billing_profiles_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.credit_entries
    ADD CONSTRAINT credit_entries_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.credit_entries
    ADD CONSTRAINT credit_entries_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES app_public.invoices(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT credit_entries_tenant_id_invoice_id_fkey ON app_public.credit_entries IS '@fieldName invoice
@foreignFieldName creditEntries';

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

ALTER TABLE ONLY app_public.invoice_lines
    ADD CONSTRAINT invoice_lines_component_id_fkey FOREIGN KEY (component_id) REFERENCES app_public.plan_price_components(id);

COMMENT ON CONSTRAINT invoice_lines_component_id_fkey ON app_public.invoice_lines IS '@behavior -manyRelation:resource:list -manyRelation:resource:connection';

ALTER TABLE ONLY app_public.invoice_lines
    ADD CONSTRAINT invoice_lines_price_id_fkey FOREIGN KEY (price_id) REFERENCES app_public.plan_prices(id);

COMMENT ON CONSTRAINT invoice_lines_price_id_fkey ON app_public.invoice_lines IS '@behavior -manyRelation:resource:list -manyRelation:resource:connection';

ALTER TABLE ONLY app_public.invoice_lines
    ADD CONSTRAINT invoice_lines_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.invoice_lines
    ADD CONSTRAINT invoice_lines_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES app_public.invoices(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT invoice_lines_tenant_id_invoice_id_fkey ON app_public.invoice_lines IS '@fieldName invoice
@foreignFieldName lines';

ALTER TABLE ONLY app_public.invoice_lines
    ADD CONSTRAINT invoice_lines_usage_type_fkey FOREIGN KEY (usage_type) REFERENCES app_public.usage_types(name);

COMMENT ON CONSTRAINT invoice_lines_usage_type_fkey ON app_public.invoice_lines IS '@behavior -manyRelation:resource:list -manyRelation:resource:connection';

ALTER TABLE ONLY app_public.invoices
    ADD CONSTRAINT invoices_issuer_id_fkey FOREIGN KEY (issuer_id) REFERENCES app_public.invoice_issuers(id);

COMMENT ON CONSTRAINT invoices_issuer_id_fkey ON app_public.invoices IS '@behavior -manyRelation:resource:list -manyRelation:resource:connection';

ALTER TABLE ONLY app_public.invoices
    ADD CONSTRAINT invoices_subscription_id_fkey FOREIGN KEY (subscription_id) REFERENCES app_public.subscriptions(id);

COMMENT ON CONSTRAINT invoices_subscription_id_fkey ON app_public.invoices IS '@fieldName subscription
@foreignFieldName invoices';

ALTER TABLE ONLY app_public.invoices
    ADD CONSTRAINT invoices_tenant_id_credited_invoice_id_fkey FOREIGN KEY (tenant_id, credited_invoice_id) REFERENCES app_public.invoices(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT invoices_tenant_id_credited_invoice_id_fkey ON app_public.invoices IS '@fieldName creditedInvoice
@foreignFieldName creditNotes';

ALTER TABLE ONLY app_public.invoices
    ADD CONSTRAINT invoices_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.invoices
    ADD CONSTRAINT invoices_usage_price_id_fkey FOREIGN KEY (usage_price_id) REFERENCES app_public.plan_prices(id);

COMMENT ON CONSTRAINT invoices_usage_price_id_fkey ON app_public.invoices IS '@behavior -manyRelation:resource:list -manyRelation:resource:connection';

ALTER TABLE ONLY app_public.llm_model_price_overrides
    ADD CONSTRAINT llm_model_price_overrides_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.llm_model_price_overrides
    ADD CONSTRAINT llm_model_price_overrides_model_id_fkey FOREIGN KEY (model_id) REFERENCES app_public.llm_models(id);

ALTER TABLE ONLY app_public.llm_model_price_overrides
    ADD CONSTRAINT llm_model_price_overrides_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.llm_model_prices
    ADD CONSTRAINT llm_model_prices_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES app_public.user_profiles(id) ON DELETE SET NULL;

ALTER TABLE ONLY app_public.llm_model_prices
    ADD CONSTRAINT llm_model_prices_model_id_fkey FOREIGN KEY (model_id) REFERENCES app_public.llm_models(id);

ALTER TABLE ONLY app_public.llm_models
    ADD CONSTRAINT llm_models_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES app_public.llm_providers(id);

ALTER TABLE ONLY app_public.payment_methods
    ADD CONSTRAINT payment_methods_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.payments
    ADD CONSTRAINT payments_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.payments
    ADD CONSTRAINT payments_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES app_public.invoices(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT payments_tenant_id_invoice_id_fkey ON app_public.payments IS '@fieldName invoice
@foreignFieldName payments';

ALTER TABLE ONLY app_public.payments
    ADD CONSTRAINT payments_tenant_id_payment_method_id_fkey FOREIGN KEY (tenant_id, payment_method_id) REFERENCES app_public.payment_methods(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT payments_tenant_id_payment_method_id_fkey ON app_public.payments IS '@fieldName paymentMethod
@foreignFieldName payments';

ALTER TABLE ONLY app_public.plan_entitlements
    ADD CONSTRAINT plan_entitlements_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES app_public.plans(id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT plan_entitlements_plan_id_fkey ON app_public.plan_entitlements IS '@fieldName plan
@foreignFieldName entitlements';

ALTER TABLE ONLY app_public.plan_price_components
    ADD CONSTRAINT plan_price_components_price_id_fkey FOREIGN KEY (price_id) REFERENCES app_public.plan_prices(id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT plan_price_components_price_id_fkey ON app_public.plan_price_components IS '@fieldName price
@foreignFieldName components';

ALTER TABLE ONLY app_public.plan_price_components
    ADD CONSTRAINT plan_price_components_usage_type_fkey FOREIGN KEY (usage_type) REFERENCES app_public.usage_types(name);

COMMENT ON CONSTRAINT plan_price_components_usage_type_fkey ON app_public.plan_price_components IS '@behavior -manyRelation:resource:list -manyRelation:resource:connection';

ALTER TABLE ONLY app_public.plan_prices
    ADD CONSTRAINT plan_prices_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES app_public.plans(id);

COMMENT ON CONSTRAINT plan_prices_plan_id_fkey ON app_public.plan_prices IS '@fieldName plan
@foreignFieldName prices';

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

ALTER TABLE ONLY app_public.refunds
    ADD CONSTRAINT refunds_tenant_id_credit_note_id_fkey FOREIGN KEY (tenant_id, credit_note_id) REFERENCES app_public.invoices(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT refunds_tenant_id_credit_note_id_fkey ON app_public.refunds IS '@fieldName creditNote
@foreignFieldName refunds';

ALTER TABLE ONLY app_public.refunds
    ADD CONSTRAINT refunds_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.refunds
    ADD CONSTRAINT refunds_tenant_id_payment_id_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES app_public.payments(tenant_id, id) ON DELETE CASCADE;

COMMENT ON CONSTRAINT refunds_tenant_id_payment_id_fkey ON app_public.refunds IS '@fieldName payment
@foreignFieldName refunds';

ALTER TABLE ONLY app_public.subscriptions
    ADD CONSTRAINT subscriptions_pending_plan_id_fkey FOREIGN KEY (pending_plan_id) REFERENCES app_public.plans(id);

COMMENT ON CONSTRAINT subscriptions_pending_plan_id_fkey ON app_public.subscriptions IS '@behavior -manyRelation:resource:list -manyRelation:resource:connection';

ALTER TABLE ONLY app_public.subscriptions
    ADD CONSTRAINT subscriptions_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES app_public.plans(id);

COMMENT ON CONSTRAINT subscriptions_plan_id_fkey ON app_public.subscriptions IS '@behavior -manyRelation:resource:list -manyRelation:resource:connection';

ALTER TABLE ONLY app_public.subscriptions
    ADD CONSTRAINT subscriptions_price_id_fkey FOREIGN KEY (price_id) REFERENCES app_public.plan_prices(id);

COMMENT ON CONSTRAINT subscriptions_price_id_fkey ON app_public.subscriptions IS '@behavior -manyRelation:resource:list -manyRelation:resource:connection';

ALTER TABLE ONLY app_public.subscriptions
    ADD CONSTRAINT subscriptions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

ALTER TABLE ONLY app_public.tenant_entitlement_overrides
    ADD CONSTRAINT tenant_entitlement_overrides_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app_public.tenants(id) ON DELETE CASCADE;

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

CREATE POLICY all_owner ON app_private.finalised_periods TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.invoice_counters TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.invoice_documents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.invoice_numbers TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.llm_calls TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.llm_calls_default TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.llm_texts TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.llm_texts_default TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.payment_customers TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.payment_events TO rowhouse_owner USING (true) WITH CHECK (true);

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

CREATE POLICY all_owner ON app_private.usage_agents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.usage_days TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.usage_events_default TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.usage_idempotency_keys TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.usage_minutes TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.usage_minutes_default TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.usage_queue TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.usage_rollup_state TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.user_identities TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_private.worker_heartbeats TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.admin_access_log TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.analyst_tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.api_call_buffer TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.document_files TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.finalised_periods TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.invoice_counters TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.invoice_documents TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.invoice_numbers TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.llm_calls TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.llm_calls_default TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.llm_texts TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.llm_texts_default TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.payment_customers TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.payment_events TO rowhouse_platform USING (true) WITH CHECK (true);

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

CREATE POLICY all_platform ON app_private.usage_agents TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.usage_days TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.usage_events_default TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.usage_idempotency_keys TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.usage_minutes TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.usage_minutes_default TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.usage_queue TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.usage_rollup_state TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.user_identities TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_private.worker_heartbeats TO rowhouse_platform USING (true) WITH CHECK (true);

ALTER TABLE app_private.analyst_tenants ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.api_call_buffer ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.document_files ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.finalised_periods ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.invoice_counters ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.invoice_documents ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.invoice_numbers ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.llm_calls ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.llm_calls_default ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.llm_texts ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.llm_texts_default ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.payment_customers ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.payment_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.query_log_buffer ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.quota_holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.rate_limit_rules ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_blocks ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_postings ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_rare_postings ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_removals ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.search_terms ENABLE ROW LEVEL SECURITY;

CREATE POLICY select_analyst ON app_private.llm_calls FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_private.usage_days FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_private.usage_minutes FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_own ON app_private.llm_calls FOR SELECT TO rowhouse_user USING (((user_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_own ON app_private.llm_texts FOR SELECT TO rowhouse_user USING (((user_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_audit'::text) AS has_permission)));

CREATE POLICY select_own ON app_private.usage_days FOR SELECT TO rowhouse_user USING (((user_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_own ON app_private.usage_minutes FOR SELECT TO rowhouse_user USING (((user_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

ALTER TABLE app_private.source_query_statistics ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app_private.admin_access_log AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.analyst_tenants AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.api_call_buffer AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.document_files AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.finalised_periods AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.invoice_documents AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.llm_calls AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.llm_calls_default AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.llm_texts AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.llm_texts_default AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.payment_customers AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

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

CREATE POLICY tenant_isolation ON app_private.usage_agents AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.usage_days AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.usage_events_default AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.usage_idempotency_keys AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.usage_minutes AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.usage_minutes_default AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.usage_queue AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_private.usage_rollup_state AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

ALTER TABLE app_private.usage_agents ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_days ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_events_default ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_idempotency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_minutes ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_minutes_default ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_queue ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.usage_rollup_state ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.user_identities ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_private.worker_heartbeats ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.agent_knowledge_sources ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.agents ENABLE ROW LEVEL SECURITY;

CREATE POLICY all_admin ON app_public.invoice_issuers TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.llm_models TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.llm_providers TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.plan_entitlements TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.plan_price_components TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.plan_prices TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.plans TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.rate_limit_config TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_admin ON app_public.usage_quotas TO rowhouse_admin USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agent_knowledge_sources TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.agents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.billing_notices TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.billing_profiles TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.credit_entries TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.document_chunks TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.documents TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.embeddings TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.invoice_issuers TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.invoice_lines TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.invoices TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_model_price_overrides TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_model_prices TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_models TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.llm_providers TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.payment_methods TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.payments TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.plan_entitlements TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.plan_price_components TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.plan_prices TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.plans TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.query_logs TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.quota_alerts TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.quota_reservations TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.quota_tracking TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.rag_knowledge_sources TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.rate_limit_config TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.rate_limit_usage TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.refunds TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.subscriptions TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.tenant_entitlement_overrides TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.usage_events TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.usage_quotas TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.usage_types TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.user_profiles TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_owner ON app_public.user_tenants TO rowhouse_owner USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.agent_knowledge_sources TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.agents TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.billing_notices TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.billing_profiles TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.credit_entries TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.document_chunks TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.documents TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.embeddings TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.invoice_issuers TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.invoice_lines TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.invoices TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.llm_model_price_overrides TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.llm_model_prices TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.llm_models TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.llm_providers TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.payment_methods TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.payments TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.plan_entitlements TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.plan_price_components TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.plan_prices TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.plans TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.query_logs TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.quota_alerts TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.quota_reservations TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.quota_tracking TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.rag_knowledge_sources TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.rate_limit_config TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.rate_limit_usage TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.refunds TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.subscriptions TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.tenant_entitlement_overrides TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.tenants TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.usage_events TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.usage_quotas TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.usage_types TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.user_profiles TO rowhouse_platform USING (true) WITH CHECK (true);

CREATE POLICY all_platform ON app_public.user_tenants TO rowhouse_platform USING (true) WITH CHECK (true);

ALTER TABLE app_public.billing_notices ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.billing_profiles ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.credit_entries ENABLE ROW LEVEL SECURITY;

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

ALTER TABLE app_public.invoice_issuers ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.invoice_lines ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.invoices ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_model_price_overrides ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_model_prices ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_models ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.llm_providers ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.payment_methods ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.payments ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.plan_entitlements ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.plan_price_components ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.plan_prices ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.plans ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.query_logs ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.quota_alerts ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.quota_reservations ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.quota_tracking ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.rag_knowledge_sources ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.rate_limit_config ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.rate_limit_usage ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.refunds ENABLE ROW LEVEL SECURITY;

CREATE POLICY select_admin ON app_public.query_logs FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_role('admin'::text) AS has_role));

CREATE POLICY select_analyst ON app_public.documents FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.query_logs FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.rag_knowledge_sources FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.tenants FOR SELECT TO rowhouse_analyst USING ((id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_analyst ON app_public.usage_events FOR SELECT TO rowhouse_analyst USING ((tenant_id = ANY (( SELECT app_hidden.analyst_tenant_ids() AS analyst_tenant_ids)::uuid[])));

CREATE POLICY select_billing ON app_public.billing_notices FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_billing'::text) AS has_permission));

CREATE POLICY select_billing ON app_public.billing_profiles FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_billing'::text) AS has_permission));

CREATE POLICY select_billing ON app_public.credit_entries FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_billing'::text) AS has_permission));

CREATE POLICY select_billing ON app_public.invoice_lines FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_billing'::text) AS has_permission));

CREATE POLICY select_billing ON app_public.invoices FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_billing'::text) AS has_permission));

CREATE POLICY select_billing ON app_public.payment_methods FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_billing'::text) AS has_permission));

CREATE POLICY select_billing ON app_public.payments FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_billing'::text) AS has_permission));

CREATE POLICY select_billing ON app_public.refunds FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_permission('can_manage_billing'::text) AS has_permission));

CREATE POLICY select_everyone ON app_public.llm_model_prices FOR SELECT TO rowhouse_user, rowhouse_analyst USING (true);

CREATE POLICY select_everyone ON app_public.llm_models FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_everyone ON app_public.llm_providers FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_everyone ON app_public.plan_entitlements FOR SELECT TO rowhouse_user USING ((plan_id IN ( SELECT plans.id
   FROM app_public.plans)));

CREATE POLICY select_everyone ON app_public.plan_price_components FOR SELECT TO rowhouse_user USING ((price_id IN ( SELECT plan_prices.id
   FROM app_public.plan_prices)));

CREATE POLICY select_everyone ON app_public.plan_prices FOR SELECT TO rowhouse_user USING ((plan_id IN ( SELECT plans.id
   FROM app_public.plans)));

CREATE POLICY select_everyone ON app_public.plans FOR SELECT TO rowhouse_user USING ((is_public OR (id IN ( SELECT subscriptions.plan_id
   FROM app_public.subscriptions))));

CREATE POLICY select_everyone ON app_public.usage_types FOR SELECT TO rowhouse_user, rowhouse_analyst USING (true);

CREATE POLICY select_member ON app_public.agent_knowledge_sources FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.agents FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_role('admin'::text) AS has_role)));

CREATE POLICY select_member ON app_public.document_chunks FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.documents FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.embeddings FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.llm_model_price_overrides FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_member ON app_public.quota_alerts FOR SELECT TO rowhouse_user USING ((((quota_scope = 'user'::text) AND (scope_id = ( SELECT app_hidden.current_user_id() AS current_user_id))) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.quota_reservations FOR SELECT TO rowhouse_user USING (((user_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.quota_tracking FOR SELECT TO rowhouse_user USING (((quota_scope <> 'user'::text) OR (scope_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.rag_knowledge_sources FOR SELECT TO rowhouse_user USING (((deleted_at IS NULL) OR ( SELECT app_hidden.has_role('admin'::text) AS has_role)));

CREATE POLICY select_member ON app_public.rate_limit_config FOR SELECT TO rowhouse_user USING (((limit_scope <> 'user'::text) OR (scope_id IS NULL) OR (scope_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.rate_limit_usage FOR SELECT TO rowhouse_user USING (((scope_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.subscriptions FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_role('viewer'::text) AS has_role));

CREATE POLICY select_member ON app_public.tenant_entitlement_overrides FOR SELECT TO rowhouse_user USING (( SELECT app_hidden.has_role('viewer'::text) AS has_role));

CREATE POLICY select_member ON app_public.tenants FOR SELECT TO rowhouse_user USING ((id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY select_member ON app_public.usage_quotas FOR SELECT TO rowhouse_user USING (((quota_scope <> 'user'::text) OR (scope_id IS NULL) OR (scope_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

CREATE POLICY select_member ON app_public.user_profiles FOR SELECT TO rowhouse_user USING (((id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR (id IN ( SELECT user_tenants.user_id
   FROM app_public.user_tenants))));

CREATE POLICY select_member ON app_public.user_tenants FOR SELECT TO rowhouse_user USING (true);

CREATE POLICY select_own ON app_public.usage_events FOR SELECT TO rowhouse_user USING (((user_id = ( SELECT app_hidden.current_user_id() AS current_user_id)) OR ( SELECT app_hidden.has_permission('can_view_analytics'::text) AS has_permission)));

ALTER TABLE app_public.subscriptions ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.tenant_entitlement_overrides ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app_public.agent_knowledge_sources AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.agents AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.billing_notices AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.billing_profiles AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.credit_entries AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.document_chunks AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.documents AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.embeddings AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.invoice_lines AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.invoices AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.llm_model_price_overrides AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.payment_methods AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.payments AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.query_logs AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.quota_alerts AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.quota_reservations AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.quota_tracking AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.rag_knowledge_sources AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.rate_limit_config AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.rate_limit_usage AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.refunds AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.subscriptions AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.tenant_entitlement_overrides AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.usage_events AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.usage_quotas AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

CREATE POLICY tenant_isolation ON app_public.user_tenants AS RESTRICTIVE TO rowhouse_owner, rowhouse_user, rowhouse_worker, rowhouse_authenticator USING ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id))) WITH CHECK ((tenant_id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)));

ALTER TABLE app_public.tenants ENABLE ROW LEVEL SECURITY;

CREATE POLICY update_admin ON app_public.tenants FOR UPDATE TO rowhouse_user USING (((id = ( SELECT app_hidden.current_tenant_id() AS current_tenant_id)) AND ( SELECT app_hidden.has_role('admin'::text) AS has_role)));

CREATE POLICY update_manager ON app_public.rate_limit_config FOR UPDATE TO rowhouse_user USING (((source = 'own'::text) AND (NOT is_default) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission))) WITH CHECK (((source = 'own'::text) AND (NOT is_default) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission)));

CREATE POLICY update_manager ON app_public.usage_quotas FOR UPDATE TO rowhouse_user USING (((source = 'own'::text) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission))) WITH CHECK (((source = 'own'::text) AND (NOT overage_allowed) AND ( SELECT app_hidden.has_permission('can_manage_settings'::text) AS has_permission)));

CREATE POLICY update_member ON app_public.agents FOR UPDATE TO rowhouse_user USING ((( SELECT app_hidden.has_role('member'::text) AS has_role) AND (deleted_at IS NULL)));

CREATE POLICY update_member ON app_public.rag_knowledge_sources FOR UPDATE TO rowhouse_user USING ((( SELECT app_hidden.has_role('member'::text) AS has_role) AND (deleted_at IS NULL)));

CREATE POLICY update_self ON app_public.user_profiles FOR UPDATE TO rowhouse_user USING ((id = ( SELECT app_hidden.current_user_id() AS current_user_id)));

ALTER TABLE app_public.usage_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.usage_quotas ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_public.usage_types ENABLE ROW LEVEL SECURITY;

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

REVOKE ALL ON FUNCTION app_hidden.are_price_tiers(tiers jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.are_price_tiers(tiers jsonb) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.are_price_tiers(tiers jsonb) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.billing_period(at timestamp with time zone, anchor_on date, timezone text, months integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.billing_period(at timestamp with time zone, anchor_on date, timezone text, months integer) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.billing_period(at timestamp with time zone, anchor_on date, timezone text, months integer) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.chunks(content text, chunk_size integer, chunk_overlap integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.clock() FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.clock() TO rowhouse_authenticator;
GRANT ALL ON FUNCTION app_hidden.clock() TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.clock() TO rowhouse_worker;
GRANT ALL ON FUNCTION app_hidden.clock() TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.is_money(amount numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.is_money(amount numeric) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.is_money(amount numeric) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.usage_charge(model app_public.price_model_enum, quantity numeric, included_quantity numeric, unit_amount numeric, package_size numeric, tiers jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.usage_charge(model app_public.price_model_enum, quantity numeric, included_quantity numeric, unit_amount numeric, package_size numeric, tiers jsonb) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.usage_charge(model app_public.price_model_enum, quantity numeric, included_quantity numeric, unit_amount numeric, package_size numeric, tiers jsonb) TO rowhouse_platform;

GRANT SELECT ON TABLE app_public.plan_price_components TO rowhouse_user;
GRANT INSERT,DELETE,UPDATE ON TABLE app_public.plan_price_components TO rowhouse_admin;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.plan_price_components TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.component_charge(component app_public.plan_price_components, quantity numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.component_charge(component app_public.plan_price_components, quantity numeric) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.component_charge(component app_public.plan_price_components, quantity numeric) TO rowhouse_platform;

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

REVOKE ALL ON FUNCTION app_hidden.derived_id(key text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.derived_id(key text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.derived_id(key text) TO rowhouse_analyst;

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

REVOKE ALL ON FUNCTION app_hidden.local_days(starts timestamp with time zone, ends timestamp with time zone, timezone text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.local_days(starts timestamp with time zone, ends timestamp with time zone, timezone text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.local_days(starts timestamp with time zone, ends timestamp with time zone, timezone text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.minor_units(currency text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.minor_units(currency text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.minor_units(currency text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.pieces(sentence text, max_length integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.query_embedding_model(query text, embedding_model text, source_ids uuid[], agent_id uuid, tags text[], category text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.query_embedding_model(query text, embedding_model text, source_ids uuid[], agent_id uuid, tags text[], category text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_hidden.rebuild_search_index() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.role_permissions(role text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.role_permissions(role text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.role_permissions(role text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.round_money(amount numeric, currency text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.round_money(amount numeric, currency text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.round_money(amount numeric, currency text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.search_check() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.search_settings() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.search_vector(config regconfig, title text, chunk text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.searchable_text(title text, chunk text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.sentences(content text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.share_of(amount numeric, days integer, period_days integer, currency text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_hidden.share_of(amount numeric, days integer, period_days integer, currency text) TO rowhouse_user;
GRANT ALL ON FUNCTION app_hidden.share_of(amount numeric, days integer, period_days integer, currency text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_hidden.text_search_config(language text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_hidden.token_count(vector tsvector) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.add_to_agents(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.add_to_rollups(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone, timezone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.adjustment_amount(component app_public.plan_price_components, quantity_before numeric, quantity numeric, currency text) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.invoice_lines TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.invoice_lines TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.adjustment_lines(tenant_id uuid, except_invoice_id uuid, until_batch bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.advance_subscription(tenant_id uuid) FROM PUBLIC;

GRANT SELECT,DELETE ON TABLE app_private.usage_agents TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.agent_totals_of_days() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.alive_workers(silent_for interval) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.alive_workers(silent_for interval) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.any_term(terms text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.apply_detachment(provider text, method jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.apply_entitlements(tenant_id uuid) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.invoices TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.invoices TO rowhouse_platform;

GRANT SELECT ON TABLE app_public.payments TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.payments TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.apply_payment(invoice app_public.invoices, payment app_public.payments) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.apply_payment_intent(type text, intent jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.apply_plan_quotas(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.apply_refund(provider text, refund jsonb) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.assert_secured() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.authenticate(claims jsonb, requested_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.authenticate(claims jsonb, requested_tenant text) TO rowhouse_authenticator;

GRANT SELECT ON TABLE app_public.billing_profiles TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.billing_profiles TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.begin_billing() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.begin_overview(OUT period tstzrange, OUT first_day date, OUT last_day date) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.begin_parsing(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.begin_parsing(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.begin_payment(tenant_id uuid, invoice_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.begin_payment(tenant_id uuid, invoice_id uuid) TO rowhouse_worker;

GRANT SELECT ON TABLE app_public.subscriptions TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.subscriptions TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.begin_period(subscription app_public.subscriptions, at timestamp with time zone, anchor_on date, status app_public.subscription_status_enum) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.begin_request(claims jsonb, requested_tenant text, api_key_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.begin_request(claims jsonb, requested_tenant text, api_key_id uuid) TO rowhouse_authenticator;

REVOKE ALL ON FUNCTION app_private.begin_usage() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.bill_end(subscription app_public.subscriptions, at timestamp with time zone, credit_unused boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.bill_period(subscription app_public.subscriptions, ended app_public.subscriptions) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.billable_usage(tenant_id uuid, usage_type text, period tstzrange) FROM PUBLIC;

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

REVOKE ALL ON FUNCTION app_private.can_be_charged(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.change_count(tenant_id uuid, quota_type text, delta numeric, user_id uuid, scope text) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.plan_prices TO rowhouse_user;
GRANT INSERT,DELETE,UPDATE ON TABLE app_public.plan_prices TO rowhouse_admin;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.plan_prices TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.change_lines(subscription app_public.subscriptions, price app_public.plan_prices, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.check_rate_limit(tenant_id uuid, user_id uuid, agent_id uuid, api_key_id uuid, requests double precision, tokens double precision, cost double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.check_rate_limit(tenant_id uuid, user_id uuid, agent_id uuid, api_key_id uuid, requests double precision, tokens double precision, cost double precision) TO rowhouse_owner;
GRANT ALL ON FUNCTION app_private.check_rate_limit(tenant_id uuid, user_id uuid, agent_id uuid, api_key_id uuid, requests double precision, tokens double precision, cost double precision) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.check_search_arguments(query text, mode app_public.search_mode, "limit" integer, skip integer, rrf_k integer, fusion app_public.fusion_method, metadata jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.check_usage(inputs app_private.usage_input[], OUT first_at timestamp with time zone, OUT last_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.check_use(quota_type text, amount numeric, agent_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.chunk_documents(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.chunks_at(hits app_private.search_position[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.chunks_to_embed(tenant_id uuid, document_ids uuid[], batch_limit integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.claim_usage_keys(inputs app_private.usage_input[], batch_id bigint) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.usage_events TO rowhouse_user;
GRANT SELECT,DELETE ON TABLE app_public.usage_events TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.countable_usage(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.counted_usage(tenant_ids uuid[], quota_type text, user_id uuid) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.quota_tracking TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.quota_tracking TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.counters_wanted(tenant_id uuid, quota_type text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.create_month(parent regclass, key name, leftover regclass, month timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.create_partitions(months_ahead integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.create_partitions(months_ahead integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.credit_balance(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.creditable(tenant_id uuid, invoice_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.delete_tenant(slug text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.document_error(item jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.draft_invoice(tenant_id uuid, reason text, subscription app_public.subscriptions, usage tstzrange, usage_price_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.draft_of_staff(invoice_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.drop_llm_texts() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.drop_llm_texts() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.dunning_days() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.embed_builtin(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.embed_builtin(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.end_subscription(subscription app_public.subscriptions, status app_public.subscription_status_enum, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) TO rowhouse_owner;
GRANT ALL ON FUNCTION app_private.enqueue_job(task text, payload json, job_key text, max_attempts integer) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.enqueue_stage(stage app_hidden.processing_stage, tenant_id uuid, document_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.enter_quota_chain(tenant_id uuid, quota_type text) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.enter_tenant(IN tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.entitled_plan(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.entitlements_of(tenant_id uuid) FROM PUBLIC;

GRANT SELECT ON TABLE app_private.llm_calls TO rowhouse_user;
GRANT SELECT,DELETE ON TABLE app_private.llm_calls TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.events_of_call(key text, call app_private.llm_calls) FROM PUBLIC;

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

REVOKE ALL ON FUNCTION app_private.finalise(tenant_id uuid, invoice_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.finalise_usage_period(period tstzrange) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.finish_attaching(tenant_id uuid, payment_method_id uuid, brand text, last4 text, expires_month integer, expires_year integer, failure_message text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.finish_attaching(tenant_id uuid, payment_method_id uuid, brand text, last4 text, expires_month integer, expires_year integer, failure_message text) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.finish_embedding(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.finish_embedding(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.finish_parsing(tenant_id uuid, document_id uuid, title text, content text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.finish_parsing(tenant_id uuid, document_id uuid, title text, content text, metadata jsonb) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.finish_payment(tenant_id uuid, payment_id uuid, outcome text, provider_payment_id text, failure_code text, failure_message text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.finish_payment(tenant_id uuid, payment_id uuid, outcome text, provider_payment_id text, failure_code text, failure_message text) TO rowhouse_worker;

GRANT SELECT ON TABLE app_public.refunds TO rowhouse_user;

REVOKE ALL ON FUNCTION app_private.finish_refund(tenant_id uuid, refund_id uuid, outcome text, provider_refund_id text, failure_message text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.finish_refund(tenant_id uuid, refund_id uuid, outcome text, provider_refund_id text, failure_message text) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.follow_payment(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.forget_rate_windows() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.forget_rate_windows() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.fused_score(fusion app_public.fusion_method, vector_weight double precision, rrf_k integer, bm25_rank integer, vector_rank integer, bm25_score double precision, vector_score double precision, highest_bm25_score double precision, lowest_vector_score double precision, highest_vector_score double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.global_tables() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.grant_analyst_access(login name, tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.has_many_vectors(model_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.has_usage_to_bill(tenant_id uuid, price_id uuid) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.quota_reservations TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.quota_reservations TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.hold_quota(reservation app_public.quota_reservations) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.hold_quota(reservation app_public.quota_reservations) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.identify(claims jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.index_documents(tenant_id uuid, document_ids uuid[]) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.indexed_vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.insert_lines(invoice app_public.invoices, lines app_public.invoice_lines[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.invoice_number_gaps() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.invoice_to_render(tenant_id uuid, invoice_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.invoice_to_render(tenant_id uuid, invoice_id uuid) TO rowhouse_worker;

GRANT SELECT ON TABLE app_public.plans TO rowhouse_user;
GRANT INSERT,DELETE,UPDATE ON TABLE app_public.plans TO rowhouse_admin;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.plans TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.is_upgrade(subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.keys_of_usage(inputs app_private.usage_input[], now_is timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.late_usage(tenant_id uuid, usage_type text, period tstzrange, until_batch bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.leftover_months(leftover regclass, key name) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.leftover_months(leftover regclass, key name) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.list_tenants() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.live_subscription(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.local_midnight(at timestamp with time zone, timezone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.lock_billing(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.log_query(query text, keep text, mode app_public.search_mode, agent_id uuid, started_at timestamp with time zone, hits app_public.search_hit[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.make_default(tenant_id uuid, id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.merge_candidates(chunk_count integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.merge_is_due(tenant_id uuid, minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.merge_is_due(tenant_id uuid, minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.merge_removals() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.merge_search_index(tenant_id uuid, minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.merge_search_index(tenant_id uuid, minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.metering_lock(purpose text) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.payment_methods TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.payment_methods TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.method_of_mine(id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.models_to_index(minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.models_to_index(minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.month_start(at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.month_start(at timestamp with time zone) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.monthly_tables() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.move_count(tenant_id uuid, quota_type text, amount numeric, old_user_id uuid, new_user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.move_leftover(leftover regclass, target regclass, key name, from_at timestamp with time zone, to_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.move_leftover(leftover regclass, target regclass, key name, from_at timestamp with time zone, to_at timestamp with time zone) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.note_quota_alerts(counter app_public.quota_tracking, usage_before numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.notify_billing(tenant_id uuid, kind text, subject_key text, message text, subscription_id uuid, invoice_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.only_keys(value jsonb, keys text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.open_document(invoice_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.operator_identity(tenant text, email text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.operator_identity(tenant text, email text) TO rowhouse_authenticator;

REVOKE ALL ON FUNCTION app_private.overview_period(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.own_reservation(reservation_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.parse_question(query text, source_ids uuid[], title_boost double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.pause(subscription app_public.subscriptions, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.payment_method_job(tenant_id uuid, payment_method_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.payment_method_job(tenant_id uuid, payment_method_id uuid) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.payment_missed(invoice app_public.invoices, payment_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.payments_to_collect(at_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.payments_to_collect(at_most integer) TO rowhouse_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_changes TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.pending_removals() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.place_price(target regclass, model_id uuid, valid_from timestamp with time zone, valid_to timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.plan_by_slug(slug text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.plan_price_at(plan_id uuid, currency text, billing_cycle app_public.billing_cycle_enum, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.positions_above(threshold double precision, block_ids bigint[], terms text[], weights double precision[], scale double precision, rare_terms text[], dimension integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.preview(tenant_id uuid, at timestamp with time zone, lines app_public.invoice_lines[], in_currency text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.price_at(prices app_private.model_price[], model_id uuid, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.prices_of_models(model_ids uuid[]) FROM PUBLIC;

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

REVOKE ALL ON FUNCTION app_private.rate_per_token(price app_private.model_price, token_class text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.rate_window_steps() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.read_usage(events jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.rebuild_rollups(tenant_id uuid, from_on date, to_on date) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.receipt_of_call(call app_private.llm_calls, is_repeated boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.receive_payment_event(provider text, event_id text, type text, occurred_at timestamp with time zone, payload jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.receive_payment_event(provider text, event_id text, type text, occurred_at timestamp with time zone, payload jsonb) TO rowhouse_authenticator;

REVOKE ALL ON FUNCTION app_private.recompute_line(line app_public.invoice_lines, invoice app_public.invoices) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.record_heartbeats(worker_ids text[], silent_for interval) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.record_tenant_llm_usage(tenant_id uuid, call jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.record_tenant_llm_usage(tenant_id uuid, call jsonb) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.record_tenant_usage(tenant_id uuid, events jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.record_tenant_usage(tenant_id uuid, events jsonb) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.recount_quotas(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.recurring_line(price app_public.plan_prices, kind app_public.invoice_line_kind_enum, sign integer, service tstzrange, basis tstzrange, timezone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.refresh_agent_statistics(agent_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.refresh_quota_counters(tenant_id uuid, quota_type text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.refresh_rate_limit_rules(tenant_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.refresh_usage(invoice app_public.invoices, until_batch bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.refund_to_make(tenant_id uuid, refund_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.refund_to_make(tenant_id uuid, refund_id uuid) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.refuse_quota(counter app_public.quota_tracking, tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.refuse_usage(problem text, place bigint, batch_size integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.release_dead_workers(alive_worker_ids text[], silent_for interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.remind_of_trial(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.request_api_key_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.require_permission(permission text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.require_permission(permission text) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.require_price_setter() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.require_role(minimum text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.require_staff() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.rerated_usage(from_at timestamp with time zone, to_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.resume_documents(tenant_id uuid, document_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.revoke_analyst_access(login name, tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.roll_up_usage(tenant_id uuid, max_events integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.roll_up_usage(tenant_id uuid, max_events integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.run_billing(tenant_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.run_billing(tenant_id uuid) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.scope_of(source_ids uuid[], document_ids uuid[], created_after timestamp with time zone, created_before timestamp with time zone, metadata jsonb, text_filter tsquery) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_idf(document_count integer, total_docs integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_length_norm(document_length integer, average_length double precision, k1 double precision, b double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_model(embedding_model text, source_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.search_totals() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.searchable_sources(source_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.secure_global_table(IN target regclass) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app_private.secure_tenant_table(IN target regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.security_gaps() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.seed_example_plans() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.settle(tenant_id uuid, invoice_id uuid, paid numeric, credited numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.settle_holds(reservation app_public.quota_reservations, actual numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.settle_holds(reservation app_public.quota_reservations, actual numeric) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.settled_subscription(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.similar_terms(term text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.snippet(content text, terms text[], config regconfig) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.sources_in_scope(source_ids uuid[], agent_id uuid, tags text[], category text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.sparse_impacts(positions smallint[], impacts smallint[], idf double precision, dimension integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.status_of_counter(counter app_public.quota_tracking) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.status_of_counter(counter app_public.quota_tracking) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.store_api_calls() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_api_calls() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.store_customer(tenant_id uuid, provider text, customer_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_customer(tenant_id uuid, provider text, customer_id text) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_embeddings(tenant_id uuid, model_id uuid, chunk_ids bigint[], vectors public.vector[], generation_time_ms integer, cost_usd numeric) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.store_invoice_document(tenant_id uuid, invoice_id uuid, html text, pdf bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_invoice_document(tenant_id uuid, invoice_id uuid, html text, pdf bytea) TO rowhouse_worker;

GRANT SELECT ON TABLE app_private.llm_texts TO rowhouse_user;
GRANT SELECT,DELETE ON TABLE app_private.llm_texts TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.store_llm_call(key text, call app_private.llm_calls, texts app_private.llm_texts) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.store_query_logs() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.store_query_logs() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.store_usage(inputs app_private.usage_input[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.subscription_period(subscription app_public.subscriptions, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.take_api_calls(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.take_api_calls(most integer) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.take_number(invoice app_public.invoices, at timestamp with time zone, due_at timestamp with time zone, credit numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tenant_of_provider_object(provider text, object_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tenant_of_provider_object(provider text, object_id text) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tenants_to_bill(after uuid, at_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tenants_to_bill(after uuid, at_most integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.tenants_to_merge(minimum integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tenants_to_merge(minimum integer) TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.tenants_to_roll_up() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tenants_to_roll_up() TO rowhouse_worker;

REVOKE ALL ON FUNCTION app_private.term_document_counts() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.term_statistics(terms text[], unmerged_ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.terms_with_prefix(prefix text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.text_condition(config regconfig, text text, is_title boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__apply_entitlements() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__drop_search_index() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__drop_search_index() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg__drop_usage() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg__drop_usage() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg__forbid_truncate() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__keep_price() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg__keep_usage() FROM PUBLIC;

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

REVOKE ALL ON FUNCTION app_private.tg_invoice_lines__keep_final() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_invoices__keep_final() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_plan_price_components__keep_history() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_plan_prices__keep_history() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tg_rate_limit_config__check_scope() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_rate_limit_config__check_scope() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_rate_limit_config__refresh_rules() FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.tg_rate_limit_config__refresh_rules() TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.tg_subscriptions__keep_states() FROM PUBLIC;

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

REVOKE ALL ON FUNCTION app_private.total_invoice(tenant_id uuid, invoice_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.tsquery_term(term text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unknown_terms(terms text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unmerged_chunk_ids() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unmerged_terms() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.unused_line(subscription app_public.subscriptions, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.upgrade_now(subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.usage_by_agent(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) FROM PUBLIC;

GRANT SELECT ON TABLE app_private.usage_days TO rowhouse_user;
GRANT SELECT ON TABLE app_private.usage_days TO rowhouse_analyst;
GRANT SELECT,DELETE ON TABLE app_private.usage_days TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.usage_by_day(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone, timezone text) FROM PUBLIC;

GRANT SELECT ON TABLE app_private.usage_minutes TO rowhouse_user;
GRANT SELECT ON TABLE app_private.usage_minutes TO rowhouse_analyst;
GRANT SELECT,DELETE ON TABLE app_private.usage_minutes TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.usage_by_minute(batch_ids bigint[], from_at timestamp with time zone, to_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.usage_description(component app_public.plan_price_components, quantity numeric) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.usage_lines(tenant_id uuid, price_id uuid, period tstzrange) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.use_quota(tenant_id uuid, quota_type text, amount numeric, user_id uuid, agent_id uuid, api_key_id uuid, reservation_id uuid, expires_at timestamp with time zone, scope text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.use_quota(tenant_id uuid, quota_type text, amount numeric, user_id uuid, agent_id uuid, api_key_id uuid, reservation_id uuid, expires_at timestamp with time zone, scope text) TO rowhouse_owner;

REVOKE ALL ON FUNCTION app_private.use_rate_window(rule app_private.rate_limit_rules, subject_id uuid, amount double precision, at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.uuid_or_null(value text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.vector_expression(model app_public.llm_models, argument text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.vector_index_is_ready(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_is_ready(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_index_name(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_name(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) TO rowhouse_worker;
GRANT ALL ON FUNCTION app_private.vector_index_statements(model_id uuid) TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_private.vector_ranking(model app_public.llm_models, query_embedding public.vector, scope app_private.search_scope, depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.verify_billing(tenant_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.verify_quotas() FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.with_terms(terms jsonb, more text[], weight double precision, written_as text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.writable_source(source_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.write_credit_note(invoice app_public.invoices, amount numeric, memo text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app_private.write_usage(inputs app_private.usage_input[], places integer[], batch_id bigint, first_at timestamp with time zone, last_at timestamp with time zone) FROM PUBLIC;

GRANT SELECT ON TABLE app_public.quota_alerts TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.quota_alerts TO rowhouse_platform;

REVOKE ALL ON FUNCTION app_public.acknowledge_quota_alert(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.acknowledge_quota_alert(id uuid) TO rowhouse_user;

GRANT SELECT ON TABLE app_public.credit_entries TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.add_credit(amount numeric, memo text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.add_credit(amount numeric, memo text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.add_invoice_line(invoice_id uuid, description text, amount numeric, kind app_public.invoice_line_kind_enum) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.add_invoice_line(invoice_id uuid, description text, amount numeric, kind app_public.invoice_line_kind_enum) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.add_payment_method(provider_method_id text, provider text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.add_payment_method(provider_method_id text, provider text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.apply_rerate(from_at timestamp with time zone, to_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.apply_rerate(from_at timestamp with time zone, to_at timestamp with time zone) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.billing_profiles_credit_balance(profile app_public.billing_profiles) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.billing_profiles_credit_balance(profile app_public.billing_profiles) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) TO rowhouse_user;
GRANT ALL ON FUNCTION app_public.bm25_score(term_freq double precision, doc_freq integer, total_docs integer, doc_length integer, avg_doc_length double precision, k1 double precision, b double precision) TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_public.cancel_subscription(at_period_end boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.cancel_subscription(at_period_end boolean) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.change_plan(plan text, billing_cycle app_public.billing_cycle_enum) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.change_plan(plan text, billing_cycle app_public.billing_cycle_enum) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.check_rate_limit(agent_id uuid, requests integer, tokens bigint, cost numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.check_rate_limit(agent_id uuid, requests integer, tokens bigint, cost numeric) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.consume_quota(quota_type text, amount numeric, agent_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.consume_quota(quota_type text, amount numeric, agent_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.create_credit_note(invoice_id uuid, amount numeric, memo text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.create_credit_note(invoice_id uuid, amount numeric, memo text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.create_documents(source_id uuid, documents jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.create_documents(source_id uuid, documents jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.create_invoice(memo text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.create_invoice(memo text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.create_tenant(slug text, name text, owner_email text, owner_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.create_tenant(slug text, name text, owner_email text, owner_name text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.current_subscription() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.current_subscription() TO rowhouse_user;

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

REVOKE ALL ON FUNCTION app_public.delete_draft_invoice(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.delete_draft_invoice(id uuid) TO rowhouse_user;

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

GRANT SELECT ON TABLE app_public.llm_model_price_overrides TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.end_tenant_llm_model_price(model_id uuid, valid_to timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.end_tenant_llm_model_price(model_id uuid, valid_to timestamp with time zone) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.entitlements() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.entitlements() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.explain_invoice(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.explain_invoice(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.finalise_invoice(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.finalise_invoice(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.invoice(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.invoice(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.invoices_html(invoice app_public.invoices) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.invoices_html(invoice app_public.invoices) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.invoices_pdf_base64(invoice app_public.invoices) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.invoices_pdf_base64(invoice app_public.invoices) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.my_quotas(agent_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.my_quotas(agent_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.my_tenants() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.my_tenants() TO rowhouse_user;

GRANT SELECT ON TABLE app_public.tenant_entitlement_overrides TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.override_entitlement(kind app_public.entitlement_kind_enum, key text, is_enabled boolean, quota_limit numeric, overage_allowed boolean, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.override_entitlement(kind app_public.entitlement_kind_enum, key text, is_enabled boolean, quota_limit numeric, overage_allowed boolean, reason text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.pause_subscription() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.pause_subscription() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.pay_invoice(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.pay_invoice(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.preview_invoice() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.preview_invoice() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.preview_plan_change(plan text, billing_cycle app_public.billing_cycle_enum) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.preview_plan_change(plan text, billing_cycle app_public.billing_cycle_enum) TO rowhouse_user;

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

REVOKE ALL ON FUNCTION app_public.record_llm_usage(idempotency_key text, model text, input_tokens bigint, output_tokens bigint, cached_input_tokens bigint, reasoning_tokens bigint, prompt_tokens bigint, completion_tokens bigint, total_tokens bigint, occurred_at timestamp with time zone, agent_id uuid, agent_name text, project_id uuid, model_config_id uuid, conversation_id uuid, panel_id uuid, response_time_ms integer, time_to_first_token_ms integer, temperature numeric, max_tokens integer, top_p numeric, finish_reason text, function_call jsonb, success boolean, error_type text, error_message text, prompt_text text, system_prompt text, completion_text text, user_id uuid, api_key_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.record_llm_usage(idempotency_key text, model text, input_tokens bigint, output_tokens bigint, cached_input_tokens bigint, reasoning_tokens bigint, prompt_tokens bigint, completion_tokens bigint, total_tokens bigint, occurred_at timestamp with time zone, agent_id uuid, agent_name text, project_id uuid, model_config_id uuid, conversation_id uuid, panel_id uuid, response_time_ms integer, time_to_first_token_ms integer, temperature numeric, max_tokens integer, top_p numeric, finish_reason text, function_call jsonb, success boolean, error_type text, error_message text, prompt_text text, system_prompt text, completion_text text, user_id uuid, api_key_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.record_payment(invoice_id uuid, amount numeric, reference text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.record_payment(invoice_id uuid, amount numeric, reference text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.record_usage(idempotency_key text, usage_type text, quantity numeric, occurred_at timestamp with time zone, agent_id uuid, project_id uuid, model_id uuid, feature_name text, outcome app_public.usage_outcome, duration_ms integer, metadata jsonb, user_id uuid, api_key_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.record_usage(idempotency_key text, usage_type text, quantity numeric, occurred_at timestamp with time zone, agent_id uuid, project_id uuid, model_id uuid, feature_name text, outcome app_public.usage_outcome, duration_ms integer, metadata jsonb, user_id uuid, api_key_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.record_usages(events jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.record_usages(events jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.refund_payment(payment_id uuid, amount numeric, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.refund_payment(payment_id uuid, amount numeric, reason text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.release_usage(reservation_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.release_usage(reservation_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.remove_entitlement_override(kind app_public.entitlement_kind_enum, key text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.remove_entitlement_override(kind app_public.entitlement_kind_enum, key text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.remove_invoice_line(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.remove_invoice_line(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.remove_payment_method(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.remove_payment_method(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.reprocess_knowledge_source(source_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.reprocess_knowledge_source(source_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.rerate_usage(from_at timestamp with time zone, to_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.rerate_usage(from_at timestamp with time zone, to_at timestamp with time zone) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.reserve_usage(quota_type text, amount numeric, ttl_seconds integer, agent_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.reserve_usage(quota_type text, amount numeric, ttl_seconds integer, agent_id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_agent(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_agent(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.restore_knowledge_source(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.restore_knowledge_source(id uuid) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.resume_subscription() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.resume_subscription() TO rowhouse_user;

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

REVOKE ALL ON FUNCTION app_public.set_billing_terms(tax_mode text, tax_rate numeric, collection_method text, issuer_slug text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.set_billing_terms(tax_mode text, tax_rate numeric, collection_method text, issuer_slug text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.set_default_payment_method(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.set_default_payment_method(id uuid) TO rowhouse_user;

GRANT SELECT ON TABLE app_public.llm_model_prices TO rowhouse_user;
GRANT SELECT ON TABLE app_public.llm_model_prices TO rowhouse_analyst;

REVOKE ALL ON FUNCTION app_public.set_llm_model_price(model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric, cached_input_usd_per_million numeric, reasoning_usd_per_million numeric, valid_from timestamp with time zone, valid_to timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.set_llm_model_price(model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric, cached_input_usd_per_million numeric, reasoning_usd_per_million numeric, valid_from timestamp with time zone, valid_to timestamp with time zone) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.set_tenant_llm_model_price(model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric, cached_input_usd_per_million numeric, reasoning_usd_per_million numeric, valid_from timestamp with time zone, valid_to timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.set_tenant_llm_model_price(model_id uuid, input_usd_per_million numeric, output_usd_per_million numeric, cached_input_usd_per_million numeric, reasoning_usd_per_million numeric, valid_from timestamp with time zone, valid_to timestamp with time zone) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.settle_usage(reservation_id uuid, actual numeric) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.settle_usage(reservation_id uuid, actual numeric) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.start_subscription(plan text, billing_cycle app_public.billing_cycle_enum, skip_trial boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.start_subscription(plan text, billing_cycle app_public.billing_cycle_enum, skip_trial boolean) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.update_billing_profile(legal_name text, email text, address text, country_code text, tax_number text, currency text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.update_billing_profile(legal_name text, email text, address text, country_code text, tax_number text, currency text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.update_document(id uuid, title text, metadata jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.upload_file(source_id uuid, file_name text, content_base64 text, media_type text, external_id text, title text, metadata jsonb) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.usage_by_day() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.usage_by_day() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.usage_by_model() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.usage_by_model() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.usage_overview() FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.usage_overview() TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.verify_rollups(from_on date, to_on date) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.verify_rollups(from_on date, to_on date) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_public.void_invoice(id uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION app_public.void_invoice(id uuid, reason text) TO rowhouse_user;

REVOKE ALL ON FUNCTION app_private.array_concat(anycompatiblearray) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.admin_access_log TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.analyst_tenants TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.api_call_buffer TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.document_files TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_private.llm_calls_default TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_private.llm_texts_default TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.query_log_buffer TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.quota_holds TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_removals TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.search_terms TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.source_query_statistics TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_private.usage_events_default TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_private.usage_idempotency_keys TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_private.usage_minutes_default TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_private.usage_queue TO rowhouse_platform;

GRANT SELECT ON TABLE app_private.usage_rollup_state TO rowhouse_platform;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_private.user_identities TO rowhouse_platform;

GRANT SELECT,DELETE ON TABLE app_public.agent_knowledge_sources TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.agent_knowledge_sources TO rowhouse_platform;

GRANT INSERT(agent_id) ON TABLE app_public.agent_knowledge_sources TO rowhouse_user;

GRANT INSERT(source_id) ON TABLE app_public.agent_knowledge_sources TO rowhouse_user;

GRANT SELECT ON TABLE app_public.billing_notices TO rowhouse_user;

GRANT SELECT ON TABLE app_public.cost_tracking TO rowhouse_user;
GRANT SELECT ON TABLE app_public.cost_tracking TO rowhouse_analyst;

GRANT SELECT ON TABLE app_public.embedding_statistics TO rowhouse_user;

GRANT SELECT ON TABLE app_public.embeddings TO rowhouse_user;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.embeddings TO rowhouse_platform;

GRANT SELECT ON TABLE app_public.feature_usage TO rowhouse_user;
GRANT SELECT ON TABLE app_public.feature_usage TO rowhouse_analyst;

GRANT SELECT ON TABLE app_public.invoice_issuers TO rowhouse_user;
GRANT INSERT,DELETE,UPDATE ON TABLE app_public.invoice_issuers TO rowhouse_admin;

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

GRANT SELECT ON TABLE app_public.llm_usage_logs TO rowhouse_user;

GRANT SELECT ON TABLE app_public.plan_entitlements TO rowhouse_user;
GRANT INSERT,DELETE,UPDATE ON TABLE app_public.plan_entitlements TO rowhouse_admin;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app_public.plan_entitlements TO rowhouse_platform;

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

GRANT SELECT ON TABLE app_public.tenant_usage_tracking TO rowhouse_user;
GRANT SELECT ON TABLE app_public.tenant_usage_tracking TO rowhouse_analyst;

GRANT SELECT ON TABLE app_public.token_usage_summary TO rowhouse_user;

GRANT SELECT ON TABLE app_public.usage_types TO rowhouse_user;
GRANT SELECT ON TABLE app_public.usage_types TO rowhouse_analyst;

GRANT SELECT ON TABLE app_public.usage_logs TO rowhouse_user;

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

GRANT SELECT ON TABLE app_public.usage_tracking TO rowhouse_user;
GRANT SELECT ON TABLE app_public.usage_tracking TO rowhouse_analyst;

