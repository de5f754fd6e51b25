-- The life of a tenant: which step may follow which, who may take it, and what can still be done in each state.

call core.secure_tenant_table('app_public.tenant_status_history');
call core.allow('app_public.tenant_status_history', read => 'can_view_audit');
grant select on app_public.tenant_status_history to rowhouse_user;
grant select, insert, update, delete on app_public.tenant_status_history to rowhouse_platform;
comment on table app_public.tenant_status_history is
  E'@behavior -insert -update -delete\nEach step in the life of this tenant. For members with the permission can_view_audit.';
comment on column app_public.tenant_status_history.from_status is 'The status before, null for the first.';
comment on column app_public.tenant_status_history.to_status is 'The status it took.';
comment on column app_public.tenant_status_history.reason is 'Why, for a suspension and, when it was said, a cancellation.';
comment on column app_public.tenant_status_history.changed_by_user_id is 'Who, null for the system.';
comment on column app_public.tenant_status_history.changed_at is 'When.';

create or replace function tenancy.require_staff() returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not tenancy.is_platform_admin() then
    perform core.raise_error('TN205', 'Only platform staff can do this.', 'Ask an administrator of the platform tenant.');
  end if;
end
$$;
comment on function tenancy.require_staff is
  E'@errors TN205\nRaises an error unless the request is one of platform staff.';
grant execute on function tenancy.require_staff to rowhouse_platform;

create or replace function tenancy.next_tenant_statuses(status text) returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case next_tenant_statuses.status
    when 'trial' then array['active', 'inactive', 'suspended', 'cancelled']
    when 'active' then array['inactive', 'suspended', 'cancelled']
    when 'inactive' then array['active', 'suspended', 'cancelled']
    when 'suspended' then array['trial', 'active', 'cancelled']
    when 'cancelled' then array['trial', 'active']
    else '{}'
  end;
$$;
comment on function tenancy.next_tenant_statuses is
  'The legal steps. trial begins a life, inactive is one without a subscription, and back to trial goes only what never was active.';

-- Also for whoever writes SQL: no one takes a step that is not legal, and every step is dated.
create or replace function tenancy.tg_tenants__check_status() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
begin
  if new.type = 'platform' and new.status <> 'active' then
    perform core.raise_error('TN502', 'The platform''s own tenant stays active.', 'Name another tenant in the x-tenant-id header.');
  end if;
  if tg_op = 'INSERT' then
    if new.status not in ('trial', 'active') then
      perform core.raise_error('TN501', 'A new tenant is trial or active.', 'Create it, then change its status.');
    end if;
    if new.status = 'active' then
      new.activated_at := coalesce(new.activated_at, v_now);
    end if;
    return new;
  end if;

  if new.status is distinct from old.status then
    if not coalesce(new.status = any (tenancy.next_tenant_statuses(old.status)), false)
      or (new.status = 'trial' and old.activated_at is not null) then
      perform core.raise_error('TN501', format('A tenant that is %s cannot take this step.', old.status),
        format('From here it can become: %s.', array_to_string(tenancy.next_tenant_statuses(old.status), ', ')));
    end if;
    new.suspended_at := case when new.status = 'suspended' then v_now end;
    new.cancelled_at := case when new.status = 'cancelled' then v_now end;
    new.deactivated_at := case when new.status = 'inactive' then v_now end;
    new.activated_at := case when new.status = 'active' then v_now else old.activated_at end;
  end if;
  if new.status = 'suspended' and coalesce(new.suspension_reason, '') !~ '\S' then
    perform core.raise_error('TN405', 'A suspension needs a reason.', 'Say why: the tenant''s members read it.');
  end if;
  if new.status <> 'suspended' then
    new.suspension_reason := null;
  end if;
  if new.status <> 'cancelled' then
    new.cancellation_reason := null;
  end if;
  return new;
end
$$;
comment on function tenancy.tg_tenants__check_status is
  E'@errors TN405 TN501 TN502\nLets a tenant take legal steps only, and dates them.';

create or replace function tenancy.set_tenant_status(tenant_id uuid, status text, reason text default null)
returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant app_public.tenants;
begin
  select * into v_tenant from app_public.tenants t where t.id = set_tenant_status.tenant_id for no key update;
  if not found then
    perform core.raise_error('TN301', 'There is no such tenant.', 'Check the x-tenant-id header.');
  end if;
  if v_tenant.status = set_tenant_status.status then
    perform core.raise_error('TN501', format('The tenant is %s already.', v_tenant.status), 'There is nothing to do.');
  end if;
  update app_public.tenants t
     set status = set_tenant_status.status,
         suspension_reason = case set_tenant_status.status when 'suspended' then set_tenant_status.reason end,
         cancellation_reason = case set_tenant_status.status when 'cancelled' then set_tenant_status.reason end
   where t.id = set_tenant_status.tenant_id
  returning * into v_tenant;
  return v_tenant;
end
$$;
comment on function tenancy.set_tenant_status is
  E'@errors TN301 TN405 TN501 TN502\nTakes one step in the life of a tenant, for functions that have checked who asks, and for administrators in psql.';
grant execute on function tenancy.set_tenant_status to rowhouse_platform;

-- What may be left by one function and not by another: from a suspension a tenant is reactivated, not activated.
create or replace function tenancy.require_tenant_status(statuses text[]) returns app_public.tenants
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant app_public.tenants;
begin
  select * into v_tenant from app_public.tenants t where t.id = core.current_tenant_id() for no key update;
  if not coalesce(v_tenant.status = any (statuses), false) then
    perform core.raise_error('TN501', format('A tenant that is %s cannot take this step.', v_tenant.status),
      format('This is for a tenant that is %s.', array_to_string(statuses, ' or ')));
  end if;
  return v_tenant;
end
$$;
comment on function tenancy.require_tenant_status is
  E'@errors TN501\nLocks the tenant of the context. Raises an error unless its status is one of these.';

create or replace function app_public.activate_tenant() returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_staff();
  perform tenancy.require_tenant_status(array['trial', 'inactive']);
  return tenancy.set_tenant_status(core.current_tenant_id(), 'active');
end
$$;
comment on function app_public.activate_tenant is
  E'@resultFieldName tenant\n@errors TN205 TN501\nMakes this tenant active: ends its trial, or begins again after a time without a subscription. Platform staff only.';
grant execute on function app_public.activate_tenant to rowhouse_user;

create or replace function app_public.suspend_tenant(reason text) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_staff();
  return tenancy.set_tenant_status(core.current_tenant_id(), 'suspended', trim(suspend_tenant.reason));
end
$$;
comment on function app_public.suspend_tenant is
  E'@resultFieldName tenant\n@errors TN205 TN405 TN501 TN502\nSuspends this tenant: its members can read everything and change nothing. The reason is shown to them. reactivate_tenant is the way back. Platform staff only, in the tenant they have entered.';
grant execute on function app_public.suspend_tenant to rowhouse_user;

create or replace function app_public.reactivate_tenant() returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant app_public.tenants;
begin
  perform tenancy.require_staff();
  v_tenant := tenancy.require_tenant_status(array['suspended', 'cancelled']);
  -- what never was active was in trial, and a suspension is no way around paying
  return tenancy.set_tenant_status(v_tenant.id, case when v_tenant.activated_at is null then 'trial' else 'active' end);
end
$$;
comment on function app_public.reactivate_tenant is
  E'@resultFieldName tenant\n@errors TN205 TN501\nLifts the suspension or the cancellation of this tenant: it is active again, or in trial when it never was active. Platform staff only.';
grant execute on function app_public.reactivate_tenant to rowhouse_user;

create or replace function app_public.cancel_tenant(reason text default null) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_tenant');
  return tenancy.set_tenant_status(core.current_tenant_id(), 'cancelled', nullif(trim(cancel_tenant.reason), ''));
end
$$;
comment on function app_public.cancel_tenant is
  E'@resultFieldName tenant\n@errors ID203 TN501 TN502\nCancels this tenant: its members can still read and export everything, and change nothing. Nothing is deleted, and platform staff can reactivate it. For members with the permission can_manage_tenant.';
grant execute on function app_public.cancel_tenant to rowhouse_user;

-- Read-only. A suspended tenant's people, and a visitor from a parent tenant, read and write nothing. Work without a
-- user (the queue, psql) and platform staff go on.
create or replace function tenancy.require_writable_tenant(is_for_members boolean default true) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_status text;
  v_is_member boolean;
begin
  if core.current_user_id() is null or core.current_tenant_id() is null or tenancy.is_platform_admin() then
    return;
  end if;
  select t.status, m.id is not null into v_status, v_is_member
    from app_public.tenants t
    left join app_public.user_tenants m
      on m.tenant_id = t.id and m.user_id = core.current_user_id() and m.status = 'active'
   where t.id = core.current_tenant_id();
  if coalesce(v_status not in ('trial', 'active'), true) then
    perform core.raise_error('TN202', format('This tenant is %s: it can be read, not changed.', coalesce(v_status, 'gone')),
      case v_status
        when 'suspended' then 'currentTenant has the reason; the platform''s staff can reactivate it.'
        when 'inactive' then 'Renew its subscription.'
        else 'The platform''s staff can reactivate it.'
      end);
  elsif require_writable_tenant.is_for_members and not v_is_member then
    perform core.raise_error('TN203', 'You are not a member of this tenant: you can read, not change.',
      'Ask one of its owners to invite you.');
  end if;
end
$$;
comment on function tenancy.require_writable_tenant is
  E'@errors TN202 TN203\nWhether the user of the request may write in the tenant of the context at all.';
grant execute on function tenancy.require_writable_tenant to rowhouse_user, rowhouse_platform, rowhouse_worker, rowhouse_indexer;

-- Not a definer function, so that it sees who writes: a function outside the wall (accepting an invitation, say) knows
-- better than the membership of this moment who may, but not what a suspended tenant may.
create or replace function tenancy.tg__require_writable_tenant() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_writable_tenant(is_for_members => current_user <> 'rowhouse_platform');
  return null;
end
$$;
comment on function tenancy.tg__require_writable_tenant is
  E'@errors TN202 TN203\nKeeps users of a tenant that is read-only, and visitors, from changing its tables.';

-- Every table of the API that is a tenant's, but for those that say why not, has this guard.
call core.guard_tables('_000_require_writable_tenant', 'tenancy.tg__require_writable_tenant()',
  'Only while the tenant is in trial or active, and only by its members.');
call core.exempt_from_guard('app_public.tenant_status_history', '_000_require_writable_tenant', 'the end of a suspension is recorded, too');

set local role rowhouse_platform;  -- outside the wall: a tenant's configuration and the record of its life are written from outside of it, too
create or replace function tenancy.tg_tenants__record_status() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.tenant_status_history (tenant_id, from_status, to_status, reason, changed_by_user_id, changed_at)
  values (new.id, case tg_op when 'UPDATE' then old.status end, new.status,
          coalesce(new.suspension_reason, new.cancellation_reason), core.current_user_id(), core.clock());
  return null;
end
$$;
comment on function tenancy.tg_tenants__record_status is
  'Records each step in the life of a tenant, whoever takes it.';
grant execute on function tenancy.tg_tenants__record_status to rowhouse_owner;

set local role rowhouse_owner;

-- The tenant's own row, and the guard of every table that a tenant's people write.
create or replace trigger _000_require_writable_tenant
  -- what users are granted to update; the steps of its life have functions of their own
  before update of name, config, industry, company_size, country_code, timezone, language_code,
    primary_contact_email, primary_contact_name, primary_contact_phone, metadata on app_public.tenants
  for each statement execute function tenancy.tg__require_writable_tenant();
create or replace trigger _200_check_status before insert or update of status, type, suspension_reason, cancellation_reason
  on app_public.tenants
  for each row execute function tenancy.tg_tenants__check_status();
create or replace trigger _520_record_first_status after insert on app_public.tenants
  for each row execute function tenancy.tg_tenants__record_status();
create or replace trigger _521_record_status after update on app_public.tenants
  for each row when (old.status <> new.status) execute function tenancy.tg_tenants__record_status();
