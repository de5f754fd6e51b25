comment on type app_public.sharing_action is 'What happened to who may use a resource.';
comment on type app_public.received_share is 'Something another tenant shares with this one.';
comment on column app_public.received_share.share_id is 'The grant, for decline_share and accept_share; null for what is shared with a subtree or the platform.';
comment on column app_public.received_share.resource_kind is 'What kind of thing it is.';
comment on column app_public.received_share.resource_id is 'Its id, to read it by.';
comment on column app_public.received_share.resource_name is 'Its name.';
comment on column app_public.received_share.sharing_mode is 'selected, subtree or platform.';
comment on column app_public.received_share.from_tenant_slug is 'The slug of the tenant it belongs to.';
comment on column app_public.received_share.from_tenant_name is 'The name of the tenant it belongs to.';
comment on column app_public.received_share.grantee_user_id is 'The one person it is for, null when it is not so narrow.';
comment on column app_public.received_share.grantee_workspace_id is 'The workspace whose members it is for, null when it is not so narrow.';
comment on column app_public.received_share.shared_at is 'When it was granted.';
comment on column app_public.received_share.expires_at is 'Until when, null without end.';
comment on column app_public.received_share.declined_at is 'When this tenant declined it, null when it did not.';

comment on table app_public.resource_shares is
  E'@behavior -insert -update -delete\nWho beyond this tenant may use which of its resources: another tenant, or one member or workspace of it. share_resource and revoke_share write it; received_shares is the other side.';
comment on column app_public.resource_shares.resource_kind is 'What kind of thing is shared.';
comment on column app_public.resource_shares.resource_id is 'What is shared.';
comment on column app_public.resource_shares.grantee_tenant_id is 'The tenant it is shared with.';
comment on column app_public.resource_shares.grantee_user_id is 'The one member it is shared with, null when it is not so narrow.';
comment on column app_public.resource_shares.grantee_workspace_id is 'The workspace whose members it is shared with, null when it is not so narrow.';
comment on column app_public.resource_shares.expires_at is 'Until when, null without end.';
comment on column app_public.resource_shares.declined_at is 'When the other side declined it, null when it did not.';
comment on column app_public.resource_shares.created_by_user_id is 'Who shared it.';
comment on column app_public.resource_shares.created_at is 'When it was shared.';
comment on column app_public.resource_shares.updated_at is 'When the share last changed.';

comment on table app_public.resource_sharing_audit is
  E'@behavior -insert -update -delete\n@foreignKey (user_id) references app_public.user_profiles (id)\nEvery change of who may use this tenant''s resources, and copies that others made; never changed. can_view_audit.';
comment on column app_public.resource_sharing_audit.occurred_at is 'When it happened.';
comment on column app_public.resource_sharing_audit.action is 'mode_changed, granted, expiry_changed, revoked, declined, accepted or copied.';
comment on column app_public.resource_sharing_audit.user_id is 'Who did it; null when it was the other tenant, or an administrator in psql.';
comment on column app_public.resource_sharing_audit.resource_kind is 'What kind of thing it is.';
comment on column app_public.resource_sharing_audit.resource_id is 'The resource.';
comment on column app_public.resource_sharing_audit.resource_name is 'Its name at that time.';
comment on column app_public.resource_sharing_audit.from_mode is 'The sharing_mode before, for mode_changed.';
comment on column app_public.resource_sharing_audit.to_mode is 'The sharing_mode since, for mode_changed.';
comment on column app_public.resource_sharing_audit.other_tenant_id is 'The tenant of the grant, or the one that made the copy.';
comment on column app_public.resource_sharing_audit.other_tenant_slug is 'Its slug at that time.';
comment on column app_public.resource_sharing_audit.grantee_user_id is 'The one member of the grant, null when it was not so narrow.';
comment on column app_public.resource_sharing_audit.grantee_workspace_id is 'The workspace of the grant, null when it was not so narrow.';
comment on column app_public.resource_sharing_audit.expires_at is 'Until when the grant was to hold.';
