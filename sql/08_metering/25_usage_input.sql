-- The checks of an event before anything is stored. One pass checks a whole batch; the error names the first event that is
-- refused by its position, and nothing of the batch is stored.

call core.secure_global_table('app_public.usage_types', 'what can be used means the same for every tenant');
call audit.track_global('app_public.usage_types', null);
call core.allow('app_public.usage_types', read => 'everyone');
grant select on app_public.usage_types to rowhouse_user, rowhouse_platform;
comment on table app_public.usage_types is
  E'@behavior -insert -update -delete -query:resource:single\nWhat can be used, and in which unit. The types are the same for every tenant, so that plans can price them.';
comment on column app_public.usage_types.name is E'@notPersonal\nThe name under which it is recorded, such as output_tokens.';
comment on column app_public.usage_types.display_name is E'@notPersonal\nThe name that people read.';
comment on column app_public.usage_types.unit is 'The unit: what a quantity of 1 is.';
comment on column app_public.usage_types.is_whole is 'Whether quantities are whole numbers.';
comment on column app_public.usage_types.max_quantity is 'The largest quantity of one event.';
comment on column app_public.usage_types.token_class is
  'The class of tokens of a language model, whose cost is computed from the price of the model; null for everything else.';
comment on column app_public.usage_types.is_recorded is
  'Whether there are events of this type. Of llm_cost there are none: its quantity is the cost of the tokens that were recorded.';
comment on column app_public.usage_types.created_at is 'When the type was added.';

-- Check constraints call these three bounds. PostgreSQL evaluates the checks of a table when it plans a query, so whoever reads
-- a table needs the right to execute them too.
grant execute on function metering.max_amount, metering.max_tokens_per_call, metering.max_usd_per_million
  to rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analytics, rowhouse_analyst, rowhouse_reporter;

create or replace function metering.max_events_per_batch() returns int
language sql immutable parallel safe
return 10000;
comment on function metering.max_events_per_batch is
  'One batch has at most this many events.';
grant execute on function metering.max_events_per_batch to rowhouse_platform;

create or replace function metering.refuse_usage(problem text, ordinal bigint, batch_size int) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subject text := case when refuse_usage.batch_size = 1 then '' else format('Event %s: ', refuse_usage.ordinal) end;
begin
  case refuse_usage.problem
    when 'key' then
      perform core.raise_error('MT401', v_subject || 'An idempotency key of 1 to 255 characters is needed.',
        'Use a key that stays the same when the call is repeated, such as the id of what was done.');
    when 'type' then
      perform core.raise_error('MT402', v_subject || 'The usage type is unknown.', 'Read the names of the usage types.');
    when 'quantity' then
      perform core.raise_error('MT403', v_subject || 'The quantity is not a positive number within the range of its type.',
        'Counts are whole numbers above 0. Read the maximum of the usage type.');
    when 'past' then
      perform core.raise_error('MT404', v_subject || 'The event is more than 400 days old.', 'Record usage within 400 days.');
    when 'future' then
      perform core.raise_error('MT405', v_subject || 'The event is more than an hour in the future.', 'Check the clock of the sender.');
    when 'model' then
      perform core.raise_error('MT406', v_subject || 'There is no such model.', 'Read the ids of the language models.');
    when 'metadata' then
      perform core.raise_error('MT407', v_subject || 'The metadata is not an object of at most 8 kB.',
        'Store long texts elsewhere, and record their id here.');
    when 'feature' then
      perform core.raise_error('MT408', v_subject || 'The name of the feature is empty or longer than 100 characters.',
        'Use one short name for each feature.');
    when 'duration' then
      perform core.raise_error('MT409', v_subject || 'The duration is not between 0 and 30 days.', 'Give durations in milliseconds.');
    when 'someone_else' then
      perform core.raise_error('MT201', v_subject || 'Only admins record the usage of another person or API key.',
        'Leave user_id and api_key_id out, or ask for the role admin.');
    when 'agent_of_key' then
      perform core.raise_error('KY204', v_subject || 'This API key is not for this agent.', 'Name an agent that the key allows.');
    when 'user' then
      perform core.raise_error('MT301', v_subject || 'There is no such member or agent in this tenant.', 'Read the ids of the members.');
  end case;
end
$$;
comment on function metering.refuse_usage is
  E'@errors KY204 MT201 MT301 MT401 MT402 MT403 MT404 MT405 MT406 MT407 MT408 MT409\nRaises the error for a problem with an event, and names the position of the event when there are several.';

create or replace function metering.check_usage(
  events app_public.new_usage_event[], out first_at timestamptz, out last_at timestamptz
)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_oldest timestamptz := v_now - interval '400 days';
  v_newest timestamptz := v_now + interval '1 hour';
  v_max_duration_ms constant bigint := 30::bigint * 24 * 60 * 60 * 1000;
  v_max_metadata_bytes constant int := 8192;
  -- no measurement has more decimals
  v_max_scale constant int := 12;
  v_user_id uuid := core.current_user_id();
  v_api_key_id uuid := core.current_api_key_id();
  v_models uuid[] := array(select id from app_public.llm_models);
  -- a task has no user: it says itself whose usage it records
  v_is_request boolean := v_user_id is not null;
  v_key app_public.api_keys;
  v_members uuid[];
  v_ordinal bigint;
  v_problem text;
begin
  if v_api_key_id is not null then
    v_key := tenancy.current_api_key();
    -- its maker must still be one who may record the usage of others
    if not exists (
      select from app_public.user_tenants m
       where m.tenant_id = core.current_tenant_id() and m.user_id = v_user_id and m.status = 'active' and m.role in ('owner', 'admin')
    ) then
      v_key.allowed_users := array[v_user_id];
    end if;
  end if;
  if v_is_request and v_key.allowed_users is null and tenancy.has_role('admin') then
    v_members := array(select user_id from app_public.user_tenants where tenant_id = core.current_tenant_id());
  end if;
  select min(checked.at), max(checked.at), min(checked.ordinal) filter (where checked.problem is not null),
         (array_agg(checked.problem order by checked.ordinal) filter (where checked.problem is not null))[1]
    into first_at, last_at, v_ordinal, v_problem
    from (
      select e.ordinality as ordinal, coalesce(e.occurred_at, v_now) as at,
             case
               when e.idempotency_key is null or length(e.idempotency_key) not between 1 and 255 then 'key'
               when t.name is null then 'type'
               -- the maximum refuses NaN too, because NaN compares as larger than every number
               when e.quantity is null or e.quantity <= 0 or e.quantity > t.max_quantity or scale(e.quantity) > v_max_scale
                 or t.is_whole and e.quantity <> trunc(e.quantity) then 'quantity'
               when e.occurred_at < v_oldest then 'past'
               when e.occurred_at > v_newest then 'future'
               when e.model_id <> all (v_models) then 'model'
               when e.metadata is not null and e.metadata <> '{}'
                 and (jsonb_typeof(e.metadata) <> 'object' or octet_length(e.metadata::text) > v_max_metadata_bytes) then 'metadata'
               when e.feature_name is not null and (length(e.feature_name) > 100 or not core.is_name(e.feature_name)) then 'feature'
               when e.duration_ms not between 0 and v_max_duration_ms then 'duration'
               when v_is_request and v_members is null
                 and (e.user_id <> all (v_key.allowed_users || v_user_id) or e.api_key_id is not null and e.api_key_id is distinct from v_api_key_id) then 'someone_else'
               when e.user_id <> v_user_id and e.user_id <> all (v_members) then 'user'
               when e.agent_id <> all (v_key.allowed_agents) then 'agent_of_key'
             end as problem
        from unnest(check_usage.events) with ordinality as e
        left join app_public.usage_types t on t.name = e.usage_type and t.is_recorded
    ) as checked;
  if v_problem is not null then
    perform metering.refuse_usage(v_problem, v_ordinal, cardinality(check_usage.events));
  end if;
end
$$;
comment on function metering.check_usage is
  E'@errors KY204 MT201 MT301 MT401 MT402 MT403 MT404 MT405 MT406 MT407 MT408 MT409\nRefuses a batch with an event that cannot be stored. Returns the times of its first and its last event.';

create or replace function metering.unknown_keys(value jsonb, known jsonb) returns boolean
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case jsonb_typeof(value) when 'object' then value - array(select jsonb_object_keys(known)) <> '{}' else true end;
$$;
comment on function metering.unknown_keys is
  'Whether a JSON value is not an object, or has a key that the other object does not have.';

create or replace function metering.read_usage(events jsonb) returns app_public.new_usage_event[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
-- A time without a zone is UTC, as many programs write it.
set timezone to 'UTC'
as $$
declare
  v_known constant jsonb := to_jsonb(jsonb_populate_record(null::app_public.new_usage_event, '{}'));
  v_ordinal bigint;
begin
  if jsonb_typeof(read_usage.events) is distinct from 'array' then
    perform metering.refuse_batch_size();
  end if;
  select min(e.ordinality) into v_ordinal
    from jsonb_array_elements(read_usage.events) with ordinality as e
   where metering.unknown_keys(e.value, v_known);
  if v_ordinal is not null then
    perform core.raise_error('MT413', format('Event %s is not an object, or it has an unknown field.', v_ordinal),
      format('The fields are %s.', (select string_agg(key, ', ' order by key) from jsonb_object_keys(v_known) as key)));
  end if;
  return array(select e from jsonb_populate_recordset(null::app_public.new_usage_event, read_usage.events) as e);
end
$$;
comment on function metering.read_usage is
  E'@errors MT412 MT413\nReads the events of a task, which come as JSON. A time without a zone is in UTC.';

create or replace function metering.refuse_batch_size() returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('MT412', format('The events are not a list of 1 to %s.', metering.max_events_per_batch()),
    'Send several lists.');
end
$$;
comment on function metering.refuse_batch_size is
  E'@errors MT412\nRaises the error for a batch that is empty, too large or not a list.';
