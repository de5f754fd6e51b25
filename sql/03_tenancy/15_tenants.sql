-- Tenants: their columns, who sees and edits them, and how one is created, listed and deleted. A request acts in one tenant
-- and sees the row of that one alone; my_tenants lists the others of which the user is a member.

grant execute on function tenancy.is_country_code to rowhouse_user, rowhouse_platform;
grant execute on function tenancy.is_host_name to rowhouse_user, rowhouse_platform;

-- The id of a tenant is what tenant_id is elsewhere, so the policies compare the id.
call core.secure_global_table('app_public.tenants', 'its id takes the place of tenant_id in its policies');
call audit.track_global('app_public.tenants', 'id');
call core.announce('app_public.tenants');
call core.define_access('this_tenant', 'id = (select core.current_tenant_id())', 'everyone in the tenant', null);
call core.define_access('analyst_of_tenant', 'id = any ((select tenancy.analyst_tenant_ids())::uuid[])',
  'analysts, in the tenants that their login was given', null);
create policy select_member on app_public.tenants for select to rowhouse_user
  using (id = (select core.current_tenant_id()));
create policy update_admin on app_public.tenants for update to rowhouse_user
  using (id = (select core.current_tenant_id()) and (select tenancy.has_permission('can_manage_settings')));
create policy select_analyst on app_public.tenants for select to rowhouse_analytics
  using (id = any ((select tenancy.analyst_tenant_ids())::uuid[]));
-- Computed columns take the whole row, so all columns are granted. Comments hide those that are not for the API.
grant select on app_public.tenants to rowhouse_user;
grant update (
  name, config, industry, company_size, country_code, timezone, language_code,
  primary_contact_email, primary_contact_name, primary_contact_phone, metadata
) on app_public.tenants to rowhouse_user;
grant select (id, slug, name, status, timezone) on app_public.tenants to rowhouse_analytics;
grant select, insert, update, delete on app_public.tenants to rowhouse_platform;
comment on table app_public.tenants is
  E'@behavior -insert -delete\nAn organization whose data no other tenant can see. You see the tenant in which you act; myTenants lists all of which you are a member.';
comment on column app_public.tenants.slug is 'Its name in addresses and in the x-tenant-id header: 1 to 63 lower-case letters, digits and hyphens, unique.';
comment on column app_public.tenants.name is E'@notPersonal\nIts name for people, at most 255 characters.';
comment on column app_public.tenants.type is 'Whether it is the platform''s own tenant or an organization.';
comment on column app_public.tenants.status is 'Where it is in its life. activateTenant, suspendTenant, reactivateTenant and cancelTenant change it, and tenantStatusHistories lists the changes.';
comment on column app_public.tenants.activated_at is 'When it last became active; null when it never was.';
comment on column app_public.tenants.deactivated_at is 'When it became inactive; null when it is not.';
comment on column app_public.tenants.suspended_at is 'When it was suspended; null when it is not.';
comment on column app_public.tenants.suspension_reason is 'Why it was suspended, for its members to read; null when it is not suspended.';
comment on column app_public.tenants.erased_at is E'@behavior -*\nWhen its data began to be erased; null when it is not. What the law wants kept of it stays.';
comment on column app_public.tenants.cancelled_at is 'When it was cancelled; null when it is not.';
comment on column app_public.tenants.cancellation_reason is 'Why it was cancelled; null when no reason was given.';
comment on column app_public.tenants.subscription_tier is 'The level of its plan.';
comment on column app_public.tenants.subscription_status is 'The status of its subscription.';
comment on column app_public.tenants.trial_ends_at is 'When its trial ends; null when it has none.';
comment on column app_public.tenants.subscription_started_at is 'When its subscription started.';
comment on column app_public.tenants.subscription_ends_at is 'When its subscription ends; null when it has no end.';
comment on column app_public.tenants.subscription_timezone is E'@behavior -*\nThe IANA time zone in which its subscription counts its periods; null when it never had one.';
comment on column app_public.tenants.billing_cycle is 'How often it is invoiced.';
comment on column app_public.tenants.payment_method_id is E'@behavior -*\nThe payment provider''s key of the payment method. The API does not show it.';
comment on column app_public.tenants.last_payment_at is 'When the last payment arrived.';
comment on column app_public.tenants.next_billing_date is 'When the next invoice is made.';
comment on column app_public.tenants.parent_tenant_id is 'The tenant above it in the hierarchy; null at the top. createSubTenant and moveTenant set it.';
comment on column app_public.tenants.tenant_level is 'Its depth in the hierarchy, from 0 (the top) to 9. The database computes it.';
comment on column app_public.tenants.tenant_path is 'The slugs from the top down to it, separated by dots. The database computes it.';
comment on column app_public.tenants.ancestor_ids is E'@behavior -*\nThe ids of the tenants above it, from the top down. The database computes it. The first one pays for it.';
comment on column app_public.tenants.was_sub_tenant is E'@behavior -*\nWhether it is or once was below another tenant. Such a tenant has no trial of its own.';
comment on column app_public.tenants.resource_access_config is 'The resources that it may use, create and share, as booleans and limits: {shared_resources: {agents, tools, prompts, workflows, rag}, custom_resources: {agents, tools, prompts, workflows, rag, max_agents, max_rag_storage_gb}, sharing: {can_share_resources, can_receive_shared}}. Platform staff set it with setTenantEntitlements.';
comment on column app_public.tenants.plan_features is E'@kept\n@behavior -*\nThe features that its plan switches on or off, with the overrides of its entitlements. Billing keeps it.';
comment on column app_public.tenants.features is 'An object of booleans: the features that platform staff have switched on or off, whatever its plan says. They hold for the tenants below it too, unless staff have set them there. Without a plan, rag_enabled, advanced_rag, expert_panels, workflows, analytics and multi_model are on, and api_access and white_label are off. Platform staff set it with setTenantEntitlements. isFeatureEnabled says whether a feature is on.';
comment on column app_public.tenants.config is E'@errors TN402 TN403\nIts settings, an object with these keys. default_model; max_concurrent_chats (1 to 10,000); retention_days (1 to 36,500); allowed_domains (at most 100, in lower case); invitation_expiry_days (1 to 30, default 7); store_llm_texts (default false); llm_text_retention_days (1 to 36,500); unknown_events (keep or refuse, default keep), what becomes of events of the product whose type the tenant has not defined. search has k1 (0 to 10, default 1.2) and b (0 to 1, default 0.75), the parameters of BM25; titleBoost (0 to 100, default 2), the weight of a word in a title; exactVectorLimit (default 3000), up to how many vectors are compared one by one; and logQueries (hash, text or none; default hash), what is stored of a question. Members with the permission can_manage_settings change it.';
comment on column app_public.tenants.quotas is 'Its limits: max_users, max_agents, max_api_keys, max_documents, max_api_calls_per_month, max_storage_gb and max_sub_tenants, as platform staff have set them. A limit replaces the one of the plan, a limit that is null lifts it, and all that the tenants below have counts too. myQuotas shows what holds. Platform staff set it with setTenantEntitlements.';
comment on column app_public.tenants.domain is 'Its custom domain, a host name in lower case, unique. Platform staff set it with setTenantDomain.';
comment on column app_public.tenants.industry is 'Its industry, such as Healthcare or Pharma.';
comment on column app_public.tenants.company_size is 'The size of the company.';
comment on column app_public.tenants.country_code is 'The code of its country in ISO 3166-1 alpha-2, in upper case.';
comment on column app_public.tenants.timezone is E'@errors TN403\nThe IANA time zone of its calendar periods, such as Europe/Berlin. A change takes effect when the running periods have ended: a day or month that has begun goes on until a day or month begins in the new zone.';
comment on column app_public.tenants.language_code is 'Its main language, as a tag such as en or pt-BR.';
comment on column app_public.tenants.compliance_notes is 'Notes on compliance.';
comment on column app_public.tenants.primary_contact_email is E'@personal pseudonymise\nThe e-mail address of its main contact, in lower case.';
comment on column app_public.tenants.primary_contact_name is E'@personOf primary_contact_email\n@personal erase\nThe name of its main contact.';
comment on column app_public.tenants.primary_contact_phone is E'@personOf primary_contact_email\n@personal erase\nThe telephone number of its main contact.';
comment on column app_public.tenants.support_tier is 'The level of its support.';
comment on column app_public.tenants.account_manager_id is E'@personal pseudonymise\nThe member of the platform''s staff who is responsible for it.';
comment on column app_public.tenants.last_login_at is E'@kept\nWhen one of its members last logged in.';
comment on column app_public.tenants.metadata is 'Anything else: an object of at most 16 KB.';
comment on column app_public.tenants.created_at is 'When it was created.';
comment on column app_public.tenants.updated_at is 'When it last changed.';
comment on constraint slug_is_a_slug on app_public.tenants is
  'must have 1 to 63 lower-case letters, digits and inner hyphens';
comment on constraint name_is_a_name on app_public.tenants is
  'must have 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint country_code_is_iso_3166 on app_public.tenants is
  'must be the code of a country in ISO 3166-1 alpha-2, such as DE';
comment on constraint language_code_is_a_tag on app_public.tenants is 'must be a language tag, such as en or pt-BR';
comment on constraint domain_is_a_host_name on app_public.tenants is
  'must be a host name in lower case, such as agents.example.com';
comment on constraint primary_contact_email_is_an_email on app_public.tenants is
  'must be an e-mail address in lower case, such as ann@example.com';
comment on constraint tenant_level_is_in_range on app_public.tenants is 'must be from 0 to 9';
comment on constraint plan_features_is_an_object on app_public.tenants is 'must be an object';
comment on constraint platform_is_at_the_top on app_public.tenants is 'must be empty for the tenant of the platform';
comment on constraint metadata_is_an_object_of_at_most_16_kb on app_public.tenants is 'must be an object of at most 16 KB';
comment on index app_public.tenants_slug_key is 'is used by another tenant';
comment on index app_public.tenants_domain_key is 'is used by another tenant';
comment on index app_public.tenants_one_platform_key is 'can be platform for one tenant only';

create or replace function app_public.current_tenant() returns app_public.tenants
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.tenants where id = core.current_tenant_id();
$$;
comment on function app_public.current_tenant is
  'The tenant in which this request acts; null for a person without a tenant.';
grant execute on function app_public.current_tenant to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: administrators in psql and seeds create tenants; granted to nobody
create or replace function tenancy.provision_tenant(
  slug text, name text, owner_email text, owner_name text default null, type text default 'organization',
  trial_days int default null
) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant app_public.tenants;
begin
  if provision_tenant.trial_days not between 1 and 365 then
    perform core.raise_error('TN403', 'trial_days must be from 1 to 365.', 'Leave it out for a tenant that is active at once.');
  end if;
  if provision_tenant.type = 'platform' then
    -- The platform's tenant exists from the start, without members. To provision it is to give it a name and its first owner.
    update app_public.tenants t set slug = lower(provision_tenant.slug), name = provision_tenant.name
     where t.type = 'platform' and not exists (select from app_public.user_tenants m where m.tenant_id = t.id)
    returning * into v_tenant;
  end if;
  if v_tenant.id is null then
    insert into app_public.tenants (slug, name, type, status, trial_ends_at)
    values (lower(provision_tenant.slug), provision_tenant.name, provision_tenant.type,
            case when provision_tenant.trial_days is null then 'active' else 'trial' end,
            core.clock() + make_interval(days => provision_tenant.trial_days))
    returning * into v_tenant;
  end if;
  perform tenancy.provision_member(v_tenant.id, provision_tenant.owner_email, provision_tenant.owner_name, 'owner');
  return v_tenant;
end
$$;
comment on function tenancy.provision_tenant is
  E'@errors TN403\nCreates a tenant with its first owner. It is in trial for trial_days or, without them, active. For administrators in psql and for seeds.';

set local role rowhouse_platform;  -- outside the wall: administrators in psql and seeds make people members; granted to nobody
create or replace function tenancy.provision_member(tenant_id uuid, email text, full_name text default null, role text default 'member')
returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user_id uuid;
  v_membership app_public.user_tenants;
begin
  insert into app_public.user_profiles as u (email, full_name)
  values (core.fold_email(provision_member.email), provision_member.full_name)
  -- An existing profile is updated even when nothing changes, because only then it is returned and locked.
  on conflict (email) where deleted_at is null do update set full_name = coalesce(u.full_name, excluded.full_name)
  returning id into v_user_id;

  insert into app_public.user_tenants as m (tenant_id, user_id, role)
  values (provision_member.tenant_id, v_user_id, provision_member.role)
  on conflict on constraint user_tenants_tenant_id_user_id_key do update set role = excluded.role
  returning * into v_membership;
  return v_membership;
end
$$;
comment on function tenancy.provision_member is
  'Makes the person with this e-mail address a member of a tenant, or changes the role of a member. It creates the profile when there is none. For administrators in psql and for seeds.';

set local role rowhouse_platform;  -- outside the wall: platform staff create tenants, and a new tenant is not the one of the request
create or replace function app_public.create_tenant(
  slug text, name text, owner_email text, owner_name text default null, trial_days int default null
) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_staff();
  return tenancy.provision_tenant(
    create_tenant.slug, create_tenant.name, create_tenant.owner_email, create_tenant.owner_name,
    trial_days => create_tenant.trial_days);
end
$$;
comment on function app_public.create_tenant is
  E'@resultFieldName tenant\n@errors TN205 TN403 23505 23514\nCreates a tenant and makes the person with this e-mail address its owner. The slug has 1 to 63 lower-case letters, digits and hyphens and is unique. With trialDays (1 to 365) the tenant starts with a trial of so many days; without them it is active. Only platform staff can do this.';
grant execute on function app_public.create_tenant to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a person may be a member of several tenants
create or replace function app_public.my_tenants() returns setof app_public.tenants
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.*
    from app_public.user_tenants m
    join app_public.tenants t on t.id = m.tenant_id
   where m.user_id = core.current_user_id() and m.status = 'active'
     -- an API key belongs to one tenant
     and (core.current_api_key_id() is null or t.id = core.current_tenant_id())
   order by t.slug;
$$;
comment on function app_public.my_tenants is
  'The tenants of which you are an active member, for a tenant switcher. Name one in the x-tenant-id header to act in it.';
grant execute on function app_public.my_tenants to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: administrators in psql delete and list tenants; granted to nobody
create or replace function tenancy.delete_tenant(slug text) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_public.tenants t join app_public.tenants child on child.parent_tenant_id = t.id where t.slug = delete_tenant.slug
  ) then
    perform core.raise_error('TN504', 'This tenant has sub-tenants.', 'Move or delete them first.');
  end if;
  delete from app_public.tenants t where t.slug = delete_tenant.slug and t.type <> 'platform';
  if not found then
    perform core.raise_error('TN301', 'This tenant does not exist.', 'List the tenants with: npm run tenant -- list');
  end if;
end
$$;
comment on function tenancy.delete_tenant is
  E'@errors TN301 TN504\nDeletes a tenant with everything in it. This cannot be undone. People keep their profiles. For administrators in psql.';

create or replace function tenancy.list_tenants()
returns table (id uuid, slug text, name text, type text, status text, members int)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.id, t.slug, t.name, t.type, t.status,
         (select count(*)::int from app_public.user_tenants m where m.tenant_id = t.id and m.status = 'active')
    from app_public.tenants t
   order by t.slug;
$$;
comment on function tenancy.list_tenants is
  'All tenants, for administrators in psql and for command-line tools.';

set local role rowhouse_owner;
