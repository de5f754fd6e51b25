-- The ledger: one row for each change of a tracked table and for each event that somebody recorded. Rows are only added, by two
-- ways: the recorders of tracked tables (20_tracking.sql) and audit.record. Whom a tenant lets read them, tenancy decides.

grant select, insert on audit.ledger to rowhouse_platform;
grant select on sequence audit.ledger_id_seq to rowhouse_platform;
comment on column audit.ledger.actor_user_id is '@personal keep Who changed what must stay known; the profile behind it is empty after an erasure.';
comment on column audit.ledger.on_behalf_of_user_id is '@personal keep Who changed what must stay known; the profile behind it is empty after an erasure.';
comment on column audit.ledger.table_name is '@notPersonal';
comment on column audit.ledger.ip is '@personal keep Attacks can be traced only by their addresses.';
comment on column audit.ledger.actor_name is '@personal keep Names a task or a login of the database, and no member.';
grant execute on function audit.platform_ledger to rowhouse_platform, rowhouse_worker, rowhouse_authenticator;

call core.secure_global_table('audit.event_counts', 'the limit holds before a tenant is known');
grant select, insert, update, delete on audit.event_counts to rowhouse_platform;
comment on column audit.event_counts.address is '@personal keep It is forgotten after ten minutes.';
comment on table audit.event_counts is 'How many security events each tenant and address caused in a minute.';

create or replace function audit.tg__refuse() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('UD201', 'The audit is only added to.', 'Old months are removed whole, by dropping their partition.');
  return null;
end
$$;
comment on function audit.tg__refuse is E'@errors UD201\nRefuses every change of what the audit has recorded.';

create or replace procedure audit.make_append_only(target regclass)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  execute format(
    'create or replace trigger _000_append_only before update or delete or truncate on %s
       for each statement execute function audit.tg__refuse()', target);
  -- also where a session says that it is a replica
  execute format('alter table %s enable always trigger _000_append_only', target);
end
$$;
comment on procedure audit.make_append_only is 'Makes a table refuse every update, delete and truncate, whoever tries.';

create or replace procedure audit.close_ledger(target regclass, meaning text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.secure_tenant_table(target);
  execute format('revoke update, delete, truncate on %s from rowhouse_owner', target);
  call audit.make_append_only(target);
  execute format('comment on table %s is %L', target, meaning);
end
$$;
comment on procedure audit.close_ledger is 'Secures the ledger or one of its partitions.';

call audit.close_ledger('audit.ledger', 'Who did what, in each tenant. Rows are only ever added.');
call audit.close_ledger('audit.ledger_default', 'Entries of a month that has no partition of its own.');
grant select on audit.ledger_default to rowhouse_platform;

-- Who acts is told by the role that only the server's login can take. The login itself is not to be forged, and names whoever
-- came another way, such as an administrator in psql.
create or replace function audit.actor() returns audit.ledger
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v audit.ledger;
begin
  v.occurred_at := core.clock();
  v.actor_role := current_setting('role');
  v.actor_user_id := core.current_user_id();
  if v.actor_role in ('rowhouse_user', 'rowhouse_admin') then
    v.actor_key_id := core.current_api_key_id();
    v.on_behalf_of_user_id := nullif(current_setting('rowhouse.on_behalf_of_user_id', true), '')::uuid;
    v.actor := case when v.actor_key_id is not null then 'key' when v.actor_role = 'rowhouse_admin' then 'staff' else 'user' end;
    v.actor_name := session_user;
    v.request_id := left(nullif(current_setting('rowhouse.request_id', true), ''), 100);
    v.ip := nullif(current_setting('rowhouse.ip', true), '')::inet;
  elsif v.actor_role in ('rowhouse_worker', 'rowhouse_authenticator') then
    v.actor := 'system';
    v.actor_name := left(coalesce(nullif(current_setting('rowhouse.task', true), ''),
      case v.actor_role when 'rowhouse_worker' then 'worker' else 'server' end), 150);
  else
    v.actor := 'login';
    v.actor_name := session_user;
  end if;
  return v;
end
$$;
comment on function audit.actor is
  'Who acts now, and when: the actor''s columns and occurred_at of a row of the ledger, and null in the others. A person, key or staff of a request, the task of the worker, or the login of the database.';
grant execute on function audit.actor to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: what happened is written whoever may read it, also for a tenant that does not exist
create or replace function audit.record(
  kind text, operation text, tenant_id uuid default null, table_name text default null, row_key text default null,
  details jsonb default null, user_id uuid default null, request_id text default null, ip inet default null
) returns bigint
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v constant audit.ledger := audit.actor();
  v_id bigint;
begin
  insert into audit.ledger (tenant_id, occurred_at, kind, operation, table_name, row_key, details,
    actor, actor_name, actor_role, actor_user_id, actor_key_id, on_behalf_of_user_id, request_id, ip)
  values (coalesce(record.tenant_id, audit.platform_ledger()), v.occurred_at, record.kind, record.operation, record.table_name,
    left(record.row_key, 500), record.details, v.actor, v.actor_name, v.actor_role, coalesce(v.actor_user_id, record.user_id),
    v.actor_key_id, v.on_behalf_of_user_id, coalesce(v.request_id, left(record.request_id, 100)), coalesce(v.ip, record.ip))
  returning id into v_id;
  return v_id;
end
$$;
comment on function audit.record is
  'Adds an event to the ledger of a tenant, or to the platform''s without one. The actor is that of the transaction; user_id, request_id and ip complete it where the server speaks of a request whose transaction is gone.';
grant execute on function audit.record to rowhouse_owner, rowhouse_worker, rowhouse_platform;

create or replace function audit.most_events_a_minute(of_one_address boolean) returns int
language sql immutable parallel safe
return case when of_one_address then 30 else 300 end;
comment on function audit.most_events_a_minute is 'How many refusals a tenant''s ledger keeps in a minute: of one address, and of all.';
grant execute on function audit.most_events_a_minute to rowhouse_platform;

create or replace function audit.count_event(tenant_id uuid, address text, most int) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into audit.event_counts as c (tenant_id, minute, address, event_count)
  values (count_event.tenant_id, date_trunc('minute', core.clock()), count_event.address, 1)
  on conflict on constraint event_counts_pkey do update set event_count = c.event_count + 1 where c.event_count < count_event.most;
  return found;
end
$$;
comment on function audit.count_event is 'Counts an event of this minute. Returns false when there were as many already as are kept.';
grant execute on function audit.count_event to rowhouse_owner;

-- The server calls this on a transaction of its own after a refusal, whose transaction was rolled back.
create or replace function audit.record_refusal(
  tenant_id uuid, operation text, details jsonb, user_id uuid default null, request_id text default null, ip inet default null
) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := coalesce(record_refusal.tenant_id, audit.platform_ledger());
begin
  if not audit.count_event(v_tenant_id, coalesce(host(record_refusal.ip), 'unknown'), audit.most_events_a_minute(true))
    or not audit.count_event(v_tenant_id, '', audit.most_events_a_minute(false)) then
    return false;
  end if;
  perform audit.record('security', record_refusal.operation, v_tenant_id, details => record_refusal.details,
    user_id => record_refusal.user_id, request_id => record_refusal.request_id, ip => record_refusal.ip);
  return true;
end
$$;
comment on function audit.record_refusal is
  'Adds a refusal to the ledger: a failed login, a permission that was missing, a key that was misused, another tenant that was tried. At most 30 in a minute of one address and 300 of one tenant are kept; beyond that it returns false. For the server''s login.';
grant execute on function audit.record_refusal to rowhouse_authenticator, rowhouse_platform;

create or replace function audit.forget_event_counts() returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  delete from audit.event_counts where minute < core.clock() - interval '10 minutes';
$$;
comment on function audit.forget_event_counts is 'Removes the counts of minutes that are over.';
grant execute on function audit.forget_event_counts to rowhouse_worker;

create or replace function audit.has_default_entries() returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
return exists (select from audit.ledger_default);
comment on function audit.has_default_entries is 'Whether the default partition has entries.';
grant execute on function audit.has_default_entries to rowhouse_owner;
set local role rowhouse_owner;

create or replace function audit.partitioned_until() returns timestamptz
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select max((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz)
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
   where i.inhparent = 'audit.ledger'::regclass;
$$;
comment on function audit.partitioned_until is 'The end of the last month that has a partition; null when none has.';

create or replace function audit.create_month(month timestamptz) returns boolean
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_name constant text := 'ledger' || to_char(create_month.month at time zone 'UTC', '_YYYY_MM');
  v_from constant timestamptz := audit.partitioned_until();
  v_to constant timestamptz := date_trunc('month', create_month.month + interval '32 days', 'UTC');
begin
  if v_to <= v_from then
    return false;
  end if;
  if v_from is not null and not audit.has_default_entries() then
    execute format('create table audit.%I partition of audit.ledger for values from (%L) to (%L)', v_name, v_from, v_to);
  else
    -- What was written before there was a partition for it stays where it is: no row ever moves.
    alter table audit.ledger detach partition audit.ledger_default;
    execute format('alter table audit.ledger_default rename to %I', v_name);
    execute format('alter table audit.ledger attach partition audit.%I for values from (%s) to (%L)',
      v_name, coalesce(quote_literal(v_from), 'minvalue'), v_to);
    create table audit.ledger_default partition of audit.ledger default;
    call audit.close_ledger('audit.ledger_default', 'Entries of a month that has no partition of its own.');
    grant select on audit.ledger_default to rowhouse_platform;
  end if;
  call audit.close_ledger(format('audit.%I', v_name)::regclass, 'A month of audit.ledger.');
  return true;
end
$$;
comment on function audit.create_month is
  'Creates the ledger''s partition that reaches to the end of a month, from the default partition when that has entries. Returns false when there is one already.';

create or replace function audit.create_partitions(months_ahead int default 3) returns int
language plpgsql volatile security definer
-- Writers wait for this function, so it gives up early and is tried again later.
set lock_timeout to '5s'
set client_min_messages to warning
set search_path to pg_catalog, pg_temp
as $$
declare
  v_created int := 0;
begin
  for ahead in 0 .. create_partitions.months_ahead loop
    if audit.create_month(date_trunc('month', now() + make_interval(months => ahead), 'UTC')) then
      v_created := v_created + 1;
    end if;
  end loop;
  return v_created;
end
$$;
comment on function audit.create_partitions is
  'Creates the ledger''s partitions of this month and of the next months. Returns how many it created. Calling it again is harmless.';
grant execute on function audit.create_partitions to rowhouse_worker;
