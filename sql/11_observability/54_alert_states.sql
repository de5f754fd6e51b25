-- How a rule stands. Once a minute each rule is measured, and observability.next_alert_state, which is the whole state machine,
-- says how it stands now. Whoever evaluates a rule holds the lock of its state, so a transition happens once, and so do the rows
-- and jobs that follow from it in the same transaction.

call core.secure_tenant_table('observability.alert_states');
call audit.leave_out('derived from other tables by rules', 'observability.alert_states');
grant select, insert, delete on observability.alert_states to rowhouse_platform;
comment on table observability.alert_states is 'How each rule stands.';
comment on column observability.alert_states.resumes_as is 'The state of the incident that goes on when there are data again.';
comment on column observability.alert_states.pending_since is 'Since when the condition holds.';
comment on column observability.alert_states.clear_since is 'Since when the condition of a firing rule no longer holds.';
comment on column observability.alert_states.incident_id is 'The incident: from when the condition begins to hold until it is resolved.';
comment on column observability.alert_states.notified_at is 'When the incident was last announced.';
comment on column observability.alert_states.problem is 'Why it could not be measured.';

call core.secure_tenant_table('app_public.alert_logs');
call audit.leave_out('a log that is only added to', 'app_public.alert_logs');
call core.announce('app_public.alert_logs', about => 'alert_id');
call core.exempt_from_guard('app_public.alert_logs', '_000_require_writable_tenant', 'a tenant that is read-only is watched, too');
call core.allow('app_public.alert_logs', read => 'can_view_analytics');
grant select on app_public.alert_logs to rowhouse_user;
grant select, delete on app_public.alert_logs to rowhouse_platform;
comment on table app_public.alert_logs is
  E'@behavior -insert -update -delete -query:resource:single\n@large\n@live\nWhat happened to alerts: each transition from one state to another, and each repetition. Reading it requires can_view_analytics.';
comment on column app_public.alert_logs.alert_id is 'The rule.';
comment on column app_public.alert_logs.ordinal is E'@behavior -*\nThe number of the transition of its rule.';
comment on column app_public.alert_logs.incident_id is 'The incident, from when the condition began to hold until it was resolved; null when there is none.';
comment on column app_public.alert_logs.from_state is 'The state before.';
comment on column app_public.alert_logs.state is 'The state from then on.';
comment on column app_public.alert_logs.is_repeat is 'Whether nothing changed and it was told again.';
comment on column app_public.alert_logs.value is 'The value that was measured.';
comment on column app_public.alert_logs.limit_value is 'What it was compared with.';
comment on column app_public.alert_logs.user_id is E'@personal pseudonymise\nWho acknowledged or silenced it; null when the rule did it.';
comment on column app_public.alert_logs.note is E'@personal erase\nWhat this person said.';
comment on column app_public.alert_logs.occurred_at is 'When it happened.';
comment on constraint alert_logs_tenant_id_alert_id_fkey on app_public.alert_logs is E'@fieldName alert\n@foreignFieldName logs';
comment on domain app_public.alert_state is
  'How a rule stands. ok: the condition does not hold. pending: it holds, and not yet for long enough. firing: it holds. acknowledged: it is firing and someone takes care of it. silenced: it is firing and was made quiet. resolved: it is over. no_data: there is nothing to measure.';
comment on type app_public.alert_status is 'How a rule stands.';
comment on column app_public.alert_status.state is E'@notNull\nThe state.';
comment on column app_public.alert_status.since is E'@notNull\nSince when it has this state.';
comment on column app_public.alert_status.value is 'The value that was measured last; null when there was none.';
comment on column app_public.alert_status.limit_value is 'What it was compared with.';
comment on column app_public.alert_status.silenced_until is 'Until when it is silenced; null when it is not.';
comment on column app_public.alert_status.evaluated_at is 'When it was last measured; null before the first time.';
comment on column app_public.alert_status.problem is 'Why it could not be measured; null when it could.';

create or replace function app_public.alerts_status(alert app_public.alerts) returns app_public.alert_status
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select row(s.state, s.since, s.value, s.limit_value, s.silenced_until, s.evaluated_at, s.problem)::app_public.alert_status
    from observability.alert_states s
   where s.tenant_id = (alert).tenant_id and s.alert_id = (alert).id and (select tenancy.has_permission('can_view_analytics'));
$$;
comment on function app_public.alerts_status is 'How the rule stands.';
grant execute on function app_public.alerts_status to rowhouse_user;

create or replace function observability.next_alert_state(
  before observability.alert_states, is_breached boolean, at timestamptz, for_minutes int
) returns observability.alert_states
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_next observability.alert_states := next_alert_state.before;
  v_open constant text[] := '{firing,acknowledged,silenced}';
  v_for constant interval := make_interval(mins => next_alert_state.for_minutes);
  v_is_silenced constant boolean := coalesce((next_alert_state.before).silenced_until > next_alert_state.at, false);
begin
  if next_alert_state.is_breached is null then
    if v_next.state = any (v_open) then
      v_next.resumes_as := v_next.state;
    end if;
    v_next.state := 'no_data';
    v_next.pending_since := null;
    v_next.clear_since := null;
    return v_next;
  end if;
  -- When data come again, an incident goes on as it was.
  if v_next.state = 'no_data' then
    v_next.state := coalesce(v_next.resumes_as, 'ok');
    v_next.resumes_as := null;
  end if;
  if next_alert_state.is_breached then
    v_next.clear_since := null;
    v_next.pending_since := coalesce(v_next.pending_since, next_alert_state.at);
    v_next.state := case
      when v_next.state = 'silenced' and not v_is_silenced then 'firing'
      when v_next.state = 'firing' and v_is_silenced then 'silenced'
      when v_next.state = any (v_open) then v_next.state
      when next_alert_state.at - v_next.pending_since < v_for then 'pending'
      when v_is_silenced then 'silenced'
      else 'firing' end;
    return v_next;
  end if;
  v_next.pending_since := null;
  v_next.clear_since := case when v_next.state = any (v_open) then coalesce(v_next.clear_since, next_alert_state.at) end;
  v_next.state := case
    when v_next.state <> all (v_open) then 'ok'
    -- What is over for less than the time in which it would fire may only be fluttering.
    when next_alert_state.at - v_next.clear_since < v_for then v_next.state
    else 'resolved' end;
  if v_next.state = 'resolved' then
    v_next.clear_since := null;
  end if;
  return v_next;
end
$$;
comment on function observability.next_alert_state is
  'How a rule stands when its condition holds, does not hold, or (null) cannot be said at this time. It is the whole state machine.';

create or replace function observability.log_alert(
  before observability.alert_states, after observability.alert_states, at timestamptz, note text default null, is_repeat boolean default false
) returns app_public.alert_logs
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_log app_public.alert_logs;
begin
  insert into app_public.alert_logs (
    tenant_id, alert_id, ordinal, incident_id, from_state, state, is_repeat, value, limit_value, user_id, note, occurred_at)
  values ((after).tenant_id, (after).alert_id, (before).transition_count + 1, coalesce((after).incident_id, (before).incident_id),
          (before).state, (after).state, log_alert.is_repeat, (after).value, (after).limit_value, core.current_user_id(), log_alert.note, log_alert.at)
  returning * into v_log;
  return v_log;
end
$$;
comment on function observability.log_alert is 'Writes a transition to the log.';

create or replace function observability.change_alert_state(
  alert app_public.alerts, before observability.alert_states, after observability.alert_states, at timestamptz, note text default null
) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_after observability.alert_states := change_alert_state.after;
  v_is_changed constant boolean := (before).state <> (after).state;
  v_is_repeat boolean;
begin
  if v_after.state in ('pending', 'firing', 'silenced') then
    v_after.incident_id := coalesce(v_after.incident_id, gen_random_uuid());
  end if;
  v_is_repeat := not v_is_changed and v_after.state = 'firing'
    and v_after.notified_at + make_interval(mins => (alert).repeat_minutes) <= change_alert_state.at;
  if v_is_changed or v_is_repeat then
    v_after := observability.notify_of_alert(alert, before, v_after,
      observability.log_alert(before, v_after, change_alert_state.at, change_alert_state.note, coalesce(v_is_repeat, false)));
    v_after.transition_count := (before).transition_count + 1;
    if v_is_changed then
      v_after.since := change_alert_state.at;
    end if;
  end if;
  if v_after.state in ('ok', 'resolved') then
    v_after.incident_id := null;
    v_after.notified_at := null;
  end if;
  update observability.alert_states s
     set state = v_after.state, since = v_after.since, resumes_as = v_after.resumes_as, pending_since = v_after.pending_since,
         clear_since = v_after.clear_since, incident_id = v_after.incident_id, notified_at = v_after.notified_at,
         silenced_until = v_after.silenced_until, value = v_after.value, limit_value = v_after.limit_value, problem = v_after.problem,
         evaluated_at = v_after.evaluated_at, transition_count = v_after.transition_count
   where s.tenant_id = v_after.tenant_id and s.alert_id = v_after.alert_id;
end
$$;
comment on function observability.change_alert_state is
  'Stores how a rule stands, whose state is locked. A transition, and a repetition that is due, is logged and told.';

create or replace function observability.limit_of_alert(alert app_public.alerts, metric app_public.alert_metrics, at timestamptz, timezone text)
returns numeric
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_window constant interval := make_interval(mins => (alert).window_minutes);
  v_mean numeric;
begin
  if (alert).threshold is not null then
    return (alert).threshold;
  end if;
  -- The same hour on the clocks of the tenant, also when they were changed meanwhile.
  select avg(m.value) into v_mean
    from generate_series(1, (alert).deviation_weeks) as week
   cross join lateral (
     select ((limit_of_alert.at at time zone limit_of_alert.timezone) - make_interval(weeks => week)) at time zone limit_of_alert.timezone as to_at) as w
   cross join lateral observability.measure(metric, (alert).aggregation, (alert).filter, w.to_at - v_window, w.to_at) as m
   where m.row_count > 0;
  return v_mean * (1 + case when (alert).comparator in ('above', 'at_least') then 1 else -1 end * (alert).deviation_percent / 100);
end
$$;
comment on function observability.limit_of_alert is
  'What the value of a rule is compared with: its threshold, or by its deviation the mean of the same window in the weeks before; null when there are no data of them.';

create or replace function observability.is_breached(value numeric, comparator text, limit_value numeric) returns boolean
language sql immutable parallel safe
return case comparator
  when 'above' then value > limit_value when 'at_least' then value >= limit_value
  when 'below' then value < limit_value else value <= limit_value end;
comment on function observability.is_breached is 'Whether a value stands to a limit as the condition of a rule says; null when one of them is missing.';

create or replace function observability.measure_alert(
  alert app_public.alerts, state observability.alert_states, at timestamptz, timezone text) returns observability.alert_states
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_state observability.alert_states := measure_alert.state;
  v_metric app_public.alert_metrics;
begin
  select m.* into strict v_metric from app_public.alert_metrics m where m.name = (alert).metric;
  v_state.value := null;
  v_state.limit_value := null;
  v_state.problem := null;
  v_state.evaluated_at := measure_alert.at;
  begin
    v_state.value := (observability.measure(v_metric, (alert).aggregation, (alert).filter,
      measure_alert.at - make_interval(mins => (alert).window_minutes), measure_alert.at)).value;
    v_state.limit_value := observability.limit_of_alert(alert, v_metric, measure_alert.at, measure_alert.timezone);
  exception
    -- A rule that cannot be measured must not keep the others of its tenant from being looked at.
    when query_canceled then
      v_state.problem := 'It took too long to measure. Choose a shorter window.';
    when others then
      v_state.problem := format('It could not be measured (%s).', sqlstate);
  end;
  return observability.next_alert_state(
    v_state, observability.is_breached(v_state.value, (alert).comparator, v_state.limit_value), measure_alert.at, (alert).for_minutes);
end
$$;
comment on function observability.measure_alert is 'Measures a rule, and says how it stands from then on.';

create or replace function observability.evaluate_alerts(tenant_id uuid) returns int
language plpgsql volatile security definer
-- The statistics of growing tables never know the newest rows, so the planner must not trust them.
set enable_seqscan to off
set jit to off
set search_path to pg_catalog, pg_temp
as $$
declare
  -- So long a tenant may hold the worker, until the others had their turn.
  v_turn constant interval := '1 second';
  v_started constant timestamptz := clock_timestamp();
  v_now constant timestamptz := core.clock();
  v_timezone text;
  v_one record;
  v_count int := 0;
begin
  call core.enter_tenant(evaluate_alerts.tenant_id);
  select t.timezone into v_timezone from app_public.tenants t where t.id = evaluate_alerts.tenant_id;
  for v_one in
    select a as alert, s as state
      from observability.alert_states s
      join app_public.alerts a on a.tenant_id = s.tenant_id and a.id = s.alert_id and a.is_enabled
     where s.tenant_id = evaluate_alerts.tenant_id and (s.evaluated_at is null or s.evaluated_at <= v_now - observability.evaluation_pause())
     order by s.evaluated_at nulls first, s.alert_id
       for update of s skip locked
  loop
    perform observability.change_alert_state(
      v_one.alert, v_one.state, observability.measure_alert(v_one.alert, v_one.state, v_now, v_timezone), v_now);
    v_count := v_count + 1;
    exit when clock_timestamp() - v_started > v_turn;
  end loop;
  return v_count;
end
$$;
comment on function observability.evaluate_alerts is
  'Measures the rules of a tenant that are due, the longest unmeasured first, for about a second, and returns how many. A rule that another worker has at hand is left to it.';
grant execute on function observability.evaluate_alerts to rowhouse_worker;

create or replace function observability.evaluation_pause() returns interval
language sql immutable parallel safe
return interval '30 seconds';
comment on function observability.evaluation_pause is 'A rule that was measured this recently is not due.';
grant execute on function observability.evaluation_pause to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: the rules of all tenants are looked at
create or replace function observability.tenants_to_evaluate() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select s.tenant_id
    from observability.alert_states s
    join app_public.alerts a on a.tenant_id = s.tenant_id and a.id = s.alert_id and a.is_enabled
    join app_public.tenants t on t.id = s.tenant_id and t.status in ('trial', 'active')
   where s.evaluated_at is null or s.evaluated_at <= core.clock() - observability.evaluation_pause()
   group by s.tenant_id
   order by min(coalesce(s.evaluated_at, '-infinity')), s.tenant_id;
$$;
comment on function observability.tenants_to_evaluate is 'The tenants that have rules which are due, the longest waiting first.';
grant execute on function observability.tenants_to_evaluate to rowhouse_worker;
set local role rowhouse_owner;

-- What people do to an alert.

create or replace function observability.lock_alert(alert_id uuid, out alert app_public.alerts, out state observability.alert_states)
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_settings');
  select a.* into alert from app_public.alerts a where a.tenant_id = core.current_tenant_id() and a.id = lock_alert.alert_id;
  select s.* into state from observability.alert_states s
   where s.tenant_id = core.current_tenant_id() and s.alert_id = lock_alert.alert_id for update;
  if not found then
    perform core.raise_error('OB342', 'There is no such rule of an alert.', 'alerts lists the rules.');
  end if;
end
$$;
comment on function observability.lock_alert is
  E'@errors ID203 OB342\nA rule and its state, which is locked for the rest of the transaction. It requires can_manage_settings.';

create or replace function app_public.acknowledge_alert(alert_id uuid, note text default null) returns app_public.alerts
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_locked record;
  v_alert app_public.alerts;
  v_before observability.alert_states;
  v_after observability.alert_states;
begin
  v_locked := observability.lock_alert(acknowledge_alert.alert_id);
  v_alert := v_locked.alert;
  v_before := v_locked.state;
  if v_before.state not in ('firing', 'silenced') then
    perform core.raise_error('OB540', format('The alert is not firing: its state is %s.', v_before.state), 'There is nothing to acknowledge.');
  end if;
  v_after := v_before;
  v_after.state := 'acknowledged';
  perform observability.change_alert_state(v_alert, v_before, v_after, core.clock(), acknowledge_alert.note);
  return v_alert;
end
$$;
comment on function app_public.acknowledge_alert is
  E'@resultFieldName alert\n@errors ID203 OB342 OB540 23514\nSays that you take care of an alert that is firing: it is not told again until it is resolved. You need the permission can_manage_settings.';
grant execute on function app_public.acknowledge_alert to rowhouse_user;

create or replace function app_public.silence_alert(alert_id uuid, until timestamptz, note text default null) returns app_public.alerts
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_locked record;
  v_alert app_public.alerts;
  v_before observability.alert_states;
  v_after observability.alert_states;
begin
  if silence_alert.until is not null
    and not (silence_alert.until > core.clock() and silence_alert.until <= core.clock() + interval '30 days') then
    perform core.raise_error('OB444', 'until must be a time in the next 30 days.', 'To watch nothing at all, set is_enabled to false.');
  end if;
  v_locked := observability.lock_alert(silence_alert.alert_id);
  v_alert := v_locked.alert;
  v_before := v_locked.state;
  v_after := v_before;
  v_after.silenced_until := silence_alert.until;
  if v_before.state = 'firing' and silence_alert.until is not null then
    v_after.state := 'silenced';
  end if;
  perform observability.change_alert_state(v_alert, v_before, v_after, core.clock(), silence_alert.note);
  return v_alert;
end
$$;
comment on function app_public.silence_alert is
  E'@resultFieldName alert\n@errors ID203 OB342 OB444 23514\nMakes an alert quiet until a time in the next 30 days; null ends it. It goes on being measured. When it is still firing at the end, it is told then. You need the permission can_manage_settings.';
grant execute on function app_public.silence_alert to rowhouse_user;

create or replace function observability.tg_alerts__end_incident() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_before observability.alert_states;
  v_after observability.alert_states;
begin
  select s.* into v_before from observability.alert_states s where s.tenant_id = new.tenant_id and s.alert_id = new.id for update;
  v_after := v_before;
  v_after.state := 'ok';
  v_after.resumes_as := null;
  v_after.pending_since := null;
  v_after.clear_since := null;
  perform observability.change_alert_state(new, v_before, v_after, core.clock());
  return null;
end
$$;
comment on function observability.tg_alerts__end_incident is 'Ends the incident of a rule that is switched off.';

create or replace trigger _600_end_incident after update of is_enabled on app_public.alerts
  for each row when (old.is_enabled and not new.is_enabled) execute function observability.tg_alerts__end_incident();
