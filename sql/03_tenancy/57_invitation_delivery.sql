-- The mail task's part. The number tells a job of an earlier mail that a later one has taken its place.
create or replace function tenancy.begin_invitation_delivery(tenant_id uuid, invitation_id uuid, delivery_number int)
returns table (email text, token text, tenant_name text, inviter_name text, role text, message text, expires_at timestamptz)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- 256 bits of the system's random source: a UUID has 122, and the hash of three has all that a hash can hold
  v_token text := translate(encode(sha256(
    uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64'), '+/=', '-_');
begin
  call core.enter_tenant(begin_invitation_delivery.tenant_id);
  return query
    update app_public.invitations i
       set token_hash = sha256(convert_to(v_token, 'UTF8')), delivery_attempts = i.delivery_attempts + 1
      from app_public.tenants t
     where i.tenant_id = begin_invitation_delivery.tenant_id and i.id = begin_invitation_delivery.invitation_id
       and i.delivery_number = begin_invitation_delivery.delivery_number
       and i.status = 'pending' and i.delivery_status = 'queued' and i.expires_at > core.clock()
       and t.id = i.tenant_id and t.status in ('trial', 'active')
    returning i.email, v_token, t.name,
      (select coalesce(u.full_name, u.email) from app_public.user_profiles u where u.id = i.invited_by_user_id),
      i.role, i.message, i.expires_at;
end
$$;
comment on function tenancy.begin_invitation_delivery is
  'What the mail of an invitation says, with a new token that makes every earlier one worthless; nothing when there is no longer a mail to send.';
grant execute on function tenancy.begin_invitation_delivery to rowhouse_worker;

create or replace function tenancy.finish_invitation_delivery(
  tenant_id uuid, invitation_id uuid, delivery_number int, error text default null, is_last_attempt boolean default false
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(finish_invitation_delivery.tenant_id);
  update app_public.invitations i
     set delivery_status = case
           when finish_invitation_delivery.error is null then 'sent'
           when finish_invitation_delivery.is_last_attempt then 'failed'
           else 'queued' end,
         delivery_error = left(finish_invitation_delivery.error, 500),
         sent_at = case when finish_invitation_delivery.error is null then core.clock() end
   where i.tenant_id = finish_invitation_delivery.tenant_id and i.id = finish_invitation_delivery.invitation_id
     and i.delivery_number = finish_invitation_delivery.delivery_number and i.delivery_status = 'queued';
end
$$;
comment on function tenancy.finish_invitation_delivery is
  'Notes how sending the mail of an invitation went; an error says no more than the tenant''s administrators may read.';
grant execute on function tenancy.finish_invitation_delivery to rowhouse_worker;
