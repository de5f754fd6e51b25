-- Tenants: the organizations that live side by side, what is configured for each, what became of each, and the staff log
-- of those who may enter any of them. What a setting may be is said in sql/tenancy, where its errors can name its key.

set role rowhouse_owner;

create function app_hidden.is_country_code(value text) returns boolean
  language sql immutable parallel safe
  return value = any (string_to_array(
    'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ '
    'CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR '
    'GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP '
    'KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ '
    'NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW '
    'SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ '
    'UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW', ' '));
comment on function app_hidden.is_country_code(text) is 'A country of ISO 3166-1, alpha-2, upper case.';

create function app_hidden.is_host_name(value text) returns boolean
  language sql immutable parallel safe
  return length(value) <= 253 and value ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
comment on function app_hidden.is_host_name(text) is 'A host name, lower case, such as agents.example.com.';

-- What a browser sends as Origin: no path, no default port, no wildcard.
create function app_hidden.are_origins(value text[]) returns boolean
  language sql immutable parallel safe
  return cardinality(value) <= 50 and array_position(value, null) is null and not exists (
    select from unnest(value) as origin
     where length(origin) > 255
        or origin !~ '^https?://(([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$'
        or origin ~ '^(http://.*:80|https://.*:443)$');
comment on function app_hidden.are_origins(text[]) is
  'At most 50 web origins as browsers send them: http or https, a host in lower case, a port unless it is the default one, nothing else.';

create table app_public.tenants (
  id uuid primary key default gen_random_uuid(),
  slug text not null,
  name text not null,
  type text not null default 'organization',

  status text not null default 'active',
  activated_at timestamptz,
  deactivated_at timestamptz,
  suspended_at timestamptz,
  suspension_reason text,
  cancelled_at timestamptz,
  cancellation_reason text,

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
  tenant_path text not null,

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
  constraint country_code_is_iso_3166 check (app_hidden.is_country_code(country_code)),
  constraint language_code_is_a_tag check (language_code ~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$'),
  constraint domain_is_a_host_name check (app_hidden.is_host_name(domain)),
  constraint primary_contact_email_is_an_email check (app_hidden.is_email(primary_contact_email)),
  constraint tenant_level_is_in_range check (tenant_level between 0 and 9),
  constraint platform_is_at_the_top check (type <> 'platform' or parent_tenant_id is null),
  constraint metadata_is_an_object_of_at_most_16_kb check (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 16384)
);

create unique index tenants_slug_key on app_public.tenants (slug);
create unique index tenants_domain_key on app_public.tenants (domain);
create unique index tenants_one_platform_key on app_public.tenants (type) where type = 'platform';
create index on app_public.tenants (parent_tenant_id);

-- Every step of a tenant's life, written by a trigger.
create table app_public.tenant_status_history (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint generated always as identity,
  from_status text,
  to_status text not null,
  reason text,
  changed_by_user_id uuid,
  changed_at timestamptz not null,
  primary key (tenant_id, id)
);

create table app_public.tenant_config (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null unique references app_public.tenants (id) on delete cascade,
  rate_limit_config jsonb not null default '{}',
  service_tokens jsonb not null default '{}',
  allowed_origins text[] not null default '{}',
  features jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint service_tokens_is_an_object check (jsonb_typeof(service_tokens) = 'object'),
  constraint allowed_origins_are_origins check (app_hidden.are_origins(allowed_origins))
);
-- a preflight knows an origin and no tenant
create index on app_public.tenant_config using gin (allowed_origins);

create type app_public.tenant_subtree_entry as (
  id uuid,
  slug text,
  name text,
  status text,
  parent_tenant_id uuid,
  tenant_level int,
  tenant_path text
);

create type app_public.service_token as (
  name text,
  created_at timestamptz,
  last_used_at timestamptz
);

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
