-- Who is billed, how it pays, and the lock: every change of a tenant's billing holds its billing profile, so that two
-- workers, a webhook and a person never change it at once.

create or replace function app_private.lock_billing(tenant_id uuid) returns app_public.billing_profiles
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles;
begin
  insert into app_public.billing_profiles (tenant_id, legal_name, email, country_code, issuer_id)
  select t.id, t.name, t.primary_contact_email, t.country_code, i.id
    from app_public.tenants t, app_public.invoice_issuers i
   where t.id = lock_billing.tenant_id and i.slug = 'default'
  on conflict on constraint billing_profiles_pkey do nothing;
  select * into v_profile from app_public.billing_profiles p where p.tenant_id = lock_billing.tenant_id for update;
  if not found then
    perform app_private.raise_error('LB309', 'There is no such tenant, or nobody who bills it.', 'Add the invoice issuer with the slug default.');
  end if;
  return v_profile;
end
$$;
comment on function app_private.lock_billing(uuid) is
  'Locks a tenant''s billing until the transaction ends, making its profile when there is none. LB309: no such tenant or no issuer.';

create or replace function app_private.begin_billing() returns app_public.billing_profiles
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.require_permission('can_manage_billing');
  return app_private.lock_billing(app_hidden.current_tenant_id());
end
$$;
comment on function app_private.begin_billing() is 'What every billing function of the API begins with: ID203 without the permission can_manage_billing, then the lock.';

create or replace function app_public.update_billing_profile(
  legal_name text default null, email text default null, address text default null, country_code text default null,
  tax_number text default null, currency text default null
) returns app_public.billing_profiles
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := app_private.begin_billing();
begin
  if update_billing_profile.currency <> v_profile.currency and (
       exists (select from app_public.subscriptions s where s.tenant_id = v_profile.tenant_id and s.ended_at is null)
       or app_private.credit_balance(v_profile.tenant_id) <> 0) then
    perform app_private.raise_error('LB503', 'The currency cannot change while there is a subscription or a credit balance.',
      'Cancel the subscription first, or ask the platform''s staff.');
  end if;
  update app_public.billing_profiles p
     set legal_name = coalesce(update_billing_profile.legal_name, p.legal_name),
         email = coalesce(lower(update_billing_profile.email), p.email),
         address = coalesce(update_billing_profile.address, p.address),
         country_code = coalesce(update_billing_profile.country_code, p.country_code),
         tax_number = coalesce(update_billing_profile.tax_number, p.tax_number),
         currency = coalesce(update_billing_profile.currency, p.currency)
   where p.tenant_id = v_profile.tenant_id
  returning * into v_profile;
  return v_profile;
end
$$;
comment on function app_public.update_billing_profile(text, text, text, text, text, text) is
  E'@resultFieldName billingProfile\nChanges who is billed; what is not given stays. It shows on invoices finalised from now on. Needs can_manage_billing. LB503: the currency is in use; ID203: you lack the permission; 23514: a value is out of range.';

create or replace function app_public.set_billing_terms(
  tax_mode text default null, tax_rate numeric default null, collection_method text default null, issuer_slug text default null
) returns app_public.billing_profiles
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles;
  v_issuer_id uuid;
begin
  perform app_private.require_staff();
  v_profile := app_private.lock_billing(app_hidden.current_tenant_id());
  select i.id into v_issuer_id from app_public.invoice_issuers i where i.slug = coalesce(set_billing_terms.issuer_slug, 'default');
  if set_billing_terms.issuer_slug is not null and v_issuer_id is null then
    perform app_private.raise_error('LB310', 'There is no such issuer.', 'invoice_issuers lists those there are.');
  end if;
  update app_public.billing_profiles p
     set tax_mode = coalesce(set_billing_terms.tax_mode, p.tax_mode),
         tax_rate = coalesce(set_billing_terms.tax_rate, p.tax_rate),
         collection_method = coalesce(set_billing_terms.collection_method, p.collection_method),
         issuer_id = case when set_billing_terms.issuer_slug is null then p.issuer_id else v_issuer_id end
   where p.tenant_id = v_profile.tenant_id
  returning * into v_profile;
  return v_profile;
end
$$;
comment on function app_public.set_billing_terms(text, numeric, text, text) is
  E'@resultFieldName billingProfile\nHow this tenant is taxed (tax_mode standard, reverse_charge or none; tax_rate 0.19 for 19 %), collected from (automatic: its payment method is charged; invoice: it pays by itself within the issuer''s terms) and by whom it is billed. Platform staff. TN205: you are not; LB310: no such issuer; 23514: a value is out of range.';
grant execute on function app_public.update_billing_profile(text, text, text, text, text, text),
  app_public.set_billing_terms(text, numeric, text, text) to rowhouse_user;

create or replace function app_private.credit_balance(tenant_id uuid) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(sum(e.amount), 0)
    from app_public.credit_entries e join app_public.billing_profiles p on p.tenant_id = e.tenant_id and p.currency = e.currency
   where e.tenant_id = credit_balance.tenant_id;
$$;
comment on function app_private.credit_balance(uuid) is 'What a tenant has paid or been credited in its currency and no invoice has used yet.';

create or replace function app_public.billing_profiles_credit_balance(profile app_public.billing_profiles) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select app_private.credit_balance(profile.tenant_id);
$$;
comment on function app_public.billing_profiles_credit_balance(app_public.billing_profiles) is
  'Credit in the profile''s currency that the next invoices use up.';
grant execute on function app_public.billing_profiles_credit_balance(app_public.billing_profiles) to rowhouse_user;

create or replace function app_public.add_credit(amount numeric, memo text) returns app_public.credit_entries
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles;
  v_entry app_public.credit_entries;
begin
  perform app_private.require_staff();
  v_profile := app_private.lock_billing(app_hidden.current_tenant_id());
  if add_credit.amount is null or add_credit.amount = 0 or not app_hidden.is_money(add_credit.amount)
     or add_credit.amount <> app_hidden.round_money(add_credit.amount, v_profile.currency)
     or app_private.credit_balance(v_profile.tenant_id) + add_credit.amount < 0 then
    perform app_private.raise_error('LB402', 'The amount is not one that can be paid in this currency.',
      'Give an amount with the currency''s decimal places; credit cannot fall below zero.');
  end if;
  insert into app_public.credit_entries (tenant_id, currency, amount, reason, memo, occurred_at)
  values (v_profile.tenant_id, v_profile.currency, app_hidden.round_money(add_credit.amount, v_profile.currency), 'goodwill', add_credit.memo, app_hidden.clock())
  returning * into v_entry;
  return v_entry;
end
$$;
comment on function app_public.add_credit(numeric, text) is
  E'@resultFieldName creditEntry\nGives this tenant credit that its next invoices use up; a negative amount takes unused credit back. Platform staff. TN205: you are not; LB402: the amount cannot be paid in the currency or is more than there is.';
grant execute on function app_public.add_credit(numeric, text) to rowhouse_user;

create or replace function app_private.can_be_charged(tenant_id uuid) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.billing_profiles p
                  where p.tenant_id = can_be_charged.tenant_id and p.collection_method = 'invoice')
      or exists (select from app_public.payment_methods m where m.tenant_id = can_be_charged.tenant_id and m.is_default);
$$;
comment on function app_private.can_be_charged(uuid) is 'Whether a tenant has a payment method, or pays by invoice.';

create or replace function app_private.notify_billing(
  tenant_id uuid, kind text, subject_key text, message text, subscription_id uuid default null, invoice_id uuid default null
) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.billing_notices (tenant_id, kind, subject_key, subscription_id, invoice_id, message, occurred_at)
  values (notify_billing.tenant_id, notify_billing.kind, notify_billing.subject_key, notify_billing.subscription_id,
          notify_billing.invoice_id, notify_billing.message, app_hidden.clock())
  on conflict on constraint billing_notices_tenant_id_kind_subject_key_key do nothing;
  return found;
end
$$;
comment on function app_private.notify_billing(uuid, text, text, text, uuid, uuid) is
  'Notes something that the tenant''s people must learn of, once a kind and subject_key; returns whether it is new.';
