-- Recording use. A batch is stored whole or not at all, in three statements: its keys, its events, its place in the
-- queue of the roll-ups. A key that is there already stores nothing, and is an error when it stands for something else.

call core.secure_tenant_table('app_public.usage_events');
call core.allow('app_public.usage_events', read => 'self, can_view_analytics, analyst');
grant select on app_public.usage_events to rowhouse_user;
grant select, delete on app_public.usage_events to rowhouse_platform;
comment on table app_public.usage_events is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nEverything that was used, once and unchanged; recordUsage writes it. You see your own; the whole tenant''s with can_view_analytics.';
comment on column app_public.usage_events.batch_id is 'The call that recorded it.';
comment on column app_public.usage_events.ordinal is 'Its place in that call, from 1.';
comment on column app_public.usage_events.occurred_at is 'When it was used.';
comment on column app_public.usage_events.usage_type is 'What was used: the name of a usage type.';
comment on column app_public.usage_events.quantity is 'How much, in the unit of its type; above 0 but for corrections of a cost, which have 0.';
comment on column app_public.usage_events.agent_id is 'The agent that used it.';
comment on column app_public.usage_events.project_id is 'The project it was for.';
comment on column app_public.usage_events.api_key_id is 'The API key it came with.';
comment on column app_public.usage_events.model_id is 'The language model.';
comment on column app_public.usage_events.feature_name is 'The feature of the product it belongs to.';
comment on column app_public.usage_events.outcome is 'How it ended, null where that says nothing.';
comment on column app_public.usage_events.duration_ms is 'How long it took, milliseconds.';
comment on column app_public.usage_events.cost is 'What it cost, USD, not rounded: tokens times the price that held then.';
comment on column app_public.usage_events.price_id is 'The price of its cost: a row of llm_model_prices or llm_model_price_overrides.';
comment on column app_public.usage_events.is_unpriced is 'Tokens without a cost, because no price held for their model; rerateUsage shows what they would cost by now.';
comment on column app_public.usage_events.adjusts_period is 'The billing period it belongs to, when that was final before it was recorded: it goes on the next invoice as an adjustment.';
comment on column app_public.usage_events.rerates_batch_id is 'The batch of the event whose cost this one corrects.';
comment on column app_public.usage_events.rerates_ordinal is 'The place of the event whose cost this one corrects.';
comment on column app_public.usage_events.idempotency_key is 'The key it was recorded under, unique within the tenant.';
comment on column app_public.usage_events.metadata is 'Anything else, an object of at most 8 kB.';
comment on column app_public.usage_events.recorded_at is 'When it was recorded.';

call core.secure_tenant_table('metering.usage_events_default');
grant select, delete on metering.usage_events_default to rowhouse_platform;
comment on table metering.usage_events_default is 'Events of months that have no partition; the task moves them.';

call core.secure_tenant_table('metering.usage_idempotency_keys');
grant select, delete on metering.usage_idempotency_keys to rowhouse_platform;
comment on table metering.usage_idempotency_keys is 'For each idempotency key what it stands for (a hash of the event as it was given) and the event it made. For ever.';

call core.secure_tenant_table('metering.usage_queue');
grant select, delete on metering.usage_queue to rowhouse_platform;
comment on table metering.usage_queue is 'Batches that the roll-ups have not counted yet, each with the times of its first and last event.';

call core.secure_tenant_table('metering.finalised_periods');
comment on table metering.finalised_periods is 'Billing periods that are final.';

comment on type app_public.usage_outcome is 'How something that was used ended: success, error, or abandoned by its user.';
comment on type app_public.usage_receipt is 'What became of an event that was recorded.';
comment on column app_public.usage_receipt.idempotency_key is 'The key it was recorded under.';
comment on column app_public.usage_receipt.batch_id is 'With ordinal: where the event is in usageEvents.';
comment on column app_public.usage_receipt.ordinal is 'Its place in its batch, from 1.';
comment on column app_public.usage_receipt.occurred_at is 'When it was used.';
comment on column app_public.usage_receipt.is_repeated is 'Whether it had been recorded before: this call stored nothing.';

create or replace function metering.keys_of_usage(inputs metering.usage_input[], now_is timestamptz)
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
comment on function metering.keys_of_usage is
  'The keys of a batch and what they stand for: a hash of the event as it was given.';

create or replace function metering.claim_usage_keys(inputs metering.usage_input[], batch_id bigint) returns int[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_now timestamptz := core.clock();
  v_claimed int[];
  v_place bigint;
begin
  if cardinality(claim_usage_keys.inputs) >= 100 then
    -- nearly always all keys are new, and then a plain insert is twice as fast as one that looks for conflicts
    begin
      insert into metering.usage_idempotency_keys (tenant_id, key, payload_hash, batch_id, ordinal, occurred_at)
      select v_tenant_id, k.key, k.payload_hash, claim_usage_keys.batch_id, k.place, k.occurred_at
        from metering.keys_of_usage(claim_usage_keys.inputs, v_now) as k;
      return array(select generate_series(1, cardinality(claim_usage_keys.inputs)));
    exception when unique_violation then
      -- and otherwise what the attempt wrote is undone
      null;
    end;
  end if;

  with claimed as (
    insert into metering.usage_idempotency_keys as k (tenant_id, key, payload_hash, batch_id, ordinal, occurred_at)
    select v_tenant_id, i.key, i.payload_hash, claim_usage_keys.batch_id, i.place, i.occurred_at
      from metering.keys_of_usage(claim_usage_keys.inputs, v_now) as i
    on conflict do nothing
    returning k.ordinal
  )
  select coalesce(array_agg(ordinal), '{}') into v_claimed from claimed;

  if cardinality(v_claimed) < cardinality(claim_usage_keys.inputs) then
    -- a statement of its own sees what the one that was there first has committed meanwhile
    select min(i.place) into v_place
      from metering.keys_of_usage(claim_usage_keys.inputs, v_now) as i
      join metering.usage_idempotency_keys k on k.tenant_id = v_tenant_id and k.key = i.key
     where k.payload_hash <> i.payload_hash;
    if v_place is not null then
      perform core.raise_error('MT501', case cardinality(claim_usage_keys.inputs)
          when 1 then '' else format('Event %s: ', v_place) end || 'The idempotency key stands for another event already.',
        'Repeat the event exactly as it was first sent, or give it a key of its own.');
    end if;
  end if;
  return v_claimed;
end
$$;
comment on function metering.claim_usage_keys is
  E'@errors MT501\nTakes the keys of a batch; returns the places of the events whose keys were free. Concurrent callers with the same key: one gets it, the others wait for its commit.';

create or replace function metering.write_usage(
  inputs metering.usage_input[], places int[], batch_id bigint, first_at timestamptz, last_at timestamptz
) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_now timestamptz := core.clock();
  v_user_id uuid := core.current_user_id();
  v_api_key_id uuid := metering.request_api_key_id();
  v_prices metering.model_price[];
  v_periods tstzrange[];
  v_is_whole constant boolean := cardinality(write_usage.places) = cardinality(write_usage.inputs);
begin
  v_prices := array(
    select p from metering.prices_of_models(array(
      select distinct i.model_id from unnest(write_usage.inputs) i where i.model_id is not null)) as p);
  v_periods := array(
    select period from metering.finalised_periods
     where tenant_id = v_tenant_id and period && tstzrange(write_usage.first_at, write_usage.last_at, '[]'));

  insert into app_public.usage_events (
    tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity, user_id, agent_id, project_id, api_key_id, model_id,
    feature_name, outcome, duration_ms, cost, price_id, is_unpriced, adjusts_period, idempotency_key, metadata)
  select v_tenant_id, write_usage.batch_id, i.place, coalesce(i.occurred_at, v_now), i.usage_type, i.quantity,
         coalesce(i.user_id, v_user_id), i.agent_id, i.project_id, coalesce(i.api_key_id, v_api_key_id), i.model_id,
         i.feature_name, i.outcome, i.duration_ms,
         i.quantity * metering.rate_per_token(p, t.token_class), p.price_id, t.token_class is not null and p.price_id is null,
         case when v_periods <> '{}' then
           (select period from unnest(v_periods) as period where period @> coalesce(i.occurred_at, v_now)) end,
         i.idempotency_key, coalesce(i.metadata, '{}')
    from unnest(write_usage.inputs) with ordinality as i (
           idempotency_key, usage_type, quantity, occurred_at, user_id, agent_id, project_id, api_key_id, model_id,
           feature_name, outcome, duration_ms, metadata, place)
    join app_public.usage_types t on t.name = i.usage_type
    -- the rule of metering.price_at, without a call a row
    left join lateral (
      select c.* from unnest(v_prices) as c
       where t.token_class is not null and c.model_id = i.model_id and c.valid_from <= coalesce(i.occurred_at, v_now)
         and (c.valid_to is null or coalesce(i.occurred_at, v_now) < c.valid_to)
       order by c.is_override desc limit 1
    ) as p on true
   where v_is_whole or i.place in (select unnest(write_usage.places));

  insert into metering.usage_queue (tenant_id, batch_id, event_count, first_at, last_at)
  values (v_tenant_id, write_usage.batch_id, cardinality(write_usage.places), write_usage.first_at, write_usage.last_at);
end
$$;
comment on function metering.write_usage is
  'Stores the events of a batch that are at these places, with their costs, and tells the roll-ups.';

create or replace function metering.begin_usage() returns bigint
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- with an older snapshot, the period that has just become final would still look open
  if current_setting('transaction_isolation') <> 'read committed' then
    perform core.raise_error('MT411', 'Usage is recorded at the isolation level read committed.', 'Record it in a transaction of its own.');
  end if;
  perform pg_advisory_xact_lock_shared(metering.metering_lock('record'), hashtext(core.current_tenant_id()::text));
  return nextval('metering.usage_batches');
end
$$;
comment on function metering.begin_usage is
  E'@errors MT411\nOpens a batch: no period of the tenant becomes final before this transaction ends.';

create or replace function metering.store_usage(inputs metering.usage_input[]) returns setof app_public.usage_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_batch_id bigint;
  v_places int[];
  v_first_at timestamptz;
  v_last_at timestamptz;
begin
  select c.first_at, c.last_at into v_first_at, v_last_at from metering.check_usage(store_usage.inputs) c;
  v_batch_id := metering.begin_usage();
  v_places := metering.claim_usage_keys(store_usage.inputs, v_batch_id);
  if v_places <> '{}' then
    perform metering.write_usage(store_usage.inputs, v_places, v_batch_id, v_first_at, v_last_at);
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
        join metering.usage_idempotency_keys k on k.tenant_id = core.current_tenant_id() and k.key = i.idempotency_key
       order by i.place;
  end if;
end
$$;
comment on function metering.store_usage is
  'Stores a batch for the tenant, user and API key of the context, whole or not at all; returns a receipt for each event, in their order.';

-- The doors to recording: one event, up to 10,000 at once, and for tasks.

create or replace function metering.read_usage(events jsonb) returns metering.usage_input[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_place bigint;
begin
  if jsonb_typeof(read_usage.events) is distinct from 'array' or jsonb_array_length(read_usage.events) not between 1 and 10000 then
    perform core.raise_error('MT412', 'Events are a list of 1 to 10,000 objects.', 'Send several lists.');
  end if;
  select min(place) into v_place
    from jsonb_array_elements(read_usage.events) with ordinality as e (event, place)
   where case jsonb_typeof(event) when 'object' then event - array[
     'idempotency_key', 'usage_type', 'quantity', 'occurred_at', 'user_id', 'agent_id', 'project_id', 'api_key_id',
     'model_id', 'feature_name', 'outcome', 'duration_ms', 'metadata'] <> '{}' else true end;
  if v_place is not null then
    perform core.raise_error('MT413', format('Event %s is not an object, or has a field that events do not have.', v_place),
      'Fields: idempotency_key, usage_type, quantity, occurred_at, user_id, agent_id, project_id, api_key_id, model_id, feature_name, outcome, duration_ms, metadata.');
  end if;
  return array(select e from jsonb_populate_recordset(null::metering.usage_input, read_usage.events) as e);
end
$$;
comment on function metering.read_usage is
  E'@errors MT412 MT413\nEvents from JSON.';

create or replace function app_public.record_usage(
  idempotency_key text, usage_type text, quantity numeric default 1, occurred_at timestamptz default null,
  agent_id uuid default null, project_id uuid default null, model_id uuid default null, feature_name text default null,
  outcome app_public.usage_outcome default null, duration_ms int default null, metadata jsonb default '{}',
  user_id uuid default null, api_key_id uuid default null
) returns app_public.usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_receipt app_public.usage_receipt;
begin
  perform tenancy.require_role('viewer');
  select * into v_receipt from metering.store_usage(array[row(
    record_usage.idempotency_key, record_usage.usage_type, record_usage.quantity, record_usage.occurred_at, record_usage.user_id,
    record_usage.agent_id, record_usage.project_id, record_usage.api_key_id, record_usage.model_id, record_usage.feature_name,
    record_usage.outcome, record_usage.duration_ms, record_usage.metadata)::metering.usage_input]);
  return v_receipt;
end
$$;
comment on function app_public.record_usage is
  E'@resultFieldName receipt\n@errors ID202 MT201 MT301 MT401 MT409 MT501\nWrites down one use: how much of which usage type, when, and by what. The idempotency key is permanent: the same call again stores nothing and returns the first receipt, another use under the same key is refused. Tokens of a model with a price get their cost here. Up to 400 days late. For you and the API key you came with; admins name other members and keys. Any active member.';
grant execute on function app_public.record_usage to rowhouse_user;

create or replace function app_public.record_usages(events jsonb) returns setof app_public.usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_role('viewer');
  return query select * from metering.store_usage(metering.read_usage(record_usages.events));
end
$$;
comment on function app_public.record_usages is
  E'@resultFieldName receipts\n@errors MT412 MT413\nWrites down 1 to 10,000 uses at once, all of them or none: a list of objects with the arguments of recordUsage in snake_case, each with its own idempotency key. Returns their receipts in the same order. Errors name the place of the first event that is refused, from 1.';
grant execute on function app_public.record_usages to rowhouse_user;

create or replace function metering.record_tenant_usage(tenant_id uuid, events jsonb) returns setof app_public.usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(record_tenant_usage.tenant_id);
  -- nobody asks: the events say whose they are
  perform set_config('rowhouse.user_id', '', true);
  return query select * from metering.store_usage(metering.read_usage(record_tenant_usage.events));
end
$$;
comment on function metering.record_tenant_usage is
  'record_usages for tasks, which know whose usage it is. Errors as there.';
grant execute on function metering.record_tenant_usage to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: a deleted tenant leaves no usage behind
create or replace function metering.tg__drop_usage() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.usage_events where tenant_id = old.id;
  delete from metering.usage_idempotency_keys where tenant_id = old.id;
  delete from metering.usage_queue where tenant_id = old.id;
  delete from metering.llm_calls where tenant_id = old.id;
  delete from metering.llm_texts where tenant_id = old.id;
  delete from metering.usage_minutes where tenant_id = old.id;
  delete from metering.usage_days where tenant_id = old.id;
  delete from metering.usage_agents where tenant_id = old.id;
  delete from metering.usage_user_agents where tenant_id = old.id;
  delete from metering.usage_conversations where tenant_id = old.id;
  return null;
end
$$;
comment on function metering.tg__drop_usage is
  'Removes what a deleted tenant used: these tables have no foreign key, because checking one for each row would cost more than writing it.';
grant execute on function metering.tg__drop_usage to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _500_drop_usage after delete on app_public.tenants
  for each row execute function metering.tg__drop_usage();
