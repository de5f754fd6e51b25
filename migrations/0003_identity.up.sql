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
  constraint preferences_is_an_object check (jsonb_typeof(preferences) = 'object'),
  constraint notification_settings_is_an_object check (jsonb_typeof(notification_settings) = 'object')
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
