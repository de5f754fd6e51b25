grant select on app_public.workspaces, app_public.workspace_members, app_public.projects, app_public.project_members,
  app_public.institutions, app_public.institution_members to rowhouse_user;

-- memberships of a workspace are written by functions only: who may change whom depends on other rows
grant update (name, description, icon, visibility, settings) on app_public.workspaces to rowhouse_user;

grant update (name, key, description, status, is_private, starts_on, ends_on, owner_id) on app_public.projects to rowhouse_user;
grant insert (project_id, user_id, role), update (role), delete on app_public.project_members to rowhouse_user;

grant insert (name, type, country_code, website), update (name, type, country_code, website)
  on app_public.institutions to rowhouse_user;
grant insert (institution_id, user_id, title, department, is_primary, starts_on, ends_on),
  update (title, department, is_primary, starts_on, ends_on), delete
  on app_public.institution_members to rowhouse_user;
