-- An assignment is made and removed, not changed.
grant select, delete on app_public.tags to rowhouse_user;
grant insert (
  name, slug, color, description
) on app_public.tags to rowhouse_user;
grant update (
  name, slug, color, description
) on app_public.tags to rowhouse_user;
grant select, delete on app_public.tag_assignments to rowhouse_user;
grant insert (
  item_type, item_id, tag_id
) on app_public.tag_assignments to rowhouse_user;
grant select, delete on app_public.avatars to rowhouse_user;
grant insert (
  name, image_url, category, license, sort_order
) on app_public.avatars to rowhouse_user;
grant update (
  name, image_url, category, license, sort_order
) on app_public.avatars to rowhouse_user;
grant select, delete on app_public.icons to rowhouse_user;
grant insert (
  name, image_url, category, license, sort_order
) on app_public.icons to rowhouse_user;
grant update (
  name, image_url, category, license, sort_order
) on app_public.icons to rowhouse_user;

grant select, insert, update, delete on
  app_public.tags, app_public.tag_assignments, app_public.avatars, app_public.icons
to rowhouse_platform;
grant select on app_public.tool_tags, app_public.tool_tag_assignments to rowhouse_user;
