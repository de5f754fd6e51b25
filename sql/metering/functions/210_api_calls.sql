-- Served requests become usage: summed by the minute, so that a busy tenant has as many events as a quiet one.

create or replace function app_private.store_api_calls() returns bigint
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_taken record;
  v_count bigint := 0;
begin
  for v_taken in
    select c.tenant_id, sum(c.calls) as calls, jsonb_agg(jsonb_build_object(
             -- an identity of the buffer, which gives each number once
             'idempotency_key', 'api_calls:' || c.first_id, 'usage_type', 'api_call', 'quantity', c.calls,
             'occurred_at', c.called_from, 'user_id', c.user_id, 'api_key_id', c.api_key_id)) as events
      -- a sum stands for at least one request, so no list is longer than what is recorded at once
      from app_private.take_api_calls(10000) c
     group by c.tenant_id
     order by c.tenant_id
  loop
    perform from app_private.record_tenant_usage(v_taken.tenant_id, v_taken.events);
    v_count := v_count + v_taken.calls;
  end loop;
  return v_count;
end
$$;
comment on function app_private.store_api_calls() is
  'Books up to 10,000 served requests as usage events of type api_call and returns how many. Taken and booked in one transaction: each request once.';
grant execute on function app_private.store_api_calls() to rowhouse_worker;
