-- Where the people of one tenant work together: workspaces (rooms with roles of their own), projects (work with a goal) and
-- institutions (organizations outside of the tenant to which its people belong). Only members of the tenant can be members
-- of these.

create schema workspaces authorization rowhouse_owner;
comment on schema workspaces is 'Workspaces, projects and institutions.';
grant usage on schema workspaces to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analytics;

set role rowhouse_owner;

create type app_public.workspace_visibility as enum ('private', 'team', 'organization', 'public');
-- The values are in the order of their rights, so that roles are compared by comparing enum values.
create type app_public.member_role as enum ('viewer', 'contributor', 'moderator', 'admin', 'owner');

create domain app_public.project_status as text
  constraint project_status_is_known check (value in ('planned', 'active', 'on_hold', 'completed', 'archived'));
comment on domain app_public.project_status is 'The status of a project.';
comment on constraint project_status_is_known on domain app_public.project_status is 'must be planned, active, on_hold, completed or archived';

create domain app_public.project_role as text
  constraint project_role_is_known check (value in ('observer', 'member', 'lead'));
comment on domain app_public.project_role is 'The role of a member of a project. observer: reads. member: works on it. lead: edits the project and its members.';
comment on constraint project_role_is_known on domain app_public.project_role is 'must be observer, member or lead';

create domain app_public.institution_type as text
  constraint institution_type_is_known check (value in ('hospital', 'university', 'research_institute', 'company', 'government', 'nonprofit', 'other'));
comment on domain app_public.institution_type is 'The kind of an institution.';
comment on constraint institution_type_is_known on domain app_public.institution_type is 'must be hospital, university, research_institute, company, government, nonprofit or other';

create table app_public.workspaces (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  name text not null,
  description text,
  icon text,
  visibility app_public.workspace_visibility not null default 'private',
  settings jsonb not null default '{}',
  created_by_user_id uuid default core.current_user_id() references app_public.user_profiles (id) on delete set null,
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,

  -- foreign keys within the tenant refer to this key
  unique (tenant_id, id),
  constraint name_is_a_name check (core.is_name(name)),
  constraint description_is_not_too_long check (length(description) <= 10000),
  constraint icon_is_a_name check (core.is_name(icon)),
  constraint settings_is_an_object check (jsonb_typeof(settings) = 'object')
);
call core.limit_bytes('app_public.workspaces', 100000, 'settings');
create unique index workspaces_tenant_id_name_key on app_public.workspaces (tenant_id, name) where deleted_at is null;
create index on app_public.workspaces (created_by_user_id);

create table app_public.workspace_members (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  workspace_id uuid not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  role app_public.member_role not null default 'viewer',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, workspace_id, user_id),
  foreign key (tenant_id, workspace_id) references app_public.workspaces (tenant_id, id) on delete cascade,
  foreign key (tenant_id, user_id) references app_public.user_tenants (tenant_id, user_id) on delete cascade
);
create index on app_public.workspace_members (tenant_id, user_id);
create index on app_public.workspace_members (user_id);

create table app_public.projects (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  workspace_id uuid,
  name text not null,
  key text,
  description text,
  status app_public.project_status not null default 'planned',
  is_private boolean not null default false,
  starts_on date,
  ends_on date,
  owner_id uuid default core.current_user_id() references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,

  unique (tenant_id, id),
  foreign key (tenant_id, workspace_id) references app_public.workspaces (tenant_id, id),
  constraint name_is_a_name check (core.is_name(name)),
  constraint key_is_a_short_code check (key ~ '^[A-Z][A-Z0-9]{1,9}$'),
  constraint description_is_not_too_long check (length(description) <= 10000),
  constraint dates_are_finite check (isfinite(starts_on) and isfinite(ends_on)),
  constraint ends_on_is_not_before_starts_on check (ends_on >= starts_on)
);
create unique index projects_tenant_id_key_key on app_public.projects (tenant_id, key) where deleted_at is null;
create index on app_public.projects (tenant_id, workspace_id);
create index on app_public.projects (owner_id);

create type app_public.new_project as (
  name text,
  key text,
  description text,
  workspace_id uuid,
  is_private boolean,
  starts_on date,
  ends_on date,
  status app_public.project_status
);

create table app_public.project_members (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  project_id uuid not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  role app_public.project_role not null default 'member',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, project_id, user_id),
  foreign key (tenant_id, project_id) references app_public.projects (tenant_id, id) on delete cascade,
  foreign key (tenant_id, user_id) references app_public.user_tenants (tenant_id, user_id) on delete cascade
);
create index on app_public.project_members (tenant_id, user_id);
create index on app_public.project_members (user_id);

create table app_public.institutions (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  name text not null,
  type app_public.institution_type not null default 'other',
  country_code text,
  website text,
  verified_at timestamptz,
  is_verified boolean not null generated always as (verified_at is not null) stored,
  verified_by_user_id uuid references app_public.user_profiles (id) on delete set null,
  created_by_user_id uuid default core.current_user_id() references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,

  unique (tenant_id, id),
  constraint name_is_a_name check (core.is_name(name)),
  constraint country_code_is_iso_3166 check (country_code ~ '^[A-Z]{2}$'),
  constraint website_is_http check (core.is_web_url(website))
);
create unique index institutions_tenant_id_name_country_code_key
  on app_public.institutions (tenant_id, lower(name), country_code) nulls not distinct where deleted_at is null;
create index on app_public.institutions (verified_by_user_id);
create index on app_public.institutions (created_by_user_id);

create table app_public.institution_members (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  institution_id uuid not null,
  user_id uuid not null default core.current_user_id() references app_public.user_profiles (id) on delete cascade,
  title text,
  department text,
  is_primary boolean not null default false,
  starts_on date,
  ends_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, institution_id, user_id),
  foreign key (tenant_id, institution_id) references app_public.institutions (tenant_id, id) on delete cascade,
  foreign key (tenant_id, user_id) references app_public.user_tenants (tenant_id, user_id) on delete cascade,
  constraint title_is_a_name check (core.is_name(title)),
  constraint department_is_a_name check (core.is_name(department)),
  constraint dates_are_finite check (isfinite(starts_on) and isfinite(ends_on)),
  constraint ends_on_is_not_before_starts_on check (ends_on >= starts_on)
);
create unique index institution_members_one_primary_key on app_public.institution_members (tenant_id, user_id) where is_primary;
create index on app_public.institution_members (tenant_id, user_id);
create index on app_public.institution_members (user_id);

reset role;
