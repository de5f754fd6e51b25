-- Lists of what a user sees: the tenant's own rows and those that are shared with it, as one. The idea: the condition "own or
-- shared" is one or the other of two indexes, and no index has its order. So catalog.visible_agents() and its like read the
-- two halves apart, each by its own index, and PostgreSQL merges them in whatever order is asked for (docs/adr/0016).
--
--   * A half is a view without a condition, because PostgreSQL only merges such. What it shows is what its owner may see:
--     the policies of rowhouse_own_rows let the tenant's own rows through, those of rowhouse_shared_rows the shared ones.
--   * Its column reach is the tenant for both halves. The function asks for it once, for both; in the half of own rows that
--     is a condition on tenant_id, with which every index of the table begins.
--   * The half of shared rows ends in offset 0, so PostgreSQL plans it by itself and takes it for as few rows as it has. To
--     sort a table inside of a merge PostgreSQL 15 counts all rows of the table, and would rather sort everything.
--   * The function has no settings of its own, so that PostgreSQL puts its query in the place of the call. Its body is parsed
--     when it is created, so no search_path can change what it means.

grant usage on schema app_public, core, catalog to rowhouse_own_rows, rowhouse_shared_rows;
grant execute on function catalog.resource_table to rowhouse_own_rows, rowhouse_shared_rows;

set local role rowhouse_own_rows;  -- its views show what its policies let through, which is the tenant's own rows
do $do$
declare
  v_kind app_public.resource_kind;
begin
  foreach v_kind in array enum_range(null::app_public.resource_kind) loop
    execute format(
      'create or replace view catalog.own_%1$ss as select r.tenant_id as reach, r.* from %2$s r;
       grant select on catalog.own_%1$ss to rowhouse_user, rowhouse_owner',
      v_kind, catalog.resource_table(v_kind));
    execute format('comment on view catalog.own_%ss is %L', v_kind,
      format('The half of catalog.visible_%ss that belongs to the tenant of the request.', v_kind));
  end loop;
end
$do$;

set local role rowhouse_shared_rows;  -- its views show what its policies let through, which is what is shared with the request
do $do$
declare
  v_kind app_public.resource_kind;
begin
  foreach v_kind in array enum_range(null::app_public.resource_kind) loop
    execute format(
      'create or replace view catalog.foreign_%1$ss as select (select core.current_tenant_id()) as reach, r.* from %2$s r offset 0;
       grant select on catalog.foreign_%1$ss to rowhouse_user, rowhouse_owner',
      v_kind, catalog.resource_table(v_kind));
    execute format('comment on view catalog.foreign_%ss is %L', v_kind,
      format('The half of catalog.visible_%ss that other tenants share with the request.', v_kind));
  end loop;
end
$do$;

set local role rowhouse_owner;
do $do$
declare
  v_kind app_public.resource_kind;
  v_table regclass;
  v_columns text;
begin
  foreach v_kind in array enum_range(null::app_public.resource_kind) loop
    v_table := catalog.resource_table(v_kind);
    select string_agg('r.' || quote_ident(a.attname), ', ' order by a.attnum) into v_columns
      from pg_attribute a where a.attrelid = v_table and a.attnum > 0 and not a.attisdropped;
    execute format($sql$
      create or replace function catalog.visible_%1$ss() returns setof %2$s
      language sql stable parallel safe
      begin atomic
        select %3$s
          from (select * from catalog.own_%1$ss union all select * from catalog.foreign_%1$ss) as r
         where r.reach = (select core.current_tenant_id());
      end;
      grant execute on function catalog.visible_%1$ss to rowhouse_user;
      $sql$, v_kind, v_table, v_columns);
    execute format('comment on function catalog.visible_%ss is %L', v_kind, format(
      'The rows of %s that the request sees: the tenant''s own, and those that are shared with it. Whoever lists, counts or sorts them reads this, and whoever looks one up by its id reads the table.',
      v_table));
  end loop;
end
$do$;
