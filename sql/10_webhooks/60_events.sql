-- The events of the domains below: people, shares, documents and quotas. Their kinds, and a trigger on each table that emits.
-- What the data of an event may say: ids, states and numbers, so that the log has no personal data but ids.

call webhooks.define_kind('member.joined', 'A person became an active member of the tenant.',
  '{"user_id": "uuid: the person", "role": "text: the role"}');
call webhooks.define_kind('member.removed', 'A person is no longer an active member of the tenant.',
  '{"user_id": "uuid: the person", "role": "text: the role that the person had"}');
call webhooks.define_kind('invitation.accepted', 'A person accepted an invitation to the tenant.',
  '{"invitation_id": "uuid: the invitation", "user_id": "uuid: the person", "role": "text: the role"}');
call webhooks.define_kind('share.received', 'Another tenant shared a resource with this one, or with a member or a workspace of it.',
  '{"share_id": "uuid: the share", "resource_kind": "text: agent, tool, prompt, workflow or knowledge_source", "resource_id": "uuid: the resource", "from_tenant_id": "uuid: the tenant that shares it", "user_id": "uuid or null: the member it is shared with", "workspace_id": "uuid or null: the workspace it is shared with", "expires_at": "timestamp or null: when the share ends"}');
call webhooks.define_kind('share.revoked', 'A resource that was shared with this tenant no longer is.',
  '{"share_id": "uuid: the share", "resource_kind": "text: agent, tool, prompt, workflow or knowledge_source", "resource_id": "uuid: the resource", "from_tenant_id": "uuid: the tenant that shared it", "user_id": "uuid or null: the member it was shared with", "workspace_id": "uuid or null: the workspace it was shared with", "expires_at": "timestamp or null: when the share would have ended"}');
call webhooks.define_kind('document.processed', 'A document was read, cut and embedded: it can be searched.',
  '{"document_id": "uuid: the document", "source_id": "uuid: its knowledge source", "external_id": "text: its key in the source", "error": "null"}');
call webhooks.define_kind('document.failed', 'A document could not be processed.',
  '{"document_id": "uuid: the document", "source_id": "uuid: its knowledge source", "external_id": "text: its key in the source", "error": "text: why"}');
call webhooks.define_kind('source.synced', 'The comparison of a knowledge source with the place its documents come from has ended.',
  '{"source_id": "uuid: the knowledge source", "run": "number: the number of the comparison", "status": "text: completed or failed", "error": "text or null: why it failed"}');
call webhooks.define_kind('quota.threshold_reached', 'The use of a quota reached one of its thresholds.',
  '{"alert_id": "uuid: the alert", "quota_type": "text: what the quota limits", "quota_scope": "text: tenant, user, agent or api_key", "scope_id": "uuid: whose use it is", "period": "text: none, day, month or billing", "threshold_percentage": "text: the threshold in percent, a decimal number", "quota_limit": "text: the limit, a decimal number", "usage": "text: what was used, a decimal number"}');

create or replace function webhooks.tg_user_tenants__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_member app_public.user_tenants := case tg_op when 'DELETE' then old else new end;
begin
  perform webhooks.emit(v_member.tenant_id, tg_argv[0], v_member.user_id, jsonb_build_object('user_id', v_member.user_id, 'role', v_member.role));
  return null;
end
$$;
comment on function webhooks.tg_user_tenants__emit is 'Emits that a person joined or was removed.';

create or replace function webhooks.tg_invitations__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform webhooks.emit(new.tenant_id, 'invitation.accepted', new.id, jsonb_build_object(
    'invitation_id', new.id, 'user_id', new.accepted_by_user_id, 'role', new.role));
  return null;
end
$$;
comment on function webhooks.tg_invitations__emit is 'Emits that an invitation was accepted.';

create or replace function webhooks.tg_resource_shares__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_share app_public.resource_shares := case tg_op when 'DELETE' then old else new end;
begin
  perform webhooks.emit(v_share.grantee_tenant_id, tg_argv[0], v_share.id, jsonb_build_object(
    'share_id', v_share.id, 'resource_kind', v_share.resource_kind, 'resource_id', v_share.resource_id,
    'from_tenant_id', v_share.tenant_id, 'user_id', v_share.grantee_user_id, 'workspace_id', v_share.grantee_workspace_id,
    'expires_at', v_share.expires_at));
  return null;
end
$$;
comment on function webhooks.tg_resource_shares__emit is 'Emits to the grantee that a share was received or revoked.';

create or replace function webhooks.tg_documents__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform webhooks.emit(new.tenant_id, case new.processing_status when 'failed' then 'document.failed' else 'document.processed' end, new.id,
    jsonb_build_object('document_id', new.id, 'source_id', new.source_id, 'external_id', new.external_id,
      'error', case new.processing_status when 'failed' then new.processing_error end));
  return null;
end
$$;
comment on function webhooks.tg_documents__emit is 'Emits that a document was processed or has failed.';

create or replace function webhooks.tg_knowledge_syncs__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform webhooks.emit(new.tenant_id, 'source.synced', new.source_id, jsonb_build_object(
    'source_id', new.source_id, 'run', new.run, 'status', new.status, 'error', new.error));
  return null;
end
$$;
comment on function webhooks.tg_knowledge_syncs__emit is 'Emits that a sync has ended.';

create or replace function webhooks.tg_quota_alerts__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform webhooks.emit(new.tenant_id, 'quota.threshold_reached', new.scope_id, jsonb_build_object(
    'alert_id', new.id, 'quota_type', new.quota_type, 'quota_scope', new.quota_scope, 'scope_id', new.scope_id, 'period', new.period,
    'threshold_percentage', trim_scale(new.threshold_percentage)::text, 'quota_limit', trim_scale(new.quota_limit)::text,
    'usage', trim_scale(new.usage_at_alert)::text));
  return null;
end
$$;
comment on function webhooks.tg_quota_alerts__emit is 'Emits that a quota reached a threshold.';

create or replace trigger _600_emit_joined after insert on app_public.user_tenants
  for each row when (new.status = 'active') execute function webhooks.tg_user_tenants__emit('member.joined');
create or replace trigger _601_emit_joined after update on app_public.user_tenants
  for each row when (new.status = 'active' and old.status <> 'active') execute function webhooks.tg_user_tenants__emit('member.joined');
create or replace trigger _602_emit_removed after update on app_public.user_tenants
  for each row when (old.status = 'active' and new.status <> 'active') execute function webhooks.tg_user_tenants__emit('member.removed');
create or replace trigger _603_emit_removed after delete on app_public.user_tenants
  for each row when (old.status = 'active') execute function webhooks.tg_user_tenants__emit('member.removed');
create or replace trigger _600_emit_accepted after update on app_public.invitations
  for each row when (new.status = 'accepted' and old.status <> 'accepted') execute function webhooks.tg_invitations__emit();
create or replace trigger _600_emit_received after insert on app_public.resource_shares
  for each row execute function webhooks.tg_resource_shares__emit('share.received');
create or replace trigger _601_emit_revoked after delete on app_public.resource_shares
  for each row execute function webhooks.tg_resource_shares__emit('share.revoked');
create or replace trigger _600_emit_processed after update on app_public.documents
  for each row when (new.processing_status in ('completed', 'failed') and old.processing_status <> new.processing_status)
  execute function webhooks.tg_documents__emit();
create or replace trigger _600_emit_synced after update on app_public.knowledge_syncs
  for each row when (new.status in ('completed', 'failed') and old.status <> new.status)
  execute function webhooks.tg_knowledge_syncs__emit();
create or replace trigger _600_emit_threshold after insert on app_public.quota_alerts
  for each row execute function webhooks.tg_quota_alerts__emit();
