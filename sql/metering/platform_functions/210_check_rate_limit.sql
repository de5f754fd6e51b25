-- A sliding window as a row of buckets. A window of length W is 20 buckets of W/20; a use counts while any part of its
-- bucket is within the last W. So no span of length W, wherever it begins, ever has more than the limit, and a use that
-- was refused passes after at most W + W/20. While the clock is inside the newest bucket, a use is one update.

create or replace function app_private.rate_window_steps() returns int
language sql immutable parallel safe
return 20;
comment on function app_private.rate_window_steps() is 'Into how many buckets a rate limit''s window is cut.';

-- Everything but the common case: the first use, a new bucket, a full window.
create or replace function app_private.use_rate_window(
  rule app_private.rate_limit_rules, subject_id uuid, amount double precision, at timestamptz
) returns app_public.rate_limit_decision
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_steps constant int := app_private.rate_window_steps();
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
comment on function app_private.use_rate_window(app_private.rate_limit_rules, uuid, double precision, timestamptz) is
  'Counts an amount in one window if it fits or the limit is soft, and says what the limit says; retry_after_ms is null when it never fits.';

create or replace function app_private.check_all_rate_limits(
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
              from app_private.rate_limit_rules r
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
      v_answer := app_private.use_rate_window(
        (select r from app_private.rate_limit_rules r
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
              from app_private.rate_limit_rules r
             where r.tenant_id = check_all_rate_limits.tenant_id) r
     where u.tenant_id = r.tenant_id and u.config_id = r.config_id and u.window_seconds = r.window_seconds
       and u.scope_id = case r.limit_scope when 'tenant' then r.tenant_id when 'user' then user_id when 'agent' then agent_id else api_key_id end
       and coalesce(r.scope_id, u.scope_id) = u.scope_id and u.scope_id <> all (r.except_scope_ids)
       and r.amount > 0 and (r.config_id::text || r.window_seconds) <> all (v_refused);
  end if;
  return v_decision;
end
$$;
comment on function app_private.check_all_rate_limits(uuid, uuid, uuid, uuid, double precision, double precision, double precision, timestamptz) is
  'check_rate_limit at an instant, whatever limits there are.';

-- What most requests come to, a tenant with one limit on its requests that has room left, in as few and cheap steps as there can be:
-- PL/pgSQL prepares each expression anew in each transaction, and as little as possible is done while others wait for the row.
create or replace function app_private.check_rate_limit(
  tenant_id uuid, user_id uuid default null, agent_id uuid default null, api_key_id uuid default null,
  requests double precision default 1, tokens double precision default 0, cost double precision default 0
) returns app_public.rate_limit_decision
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_rule app_private.rate_limit_rules;
  -- not the transaction's start: a long one must not use up a window of the past
  v_now timestamptz := case when coalesce(current_setting('rowhouse.clock', true), '') = '' then clock_timestamp() else app_hidden.clock() end;
  v_used double precision;
  v_end timestamptz;
begin
  select r.* into v_rule
    from app_private.rate_limit_rules r
   where r.tenant_id = check_rate_limit.tenant_id and r.is_sole and requests > 0;
  -- a plain update of one row: whoever has waited for it has only that to look at again
  update app_public.rate_limit_usage u set usage_count = u.usage_count + requests, is_exceeded = false, updated_at = v_now
   where u.tenant_id = v_rule.tenant_id and u.config_id = v_rule.config_id and u.scope_id = v_rule.tenant_id
     and u.window_seconds = v_rule.window_seconds
     and u.window_end > v_now and u.usage_count + requests <= v_rule.limit_value
  returning u.usage_count, u.window_end into v_used, v_end;
  if v_used is null then
    return app_private.check_all_rate_limits(tenant_id, user_id, agent_id, api_key_id, requests, tokens, cost, v_now);
  end if;
  return row (
    true, null, v_used >= v_rule.warning_value, v_rule.limit_scope, v_rule.limit_type, v_rule.window_seconds, v_rule.limit_value,
    v_rule.limit_value - v_used, v_end + make_interval(secs => v_rule.window_seconds), 0, v_rule.config_id)::app_public.rate_limit_decision;
end
$$;
comment on function app_private.check_rate_limit(uuid, uuid, uuid, uuid, double precision, double precision, double precision) is
  'Decides by all limits of a tenant, user, agent and API key at once, and counts requests, tokens and cost (US dollars) in each of them or, when one refuses, in none. All amounts 0: only asks. Run it in a transaction of its own, so that what fails later has counted nevertheless and nobody waits for it.';
grant execute on function app_private.check_rate_limit(uuid, uuid, uuid, uuid, double precision, double precision, double precision)
  to rowhouse_owner, rowhouse_worker;

create or replace function app_private.forget_rate_windows() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  delete from app_public.rate_limit_usage u
   where u.window_end + make_interval(secs => u.window_seconds) < app_hidden.clock();
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function app_private.forget_rate_windows() is 'Removes the state of windows that everything has left; returns how many.';
grant execute on function app_private.forget_rate_windows() to rowhouse_worker;
