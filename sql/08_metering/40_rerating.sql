-- Rerating: when prices were corrected, it shows how costs would change, and records the corrections. A correction is an event
-- with the same time and dimensions as the event it corrects, without a quantity, and with the difference as its cost. So the
-- recorded events stay as they are, the roll-ups add up as always, and a final period gets an adjustment.

create or replace function metering.rerated_usage(from_at timestamptz, to_at timestamptz)
returns table (
  batch_id bigint, ordinal int, occurred_at timestamptz, usage_type text, model_id uuid, quantity numeric,
  cost_before numeric, cost_after numeric, price_id uuid
)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_prices metering.model_price[];
begin
  -- price_at reads this list for each event, so the list has only the prices that can apply in this time.
  v_prices := array(
    select p from metering.prices_of_models(array(select m.id from app_public.llm_models m)) as p
     where tstzrange(p.valid_from, p.valid_to) && tstzrange(rerated_usage.from_at, rerated_usage.to_at));
  return query
    select e.batch_id, e.ordinal, e.occurred_at, e.usage_type, m.id, e.quantity,
           case when e.cost is not null or c.cost is not null then coalesce(e.cost, 0) + coalesce(c.cost, 0) end,
           e.quantity * metering.rate_per_token(p.price, t.token_class), (p.price).price_id
      from app_public.usage_events e
      join app_public.usage_types t on t.name = e.usage_type and t.token_class is not null
      -- A call of a model that the catalogue did not know has the name of its model, by which it is looked for again. A correction
      -- has the call of the event that it corrects.
      cross join lateral (
        select coalesce(e.model_id, (
          select metering.model_named(c.model) from metering.llm_calls c
           where c.tenant_id = v_tenant_id and c.occurred_at = e.occurred_at and c.id = metering.call_of_event(e))) as id) as m
      cross join lateral (select metering.price_at(v_prices, m.id, e.occurred_at) as price) as p
      left join lateral (
        select sum(r.cost) as cost from app_public.usage_events r
         where r.tenant_id = v_tenant_id and r.rerates_batch_id = e.batch_id and r.rerates_ordinal = e.ordinal and r.occurred_at = e.occurred_at
      ) as c on true
     where e.tenant_id = v_tenant_id and e.occurred_at >= rerated_usage.from_at and e.occurred_at < rerated_usage.to_at
       and e.rerates_batch_id is null and m.id is not null
       -- When a price was removed, the costs that were computed from it stay.
       and (p.price).price_id is not null
       and coalesce(e.cost, 0) + coalesce(c.cost, 0) <> e.quantity * metering.rate_per_token(p.price, t.token_class);
end
$$;
comment on function metering.rerated_usage is
  'The events of a time whose cost, together with earlier corrections, differs from the cost by the current prices.';

create or replace function app_public.preview_rerating(from_at timestamptz, to_at timestamptz) returns setof app_public.rerating_line
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_billing');
  return query
    select r.usage_type, r.model_id, m.name, count(*), sum(r.quantity), coalesce(sum(r.cost_before), 0), sum(r.cost_after),
           sum(r.cost_after) - coalesce(sum(r.cost_before), 0)
      from metering.rerated_usage(preview_rerating.from_at, preview_rerating.to_at) r
      left join app_public.llm_models m on m.id = r.model_id
     group by r.usage_type, r.model_id, m.name
     order by m.name, r.usage_type;
end
$$;
comment on function app_public.preview_rerating is
  E'@errors ID203\nShows how the costs of the usage from one instant to another (excluded) would change if they were computed from the current prices. It changes nothing. It needs the permission can_manage_billing.';
grant execute on function app_public.preview_rerating to rowhouse_user;

-- The corrections of events that one tenant pays for. Each has its payer's period, and a batch is queued under one payer.
create or replace function metering.write_rerating(from_at timestamptz, to_at timestamptz, payer_id uuid) returns numeric
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_batch_id constant bigint := nextval('metering.usage_batches');
  v_final_periods tstzrange[];
  v_batch record;
begin
  -- No period of who pays becomes final before this transaction ends.
  perform pg_advisory_xact_lock_shared(metering.metering_lock('record'), hashtext(coalesce(write_rerating.payer_id, v_tenant_id)::text));
  v_final_periods := metering.final_periods(coalesce(write_rerating.payer_id, v_tenant_id), write_rerating.from_at, write_rerating.to_at);
  with corrections as (
    insert into app_public.usage_events (
      tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity, user_id, agent_id, project_id, api_key_id, model_id,
      feature_name, cost, price_id, adjusts_period, rerates_batch_id, rerates_ordinal, payer_id)
    select v_tenant_id, v_batch_id, row_number() over (order by e.batch_id, e.ordinal), e.occurred_at, e.usage_type, 0, e.user_id,
           e.agent_id, e.project_id, e.api_key_id, r.model_id, e.feature_name,
           r.cost_after - coalesce(r.cost_before, 0), r.price_id,
           (select f from unnest(v_final_periods) as f where f @> e.occurred_at),
           e.batch_id, e.ordinal, e.payer_id
      from metering.rerated_usage(write_rerating.from_at, write_rerating.to_at) r
      join app_public.usage_events e on e.tenant_id = v_tenant_id and e.batch_id = r.batch_id and e.ordinal = r.ordinal
       and e.occurred_at = r.occurred_at
     where e.payer_id is not distinct from write_rerating.payer_id
    returning cost, occurred_at
  )
  select count(*) as event_count, sum(c.cost) as difference, min(c.occurred_at) as first_at, max(c.occurred_at) as last_at
    into v_batch from corrections c;
  if v_batch.event_count > 0 then
    insert into metering.usage_queue (tenant_id, batch_id, event_count, first_at, last_at, payer_id)
    values (v_tenant_id, v_batch_id, v_batch.event_count, v_batch.first_at, v_batch.last_at, write_rerating.payer_id);
  end if;
  return coalesce(v_batch.difference, 0);
end
$$;
comment on function metering.write_rerating is
  'Stores the corrections of the events of a time that one payer pays for, null for the tenant itself, and returns the sum of their differences.';

create or replace function app_public.apply_rerating(from_at timestamptz, to_at timestamptz) returns numeric
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_payer_id uuid;
  v_difference numeric := 0;
begin
  perform tenancy.require_staff();
  -- Only one session at a time corrects costs, so the second finds nothing left to correct.
  perform pg_advisory_xact_lock(metering.metering_lock('rerate'), hashtext(v_tenant_id::text));
  perform metering.begin_usage();
  for v_payer_id in
    select distinct e.payer_id from metering.rerated_usage(apply_rerating.from_at, apply_rerating.to_at) r
      join app_public.usage_events e on e.tenant_id = v_tenant_id and e.batch_id = r.batch_id and e.ordinal = r.ordinal
       and e.occurred_at = r.occurred_at
     order by e.payer_id
  loop
    v_difference := v_difference + metering.write_rerating(apply_rerating.from_at, apply_rerating.to_at, v_payer_id);
  end loop;
  return v_difference;
end
$$;
comment on function app_public.apply_rerating is
  E'@resultFieldName difference\n@errors TN205 MT411\nRecords the corrections that previewRerating shows as events of their own, and returns the sum of their differences. The corrected events stay as they are, and corrections in a final period become adjustments. Calling it again corrects nothing. Only platform staff may call this.';
grant execute on function app_public.apply_rerating to rowhouse_user;

create or replace function app_public.unpriced_usage(from_at timestamptz, to_at timestamptz) returns setof app_public.unpriced_line
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
begin
  perform tenancy.require_permission('can_view_analytics');
  return query
    select e.usage_type, e.model_id, coalesce(m.name, c.model), count(*) filter (where e.quantity > 0), sum(e.quantity), min(e.occurred_at), max(e.occurred_at)
      from app_public.usage_events e
      left join app_public.llm_models m on m.id = e.model_id
      left join metering.llm_calls c
        on e.model_id is null and c.tenant_id = v_tenant_id and c.occurred_at = e.occurred_at and c.id = metering.call_of_event(e)
     where e.tenant_id = v_tenant_id and e.is_unpriced and e.occurred_at >= unpriced_usage.from_at and e.occurred_at < unpriced_usage.to_at
       and not exists (
         select from app_public.usage_events r
          where r.tenant_id = v_tenant_id and r.rerates_batch_id = e.batch_id and r.rerates_ordinal = e.ordinal
             and r.occurred_at = e.occurred_at)
     group by e.usage_type, e.model_id, coalesce(m.name, c.model)
    having sum(e.quantity) > 0
     order by 3, 1, 2;
end
$$;
comment on function app_public.unpriced_usage is
  E'@errors ID203\nThe tokens from one instant to another (excluded) that have no cost, by model and type. Set the price of the model from that time on, or add the model, and rerate: applyRerating gives them their cost, and they leave this list. It needs the permission can_view_analytics.';
grant execute on function app_public.unpriced_usage to rowhouse_user;
