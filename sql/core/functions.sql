-- What every domain builds on: raising errors, the wall around a tenant's rows, and the check that none is missing.

create or replace function app_private.raise_error(code text, message text, hint text default null, detail text default null)
returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = raise_error.code,
    message = raise_error.message,
    hint = coalesce(raise_error.hint, ''),
    detail = coalesce(raise_error.detail, '');
end
$$;
comment on function app_private.raise_error(text, text, text, text) is
  'Raises an error of the registry (docs/error-codes.md): message is shown to users, hint is their next step, detail is internal.';

create or replace function app_private.tg__set_updated_at() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  -- never backwards, so that it orders the changes of one row even within a transaction
  new.updated_at := greatest(clock_timestamp(), old.updated_at + interval '1 microsecond');
  return new;
end
$$;
comment on function app_private.tg__set_updated_at() is 'Sets updated_at when a row changes.';

-- The wall. Restrictive, so that no later policy can open it, and forced, so that it stands for the owner too:
-- a definer function sees the tenant of its context and no other. Doors (permissive policies) are each domain's own.
create or replace procedure app_private.secure_tenant_table(target regclass)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from pg_attribute
     where attrelid = target and attname = 'tenant_id' and attnotnull and not attisdropped
  ) then
    perform app_private.raise_error('RH901', format('%s needs a column tenant_id that is not null.', target));
  end if;
  if not exists (
    select from pg_index i
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
     where i.indrelid = target and a.attname = 'tenant_id' and i.indpred is null and i.indisvalid
  ) then
    perform app_private.raise_error('RH902', format('%s needs an index that starts with tenant_id.', target));
  end if;

  call app_private.secure_global_table(target);
  execute format('drop policy if exists tenant_isolation on %s', target);
  execute format(
    'create policy tenant_isolation on %s as restrictive for all
         to rowhouse_owner, rowhouse_authenticator, rowhouse_user, rowhouse_worker
      using (tenant_id = (select app_hidden.current_tenant_id()))
      with check (tenant_id = (select app_hidden.current_tenant_id()))', target);
end
$$;
comment on procedure app_private.secure_tenant_table(regclass) is
  'Walls a table in: every row belongs to one tenant, and only that tenant''s context sees it. RH901, RH902: the table is not fit for it.';

-- The wall with a window, for the tables of app_public.resource_kind: users also see what is shared with them, and that is
-- all they can do with it. The window is theirs alone: a definer function still sees the tenant of its context and no
-- other, so what writes, owns or counts needs no thought of sharing.
create or replace procedure app_private.secure_shareable_table(target regclass, kind text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  call app_private.secure_tenant_table(target);
  execute format('alter policy tenant_isolation on %s to rowhouse_owner, rowhouse_authenticator, rowhouse_worker', target);
  execute format('drop policy if exists tenant_isolation_with_shares on %s', target);
  execute format(
    'create policy tenant_isolation_with_shares on %s as restrictive for all to rowhouse_user
      using (tenant_id = (select app_hidden.current_tenant_id()) or id = any ((select app_hidden.shared_resource_ids(%L))::uuid[]))
      with check (tenant_id = (select app_hidden.current_tenant_id()))', target, kind);
  execute format('drop policy if exists tenant_isolation_of_updates on %s', target);
  execute format(
    'create policy tenant_isolation_of_updates on %s as restrictive for update to rowhouse_user
      using (tenant_id = (select app_hidden.current_tenant_id()))', target);
  execute format('drop policy if exists tenant_isolation_of_deletes on %s', target);
  execute format(
    'create policy tenant_isolation_of_deletes on %s as restrictive for delete to rowhouse_user
      using (tenant_id = (select app_hidden.current_tenant_id()))', target);
end
$$;
comment on procedure app_private.secure_shareable_table(regclass, text) is
  'Walls a table of shareable resources in: as secure_tenant_table, but users also read rows that are shared with them. RH901, RH902.';

-- For tables that belong to no single tenant. They are named one by one in app_private.global_tables().
create or replace procedure app_private.secure_global_table(target regclass)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  -- definer functions of the owner work within the wall where there is one, those of the platform without it
  execute format('drop policy if exists all_owner on %s', target);
  execute format('create policy all_owner on %s to rowhouse_owner using (true) with check (true)', target);
  execute format('drop policy if exists all_platform on %s', target);
  execute format('create policy all_platform on %s to rowhouse_platform using (true) with check (true)', target);
end
$$;
comment on procedure app_private.secure_global_table(regclass) is
  'Closes a table that is global on purpose: nobody but definer functions sees a row until a policy opens a door.';

create or replace function app_private.global_tables() returns regclass[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select array[
    'app_public.tenants',          -- its wall is its id
    'app_public.user_profiles',    -- a person is one across tenants
    'app_private.user_identities',
    'app_public.llm_providers',    -- facts of the platform
    'app_public.llm_models',
    'app_private.materialized_views',
    'app_private.materialized_view_alerts',
    'app_public.llm_model_prices',
    'app_public.usage_types',      -- what can be used means the same for every tenant
    'app_public.plans',            -- what the platform sells
    'app_public.plan_prices',
    'app_public.plan_price_components',
    'app_public.plan_entitlements',
    'app_public.invoice_issuers',
    'app_private.invoice_counters',
    'app_private.invoice_numbers',
    'app_private.payment_events',  -- news that says only inside whose it is
    'app_private.worker_heartbeats'
  ]::regclass[];
$$;
comment on function app_private.global_tables() is 'The tables that are global on purpose; every other one must be walled in.';

create or replace function app_private.security_gaps() returns table (object text, gap text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  with tables as (
    select c.oid, c.oid::regclass::text as name, c.relrowsecurity, c.relforcerowsecurity, c.relkind, c.reloptions, n.nspname,
           c.oid in (select app_private.resource_table(k) from unnest(enum_range(null::app_public.resource_kind)) k) as is_shareable
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('app_public', 'app_hidden', 'app_private')
  )
  select name, 'row level security is not enabled and forced'
    from tables where relkind in ('r', 'p') and not (relrowsecurity and relforcerowsecurity)
  union all
  select name, 'has no wall (call app_private.secure_tenant_table, or name it in app_private.global_tables)'
    from tables t
   where relkind in ('r', 'p') and oid <> all (app_private.global_tables())
     and exists (
       select from unnest(array['rowhouse_owner', 'rowhouse_authenticator', 'rowhouse_user', 'rowhouse_worker']::regrole[]) as walled
        where not exists (
          select from pg_policy p where p.polrelid = t.oid and not p.polpermissive and p.polcmd = '*' and walled = any (p.polroles)
            and (p.polname = 'tenant_isolation' or p.polname = 'tenant_isolation_with_shares' and t.is_shareable)))
  union all
  select name, 'others could change what is shared with them (call app_private.secure_shareable_table)'
    from tables t
   where is_shareable and (
     select count(*) from pg_policy p
      where p.polrelid = t.oid and not p.polpermissive and p.polroles = array['rowhouse_user'::regrole::oid]
        and (p.polname, p.polcmd) in (('tenant_isolation_of_updates', 'w'), ('tenant_isolation_of_deletes', 'd'))) < 2
  union all
  select name, 'the view is not security_invoker'
    from tables where relkind = 'v' and not coalesce('security_invoker=true' = any (reloptions), false)
  union all
  select name, 'a materialized view has no row level security: it belongs in app_private behind a filtering view'
    from tables where relkind = 'm' and nspname <> 'app_private'
  union all
  select p.oid::regprocedure::text, 'everyone may execute it'
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname in ('app_public', 'app_hidden', 'app_private')
     and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) where grantee = 0)
  union all
  select p.oid::regprocedure::text, 'it is a definer function without a pinned search_path'
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname in ('app_public', 'app_hidden', 'app_private') and p.prosecdef
     and not exists (select from unnest(p.proconfig) as setting where setting like 'search\_path=%pg\_temp');
$$;
comment on function app_private.security_gaps() is 'Everything in our schemas that is not secured as it must be; normally nothing.';

create or replace procedure app_private.assert_secured()
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_gaps text;
begin
  select string_agg(format('%s: %s', object, gap), e'\n' order by object, gap) into v_gaps from app_private.security_gaps();
  if v_gaps is not null then
    perform app_private.raise_error('RH903', e'The schema has security gaps:\n' || v_gaps, 'Close them, then run the migration again.');
  end if;
end
$$;
comment on procedure app_private.assert_secured() is 'The last step of a migration. RH903: what is not secured, one line each.';

-- Called by definer functions that were given a tenant (worker tasks, roll-ups), never by users:
-- what follows in this transaction sees that tenant and no other.
create or replace procedure app_private.enter_tenant(tenant_id uuid)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform set_config('rowhouse.tenant_id', enter_tenant.tenant_id::text, true);
end
$$;
comment on procedure app_private.enter_tenant(uuid) is 'Sets the tenant of this transaction, for work that is not a request.';

grant execute on function app_hidden.current_tenant_id(), app_hidden.current_user_id(), app_hidden.clock()
  to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;
grant execute on function app_private.raise_error(text, text, text, text), app_private.tg__set_updated_at()
  to rowhouse_platform, rowhouse_worker;
grant execute on function app_hidden.is_slug(text), app_hidden.is_email(text), app_hidden.is_name(text)
  to rowhouse_user, rowhouse_platform;

create or replace function app_private.record_heartbeats(worker_ids text[], silent_for interval) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_private.worker_heartbeats (worker_id, seen_at)
  select distinct worker_id, clock_timestamp() from unnest(record_heartbeats.worker_ids) as worker_id order by worker_id
  on conflict (worker_id) do update set seen_at = excluded.seen_at;
  delete from app_private.worker_heartbeats where seen_at < clock_timestamp() - greatest(record_heartbeats.silent_for, '1 day');
end
$$;
comment on function app_private.record_heartbeats(text[], interval) is 'Notes that these workers are alive now.';

create or replace function app_private.alive_workers(silent_for interval) returns text[]
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(worker_id), '{}')
    from app_private.worker_heartbeats
   where seen_at >= clock_timestamp() - alive_workers.silent_for;
$$;
comment on function app_private.alive_workers(interval) is 'The workers that were heard of within the interval.';
grant execute on function app_private.record_heartbeats(text[], interval), app_private.alive_workers(interval) to rowhouse_worker;
grant execute on procedure app_private.enter_tenant(uuid) to rowhouse_platform;
