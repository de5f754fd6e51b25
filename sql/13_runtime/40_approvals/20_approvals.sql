-- The approvals themselves: how one is opened, for whom it waits, and how it ends. However many people and workers try at once,
-- it ends once, by an update of a row that is still pending.

call core.secure_tenant_table('app_public.agent_approvals');
call audit.track('app_public.agent_approvals');
call core.allow('app_public.agent_approvals', read => 'member');
grant select on app_public.agent_approvals to rowhouse_user;
grant select, delete on app_public.agent_approvals to rowhouse_platform;
comment on table app_public.agent_approvals is
  E'@large\n@foreignKey (agent_id) references app_public.agents (id)|@fieldName agent|@behavior -manyRelation:resource:connection -manyRelation:resource:list\n@behavior -insert -update -delete\nWhat agents need a person''s approval for. Members of the tenant see them; those with can_decide_approvals decide.';
comment on column app_public.agent_approvals.tenant_id is 'The tenant.';
comment on column app_public.agent_approvals.id is 'The id.';
comment on column app_public.agent_approvals.subject_kind is 'The kind of what waits for it, such as task or workflow_step.';
comment on column app_public.agent_approvals.subject_id is 'The id of what waits for it.';
comment on column app_public.agent_approvals.agent_id is 'The agent whose work it is.';
comment on column app_public.agent_approvals.title is E'@personal erase\nWhat is asked for, in a line of at most 255 characters.';
comment on column app_public.agent_approvals.details is E'@personal erase\n@behavior -filterBy -orderBy\nWhat the decision needs, such as the mail that would be sent, and what the agent needs to go on where it stopped.';
comment on column app_public.agent_approvals.cause is 'Why it is needed.';
comment on column app_public.agent_approvals.cost_usd is 'What it is expected to cost, in US dollars; null when that is not known.';
comment on column app_public.agent_approvals.status is 'How it stands.';
comment on column app_public.agent_approvals.required_count is 'How many different people must approve. One who rejects is enough.';
comment on column app_public.agent_approvals.is_four_eyes is 'Whether the person who requested it, and the one who gave the task, cannot decide.';
comment on column app_public.agent_approvals.default_answer is 'The answer when it expires.';
comment on column app_public.agent_approvals.expires_at is 'Until when people can decide.';
comment on column app_public.agent_approvals.requested_by_user_id is E'@personal pseudonymise\nThe person who requested it, or whose API key did; null for the system.';
comment on column app_public.agent_approvals.requested_by_agent_id is 'The agent whose API key requested it.';
comment on column app_public.agent_approvals.given_by_user_id is E'@personal pseudonymise\nThe person who gave the task.';
comment on column app_public.agent_approvals.decided_at is 'When it ended.';
comment on column app_public.agent_approvals.decision_reason is E'@personal erase\nWhy it ended so.';
comment on column app_public.agent_approvals.is_default_answer is 'Whether nobody decided, so that it has the default answer.';
comment on column app_public.agent_approvals.created_at is 'When it was requested.';
comment on column app_public.agent_approvals.updated_at is 'When it last changed.';
comment on constraint subject_kind_is_a_word on app_public.agent_approvals is 'must be 1 to 40 small letters and _';
comment on constraint title_is_a_name on app_public.agent_approvals is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint details_are_an_object on app_public.agent_approvals is 'must be a JSON object';
comment on constraint cost_usd_is_not_negative on app_public.agent_approvals is 'must be 0 or more';
comment on constraint required_count_is_in_range on app_public.agent_approvals is 'must be from 1 to 5';
comment on constraint agent_approvals_requested_by_user_id_fkey on app_public.agent_approvals is E'@fieldName requester\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';
comment on constraint agent_approvals_given_by_user_id_fkey on app_public.agent_approvals is E'@fieldName giver\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';
comment on domain app_public.approval_status is
  'How an approval stands. pending: it waits for people. approved and rejected: it has its answer. withdrawn: it is not needed any more.';
comment on constraint approval_status_is_known on domain app_public.approval_status is 'must be pending, approved, rejected or withdrawn';
comment on type app_public.approval_terms is
  'The terms of an approval: how many different people must approve, whether the requester and who gave the task cannot decide, how long an answer is waited for, and the answer when none comes. What is null is left to the policies.';
comment on type runtime.approval_subject is 'What an approval is about: a kind and an id, the agent whose work it is, and the person who gave it.';

call core.secure_tenant_table('app_public.agent_approval_votes');
call audit.track('app_public.agent_approval_votes');
call core.allow('app_public.agent_approval_votes', read => 'member');
grant select on app_public.agent_approval_votes to rowhouse_user;
comment on table app_public.agent_approval_votes is
  E'@large\n@behavior -insert -update -delete -query:resource:single -query:resource:connection\nWho approved or rejected, and why. Members of the tenant see them; decideApproval writes them.';
comment on column app_public.agent_approval_votes.tenant_id is 'The tenant.';
comment on column app_public.agent_approval_votes.approval_id is 'The approval.';
comment on column app_public.agent_approval_votes.user_id is E'@personal pseudonymise\nWho decided.';
comment on column app_public.agent_approval_votes.answer is 'Their answer.';
comment on column app_public.agent_approval_votes.reason is E'@personal erase\nWhy.';
comment on column app_public.agent_approval_votes.created_at is 'When.';
comment on constraint agent_approval_votes_tenant_id_approval_id_fkey on app_public.agent_approval_votes is E'@fieldName approval\n@foreignFieldName votes';
comment on constraint agent_approval_votes_user_id_fkey on app_public.agent_approval_votes is E'@fieldName user\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';

call governance.define_data_kind('approvals', 'Approvals that have ended.', 1096, 365, 'Who allowed what an agent did can be looked into for a year.');
call governance.add_table_to_kind('approvals', 'app_public.agent_approvals', 'decided_at');

create or replace function runtime.open_approval(
  subject runtime.approval_subject, title text, details jsonb, cause app_public.approval_cause,
  cost_usd numeric default null, terms app_public.approval_terms default null) returns app_public.agent_approvals
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_terms constant app_public.approval_terms := runtime.strictest_terms((open_approval.subject).agent_id, open_approval.terms);
  v_approval app_public.agent_approvals;
begin
  if v_terms.expires_after not between interval '1 minute' and interval '366 days' then
    perform core.raise_error('RN430', 'expires_after: An approval expires after a minute to 366 days.', 'Leave it out to wait for 7 days.');
  elsif v_terms.required_count not between 1 and 5 then
    perform core.raise_error('RN431', 'required_count: 1 to 5 people must approve.', 'Leave it out to need one.');
  end if;
  insert into app_public.agent_approvals (
    tenant_id, subject_kind, subject_id, agent_id, title, details, cause, cost_usd, required_count, is_four_eyes, default_answer,
    expires_at, requested_by_user_id, requested_by_agent_id, given_by_user_id, created_at)
  values (
    core.current_tenant_id(), (open_approval.subject).kind, (open_approval.subject).id, (open_approval.subject).agent_id,
    open_approval.title, coalesce(open_approval.details, '{}'), open_approval.cause, open_approval.cost_usd, v_terms.required_count,
    v_terms.is_four_eyes, v_terms.default_answer, core.clock() + v_terms.expires_after, core.current_user_id(),
    tenancy.current_agent_id(), (open_approval.subject).given_by_user_id, core.clock())
  on conflict (tenant_id, subject_kind, subject_id) where status = 'pending' do nothing
  returning * into v_approval;
  if not found then
    perform core.raise_error('RN530', 'This waits for an approval already.', 'Wait for its answer, or withdraw it.');
  end if;
  return v_approval;
end
$$;
comment on function runtime.open_approval is
  E'@errors RN430 RN431 RN530\nAsks people to approve something that has a kind and an id, on the strictest of the given terms and those of the policies. Whoever owns the kind has a trigger after update of status on agent_approvals, which sees each approval leave pending once.';

-- The subject is locked first, as by those who cancel it, so that nobody waits for the other.
create or replace function runtime.lock_approval(id uuid) returns app_public.agent_approvals
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_approval app_public.agent_approvals;
begin
  perform runtime.lock_task(t.id)
     from app_public.agent_approvals a
     join app_public.tasks t on t.tenant_id = a.tenant_id and a.subject_kind = 'task' and t.id = a.subject_id
    where a.tenant_id = core.current_tenant_id() and a.id = lock_approval.id;
  select * into v_approval from app_public.agent_approvals a
   where a.tenant_id = core.current_tenant_id() and a.id = lock_approval.id for no key update;
  if not found then
    perform core.raise_error('RN330', 'There is no such approval in this tenant.', 'List the approvals that wait for you with approvalsForMe.');
  end if;
  return v_approval;
end
$$;
comment on function runtime.lock_approval is E'@errors RN330\nLocks an approval and the task that waits for it.';

create or replace function runtime.close_approval(
  id uuid, status app_public.approval_status, reason text, is_default_answer boolean default false) returns app_public.agent_approvals
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_approval app_public.agent_approvals;
begin
  update app_public.agent_approvals a
     set status = close_approval.status, decided_at = core.clock(), decision_reason = close_approval.reason,
         is_default_answer = close_approval.is_default_answer
   where a.tenant_id = core.current_tenant_id() and a.id = close_approval.id and a.status = 'pending'
  returning a.* into v_approval;
  return v_approval;
end
$$;
comment on function runtime.close_approval is 'Ends an approval that is pending. Null when it has ended already.';

create or replace function runtime.withdraw_approvals_of(subject_kind text, subject_id uuid, reason text) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  update app_public.agent_approvals a
     set status = 'withdrawn', decided_at = core.clock(), decision_reason = withdraw_approvals_of.reason
   where a.tenant_id = core.current_tenant_id() and a.subject_kind = withdraw_approvals_of.subject_kind
     and a.subject_id = withdraw_approvals_of.subject_id and a.status = 'pending';
$$;
comment on function runtime.withdraw_approvals_of is 'Withdraws the approval for which a subject waits, because its owner does not need it any more.';

call webhooks.define_kind('approval.requested', 'Something waits for the approval of a person.',
  '{"approval_id": "uuid: the approval", "subject_kind": "text: the kind of what waits, such as task or workflow_step", "subject_id": "uuid: what waits", "agent_id": "uuid or null: the agent whose work it is", "cause": "text: agent, policy, cost or request", "cost_usd": "text or null: the expected cost in US dollars, a decimal number", "required_count": "number: how many people must approve", "expires_at": "timestamp: until when they can"}');
call webhooks.define_kind('approval.decided', 'An approval has its answer, by people or because it expired, or was withdrawn.',
  '{"approval_id": "uuid: the approval", "subject_kind": "text: the kind of what waits, such as task or workflow_step", "subject_id": "uuid: what waits", "agent_id": "uuid or null: the agent whose work it is", "status": "text: approved, rejected or withdrawn", "is_default_answer": "boolean: whether nobody decided"}');

create or replace function runtime.tg_agent_approvals__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subject constant jsonb := jsonb_build_object(
    'approval_id', new.id, 'subject_kind', new.subject_kind, 'subject_id', new.subject_id, 'agent_id', new.agent_id);
begin
  if tg_op = 'INSERT' then
    perform webhooks.emit(new.tenant_id, 'approval.requested', new.id, v_subject || jsonb_build_object(
      'cause', new.cause, 'cost_usd', trim_scale(new.cost_usd)::text, 'required_count', new.required_count, 'expires_at', new.expires_at));
  else
    perform webhooks.emit(new.tenant_id, 'approval.decided', new.id, v_subject || jsonb_build_object(
      'status', new.status, 'is_default_answer', new.is_default_answer));
  end if;
  return null;
end
$$;
comment on function runtime.tg_agent_approvals__emit is 'Emits that an approval was requested or has ended.';
create or replace trigger _600_emit_requested after insert on app_public.agent_approvals
  for each row execute function runtime.tg_agent_approvals__emit();
create or replace trigger _600_emit_decided after update of status on app_public.agent_approvals
  for each row when (old.status = 'pending' and new.status <> 'pending') execute function runtime.tg_agent_approvals__emit();
