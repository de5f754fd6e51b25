-- What every domain builds on: roles, schemas, extensions and default privileges.
-- Roles belong to the cluster and not to this database. So they are created when they are missing, and never dropped here.

do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'rowhouse_owner', 'rowhouse_authenticator', 'rowhouse_user', 'rowhouse_worker',
    'rowhouse_admin', 'rowhouse_platform', 'rowhouse_analyst', 'rowhouse_queue', 'rowhouse_backup',
    -- through whose eyes a list of shareable rows reads its two halves (see sql/05_catalog/20_sharing/18_lists.sql)
    'rowhouse_own_rows', 'rowhouse_shared_rows',
    -- through whose eyes analysts read the reporting views (see sql/11_observability/70_analytics.sql)
    'rowhouse_analytics',
    -- as which the statements of reports run (see sql/11_observability/80_reports)
    'rowhouse_reporter'
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

do $$
begin
  -- Only where it is not so yet: two databases of a cluster that change a role at once would fail.
  if exists (select from pg_roles where rolname = 'rowhouse_authenticator' and (not rolcanlogin or rolinherit)) then
    alter role rowhouse_authenticator with login noinherit;
  end if;
end
$$;
-- None of these roles owns anything: the owner of a table or a function decides what code others run who use it. The queue,
-- which the worker uses, therefore belongs to rowhouse_queue, which no login is a member of.
grant rowhouse_user, rowhouse_worker, rowhouse_admin, rowhouse_reporter to rowhouse_authenticator;
-- Every policy and grant of rowhouse_user holds for administrators too; they have some more of their own.
grant rowhouse_user to rowhouse_admin;

do $$
begin
  -- A superuser may act as any role. The login of a managed database must be a member of the roles that own its objects, of
  -- the one that reads them for a backup, and of the server's, as which the tools of the command line act.
  if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    execute format(
      'grant rowhouse_owner, rowhouse_platform, rowhouse_queue, rowhouse_backup, rowhouse_authenticator, rowhouse_worker, '
      'rowhouse_own_rows, rowhouse_shared_rows, rowhouse_analytics, rowhouse_reporter to %I',
      current_user);
  end if;
end
$$;

create extension if not exists vector;
-- Search finds misspelt words by trigrams.
create extension if not exists pg_trgm;
create extension if not exists btree_gin;

create schema app_public authorization rowhouse_owner;
comment on schema app_public is 'The API: everything here is served by GraphQL, inside the walls of a tenant.';
grant usage on schema app_public to rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analytics;

-- Each domain keeps its internals in a schema of its own name. The right to use a schema gives no right to its contents:
-- tables, views and functions are granted one by one.
create schema core authorization rowhouse_owner;
comment on schema core is 'What every domain builds on: errors, the wall, access rules, the context of a request, the clock and the queue.';
grant usage on schema core to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_queue, rowhouse_platform, rowhouse_analytics;

-- Hashes of tokens and other secrets. A table here has the name of the table of the API whose secret it keeps.
create schema vault authorization rowhouse_owner;
comment on schema vault is 'Secrets. No role but the definer functions of Rowhouse, and a backup, reads them.';
grant usage on schema vault to rowhouse_platform;

-- A new function can be executed only by the roles to which it is granted.
alter default privileges for role rowhouse_owner revoke execute on functions from public;
alter default privileges for role rowhouse_platform revoke execute on functions from public;
alter default privileges for role rowhouse_queue revoke execute on functions from public;

set role rowhouse_owner;

-- The context of a request. After a reset, a custom setting is '' and not null.
create function core.current_tenant_id() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('rowhouse.tenant_id', true), '')::uuid;

create function core.current_user_id() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('rowhouse.user_id', true), '')::uuid;

create function core.current_api_key_id() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('rowhouse.api_key_id', true), '')::uuid;

-- The time by which periods, limits, expiry and invoices are computed. Tests can set it, but only in a session of a
-- superuser: a user who could set the clock could evade every limit. In PL/pgSQL, because in SQL the look at the roles is planned
-- anew at each call, which took 0.25 ms.
create function core.clock() returns timestamptz
language plpgsql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  if coalesce(current_setting('rowhouse.clock', true), '') <> ''
    and (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = session_user) then
    return current_setting('rowhouse.clock', true)::timestamptz;
  end if;
  return now();
end
$$;

create type core.cron_schedule as (minutes int[], hours int[], days int[], months int[], weekdays int[]);
comment on type core.cron_schedule is 'The values that the five fields of a cron expression admit, each in order. Sunday is 0.';

-- Rules that the checks of several domains use.
create function core.is_slug(value text) returns boolean
  language sql immutable parallel safe
  return value ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$';

-- Mailboxes are compared by this form. Only ASCII letters change their case: lower() turns U+212A, the Kelvin sign, into k,
-- and then two mailboxes would be one person.
create function core.fold_email(value text) returns text
  language sql immutable parallel safe
  return translate(
    regexp_replace(btrim(value, E' \t\r\n'), '^<([^<>]*)>$', '\1'),
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz');

create function core.is_email(value text) returns boolean
  language sql immutable parallel safe
  return length(value) <= 254
    -- no characters that separate or quote addresses, and none that cannot be seen
    and value ~ '^[^@\s<>()[\],;:\\"\u0001-\u0020\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+@[^@\s<>()[\],;:\\"\u0001-\u0020\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+\.[^@\s<>()[\],;:\\"\u0001-\u0020\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+$'
    and value = core.fold_email(value)
    -- no character that stands for another one
    and value = lower(value) and value = normalize(value, nfkc);

-- A front end shows such an address as a link or a picture, so javascript: and other schemes never get into one.
create function core.is_web_url(value text) returns boolean
  language sql immutable parallel safe
  return length(value) <= 2000 and value ~ '^https?://[^/?#@\s]+([/?#]\S*)?$';

create function core.is_image_url(value text) returns boolean
  language sql immutable parallel safe
  return core.is_web_url(value) or length(value) <= 100000 and (
    value ~ '^/[^/\\\s]\S*$' or value ~ '^data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+=*$');

create function core.is_name(value text) returns boolean
  language sql immutable parallel safe
  return length(value) <= 255 and value ~ '\S' and value !~ '[\x01-\x1f\x7f]';

-- BCP 47 (RFC 5646, section 2.1): language, extended language, script, region, variants, extensions, private use.
create function core.is_language_tag(value text) returns boolean
  language sql immutable parallel safe
  return length(value) <= 35 and value ~* ('^[a-z]{2,3}(-[a-z]{3}){0,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?'
    || '(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(-[0-9a-wyz](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?$');

comment on function core.current_tenant_id is 'The tenant of this request, or null outside of one.';
comment on function core.current_user_id is 'The user of this request, or null outside of one.';
comment on function core.current_api_key_id is 'The API key of this request; null when it comes from a person.';
comment on function core.clock is
  'The current time: the start of the transaction or, in a superuser''s session, the time that rowhouse.clock names (for tests).';
comment on function core.is_slug is 'Whether a text has 1 to 63 lower-case letters, digits and inner hyphens, so that it can be part of a host name.';
comment on function core.fold_email is 'The form of an e-mail address by which mailboxes are compared: without surrounding spaces and angle brackets, its ASCII letters in lower case.';
comment on function core.is_email is 'Whether a text looks like one e-mail address as core.fold_email returns it, of at most 254 characters, without characters that fold into others.';
comment on function core.is_web_url is 'Whether a text is an address with http or https, without user and password, of at most 2000 characters.';
comment on function core.is_image_url is 'Whether a text tells where a picture is: an http address, a path on the front end''s own site, or a data address that holds the picture itself.';
comment on function core.is_language_tag is 'Whether a text is a language tag of BCP 47, such as en, pt-BR, zh-Hant-TW or fil, with at most 35 characters.';
comment on function core.is_name is 'Whether a text has 1 to 255 characters, at least one of them visible, and no control characters.';

-- Every column for text, JSON, bytes or a list has a limit (tests/schema/sizes.test.ts). Most limits are plain numbers, so a
-- table names the number and its columns, and these procedures add the checks with the words that a form shows.
create procedure core.limit_column(target regclass, column_name name, fact text, condition text, words text)
  language plpgsql
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_constraint constant name := column_name || '_' || fact;
begin
  execute format('alter table %s add constraint %I check (%s)', target, v_constraint, format(condition, column_name));
  execute format('comment on constraint %I on %s is %L', v_constraint, target, words);
end
$$;
comment on procedure core.limit_column is 'Adds a check to a column, named by the column and a fact, with its rule in words.';

create procedure core.limit_length(target regclass, most int, variadic column_names name[])
  language plpgsql
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_column name;
begin
  foreach v_column in array column_names loop
    call core.limit_column(target, v_column, 'is_not_too_long', 'length(%1$I) <= ' || most,
      format('must have at most %s characters', to_char(most, 'FM999,999,999')));
  end loop;
end
$$;
comment on procedure core.limit_length is 'Limits the characters of columns.';

create procedure core.limit_entries(target regclass, most int, variadic column_names name[])
  language plpgsql
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_column name;
  v_characters constant int := 200 * most;
  v_is_text boolean;
begin
  foreach v_column in array column_names loop
    select atttypid = 'text[]'::regtype into strict v_is_text from pg_attribute where attrelid = target and attname = v_column;
    call core.limit_column(target, v_column, 'are_not_too_many',
      'cardinality(%1$I) <= ' || most
        || case when v_is_text then ' and length(array_to_string(%1$I, '''')) <= ' || v_characters else '' end,
      format('must have at most %s entries', to_char(most, 'FM999,999,999'))
        || case when v_is_text then format(', with at most %s characters together', to_char(v_characters, 'FM999,999,999')) else '' end);
  end loop;
end
$$;
comment on procedure core.limit_entries is 'Limits the entries of columns that are lists, and the characters of texts together: 200 an entry.';

-- The bytes of a stored value are counted without unpacking it, its characters are not. So the limits of long texts count bytes.
create procedure core.limit_bytes(target regclass, most int, variadic column_names name[])
  language plpgsql
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_column name;
  v_function text;
begin
  foreach v_column in array column_names loop
    select case when atttypid in ('text'::regtype, 'bytea'::regtype) then 'octet_length' else 'pg_column_size' end
      into strict v_function
      from pg_attribute where attrelid = target and attname = v_column;
    call core.limit_column(target, v_column, 'is_not_too_large', v_function || '(%1$I) <= ' || most,
      format('must have at most %s', case
        when most >= 1000000 then most / 1000000 || ' MB' when most >= 1000 then most / 1000 || ' kB' else most || ' bytes' end));
  end loop;
end
$$;
comment on procedure core.limit_bytes is 'Limits the bytes of columns: of a text or bytes as they are, of any other value as it is stored.';

-- When each worker last reported. core.release_dead_workers frees the jobs of workers that have stopped reporting.
create table core.worker_heartbeats (
  worker_id text primary key,
  seen_at timestamptz not null default now()
);
call core.limit_length('core.worker_heartbeats', 255, 'worker_id');

-- The words that access rules are written in (see core.allow): a domain that knows a role or a permission adds it.
create table core.access_words (
  word text primary key,
  -- the condition that a policy gets
  condition text not null,
  -- whom the condition lets in, in English
  who text not null,
  -- the role it is for; null when the word only explains policies that are written out
  role name default 'rowhouse_user'
);

-- Triggers that every walled table of the API gets (see core.guard_tables), and the tables that are exempt from one of them.
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

-- The tables whose changes are announced to those who watch them (see core.announce).
create table core.announced_tables (
  table_name text primary key,
  about name,
  kept name[] not null
);
-- Which changes somebody waits for: a lease of a server that listens. After a crash servers connect and say it anew.
create unlogged table core.watches (
  table_name text not null,
  tenant_id uuid not null,
  watcher uuid not null,
  expires_at timestamptz not null,
  primary key (tenant_id, table_name, watcher)
);
call core.limit_length('core.watches', 255, 'table_name');
create index on core.watches (watcher);
create index on core.watches (expires_at);

-- A team's own domains beside ours (docs/extending.md): their schemas are part of the API.
create table core.extensions (
  name name primary key,
  installed_at timestamptz not null default now()
);

reset role;
