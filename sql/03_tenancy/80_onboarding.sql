-- The first steps of a new user. Whether a step is done is read from the data, so nothing has to be ticked off. Each domain
-- adds its own steps, each with a function that says whether the current user or tenant has done it.

call core.secure_global_table('tenancy.onboarding_steps', 'the first steps are the same in every tenant');
comment on table tenancy.onboarding_steps is 'The first steps that domains have added.';

comment on type app_public.onboarding_step is 'A first step of a new user, and whether it is done.';
comment on column app_public.onboarding_step.key is E'@notNull\nIts name, such as create_agent. Extensions can add steps, so the list is open.';
comment on column app_public.onboarding_step.title is E'@notNull\nWhat to do, in English.';
comment on column app_public.onboarding_step.is_done is E'@notNull\nWhether it is done.';

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
  'Adds a first step: its key, its position among the others, its title, a function without arguments that says whether it is done, and the permission that a user needs for it.';

create or replace function tenancy.has_invited() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.invitations i where i.tenant_id = core.current_tenant_id())
      or exists (select from app_public.user_tenants m
                  where m.tenant_id = core.current_tenant_id() and m.user_id is distinct from core.current_user_id());
$$;
comment on function tenancy.has_invited is 'Whether other people are members of this tenant, or were invited to it.';

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
  'Your first steps in this tenant, in order, and whether each is done. Steps for which you have no permission are left out. Without a tenant, the steps are name_profile and join_tenant.';
grant execute on function app_public.onboarding_checklist to rowhouse_user;

create or replace function tenancy.set_onboarding(is_completed boolean) returns app_public.user_profiles
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.user_profiles;
begin
  perform tenancy.require_person();
  update app_public.user_profiles u set onboarding_completed = set_onboarding.is_completed
   where u.id = core.current_user_id()
  returning * into v_profile;
  return v_profile;
end
$$;
comment on function tenancy.set_onboarding is
  E'@errors KY201\nRecords whether you have finished the first steps.';

create or replace function app_public.complete_onboarding() returns app_public.user_profiles
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select tenancy.set_onboarding(true); $$;
comment on function app_public.complete_onboarding is
  E'@resultFieldName userProfile\n@errors KY201\nRecords that you have finished the first steps, whether or not all are done. restartOnboarding undoes it.';
grant execute on function app_public.complete_onboarding to rowhouse_user;

create or replace function app_public.restart_onboarding() returns app_public.user_profiles
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select tenancy.set_onboarding(false); $$;
comment on function app_public.restart_onboarding is
  E'@resultFieldName userProfile\n@errors KY201\nRecords that you have not finished the first steps, so that they are shown again.';
grant execute on function app_public.restart_onboarding to rowhouse_user;
