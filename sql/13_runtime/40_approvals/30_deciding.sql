-- Deciding: people approve or reject, requesters withdraw, and time answers when nobody does. A person decides in person: an API
-- key, and so an agent, never does.

create or replace function runtime.may_decide(approval app_public.agent_approvals, user_id uuid) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select not (approval).is_four_eyes
      or may_decide.user_id is distinct from (approval).requested_by_user_id
         and may_decide.user_id is distinct from (approval).given_by_user_id;
$$;
comment on function runtime.may_decide is
  'Whether a person may decide, as far as four eyes go: who requested it and who gave the task may not.';
grant execute on function runtime.may_decide to rowhouse_user;

create or replace function app_public.approvals_for_me() returns setof app_public.agent_approvals
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select a from app_public.agent_approvals a
   where a.tenant_id = core.current_tenant_id() and a.status = 'pending' and a.expires_at > core.clock()
     and (select tenancy.has_permission('can_decide_approvals')) and core.current_api_key_id() is null
     and runtime.may_decide(a, core.current_user_id())
     and not exists (
       select from app_public.agent_approval_votes v
        where v.tenant_id = a.tenant_id and v.approval_id = a.id and v.user_id = core.current_user_id())
   order by a.expires_at, a.id;
$$;
comment on function app_public.approvals_for_me is
  'The approvals that wait for you, the one that expires next first. Without can_decide_approvals there are none.';
grant execute on function app_public.approvals_for_me to rowhouse_user;

create or replace function runtime.require_decidable(approval app_public.agent_approvals) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if (approval).status <> 'pending' then
    perform core.raise_error('RN531', format('This approval is %s already.', (approval).status), 'Nothing was changed.');
  elsif (approval).expires_at <= core.clock() then
    perform core.raise_error('RN532', 'This approval has expired.', format('Its answer is the default one: %s.', (approval).default_answer));
  elsif not runtime.may_decide(approval, core.current_user_id()) then
    perform core.raise_error('RN230', 'Who requested this approval, and who gave the task, cannot decide.', 'Ask someone else with can_decide_approvals.');
  end if;
end
$$;
comment on function runtime.require_decidable is
  E'@errors RN230 RN531 RN532\nRaises an error unless an approval waits and the person of the context may decide.';

create or replace function app_public.decide_approval(id uuid, answer app_public.approval_answer, reason text default null)
returns app_public.agent_approvals
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_approval app_public.agent_approvals;
  v_approved_count int;
begin
  perform tenancy.require_permission('can_decide_approvals');
  if core.current_api_key_id() is not null or core.current_user_id() is null then
    perform core.raise_error('RN231', 'An approval is decided by a person, not by an API key.', 'Sign in to decide.');
  elsif decide_approval.answer = 'rejected' and coalesce(decide_approval.reason, '') !~ '\S' then
    perform core.raise_error('RN432', 'reason: A rejection needs a reason.', 'Say what would have to be different.');
  end if;
  v_approval := runtime.lock_approval(decide_approval.id);
  perform runtime.require_decidable(v_approval);
  insert into app_public.agent_approval_votes (tenant_id, approval_id, user_id, answer, reason, created_at)
  values (v_approval.tenant_id, v_approval.id, core.current_user_id(), decide_approval.answer, decide_approval.reason, core.clock())
  on conflict do nothing;
  if not found then
    perform core.raise_error('RN533', 'You have approved this already.', format('%s different people must.', v_approval.required_count));
  end if;
  select count(*) into v_approved_count from app_public.agent_approval_votes v
   where v.tenant_id = v_approval.tenant_id and v.approval_id = v_approval.id and v.answer = 'approved';
  if decide_approval.answer = 'rejected' or v_approved_count >= v_approval.required_count then
    v_approval := runtime.close_approval(v_approval.id, decide_approval.answer, decide_approval.reason);
  end if;
  return v_approval;
end
$$;
comment on function app_public.decide_approval is
  E'@resultFieldName approval\n@errors RN230 RN231 RN330 RN432 RN531 RN532 RN533 ID203 TN202\nApproves or rejects. It is approved when as many different people have approved as it needs, and rejected by the first who rejects, which needs a reason. What waits for it goes on at once. Needs can_decide_approvals, and a person: no API key decides.';
grant execute on function app_public.decide_approval to rowhouse_user;

create or replace function app_public.withdraw_approval(id uuid, reason text default null) returns app_public.agent_approvals
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_approval app_public.agent_approvals := runtime.lock_approval(withdraw_approval.id);
begin
  if core.current_user_id() is distinct from v_approval.requested_by_user_id then
    perform tenancy.require_permission('can_decide_approvals');
  end if;
  if v_approval.status <> 'pending' then
    perform core.raise_error('RN531', format('This approval is %s already.', v_approval.status), 'Nothing was changed.');
  elsif v_approval.cause <> 'request' then
    perform core.raise_error('RN534', 'A policy asks for this approval, so it cannot be withdrawn.', 'Cancel what waits for it.');
  end if;
  return runtime.close_approval(v_approval.id, 'withdrawn', withdraw_approval.reason);
end
$$;
comment on function app_public.withdraw_approval is
  E'@resultFieldName approval\n@errors RN330 RN531 RN534 ID203 TN202\nWithdraws an approval that was asked for and that no policy demands; what waits for it goes on as if it had not been asked for. You must have requested it, or need can_decide_approvals.';
grant execute on function app_public.withdraw_approval to rowhouse_user;

create or replace function runtime.expire_approvals(tenant_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_most constant int := 100;
  v_approval app_public.agent_approvals;
  v_count int := 0;
begin
  call core.enter_tenant(expire_approvals.tenant_id);
  for v_approval in
    select a.* from app_public.agent_approvals a
     where a.tenant_id = expire_approvals.tenant_id and a.status = 'pending' and a.expires_at <= core.clock()
     order by a.expires_at, a.id limit v_most
  loop
    perform runtime.lock_approval(v_approval.id);
    v_approval := runtime.close_approval(v_approval.id, v_approval.default_answer, 'Nobody decided in time.', true);
    v_count := v_count + (v_approval.id is not null)::int;
  end loop;
  return v_count;
end
$$;
comment on function runtime.expire_approvals is
  'Gives the approvals of a tenant that have expired their default answer, at most 100, and returns how many it gave one.';
grant execute on function runtime.expire_approvals to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the approvals of all tenants expire
create or replace function runtime.tenants_with_expired_approvals() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select distinct a.tenant_id from app_public.agent_approvals a where a.status = 'pending' and a.expires_at <= core.clock() order by 1;
$$;
comment on function runtime.tenants_with_expired_approvals is 'The tenants that have approvals to which nobody answered in time.';
grant execute on function runtime.tenants_with_expired_approvals to rowhouse_worker;
set local role rowhouse_owner;
