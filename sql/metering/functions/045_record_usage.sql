-- The doors to recording: one event, up to 10,000 at once, and for tasks.

create or replace function app_private.read_usage(events jsonb) returns app_private.usage_input[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_place bigint;
begin
  if jsonb_typeof(read_usage.events) is distinct from 'array' or jsonb_array_length(read_usage.events) not between 1 and 10000 then
    perform app_private.raise_error('MT412', 'Events are a list of 1 to 10,000 objects.', 'Send several lists.');
  end if;
  select min(place) into v_place
    from jsonb_array_elements(read_usage.events) with ordinality as e (event, place)
   where case jsonb_typeof(event) when 'object' then event - array[
     'idempotency_key', 'usage_type', 'quantity', 'occurred_at', 'user_id', 'agent_id', 'project_id', 'api_key_id',
     'model_id', 'feature_name', 'outcome', 'duration_ms', 'metadata'] <> '{}' else true end;
  if v_place is not null then
    perform app_private.raise_error('MT413', format('Event %s is not an object, or has a field that events do not have.', v_place),
      'Fields: idempotency_key, usage_type, quantity, occurred_at, user_id, agent_id, project_id, api_key_id, model_id, feature_name, outcome, duration_ms, metadata.');
  end if;
  return array(select e from jsonb_populate_recordset(null::app_private.usage_input, read_usage.events) as e);
end
$$;
comment on function app_private.read_usage(jsonb) is 'Events from JSON. MT412: not a list of 1 to 10,000; MT413: an event is no object or has an unknown field.';

create or replace function app_public.record_usage(
  idempotency_key text, usage_type text, quantity numeric default 1, occurred_at timestamptz default null,
  agent_id uuid default null, project_id uuid default null, model_id uuid default null, feature_name text default null,
  outcome app_public.usage_outcome default null, duration_ms int default null, metadata jsonb default '{}',
  user_id uuid default null, api_key_id uuid default null
) returns app_public.usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_receipt app_public.usage_receipt;
begin
  perform app_private.require_role('viewer');
  select * into v_receipt from app_private.store_usage(array[row(
    record_usage.idempotency_key, record_usage.usage_type, record_usage.quantity, record_usage.occurred_at, record_usage.user_id,
    record_usage.agent_id, record_usage.project_id, record_usage.api_key_id, record_usage.model_id, record_usage.feature_name,
    record_usage.outcome, record_usage.duration_ms, record_usage.metadata)::app_private.usage_input]);
  return v_receipt;
end
$$;
comment on function app_public.record_usage(
  text, text, numeric, timestamptz, uuid, uuid, uuid, text, app_public.usage_outcome, int, jsonb, uuid, uuid) is
  E'@resultFieldName receipt\nWrites down one use: how much of which usage type, when, and by what. The idempotency key is permanent: the same call again stores nothing and returns the first receipt, another use under the same key is refused. Tokens of a model with a price get their cost here. Up to 400 days late. For you and the API key you came with; admins name other members and keys. Any active member. ID202: you are none; MT201, MT301: for someone else; MT401 to MT409: a value cannot be; MT501: the key stands for another event.';

create or replace function app_public.record_usages(events jsonb) returns setof app_public.usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.require_role('viewer');
  return query select * from app_private.store_usage(app_private.read_usage(record_usages.events));
end
$$;
comment on function app_public.record_usages(jsonb) is
  E'@resultFieldName receipts\nWrites down 1 to 10,000 uses at once, all of them or none: a list of objects with the arguments of recordUsage in snake_case, each with its own idempotency key. Returns their receipts in the same order. Errors name the place of the first event that is refused, from 1. MT412: not such a list; MT413: an unknown field; otherwise as recordUsage.';

create or replace function app_private.record_tenant_usage(tenant_id uuid, events jsonb) returns setof app_public.usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call app_private.enter_tenant(record_tenant_usage.tenant_id);
  -- nobody asks: the events say whose they are
  perform set_config('rowhouse.user_id', '', true);
  return query select * from app_private.store_usage(app_private.read_usage(record_tenant_usage.events));
end
$$;
comment on function app_private.record_tenant_usage(uuid, jsonb) is
  'record_usages for tasks, which know whose usage it is. Errors as there.';

grant execute on function
  app_public.record_usage(text, text, numeric, timestamptz, uuid, uuid, uuid, text, app_public.usage_outcome, int, jsonb, uuid, uuid),
  app_public.record_usages(jsonb)
to rowhouse_user;
grant execute on function app_private.record_tenant_usage(uuid, jsonb) to rowhouse_worker;
