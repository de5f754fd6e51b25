-- The seeds' two systems of tags, one for tools and one for everything, are one: these are its tools' side.

create or replace view app_public.tool_tag_assignments with (security_invoker = true) as
  select a.tenant_id, a.item_id as tool_id, a.tag_id, a.created_at
    from app_public.tag_assignments a
   where a.item_type = 'tool';
comment on view app_public.tool_tag_assignments is
  E'@primaryKey tool_id,tag_id\n@foreignKey (tool_id) references app_public.tools (id)\n@foreignKey (tag_id) references app_public.tags (id)\nWhich tools carry which tags: the tools'' part of tag_assignments, where they are made and removed.';

create or replace view app_public.tool_tags with (security_invoker = true) as
  select t.tenant_id, t.id, t.name, t.slug, t.color, t.description, count(a.tool_id) as tool_count
    from app_public.tags t
    join app_public.tool_tag_assignments a on a.tenant_id = t.tenant_id and a.tag_id = t.id
   group by t.id;
comment on view app_public.tool_tags is E'@primaryKey id\nThe tags that tools carry, and how many do.';
