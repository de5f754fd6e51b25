-- Recording usage. A batch is stored as a whole or not at all, in three statements: its idempotency keys, its events, and its
-- row in the queue of the roll-ups. A key that exists already stores nothing, and is an error when it belongs to another event.

-- Only functions write usage. A member reads their own usage, and can_view_analytics reads that of the whole tenant.

call core.secure_tenant_table('app_public.usage_events');
call audit.leave_out('usage is recorded in bulk, and its events are only ever added', 'app_public.usage_events');
call core.allow('app_public.usage_events', read => 'self, can_view_analytics');
grant select on app_public.usage_events to rowhouse_user;
grant select, delete on app_public.usage_events to rowhouse_platform;
comment on table app_public.usage_events is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nEvery event of usage, recorded once and never changed. usageLogs shows the events together with names.';
comment on column app_public.usage_events.user_id is E'@personal pseudonymise\nThe person.';
comment on column app_public.usage_events.batch_id is 'The batch with which it was recorded.';
comment on column app_public.usage_events.ordinal is 'Its position in the batch, from 1.';
comment on column app_public.usage_events.occurred_at is 'When it was used.';
comment on column app_public.usage_events.usage_type is 'What was used: the name of a usage type.';
comment on column app_public.usage_events.quantity is
  'How much was used, in the unit of the type: above 0, except for the correction of a cost, which has 0, and of a quantity, which is below 0.';
comment on column app_public.usage_events.agent_id is 'The agent that used it.';
comment on column app_public.usage_events.project_id is 'The project it was used for.';
comment on column app_public.usage_events.api_key_id is 'The API key it was used with.';
comment on column app_public.usage_events.model_id is 'The language model.';
comment on column app_public.usage_events.feature_name is E'@notPersonal\nThe feature of the product.';
comment on column app_public.usage_events.outcome is 'How it ended; null when an outcome has no meaning.';
comment on column app_public.usage_events.duration_ms is 'How long it took, in milliseconds.';
comment on column app_public.usage_events.cost is
  'The cost in USD, not rounded: tokens times the price that applied at that time; null without a price.';
comment on column app_public.usage_events.price_id is
  'The price of its cost: a row of llm_model_prices or llm_model_price_overrides.';
comment on column app_public.usage_events.is_unpriced is
  'Whether these are tokens without a cost, because their model had no price. previewRerating shows what they would cost now.';
comment on column app_public.usage_events.adjusts_period is
  'The billing period to which it belongs, when that period was final before the event was recorded: the next invoice adjusts it.';
comment on column app_public.usage_events.rerates_batch_id is 'The batch of the event whose cost this event corrects.';
comment on column app_public.usage_events.rerates_ordinal is 'The position of the event whose cost this event corrects.';
comment on column app_public.usage_events.corrects_batch_id is 'The batch of the event whose quantity this event takes back in part or whole.';
comment on column app_public.usage_events.corrects_ordinal is 'The position of the event whose quantity this event takes back.';
comment on column app_public.usage_events.idempotency_key is 'The key under which it was recorded, unique within the tenant.';
comment on column app_public.usage_events.metadata is E'@personal erase\nAnything else, as an object of at most 8 kB.';
comment on column app_public.usage_events.recorded_at is 'When it was recorded.';
comment on column app_public.usage_events.payer_id is E'@behavior -*\nThe tenant at the top of the hierarchy when it was recorded, which is billed for it; null when the tenant itself is.';

call core.secure_tenant_table('metering.usage_events_default');
grant select, delete on metering.usage_events_default to rowhouse_platform;
comment on table metering.usage_events_default is 'Events of months that have no partition; a task moves them.';

call core.secure_tenant_table('metering.usage_idempotency_keys');
call audit.leave_out('derived from other tables by rules', 'metering.usage_idempotency_keys');
grant select, delete on metering.usage_idempotency_keys to rowhouse_platform;
comment on table metering.usage_idempotency_keys is
  'For each idempotency key a hash of the event as it was given, and the event that was stored. The keys are permanent.';

call core.secure_tenant_table('metering.usage_queue');
call audit.leave_out('a queue or a buffer of tasks', 'metering.usage_queue');
grant select, delete on metering.usage_queue to rowhouse_platform;
comment on table metering.usage_queue is
  'Batches that the roll-ups have not counted yet, each with the times of its first and its last event.';

call core.secure_tenant_table('metering.finalised_periods');
call audit.leave_out('derived from other tables by rules', 'metering.finalised_periods');
grant select on metering.finalised_periods to rowhouse_platform;
comment on table metering.finalised_periods is 'Billing periods that are final.';

comment on type app_public.usage_outcome is 'How something that was used ended: in success, in an error, or abandoned by its user.';

create or replace function metering.keys_of_usage(events app_public.new_usage_event[], now_is timestamptz)
returns table (key text, payload_hash bigint, ordinal int, occurred_at timestamptz)
language sql stable
begin atomic
  select i.idempotency_key,
         -- The hash is one of values, not of texts: a time is equal in every session, and a quantity however it is written.
         -- PostgreSQL uses this hash for hash partitioning, so it never changes.
         hash_record_extended(row(
           i.usage_type, i.quantity, i.occurred_at, i.user_id, i.agent_id, i.project_id, i.api_key_id, i.model_id,
           i.feature_name, i.outcome::text, i.duration_ms, coalesce(i.metadata, '{}')), 0),
         i.ordinality::int, coalesce(i.occurred_at, now_is)
    from unnest(events) with ordinality as i
   -- Keys are taken in their order, so that two batches with common keys wait for each other and do not deadlock.
   order by i.idempotency_key collate "C", i.ordinality;
end;
comment on function metering.keys_of_usage is
  'The keys of a batch, each with a hash of the event as it was given.';

create or replace function metering.claim_usage_keys(events app_public.new_usage_event[], batch_id bigint) returns int[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_now timestamptz := core.clock();
  v_claimed int[];
  v_ordinal bigint;
  -- In a batch of this size, one savepoint costs less than looking for a conflict at each key.
  v_bulk_size constant int := 100;
begin
  if cardinality(claim_usage_keys.events) >= v_bulk_size then
    -- Nearly always all keys are new, and then a plain insert is twice as fast as one that looks for conflicts.
    begin
      insert into metering.usage_idempotency_keys (tenant_id, key, payload_hash, batch_id, ordinal, occurred_at)
      select v_tenant_id, k.key, k.payload_hash, claim_usage_keys.batch_id, k.ordinal, k.occurred_at
        from metering.keys_of_usage(claim_usage_keys.events, v_now) as k;
      return array(select generate_series(1, cardinality(claim_usage_keys.events)));
    exception when unique_violation then
      -- The savepoint has undone the attempt.
      null;
    end;
  end if;

  with claimed as (
    insert into metering.usage_idempotency_keys as k (tenant_id, key, payload_hash, batch_id, ordinal, occurred_at)
    select v_tenant_id, i.key, i.payload_hash, claim_usage_keys.batch_id, i.ordinal, i.occurred_at
      from metering.keys_of_usage(claim_usage_keys.events, v_now) as i
    on conflict do nothing
    returning k.ordinal
  )
  select coalesce(array_agg(ordinal), '{}') into v_claimed from claimed;

  if cardinality(v_claimed) < cardinality(claim_usage_keys.events) then
    -- A new statement sees what another session has committed meanwhile.
    select min(i.ordinal) into v_ordinal
      from metering.keys_of_usage(claim_usage_keys.events, v_now) as i
      join metering.usage_idempotency_keys k on k.tenant_id = v_tenant_id and k.key = i.key
     where k.payload_hash <> i.payload_hash;
    if v_ordinal is not null then
      perform core.raise_error('MT501', case cardinality(claim_usage_keys.events)
          when 1 then '' else format('Event %s: ', v_ordinal) end || 'The idempotency key already belongs to another event.',
        'Repeat the event exactly as it was first sent, or give it a key of its own.');
    end if;
  end if;
  return v_claimed;
end
$$;
comment on function metering.claim_usage_keys is
  E'@errors MT501\nTakes the keys of a batch, and returns the positions of the events whose keys were free. When several callers take the same key at once, one gets it and the others wait for its commit.';

set local role rowhouse_platform;  -- outside the wall: the periods of the tenant at the top, which pays for the usage of those below it
create or replace function metering.final_periods(payer_id uuid, first_at timestamptz, last_at timestamptz) returns tstzrange[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select f.period from metering.finalised_periods f
     where f.tenant_id = final_periods.payer_id and f.period && tstzrange(final_periods.first_at, final_periods.last_at, '[]'));
end
$$;
comment on function metering.final_periods is
  'The final periods of a tenant that events of these times may lie in.';
grant execute on function metering.final_periods to rowhouse_owner;

set local role rowhouse_owner;
create or replace function metering.write_usage(
  events app_public.new_usage_event[], ordinals int[], batch_id bigint, payer_id uuid, first_at timestamptz, last_at timestamptz,
  reservation_ids uuid[] default '{}'
) returns boolean
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_now timestamptz := core.clock();
  v_user_id uuid := core.current_user_id();
  v_api_key_id uuid := core.current_api_key_id();
  v_agent_id uuid := tenancy.current_agent_id();
  v_prices metering.model_price[];
  v_periods tstzrange[];
  v_uses metering.quota_use[];
  v_is_whole constant boolean := cardinality(write_usage.ordinals) = cardinality(write_usage.events);
begin
  v_prices := array(
    select p from metering.prices_of_models(array(
      select distinct i.model_id from unnest(write_usage.events) i where i.model_id is not null)) as p);
  v_periods := metering.final_periods(coalesce(write_usage.payer_id, v_tenant_id), write_usage.first_at, write_usage.last_at);

  with stored as (
    insert into app_public.usage_events (
      tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity, user_id, agent_id, project_id, api_key_id, model_id,
      feature_name, outcome, duration_ms, cost, price_id, is_unpriced, adjusts_period, idempotency_key, metadata, payer_id)
    select v_tenant_id, write_usage.batch_id, i.ordinality, coalesce(i.occurred_at, v_now), i.usage_type, i.quantity,
           coalesce(i.user_id, v_user_id), coalesce(i.agent_id, v_agent_id), i.project_id, coalesce(i.api_key_id, v_api_key_id), i.model_id,
           i.feature_name, i.outcome, i.duration_ms,
           i.quantity * metering.rate_per_token(p, t.token_class), p.price_id, t.token_class is not null and p.price_id is null,
           case when v_periods <> '{}' then
             (select period from unnest(v_periods) as period where period @> coalesce(i.occurred_at, v_now)) end,
           i.idempotency_key, coalesce(i.metadata, '{}'), write_usage.payer_id
      from unnest(write_usage.events) with ordinality as i
      join app_public.usage_types t on t.name = i.usage_type
      -- This is the rule of metering.price_at, written out because a call for each row is slow.
      left join lateral (
        select c.* from unnest(v_prices) as c
         where t.token_class is not null and c.model_id = i.model_id and c.valid_from <= coalesce(i.occurred_at, v_now)
           and (c.valid_to is null or coalesce(i.occurred_at, v_now) < c.valid_to)
         order by c.is_override desc, c.valid_from desc limit 1
      ) as p on true
     where v_is_whole or i.ordinality in (select unnest(write_usage.ordinals))
    returning usage_type, quantity, cost, user_id, agent_id, api_key_id
  ), used as (
    select s.user_id, s.agent_id, s.api_key_id, sum(s.quantity) filter (where t.token_class <> 'embedding') as tokens, sum(s.cost) as cost
      from stored s join app_public.usage_types t on t.name = s.usage_type
     group by s.user_id, s.agent_id, s.api_key_id
  )
  -- Every batch counts in the same order, so that two of them do not wait for each other in a circle.
  select coalesce(array_agg(
           row(v_tenant_id, q.type, coalesce(q.amount, 0), u.user_id, u.agent_id, u.api_key_id, null, null, true)::metering.quota_use
           order by q.type, u.user_id, u.agent_id, u.api_key_id), '{}')
    into v_uses
    from used u, lateral (values ('cost', u.cost), ('tokens', u.tokens)) as q (type, amount)
   where q.amount > 0 or write_usage.reservation_ids <> '{}';

  insert into metering.usage_queue (tenant_id, batch_id, event_count, first_at, last_at, payer_id)
  values (v_tenant_id, write_usage.batch_id, cardinality(write_usage.ordinals), write_usage.first_at, write_usage.last_at,
          write_usage.payer_id);
  return metering.count_recorded_use(v_tenant_id, v_uses, write_usage.reservation_ids, write_usage.batch_id);
end
$$;
comment on function metering.write_usage is
  E'@errors QT301\nStores the events at these positions of a batch with their costs, puts the batch into the queue of the roll-ups, and counts its tokens and costs to the quotas. Returns whether a hard limit is passed.';

create or replace function metering.begin_usage(out batch_id bigint, out payer_id uuid)
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- An older snapshot would still show a period as open that has just become final.
  if current_setting('transaction_isolation') <> 'read committed' then
    perform core.raise_error('MT411', 'Usage and quotas are written only at the isolation level read committed.', 'Use a transaction of its own for it.');
  end if;
  select t.ancestor_ids[1] into payer_id from app_public.tenants t where t.id = core.current_tenant_id();
  perform pg_advisory_xact_lock_shared(metering.metering_lock('record'), hashtext(coalesce(payer_id, core.current_tenant_id())::text));
  batch_id := nextval('metering.usage_batches');
end
$$;
comment on function metering.begin_usage is
  E'@errors MT411\nOpens a batch, and says which tenant above pays for it, if another one does. No period of the tenant that pays becomes final before this transaction ends.';

create or replace function metering.store_usage(events app_public.new_usage_event[]) returns setof app_public.usage_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_batch_id bigint;
  v_payer_id uuid;
  v_ordinals int[];
  v_first_at timestamptz;
  v_last_at timestamptz;
begin
  if coalesce(cardinality(store_usage.events), 0) not between 1 and metering.max_events_per_batch() then
    perform metering.refuse_batch_size();
  end if;
  select c.first_at, c.last_at into v_first_at, v_last_at from metering.check_usage(store_usage.events) c;
  select b.batch_id, b.payer_id into v_batch_id, v_payer_id from metering.begin_usage() b;
  v_ordinals := metering.claim_usage_keys(store_usage.events, v_batch_id);
  if v_ordinals <> '{}' then
    perform metering.write_usage(store_usage.events, v_ordinals, v_batch_id, v_payer_id, v_first_at, v_last_at);
  end if;

  if cardinality(v_ordinals) = cardinality(store_usage.events) then
    return query
      select i.idempotency_key, v_batch_id, i.ordinality::int, coalesce(i.occurred_at, v_now), false
        from unnest(store_usage.events) with ordinality as i;
  else
    return query
      select k.key, k.batch_id, k.ordinal, k.occurred_at, (k.batch_id, k.ordinal) is distinct from (v_batch_id, i.ordinality::int)
        from unnest(store_usage.events) with ordinality as i
        join metering.usage_idempotency_keys k on k.tenant_id = core.current_tenant_id() and k.key = i.idempotency_key
       order by i.ordinality;
  end if;
end
$$;
comment on function metering.store_usage is
  E'@errors MT411 MT412 MT501\nStores a batch for the tenant, user and API key of the context, as a whole or not at all. Returns a receipt for each event, in the order of the events.';

-- Three functions record usage: for one event, for up to 10,000 events at once, and for tasks.

create or replace function app_public.record_usage(event app_public.new_usage_event) returns app_public.usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_receipt app_public.usage_receipt;
begin
  perform tenancy.require_permission('can_record_usage');
  select * into v_receipt from metering.store_usage(array[record_usage.event]);
  return v_receipt;
end
$$;
comment on function app_public.record_usage is
  E'@resultFieldName receipt\n@errors ID203 KY204 MT201 MT301 MT401 MT402 MT403 MT404 MT405 MT406 MT407 MT408 MT409 MT411 MT501\nRecords one event of usage. The idempotency key is permanent: recording the same event again stores nothing and returns the first receipt, and another event under the same key is refused. Tokens of a model with a price get their cost here. Those with can_record_usage, which members have and viewers do not, record their own usage; admins record that of other members and API keys too.';
grant execute on function app_public.record_usage to rowhouse_user;

create or replace function app_public.record_usages(events app_public.new_usage_event[]) returns setof app_public.usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_record_usage');
  return query select * from metering.store_usage(record_usages.events);
end
$$;
comment on function app_public.record_usages is
  E'@resultFieldName receipts\n@errors ID203 KY204 MT201 MT301 MT401 MT402 MT403 MT404 MT405 MT406 MT407 MT408 MT409 MT411 MT412 MT501\nRecords 1 to 10,000 events of usage at once, all of them or none, as recordUsage does for one. Returns their receipts in the order of the events. An error names the position of the first event that is refused, from 1.';
grant execute on function app_public.record_usages to rowhouse_user;

create or replace function metering.record_tenant_usage(tenant_id uuid, events jsonb) returns setof app_public.usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(record_tenant_usage.tenant_id);
  -- No person asks: the events say whose usage they are.
  perform set_config('rowhouse.user_id', '', true);
  return query select * from metering.store_usage(metering.read_usage(record_tenant_usage.events));
end
$$;
comment on function metering.record_tenant_usage is
  E'@errors MT301 MT401 MT402 MT403 MT404 MT405 MT406 MT407 MT408 MT409 MT411 MT412 MT413 MT501\nRecords usage for a task, which knows whose usage it is: a list of objects with the fields of new_usage_event.';
grant execute on function metering.record_tenant_usage to rowhouse_worker;

create or replace function metering.record_embedding(tenant_id uuid, event jsonb) returns app_public.usage_receipt
language plpgsql volatile strict security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_receipt app_public.usage_receipt;
begin
  select * into v_receipt from metering.record_tenant_usage(record_embedding.tenant_id,
    jsonb_build_array(record_embedding.event || '{"usage_type": "embedding_tokens"}'));
  return v_receipt;
end
$$;
comment on function metering.record_embedding is
  E'@errors MT301 MT401 MT403 MT404 MT405 MT406 MT407 MT409 MT411 MT413 MT501\nRecords the tokens of texts that an endpoint has embedded, for a task or for the question of a search: an object with the fields of new_usage_event, of which usage_type is known. null, which is what the built-in model uses, records nothing.';
grant execute on function metering.record_embedding to rowhouse_worker, rowhouse_authenticator;

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
  delete from metering.usage_quarter_hours where tenant_id = old.id;
  delete from metering.usage_agents where tenant_id = old.id;
  delete from metering.usage_user_agents where tenant_id = old.id;
  delete from metering.usage_conversations where tenant_id = old.id;
  delete from metering.usage_user_days where tenant_id = old.id;
  delete from metering.usage_users where tenant_id = old.id;
  delete from metering.usage_model_days where tenant_id = old.id;
  return null;
end
$$;
comment on function metering.tg__drop_usage is
  'Removes the usage of a deleted tenant. These tables have no foreign key to cascade, because checking one costs more than writing the row.';
grant execute on function metering.tg__drop_usage to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _500_drop_usage after delete on app_public.tenants
  for each row execute function metering.tg__drop_usage();
