call app_private.secure_tenant_table('app_private.search_postings');
