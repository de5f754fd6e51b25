call core.secure_tenant_table('app_public.avatars');
call core.allow('app_public.avatars',
  read => 'member', insert => 'can_create_resources', update => 'can_edit_resources', delete => 'can_delete_resources');
grant select, delete on app_public.avatars to rowhouse_user;
grant insert (
  name, image_url, category, license, sort_order
) on app_public.avatars to rowhouse_user;
grant update (
  name, image_url, category, license, sort_order
) on app_public.avatars to rowhouse_user;
grant select, insert, update, delete on app_public.avatars to rowhouse_platform;
comment on table app_public.avatars is 'Pictures for agents and personas to choose from. can_create_resources, can_edit_resources and can_delete_resources.';
comment on column app_public.avatars.name is 'Name, unique in the tenant.';
comment on column app_public.avatars.image_url is 'Where the picture is: an http address, a path on the front end''s own site, or a data address.';
comment on column app_public.avatars.category is 'Category to filter by.';
comment on column app_public.avatars.license is 'Under which terms it may be used.';
comment on column app_public.avatars.sort_order is 'Position in lists, ascending.';
comment on column app_public.avatars.created_at is 'When it was created.';
comment on column app_public.avatars.updated_at is 'When it last changed.';

call core.secure_tenant_table('app_public.icons');
call core.allow('app_public.icons',
  read => 'member', insert => 'can_create_resources', update => 'can_edit_resources', delete => 'can_delete_resources');
grant select, delete on app_public.icons to rowhouse_user;
grant insert (
  name, image_url, category, license, sort_order
) on app_public.icons to rowhouse_user;
grant update (
  name, image_url, category, license, sort_order
) on app_public.icons to rowhouse_user;
grant select, insert, update, delete on app_public.icons to rowhouse_platform;
comment on table app_public.icons is 'Icons to choose from. can_create_resources, can_edit_resources and can_delete_resources.';
comment on column app_public.icons.name is 'Name, unique in the tenant.';
comment on column app_public.icons.image_url is 'Where the picture is: an http address, a path on the front end''s own site, or a data address.';
comment on column app_public.icons.category is 'Category to filter by.';
comment on column app_public.icons.license is 'Under which terms it may be used.';
comment on column app_public.icons.sort_order is 'Position in lists, ascending.';
comment on column app_public.icons.created_at is 'When it was created.';
comment on column app_public.icons.updated_at is 'When it last changed.';
