-- Payment methods. A front end makes one with the provider's own library, so card numbers never come here; we are given
-- its key, and a task attaches it to the tenant's customer.

call core.secure_tenant_table('billing.payment_customers');
comment on table billing.payment_customers is 'By which key a payment provider knows a tenant.';

call core.secure_tenant_table('app_public.payment_methods');
call core.allow('app_public.payment_methods', read => 'can_manage_billing');
grant select on app_public.payment_methods to rowhouse_user;
grant select, insert, update, delete on app_public.payment_methods to rowhouse_platform;
comment on table app_public.payment_methods is
  E'@behavior -insert -update -delete -single\nHow this tenant pays: cards and the like, as the provider knows them. add_payment_method, set_default_payment_method, remove_payment_method. For those with can_manage_billing.';
comment on column app_public.payment_methods.provider is 'stripe.';
comment on column app_public.payment_methods.provider_method_id is 'The provider''s key of it.';
comment on column app_public.payment_methods.status is 'pending (being attached), attached, failed or detached.';
comment on column app_public.payment_methods.is_default is 'Whether invoices are charged to it.';
comment on column app_public.payment_methods.brand is 'Such as visa.';
comment on column app_public.payment_methods.last4 is 'Its last four digits.';
comment on column app_public.payment_methods.expires_month is 'Month of expiry, 1 to 12.';
comment on column app_public.payment_methods.expires_year is 'Year of expiry.';
comment on column app_public.payment_methods.failure_message is 'Why it could not be attached.';
comment on column app_public.payment_methods.created_at is 'When it was made.';
comment on column app_public.payment_methods.updated_at is 'When it last changed.';

create or replace function app_public.add_payment_method(provider_method_id text, provider text default 'stripe') returns app_public.payment_methods
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.begin_billing();
  v_method app_public.payment_methods;
begin
  insert into app_public.payment_methods as m (tenant_id, provider, provider_method_id)
  values (v_profile.tenant_id, add_payment_method.provider, add_payment_method.provider_method_id)
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
  E'@resultFieldName paymentMethod\n@errors 23514 ID203\nAdds a payment method by the key that the provider''s own library gave the front end (pm_…). It is attached in the background (status), and becomes the default when there is none. Again, it is tried again. Needs can_manage_billing.';
grant execute on function app_public.add_payment_method to rowhouse_user;

create or replace function billing.method_of_mine(id uuid) returns app_public.payment_methods
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.begin_billing();
  v_method app_public.payment_methods;
begin
  select * into v_method from app_public.payment_methods m
   where m.tenant_id = v_profile.tenant_id and m.id = method_of_mine.id and m.status <> 'detached';
  if not found then
    perform core.raise_error('LB307', 'There is no such payment method.', 'payment_methods lists those there are.');
  end if;
  return v_method;
end
$$;
comment on function billing.method_of_mine is
  E'@errors LB307\nA payment method of this tenant, under the billing lock.';

create or replace function billing.make_default(tenant_id uuid, id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.payment_methods m set is_default = false where m.tenant_id = make_default.tenant_id and m.is_default;
  update app_public.payment_methods m set is_default = true
   where m.tenant_id = make_default.tenant_id and m.id = make_default.id and m.status = 'attached';
  update app_public.tenants t
     set payment_method_id = (select m.provider_method_id from app_public.payment_methods m
                               where m.tenant_id = make_default.tenant_id and m.is_default)
   where t.id = make_default.tenant_id;
end
$$;
comment on function billing.make_default is
  'Makes a payment method the default; none with null.';

create or replace function app_public.set_default_payment_method(id uuid) returns app_public.payment_methods
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_method app_public.payment_methods := billing.method_of_mine(set_default_payment_method.id);
begin
  if v_method.status <> 'attached' then
    perform core.raise_error('LB523', 'The payment method is not attached.', 'See its status and failure_message; add it again.');
  end if;
  perform billing.make_default(v_method.tenant_id, v_method.id);
  return billing.method_of_mine(v_method.id);
end
$$;
comment on function app_public.set_default_payment_method is
  E'@resultFieldName paymentMethod\n@errors LB307 LB523 ID203\nMakes this the payment method that invoices are charged to. Needs can_manage_billing.';
grant execute on function app_public.set_default_payment_method to rowhouse_user;

create or replace function app_public.remove_payment_method(id uuid) returns app_public.payment_methods
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_method app_public.payment_methods := billing.method_of_mine(remove_payment_method.id);
begin
  if v_method.is_default then
    perform billing.make_default(v_method.tenant_id, null);
  end if;
  update app_public.payment_methods m set status = 'detached', is_default = false
   where m.tenant_id = v_method.tenant_id and m.id = v_method.id returning * into v_method;
  perform core.enqueue_job('billing__detach_payment_method',
    json_build_object('tenantId', v_method.tenant_id, 'paymentMethodId', v_method.id));
  return v_method;
end
$$;
comment on function app_public.remove_payment_method is
  E'@resultFieldName paymentMethod\n@errors LB307 ID203\nForgets a payment method, here and at the provider; add_payment_method with a new key adds one again. Needs can_manage_billing.';
grant execute on function app_public.remove_payment_method to rowhouse_user;

create or replace function billing.payment_method_job(tenant_id uuid, payment_method_id uuid)
returns table (provider text, provider_method_id text, status text, customer_id text, name text, email text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(payment_method_job.tenant_id);
  return query
    select m.provider, m.provider_method_id, m.status, c.customer_id, p.legal_name, p.email
      from app_public.payment_methods m
      join app_public.billing_profiles p on p.tenant_id = m.tenant_id
      left join billing.payment_customers c on c.tenant_id = m.tenant_id and c.provider = m.provider
     where m.tenant_id = payment_method_job.tenant_id and m.id = payment_method_job.payment_method_id;
end
$$;
comment on function billing.payment_method_job is
  'What the task needs to attach or detach a payment method.';
grant execute on function billing.payment_method_job to rowhouse_worker;

create or replace function billing.store_customer(tenant_id uuid, provider text, customer_id text) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_customer_id text;
begin
  call core.enter_tenant(store_customer.tenant_id);
  insert into billing.payment_customers (tenant_id, provider, customer_id)
  values (store_customer.tenant_id, store_customer.provider, store_customer.customer_id)
  on conflict (tenant_id, provider) do nothing;
  select c.customer_id into v_customer_id from billing.payment_customers c
   where c.tenant_id = store_customer.tenant_id and c.provider = store_customer.provider;
  return v_customer_id;
end
$$;
comment on function billing.store_customer is
  'Keeps a tenant''s customer key at a provider; the first one stays, and is returned.';
grant execute on function billing.store_customer to rowhouse_worker;

create or replace function billing.finish_attaching(
  tenant_id uuid, payment_method_id uuid, brand text, last4 text, expires_month int, expires_year int, failure_message text default null
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(finish_attaching.tenant_id);
  perform billing.lock_billing(finish_attaching.tenant_id);
  update app_public.payment_methods m
     set status = case when finish_attaching.failure_message is null then 'attached' else 'failed' end,
         brand = finish_attaching.brand, last4 = finish_attaching.last4, expires_month = finish_attaching.expires_month,
         expires_year = finish_attaching.expires_year, failure_message = left(finish_attaching.failure_message, 1000)
   where m.tenant_id = finish_attaching.tenant_id and m.id = finish_attaching.payment_method_id and m.status = 'pending';
  if found and finish_attaching.failure_message is null
     and not exists (select from app_public.payment_methods m where m.tenant_id = finish_attaching.tenant_id and m.is_default) then
    perform billing.make_default(finish_attaching.tenant_id, finish_attaching.payment_method_id);
  end if;
end
$$;
comment on function billing.finish_attaching is
  'What the provider said of a payment method: its looks, or why it cannot be used.';
grant execute on function billing.finish_attaching to rowhouse_worker;
