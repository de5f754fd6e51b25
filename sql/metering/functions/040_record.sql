-- Recording use. A batch is stored whole or not at all, in three statements: its keys, its events, its place in the
-- queue of the roll-ups. A key that is there already stores nothing, and is an error when it stands for something else.

create or replace function app_private.keys_of_usage(inputs app_private.usage_input[], now_is timestamptz)
returns table (key text, payload_hash bigint, place int, occurred_at timestamptz)
language sql stable
begin atomic
  select i.idempotency_key,
         -- of values and not of texts: a time is the same in every session, a quantity however it is written. It is the hash
         -- that hash partitioning relies on, so it stays what it is.
         hash_record_extended(row(
           i.usage_type, i.quantity, i.occurred_at, i.user_id, i.agent_id, i.project_id, i.api_key_id, i.model_id,
           i.feature_name, i.outcome::text, i.duration_ms, coalesce(i.metadata, '{}')), 0),
         i.place::int, coalesce(i.occurred_at, now_is)
    from unnest(inputs) with ordinality as i (
           idempotency_key, usage_type, quantity, occurred_at, user_id, agent_id, project_id, api_key_id, model_id,
           feature_name, outcome, duration_ms, metadata, place)
   -- in the order of the keys, so that two batches that share some wait for each other and do not deadlock
   order by i.idempotency_key collate "C", i.place;
end;
comment on function app_private.keys_of_usage(app_private.usage_input[], timestamptz) is
  'The keys of a batch and what they stand for: a hash of the event as it was given.';

create or replace function app_private.claim_usage_keys(inputs app_private.usage_input[], batch_id bigint) returns int[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_now timestamptz := app_hidden.clock();
  v_claimed int[];
  v_place bigint;
begin
  if cardinality(claim_usage_keys.inputs) >= 100 then
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
  end if;

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
comment on function app_private.claim_usage_keys(app_private.usage_input[], bigint) is
  'Takes the keys of a batch; returns the places of the events whose keys were free. Concurrent callers with the same key: one gets it, the others wait for its commit. MT501: a key stands for another event.';

create or replace function app_private.write_usage(
  inputs app_private.usage_input[], places int[], batch_id bigint, first_at timestamptz, last_at timestamptz
) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
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
comment on function app_private.write_usage(app_private.usage_input[], int[], bigint, timestamptz, timestamptz) is
  'Stores the events of a batch that are at these places, with their costs, and tells the roll-ups.';

create or replace function app_private.begin_usage() returns bigint
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- with an older snapshot, the period that has just become final would still look open
  if current_setting('transaction_isolation') <> 'read committed' then
    perform app_private.raise_error('MT411', 'Usage is recorded at the isolation level read committed.', 'Record it in a transaction of its own.');
  end if;
  perform pg_advisory_xact_lock_shared(app_private.metering_lock('record'), hashtext(app_hidden.current_tenant_id()::text));
  return nextval('app_private.usage_batches');
end
$$;
comment on function app_private.begin_usage() is
  'Opens a batch: no period of the tenant becomes final before this transaction ends. MT411: the isolation level is not read committed.';

create or replace function app_private.store_usage(inputs app_private.usage_input[]) returns setof app_public.usage_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
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
comment on function app_private.store_usage(app_private.usage_input[]) is
  'Stores a batch for the tenant, user and API key of the context, whole or not at all; returns a receipt for each event, in their order.';
