-- Tenants and people: the organizations that live side by side, their settings and the history of their status; one
-- profile a person, one membership a person and tenant; invitations and sessions. Settings are checked by triggers in
-- sql/03_tenancy, because a trigger's error can name the key that is wrong.

create schema tenancy authorization rowhouse_owner;
comment on schema tenancy is 'Tenants and people: settings, status, hierarchy, memberships, invitations, sessions, authentication.';
grant usage on schema tenancy to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analytics;

set role rowhouse_owner;

-- Closed lists. GraphQL shows each of these domains as an enum.
create domain app_public.tenant_type as text
  constraint tenant_type_is_known check (value in ('platform', 'organization'));
comment on domain app_public.tenant_type is 'What a tenant is. platform: the one tenant whose owners and admins are the staff of this installation. organization: every other one.';
comment on constraint tenant_type_is_known on domain app_public.tenant_type is 'must be platform or organization';

create domain app_public.tenant_status as text
  constraint tenant_status_is_known check (value in ('trial', 'active', 'inactive', 'suspended', 'cancelled'));
comment on domain app_public.tenant_status is 'Where a tenant is in its life. In trial and active its members can change things. inactive: it has no subscription at the moment. suspended: platform staff have closed it for a reason. cancelled: it has ended, and nothing of it is deleted. In these three its members can only read and export.';
comment on constraint tenant_status_is_known on domain app_public.tenant_status is 'must be trial, active, inactive, suspended or cancelled';

create domain app_public.tenant_subscription_tier as text
  constraint tenant_subscription_tier_is_known check (value in ('free', 'standard', 'professional', 'enterprise'));
comment on domain app_public.tenant_subscription_tier is 'The level of a tenant''s plan, from the smallest to the largest.';
comment on constraint tenant_subscription_tier_is_known on domain app_public.tenant_subscription_tier is 'must be free, standard, professional or enterprise';

create domain app_public.tenant_subscription_status as text
  constraint tenant_subscription_status_is_known check (value in ('active', 'inactive', 'trial', 'suspended', 'cancelled'));
comment on domain app_public.tenant_subscription_status is 'The status of a tenant''s subscription.';
comment on constraint tenant_subscription_status_is_known on domain app_public.tenant_subscription_status is 'must be active, inactive, trial, suspended or cancelled';

create domain app_public.tenant_billing_cycle as text
  constraint tenant_billing_cycle_is_known check (value in ('monthly', 'annual'));
comment on domain app_public.tenant_billing_cycle is 'How often a tenant is invoiced.';
comment on constraint tenant_billing_cycle_is_known on domain app_public.tenant_billing_cycle is 'must be monthly or annual';

create domain app_public.tenant_feature as text
  constraint tenant_feature_is_known
    check (value in ('rag_enabled', 'advanced_rag', 'expert_panels', 'workflows', 'analytics', 'multi_model', 'api_access', 'white_label'));
comment on domain app_public.tenant_feature is 'A feature that a tenant can have. rag_enabled: adding documents and searching.';
comment on constraint tenant_feature_is_known on domain app_public.tenant_feature is 'must be rag_enabled, advanced_rag, expert_panels, workflows, analytics, multi_model, api_access or white_label';

create domain app_public.company_size as text
  constraint company_size_is_known check (value in ('startup', 'small', 'medium', 'enterprise'));
comment on domain app_public.company_size is 'The size of a company.';
comment on constraint company_size_is_known on domain app_public.company_size is 'must be startup, small, medium or enterprise';

create domain app_public.support_tier as text
  constraint support_tier_is_known check (value in ('basic', 'standard', 'premium'));
comment on domain app_public.support_tier is 'The level of support that a tenant gets.';
comment on constraint support_tier_is_known on domain app_public.support_tier is 'must be basic, standard or premium';

create domain app_public.membership_role as text
  constraint membership_role_is_known check (value in ('owner', 'admin', 'member', 'viewer'));
comment on domain app_public.membership_role is 'The role of a member in a tenant. Each role may do what the later ones may. owner: everything. admin: everything but the life cycle of the tenant and its billing. member: creates and edits. viewer: reads.';
comment on constraint membership_role_is_known on domain app_public.membership_role is 'must be owner, admin, member or viewer';

create domain app_public.permission as text
  constraint permission_is_known check (value in (
    'can_create_agents', 'can_edit_agents', 'can_delete_agents',
    'can_create_resources', 'can_edit_resources', 'can_delete_resources',
    'can_manage_knowledge', 'can_publish_resources', 'can_share_resources', 'can_create_projects',
    'can_manage_users', 'can_manage_settings', 'can_manage_tenant', 'can_manage_billing',
    'can_view_analytics', 'can_view_audit', 'can_view_subtree', 'can_record_usage', 'can_run_agents',
    'can_decide_approvals'
  ));
comment on domain app_public.permission is 'Something that a member may do. Resources are tools, prompts and workflows; settings are the columns of the tenant; CAN_MANAGE_TENANT is for its life cycle and hierarchy; CAN_RUN_AGENTS is for giving agents tasks and doing them, CAN_DECIDE_APPROVALS for allowing what they may not do alone.';
comment on constraint permission_is_known on domain app_public.permission is 'must be the name of a permission';

create domain app_public.membership_status as text
  constraint membership_status_is_known check (value in ('active', 'inactive', 'invited', 'suspended', 'pending'));
comment on domain app_public.membership_status is 'The status of a membership. Only active members can enter the tenant. inactive: the person has left. suspended: the person is shut out for a time.';
comment on constraint membership_status_is_known on domain app_public.membership_status is 'must be active, inactive, invited, suspended or pending';

create domain app_public.invitation_status as text
  constraint invitation_status_is_known check (value in ('pending', 'accepted', 'declined', 'revoked'));
comment on domain app_public.invitation_status is 'What has become of an invitation. pending: nobody has answered it.';
comment on constraint invitation_status_is_known on domain app_public.invitation_status is 'must be pending, accepted, declined or revoked';

create domain app_public.invitation_delivery_status as text
  constraint invitation_delivery_status_is_known check (value in ('queued', 'sent', 'failed'));
comment on domain app_public.invitation_delivery_status is 'What has become of the mail of an invitation. queued: it waits, or is tried again. sent: the mail server has taken it. failed: every attempt failed.';
comment on constraint invitation_delivery_status_is_known on domain app_public.invitation_delivery_status is 'must be queued, sent or failed';

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
comment on function tenancy.is_country_code is 'Whether a text is the code of a country in ISO 3166-1 alpha-2, in upper case.';

create function tenancy.is_host_name(value text) returns boolean
  language sql immutable parallel safe
  return length(value) <= 253 and value ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
comment on function tenancy.is_host_name is 'Whether a text is a host name in lower case, such as agents.example.com.';

-- A browser sends an origin without a path and without the default port, so nothing else could ever match.
create function tenancy.are_origins(value text[]) returns boolean
  language sql immutable parallel safe
  return cardinality(value) <= 50 and array_position(value, null) is null and not exists (
    select from unnest(value) as origin
     where length(origin) > 255
        or origin !~ '^https?://(([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$'
        or origin ~ '^(http://.*:80|https://.*:443)$');
comment on function tenancy.are_origins is
  'Whether a list has at most 50 web origins as browsers send them: http or https, a host in lower case, and a port unless it is the default one.';

create table app_public.tenants (
  id uuid primary key default gen_random_uuid(),
  slug text not null,
  name text not null,
  type app_public.tenant_type not null default 'organization',

  status app_public.tenant_status not null default 'active',
  activated_at timestamptz,
  deactivated_at timestamptz,
  suspended_at timestamptz,
  suspension_reason text,
  erased_at timestamptz,
  cancelled_at timestamptz,
  cancellation_reason text,

  subscription_tier app_public.tenant_subscription_tier not null default 'standard',
  subscription_status app_public.tenant_subscription_status not null default 'active',
  trial_ends_at timestamptz,
  subscription_started_at timestamptz,
  subscription_ends_at timestamptz,
  -- the zone in which the subscription counts its periods; a change of timezone does not change it
  subscription_timezone text,
  billing_cycle app_public.tenant_billing_cycle,
  payment_method_id text,
  last_payment_at timestamptz,
  next_billing_date timestamptz,

  parent_tenant_id uuid references app_public.tenants (id),
  tenant_level int not null default 0,
  tenant_path text not null,
  -- the ids from the top down to the parent, so that one lookup answers who is above, who pays, and what limits a use
  ancestor_ids uuid[] not null default '{}',
  -- once true, always true: a tenant cannot leave its parent to get a trial of its own
  was_sub_tenant boolean not null default false,

  resource_access_config jsonb not null default '{}',
  features jsonb not null default '{}',
  -- what its plan says of features; billing keeps it, and features replaces single keys of it
  plan_features jsonb not null default '{}',
  config jsonb not null default '{}',
  quotas jsonb not null default '{}',

  domain text,
  industry text,
  company_size app_public.company_size,
  country_code text,
  timezone text not null default 'UTC',
  language_code text not null default 'en',

  compliance_notes text,

  primary_contact_email text,
  primary_contact_name text,
  primary_contact_phone text,
  support_tier app_public.support_tier,
  account_manager_id uuid,

  last_login_at timestamptz,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint slug_is_a_slug check (core.is_slug(slug)),
  constraint name_is_a_name check (core.is_name(name)),
  constraint country_code_is_iso_3166 check (tenancy.is_country_code(country_code)),
  constraint language_code_is_a_tag check (language_code ~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$'),
  constraint domain_is_a_host_name check (tenancy.is_host_name(domain)),
  constraint primary_contact_email_is_an_email check (core.is_email(primary_contact_email)),
  constraint tenant_level_is_in_range check (tenant_level between 0 and 9),
  constraint platform_is_at_the_top check (type <> 'platform' or parent_tenant_id is null),
  constraint plan_features_is_an_object check (jsonb_typeof(plan_features) = 'object'),
  constraint metadata_is_an_object_of_at_most_16_kb check (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 16384)
);
call core.limit_length('app_public.tenants', 50, 'primary_contact_phone');
call core.limit_length('app_public.tenants', 64, 'timezone', 'subscription_timezone');
call core.limit_length('app_public.tenants', 255, 'payment_method_id', 'industry', 'primary_contact_name');
call core.limit_length('app_public.tenants', 700, 'tenant_path');
call core.limit_length('app_public.tenants', 1000, 'suspension_reason', 'cancellation_reason');
call core.limit_length('app_public.tenants', 10000, 'compliance_notes');
call core.limit_bytes('app_public.tenants', 100000, 'resource_access_config', 'features', 'config', 'quotas', 'plan_features');

create unique index tenants_slug_key on app_public.tenants (slug);
create unique index tenants_domain_key on app_public.tenants (domain);
create unique index tenants_one_platform_key on app_public.tenants (type) where type = 'platform';
create index on app_public.tenants (parent_tenant_id);
create index on app_public.tenants using gin (ancestor_ids);

-- The history of a tenant's status. A trigger writes it.
create table app_public.tenant_status_history (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  id bigint generated always as identity,
  from_status app_public.tenant_status,
  to_status app_public.tenant_status not null,
  reason text,
  changed_by_user_id uuid,
  changed_at timestamptz not null,
  primary key (tenant_id, id)
);
call core.limit_length('app_public.tenant_status_history', 1000, 'reason');

create table app_public.tenant_config (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null unique references app_public.tenants (id) on delete cascade,
  rate_limit_config jsonb not null default '{}',
  allowed_origins text[] not null default '{}',
  features jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint allowed_origins_are_origins check (tenancy.are_origins(allowed_origins))
);
call core.limit_bytes('app_public.tenant_config', 100000, 'rate_limit_config', 'features');
-- A browser's preflight request names its origin but no tenant, so origins are looked up in all tenants.
create index on app_public.tenant_config using gin (allowed_origins);

-- The secrets of tenant_config.
create table vault.tenant_config (
  tenant_id uuid primary key references app_public.tenants (id) on delete cascade,
  service_tokens jsonb not null default '{}',

  constraint service_tokens_is_an_object check (jsonb_typeof(service_tokens) = 'object')
);
call core.limit_bytes('vault.tenant_config', 100000, 'service_tokens');

create type app_public.tenant_subtree_entry as (
  id uuid,
  slug text,
  name text,
  status app_public.tenant_status,
  parent_tenant_id uuid,
  tenant_level int,
  tenant_path text
);

create type app_public.service_token as (
  name text,
  created_at timestamptz,
  last_used_at timestamptz
);

create table tenancy.analyst_tenants (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  login name not null,
  granted_at timestamptz not null default now(),
  expires_at timestamptz,
  sees_people boolean not null default false,
  -- Each login has a key of its own for each tenant, so two analysts cannot put their pseudonyms together.
  pseudonym_key text not null default encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'),
  primary key (tenant_id, login)
);
call core.limit_length('tenancy.analyst_tenants', 64, 'pseudonym_key');
create index on tenancy.analyst_tenants (login);

-- The tenant that a transaction reads for reports. The row is written by the transaction that reads, which rolls back, so no other
-- transaction ever sees one.
create table tenancy.report_transactions (
  tenant_id uuid not null,
  transaction_id xid8 not null,
  primary key (tenant_id, transaction_id)
);

-- People: one profile a person across all tenants, one membership a person and tenant.

-- The permissions that a membership can give beyond reading. Each role comes with some of them (see
-- tenancy.role_permissions). The permissions of a membership add single ones and take single ones away.
create function tenancy.permission_keys() returns text[]
  language sql immutable parallel safe
  return array[
    'can_create_agents', 'can_edit_agents', 'can_delete_agents',
    'can_create_resources', 'can_edit_resources', 'can_delete_resources',
    'can_manage_knowledge', 'can_publish_resources', 'can_share_resources', 'can_create_projects',
    'can_manage_users', 'can_manage_settings', 'can_manage_tenant', 'can_manage_billing',
    'can_view_analytics', 'can_view_audit', 'can_view_subtree', 'can_record_usage', 'can_run_agents',
    'can_decide_approvals'
  ];
comment on function tenancy.permission_keys is
  'All permissions. In their names, resources are tools, prompts and workflows; settings are the columns of the tenant; can_manage_tenant is for its life cycle and hierarchy; can_run_agents is for giving agents tasks and doing them, can_decide_approvals for allowing what they may not do alone.';

create function tenancy.are_permissions(value jsonb) returns boolean
  language sql immutable parallel safe
  return jsonb_typeof(value) = 'object' and not exists (
    select from jsonb_each(case jsonb_typeof(value) when 'object' then value else '{}' end) as entry (key, allowed)
     where key <> all (tenancy.permission_keys()) or jsonb_typeof(allowed) <> 'boolean');
comment on function tenancy.are_permissions is 'Whether a value is an object of known permissions, each true or false.';

-- The settings of a person: each key with its type, its range and its default, in the words of JSON Schema. Only values
-- that differ from the default are stored.
create function tenancy.preference_schema() returns jsonb
  language sql immutable parallel safe
  return '{
    "theme": {"type": "string", "enum": ["system", "light", "dark"], "default": "system"},
    "density": {"type": "string", "enum": ["comfortable", "compact"], "default": "comfortable"},
    "language": {"type": "string", "pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,8}$", "default": "en"},
    "timezone": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_+/-]{1,63}$", "default": "UTC"},
    "dateFormat": {"type": "string", "enum": ["iso", "day-month", "month-day"], "default": "iso"},
    "timeFormat": {"type": "string", "enum": ["24h", "12h"], "default": "24h"},
    "pageSize": {"type": "integer", "minimum": 10, "maximum": 200, "default": 50},
    "sidebarCollapsed": {"type": "boolean", "default": false}
  }'::jsonb;
comment on function tenancy.preference_schema is 'All preferences, each with its type, range and default in the words of JSON Schema.';

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
comment on function tenancy.notification_schema is 'All notification settings, each with its type, range and default in the words of JSON Schema.';

-- A case stops at the first branch that matches, so a value is cast to a number only when it is one; "and" does not promise that.
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
comment on function tenancy.is_setting is 'Whether a value has the type and the range of a setting; false when there is no such setting.';

create function tenancy.are_settings(value jsonb, schema jsonb) returns boolean
  language sql immutable parallel safe
  return jsonb_typeof(value) = 'object' and not exists (
    select from jsonb_each(case jsonb_typeof(value) when 'object' then value else '{}' end) as entry (key, setting)
     where not tenancy.is_setting(setting, schema -> key));
comment on function tenancy.are_settings is 'Whether a value is an object of known settings, each of its type and in its range.';

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
  constraint avatar_url_is_an_image check (core.is_image_url(avatar_url)),
  constraint preferences_are_known_and_in_range check (tenancy.are_settings(preferences, tenancy.preference_schema())),
  constraint notification_settings_are_known_and_in_range
    check (tenancy.are_settings(notification_settings, tenancy.notification_schema()))
);
call core.limit_length('app_public.user_profiles', 255, 'job_title', 'department', 'organization');
create unique index user_profiles_email_key on app_public.user_profiles (email) where deleted_at is null;

-- The issuers and subjects by which tokens name a person. A person may have several.
create table tenancy.user_identities (
  issuer text not null,
  subject text not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (issuer, subject)
);
call core.limit_length('tenancy.user_identities', 1000, 'issuer', 'subject');
create index on tenancy.user_identities (user_id);

create table app_public.user_tenants (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  role app_public.membership_role not null default 'member',
  status app_public.membership_status not null default 'active',
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
  constraint permissions_are_known_and_boolean check (tenancy.are_permissions(permissions)),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
);
call core.limit_bytes('app_public.user_tenants', 100000, 'metadata');
create index on app_public.user_tenants (user_id);
create index on app_public.user_tenants (invited_by_user_id);

-- Who is asked to join a tenant. People without a tenant look for their invitations by e-mail and by token, so the table
-- is part of the control plane.
create table app_public.invitations (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  email text not null,
  role app_public.membership_role not null,
  permissions jsonb not null default '{}',
  message text,
  status app_public.invitation_status not null default 'pending',
  invited_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  expires_at timestamptz not null,

  delivery_number int not null default 1,
  delivery_status app_public.invitation_delivery_status not null default 'queued',
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

  unique (tenant_id, id),
  constraint email_is_an_email check (core.is_email(email)),
  constraint permissions_are_known_and_boolean check (tenancy.are_permissions(permissions)),
  constraint message_is_short check (length(message) <= 2000),
  constraint accepted_invitation_is_dated check ((status = 'accepted') = (accepted_at is not null)),
  constraint declined_invitation_is_dated check ((status = 'declined') = (declined_at is not null)),
  constraint revoked_invitation_is_dated check ((status = 'revoked') = (revoked_at is not null))
);
call core.limit_length('app_public.invitations', 500, 'delivery_error');
create unique index invitations_one_pending_key on app_public.invitations (tenant_id, email) where status = 'pending';
create index on app_public.invitations (tenant_id, created_at);
create index on app_public.invitations (email) where status = 'pending';
create index on app_public.invitations (invited_by_user_id);
create index on app_public.invitations (accepted_by_user_id);

-- The token of an invitation is in its mail and nowhere else. Here is its SHA-256, for as long as the token can be used. Each
-- attempt to send a mail has a token, because nobody knows whether an attempt that was cut off had sent it.
create table vault.invitations (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  invitation_id uuid not null,
  token_hash bytea not null,
  primary key (tenant_id, invitation_id, token_hash),
  foreign key (tenant_id, invitation_id) references app_public.invitations (tenant_id, id) on delete cascade,
  constraint token_hash_is_a_sha256 check (octet_length(token_hash) = 32)
);
-- a token is looked up before its tenant is known
create index on vault.invitations (token_hash);

-- The permissions that a membership or an invitation sets, as the API takes them.
create type app_public.permission_overrides as (
  can_create_agents boolean,
  can_edit_agents boolean,
  can_delete_agents boolean,
  can_create_resources boolean,
  can_edit_resources boolean,
  can_delete_resources boolean,
  can_manage_knowledge boolean,
  can_publish_resources boolean,
  can_share_resources boolean,
  can_create_projects boolean,
  can_manage_users boolean,
  can_manage_settings boolean,
  can_manage_tenant boolean,
  can_manage_billing boolean,
  can_view_analytics boolean,
  can_view_audit boolean,
  can_view_subtree boolean,
  can_record_usage boolean,
  can_run_agents boolean,
  can_decide_approvals boolean
);
create type app_public.new_invitation as (
  email text,
  role app_public.membership_role,
  message text,
  permissions app_public.permission_overrides
);

-- The answer to one row of a bulk invitation, and an invitation as the invited person sees it.
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
  role app_public.membership_role,
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

-- API keys, by which programs call. What a key may do is fixed when it is made, and is never more than its maker may at the
-- moment. The ids of the keys above it are kept, so that one lookup tells whether one of them has ended.
create domain app_public.api_key_type as text
  constraint api_key_type_is_known check (value in ('user', 'admin', 'agent', 'service', 'gateway'));
comment on domain app_public.api_key_type is 'For whom an API key acts. user: its maker. admin: its maker, with the role of an admin. agent: one agent. service: a program of the tenant. gateway: a program through which others call.';
comment on constraint api_key_type_is_known on domain app_public.api_key_type is 'must be user, admin, agent, service or gateway';

create domain app_public.api_key_environment as text
  constraint api_key_environment_is_known check (value in ('live', 'test'));
comment on domain app_public.api_key_environment is 'What an API key is for, which can be seen at its beginning: rh_live_ or rh_test_. It says nothing about what the key may do.';
comment on constraint api_key_environment_is_known on domain app_public.api_key_environment is 'must be live or test';

create domain app_public.api_service as text
  constraint api_service_is_known check (value in ('graphql', 'files', 'traces'));
comment on domain app_public.api_service is 'A part of the server that an API key may call. graphql: the GraphQL API. files: sending and fetching files. traces: sending spans of OpenTelemetry.';
comment on constraint api_service_is_known on domain app_public.api_service is 'must be graphql, files or traces';

create domain app_public.api_key_status as text
  constraint api_key_status_is_known check (value in ('active', 'expired', 'revoked'));
comment on domain app_public.api_key_status is 'Whether an API key can be used. expired and revoked: it, or a key above it, has ended.';
comment on constraint api_key_status_is_known on domain app_public.api_key_status is 'must be active, expired or revoked';

create table app_public.api_keys (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  name text not null,
  key_type app_public.api_key_type not null,
  environment app_public.api_key_environment not null,
  prefix text not null,
  parent_key_id uuid,
  -- the ids from the top down to the parent
  ancestor_ids uuid[] not null default '{}',
  agent_id uuid,
  service_name text,
  role app_public.membership_role not null,
  permissions app_public.permission[] not null,
  -- null: all of them
  allowed_services app_public.api_service[],
  allowed_agents uuid[],
  allowed_users uuid[],
  allowed_ips inet[],
  max_calls_per_day bigint,
  max_cost_per_day numeric,
  expires_at timestamptz,
  last_used_at timestamptz,
  last_rotated_at timestamptz,
  created_by_user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  revoked_at timestamptz,
  revoked_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  unique (tenant_id, id),
  foreign key (tenant_id, parent_key_id) references app_public.api_keys (tenant_id, id),
  constraint name_is_a_name check (core.is_name(name)),
  constraint prefix_is_short check (length(prefix) = 12),
  constraint parent_is_the_nearest_above check (parent_key_id is not distinct from ancestor_ids[cardinality(ancestor_ids)]),
  constraint key_is_not_too_deep check (cardinality(ancestor_ids) <= 5),
  constraint agent_is_named_by_its_key check ((agent_id is not null) = (key_type = 'agent')),
  constraint service_is_named_by_its_key check ((service_name is not null) = (key_type in ('service', 'gateway'))),
  constraint service_name_is_a_name check (core.is_name(service_name)),
  -- no key is an owner, and only one of type admin is an admin
  constraint role_fits_the_type check (role <> 'owner' and (role = 'admin') = (key_type = 'admin')),
  constraint reading_key_has_permissions_to_read check (
    role <> 'viewer' or permissions::text[] <@ array['can_view_analytics', 'can_view_audit', 'can_view_subtree']),
  constraint allowed_services_are_named check (cardinality(allowed_services) > 0),
  constraint allowed_agents_are_named check (cardinality(allowed_agents) > 0),
  constraint allowed_users_are_named check (cardinality(allowed_users) > 0),
  constraint allowed_ips_are_named check (cardinality(allowed_ips) > 0),
  constraint max_calls_per_day_is_not_negative check (max_calls_per_day >= 0),
  constraint max_cost_per_day_is_an_amount check (max_cost_per_day >= 0 and max_cost_per_day < 1e12)
);
call core.limit_length('app_public.api_keys', 255, 'service_name');
call core.limit_entries('app_public.api_keys', 100, 'permissions', 'allowed_services', 'allowed_agents', 'allowed_users', 'allowed_ips');
create index on app_public.api_keys (tenant_id, created_at);
create index on app_public.api_keys (tenant_id, parent_key_id);
create index on app_public.api_keys (tenant_id, agent_id) where agent_id is not null;
create index on app_public.api_keys (created_by_user_id);
create index on app_public.api_keys (revoked_by_user_id);
create index on app_public.api_keys using gin (ancestor_ids);

-- The SHA-256 of the secrets of API keys. A key has one, and while it is rotated the one before for some time.
create table vault.api_keys (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  api_key_id uuid not null,
  key_hash bytea not null,
  -- of a secret that was replaced
  expires_at timestamptz,
  primary key (tenant_id, api_key_id, key_hash),
  foreign key (tenant_id, api_key_id) references app_public.api_keys (tenant_id, id) on delete cascade,
  constraint key_hash_is_a_sha256 check (octet_length(key_hash) = 32)
);
-- a key is looked up before its tenant is known
create unique index on vault.api_keys (key_hash);

create type app_public.new_api_key as (
  name text,
  key_type app_public.api_key_type,
  environment app_public.api_key_environment,
  parent_key_id uuid,
  agent_id uuid,
  service_name text,
  role app_public.membership_role,
  permissions app_public.permission[],
  allowed_services app_public.api_service[],
  allowed_agents uuid[],
  allowed_users uuid[],
  allowed_ips inet[],
  max_calls_per_day bigint,
  max_cost_per_day numeric,
  expires_at timestamptz
);
create type app_public.issued_api_key as (
  api_key_id uuid,
  name text,
  key text
);

-- The visits of people to a front end, for the tenant's analytics.
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
  -- the query and the fragment of an address may hold secrets of another site
  constraint referrer_url_is_an_address_without_query check (core.is_web_url(referrer_url) and referrer_url !~ '[?#]')
);
create index on app_public.user_sessions (user_id);
create index on app_public.user_sessions (tenant_id, session_start);
create index on app_public.user_sessions (last_activity_at) where session_end is null;

alter table app_public.tenants
  add foreign key (account_manager_id) references app_public.user_profiles (id) on delete set null;
create index on app_public.tenants (account_manager_id);
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

-- How many invitations were sent on a day, for the limits of tenancy.count_invitation.
create table tenancy.daily_invitations (
  tenant_id uuid not null references app_public.tenants (id) on delete cascade,
  sent_on date not null,
  email text not null,
  count int not null default 1,
  primary key (tenant_id, sent_on, email),
  constraint email_is_an_email check (core.is_email(email)),
  constraint count_is_positive check (count > 0)
);
create index on tenancy.daily_invitations (email, sent_on);

reset role;
