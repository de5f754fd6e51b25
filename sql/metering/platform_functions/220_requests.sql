-- The beginning of a request, in one query and one short transaction: who it is, whether it may pass, and the note that
-- it was served.

create or replace function app_private.begin_request(claims jsonb, requested_tenant text, api_key_id uuid default null)
returns table (
  identity jsonb,
  limit_name text, limit_value double precision, window_seconds int, remaining double precision, reset_after_seconds int,
  retry_after_seconds int, refusal_code text, refusal_message text, refusal_hint text
)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid;
  v_user_id uuid;
  v_decision app_public.rate_limit_decision;
begin
  -- Nothing waits for the disk here. A crash of the server can lose the last moments' notes, but only of requests that
  -- wrote nothing: the commit of one that did brings all that was written before it to the disk.
  perform set_config('synchronous_commit', 'off', true);
  -- passed on whole: what a request's identity is made of is authenticate's alone
  select to_jsonb(a), a.tenant_id, a.user_id into identity, v_tenant_id, v_user_id
    from app_private.authenticate(begin_request.claims, begin_request.requested_tenant) a;
  if v_tenant_id is null then
    return next;
    return;
  end if;

  v_decision := app_private.check_rate_limit(v_tenant_id, v_user_id, null, begin_request.api_key_id);
  if v_decision.config_id is not null then
    limit_name := v_decision.limit_scope || '-' || v_decision.limit_type;
    limit_value := v_decision.limit_value;
    window_seconds := v_decision.window_seconds;
    remaining := v_decision.remaining;
    reset_after_seconds := ceil(extract(epoch from v_decision.reset_at - clock_timestamp()));
  end if;
  if not v_decision.is_allowed then
    retry_after_seconds := ceil(v_decision.retry_after_ms / 1000.0);
    refusal_code := case v_decision.action when 'queue' then 'RL602' else 'RL601' end;
    return next;
    return;
  end if;
  begin
    perform from app_private.use_quota(v_tenant_id, 'api_calls', 1, v_user_id, null, begin_request.api_key_id);
  exception when sqlstate 'QT601' then
    get stacked diagnostics refusal_code = returned_sqlstate, refusal_message = message_text, refusal_hint = pg_exception_hint;
    return next;
    return;
  end;
  insert into app_private.api_call_buffer (tenant_id, user_id, api_key_id, called_at)
  values (v_tenant_id, v_user_id, begin_request.api_key_id, app_hidden.clock());
  return next;
end
$$;
comment on function app_private.begin_request(jsonb, text, uuid) is
  'Authentication (identity is the row of app_private.authenticate, whose errors it passes on), rate limits, the quota of api_calls and metering of one request. refusal_code says that it may not pass: RL601 (refused), RL602 (refused, to be queued), QT601 (no calls left). For the server, as a transaction of its own.';
grant execute on function app_private.begin_request(jsonb, text, uuid) to rowhouse_authenticator;

create or replace function app_private.take_api_calls(most int default 100000)
returns table (tenant_id uuid, user_id uuid, api_key_id uuid, called_from timestamptz, first_id bigint, last_id bigint, calls bigint)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with batch as (
      select b.tenant_id, b.id from app_private.api_call_buffer b order by b.tenant_id, b.id limit take_api_calls.most
         for update skip locked
    ), taken as (
      delete from app_private.api_call_buffer b using batch t where b.tenant_id = t.tenant_id and b.id = t.id
      returning b.*
    )
    select t.tenant_id, t.user_id, t.api_key_id, date_trunc('minute', t.called_at), min(t.id), max(t.id), count(*)
      from taken t
     group by t.tenant_id, t.user_id, t.api_key_id, date_trunc('minute', t.called_at)
     order by 1, 4, 2, 3;
end
$$;
comment on function app_private.take_api_calls(int) is
  'Takes served requests out of their buffer, summed by tenant, user, API key and minute. Whoever calls it books them in the same transaction: each request is taken once, and comes back when that fails.';
grant execute on function app_private.take_api_calls(int) to rowhouse_owner;
