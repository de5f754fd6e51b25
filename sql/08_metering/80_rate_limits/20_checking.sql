-- Checking rate limits. A limit is a sliding window that is stored as a row of buckets, and most requests need two small
-- statements: one reads the only limit of the tenant, and one adds to its window when there is room.

call core.secure_tenant_table('app_public.rate_limit_usage');
call audit.leave_out('counters that rules keep', 'app_public.rate_limit_usage');
call core.exempt_from_guard('app_public.rate_limit_usage', '_000_require_writable_tenant', 'every request is checked, also in a tenant that is read-only');
create policy select_member on app_public.rate_limit_usage for select to rowhouse_user
  using (scope_id = (select core.current_user_id()) or (select tenancy.has_permission('can_view_analytics')));
grant select on app_public.rate_limit_usage to rowhouse_user;
grant select, insert, update, delete on app_public.rate_limit_usage to rowhouse_platform;
comment on table app_public.rate_limit_usage is
  E'@foreignKey (config_id) references app_public.rate_limit_config (id)\n@behavior -insert -update -delete +query:resource:connection\nThe current sliding windows. A crash of the database forgets them and nothing else. You see your own windows, and with can_view_analytics all of the tenant.';
comment on column app_public.rate_limit_usage.config_id is 'The rate limit. The window of a limit that was deleted stays until its uses have left it, and goes on when the limit is set again.';
comment on column app_public.rate_limit_usage.scope_id is 'The tenant, user, agent or API key whose usage it is.';
comment on column app_public.rate_limit_usage.window_seconds is 'The length of the window in seconds: 60, 3600, 86400 or 2592000 (30 days).';
comment on column app_public.rate_limit_usage.usage_count is 'What was used from window_start to the last use, in the unit of the limit.';
comment on column app_public.rate_limit_usage.past_count is E'@behavior -*\nThe part of usage_count that is in past_buckets.';
comment on column app_public.rate_limit_usage.past_buckets is E'@behavior -*\nThe usage in each bucket before the newest one, oldest first.';
comment on column app_public.rate_limit_usage.window_start is 'The start of the oldest bucket that counts.';
comment on column app_public.rate_limit_usage.window_end is 'The end of the newest bucket.';
comment on column app_public.rate_limit_usage.is_exceeded is 'Whether the last use exceeded the limit.';
comment on column app_public.rate_limit_usage.exceeded_at is 'When a use last exceeded the limit.';
comment on column app_public.rate_limit_usage.created_at is 'When this window was first used.';
comment on column app_public.rate_limit_usage.updated_at is 'When it was last used.';

create or replace function app_public.check_rate_limit(
  agent_id uuid default null, requests int default 1, tokens bigint default 0, cost numeric default 0
) returns app_public.rate_limit_decision
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_decision app_public.rate_limit_decision;
  -- The maximum refuses NaN too, because NaN compares as larger than every number.
  v_max_cost constant numeric := 1e12;
begin
  perform tenancy.require_role('member');
  if (requests >= 0 and tokens >= 0 and cost >= 0 and cost < v_max_cost) is not true then
    perform core.raise_error('RL402', 'requests, tokens and cost must be numbers of at least 0.',
      'Costs are in US dollars. With 0 for all three, the call only asks.');
  end if;
  perform metering.require_agent(check_rate_limit.agent_id);
  v_decision := metering.check_rate_limit(
    core.current_tenant_id(), core.current_user_id(), coalesce(check_rate_limit.agent_id, tenancy.current_agent_id()),
    core.current_api_key_id(), requests, tokens, cost::double precision);
  -- The error also stops a caller that ignores the answer.
  if not v_decision.is_allowed and v_decision.action = 'block' and (requests > 0 or tokens > 0 or cost > 0) then
    perform core.raise_error('RL601', 'Too many requests, tokens or cost at once.',
      case when v_decision.retry_after_ms is null then 'This is more than the limit itself, so ask for less at once.'
           else format('Try again in %s s.', ceil(v_decision.retry_after_ms / 1000.0)) end);
  end if;
  return v_decision;
end
$$;
comment on function app_public.check_rate_limit is
  E'@resultFieldName decision\n@errors ID202 KY204 MT301 RL402 RL601\nChecks requests, tokens and cost (US dollars) against all rate limits of this tenant, of you, of the agent and of your API key, and counts them in all limits or, when one refuses, in none. With 0 for all three it only asks. When isAllowed is false and the action is queue, try again after retryAfterMs. With the action throttle the use is allowed, but wait retryAfterMs before the next one. With the action warn it is allowed beyond the limit. Members may call this.';
grant execute on function app_public.check_rate_limit to rowhouse_user;

create or replace function metering.rate_window_room_at(
  buckets double precision[], usage double precision, limit_value double precision, window_end timestamptz, bucket_length interval
) returns timestamptz
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_left double precision := rate_window_room_at.usage;
begin
  for i in 1 .. cardinality(buckets) loop
    v_left := v_left - buckets[i];
    if v_left <= limit_value then
      return window_end + bucket_length * (i - 1);
    end if;
  end loop;
  return null;
end
$$;
comment on function metering.rate_window_room_at is
  'When so many of the oldest buckets have left the window that the usage fits the limit; null when it never fits.';
grant execute on function metering.rate_window_room_at to rowhouse_platform;

create or replace function metering.decides_before(one app_public.rate_limit_decision, other app_public.rate_limit_decision) returns boolean
language sql immutable parallel safe
return case
  when (one).is_allowed <> (other).is_allowed then not (one).is_allowed
  when (one).is_allowed then (one).remaining / (one).limit_value < (other).remaining / (other).limit_value
  -- A refusal without a time to try again never ends.
  else coalesce((one).retry_after_ms, 'Infinity'::double precision) > coalesce((other).retry_after_ms, 'Infinity'::double precision)
end;
comment on function metering.decides_before is
  'Whether one decision is reported instead of the other: the refusal with the longest wait or, when no limit refused, the limit closest to exhaustion.';
grant execute on function metering.decides_before to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: a request is checked before it has a tenant's context, for the tenant that the caller gives; only begin_request, definer functions and the worker call this
-- A sliding window of length W is stored as 20 buckets of length W/20. A use counts while any part of its bucket lies within
-- the last W, so no time span of length W ever has more than the limit, wherever the span begins, and a refused use is allowed
-- after W + W/20 at the latest. While the clock stays in the newest bucket, a use is one update.

create or replace function metering.rate_window_steps() returns int
language sql immutable parallel safe
return 20;
comment on function metering.rate_window_steps is
  'The number of buckets of a window of a rate limit.';

create or replace function metering.lock_rate_window(
  rule metering.rate_limit_rules, subject_id uuid, bucket_end timestamptz, bucket_length interval
) returns app_public.rate_limit_usage
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_steps constant int := metering.rate_window_steps();
  v_usage app_public.rate_limit_usage;
begin
  loop
    select * into v_usage from app_public.rate_limit_usage u
     where u.tenant_id = (rule).tenant_id and u.config_id = (rule).config_id and u.scope_id = subject_id
       and u.window_seconds = (rule).window_seconds
       for update;
    if found then
      return v_usage;
    end if;
    insert into app_public.rate_limit_usage (tenant_id, config_id, scope_id, window_seconds, past_buckets, window_start, window_end)
    values ((rule).tenant_id, (rule).config_id, subject_id, (rule).window_seconds, array_fill(0::double precision, array[v_steps]),
            bucket_end - bucket_length * (v_steps + 1), bucket_end)
    on conflict do nothing;
  end loop;
end
$$;
comment on function metering.lock_rate_window is
  'The locked row of a window, which is created when there is none.';

create or replace function metering.use_rate_window(
  rule metering.rate_limit_rules, subject_id uuid, amount double precision, at timestamptz
) returns app_public.rate_limit_decision
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_steps constant int := metering.rate_window_steps();
  v_step constant interval := make_interval(secs => (rule).window_seconds) / v_steps;
  v_seconds constant double precision := (rule).window_seconds / v_steps::double precision;
  -- the end of the bucket of this instant
  v_end constant timestamptz := to_timestamp((floor(extract(epoch from at)::double precision / v_seconds) + 1) * v_seconds);
  v_is_soft constant boolean := (rule).on_limit_action in ('throttle', 'warn');
  v_usage app_public.rate_limit_usage := metering.lock_rate_window(rule, subject_id, v_end, v_step);
  -- The oldest bucket is the first and the newest is the last.
  v_buckets double precision[] := v_usage.past_buckets || (v_usage.usage_count - v_usage.past_count);
  v_passed int;
  v_fits boolean;
  v_retry_after_ms bigint := 0;
begin
  if at >= v_usage.window_end then
    -- Buckets that have left the window are dropped at the front.
    v_passed := least(round(extract(epoch from v_end - v_usage.window_end)::double precision / v_seconds), v_steps + 1);
    v_usage.window_end := v_end;
    v_buckets := v_buckets[v_passed + 1:] || array_fill(0::double precision, array[v_passed]);
  end if;
  v_usage.past_buckets := v_buckets[:v_steps];
  v_usage.past_count := (select sum(b) from unnest(v_usage.past_buckets) as b);
  v_usage.usage_count := v_usage.past_count + v_buckets[v_steps + 1];

  v_fits := v_usage.usage_count + amount <= (rule).limit_value;
  if not v_fits then
    v_retry_after_ms := ceil(extract(epoch from metering.rate_window_room_at(
      v_buckets, v_usage.usage_count + amount, (rule).limit_value, v_usage.window_end, v_step) - at) * 1000);
  end if;
  if v_fits or v_is_soft then
    -- A soft limit also counts what exceeds it.
    v_usage.usage_count := v_usage.usage_count + amount;
  end if;
  update app_public.rate_limit_usage u
     set usage_count = v_usage.usage_count, past_count = v_usage.past_count, past_buckets = v_usage.past_buckets,
         window_start = v_usage.window_end - v_step * (v_steps + 1), window_end = v_usage.window_end,
         is_exceeded = not v_fits, exceeded_at = case when v_fits then u.exceeded_at else at end, updated_at = at
   where u.tenant_id = (rule).tenant_id and u.config_id = (rule).config_id and u.scope_id = subject_id
     and u.window_seconds = (rule).window_seconds;
  return row (
    v_fits or v_is_soft, case when not v_fits then (rule).on_limit_action end,
    v_usage.usage_count >= (rule).warning_value, (rule).limit_scope, (rule).limit_type, (rule).window_seconds, (rule).limit_value,
    greatest((rule).limit_value - v_usage.usage_count, 0), v_usage.window_end + make_interval(secs => (rule).window_seconds),
    v_retry_after_ms, (rule).config_id)::app_public.rate_limit_decision;
end
$$;
comment on function metering.use_rate_window is
  'Counts an amount in one window when it fits or the limit is soft, and returns the decision of the limit. It handles everything except the common case: the first use, a new bucket, and a full window.';

create or replace function metering.applicable_rate_limits(use metering.rate_limit_use) returns setof metering.applicable_rate_limit
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- what an API key uses counts to the keys above it, too
  v_keys constant uuid[] := case when (use).api_key_id is null then '{}' else tenancy.key_chain((use).api_key_id) end;
begin
  return query
    select r.rule, r.subject_id, r.amount
      from (
        select rule, s.subject_id,
               case rule.limit_type
                 when 'requests' then (use).requests when 'tokens' then (use).tokens
                 -- Limits of cost are in cents, and uses are in dollars.
                 else (use).cost * 100 end as amount
          from metering.rate_limit_rules rule
         cross join lateral unnest(case rule.limit_scope
                 when 'tenant' then array[(use).tenant_id] when 'user' then array[(use).user_id]
                 when 'agent' then array[(use).agent_id] else v_keys end) as s (subject_id)
         where rule.tenant_id = (use).tenant_id
      ) r
     where coalesce((r.rule).scope_id, r.subject_id) = r.subject_id and r.subject_id <> all ((r.rule).except_scope_ids)
       -- A use without any amount asks every limit.
       and (r.amount > 0 or (use).requests = 0 and (use).tokens = 0 and (use).cost = 0)
     -- The order of the key is the order in which windows are locked.
     order by (r.rule).config_id, (r.rule).window_seconds, r.subject_id;
end
$$;
comment on function metering.applicable_rate_limits is
  'The rate limits that apply to a use, each with the subject whose usage it counts and with the amount in its unit, in the order of locking.';

create or replace function metering.take_back_rate_usage(allowed metering.applicable_rate_limit[]) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- The rows are still locked, so nobody has seen what is taken back.
  update app_public.rate_limit_usage u
     set usage_count = greatest(u.usage_count - a.amount, u.past_count)
    from unnest(allowed) as a
   where u.tenant_id = (a.rule).tenant_id and u.config_id = (a.rule).config_id and u.scope_id = a.subject_id
     and u.window_seconds = (a.rule).window_seconds;
end
$$;
comment on function metering.take_back_rate_usage is
  'Takes back what a use counted in the windows that allowed it, because another window refused it.';

create or replace function metering.check_all_rate_limits(use metering.rate_limit_use) returns app_public.rate_limit_decision
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_limit metering.applicable_rate_limit;
  v_rule metering.rate_limit_rules;
  v_answer app_public.rate_limit_decision;
  v_decision app_public.rate_limit_decision;
  v_is_warning boolean := false;
  v_allowed metering.applicable_rate_limit[];
begin
  for v_limit in select * from metering.applicable_rate_limits(check_all_rate_limits.use) loop
    v_rule := v_limit.rule;
    update app_public.rate_limit_usage u set usage_count = u.usage_count + v_limit.amount, is_exceeded = false, updated_at = (use).at
     where u.tenant_id = v_rule.tenant_id and u.config_id = v_rule.config_id and u.scope_id = v_limit.subject_id
       and u.window_seconds = v_rule.window_seconds
       and u.window_end > (use).at and u.usage_count + v_limit.amount <= v_rule.limit_value
    returning true, null, u.usage_count >= v_rule.warning_value, v_rule.limit_scope, v_rule.limit_type, v_rule.window_seconds,
              v_rule.limit_value, v_rule.limit_value - u.usage_count, u.window_end + make_interval(secs => v_rule.window_seconds), 0, v_rule.config_id
         into v_answer;
    if not found then
      v_answer := metering.use_rate_window(v_rule, v_limit.subject_id, v_limit.amount, (use).at);
    end if;
    if v_answer.is_allowed then
      v_allowed := v_allowed || v_limit;
    end if;
    v_is_warning := v_is_warning or v_answer.is_warning;
    if v_decision.config_id is null or metering.decides_before(v_answer, v_decision) then
      v_decision := v_answer;
    end if;
  end loop;

  v_decision.is_allowed := coalesce(v_decision.is_allowed, true);
  v_decision.is_warning := v_is_warning;
  if not v_decision.is_allowed then
    perform metering.take_back_rate_usage(v_allowed);
  end if;
  return v_decision;
end
$$;
comment on function metering.check_all_rate_limits is
  'Checks a use against all rate limits, as check_rate_limit does, for any number of limits.';

-- Most requests come from a tenant with a single limit on its requests that has room left. This function decides them in as few
-- and as cheap steps as possible: PL/pgSQL prepares every expression again in each transaction, and others wait for the row.
create or replace function metering.check_rate_limit(
  tenant_id uuid, user_id uuid default null, agent_id uuid default null, api_key_id uuid default null,
  requests double precision default 1, tokens double precision default 0, cost double precision default 0
) returns app_public.rate_limit_decision
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_rule metering.rate_limit_rules;
  -- The start of the transaction would not do, because a long transaction would use up a window of the past.
  v_now timestamptz := case when coalesce(current_setting('rowhouse.clock', true), '') = '' then clock_timestamp() else core.clock() end;
  v_used double precision;
  v_end timestamptz;
begin
  select r.* into v_rule from metering.rate_limit_rules r where r.tenant_id = check_rate_limit.tenant_id limit 1;
  if not found then
    return row (true, null, false, null, null, null, null, null, null, null, null)::app_public.rate_limit_decision;
  end if;
  if v_rule.is_sole and requests > 0 then
    -- This is a plain update of one row, so a session that has waited for the row has only this condition to check again.
    update app_public.rate_limit_usage u set usage_count = u.usage_count + requests, is_exceeded = false, updated_at = v_now
     where u.tenant_id = v_rule.tenant_id and u.config_id = v_rule.config_id and u.scope_id = v_rule.tenant_id
       and u.window_seconds = v_rule.window_seconds
       and u.window_end > v_now and u.usage_count + requests <= v_rule.limit_value
    returning u.usage_count, u.window_end into v_used, v_end;
  end if;
  if v_used is null then
    return metering.check_all_rate_limits(
      row(tenant_id, user_id, agent_id, api_key_id, requests, tokens, cost, v_now)::metering.rate_limit_use);
  end if;
  return row (
    true, null, v_used >= v_rule.warning_value, v_rule.limit_scope, v_rule.limit_type, v_rule.window_seconds, v_rule.limit_value,
    v_rule.limit_value - v_used, v_end + make_interval(secs => v_rule.window_seconds), 0, v_rule.config_id)::app_public.rate_limit_decision;
end
$$;
comment on function metering.check_rate_limit is
  'Checks requests, tokens and cost (US dollars) against all limits of a tenant, user, agent and API key at once, and counts them in all limits or, when one refuses, in none. With 0 for all amounts it only asks. Call it in a transaction of its own, so that a request that fails later has counted, and nobody waits for it.';
grant execute on function metering.check_rate_limit to rowhouse_owner, rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the worker clears windows and takes served requests of all tenants
create or replace function metering.forget_rate_windows() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  delete from app_public.rate_limit_usage u
   where u.window_end + make_interval(secs => u.window_seconds) < core.clock();
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function metering.forget_rate_windows is
  'Deletes the windows in which no usage counts any more, and returns how many.';
grant execute on function metering.forget_rate_windows to rowhouse_worker;

set local role rowhouse_owner;
