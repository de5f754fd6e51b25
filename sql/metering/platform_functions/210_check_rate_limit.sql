-- A sliding window as a row of buckets. A window of length W is 20 buckets of W/20; a use counts while any part of its
-- bucket is within the last W. So no span of length W, wherever it begins, ever has more than the limit, and a use that
-- was refused passes after at most W + W/20. While the clock is inside the newest bucket, a use is one update.

create or replace function app_private.rate_window_steps() returns int
language sql immutable parallel safe
return 20;
comment on function app_private.rate_window_steps() is 'Into how many buckets a rate limit''s window is cut.';

-- Everything but the common case: the first use, a new bucket, a full window.
create or replace function app_private.advance_rate_window(
  rule app_private.rate_limit_rules, subject_id uuid, amount double precision, at timestamptz,
  out usage app_public.rate_limit_usage, out fits boolean, out retry_after_ms bigint
)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_steps constant int := app_private.rate_window_steps();
  v_step constant interval := make_interval(secs => (rule).window_seconds) / v_steps;
  v_seconds constant double precision := (rule).window_seconds / v_steps::double precision;
  v_buckets double precision[];
  v_passed int;
  v_left double precision;
begin
  loop
    select * into usage from app_public.rate_limit_usage u
     where u.tenant_id = (rule).tenant_id and u.config_id = (rule).config_id and u.scope_id = subject_id
       and u.window_seconds = (rule).window_seconds
       for update;
    exit when found;
    insert into app_public.rate_limit_usage (tenant_id, config_id, scope_id, window_seconds, past_buckets, window_start, window_end)
    select (rule).tenant_id, (rule).config_id, subject_id, (rule).window_seconds, array_fill(0::double precision, array[v_steps]),
           e - v_step - v_step * v_steps, e
      from (select to_timestamp((floor(extract(epoch from at)::double precision / v_seconds) + 1) * v_seconds)) as b (e)
    on conflict do nothing;
  end loop;

  -- oldest first, the newest last; what has passed falls off the front
  v_buckets := usage.past_buckets || (usage.usage_count - usage.past_count);
  if at >= usage.window_end then
    v_passed := least(floor(extract(epoch from at - usage.window_end)::double precision / v_seconds) + 1, v_steps + 1)::int;
    usage.window_end := to_timestamp((floor(extract(epoch from at)::double precision / v_seconds) + 1) * v_seconds);
    usage.window_start := usage.window_end - v_step - v_step * v_steps;
    v_buckets := v_buckets[v_passed + 1:] || array_fill(0::double precision, array[v_passed]);
  end if;
  usage.past_buckets := v_buckets[:v_steps];
  usage.past_count := (select coalesce(sum(b), 0) from unnest(usage.past_buckets) as b);
  usage.usage_count := usage.past_count + v_buckets[v_steps + 1];

  fits := usage.usage_count + amount <= (rule).limit_value;
  if not fits and amount <= (rule).limit_value then
    -- it fits once so many of the oldest buckets have left that the rest leaves room
    v_left := usage.usage_count + amount;
    for i in 1 .. v_steps + 1 loop
      v_left := v_left - v_buckets[i];
      if v_left <= (rule).limit_value then
        retry_after_ms := ceil(extract(epoch from usage.window_end + v_step * (i - 1) - at) * 1000);
        exit;
      end if;
    end loop;
  end if;
  usage.is_exceeded := not fits;
  usage.exceeded_at := case when fits then usage.exceeded_at else at end;
  usage.updated_at := at;
end
$$;
comment on function app_private.advance_rate_window(app_private.rate_limit_rules, uuid, double precision, timestamptz) is
  'The state of a window at an instant, its row locked, not yet written; whether an amount fits, and if not, when it will (null: never).';

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
  v_subject_id uuid;
  v_amount double precision;
  v_used double precision;
  v_end timestamptz;
  v_fits boolean;
  v_retry_after_ms bigint;
  v_window record;
  v_pressure double precision;
  v_most_pressure double precision := -1;
  v_decision app_public.rate_limit_decision;
  v_taken_rules app_private.rate_limit_rules[];
  v_taken_subjects uuid[];
  v_taken_amounts double precision[];
begin
  v_decision.is_allowed := true;
  -- in the order of the key, which is the order of locking
  for v_rule in
    select * from app_private.rate_limit_rules r where r.tenant_id = check_rate_limit.tenant_id order by r.config_id, r.window_seconds
  loop
    v_subject_id := case v_rule.limit_scope
      when 'tenant' then v_rule.tenant_id when 'user' then user_id when 'agent' then agent_id else api_key_id end;
    v_amount := case v_rule.limit_type when 'requests' then requests when 'tokens' then tokens else cost * 100 end;
    continue when v_subject_id is null or v_rule.scope_id <> v_subject_id or v_subject_id = any (v_rule.except_scope_ids)
      or v_amount = 0 and (requests > 0 or tokens > 0 or cost > 0);

    update app_public.rate_limit_usage u set usage_count = u.usage_count + v_amount, is_exceeded = false, updated_at = v_now
     where u.tenant_id = v_rule.tenant_id and u.config_id = v_rule.config_id and u.scope_id = v_subject_id
       and u.window_seconds = v_rule.window_seconds
       and u.window_end > v_now and u.usage_count + v_amount <= v_rule.limit_value
    returning u.usage_count, u.window_end into v_used, v_end;
    v_fits := found;
    v_retry_after_ms := 0;
    if not v_fits then
      select * into v_window from app_private.advance_rate_window(v_rule, v_subject_id, v_amount, v_now);
      v_fits := v_window.fits;
      v_retry_after_ms := case when v_fits then 0 else v_window.retry_after_ms end;
      -- a soft limit counts what goes beyond it
      v_used := (v_window.usage).usage_count + case when v_fits or v_rule.on_limit_action in ('throttle', 'warn') then v_amount else 0 end;
      v_end := (v_window.usage).window_end;
      update app_public.rate_limit_usage u
         set usage_count = v_used, past_count = (v_window.usage).past_count, past_buckets = (v_window.usage).past_buckets,
             window_start = (v_window.usage).window_start, window_end = v_end,
             is_exceeded = (v_window.usage).is_exceeded, exceeded_at = (v_window.usage).exceeded_at, updated_at = v_now
       where u.tenant_id = v_rule.tenant_id and u.config_id = v_rule.config_id and u.scope_id = v_subject_id
         and u.window_seconds = v_rule.window_seconds;
    end if;

    if v_fits or v_rule.on_limit_action in ('throttle', 'warn') then
      v_taken_rules := v_taken_rules || v_rule;
      v_taken_subjects := v_taken_subjects || v_subject_id;
      v_taken_amounts := v_taken_amounts || v_amount;
      v_pressure := v_used / v_rule.limit_value;
    else
      v_decision.is_allowed := false;
      v_pressure := coalesce(1e100 * (1 + v_retry_after_ms), 'Infinity');
    end if;
    v_decision.is_warning := coalesce(v_decision.is_warning, false) or v_used >= v_rule.warning_value;
    -- told is the refusal that lasts longest, else the limit that is nearest to its end
    if v_pressure > v_most_pressure then
      v_most_pressure := v_pressure;
      v_decision.action := case when not v_fits then v_rule.on_limit_action end;
      v_decision.limit_scope := v_rule.limit_scope;
      v_decision.limit_type := v_rule.limit_type;
      v_decision.window_seconds := v_rule.window_seconds;
      v_decision.limit_value := v_rule.limit_value;
      v_decision.remaining := greatest(v_rule.limit_value - v_used, 0);
      v_decision.reset_at := v_end + make_interval(secs => v_rule.window_seconds);
      v_decision.retry_after_ms := v_retry_after_ms;
      v_decision.config_id := v_rule.config_id;
    end if;
  end loop;

  if not v_decision.is_allowed and v_taken_rules is not null then
    -- all or nothing: what others have given is taken back; their rows are still locked
    for i in 1 .. cardinality(v_taken_rules) loop
      v_rule := v_taken_rules[i];
      update app_public.rate_limit_usage u set usage_count = greatest(u.usage_count - v_taken_amounts[i], u.past_count)
       where u.tenant_id = v_rule.tenant_id and u.config_id = v_rule.config_id and u.scope_id = v_taken_subjects[i]
         and u.window_seconds = v_rule.window_seconds;
    end loop;
  end if;
  v_decision.is_warning := coalesce(v_decision.is_warning, false);
  return v_decision;
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
