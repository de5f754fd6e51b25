-- First steps. What is done is read from what exists, so that a step done elsewhere is done here, too.

create or replace function app_public.onboarding_checklist() returns setof app_public.onboarding_step
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.current_user_id();
  v_tenant_id uuid := app_hidden.current_tenant_id();
begin
  return query
    select 'name_profile', 'Say who you are', u.full_name is not null from app_public.user_profiles u where u.id = v_user_id;
  if v_tenant_id is null then
    return query select 'join_tenant', 'Accept an invitation', false where v_user_id is not null;
    return;
  end if;
  if app_hidden.has_permission('can_create_agents') then
    return query select 'create_agent', 'Create an agent', exists (select from app_public.agents a where a.tenant_id = v_tenant_id);
  end if;
  if app_hidden.has_permission('can_manage_knowledge') then
    return query select 'load_document', 'Load a document',
      exists (select from app_public.documents d where d.tenant_id = v_tenant_id and d.processing_status = 'completed');
  end if;
  return query select 'search', 'Search the knowledge',
    exists (select from app_public.query_logs q where q.tenant_id = v_tenant_id and q.user_id = v_user_id)
    or exists (select from app_private.query_log_buffer q where q.tenant_id = v_tenant_id and q.user_id = v_user_id);
  if app_hidden.has_permission('can_manage_users') then
    return query select 'invite_colleague', 'Invite a colleague',
      exists (select from app_public.invitations i where i.tenant_id = v_tenant_id)
      or exists (select from app_public.user_tenants m where m.tenant_id = v_tenant_id and m.user_id <> v_user_id);
  end if;
end
$$;
comment on function app_public.onboarding_checklist() is
  'Your first steps in this tenant, in order, and which are done: name_profile, create_agent, load_document, search, invite_colleague; those you may not do are left out. Without a tenant: name_profile and join_tenant.';

create or replace function app_private.set_onboarding(is_completed boolean) returns app_public.user_profiles
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.user_profiles;
begin
  update app_public.user_profiles u set onboarding_completed = set_onboarding.is_completed
   where u.id = app_hidden.current_user_id()
  returning * into v_profile;
  return v_profile;
end
$$;
comment on function app_private.set_onboarding(boolean) is 'Notes whether you are through with the first steps.';

create or replace function app_public.complete_onboarding() returns app_public.user_profiles
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select app_private.set_onboarding(true); $$;
comment on function app_public.complete_onboarding() is
  E'@resultFieldName userProfile\nSays that you are through with the first steps, whether or not all are done; restart_onboarding takes it back.';

create or replace function app_public.restart_onboarding() returns app_public.user_profiles
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select app_private.set_onboarding(false); $$;
comment on function app_public.restart_onboarding() is E'@resultFieldName userProfile\nShows you the first steps again.';

grant execute on function app_public.onboarding_checklist(), app_public.complete_onboarding(), app_public.restart_onboarding()
  to rowhouse_user;
