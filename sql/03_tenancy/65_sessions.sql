-- Visits of people to a front end: begun, kept alive by what it reports, ended by it or by half an hour of silence.

call core.secure_tenant_table('app_public.user_sessions');
call core.exempt_from_guard('app_public.user_sessions', '_000_require_writable_tenant', 'a visit is logged, also in a tenant that is read-only');
call core.allow('app_public.user_sessions', read => 'self, can_view_analytics');
grant select on app_public.user_sessions to rowhouse_user;
grant select, insert, update, delete on app_public.user_sessions to rowhouse_platform;
comment on table app_public.user_sessions is
  E'@behavior -insert -update -delete\nVisits of people to a front end of this tenant. You see your own; with can_view_analytics those of all.';
comment on column app_public.user_sessions.session_start is 'When it began.';
comment on column app_public.user_sessions.last_activity_at is 'When it was last heard of.';
comment on column app_public.user_sessions.session_end is 'When it ended, null while it is open. 30 minutes of silence end it.';
comment on column app_public.user_sessions.duration_seconds is 'Seconds from its begin to its end, or to when it was last heard of.';
comment on column app_public.user_sessions.page_views is 'Pages looked at.';
comment on column app_public.user_sessions.events_count is 'Events reported.';
comment on column app_public.user_sessions.device_type is 'Kind of device, such as desktop, mobile or tablet, at most 100 characters.';
comment on column app_public.user_sessions.browser is 'Browser, at most 100 characters.';
comment on column app_public.user_sessions.os is 'Operating system, at most 100 characters.';
comment on column app_public.user_sessions.ip_address is 'Where it came from, as the server saw it.';
comment on column app_public.user_sessions.referrer_url is 'The page that led here, without what follows ? and #.';
comment on column app_public.user_sessions.utm_source is 'Campaign: source, at most 255 characters.';
comment on column app_public.user_sessions.utm_medium is 'Campaign: medium, at most 255 characters.';
comment on column app_public.user_sessions.utm_campaign is 'Campaign: name, at most 255 characters.';
comment on column app_public.user_sessions.created_at is 'When it was recorded.';

create or replace function tenancy.current_ip_address() returns inet
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  -- set by the server for each request
  return nullif(current_setting('rowhouse.ip', true), '')::inet;
exception when invalid_text_representation then
  return null;
end
$$;
comment on function tenancy.current_ip_address is
  'The address this request came from, null when it is not known.';

create or replace function app_public.start_session(
  device_type text default null, browser text default null, os text default null, referrer_url text default null,
  utm_source text default null, utm_medium text default null, utm_campaign text default null
) returns app_public.user_sessions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_session app_public.user_sessions;
begin
  perform tenancy.require_role('viewer');
  insert into app_public.user_sessions (
    tenant_id, user_id, session_start, last_activity_at, device_type, browser, os, ip_address, referrer_url,
    utm_source, utm_medium, utm_campaign)
  values (
    core.current_tenant_id(), core.current_user_id(), v_now, v_now,
    nullif(trim(start_session.device_type), ''), nullif(trim(start_session.browser), ''), nullif(trim(start_session.os), ''),
    tenancy.current_ip_address(), nullif(regexp_replace(trim(start_session.referrer_url), '[?#].*$', ''), ''),
    nullif(trim(start_session.utm_source), ''), nullif(trim(start_session.utm_medium), ''), nullif(trim(start_session.utm_campaign), ''))
  returning * into v_session;
  return v_session;
end
$$;
comment on function app_public.start_session is
  E'@resultFieldName session\n@errors ID202 23514\nBegins a visit of yours. The address it comes from is the server''s to know; of referrer_url what follows ? and # is left out. Members.';
grant execute on function app_public.start_session to rowhouse_user;

create or replace function app_public.touch_session(id uuid, page_views int default 0, events int default 0) returns app_public.user_sessions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_session app_public.user_sessions;
begin
  if touch_session.page_views is null or touch_session.events is null
    or touch_session.page_views not between 0 and 10000 or touch_session.events not between 0 and 10000 then
    perform core.raise_error('ID411', 'page_views and events are not from 0 to 10000.', 'Send what came since the last call.');
  end if;
  update app_public.user_sessions s
     set page_views = s.page_views + touch_session.page_views, events_count = s.events_count + touch_session.events,
         last_activity_at = greatest(s.last_activity_at, v_now)
   where s.tenant_id = core.current_tenant_id() and s.id = touch_session.id and s.user_id = core.current_user_id()
     -- half an hour of silence ends it, whether or not the task has come by
     and s.session_end is null and s.last_activity_at > v_now - interval '30 minutes'
  returning * into v_session;
  if not found then
    perform core.raise_error('ID304', 'You have no such session that is open.', 'start_session begins a new one.');
  end if;
  return v_session;
end
$$;
comment on function app_public.touch_session is
  E'@resultFieldName session\n@errors ID304 ID411\nSays that a visit of yours goes on, and adds the pages and events since the last call, 0 to 10,000 each.';
grant execute on function app_public.touch_session to rowhouse_user;

create or replace function app_public.end_session(id uuid) returns app_public.user_sessions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_session app_public.user_sessions;
begin
  update app_public.user_sessions s
     set session_end = coalesce(s.session_end,
           case when s.last_activity_at > v_now - interval '30 minutes' then greatest(s.last_activity_at, v_now) else s.last_activity_at end)
   where s.tenant_id = core.current_tenant_id() and s.id = end_session.id and s.user_id = core.current_user_id()
  returning * into v_session;
  if not found then
    perform core.raise_error('ID304', 'You have no such session that is open.', 'start_session begins a new one.');
  end if;
  return v_session;
end
$$;
comment on function app_public.end_session is
  E'@resultFieldName session\n@errors ID304\nEnds a visit of yours: now, or when it was last heard of when that is more than 30 minutes ago. Doing it twice is no error.';
grant execute on function app_public.end_session to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the worker ends the silent sessions of all tenants
-- Sessions end by silence, those of all tenants in one go.

create or replace function tenancy.end_idle_sessions() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  update app_public.user_sessions s set session_end = s.last_activity_at
   where s.session_end is null and s.last_activity_at <= core.clock() - interval '30 minutes';
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function tenancy.end_idle_sessions is
  'Ends the sessions that have been silent for 30 minutes, at the time they were last heard of; returns how many.';
grant execute on function tenancy.end_idle_sessions to rowhouse_worker;

set local role rowhouse_owner;
