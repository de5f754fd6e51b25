-- What an event must be before anything is stored. All of a batch is looked at in one pass; the first event with
-- something wrong is named by its place, and nothing of the batch is stored.

-- Usage is written by functions only. You read your own; the whole tenant's with can_view_analytics. What was said in a
-- call is read by whoever said it and by those who may audit.
call core.secure_global_table('app_public.usage_types', 'what can be used means the same for every tenant');
call core.allow('app_public.usage_types', read => 'everyone, every_analyst');
grant select on app_public.usage_types to rowhouse_user;
grant select on app_public.usage_types to rowhouse_analyst;
comment on table app_public.usage_types is
  E'@behavior -insert -update -delete -query:resource:single\nWhat can be used, in which unit. The same for every tenant, so that plans can price it.';
comment on column app_public.usage_types.name is 'Name to record it under, such as output_tokens.';
comment on column app_public.usage_types.display_name is 'Name for people.';
comment on column app_public.usage_types.unit is 'What a quantity of 1 is.';
comment on column app_public.usage_types.is_whole is 'Whether quantities are whole numbers.';
comment on column app_public.usage_types.max_quantity is 'The largest quantity of one event.';
comment on column app_public.usage_types.token_class is 'input, cached_input, output or reasoning for tokens of a language model, whose cost follows from the model''s price.';
comment on column app_public.usage_types.created_at is 'When it was added.';

create or replace function metering.refuse_usage(problem text, place bigint, batch_size int) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subject text := case when refuse_usage.batch_size = 1 then '' else format('Event %s: ', refuse_usage.place) end;
begin
  case refuse_usage.problem
    when 'key' then
      perform core.raise_error('MT401', v_subject || 'An idempotency key of 1 to 255 characters is needed.',
        'Use a key that stays the same when the call is repeated, such as the id of what was done.');
    when 'type' then
      perform core.raise_error('MT402', v_subject || 'The usage type is unknown.', 'Read the names of usage types.');
    when 'quantity' then
      perform core.raise_error('MT403', v_subject || 'The quantity is not a positive number within the range of its type.',
        'Counts are whole numbers above 0; see the usage type''s maximum.');
    when 'past' then
      perform core.raise_error('MT404', v_subject || 'It lies more than 400 days in the past.', 'Usage is recorded within 400 days.');
    when 'future' then
      perform core.raise_error('MT405', v_subject || 'It lies more than an hour in the future.', 'Check the clock of the sender.');
    when 'model' then
      perform core.raise_error('MT406', v_subject || 'There is no such model.', 'Read the ids of llm_models.');
    when 'metadata' then
      perform core.raise_error('MT407', v_subject || 'Metadata is not an object of at most 8 kB.', 'Keep texts elsewhere and name their id here.');
    when 'feature' then
      perform core.raise_error('MT408', v_subject || 'The name of the feature is empty or longer than 100 characters.', 'Use one short name a feature.');
    when 'duration' then
      perform core.raise_error('MT409', v_subject || 'The duration is not between 0 and 30 days.', 'Durations are in milliseconds.');
    when 'someone_else' then
      perform core.raise_error('MT201', v_subject || 'Usage of another person or API key is recorded by admins only.',
        'Leave user_id and api_key_id out, or ask for the role admin.');
    when 'user' then
      perform core.raise_error('MT301', v_subject || 'There is no such member of this tenant.', 'Read the ids of memberships.');
  end case;
end
$$;
comment on function metering.refuse_usage is
  'Raises what is wrong with an event, naming its place when it is one of several.';

create or replace function metering.check_usage(inputs metering.usage_input[], out first_at timestamptz, out last_at timestamptz)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_user_id uuid := core.current_user_id();
  v_api_key_id uuid := metering.request_api_key_id();
  v_models uuid[] := array(select id from app_public.llm_models);
  -- null when nobody asks, that is, when a task records: it knows for whom
  v_is_request boolean := v_user_id is not null;
  v_members uuid[];
  v_place bigint;
  v_problem text;
begin
  if v_is_request and tenancy.has_role('admin') then
    v_members := array(select user_id from app_public.user_tenants where tenant_id = core.current_tenant_id());
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
               when i.feature_name is not null and (length(i.feature_name) > 100 or not core.is_name(i.feature_name)) then 'feature'
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
    perform metering.refuse_usage(v_problem, v_place, cardinality(check_usage.inputs));
  end if;
end
$$;
comment on function metering.check_usage is
  'Refuses a batch with an event that cannot be stored (MT201, MT301, MT401 to MT409); returns when its first and its last event were.';
