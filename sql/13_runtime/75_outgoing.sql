-- Which hosts the tools of a tenant may call. The idea: whoever makes a tool cannot decide alone where data and secrets of the
-- tenant go. Only hosts on the tenant's list are called, those of the platform's tools as well, and a secret is sent only to a
-- host whose entry names it. The list is kept by those who keep the secrets. The worker asks for each call and each redirect.

call core.secure_tenant_table('app_public.outgoing_hosts');
call audit.track('app_public.outgoing_hosts');
call core.allow('app_public.outgoing_hosts', read => 'member', write => 'can_manage_settings');
grant select, delete, insert (host, description, secret_names), update (description, secret_names)
  on app_public.outgoing_hosts to rowhouse_user;
grant select on app_public.outgoing_hosts to rowhouse_platform;
comment on table app_public.outgoing_hosts is
  'The hosts that the tools of this tenant may call, and the secrets that may be sent to each. A host that is not listed is not called. At most 200; changing them requires can_manage_settings.';
comment on column app_public.outgoing_hosts.host is E'@notPersonal\nA host in lower case, such as api.example.com; *.example.com stands for all names below example.com, and not for itself.';
comment on column app_public.outgoing_hosts.description is E'@notPersonal\nWhat is called there, and why.';
comment on column app_public.outgoing_hosts.secret_names is 'The stored secrets that may be sent there, by their key_name.';
comment on column app_public.outgoing_hosts.created_by_user_id is E'@personal pseudonymise\nWho listed it.';
comment on column app_public.outgoing_hosts.created_at is 'When it was listed.';
comment on column app_public.outgoing_hosts.updated_at is 'When it last changed.';
comment on constraint host_is_a_host on app_public.outgoing_hosts is
  'must be the name of a host in lower case, without port and path, such as api.example.com or *.example.com';
comment on constraint secret_names_are_given on app_public.outgoing_hosts is 'must have no empty entry';
comment on constraint outgoing_hosts_pkey on app_public.outgoing_hosts is 'is listed already';
comment on constraint outgoing_hosts_created_by_user_id_fkey on app_public.outgoing_hosts is E'@fieldName creator\n@behavior -backward';

create or replace function runtime.max_outgoing_hosts() returns int
language sql immutable parallel safe
return 200;
comment on function runtime.max_outgoing_hosts is 'How many hosts a tenant can list.';

create or replace function runtime.tg_outgoing_hosts__limit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Two who add the last one at the same time wait here for each other.
  perform from vault.tenant_config c where c.tenant_id = new.tenant_id for no key update;
  if (select count(*) from app_public.outgoing_hosts h where h.tenant_id = new.tenant_id) >= runtime.max_outgoing_hosts() then
    perform core.raise_error('RN675', format('A tenant can list at most %s hosts.', runtime.max_outgoing_hosts()),
      'Remove a host that is not called any more, or list *.example.com for all names below example.com.');
  end if;
  return new;
end
$$;
comment on function runtime.tg_outgoing_hosts__limit is E'@errors RN675\nLimits the hosts that a tenant lists.';

-- Only plain spellings have a host here: what a caller could read in another way than the server, such as a backslash, a user
-- or an escape, has none and is not called.
create or replace function runtime.host_of(url text) returns text
language sql immutable parallel safe
return substring(lower(url) from '^https?://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]+)?(?:[/?#]|$)');
comment on function runtime.host_of is 'The host of a web address in lower case; null when the address is none, or is not written plainly.';

create or replace function runtime.listed_host(host text) returns app_public.outgoing_hosts
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select h
    from app_public.outgoing_hosts h
   where h.tenant_id = core.current_tenant_id()
     -- the host itself, and *. before each part of it that follows a dot
     and h.host in (
       select listed_host.host
       union all
       select '*.' || array_to_string(p.parts[n:], '.')
         from (select string_to_array(left(listed_host.host, 253), '.') as parts) p, generate_series(2, cardinality(p.parts)) n)
   -- the entry that says most decides which secrets are sent; x.example.com says more than *.example.com, which is as long
   order by h.host = listed_host.host desc, length(h.host) desc limit 1;
$$;
comment on function runtime.listed_host is 'The entry of the tenant''s list that covers a host: the host itself or the longest *. above it; null when there is none.';

create or replace function runtime.require_host(url text) returns app_public.outgoing_hosts
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_host constant text := runtime.host_of(url);
  v_entry constant app_public.outgoing_hosts := runtime.listed_host(v_host);
begin
  if v_entry.host is null then
    perform core.raise_error('RN275', format('Tools of this tenant may not call the host %s.', coalesce(left(v_host, 253), '(none)')),
      'Someone with can_manage_settings can list it in outgoingHosts.');
  end if;
  return v_entry;
end
$$;
comment on function runtime.require_host is E'@errors RN275\nRefuses an address whose host is not on the list of the tenant of the context. Returns the entry.';

create or replace function runtime.check_outgoing_url(tenant_id uuid, url text) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(check_outgoing_url.tenant_id);
  perform runtime.require_host(check_outgoing_url.url);
end
$$;
comment on function runtime.check_outgoing_url is E'@errors RN275\nRefuses an address that tools of a tenant may not call, for the worker, which asks for each redirect.';
grant execute on function runtime.check_outgoing_url to rowhouse_worker;

create or replace function runtime.require_secret_for(url text, secret_name text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_entry constant app_public.outgoing_hosts := runtime.require_host(url);
begin
  if secret_name <> all (v_entry.secret_names) then
    perform core.raise_error('RN276', format('The secret %s may not be sent to the host %s.', secret_name, runtime.host_of(url)),
      format('Someone with can_manage_settings can name it in secretNames of the entry %s of outgoingHosts.', v_entry.host));
  elsif exists (
    select from app_public.encrypted_api_keys k
     where k.tenant_id = core.current_tenant_id() and k.key_name = secret_name and k.revoked_at is null and k.provider_type = 'llm') then
    perform core.raise_error('RN276', format('The secret %s is for a provider of models, and tools never get it.', secret_name),
      'Store the key of the tool under another name, with the type tool.');
  end if;
end
$$;
comment on function runtime.require_secret_for is
  E'@errors RN275 RN276\nRefuses to send a secret of the tenant to an address whose entry does not name it, and keys of model providers always.';

create or replace trigger _300_limit before insert on app_public.outgoing_hosts
  for each row execute function runtime.tg_outgoing_hosts__limit();
