-- The health of model providers. Each is probed by a call that costs nothing. After three failures in a row its circuit opens: it
-- is probed more and more rarely, and the first probe that succeeds half-opens it and the next one closes it. While it is open, no
-- document is embedded by the provider.

call core.secure_global_table('app_public.llm_provider_health_checks', 'providers are the same for every tenant');
call audit.leave_out('a log that is only added to', 'app_public.llm_provider_health_checks');
call core.allow('app_public.llm_provider_health_checks', read => 'staff');
grant select on app_public.llm_provider_health_checks to rowhouse_user;
comment on table app_public.llm_provider_health_checks is
  E'@behavior -insert -update -delete -query:resource:single\n@large\nThe results of probes of model providers, for a week. For platform staff.';
comment on column app_public.llm_provider_health_checks.provider_id is 'The provider.';
comment on column app_public.llm_provider_health_checks.is_healthy is 'Whether it answered as it should.';
comment on column app_public.llm_provider_health_checks.latency_ms is 'How long the answer took, in milliseconds.';
comment on column app_public.llm_provider_health_checks.error_class is
  'What was wrong: timeout, unreachable, unauthorized, rate_limited, server_error or unexpected_answer; null when nothing was.';
comment on column app_public.llm_provider_health_checks.circuit is 'How the circuit stood after it.';
comment on column app_public.llm_provider_health_checks.checked_at is 'When it was probed.';
comment on constraint llm_provider_health_checks_provider_id_fkey on app_public.llm_provider_health_checks is
  E'@fieldName provider\n@foreignFieldName healthChecks';
comment on domain app_public.circuit_state is
  'closed: the provider works. open: it failed three times in a row. half_open: it answered once again, and the next answer decides.';

call core.secure_global_table('observability.provider_circuits', 'providers are the same for every tenant');
call audit.leave_out('derived from other tables by rules', 'observability.provider_circuits');
comment on table observability.provider_circuits is 'How the circuit of each provider that was probed stands.';

create or replace function observability.providers_to_probe(everything boolean default false)
returns table (provider_id uuid, kind text, base_url text, api_key_variable text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into observability.provider_circuits (provider_id)
  select p.id from app_public.llm_providers p where p.is_enabled and p.kind <> 'builtin' order by p.id
  on conflict on constraint provider_circuits_pkey do nothing;
  delete from observability.provider_circuits c
   where not exists (select from app_public.llm_providers p where p.id = c.provider_id and p.is_enabled and p.kind <> 'builtin');
  return query
    -- Whoever takes a provider sets the next time in the same statement, so that only one worker probes it.
    with taken as (
      update observability.provider_circuits c set next_probe_at = core.clock() + interval '50 seconds'
       where c.next_probe_at <= core.clock() or coalesce(providers_to_probe.everything, false)
      returning c.provider_id
    )
    select p.id, p.kind::text, p.base_url, p.api_key_variable
      from taken join app_public.llm_providers p on p.id = taken.provider_id order by p.id;
end
$$;
comment on function observability.providers_to_probe is
  'Takes the providers whose next probe is due, or all, and puts their next probe off.';
grant execute on function observability.providers_to_probe to rowhouse_worker;

create or replace function observability.next_circuit(circuit text, failure_count int, is_healthy boolean) returns text
language sql immutable parallel safe
return case
  when is_healthy then case circuit when 'open' then 'half_open' else 'closed' end
  when circuit <> 'closed' or failure_count >= 3 then 'open'
  else 'closed' end;
comment on function observability.next_circuit is
  'How a circuit stands after a probe, by how it stood and how many have failed in a row with this one.';

create or replace function observability.record_probe(provider_id uuid, is_healthy boolean, latency_ms int, error_class text default null)
returns app_public.circuit_state
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_circuit observability.provider_circuits;
  v_next text;
begin
  select c.* into v_circuit from observability.provider_circuits c where c.provider_id = record_probe.provider_id for update;
  -- The provider was removed or switched off meanwhile.
  if not found then
    return null;
  end if;
  v_circuit.failure_count := case when record_probe.is_healthy then 0 else v_circuit.failure_count + 1 end;
  v_next := observability.next_circuit(v_circuit.circuit, v_circuit.failure_count, record_probe.is_healthy);
  update observability.provider_circuits c
     set circuit = v_next, failure_count = least(v_circuit.failure_count, 1000),
         since = case when v_circuit.circuit = v_next then c.since else core.clock() end,
         -- an open circuit is probed after 1, 2, 4, 8 minutes and then each quarter of an hour
         next_probe_at = core.clock() + case v_next
           when 'open' then least(interval '15 minutes', interval '1 minute' * power(2, least(greatest(v_circuit.failure_count - 3, 0), 4)))
           else interval '50 seconds' end
   where c.provider_id = record_probe.provider_id;
  insert into app_public.llm_provider_health_checks (provider_id, is_healthy, latency_ms, error_class, circuit, checked_at)
  values (record_probe.provider_id, record_probe.is_healthy, greatest(record_probe.latency_ms, 0),
          case when not record_probe.is_healthy then coalesce(record_probe.error_class, 'unexpected_answer') end, v_next, core.clock());
  delete from app_public.llm_provider_health_checks h where h.checked_at < core.clock() - interval '7 days';
  return v_next;
end
$$;
comment on function observability.record_probe is 'Stores the result of a probe, and how the circuit stands after it, which it returns; null when the provider is gone.';
grant execute on function observability.record_probe to rowhouse_worker;

create or replace function observability.tg_provider_circuits__pause() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' then
    delete from knowledge.provider_pauses u where u.provider_id = old.provider_id;
  elsif new.circuit <> 'open' then
    delete from knowledge.provider_pauses u where u.provider_id = new.provider_id;
  else
    insert into knowledge.provider_pauses as u (provider_id, resumes_at) values (new.provider_id, new.next_probe_at)
    on conflict (provider_id) do update set resumes_at = excluded.resumes_at;
  end if;
  return null;
end
$$;
comment on function observability.tg_provider_circuits__pause is
  'Pauses embedding by a provider whose circuit is open until its next probe, and lets it go on when a probe has succeeded.';

create or replace trigger _500_pause after insert or delete or update of circuit, next_probe_at on observability.provider_circuits
  for each row execute function observability.tg_provider_circuits__pause();
