-- The beginning of a request, in one query and one short transaction: who it is, whether it may pass, and the note that
-- it was served.

create or replace function app_private.begin_request(claims jsonb, requested_tenant text, api_key_id uuid default null)
returns table (
  user_id uuid, tenant_id uuid, role text, decision app_public.rate_limit_decision,
  refusal_code text, refusal_message text, refusal_hint text, retry_after_seconds int, reset_after_seconds int
)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_identity record;
begin
  -- Nothing waits for the disk here. A crash of the server can lose the last moments' notes, but only of requests that
  -- wrote nothing: the commit of one that did brings all that was written before it to the disk.
  perform set_config('synchronous_commit', 'off', true);
  select * into v_identity from app_private.authenticate(begin_request.claims, begin_request.requested_tenant);
  user_id := v_identity.user_id;
  tenant_id := v_identity.tenant_id;
  role := v_identity.role;
  if tenant_id is null then
    return next;
    return;
  end if;

  decision := app_private.check_rate_limit(tenant_id, user_id, null, begin_request.api_key_id);
  retry_after_seconds := greatest(ceil((decision).retry_after_ms / 1000.0), 1);
  reset_after_seconds := greatest(ceil(extract(epoch from (decision).reset_at - clock_timestamp())), 0);
  if not (decision).is_allowed then
    refusal_code := case (decision).action when 'queue' then 'RL602' else 'RL601' end;
    return next;
    return;
  end if;
  begin
    perform from app_private.use_quota(tenant_id, 'api_calls', 1, user_id, null, begin_request.api_key_id);
  exception when sqlstate 'QT601' then
    get stacked diagnostics refusal_code = returned_sqlstate, refusal_message = message_text, refusal_hint = pg_exception_hint;
    return next;
    return;
  end;
  insert into app_private.api_call_buffer (tenant_id, user_id, api_key_id, called_at)
  values (tenant_id, user_id, begin_request.api_key_id, app_hidden.clock());
  return next;
end
$$;
comment on function app_private.begin_request(jsonb, text, uuid) is
  'Authentication (see app_private.authenticate, whose errors it passes on), rate limits, the quota of api_calls and metering of one request. refusal_code says that it may not pass: RL601 (refused), RL602 (refused, to be queued), QT601 (no calls left). For the server, as a transaction of its own.';
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
