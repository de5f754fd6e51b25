-- Libraries of pictures: avatars and icons. The idea: a tenant collects pictures once, and its members choose among them.

call core.secure_tenant_table('app_public.avatars');
call audit.track('app_public.avatars');
call core.allow('app_public.avatars',
  read => 'member', insert => 'can_create_resources', update => 'can_edit_resources', delete => 'can_delete_resources');
grant select, delete on app_public.avatars to rowhouse_user;
grant insert (name, image_url, category, license, sort_order) on app_public.avatars to rowhouse_user;
grant update (name, image_url, category, license, sort_order) on app_public.avatars to rowhouse_user;
grant select, insert, update, delete on app_public.avatars to rowhouse_platform;
comment on table app_public.avatars is 'Pictures to choose from for agents and personas. Needs can_create_resources, can_edit_resources or can_delete_resources to write.';
comment on column app_public.avatars.name is E'@notPersonal\nName, unique in the tenant.';
comment on column app_public.avatars.image_url is 'Where the picture is: an http address, a path on the front end''s own site, or a data address.';
comment on column app_public.avatars.category is 'Category to filter by.';
comment on column app_public.avatars.license is 'Under which terms it may be used.';
comment on column app_public.avatars.sort_order is 'Position in lists, ascending.';
comment on column app_public.avatars.created_at is 'When it was created.';
comment on column app_public.avatars.updated_at is 'When it last changed.';
comment on constraint image_url_is_an_image on app_public.avatars is
  'must be an http address, a path that begins with /, or a data address of a picture, with at most 100,000 characters';
comment on constraint name_is_a_name on app_public.avatars is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint avatars_tenant_id_name_key on app_public.avatars is 'is taken by another one of this tenant';

call core.secure_tenant_table('app_public.icons');
call audit.track('app_public.icons');
call core.allow('app_public.icons',
  read => 'member', insert => 'can_create_resources', update => 'can_edit_resources', delete => 'can_delete_resources');
grant select, delete on app_public.icons to rowhouse_user;
grant insert (name, image_url, category, license, sort_order) on app_public.icons to rowhouse_user;
grant update (name, image_url, category, license, sort_order) on app_public.icons to rowhouse_user;
grant select, insert, update, delete on app_public.icons to rowhouse_platform;
comment on table app_public.icons is 'Icons to choose from. Needs can_create_resources, can_edit_resources or can_delete_resources to write.';
comment on column app_public.icons.name is E'@notPersonal\nName, unique in the tenant.';
comment on column app_public.icons.image_url is 'Where the picture is: an http address, a path on the front end''s own site, or a data address.';
comment on column app_public.icons.category is 'Category to filter by.';
comment on column app_public.icons.license is 'Under which terms it may be used.';
comment on column app_public.icons.sort_order is 'Position in lists, ascending.';
comment on column app_public.icons.created_at is 'When it was created.';
comment on column app_public.icons.updated_at is 'When it last changed.';
comment on constraint image_url_is_an_image on app_public.icons is
  'must be an http address, a path that begins with /, or a data address of a picture, with at most 100,000 characters';
comment on constraint name_is_a_name on app_public.icons is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint icons_tenant_id_name_key on app_public.icons is 'is taken by another one of this tenant';
