-- People: one profile a person across all tenants, one membership a person and tenant.

set role rowhouse_owner;

-- What a membership may allow beyond reading. Roles come with some of them (app_hidden.role_permissions), and a
-- membership's own permissions add and take away single ones.
create function app_hidden.permission_keys() returns text[]
  language sql immutable parallel safe
  return array[
    'can_create_agents', 'can_edit_agents', 'can_delete_agents',
    'can_create_resources', 'can_edit_resources', 'can_delete_resources',
    'can_manage_knowledge', 'can_publish_resources', 'can_share_resources', 'can_create_projects',
    'can_manage_users', 'can_manage_settings', 'can_manage_tenant', 'can_manage_billing',
    'can_view_analytics', 'can_view_audit', 'can_view_subtree'
  ];
comment on function app_hidden.permission_keys() is
  'All permissions there are. Resources are tools, prompts and workflows; settings are the tenant''s own columns, can_manage_tenant is its life cycle and hierarchy.';

create function app_hidden.are_permissions(value jsonb) returns boolean
  language sql immutable parallel safe
  return jsonb_typeof(value) = 'object' and not exists (
    select from jsonb_each(case jsonb_typeof(value) when 'object' then value else '{}' end) as entry (key, allowed)
     where key <> all (app_hidden.permission_keys()) or jsonb_typeof(allowed) <> 'boolean');
comment on function app_hidden.are_permissions(jsonb) is 'An object of known permissions, each true or false.';

-- Settings of a person: each key with its type, its range and its default, in the words of JSON Schema. A stored value
-- holds only what differs from the default.
create function app_hidden.preference_schema() returns jsonb
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
comment on function app_hidden.preference_schema() is 'The preferences there are, in JSON Schema''s words: type, range and default of each.';

create function app_hidden.notification_schema() returns jsonb
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
comment on function app_hidden.notification_schema() is 'The notification settings there are, in JSON Schema''s words: type, range and default of each.';

-- what a number means is looked at only once it is one: case, unlike and, keeps the order
create function app_hidden.is_setting(value jsonb, schema jsonb) returns boolean
  language sql immutable parallel safe
  return schema is not null
     and case schema ->> 'type'
           when 'integer' then case when jsonb_typeof(value) = 'number'
             then value::numeric = trunc(value::numeric) and value::numeric between (schema -> 'minimum')::numeric and (schema -> 'maximum')::numeric
             else false end
           else jsonb_typeof(value) = schema ->> 'type' end
     and (schema -> 'enum' is null or schema -> 'enum' @> value)
     and (schema -> 'pattern' is null or value #>> '{}' ~ (schema ->> 'pattern'));
comment on function app_hidden.is_setting(jsonb, jsonb) is 'Whether a value is of a setting''s type and in its range; false when there is no such setting.';

create function app_hidden.are_settings(value jsonb, schema jsonb) returns boolean
  language sql immutable parallel safe
  return jsonb_typeof(value) = 'object' and not exists (
    select from jsonb_each(case jsonb_typeof(value) when 'object' then value else '{}' end) as entry (key, setting)
     where not app_hidden.is_setting(setting, schema -> key));
comment on function app_hidden.are_settings(jsonb, jsonb) is 'An object of known settings, each of its type and in its range.';

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

  constraint email_is_an_email check (app_hidden.is_email(email)),
  constraint full_name_is_a_name check (app_hidden.is_name(full_name)),
  constraint preferences_are_known_and_in_range check (app_hidden.are_settings(preferences, app_hidden.preference_schema())),
  constraint notification_settings_are_known_and_in_range
    check (app_hidden.are_settings(notification_settings, app_hidden.notification_schema()))
);
create unique index user_profiles_email_key on app_public.user_profiles (email) where deleted_at is null;

-- Who a token speaks of: the subject an issuer knows a person by. A person may have several.
create table app_private.user_identities (
  issuer text not null,
  subject text not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (issuer, subject)
);
create index on app_private.user_identities (user_id);

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
  constraint permissions_are_known_and_boolean check (app_hidden.are_permissions(permissions)),
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

  constraint email_is_an_email check (app_hidden.is_email(email)),
  constraint role_is_known check (role in ('owner', 'admin', 'member', 'viewer')),
  constraint permissions_are_known_and_boolean check (app_hidden.are_permissions(permissions)),
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
alter table app_private.admin_access_log
  add foreign key (admin_user_id) references app_public.user_profiles (id);
create index on app_private.admin_access_log (admin_user_id);
alter table app_public.tenant_status_history
  add foreign key (changed_by_user_id) references app_public.user_profiles (id) on delete set null;
create index on app_public.tenant_status_history (changed_by_user_id);

reset role;
