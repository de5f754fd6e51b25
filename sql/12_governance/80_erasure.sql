-- Erasing a person. The register (50_personal_data.sql) says what becomes of each column: rows of the person are deleted, what the
-- person left in rows of others is emptied, an address is replaced, and a key stays where it names nobody any more, because the profile
-- is empty. A task does it in batches of a transaction each; how far it is stands in the row of the erasure, so it goes on after a kill.

call core.secure_tenant_table('app_public.erasures');
call core.exempt_from_guard('app_public.erasures', '_000_require_writable_tenant', 'people are erased in a read-only tenant as well');
call core.allow('app_public.erasures', read => 'can_view_audit');
grant select on app_public.erasures to rowhouse_user;
grant select, insert, update, delete on app_public.erasures to rowhouse_platform;
comment on table app_public.erasures is
  E'@behavior -insert -update -delete -query:resource:single\nErasures of people in this tenant, or of the tenant, and dry runs that count what one would do. Needs can_view_audit.';
comment on column app_public.erasures.tenant_id is 'The tenant in which it runs: the platform''s, when the person is erased in all tenants.';
comment on column app_public.erasures.id is 'The key of the erasure, and of its receipt.';
comment on column app_public.erasures.user_id is E'@personal pseudonymise\nThe person; null when the whole tenant is erased.';
comment on column app_public.erasures.is_of_all_tenants is 'Whether the person is erased everywhere, with the profile.';
comment on column app_public.erasures.is_dry_run is 'Whether it only counted.';
comment on column app_public.erasures.requested_by_user_id is E'@personal pseudonymise\nWho asked for it.';
comment on column app_public.erasures.status is 'queued, running, held by a legal hold, or completed.';
comment on column app_public.erasures.step is E'@behavior -*\nHow many of its steps are done.';
comment on column app_public.erasures.tenant_ids is E'@behavior -*\nThe tenants that have rows of the person.';
comment on column app_public.erasures.counts is 'How many rows were deleted, emptied or kept, by table: {"app_public.user_sessions": {"erased": 3}}.';
comment on column app_public.erasures.requested_at is 'When it was asked for.';
comment on column app_public.erasures.finished_at is 'When it ended.';

call core.secure_global_table('governance.erasure_receipts', 'a receipt outlives the tenant and the person that it is about');
grant select, insert on governance.erasure_receipts to rowhouse_platform;
comment on table governance.erasure_receipts is 'What was erased, and when: the proof that stays. A row never changes.';
comment on column governance.erasure_receipts.user_id is E'@personal pseudonymise\nThe person; null when a tenant was erased.';
comment on column governance.erasure_receipts.requested_by_user_id is E'@personal pseudonymise\nWho asked for it.';
comment on column governance.erasure_receipts.hash is 'The SHA-256 of governance.receipt_json.';

create or replace function governance.receipt_json(receipt governance.erasure_receipts) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- The keys of jsonb have one order and one form, so equal receipts are equal texts.
  select jsonb_build_object(
    'id', (receipt).id, 'tenantId', (receipt).tenant_id, 'userId', (receipt).user_id,
    'requestedBy', (receipt).requested_by_user_id,
    'requestedAt', to_char((receipt).requested_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'finishedAt', to_char((receipt).finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'counts', (receipt).counts)::text;
$$;
comment on function governance.receipt_json is
  'The canonical JSON of a receipt, of which its hash is made.';
grant execute on function governance.receipt_json to rowhouse_platform;

create or replace function governance.tg_erasure_receipts__append_only() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('RT902', 'A receipt of an erasure never changes.', 'It is the proof of what was done.');
  return null;
end
$$;
comment on function governance.tg_erasure_receipts__append_only is E'@errors RT902\nRefuses every change of a receipt.';

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

create or replace function governance.kept_tables() returns table (table_name regclass, reason text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select t::regclass, 'Books and invoices are kept for ten years.'
    from unnest(array['app_public.invoices', 'app_public.invoice_lines', 'app_public.credit_entries', 'app_public.payments',
      'app_public.refunds', 'app_public.payment_methods', 'app_public.subscriptions', 'billing.invoice_documents',
      'billing.ledger_entries']) as t
  union all
  select t, 'It shows what was done, without personal data.'
    from governance.tenant_tables() as t
    join pg_class c on c.oid = t
   where c.relnamespace = to_regnamespace('audit') or t in ('app_public.erasures'::regclass, 'governance.erasure_receipts'::regclass);
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

grant execute on function governance.person_steps, governance.tenant_steps, governance.kept_tables, governance.table_depths,
  governance.empty_value, governance.pseudonym to rowhouse_platform;

create or replace function governance.refuse_last_owner(user_id uuid, is_of_all_tenants boolean) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_names text := governance.tenants_left_without_owner(refuse_last_owner.user_id, refuse_last_owner.is_of_all_tenants);
begin
  if v_names is not null then
    perform core.raise_error('RT503', format('This person is the only owner of: %s.', v_names),
      'First make another member an owner there, or cancel the tenant and have it erased.');
  end if;
end
$$;
comment on function governance.refuse_last_owner is
  E'@errors RT503\nRaises an error that names the tenants which would be left without an owner.';

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
    select t.name, k.reason is not null and t.name <> 'app_public.erasures'::regclass as is_kept, c.relnamespace = 'vault'::regnamespace as is_secret
      from (select governance.tenant_tables() as name union select p.table_name from governance.personal_columns p) t
      join pg_class c on c.oid = t.name
      left join governance.kept_tables() k on k.table_name = t.name
  loop
    if v_table.is_kept then
      execute format('grant select on %s to rowhouse_platform', v_table.name);
    elsif v_table.is_secret then
      execute format('grant select (tenant_id), delete on %s to rowhouse_platform', v_table.name);
    else
      execute format('grant select, update, delete on %s to rowhouse_platform', v_table.name);
    end if;
  end loop;
end
$$;
comment on procedure governance.let_platform_erase is
  'Lets the platform''s role read every table that has rows of tenants or of people, and delete and empty what is not kept.';
call governance.let_platform_erase();

set local role rowhouse_platform;  -- outside the wall: a person is erased in all tenants, and the worker erases people and tenants by the catalogue
create or replace function governance.tenants_left_without_owner(user_id uuid, is_of_all_tenants boolean) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select string_agg(t.name, ', ' order by t.name)
    from app_public.user_tenants m join app_public.tenants t on t.id = m.tenant_id and t.erased_at is null
   where m.user_id = tenants_left_without_owner.user_id and m.role = 'owner' and m.status = 'active'
     and (tenants_left_without_owner.is_of_all_tenants or m.tenant_id = core.current_tenant_id())
     and not exists (
       select from app_public.user_tenants o
         join app_public.user_profiles u on u.id = o.user_id and u.is_active and u.deleted_at is null
        where o.tenant_id = m.tenant_id and o.user_id <> m.user_id and o.role = 'owner' and o.status = 'active');
$$;
comment on function governance.tenants_left_without_owner is
  'The names of the tenants of which this person is the only active owner; null when there is none.';
grant execute on function governance.tenants_left_without_owner to rowhouse_owner;

create or replace function governance.email_of(user_id uuid) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select u.email from app_public.user_profiles u where u.id = email_of.user_id and u.email not like 'erased-%@erased.invalid';
$$;
comment on function governance.email_of is
  'The e-mail address of a person; null when it was erased.';

create or replace function governance.tenants_of_person(user_id uuid, email text) returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_table regclass;
  v_found uuid[];
  v_all uuid[] := '{}';
begin
  for v_table in
    select distinct p.table_name from governance.personal_columns p
     where p.kind <> 'content' and governance.tenant_column(p.table_name) is not null
  loop
    execute format('select array_agg(distinct t.%I) from %s t where %s',
        governance.tenant_column(v_table), v_table, governance.names_person(v_table, 't'))
      into v_found using tenants_of_person.user_id, tenants_of_person.email;
    v_all := v_all || coalesce(v_found, '{}');
  end loop;
  return array(select distinct t from unnest(v_all) as t order by 1);
end
$$;
comment on function governance.tenants_of_person is
  'The tenants that have a row of a person, also of one who has left.';

-- Everything is written from the same text, so a dry run counts what a run deletes.
create or replace function governance.step_rows(step_table regclass, condition text, with_held boolean) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select format('from %s t where (%s)%s%s', step_table, condition,
    case when governance.tenant_column(step_table) is null then '' else format(' and t.%I = any ($3)', governance.tenant_column(step_table)) end,
    case when with_held then '' else ' and ' || governance.not_held(step_table) end);
$$;
comment on function governance.step_rows is
  'The rows of a step of an erasure, as SQL. $1 is the person, $2 the e-mail address, $3 the tenants.';

create or replace function governance.count_person(erasure app_public.erasures, with_held boolean) returns jsonb
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step record;
  v_email text := governance.email_of((erasure).user_id);
  v_count bigint;
  v_counts jsonb := '{}';
begin
  for v_step in select * from governance.person_steps((erasure).is_of_all_tenants) s order by s.number loop
    execute 'select count(*) ' || governance.step_rows(v_step.table_name, v_step.condition, with_held)
      into v_count using (erasure).user_id, v_email, (erasure).tenant_ids;
    v_counts := governance.add_count(v_counts, v_step.table_name, v_step.action, v_count);
  end loop;
  return v_counts;
end
$$;
comment on function governance.count_person is
  'How many rows each step of an erasure finds now, with or without those that a legal hold covers.';

create or replace function governance.add_count(counts jsonb, table_name regclass, action text, more bigint) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when more = 0 then counts
    else counts || jsonb_build_object(table_name::text,
      coalesce(counts -> table_name::text, '{}') || jsonb_build_object(action,
        coalesce((counts -> table_name::text ->> action)::bigint, 0) + more)) end;
$$;
comment on function governance.add_count is 'Adds to the count of an action on a table.';

create or replace function governance.request_person_erasure(user_id uuid, is_of_all_tenants boolean, is_dry_run boolean)
returns app_public.erasures
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_person app_public.user_profiles;
  v_erasure app_public.erasures;
begin
  -- The lock makes two who erase a person take turns.
  select * into v_person from app_public.user_profiles u where u.id = request_person_erasure.user_id for no key update;
  if not found then
    perform core.raise_error('RT302', 'userId: This person is not a member of this tenant.', 'List the members of this tenant.');
  end if;
  insert into app_public.erasures (tenant_id, user_id, is_of_all_tenants, is_dry_run, requested_by_user_id, requested_at, tenant_ids)
  values (
    -- What is erased everywhere is no single tenant's to see.
    case when is_of_all_tenants then (select t.id from app_public.tenants t where t.type = 'platform') else core.current_tenant_id() end,
    v_person.id, is_of_all_tenants, is_dry_run, core.current_user_id(), core.clock(),
    case when is_of_all_tenants then governance.tenants_of_person(v_person.id, v_person.email) else array[core.current_tenant_id()] end)
  on conflict do nothing
  returning * into v_erasure;
  if v_erasure.id is null then
    perform core.raise_error('RT504', 'This person is being erased already.', 'Wait until it is done.');
  end if;
  if is_dry_run then
    update app_public.erasures e
       set counts = governance.count_person(v_erasure, false), status = 'completed', finished_at = core.clock()
     where e.tenant_id = v_erasure.tenant_id and e.id = v_erasure.id
    returning * into v_erasure;
    return v_erasure;
  end if;
  -- The person is out at once, however long the rest takes.
  if is_of_all_tenants then
    update app_public.user_profiles u set is_active = false where u.id = v_person.id;
  else
    update app_public.user_tenants m set status = 'inactive'
     where m.tenant_id = core.current_tenant_id() and m.user_id = v_person.id and m.status <> 'inactive';
  end if;
  perform governance.enqueue_erasure(v_erasure);
  return v_erasure;
end
$$;
comment on function governance.request_person_erasure is
  E'@errors RT302 RT504\nBegins an erasure, or counts what it would do, for a caller who was checked before.';
grant execute on function governance.request_person_erasure to rowhouse_owner;

create or replace function governance.enqueue_erasure(erasure app_public.erasures) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_job('governance__erase', json_build_object('tenantId', (erasure).tenant_id, 'erasureId', (erasure).id),
    'governance:erase:' || (erasure).id, 25);
$$;
comment on function governance.enqueue_erasure is 'Queues an erasure.';
grant execute on function governance.enqueue_erasure to rowhouse_owner;

create or replace function governance.take_step(erasure app_public.erasures, step governance.erasure_step, batch int) returns bigint
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_email text := governance.email_of((erasure).user_id);
  v_count bigint;
begin
  if (step).action = 'kept' then
    execute 'select count(*) ' || governance.step_rows((step).table_name, (step).condition, true)
      into v_count using (erasure).user_id, v_email, (erasure).tenant_ids;
    return v_count;
  end if;
  execute format(
    'with chosen as materialized (select t.tableoid, t.ctid %s limit $4 for update of t) %s t.tableoid = c.tableoid and t.ctid = c.ctid',
    governance.step_rows((step).table_name, (step).condition, false),
    case when (step).action = 'erased' then format('delete from %s t using chosen c where', (step).table_name)
      else format('update %s t set %s from chosen c where', (step).table_name, (step).assignments) end)
    using (erasure).user_id, v_email, (erasure).tenant_ids, take_step.batch;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function governance.take_step is
  'Does up to batch rows of a step of an erasure, and returns how many.';

create or replace function governance.erasure_steps(erasure app_public.erasures) returns setof governance.erasure_step
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if (erasure).user_id is null then
    return query select s.* from governance.tenant_steps() s order by s.number;
  else
    return query select s.* from governance.person_steps((erasure).is_of_all_tenants) s order by s.number;
  end if;
end
$$;
comment on function governance.erasure_steps is 'The steps of an erasure, in their order.';

create or replace function governance.purge_indexes(tenant_ids uuid[]) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
begin
  foreach v_tenant_id in array tenant_ids loop
    if search.purge_removed(v_tenant_id) then
      return true;
    end if;
  end loop;
  return false;
end
$$;
comment on function governance.purge_indexes is
  'Rebuilds one block of the search index of these tenants that still has words of what was deleted; false when there is none.';

create or replace function governance.is_anything_held(erasure app_public.erasures) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step governance.erasure_step;
  v_email text := governance.email_of((erasure).user_id);
  v_is_held boolean;
begin
  for v_step in select * from governance.erasure_steps(erasure) s where s.action <> 'kept' loop
    execute format('select exists (select %s)', governance.step_rows(v_step.table_name, v_step.condition, true))
      into v_is_held using (erasure).user_id, v_email, (erasure).tenant_ids;
    if v_is_held then
      return true;
    end if;
  end loop;
  return false;
end
$$;
comment on function governance.is_anything_held is
  'Whether rows of an erasure are left after its steps, because a legal hold covers them.';

create or replace function governance.write_receipt(erasure app_public.erasures) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_receipt governance.erasure_receipts;
begin
  v_receipt.id := (erasure).id;
  v_receipt.tenant_id := case when not (erasure).is_of_all_tenants then (erasure).tenant_id end;
  v_receipt.user_id := (erasure).user_id;
  v_receipt.requested_by_user_id := (erasure).requested_by_user_id;
  v_receipt.requested_at := (erasure).requested_at;
  v_receipt.finished_at := (erasure).finished_at;
  v_receipt.counts := (erasure).counts;
  v_receipt.hash := sha256(convert_to(governance.receipt_json(v_receipt), 'UTF8'));
  insert into governance.erasure_receipts select v_receipt.*;
end
$$;
comment on function governance.write_receipt is 'Writes the receipt of an erasure that is done.';

create or replace function governance.finish_erasure(erasure app_public.erasures) returns app_public.data_job_status
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_erasure app_public.erasures;
begin
  if governance.is_anything_held(erasure) then
    -- The steps begin anew when a hold is released; what is done finds nothing.
    update app_public.erasures e set status = 'held', step = 0 where e.tenant_id = (erasure).tenant_id and e.id = (erasure).id;
    return 'held';
  end if;
  update app_public.erasures e set status = 'completed', finished_at = core.clock()
   where e.tenant_id = (erasure).tenant_id and e.id = (erasure).id
  returning * into v_erasure;
  perform governance.write_receipt(v_erasure);
  if v_erasure.is_of_all_tenants then
    update app_public.user_profiles u set is_active = false, deleted_at = core.clock() where u.id = v_erasure.user_id;
  elsif v_erasure.user_id is null then
    perform governance.leave_tombstone(v_erasure.tenant_id);
  end if;
  return 'completed';
end
$$;
comment on function governance.finish_erasure is
  'Ends an erasure with its receipt, or leaves it held when a legal hold covers a part.';

create or replace function governance.note_step(erasure app_public.erasures, step governance.erasure_step, row_count bigint, is_done boolean)
returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  update app_public.erasures e
     set status = 'running',
         step = case when note_step.is_done then (note_step.step).number else e.step end,
         counts = case
           when (note_step.step).action = 'kept' and note_step.row_count > 0 then
             e.counts || jsonb_build_object((note_step.step).table_name::text,
               coalesce(e.counts -> (note_step.step).table_name::text, '{}')
                 || jsonb_build_object('kept', note_step.row_count, 'reason', (note_step.step).reason))
           else governance.add_count(e.counts, (note_step.step).table_name, (note_step.step).action, note_step.row_count) end
   where e.tenant_id = (erasure).tenant_id and e.id = (erasure).id;
$$;
comment on function governance.note_step is
  'Notes in an erasure what a step did, and that it is done.';

create or replace function governance.continue_erasure(tenant_id uuid, erasure_id uuid, batch int default 500)
returns app_public.data_job_status
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_erasure app_public.erasures;
  v_step governance.erasure_step;
  v_left bigint := greatest(continue_erasure.batch, 1);
  v_count bigint;
begin
  -- Two workers take turns.
  select * into v_erasure from app_public.erasures e
   where e.tenant_id = continue_erasure.tenant_id and e.id = continue_erasure.erasure_id for update;
  if not found or v_erasure.status in ('completed', 'cancelled') then
    return 'completed';
  end if;
  -- A hold that is placed now waits for this batch, and the next one sees it.
  perform pg_advisory_xact_lock_shared(governance.hold_lock_key());
  for v_step in select s.* from governance.erasure_steps(v_erasure) s where s.number > v_erasure.step order by s.number loop
    v_count := governance.take_step(v_erasure, v_step, v_left::int);
    perform governance.note_step(v_erasure, v_step, v_count, v_step.action = 'kept' or v_count < v_left);
    if v_step.action <> 'kept' then
      v_left := v_left - v_count;
    end if;
    if v_left = 0 then
      return 'running';
    end if;
  end loop;
  if governance.purge_indexes(v_erasure.tenant_ids) then
    return 'running';
  end if;
  select * into strict v_erasure from app_public.erasures e where e.tenant_id = v_erasure.tenant_id and e.id = v_erasure.id;
  return governance.finish_erasure(v_erasure);
end
$$;
comment on function governance.continue_erasure is
  'Does the next batch of an erasure in this transaction, and says how far it is: running, held by a legal hold, or completed. After a kill it goes on with the first batch that is not done.';
grant execute on function governance.continue_erasure to rowhouse_worker;

create or replace function governance.enqueue_held_erasures(tenant_id uuid) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select governance.enqueue_erasure(e) from app_public.erasures e
   where e.status = 'held' and enqueue_held_erasures.tenant_id = any (e.tenant_ids);
$$;
comment on function governance.enqueue_held_erasures is
  'Queues the erasures that a hold in this tenant may have stopped.';
grant execute on function governance.enqueue_held_erasures to rowhouse_owner;

set local role rowhouse_owner;

create or replace function app_public.erase_person(user_id uuid default null, is_dry_run boolean default true) returns app_public.erasures
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id constant uuid := coalesce(erase_person.user_id, core.current_user_id());
  v_is_dry_run constant boolean := coalesce(erase_person.is_dry_run, true);
  v_is_of_all constant boolean := governance.asks_for_all_tenants(v_user_id);
begin
  if not v_is_dry_run then
    perform governance.refuse_last_owner(v_user_id, v_is_of_all);
  end if;
  return governance.request_person_erasure(v_user_id, v_is_of_all, v_is_dry_run);
end
$$;
comment on function app_public.erase_person is
  E'@resultFieldName erasure\n@errors ID203 RT201 RT302 RT503 RT504\nErases a person: at once the person is out, and in the background everything that the register of personal data says is deleted, emptied or replaced. It cannot be undone. By default it only counts; isDryRun false does it. For yourself, and for platform staff, it is in all tenants, with the profile; with the permission can_manage_users it is what this tenant has of a member whose role is not above yours. What the law wants kept, such as invoices, stays.';
grant execute on function app_public.erase_person to rowhouse_user;

create or replace function app_public.release_legal_hold(hold_id uuid) returns app_public.legal_holds
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_hold app_public.legal_holds;
begin
  perform tenancy.require_permission('can_manage_tenant');
  update app_public.legal_holds h set released_at = core.clock(), released_by_user_id = core.current_user_id()
   where h.tenant_id = core.current_tenant_id() and h.id = release_legal_hold.hold_id and h.released_at is null
  returning * into v_hold;
  if not found then
    perform core.raise_error('RT305', 'There is no such hold.', 'List the holds that have not been released.');
  end if;
  perform governance.enqueue_held_erasures(v_hold.tenant_id);
  return v_hold;
end
$$;
comment on function app_public.release_legal_hold is
  E'@resultFieldName legalHold\n@errors ID203 RT305\nEnds a legal hold. Erasures that it stopped go on. You need the permission can_manage_tenant.';
grant execute on function app_public.release_legal_hold to rowhouse_user;

create or replace trigger _200_append_only before update or delete on governance.erasure_receipts
  for each row execute function governance.tg_erasure_receipts__append_only();
create or replace trigger _200_forbid_truncate before truncate on governance.erasure_receipts
  for each statement execute function governance.tg_erasure_receipts__append_only();
alter table governance.erasure_receipts enable always trigger _200_append_only;
alter table governance.erasure_receipts enable always trigger _200_forbid_truncate;
