-- Agents, where they belong, and what is attached to them.
call core.secure_tenant_table('app_public.departments');
call core.allow('app_public.departments', read => 'member', write => 'can_manage_settings');
grant select, delete on app_public.departments to rowhouse_user;
grant insert (
  name, description
) on app_public.departments to rowhouse_user;
grant update (
  name, description
) on app_public.departments to rowhouse_user;
grant select, insert, update, delete on app_public.departments to rowhouse_platform;
comment on table app_public.departments is 'Departments of the organization. can_manage_settings.';
comment on column app_public.departments.name is 'Name, unique in the tenant.';
comment on column app_public.departments.description is 'What it does.';
comment on column app_public.departments.created_at is 'When it was created.';
comment on column app_public.departments.updated_at is 'When it last changed.';

call core.secure_tenant_table('app_public.business_functions');
call core.allow('app_public.business_functions', read => 'member', write => 'can_manage_settings');
grant select, delete on app_public.business_functions to rowhouse_user;
grant insert (
  name, description
) on app_public.business_functions to rowhouse_user;
grant update (
  name, description
) on app_public.business_functions to rowhouse_user;
grant select, insert, update, delete on app_public.business_functions to rowhouse_platform;
comment on table app_public.business_functions is 'Business functions of the organization, such as regulatory affairs. can_manage_settings.';
comment on column app_public.business_functions.name is 'Name, unique in the tenant.';
comment on column app_public.business_functions.description is 'What it covers.';
comment on column app_public.business_functions.created_at is 'When it was created.';
comment on column app_public.business_functions.updated_at is 'When it last changed.';

call core.secure_tenant_table('app_public.organizational_roles');
call core.allow('app_public.organizational_roles', read => 'member', write => 'can_manage_settings');
grant select, delete on app_public.organizational_roles to rowhouse_user;
grant insert (
  name, description
) on app_public.organizational_roles to rowhouse_user;
grant update (
  name, description
) on app_public.organizational_roles to rowhouse_user;
grant select, insert, update, delete on app_public.organizational_roles to rowhouse_platform;
comment on table app_public.organizational_roles is 'Roles people have in the organization, such as medical writer; permissions are another matter. can_manage_settings.';
comment on column app_public.organizational_roles.name is 'Name, unique in the tenant.';
comment on column app_public.organizational_roles.description is 'What the role does.';
comment on column app_public.organizational_roles.created_at is 'When it was created.';
comment on column app_public.organizational_roles.updated_at is 'When it last changed.';

call core.secure_tenant_table('app_public.personas');
call core.allow('app_public.personas',
  read => 'member', insert => 'can_create_resources', update => 'can_edit_resources', delete => 'can_delete_resources');
grant select, delete on app_public.personas to rowhouse_user;
grant insert (
  name, description, avatar_url, goals
) on app_public.personas to rowhouse_user;
grant update (
  name, description, avatar_url, goals
) on app_public.personas to rowhouse_user;
grant select, insert, update, delete on app_public.personas to rowhouse_platform;
comment on table app_public.personas is 'Kinds of people agents are made for. can_create_resources, can_edit_resources and can_delete_resources.';
comment on column app_public.personas.name is 'Name, unique in the tenant.';
comment on column app_public.personas.description is 'Who that is.';
comment on column app_public.personas.avatar_url is 'Address of a picture.';
comment on column app_public.personas.goals is 'What they want to get done.';
comment on column app_public.personas.created_at is 'When it was created.';
comment on column app_public.personas.updated_at is 'When it last changed.';
