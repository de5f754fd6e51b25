drop table app_public.compliance_records;
drop table app_public.regulatory_compliance;
drop table app_public.consent_records;
drop table vault.encrypted_api_keys;
drop table vault.data_keys;
drop table governance.secret_uses;
drop table app_public.encrypted_api_keys;
drop schema governance cascade;
drop domain app_public.compliance_status, app_public.consent_source, app_public.lawful_basis, app_public.consent_purpose,
  app_public.secret_provider_type;
