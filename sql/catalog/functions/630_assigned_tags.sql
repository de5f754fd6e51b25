-- From a thing to the tags this tenant gave it: tag_assignments refers to five tables, so no foreign key leads there.
-- Parsed at creation and without settings of their own, these are inlined: a list of fifty with their tags is one query.

do $do$
declare
  v_kind text;
  v_table text;
begin
  for v_kind, v_table in
    select k::text, c.relname
      from unnest(enum_range(null::app_public.resource_kind)) as k join pg_catalog.pg_class c on c.oid = app_private.resource_table(k)
  loop
    execute format($sql$
      create or replace function app_public.%2$I(resource app_public.%3$I) returns setof app_public.tags
      language sql stable rows 3
      begin atomic
        select t.* from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
         where a.tenant_id = (select app_hidden.current_tenant_id()) and a.item_type = %1$L::app_public.resource_kind and a.item_id = (resource).id
         order by t.name;
      end;
      grant execute on function app_public.%2$I(app_public.%3$I) to rowhouse_user;
      $sql$, v_kind, v_table || '_assigned_tags', v_table);
    execute format('comment on function app_public.%I(app_public.%I) is %L', v_table || '_assigned_tags', v_table,
      'The tags this tenant gave it, by name (tag_assignments).');
  end loop;
end
$do$;
