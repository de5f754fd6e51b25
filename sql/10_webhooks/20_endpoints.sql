-- Endpoints: the addresses of a team's programs, each with the kinds of events that it wants. The secret by which its messages
-- are signed lies in vault and is shown once. The platform's staff can have endpoints that get the events of all tenants.

create or replace function webhooks.may_manage() returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select tenancy.has_permission('can_manage_settings')
     and (tenancy.is_platform_admin()
       or not exists (select from app_public.tenants t where t.id = core.current_tenant_id() and t.type = 'platform'));
$$;
comment on function webhooks.may_manage is
  'Whether you may see and change the webhooks of this tenant. In the platform''s own tenant they may have the events of all tenants, so only staff may.';
grant execute on function webhooks.may_manage to rowhouse_user;

call core.define_access('webhook_manager', '(select webhooks.may_manage())',
  'members with can_manage_settings; in the platform''s own tenant platform staff');

call core.secure_tenant_table('app_public.webhook_endpoints');
call audit.track('app_public.webhook_endpoints');
call core.allow('app_public.webhook_endpoints', read => 'webhook_manager', update => 'webhook_manager', delete => 'webhook_manager');
grant select, delete, update (url, description, kinds) on app_public.webhook_endpoints to rowhouse_user;
grant select, update on app_public.webhook_endpoints to rowhouse_platform;
comment on table app_public.webhook_endpoints is
  E'@behavior -insert\nThe addresses to which events of this tenant are sent by POST. create_webhook_endpoint adds one. Reading and changing them requires can_manage_settings.';
comment on column app_public.webhook_endpoints.url is 'The address. It must be one of the public internet, and should begin with https.';
comment on column app_public.webhook_endpoints.description is 'What the endpoint is for.';
comment on column app_public.webhook_endpoints.kinds is 'The kinds of events that it gets, of webhookEventKinds.';
comment on column app_public.webhook_endpoints.of_all_tenants is 'Whether it gets the events of all tenants. Only platform staff can have such an endpoint, in the platform''s own tenant.';
comment on column app_public.webhook_endpoints.disabled_reason is E'@kept\nWhy it gets nothing; null while it is enabled.';
comment on column app_public.webhook_endpoints.disabled_at is E'@kept\nWhen it was disabled; null while it is enabled.';
comment on column app_public.webhook_endpoints.failing_since is E'@kept\nSince when every call has failed; null when the last one succeeded. After five days the endpoint is disabled.';
comment on column app_public.webhook_endpoints.failure_count is E'@kept\nHow many calls have failed since the last one that succeeded.';
comment on column app_public.webhook_endpoints.last_claimed_at is E'@behavior -*\n@kept\nWhen a worker last took deliveries of it: endpoints take turns.';
comment on column app_public.webhook_endpoints.rested_until is E'@behavior -*\n@kept\nUntil this time its long queue is not looked through again, because nothing in it could be sent.';
comment on column app_public.webhook_endpoints.created_at is 'When it was created.';
comment on column app_public.webhook_endpoints.updated_at is 'When a person last changed it.';
comment on constraint url_is_a_web_url on app_public.webhook_endpoints is 'must be an address with http or https, without user and password, of at most 2,000 characters';
comment on constraint kinds_are_chosen on app_public.webhook_endpoints is 'must name at least one kind';

call core.secure_tenant_table('vault.webhook_endpoints');
call audit.track('vault.webhook_endpoints');
grant select on vault.webhook_endpoints to rowhouse_platform;
comment on table vault.webhook_endpoints is 'The secrets of app_public.webhook_endpoints. They sign messages, so they are kept and not hashed.';
comment on column vault.webhook_endpoints.secret is 'The key of HMAC-SHA256.';
comment on column vault.webhook_endpoints.previous_secret is 'The key before the last rotation; null when there is none.';
comment on column vault.webhook_endpoints.previous_until is 'Until when messages are signed with the previous key as well.';

comment on type app_public.new_webhook_secret is 'A new secret of a webhook endpoint, which is shown only this once.';
comment on column app_public.new_webhook_secret.endpoint_id is E'@notNull\nThe endpoint.';
comment on column app_public.new_webhook_secret.secret is E'@notNull\nThe secret as Standard Webhooks writes it: whsec_ and 32 bytes in base64.';

create or replace function webhooks.max_endpoints() returns int
language sql immutable parallel safe
return 20;
comment on function webhooks.max_endpoints is 'How many endpoints a tenant can have.';

create or replace function webhooks.grace_period() returns interval
language sql immutable parallel safe
return interval '24 hours';
comment on function webhooks.grace_period is 'How long messages are signed with the previous secret as well.';

create or replace function webhooks.secret_text(secret bytea) returns text
language sql immutable parallel safe
return 'whsec_' || translate(encode(secret, 'base64'), E'\n', '');
comment on function webhooks.secret_text is 'A secret as Standard Webhooks writes it.';

-- A trigger, so that the rules hold for administrators in psql, too.
create or replace function webhooks.tg_webhook_endpoints__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_unknown text;
begin
  select coalesce(left(k, 100), 'null') into v_unknown
    from unnest(new.kinds) as k where not exists (select from app_public.webhook_event_kinds e where e.kind = k) limit 1;
  if found then
    perform core.raise_error('WH401', format('kinds names %s, which is no kind of event.', v_unknown), 'webhookEventKinds lists the kinds.');
  end if;
  if new.of_all_tenants and not exists (
    select from app_public.tenants t where t.id = new.tenant_id and t.type = 'platform') then
    perform core.raise_error('WH201', 'Only an endpoint of the platform''s own tenant can get the events of all tenants.', 'Leave of_all_tenants out.');
  end if;
  return new;
end
$$;
comment on function webhooks.tg_webhook_endpoints__check is
  E'@errors WH201 WH401\nLets an endpoint choose only kinds that exist, and the events of all tenants only in the platform''s own tenant.';

create or replace function webhooks.tg_webhook_endpoints__limit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Two who add the last one at the same time wait here for each other.
  perform from vault.tenant_config c where c.tenant_id = new.tenant_id for no key update;
  if (select count(*) from app_public.webhook_endpoints e where e.tenant_id = new.tenant_id) >= webhooks.max_endpoints() then
    perform core.raise_error('WH601', format('A tenant can have at most %s webhook endpoints.', webhooks.max_endpoints()),
      'Delete an endpoint that is not used any more.');
  end if;
  return new;
end
$$;
comment on function webhooks.tg_webhook_endpoints__limit is E'@errors WH601\nLimits the endpoints of a tenant.';

create or replace function webhooks.require_manager() returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_settings');
  if not webhooks.may_manage() then
    perform tenancy.require_staff();
  end if;
end
$$;
comment on function webhooks.require_manager is
  E'@errors ID203 TN205\nRaises an error unless the caller may manage the webhooks of this tenant.';

create or replace function webhooks.require_endpoint(id uuid) returns app_public.webhook_endpoints
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_endpoint app_public.webhook_endpoints;
begin
  perform webhooks.require_manager();
  select e.* into v_endpoint from app_public.webhook_endpoints e
   where e.tenant_id = core.current_tenant_id() and e.id = require_endpoint.id
     for no key update;
  if not found then
    perform core.raise_error('WH301', 'This webhook endpoint does not exist.', 'webhookEndpoints lists the endpoints of this tenant.');
  end if;
  return v_endpoint;
end
$$;
comment on function webhooks.require_endpoint is
  E'@errors ID203 TN205 WH301\nLocks an endpoint that the caller may change, and returns it.';

create or replace function app_public.create_webhook_endpoint(
  url text, kinds text[], description text default null, of_all_tenants boolean default false
) returns app_public.new_webhook_secret
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_secret constant bytea := tenancy.random_secret();
  v_endpoint app_public.webhook_endpoints;
begin
  perform webhooks.require_manager();
  insert into app_public.webhook_endpoints as e (url, kinds, description, of_all_tenants)
  values (create_webhook_endpoint.url, create_webhook_endpoint.kinds, create_webhook_endpoint.description,
          coalesce(create_webhook_endpoint.of_all_tenants, false))
  returning e.* into v_endpoint;
  insert into vault.webhook_endpoints (tenant_id, endpoint_id, secret) values (v_endpoint.tenant_id, v_endpoint.id, v_secret);
  return row(v_endpoint.id, webhooks.secret_text(v_secret))::app_public.new_webhook_secret;
end
$$;
comment on function app_public.create_webhook_endpoint is
  E'@resultFieldName endpointSecret\n@errors ID203 TN205 WH201 WH401 WH601 23514\nAdds an endpoint and returns its id with the secret that signs its messages. The secret is shown only this once. A tenant can have 20 endpoints. You need the permission can_manage_settings; in the platform''s own tenant only staff can call it, and only there of_all_tenants can be set.';
grant execute on function app_public.create_webhook_endpoint to rowhouse_user;

create or replace function app_public.rotate_webhook_secret(endpoint_id uuid) returns app_public.new_webhook_secret
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_secret constant bytea := tenancy.random_secret();
  v_endpoint app_public.webhook_endpoints := webhooks.require_endpoint(rotate_webhook_secret.endpoint_id);
begin
  update vault.webhook_endpoints v
     set secret = v_secret, previous_secret = v.secret, previous_until = core.clock() + webhooks.grace_period()
   where v.tenant_id = v_endpoint.tenant_id and v.endpoint_id = v_endpoint.id;
  return row(v_endpoint.id, webhooks.secret_text(v_secret))::app_public.new_webhook_secret;
end
$$;
comment on function app_public.rotate_webhook_secret is
  E'@resultFieldName endpointSecret\n@errors ID203 TN205 WH301\nGives an endpoint a new secret and returns it. It is shown only this once. For 24 hours messages are signed with the secret before as well; a second rotation ends the use of all but the last two. You need the permission can_manage_settings.';
grant execute on function app_public.rotate_webhook_secret to rowhouse_user;

create or replace function app_public.enable_webhook_endpoint(endpoint_id uuid) returns app_public.webhook_endpoints
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_endpoint app_public.webhook_endpoints := webhooks.require_endpoint(enable_webhook_endpoint.endpoint_id);
begin
  update app_public.webhook_endpoints e
     set disabled_reason = null, disabled_at = null, failing_since = null, failure_count = 0
   where e.tenant_id = v_endpoint.tenant_id and e.id = v_endpoint.id
  returning e.* into v_endpoint;
  return v_endpoint;
end
$$;
comment on function app_public.enable_webhook_endpoint is
  E'@resultFieldName endpoint\n@errors ID203 TN205 WH301\nEnables an endpoint again. What was not sent in the meantime is sent only when replay_webhook_deliveries asks for it. You need the permission can_manage_settings.';
grant execute on function app_public.enable_webhook_endpoint to rowhouse_user;

create or replace trigger _200_check before insert or update of kinds, of_all_tenants, tenant_id on app_public.webhook_endpoints
  for each row execute function webhooks.tg_webhook_endpoints__check();
create or replace trigger _210_limit before insert on app_public.webhook_endpoints
  for each row execute function webhooks.tg_webhook_endpoints__limit();
