-- The organization around agents: departments, business functions, organizational roles and personas. The idea: they are
-- plain lists that a tenant edits and that agents refer to; they give no permissions.

call core.secure_tenant_table('app_public.departments');
call audit.track('app_public.departments');
call core.allow('app_public.departments', read => 'member', write => 'can_manage_settings');
grant select, delete on app_public.departments to rowhouse_user;
grant insert (name, description) on app_public.departments to rowhouse_user;
grant update (name, description) on app_public.departments to rowhouse_user;
grant select, insert, update, delete on app_public.departments to rowhouse_platform;
comment on table app_public.departments is 'The departments of the organization. Needs can_manage_settings to write.';
comment on column app_public.departments.name is E'@notPersonal\nName, unique in the tenant.';
comment on column app_public.departments.description is 'What it does.';
comment on column app_public.departments.created_at is 'When it was created.';
comment on column app_public.departments.updated_at is 'When it last changed.';
comment on constraint name_is_a_name on app_public.departments is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint departments_tenant_id_name_key on app_public.departments is 'is taken by another one of this tenant';

call core.secure_tenant_table('app_public.business_functions');
call audit.track('app_public.business_functions');
call core.allow('app_public.business_functions', read => 'member', write => 'can_manage_settings');
grant select, delete on app_public.business_functions to rowhouse_user;
grant insert (name, description) on app_public.business_functions to rowhouse_user;
grant update (name, description) on app_public.business_functions to rowhouse_user;
grant select, insert, update, delete on app_public.business_functions to rowhouse_platform;
comment on table app_public.business_functions is 'The business functions of the organization, such as regulatory affairs. Needs can_manage_settings to write.';
comment on column app_public.business_functions.name is E'@notPersonal\nName, unique in the tenant.';
comment on column app_public.business_functions.description is 'What it covers.';
comment on column app_public.business_functions.created_at is 'When it was created.';
comment on column app_public.business_functions.updated_at is 'When it last changed.';
comment on constraint name_is_a_name on app_public.business_functions is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint business_functions_tenant_id_name_key on app_public.business_functions is
  'is taken by another one of this tenant';

call core.secure_tenant_table('app_public.organizational_roles');
call audit.track('app_public.organizational_roles');
call core.allow('app_public.organizational_roles', read => 'member', write => 'can_manage_settings');
grant select, delete on app_public.organizational_roles to rowhouse_user;
grant insert (name, description) on app_public.organizational_roles to rowhouse_user;
grant update (name, description) on app_public.organizational_roles to rowhouse_user;
grant select, insert, update, delete on app_public.organizational_roles to rowhouse_platform;
comment on table app_public.organizational_roles is 'The roles of people in the organization, such as medical writer. They give no permissions. Needs can_manage_settings to write.';
comment on column app_public.organizational_roles.name is E'@notPersonal\nName, unique in the tenant.';
comment on column app_public.organizational_roles.description is 'What the role does.';
comment on column app_public.organizational_roles.created_at is 'When it was created.';
comment on column app_public.organizational_roles.updated_at is 'When it last changed.';
comment on constraint name_is_a_name on app_public.organizational_roles is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint organizational_roles_tenant_id_name_key on app_public.organizational_roles is
  'is taken by another one of this tenant';

call core.secure_tenant_table('app_public.personas');
call audit.track('app_public.personas');
call core.allow('app_public.personas',
  read => 'member', insert => 'can_create_resources', update => 'can_edit_resources', delete => 'can_delete_resources');
grant select, delete on app_public.personas to rowhouse_user;
grant insert (name, description, avatar_url, goals) on app_public.personas to rowhouse_user;
grant update (name, description, avatar_url, goals) on app_public.personas to rowhouse_user;
grant select, insert, update, delete on app_public.personas to rowhouse_platform;
comment on table app_public.personas is 'The kinds of people that agents are made for. Needs can_create_resources, can_edit_resources or can_delete_resources to write.';
comment on column app_public.personas.name is E'@notPersonal\nName, unique in the tenant.';
comment on column app_public.personas.description is 'What these people are like.';
comment on column app_public.personas.avatar_url is 'Address of a picture.';
comment on column app_public.personas.goals is 'What they want to achieve.';
comment on column app_public.personas.created_at is 'When it was created.';
comment on column app_public.personas.updated_at is 'When it last changed.';
comment on constraint avatar_url_is_an_image on app_public.personas is
  'must be an http address, a path that begins with /, or a data address of a picture, with at most 100,000 characters';
comment on constraint name_is_a_name on app_public.personas is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint personas_tenant_id_name_key on app_public.personas is 'is taken by another one of this tenant';
