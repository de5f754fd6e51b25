-- Using a quota. A use is one conditional update of each counter, and the lock of the row is the mutex. A refused use raises an
-- error, so that its transaction or savepoint also takes back what it added to other counters.

call core.secure_tenant_table('app_public.quota_tracking');
call audit.leave_out('counters that rules keep', 'app_public.quota_tracking');
create policy select_member on app_public.quota_tracking for select to rowhouse_user
  using (quota_scope <> 'user' or scope_id = (select core.current_user_id())
         or (select tenancy.has_permission('can_view_analytics')));
grant select on app_public.quota_tracking to rowhouse_user;
grant select, insert, update, delete on app_public.quota_tracking to rowhouse_platform;
comment on table app_public.quota_tracking is
  E'@behavior -insert -update -delete -query:resource:single\nThe counter of each limit and period. One conditional update changes it, in the transaction of the use.';
comment on column app_public.quota_tracking.quota_type is 'What is limited, as in usage_quotas.';
comment on column app_public.quota_tracking.quota_scope is 'Whose usage is counted.';
comment on column app_public.quota_tracking.scope_id is 'The tenant, user, agent or API key.';
comment on column app_public.quota_tracking.includes_subtree is 'Whether the usage of the tenants below counts too.';
comment on column app_public.quota_tracking.period is 'The kind of the period.';
comment on column app_public.quota_tracking.period_start is
  E'@infiniteIsNull\nThe first day of the period in the time zone of the tenant. Without a period it is -infinity in SQL and null in the API.';
comment on column app_public.quota_tracking.period_end is
  E'@infiniteIsNull\nThe day after the last day of the period. Without a period it is infinity in SQL and null in the API.';
comment on column app_public.quota_tracking.starts_at is E'@behavior -*\nThe instant at which the period begins, by the time zone that the tenant had then.';
comment on column app_public.quota_tracking.ends_at is E'@behavior -*\nThe instant at which the period ends.';
comment on column app_public.quota_tracking.quota_limit is
  'The strictest limit, hard or soft; null when the limit was removed. Past periods keep their limit.';
comment on column app_public.quota_tracking.hard_limit is
  'The strictest hard limit. Nothing is consumed or reserved beyond it; what was used and then recorded is counted also beyond it.';
comment on column app_public.quota_tracking.included_amount is 'The limit beyond which usage is sold as overage; null when no overage is sold.';
comment on column app_public.quota_tracking.alert_threshold_percentage is 'The percentage of the strictest limit at which an alert is written.';
comment on column app_public.quota_tracking.current_usage is 'How much exists, or was used in the period.';
comment on column app_public.quota_tracking.reserved is 'How much reservations hold.';
comment on column app_public.quota_tracking.is_exceeded is
  'Whether more is used than quota_limit. This happens with a soft limit, or when a limit was lowered.';
comment on column app_public.quota_tracking.overage is 'How much is used beyond included_amount and will be billed.';
comment on column app_public.quota_tracking.excess is 'How much was used and recorded beyond hard_limit, or exists beyond one that was lowered.';
comment on column app_public.quota_tracking.created_at is 'When the counter began.';
comment on column app_public.quota_tracking.updated_at is 'When the counter last changed.';

call core.secure_tenant_table('app_public.quota_alerts');
call audit.leave_out('a log that rules write; its rows never change', 'app_public.quota_alerts');
create policy select_member on app_public.quota_alerts for select to rowhouse_user
  using (quota_scope = 'user' and scope_id = (select core.current_user_id())
         or (select tenancy.has_permission('can_view_analytics')));
grant select on app_public.quota_alerts to rowhouse_user;
grant select, insert, update, delete on app_public.quota_alerts to rowhouse_platform;
comment on table app_public.quota_alerts is
  E'@behavior -insert -update -delete -query:resource:single\nAn alert says that usage reached a threshold of a limit. Each threshold gives one alert in each period. You see the alerts of your own usage, and with can_view_analytics all of the tenant.';
comment on column app_public.quota_alerts.quota_type is 'What is limited, as in usage_quotas.';
comment on column app_public.quota_alerts.quota_scope is 'Whose usage is counted.';
comment on column app_public.quota_alerts.scope_id is 'The tenant, user, agent or API key.';
comment on column app_public.quota_alerts.includes_subtree is 'Whether the usage of the tenants below counts too.';
comment on column app_public.quota_alerts.period is 'The kind of the period.';
comment on column app_public.quota_alerts.period_start is
  E'@infiniteIsNull\nThe first day of the period. Without a period it is -infinity in SQL and null in the API.';
comment on column app_public.quota_alerts.threshold_percentage is 'The threshold in percent of the limit.';
comment on column app_public.quota_alerts.quota_limit is 'The limit when the alert was written.';
comment on column app_public.quota_alerts.usage_at_alert is 'The usage when the alert was written.';
comment on column app_public.quota_alerts.acknowledged_at is 'When somebody acknowledged the alert (acknowledgeQuotaAlert).';
comment on column app_public.quota_alerts.acknowledged_by_user_id is E'@personal pseudonymise\nWho acknowledged the alert.';
comment on column app_public.quota_alerts.created_at is 'When the alert was written.';

set local role rowhouse_platform;  -- outside the wall: a use also changes the counters of the tenants above, and tells of them only that they have room
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
  'Writes an alert for each threshold that a counter has just reached, once for each threshold and period.';

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
  'Gives back what expired reservations hold in a counter, and returns how much. The caller has locked the row of the counter.';

create or replace function metering.refuse_quota(counter app_public.quota_tracking, tenant_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('QT601',
    format('The quota of %s is used up: %s may have %s%s.',
      replace((counter).quota_type, '_', ' '),
      case
        when (counter).tenant_id is distinct from refuse_quota.tenant_id then 'an organization above this tenant, with all below it,'
        when (counter).includes_subtree and cardinality(metering.quota_subtree((counter).tenant_id)) > 1 then 'this tenant with those below it'
        else 'this ' || case (counter).quota_scope when 'api_key' then 'API key' else (counter).quota_scope end
      end,
      trim_scale((counter).hard_limit) || case (counter).quota_type when 'storage' then ' bytes' when 'cost' then ' US dollars' else '' end,
      case (counter).period when 'day' then ' a day' when 'month' then ' a month' when 'billing' then ' a billing period' else '' end),
    case (counter).period
      when 'none' then 'Delete what is no longer needed, or ask for a higher limit.'
      else format('It begins anew on %s. A higher plan or limit holds at once, and plans, quotas and billing can be managed meanwhile.',
        (counter).period_end)
    end,
    -- begin_request tells the client how long that is
    nullif((counter).ends_at, 'infinity')::text);
end
$$;
comment on function metering.refuse_quota is
  E'@errors QT601\nRaises the error for a counter without room, and names its type, scope and limit.';

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
  'A counter in the form in which the API shows it.';
grant execute on function metering.status_of_counter to rowhouse_owner;

create or replace function metering.make_room(use metering.quota_use, quota metering.effective_quota, span metering.quota_span) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_counter app_public.quota_tracking;
begin
  select * into v_counter from app_public.quota_tracking c
   where c.tenant_id = (quota).owner_id and c.quota_type = (use).quota_type and c.quota_scope = (quota).quota_scope
     and c.scope_id = (quota).scope_id and c.includes_subtree = (quota).includes_subtree
     and c.period = (quota).period and c.starts_at = (span).starts_at
     for update;
  if not found then
    -- This is the first use in a period, or by somebody who had nothing when the limit was set (see refresh_quota_counters).
    insert into app_public.quota_tracking (
      tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, period_end, starts_at, ends_at,
      quota_limit, hard_limit, included_amount, alert_threshold_percentage)
    values (
      (quota).owner_id, (use).quota_type, (quota).quota_scope, (quota).scope_id, (quota).includes_subtree, (quota).period,
      (span).period_start, (span).period_end, (span).starts_at, (span).ends_at,
      (quota).quota_limit, (quota).hard_limit, (quota).included_amount, (quota).alert_threshold_percentage)
    on conflict do nothing;
  elsif v_counter.ends_at < (span).ends_at then
    -- The period goes on (see running_span). Limits that changed after its first end are copied now.
    update app_public.quota_tracking c
       set period_end = (span).period_end, ends_at = (span).ends_at, quota_limit = (quota).quota_limit, hard_limit = (quota).hard_limit,
           included_amount = (quota).included_amount, alert_threshold_percentage = (quota).alert_threshold_percentage
     where c.tenant_id = v_counter.tenant_id and c.id = v_counter.id;
  -- The row is locked now. Either expired reservations give something back, or the counter is full.
  elsif metering.expire_holds(v_counter) = 0 and (use).is_done is not true
    and v_counter.current_usage + v_counter.reserved + (use).amount > v_counter.hard_limit then
    perform metering.refuse_quota(v_counter, (use).tenant_id);
  end if;
end
$$;
comment on function metering.make_room is
  E'@errors QT601\nPrepares a counter for a use that its conditional update did not admit: creates a missing counter, lets a period go on, or gives back what expired reservations hold. Refuses the use when the counter is full.';

create or replace function metering.check_held_share(counter app_public.quota_tracking, user_id uuid) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Holding costs nothing, so one person must not be able to keep everybody else from a quota by it.
  v_max_percent constant int := 80;
begin
  if (counter).quota_scope <> 'user' and (counter).hard_limit * v_max_percent < 100 * (
      select sum(h.amount) from metering.quota_holds h
       where h.tenant_id = (counter).tenant_id and h.counter_id = (counter).id and h.expires_at > core.clock()
         and h.user_id is not distinct from check_held_share.user_id) then
    perform core.raise_error('QT406', format('amount must leave others room: one person may hold at most %s %% of a limit.', v_max_percent),
      'Reserve less, or settle and release the reservations of calls that have ended.');
  end if;
end
$$;
comment on function metering.check_held_share is
  E'@errors QT406\nRefuses what one person holds of a hard limit that others use too, when it is more than 80 % of it. The caller has locked the row of the counter.';

create or replace function metering.use_quota(use metering.quota_use, scope app_public.limit_scope default null)
returns setof app_public.quota_status
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_chain uuid[] := metering.enter_quota_chain((use).tenant_id, (use).quota_type);
  v_amount numeric := (use).amount;
  v_used numeric := case when (use).reservation_id is null then v_amount else 0 end;
  v_held numeric := v_amount - v_used;
  v_quota metering.effective_quota;
  v_span metering.quota_span;
  v_counter app_public.quota_tracking;
begin
  for v_quota in
    select * from metering.quota_limits(
      v_chain, (use).tenant_id, (use).quota_type, (use).user_id, (use).agent_id, (use).api_key_id) l
     where use_quota.scope is null or l.quota_scope = use_quota.scope
  loop
    v_span := metering.running_span(v_quota, (use).quota_type, core.clock());
    loop
      update app_public.quota_tracking c
         set current_usage = greatest(c.current_usage + v_used, 0), reserved = c.reserved + v_held
       where c.tenant_id = v_quota.owner_id and c.quota_type = (use).quota_type and c.quota_scope = v_quota.quota_scope
         and c.scope_id = v_quota.scope_id and c.includes_subtree = v_quota.includes_subtree
         and c.period = v_quota.period and c.starts_at = v_span.starts_at and c.ends_at >= v_span.ends_at
         and (v_amount <= 0 or (use).is_done or c.hard_limit is null or c.current_usage + c.reserved + v_amount <= c.hard_limit)
      returning * into v_counter;
      exit when found;
      perform metering.make_room(use_quota.use, v_quota, v_span);
    end loop;

    if v_held > 0 then
      insert into metering.quota_holds (tenant_id, counter_id, reservation_tenant_id, reservation_id, user_id, amount, expires_at)
      values (v_counter.tenant_id, v_counter.id, (use).tenant_id, (use).reservation_id, (use).user_id, v_held, (use).expires_at);
      perform metering.check_held_share(v_counter, (use).user_id);
    elsif v_used > 0 then
      perform metering.note_quota_alerts(v_counter, v_counter.current_usage - v_used);
    end if;
    return next metering.status_of_counter(v_counter);
  end loop;
end
$$;
comment on function metering.use_quota is
  E'@errors QT406 QT601\nTakes an amount from every counter whose limit applies, or holds it there for a reservation. A negative amount gives back, and what is_done is counted also beyond a hard limit. Returns the counters. With a scope, only the counters of that scope change.';
grant execute on function metering.use_quota to rowhouse_owner;

set local role rowhouse_owner;
