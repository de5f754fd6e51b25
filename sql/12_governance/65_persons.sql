-- Whose a row is, and who may ask for it. Exports and erasures take the rows of a person from the register (50_personal_data.sql), and
-- those of a tenant from the catalogue, so a new table is in both without a word here.
--
-- A person may ask for everything of their own, in all tenants; so may the platform's staff for a person. Whoever may manage the people
-- of a tenant may ask for what this tenant has of one of them.

create or replace function governance.asks_for_all_tenants(user_id uuid) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_role text;
begin
  if asks_for_all_tenants.user_id = core.current_user_id() or tenancy.is_platform_admin() then
    -- a key is of one tenant, whatever its maker may ask for
    perform tenancy.require_person();
    return true;
  end if;
  perform tenancy.require_permission('can_manage_users');
  select m.role into v_role from app_public.user_tenants m
   where m.tenant_id = core.current_tenant_id() and m.user_id = asks_for_all_tenants.user_id;
  if not found then
    perform core.raise_error('RT302', 'userId: This person is not a member of this tenant.', 'List the members of this tenant.');
  end if;
  if not tenancy.has_role(v_role) then
    perform core.raise_error('RT201', 'This person has a higher role than you.', 'Ask an owner of the tenant.');
  end if;
  return false;
end
$$;
comment on function governance.asks_for_all_tenants is
  E'@errors ID203 KY201 RT201 RT302\nWhether the caller may ask for a person''s data in all tenants; false when it is for this tenant alone. Raises an error for whoever may not ask.';

create or replace function governance.names_person(target regclass, alias text, actions text[] default null) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select string_agg(
           case p.kind when 'key' then format('%s.%I = $1', names_person.alias, p.column_name)
             else format('%s.%I = $2', names_person.alias, p.column_name) end, ' or ' order by p.ordinal)
    from governance.personal_columns p
   where p.table_name = names_person.target and p.kind <> 'content'
     and (names_person.actions is null or p.action = any (names_person.actions));
$$;
comment on function governance.names_person is
  'The condition that a row names the person, as SQL; null for a table that names nobody. $1 is the person, $2 the e-mail address.';

create or replace function governance.belongs_to_person(target regclass) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(governance.names_person(belongs_to_person.target, 't'), (
    select string_agg(format('exists (select from %s p where %s and (%s))', k.confrelid::regclass,
             (select string_agg(format('p.%I = t.%I', f.attname, o.attname), ' and ')
                from unnest(k.conkey, k.confkey) as u (own, other)
                join pg_attribute o on o.attrelid = k.conrelid and o.attnum = u.own
                join pg_attribute f on f.attrelid = k.confrelid and f.attnum = u.other),
             governance.names_person(k.confrelid::regclass, 'p', '{erase}')), ' or ')
      from pg_constraint k
     where k.conrelid = belongs_to_person.target and k.contype = 'f' and k.confdeltype = 'c'
       and governance.names_person(k.confrelid::regclass, 'p', '{erase}') is not null
       and exists (select from governance.personal_columns c where c.table_name = belongs_to_person.target)));
$$;
comment on function governance.belongs_to_person is
  'The condition that a row t names the person, or hangs on a row of the person, as SQL; null for a table without persons.';

create or replace function governance.tenant_tables() returns setof regclass
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select c.oid::regclass
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
   where c.relnamespace in (select core.schemas()) and c.relkind in ('r', 'p') and not c.relispartition
   order by c.oid::regclass::text;
$$;
comment on function governance.tenant_tables is
  'The tables that have rows of tenants.';

create or replace function governance.tenant_column(target regclass) returns name
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when target = 'app_public.tenants'::regclass then 'id'
    when exists (select from pg_attribute a where a.attrelid = target and a.attname = 'tenant_id' and not a.attisdropped) then 'tenant_id'
  end;
$$;
comment on function governance.tenant_column is
  'The column that says of which tenant a row is; null for a table whose rows are no tenant''s.';

grant execute on function governance.names_person, governance.belongs_to_person, governance.tenant_tables, governance.tenant_column,
  governance.not_held, governance.hold_lock_key to rowhouse_platform;
grant execute on function core.schemas to rowhouse_platform;
