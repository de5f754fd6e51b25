-- The life of a tenant: trial, active, inactive, suspended, cancelled. Triggers allow only legal changes of the status and
-- record them, and a guard on every table makes a tenant read-only while it, or a tenant above it, is not in trial or active.

call core.secure_tenant_table('app_public.tenant_status_history');
call audit.leave_out('a log that rules write; its rows never change', 'app_public.tenant_status_history');
call core.allow('app_public.tenant_status_history', read => 'can_view_audit');
grant select on app_public.tenant_status_history to rowhouse_user;
grant select, insert, update, delete on app_public.tenant_status_history to rowhouse_platform;
comment on table app_public.tenant_status_history is
  E'@behavior -insert -update -delete -query:resource:single\nThe history of this tenant''s status. Members with the permission can_view_audit see it.';
comment on column app_public.tenant_status_history.from_status is 'The status before; null for the first one.';
comment on column app_public.tenant_status_history.to_status is 'The new status.';
comment on column app_public.tenant_status_history.reason is 'The reason for a suspension, and for a cancellation when one was given.';
comment on column app_public.tenant_status_history.changed_by_user_id is E'@personal pseudonymise\nWho changed it; null when the system did.';
comment on column app_public.tenant_status_history.changed_at is 'When it was changed.';

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
  E'@errors TN205\nRaises an error unless the request comes from platform staff.';
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
  'The statuses that may follow a status. Only a tenant that was never active can go back to trial.';

-- A trigger, so that the rules hold for administrators in psql, too.
create or replace function tenancy.tg_tenants__check_status() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
begin
  if new.type = 'platform' and new.status <> 'active' then
    perform core.raise_error('TN502', 'The status of the platform''s own tenant cannot be changed.', 'Name another tenant in the x-tenant-id header.');
  end if;
  if tg_op = 'INSERT' then
    if new.status not in ('trial', 'active') then
      perform core.raise_error('TN501', 'A new tenant must be in trial or active.', 'Create it first, then change its status.');
    end if;
    if new.status = 'active' then
      new.activated_at := coalesce(new.activated_at, v_now);
    end if;
    return new;
  end if;

  if new.status is distinct from old.status then
    if not coalesce(new.status = any (tenancy.next_tenant_statuses(old.status)), false)
      or (new.status = 'trial' and old.activated_at is not null) then
      perform core.raise_error('TN501', format('The status of this tenant cannot change from %s to %s.', old.status, new.status),
        format('It can become: %s.', array_to_string(tenancy.next_tenant_statuses(old.status), ', ')));
    end if;
    new.suspended_at := case when new.status = 'suspended' then v_now end;
    new.cancelled_at := case when new.status = 'cancelled' then v_now end;
    new.deactivated_at := case when new.status = 'inactive' then v_now end;
    new.activated_at := case when new.status = 'active' then v_now else old.activated_at end;
  end if;
  if new.status = 'suspended' and coalesce(new.suspension_reason, '') !~ '\S' then
    perform core.raise_error('TN405', 'A suspension needs a reason.', 'Give a reason. The members of the tenant can read it.');
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
  E'@errors TN405 TN501 TN502\nAllows only legal changes of a tenant''s status, and sets the time of each.';

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
    perform core.raise_error('TN301', 'This tenant does not exist.', 'Check the x-tenant-id header.');
  end if;
  if v_tenant.status = set_tenant_status.status then
    perform core.raise_error('TN501', format('The status of this tenant is %s already.', v_tenant.status), 'There is nothing to do.');
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
  E'@errors TN301 TN405 TN501 TN502\nChanges the status of a tenant. For functions that have checked the caller, and for administrators in psql.';
grant execute on function tenancy.set_tenant_status to rowhouse_platform;

-- Each function of the API starts from certain statuses only. For example, a suspended tenant is reactivated, not activated.
create or replace function tenancy.require_tenant_status(statuses text[]) returns app_public.tenants
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant app_public.tenants;
begin
  select * into v_tenant from app_public.tenants t where t.id = core.current_tenant_id() for no key update;
  if not coalesce(v_tenant.status = any (statuses), false) then
    perform core.raise_error('TN501', format('This cannot be done while the status of the tenant is %s.', v_tenant.status),
      format('The status must be %s.', array_to_string(statuses, ' or ')));
  end if;
  return v_tenant;
end
$$;
comment on function tenancy.require_tenant_status is
  E'@errors TN501\nLocks the tenant of the context, and raises an error unless its status is one of these.';

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
  E'@resultFieldName tenant\n@errors TN205 TN501\nMakes this tenant active, after a trial or after a time without a subscription. Only platform staff can do this.';
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
  E'@resultFieldName tenant\n@errors TN205 TN405 TN501 TN502\nSuspends this tenant and, until it is reactivated, all tenants below it: their members can read everything and change nothing. They can read the reason. reactivateTenant undoes it. Only platform staff can do this, in the tenant that they have entered.';
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
  -- A tenant that was never active goes back to its trial, so that a suspension does not replace paying.
  return tenancy.set_tenant_status(v_tenant.id, case when v_tenant.activated_at is null then 'trial' else 'active' end);
end
$$;
comment on function app_public.reactivate_tenant is
  E'@resultFieldName tenant\n@errors TN205 TN501\nEnds the suspension or the cancellation of this tenant. It becomes active, or goes back to trial if it was never active. Only platform staff can do this.';
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
  E'@resultFieldName tenant\n@errors ID203 TN501 TN502\nCancels this tenant and, with it, all tenants below it: their members can still read and export everything and change nothing. Nothing is deleted, and platform staff can reactivate it. You need the permission can_manage_tenant.';
grant execute on function app_public.cancel_tenant to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the status of a tenant depends on the tenants above it
create or replace function tenancy.closed_above(ancestor_ids uuid[]) returns app_public.tenant_status
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select t.status
      from unnest(closed_above.ancestor_ids) with ordinality as above (id, n)
      join app_public.tenants t on t.id = above.id
     where t.status not in ('trial', 'active')
     order by above.n desc
     limit 1);
end
$$;
comment on function tenancy.closed_above is
  'The status of the nearest of these tenants that is not in trial or active; null when all are. It is read whenever it is asked for, so that what closes a tenant closes those below it, and a tenant that was itself closed stays so when that ends.';
grant execute on function tenancy.closed_above to rowhouse_owner;

set local role rowhouse_owner;
-- A plain expression, so that the planner puts it in the place of the call; most tenants have nobody above them.
create or replace function tenancy.is_open(status text, ancestor_ids uuid[]) returns boolean
  language sql stable
  return status in ('trial', 'active') and (ancestor_ids = '{}' or tenancy.closed_above(ancestor_ids) is null);
comment on function tenancy.is_open is
  'Whether a tenant and all tenants above it are in trial or active.';
grant execute on function tenancy.is_open to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: the status of a tenant depends on the tenants above it
create or replace function app_public.tenants_status_above(tenant app_public.tenants) returns app_public.tenant_status
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select tenancy.closed_above(t.ancestor_ids) from app_public.tenants t where t.id = tenancy.readable_tenant_id(tenant));
end
$$;
comment on function app_public.tenants_status_above is
  'The status of a tenant above it that is inactive, suspended or cancelled, and makes this one read-only; null when there is none.';
grant execute on function app_public.tenants_status_above to rowhouse_user;

set local role rowhouse_owner;
-- People of a tenant that is not in trial or active, and visitors from a tenant above it, can only read. Platform staff can
-- write, and so can work without a user, such as tasks.
create or replace function tenancy.require_writable_tenant(is_for_members boolean default true) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_status text;
  v_status_above text;
  v_is_member boolean;
begin
  if core.current_user_id() is null or core.current_tenant_id() is null or tenancy.is_platform_admin() then
    return;
  end if;
  if core.current_api_key_id() is not null and coalesce((tenancy.current_api_key()).role, 'viewer') = 'viewer' then
    perform core.raise_error('KY202', 'This API key may only read.', 'Use a key with the role member.');
  end if;
  select t.status, case when t.ancestor_ids <> '{}' then tenancy.closed_above(t.ancestor_ids) end, m.id is not null
    into v_status, v_status_above, v_is_member
    from app_public.tenants t
    left join app_public.user_tenants m
      on m.tenant_id = t.id and m.user_id = core.current_user_id() and m.status = 'active'
   where t.id = core.current_tenant_id();
  if coalesce(v_status not in ('trial', 'active'), true) then
    perform core.raise_error('TN202', format('This tenant is %s, so it can be read but not changed.', coalesce(v_status, 'deleted')),
      case v_status
        when 'suspended' then 'currentTenant shows the reason. The platform''s staff can reactivate the tenant.'
        when 'inactive' then 'Renew its subscription.'
        else 'The platform''s staff can reactivate the tenant.'
      end);
  elsif v_status_above is not null then
    perform core.raise_error('TN202', format('A tenant above this one is %s, so this one can be read but not changed.', v_status_above),
      'This tenant can be changed again when the tenant above it is active.');
  elsif coalesce(require_writable_tenant.is_for_members, true) and v_is_member is not true then
    perform core.raise_error('ID202', 'You are not a member of this tenant.',
      'You can read in it. To change things, ask an owner of the tenant to invite you.');
  end if;
end
$$;
comment on function tenancy.require_writable_tenant is
  E'@errors ID202 KY202 TN202\nRaises an error unless the user of the request may write in the tenant of the context: the tenant and all tenants above it must be in trial or active and, with is_for_members, the user must be an active member.';
grant execute on function tenancy.require_writable_tenant to rowhouse_user, rowhouse_platform, rowhouse_worker;

-- This is not a definer function, so that it sees which role writes. A function outside the wall checks by itself who may
-- write: accept_invitation lets someone in who is not a member yet. So for it, only the status of the tenant counts here.
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
  E'@errors ID202 KY202 TN202\nKeeps users from changing the tables of a tenant that is read-only, or of which they are not members.';

-- Every walled table of the API has this guard, unless it is exempt from it.
call core.guard_tables('_000_require_writable_tenant', 'tenancy.tg__require_writable_tenant()',
  'Only while the tenant is in trial or active, as all tenants above it are, and only by its members.');
call core.exempt_from_guard('app_public.tenant_status_history', '_000_require_writable_tenant', 'a suspended tenant records when its suspension ends');

set local role rowhouse_platform;  -- outside the wall: administrators in psql, who have no tenant, can change a status, too
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
  'Records each change of a tenant''s status.';
grant execute on function tenancy.tg_tenants__record_status to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _000_require_writable_tenant
  -- These are the columns that users may update. The functions that change the status check the status themselves.
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
