-- Tags: a tenant marks resources of all kinds with its own tags. The idea: one table of assignments refers to all five
-- kinds, so a trigger checks the reference that no foreign key can check. Whoever may edit a resource may tag it.

call core.secure_tenant_table('app_public.tags');
call audit.track('app_public.tags');
call core.allow('app_public.tags',
  read => 'member', insert => 'can_create_resources', update => 'can_edit_resources', delete => 'can_delete_resources');
grant select, delete on app_public.tags to rowhouse_user;
grant insert (name, slug, color, description) on app_public.tags to rowhouse_user;
grant update (name, slug, color, description) on app_public.tags to rowhouse_user;
grant select, insert, update, delete on app_public.tags to rowhouse_platform;
comment on table app_public.tags is 'The tags of this tenant, for resources of all kinds. Needs can_create_resources, can_edit_resources or can_delete_resources to write.';
comment on column app_public.tags.name is E'@notPersonal\nName to show.';
comment on column app_public.tags.slug is 'Name in addresses, unique in the tenant.';
comment on column app_public.tags.color is 'Colour as #rrggbb, or the name of a theme''s colour.';
comment on column app_public.tags.description is 'What it marks.';
comment on column app_public.tags.created_at is 'When it was created.';
comment on column app_public.tags.updated_at is 'When it last changed.';
comment on constraint color_is_a_color on app_public.tags is
  'must be a colour as #rrggbb in lower case, or the name of a colour of the theme';
comment on constraint name_is_a_name on app_public.tags is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint slug_is_a_slug on app_public.tags is 'must be 1 to 63 lower-case letters, digits and inner hyphens';
comment on constraint tags_tenant_id_slug_key on app_public.tags is 'is taken by another one of this tenant';

call core.secure_tenant_table('app_public.tag_assignments');
call audit.track('app_public.tag_assignments');
call core.allow('app_public.tag_assignments', read => 'member');
create policy insert_permitted on app_public.tag_assignments for insert to rowhouse_user
  with check ((select tenancy.has_permission('can_edit_agents')) and item_type = 'agent'
    or (select tenancy.has_permission('can_manage_knowledge')) and item_type = 'knowledge_source'
    or (select tenancy.has_permission('can_edit_resources')) and item_type in ('tool', 'prompt', 'workflow'));
create policy delete_permitted on app_public.tag_assignments for delete to rowhouse_user
  using ((select tenancy.has_permission('can_edit_agents')) and item_type = 'agent'
    or (select tenancy.has_permission('can_manage_knowledge')) and item_type = 'knowledge_source'
    or (select tenancy.has_permission('can_edit_resources')) and item_type in ('tool', 'prompt', 'workflow'));
-- An assignment is added and removed, but not changed.
grant select, delete on app_public.tag_assignments to rowhouse_user;
grant insert (item_type, item_id, tag_id) on app_public.tag_assignments to rowhouse_user;
grant select, insert, update, delete on app_public.tag_assignments to rowhouse_platform;
comment on table app_public.tag_assignments is
  E'@behavior -query:resource:connection -query:resource:single\nWhich resources carry which tags. Whoever may edit a resource may tag it.';
comment on column app_public.tag_assignments.item_type is 'The kind of the resource.';
comment on column app_public.tag_assignments.item_id is 'The resource.';
comment on column app_public.tag_assignments.tag_id is 'The tag.';
comment on column app_public.tag_assignments.created_at is 'When it was tagged.';
comment on constraint tag_assignments_tenant_id_tag_id_fkey on app_public.tag_assignments is E'@fieldName tag\n@foreignFieldName assignments';
comment on constraint tag_assignments_pkey on app_public.tag_assignments is 'is on this item already';

create or replace function catalog.tg_tag_assignments__check_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.tenant_id = core.current_tenant_id() and not catalog.is_visible_resource(new.item_type::text, new.item_id) then
    perform catalog.raise_no_such_resource(new.item_type);
  end if;
  return new;
end
$$;
comment on function catalog.tg_tag_assignments__check_item is
  E'@errors RS301\nLets a tenant tag only resources that it sees.';

-- The computed column assigned_tags of each kind. The functions are parsed at creation and have no settings, so PostgreSQL
-- inlines them: a list of fifty resources with their tags is one query.
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
      grant execute on function app_public.%2$I to rowhouse_user;
      $sql$, v_kind, v_table || '_assigned_tags', v_table);
    execute format('comment on function app_public.%I is %L', v_table || '_assigned_tags',
      'The tags that this tenant gave it, ordered by name (tag_assignments).');
  end loop;
end
$do$;

-- Tags of tools by themselves: two views of the tags and assignments above.
create or replace view app_public.tool_tag_assignments with (security_invoker = true) as
  select a.tenant_id, a.item_id as tool_id, a.tag_id, a.created_at
    from app_public.tag_assignments a
   where a.item_type = 'tool';
comment on view app_public.tool_tag_assignments is
  E'@primaryKey tool_id,tag_id\n@foreignKey (tool_id) references app_public.tools (id)\n@foreignKey (tag_id) references app_public.tags (id)\n@behavior -query:resource:connection\nWhich tools carry which tags. It shows the tools'' part of tag_assignments; add and remove assignments there.';
grant select on app_public.tool_tag_assignments to rowhouse_user;

create or replace view app_public.tool_tags with (security_invoker = true) as
  select t.tenant_id, t.id, t.name, t.slug, t.color, t.description, count(a.tool_id) as tool_count
    from app_public.tags t
    join app_public.tool_tag_assignments a on a.tenant_id = t.tenant_id and a.tag_id = t.id
   group by t.id;
comment on view app_public.tool_tags is
  E'@primaryKey id\nThe tags that tools carry, each with the number of tools that carry it.';
grant select on app_public.tool_tags to rowhouse_user;

create or replace trigger _300_check_item before insert on app_public.tag_assignments
  for each row execute function catalog.tg_tag_assignments__check_item();
