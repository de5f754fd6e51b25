-- Tenants: the organizations that live side by side, what is configured for each, what became of each, and the staff log
-- of those who may enter any of them. What a setting may be is said in sql/tenancy, where its errors can name its key.

create schema tenancy authorization rowhouse_owner;
comment on schema tenancy is 'Tenants and people: settings, status, hierarchy, memberships, invitations, sessions, authentication.';
grant usage on schema tenancy to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analyst;

set role rowhouse_owner;

create function tenancy.is_country_code(value text) returns boolean
  language sql immutable parallel safe
  return value = any (string_to_array(
    'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ '
    'CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR '
    'GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP '
    'KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ '
    'NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW '
    'SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ '
    'UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW', ' '));
comment on function tenancy.is_country_code(text) is 'A country of ISO 3166-1, alpha-2, upper case.';

create function tenancy.is_host_name(value text) returns boolean
  language sql immutable parallel safe
  return length(value) <= 253 and value ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
comment on function tenancy.is_host_name(text) is 'A host name, lower case, such as agents.example.com.';

-- What a browser sends as Origin: no path, no default port, no wildcard.
create function tenancy.are_origins(value text[]) returns boolean
  language sql immutable parallel safe
  return cardinality(value) <= 50 and array_position(value, null) is null and not exists (
    select from unnest(value) as origin
     where length(origin) > 255
        or origin !~ '^https?://(([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$'
        or origin ~ '^(http://.*:80|https://.*:443)$');
comment on function tenancy.are_origins(text[]) is
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

  constraint slug_is_a_slug check (core.is_slug(slug)),
  constraint name_is_a_name check (core.is_name(name)),
  constraint type_is_known check (type in ('platform', 'organization')),
  constraint status_is_known check (status in ('trial', 'active', 'inactive', 'suspended', 'cancelled')),
  constraint subscription_tier_is_known check (subscription_tier in ('free', 'standard', 'professional', 'enterprise')),
  constraint subscription_status_is_known
    check (subscription_status in ('active', 'inactive', 'trial', 'suspended', 'cancelled')),
  constraint billing_cycle_is_known check (billing_cycle in ('monthly', 'annual')),
  constraint company_size_is_known check (company_size in ('startup', 'small', 'medium', 'enterprise')),
  constraint support_tier_is_known check (support_tier in ('basic', 'standard', 'premium')),
  constraint country_code_is_iso_3166 check (tenancy.is_country_code(country_code)),
  constraint language_code_is_a_tag check (language_code ~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$'),
  constraint domain_is_a_host_name check (tenancy.is_host_name(domain)),
  constraint primary_contact_email_is_an_email check (core.is_email(primary_contact_email)),
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
  constraint allowed_origins_are_origins check (tenancy.are_origins(allowed_origins))
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

create table tenancy.admin_access_log (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint generated always as identity,
  admin_user_id uuid not null,
  request_id text,
  accessed_at timestamptz not null default now(),
  primary key (tenant_id, id)
);

create table tenancy.analyst_tenants (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  login name not null,
  granted_at timestamptz not null default now(),
  primary key (tenant_id, login)
);
create index on tenancy.analyst_tenants (login);

reset role;

-- People: one profile a person across all tenants, one membership a person and tenant.

set role rowhouse_owner;

-- What a membership may allow beyond reading. Roles come with some of them (tenancy.role_permissions), and a
-- membership's own permissions add and take away single ones.
create function tenancy.permission_keys() returns text[]
  language sql immutable parallel safe
  return array[
    'can_create_agents', 'can_edit_agents', 'can_delete_agents',
    'can_create_resources', 'can_edit_resources', 'can_delete_resources',
    'can_manage_knowledge', 'can_publish_resources', 'can_share_resources', 'can_create_projects',
    'can_manage_users', 'can_manage_settings', 'can_manage_tenant', 'can_manage_billing',
    'can_view_analytics', 'can_view_audit', 'can_view_subtree'
  ];
comment on function tenancy.permission_keys() is
  'All permissions there are. Resources are tools, prompts and workflows; settings are the tenant''s own columns, can_manage_tenant is its life cycle and hierarchy.';

create function tenancy.are_permissions(value jsonb) returns boolean
  language sql immutable parallel safe
  return jsonb_typeof(value) = 'object' and not exists (
    select from jsonb_each(case jsonb_typeof(value) when 'object' then value else '{}' end) as entry (key, allowed)
     where key <> all (tenancy.permission_keys()) or jsonb_typeof(allowed) <> 'boolean');
comment on function tenancy.are_permissions(jsonb) is 'An object of known permissions, each true or false.';

-- Settings of a person: each key with its type, its range and its default, in the words of JSON Schema. A stored value
-- holds only what differs from the default.
create function tenancy.preference_schema() returns jsonb
  language sql immutable parallel safe
  return '{
    "theme": {"type": "string", "enum": ["system", "light", "dark"], "default": "system"},
    "density": {"type": "string", "enum": ["comfortable", "compact"], "default": "comfortable"},
    "language": {"type": "string", "pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", "default": "en"},
    "timezone": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_+/-]{1,63}$", "default": "UTC"},
    "dateFormat": {"type": "string", "enum": ["iso", "day-month", "month-day"], "default": "iso"},
    "timeFormat": {"type": "string", "enum": ["24h", "12h"], "default": "24h"},
    "pageSize": {"type": "integer", "minimum": 10, "maximum": 200, "default": 50},
    "sidebarCollapsed": {"type": "boolean", "default": false}
  }'::jsonb;
comment on function tenancy.preference_schema() is 'The preferences there are, in JSON Schema''s words: type, range and default of each.';

create function tenancy.notification_schema() returns jsonb
  language sql immutable parallel safe
  return '{
    "email": {"type": "boolean", "default": true},
    "inApp": {"type": "boolean", "default": true},
    "mentions": {"type": "boolean", "default": true},
    "shares": {"type": "boolean", "default": true},
    "tasks": {"type": "boolean", "default": true},
    "quotas": {"type": "boolean", "default": true},
    "billing": {"type": "boolean", "default": true},
    "security": {"type": "boolean", "default": true},
    "productNews": {"type": "boolean", "default": false},
    "digest": {"type": "string", "enum": ["none", "daily", "weekly"], "default": "none"}
  }'::jsonb;
comment on function tenancy.notification_schema() is 'The notification settings there are, in JSON Schema''s words: type, range and default of each.';

-- what a number means is looked at only once it is one: case, unlike and, keeps the order
create function tenancy.is_setting(value jsonb, schema jsonb) returns boolean
  language sql immutable parallel safe
  return schema is not null
     and case schema ->> 'type'
           when 'integer' then case when jsonb_typeof(value) = 'number'
             then value::numeric = trunc(value::numeric) and value::numeric between (schema -> 'minimum')::numeric and (schema -> 'maximum')::numeric
             else false end
           else jsonb_typeof(value) = schema ->> 'type' end
     and (schema -> 'enum' is null or schema -> 'enum' @> value)
     and (schema -> 'pattern' is null or value #>> '{}' ~ (schema ->> 'pattern'));
comment on function tenancy.is_setting(jsonb, jsonb) is 'Whether a value is of a setting''s type and in its range; false when there is no such setting.';

create function tenancy.are_settings(value jsonb, schema jsonb) returns boolean
  language sql immutable parallel safe
  return jsonb_typeof(value) = 'object' and not exists (
    select from jsonb_each(case jsonb_typeof(value) when 'object' then value else '{}' end) as entry (key, setting)
     where not tenancy.is_setting(setting, schema -> key));
comment on function tenancy.are_settings(jsonb, jsonb) is 'An object of known settings, each of its type and in its range.';

create table app_public.user_profiles (
  id uuid primary key default gen_random_uuid(),
  email text not null,
  full_name text,
  avatar_url text,
  job_title text,
  department text,
  organization text,
  preferences jsonb not null default '{}',
  notification_settings jsonb not null default '{}',
  is_active boolean not null default true,
  last_seen_at timestamptz,
  onboarding_completed boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,

  constraint email_is_an_email check (core.is_email(email)),
  constraint full_name_is_a_name check (core.is_name(full_name)),
  constraint preferences_are_known_and_in_range check (tenancy.are_settings(preferences, tenancy.preference_schema())),
  constraint notification_settings_are_known_and_in_range
    check (tenancy.are_settings(notification_settings, tenancy.notification_schema()))
);
create unique index user_profiles_email_key on app_public.user_profiles (email) where deleted_at is null;

-- Who a token speaks of: the subject an issuer knows a person by. A person may have several.
create table tenancy.user_identities (
  issuer text not null,
  subject text not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (issuer, subject)
);
create index on tenancy.user_identities (user_id);

create table app_public.user_tenants (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  role text not null default 'member',
  status text not null default 'active',
  permissions jsonb not null default '{}',
  invited_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  joined_at timestamptz not null default now(),
  last_accessed_at timestamptz,
  activated_at timestamptz default now(),
  deactivated_at timestamptz,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  unique (tenant_id, user_id),
  constraint role_is_known check (role in ('owner', 'admin', 'member', 'viewer')),
  constraint status_is_known check (status in ('active', 'inactive', 'invited', 'suspended', 'pending')),
  constraint permissions_are_known_and_boolean check (tenancy.are_permissions(permissions)),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
create index on app_public.user_tenants (user_id);
create index on app_public.user_tenants (invited_by_user_id);

-- Who is asked to join. The token itself is in the mail and nowhere else: here is its SHA-256, and only while it opens
-- something. Control plane: people without a tenant look for their invitations by e-mail and by token.
create table app_public.invitations (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  email text not null,
  role text not null,
  permissions jsonb not null default '{}',
  message text,
  status text not null default 'pending',
  invited_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  expires_at timestamptz not null,
  token_hash bytea,

  delivery_number int not null default 1,
  delivery_status text not null default 'queued',
  delivery_attempts int not null default 0,
  delivery_error text,
  queued_at timestamptz not null,
  sent_at timestamptz,

  accepted_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  accepted_at timestamptz,
  declined_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint email_is_an_email check (core.is_email(email)),
  constraint role_is_known check (role in ('owner', 'admin', 'member', 'viewer')),
  constraint permissions_are_known_and_boolean check (tenancy.are_permissions(permissions)),
  constraint message_is_short check (length(message) <= 2000),
  constraint status_is_known check (status in ('pending', 'accepted', 'declined', 'revoked')),
  constraint token_hash_is_a_sha256 check (octet_length(token_hash) = 32),
  constraint token_opens_nothing_but_a_pending_invitation check (status = 'pending' or token_hash is null),
  constraint delivery_status_is_known check (delivery_status in ('queued', 'sent', 'failed')),
  constraint accepted_invitation_is_dated check ((status = 'accepted') = (accepted_at is not null)),
  constraint declined_invitation_is_dated check ((status = 'declined') = (declined_at is not null)),
  constraint revoked_invitation_is_dated check ((status = 'revoked') = (revoked_at is not null))
);
create unique index invitations_one_pending_key on app_public.invitations (tenant_id, email) where status = 'pending';
create index on app_public.invitations (tenant_id, created_at);
create index on app_public.invitations (email) where status = 'pending';
create index on app_public.invitations (token_hash);
create index on app_public.invitations (invited_by_user_id);
create index on app_public.invitations (accepted_by_user_id);

-- What a bulk invitation answers for each of its rows, and what an invited person sees of an invitation.
create type app_public.invitation_outcome as enum ('invited', 'refused');
create type app_public.invitation_receipt as (
  email text,
  outcome app_public.invitation_outcome,
  invitation_id uuid,
  error_code text,
  error text
);
create type app_public.received_invitation as (
  id uuid,
  tenant_name text,
  tenant_slug text,
  role text,
  message text,
  invited_by_name text,
  created_at timestamptz,
  expires_at timestamptz
);
create type app_public.onboarding_step as (
  key text,
  title text,
  is_done boolean
);

-- Visits of people to a front end, for the tenant's analytics.
create table app_public.user_sessions (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  session_start timestamptz not null,
  last_activity_at timestamptz not null,
  session_end timestamptz,
  duration_seconds int generated always as (extract(epoch from coalesce(session_end, last_activity_at) - session_start)::int) stored,
  page_views int not null default 0,
  events_count int not null default 0,
  device_type text,
  browser text,
  os text,
  ip_address inet,
  referrer_url text,
  utm_source text,
  utm_medium text,
  utm_campaign text,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),

  constraint session_ends_after_it_starts check (session_end >= session_start and last_activity_at >= session_start),
  constraint counts_are_not_negative check (page_views >= 0 and events_count >= 0),
  constraint device_is_short check (length(device_type) <= 100 and length(browser) <= 100 and length(os) <= 100),
  constraint campaign_is_short check (length(utm_source) <= 255 and length(utm_medium) <= 255 and length(utm_campaign) <= 255),
  -- what follows ? and # may hold secrets of another site
  constraint referrer_url_is_an_address_without_query check (referrer_url ~ '^https?://[^?#\s]+$' and length(referrer_url) <= 2000)
);
create index on app_public.user_sessions (user_id);
create index on app_public.user_sessions (tenant_id, session_start);
create index on app_public.user_sessions (last_activity_at) where session_end is null;

alter table app_public.tenants
  add foreign key (account_manager_id) references app_public.user_profiles (id) on delete set null;
create index on app_public.tenants (account_manager_id);
alter table tenancy.admin_access_log
  add foreign key (admin_user_id) references app_public.user_profiles (id);
create index on tenancy.admin_access_log (admin_user_id);
alter table app_public.tenant_status_history
  add foreign key (changed_by_user_id) references app_public.user_profiles (id) on delete set null;
create index on app_public.tenant_status_history (changed_by_user_id);

-- The first steps that domains have added (see tenancy.define_onboarding_step).
create table tenancy.onboarding_steps (
  key text primary key,
  sort_order int not null,
  title text not null,
  is_done text not null,
  permission text
);

reset role;
