-- The tenant of the request, and who may see which tenant besides.

grant execute on function tenancy.is_country_code to rowhouse_user, rowhouse_platform;
grant execute on function tenancy.is_host_name to rowhouse_user, rowhouse_platform;

-- A tenant's own row is its wall: you see the one you act in.
call core.secure_global_table('app_public.tenants', 'its wall is its id');
create policy select_member on app_public.tenants for select to rowhouse_user
  using (id = (select core.current_tenant_id()));
create policy update_admin on app_public.tenants for update to rowhouse_user
  using (id = (select core.current_tenant_id()) and (select tenancy.has_permission('can_manage_settings')));
create policy select_analyst on app_public.tenants for select to rowhouse_analyst
  using (id = any ((select tenancy.analyst_tenant_ids())::uuid[]));
-- all columns, because computed columns take the whole row; what is not for the API is hidden by its comment
grant select on app_public.tenants to rowhouse_user;
grant update (
  name, config, industry, company_size, country_code, timezone, language_code,
  primary_contact_email, primary_contact_name, primary_contact_phone, metadata
) on app_public.tenants to rowhouse_user;
grant select (id, slug, name, status, timezone) on app_public.tenants to rowhouse_analyst;
grant select, insert, update, delete on app_public.tenants to rowhouse_platform;
grant select on app_public.tenants to rowhouse_platform;
comment on table app_public.tenants is
  E'@behavior -insert -delete\nAn organization with a wall around it: whatever it holds, no other tenant sees. You see the one you act in; my_tenants lists the others you are a member of.';
comment on column app_public.tenants.slug is 'Name for addresses and the x-tenant-id header: lower-case letters, digits and hyphens, at most 63, unique.';
comment on column app_public.tenants.name is 'Name for people, at most 255 characters.';
comment on column app_public.tenants.type is 'platform (the one that runs this installation) or organization.';
comment on column app_public.tenants.status is 'trial, active, inactive (without a subscription), suspended or cancelled. In trial and active it can be changed; otherwise its members read and export. activateTenant, suspendTenant, reactivateTenant and cancelTenant are the steps, tenantStatusHistories their record.';
comment on column app_public.tenants.activated_at is 'When it last became active, null when it never was.';
comment on column app_public.tenants.deactivated_at is 'When it became inactive, null when it is not.';
comment on column app_public.tenants.suspended_at is 'When it was suspended, null when it is not.';
comment on column app_public.tenants.suspension_reason is 'Why it was suspended, for its members to read; null when it is not.';
comment on column app_public.tenants.cancelled_at is 'When it was cancelled, null when it is not.';
comment on column app_public.tenants.cancellation_reason is 'Why it was cancelled, when whoever did it said so';
comment on column app_public.tenants.subscription_tier is 'free, standard, professional or enterprise.';
comment on column app_public.tenants.subscription_status is 'active, inactive, trial, suspended or cancelled.';
comment on column app_public.tenants.trial_ends_at is 'End of the trial, null when there is none.';
comment on column app_public.tenants.subscription_started_at is 'Start of the subscription.';
comment on column app_public.tenants.subscription_ends_at is 'End of the subscription, null when it is open-ended.';
comment on column app_public.tenants.billing_cycle is 'monthly or annual.';
comment on column app_public.tenants.payment_method_id is E'@behavior -*\nThe payment provider''s key of the payment method. Not readable through the API.';
comment on column app_public.tenants.last_payment_at is 'When the last payment arrived.';
comment on column app_public.tenants.next_billing_date is 'When the next invoice is made.';
comment on column app_public.tenants.parent_tenant_id is 'The tenant above it in the hierarchy, null at the top. createSubTenant and moveTenant set it.';
comment on column app_public.tenants.tenant_level is 'Depth in the hierarchy, 0 at the top, at most 9. Kept by the database.';
comment on column app_public.tenants.tenant_path is 'Slugs from the top to it, separated by dots. Kept by the database.';
comment on column app_public.tenants.resource_access_config is 'What it may use, make and share: {shared_resources: {agents, tools, prompts, workflows, rag}, custom_resources: {the same, max_agents, max_rag_storage_gb}, sharing: {can_share_resources, can_receive_shared}}, booleans and limits. Set by platform staff (setTenantEntitlements).';
comment on column app_public.tenants.features is 'Features that are switched on or off against their defaults: an object of booleans. rag_enabled, advanced_rag, expert_panels, workflows, analytics and multi_model are on by default, api_access and white_label off. Set by platform staff (setTenantEntitlements); tenantFeatureEnabled answers with everything considered.';
comment on column app_public.tenants.config is 'Settings: an object. default_model; max_concurrent_chats (1 to 10,000); retention_days (1 to 36,500); allowed_domains (at most 100, lower case); invitation_expiry_days (1 to 30, default 7); store_llm_texts (default false) and llm_text_retention_days (1 to 36,500). search.k1 (0 to 10, default 1.2) and search.b (0 to 1, default 0.75) are BM25''s parameters; search.titleBoost (0 to 100, default 2) is how much a title: word counts; up to search.exactVectorLimit vectors (default 3000) are compared one by one; search.logQueries (hash, text or none; default hash) is what is kept of a question. For members with the permission can_manage_settings. TN402: there is no such setting; TN403: it has another type or range.';
comment on column app_public.tenants.quotas is 'Limits by name, null or missing for none: max_users, max_agents, max_documents, max_api_calls_per_month, max_storage_gb, max_sub_tenants (direct ones). Set by platform staff (setTenantEntitlements).';
comment on column app_public.tenants.domain is 'Custom domain, a host name in lower case, unique. Set by platform staff (setTenantDomain).';
comment on column app_public.tenants.industry is 'Industry, such as Healthcare or Pharma.';
comment on column app_public.tenants.company_size is 'startup, small, medium or enterprise.';
comment on column app_public.tenants.country_code is 'Country, ISO 3166-1 alpha-2, upper case.';
comment on column app_public.tenants.timezone is 'IANA time zone its calendar periods follow, such as Europe/Berlin. TN403: there is none of this name.';
comment on column app_public.tenants.language_code is 'Primary language, a tag such as en or pt-BR.';
comment on column app_public.tenants.hipaa_compliant is 'Whether it works under HIPAA.';
comment on column app_public.tenants.gdpr_compliant is 'Whether it works under the GDPR.';
comment on column app_public.tenants.sox_compliant is 'Whether it works under SOX.';
comment on column app_public.tenants.iso_certified is 'Whether it holds an ISO certification.';
comment on column app_public.tenants.compliance_notes is 'Notes on compliance.';
comment on column app_public.tenants.primary_contact_email is 'E-mail of its first contact, lower case.';
comment on column app_public.tenants.primary_contact_name is 'Name of its first contact.';
comment on column app_public.tenants.primary_contact_phone is 'Telephone number of its first contact.';
comment on column app_public.tenants.support_tier is 'basic, standard or premium.';
comment on column app_public.tenants.account_manager_id is 'The member of the platform''s staff who looks after it.';
comment on column app_public.tenants.last_login_at is E'@kept\nWhen one of its members last logged in.';
comment on column app_public.tenants.metadata is 'Anything else, an object of at most 16 KB.';
comment on column app_public.tenants.created_at is 'When it was created.';
comment on column app_public.tenants.updated_at is 'When it last changed.';

create or replace function app_public.current_tenant() returns app_public.tenants
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.tenants where id = core.current_tenant_id();
$$;
comment on function app_public.current_tenant is
  'The tenant this request acts in.';
grant execute on function app_public.current_tenant to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the same for administrators in psql and for seeds; granted to nobody
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
    perform core.raise_error('TN403', 'trial_days must be an integer from 1 to 365.', 'Leave it out for a tenant that is active at once.');
  end if;
  if provision_tenant.type = 'platform' then
    -- there is one, and it is there before anybody is; whoever provisions it gives it a name and its first owner
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
  E'@errors TN403\nCreates a tenant with its first owner, in trial for so many days or active. For administrators in psql and for seeds.';

set local role rowhouse_platform;  -- outside the wall: makes a person a member; granted to nobody
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
  values (lower(trim(provision_member.email)), provision_member.full_name)
  -- the update that changes nothing returns (and locks) the profile that is there
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
  'Makes a person (by e-mail, with or without a profile) a member of a tenant, or changes the role of one. For administrators in psql and for seeds.';

set local role rowhouse_platform;  -- outside the wall: a new tenant is in none; checks for platform staff
create or replace function app_public.create_tenant(
  slug text, name text, owner_email text, owner_name text default null, trial_days int default null
) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if not tenancy.is_platform_admin() then
    perform core.raise_error('TN201', 'Only platform staff can create tenants.', 'Ask an administrator of the platform tenant.');
  end if;
  return tenancy.provision_tenant(
    create_tenant.slug, create_tenant.name, create_tenant.owner_email, create_tenant.owner_name,
    trial_days => create_tenant.trial_days);
end
$$;
comment on function app_public.create_tenant is
  E'@resultFieldName tenant\n@errors TN201 TN403 23505 23514\nCreates a tenant and makes the person with that e-mail its owner. The slug is lower-case letters, digits and hyphens, at most 63, unique. With trial_days (1 to 365) it begins in trial, which ends then; without, it is active. Platform staff only.';
grant execute on function app_public.create_tenant to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a tenant switcher lists all tenants one is a member of
create or replace function app_public.my_tenants() returns setof app_public.tenants
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.*
    from app_public.user_tenants m
    join app_public.tenants t on t.id = m.tenant_id
   where m.user_id = core.current_user_id() and m.status = 'active'
   order by t.slug;
$$;
comment on function app_public.my_tenants is
  'The tenants you are an active member of: what a tenant switcher offers. Name one in the x-tenant-id header to act in it.';
grant execute on function app_public.my_tenants to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: for administrators in psql; granted to nobody
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
    perform core.raise_error('TN301', 'There is no such tenant.', 'npm run tenant -- list shows them.');
  end if;
end
$$;
comment on function tenancy.delete_tenant is
  E'@errors TN301 TN504\nDeletes a tenant with everything in it, for good; people keep their profiles. For administrators in psql.';

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
  'All tenants. For administrators in psql and for command-line tools.';

set local role rowhouse_owner;
