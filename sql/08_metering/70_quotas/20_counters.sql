-- Using a quota: one conditional update for each counter; the row's lock is the mutex. A use that is refused raises, so
-- that what it took from other counters goes back with the transaction or savepoint it is part of.

call core.secure_tenant_table('app_public.quota_tracking');
create policy select_member on app_public.quota_tracking for select to rowhouse_user
  using (quota_scope <> 'user' or scope_id = (select core.current_user_id())
         or (select tenancy.has_permission('can_view_analytics')));
grant select on app_public.quota_tracking to rowhouse_user;
grant select, insert, update, delete on app_public.quota_tracking to rowhouse_platform;
comment on table app_public.quota_tracking is
  E'@behavior -insert -update -delete -query:resource:single\nWhat is used of each limit, a row for each period. Changed by one conditional update in the transaction that uses something.';
comment on column app_public.quota_tracking.quota_type is 'As in usage_quotas.';
comment on column app_public.quota_tracking.quota_scope is 'tenant, user, agent or api_key.';
comment on column app_public.quota_tracking.scope_id is 'Whose use is counted: the tenant, user, agent or API key.';
comment on column app_public.quota_tracking.includes_subtree is 'Whether the tenants below count as well.';
comment on column app_public.quota_tracking.period is 'none, day, month or billing.';
comment on column app_public.quota_tracking.period_start is E'@infiniteIsNull\nFirst day of the period in the tenant''s time zone; -infinity where there is none.';
comment on column app_public.quota_tracking.period_end is E'@infiniteIsNull\nThe day after its last; infinity where there is none.';
comment on column app_public.quota_tracking.quota_limit is 'The strictest limit, hard or soft; null when there is none any more. Past periods keep theirs.';
comment on column app_public.quota_tracking.hard_limit is 'The strictest hard limit: current_usage and reserved together never pass it.';
comment on column app_public.quota_tracking.included_amount is 'The limit beyond which use is sold as overage; null when none is sold.';
comment on column app_public.quota_tracking.alert_threshold_percentage is 'As in usage_quotas, of the strictest limit.';
comment on column app_public.quota_tracking.current_usage is 'What there is, or has been used in the period.';
comment on column app_public.quota_tracking.reserved is 'What reservations hold.';
comment on column app_public.quota_tracking.is_exceeded is 'Whether more is used than the limit, as a soft limit or one that was lowered allows.';
comment on column app_public.quota_tracking.overage is 'What is used beyond included_amount, to be billed.';
comment on column app_public.quota_tracking.created_at is 'When the counter began.';
comment on column app_public.quota_tracking.updated_at is 'When it last changed.';

call core.secure_tenant_table('app_public.quota_alerts');
create policy select_member on app_public.quota_alerts for select to rowhouse_user
  using (quota_scope = 'user' and scope_id = (select core.current_user_id())
         or (select tenancy.has_permission('can_view_analytics')));
grant select on app_public.quota_alerts to rowhouse_user;
grant select, insert, update, delete on app_public.quota_alerts to rowhouse_platform;
comment on table app_public.quota_alerts is
  E'@behavior -insert -update -delete -query:resource:single\nThat a threshold of a limit was passed: once a threshold and period. You see your own; who may view analytics sees all.';
comment on column app_public.quota_alerts.quota_type is 'As in usage_quotas.';
comment on column app_public.quota_alerts.quota_scope is 'tenant, user, agent or api_key.';
comment on column app_public.quota_alerts.scope_id is 'Whose use it is: the tenant, user, agent or API key.';
comment on column app_public.quota_alerts.includes_subtree is 'Whether the tenants below count as well.';
comment on column app_public.quota_alerts.period is 'none, day, month or billing.';
comment on column app_public.quota_alerts.period_start is E'@infiniteIsNull\nFirst day of the period; -infinity where there is none.';
comment on column app_public.quota_alerts.threshold_percentage is 'The threshold, in percent of the limit.';
comment on column app_public.quota_alerts.quota_limit is 'The limit at that moment.';
comment on column app_public.quota_alerts.usage_at_alert is 'What was used at that moment.';
comment on column app_public.quota_alerts.acknowledged_at is 'When somebody said that they have seen it (acknowledge_quota_alert).';
comment on column app_public.quota_alerts.acknowledged_by_user_id is 'Who that was.';
comment on column app_public.quota_alerts.created_at is 'When it was passed.';

set local role rowhouse_platform;  -- outside the wall: a use changes the counters of the tenants above as well; returns nothing of theirs but that they have room
create or replace function metering.note_quota_alerts(counter app_public.quota_tracking, usage_before numeric) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
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
comment on function metering.note_quota_alerts is
  'Writes an alert for each threshold that a counter has just passed, once a threshold and period.';

create or replace function metering.expire_holds(counter app_public.quota_tracking) returns numeric
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_amount numeric;
begin
  with expired as (
    delete from metering.quota_holds h
     where h.tenant_id = (counter).tenant_id and h.counter_id = (counter).id and h.expires_at <= core.clock()
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
comment on function metering.expire_holds is
  'Gives back what expired reservations hold of a counter, whose row the caller has locked; returns how much.';

create or replace function metering.refuse_quota(counter app_public.quota_tracking, tenant_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('QT601',
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
comment on function metering.refuse_quota is
  'QT601, naming type, scope and limit.';

create or replace function metering.status_of_counter(counter app_public.quota_tracking) returns app_public.quota_status
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
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
comment on function metering.status_of_counter is
  'A counter as the API shows it.';
grant execute on function metering.status_of_counter to rowhouse_owner;

create or replace function metering.use_quota(
  tenant_id uuid, quota_type text, amount numeric, user_id uuid default null, agent_id uuid default null,
  api_key_id uuid default null, reservation_id uuid default null, expires_at timestamptz default null, scope text default null
) returns setof app_public.quota_status
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_chain uuid[] := metering.enter_quota_chain(use_quota.tenant_id, use_quota.quota_type);
  v_used numeric := case when use_quota.reservation_id is null then use_quota.amount else 0 end;
  v_held numeric := use_quota.amount - v_used;
  v_limit record;
  v_period daterange;
  v_counter app_public.quota_tracking;
begin
  for v_limit in
    select * from metering.quota_limits(
      v_chain, use_quota.tenant_id, use_quota.quota_type, use_quota.user_id, use_quota.agent_id, use_quota.api_key_id) l
     where use_quota.scope is null or l.quota_scope = use_quota.scope
  loop
    v_period := metering.quota_period(v_limit.owner_id, v_limit.period, core.clock());
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
        if metering.expire_holds(v_counter) = 0
          and v_counter.current_usage + v_counter.reserved + use_quota.amount > v_counter.hard_limit then
          perform metering.refuse_quota(v_counter, use_quota.tenant_id);
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
      insert into metering.quota_holds (tenant_id, counter_id, reservation_tenant_id, reservation_id, amount, expires_at)
      values (v_counter.tenant_id, v_counter.id, use_quota.tenant_id, use_quota.reservation_id, v_held, use_quota.expires_at);
    elsif v_used > 0 then
      perform metering.note_quota_alerts(v_counter, v_counter.current_usage - v_used);
    end if;
    return next metering.status_of_counter(v_counter);
  end loop;
end
$$;
comment on function metering.use_quota is
  E'@errors QT601\nTakes an amount from every counter whose limit holds, or holds it there for a reservation; a negative amount gives back. Returns the counters.';
grant execute on function metering.use_quota to rowhouse_owner;

set local role rowhouse_owner;
