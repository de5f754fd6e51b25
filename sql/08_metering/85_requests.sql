-- Requests: each request is checked and noted, and a task turns the notes into usage. Requests are summed up by the minute, so
-- that a busy tenant has no more events than a quiet one.

call core.secure_tenant_table('metering.api_call_buffer');
call audit.leave_out('a queue or a buffer of tasks', 'metering.api_call_buffer');
grant select, insert, update, delete on metering.api_call_buffer to rowhouse_platform;
comment on table metering.api_call_buffer is 'Requests that were served and are not yet recorded as usage.';
comment on column metering.api_call_buffer.user_id is E'@personal pseudonymise\nThe person.';
comment on column metering.api_call_buffer.calls is 'How many API calls the request costs.';

create or replace function metering.store_api_calls() returns bigint
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_taken record;
  v_count bigint := 0;
begin
  for v_taken in
    select c.tenant_id, sum(c.calls) as calls, jsonb_agg(jsonb_build_object(
             -- The buffer gives each id once, so the key is unique.
             'idempotency_key', 'api_calls:' || c.first_id, 'usage_type', 'api_call', 'quantity', c.calls,
             'occurred_at', c.called_from, 'user_id', c.user_id, 'api_key_id', c.api_key_id)) as events
      -- A sum stands for at least one request, so no list is longer than a batch may be.
      from metering.take_api_calls(metering.max_events_per_batch()) c
     group by c.tenant_id
     order by c.tenant_id
  loop
    perform from metering.record_tenant_usage(v_taken.tenant_id, v_taken.events);
    v_count := v_count + v_taken.calls;
  end loop;
  return v_count;
end
$$;
comment on function metering.store_api_calls is
  'Records up to 10,000 served requests as usage of type api_call, and returns how many. It takes and records them in one transaction, so that each request is recorded once.';
grant execute on function metering.store_api_calls to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: this figure of a tenant must be right wherever its row can be read, and my_tenants spans tenants
create or replace function app_public.tenants_total_api_calls(tenant app_public.tenants) returns bigint
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := tenancy.readable_tenant_id(tenant);
begin
  -- One statement counts all three, so that a call that moves from the buffer through the queue to the roll-up counts once.
  return (select coalesce(sum(d.quantity), 0) from metering.usage_days d
           where d.tenant_id = v_tenant_id and d.usage_type = 'api_call')
       + (select coalesce(sum(e.quantity), 0) from metering.usage_queue q
            join app_public.usage_events e
              on e.tenant_id = q.tenant_id and e.batch_id = q.batch_id and e.occurred_at between q.first_at and q.last_at
           where q.tenant_id = v_tenant_id and e.usage_type = 'api_call')
       + (select coalesce(sum(b.calls), 0) from metering.api_call_buffer b where b.tenant_id = v_tenant_id);
end
$$;
comment on function app_public.tenants_total_api_calls is
  E'@notNull\nThe number of all API calls of the tenant up to this moment, including those of the last minute that are not rolled up yet.';
grant execute on function app_public.tenants_total_api_calls to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: authenticates before any tenant is known, then checks limits and notes the request; for the server's login only
-- A request begins with one query in one short transaction: it authenticates the caller, checks the limits, and notes the
-- request. Most tenants have no quota of API calls, and theirs is not looked at any further.

create or replace function metering.use_api_calls(
  tenant_id uuid, user_id uuid, agent_id uuid, api_key_id uuid, calls int, charged_calls int,
  out refusal_code text, out refusal_message text, out refusal_hint text, out retry_after_seconds int
)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_chain uuid[] := metering.quota_chain(use_api_calls.tenant_id);
  v_least numeric;
  v_ends_at text;
begin
  if not exists (select from app_public.usage_quotas q where q.tenant_id = any (v_chain) and q.quota_type = 'api_calls') then
    return;
  end if;
  begin
    perform from metering.use_quota(
      row(use_api_calls.tenant_id, 'api_calls', use_api_calls.calls, use_api_calls.user_id, use_api_calls.agent_id,
          use_api_calls.api_key_id, null, null, null)::metering.quota_use);
  exception when sqlstate 'QT601' then
    get stacked diagnostics refusal_code = returned_sqlstate, refusal_message = message_text, refusal_hint = pg_exception_hint,
      v_ends_at = pg_exception_detail;
    retry_after_seconds := ceil(extract(epoch from v_ends_at::timestamptz - core.clock()));
    select min(l.hard_limit) into v_least
      from metering.quota_limits(
        v_chain, use_api_calls.tenant_id, 'api_calls', use_api_calls.user_id, use_api_calls.agent_id, use_api_calls.api_key_id) l;
    if use_api_calls.calls + use_api_calls.charged_calls > greatest(v_least, 1) then
      retry_after_seconds := null;
      refusal_code := 'RL603';
      refusal_message := format('The request costs %s API calls, and the whole quota is %s.',
        use_api_calls.calls + use_api_calls.charged_calls, trim_scale(v_least));
      refusal_hint := 'Ask for smaller pages or fewer fields at once.';
    end if;
  end;
end
$$;
comment on function metering.use_api_calls is
  E'@errors QT601 RL603\nTakes API calls from the quotas that apply, or says why not.';

create or replace function metering.begin_request(
  claims jsonb, requested_tenant text, calls int default 1, charged_calls int default 0,
  key_hash bytea default null, address inet default null, service text default null
)
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
  v_agent_id uuid;
  v_api_key_id uuid;
  v_decision app_public.rate_limit_decision;
begin
  -- This transaction does not wait for the disk. A crash can lose the notes of the last moments, but only of requests that
  -- wrote nothing: the commit of a request that wrote something brings everything before it to the disk.
  perform set_config('synchronous_commit', 'off', true);
  -- The identity is passed on as a whole, because only tenancy knows what it consists of.
  if begin_request.key_hash is null then
    select to_jsonb(a), a.tenant_id, a.user_id into identity, v_tenant_id, v_user_id
      from tenancy.authenticate(begin_request.claims, begin_request.requested_tenant) a;
  else
    select to_jsonb(a), a.tenant_id, a.user_id, a.agent_id, a.api_key_id
      into identity, v_tenant_id, v_user_id, v_agent_id, v_api_key_id
      from tenancy.authenticate_key(
        begin_request.key_hash, begin_request.requested_tenant, begin_request.address, begin_request.service) a;
  end if;
  -- What platform staff do in the tenant of a customer is not the customer's use.
  if v_tenant_id is null
    or identity ->> 'role' = 'rowhouse_admin'
       and exists (select from app_public.tenants t where t.id = v_tenant_id and t.type <> 'platform') then
    return next;
    return;
  end if;

  v_decision := metering.check_rate_limit(v_tenant_id, v_user_id, v_agent_id, v_api_key_id, begin_request.calls);
  if v_decision.config_id is not null then
    limit_name := v_decision.limit_scope || '-' || v_decision.limit_type;
    limit_value := v_decision.limit_value;
    window_seconds := v_decision.window_seconds;
    remaining := v_decision.remaining;
    reset_after_seconds := ceil(extract(epoch from v_decision.reset_at - clock_timestamp()));
  end if;
  if not v_decision.is_allowed and begin_request.calls + begin_request.charged_calls > greatest(v_decision.limit_value, 1) then
    -- Waiting would not help.
    refusal_code := 'RL603';
    refusal_message := format('The request costs %s API calls, and the whole limit is %s in %s seconds.',
      begin_request.calls + begin_request.charged_calls, v_decision.limit_value, v_decision.window_seconds);
    refusal_hint := 'Ask for smaller pages or fewer fields at once.';
  elsif not v_decision.is_allowed then
    retry_after_seconds := ceil(v_decision.retry_after_ms / 1000.0);
    refusal_code := case v_decision.action when 'queue' then 'RL602' else 'RL601' end;
  else
    select u.* into refusal_code, refusal_message, refusal_hint, retry_after_seconds
      from metering.use_api_calls(
        v_tenant_id, v_user_id, v_agent_id, v_api_key_id, begin_request.calls, begin_request.charged_calls) u;
  end if;
  if refusal_code is null then
    insert into metering.api_call_buffer (tenant_id, user_id, api_key_id, called_at, calls)
    values (v_tenant_id, v_user_id, v_api_key_id, core.clock(), begin_request.calls);
  end if;
  return next;
end
$$;
comment on function metering.begin_request is
  E'@errors RL601 RL602 RL603 QT601\nAuthenticates a request by the claims of a token or, when there is a key_hash, by an API key, its address and the service that it asks for; checks the rate limits and the quota of api_calls, and notes the request. calls is what it costs in API calls, all or none; charged_calls is what was charged before when its cost was not known yet. identity is the row of tenancy.authenticate or tenancy.authenticate_key, whose errors it passes on. When refusal_code is not null, the request is refused. Requests of platform staff in the tenant of a customer are neither counted nor limited. A request that only manages the plan, the quotas or the billing is served by the server in spite of QT601, so that nobody is kept from buying more.';
grant execute on function metering.begin_request to rowhouse_authenticator;

set local role rowhouse_platform;  -- outside the wall: the worker clears windows and takes served requests of all tenants
create or replace function metering.take_api_calls(most int default 100000)
returns table (tenant_id uuid, user_id uuid, api_key_id uuid, called_from timestamptz, first_id bigint, last_id bigint, calls bigint)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with batch as (
      select b.tenant_id, b.id from metering.api_call_buffer b order by b.tenant_id, b.id limit take_api_calls.most
         for update skip locked
    ), taken as (
      delete from metering.api_call_buffer b using batch t where b.tenant_id = t.tenant_id and b.id = t.id
      returning b.*
    )
    select t.tenant_id, t.user_id, t.api_key_id, date_trunc('minute', t.called_at), min(t.id), max(t.id), sum(t.calls)
      from taken t
     group by t.tenant_id, t.user_id, t.api_key_id, date_trunc('minute', t.called_at)
     order by 1, 4, 2, 3;
end
$$;
comment on function metering.take_api_calls is
  'Takes served requests out of their buffer, summed up by tenant, user, API key and minute. The caller records them in the same transaction, so that each request is taken once, and returns to the buffer when recording fails.';
grant execute on function metering.take_api_calls to rowhouse_owner;

set local role rowhouse_owner;
