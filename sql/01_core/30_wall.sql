-- The wall between tenants. One call secures a table and also removes all policies that it has. So a table has exactly the
-- policies that its feature's file writes after the call, and no policy of an older version stays open.

create or replace function core.schemas() returns setof oid
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select n.oid from pg_namespace n where n.nspowner = 'rowhouse_owner'::regrole;
$$;
comment on function core.schemas is 'The schemas of Rowhouse and of its extensions, which are those that rowhouse_owner owns.';

create or replace procedure core.close_table(target regclass)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_policy name;
begin
  for v_policy in select p.polname from pg_policy p where p.polrelid = target loop
    execute format('drop policy %I on %s', v_policy, target);
  end loop;
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  if (select c.relnamespace = 'app_public'::regnamespace from pg_class c where c.oid = target) then
    call core.normalize_texts(target);
  end if;
  -- Definer functions of the owner work behind the tenant's wall, if there is one; those of the platform work outside it.
  execute format('create policy all_owner on %s to rowhouse_owner using (true) with check (true)', target);
  execute format('create policy all_platform on %s to rowhouse_platform using (true) with check (true)', target);
  -- A dump is of all tenants, and only a superuser reads past policies. A managed service's administrator dumps as this role.
  execute format('create policy select_backup on %s for select to rowhouse_backup using (true)', target);
  execute format('grant select on %s to rowhouse_backup', target);
end
$$;
comment on procedure core.close_table is
  'Removes the policies of a table and closes it: until a new policy lets someone in, only definer functions see its rows.';

-- Letters with marks have several encodings, which look the same and are not equal. All text is stored in the composed form (NFC),
-- so that it can be compared. The trigger runs only for a row that has a text in another form.
create or replace function core.tg__normalize_texts() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  return jsonb_populate_record(new, (
    select jsonb_object_agg(t.key, normalize(t.value::text, nfc)::jsonb)
      from jsonb_each(to_jsonb(new)) t
     where t.key = any (tg_argv)));
end
$$;
comment on function core.tg__normalize_texts is
  'Brings the columns that are its arguments into Unicode''s composed form, NFC.';

create or replace function core.text_columns(target regclass) returns table (name name, form text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select a.attname,
         case
           when t.typcategory = 'A' then format('array_to_string(new.%I, '' '')', a.attname)
           else format('new.%I::text', a.attname)
         end
    from pg_attribute a join pg_type t on t.oid = a.atttypid
   where a.attrelid = target and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     -- Closed lists are domains; their words are ASCII.
     and t.oid in ('text'::regtype, 'text[]'::regtype, 'jsonb'::regtype)
   order by a.attnum;
$$;
comment on function core.text_columns is
  'The columns of a table that hold text, alone, in arrays or in JSON, each with an expression for its text in a new row.';

create or replace procedure core.normalize_texts(target regclass)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_condition text;
  v_arguments text;
begin
  select string_agg(format('%s is not nfc normalized', c.form), ' or '), string_agg(quote_literal(c.name), ', ')
    into v_condition, v_arguments
    from core.text_columns(target) c;
  if v_condition is not null then
    execute format(
      'create or replace trigger _020_normalize_texts before insert or update on %s for each row when (%s)
         execute function core.tg__normalize_texts(%s)', target, v_condition, v_arguments);
  end if;
end
$$;
comment on procedure core.normalize_texts is
  'Makes a table store all its texts in Unicode''s composed form, NFC. The procedures that secure a table of the API call it.';

-- The policy is restrictive, so no other policy can widen it, and it is forced, so it holds for the owner too: a definer
-- function sees the tenant of its context and no other.
create or replace procedure core.secure_tenant_table(target regclass)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from pg_attribute
     where attrelid = target and attname = 'tenant_id' and attnotnull and not attisdropped
  ) then
    perform core.raise_error('RH901', format('%s needs a column tenant_id that is not null.', target),
      'Every row of a tenant''s table names its tenant: add tenant_id uuid not null.');
  end if;
  if not exists (
    select from pg_index i
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
     where i.indrelid = target and a.attname = 'tenant_id' and i.indpred is null and i.indisvalid
  ) then
    perform core.raise_error('RH902', format('%s needs an index that starts with tenant_id.', target),
      'Let the primary key begin with tenant_id, or add an index on it.');
  end if;

  call core.close_table(target);
  execute format(
    'create policy tenant_isolation on %s as restrictive for all
         to rowhouse_owner, rowhouse_authenticator, rowhouse_user, rowhouse_worker
      using (tenant_id = (select core.current_tenant_id()))
      with check (tenant_id = (select core.current_tenant_id()))', target);
  execute format('comment on policy tenant_isolation on %s is %L', target, 'Only rows of the tenant in which the request acts.');
end
$$;
comment on procedure core.secure_tenant_table is
  E'@errors RH901 RH902\nWalls a table in: each row belongs to one tenant, and can be seen only in the context of that tenant.';

create or replace procedure core.secure_global_table(target regclass, reason text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  if coalesce(reason, '') !~ '\S' then
    perform core.raise_error('RH904', format('%s is global without a reason.', target),
      'Say why its rows belong to no single tenant, or call core.secure_tenant_table.');
  end if;
  call core.close_table(target);
  execute format('comment on policy all_owner on %s is %L', target, reason);
end
$$;
comment on procedure core.secure_global_table is
  E'@errors RH904\nCloses a table whose rows belong to no single tenant, and keeps the reason as the comment of its policy all_owner.';

create or replace function core.global_tables() returns table (target regclass, reason text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select p.polrelid::regclass, obj_description(p.oid, 'pg_policy')
    from pg_policy p join pg_class c on c.oid = p.polrelid
   where p.polname = 'all_owner' and c.relnamespace in (select core.schemas()) and obj_description(p.oid, 'pg_policy') is not null
   order by p.polrelid::regclass::text;
$$;
comment on function core.global_tables is 'The tables that are global on purpose, each with its reason. All other tables are walled in.';

create or replace function core.wall_gaps() returns table (object text, gap text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  with tables as (
    select c.oid, c.oid::regclass::text as name, c.relrowsecurity, c.relforcerowsecurity, c.relkind, c.reloptions, c.relowner, n.nspname
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.oid in (select core.schemas())
  ),
  functions as (
    select p.oid::regprocedure::text as name, p.proacl, p.proowner, p.prosecdef, p.proconfig
      from pg_proc p where p.pronamespace in (select core.schemas())
  )
  select name, 'row level security is not enabled and forced'
    from tables where relkind in ('r', 'p') and not (relrowsecurity and relforcerowsecurity)
  union all
  -- A domain may let other tenants' rows be read through the wall, as shared resources are. But every row that is written
  -- must be of the tenant's own.
  select name, 'has no wall (call core.secure_tenant_table, or core.secure_global_table with the reason)'
    from tables t
   where relkind in ('r', 'p') and oid not in (select g.target from core.global_tables() g)
     and exists (
       select from unnest(array['rowhouse_owner', 'rowhouse_authenticator', 'rowhouse_user', 'rowhouse_worker']::regrole[]) as walled
        where not exists (
          select from pg_policy p
           where p.polrelid = t.oid and not p.polpermissive and p.polcmd = '*' and walled = any (p.polroles)
             and p.polname in ('tenant_isolation', 'tenant_isolation_with_shares')
             and pg_get_expr(p.polwithcheck, p.polrelid)
                 = '(tenant_id = ( SELECT core.current_tenant_id() AS current_tenant_id))'))
  union all
  select name, 'the view is not security_invoker'
    from tables
   -- the policies stand before these owners as they stand before users
   where relkind = 'v' and relowner not in ('rowhouse_own_rows'::regrole, 'rowhouse_shared_rows'::regrole, 'rowhouse_analytics'::regrole)
     and not coalesce('security_invoker=true' = any (reloptions), false)
  union all
  select name, 'a materialized view has no row level security: it belongs in its domain''s schema behind a filtering view'
    from tables
   where relkind = 'm'
     and (nspname = 'app_public' or has_table_privilege('rowhouse_user', oid, 'select') or has_table_privilege('rowhouse_analyst', oid, 'select'))
  union all
  select name, 'everyone may execute it'
    from functions where exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0)
  union all
  select name, 'it is a definer function without a pinned search_path'
    from functions
   where prosecdef and not exists (select from unnest(proconfig) as setting where setting like 'search\_path=%pg\_temp')
  union all
  -- The administrator of a managed service must be a member, to migrate and to dump; he is a member of the owner as well.
  select m.rolname::text, format('it can become %s, which reads the rows of all tenants, and is not the administrator', o.rolname)
    from pg_roles o join pg_roles m on m.oid <> o.oid and pg_has_role(m.oid, o.oid, 'member')
   where o.rolname in ('rowhouse_platform', 'rowhouse_backup') and not m.rolsuper and not pg_has_role(m.oid, 'rowhouse_owner', 'member')
  union all
  select r.rolname::text, 'it reads the rows of all tenants, and may log in'
    from pg_roles r where r.rolname in ('rowhouse_platform', 'rowhouse_backup') and r.rolcanlogin
  union all
  select name, 'rowhouse_backup, which is to read only, may change it'
    from tables where relkind in ('r', 'p') and has_table_privilege('rowhouse_backup', oid, 'insert, update, delete, truncate, references, trigger');
$$;
comment on function core.wall_gaps is 'The tables, views, functions and roles that break a rule of security, and which rule it is.';

create or replace function core.security_gaps() returns table (object text, gap text)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_function regprocedure;
begin
  return query select * from core.wall_gaps();
  for v_function in
    select p.oid from pg_proc p
     where p.proname = 'security_gaps' and p.pronargs = 0 and p.pronamespace in (select core.schemas())
       and p.pronamespace <> 'core'::regnamespace
     order by 1
  loop
    return query execute format('select object, gap from %s', v_function);
  end loop;
end
$$;
comment on function core.security_gaps is
  'Everything that breaks a rule of security; normally nothing does. A domain adds checks of its own by a function security_gaps() in its schema.';

create or replace procedure core.assert_secured()
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_gaps text;
begin
  select string_agg(format('%s: %s', object, gap), e'\n' order by object, gap) into v_gaps from core.security_gaps();
  if v_gaps is not null then
    perform core.raise_error('RH903', e'The schema has security gaps:\n' || v_gaps, 'Close them, then run the migration again.');
  end if;
end
$$;
comment on procedure core.assert_secured is
  E'@errors RH903\nRaises an error that lists the security gaps, if there are any. It is the last step of a migration.';
