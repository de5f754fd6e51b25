-- The steps of an erasure: of a person from the register, of a tenant from the catalogue. Each is a table with a condition over a row t,
-- so that a dry run, a run and the look for what is left are made of one text.

create or replace function governance.empty_value(target regclass, column_name name) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when not a.attnotnull then 'null' else coalesce(pg_get_expr(d.adbin, d.adrelid), quote_literal('')) end
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.attrelid = empty_value.target and a.attname = empty_value.column_name;
$$;
comment on function governance.empty_value is
  'What a column holds when nothing is in it, as SQL: null, else its default, else an empty text.';

create or replace function governance.pseudonym(target regclass, column_name name) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when a.attnotnull then $p$'erased-' || $1 || '@erased.invalid'$p$ else 'null' end
    from pg_attribute a where a.attrelid = pseudonym.target and a.attname = pseudonym.column_name;
$$;
comment on function governance.pseudonym is
  'What replaces an e-mail address, as SQL: nothing where that may be, else an address that leads nowhere. $1 is the person.';

-- How deep a table lies below those that its foreign keys name. Rows are deleted from the deepest table up, so that no deletion takes
-- rows along that are not counted yet.
create or replace function governance.table_depths() returns table (table_name regclass, depth int)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  with recursive reference as (
    select distinct k.conrelid as child, k.confrelid as parent
      from pg_constraint k join pg_class c on c.oid = k.conrelid and not c.relispartition
     where k.contype = 'f' and k.conrelid <> k.confrelid and c.relnamespace in (select core.schemas())
  ), below as (
    select c.oid as child, 0 as depth from pg_class c
     where c.relnamespace in (select core.schemas()) and c.relkind in ('r', 'p') and not c.relispartition
    union
    -- The limit ends circles.
    select r.child, b.depth + 1 from below b join reference r on r.parent = b.child where b.depth < 20
  )
  select b.child::regclass, max(b.depth) from below b group by b.child;
$$;
comment on function governance.table_depths is
  'How many foreign keys lead, at most, from a table up to one that names no other.';

create or replace function governance.person_steps(is_of_all_tenants boolean) returns setof governance.erasure_step
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  with register as materialized (
    select * from governance.personal_columns p
     where person_steps.is_of_all_tenants or governance.tenant_column(p.table_name) is not null
  ), subject as materialized (
    select p.table_name, p.column_name, p.kind, p.action, p.reason,
           format(case p.kind when 'key' then 't.%I = $1' else 't.%I = $2' end, p.column_name) as condition
      from register p where p.kind <> 'content'
  ), own as materialized (
    select s.table_name, string_agg(s.condition, ' or ') as condition from subject s where s.action = 'erase' group by s.table_name
  ), part as (
    -- Rows of the person are deleted.
    select o.table_name, 'erased' as action, o.condition, null as assignments, null as reason, 1 as sort_order from own o
    union all
    -- What the person left in rows that stay is emptied.
    select c.table_name, 'emptied', format('(%s) and (%s)', n.condition,
             string_agg(format('t.%I is distinct from %s', c.column_name, governance.empty_value(c.table_name, c.column_name)), ' or ')),
           string_agg(format('%I = %s', c.column_name, governance.empty_value(c.table_name, c.column_name)), ', '), null, 2
      from register c
     cross join lateral (
       select string_agg(s.condition, ' or ') as condition from subject s
        where s.table_name = c.table_name and s.action <> 'erase' and (c.person_of is null or s.column_name = c.person_of)) n
     where c.kind = 'content' and c.action <> 'keep' and n.condition is not null
     group by c.table_name, n.condition
    union all
    select s.table_name, 'pseudonymised', string_agg(s.condition, ' or '),
           string_agg(format('%1$I = case when t.%1$I = $2 then %2$s else t.%1$I end', s.column_name,
             governance.pseudonym(s.table_name, s.column_name)), ', '), null, 3
      from subject s where s.kind = 'address' and s.action = 'pseudonymise' group by s.table_name
    union all
    -- A key names nobody any more when the profile is empty.
    select s.table_name, 'kept', string_agg(s.condition, ' or '), null,
           coalesce(string_agg(distinct s.reason, ' '), 'The key names nobody any more.'), 4
      from subject s where s.kind = 'key' and s.action <> 'erase' group by s.table_name
  )
  select row_number() over (order by p.action = 'kept', p.table_name = 'app_public.user_profiles'::regclass, d.depth desc, p.table_name::text, p.sort_order, p.condition)::int,
         p.table_name, p.action,
         case when p.action = 'erased' or o.condition is null then p.condition else format('(%s) and (%s) is not true', p.condition, o.condition) end,
         p.assignments, p.reason
    from part p
    join governance.table_depths() d on d.table_name = p.table_name
    left join own o on o.table_name = p.table_name;
$$;
comment on function governance.person_steps is
  'The steps of an erasure, from the register: the table, what is done, to which rows t, and how. $1 is the person, $2 the e-mail address.';

create or replace function governance.book_tables() returns setof regclass
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select unnest(array['app_public.invoices', 'app_public.invoice_lines', 'app_public.credit_entries', 'app_public.payments',
    'app_public.refunds', 'app_public.wallet_top_ups', 'app_public.wallet_entries', 'app_public.payment_methods',
    'app_public.subscriptions', 'billing.invoice_documents', 'billing.ledger_entries']::regclass[]);
$$;
comment on function governance.book_tables is
  'The tables of the books, which the law wants kept.';

create or replace function governance.kept_tables() returns table (table_name regclass, reason text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select b, 'Books and invoices are kept for ten years.' from governance.book_tables() as b
  union all
  select t, 'It shows what was done, without personal data.'
    from governance.tenant_tables() as t
    join pg_class c on c.oid = t
   where c.relnamespace = to_regnamespace('audit') or t = 'app_public.erasures'::regclass;
$$;
comment on function governance.kept_tables is
  'The tables whose rows stay when their tenant is erased, each with the reason.';

create or replace function governance.tenant_steps() returns setof governance.erasure_step
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select row_number() over (order by k.reason is not null, d.depth desc, t::text)::int, t,
         case when k.reason is null then 'erased' else 'kept' end, 'true', null, k.reason
    from governance.tenant_tables() as t
    join governance.table_depths() d on d.table_name = t
    left join governance.kept_tables() k on k.table_name = t;
$$;
comment on function governance.tenant_steps is
  'The steps of the erasure of a tenant: every table with rows of tenants, from those that name others to those that are named.';

grant execute on function governance.person_steps, governance.tenant_steps, governance.book_tables, governance.kept_tables, governance.table_depths,
  governance.empty_value, governance.pseudonym to rowhouse_platform;

-- The platform's role stands outside the wall, and has rights table by table. To export and to erase by the catalogue it needs them on
-- every table; what is kept it may only read, and secrets it may only delete.
create or replace procedure governance.let_platform_erase()
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_table record;
begin
  for v_table in
    select t.name, k.reason is not null and t.name <> 'app_public.erasures'::regclass as is_kept
      from (select governance.tenant_tables() as name union select p.table_name from governance.personal_columns p) t
      join pg_class c on c.oid = t.name
      left join governance.kept_tables() k on k.table_name = t.name
  loop
    if v_table.is_kept then
      execute format('grant select on %s to rowhouse_platform', v_table.name);
    else
      execute format('grant select, update, delete on %s to rowhouse_platform', v_table.name);
    end if;
  end loop;
end
$$;
comment on procedure governance.let_platform_erase is
  'Lets the platform''s role read every table that has rows of tenants or of people, and delete and empty what is not kept.';
call governance.let_platform_erase();
