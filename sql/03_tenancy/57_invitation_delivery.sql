-- The mail of an invitation, for the task that sends it. Each attempt gets a new token, and those of
-- earlier attempts go on working: a worker that was killed may have sent the mail already. The number of the mail tells a job
-- that a newer mail has replaced its own.

create or replace function tenancy.begin_invitation_delivery(tenant_id uuid, invitation_id uuid, delivery_number int)
returns table (email text, token text, tenant_name text, inviter_name text, role text, message text, expires_at timestamptz)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- base64 without the characters that have a meaning in an address
  v_token text := translate(encode(tenancy.random_secret(), 'base64'), '+/=', '-_');
  v_mail record;
begin
  call core.enter_tenant(begin_invitation_delivery.tenant_id);
  update app_public.invitations i set delivery_attempts = i.delivery_attempts + 1
    from app_public.tenants t
   where i.tenant_id = begin_invitation_delivery.tenant_id and i.id = begin_invitation_delivery.invitation_id
     and i.delivery_number = begin_invitation_delivery.delivery_number
     and i.status = 'pending' and i.delivery_status = 'queued' and i.expires_at > core.clock()
     and t.id = i.tenant_id and tenancy.is_open(t.status, t.ancestor_ids)
  returning i.*, t.name as tenant_name into v_mail;
  if not found then
    return;
  end if;
  insert into vault.invitations (tenant_id, invitation_id, token_hash)
  values (v_mail.tenant_id, v_mail.id, tenancy.token_hash(v_token));
  return query
    select v_mail.email, v_token, v_mail.tenant_name,
           (select coalesce(u.full_name, u.email) from app_public.user_profiles u where u.id = v_mail.invited_by_user_id),
           v_mail.role::text, v_mail.message, v_mail.expires_at;
end
$$;
comment on function tenancy.begin_invitation_delivery is
  'What the mail of an invitation says, with a new token; those of earlier attempts go on working. It returns nothing when the mail is not to be sent any more.';
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
         -- the first 500 characters of an error are enough to act on
         delivery_error = left(finish_invitation_delivery.error, 500),
         sent_at = case when finish_invitation_delivery.error is null then core.clock() end
   where i.tenant_id = finish_invitation_delivery.tenant_id and i.id = finish_invitation_delivery.invitation_id
     and i.delivery_number = finish_invitation_delivery.delivery_number and i.delivery_status = 'queued';
end
$$;
comment on function tenancy.finish_invitation_delivery is
  'Records whether the mail of an invitation was sent. The error must not contain anything that the tenant''s administrators may not read.';
grant execute on function tenancy.finish_invitation_delivery to rowhouse_worker;
