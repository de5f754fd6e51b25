-- Tags refer to items of five tables, categories to their parents: what no foreign key can say.

-- Tags, and libraries of pictures. Who may edit an item may tag it.
call core.secure_tenant_table('app_public.tags');
call core.allow('app_public.tags',
  read => 'member', insert => 'can_create_resources', update => 'can_edit_resources', delete => 'can_delete_resources');
-- An assignment is made and removed, not changed.
grant select, delete on app_public.tags to rowhouse_user;
grant insert (
  name, slug, color, description
) on app_public.tags to rowhouse_user;
grant update (
  name, slug, color, description
) on app_public.tags to rowhouse_user;
grant select, insert, update, delete on app_public.tags to rowhouse_platform;
comment on table app_public.tags is 'Tags for anything in the catalogue. can_create_resources, can_edit_resources and can_delete_resources.';
comment on column app_public.tags.name is 'Name to show.';
comment on column app_public.tags.slug is 'Name in addresses, unique in the tenant.';
comment on column app_public.tags.color is 'Colour as #rrggbb, or the name of a theme''s colour.';
comment on column app_public.tags.description is 'What it marks.';
comment on column app_public.tags.created_at is 'When it was created.';
comment on column app_public.tags.updated_at is 'When it last changed.';

call core.secure_tenant_table('app_public.tag_assignments');
call core.allow('app_public.tag_assignments', read => 'member');
create policy insert_permitted on app_public.tag_assignments for insert to rowhouse_user
  with check ((select tenancy.has_permission('can_edit_agents')) and item_type = 'agent'
    or (select tenancy.has_permission('can_manage_knowledge')) and item_type = 'knowledge_source'
    or (select tenancy.has_permission('can_edit_resources')) and item_type in ('tool', 'prompt', 'workflow'));
create policy delete_permitted on app_public.tag_assignments for delete to rowhouse_user
  using ((select tenancy.has_permission('can_edit_agents')) and item_type = 'agent'
    or (select tenancy.has_permission('can_manage_knowledge')) and item_type = 'knowledge_source'
    or (select tenancy.has_permission('can_edit_resources')) and item_type in ('tool', 'prompt', 'workflow'));
grant select, delete on app_public.tag_assignments to rowhouse_user;
grant insert (
  item_type, item_id, tag_id
) on app_public.tag_assignments to rowhouse_user;
grant select, insert, update, delete on app_public.tag_assignments to rowhouse_platform;
comment on table app_public.tag_assignments is 'Which items carry a tag. Who may edit the item may tag it.';
comment on column app_public.tag_assignments.item_type is 'Kind of the item.';
comment on column app_public.tag_assignments.item_id is 'The item.';
comment on column app_public.tag_assignments.tag_id is 'The tag.';
comment on column app_public.tag_assignments.created_at is 'When it was tagged.';
comment on constraint tag_assignments_tenant_id_tag_id_fkey on app_public.tag_assignments is E'@fieldName tag\n@foreignFieldName assignments';

create or replace function catalog.tg_tag_assignments__check_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.tenant_id = core.current_tenant_id() and not catalog.is_visible_resource(new.item_type::text, new.item_id) then
    perform core.raise_error('RS303', format('There is no such %s.', replace(new.item_type::text, '_', ' ')),
      'Tag what you see in lists.');
  end if;
  return new;
end
$$;
comment on function catalog.tg_tag_assignments__check_item is
  E'@errors RS303\nOnly what one sees can be tagged.';

-- From a thing to the tags this tenant gave it: tag_assignments refers to five tables, so no foreign key leads there.
-- Parsed at creation and without settings of their own, these are inlined: a list of fifty with their tags is one query.

do $do$
declare
  v_kind text;
  v_table text;
begin
  for v_kind, v_table in
    select k::text, c.relname
      from unnest(enum_range(null::app_public.resource_kind)) as k join pg_catalog.pg_class c on c.oid = catalog.resource_table(k)
  loop
    execute format($sql$
      create or replace function app_public.%2$I(resource app_public.%3$I) returns setof app_public.tags
      language sql stable rows 3
      begin atomic
        select t.* from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
         where a.tenant_id = (select core.current_tenant_id()) and a.item_type = %1$L::app_public.resource_kind and a.item_id = (resource).id
         order by t.name;
      end;
      grant execute on function app_public.%2$I(app_public.%3$I) to rowhouse_user;
      $sql$, v_kind, v_table || '_assigned_tags', v_table);
    execute format('comment on function app_public.%I(app_public.%I) is %L', v_table || '_assigned_tags', v_table,
      'The tags this tenant gave it, by name (tag_assignments).');
  end loop;
end
$do$;

-- The seeds' two systems of tags, one for tools and one for everything, are one: these are its tools' side.

create or replace view app_public.tool_tag_assignments with (security_invoker = true) as
  select a.tenant_id, a.item_id as tool_id, a.tag_id, a.created_at
    from app_public.tag_assignments a
   where a.item_type = 'tool';
comment on view app_public.tool_tag_assignments is
  E'@primaryKey tool_id,tag_id\n@foreignKey (tool_id) references app_public.tools (id)\n@foreignKey (tag_id) references app_public.tags (id)\nWhich tools carry which tags: the tools'' part of tag_assignments, where they are made and removed.';
grant select on app_public.tool_tag_assignments to rowhouse_user;

create or replace view app_public.tool_tags with (security_invoker = true) as
  select t.tenant_id, t.id, t.name, t.slug, t.color, t.description, count(a.tool_id) as tool_count
    from app_public.tags t
    join app_public.tool_tag_assignments a on a.tenant_id = t.tenant_id and a.tag_id = t.id
   group by t.id;
comment on view app_public.tool_tags is E'@primaryKey id\nThe tags that tools carry, and how many do.';
grant select on app_public.tool_tags to rowhouse_user;

create or replace trigger _300_check_item before insert on app_public.tag_assignments
  for each row execute function catalog.tg_tag_assignments__check_item();
