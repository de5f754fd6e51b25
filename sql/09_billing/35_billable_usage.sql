-- The usage that billing reads from metering. A usage period is closed in the transaction that finalises its invoice, or in one
-- before it. Events that are recorded after that carry adjusts_period, and their batch numbers say which later invoice counted
-- them:
--   usage of the invoice       = sum of quantity of the events of the period without adjusts_period
--   late usage up to batch b   = sum of quantity of the events of the period with adjusts_period and batch_id <= b
-- Of the type llm_cost there are no events: its quantity is the cost of the others. So a price of 1.2 a unit is the cost of models
-- and a fifth on top, and a rerating is billed like any other usage, before or after its period is final.
-- Invoices add the first sum up from a roll-up (billable_usage); explanations and verify_billing add it up from the events
-- (recorded_usage), so an error of the roll-up shows.

set local role rowhouse_platform;  -- outside the wall: the tenant at the top of a hierarchy is billed for the usage of all tenants below it
create or replace function billing.paid_events(payer_id uuid, usage_type text, period tstzrange)
returns table (
  quantity numeric, batch_id bigint, adjusts_period tstzrange, tenant_id uuid, model_id uuid, project_id uuid, agent_id uuid, user_id uuid)
language sql stable
begin atomic
  -- branches, so that each has an index of its own; the costs are on the events of tokens
  select e.quantity, e.batch_id, e.adjusts_period, e.tenant_id, e.model_id, e.project_id, e.agent_id, e.user_id
    from app_public.usage_events e
   where e.tenant_id = paid_events.payer_id and e.payer_id is null and e.usage_type = paid_events.usage_type
     and e.occurred_at >= lower(paid_events.period) and e.occurred_at < upper(paid_events.period)
  union all
  select e.quantity, e.batch_id, e.adjusts_period, e.tenant_id, e.model_id, e.project_id, e.agent_id, e.user_id
    from app_public.usage_events e
   where e.payer_id = paid_events.payer_id and e.usage_type = paid_events.usage_type
     and e.occurred_at >= lower(paid_events.period) and e.occurred_at < upper(paid_events.period)
  union all
  select e.cost, e.batch_id, e.adjusts_period, e.tenant_id, e.model_id, e.project_id, e.agent_id, e.user_id
    from app_public.usage_events e
   where paid_events.usage_type = 'llm_cost' and e.tenant_id = paid_events.payer_id and e.payer_id is null and e.cost <> 0
     and e.occurred_at >= lower(paid_events.period) and e.occurred_at < upper(paid_events.period)
  union all
  select e.cost, e.batch_id, e.adjusts_period, e.tenant_id, e.model_id, e.project_id, e.agent_id, e.user_id
    from app_public.usage_types t
    join app_public.usage_events e on e.payer_id = paid_events.payer_id and e.usage_type = t.name and e.cost <> 0
     and e.occurred_at >= lower(paid_events.period) and e.occurred_at < upper(paid_events.period)
   where paid_events.usage_type = 'llm_cost' and t.token_class is not null;
end;
comment on function billing.paid_events is
  'The events of a period for which a tenant pays: its own, and those of the tenants that were below it when they were recorded. Of llm_cost it is the events with a cost, and the quantity is the cost.';

create or replace function billing.recorded_usage(tenant_id uuid, usage_type text, period tstzrange) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(sum(e.quantity), 0)
      from billing.paid_events(recorded_usage.tenant_id, recorded_usage.usage_type, recorded_usage.period) e
     where e.adjusts_period is null);
end
$$;
comment on function billing.recorded_usage is
  'The quantity that was recorded for a period, in a tenant and those below it, before the period was finalised: the sum over all its events.';
grant execute on function billing.recorded_usage to rowhouse_owner;

create or replace function billing.rolled_up_usage(payer_id uuid, usage_type text, from_at timestamptz, to_at timestamptz)
returns table (quantity numeric)
language sql stable
begin atomic
  select h.quantity from metering.usage_quarter_hours h
   where h.tenant_id = rolled_up_usage.payer_id and h.payer_id is null and h.usage_type = rolled_up_usage.usage_type
     and h.starts_at >= rolled_up_usage.from_at and h.starts_at < rolled_up_usage.to_at
  union all
  select h.quantity from metering.usage_quarter_hours h
   where h.payer_id = rolled_up_usage.payer_id and h.usage_type = rolled_up_usage.usage_type
     and h.starts_at >= rolled_up_usage.from_at and h.starts_at < rolled_up_usage.to_at;
end;
comment on function billing.rolled_up_usage is
  'What the roll-up has for the quarters of an hour between two instants for which a tenant pays.';

create or replace function billing.waiting_usage(payer_id uuid, usage_type text, from_at timestamptz, to_at timestamptz) returns numeric
language plpgsql stable security definer
-- The statistics of a growing table never know the newest events, so the planner must not trust them.
set enable_seqscan to off
set search_path to pg_catalog, pg_temp
as $$
declare
  v_first_month constant timestamptz := metering.month_start(waiting_usage.from_at);
  v_last_month constant timestamptz := metering.month_start(waiting_usage.to_at);
  v_waiting record;
  v_sum numeric := 0;
begin
  for v_waiting in
    select q.tenant_id, array_agg(q.batch_id) as batch_ids
      from (
        select o.* from metering.usage_queue o where o.tenant_id = waiting_usage.payer_id and o.payer_id is null
        union all
        select b.* from metering.usage_queue b where b.payer_id = waiting_usage.payer_id) as q
     where q.first_at < waiting_usage.to_at and q.last_at >= waiting_usage.from_at
     group by q.tenant_id
  loop
    -- Whole months choose the partitions. With the exact times as conditions, the planner might read all events of this time
    -- instead of those of the batches.
    v_sum := v_sum + (
      select coalesce(sum(u.quantity) filter (where e.adjusts_period is null
               and e.occurred_at >= waiting_usage.from_at and e.occurred_at < waiting_usage.to_at), 0)
        from app_public.usage_events e
       cross join lateral (
         select case when waiting_usage.usage_type = 'llm_cost' then e.cost
                     when e.usage_type = waiting_usage.usage_type then e.quantity end) as u (quantity)
       where e.tenant_id = v_waiting.tenant_id and e.batch_id = any (v_waiting.batch_ids)
         and e.occurred_at >= v_first_month and e.occurred_at < v_last_month + interval '1 month 1 day');
  end loop;
  return v_sum;
end
$$;
comment on function billing.waiting_usage is
  'What waits for the roll-up between two instants and for which a tenant pays, without what was recorded late.';

create or replace function billing.billable_usage(tenant_id uuid, usage_type text, period tstzrange) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_payer_id constant uuid := billable_usage.tenant_id;
  v_type constant text := billable_usage.usage_type;
  v_start constant timestamptz := lower(billable_usage.period);
  v_end constant timestamptz := upper(billable_usage.period);
  -- the whole quarters of an hour lie between these; a subscription begins at any instant, and so may its first period
  v_last constant timestamptz := metering.quarter_hour(v_end);
  v_first constant timestamptz := metering.quarter_hour(v_start)
    + case when v_start = metering.quarter_hour(v_start) then interval '0' else interval '15 minutes' end;
  v_head_end constant timestamptz := least(v_first, v_end);
  v_tail_start constant timestamptz := greatest(v_last, v_head_end);
  v_sum numeric := 0;
begin
  -- The function is stable, so all its statements see the same state of the roll-up and its queue.
  if v_first < v_last then
    v_sum := (select coalesce(sum(r.quantity), 0) from billing.rolled_up_usage(v_payer_id, v_type, v_first, v_last) r)
      + billing.waiting_usage(v_payer_id, v_type, v_first, v_last);
  end if;
  if v_start < v_head_end then
    v_sum := v_sum + billing.recorded_usage(v_payer_id, v_type, tstzrange(v_start, v_head_end));
  end if;
  if v_tail_start < v_end then
    v_sum := v_sum + billing.recorded_usage(v_payer_id, v_type, tstzrange(v_tail_start, v_end));
  end if;
  return v_sum;
end
$$;
comment on function billing.billable_usage is
  'The same quantity as recorded_usage, added up from the roll-up. What waits for the roll-up, and what lies in a quarter of an hour that the period cuts, is read from the events.';
grant execute on function billing.billable_usage to rowhouse_owner;

create or replace function billing.late_usage(tenant_id uuid, usage_type text, period tstzrange, until_batch bigint) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(sum(e.quantity), 0)
      from billing.paid_events(late_usage.tenant_id, late_usage.usage_type, late_usage.period) e
     where e.adjusts_period is not null
       and (late_usage.until_batch is null or e.batch_id <= late_usage.until_batch));
end
$$;
comment on function billing.late_usage is
  'The quantity that was recorded for a period after the period was finalised, up to and including a batch; with null, all of it.';
grant execute on function billing.late_usage to rowhouse_owner;

create or replace function billing.has_late_usage(tenant_id uuid, usage_type text, period tstzrange) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from billing.paid_events(has_late_usage.tenant_id, has_late_usage.usage_type, has_late_usage.period) e
     where e.adjusts_period is not null);
end
$$;
comment on function billing.has_late_usage is
  'Whether anything was recorded for a period after the period was finalised.';
grant execute on function billing.has_late_usage to rowhouse_owner;

set local role rowhouse_owner;
