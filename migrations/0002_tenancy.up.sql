-- Tenants: the organizations that live side by side, and the staff log of those who may enter any of them.

set role rowhouse_owner;

create table app_public.tenants (
  id uuid primary key default gen_random_uuid(),
  slug text not null,
  name text not null,
  type text not null default 'organization',

  status text not null default 'active',
  activated_at timestamptz default now(),
  deactivated_at timestamptz,
  suspended_at timestamptz,
  suspension_reason text,

  subscription_tier text not null default 'standard',
  subscription_status text not null default 'active',
  trial_ends_at timestamptz,
  subscription_started_at timestamptz,
  subscription_ends_at timestamptz,
  billing_cycle text,
  payment_method_id text,
  last_payment_at timestamptz,
  next_billing_date timestamptz,

  parent_tenant_id uuid references app_public.tenants (id),
  tenant_level int not null default 0,
  tenant_path text,

  resource_access_config jsonb not null default '{}',
  features jsonb not null default '{}',
  config jsonb not null default '{}',
  quotas jsonb not null default '{}',

  domain text,
  industry text,
  company_size text,
  country_code text,
  timezone text not null default 'UTC',
  language_code text not null default 'en',

  hipaa_compliant boolean not null default false,
  gdpr_compliant boolean not null default false,
  sox_compliant boolean not null default false,
  iso_certified boolean not null default false,
  compliance_notes text,

  primary_contact_email text,
  primary_contact_name text,
  primary_contact_phone text,
  support_tier text,
  account_manager_id uuid,

  last_login_at timestamptz,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint slug_is_a_slug check (app_hidden.is_slug(slug)),
  constraint name_is_a_name check (app_hidden.is_name(name)),
  constraint type_is_known check (type in ('platform', 'organization')),
  constraint status_is_known check (status in ('trial', 'active', 'inactive', 'suspended', 'cancelled')),
  constraint subscription_tier_is_known check (subscription_tier in ('free', 'standard', 'professional', 'enterprise')),
  constraint subscription_status_is_known
    check (subscription_status in ('active', 'inactive', 'trial', 'suspended', 'cancelled')),
  constraint billing_cycle_is_known check (billing_cycle in ('monthly', 'annual')),
  constraint company_size_is_known check (company_size in ('startup', 'small', 'medium', 'enterprise')),
  constraint support_tier_is_known check (support_tier in ('basic', 'standard', 'premium')),
  constraint country_code_is_iso_3166 check (country_code ~ '^[A-Z]{2}$'),
  constraint primary_contact_email_is_an_email check (app_hidden.is_email(primary_contact_email)),
  constraint tenant_is_not_its_own_parent check (parent_tenant_id <> id),
  constraint resource_access_config_is_an_object check (jsonb_typeof(resource_access_config) = 'object'),
  constraint features_is_an_object check (jsonb_typeof(features) = 'object'),
  constraint config_is_an_object check (jsonb_typeof(config) = 'object'),
  -- compared as JSON, because a cast in a check would fail with another error than the check's
  constraint search_k1_is_in_range check (
    config #> '{search,k1}' is null
    or (jsonb_typeof(config #> '{search,k1}') = 'number'
        and config #> '{search,k1}' >= '0' and config #> '{search,k1}' <= '10')),
  constraint search_b_is_in_range check (
    config #> '{search,b}' is null
    or (jsonb_typeof(config #> '{search,b}') = 'number'
        and config #> '{search,b}' >= '0' and config #> '{search,b}' <= '1')),
  constraint search_title_boost_is_in_range check (
    config #> '{search,titleBoost}' is null
    or (jsonb_typeof(config #> '{search,titleBoost}') = 'number'
        and config #> '{search,titleBoost}' >= '0' and config #> '{search,titleBoost}' <= '100')),
  constraint search_exact_vector_limit_is_in_range check (
    config #> '{search,exactVectorLimit}' is null
    or (config #>> '{search,exactVectorLimit}' ~ '^[0-9]{1,9}$' and jsonb_typeof(config #> '{search,exactVectorLimit}') = 'number')),
  constraint search_log_queries_is_known check (
    config #> '{search,logQueries}' is null or config #> '{search,logQueries}' in ('"hash"', '"text"', '"none"')),
  constraint quotas_is_an_object check (jsonb_typeof(quotas) = 'object'),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);

create unique index tenants_slug_key on app_public.tenants (slug);
create unique index tenants_domain_key on app_public.tenants (lower(domain));
create unique index tenants_one_platform_key on app_public.tenants (type) where type = 'platform';
create index on app_public.tenants (parent_tenant_id);

create table app_private.admin_access_log (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint generated always as identity,
  admin_user_id uuid not null,
  request_id text,
  accessed_at timestamptz not null default now(),
  primary key (tenant_id, id)
);

create table app_private.analyst_tenants (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  login name not null,
  granted_at timestamptz not null default now(),
  primary key (tenant_id, login)
);
create index on app_private.analyst_tenants (login);

reset role;
