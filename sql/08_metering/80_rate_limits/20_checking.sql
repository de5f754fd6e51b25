-- Rate limits as programs of a tenant ask them.

call core.secure_tenant_table('app_public.rate_limit_usage');
call core.exempt_from_guard('app_public.rate_limit_usage', '_000_require_writable_tenant', 'every request is checked, also in a tenant that is read-only');
create policy select_member on app_public.rate_limit_usage for select to rowhouse_user
  using (scope_id = (select core.current_user_id()) or (select tenancy.has_permission('can_view_analytics')));
grant select on app_public.rate_limit_usage to rowhouse_user;
grant select, insert, update, delete on app_public.rate_limit_usage to rowhouse_platform;
comment on table app_public.rate_limit_usage is
  E'@behavior -insert -update -delete +query:resource:connection\nThe sliding windows at hand. A crash of the database forgets them and nothing else. You see your own; who may view analytics sees all.';
comment on column app_public.rate_limit_usage.config_id is 'The limit.';
comment on column app_public.rate_limit_usage.scope_id is 'Whose use it is: the tenant, user, agent or API key.';
comment on column app_public.rate_limit_usage.window_seconds is 'Length of the window: 60, 3600, 86400 or 2592000.';
comment on column app_public.rate_limit_usage.usage_count is 'What was used between window_start and the last use, in units of the limit.';
comment on column app_public.rate_limit_usage.past_count is E'@behavior -*\nThe part of usage_count that is in past_buckets.';
comment on column app_public.rate_limit_usage.past_buckets is E'@behavior -*\nUse in the twentieths of the window before the newest, oldest first.';
comment on column app_public.rate_limit_usage.window_start is 'Start of the oldest twentieth that counts.';
comment on column app_public.rate_limit_usage.window_end is 'End of the newest twentieth.';
comment on column app_public.rate_limit_usage.is_exceeded is 'Whether the last use was beyond the limit.';
comment on column app_public.rate_limit_usage.exceeded_at is 'When a use was last beyond the limit.';
comment on column app_public.rate_limit_usage.created_at is 'When this window was first used.';
comment on column app_public.rate_limit_usage.updated_at is 'When it was last used.';

comment on type app_public.rate_limit_decision is 'What rate limits say to a use.';
comment on column app_public.rate_limit_decision.is_allowed is 'Whether it may pass.';
comment on column app_public.rate_limit_decision.action is 'What the limit that decided does beyond itself: block, queue, throttle or warn; null when none was passed.';
comment on column app_public.rate_limit_decision.is_warning is 'Whether the warning threshold of a limit is reached.';
comment on column app_public.rate_limit_decision.limit_scope is 'Of the limit that refused, or is nearest to its end: whose it is. null when there is no limit.';
comment on column app_public.rate_limit_decision.limit_type is 'requests, tokens or cost.';
comment on column app_public.rate_limit_decision.window_seconds is 'Length of its window.';
comment on column app_public.rate_limit_decision.limit_value is 'Most in any window of that length.';
comment on column app_public.rate_limit_decision.remaining is 'What may pass now.';
comment on column app_public.rate_limit_decision.reset_at is 'When all of it may pass again, if nothing else does until then.';
comment on column app_public.rate_limit_decision.retry_after_ms is 'Milliseconds until this use would fit, 0 when it does, null when it is more than the limit itself.';

create or replace function app_public.check_rate_limit(
  agent_id uuid default null, requests int default 1, tokens bigint default 0, cost numeric default 0
) returns app_public.rate_limit_decision
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_decision app_public.rate_limit_decision;
begin
  perform tenancy.require_role('member');
  if not coalesce(requests >= 0 and tokens >= 0 and cost >= 0 and cost < 1e12, false) then
    perform core.raise_error('RL402', 'requests, tokens and cost must be numbers from 0 on.', 'Costs are in US dollars; all 0 only asks.');
  end if;
  if check_rate_limit.agent_id is not null
    and not exists (select from app_public.agents a where a.id = check_rate_limit.agent_id and a.deleted_at is null) then
    perform core.raise_error('RL301', 'There is no such user or agent in this tenant.', 'List the agents of this tenant.');
  end if;
  v_decision := metering.check_rate_limit(
    core.current_tenant_id(), core.current_user_id(), check_rate_limit.agent_id, null, requests, tokens, cost::double precision);
  -- a caller that does not look at the answer is stopped all the same
  if not v_decision.is_allowed and v_decision.action = 'block' and (requests > 0 or tokens > 0 or cost > 0) then
    perform core.raise_error('RL601', 'Too many requests, tokens or cost at once.',
      case when v_decision.retry_after_ms is null then 'This is more than the limit itself; ask for less at once.'
           else format('Try again in %s s.', ceil(v_decision.retry_after_ms / 1000.0)) end);
  end if;
  return v_decision;
end
$$;
comment on function app_public.check_rate_limit is
  E'@resultFieldName decision\n@errors RL601 RL402 RL301 ID202\nAsks all rate limits of this tenant, of you and of the agent at once whether requests, tokens and cost (US dollars) may pass now, and counts them in all or, when one refuses, in none. All 0 only asks. isAllowed false with action queue: try again after retryAfterMs. action throttle: allowed, but wait retryAfterMs before the next; warn: allowed beyond the limit. Members.';
grant execute on function app_public.check_rate_limit to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: decides before the request has a tenant's context, for the tenant it is given; for begin_request, definer functions and the worker
-- A sliding window as a row of buckets. A window of length W is 20 buckets of W/20; a use counts while any part of its
-- bucket is within the last W. So no span of length W, wherever it begins, ever has more than the limit, and a use that
-- was refused passes after at most W + W/20. While the clock is inside the newest bucket, a use is one update.

create or replace function metering.rate_window_steps() returns int
language sql immutable parallel safe
return 20;
comment on function metering.rate_window_steps is
  'Into how many buckets a rate limit''s window is cut.';

-- Everything but the common case: the first use, a new bucket, a full window.
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
  -- where the bucket of this instant ends
  v_end constant timestamptz := to_timestamp((floor(extract(epoch from at)::double precision / v_seconds) + 1) * v_seconds);
  v_usage app_public.rate_limit_usage;
  v_buckets double precision[];
  v_passed int;
  v_left double precision;
  v_fits boolean;
  v_retry_after_ms bigint := 0;
begin
  loop
    select * into v_usage from app_public.rate_limit_usage u
     where u.tenant_id = (rule).tenant_id and u.config_id = (rule).config_id and u.scope_id = subject_id
       and u.window_seconds = (rule).window_seconds
       for update;
    exit when found;
    insert into app_public.rate_limit_usage (tenant_id, config_id, scope_id, window_seconds, past_buckets, window_start, window_end)
    values ((rule).tenant_id, (rule).config_id, subject_id, (rule).window_seconds, array_fill(0::double precision, array[v_steps]),
            v_end - v_step * (v_steps + 1), v_end)
    on conflict do nothing;
  end loop;

  -- oldest first, the newest last; what has passed falls off the front
  v_buckets := v_usage.past_buckets || (v_usage.usage_count - v_usage.past_count);
  if at >= v_usage.window_end then
    v_passed := least(round(extract(epoch from v_end - v_usage.window_end)::double precision / v_seconds), v_steps + 1);
    v_usage.window_end := v_end;
    v_buckets := v_buckets[v_passed + 1:] || array_fill(0::double precision, array[v_passed]);
  end if;
  v_usage.past_buckets := v_buckets[:v_steps];
  v_usage.past_count := (select sum(b) from unnest(v_usage.past_buckets) as b);
  v_usage.usage_count := v_usage.past_count + v_buckets[v_steps + 1];

  v_fits := v_usage.usage_count + amount <= (rule).limit_value;
  if not v_fits then
    -- it fits once so many of the oldest buckets have left that the rest leaves room
    v_retry_after_ms := null;
    v_left := v_usage.usage_count + amount;
    for i in 1 .. v_steps + 1 loop
      v_left := v_left - v_buckets[i];
      if v_left <= (rule).limit_value then
        v_retry_after_ms := ceil(extract(epoch from v_usage.window_end + v_step * (i - 1) - at) * 1000);
        exit;
      end if;
    end loop;
  end if;
  if v_fits or (rule).on_limit_action in ('throttle', 'warn') then
    -- a soft limit counts what goes beyond it
    v_usage.usage_count := v_usage.usage_count + amount;
  end if;
  update app_public.rate_limit_usage u
     set usage_count = v_usage.usage_count, past_count = v_usage.past_count, past_buckets = v_usage.past_buckets,
         window_start = v_usage.window_end - v_step * (v_steps + 1), window_end = v_usage.window_end,
         is_exceeded = not v_fits, exceeded_at = case when v_fits then u.exceeded_at else at end, updated_at = at
   where u.tenant_id = (rule).tenant_id and u.config_id = (rule).config_id and u.scope_id = subject_id
     and u.window_seconds = (rule).window_seconds;
  return row (
    v_fits or (rule).on_limit_action in ('throttle', 'warn'), case when not v_fits then (rule).on_limit_action end,
    v_usage.usage_count >= (rule).warning_value, (rule).limit_scope, (rule).limit_type, (rule).window_seconds, (rule).limit_value,
    greatest((rule).limit_value - v_usage.usage_count, 0), v_usage.window_end + make_interval(secs => (rule).window_seconds),
    v_retry_after_ms, (rule).config_id)::app_public.rate_limit_decision;
end
$$;
comment on function metering.use_rate_window is
  'Counts an amount in one window if it fits or the limit is soft, and says what the limit says; retry_after_ms is null when it never fits.';

create or replace function metering.check_all_rate_limits(
  tenant_id uuid, user_id uuid, agent_id uuid, api_key_id uuid, requests double precision, tokens double precision, cost double precision,
  at timestamptz
) returns app_public.rate_limit_decision
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_rule record;
  v_answer app_public.rate_limit_decision;
  v_decision app_public.rate_limit_decision;
  v_is_warning boolean;
  v_refused text[];
begin
  -- in the order of the key, which is the order of locking
  for v_rule in
    select r.*
      from (select r.*,
                   case r.limit_scope when 'tenant' then r.tenant_id when 'user' then user_id when 'agent' then agent_id else api_key_id end as subject_id,
                   case r.limit_type when 'requests' then requests when 'tokens' then tokens else cost * 100 end as amount
              from metering.rate_limit_rules r
             where r.tenant_id = check_all_rate_limits.tenant_id) r
     where coalesce(r.scope_id, r.subject_id) = r.subject_id and r.subject_id <> all (r.except_scope_ids)
       and (r.amount > 0 or requests = 0 and tokens = 0 and cost = 0)
     order by r.config_id, r.window_seconds
  loop
    update app_public.rate_limit_usage u set usage_count = u.usage_count + v_rule.amount, is_exceeded = false, updated_at = check_all_rate_limits.at
     where u.tenant_id = v_rule.tenant_id and u.config_id = v_rule.config_id and u.scope_id = v_rule.subject_id
       and u.window_seconds = v_rule.window_seconds
       and u.window_end > check_all_rate_limits.at and u.usage_count + v_rule.amount <= v_rule.limit_value
    returning true, null, u.usage_count >= v_rule.warning_value, v_rule.limit_scope, v_rule.limit_type, v_rule.window_seconds,
              v_rule.limit_value, v_rule.limit_value - u.usage_count, u.window_end + make_interval(secs => v_rule.window_seconds), 0, v_rule.config_id
         into v_answer;
    if not found then
      v_answer := metering.use_rate_window(
        (select r from metering.rate_limit_rules r
          where r.tenant_id = v_rule.tenant_id and r.config_id = v_rule.config_id and r.window_seconds = v_rule.window_seconds),
        v_rule.subject_id, v_rule.amount, check_all_rate_limits.at);
      if not v_answer.is_allowed then
        v_refused := v_refused || (v_rule.config_id::text || v_rule.window_seconds);
      end if;
    end if;
    if v_decision.config_id is null then
      v_decision := v_answer;
    else
      -- told is the refusal that lasts longest, else the limit that is nearest to its end
      v_is_warning := v_decision.is_warning or v_answer.is_warning;
      if (case
           when v_answer.is_allowed <> v_decision.is_allowed then v_decision.is_allowed
           when v_answer.is_allowed then v_answer.remaining / v_answer.limit_value < v_decision.remaining / v_decision.limit_value
           else coalesce(v_answer.retry_after_ms, 'Infinity'::double precision) > coalesce(v_decision.retry_after_ms, 'Infinity'::double precision)
         end) then
        v_decision := v_answer;
      end if;
      v_decision.is_warning := v_is_warning;
    end if;
  end loop;

  if v_decision.config_id is null then
    v_decision.is_allowed := true;
    v_decision.is_warning := false;
  elsif v_refused is not null then
    -- all or nothing: what others have given is taken back; their rows are still locked
    update app_public.rate_limit_usage u
       set usage_count = greatest(u.usage_count - r.amount, u.past_count)
      from (select r.*, case r.limit_type when 'requests' then requests when 'tokens' then tokens else cost * 100 end as amount
              from metering.rate_limit_rules r
             where r.tenant_id = check_all_rate_limits.tenant_id) r
     where u.tenant_id = r.tenant_id and u.config_id = r.config_id and u.window_seconds = r.window_seconds
       and u.scope_id = case r.limit_scope when 'tenant' then r.tenant_id when 'user' then user_id when 'agent' then agent_id else api_key_id end
       and coalesce(r.scope_id, u.scope_id) = u.scope_id and u.scope_id <> all (r.except_scope_ids)
       and r.amount > 0 and (r.config_id::text || r.window_seconds) <> all (v_refused);
  end if;
  return v_decision;
end
$$;
comment on function metering.check_all_rate_limits is
  'check_rate_limit at an instant, whatever limits there are.';

-- What most requests come to, a tenant with one limit on its requests that has room left, in as few and cheap steps as there can be:
-- PL/pgSQL prepares each expression anew in each transaction, and as little as possible is done while others wait for the row.
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
  -- not the transaction's start: a long one must not use up a window of the past
  v_now timestamptz := case when coalesce(current_setting('rowhouse.clock', true), '') = '' then clock_timestamp() else core.clock() end;
  v_used double precision;
  v_end timestamptz;
begin
  select r.* into v_rule
    from metering.rate_limit_rules r
   where r.tenant_id = check_rate_limit.tenant_id and r.is_sole and requests > 0;
  -- a plain update of one row: whoever has waited for it has only that to look at again
  update app_public.rate_limit_usage u set usage_count = u.usage_count + requests, is_exceeded = false, updated_at = v_now
   where u.tenant_id = v_rule.tenant_id and u.config_id = v_rule.config_id and u.scope_id = v_rule.tenant_id
     and u.window_seconds = v_rule.window_seconds
     and u.window_end > v_now and u.usage_count + requests <= v_rule.limit_value
  returning u.usage_count, u.window_end into v_used, v_end;
  if v_used is null then
    return metering.check_all_rate_limits(tenant_id, user_id, agent_id, api_key_id, requests, tokens, cost, v_now);
  end if;
  return row (
    true, null, v_used >= v_rule.warning_value, v_rule.limit_scope, v_rule.limit_type, v_rule.window_seconds, v_rule.limit_value,
    v_rule.limit_value - v_used, v_end + make_interval(secs => v_rule.window_seconds), 0, v_rule.config_id)::app_public.rate_limit_decision;
end
$$;
comment on function metering.check_rate_limit is
  'Decides by all limits of a tenant, user, agent and API key at once, and counts requests, tokens and cost (US dollars) in each of them or, when one refuses, in none. All amounts 0: only asks. Run it in a transaction of its own, so that what fails later has counted nevertheless and nobody waits for it.';
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
  'Removes the state of windows that everything has left; returns how many.';
grant execute on function metering.forget_rate_windows to rowhouse_worker;

set local role rowhouse_owner;
