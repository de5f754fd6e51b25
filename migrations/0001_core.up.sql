-- The ground everything stands on: roles, schemas, extensions and default privileges.
-- Roles belong to the cluster, not to this database: they are created when missing and never dropped here.

do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'rowhouse_owner', 'rowhouse_authenticator', 'rowhouse_user', 'rowhouse_worker',
    'rowhouse_admin', 'rowhouse_platform', 'rowhouse_analyst', 'rowhouse_indexer'
  ] loop
    begin
      execute format('create role %I', v_role);
    exception
      -- another database of this cluster has it, or is creating it at this moment
      when duplicate_object or unique_violation then null;
    end;
  end loop;
end
$$;

alter role rowhouse_authenticator with login noinherit;
grant rowhouse_user, rowhouse_worker, rowhouse_admin, rowhouse_indexer to rowhouse_authenticator;
-- an index is built concurrently only by the table's owner and in no function: the one table that needs it has its own
grant rowhouse_indexer to rowhouse_owner;
-- an administrator is a user with more doors, so every policy and grant of rowhouse_user holds for it
grant rowhouse_user to rowhouse_admin;

do $$
begin
  -- a superuser may act as anyone; a managed database's login must be a member of what it creates objects for
  if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    execute format('grant rowhouse_owner, rowhouse_platform, rowhouse_worker, rowhouse_indexer to %I', current_user);
  end if;
end
$$;

create extension if not exists vector;
-- typing errors are looked up by trigrams, within one tenant's vocabulary
create extension if not exists pg_trgm;
create extension if not exists btree_gin;

create schema app_public authorization rowhouse_owner;
comment on schema app_public is 'The API: everything here is served by GraphQL, inside the walls of a tenant.';
grant usage on schema app_public to rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analyst;

-- Each domain keeps its internals in a schema of its own name. To see a schema is no right to what is in it: tables,
-- views and functions are granted one by one.
create schema core authorization rowhouse_owner;
comment on schema core is 'What every domain builds on: errors, the wall, access rules, the context of a request, the clock and the queue.';
grant usage on schema core to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analyst;

-- nothing can be executed by everyone unless it is granted
alter default privileges for role rowhouse_owner revoke execute on functions from public;
alter default privileges for role rowhouse_platform revoke execute on functions from public;
alter default privileges for role rowhouse_worker revoke execute on functions from public;

set role rowhouse_owner;

-- Context of a request. A custom setting that was reset is '' and not null.
create function core.current_tenant_id() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('rowhouse.tenant_id', true), '')::uuid;

create function core.current_user_id() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('rowhouse.user_id', true), '')::uuid;

-- The time that periods, limits, expiry and invoices go by. Tests set it; only a superuser's session can, because a
-- clock that a caller could set would be a limit that a caller could lift.
create function core.clock() returns timestamptz
  language sql stable parallel safe
  return case
    when coalesce(current_setting('rowhouse.clock', true), '') = '' then now()
    when (select rolsuper from pg_catalog.pg_roles where rolname = session_user)
      then current_setting('rowhouse.clock', true)::timestamptz
    else now()
  end;

-- Facts used by checks of several domains.
create function core.is_slug(value text) returns boolean
  language sql immutable parallel safe
  return value ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$';

create function core.is_email(value text) returns boolean
  language sql immutable parallel safe
  return value ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' and value = lower(value) and length(value) <= 254;

create function core.is_name(value text) returns boolean
  language sql immutable parallel safe
  return length(value) <= 255 and value ~ '\S' and value !~ '[\x01-\x1f\x7f]';

comment on function core.current_tenant_id() is 'The tenant of this request, or null outside of one.';
comment on function core.current_user_id() is 'The user of this request, or null outside of one.';
comment on function core.clock() is
  'Now: the start of the transaction, or what a superuser''s session set as rowhouse.clock (for tests).';
comment on function core.is_slug(text) is 'Lower-case letters, digits and inner hyphens, at most 63: fit for a host name.';
comment on function core.is_email(text) is 'A plausible e-mail address, stored lower-cased, at most 254 characters.';
comment on function core.is_name(text) is 'At most 255 characters, at least one of them visible, no control characters.';

-- Which workers are alive. The queue gives the jobs of one that fell silent back (see core.release_dead_workers).
create table core.worker_heartbeats (
  worker_id text primary key,
  seen_at timestamptz not null default now()
);

-- The words that access rules are written in (see core.allow): a domain that knows a role or a permission adds it.
create table core.access_words (
  word text primary key,
  -- a condition of a policy
  condition text not null,
  -- who that is, for people
  who text not null,
  role name not null default 'rowhouse_user'
);

-- Triggers that every walled table of the API gets, and the tables that one of them leaves out, with the reason.
create table core.table_guards (
  name name primary key,
  function text not null,
  meaning text not null
);
create table core.table_guard_exemptions (
  guard name not null references core.table_guards (name) on delete cascade,
  table_name text not null,
  reason text not null,
  primary key (guard, table_name),
  constraint reason_is_given check (reason ~ '\S')
);

-- A team's own domains beside ours (docs/extending.md): their schemas are part of the API.
create table core.extensions (
  name name primary key,
  installed_at timestamptz not null default now()
);

reset role;
