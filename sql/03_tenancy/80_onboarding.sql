-- First steps. What is done is read from what exists, so that a step done elsewhere is done here, too. Each domain adds its
-- own steps, with a function that says whether the current user or tenant is through with it.

call core.secure_global_table('tenancy.onboarding_steps', 'the first steps are the same in every tenant');
comment on table tenancy.onboarding_steps is 'The first steps that domains have added.';

comment on type app_public.onboarding_step is 'A first step, and whether it is done.';
comment on column app_public.onboarding_step.key is 'name_profile, create_agent, load_document, search, invite_colleague or join_tenant.';
comment on column app_public.onboarding_step.title is 'What to do, in English.';
comment on column app_public.onboarding_step.is_done is 'Whether it is done.';

create or replace procedure tenancy.define_onboarding_step(
  key text, sort_order int, title text, is_done regprocedure, permission text default null)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into tenancy.onboarding_steps as s (key, sort_order, title, is_done, permission)
  values (define_onboarding_step.key, define_onboarding_step.sort_order, define_onboarding_step.title,
    define_onboarding_step.is_done::text, define_onboarding_step.permission)
  on conflict on constraint onboarding_steps_pkey
    do update set sort_order = excluded.sort_order, title = excluded.title, is_done = excluded.is_done, permission = excluded.permission;
end
$$;
comment on procedure tenancy.define_onboarding_step is
  'Adds a first step: its key, its place among the others, its title, the function without arguments that says whether it is done, and the permission without which it is left out.';

create or replace function tenancy.has_invited() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.invitations i where i.tenant_id = core.current_tenant_id())
      or exists (select from app_public.user_tenants m
                  where m.tenant_id = core.current_tenant_id() and m.user_id is distinct from core.current_user_id());
$$;
comment on function tenancy.has_invited is 'Whether anybody else was invited to this tenant, or is in it.';

call tenancy.define_onboarding_step('invite_colleague', 50, 'Invite a colleague', 'tenancy.has_invited()', 'can_manage_users');

create or replace function app_public.onboarding_checklist() returns setof app_public.onboarding_step
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := core.current_user_id();
  v_step tenancy.onboarding_steps;
  v_is_done boolean;
begin
  return query
    select 'name_profile', 'Say who you are', u.full_name is not null from app_public.user_profiles u where u.id = v_user_id;
  if core.current_tenant_id() is null then
    return query select 'join_tenant', 'Accept an invitation', false where v_user_id is not null;
    return;
  end if;
  for v_step in select s.* from tenancy.onboarding_steps s order by s.sort_order, s.key loop
    continue when v_step.permission is not null and not tenancy.has_permission(v_step.permission);
    execute format('select %s', v_step.is_done) into v_is_done;
    return next (v_step.key, v_step.title, v_is_done);
  end loop;
end
$$;
comment on function app_public.onboarding_checklist is
  'Your first steps in this tenant, in order, and which are done: name_profile, create_agent, load_document, search, invite_colleague; those you may not do are left out. Without a tenant: name_profile and join_tenant.';
grant execute on function app_public.onboarding_checklist to rowhouse_user;

create or replace function tenancy.set_onboarding(is_completed boolean) returns app_public.user_profiles
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.user_profiles;
begin
  update app_public.user_profiles u set onboarding_completed = set_onboarding.is_completed
   where u.id = core.current_user_id()
  returning * into v_profile;
  return v_profile;
end
$$;
comment on function tenancy.set_onboarding is
  'Notes whether you are through with the first steps.';

create or replace function app_public.complete_onboarding() returns app_public.user_profiles
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select tenancy.set_onboarding(true); $$;
comment on function app_public.complete_onboarding is
  E'@resultFieldName userProfile\nSays that you are through with the first steps, whether or not all are done; restart_onboarding takes it back.';
grant execute on function app_public.complete_onboarding to rowhouse_user;

create or replace function app_public.restart_onboarding() returns app_public.user_profiles
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select tenancy.set_onboarding(false); $$;
comment on function app_public.restart_onboarding is
  E'@resultFieldName userProfile\nShows you the first steps again.';
grant execute on function app_public.restart_onboarding to rowhouse_user;
