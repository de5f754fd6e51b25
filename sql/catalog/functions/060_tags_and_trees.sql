-- Tags refer to items of five tables, categories to their parents: what no foreign key can say.

create or replace function app_private.tg_tag_assignments__check_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.tenant_id = app_hidden.current_tenant_id() and not app_hidden.is_visible_resource(new.item_type::text, new.item_id) then
    perform app_private.raise_error('RS303', format('There is no such %s.', replace(new.item_type::text, '_', ' ')),
      'Tag what you see in lists.');
  end if;
  return new;
end
$$;
comment on function app_private.tg_tag_assignments__check_item() is
  'Only what one sees can be tagged. RS303: there is no such item, or it is not for you to see: one error for both.';

-- One move at a time in a tenant, for two that are each right by themselves can close a circle together. Taken by the
-- statement, before it locks a row: two statements that hold a row each would wait for each other.
create or replace function app_private.tg_tool_categories__take_turns() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('tool_categories ' || coalesce(app_hidden.current_tenant_id()::text, ''), 0));
  return null;
end
$$;
comment on function app_private.tg_tool_categories__take_turns() is 'Lets one transaction at a time change a tenant''s tree of categories.';

create or replace function app_public.tool_categories_path(category app_public.tool_categories) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  with recursive up (id, slug, parent_id, depth) as (
    select (category).id, (category).slug, (category).parent_id, 1
    union all
    select c.id, c.slug, c.parent_id, up.depth + 1
      from up join app_public.tool_categories c on c.tenant_id = (category).tenant_id and c.id = up.parent_id
  )
  select string_agg(slug, '/' order by depth desc) from up;
$$;
comment on function app_public.tool_categories_path(app_public.tool_categories) is
  'The slugs from the root down to the category, such as search/literature.';

create or replace function app_public.tool_categories_level(category app_public.tool_categories) returns int
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select cardinality(string_to_array(app_public.tool_categories_path(category), '/')) - 1;
$$;
comment on function app_public.tool_categories_level(app_public.tool_categories) is 'How deep the category is: 0 at the top.';
grant execute on function app_public.tool_categories_path(app_public.tool_categories), app_public.tool_categories_level(app_public.tool_categories)
  to rowhouse_user;
