comment on table app_public.tenants is
  E'@behavior -insert -delete\nAn organization with a wall around it: whatever it holds, no other tenant sees. You see the one you act in; my_tenants lists the others you are a member of.';
comment on column app_public.tenants.slug is 'Name for addresses and the x-tenant-id header: lower-case letters, digits and hyphens, at most 63, unique.';
comment on column app_public.tenants.name is 'Name for people, at most 255 characters.';
comment on column app_public.tenants.type is 'platform (the one that runs this installation) or organization.';
comment on column app_public.tenants.status is 'trial, active, inactive (without a subscription), suspended or cancelled. In trial and active it can be changed; otherwise its members read and export. activateTenant, suspendTenant, reactivateTenant and cancelTenant are the steps, tenantStatusHistories their record.';
comment on column app_public.tenants.activated_at is 'When it last became active, null when it never was.';
comment on column app_public.tenants.deactivated_at is 'When it became inactive, null when it is not.';
comment on column app_public.tenants.suspended_at is 'When it was suspended, null when it is not.';
comment on column app_public.tenants.suspension_reason is 'Why it was suspended, for its members to read; null when it is not.';
comment on column app_public.tenants.cancelled_at is 'When it was cancelled, null when it is not.';
comment on column app_public.tenants.cancellation_reason is 'Why it was cancelled, when whoever did it said so';
comment on column app_public.tenants.subscription_tier is 'free, standard, professional or enterprise.';
comment on column app_public.tenants.subscription_status is 'active, inactive, trial, suspended or cancelled.';
comment on column app_public.tenants.trial_ends_at is 'End of the trial, null when there is none.';
comment on column app_public.tenants.subscription_started_at is 'Start of the subscription.';
comment on column app_public.tenants.subscription_ends_at is 'End of the subscription, null when it is open-ended.';
comment on column app_public.tenants.billing_cycle is 'monthly or annual.';
comment on column app_public.tenants.payment_method_id is E'@behavior -*\nThe payment provider''s key of the payment method. Not readable through the API.';
comment on column app_public.tenants.last_payment_at is 'When the last payment arrived.';
comment on column app_public.tenants.next_billing_date is 'When the next invoice is made.';
comment on column app_public.tenants.parent_tenant_id is 'The tenant above it in the hierarchy, null at the top. createSubTenant and moveTenant set it.';
comment on column app_public.tenants.tenant_level is 'Depth in the hierarchy, 0 at the top, at most 9. Kept by the database.';
comment on column app_public.tenants.tenant_path is 'Slugs from the top to it, separated by dots. Kept by the database.';
comment on column app_public.tenants.resource_access_config is 'What it may use, make and share: {shared_resources: {agents, tools, prompts, workflows, rag}, custom_resources: {the same, max_agents, max_rag_storage_gb}, sharing: {can_share_resources, can_receive_shared}}, booleans and limits. Set by platform staff (setTenantEntitlements).';
comment on column app_public.tenants.features is 'Features that are switched on or off against their defaults: an object of booleans. rag_enabled, advanced_rag, expert_panels, workflows, analytics and multi_model are on by default, api_access and white_label off. Set by platform staff (setTenantEntitlements); tenantFeatureEnabled answers with everything considered.';
comment on column app_public.tenants.config is 'Settings: an object. default_model; max_concurrent_chats (1 to 10,000); retention_days (1 to 36,500); allowed_domains (at most 100, lower case); invitation_expiry_days (1 to 30, default 7); store_llm_texts (default false) and llm_text_retention_days (1 to 36,500). search.k1 (0 to 10, default 1.2) and search.b (0 to 1, default 0.75) are BM25''s parameters; search.titleBoost (0 to 100, default 2) is how much a title: word counts; up to search.exactVectorLimit vectors (default 3000) are compared one by one; search.logQueries (hash, text or none; default hash) is what is kept of a question. For members with the permission can_manage_settings. TN402: there is no such setting; TN403: it has another type or range.';
comment on column app_public.tenants.quotas is 'Limits by name, null or missing for none: max_users, max_agents, max_documents, max_api_calls_per_month, max_storage_gb, max_sub_tenants (direct ones). Set by platform staff (setTenantEntitlements).';
comment on column app_public.tenants.domain is 'Custom domain, a host name in lower case, unique. Set by platform staff (setTenantDomain).';
comment on column app_public.tenants.industry is 'Industry, such as Healthcare or Pharma.';
comment on column app_public.tenants.company_size is 'startup, small, medium or enterprise.';
comment on column app_public.tenants.country_code is 'Country, ISO 3166-1 alpha-2, upper case.';
comment on column app_public.tenants.timezone is 'IANA time zone its calendar periods follow, such as Europe/Berlin. TN403: there is none of this name.';
comment on column app_public.tenants.language_code is 'Primary language, a tag such as en or pt-BR.';
comment on column app_public.tenants.hipaa_compliant is 'Whether it works under HIPAA.';
comment on column app_public.tenants.gdpr_compliant is 'Whether it works under the GDPR.';
comment on column app_public.tenants.sox_compliant is 'Whether it works under SOX.';
comment on column app_public.tenants.iso_certified is 'Whether it holds an ISO certification.';
comment on column app_public.tenants.compliance_notes is 'Notes on compliance.';
comment on column app_public.tenants.primary_contact_email is 'E-mail of its first contact, lower case.';
comment on column app_public.tenants.primary_contact_name is 'Name of its first contact.';
comment on column app_public.tenants.primary_contact_phone is 'Telephone number of its first contact.';
comment on column app_public.tenants.support_tier is 'basic, standard or premium.';
comment on column app_public.tenants.account_manager_id is 'The member of the platform''s staff who looks after it.';
comment on column app_public.tenants.last_login_at is 'When one of its members last logged in.';
comment on column app_public.tenants.metadata is 'Anything else, an object of at most 16 KB.';
comment on column app_public.tenants.created_at is 'When it was created.';
comment on column app_public.tenants.updated_at is 'When it last changed.';

comment on table app_public.tenant_status_history is
  E'@behavior -insert -update -delete\nEach step in the life of this tenant. For members with the permission can_view_audit.';
comment on column app_public.tenant_status_history.from_status is 'The status before, null for the first.';
comment on column app_public.tenant_status_history.to_status is 'The status it took.';
comment on column app_public.tenant_status_history.reason is 'Why, for a suspension and, when it was said, a cancellation.';
comment on column app_public.tenant_status_history.changed_by_user_id is 'Who, null for the system.';
comment on column app_public.tenant_status_history.changed_at is 'When.';

comment on table app_public.tenant_config is
  E'@behavior -insert -delete\nHow this tenant is reached by programs; one row a tenant. For members with the permission can_manage_settings.';
comment on column app_public.tenant_config.rate_limit_config is
  'Requests it may make: {per_minute, per_hour, per_day, per_month}, integers from 1, null or missing for no limit of its own. Set by platform staff (setTenantEntitlements).';
comment on column app_public.tenant_config.service_tokens is
  E'@behavior -*\nIts service tokens: {name: {hash (SHA-256), created_at, last_used_at}}. Not readable through the API: serviceTokens lists the names.';
comment on column app_public.tenant_config.allowed_origins is
  'Web origins browsers may call from on its behalf, such as https://app.example.com: at most 50, as browsers send them, no path and no wildcard. Holds within ten seconds; a browser remembers a preflight for ten minutes. 23514: one is not an origin.';
comment on column app_public.tenant_config.features is
  'Features the tenant has switched off for itself: {feature: false}. true takes that back and gives nothing the plan does not. TN402: there is no such feature; TN403: it is not a boolean.';
comment on column app_public.tenant_config.created_at is 'When it was created.';
comment on column app_public.tenant_config.updated_at is 'When it last changed.';

comment on type app_public.tenant_subtree_entry is 'A tenant below the one you act in.';
comment on column app_public.tenant_subtree_entry.slug is 'Its name for the x-tenant-id header.';
comment on column app_public.tenant_subtree_entry.name is 'Its name for people.';
comment on column app_public.tenant_subtree_entry.status is 'trial, active, inactive, suspended or cancelled.';
comment on column app_public.tenant_subtree_entry.parent_tenant_id is 'The tenant directly above it.';
comment on column app_public.tenant_subtree_entry.tenant_level is 'Depth in the hierarchy, 0 at the top.';
comment on column app_public.tenant_subtree_entry.tenant_path is 'Slugs from the top to it, separated by dots.';
comment on type app_public.service_token is 'A token one of the tenant''s services is known by; the token itself was shown once and is not kept.';
comment on column app_public.service_token.name is 'The service, unique in the tenant.';
comment on column app_public.service_token.created_at is 'When it was made.';
comment on column app_public.service_token.last_used_at is 'When it was last used, to the minute, null when it never was.';

comment on table app_private.admin_access_log is 'Each request of platform staff inside a tenant they are not a member of.';
comment on table app_private.analyst_tenants is 'Which analyst''s login may read which tenant''s reporting views.';
