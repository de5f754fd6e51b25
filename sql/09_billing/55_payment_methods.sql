-- Payment methods. A front end creates a payment method with the library of the provider, so card numbers never reach Rowhouse.
-- Rowhouse only receives its key, and a task attaches it to the customer of the tenant at the provider.

call core.secure_tenant_table('billing.payment_customers');
call audit.track('billing.payment_customers');
comment on table billing.payment_customers is 'The key by which a payment provider knows a tenant.';

call core.secure_tenant_table('app_public.payment_methods');
call audit.track('app_public.payment_methods');
call core.exempt_from_guard('app_public.payment_methods', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
call core.allow('app_public.payment_methods', read => 'can_manage_billing');
grant select on app_public.payment_methods to rowhouse_user;
grant select, insert, update, delete on app_public.payment_methods to rowhouse_platform;
comment on table app_public.payment_methods is
  E'@behavior -insert -update -delete -query:resource:single\nThe cards and other payment methods of this tenant, as the provider describes them. add_payment_method, set_default_payment_method and remove_payment_method change them. Reading them requires can_manage_billing.';
comment on column app_public.payment_methods.provider is 'The payment provider.';
comment on column app_public.payment_methods.provider_method_id is 'The key of the payment method at the provider.';
comment on column app_public.payment_methods.status is 'The state of the payment method.';
comment on column app_public.payment_methods.is_default is 'Whether invoices are charged to this payment method.';
comment on column app_public.payment_methods.brand is 'The brand, such as visa.';
comment on column app_public.payment_methods.last4 is 'The last four digits.';
comment on column app_public.payment_methods.expires_month is 'The month in which it expires, from 1 to 12.';
comment on column app_public.payment_methods.expires_year is 'The year in which it expires.';
comment on column app_public.payment_methods.failure_message is 'Why it could not be attached.';
comment on column app_public.payment_methods.created_at is 'When the row was created.';
comment on column app_public.payment_methods.updated_at is 'When the row was last changed.';
comment on constraint provider_keeps_payment_methods on app_public.payment_methods is 'must be a provider that keeps payment methods: stripe';
comment on constraint provider_method_id_is_an_identifier on app_public.payment_methods is
  'must have from 1 to 255 letters, digits and underscores, such as pm_123';

create or replace function app_public.add_payment_method(
  provider_method_id text, provider app_public.payment_provider default 'stripe'
) returns app_public.payment_methods
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_method app_public.payment_methods;
begin
  insert into app_public.payment_methods as m (tenant_id, provider, provider_method_id)
  values (v_profile.tenant_id, coalesce(add_payment_method.provider, 'stripe'), add_payment_method.provider_method_id)
  on conflict on constraint payment_methods_tenant_id_provider_provider_method_id_key
    do update set status = case m.status when 'attached' then m.status else 'pending' end, failure_message = null
  returning * into v_method;
  if v_method.status = 'pending' then
    perform core.enqueue_job('billing__attach_payment_method',
      json_build_object('tenantId', v_method.tenant_id, 'paymentMethodId', v_method.id), 'attach/' || v_method.id);
  end if;
  return v_method;
end
$$;
comment on function app_public.add_payment_method is
  E'@resultFieldName paymentMethod\n@errors ID203 23514\nAdds a payment method by the key (pm_…) that the library of the provider gave the front end. A task attaches it, and status shows the progress. It becomes the default when there is no default. A second call with the same key tries again. Requires can_manage_billing.';
grant execute on function app_public.add_payment_method to rowhouse_user;

create or replace function billing.lock_own_payment_method(id uuid) returns app_public.payment_methods
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_method app_public.payment_methods;
begin
  select * into v_method from app_public.payment_methods m
   where m.tenant_id = v_profile.tenant_id and m.id = lock_own_payment_method.id and m.status <> 'detached';
  if not found then
    perform core.raise_error('LB307', 'There is no such payment method.', 'Choose one of the payment methods of the tenant.');
  end if;
  return v_method;
end
$$;
comment on function billing.lock_own_payment_method is
  E'@errors ID203 LB307\nLocks the billing of the current tenant and returns one of its payment methods.';

create or replace function billing.set_default_method(tenant_id uuid, id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.payment_methods m set is_default = false where m.tenant_id = set_default_method.tenant_id and m.is_default;
  update app_public.payment_methods m set is_default = true
   where m.tenant_id = set_default_method.tenant_id and m.id = set_default_method.id and m.status = 'attached';
  update app_public.tenants t
     set payment_method_id = (select m.provider_method_id from app_public.payment_methods m
                               where m.tenant_id = set_default_method.tenant_id and m.is_default)
   where t.id = set_default_method.tenant_id;
end
$$;
comment on function billing.set_default_method is
  'Makes a payment method the default of a tenant; with null, the tenant has no default.';

create or replace function app_public.set_default_payment_method(id uuid) returns app_public.payment_methods
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_method app_public.payment_methods := billing.lock_own_payment_method(set_default_payment_method.id);
begin
  if v_method.status <> 'attached' then
    perform core.raise_error('LB523', 'The payment method is not attached, so it cannot be the default.', 'Read its status and failure_message, and add it again.');
  end if;
  perform billing.set_default_method(v_method.tenant_id, v_method.id);
  return billing.lock_own_payment_method(v_method.id);
end
$$;
comment on function app_public.set_default_payment_method is
  E'@resultFieldName paymentMethod\n@errors ID203 LB307 LB523\nMakes this the payment method that invoices are charged to. Requires can_manage_billing.';
grant execute on function app_public.set_default_payment_method to rowhouse_user;

create or replace function app_public.remove_payment_method(id uuid) returns app_public.payment_methods
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_method app_public.payment_methods := billing.lock_own_payment_method(remove_payment_method.id);
begin
  if v_method.is_default then
    perform billing.set_default_method(v_method.tenant_id, null);
  end if;
  update app_public.payment_methods m set status = 'detached', is_default = false
   where m.tenant_id = v_method.tenant_id and m.id = v_method.id returning * into v_method;
  perform core.enqueue_job('billing__detach_payment_method',
    json_build_object('tenantId', v_method.tenant_id, 'paymentMethodId', v_method.id));
  return v_method;
end
$$;
comment on function app_public.remove_payment_method is
  E'@resultFieldName paymentMethod\n@errors ID203 LB307\nRemoves a payment method here and at the provider. To use the same card again, add it with a new key. Requires can_manage_billing.';
grant execute on function app_public.remove_payment_method to rowhouse_user;

create or replace function billing.payment_method_for_provider(tenant_id uuid, payment_method_id uuid)
returns table (
  provider app_public.payment_provider, provider_method_id text, status app_public.payment_method_status, customer_id text, name text, email text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(payment_method_for_provider.tenant_id);
  return query
    select m.provider, m.provider_method_id, m.status, c.customer_id, p.legal_name, p.email
      from app_public.payment_methods m
      join app_public.billing_profiles p on p.tenant_id = m.tenant_id
      left join billing.payment_customers c on c.tenant_id = m.tenant_id and c.provider = m.provider
     where m.tenant_id = payment_method_for_provider.tenant_id and m.id = payment_method_for_provider.payment_method_id;
end
$$;
comment on function billing.payment_method_for_provider is
  'The data that a task needs to attach or detach a payment method at the provider.';
grant execute on function billing.payment_method_for_provider to rowhouse_worker;

create or replace function billing.store_payment_customer(tenant_id uuid, provider app_public.payment_provider, customer_id text) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_customer_id text;
begin
  call core.enter_tenant(store_payment_customer.tenant_id);
  insert into billing.payment_customers (tenant_id, provider, customer_id)
  values (store_payment_customer.tenant_id, store_payment_customer.provider, store_payment_customer.customer_id)
  on conflict (tenant_id, provider) do nothing;
  select c.customer_id into v_customer_id from billing.payment_customers c
   where c.tenant_id = store_payment_customer.tenant_id and c.provider = store_payment_customer.provider;
  return v_customer_id;
end
$$;
comment on function billing.store_payment_customer is
  'Stores the customer key of a tenant at a provider, and returns the stored key. The first key that was stored stays.';
grant execute on function billing.store_payment_customer to rowhouse_worker;

create or replace function billing.max_provider_message() returns int
language sql immutable
return 1000;
comment on function billing.max_provider_message is
  'Messages of payment providers are cut to this number of characters.';

create or replace function billing.finish_attaching_method(
  tenant_id uuid, payment_method_id uuid, brand text, last4 text, expires_month int, expires_year int, failure_message text default null
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(finish_attaching_method.tenant_id);
  perform billing.lock_billing(finish_attaching_method.tenant_id);
  update app_public.payment_methods m
     set status = case when finish_attaching_method.failure_message is null then 'attached' else 'failed' end,
         brand = finish_attaching_method.brand, last4 = finish_attaching_method.last4, expires_month = finish_attaching_method.expires_month,
         expires_year = finish_attaching_method.expires_year, failure_message = left(finish_attaching_method.failure_message, billing.max_provider_message())
   where m.tenant_id = finish_attaching_method.tenant_id and m.id = finish_attaching_method.payment_method_id and m.status = 'pending';
  if found and finish_attaching_method.failure_message is null
     and not exists (select from app_public.payment_methods m where m.tenant_id = finish_attaching_method.tenant_id and m.is_default) then
    perform billing.set_default_method(finish_attaching_method.tenant_id, finish_attaching_method.payment_method_id);
  end if;
end
$$;
comment on function billing.finish_attaching_method is
  'Stores the result of attaching a payment method: its description, or the reason why the provider refused it.';
grant execute on function billing.finish_attaching_method to rowhouse_worker;
