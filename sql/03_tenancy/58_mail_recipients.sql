-- Who gets a tenant's mails. One is queued for each member who looks after what it is about. When it goes out, its person is
-- looked at again, who may have left, lost the permission, or turned such mails off since.

create or replace function tenancy.members_with(tenant_id uuid, permissions text[]) returns setof uuid
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select m.user_id from app_public.user_tenants m
   where m.tenant_id = members_with.tenant_id and m.status = 'active'
     and tenancy.effective_permissions(m.role, m.permissions) && members_with.permissions
   order by m.user_id;
$$;
comment on function tenancy.members_with is
  'The active members of a tenant who have at least one of the permissions.';
grant execute on function tenancy.members_with to rowhouse_platform;

create or replace function tenancy.mail_address(
  tenant_id uuid, user_id uuid, permissions text[] default null, setting text default 'email'
) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select u.email
    from app_public.user_tenants m
    join app_public.user_profiles u on u.id = m.user_id and u.is_active and u.deleted_at is null
    cross join tenancy.with_defaults(u.notification_settings, tenancy.notification_schema()) as s
   where m.tenant_id = mail_address.tenant_id and m.user_id = mail_address.user_id and m.status = 'active'
     and (s -> 'email')::boolean and (s -> mail_address.setting)::boolean
     and (mail_address.permissions is null
          or tenancy.effective_permissions(m.role, m.permissions) && mail_address.permissions);
$$;
comment on function tenancy.mail_address is
  'The address of a member for a mail of their tenant; null when they are not active, have none of the permissions, or have turned off mails or the notification setting.';
