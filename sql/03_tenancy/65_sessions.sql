-- Sessions: the visits of people to a front end, for the tenant's analytics. The front end starts a session, reports its
-- activity and ends it. Without activity, a session ends after half an hour.

call core.secure_tenant_table('app_public.user_sessions');
call audit.leave_out('counters that rules keep', 'app_public.user_sessions');
call core.exempt_from_guard('app_public.user_sessions', '_000_require_writable_tenant', 'visits are recorded in a tenant that is read-only, too');
call core.allow('app_public.user_sessions', read => 'self, can_view_analytics');
grant select on app_public.user_sessions to rowhouse_user;
grant select, insert, update, delete on app_public.user_sessions to rowhouse_platform;
comment on table app_public.user_sessions is
  E'@behavior -insert -update -delete -query:resource:single\nA visit of a person to a front end of this tenant. You see your own visits, and with the permission can_view_analytics those of all members.';
comment on column app_public.user_sessions.user_id is E'@personal erase\nThe person.';
comment on column app_public.user_sessions.session_start is 'When it started.';
comment on column app_public.user_sessions.last_activity_at is 'When the front end last reported activity.';
comment on column app_public.user_sessions.session_end is 'When it ended; null while it is open. It ends after 30 minutes without activity.';
comment on column app_public.user_sessions.duration_seconds is 'The seconds from its start to its end or, while it is open, to its last activity.';
comment on column app_public.user_sessions.page_views is 'The number of pages that the person viewed.';
comment on column app_public.user_sessions.events_count is 'The number of events that the front end reported.';
comment on column app_public.user_sessions.device_type is E'@personal erase\nThe kind of device, such as desktop, mobile or tablet, at most 100 characters.';
comment on column app_public.user_sessions.browser is E'@personal erase\nThe browser, at most 100 characters.';
comment on column app_public.user_sessions.os is E'@personal erase\nThe operating system, at most 100 characters.';
comment on column app_public.user_sessions.ip_address is E'@personal erase\nThe IP address from which it came, as the server saw it.';
comment on column app_public.user_sessions.referrer_url is E'@personal erase\nThe address of the page that led here, without its query and fragment.';
comment on column app_public.user_sessions.utm_source is E'@personal erase\nThe source of the campaign, at most 255 characters.';
comment on column app_public.user_sessions.utm_medium is E'@personal erase\nThe medium of the campaign, at most 255 characters.';
comment on column app_public.user_sessions.utm_campaign is E'@personal erase\nThe name of the campaign, at most 255 characters.';
comment on column app_public.user_sessions.created_at is 'When it was recorded.';
comment on constraint session_ends_after_it_starts on app_public.user_sessions is
  'must not be before the start of the session';
comment on constraint counts_are_not_negative on app_public.user_sessions is 'must not be negative';
comment on constraint device_is_short on app_public.user_sessions is 'must have at most 100 characters';
comment on constraint campaign_is_short on app_public.user_sessions is 'must have at most 255 characters';
comment on constraint referrer_url_is_an_address_without_query on app_public.user_sessions is
  'must be an address with http or https of at most 2000 characters';

create or replace function tenancy.current_ip_address() returns inet
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  -- the server sets it for each request
  return nullif(current_setting('rowhouse.ip', true), '')::inet;
exception when invalid_text_representation then
  return null;
end
$$;
comment on function tenancy.current_ip_address is
  'The IP address from which this request came; null when it is not known.';

create or replace function tenancy.session_timeout() returns interval
language sql immutable parallel safe
return interval '30 minutes';
comment on function tenancy.session_timeout is
  'After how much time without activity a session ends.';
grant execute on function tenancy.session_timeout to rowhouse_platform;

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
  E'@resultFieldName session\n@errors ID202 23514\nStarts a session of yours. The server adds the IP address. The query and the fragment of referrerUrl are removed. You must be a member of this tenant.';
grant execute on function app_public.start_session to rowhouse_user;

create or replace function app_public.touch_session(id uuid, page_views int default 0, events int default 0) returns app_public.user_sessions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_page_views int := coalesce(touch_session.page_views, 0);
  v_events int := coalesce(touch_session.events, 0);
  v_maximum constant int := 10000;
  v_session app_public.user_sessions;
begin
  if v_page_views not between 0 and v_maximum or v_events not between 0 and v_maximum then
    perform core.raise_error('ID411', format('pageViews and events must be from 0 to %s.', v_maximum),
      'Send only the numbers since the last call.');
  end if;
  update app_public.user_sessions s
     set page_views = s.page_views + v_page_views, events_count = s.events_count + v_events,
         last_activity_at = greatest(s.last_activity_at, v_now)
   where s.tenant_id = core.current_tenant_id() and s.id = touch_session.id and s.user_id = core.current_user_id()
     -- A silent session has ended, even if the task that ends it has not run yet.
     and s.session_end is null and s.last_activity_at > v_now - tenancy.session_timeout()
  returning * into v_session;
  if not found then
    perform core.raise_error('ID304', 'This session does not exist or has ended.', 'Start a new one with startSession.');
  end if;
  return v_session;
end
$$;
comment on function app_public.touch_session is
  E'@resultFieldName session\n@errors ID304 ID411\nReports activity in a session of yours. It adds the pages that you viewed and the events since the last call, from 0 to 10,000 each.';
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
           case
             when s.last_activity_at > v_now - tenancy.session_timeout() then greatest(s.last_activity_at, v_now)
             else s.last_activity_at
           end)
   where s.tenant_id = core.current_tenant_id() and s.id = end_session.id and s.user_id = core.current_user_id()
  returning * into v_session;
  if not found then
    perform core.raise_error('ID304', 'This session does not exist or has ended.', 'Start a new one with startSession.');
  end if;
  return v_session;
end
$$;
comment on function app_public.end_session is
  E'@resultFieldName session\n@errors ID304\nEnds a session of yours now or, if its last activity was more than 30 minutes ago, at the time of that. It is no error to do it twice.';
grant execute on function app_public.end_session to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the worker ends the silent sessions of all tenants
create or replace function tenancy.end_idle_sessions() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  update app_public.user_sessions s set session_end = s.last_activity_at
   where s.session_end is null and s.last_activity_at <= core.clock() - tenancy.session_timeout();
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function tenancy.end_idle_sessions is
  'Ends the sessions that have had no activity for 30 minutes, at the time of their last activity, and returns their number.';
grant execute on function tenancy.end_idle_sessions to rowhouse_worker;

set local role rowhouse_owner;
